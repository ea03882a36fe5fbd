#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Does what README and Documentation/gateway.rst tell an operator to do, in the
# same words where they are commands, and looks whether it has the effect told.
#
#    site-a (role a)                  wire                  site-b (role b)
#  +------------------+         +---------------+         +------------------+
#  | mosquitto_pub    | wire-a  | bridge        | wire-b  | kpcd             |
#  | kpcd             |=========| nft counters  |=========| mosquitto        |
#  +------------------+         +---------------+         +------------------+
#
# Proves M5, X2, X3, I3, I5 as an operator meets them, and the rule that the
# threat model gives against packet sockets.

demo=$(cd -- "$(dirname -- "$0")" && pwd -P)
run=/run/demo
out=${KPC_OUT:-$run/out}
LOCAL=/run/kpc/telemetry.sock

for part in lib net services; do
	# shellcheck source=/dev/null
	. "$demo/$part.sh"
done

# The user that README and guide name.
OPERATOR=www-data
as_operator=(setpriv --reuid=$OPERATOR --regid=$OPERATOR --clear-groups --bounding-set=-all)

if [ "$(id -u)" != 0 ] || [ ! -f "${KPC_KO:-}" ]; then
	echo "TAP version 13"
	echo "1..0 # SKIP wants root and the module of this kernel (KPC_KO)"
	exit 4
fi

# A message from site A's programs to site B's broker; sets $facts.
message()
{
	local got=$run/got reader

	messages=$((messages + 1))
	reader=guide-reader-$messages
	at site-b mosquitto_sub -i $reader -h 127.0.0.1 -t guide -C 1 \
		-W "${2:-5}" >"$got" &
	facts="the broker did not take the subscription"
	within 10 has "$run/mosquitto-b.log" "Sending SUBACK to $reader\$" || return 1
	facts="nothing arrived"
	na "${as_operator[@]}" mosquitto_pub --unix $LOCAL -t guide -m "$1" 2>&1
	wait $!
	[ -s "$got" ] && facts="'$(cat "$got")' arrived"
	[ "$(cat "$got")" = "$1" ]
}

# A connection that stays up, as a broker's does, until $subscriber is killed:
# the program itself, not a shell that waits for it.
stay_connected()
{
	ip netns exec site-a "${as_operator[@]}" mosquitto_sub --unix $LOCAL -t stay &
	subscriber=$!
	within 10 eval '[ "$(binding_count site-a '"${1:-telemetry}"')" -ge 1 ]'
}

# Whether plain TCP from site A gets to site B's port, seen on the wire.
closed()
{
	local before

	before=$(wire_count protected_syn)
	! at site-a timeout 3 bash -c ": </dev/tcp/$SITE_B/8883" 2>/dev/null &&
		[ "$(wire_count protected_syn)" = "$before" ]
}

set_up()
{
	local ok

	na kpc version
	nb kpc provision --generate --save telemetry role b \
		kpc-id telemetry@site-b.example \
		id-a //site-a.example/mn id-b //site-b.example/in \
		listen $SITE_B:8883 \
		plain tcp:127.0.0.1:1883 allow-uid mosquitto start auto
	ok=$?
	sed -n 's/^telemetry@site-b.example //p' /etc/netns/site-b/kpc/keys |
	na kpc provision --save telemetry role a \
		kpc-id telemetry@site-b.example \
		id-a //site-a.example/mn id-b //site-b.example/in \
		peer $SITE_B:8883 \
		plain unix:$LOCAL owner $OPERATOR start auto
	ok+=$?
	check "README: provision on both sites, the key by a pipe (M5)" \
		"$(grep -c . /etc/netns/site-a/kpc/keys) key on A" test $ok = 00
	start_agent site-b
	start_agent site-a
	within 20 test -S $LOCAL
	message hello
	check "README: mosquitto_pub at the local socket reaches B's broker" \
		"$facts" test "$facts" = "'hello' arrived"
	facts=$(na kpc doctor 2>&1)
	check "README: kpc doctor finds nothing missing" \
		"$(grep -c '^ok' <<<"$facts") ok; $(grep -v '^ok' <<<"$facts" | xargs)" \
		at site-a kpc doctor
}

