#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Role a tells a refusal that lasts from one that passes: what another Kpc or an
# unknown KpcId brings is not asked for again and again (M3).

. "$(dirname "$0")/lib.sh"
plan 11

b=$(free_port)
b12=$(free_port)
closed=$(free_port)
cuts=$(free_port)
speaks=$(free_port)
write "$dir/keys-b" <<END
wrong@example.org hex:$key
new@example.org hex:$other
old@example.org hex:112233445566778899aabbccddeeff00
END
write "$dir/table-b" <<END
association wrong role b kpc-id wrong@example.org listen 127.0.0.1:$b \\
	id-a //a.example/cse/Cwrong id-b //b.example/cse offload off \\
	plain unix:$dir/back owner $UID start auto
association new role b kpc-id new@example.org listen 127.0.0.1:$b \\
	id-a //a.example/cse/Cnew id-b //b.example/cse offload off \\
	plain unix:$dir/back owner $UID start auto
association old role b kpc-id old@example.org listen 127.0.0.1:$b12 profile onem2m \\
	id-a //a.example/cse/Cold id-b //b.example/cse offload off \\
	plain unix:$dir/back owner $UID start auto
END
# of NAME KEY PEER [WORDS]: an association of site a, and its key.
of()
{
	printf '%s@example.org hex:%s\n' "$1" "$2" >>"$dir/keys-a"
	printf 'association %s role a kpc-id %s@example.org id-a //a.example/cse ' "$1" "$1"
	printf 'id-b //b.example/cse/C%s offload off peer 127.0.0.1:%s ' "$1" "$3"
	printf 'plain unix:%s/%s start auto %s\n' "$dir" "$1" "${4:-}"
}
write "$dir/keys-a" </dev/null
write "$dir/table-a" < <(
	of wrong 00000000000000000000000000000001 "$b"
	of nobody 00000000000000000000000000000002 "$b"
	of old 112233445566778899aabbccddeeff00 "$b12" "versions tls1.3"
	of speaks 00000000000000000000000000000003 "$speaks"
	of down 00000000000000000000000000000004 "$closed"
	of cut 00000000000000000000000000000005 "$cuts"
	of new $other "$b")
echo_backend "$dir/back"
# One that ends each connection, and one that speaks something else.
socat "TCP-LISTEN:$cuts,bind=127.0.0.1,fork,reuseaddr" EXEC:true </dev/null >/dev/null 2>&1 &
started+=($!)
socat "TCP-LISTEN:$speaks,bind=127.0.0.1,fork,reuseaddr" \
	"SYSTEM:echo 220 ready; sleep 1" </dev/null >/dev/null 2>&1 &
started+=($!)
within 5 listening "$cuts" && within 5 listening "$speaks"

up b --table "$dir/table-b" --keys "$dir/keys-b"
within 10 eval '[ "$(grep -c "association open" "$dir/b.log")" = 3 ]'
up a --table "$dir/table-a" --keys "$dir/keys-a"

# refused NAME REFUSAL WORDS
refused()
{
	within 10 logged a "not established NAME=$1 .*REFUSAL=$2 REASON=.*$3"
}
ok "another Kpc is refused for good" refused wrong permanent "its Kpc is another"
ok "so is a KpcId that is not known" refused nobody permanent "it does not know this KpcId"
ok "and a version that is not allowed" refused old permanent "protocol_version"
ok "who speaks no TLS will not" refused speaks permanent "does not speak TLS"
ok "who does not listen may" refused down passing "Connection refused"
ok "who hangs up may do otherwise" refused cut passing "closed the connection"
ok "who is not refused is there" within 10 logged a "association open NAME=new"

# tried NAME: how often.
tried()
{
	grep -c "not established NAME=$1 " "$dir/a.log"
}
ok "what may pass is tried again, and again" within 30 eval \
	'[ "$(tried down)" -ge 4 ] && [ "$(tried cut)" -ge 4 ]'
ok "what lasts is not meanwhile" eval \
	'[ "$(tried wrong)$(tried nobody)$(tried old)$(tried speaks)" = 1111 ]'
sed -i 's/0000000000000000000000000000001$/'"x/; s/hex:0x/hex:$key/" "$dir/keys-a"
kill -HUP "$pid"
ok "but at once when the files are read again" within 10 eval \
	'[ "$(tried nobody)$(tried old)" = 22 ]'
ok "and one whose Kpc was mended is there" within 10 logged a "association open NAME=wrong"
finish
