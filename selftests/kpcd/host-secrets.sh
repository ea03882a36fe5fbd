#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Searches the agent's real memory for keys (I6): a worker between handshakes holds
# no Kpc, and nothing of what a connection was encrypted with once that has ended;
# no process of the agent can be read by another user, or leaves a core; and no
# key is in an argument vector, an environment or the log. That the search finds a
# key where there is one is seen in a process of the test's own, and in the warden
# as it is on a kernel without memfd_secret(2).

. "$(dirname "$0")/lib.sh"

[ "$(id -u)" = 0 ] || skip_all "reads the memory of others, as root"
tools=${KPC_BUILD:-$(dirname "$0")/../../build}/selftests/kpcd
[ -x "$tools/tool_memory_search" ] || skip_all "no $tools/tool_memory_search"
! sanitized || skip_all "the address sanitizer keeps what was freed"
plan
umask 077

port=$(free_port)
hex() { od -An -v -tx1 | tr -d ' \n'; }
kpc_line=$(head -c 32 /dev/urandom | hex)
kpc_file=$(head -c 32 /dev/urandom | hex)
printf %s "$kpc_file" | sed 's/../\\x&/g' | xargs -0 printf %b | base64 -w0 >"$dir/key"
write "$dir/keys" <<END
line@example.org hex:$kpc_line
file@example.org file+base64:$dir/key
END
write "$dir/table" <<END
association line role b kpc-id line@example.org versions tls1.2,tls1.3 \\
	id-a //a.example/cse id-b //b.example/cse \\
	offload off listen 127.0.0.1:$port plain unix:$dir/back owner $UID start auto
association file role b kpc-id file@example.org versions tls1.2,tls1.3 \\
	id-a //a.example/cse/Cfile id-b //b.example/cse \\
	offload off listen 127.0.0.1:$port plain unix:$dir/back owner $UID start auto
END
write "$dir/table-a" <<END
association line role a kpc-id line@example.org \
	id-a //a.example/cse id-b //b.example/cse \
	offload off peer 127.0.0.1:$port plain unix:$dir/local start auto
END
echo_backend "$dir/back"

# As octets and as the text they were read from.
patterns()
{
	echo "Kpc-of-line $kpc_line"
	echo "Kpc-of-line-in-hex $(printf %s "$kpc_line" | hex)"
	echo "Kpc-of-file $kpc_file"
	echo "Kpc-of-file-in-hex $(printf %s "$kpc_file" | hex)"
	echo "Kpc-of-file-in-base64 $(hex <"$dir/key")"
}
patterns >"$dir/kpc"

# search PID PATTERNS [UID]: nothing of them is in its memory.
search()
{
	"$tools/tool_memory_search" "$1" $3 <"$2"
}
# finds NAME PID PATTERNS: they are, and this one among them.
finds()
{
	local name=$1
	shift

	search "$@" >"$dir/found"
	[ $? = 1 ] && cat "$dir/found" && grep -q "^$name," "$dir/found"
}

# The search itself
planted()
{
	python3 -c 'import sys, time
key = bytes.fromhex(sys.stdin.readline())
print("here", flush=True)
time.sleep(600)' <<<"$kpc_file" >"$dir/planted" &
	started+=($!)
	within 5 grep -q here "$dir/planted" && finds Kpc-of-file $! "$dir/kpc"
}
ok "a key in another program's memory is found" planted
ok "not in a program that has none" search $$ <(echo "none $(head -c 32 /dev/urandom | hex)")

# secrets_of KEYLOG: what s_client has of its connection's secrets.
secrets_of()
{
	sed -n 's/^\([A-Z_0-9]*\) [0-9a-f]* \([0-9a-f]*\)$/\1 \2/p' "$1"
}

# talks NAME KPC VERSION: one connection, whose secrets go to $dir/ended.
talks()
{
	answered "$port" "$1@example.org" "$2" "-$3" -keylogfile "$dir/keylog" &&
		secrets_of "$dir/keylog" >>"$dir/ended" && rm "$dir/keylog"
}

# All are of workers that have nothing to do any more. What TLS 1.3 leaves would be
# overwritten by what comes next, so it comes last, at either worker.
all_quiet()
{
	: >"$dir/ended"
	! answered "$port" line@example.org "$kpc_file" -tls1_3 &&
		! answered "$port" odd@example.org "$kpc_file" -tls1_2 || return
	for turn in tls1_2 tls1_2 tls1_3 tls1_3 tls1_3; do
		talks line "$kpc_line" $turn && talks file "$kpc_file" $turn || return
	done
	within 5 eval '[ "$(grep -c "connection closed" "$dir/b.log")" -ge 10 ]'
}

