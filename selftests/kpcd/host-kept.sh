#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Proves when the connection that an establishment has made waits for a local
# program: not where each binding counts.

. "$(dirname "$0")/lib.sh"
plan 7

pump_site
write "$dir/keys-a" <"$dir/keys"

# table_a WORDS: site a's association, with them.
table_a()
{
	write "$dir/table-a" <<-END
	association pump role a kpc-id pump@example.org \\
		id-a //a.example/cse id-b //b.example/cse \\
		offload off peer 127.0.0.1:$port plain unix:$dir/front \\
		start auto $*
	END
}

# to_b COUNT: so many connections lead there.
to_b()
{
	[ "$(ss -Htn state established "dport = :$port" | wc -l)" = "$1" ]
}

through()
{
	[ "$({ echo "by pump"; sleep 0.3; } |
		timeout 10 socat -t 5 - "UNIX-CONNECT:$dir/front")" = "by pump" ]
}

echo_backend "$dir/back"
up b --table "$dir/table" --keys "$dir/keys" --workers 2 --no-pin
table_a
up a --table "$dir/table-a" --keys "$dir/keys-a" --workers 2 --no-pin
within 10 logged a "association open"
ok "what an establishment has made waits" to_b 1
table_a limit bindings 1
kill -HUP "$pid"
within 5 logged a "reloaded"
ok "with limit bindings not any more" within 5 to_b 0
ok "the far end takes it for an end in order" within 5 \
	logged b 'connection closed NAME=pump .*"ended in order"'
ok "a local program passes" through
kill "$pid"
wait "$pid"
up a --table "$dir/table-a" --keys "$dir/keys-a" --workers 2 --no-pin
within 10 logged a "association open"
ok "with limit bindings from the beginning none waits" within 5 to_b 0
ok "a local program passes" eval 'through && through && through'
ok "and its connection ends with it" within 5 to_b 0
finish
