# SPDX-License-Identifier: GPL-2.0-only
# 6. Who is at the other end of a socket, on both sites, and that nft sees the
# same by the mark (M8).
# shellcheck shell=bash

# What a binding must say of itself, in a role, towards a peer, with a mark.
shows_binding()
{
	jq -e --arg role "$2" --arg peer "$3" --argjson mark "$(($4))" '
		.association == "telemetry" and
		.kpc_id == "telemetry@site-b.example" and
		.id_a == "//site-a.example/mn" and .id_b == "//site-b.example/in" and
		.role == $role and .mark == $mark and .version == "TLSv1.3" and
		(.suite | startswith("TLS_")) and .carrier == "kernel" and
		.remote.address == $peer and .remote.port > 0 and
		.age_ms > 0 and .tx_octets > 0 and .rx_octets > 0' <<<"$1"
}

# Octets sent of all bindings of an association on a site.
tx_octets()
{
	bindings "$1" "$2" | jq 'map(.tx_octets) | add'
}

# TCP payload that nft has counted by mark: octets less one header of 20 + 32
# (timestamps) for every packet.
nft_payload()
{
	local packets octets

	read -r packets octets < <(mark_count "$1" "$2")
	echo $((octets - 52 * packets))
}

# What TCP had to send again on a site: octets, then segments, one a line.
sent_again()
{
	at "$1" ss -tinH '( sport = :8883 or dport = :8883 )' | awk '{
		for (i = 1; i <= NF; i++) {
			if (split($i, part, /[:\/]/) < 2)
				continue
			if (part[1] == "bytes_retrans")
				octets += part[2]
			if (part[1] == "retrans")
				segments += part[3]
		}
	} END { print octets + 0; print segments + 0 }'
}

# All counters of both sites, one a line: nft, kpc, sent again.
counters()
{
	local site

	for site in site-a site-b; do
		nft_payload $site telemetry_out
		tx_octets $site telemetry
		sent_again $site
	done
}

# Whether the two counts agree: kpc counts each octet once, nft each time it is
# sent; and for each segment that the peer sends again nft may count 12 octets
# more, the option that says it had come before.
agree()
{
	local more=$(($1 - $2 - $3))

	[ "$2" -gt 0 ] && [ $more -ge 0 ] && [ $more -le $((12 * $4)) ]
}

# The bindings of both sites that are counted.
binding_ids()
{
	bindings site-a telemetry | jq -c 'map(.id)'
	bindings site-b telemetry | jq -c 'map(.id)'
}

# The counters of both stand still.
settled()
{
	local before

	before="$(tx_octets site-a telemetry) $(tx_octets site-b telemetry)"
	sleep 0.5
	[ "$before" = "$(tx_octets site-a telemetry) $(tx_octets site-b telemetry)" ]
}

# What kpc -j prints against its schema, on a site.
follows_schema()
{
	at site-b "$demo/conforms.py" "$KPC_TREE/Documentation/schema/kpc.schema.json" \
		"$out/monitor-site-b.json" show 'association show' \
		'association get -- telemetry' 'binding show' 'endpoint show' \
		'session show' 'agent show' 'config show' stats 'key check' \
		doctor version 'version suites'
}

point_6()
{
	local site role peer binding mark facts ok counters_before there try
	local a_nft a_kpc a_again a_segments b_nft b_kpc b_again b_segments

	for site in site-a:a:$SITE_B site-b:b:$SITE_A; do
		IFS=: read -r site role peer <<<"$site"
		# That of the broker; one that was opened ahead may be there too.
		binding=$(bindings $site telemetry | jq 'max_by(.tx_octets)')
		mark=$(mark_of $site telemetry)
		check "6. kpc binding show on $site names association, identities, mark, suite, carrier, peer, age, octets" \
			"$(jq -r '"\(.association) \(.kpc_id), \(.id_a) to \(.id_b), role \(.role), " +
				"\(.version) \(.suite) by the \(.carrier), " +
				"\(.remote.address):\(.remote.port), \(.age_ms) ms, " +
				"\(.tx_octets) out, \(.rx_octets) in"' <<<"$binding"), mark $mark" \
			shows_binding "$binding" $role $peer "$mark"
		watch_mark $site telemetry "$mark"
	done

	# A broker ends one that was opened ahead and says nothing, which kpc shows no
	# more and nft has counted: then both are counted again.
	for try in 1 2 3; do
		within 5 settled
		there=$(binding_ids)
		counters_before=$(counters)
		say "1000 messages each way"
		seq 1000 | nd mosquitto_pub -h $DEVICE_GATEWAY -t sensor/count -q 1 -l
		seq 1000 | nb mosquitto_pub -h 127.0.0.1 -t actuator/count -q 1 -l
		within 5 settled
		[ "$there" != "$(binding_ids)" ] || break
		say "bindings came or went at try $try"
	done
	read -r a_nft a_kpc a_again a_segments b_nft b_kpc b_again b_segments < <(
		paste <(echo "$counters_before") <(counters) |
		awk '{ printf "%d ", $2 - $1 } END { print "" }')

	check "6. nft by 'meta mark' on site-a counts what kpc counts" \
		"$a_nft octets of payload by nft, $a_again of them sent again; $a_kpc by kpc" \
		agree "$a_nft" "$a_kpc" "$a_again" "$b_segments"
	check "6. nft by 'meta mark' on site-b counts what kpc counts" \
		"$b_nft octets of payload by nft, $b_again of them sent again; $b_kpc by kpc" \
		agree "$b_nft" "$b_kpc" "$b_again" "$a_segments"

	facts=$(follows_schema)
	ok=$?
	check "6. what kpc -j prints follows its schema" "$facts" test $ok = 0
}