loading()
{
	local before status

	stay_connected
	before=$(bindings site-a | jq -c 'map(.id)')
	cat >>/etc/netns/site-a/kpc/kpc.conf <<-END
	association other role a kpc-id other@site-b.example \\
		id-a //site-a.example/mn/Cother id-b //site-b.example/in \\
		peer $SITE_B:8884
	END
	facts=$(na kpc sync 2>&1)
	status=$?
	check "guide: kpc sync adds an association and leaves the live one alone (X3)" \
		"$facts; bindings $before before, $(bindings site-a | jq -c 'map(.id)') after" \
		eval '[ $status = 0 ] && [ "$before" != "[]" ] &&
			at site-a kpc association get other &&
			bindings site-a | jq -e --argjson b "$before" "\$b - map(.id) == []"'
	facts=$(na kpc load - </dev/null 2>&1)
	check "guide: kpc load of an empty table is refused while it would end bindings" \
		"$facts" eval '[ -n "$(at site-a kpc association get telemetry)" ] &&
			! at site-a kpc load - </dev/null 2>/dev/null'
	na kpc load --force --confirm 2 - </dev/null
	facts="$(at site-a kpc -j association show | jq length) associations at once"
	within 6 at site-a kpc association get telemetry
	facts+=", $(at site-a kpc -j association show | jq length) after 2 s"
	check "guide: --confirm: unconfirmed, the table of before comes back" "$facts" \
		test "$facts" = "0 associations at once, 2 after 2 s"
	sed -i '/^association other/,$d' /etc/netns/site-a/kpc/kpc.conf
	na kpc sync --confirm 2
	na kpc confirm
	sleep 3
	check "guide: confirmed, it stays" \
		"$(at site-a kpc -j association show | jq -c 'map(.name)')" \
		test "$(at site-a kpc -j association show | jq -c 'map(.name)')" = '["telemetry"]'
	kill $subscriber 2>/dev/null
	na kpc save "$out/saved.conf"
	na kpc sync "$out/saved.conf"
	check "guide: what kpc save wrote loads again" \
		"$(grep -c . "$out/saved.conf") lines" \
		at site-a kpc load --force "$out/saved.conf"
}

# Packets that a counter of the table below has seen.
counted()
{
	at site-a nft -j list counter inet by_entity "$1" |
		jq '.nftables[] | .counter? // empty | .packets'
}

rules_by_identity()
{
	local mark

	mark=$(mark_of site-a telemetry)
	na ip rule add fwmark "$mark" table 100
	na ip route add "$SITE_B" dev wire-a realm 7 table 100
	at site-a nft -f - <<-END
	table inet by_entity {
		counter sent { }
		counter routed { }
		counter came { }
		chain out {
			type filter hook output priority 0;
			meta mark $mark counter name sent
			meta mark $mark meta rtclassid 7 counter name routed
			meta mark $mark limit rate over 10 mbytes/second drop
			meta mark & 0xff000000 == 0x6b000000 ct mark set meta mark
		}
		chain in {
			type filter hook input priority 0;
			socket mark $mark counter
			ct mark $mark counter name came
		}
	}
	END
	na tc qdisc add dev wire-a root handle 1: prio
	na tc filter add dev wire-a parent 1: handle "$mark" fw flowid 1:3
	within 20 test -S $LOCAL
	message by-mark 20
	check "guide: nft by mark counts what the association sends" \
		"$facts, $(at site-a nft list counter inet by_entity sent | grep -o 'packets.*')" \
		eval '[[ "$facts" = *by-mark* ]] && at site-a nft list counter inet by_entity sent | grep -q "packets [1-9]"'
	check "guide: tc by mark has sent it through the band told" \
		"$(at site-a tc -s class show dev wire-a classid 1:3 | grep -o 'Sent.*')" \
		eval 'at site-a tc -s class show dev wire-a classid 1:3 | grep -q "Sent [1-9]"'
	check "guide: routing by mark has sent it by the table told, and nothing else" \
		"$(counted sent) of the mark, $(counted routed) by the table" \
		within 5 eval '[ "$(counted routed)" -gt 0 ] && [ "$(counted routed)" = "$(counted sent)" ]'
	check "guide: the connection keeps the mark, and what comes in has it" \
		"$(counted came) came, $(at site-a conntrack -L --mark "$mark" 2>/dev/null | wc -l) connections" \
		eval '[ "$(counted came)" -gt 0 ] &&
			at site-a conntrack -L --mark '"$mark"' -p tcp 2>/dev/null | grep -q dport=8883'
	at site-a tc qdisc del dev wire-a root
	at site-a nft delete table inet by_entity
}

