#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Proves both roles against programs that are not kpc's, over TLS 1.2 and 1.3,
# and that a wrong Kpc and an unknown KpcId are refused alike
# (M1, M3, M4, M7, X5, I7).

. "$(dirname "$0")/lib.sh"
plan 41

b=$(free_port)
b12=$(free_port)
any=$(free_port)
foreign=$(free_port)
host=8899aabbccddeeff0011223344556677
host12=445566778899aabbccddeeff00112233
field=66778899aabbccddeeff001122334455
cbc=5566778899aabbccddeeff0011223344
near=aabbccddeeff00112233445566778899
strict=99aabbccddeeff001122334455667788
write "$dir/keys-b" <<END
new@example.org hex:$key
old@example.org hex:$other
kept@example.org ascii:whose-backend-is-roots
lent@example.org ascii:whose-backend-is-nobodys
host@example.org hex:$host
host12@example.org hex:$host12
field@example.org hex:$field
cbc@example.org hex:$cbc
near@example.org hex:$near
strict@example.org hex:$strict
END
write "$dir/table-b" <<END
association kept role b kpc-id kept@example.org \\
	id-a //a.example/cse/Ckept id-b //b.example/cse \\
	offload off listen 127.0.0.1:$b plain unix:$dir/other start auto
association lent role b kpc-id lent@example.org \\
	id-a //a.example/cse/Clent id-b //b.example/cse \\
	offload off listen 127.0.0.1:$b plain unix:$dir/other owner 65534 \\
	start auto
association new role b kpc-id new@example.org \\
	id-a //a.example/cse id-b //b.example/cse \\
	offload off listen 127.0.0.1:$b plain unix:$dir/back owner $UID start auto
association old role b kpc-id old@example.org profile onem2m \\
	id-a //a.example/cse/Cold id-b //b.example/cse \\
	offload off listen 127.0.0.1:$b plain unix:$dir/back owner $UID start auto
association field role b kpc-id field@example.org profile onem2m \\
	id-a //a.example/cse/Cfield id-b //b.example/cse \\
	offload off listen 127.0.0.1:$b12 plain unix:$dir/back owner $UID start auto
association cbc role b kpc-id cbc@example.org profile onem2m \\
	suites TLS_PSK_WITH_AES_128_CBC_SHA256 \\
	id-a //a.example/cse/Ccbc id-b //b.example/cse \\
	offload off listen [::]:$any plain unix:$dir/back owner $UID start auto
association near role b kpc-id near@example.org \\
	id-a //a.example/cse/Cnear id-b //b.example/cse \\
	offload off listen [::]:$any plain unix:$dir/back owner $UID start auto
association strict role b kpc-id strict@example.org profile onem2m \\
	suites TLS_PSK_WITH_AES_128_CBC_SHA256 \\
	id-a //a.example/cse/Cstrict id-b //b.example/cse \\
	offload off listen 127.0.0.1:$b plain unix:$dir/back owner $UID start auto
association host role b kpc-id host@example.org authority B.example \\
	id-a //a.example/cse/Chost id-b //b.example/cse \\
	offload off listen 127.0.0.1:$b plain unix:$dir/back owner $UID start auto
association host12 role b kpc-id host12@example.org authority B.example \\
	id-a //a.example/cse/Chost12 id-b //b.example/cse profile onem2m \\
	offload off listen 127.0.0.1:$b plain unix:$dir/back owner $UID start auto
END
write "$dir/keys-a" <<END
new@example.org hex:$key
foreign@example.org hex:$other
late@example.org ascii:an-ascii-key-of-enough-octets
lost@example.org ascii:another-key-of-enough-octets
END
write "$dir/table-a" <<END
association new role a kpc-id new@example.org \\
	id-a //a.example/cse id-b //b.example/cse \\
	offload off peer localhost:$b plain unix:$dir/front start auto
association foreign role a kpc-id foreign@example.org \\
	id-a //a.example/cse id-b //f.example/cse \\
	offload off peer 127.0.0.1:$foreign plain unix:$dir/partner start demand
association late role a kpc-id late@example.org \\
	id-a //a.example/cse id-b //l.example/cse \\
	offload off peer 127.0.0.1:$foreign plain unix:$dir/late
