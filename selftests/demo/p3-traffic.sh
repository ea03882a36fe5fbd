# SPDX-License-Identifier: GPL-2.0-only
# 3. Real input through the tunnels, compared at the far end (I8).
# shellcheck shell=bash

MESSAGES=200

# Counts through a topic in one direction, and what arrived at the other end.
# The publisher waits for the broker's word to this very subscriber: whoever
# comes later gets nothing of what was said before.
# relay_messages TOPIC SUBSCRIBER BROKER LOG PUBLISHER BROKER
relay_messages()
{
	local topic=$1 subscriber=$2 from=$3 log=$4 publisher=$5 to=$6 got=$run/got-$1

	$subscriber mosquitto_sub -i "$topic-reader" -h "$from" -t "$topic/#" \
		-q 1 -W 60 -C $MESSAGES >"$got" &
	facts="the broker did not take the subscription"
	within 10 has "$log" "Sending SUBACK to $topic-reader\$" || return 1
	seq -f "$topic reading %.0f" $MESSAGES |
		$publisher mosquitto_pub -h "$to" -t "$topic/1" -q 1 -l
	wait $!
	facts="$(wc -l <"$got") of $MESSAGES in order"
	cmp -s "$got" <(seq -f "$topic reading %.0f" $MESSAGES)
}

# One file there and back; sets $facts.
carry_file()
{
	local there here back down up size

	openssl enc -aes-128-ctr -pbkdf2 -pass "pass:$RANDOM" -nosalt </dev/zero \
		2>/dev/null | head -c 256M >"$run/www/big"
	down=$(na "${as_operator[@]}" curl -sS -m 400 --unix-socket "$FILES" \
		-o "$run/operator/big" -w '%{time_total}' http://site-b/big) || return 1
	up=$(na "${as_operator[@]}" curl -sS -m 400 --unix-socket "$FILES" -f \
		-T "$run/operator/big" -w '%{time_total}' http://site-b/upload/big) || return 1
	size=$(stat -c %s "$run/operator/big")
	read -r there here back < <(sums "$run/www/big" "$run/operator/big" \
		"$run/www/upload/big")
	rm -f "$run/www/big" "$run/www/upload/big" "$run/operator/big"
	facts="$size octets down in $down s, up in $up s, SHA-256 sent $there, received $here, back $back"
	[ "$size" = 268435456 ] && [ "$there" = "$here" ] && [ "$here" = "$back" ]
}

# One run of iperf3, its JSON kept. measure NAME ARGUMENT...; sets $facts.
measure()
{
	local json=$out/iperf3-$1.json
	shift

	na "${as_operator[@]}" iperf3 -c 127.0.0.1 -t 1 -J "$@" >"$json"
	facts=$(jq -r '.error // (.end | "\(.sum_sent.bytes) octets sent, " +
		"\(.sum_received.bytes) received, " +
		"\(.sum_received.bits_per_second / 1e6 | round) Mbit/s")' "$json")
	jq -e '.error == null and .end.sum_received.bytes > 0' "$json" >/dev/null
}

point_3()
{
	local facts ok run_of

	relay_messages sensor nb 127.0.0.1 "$run/mosquitto-b.log" nd $DEVICE_GATEWAY
	ok=$?
	check "3. MQTT from the field device to site B's broker" "$facts" test $ok = 0
	relay_messages actuator nd $DEVICE_GATEWAY "$run/mosquitto-a.log" nb 127.0.0.1
	ok=$?
	check "3. MQTT from site B down to the field device" "$facts" test $ok = 0

	carry_file
	ok=$?
	check "3. 256 MiB both ways through nginx and curl" "$facts" test $ok = 0

	for run_of in forward: reverse:-R parallel:-P4; do
		# shellcheck disable=SC2086
		measure "${run_of%%:*}" ${run_of#*:}
		ok=$?
		check "3. iperf3 ${run_of%%:*}" "$facts" test $ok = 0
	done
}
