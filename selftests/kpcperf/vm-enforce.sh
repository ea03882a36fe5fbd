#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kpcperf as the module's agent: its connections are bound, and nothing else
# gets to the address that the association protects (I2, I3).
#
#      site a                                        site b
#   +--------------------+                      +--------------+
#   | kpcperf -c      .1 |---- 10.77.0.0/24 ----| .2 kpcperf -s|
#   +--------------------+                      +--------------+

. "$(dirname "$0")/../kpcd/lib.sh"
. "$(dirname "$0")/../kpcd/sites.sh"

modprobe tls || skip_all "this kernel has no TLS"
modprobe kpc 2>"$dir/why" || skip_all "no module kpc: $(head -n 1 "$dir/why")"
plan 9

sites_up

write "$dir/keys" <<END
perf@example.org hex:$key
END
write "$dir/a" <<END
association perf role a kpc-id perf@example.org id-a //a.example/cse \\
	id-b //b.example/cse versions tls1.2,tls1.3 peer 10.77.0.2:5201
END
write "$dir/b" <<END
association perf role b kpc-id perf@example.org id-a //a.example/cse \\
	id-b //b.example/cse versions tls1.2,tls1.3 listen 10.77.0.2:5201
END

# serve: a server for one test, listening; a process of its own, to be killed.
serve()
{
	ip netns exec site-b kpcperf -s -1 -B 10.77.0.2 --enforce --table "$dir/b" \
		--keys "$dir/keys" "$@" </dev/null >>"$dir/server.log" 2>&1 &
	server=$!
	started+=("$server")
	within 10 eval 'nb ss -Htln "sport = :5201" | grep -q .'
}

# ask OPTION...: a client.
ask()
{
	na kpcperf -c 10.77.0.2 --table "$dir/a" --keys "$dir/keys" "$@"
}

# through OPTION...: a whole test that both ends find in order.
through()
{
	local client=1 status

	serve && ask --enforce "$@" && client=0
	wait $server
	status=$?
	echo "client $client, server $status"
	[ $client = 0 ] && [ $status = 0 ]
}

# closed: the module lets no SYN out, though somebody listens.
closed()
{
	ask -n 1K 2>&1 | grep -F "Connection refused"
}

# bound SITE COUNT: so many connections are the association's.
bound()
{
	[ "$(ip netns exec "site-$1" kpc -j binding show | jq length)" = "$2" ]
}

na kpc load "$dir/a"
nb kpc load "$dir/b"

serve
ok "without the module's binding the address is closed" closed
kill $server
wait $server

ok "octets both ways, bound" through -n 4M --bidir --verify -P 2
ok "octets of TLS 1.2, bound" through -n 4M --verify --tls-version 1.2
ok "requests, bound" through --rr -t 0.5
ok "connections, bound one after another" through --connect -t 0.5 -P 4

serve
ip netns exec site-a kpcperf -c 10.77.0.2 --enforce --table "$dir/a" \
	--keys "$dir/keys" -t 60 --bidir --idle 3 \
	</dev/null >>"$dir/client.log" 2>&1 &
client=$!
started+=("$client")
# Two streams, three that are idle, and the control connection.
ok "each connection is a binding of site a" within 30 bound a 6
ok "and of site b" within 30 bound b 6
na kpc association del perf
ok "an association that is deleted ends the test at once" not wait $client
ok "which the server takes for no success" not wait $server
finish
