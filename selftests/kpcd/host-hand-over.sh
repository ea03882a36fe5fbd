#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Applications that are given their connections: an end of a socket pair with the
# identity beside it, and who may give one; and that what the kernel does not carry
# is refused in so many words. What it does carry is vm-hand-over.sh's.

. "$(dirname "$0")/lib.sh"
plan 22
PATH=$KPC_BUILD/examples:$PATH

port=$(free_port)
write "$dir/keys" <<-END
pump@example.org hex:$key
valve@example.org hex:$other
END
# The second suite is one that no kernel carries.
write "$dir/table" <<-END
association pump role b kpc-id pump@example.org \\
	id-a //a.example/cse id-b //b.example/cse \\
	offload off listen 127.0.0.1:$port plain pair:$dir/app owner $UID start auto
association valve role b kpc-id valve@example.org \\
	id-a //a.example/cse/Cvalve id-b //b.example/cse \\
	profile onem2m suites PSK-AES128-CBC-SHA256 \\
	offload prefer listen 127.0.0.1:$port plain hand-over:$dir/whole owner $UID start auto
END
write "$dir/keys-a" <"$dir/keys"
write "$dir/table-a" <<-END
association pump role a kpc-id pump@example.org \\
	id-a //a.example/cse id-b //b.example/cse \\
	offload off peer 127.0.0.1:$port plain unix:$dir/front start auto
association valve role a kpc-id valve@example.org \\
	id-a //a.example/cse/Cvalve id-b //b.example/cse \\
	profile onem2m suites PSK-AES128-CBC-SHA256 \\
	offload prefer peer 127.0.0.1:$port plain hand-over:$dir/given start demand
END

# serve NAME PATH [OPTION]: the example's server, which logs to $dir/NAME.log; $server.
serve()
{
	app-server ${3:+"$3"} "$2" </dev/null >>"$dir/$1.log" 2>&1 &
	server=$!
	started+=($server)
	within 5 test -S "$2"
}

# through: what ends in order before it hears an answer hears it nevertheless.
through()
{
	[ "$(echo "by pump" | timeout 10 socat -t 10 - "UNIX-CONNECT:$dir/front")" = "by pump" ]
}

up b --table "$dir/table" --keys "$dir/keys" --workers 1
agent_b=$pid
ok "nobody is there: told" eval '! answered "$port" pump@example.org $key &&
	logged b "backend not reached NAME=pump .*No such file"'
serve app "$dir/app" -p
ok "an application is given an end of a pair, and who is there" eval \
	'answered "$port" pump@example.org $key &&
	grep -qx "pump: //a.example/cse of //b.example/cse has come, which no module vouches for" \
		"$dir/app.log"'
up a --table "$dir/table-a" --keys "$dir/keys-a" --workers 1
agent_a=$pid
within 10 logged a "association open NAME=pump"
: >"$dir/app.log"
ok "a direction that has ended leaves the other" through
ok "both have ended in order" within 5 grep -qx "pump: ended in order" "$dir/app.log"
ok "the agent relays it" within 5 logged b 'connection closed NAME=pump .*"ended in order"'

# The log and the application agree on who it was.
cat >"$dir/other.py" <<'END'
"""other.py PATH: an application in another language; prints what it is told."""
import os, socket, sys
listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
listener.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o666)
listener.listen()
print("listening", flush=True)
told, fds, _, _ = socket.recv_fds(listener.accept()[0], 2048, 1)
print(told.decode(), end="", flush=True)
stream = socket.socket(fileno=fds[0])
stream.sendall(stream.recv(100))
stream.close()
END
kill "$server"
wait "$server"
rm "$dir/app"
python3 "$dir/other.py" "$dir/app" >"$dir/told" &
started+=($!)
within 5 grep -q listening "$dir/told"
ok "one in another language too" answered "$port" pump@example.org $key
told()
{
	sed 1d "$dir/told" | sed -E 's/^(peer 127\.0\.0\.1):[0-9]+$/\1/' | diff - <(cat <<-END
	kpc-hand-over 1
	socket pair
	association pump
	kpc-id pump@example.org
	id-a //a.example/cse
	id-b //b.example/cse
	role b
	version tls1.3
	suite TLS_AES_128_GCM_SHA256
	peer 127.0.0.1
	END
	)
}
ok "it is told what kpc_app(3) says" told

rm "$dir/app"
serve app "$dir/app"
ok "who wants whole connections takes no pair" eval \
	'! answered "$port" pump@example.org $key &&
	grep -qx "refused: the agent has a socket pair, and this program takes the connection.s own socket only" \
		"$dir/app.log"'
kill "$server"
wait "$server"
# What an end of the application leaves is replaced by the next.
serve app "$dir/app" -p
ok "a socket that was left behind is replaced" answered "$port" pump@example.org $key

# as HOW: offers a pair as a user that is not the agent's; what the server says.
cat >"$dir/forge.py" <<'END'
"""forge.py PATH HOW: gives an application a pair; the user changes before it
connects, or as a worker's does, after."""
import os, socket, sys
def drop():
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
path, how = sys.argv[1:]
to = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
if how == "before":
    drop()
to.connect(path)
if how == "after":
    drop()
