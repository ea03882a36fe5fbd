#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Life of the module: it stays while associations exist (I5), leaves without a
# trace, and outlives namespaces that end with live bindings (I9).
#
#	kpc-a ---- veth ---- kpc-b, and a bound connection between them

tool=$KPC_BUILD/selftests/kmod/tool_pair
n=0
failed=0

check()
{
	local what=$1
	shift
	n=$((n + 1))
	if "$@"; then
		echo "ok $n - $what"
	else
		echo "not ok $n - $what"
		failed=1
	fi
}

fails()
{
	! "$@"
}

loaded()
{
	[ -d /sys/module/kpc ]
}

# What ends in the background has so many seconds.
within()
{
	local left=$(($1 * 10))
	shift

	until "$@" 2>/dev/null; do
		left=$((left - 1))
		[ $left -gt 0 ] || return 1
		sleep 0.1
	done
}

sites_up()
{
	ip netns add kpc-a && ip netns add kpc-b &&
	ip link add kpc0 netns kpc-a type veth peer name kpc0 netns kpc-b &&
	ip -n kpc-a addr add 192.0.2.1/24 dev kpc0 &&
	ip -n kpc-b addr add 192.0.2.2/24 dev kpc0 &&
	ip -n kpc-a link set kpc0 up && ip -n kpc-b link set kpc0 up
}

hold()
{
	local said

	coproc HOLD { exec "$tool" "$1"; }
	read -r -t 20 said <&"${HOLD[0]}" && [ "$said" = up ]
}

let_go()
{
	local pid=$HOLD_PID

	exec {HOLD[1]}>&-
	wait "$pid"
}

echo "TAP version 13"
echo "1..18"

modprobe tls
check "the module loads" modprobe kpc
check "it unloads where nothing was done" rmmod kpc
check "it loads again" modprobe kpc
check "two sites" sites_up
check "a bound connection between them" hold hold
check "unload is refused while associations exist" fails rmmod kpc
check "the module is there" loaded
kill -9 "$HOLD_PID"
wait "$HOLD_PID" 2>/dev/null
check "unload is refused still when the process is gone" fails rmmod kpc
check "site a's association is deleted" "$tool" del a
check "unload is refused for site b's" fails rmmod kpc
check "site b's association is deleted" "$tool" del b
check "now it unloads" within 5 rmmod kpc

modprobe kpc
check "a registered listener, and no association" hold listen
check "unload is refused while a socket is registered" fails rmmod kpc
let_go
check "it unloads when that is closed" within 5 rmmod kpc

modprobe kpc
check "a bound connection again" hold hold
ip netns del kpc-a
ip netns del kpc-b
let_go
check "namespaces ended under it, and the module unloads" within 20 rmmod kpc
check "nothing of it is left" fails grep -q kpc /proc/modules
exit $failed
