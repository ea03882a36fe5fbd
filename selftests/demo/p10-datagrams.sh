# SPDX-License-Identifier: GPL-2.0-only
# 10. CoAP clients read and write a resource behind site B by DTLS-PSK: one of site
# A, which knows of no DTLS, and a foreign one that has its own (M7, M8, I3).
# shellcheck shell=bash

# Provisions an association of datagrams: on site B, and where $2 is given on site A.
provision_coap()
{
	local name=$1 key=$2
	shift 2

	hide_key "$key" "$name@site-b.example"
	nb kpc provision --save "$name" role b kpc-id "$name@site-b.example" \
		id-a "//site-a.example/mn/C$name" id-b //site-b.example/in \
		profile onem2m versions dtls1.2 offload off \
		listen $SITE_B:5684 plain udp:127.0.0.1:683 allow-uid root \
		start auto <<<"ascii:$key" || return
	[ $# = 0 ] || na kpc provision --save "$name" role a kpc-id "$name@site-b.example" \
		id-a "//site-a.example/mn/C$name" id-b //site-b.example/in \
		profile onem2m versions dtls1.2 offload off \
		peer $SITE_B:5684 "$@" start auto <<<"ascii:$key"
}

# takes_datagrams SITE PORT
takes_datagrams()
{
	[ -n "$(at "$1" ss -Huln "sport = :$2")" ]
}

# What a binding of datagrams must say of itself, in a role, towards a peer.
shows_flow()
{
	jq -e --arg role "$2" --arg peer "$3" '
		.protocol == "udp" and .version == "DTLSv1.2" and .carrier == "agent" and
		.role == $role and .id_a == "//site-a.example/mn/Ccoap" and
		.remote.address == $peer and .tx_packets > 0 and .rx_packets > 0' <<<"$1"
}

point_10()
{
	local reply status coap meter site role peer binding own

	# libcoap's sockets have SO_REUSEADDR, by which other users may have their ports
	# too: the server's is one that they may not have, and who is a client is open.
	shown site-b coap-server-notls -A 127.0.0.1 -p 683 '&'
	ip netns exec site-b coap-server-notls -A 127.0.0.1 -p 683 -d 10 \
		>"$run/coap-server.log" 2>&1 &
	disown
	within 10 takes_datagrams site-b 683
	# What point 8 took out of the table, and not out of the file, is back.
	na kpc sync
	coap=$(openssl rand -hex 16)
	meter=$(openssl rand -hex 16)
	reply=$(provision_coap coap "$coap" plain udp:127.0.0.1:5683 allow-uid any &&
	       provision_coap meter "$meter" 2>&1)
	status=$?
	check "10. two associations of versions dtls1.2 are provisioned" \
		"site B: $(association_names site-b)" test $status = 0
	within 20 takes_datagrams site-a 5683
	reply=$(na kpc establish coap 2>&1)
	status=$?
	check "10. kpc establish: DTLS 1.2 (M3)" "${reply//$'\n'/; }" \
		eval '[ $status = 0 ] && [[ "$reply" = *DTLSv1.2* ]]'

	na "${as_operator[@]}" coap-client-notls -m put -e 21.5 coap://127.0.0.1/temperature
	reply=$(na "${as_operator[@]}" coap-client-notls -m get coap://127.0.0.1/temperature)
	check "10. site A's operator writes a resource behind site B, and reads it" \
		"temperature $reply" eval '[[ "$reply" = *21.5* ]]'
	for site in site-a:a:$SITE_B site-b:b:$SITE_A; do
		IFS=: read -r site role peer <<<"$site"
		binding=$(bindings $site coap | jq 'max_by(.tx_packets)')
		check "10. kpc binding show on $site has the flow" \
			"$(jq -r '"\(.id_a) to \(.id_b), \(.version) \(.suite) by the \(.carrier), " +
				"\(.remote.address):\(.remote.port), \(.tx_packets) datagrams out, " +
				"\(.rx_packets) in"' <<<"$binding")" \
			shows_flow "$binding" $role $peer
	done

	reply=$(nf coap-client-openssl -u meter@site-b.example -k "$meter" \
		coaps://$SITE_B/temperature)
	check "10. a foreign client of libcoap reads it by its own DTLS" \
		"temperature $reply" eval '[[ "$reply" = *21.5* ]]'
	nf coap-client-openssl -B 3 -u meter@site-b.example -k "$coap" \
		-m put -e 99 coaps://$SITE_B/temperature 2>/dev/null
	reply=$(na "${as_operator[@]}" coap-client-notls -m get coap://127.0.0.1/temperature)
	check "10. with another Kpc it changes nothing" "temperature $reply" \
		eval '[[ "$reply" = *21.5* ]]'
	own=$(na coap-client-notls -B 3 -m get coap://$SITE_B:5684/temperature 2>&1)
	check "10. site A's other programs get no datagram to B's endpoint (I3)" \
		"${own//$'\n'/; }" eval '[[ "$own" != *21.5* ]]'
}
