#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Proves that a plain socket of role a that was given to another user is had
# again when nobody listens there, and taken from nobody who does.

. "$(dirname "$0")/lib.sh"
[ "$(id -u)" = 0 ] || skip_all "only root can give a socket to another user"
plan 11

port=$(free_port)
write "$dir/keys" <<END
pump@example.org hex:$key
END
write "$dir/table" <<END
association pump role a kpc-id pump@example.org \\
	id-a //a.example/cse id-b //b.example/cse \\
	offload off peer 127.0.0.1:$port plain unix:$dir/front owner 65534 \\
	start demand
END
agent=(--table "$dir/table" --keys "$dir/keys" --workers 1 --no-pin)

# down SIGNAL: ends the agent that runs.
down()
{
	kill "-$1" "$pid"
	wait "$pid" 2>/dev/null
}

# given: the owner may use it, and nobody else.
given()
{
	[ "$(stat -c %u:%a "$dir/front")" = 65534:600 ]
}

# refused REASON: the agent does not take what is there.
refused()
{
	local inode result

	inode=$(stat -c %i "$dir/front")
	up a "${agent[@]}"
	within 5 logged a "association not established .*$dir/front $1" &&
		[ "$(stat -c %i "$dir/front")" = "$inode" ]
	result=$?
	down TERM
	return $result
}

# listens OWNER COMMAND...: with it a program listens there; its process is $held.
listens()
{
	local owner=$1
	shift

	rm -f "$dir/front"
	"$@" socat "UNIX-LISTEN:$dir/front,fork,mode=0600,user=$owner" PIPE \
		</dev/null >/dev/null 2>&1 &
	held=$!
	started+=("$held")
	within 5 eval '[ "$(stat -c %u "$dir/front")" = '"$owner"' ]'
}

up a "${agent[@]}"
ok "the socket is its owner's" within 5 given
down KILL
ok "it is left behind by an agent that was killed" test -S "$dir/front"
up a "${agent[@]}"
ok "the next agent has it again" within 5 eval 'logged a "association open" && given'
down TERM
ok "and removes it at its end" not test -e "$dir/front"

# Of a text that names the path in a file system of one's own nothing follows.
up a "${agent[@]}"
within 5 given
down KILL
setpriv --reuid=65533 --regid=65533 --clear-groups unshare -Urm sh -c '
	mount -t tmpfs none "$0" && exec socat "UNIX-LISTEN:$0/front" PIPE' "$dir" \
	</dev/null >"$dir/said" 2>&1 &
pretender=$!
started+=("$pretender")
ok "a user binds a socket of that name elsewhere" within 5 eval \
	'[ -n "$(ss -Hxl src "$dir/front")" ] && kill -0 $pretender'
up a "${agent[@]}"
ok "which does not keep the agent from it" \
	within 5 eval 'logged a "association open" && given'
down TERM
kill $pretender

listens 65534 env
ok "one on which its owner listens is not replaced" \
	refused "is in use by another program"
kill $held
listens 65534 unshare -n
ok "nor one on which a program of another network namespace does" \
	refused "is in use by another program"
ok "and its owner has it as before" given
ok "and reaches who listens there" eval \
	'[ "$(echo heard | setpriv --reuid=65534 --clear-groups \
		socat -t 5 - "UNIX-CONNECT:$dir/front")" = heard ]'
kill $held

rm -f "$dir/front"
python3 -c 'import socket, sys
socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$dir/front"
chown 65533 "$dir/front"
ok "of a third user's it says that it cannot be told" \
	refused "is a socket of user 65533, and whether a program listens on it cannot be told"
finish
