# SPDX-License-Identifier: GPL-2.0-only
# 4. Programs that know nothing of kpc speak to a gateway by RFC 4279 alone
# (M7, T1, X1).
# shellcheck shell=bash

HELLO='GET /hello HTTP/1.0\r\n\r\n'

# What such a client negotiated, out of what it printed.
negotiated()
{
	sed -nE -e 's/^(New|Reused), (.*), Cipher is (.*)/\2 \3/p' \
		-e 's/^- Description: (.*)/\1/p' "$1" | head -n 1
}

# s_client NAME OPTION...: fetches /hello; what it said goes to a file.
s_client()
{
	local id=$1@site-b.example log=$run/s_client-$1.log
	shift

	# shellcheck disable=SC2059
	printf "$HELLO" | nf timeout 60 openssl s_client -connect $SITE_B:8443 \
		-psk_identity "$id" -psk "${kpc[$id]}" -ign_eof "$@" >"$log" 2>&1
	facts="$(negotiated "$log"), $(grep -c 'hello from site B' "$log") answer"
	has "$log" 'hello from site B'
}

gnutls_client()
{
	local id=gnutls@site-b.example log=$run/gnutls-cli.log

	: >"$log"
	# shellcheck disable=SC2059
	{ printf "$HELLO"; within 10 has "$log" 'hello from site B'; } | nf timeout 60 gnutls-cli --port 8443 \
		--pskusername "$id" --pskkey "${kpc[$id]}" \
		--priority NORMAL:-KX-ALL:+ECDHE-PSK:+DHE-PSK:-VERS-ALL:+VERS-TLS1.3 \
		$SITE_B >"$log" 2>&1
	facts="$(negotiated "$log"), $(grep -c 'hello from site B' "$log") answer"
	has "$log" 'hello from site B'
}

mqtt_client()
{
	local id=mqtt@site-b.example got=$run/got-foreign

	nb mosquitto_sub -h 127.0.0.1 -t foreign -C 1 -W 60 >"$got" &
	within 10 has "$run/mosquitto-b.log" 'foreign \(QoS'
	nf timeout 60 mosquitto_pub -h $SITE_B -p 8883 --tls-version tlsv1.2 \
		--psk-identity "$id" --psk "${kpc[$id]}" -t foreign -m "hello by PSK"
	wait $!
	facts="TLSv1.2, '$(cat "$got")' arrived"
	has "$got" '^hello by PSK$'
}

# A foreign server; role a of ours goes to it. serve_and_fetch OPTION
serve_and_fetch()
{
	local id=partner@site-f.example server sum log=$run/s_server$1.log

	mkdir -p "$run/foreign"
	head -c 4M /dev/urandom >"$run/foreign/data"
	(cd "$run/foreign" && nf openssl s_server -accept 4433 -nocert "$1" \
		-psk_identity "$id" -psk "${kpc[$id]}" -WWW >"$log" 2>&1) &
	within 10 listening foreign 4433
	sum=$(na "${as_operator[@]}" curl -sS -m 20 --http0.9 --unix-socket "$PARTNER" \
		http://partner/data | sha)
	server=$(at foreign ss -Htlnp 'sport = :4433' | sed -nE 's/.*pid=([0-9]+).*/\1/p')
	facts="$(grep 'of partner added' "$out/monitor-site-a.log" | tail -n 1 |
		grep -oE 'TLSv1.., TLS[A-Z0-9_]*'), 4 MiB fetched, SHA-256 $sum"
	kill "$server"
	[ "$sum" = "$(sha "$run/foreign/data")" ]
}

point_4()
{
	local facts ok

	s_client tls12 -tls1_2 -cipher PSK:@SECLEVEL=2
	ok=$?
	check "4. openssl s_client -psk with TLS 1.2" "$facts" test $ok = 0
	s_client tls13 -tls1_3
	ok=$?
	check "4. openssl s_client -psk with TLS 1.3" "$facts" test $ok = 0
	gnutls_client
	ok=$?
	check "4. gnutls-cli --pskusername with TLS 1.3" "$facts" test $ok = 0
	mqtt_client
	ok=$?
	check "4. mosquitto_pub --psk with TLS 1.2" "$facts" test $ok = 0
	serve_and_fetch -tls1_3
	ok=$?
	check "4. role a against openssl s_server -psk, TLS 1.3" "$facts" test $ok = 0
}
