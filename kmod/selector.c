// SPDX-License-Identifier: GPL-2.0-only
/*
 * Selectors: which sockets an association may have.
 */
#include <net/ipv6.h>
#include <uapi/linux/kpc.h>

#include "compat.h"
#include "netlink_gen.h"
#include "selector.h"

/**
 * kpc_side_match() - whether an address and a port are on a side
 * @side: of a selector or an endpoint
 * @address: in IPv6 form
 * @port: in host order
 */
bool kpc_side_match(const struct kpc_side *side, const struct in6_addr *address,
		    u16 port)
{
	return port >= side->port_min && port <= side->port_max &&
	       ipv6_prefix_equal(&side->address, address, side->prefix);
}

/**
 * kpc_selector_match() - whether a selector selects a flow
 * @selector: of an association
 * @flow: of a socket
 */
bool kpc_selector_match(const struct kpc_selector *selector,
			const struct kpc_flow *flow)
{
	if (selector->protocol != kpc_flow_protocol(flow) ||
	    (selector->family && selector->family != flow->family))
		return false;
	return kpc_side_match(&selector->local, &flow->local,
			      flow->local_port) &&
	       kpc_side_match(&selector->remote, &flow->remote,
			      flow->remote_port);
}

/**
 * kpc_selectors_match() - whether one of many selectors selects a flow
 * @selectors: of an association
 * @n: how many
 * @flow: of a socket
 */
bool kpc_selectors_match(const struct kpc_selector *selectors, unsigned int n,
			 const struct kpc_flow *flow)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (kpc_selector_match(&selectors[i], flow))
			return true;
	return false;
}

/**
 * kpc_flow_from_sock() - the ends of a TCP or UDP socket
 * @flow: filled; IPv6 sockets that speak IPv4 have the family AF_INET
 * @sk: full socket
 */
void kpc_flow_from_sock(struct kpc_flow *flow, const struct sock *sk)
{
	const struct inet_sock *inet = inet_sk(sk);

	flow->fragment = false;
	flow->udp = sk->sk_protocol == IPPROTO_UDP;
	flow->local_port = sk->sk_num;
	flow->remote_port = ntohs(sk->sk_dport);
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6 &&
	    !ipv6_addr_v4mapped(&sk->sk_v6_daddr)) {
		flow->family = AF_INET6;
		flow->local = sk->sk_v6_rcv_saddr;
		flow->remote = sk->sk_v6_daddr;
		return;
	}
#endif
	flow->family = AF_INET;
	ipv6_addr_set_v4mapped(inet->inet_rcv_saddr, &flow->local);
	ipv6_addr_set_v4mapped(inet->inet_daddr, &flow->remote);
}

/**
 * kpc_address_fill() - put an address as 4 or 16 octets
 * @skb: message
 * @attr: attribute type
 * @family: AF_INET or AF_INET6
 * @address: in IPv6 form
 */
int kpc_address_fill(struct sk_buff *skb, int attr, u16 family,
		     const struct in6_addr *address)
{
	if (family == AF_INET)
		return nla_put_in_addr(skb, attr, address->s6_addr32[3]);
	return nla_put_in6_addr(skb, attr, address);
}

/**
 * kpc_address_parse() - read an address of 4 or 16 octets
 * @address: filled, in IPv6 form
 * @family: AF_INET or AF_INET6
 * @attr: attribute
 *
 * Return: bits of the address form's fixed head, or -EINVAL if the length is
 * not the family's, or if it is an IPv4 address in IPv6 form.
 */
int kpc_address_parse(struct in6_addr *address, u16 family,
		      const struct nlattr *attr)
{
	if (family == AF_INET && nla_len(attr) == sizeof(struct in_addr)) {
		ipv6_addr_set_v4mapped(nla_get_in_addr(attr), address);
		return 96;
	}
	if (family == AF_INET6 && nla_len(attr) == sizeof(*address)) {
		*address = nla_get_in6_addr(attr);
		/* No flow has one: it is of AF_INET. */
		return ipv6_addr_v4mapped(address) ? -EINVAL : 0;
	}
	return -EINVAL;
}

