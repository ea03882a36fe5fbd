#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Proves that an application is given the connection's own socket: it knows who is
# there from the kernel, goes on without the agent, and is ended by the kernel as
# any other (M8, I2, I4, I5, X1).
#
#      site a                                site b
#   +-----------------+                  +------------------+
#   | app-client,kpcd |- 10.77.0.0/24 -- | kpcd, app-server |
#   |             .1  |                  |  .2              |
#   +-----------------+                  +------------------+

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites.sh"

modprobe kpc 2>"$dir/why" || skip_all "no module kpc: $(head -n 1 "$dir/why")"
modprobe tls || skip_all "this kernel has no TLS"
plan 27
sites_up
PATH=$KPC_BUILD/examples:$PATH

# The applications are another user's, who has no right at all.
user=65534
mkdir "$dir/of-user"
chown $user "$dir/of-user"

words()
{
	echo "kpc-id $1@example.org id-a //a.example/cse/C$1 id-b //b.example/cse start auto"
}
for site in a b; do
	write "$dir/keys-$site" <<-END
	pump@example.org hex:$key
	tank@example.org hex:$other
	lone@example.org ascii:known-to-site-b-and-a-stranger
	both@example.org ascii:of-applications-at-both-ends
	END
done
served="plain hand-over:$dir/of-user/server owner $user"
write "$dir/a.conf" <<END
association pump role a $(words pump) \\
	peer 10.77.0.2:5684 plain unix:$dir/pump
association tank role a $(words tank) \\
	peer 10.77.0.2:5684 plain hand-over:$dir/tank owner $user
association both role a $(words both) \\
	peer 10.77.0.2:5684 plain hand-over:$dir/both owner $user
END
write "$dir/b.conf" <<END
config agent-lost end agent-lost-after 1s
association pump role b $(words pump) listen 10.77.0.2:5684 $served
association tank role b $(words tank) \\
	listen 10.77.0.2:5684 plain unix:$dir/back
association both role b $(words both) listen 10.77.0.2:5684 $served
association lone role b $(words lone) listen 10.77.0.2:5690 $served
END

# agent SITE [OPTION...]: starts its kpcd; its process is $pid.
agent()
{
	local site=$1
	shift

	ip netns exec "site-$site" kpcd --config "$dir/$site.conf" \
		--keys "$dir/keys-$site" --workers 2 --no-pin --drain 2 "$@" \
		</dev/null >>"$dir/$site.log" 2>&1 &
	pid=$!
	started+=("$pid")
}

# bindings SITE NAME: those that live.
bindings()
{
	ip netns exec "site-$1" kpc -j binding show "$2"
}