# The threat model's rule, against its attacker: frames from a packet socket.
packet_socket()
{
	local before bare ruled

	before=$(wire_count protected_syn)
	na "$demo/frame.py" wire-a "${mac[$SITE_B]}" $SITE_A $SITE_B 8883 3
	bare=$(($(wire_count protected_syn) - before))
	at site-a nft -f - <<-END
	table netdev kpc_egress {
		chain egress {
			type filter hook egress device "wire-a" priority 0; policy accept;
			tcp sport 8883 meta mark & 0xff000000 != 0x6b000000 drop
			tcp dport 8883 meta mark & 0xff000000 != 0x6b000000 drop
		}
	}
	END
	before=$(wire_count protected_syn)
	na "$demo/frame.py" wire-a "${mac[$SITE_B]}" $SITE_A $SITE_B 8883 3
	ruled=$(($(wire_count protected_syn) - before))
	message past-the-rule 10
	check "threat model: the egress rule stops frames of packet sockets, and nothing else" \
		"frames on the wire: $bare without, $ruled with it; $facts" \
		test "$bare $ruled $facts" = "3 0 'past-the-rule' arrived"
	at site-a nft delete table netdev kpc_egress
}

upgrade()
{
	local steps=''

	na kpc save --nft "$out/boot.nft"
	na nft -f "$out/boot.nft"
	closed && steps+=ruled,
	na kill "${agent[site-a]}"
	gone 20 "${agent[site-a]}"
	na kpc load --force - </dev/null
	closed && steps+=emptied,
	# The other site has the same kernel here, so it steps aside as well.
	kill "${agent[site-b]}"
	gone 20 "${agent[site-b]}"
	at site-b kpc load --force - </dev/null >/dev/null
	shown lab 'until rmmod kpc; do sleep 1; done'
	within 10 rmmod kpc
	[ -d /sys/module/kpc ] || steps+=unloaded,
	closed && steps+=closed,
	shown lab modprobe kpc
	modprobe kpc && steps+=loaded,
	na kpc sync
	at site-b kpc sync >/dev/null
	start_agent site-b
	start_agent site-a
	within 20 eval "at site-a kpc endpoint | grep -qF $SITE_B"
	na kpc endpoint
	na nft delete table inet kpc_boot
	na kpc establish telemetry
	within 20 test -S $LOCAL
	closed && steps+=guarded,
	message upgraded 20
	check "guide: the module is exchanged behind kpc save --nft, closed all the while (I3, I5)" \
		"$steps $facts" \
		test "$steps $facts" = "ruled,emptied,unloaded,closed,loaded,guarded, 'upgraded' arrived"
}

rotation()
{
	local before conf=/etc/netns/site-a/kpc/kpc.conf

	before="$(mark_of site-a telemetry)"
	nb kpc provision --generate --save telemetry-2 role b \
		kpc-id telemetry-2@site-b.example \
		id-a //site-a.example/mn id-b //site-b.example/in \
		listen $SITE_B:8883 \
		plain tcp:127.0.0.1:1883 allow-uid mosquitto start auto
	(umask 077 && grep '^telemetry-2@' /etc/netns/site-b/kpc/keys \
		>>/etc/netns/site-a/kpc/keys)
	sed -i 's/^association telemetry /association telemetry-2 /
		s/telemetry@site-b/telemetry-2@site-b/' $conf
	na kill -HUP "${agent[site-a]}"
	within 20 eval '[ "$(at site-a kpc -j association show | jq -r ".[].name")" = telemetry-2 ]'
	nb kpc association del telemetry
	within 20 test -S $LOCAL
	message rotated 20
	check "guide: rotation: a new key for the same two, the same mark (X3)" \
		"mark $before, then $(mark_of site-a telemetry-2); $facts" \
		test "$before $facts" = "$(mark_of site-a telemetry-2) 'rotated' arrived"
}

ending()
{
	stay_connected telemetry-2
	facts=$(na kpc close telemetry-2)
	check "guide: kpc close ends bindings and local socket, and protection stays" \
		"$facts; bindings $(binding_count site-a)" \
		eval '[ "$(binding_count site-a)" = 0 ] && [ ! -S $LOCAL ] && closed'
	facts=$(na kpc association del telemetry-2)
	check "guide: kpc association del says how many ended and how long it took (X2)" \
		"$facts" grep -qE 'ended.* took [0-9.]+ ms' <<<"$facts"
	kill "$subscriber" 2>/dev/null
}

echo "TAP version 13"
planned=17
echo "1..$planned"
rm -rf "$run" /etc/netns/site-a /etc/netns/site-b /run/kpc
mkdir -p "$run/operator" "$out" /etc/kpc /run/kpc /etc/netns/site-a/kpc /etc/netns/site-b/kpc
chown mosquitto "$run"
modprobe kpc
make_machines
watch_wire
shown site-b mosquitto -c "$demo/conf/mosquitto-b.conf" '&'
ip netns exec site-b mosquitto -c "$demo/conf/mosquitto-b.conf" &
disown
within 10 listening site-b 1883
set_up
loading
rules_by_identity
packet_socket
upgrade
rotation
ending
cp "$run"/*.log "$out"
take_down
[ $failures = 0 ] && [ $tests = $planned ]