static int parse_side(struct kpc_side *side, u16 family, struct nlattr **tb,
		      int first, const char **why)
{
	/* The four attributes of a side follow each other. */
	const struct nlattr *address = tb[first];
	const struct nlattr *prefix = tb[first + 1];
	const struct nlattr *port_min = tb[first + 2];
	const struct nlattr *port_max = tb[first + 3];
	struct in6_addr host;
	int head;

	side->port_min = port_min ? nla_get_u16(port_min) : 0;
	side->port_max = port_max ? nla_get_u16(port_max) : side->port_min;
	if (side->port_min > side->port_max || (port_max && !port_min)) {
		*why = "a port range needs its lowest port, then its highest";
		return -EINVAL;
	}
	if (!side->port_max)
		side->port_max = KPC_PORT_ANY;

	if (!address) {
		if (!prefix)
			return 0;
		*why = "a prefix needs an address";
		return -EINVAL;
	}
	head = kpc_address_parse(&host, family, address);
	if (head < 0) {
		*why = "an address is 4 octets with AF_INET or 16 with AF_INET6";
		return head;
	}
	if (prefix && nla_get_u8(prefix) > 128 - head) {
		*why = "a prefix has at most the bits of its address";
		return -EINVAL;
	}
	side->prefix = prefix ? head + nla_get_u8(prefix) : 128;
	/* Every address of the family is no address at all. */
	if (side->prefix == head)
		side->prefix = 0;
	ipv6_addr_prefix(&side->address, &host, side->prefix);
	return 0;
}

/**
 * kpc_selector_parse() - read a selector
 * @selector: filled; zeroed by the caller
 * @nest: attribute
 * @why: set to what is wrong, in words
 * @extack: for what the attribute policy refuses
 */
int kpc_selector_parse(struct kpc_selector *selector, struct nlattr *nest,
		       const char **why, struct netlink_ext_ack *extack)
{
	struct nlattr *tb[KPC_A_SELECTOR_MAX + 1];
	int err;

	*why = NULL;
	err = nla_parse_nested(tb, KPC_A_SELECTOR_MAX, nest,
			       kpc_selector_nl_policy, extack);
	if (err)
		return err;

	selector->protocol = IPPROTO_TCP;
	if (tb[KPC_A_SELECTOR_PROTOCOL])
		selector->protocol = nla_get_u8(tb[KPC_A_SELECTOR_PROTOCOL]);
	if (selector->protocol != IPPROTO_TCP &&
	    selector->protocol != IPPROTO_UDP) {
		*why = "its protocol is neither TCP (6) nor UDP (17)";
		return -EPROTONOSUPPORT;
	}
	if (tb[KPC_A_SELECTOR_FAMILY])
		selector->family = nla_get_u16(tb[KPC_A_SELECTOR_FAMILY]);
	if (selector->family != AF_UNSPEC && selector->family != AF_INET &&
	    selector->family != AF_INET6) {
		*why = "its family is none of AF_UNSPEC (0), AF_INET (2), AF_INET6 (10)";
		return -EAFNOSUPPORT;
	}
	selector->resolved = nla_get_flag(tb[KPC_A_SELECTOR_RESOLVED]);

	err = parse_side(&selector->local, selector->family, tb,
			 KPC_A_SELECTOR_LOCAL_ADDRESS, why);
	if (err)
		return err;
	return parse_side(&selector->remote, selector->family, tb,
			  KPC_A_SELECTOR_REMOTE_ADDRESS, why);
}

static int fill_side(struct sk_buff *skb, const struct kpc_side *side,
		     u16 family, int first)
{
	int head = family == AF_INET ? 96 : 0;

	if (side->prefix > head &&
	    (kpc_address_fill(skb, first, family, &side->address) ||
	     nla_put_u8(skb, first + 1, side->prefix - head)))
		return -EMSGSIZE;
	if (!kpc_side_any_port(side) &&
	    (nla_put_u16(skb, first + 2, side->port_min) ||
	     nla_put_u16(skb, first + 3, side->port_max)))
		return -EMSGSIZE;
	return 0;
}

/**
 * kpc_selector_fill() - put a selector
 * @skb: message
 * @selector: of an association
 */
int kpc_selector_fill(struct sk_buff *skb, const struct kpc_selector *selector)
{
	struct nlattr *nest = nla_nest_start(skb, KPC_A_ASSOCIATION_SELECTOR);

	if (!nest ||
	    nla_put_u8(skb, KPC_A_SELECTOR_PROTOCOL, selector->protocol) ||
	    nla_put_u16(skb, KPC_A_SELECTOR_FAMILY, selector->family) ||
	    fill_side(skb, &selector->local, selector->family,
		      KPC_A_SELECTOR_LOCAL_ADDRESS) ||
	    fill_side(skb, &selector->remote, selector->family,
		      KPC_A_SELECTOR_REMOTE_ADDRESS) ||
	    (selector->resolved &&
	     nla_put_flag(skb, KPC_A_SELECTOR_RESOLVED)))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}
