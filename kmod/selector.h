/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Selectors, and the flows they select. IPv4 addresses are kept in their
 * IPv6-mapped form, ports in host order.
 */
#ifndef KPC_SELECTOR_H
#define KPC_SELECTOR_H

#include <linux/in.h>
#include <linux/in6.h>
#include <linux/types.h>
#include <net/netlink.h>

struct sk_buff;
struct sock;

#define KPC_PORT_ANY	65535

/**
 * struct kpc_side - one side of a selector
 * @address: base of the prefix
 * @prefix: bits of @address that count; 0, all addresses
 * @port_min: lowest port
 * @port_max: highest port; 0 to KPC_PORT_ANY is any
 */
struct kpc_side {
	struct in6_addr address;
	u8 prefix;
	u16 port_min;
	u16 port_max;
};

/**
 * struct kpc_selector - sockets that an association may have
 * @local: this machine's side
 * @remote: the other side
 * @family: AF_INET, AF_INET6, or AF_UNSPEC for both
 * @protocol: IPPROTO_TCP or IPPROTO_UDP
 * @resolved: found by the agent for the peer's name
 */
struct kpc_selector {
	struct kpc_side local;
	struct kpc_side remote;
	u16 family;
	u8 protocol;
	bool resolved;
};

/**
 * struct kpc_flow - the two ends of a packet or a socket
 * @local: this machine's address
 * @remote: the other one's
 * @local_port: this machine's port
 * @remote_port: the other one's
 * @family: AF_INET or AF_INET6
 * @fragment: a fragment, whose ports are not told
 * @udp: of UDP, not of TCP
 */
struct kpc_flow {
	struct in6_addr local;
	struct in6_addr remote;
	u16 local_port;
	u16 remote_port;
	u16 family;
	bool fragment;
	bool udp;
};

static inline u8 kpc_flow_protocol(const struct kpc_flow *flow)
{
	return flow->udp ? IPPROTO_UDP : IPPROTO_TCP;
}

static inline bool kpc_side_any_port(const struct kpc_side *side)
{
	return !side->port_min && side->port_max == KPC_PORT_ANY;
}

bool kpc_side_match(const struct kpc_side *side, const struct in6_addr *address,
		    u16 port);
bool kpc_selector_match(const struct kpc_selector *selector,
			const struct kpc_flow *flow);
bool kpc_selectors_match(const struct kpc_selector *selectors, unsigned int n,
			 const struct kpc_flow *flow);
void kpc_flow_from_sock(struct kpc_flow *flow, const struct sock *sk);
int kpc_address_fill(struct sk_buff *skb, int attr, u16 family,
		     const struct in6_addr *address);
int kpc_address_parse(struct in6_addr *address, u16 family,
		      const struct nlattr *attr);
int kpc_selector_parse(struct kpc_selector *selector, struct nlattr *nest,
		       const char **why, struct netlink_ext_ack *extack);
int kpc_selector_fill(struct sk_buff *skb, const struct kpc_selector *selector);

#endif /* KPC_SELECTOR_H */
