#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Proves that an unknown KpcId, a wrong Kpc, a wrong authority and whatever else is
# no reason to let a peer in are refused with the same octets, and that the log
# tells them apart (X5, I7). Whether it takes as long is for `make oracle`.

. "$(dirname "$0")/lib.sh"
plan

port=$(free_port)
catch=$(free_port)
named=8899aabbccddeeff0011223344556677
write "$dir/keys" <<END
new@example.org hex:$key
old@example.org hex:$other
hot@example.org hex:$named
END
write "$dir/table" <<END
association new role b kpc-id new@example.org \\
	id-a //a.example/cse id-b //b.example/cse \\
	offload off listen 127.0.0.1:$port plain unix:$dir/back owner $UID start auto
association old role b kpc-id old@example.org profile onem2m \\
	id-a //a.example/cse/Cold id-b //b.example/cse \\
	offload off listen 127.0.0.1:$port plain unix:$dir/back owner $UID start auto
association hot role b kpc-id hot@example.org authority b.example \\
	id-a //a.example/cse/Chot id-b //b.example/cse \\
	offload off listen 127.0.0.1:$port plain unix:$dir/back owner $UID start auto
END
up b --table "$dir/table" --keys "$dir/keys" --workers 1

# hello KPCID KEY AUTHORITY FILE: the first flight of a client; all are as long.
hello()
{
	local catcher client

	timeout 20 socat -u "TCP-LISTEN:$catch,reuseaddr" "OPEN:$4,creat,trunc" &
	catcher=$!
	within 10 listening "$catch"
	openssl s_client -connect "127.0.0.1:$catch" -psk_identity "$1" \
		-psk "$2" -servername "$3" -quiet -tls1_3 \
		</dev/null >/dev/null 2>&1 &
	client=$!
	within 10 test -s "$4"
	kill $client
	wait $client $catcher
}
hello hot@example.org 0123456789abcdef0123456789abcdef b.example "$dir/wrong"
hello odd@example.org 0123456789abcdef0123456789abcdef b.example "$dir/unknown"
hello hot@example.org $named c.example "$dir/authority"

# Twenty times each, one after the other, since a peer may come again.
cat >"$dir/ask.py" <<'END'
import socket, sys

port = int(sys.argv[1])
flights = [open(name, "rb").read() for name in sys.argv[2:]]
answers = [set() for _ in flights]
for turn in range(20):
    for flight, got in zip(flights, answers):
        s = socket.create_connection(("127.0.0.1", port))
        s.settimeout(10)
        s.sendall(flight)
        answer = b""
        while True:
            try:
                piece = s.recv(4096)
            except ConnectionResetError:
                answer += b"reset"
                break
            if not piece:
                break
            answer += piece
        got.add(answer)
        s.close()
print("answers:", [sorted(a.hex() for a in one) for one in answers])
sys.exit(len(answers[0]) != 1 or any(one != answers[0] for one in answers))
END
sizes=$(stat -c %s "$dir/wrong" "$dir/unknown" "$dir/authority" | uniq | wc -l)
ok "three first flights of the same length" test "$sizes" = 1
ok "X5: the same octets come back" \
	python3 "$dir/ask.py" "$port" "$dir/wrong" "$dir/unknown" "$dir/authority"
ok "the log tells them apart" eval \
	'logged b "KpcId odd@example.org is not known" &&
	 logged b "Kpc is not the same"'
ok "and the third" logged b \
	"KpcId hot@example.org is known, but the peer sent another server name"

# Two dozen handshakes of nine kinds, with TLS 1.3 and 1.2.
if [ -x "${KPC_BUILD:-build}/selftests/kpcd/tool_oracle" ]; then
	ok "X5: the same records and alert for each kind that is refused" \
		"$(dirname "$0")/oracle.py" 24 --records
else
	skip "X5: the same records and alert for each kind" "tool_oracle is not built"
fi
finish
