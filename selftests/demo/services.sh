# SPDX-License-Identifier: GPL-2.0-only
# The programs that run on the sites, all of them what an operator would run.
# shellcheck shell=bash

# Users of site A: the operator, whom the local sockets let in, and a guest.
OPERATOR=1500
GUEST=1501
as_operator=(setpriv --reuid=$OPERATOR --regid=$OPERATOR --clear-groups --bounding-set=-all)
as_guest=(setpriv --reuid=$GUEST --regid=$GUEST --clear-groups --bounding-set=-all)

declare -A agent

# Starts kpcd on a site; what it logs is kept.
start_agent()
{
	local netns=$1

	shown "$netns" kpcd '&'
	ip netns exec "$netns" kpcd >>"$run/kpcd-$netns.log" 2>&1 &
	agent[$netns]=$!
	disown
	within 15 agent_ready "$netns"
}

# The agent is there once its workers have sessions of their own.
agent_ready()
{
	[ "$(workers "$1" | wc -l)" -ge 1 ]
}

# The process numbers of a site's workers.
workers()
{
	at "$1" kpc -j session show 2>/dev/null |
		jq -r '.[] | select(.type == "worker") | .pid'
}

start_backends()
{
	mkdir -p "$run/www/upload" "$run/www/tmp"
	chown -R www-data "$run/www"
	shown site-b nginx -c "$demo/conf/nginx.conf" '&'
	ip netns exec site-b nginx -c "$demo/conf/nginx.conf" 2>>"$run/nginx.log" &
	disown
	shown site-b mosquitto -c "$demo/conf/mosquitto-b.conf" '&'
	ip netns exec site-b mosquitto -c "$demo/conf/mosquitto-b.conf" &
	disown
	shown site-b iperf3 -s -B 127.0.0.1 '&'
	ip netns exec site-b iperf3 -s -B 127.0.0.1 >"$run/iperf3-server.log" 2>&1 &
	disown
	within 10 listening site-b 8080 && within 10 listening site-b 1883 &&
		within 10 listening site-b 5201
}

# Keeps what kpc monitor prints: as a person reads it on site A, as a program
# does on site B.
start_monitors()
{
	shown site-a kpc monitor '&'
	ip netns exec site-a kpc monitor >"$out/monitor-site-a.log" 2>&1 &
	disown
	shown site-b kpc -j monitor '&'
	ip netns exec site-b kpc -j monitor >"$out/monitor-site-b.json" 2>"$run/monitor.log" &
	disown
	within 5 has "$out/monitor-site-a.log" listening
}

start_bridge()
{
	shown site-a mosquitto -c "$demo/conf/mosquitto-a.conf" '&'
	ip netns exec site-a mosquitto -c "$demo/conf/mosquitto-a.conf" &
	disown
	within 10 listening site-a 1883
}

# Whether a TCP port is listened on.
listening()
{
	[ -n "$(at "$1" ss -Htln "sport = :$2")" ]
}

# The live bindings of a site as a JSON array, of one association or all.
bindings()
{
	at "$1" kpc -j binding show |
		jq --arg n "${2-}" '[.[] | select($n == "" or .association == $n)]'
}

# The mark of an association, as nft, ip and kpc print it.
mark_of()
{
	printf '0x%08x' "$(at "$1" kpc -j association show |
		jq --arg n "$2" '.[] | select(.name == $n) | .mark')"
}

# How many bindings a site has of an association.
binding_count()
{
	bindings "$@" | jq length
}
