#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Proves that an unknown KpcId and a wrong Kpc are refused with the same octets
# and in the same time, as far as a client can measure (X5, I7).

. "$(dirname "$0")/lib.sh"
plan 4

port=$(free_port)
catch=$(free_port)
write "$dir/keys" <<END
new@example.org hex:$key
old@example.org hex:$other
END
write "$dir/table" <<END
association new role b kpc-id new@example.org \\
	id-a //a.example/cse id-b //b.example/cse \\
	offload off listen 127.0.0.1:$port plain unix:$dir/back owner $UID start auto
association old role b kpc-id old@example.org profile onem2m \\
	id-a //a.example/cse/Cold id-b //b.example/cse \\
	offload off listen 127.0.0.1:$port plain unix:$dir/back owner $UID start auto
END
up b --table "$dir/table" --keys "$dir/keys" --workers 1

# The first flight of a client that has a wrong Kpc; both names are as long.
hello()
{
	timeout 3 socat -u "TCP-LISTEN:$catch,reuseaddr" "OPEN:$2,creat,trunc" &
	within 3 listening "$catch"
	timeout 1 openssl s_client -connect "127.0.0.1:$catch" -psk_identity "$1" \
		-psk 0123456789abcdef0123456789abcdef -quiet -tls1_3 \
		</dev/null >/dev/null 2>&1
	wait $!
}
hello new@example.org "$dir/wrong"
hello odd@example.org "$dir/unknown"

cat >"$dir/measure.py" <<'END'
import socket, statistics, sys, time

port, tries = int(sys.argv[1]), int(sys.argv[2])
flights = [open(name, "rb").read() for name in sys.argv[3:5]]
times, answers = ([], []), (set(), set())
for turn in range(tries):
    # In turns, the other one first each time: what the machine does
    # meanwhile meets both.
    for which in ((0, 1), (1, 0))[turn % 2]:
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
print("wrong Kpc %.0f us, unknown KpcId %.0f us, quartiles %.0f and %.0f us"
      % (*medians, spread[0] * 1e6, spread[2] * 1e6))
alike = len(answers[0]) == 1 and answers[0] == answers[1]
near = abs(medians[0] - medians[1]) < max(0.1 * medians[0],
                                          (spread[2] - spread[0]) * 1e6)
open(sys.argv[5], "w").write("%d %d" % (alike, near))
END
measure()
{
	python3 "$dir/measure.py" "$port" 200 "$dir/wrong" "$dir/unknown" \
		"$dir/verdict" >"$dir/measured" 2>&1
	sed 's/^/# /' "$dir/measured"
	read -r alike near <"$dir/verdict"
}
ok "two first flights of the same length" test \
	"$(stat -c %s "$dir/wrong")" = "$(stat -c %s "$dir/unknown")"
measure
ok "X5: the same octets come back" test "$alike" = 1
# One busy moment of the machine is no finding; three in a row are.
[ "$near" = 1 ] || measure
[ "$near" = 1 ] || measure
ok "X5: in the same time" test "$near" = 1
ok "the log tells them apart" eval \
	'logged b "KpcId odd@example.org is not known" &&
	 logged b "Kpc is not the same"'
finish
