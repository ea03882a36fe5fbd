#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# With the module and few handshakes for all workers together: whoever takes as
# many as he can get leaves room for others, in both roles (X5).
#
#      site a                                site b
#   +-------------+                      +--------------+
#   | peers, kpcd |---- 10.78.0.0/24 ----| kpcd, echo   |
#   |      .1, .3 |                      |  .2          |
#   +-------------+                      +--------------+

. "$(dirname "$0")/lib.sh"

modprobe kpc 2>"$dir/why" || skip_all "no module kpc: $(head -n 1 "$dir/why")"
plan 9
ulimit -n 8192

clean_up_sites()
{
	clean_up
	ip netns del crowd-a
	ip netns del crowd-b
}
trap clean_up_sites EXIT

na() { ip netns exec crowd-a "$@"; }
nb() { ip netns exec crowd-b "$@"; }

for site in a b; do
	ip netns add crowd-$site
	ip netns exec crowd-$site ip link set lo up
done
ip link add wire netns crowd-a type veth peer name wire netns crowd-b
na ip addr add 10.78.0.1/24 dev wire
na ip addr add 10.78.0.3/24 dev wire
nb ip addr add 10.78.0.2/24 dev wire
na ip link set wire up
nb ip link set wire up

write "$dir/keys" <<END
pump@example.org hex:$key
deaf@example.org hex:$other
END
words()
{
	echo "kpc-id $1@example.org id-a //a.example/cse/C$1 id-b //b.example/cse" \
		"limit handshake-time 300"
}
write "$dir/b.conf" <<END
config max-handshakes 400
association pump role b $(words pump) \\
	listen 10.78.0.2:5684 plain unix:$dir/back start auto
END
write "$dir/a.conf" <<END
config max-handshakes 400
association pump role a $(words pump) \\
	peer 10.78.0.2:5684 plain unix:$dir/pump start demand
association deaf role a $(words deaf) \\
	peer 10.78.0.2:6000 plain unix:$dir/deaf start demand
END

# agent SITE: starts its kpcd, for which its table is there.
agent()
{
	ip netns exec "crowd-$1" kpc load "$dir/$1.conf" --keys "$dir/keys" ||
		return
	ip netns exec "crowd-$1" kpcd --config "$dir/$1.conf" \
		--keys "$dir/keys" --workers 2 --no-pin --drain 1 \
		--source-rate 0 </dev/null >>"$dir/$1.log" 2>&1 &
	agent=$!
	started+=("$agent")
	within 20 eval '[ "$(grep -c "worker [0-9] is ready" "$dir/'"$1"'.log")" = 2 ]'
}

# hold COUNT FAMILY ARGS...: so many connections of which nothing is ever heard,
# until $holder is killed.
cat >"$dir/hold.py" <<'END'
import socket, sys, time
count, family, *where = sys.argv[1:]
held = []
for _ in range(int(count)):
    s = socket.socket(getattr(socket, family))
    try:
        if family == "AF_INET":
            s.bind((where[0], 0))
            s.connect((where[1], int(where[2])))
        else:
            s.connect(where[0])
    except OSError:
        pass
    held.append(s)
print("held", flush=True)
time.sleep(600)
END
hold()
{
	: >"$dir/held"
	ip netns exec crowd-a python3 "$dir/hold.py" "$@" >"$dir/held" &
	holder=$!
	started+=("$holder")
	within 60 grep -q held "$dir/held"
}

# peer: one from another address is answered.
peer()
{
	rm -f "$dir/in"
	mkfifo "$dir/in"
	: >"$dir/out"
	na timeout 20 openssl s_client -connect 10.78.0.2:5684 \
		-bind 10.78.0.3 -psk_identity pump@example.org -psk $key \
		-quiet -no_ign_eof <"$dir/in" >"$dir/out" 2>&1 &
	local process=$!

	exec 7>"$dir/in"
	(trap '' PIPE; echo hello >&7) 2>/dev/null
	within 20 eval 'grep -qx hello "$dir/out" || ! kill -0 '$process
	exec 7>&-
	wait $process
	grep -qx hello "$dir/out"
}

# through: a local program of site a reaches the backend of site b.
through()
{
	[ "$({ echo "by pump"; sleep 0.5; } |
		timeout 15 socat -t 8 - "UNIX-CONNECT:$dir/pump")" = "by pump" ]
}

registered()
{
	ip netns exec "crowd-$1" kpc -j stats | jq .handshakes
}

echo_backend "$dir/back"
ok "site b is up" agent b
b=$agent
ok "a peer is answered" within 20 peer
ok "one address makes more silent connections than the module registers" \
	hold 600 AF_INET 10.78.0.1 10.78.0.2 5684
ok "a peer of another address is answered all the same" within 20 peer
ok "some of the many gave way to others" logged b "the oldest gives way"
# 400 less a quarter, less one for what this side begins, less two listeners: two
# thirds of it for both.
ok "the module's room is not used up" within 20 \
	eval '[ "$(registered b)" -gt 100 ] && [ "$(registered b)" -le 150 ]'
kill "$holder"

ip netns exec crowd-b python3 -c 'import socket, time
s = socket.create_server(("10.78.0.2", 6000), backlog=2000)
time.sleep(600)' &
started+=($!)
ok "site a is up" within 30 agent a
within 20 test -S "$dir/deaf"
hold 600 AF_UNIX "$dir/deaf"
within 20 logged a "too many handshakes with the far end are under way"
ok "a far end that says nothing leaves handshakes for others" through
# A quarter of all, and of that a half for one association.
ok "and room in the module" eval \
	'[ "$(registered a)" -gt 25 ] && [ "$(registered a)" -le 75 ]'
kill "$holder" "$b"
finish
