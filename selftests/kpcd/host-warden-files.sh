#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Proves what kpcd does with bad options, key stores and association files: it
# refuses them whole and says where and why, never the key (M2, T4, T5, I6).

. "$(dirname "$0")/lib.sh"
plan 19

pump_site

# refused NAME PATTERN ARGS...: kpcd does not start, says PATTERN, shows no key.
refused()
{
	local pattern=$1
	shift

	rm -f "$dir/refused.log"
	timeout 10 kpcd "$@" </dev/null >"$dir/refused.log" 2>&1
	case $? in
	1 | 2) ;;
	*) return 1 ;;
	esac
	grep -qE -- "$pattern" "$dir/refused.log" || return 1
	not grep -qiE "$key|$other|hunter2" "$dir/refused.log"
}

# A table or key store whose text comes from standard input.
refused_keys()
{
	write "$dir/bad"
	refused "$1" --table "$dir/table" --keys "$dir/bad"
}

refused_table()
{
	write "$dir/bad"
	refused "$1" --table "$dir/bad" --keys "$dir/keys"
}

ok "an option that is none" refused "kpcd --help" --tabel x
ok "a number that is none" refused "workers 0: a number from 1" --workers 0
ok "a word that is no option" refused "'table': only options" table
ok "a user that is not there" refused "no such user|only root" --user no.such

ok "I6: a key without its encoding is refused, not shown" \
	refused_keys "$dir/bad:2: " <<END
# comment
pump@example.org $key
END
ok "a short key is refused where weak-key is not said" \
	refused_keys "octets" <<END
pump@example.org ascii:hunter2
END
ok "T4: one Kpc under two KpcIds is refused" refused_keys "$dir/bad:2: " <<END
pump@example.org hex:$key
tank@example.org hex:$key
END
ok "two KpcIds that differ in case only are refused" \
	refused_keys "$dir/bad:2: " <<END
pump@example.org hex:$key
Pump@example.org hex:$other
END
cp "$dir/keys" "$dir/open"
chmod 644 "$dir/open"
ok "T5: a key store that others may read is refused" \
	refused "$dir/open" --table "$dir/table" --keys "$dir/open"
ok "a key store that is not there is told" \
	refused "$dir/missing" --table "$dir/table" --keys "$dir/missing"

ok "standard input is no table, which is read again later" \
	refused "-: No such file" --table - --keys "$dir/keys" <"$dir/table"
ok "an unknown word is refused with file and line" \
	refused_table "$dir/bad:2: .*nonsense" <<END
# comment
association pump role b kpc-id pump@example.org nonsense
END
ok "a bad identity is refused" refused_table "$dir/bad:1: " <<END
association pump role b kpc-id pump@example.org id-a a%41 id-b //b.example/cse
END
ok "role a without IdB is refused" refused_table "$dir/bad:1: .*id-b" <<END
association pump role a kpc-id pump@example.org id-a //a.example/cse peer 127.0.0.1:1
END
ok "X4: an association with oneself is refused" refused_table "$dir/bad:1: " <<END
association pump role b kpc-id pump@example.org id-a //b.example/cse id-b //b.example/cse
END
dtls()
{
	refused_table "$dir/bad:2: $4" <<-END
	# comment
	association tank role $1 kpc-id tank@example.org id-a //a.example/cse \
		id-b //b.example/cse versions $2 offload prefer $3:$(free_port) \
		plain unix:$dir/back start auto
	END
}
ok "X1: DTLS is not taken for TLS, which a stream needs" dtls b dtls1.2 "listen 127.0.0.1" \
	"versions dtls1.2 carries datagrams, and plain unix:"
ok "nor is it spoken beside TLS" dtls a tls1.2,dtls1.2 "peer 127.0.0.1" \
	"tank: dtls1.2 stands beside a version of TLS"
ok "a line without an end is refused" refused_table "$dir/bad" <<<"association"

up good --table "$dir/table" --keys "$dir/keys" --workers 1
ok "and what is right runs, saying loudly that nothing is enforced" \
	logged good "without the module nothing is enforced"
finish
