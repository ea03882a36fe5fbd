#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Life of the module: it stays while associations exist (I5), leaves without a
# trace, and outlives namespaces that end with live bindings (I9).
#
#	kpc-a ---- veth ---- kpc-b, and a bound connection between them

. "$(dirname "$0")/../tap.sh"
tool=$KPC_BUILD/selftests/kmod/tool_pair
loaded()
{
	[ -d /sys/module/kpc ]
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

# Whether the module is in the packet path of a site.
hooked()
{
	ip netns exec "kpc-$1" nft list hooks | grep '\[kpc\]'
}

# What says so came with 5.14, and not every kernel is built with it.
hooks_ok()
{
	if modprobe -q nfnetlink_hook; then
		ok "$@"
	else
		skip "$1" "this kernel does not tell its hooks (nfnetlink_hook)"
	fi
}

let_go()
{
	local pid=$HOLD_PID

	exec {HOLD[1]}>&-
	wait "$pid"
}

plan 22

modprobe tls
ok "the module loads" modprobe kpc
ok "it unloads where nothing was done" rmmod kpc
ok "it loads again" modprobe kpc
ok "two sites" sites_up
hooks_ok "a site without associations has no hook of it" not hooked a
ok "a bound connection between them" hold hold
hooks_ok "one that has them has" hooked a
ok "unload is refused while associations exist" not rmmod kpc
ok "the module is there" loaded
kill -9 "$HOLD_PID"
wait "$HOLD_PID" 2>/dev/null
ok "unload is refused still when the process is gone" not rmmod kpc
ok "site a's association is deleted" "$tool" del a
hooks_ok "the last took the hooks along" within 5 not hooked a
hooks_ok "those of site b are there" hooked b
ok "unload is refused for site b's" not rmmod kpc
ok "site b's association is deleted" "$tool" del b
ok "now it unloads" within 5 rmmod kpc

modprobe kpc
ok "a registered listener, and no association" hold listen
ok "unload is refused while a socket is registered" not rmmod kpc
let_go
ok "it unloads when that is closed" within 5 rmmod kpc

modprobe kpc
ok "a bound connection again" hold hold
ip netns del kpc-a
ip netns del kpc-b
let_go
ok "namespaces ended under it, and the module unloads" within 20 rmmod kpc
ok "nothing of it is left" not grep -q kpc /proc/modules
finish
