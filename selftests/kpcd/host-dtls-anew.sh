#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Proves that two ends of DTLS find each other again (M7): after one has gone without
# a word, after one has begun anew, and after a key has protected all it may.
#
#   program --- kpcd a =========== kpcd b --- backend
#         s_client === path ======/

. "$(dirname "$0")/lib.sh"
plan

datagrams="$(dirname "$0")/dtls.py"
b=$(free_port)
back=$(free_port)
front=$(free_port)
apart=$(free_port)
late=$(free_port)
b_spent=$(free_port)
back_spent=$(free_port)
front_spent=$(free_port)
write "$dir/keys" <<END
pump@example.org hex:$key
spent@example.org hex:$other
END
# words NAME: what both sites have of an association.
words()
{
	echo "kpc-id $1@example.org id-a //a.example/cse/C$1 id-b //b.example/cse/C$1" \
		"profile onem2m versions dtls1.2 offload off"
}
write "$dir/b.table" <<END
association pump role b $(words pump) start auto listen 127.0.0.1:$b \\
	plain udp:127.0.0.1:$back allow-uid $UID
association spent role b $(words spent) start auto listen 127.0.0.1:$b_spent \\
	plain udp:127.0.0.1:$back_spent allow-uid $UID limit records 1024
END
write "$dir/a.table" <<END
association pump role a $(words pump) start demand peer 127.0.0.1:$b \\
	plain udp:127.0.0.1:$front allow-uid $UID limit idle 2s
association spent role a $(words spent) start demand peer 127.0.0.1:$b_spent \\
	plain udp:127.0.0.1:$front_spent allow-uid $UID
END
python3 "$datagrams" echo 127.0.0.1 "$back" &
started+=($!)
within 5 bound "$back"
site_b()
{
	up b --table "$dir/b.table" --keys "$dir/keys" --workers 1 --no-pin
	bpid=$pid
}
site_b
up a --table "$dir/a.table" --keys "$dir/keys" --workers 1 --no-pin
within 5 bound "$front"

# answers MORE: the program that keeps on has had more than so many.
answers()
{
	[ "$(wc -l <"$dir/answers")" -gt "$1" ]
}
python3 "$datagrams" keeps_on "$front" >"$dir/answers" &
started+=($!)
ok "a program that sends and sends is answered" within 10 answers 0
worker=$(workers "$bpid")
{ kill -9 "$bpid" "$worker"; wait "$bpid"; } 2>/dev/null
within 5 not kill -0 "$worker"
within 5 not bound "$b"
had=$(wc -l <"$dir/answers")
site_b
ok "when role b has gone without a word and is there again, it is so again" \
	within 20 answers "$had"
ok "since only what role b says keeps a peer of role a" \
	logged a 'closed NAME=pump .*"silent for too long"'

python3 "$datagrams" sink "$back_spent" >"$dir/came" &
started+=($!)
within 5 bound "$back_spent"
python3 "$datagrams" one_way "$front_spent" &
one_way=$!
started+=("$one_way")
# came MANY: more hundreds than that.
came()
{
	[ "$(wc -l <"$dir/came")" -gt "$1" ]
}
ok "what goes one way goes on when a key has protected all it may" within 15 came 20
ok "since role b says that it has" \
	logged b 'closed NAME=spent .*"a key has protected as many records as it may"'
ok "to role a as well" logged a 'closed NAME=spent .*"ended in order"'
kill $one_way

# s_client from one port, behind a path that has each record in a datagram of its own.
python3 "$datagrams" apart "$apart" "$b" &
started+=($!)
within 5 bound "$apart"
mkfifo "$dir/never"
exec 8<>"$dir/never"
for both in PSK-AES128-CCM8=TLS_PSK_WITH_AES_128_CCM_8 \
	PSK-AES128-GCM-SHA256=TLS_PSK_WITH_AES_128_GCM_SHA256; do
	suite=${both%=*}
	port=$(free_port)
	client=(openssl s_client -dtls -connect "127.0.0.1:$apart" -bind "127.0.0.1:$port"
		-psk_identity pump@example.org -psk $key -cipher "$suite:@SECLEVEL=0" -quiet)
	"${client[@]}" <"$dir/never" >"$dir/first" 2>&1 &
	started+=($!)
	first=$!
	ok "a peer of $suite is up" within 5 logged b "up NAME=pump .* SUITE=${both#*=} "
	{ kill -9 $first; wait $first; } 2>/dev/null
	ok "begins anew, and its Finished comes by itself" \
		eval 'talk hello hello timeout 10 "${client[@]}" -no_ign_eof | grep -qx hello'
done

# A hello that was doubled on its way has been answered already.
python3 "$datagrams" late_hello "$late" "$b" &
started+=($!)
within 5 bound "$late"
ok "a hello that comes again when role b is through does not keep the far end waiting" \
	eval 'talk hello hello timeout 10 openssl s_client -dtls -connect "127.0.0.1:$late" \
		-psk_identity pump@example.org -psk $key -cipher PSK-AES128-CCM8:@SECLEVEL=0 \
		-quiet -no_ign_eof | grep -qx hello'
finish
