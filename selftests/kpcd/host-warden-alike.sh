#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Proves that an unknown KpcId, a wrong Kpc and a wrong authority are refused
# with the same octets and in the same time, as far as a client can measure
# (X5, I7).

. "$(dirname "$0")/lib.sh"
plan 5

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

cat >"$dir/measure.py" <<'END'
import socket, statistics, sys, time

port, tries = int(sys.argv[1]), int(sys.argv[2])
flights = [open(name, "rb").read() for name in sys.argv[4:]]
times, answers = [[] for _ in flights], [set() for _ in flights]
for turn in range(tries):
    # In turns, another one first each time: what the machine does meanwhile
    # meets all.
    for which in [(turn + i) % len(flights) for i in range(len(flights))]:
        s = socket.create_connection(("127.0.0.1", port))
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        s.settimeout(10)
        start = time.perf_counter()
        s.sendall(flights[which])
        got = b""
        while True:
            try:
                piece = s.recv(4096)
            except ConnectionResetError:
                piece = b"reset" if got else b""
            if not piece or piece == b"reset":
                got += piece
                break
            if not got:
                times[which].append(time.perf_counter() - start)
            got += piece
        answers[which].add(got)
        s.close()
medians = [statistics.median(t) * 1e6 for t in times]
spread = statistics.quantiles(times[0], n=4)
print("answers:", [sorted(a.hex() for a in one) for one in answers])
print("wrong Kpc %.0f us, unknown KpcId %.0f us, wrong authority %.0f us, "
      "quartiles %.0f and %.0f us" % (*medians, spread[0] * 1e6, spread[2] * 1e6))
alike = len(answers[0]) == 1 and all(one == answers[0] for one in answers)
near = max(medians) - min(medians) < max(0.1 * medians[0],
                                         (spread[2] - spread[0]) * 1e6)
open(sys.argv[3], "w").write("%d %d" % (alike, near))
END
measure()
{
	python3 "$dir/measure.py" "$port" 200 "$dir/verdict" "$dir/wrong" \
		"$dir/unknown" "$dir/authority" >"$dir/measured" 2>&1
	sed 's/^/# /' "$dir/measured"
	read -r alike near <"$dir/verdict"
}
sizes=$(stat -c %s "$dir/wrong" "$dir/unknown" "$dir/authority" | uniq | wc -l)
ok "three first flights of the same length" test "$sizes" = 1
measure
ok "X5: the same octets come back" test "$alike" = 1
# One busy moment of the machine is no finding; three in a row are.
[ "$near" = 1 ] || measure
[ "$near" = 1 ] || measure
ok "X5: in the same time" test "$near" = 1
ok "the log tells them apart" eval \
	'logged b "KpcId odd@example.org is not known" &&
	 logged b "Kpc is not the same"'
ok "and the third" logged b \
	"KpcId hot@example.org is known, but the peer sent another server name"
finish
