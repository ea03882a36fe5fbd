// SPDX-License-Identifier: GPL-2.0-only
/*
 * Endpoints: the table that the packet path asks whether an address and a
 * port are protected.
 */
#include <linux/jhash.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <net/ipv6.h>

#include "endpoint.h"
#include "net.h"
#include "policy.h"

static u32 *chain_of(const struct kpc_table *table, u8 role,
		     const struct in6_addr *address, u16 port)
{
	u32 hash;

	hash = jhash2((const u32 *)address->s6_addr32, 4, port << 1 | role);
	return &table->chains[hash & table->hash_mask];
}

static u32 *address_chain_of(const struct kpc_table *table, u8 role,
			     const struct in6_addr *address)
{
	u32 hash = jhash2((const u32 *)address->s6_addr32, 4, role);

	return &table->address_chains[hash & table->hash_mask];
}

static bool is_of(const struct kpc_endpoint *e, u8 protocol, u8 role,
		  u16 family)
{
	return e->role == role && e->protocol == protocol &&
	       (!e->family || e->family == family);
}

static const struct kpc_endpoint *
find_in(const struct kpc_table *table, u32 at, u8 protocol, u8 role, u16 family,
	const struct in6_addr *address, u16 port)
{
	const struct kpc_endpoint *e;

	for (; at != KPC_ENDPOINT_NONE; at = e->next) {
		e = &table->endpoints[at];
		if (is_of(e, protocol, role, family) &&
		    kpc_side_match(&e->side, address, port))
			return e;
	}
	return NULL;
}

/**
 * kpc_table_find_side() - the endpoint that protects an address and a port
 * @table: of the namespace
 * @protocol: IPPROTO_TCP or IPPROTO_UDP
 * @role: b for a local address, a for a remote one
 * @family: AF_INET or AF_INET6
 * @address: in IPv6 form
 * @port: in host order
 *
 * Context: RCU read side, or the namespace's lock.
 */
const struct kpc_endpoint *kpc_table_find_side(const struct kpc_table *table,
					       u8 protocol, u8 role, u16 family,
					       const struct in6_addr *address,
					       u16 port)
{
	const struct kpc_endpoint *e;

	if (!test_bit(port, table->ports[protocol == IPPROTO_UDP][role]))
		return NULL;
	e = find_in(table, *chain_of(table, role, address, port), protocol,
		    role, family, address, port);
	if (!e)
		e = find_in(table, *chain_of(table, role, &in6addr_any, port),
			    protocol, role, family, address, port);
	if (!e)
		e = find_in(table, table->wide, protocol, role, family, address,
			    port);
	return e;
}

static const struct kpc_endpoint *
find_address_in(const struct kpc_table *table, u32 at, u8 protocol, u8 role,
		u16 family, const struct in6_addr *address)
{
	const struct kpc_endpoint *e;

	for (; at != KPC_ENDPOINT_NONE; at = e->next_address) {
		e = &table->endpoints[at];
		if (is_of(e, protocol, role, family) &&
		    ipv6_prefix_equal(&e->side.address, address,
				      e->side.prefix))
			return e;
	}
	return NULL;
}

static const struct kpc_endpoint *find_address(const struct kpc_table *table,
					       u8 protocol, u8 role, u16 family,
					       const struct in6_addr *address)
{
	const struct kpc_endpoint *e;

	e = find_address_in(table, *address_chain_of(table, role, address),
			    protocol, role, family, address);
	if (!e)
		e = find_address_in(table, table->prefixes, protocol, role,
				    family, address);
	return e;
}

/* A fragment's ports are unknown: its addresses alone decide. */
static const struct kpc_endpoint *find_fragment(const struct kpc_table *table,
						const struct kpc_flow *flow)
{
	u8 protocol = kpc_flow_protocol(flow);
	const struct kpc_endpoint *e;

	e = find_address(table, protocol, KPC_ROLE_B, flow->family,
			 &flow->local);
	if (!e)
		e = find_address(table, protocol, KPC_ROLE_A, flow->family,
				 &flow->remote);
	return e;
}

/**
 * kpc_table_find() - the endpoint that protects a flow at either side
 * @table: of the namespace
 * @flow: of a packet or a socket
 *
 * Context: RCU read side, or the namespace's lock.
 */
const struct kpc_endpoint *kpc_table_find(const struct kpc_table *table,
					  const struct kpc_flow *flow)
{
	u8 protocol = kpc_flow_protocol(flow);
	const struct kpc_endpoint *e;

	if (unlikely(flow->fragment))
		return find_fragment(table, flow);
	e = kpc_table_find_side(table, protocol, KPC_ROLE_B, flow->family,
				&flow->local, flow->local_port);
	if (!e)
		e = kpc_table_find_side(table, protocol, KPC_ROLE_A,
					flow->family, &flow->remote,
					flow->remote_port);
	return e;
}

