#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Proves that workers are confined, that one that is killed is replaced without
# harm to others or to connections that wait, and that none outlives the warden
# (I5, I6, I10).

. "$(dirname "$0")/lib.sh"
plan 19

pump_site
echo_backend "$dir/back"
up b --table "$dir/table" --keys "$dir/keys" --workers 2 --no-pin --drain 3
warden=$pid
mapfile -t worker < <(workers "$warden")

# status FIELD VALUE: both workers have it in /proc/PID/status.
status()
{
	local process

	for process in "${worker[@]}"; do
		grep -E "^$1:[[:space:]]+$2\$" "/proc/$process/status" || return
	done
}

all_zero()
{
	local set

	for set in Inh Prm Eff Amb; do
		status "Cap$set" 0+ || return
	done
}

# apart WHAT...: of what a command says of each worker, nothing is said of both.
apart()
{
	local process first second

	for process in "${worker[@]}"; do
		"$@" "$process" | sort -u >"$dir/of-$process"
		# One that says nothing has not been looked at.
		[ -s "$dir/of-$process" ] || return
	done
	first=$dir/of-${worker[0]} second=$dir/of-${worker[1]}
	! comm -12 "$first" "$second" | grep .
}
# Memory that others may have too, and that can be written: device and inode.
shared_memory()
{
	awk '$2 ~ /^.w.s/ { print $4, $5, $6 }' "/proc/$1/maps"
}
# Sockets, pipes and rings; the log is one for all.
open_objects()
{
	find "/proc/$1/fd" -lname '*:\[[0-9]*\]' -printf '%l\n'
	awk '/io_uring/ { print $4, $5 }' "/proc/$1/maps"
}

ok "there are two workers" test ${#worker[@]} -eq 2
ok "I10: no capability in any set" all_zero
ok "no_new_privs" status NoNewPrivs 1
ok "seccomp filter" status Seccomp 2
ok "no memory that one writes is another's" apart shared_memory
ok "and no socket" apart open_objects
not_dumpable()
{
	local process

	# Owner root is what a process that cannot be dumped shows.
	for process in "${worker[@]}" "$warden"; do
		[ "$(stat -c %u "/proc/$process/mem")" = 0 ] || return
		grep -E '^Max core file size +0 +0' "/proc/$process/limits" ||
			return
	done
}
ok "I6: neither they nor the warden dump core" not_dumpable
if [ "$(id -u)" = 0 ]; then
	ok "another user than root" not status Uid '0	0	0	0'
	ok "no supplementary group" status Groups ' *'
	ok "an empty bounding set" status CapBnd 0+
	empty_root()
	{
		local process

		for process in "${worker[@]}"; do
			[ -z "$(ls -A "/proc/$process/root/")" ] || return
			[ "$(stat -Lc %h "/proc/$process/root")" = 0 ] || return
		done
	}
	ok "an empty root directory that nothing can be made in" empty_root
	few_rights()
	{
		# CHOWN KILL SETGID SETUID SETPCAP NET_BIND_SERVICE NET_ADMIN
		# SYS_CHROOT: those that kpcd(8) names, or fewer.
		local have=$((0x$(awk '/^CapPrm/ { print $2 }' \
			"/proc/$warden/status")))
		[ $((have & ~0x415e1)) -eq 0 ]
	}
	ok "the warden has the rights that kpcd(8) names and no other" \
		few_rights
else
	for what in "another user" "no group" "bounding set" "empty root" \
		    "rights of the warden"; do
		skip "$what" "only root can change these"
	done
fi

# A connection on each worker, so that one of them is not the killed one's.
declare -A holder
mkfifo "$dir/in1" "$dir/in2" "$dir/in3" "$dir/in4" "$dir/in5" "$dir/in6"
for i in 1 2 3 4 5 6; do
	timeout 60 openssl s_client -connect "127.0.0.1:$port" -psk_identity \
		pump@example.org -psk $key -tls1_3 -quiet \
		<"$dir/in$i" >"$dir/out$i" 2>&1 &
	started+=($!)
	eval "exec $((i + 10))>$dir/in$i"
	within 5 eval '[ "$(grep -c "connection up" "$dir/b.log")" -ge '$i' ]'
	holder[$i]=$(grep "connection up" "$dir/b.log" | tail -n 1 |
		sed 's/.*WORKER=//')
done
killed=$(sed -n "s/.*worker ${holder[1]} is ready.*PID=//p" "$dir/b.log")
kill -9 "$killed"
ok "I5: a killed worker is replaced" within 5 eval \
	'[ "$(grep -c "worker '"${holder[1]}"' is ready" "$dir/b.log")" -eq 2 ]'
ok "and logged" logged b "worker ${holder[1]} was ended by signal 9"

others_live()
{
	local i seen=0

	for i in 1 2 3 4 5 6; do
		[ "${holder[$i]}" = "${holder[1]}" ] && continue
		seen=1
		echo "still here $i" >&$((i + 10))
		within 5 grep -q "still here $i" "$dir/out$i" || return
	done
	# All on one worker: then there is nobody that could have been harmed.
	[ $seen = 1 ] || echo "all connections were the killed worker's"
}
ok "connections of the other worker go on" others_live
many()
{
	local i

	for i in 1 2 3 4 5 6; do
		answered "$port" pump@example.org $key -tls1_3 || return
	done
}
ok "the replacement serves: six connections more" many

kill -9 "$(workers "$warden" | head -n 1)"
waits()
{
	answered "$port" pump@example.org $key -tls1_3 &&
		answered "$port" pump@example.org $key -tls1_3
}
ok "a connection made while a worker is missing waits for it" waits

mapfile -t worker < <(workers "$warden")
kill -9 "$warden"
ended()
{
	local process

	for process in "${worker[@]}"; do
		[ -d "/proc/$process" ] &&
			! grep -q '^State:.*Z' "/proc/$process/status" && return 1
	done
	return 0
}
ok "I5: workers end with the warden" within 3 ended
ok "and nobody listens any more" not answered "$port" pump@example.org $key
finish