association lost role a kpc-id lost@example.org \
	id-a //a.example/cse id-b //n.example/cse \\
	offload off peer no-such-host.invalid:1 plain unix:$dir/lost start auto
END

echo_backend "$dir/back"
up b --table "$dir/table-b" --keys "$dir/keys-b" --workers 2
ok "M4, M7: s_client, TLS 1.3" answered "$b" new@example.org $key -tls1_3
ok "M4, M7: s_client, TLS 1.2" answered "$b" old@example.org $other -tls1_2
ok "T1: s_client of both versions, where all are of TLS 1.2" \
	answered "$b12" field@example.org $field
ok "T1: a peer over IPv4 at [::], by the suite of TLS 1.2 that is allowed there" \
	answered "$any" cbc@example.org $cbc -tls1_2 \
	-cipher PSK-AES128-GCM-SHA256:PSK-AES128-CBC-SHA256
ok "and one over IPv6" answered "$any" cbc@example.org $cbc -tls1_2 \
	-connect "[::1]:$any"
ok "and of TLS 1.3, beside it" answered "$any" near@example.org $near -tls1_3
ok "X1: where one is of TLS 1.3, who offers that is not put off with less" \
	not answered "$b" old@example.org $other

ok "nor is who offers a suite that others there allow and its own does not" \
	not answered "$b" strict@example.org $strict -tls1_2 \
	-cipher PSK-AES128-GCM-SHA256:PSK-AES128-CBC-SHA256
ok "who offers those alone that its own allows is answered" \
	answered "$b" strict@example.org $strict -tls1_2 \
	-cipher PSK-AES128-CBC-SHA256

# A backend at a path where another user could come first.
if [ "$(id -u)" = 0 ]; then
	mkdir "$dir/nobody"
	chown 65534 "$dir/nobody"
	setpriv --reuid 65534 --clear-groups socat \
		"UNIX-LISTEN:$dir/nobody/s,fork,mode=0666" PIPE \
		</dev/null >/dev/null 2>&1 &
	started+=($!)
	within 5 test -S "$dir/nobody/s"
	ln -s nobody/s "$dir/other"
	text=$(printf whose-backend-is-roots | od -An -tx1 | tr -d ' \n')
	ok "a backend is root's unless its owner is told" \
		not answered "$b" kept@example.org "$text" -tls1_3
	ok "who listens there is logged" logged b \
		"uid 65534 listens at $dir/other, who is neither root nor its owner"
	text=$(printf whose-backend-is-nobodys | od -An -tx1 | tr -d ' \n')
	ok "with its owner it is taken" \
		answered "$b" lent@example.org "$text" -tls1_3
else
	for what in "a backend is root's" "it is logged" "or its owner's"; do
		skip "$what" "only root can listen as another user"
	done
fi

# With the options that the guide gives for a version.
gnutls_answered()
{
	local version=$1 id=$2 secret=$3 options

	options=$(sed -n "s/^\tgnutls-cli \(.*VERS-$version\) .*/\1/p" \
		"$(dirname "$0")/../../Documentation/gateway.rst")
	# shellcheck disable=SC2086
	talk hello hello timeout 20 gnutls-cli -p "$b" 127.0.0.1 $options \
		--pskusername "$id" --pskkey "$secret" | grep -qx hello
}
ok "M7: gnutls-cli as in the guide, TLS 1.3" \
	gnutls_answered TLS1.3 new@example.org $key
ok "M7: gnutls-cli as in the guide, TLS 1.2" \
	gnutls_answered TLS1.2 old@example.org $other
ok "the log names association, KpcId, IdA and IdB" logged b \
	"connection up NAME=new KPCID=new@example.org IDA=//a.example/cse IDB=//b.example/cse ROLE=b"
ok "and version, suite and carrier" logged b \
	"VERSION=TLSv1.3 SUITE=TLS_[A-Z0-9_]+ CARRIER=agent"

