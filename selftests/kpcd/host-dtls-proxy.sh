#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Proves that a backend of datagrams learns from the PROXY protocol who has sent
# each of them (M8): the far end cannot say otherwise, and, with the rule of
# Documentation/gateway.rst, nor can another local user.
#
#   program --- kpcd a === kpcd b --- backend
#              s_client ===/         /
#                 another local user/

. "$(dirname "$0")/lib.sh"
plan

here=$(dirname "$0")
datagrams="$here/dtls.py"
b=$(free_port)
back=$(free_port)
front=$(free_port)
write "$dir/keys" <<END
pump@example.org hex:$key
lift@example.org hex:$other
END
# pair NAME ROLE WORDS: an association of DTLS.
pair()
{
	echo "association $1 role $2 kpc-id $1@example.org id-a //a.example/cse/C$1" \
		"id-b //b.example/cse profile onem2m versions dtls1.2 offload off start auto" \
		"${@:3}"
}
write "$dir/b.table" <<END
$(pair pump b "listen *:$b plain udp:127.0.0.1:$back allow-uid $UID proxy yes")
$(pair lift b "listen *:$b plain udp:127.0.0.1:$back allow-uid $UID proxy yes")
END
write "$dir/a.table" <<END
$(pair pump a "peer 127.0.0.1:$b plain udp:127.0.0.1:$front allow-uid $UID")
END
python3 "$datagrams" introduced 127.0.0.1 "$back" "$dir/heard" &
started+=($!)
within 5 bound "$back"
up b --table "$dir/b.table" --keys "$dir/keys" --workers 2 --no-pin
up a --table "$dir/a.table" --keys "$dir/keys" --workers 1 --no-pin

# peer NAME KEY ADDRESS: s_client has its word echoed.
peer()
{
	talk "$1-word" "$1-word" timeout 10 openssl s_client -dtls -connect "$3:$b" \
		-psk_identity "$1@example.org" -psk "$2" -cipher PSK-AES128-CCM8:@SECLEVEL=0 \
		-quiet -no_ign_eof | grep -qx "$1-word"
}
# heard LINE: the backend has written such a one.
heard()
{
	tail -n 3 "$dir/heard"
	grep -qE -- "^$1\$" "$dir/heard"
}
octets()
{
	printf '%s' "$*" | od -An -v -tx1 | tr -d ' \n'
}
# said NAME [ADDRESS [SUITE]]: the start of a line about it.
said()
{
	local at=${2:-127.0.0.1} suite=${3:-TLS_PSK_WITH_AES_128_CCM_8}

	echo "$at [0-9]+ $at $b $1@example.org //a.example/cse/C$1 //b.example/cse" \
		"DTLSv1.2 $suite //a.example/cse/C$1 [0-9a-f]{48}"
}
ok "s_client has its word back" peer pump $key 127.0.0.1
ok "and its backend was told address, KpcId, IdA, IdB, version and suite" \
	heard "$(said pump) $(octets pump-word)0a"
ok "another entity at the same backend" peer lift $other 127.0.0.1
ok "is another" heard "$(said lift) $(octets lift-word)0a"
if [ -f /proc/net/if_inet6 ] && grep -q ' lo$' /proc/net/if_inet6; then
	ok "one of IPv6 has its word back" peer pump $key '[::1]'
	ok "and is told of by its address" heard "$(said pump ::1) $(octets pump-word)0a"
else
	skip "one of IPv6 has its word back" "IPv6 is switched off"
	skip "and is told of by its address" "IPv6 is switched off"
fi

within 10 bound "$front"
: >"$dir/heard"
ok "datagrams of every size pass behind it, and come back without" \
	python3 "$datagrams" sizes "$front" 0 1 15 100 1200 1472 9000 16384
told()
{
	[ "$(grep -c "${1:-.}" "$dir/heard")" = "$2" ] &&
		[ "$(cut -d ' ' -f 11 "$dir/heard" | sort -u | wc -l)" = "$3" ]
}
ok "each of them has it, the same for all of one peer" told ' [0-9a-f]\{48\} ' 8 1
ok "so do bursts" python3 "$datagrams" bursts "$front" 11
ok "with it in each" not grep refused "$dir/heard"
: >"$dir/heard"
ok "20 programs at once" python3 "$datagrams" many "$front" 20 3
ok "have an identity each" told ' [0-9a-f]\{48\} ' 60 20

forge()
{
	timeout 15 "$here/forge.py" "$@"
}
ok "a header that the far end sends comes back to it" eval \
	'forge udp "$front" | grep -q GET'
ok "is data behind the agent's own" \
	heard "$(said pump 127.0.0.1 '[A-Z0-9_]*') $(octets $'\r\n\r\n').*"
ok "and makes nobody of it that it is not" not grep -q '^192.0.2.66\|Cforged\|refused' "$dir/heard"

if [ "$1" = alone ] && [ "$(id -u)" = 0 ] && [ -n "$(type -P nft)" ]; then
	as_another()
	{
		setpriv --reuid 12345 --regid 12345 --clear-groups --inh-caps=-all \
			timeout 15 "$here/forge.py" udp "$back"
	}
	ok "a backend without a rule believes another local user" eval \
		'as_another | grep -q "GET /forged" && heard ".*forged@example.org.*"'
	: >"$dir/heard"
	user=$(stat -c %U "/proc/$(workers "$pid" | head -n 1)")
	nft -f - <<-END
	table inet kpc_backends {
		chain out {
			type filter hook output priority 0;
			oifname "lo" udp dport $back meta skuid != $user drop
		}
	}
	END
	ok "with the rule he gets nowhere" not as_another
	ok "and the backend has heard nothing" not grep . "$dir/heard"
	ok "the agent still gets there" peer pump $key 127.0.0.1
	nft delete table inet kpc_backends
else
	for text in "a backend without a rule believes another local user" \
		"with the rule he gets nowhere" "and the backend has heard nothing" \
		"the agent still gets there"; do
		skip "$text" "only root of a machine of his own sets rules (vm-dtls-proxy.sh)"
	done
fi
finish