# handed SITE NAME COUNT: so many live, all with an application.
handed()
{
	bindings "$1" "$2" | jq -e "length == $3 and
		all(.carrier == \"kernel\" and .handed_over and .session == 0)"
}

# said PATTERN: the server has, since `hush`.
said()
{
	grep -qE -- "$1" "$dir/server.log"
}
hush()
{
	: >"$dir/server.log"
}

# reach NAME: an application of site a, connected; speaks by $in, is heard in $dir/NAME.out.
reach()
{
	rm -f "$dir/$1.in"
	mkfifo "$dir/$1.in"
	ip netns exec site-a setpriv --reuid $user --regid $user --clear-groups \
		"$KPC_BUILD/examples/app-client" "$dir/$1" //b.example/cse \
		<"$dir/$1.in" >"$dir/$1.out" 2>"$dir/$1.err" &
	client=$!
	started+=($client)
	exec {in}>"$dir/$1.in"
}

# lives NAME: what it sends comes back.
count=0
lives()
{
	count=$((count + 1))
	echo "alive $count" >&"$in"
	within 10 grep -q "alive $count" "$dir/$1.out"
}

# ended STATUS: the application of site a has, so.
ended()
{
	local status

	within 10 eval "! kill -0 $client" || return
	wait "$client"
	status=$?
	[ $status = "$1" ] || { echo "status $status"; return 1; }
}

# stranger OPTION...: openssl s_client at site a, which speaks by $in; $client.
stranger()
{
	rm -f "$dir/lone.in"
	mkfifo "$dir/lone.in"
	ip netns exec site-a openssl s_client -connect 10.77.0.2:5690 -psk_identity lone@example.org \
		-psk "$(printf known-to-site-b-and-a-stranger | od -An -tx1 | tr -d ' \n')" \
		-tls1_3 "$@" <"$dir/lone.in" >"$dir/lone.out" 2>&1 &
	client=$!
	started+=($client)
	exec {in}>"$dir/lone.in"
}

nb kpc load "$dir/b.conf" --keys "$dir/keys-b" || exit
na kpc load "$dir/a.conf" --keys "$dir/keys-a" || exit
agent b --engine epoll
b=$pid
agent a
a=$pid
echo_backend "$dir/back"
nb setpriv --reuid $user --regid $user --clear-groups \
	"$KPC_BUILD/examples/app-server" "$dir/of-user/server" \
	</dev/null >>"$dir/server.log" 2>&1 &
started+=($!)
within 10 test -S "$dir/of-user/server"
ok "both sites are open" within 30 eval \
	'logged a "association open NAME=pump" && logged a "association open NAME=tank" &&
	 logged a "association open NAME=both" && logged b "association open NAME=lone"'

# Role b.
ok "M8: role b: an application has the connection" eval \
	'[ "$(echo "by pump" | timeout 20 socat -t 10 - "UNIX-CONNECT:$dir/pump")" = "by pump" ]'
ok "and the kernel's word for who is there" \
	said "^pump: //a.example/cse/Cpump of //b.example/cse has come$"
ok "close_notify both ways: it ended in order here" within 5 said "^pump: ended in order$"
ok "and there" within 5 logged a 'connection closed NAME=pump .*"ended in order"'
ok "the agent tells that it is no longer its own" \
	logged b 'connection handed over NAME=pump .*CARRIER=kernel BINDING='

# Role a.
reach tank
ok "role a: an application has the connection" lives tank
ok "and is told who is there" grep -qx \
	"connected to //b.example/cse as //a.example/cse/Ctank" "$dir/tank.err"
exec {in}>&-
ok "it ends in order" ended 0
ok "there too" within 5 logged b 'connection closed NAME=tank .*"ended in order"'
chmod 711 "$dir"
ok "another user is not let in" eval \
	'! na setpriv --reuid 4000 --clear-groups "$KPC_BUILD/examples/app-client" "$dir/tank" \
		//b.example/cse </dev/null 2>&1 | grep -v "Permission denied"'

# At both ends, and no agent.
hush
reach both
ok "at both ends" lives both
ok "which both modules know" eval 'handed a both 1 && handed b both 1'
mapfile -t workers_b < <(workers "$b")
kill -9 "$a" "$b"
wait "$a" "$b" 2>/dev/null
gone()
{
	local process

	for process in "${workers_b[@]}"; do
		[ ! -d "/proc/$process" ] ||
			grep -q '^State:.*Z' "/proc/$process/status" || return 1
	done
}
ok "I5: kill -9 of both agents and their workers" within 10 gone
# Longer than agent-lost-after.
sleep 3
ok "the connection goes on, whatever agent-lost says" lives both
ok "and stays bound" eval 'handed a both 1 && handed b both 1'
ok "I4: association del at site b" nb kpc association del both --force
ok "ends it at once" within 5 said \
	"^both: (the connection was ended by the kernel|the connection was reset)$"
ok "and at the other site" ended 1
ok "which tells its program" grep -qE "the connection was reset|without close_notify" \
	"$dir/both.err"
exec {in}>&-

agent b
b=$pid
agent a
a=$pid
ok "agents that come after take over" within 30 eval \
	'[ "$(echo again | timeout 20 socat -t 10 - "UNIX-CONNECT:$dir/pump")" = again ]'

# Peers of another make.
hush
stranger
echo hello >&"$in"
ok "openssl s_client is heard" within 20 grep -qx hello "$dir/lone.out"
echo K >&"$in"
ok "X1: its KeyUpdate ends the connection" within 10 said \
	"^lone: the far end wants new keys \(KeyUpdate\), which ends a connection that was handed over$"
ok "and it is told by an alert" within 10 grep -qi "unexpected message" "$dir/lone.out"
exec {in}>&-
hush
stranger -quiet -no_ign_eof
echo hello >&"$in"
within 20 grep -qx hello "$dir/lone.out"
exec {in}>&-
ok "its end in order is one" within 10 said "^lone: ended in order$"
hush
stranger -quiet
echo hello >&"$in"
within 20 grep -qx hello "$dir/lone.out"
kill -9 $client
ok "I8: one that was killed is told from that" within 10 said \
	"^lone: the far end hung up without close_notify$"
exec {in}>&-

# Limits, and those who close.
hush
reach tank
lives tank
ok "kpc close ends what an application has" eval \
	'na kpc close tank && ended 1 && handed a tank 0'
exec {in}>&-
finish
