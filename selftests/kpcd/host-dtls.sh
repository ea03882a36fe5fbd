#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Proves the relay of DTLS (M7, T1): peers of other makes, of every suite, and
# agents at both ends; each datagram by itself, each program by itself; who may be
# at the plain legs; and how it ends.
#
#   s_client, gnutls-cli, coap-client ===\
#   program --- kpcd a ==================== kpcd b --- backend
#                                         \========= s_server

. "$(dirname "$0")/lib.sh"
plan

engine=${1:-auto}
datagrams="$(dirname "$0")/dtls.py"
b=$(free_port)
strict=$(free_port)
any=$(free_port)
back=$(free_port)
front=$(free_port)
away=$(free_port)
server=$(free_port)
closed=$(free_port)
write "$dir/keys" <<END
pump@example.org hex:$key
away@example.org hex:$other
strict@example.org hex:8899aabbccddeeff0011223344556677
any@example.org hex:445566778899aabbccddeeff00112233
END
# pair NAME ROLE WORDS: an association of DTLS.
pair()
{
	local name=$1 role=$2
	shift 2

	cat <<-END
	association $name role $role kpc-id $name@example.org \\
		id-a //a.example/cse/C$name id-b //b.example/cse/C$name \\
		versions dtls1.2 offload off start auto $*
	END
}
write "$dir/b.table" <<END
$(pair pump b "profile onem2m listen 127.0.0.1:$b plain udp:127.0.0.1:$back allow-uid $UID
	limit handshake-time 4s" | tr -d '\n')
$(pair strict b "listen 127.0.0.1:$strict plain udp:127.0.0.1:$back allow-uid 54321")
$(pair any b "profile onem2m listen *:$any plain udp:127.0.0.1:$back allow-uid any limit idle 1s")
END
write "$dir/a.table" <<END
$(pair pump a "profile onem2m peer 127.0.0.1:$b plain udp:127.0.0.1:$front allow-uid $UID")
$(pair away a "profile onem2m suites PSK-AES128-CCM8 peer 127.0.0.1:$server
	plain udp:127.0.0.1:$away allow-uid $UID" | tr -d '\n')
$(pair strict a "peer 127.0.0.1:$strict plain udp:127.0.0.1:$closed allow-uid 54321")
END

# bound PORT: somebody takes datagrams there.

# What is waited for an answer that will not come.
patience=10
nobody()
{
	local patience=2

	not peer PSK-AES128-CCM8 "$@"
}

# peer SUITE [PORT [IDENTITY [KEY [OPTION...]]]]: s_client has its word echoed.
peer()
{
	local suite=$1 port=${2:-$b} identity=${3:-pump@example.org} psk=${4:-$key}

	talk hello hello timeout "$patience" openssl s_client -dtls \
		-connect "127.0.0.1:$port" -psk_identity "$identity" -psk "$psk" -cipher "$suite:@SECLEVEL=0" \
		-quiet -no_ign_eof "${@:5}" | grep -qx hello
}

# soon NAME PATTERN: it is logged now, or in a moment.
soon()
{
	within 5 logged "$@"
}

python3 "$datagrams" echo 127.0.0.1 "$back" &
started+=($!)
within 5 bound "$back"
up b --table "$dir/b.table" --keys "$dir/keys" --workers 2 --no-pin --engine "$engine"
bpid=$pid

for suite in PSK-AES128-CCM8 PSK-AES128-CCM PSK-AES128-GCM-SHA256 PSK-AES256-GCM-SHA384 \
	PSK-AES128-CBC-SHA256 PSK-CHACHA20-POLY1305 ECDHE-PSK-CHACHA20-POLY1305 \
	DHE-PSK-AES128-GCM-SHA256; do
	ok "s_client of $suite (T1)" peer "$suite"
done
ok "one that ends is told of as ended in order" soon b 'closed NAME=pump .*"ended in order"'
ok "and of which version it was" logged b 'up NAME=pump .* VERSION=DTLSv1.2 SUITE=TLS_PSK_WITH_AES_128_CCM_8 CARRIER=agent'
ok "s_client with datagrams of 256 octets" peer PSK-AES128-CCM8 "$b" pump@example.org $key -mtu 256
ok "a wrong Kpc gets nowhere (M1)" nobody "$b" pump@example.org $other
ok "nor does an unknown KpcId" nobody "$b" nobody@example.org $key
ok "nor a KpcId of another listener" nobody "$b" any@example.org 445566778899aabbccddeeff00112233
ok "the log tells them apart (X5)" eval \
	'soon b "failed NAME=pump .*has not proved its key" && soon b "nobody@example.org is not known"'
if [ -x "$(command -v gnutls-cli)" ]; then
	ok "gnutls-cli" eval 'talk hello hello timeout 10 gnutls-cli --udp -p $b 127.0.0.1 \
		--pskusername pump@example.org --pskkey $key --priority \
		NORMAL:-KX-ALL:+PSK:-VERS-ALL:+VERS-DTLS1.2 | grep -qx hello'
else
	skip "gnutls-cli" "it is not here"
fi

# From where it was asked an answer comes, or a connected socket does not take it.
any_peer()
{
	talk hello hello timeout 10 openssl s_client -dtls -connect "$1:$any" \
		-psk_identity any@example.org -psk 445566778899aabbccddeeff00112233 \
		-cipher PSK-AES128-CCM8:@SECLEVEL=0 -quiet -no_ign_eof | grep -qx hello
}
ok "at any address, the one that was asked answers" any_peer 127.0.0.7
ok "of IPv6 too" any_peer '[::1]'

# The port is the same, and nobody has said that the first is over.
again=$(free_port)
talk_on()
{
	openssl s_client -dtls -connect "127.0.0.1:$b" -bind "127.0.0.1:$again" \
		-psk_identity pump@example.org -psk $key -cipher PSK-AES128-CCM8:@SECLEVEL=0 \
		-quiet <"$dir/never" >"$dir/first" 2>&1 &
	started+=($!)
	first=$!
	within 5 logged b "up NAME=pump .* PEER=127.0.0.1:$again " || return
	kill -9 $first
	wait $first 2>/dev/null
	true
}
mkfifo "$dir/never"
exec 8<>"$dir/never"
ok "a peer is up" talk_on
ok "begins anew at the same port" peer PSK-AES128-CCM8 "$b" pump@example.org $key \
	-bind "127.0.0.1:$again"
ok "and the old one is over" \
	soon b "closed NAME=pump .* PEER=127.0.0.1:$again .*another handshake"

quiet_peer()
{
	openssl s_client -dtls -connect "127.0.0.1:$any" -psk_identity any@example.org \
		-psk 445566778899aabbccddeeff00112233 -cipher PSK-AES128-CCM8:@SECLEVEL=0 \
		-quiet <"$dir/never" >"$dir/quiet" 2>&1 &
	started+=($!)
	within 10 logged b 'closed NAME=any .*"silent for too long"' && within 5 not kill -0 $!
}
ok "one that is silent for the time of limit idle is ended, and told" quiet_peer

up a --table "$dir/a.table" --keys "$dir/keys" --workers 2 --no-pin --engine "$engine"
apid=$pid
ok "role a establishes (M3)" soon a 'established NAME=pump .* VERSION=DTLSv1.2'
ok "and opens its port then" within 5 bound "$front"
ok "datagrams of every size pass as they are" \
	python3 "$datagrams" sizes "$front" 0 1 2 15 16 17 100 1200 1472 1500 9000 16384 3
ok "bursts come back in order, each datagram as it went" python3 "$datagrams" bursts "$front" 7
ok "one that no record holds is dropped, and no other" \
	python3 "$datagrams" lost "$front" 16385
ok "which the log tells" logged a 'fault NAME=pump .*longer than the 16384 octets'
ok "40 programs at once have a peer each" python3 "$datagrams" many "$front" 40 20
ok "an association without its far end is not open" not bound "$away"

openssl s_server -dtls -accept "127.0.0.1:$server" -nocert -quiet \
	-psk_identity away@example.org -psk $other -cipher PSK-AES128-CCM8:@SECLEVEL=0 \
	<"$dir/never" >"$dir/server" 2>&1 &
started+=($!)
ok "role a tries again, and finds s_server (T1)" within 30 bound "$away"
# Between two peers s_server has no socket, and what comes then is lost.
heard()
{
	socat -u - "UDP-SENDTO:127.0.0.1:$away" <<<hello
	within 1 grep -qx hello "$dir/server"
}
ok "which is told what a program says" within 10 heard

if [ "$(id -u)" = 0 ]; then
	other_user()
	{
		[ -z "$(setpriv --reuid 65534 --regid 65534 --clear-groups \
			socat -t 1 - "UDP:127.0.0.1:$front" <<<hello)" ]
	}
	ok "a program of another user is not heard (M8)" other_user
	ok "and the log names him" logged a 'local user refused NAME=pump .*uid 65534 is not among allow-uid'
else
	skip "a program of another user is not heard (M8)" "only root can be another user"
fi
patience=2
ok "a backend of another user is told nothing" not peer ECDHE-PSK-CHACHA20-POLY1305 \
	"$strict" strict@example.org 8899aabbccddeeff0011223344556677
ok "and the log names him too" logged b "local user refused NAME=strict .*uid $UID, who listens"

sed -i "s|^association pump .*|# &|; /^# association/,/start auto/s/^/#/" "$dir/b.table"
kill -HUP "$bpid"
ok "what is taken out of the table is over" \
	soon b 'closed NAME=pump .*"the association is gone'
ok "and role a hears of it" soon a 'closed NAME=pump .*"ended in order"'
kill "$apid"
wait "$apid"
ok "an agent that ends tells its peers" soon b 'closed NAME=strict|ended'
ok "and ends by itself" logged a 'kpcd: ended'
finish