# each_worker COMMAND...: of each worker, with its process behind the command.
each_worker()
{
	local process count=0

	for process in $(workers "$warden"); do
		"$@" "$process" || return
		count=$((count + 1))
	done
	[ $count = 2 ]
}
no_kpc() { search "$1" "$dir/kpc"; }
nothing_ended() { search "$1" "$dir/ended"; }
closed_to()
{
	search "$2" "$dir/kpc" "$1" >"$dir/found"
	[ $? = 2 ] && grep -q " 0 KiB searched" "$dir/found"
}
# Of a process whose arguments and environment are all the file system has.
says_nothing()
{
	! grep -aqE "$kpc_line|$kpc_file|$(cat "$dir/key")" \
		"/proc/$1/cmdline" "/proc/$1/environ"
}

# The other end, whose worker has begun what it has.
entity_a()
{
	local process

	up a --table "$dir/table-a" --keys "$dir/keys" --workers 1
	process=$(workers "$pid")
	within 10 test -S "$dir/local" || return
	{ echo hello; sleep 10; } |
		timeout 10 socat - "UNIX-CONNECT:$dir/local" >"$dir/said" &
	started+=($!)
	within 10 grep -qx hello "$dir/said" &&
		! grep "connection closed" "$dir/a.log" &&
		[ -n "$process" ] && no_kpc "$process" && kill "$pid" &&
		within 30 not kill -0 "$pid"
}

# agent_is_clean: the one whose warden is $warden.
agent_is_clean()
{
	local process

	ok "connections of both versions and both keys, and two that fail" all_quiet
	ok "a worker between handshakes holds no Kpc, as octets or text" \
		each_worker no_kpc
	ok "nor what a connection was encrypted with that has ended" \
		each_worker nothing_ended
	ok "another user reads nothing of a worker's memory" \
		each_worker closed_to 65534
	ok "nor does the worker's own" \
		each_worker closed_to "$(stat -c %u "/proc/$(workers "$warden" | head -1)")"
	ok "nor of the warden's" closed_to 65534 "$warden"
	for process in "$warden" $(pgrep -P "$warden"); do
		says_nothing "$process" || break
	done
	ok "arguments and environments hold no key" says_nothing "$process"
	ok "Entity A's worker holds none when its connection is up" entity_a
	ok "no log holds one" \
		not grep -qE "$kpc_line|$kpc_file|$(cat "$dir/key")" "$dir"/?.log
}

arguments=(--table "$dir/table" --keys "$dir/keys" --workers 2 --no-pin --drain 3)
up b "${arguments[@]}"
warden=$pid
agent_is_clean
if search "$warden" <(echo "none $(head -c 32 /dev/urandom | hex)") |
		grep -q ", 0 secret,"; then
	skip "root finds no Kpc in the warden" "this kernel has no memfd_secret"
else
	ok "root finds no Kpc in the warden, whose memory for them is secret" \
		no_kpc "$warden"
fi

# No core, though they would be let to write one and the place is there.
no_core()
{
	local worker

	worker=$(workers "$warden" | head -1)
	kill -SEGV "$worker" && within 5 not kill -0 "$worker" &&
		kill -SEGV "$warden" && within 5 not kill -0 "$warden" &&
		[ -z "$(ls "$dir/cores")" ]
}
mkdir "$dir/cores"
kill "$warden"
within 10 not kill -0 "$warden"
if [ "$(cat /proc/sys/kernel/core_pattern)" = core ]; then
	ulimit -S -c unlimited
	ok "a program that is killed leaves a core here" \
		eval 'cd "$dir/cores"; sh -c "kill -SEGV \$\$"; cd - && ls "$dir"/cores/* &&
		rm "$dir"/cores/*'
	cd "$dir/cores"
	up b "${arguments[@]}"
	warden=$pid
	ok "no process of the agent does" no_core
	cd - >/dev/null
else
	skip "no process of the agent leaves a core" "the machine's cores go elsewhere"
fi

# The same without secret memory, so that the search sees what the warden has.
kpcd() { exec "$tools/tool_without_secretmem" "$kpcd" "$@"; }
kpcd=$(type -P kpcd)
up b "${arguments[@]}"
warden=$pid
agent_is_clean
ok "the warden holds the Kpc of each line" \
	eval 'finds Kpc-of-line "$warden" <(sed -n 1p "$dir/kpc") &&
	finds Kpc-of-file "$warden" <(sed -n 3p "$dir/kpc")'
ok "once, and not as the text it was read from" \
	eval '[ "$(search "$warden" <(sed -n 1p "$dir/kpc") | grep -c ", from octet 0 ")" = 1 ] &&
	search "$warden" <(grep -e -in- "$dir/kpc")'
finish
