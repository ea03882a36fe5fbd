#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Proves that DTLS bears a bad path as the kernel makes one (M7, I8): a tenth is
# lost, a tenth comes twice, a quarter out of order, and no more than 576 octets go
# at once. Handshakes are completed, and no datagram comes twice, altered, or from
# nowhere.
#
#        site a                                        site b
#   +------------------+                       +--------------------+
#   | program, kpcd a  |-- netem, MTU 576 -----| kpcd b --- backend |
#   | s_client      .1 |   10.77.0.0/24        | .2                 |
#   +------------------+                       +--------------------+

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites.sh"

modprobe sch_netem 2>/dev/null
[ "$(id -u)" = 0 ] || skip_all "only root makes networks"
plan
datagrams="$(dirname "$0")/dtls.py"
sites_up

# path WORDS: what the wire does to what goes either way.
path()
{
	local site

	for site in a b; do
		ip netns exec site-$site tc qdisc replace dev wire root netem "$@" || return
	done
}
write "$dir/keys" <<END
pump@example.org hex:$key
lift@example.org hex:$other
END
# pair NAME ROLE WORDS: an association of DTLS.
pair()
{
	echo "association $1 role $2 kpc-id $1@example.org id-a //a.example/cse/C$1" \
		"id-b //b.example/cse profile onem2m versions dtls1.2 offload off start demand" \
		"allow-uid $UID ${*:3}"
}
write "$dir/b.table" <<END
$(pair pump b listen 10.77.0.2:5684 plain udp:127.0.0.1:5683)
$(pair lift b listen 10.77.0.2:5684 plain udp:127.0.0.1:5683 suites PSK-AES128-CCM8)
END
write "$dir/a.table" <<END
$(pair pump a peer 10.77.0.2:5684 plain udp:127.0.0.1:5681)
$(pair lift a peer 10.77.0.2:5684 plain udp:127.0.0.1:5682 suites PSK-AES128-CCM8)
END
nb python3 "$datagrams" echo 127.0.0.1 5683 &
started+=($!)
path delay 2ms || skip_all "no netem"
for site in b a; do
	ip netns exec site-$site kpcd --table "$dir/$site.table" --keys "$dir/keys" --workers 2 \
		--no-pin --source-rate 0 </dev/null >>"$dir/$site.log" 2>&1 &
	started+=($!)
done
bound()
{
	ip netns exec "site-$1" ss -Huln "sport = :$2" | grep -q .
}
ok "both agents are there" within 20 eval 'bound b 5684 && bound a 5681 && bound a 5682'

# come PORT PROGRAMS: so many programs, each of which has an answer in the end.
come()
{
	na python3 "$datagrams" insist "$1" "$2"
}
# peer: s_client has its word back; the word itself may be lost.
peer()
{
	na bash -c ". '$(dirname "$0")/lib.sh'; dir=$dir"'
		trap - EXIT
		talk hello hello timeout 20 openssl s_client -dtls -connect 10.77.0.2:5684 \
			-psk_identity pump@example.org -psk "$0" -mtu 548 \
			-cipher PSK-AES128-CCM8:@SECLEVEL=0 -quiet -no_ign_eof |
			grep -qx hello' "$key"
}
# fragments SITE: of IP, that it has sent.
fragments()
{
	ip netns exec "site-$1" nstat -asz IpFragCreates | awk '/^Ip/ { print $2 }'
}
bad="loss 10% duplicate 10% reorder 75% 50% delay 2ms 1ms"

ok "the path loses 10 %: 20 handshakes with an ephemeral key are completed" \
	eval 'path loss 10% delay 2ms && come 5681 20'
ok "and 20 of CCM_8" come 5682 20
ok "and one of s_client" within 60 peer
ok "no datagram comes twice or altered" na python3 "$datagrams" lossy 5681 1000
ok "the path doubles 20 %: no datagram comes twice" \
	eval 'path duplicate 20% delay 1ms && na python3 "$datagrams" lossy 5681 1000 lossless'
ok "half overtake others: no datagram comes twice or altered" \
	eval 'path delay 5ms reorder 50% 50% && na python3 "$datagrams" lossy 5681 1000'

for site in a b; do
	ip -n site-$site link set wire mtu 576
done
path delay 1ms
before=$(fragments a)
ok "with an MTU of 576, handshakes are completed" eval 'come 5681 10 && come 5682 10'
ok "in datagrams that nobody had to cut" [ "$(fragments a)" = "$before" ]
ok "datagrams of every size pass, one by one" na python3 "$datagrams" sizes 5681 \
	0 1 500 547 548 1200 4000 16384
ok "and several at once, none altered" na python3 "$datagrams" lossy 5682 400 lossy 1200
ok "what is longer than the path takes was cut by IP" [ "$(fragments a)" -gt "$before" ]
# shellcheck disable=SC2086
ok "all of that at once: handshakes are completed" eval 'path $bad && come 5681 10 && come 5682 10'
ok "no datagram comes twice or altered" na python3 "$datagrams" lossy 5682 1000
ok "nor one of 1200 octets, in pieces" na python3 "$datagrams" lossy 5681 300 lossy 1200
ok "neither agent has lost a worker" not grep -E 'worker [0-9]+ (was|has) ended|it is ended' \
	"$dir/a.log" "$dir/b.log"
finish
