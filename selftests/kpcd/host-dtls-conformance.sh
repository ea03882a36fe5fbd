#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The conformance case of oneM2M (TS-0013 TD_M2M_SE_01) on TLS 1.2 and on DTLS 1.2
# (M1, M7, T1): KpcId test@onem2m.com, Kpc 123456, which tools of the field read as
# six characters or as three octets.
#
#   s_client of TLS_PSK_WITH_AES_128_CBC_SHA256 === kpcd b --- backend
#   s_client of TLS_PSK_WITH_AES_128_CCM_8 ======/

. "$(dirname "$0")/lib.sh"
plan 10

datagrams="$(dirname "$0")/dtls.py"
back=$(free_port)
python3 "$datagrams" echo 127.0.0.1 "$back" &
started+=($!)
echo_backend "$dir/back"

# stream and datagram KEY: the word comes back.
stream()
{
	client "$port" test@onem2m.com "$1" -tls1_2 -cipher PSK-AES128-CBC-SHA256 | grep -qx hello
}
datagram()
{
	talk hello hello timeout "${2:-10}" openssl s_client -dtls -connect "127.0.0.1:$port" \
		-psk_identity test@onem2m.com -psk "$1" -quiet -no_ign_eof \
		-cipher PSK-AES128-CCM8:@SECLEVEL=0 | grep -qx hello
}

# site ENCODING WORDS: one association, since a KpcId stands once in a table.
site()
{
	local encoding=$1
	shift

	port=$(free_port)
	write "$dir/keys" <<<"test@onem2m.com $encoding:123456"
	write "$dir/table" <<-END
	association test role b kpc-id test@onem2m.com weak-key yes profile onem2m \\
		id-a //onem2m.com/cse/C1 id-b //onem2m.com/in offload off start auto \\
		listen 127.0.0.1:$port $*
	END
	up b --table "$dir/table" --keys "$dir/keys" --workers 1 --no-pin
}
over()
{
	kill "$pid"
	wait "$pid"
}

for encoding in ascii hex; do
	right=313233343536
	wrong=123456
	[ $encoding = ascii ] || { right=123456; wrong=313233343536; }
	site $encoding plain "unix:$dir/back owner $UID"
	ok "TLS, the key as $encoding" stream $right
	ok "of the suite that is asked for" logged b 'VERSION=TLSv1.2 SUITE=TLS_PSK_WITH_AES_128_CBC_SHA256'
	over
	site $encoding versions dtls1.2 plain "udp:127.0.0.1:$back allow-uid $UID"
	ok "DTLS, the key as $encoding" datagram $right
	ok "of the suite that is asked for" logged b 'VERSION=DTLSv1.2 SUITE=TLS_PSK_WITH_AES_128_CCM_8'
	ok "and not in the other reading" not datagram $wrong 2
	over
done
finish
