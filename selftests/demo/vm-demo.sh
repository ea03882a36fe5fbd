#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The main job of kpc, point by point, with real programs on five machines.
#
#    device           site-a                                  site-b
#  +--------+ lan +------------+ wire-a +--------+ wire-b +------------+
#  | sensor |-----| mosquitto  |========|  wire  |========| kpcd       |
#  +--------+     | kpcd, curl |        | bridge |        | mosquitto  |
#                 | iperf3     |        | nft    |        | nginx      |
#                 +------------+        +---++---+        | iperf3     |
#                                           ||            +------------+
#                                   +--------------------+
#                                   | openssl gnutls-cli |
#                                   | mosquitto_pub      | foreign
#                                   +--------------------+
#
# Machines are network namespaces joined by veth; each has its own table of
# associations (I9). ===: TLS-PSK by kernel TLS, bound to an association by
# kpc.ko. The wire's counters and captures know nothing of kpc.
#
# Proves M1-M8, T1, T5, X1, X2, X4, I1, I3-I10, in the words of its checks.

demo=$(cd -- "$(dirname -- "$0")" && pwd -P)
run=/run/demo
out=${KPC_OUT:-$run/out}
FILES=/run/kpc/files.sock
PARTNER=/run/kpc/partner.sock

for part in lib net services p1-provision p2-gateways p3-traffic p4-foreign \
	    p5-wire p6-identity p7-attacks p8-revoke p9-crash p10-datagrams; do
	# shellcheck source=/dev/null
	. "$demo/$part.sh"
done

# How many checks each point makes; one that breaks off is thereby seen.
checks=([1]=5 [2]=6 [3]=6 [4]=5 [5]=7 [6]=5 [7]=12 [8]=5 [9]=8 [10]=8)
points=(
	[1]='Keys and associations are provisioned on both sites'
	[2]='Gateways: services behind B, site A commanded to establish'
	[3]='Real input through the tunnels'
	[4]='Foreign clients and a foreign server'
	[5]='What is on the wire, and who makes the records'
	[6]='Identity of every connection'
	[7]='Attacks'
	[8]='Revocation under load'
	[9]='Crashes'
	[10]='Datagrams: CoAP by DTLS'
)

if [ "$(id -u)" != 0 ] || [ ! -f "${KPC_KO:-}" ]; then
	echo "TAP version 13"
	echo "1..0 # SKIP wants root and the module of this kernel (KPC_KO)"
	exit 4
fi

echo "TAP version 13"
echo "1..$((${checks[*]/%/+}0))"
rm -rf "$run" /etc/netns/site-a /etc/netns/site-b /run/kpc
mkdir -p "$run/operator" "$run/www" "$out" /etc/kpc /run/kpc
chmod 0711 "$run"
chown $OPERATOR "$run/operator"
chown mosquitto "$run"

shown lab modprobe kpc
modprobe kpc || echo "# the module does not load"
make_machines
watch_wire
probe_openssl
for point in "${!points[@]}"; do
	headline "$point ${points[point]}"
	before=$tests
	started=$(now_ms)
	"point_$point"
	say "point $point took $(($(now_ms) - started)) ms"
	while [ $((tests - before)) -lt ${checks[point]} ]; do
		check "$point. a check was not reached" "the point broke off" false
	done
done
unprobe_openssl
cp "$run"/*.log "$out"
take_down
[ $failures = 0 ]