# refusal IDENTITY KEY OPTION: what a client sees of it, without what differs
# from run to run.
refusal()
{
	client "$b" "$@" | grep -oE 'alert [a-z ]+|SSL alert number [0-9]+' |
		sort -u | paste -sd,
}
for version in -tls1_3 -tls1_2; do
	[ $version = -tls1_3 ] && id=host@example.org named=$host ||
		id=host12@example.org named=$host12
	unknown=$(refusal nobody@example.org $named $version -servername b.example)
	ok "T1: who asks for B's authority is answered ($version)" \
		answered "$b" $id $named $version -servername b.EXAMPLE
	ok "X5: for another, refused as an unknown KpcId is ($unknown)" test \
		"$(refusal $id $named $version -servername c.example)" = "$unknown"
	ok "X5: and for none" test \
		"$(refusal $id $named $version -noservername)" = "$unknown"
	ok "the log tells the two apart" eval \
		"logged b 'KpcId $id is known, but the peer sent another server name' &&
		 logged b 'KpcId $id is known, but the peer sent no server name'"
done
for version in -tls1_3 -tls1_2; do
	[ $version = -tls1_3 ] && id=new@example.org || id=old@example.org
	wrong=$(refusal $id 0123456789abcdef0123456789abcdef $version)
	unknown=$(refusal nobody@example.org $key $version)
	ok "I7: a wrong Kpc is refused ($version)" test -n "$wrong"
	ok "X5: an unknown KpcId is refused alike ($version: $wrong)" \
		test "$wrong" = "$unknown"
done
ok "one KpcId is for one version: TLS 1.2 with the 1.3 one is refused" \
	not answered "$b" new@example.org $key -tls1_2
shown_key()
{
	local process

	grep -iE "$key|$other" "$dir/b.log" && return
	for process in "$pid" $(workers "$pid"); do
		tr '\0' ' ' <"/proc/$process/cmdline" | grep -iE "$key|$other" &&
			return
		tr '\0' ' ' <"/proc/$process/environ" | grep -iE "$key|$other" &&
			return
	done
	return 1
}
ok "I6: no key in the log, in an argument or in the environment" not shown_key

up a --table "$dir/table-a" --keys "$dir/keys-a" --workers 2
ok "M3: start auto: one handshake, then the local socket" \
	within 10 logged a "association open NAME=new"
ok "the handshake came first" logged a "association established NAME=new"
through()
{
	[ "$(talk through through timeout 15 socat - "UNIX-CONNECT:$1")" = through ]
}
ok "M1, M8: a local program reaches the backend of B" through "$dir/front"
harmless()
{
	local resolver

	resolver=$(pgrep -P "$pid" -x kpcd-r0) || return
	grep -E '^CapEff:[[:space:]]+0+$' "/proc/$resolver/status" &&
		grep -E '^NoNewPrivs:[[:space:]]+1$' "/proc/$resolver/status"
}
ok "names are looked up by a process without any right" harmless
ok "a peer that nobody knows is told, and tried again" within 30 eval \
	'[ "$(grep -c "not established NAME=lost.*peer no-such-host.invalid" "$dir/a.log")" -ge 2 ]'
ok "start manual opens nothing" not test -e "$dir/late"
ok "start demand opens without a handshake" test -S "$dir/partner"

# A foreign Entity B: s_server, which sends back every line reversed.
openssl s_server -accept "127.0.0.1:$foreign" -nocert -psk_identity \
	foreign@example.org -psk $other -tls1_3 -rev -quiet \
	</dev/null >"$dir/server.log" 2>&1 &
started+=($!)
within 10 listening "$foreign"
reversed()
{
	[ "$(talk olleh hello timeout 15 socat - \
		"UNIX-CONNECT:$dir/partner")" = hello ]
}
ok "M3: s_server as Entity B, with the first local connection" reversed

# The same port, now with a server that has another key.
kill "${started[-1]}"
wait "${started[-1]}" 2>/dev/null
openssl s_server -accept "127.0.0.1:$foreign" -nocert -psk_identity \
	foreign@example.org -psk $key -tls1_3 -rev -quiet \
	</dev/null >"$dir/server2.log" 2>&1 &
started+=($!)
within 10 listening "$foreign"
ok "M1: a server that does not prove Kpc gets nothing" not reversed
ok "and the log says so" logged a "handshake failed NAME=foreign"
ok "M7: keys of another identity of the same agent stay apart" \
	not answered "$b" new@example.org $other -tls1_3
finish
