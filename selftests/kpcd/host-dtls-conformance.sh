#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The conformance case of oneM2M (TS-0013 TD_M2M_SE_01) on DTLS 1.2 (M1, M7, T1), as
# host-conformance.sh has it on TLS: KpcId test@onem2m.com, Kpc 123456, which tools
# of the field read as six characters or as three octets.
#
#   s_client of TLS_PSK_WITH_AES_128_CCM_8 === kpcd b --- backend

. "$(dirname "$0")/lib.sh"
plan 6

datagrams="$(dirname "$0")/dtls.py"
back=$(free_port)
python3 "$datagrams" echo 127.0.0.1 "$back" &
started+=($!)

# datagram KEY [SECONDS]: the word comes back.
datagram()
{
	talk hello hello timeout "${2:-10}" openssl s_client -dtls -connect "127.0.0.1:$port" \
		-psk_identity test@onem2m.com -psk "$1" -quiet -no_ign_eof \
		-cipher PSK-AES128-CCM8:@SECLEVEL=0 | grep -qx hello
}

for encoding in ascii hex; do
	right=313233343536
	wrong=123456
	[ $encoding = ascii ] || { right=123456; wrong=313233343536; }
	port=$(free_port)
	write "$dir/keys" <<<"test@onem2m.com $encoding:123456"
	write "$dir/table" <<-END
	association test role b kpc-id test@onem2m.com weak-key yes profile onem2m \\
		id-a //onem2m.com/cse/C1 id-b //onem2m.com/in offload off start auto \\
		versions dtls1.2 plain udp:127.0.0.1:$back allow-uid $UID \\
		listen 127.0.0.1:$port
	END
	up b --table "$dir/table" --keys "$dir/keys" --workers 1 --no-pin
	ok "DTLS, the key as $encoding" datagram $right
	ok "of the suite that is asked for" logged b \
		'VERSION=DTLSv1.2 SUITE=TLS_PSK_WITH_AES_128_CCM_8'
	ok "and not in the other reading" not datagram $wrong 2
	kill "$pid"
	wait "$pid"
done
finish
