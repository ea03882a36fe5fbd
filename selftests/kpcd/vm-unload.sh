#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Proves that an agent whose module is unloaded ends, rather than go on deaf to
# the next one (I5).

. "$(dirname "$0")/lib.sh"

modprobe kpc 2>"$dir/why" || skip_all "no module kpc: $(head -n 1 "$dir/why")"
plan 6

write "$dir/keys" <<END
pump@example.org hex:$key
END

# agent: starts it; its log is that of this one alone.
agent()
{
	up a --config "$dir/none" --keys "$dir/keys" --workers 2 --no-pin
}

# ended STATUS: the agent has, so.
ended()
{
	within 10 eval "! kill -0 $pid" || return
	wait "$pid"
	[ $? = "$1" ]
}

session()
{
	kpc -j session show | jq -e "any(.type == \"warden\" and .pid == $pid)"
}

agent
ok "an agent without associations" within 10 session
# Another family comes and goes, where there is one.
modprobe l2tp_netlink 2>/dev/null && rmmod l2tp_netlink
ok "goes on when another module is unloaded" session
ok "does not keep its own" rmmod kpc
ok "and ends with it" ended 1
ok "which it tells" logged a "kpc.ko was unloaded"
modprobe kpc
agent
ok "with the next module another agent has its session" within 10 session
finish