mine, its = socket.socketpair()
socket.send_fds(to, [b"""kpc-hand-over 1
socket pair
association pump
kpc-id pump@example.org
id-a //forged.example/cse
id-b //b.example/cse
role b
version tls1.3
suite TLS_AES_128_GCM_SHA256
"""], [its.fileno()])
its.close()
mine.sendall(b"forged")
print(mine.recv(100).decode())
END
forged()
{
	[ -z "$(python3 "$dir/forge.py" "$dir/app" "$1")" ] && grep -qxF "$2" "$dir/app.log"
}
if [ "$(id -u)" = 0 ]; then
	chmod 711 "$dir"
	ok "another user's is refused" forged before \
		"refused: uid 65534 is at the other end; the agent is root or uid 0"
	ok "and that of a worker, which has the agent's connection" forged after \
		"refused: a socket pair came from uid 65534, which is not the agent's"
else
	skip "another user's is refused" "only root can be another user"
	skip "and that of a worker, which has the agent's connection" \
		"only root can be another user"
fi

# What a worker that was taken over might answer an application of role a with.
cat >"$dir/another.py" <<'END'
"""another.py PATH: gives each program that comes a connection to //b.example/cse;
prints what it says there."""
import socket, sys
listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
listener.bind(sys.argv[1])
listener.listen()
print("listening", flush=True)
while True:
    to = listener.accept()[0]
    mine, its = socket.socketpair()
    socket.send_fds(to, [b"""kpc-hand-over 1
socket tls
association valve
kpc-id valve@example.org
id-a //a.example/cse/Cvalve
id-b //b.example/cse
role a
version tls1.3
suite TLS_AES_128_GCM_SHA256
"""], [its.fileno()])
    its.close()
    to.close()
    print("heard", mine.recv(7), flush=True)
END
python3 "$dir/another.py" "$dir/another" >"$dir/another.out" 2>&1 &
started+=($!)
within 5 grep -q listening "$dir/another.out"
ask()
{
	echo secret | timeout 10 app-client -u "$dir/another" "$1" >"$dir/asked" 2>&1
}
ask //b.example/cse
ok "role a: who was asked for is spoken to" within 5 \
	grep -qx "heard b'secret.n'" "$dir/another.out"
ok "another is told nothing" eval '! ask //c.example/cse &&
	grep -qx "the agent has a connection to //b.example/cse, not to //c.example/cse" \
		"$dir/asked" && within 5 grep -qx "heard b.." "$dir/another.out"'

# Relayed by the agent, so it goes with it.
exec 5> >(exec openssl s_client -connect "127.0.0.1:$port" -psk_identity pump@example.org \
	-psk $key -quiet >"$dir/held" 2>/dev/null)
echo held >&5
within 10 grep -qx held "$dir/held"
: >"$dir/app.log"
kill -9 "$(workers "$agent_b")"
ok "a pair ends with its worker" within 5 grep -qx "pump: ended in order" "$dir/app.log"
exec 5>&-
ok "and the next has another one" within 10 answered "$port" pump@example.org $key

# What the agent carries cannot be handed over.
no_socket="the agent carries the records, so there is no socket of the kernel's TLS to hand over"
serve whole "$dir/whole"
ok "role b: what the agent carries is refused" eval \
	'! answered "$port" valve@example.org $other -tls1_2 -cipher PSK-AES128-CBC-SHA256 &&
	logged b "backend not reached NAME=valve .*$no_socket; plain pair: does without"'
ok "and the application hears nothing of it" test ! -s "$dir/whole.log"
within 10 logged a "association open NAME=valve"
# What the application is told, in place of a connection.
given()
{
	! app-client "$dir/given" //b.example/cse </dev/null 2>"$dir/said" && grep -qxF "$1" "$dir/said"
}
ok "role a: its application is told why" given "$no_socket"
kill -9 "$agent_a"
wait "$agent_a" 2>/dev/null
ok "what an agent that was killed has left is replaced" eval \
	'[ -S "$dir/given" ] && up a --table "$dir/table-a" --keys "$dir/keys-a" --workers 1 &&
	within 10 logged a "association open NAME=valve" && given "$no_socket"'
kill -9 "$agent_b"
wait "$agent_b" 2>/dev/null
within 10 not listening "$port"
ok "it is told that nobody is there" given \
	"cannot connect to the far end: Connection refused"
write "$dir/table" <<-END
association pump role b kpc-id pump@example.org \\
	id-a //a.example/cse id-b //b.example/cse \\
	offload off listen 127.0.0.1:$port plain pair:$dir/app owner 4000000000 start auto
END
up b --table "$dir/table" --keys "$dir/keys" --workers 1
if [ "$(id -u)" = 0 ]; then
	kill "$server"
	wait "$server"
	rm "$dir/app"
	chmod 777 "$dir"
	setpriv --reuid 65534 --regid 65534 --clear-groups \
		"$(command -v app-server)" -p "$dir/app" </dev/null >"$dir/other.log" 2>&1 &
	started+=($!)
	within 5 test -S "$dir/app"
	ok "an application of a user that is not the owner gets nothing" eval \
		'! answered "$port" pump@example.org $key && ! grep "has come" "$dir/other.log" &&
		logged b "uid 65534 listens at $dir/app, who is neither root nor its owner"'
else
	ok "an application of a user that is not the owner gets nothing" eval \
		'! answered "$port" pump@example.org $key &&
		logged b "uid $UID listens at $dir/app, who is neither root nor its owner"'
fi

# What the warden and its worker have open.
descriptors()
{
	# shellcheck disable=SC2046
	find $(printf '/proc/%s/fd ' "$pid" $(workers "$pid")) -lname 'socket:*' | wc -l
}
before=$(descriptors)
for _ in 1 2 3; do
	answered "$port" pump@example.org $key
done
ok "nothing is left of what was refused" within 5 eval '[ "$(descriptors)" = '"$before"' ]'
finish
