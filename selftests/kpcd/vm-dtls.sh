#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Proves datagrams under kpc.ko (M7, I1, I3, I4, I5): each peer of DTLS is a flow
# that the module binds, marks and shows; nothing else passes at its endpoints; and
# what the module ends, the agents end.
#
#        site a                             site b
#   +-----------------+              +--------------------+
#   | program, kpcd a |- 10.77.0.0 --| kpcd b --- backend |
#   | s_client     .1 |     /24      | .2                 |
#   +-----------------+              +--------------------+

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites.sh"

modprobe kpc 2>"$dir/why" || skip_all "no module kpc: $(head -n 1 "$dir/why")"
plan
datagrams="$(dirname "$0")/dtls.py"
sites_up

write "$dir/keys" <<END
pump@example.org hex:$key
lift@example.org hex:$other
tank@example.org hex:8899aabbccddeeff0011223344556677
END
# pair NAME ROLE WORDS: an association of DTLS.
pair()
{
	echo "association $1 role $2 kpc-id $1@example.org id-a //a.example/cse/C$1" \
		"id-b //b.example/cse profile onem2m versions dtls1.2 offload off" \
		"allow-uid $UID ${*:3}"
}
write "$dir/b.conf" <<END
$(pair pump b listen 10.77.0.2:5684 plain udp:127.0.0.1:5683 start auto)
$(pair lift b listen '*:5685' plain udp:127.0.0.1:5683 start auto suites PSK-AES128-CCM8)
$(pair tank b listen 10.77.0.2:5684 plain udp:127.0.0.1:5683 start auto limit octets 100000)
END
write "$dir/a.conf" <<END
$(pair pump a peer 10.77.0.2:5684 plain udp:127.0.0.1:5681 start auto)
$(pair tank a peer 10.77.0.2:5684 plain udp:127.0.0.1:5682 start demand)
END
nb python3 "$datagrams" echo 127.0.0.1 5683 &
started+=($!)
nb kpc load "$dir/b.conf" --keys "$dir/keys" || exit
na kpc load "$dir/a.conf" --keys "$dir/keys" || exit
# agent SITE
agent()
{
	ip netns exec "site-$1" kpcd --config "$dir/$1.conf" --keys "$dir/keys" --workers 2 \
		--no-pin --source-rate 0 </dev/null >>"$dir/$1.log" 2>&1 &
	pid=$!
	started+=("$pid")
}
agent b
b_pid=$pid
agent a
bound()
{
	ip netns exec "site-$1" ss -Huln "sport = :$2" | grep -q .
}
ok "role a of start auto establishes, and opens its port" within 30 eval \
	'logged a "established NAME=pump .* VERSION=DTLSv1.2" && bound a 5681'
established()
{
	na kpc establish pump | tee /dev/stderr | grep -qE 'DTLSv1.2.*binding [0-9]+'
}
ok "by command too: version, suite and binding are told (M3)" established

# bindings SITE [NAME]: how many there are.
bindings()
{
	ip netns exec "site-$1" kpc -j binding show | jq '[.. | objects |
		select(.association? == "'"${2:-pump}"'" and .cookie?)] | length'
}
# has SITE NAME COUNT
has()
{
	[ "$(bindings "$1" "$2")" = "$3" ]
}
ok "what an establishment has shown is over then" within 10 eval 'has a pump 0 && has b pump 0'
ok "datagrams of every size pass" na python3 "$datagrams" sizes 5681 0 1 15 1200 1400 4000 16384
shown()
{
	nb kpc binding show
	nb kpc binding show | grep -A 12 'of pump' | tr '\n' ' ' |
		grep -qE 'DTLSv1.2, TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256, by the agent.* udp 10.77.0.2:5684 to 10.77.0.1:'
}
ok "binding show has the flow, its version, suite and carrier" shown
mark()
{
	ip netns exec "site-$1" kpc -j association show |
		jq '.. | objects | select(.name? == "pump") | .mark'
}
ip netns exec site-a nft -f - <<END
table inet count {
	counter ours { }
	counter others { }
	chain post {
		type filter hook postrouting priority 0;
		oifname "wire" udp dport 5684 meta mark $(mark a) counter name ours
		oifname "wire" udp dport 5684 meta mark != $(mark a) counter name others
	}
}
END
# counted NAME: datagrams that left with the association's mark, or with another.
counted()
{
	na nft -j list counter inet count "$1" | jq '.nftables[] | .counter? // empty | .packets'
}
ok "bursts come back in order" na python3 "$datagrams" bursts 5681 3
ok "40 programs at once have a flow each" na python3 "$datagrams" many 5681 40 3
ok "as both sites show" eval 'has a pump 42 && has b pump 42'
ok "datagrams wear the association's mark (I1)" eval \
	'counted ours && counted others && [ "$(counted ours)" -gt 120 ] &&
	 [ "$(counted others)" -gt 0 ]'

ok "another program of site a gets nothing to IdB's endpoint (I3)" eval \
	'! na python3 -c "
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(2)
s.connect((\"10.77.0.2\", 5684))
for _ in range(2):
    s.send(bytes(range(60)))
s.recv(100)"'
ok "s_client at an endpoint that site a has not is served" eval \
	'talk hello hello timeout 20 ip netns exec site-a openssl s_client -dtls \
		-connect 10.77.0.2:5685 -psk_identity lift@example.org -psk $other \
		-cipher PSK-AES128-CCM8:@SECLEVEL=0 -quiet -no_ign_eof | grep -qx hello'
ok "and its flow is over with it" within 10 has b lift 0

# one_of SITE: the id of a binding of pump.
one_of()
{
	ip netns exec "site-$1" kpc -j binding show | jq '[.. | objects |
		select(.association? == "pump" and .cookie?) | .id][0]'
}
deleted()
{
	local id

	id=$(one_of b)
	nb kpc binding del "$id" &&
		within 10 logged b "closed NAME=pump .*BINDING=$id .*\"the module has ended its binding"
}
ok "a binding that the operator ends is ended by the agent" deleted
ok "the far end hears of it" within 10 logged a 'closed NAME=pump .*"ended in order'
ok "programs go on with new ones" na python3 "$datagrams" many 5681 3 3
ok "at a limit of octets the module ends a flow, and the agent hears of it" eval \
	'na python3 "$datagrams" lossy 5682 800 lossy 1000;
	 within 10 logged b "closed NAME=tank .*\"the module has ended its binding"'

victim=$(workers "$b_pid" | head -n 1)
before=$(bindings b)
kill -9 "$victim"
ok "with a worker its flows end (I5)" within 10 eval '[ "$(bindings b)" -lt "$before" ]'
ok "the one in its place serves" within 30 na python3 "$datagrams" many 5681 8 2

nb kpc association del pump
ok "when an association is deleted, it has no flow any more (I4)" has b pump 0
before=$(nb cat /proc/net/snmp | awk '/^Udp: [0-9]/ { print $2 }')
ok "and nothing of it is said to the backend" eval \
	'timeout 5 ip netns exec site-a python3 "$datagrams" many 5681 2 1; [ $? != 0 ]'
ok "the agent's log says so" within 5 logged b 'closed NAME=pump .*the association is gone'
kill "$b_pid"
wait "$b_pid"
ok "an agent that ends leaves no binding" eval 'has b lift 0 && has b tank 0'
finish
