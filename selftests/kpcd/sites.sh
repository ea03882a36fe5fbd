# SPDX-License-Identifier: GPL-2.0-only
# Two sites as network namespaces, for tests of agents with the module.
#
#      site a                       site b
#   +----------+                 +----------+
#   |       .1 |- 10.77.0.0/24 --| .2       |
#   +----------+                 +----------+
#
# shellcheck shell=bash

na() { ip netns exec site-a "$@"; }
nb() { ip netns exec site-b "$@"; }

# The module goes with its last association, these with their namespaces.
clean_up_sites()
{
	clean_up
	ip netns del site-a
	ip netns del site-b
}

# sites_up: from here on they are there, until the test ends.
sites_up()
{
	local site

	trap clean_up_sites EXIT
	for site in a b; do
		ip netns add site-$site
		ip -n site-$site link set lo up
	done
	ip link add wire netns site-a type veth peer name wire netns site-b
	na ip addr add 10.77.0.1/24 dev wire
	nb ip addr add 10.77.0.2/24 dev wire
	na ip link set wire up
	nb ip link set wire up
}
