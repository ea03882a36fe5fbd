# SPDX-License-Identifier: GPL-2.0-only
# What the tests of kpcd share: agents, backends, clients.
# shellcheck shell=bash

. "$(dirname "${BASH_SOURCE[0]}")/../tap.sh"
key=00112233445566778899aabbccddeeff
other=ffeeddccbbaa99887766554433221100

# The ends of the logs.
details()
{
	local log

	for log in "$dir"/*.log; do
		[ -f "$log" ] && tail -n 12 "$log" | sed "s|^|# ${log##*/}: |"
	done
}

# Whether kpcd was built with the address sanitizer.
sanitized()
{
	ldd "$(command -v kpcd)" | grep -q libasan
}

# A worker that a sanitizer ended was replaced.
sound()
{
	not grep -hE 'Sanitizer|runtime error' "$dir"/*.log 2>/dev/null
}

# A port that nobody has now.
free_port()
{
	python3 -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'
}

# write FILE, from standard input: configuration that only its owner may read.
write()
{
	(umask 077; cat >"$1")
}

# pump_site: keys and table of a site b with one association, pump, at $port.
pump_site()
{
	port=$(free_port)
	write "$dir/keys" <<-END
	pump@example.org hex:$key
	END
	write "$dir/table" <<-END
	association pump role b kpc-id pump@example.org \\
		id-a //a.example/cse id-b //b.example/cse \\
		offload off listen 127.0.0.1:$port plain unix:$dir/back owner $UID start auto
	END
}

# run NAME ARGS...: starts kpcd; its log is $dir/NAME.log, its process $pid.
run()
{
	local name=$1
	shift

	kpcd "$@" </dev/null >>"$dir/$name.log" 2>&1 &
	pid=$!
	started+=("$pid")
}

# up NAME ARGS...: starts kpcd and waits until its workers are there.
up()
{
	local name=$1 n

	[ -f "$dir/$name.log" ] && rm "$dir/$name.log"
	run "$@"
	n=$(sed -n 's/.*--workers \([0-9]*\).*/\1/p' <<<"$*")
	within 10 eval '[ "$(grep -c "worker [0-9]* is ready" "$dir/'"$name"'.log")" -ge '"${n:-1}"' ]'
}

# logged NAME PATTERN: a line of kpcd's log.
logged()
{
	grep -qE -- "$2" "$dir/$1.log"
}

# workers PID: its workers' processes.
workers()
{
	pgrep -P "$1" -f '^kpcd worker'
}

# echo_backend PATH: a UNIX socket that says what it hears.
echo_backend()
{
	socat "UNIX-LISTEN:$1,fork,mode=0666" PIPE </dev/null >/dev/null 2>&1 &
	started+=($!)
	within 5 test -S "$1"
}

# listening PORT: somebody does.
listening()
{
	ss -Htln "sport = :$1" | grep -q .
}

# bound PORT: somebody has it for datagrams.
bound()
{
	ss -Huln "sport = :$1" | grep -q .
}

# talk WORD ANSWER COMMAND...: says a word to a program and prints what that says.
# Its input ends when the answer is there, or nothing can come.
talk()
{
	local word=$1 answer=$2 process
	shift 2

	rm -f "$dir/talk.in" "$dir/talk.out"
	mkfifo "$dir/talk.in"
	: >"$dir/talk.out"
	"$@" <"$dir/talk.in" >"$dir/talk.out" 2>&1 &
	process=$!
	exec 7>"$dir/talk.in"
	# It may have ended before it read anything.
	(trap '' PIPE; echo "$word" >&7) 2>/dev/null
	within 10 eval 'grep -qx "$answer" "$dir/talk.out" ||
			! kill -0 '$process
	exec 7>&-
	wait $process
	cat "$dir/talk.out"
}

# client PORT IDENTITY KEY [OPTION...]: says "hello" as a foreign Entity A and
# prints what comes back.
client()
{
	local port=$1 identity=$2 psk=$3
	shift 3

	talk hello hello timeout 10 openssl s_client -connect "127.0.0.1:$port" \
		-psk_identity "$identity" -psk "$psk" -quiet -no_ign_eof "$@"
}

# answered PORT IDENTITY KEY [OPTION...]: the echo came back.
answered()
{
	client "$@" | grep -qx hello
}