/**
 * kpc_table_alloc() - an empty table
 * @config: whose managed range the table copies
 * @selectors: at most this many will be added
 */
struct kpc_table *kpc_table_alloc(const struct kpc_config *config,
				  unsigned int selectors)
{
	unsigned int chains = roundup_pow_of_two(selectors + 1);
	struct kpc_table *table;

	table = kvzalloc(struct_size(table, endpoints, selectors),
			 GFP_KERNEL_ACCOUNT);
	if (!table)
		return NULL;
	table->chains = kvmalloc_array(chains, 3 * sizeof(*table->chains),
				       GFP_KERNEL_ACCOUNT);
	if (!table->chains) {
		kvfree(table);
		return NULL;
	}
	memset32(table->chains, KPC_ENDPOINT_NONE, 3 * chains);
	table->address_chains = table->chains + chains;
	table->alike_chains = table->address_chains + chains;
	table->hash_mask = chains - 1;
	table->wide = KPC_ENDPOINT_NONE;
	table->prefixes = KPC_ENDPOINT_NONE;
	table->mark_value = config->mark_value;
	table->mark_mask = config->mark_mask;
	table->handshake_mark = config->handshake_mark;
	return table;
}

static u32 *alike_chain_of(const struct kpc_table *table,
			   const struct kpc_side *side, u16 family, u8 role,
			   u8 protocol)
{
	u32 hash = jhash(side, sizeof(*side),
			 protocol << 24 | family << 8 | role);

	return &table->alike_chains[hash & table->hash_mask];
}

static struct kpc_endpoint *find_alike(struct kpc_table *table, u32 at,
				       const struct kpc_side *side, u16 family,
				       u8 role, u8 protocol)
{
	struct kpc_endpoint *e;

	for (; at != KPC_ENDPOINT_NONE; at = e->next_alike) {
		e = &table->endpoints[at];
		if (e->role == role && e->family == family &&
		    e->protocol == protocol &&
		    !memcmp(&e->side, side, sizeof(*side)))
			return e;
	}
	return NULL;
}

static void push(u32 *chain, u32 *next, u32 at)
{
	*next = *chain;
	*chain = at;
}

static struct kpc_endpoint *add_endpoint(struct kpc_table *table,
					 const struct kpc_side *side,
					 u16 family, u8 role, u8 protocol)
{
	u32 at = table->n++;
	struct kpc_endpoint *e = &table->endpoints[at];
	bool whole = side->prefix == 128;
	bool udp = protocol == IPPROTO_UDP;

	memcpy(&e->side, side, sizeof(*side));
	e->role = role;
	e->family = family;
	e->protocol = protocol;
	table->udp |= udp;
	push(alike_chain_of(table, side, family, role, protocol),
	     &e->next_alike, at);
	push(whole ? address_chain_of(table, role, &side->address) :
		     &table->prefixes, &e->next_address, at);
	push(side->port_min != side->port_max ? &table->wide :
	     chain_of(table, role, whole ? &side->address : &in6addr_any,
		      side->port_min), &e->next, at);
	bitmap_set(table->ports[udp][role], side->port_min,
		   side->port_max - side->port_min + 1);
	return e;
}

static void add_selector(struct kpc_table *table,
			 const struct kpc_policy *policy,
			 const struct kpc_selector *selector)
{
	u8 role = policy->role;
	const struct kpc_side *side = role == KPC_ROLE_A ? &selector->remote :
							   &selector->local;
	struct kpc_endpoint *e;

	e = find_alike(table, *alike_chain_of(table, side, selector->family,
					      role, selector->protocol),
		       side, selector->family, role, selector->protocol);
	if (!e)
		e = add_endpoint(table, side, selector->family, role,
				 selector->protocol);
	e->associations += e->last != policy;
	e->last = policy;
	e->handshake_octets = max(e->handshake_octets,
				  policy->limits.handshake_octets);
	e->handshake_seconds = max(e->handshake_seconds,
				   policy->limits.handshake_seconds);
}

/**
 * kpc_table_add() - protect what an association's selectors name
 * @table: not published yet
 * @policy: of the association
 */
void kpc_table_add(struct kpc_table *table, const struct kpc_policy *policy)
{
	unsigned int i;

	for (i = 0; i < policy->n_selectors; i++)
		add_selector(table, policy, &policy->selectors[i]);
}

static void free_rcu(struct rcu_head *rcu)
{
	struct kpc_table *table = container_of(rcu, struct kpc_table, rcu);

	kvfree(table->chains);
	kvfree(table);
}

/**
 * kpc_table_free() - free a table once the packet path has left it
 * @table: no longer published, or NULL
 */
void kpc_table_free(struct kpc_table *table)
{
	if (table)
		call_rcu(&table->rcu, free_rcu);
}
