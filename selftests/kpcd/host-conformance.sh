#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The conformance case of TS-0013, TD_M2M_SE_01, over TLS in both roles, with both
# readings of its key; and a second association in the other direction (T1, T6).

. "$(dirname "$0")/lib.sh"
plan 16

id=test@onem2m.com
suite=PSK-AES128-CBC-SHA256
b=$(free_port)
foreign=$(free_port)
echo_backend "$dir/back"
write "$dir/table-b" <<END
association td role b kpc-id $id profile onem2m suites $suite \\
	id-a //onem2m.com/cse/C1 id-b //onem2m.com/in offload off weak-key yes \\
	listen 127.0.0.1:$b plain unix:$dir/back owner $UID start auto
END
write "$dir/table-a" <<END
association td role a kpc-id $id profile onem2m suites $suite \\
	id-a //onem2m.com/cse/C1 id-b //onem2m.com/in offload off weak-key yes \\
	peer 127.0.0.1:$foreign plain unix:$dir/front start demand
END
# Through site a to a foreign server, which says each line backwards.
reversed()
{
	[ "$(talk olleh hello timeout 15 socat - "UNIX-CONNECT:$dir/front")" = hello ]
}

# replays READING KPC OTHER: Kpsa 123456, which is KPC, and not OTHER.
replays()
{
	write "$dir/keys" <<<"$id $1:123456"
	up b --table "$dir/table-b" --keys "$dir/keys"
	ok "$1: a client as Entity A, $suite" \
		answered "$b" $id "$2" -tls1_2 -cipher $suite
	ok "$1: which the log names" logged b \
		"connection up NAME=td KPCID=$id .*VERSION=TLSv1.2 SUITE=TLS_PSK_WITH_AES_128_CBC_SHA256 CARRIER=agent"
	ok "$1: what the peer can do besides is no harm" \
		answered "$b" $id "$2"
	ok "$1: one that reads the key in another way is refused" \
		not answered "$b" $id "$3" -tls1_2 -cipher $suite
	kill "$pid"
	wait "$pid"
	openssl s_server -accept "127.0.0.1:$foreign" -nocert -psk_identity $id \
		-psk "$2" -tls1_2 -cipher $suite -rev -quiet \
		</dev/null >"$dir/server.log" 2>&1 &
	started+=($!)
	within 10 listening "$foreign"
	up a --table "$dir/table-a" --keys "$dir/keys"
	within 10 test -S "$dir/front"
	ok "$1: a server as Entity B" reversed
	kill "$pid" "${started[-2]}"
	wait "$pid" "${started[-2]}" 2>/dev/null
}
replays ascii 313233343536 123456
replays hex 123456 313233343536

# Either of two CSEs opens an association to the other.
back=$(free_port)
for site in a b; do
	write "$dir/keys-$site" <<-END
	there@example.org hex:$key
	back@example.org hex:$other
	END
done
write "$dir/sa-a" <<END
association there role a kpc-id there@example.org id-a //a.example/cse \\
	id-b //b.example/cse offload off peer 127.0.0.1:$b plain unix:$dir/to-b start auto
association back role b kpc-id back@example.org id-a //b.example/cse \\
	id-b //a.example/cse offload off listen 127.0.0.1:$back \\
	plain unix:$dir/back owner $UID start auto
END
write "$dir/sa-b" <<END
association there role b kpc-id there@example.org id-a //a.example/cse \\
	id-b //b.example/cse offload off listen 127.0.0.1:$b \\
	plain unix:$dir/back owner $UID start auto
association back role a kpc-id back@example.org id-a //b.example/cse \\
	id-b //a.example/cse offload off peer 127.0.0.1:$back plain unix:$dir/to-a start auto
END
through()
{
	[ "$(talk through through timeout 15 socat - "UNIX-CONNECT:$1")" = through ]
}
up a --table "$dir/sa-a" --keys "$dir/keys-a"
up b --table "$dir/sa-b" --keys "$dir/keys-b"
within 10 eval 'logged a "association open NAME=there" &&
		logged b "association open NAME=back"'
ok "T6: one entity's program reaches the other" through "$dir/to-b"
ok "and the other's the one" through "$dir/to-a"
ok "the one answers with the identity that it has asked with" logged a \
	"connection up NAME=back KPCID=back@example.org IDA=//b.example/cse IDB=//a.example/cse ROLE=b"
ok "and so does the other" logged b \
	"connection up NAME=there KPCID=there@example.org IDA=//a.example/cse IDB=//b.example/cse ROLE=b"
ok "X4: the KpcId of the one direction opens nothing in the other" \
	not answered "$back" there@example.org $key -tls1_3
ok "where its own does" answered "$back" back@example.org $other -tls1_3
finish
