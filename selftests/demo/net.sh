# SPDX-License-Identifier: GPL-2.0-only
# The machines of the demonstration and the wire between them.
# shellcheck shell=bash

DEVICE=10.91.0.2
DEVICE_GATEWAY=10.91.0.1
SITE_A=10.90.0.1
SITE_B=10.90.0.2
FOREIGN=10.90.0.3
declare -A mac=(
	[$SITE_A]=02:00:00:00:90:01
	[$SITE_B]=02:00:00:00:90:02
	[$FOREIGN]=02:00:00:00:90:03
)

# Nothing but what the demonstration sends shall be on the wire, or exact
# counts would mean nothing: no IPv6 of its own, no address resolution.
quiet_machine()
{
	ip netns add "$1"
	at "$1" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 \
		net.ipv6.conf.default.disable_ipv6=1
	at "$1" ip link set lo up
}

# Plugs a machine into the wire.
plug()
{
	local netns=$1 address=$2 device=wire-${1#site-} other

	ip link add "$device" netns "$netns" address "${mac[$address]}" type veth \
		peer name "$netns" netns wire
	at wire ip link set "$netns" master bridge up
	at "$netns" ip addr add "$address/24" dev "$device"
	at "$netns" ip link set "$device" up
	for other in "${!mac[@]}"; do
		[ "$other" = "$address" ] ||
			at "$netns" ip neigh add "$other" lladdr "${mac[$other]}" \
				dev "$device" nud permanent
	done
}

make_machines()
{
	local netns

	for netns in device site-a wire site-b foreign; do
		quiet_machine $netns
	done
	at wire ip link add bridge type bridge mcast_snooping 0
	at wire ip link set bridge up
	plug site-a $SITE_A
	plug site-b $SITE_B
	plug foreign $FOREIGN
	ip link add lan netns device type veth peer name lan netns site-a
	at device ip addr add $DEVICE/24 dev lan
	at device ip link set lan up
	at site-a ip addr add $DEVICE_GATEWAY/24 dev lan
	at site-a ip link set lan up
}

# Ends all that runs on the machines, and them; the module then has nobody left.
take_down()
{
	local netns

	for netns in device site-a wire site-b foreign; do
		ip netns pids $netns | xargs -r kill -9
		ip netns delete $netns
	done
	within 10 rmmod kpc 2>/dev/null
}

# What the wire itself counts: packets that really left site A, by an observer
# that knows nothing of kpc.
watch_wire()
{
	at wire nft -f - <<-RULES
	table netdev watch {
		counter attack_tcp { }
		counter attack_udp { }
		counter attack_icmp { }
		counter protected_syn { }
		chain from_site_a {
			type filter hook ingress device "site-a" priority 0;
			ip daddr $SITE_B tcp dport 9999 counter name attack_tcp
			ip daddr $SITE_B udp dport 9999 counter name attack_udp
			ip daddr $SITE_B icmp type echo-request counter name attack_icmp
			ip daddr $SITE_B tcp dport { 8443, 8883, 5202 } tcp flags syn / syn,ack counter name protected_syn
		}
	}
	RULES
}

# The packets one of those counters has seen.
wire_count()
{
	at wire nft -j list counter netdev watch "$1" |
		jq '.nftables[] | .counter? // empty | .packets'
}

# Rules by mark on a site, behind the module's hooks: what leaves bound to the
# association, and what arrives for it. NAME labels the counters.
watch_mark()
{
	local netns=$1 name=$2 mark=$3

	at "$netns" nft -f - <<-RULES
	table inet watch {
		counter ${name}_out { }
		counter ${name}_in { }
		chain out {
			type filter hook output priority 0;
			meta mark $mark counter name ${name}_out
		}
		chain in {
			type filter hook input priority 0;
			socket mark $mark counter name ${name}_in
		}
	}
	RULES
}

# Packets and octets of such a counter, as two words.
mark_count()
{
	at "$1" nft -j list counter inet watch "$2" |
		jq -r '.nftables[] | .counter? // empty | "\(.packets) \(.bytes)"'
}
