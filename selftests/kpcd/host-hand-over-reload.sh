#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Proves that whether a connection is handed over is settled as its plain leg is
# made: a reload that makes `plain hand-over:` of `plain unix:` under it changes
# nothing for it (X2).

. "$(dirname "$0")/lib.sh"
plan 9
PATH=$KPC_BUILD/examples:$PATH

port=$(free_port)
held=$(free_port)
for site in a b; do
	write "$dir/keys-$site" <<-END
	pump@example.org hex:$key
	END
done
pump="association pump kpc-id pump@example.org \\
	id-a //a.example/cse id-b //b.example/cse \\
	offload prefer start demand"

# site ROLE WORDS...: its table.
site()
{
	write "$dir/table-$1" <<<"$pump role $*"
	sed -i "s/ role $1 / role $1 \\\\\n\t/" "$dir/table-$1"
}

# reload SITE PID
reload()
{
	local seen

	seen=$(wc -l <"$dir/$1.log")
	kill -HUP "$2"
	within 5 eval 'tail -n +'$((seen + 1))" \"\$dir/$1.log\" | grep -q ': reloaded\$'"
}

# Role a: a program at a stream.
site b listen "127.0.0.1:$port" plain "unix:$dir/back" owner $UID
site a peer "127.0.0.1:$port" plain "unix:$dir/front"
echo_backend "$dir/back"
up b --table "$dir/table-b" --keys "$dir/keys-b" --workers 1
agent_b=$pid
up a --table "$dir/table-a" --keys "$dir/keys-a" --workers 1
agent_a=$pid
within 5 test -S "$dir/front"

# program NAME: connects, speaks by $in, is heard in $dir/NAME.out.
program()
{
	mkfifo "$dir/$1.in"
	socat STDIO "UNIX-CONNECT:$dir/front" <"$dir/$1.in" >"$dir/$1.out" 2>/dev/null &
	program=$!
	started+=($program)
	exec {in}>"$dir/$1.in"
}

# heard NAME WORDS: that and no more, and then an end.
heard()
{
	within 10 eval '! kill -0 $program' &&
		printf '%s' "$2" | cmp - "$dir/$1.out"
}
program live
echo alive >&"$in"
ok "role a: a connection is relayed" within 10 grep -qx alive "$dir/live.out"
site a peer "127.0.0.1:$port" plain "hand-over:$dir/given"
ok "its association's plain leg becomes one that hands over" eval \
	'reload a $agent_a && within 5 test -S "$dir/given"'
write "$dir/table-a" </dev/null
ok "and then the association goes" reload a $agent_a
ok "its program hears its data and nothing more" heard live $'alive\n'
exec {in}>&-

# A far end that takes the connection and says nothing.
socat "TCP-LISTEN:$held,bind=127.0.0.1,fork" EXEC:"sleep 60" </dev/null >/dev/null 2>&1 &
started+=($!)
within 5 listening "$held"
site a peer "127.0.0.1:$held" plain "unix:$dir/front"
reload a $agent_a
within 5 test -S "$dir/front"
program early
within 5 eval 'ss -Htn state established "dport = :$held" | grep -q .'
site a peer "127.0.0.1:$held" plain "hand-over:$dir/given"
reload a $agent_a
write "$dir/table-a" </dev/null
reload a $agent_a
ok "one whose handshake was under way hears nothing" heard early ""
exec {in}>&-

# Role b: the warden connects to what the association has by then, whatever the
# worker still knows. Between client and agent is what holds the client's proof.
cat >"$dir/hold.py" <<'END'
"""hold.py PORT TO: passes on, but what the client says second waits for SIGUSR1."""
import select, signal, socket, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
client = listener.accept()[0]
agent = socket.create_connection(("127.0.0.1", int(sys.argv[2])))
flights = 0
while True:
    for at in select.select([client, agent], [], [])[0]:
        octets = at.recv(65536)
        if not octets:
            sys.exit()
        if at is client:
            flights += 1
            if flights == 2:
                print("held", flush=True)
                signal.sigwait([signal.SIGUSR1])
        (agent if at is client else client).sendall(octets)
END
between=$(free_port)
python3 "$dir/hold.py" "$between" "$port" >"$dir/hold.out" 2>"$dir/hold.err" &
hold=$!
started+=($hold)
within 5 listening "$between"
app-server -u "$dir/app" </dev/null >"$dir/app.log" 2>&1 &
started+=($!)
within 5 test -S "$dir/app"
openssl s_client -connect "127.0.0.1:$between" -psk_identity pump@example.org -psk $key \
	-quiet </dev/null >"$dir/client.out" 2>&1 &
client=$!
started+=($client)
ok "role b: a handshake is all but over" within 10 grep -q held "$dir/hold.out"
site b listen "127.0.0.1:$port" plain "hand-over:$dir/app" owner $UID
# The warden hears of the change first, and its worker asks before it is told.
stopped()
{
	grep -q '^State:.*T' "/proc/$1/status"
}
kill -STOP $agent_b
within 5 stopped $agent_b
kill -HUP $agent_b
kill -USR1 $hold
# waiting: the worker has sent its question, which nobody reads.
waiting()
{
	ss -Hxp | awk -v pid="pid=$agent_b," 'index($0, pid) && $3 > 0 { found = 1 } END { exit !found }'
}
ok "its worker asks for the backend while a change waits" within 10 waiting
kill -CONT $agent_b
ok "what the agent carries is not handed over" within 10 logged b \
	"backend not reached NAME=pump .*the agent carries the records"
ok "and the application hears nothing of it" test ! -s "$dir/app.log"
finish
