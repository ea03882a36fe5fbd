#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Which groups of (EC)DHE there are is said to the agent, for all associations alike
# (X1, X5); with X25519MLKEM768 where OpenSSL has it.

. "$(dirname "$0")/lib.sh"
plan 15

pump_site
foreign=$(free_port)
echo_backend "$dir/back"
write "$dir/keys-a" <<END
there@example.org hex:$other
END
write "$dir/table-a" <<END
association there role a kpc-id there@example.org id-a //a.example/cse \\
	id-b //f.example/cse offload off peer 127.0.0.1:$foreign \\
	plain unix:$dir/front start demand
END

# site WHICH [GROUPS]: the agent, anew.
site()
{
	[ -z "${pid:-}" ] || { kill "$pid"; wait "$pid" 2>/dev/null; }
	up "$1" --table "$dir/table${1#b}" --keys "$dir/keys${1#b}" ${2:+--groups "$2"}
}
mv "$dir/keys-a" "$dir/keysa"
mv "$dir/table-a" "$dir/tablea"

# agrees GROUPS ON: a client that offers those; what s_client calls the one.
agrees()
{
	talk hello hello timeout 10 openssl s_client -connect "127.0.0.1:$port" \
		-psk_identity pump@example.org -psk $key -tls1_3 -groups "$1" \
		-no_ign_eof >"$dir/heard"
	grep -qx hello "$dir/heard" && grep -iE "(Temp Key|group):.*$2" "$dir/heard"
}
site b
ok "X25519 is there" agrees X25519 X25519
ok "and P-256" agrees P-256 "P-256|prime256v1|secp256r1"
ok "P-384 is not" not agrees P-384 ""
ok "and is left out of an offer" agrees P-384:X25519 X25519
site b secp384r1,X25519
ok "with --groups P-384 is there" agrees P-384 "P-384|secp384r1"
ok "and X25519" agrees X25519 X25519
ok "P-256 is not" not agrees P-256 ""

# serves GROUP: a foreign server that has no other.
serves()
{
	openssl s_server -accept "127.0.0.1:$foreign" -nocert -psk_identity \
		there@example.org -psk $other -tls1_3 -groups "$1" -rev -quiet \
		</dev/null >"$dir/server.log" 2>&1 &
	started+=($!)
	within 10 listening "$foreign"
	[ "$(talk olleh hello timeout 15 socat - "UNIX-CONNECT:$dir/front")" = hello ]
	set -- $?
	kill "${started[-1]}"
	wait "${started[-1]}" 2>/dev/null
	return "$1"
}
site a secp384r1,secp256r1
ok "role a offers those that were said" serves P-256
ok "and no others" not serves X25519

# refused WORDS GROUPS: the agent does not start, and says why.
refused()
{
	timeout 10 kpcd --table "$dir/table" --keys "$dir/keys" --groups "$2" \
		</dev/null >"$dir/said" 2>&1
	[ $? = 2 ] && grep -q -- "$1" "$dir/said"
}
ok "one that nobody knows is refused" \
	refused "--groups X25519,P-521: 'P-521' is not known; X25519MLKEM768, X25519," \
	X25519,P-521
ok "one that is there twice" refused "'x25519' is there twice" X25519,x25519
ok "none" refused "'' is not known" ""
if refused "has no X25519MLKEM768" X25519MLKEM768,X25519; then
	ok "X25519MLKEM768 is refused where OpenSSL has it not" \
		grep -q "X25519MLKEM768,X25519: OpenSSL " "$dir/said"
	skip "X25519MLKEM768 is agreed on" "$(openssl version) has it not"
	skip "role a offers it" "$(openssl version) has it not"
else
	site b X25519MLKEM768,X25519
	ok "X25519MLKEM768 is agreed on" agrees X25519MLKEM768 X25519MLKEM768
	ok "and who has it not is answered still" agrees X25519 X25519
	site a X25519MLKEM768,X25519
	ok "role a offers it" serves X25519MLKEM768
fi
finish
