/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Endpoints: what the selectors of all associations protect, in a form that
 * the packet path looks up. A table is built whole and replaced whole.
 */
#ifndef KPC_ENDPOINT_H
#define KPC_ENDPOINT_H

#include <linux/bitmap.h>
#include <linux/rcupdate.h>

#include "selector.h"

struct kpc_config;
struct kpc_policy;

#define KPC_PORTS	65536

/**
 * struct kpc_endpoint - one protected address and port
 * @side: local one of role b, remote one of role a
 * @family: AF_INET, AF_INET6, or AF_UNSPEC for both
 * @role: enum kpc_role
 * @protocol: IPPROTO_TCP or IPPROTO_UDP
 * @associations: that it belongs to
 * @handshake_octets: the most that any of them lets a handshake send
 * @handshake_seconds: the most that any of them gives it
 * @next: next in the same chain by port, or KPC_ENDPOINT_NONE
 * @next_address: next in the same chain by address, or KPC_ENDPOINT_NONE
 * @next_alike: next in the same chain by all of it, or KPC_ENDPOINT_NONE
 * @last: policy counted last in @associations; while the table is built
 */
struct kpc_endpoint {
	struct kpc_side side;
	u16 family;
	u8 role;
	u8 protocol;
	u32 associations;
	u32 handshake_octets;
	u32 handshake_seconds;
	u32 next;
	u32 next_address;
	u32 next_alike;
	const struct kpc_policy *last;
};

#define KPC_ENDPOINT_NONE	U32_MAX

/**
 * struct kpc_table - all endpoints of a namespace
 * @rcu: for freeing
 * @mark_value: see struct kpc_config
 * @mark_mask: see struct kpc_config
 * @handshake_mark: see struct kpc_config
 * @n: endpoints
 * @hash_mask: chains of each sort minus one
 * @wide: chain of those with more than one port
 * @prefixes: chain by address of those with less than a whole one
 * @chains: heads by hash of role, port and whole address (or none)
 * @address_chains: heads by hash of role and whole address
 * @alike_chains: heads by hash of side, family and role; while it is built
 * @ports: protected ports, of UDP behind those of TCP, by enum kpc_role
 * @udp: there are some of UDP
 * @endpoints: all of them
 */
struct kpc_table {
	struct rcu_head rcu;
	u32 mark_value;
	u32 mark_mask;
	u32 handshake_mark;
	u32 n;
	u32 hash_mask;
	u32 wide;
	u32 prefixes;
	u32 *chains;
	u32 *address_chains;
	u32 *alike_chains;
	unsigned long ports[2][2][BITS_TO_LONGS(KPC_PORTS)];
	bool udp;
	struct kpc_endpoint endpoints[];
};

static inline bool kpc_table_managed(const struct kpc_table *table, u32 mark)
{
	return (mark & table->mark_mask) == table->mark_value;
}

struct kpc_table *kpc_table_alloc(const struct kpc_config *config,
				  unsigned int selectors);
void kpc_table_add(struct kpc_table *table, const struct kpc_policy *policy);
void kpc_table_free(struct kpc_table *table);
const struct kpc_endpoint *kpc_table_find(const struct kpc_table *table,
					  const struct kpc_flow *flow);
const struct kpc_endpoint *kpc_table_find_side(const struct kpc_table *table,
					       u8 protocol, u8 role, u16 family,
					       const struct in6_addr *address,
					       u16 port);

#endif /* KPC_ENDPOINT_H */
