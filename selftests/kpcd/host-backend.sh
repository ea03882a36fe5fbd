#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Proves that no user of this machine becomes a backend unless allow-uid names
# him, whatever address leads to him (M8).
#
#     this machine               another
#   +----------------+         +---------+
#   | kpcd, backends |--- ab --| backend |
#   | lo, .1 and .2  |.9     .7|         |
#   +----------------+         +---------+
#     10.1.0.0/24    10.2.0.0/24

. "$(dirname "$0")/lib.sh"
[ "$(id -u)" = 0 ] || skip_all "only root can listen as another user"
if [ "$1" != inside ]; then
	unshare --net ip link add type veth ||
		skip_all "no network namespaces, or no veth to join them"
	clean_up
	exec unshare --net "$0" inside
fi
plan 11

six=
ip link set lo up
ip addr add 10.1.0.1/24 dev lo
ip addr add 10.1.0.2/24 dev lo
ip addr add 2001:db8::1/128 dev lo && six=yes
unshare --net sleep 600 &
started+=($!)
there=$!
within 5 not test /proc/$$/ns/net -ef "/proc/$there/ns/net"
ip link add ab type veth peer name ba netns "$there"
ip addr add 10.2.0.9/24 dev ab
ip link set ab up
nsenter -t "$there" -n sh -c 'ip addr add 10.2.0.7/24 dev ba; ip link set ba up'

port=$(free_port)
plain=$(free_port)
: >"$dir/keys"
: >"$dir/table"
chmod 600 "$dir/keys" "$dir/table"
# backend NAME WORDS...: an association of role b with a Kpc of its own.
backend()
{
	local name=$1
	shift

	echo "$name@example.org ascii:the-key-of-the-backend-$name" >>"$dir/keys"
	cat >>"$dir/table" <<-END
	association $name role b kpc-id $name@example.org \\
		id-a //a.example/cse/C$name id-b //b.example/cse \\
		offload off listen 127.0.0.1:$port start auto \\
		plain tcp:$*
	END
}
backend own "10.1.0.1:$plain"
backend second "10.1.0.2:$plain"
backend mapped "[::ffff:10.1.0.2]:$plain"
backend six "[2001:db8::1]:$plain"
backend listed "10.1.0.2:$plain allow-uid 65534"
backend others "10.1.0.2:$plain allow-uid 1"
backend zero "0.0.0.0:$plain allow-uid 65534"
backend zeros "[::]:$plain allow-uid 1"
backend any "10.1.0.2:$plain allow-uid any"
backend far "10.2.0.7:$plain"
backend farther "10.2.0.7:$plain allow-uid 65534"

# The same port everywhere, so that only the address tells them apart.
setpriv --reuid 65534 --clear-groups \
	socat "TCP6-LISTEN:$plain,fork,ipv6only=0" PIPE </dev/null >/dev/null 2>&1 &
started+=($!)
nsenter -t "$there" -n \
	socat "TCP4-LISTEN:$plain,fork" PIPE </dev/null >/dev/null 2>&1 &
started+=($!)
within 5 listening "$plain"
within 5 nsenter -t "$there" -n bash -c "ss -Htln 'sport = :$plain' | grep -q ."
up b --table "$dir/table" --keys "$dir/keys" --workers 1

# reached NAME: what is sent under its KpcId comes back.
reached()
{
	answered "$port" "$1@example.org" \
		"$(printf 'the-key-of-the-backend-%s' "$1" | od -An -tx1 | tr -d ' \n')"
}
refused()
{
	! reached "$1" &&
		logged b "local user refused NAME=$1 .*REASON=\"$2"
}
here="the backend is on this machine, and no allow-uid says whose it may be"
ok "M8: an address of this machine is no other machine's" refused own "$here"
ok "nor is the second one of a network" refused second "$here"
ok "nor one of IPv4 written as IPv6" refused mapped "$here"
if [ -n "$six" ]; then
	ok "nor one of IPv6" refused six "$here"
else
	skip "nor one of IPv6" "IPv6 is switched off"
fi
ok "with allow-uid its user may be there" reached listed
ok "and no other" refused others \
	"uid 65534, who listens at the backend, is not among allow-uid"
ok "the unspecified address leads to this machine: 0.0.0.0" reached zero
ok "and [::], where only who is named may be" refused zeros \
	"uid 65534, who listens at the backend, is not among allow-uid"
ok "allow-uid any takes every user" reached any
ok "another machine needs no allow-uid" reached far
ok "where allow-uid finds nobody, not who has the port here" refused farther \
	"the backend is on another machine, where no user can be told for allow-uid"
finish
