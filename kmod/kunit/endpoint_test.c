// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit: which flows selectors select, and which endpoint protects a flow.
 */
#include <kunit/test.h>
#include <linux/inet.h>
#include <linux/slab.h>
#include <net/ipv6.h>

#include "../endpoint.h"
#include "../net.h"
#include "../policy.h"

/* Addresses as they are written; NULL is any. */
struct end {
	const char *address;
	u8 prefix;
	u16 port_min;
	u16 port_max;
};

static void put_address(struct kunit *test, const char *text, struct in6_addr *to)
{
	__be32 v4;

	memset(to, 0, sizeof(*to));
	if (!text)
		return;
	if (in4_pton(text, -1, (u8 *)&v4, -1, NULL))
		ipv6_addr_set_v4mapped(v4, to);
	else
		KUNIT_ASSERT_EQ(test, 1, in6_pton(text, -1, to->s6_addr, -1, NULL));
}

static void put_side(struct kunit *test, const struct end *end,
		     struct kpc_side *side)
{
	struct in6_addr whole;

	put_address(test, end->address, &whole);
	side->prefix = end->prefix;
	ipv6_addr_prefix(&side->address, &whole, end->prefix);
	side->port_min = end->port_min;
	side->port_max = end->port_max ?: end->port_min ?: KPC_PORT_ANY;
}

static u16 family_of(const char *address)
{
	return strchr(address, ':') ? AF_INET6 : AF_INET;
}

static void put_flow(struct kunit *test, const char *local, u16 local_port,
		     const char *remote, u16 remote_port, struct kpc_flow *flow)
{
	memset(flow, 0, sizeof(*flow));
	flow->family = family_of(local);
	flow->local_port = local_port;
	flow->remote_port = remote_port;
	put_address(test, local, &flow->local);
	put_address(test, remote, &flow->remote);
}

/* Prefixes are of the IPv6 form: that of an IPv4 host has 128 bits. */
static const struct selector_case {
	const char *name;
	u16 family;
	struct end local, remote;
	const char *at, *with;
	u16 at_port, with_port;
	bool selects;
	bool udp;
} selector_cases[] = {
	{ "any", AF_UNSPEC, {}, {}, "192.0.2.1", "192.0.2.2", 1, 2, true },
	{ "any of IPv6", AF_INET6, {}, {}, "192.0.2.1", "192.0.2.2", 1, 2, false },
	{ "any of IPv4", AF_INET, {}, {}, "2001:db8::1", "2001:db8::2", 1, 2, false },
	{ "a host", AF_INET, {}, { "192.0.2.2", 128, 8883 },
	  "192.0.2.1", "192.0.2.2", 4000, 8883, true },
	{ "its neighbour", AF_INET, {}, { "192.0.2.2", 128, 8883 },
	  "192.0.2.1", "192.0.2.3", 4000, 8883, false },
	{ "its other port", AF_INET, {}, { "192.0.2.2", 128, 8883 },
	  "192.0.2.1", "192.0.2.2", 4000, 8884, false },
	{ "the sides turned round", AF_INET, {}, { "192.0.2.2", 128, 8883 },
	  "192.0.2.2", "192.0.2.1", 8883, 4000, false },
	{ "the first of a net", AF_INET, {}, { "192.0.2.0", 120, 8883 },
	  "10.0.0.1", "192.0.2.0", 4000, 8883, true },
	{ "the last of a net", AF_INET, {}, { "192.0.2.0", 120, 8883 },
	  "10.0.0.1", "192.0.2.255", 4000, 8883, true },
	{ "behind a net", AF_INET, {}, { "192.0.2.0", 120, 8883 },
	  "10.0.0.1", "192.0.3.0", 4000, 8883, false },
	{ "an odd prefix", AF_INET, {}, { "192.0.2.128", 121, 8883 },
	  "10.0.0.1", "192.0.2.127", 4000, 8883, false },
	{ "the lowest port of a range", AF_INET, {}, { "192.0.2.2", 128, 10, 20 },
	  "10.0.0.1", "192.0.2.2", 4000, 10, true },
	{ "the highest port of a range", AF_INET, {}, { "192.0.2.2", 128, 10, 20 },
	  "10.0.0.1", "192.0.2.2", 4000, 20, true },
	{ "above a range", AF_INET, {}, { "192.0.2.2", 128, 10, 20 },
	  "10.0.0.1", "192.0.2.2", 4000, 21, false },
	{ "IPv6, 65 bits", AF_INET6, {}, { "2001:db8::8000:0:0:0", 65, 1 },
	  "2001:db8::1", "2001:db8::8000:0:0:1", 4000, 1, true },
	{ "IPv6, the bit before", AF_INET6, {}, { "2001:db8::8000:0:0:0", 65, 1 },
	  "2001:db8::1", "2001:db8::7fff:0:0:1", 4000, 1, false },
	{ "both sides", AF_INET, { "10.0.0.1", 128, 7 }, { "192.0.2.2", 128, 8 },
	  "10.0.0.1", "192.0.2.2", 7, 8, true },
	{ "one of both sides", AF_INET, { "10.0.0.1", 128, 7 },
	  { "192.0.2.2", 128, 8 }, "10.0.0.1", "192.0.2.2", 6, 8, false },
	{ "another protocol", AF_INET, {}, { "192.0.2.2", 128, 8883 },
	  "192.0.2.1", "192.0.2.2", 4000, 8883, false, true },
};

static void selector_name(const struct selector_case *c, char *name)
{
	strscpy(name, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(selector, selector_cases, selector_name);

static void selects(struct kunit *test)
{
	const struct selector_case *c = test->param_value;
	struct kpc_selector s[2] = {};
	struct kpc_flow flow;

	s[0].protocol = IPPROTO_TCP;
	s[1].protocol = IPPROTO_TCP;
	s[1].family = c->family;
	put_side(test, &c->local, &s[1].local);
	put_side(test, &c->remote, &s[1].remote);
	put_flow(test, c->at, c->at_port, c->with, c->with_port, &flow);
	flow.udp = c->udp;
	KUNIT_EXPECT_EQ(test, c->selects, kpc_selector_match(&s[1], &flow));
	/* The first of the two, which selects nothing, is in nobody's way. */
	s[0].local.port_min = 1;
	KUNIT_EXPECT_EQ(test, c->selects, kpc_selectors_match(s, 2, &flow));
	KUNIT_EXPECT_FALSE(test, kpc_selectors_match(s, 0, &flow));
}

/* Associations that a table is made of, by the octets that they let through. */
static const struct protected {
	u8 role;
	u16 family;
	struct end end;
	u32 handshake_octets;
	bool udp;
} table_of[] = {
	{ KPC_ROLE_B, AF_UNSPEC, { NULL, 0, 8883 }, 1 },
	{ KPC_ROLE_B, AF_INET, { "192.0.2.1", 128, 8883 }, 2 },
	{ KPC_ROLE_B, AF_INET, { "192.0.2.0", 120, 9000, 9010 }, 3 },
	{ KPC_ROLE_A, AF_INET, { "198.51.100.7", 128, 443 }, 4 },
	{ KPC_ROLE_A, AF_INET6, { "2001:db8:1::", 48, 443 }, 5 },
	{ KPC_ROLE_A, AF_INET, { "198.51.100.7", 128, 443 }, 6 },
	{ KPC_ROLE_B, AF_INET6, { "2001:db8::1", 128, 65535 }, 7 },
	{ KPC_ROLE_B, AF_INET, { "192.0.2.1", 128, 8883 }, 8, true },
	{ KPC_ROLE_A, AF_INET, { "203.0.113.0", 120, 5684, 5685 }, 9, true },
};

static const struct table_case {
	const char *name;
	const char *at, *with;
	u16 at_port, with_port;
	bool fragment;
	u32 octets;		/* of the endpoint; 0: there is none */
	bool udp;
} table_cases[] = {
	{ "any address", "10.0.0.1", "10.0.0.2", 8883, 4000, false, 1 },
	{ "any address of IPv6", "2001:db8::9", "2001:db8::8", 8883, 4000, false, 1 },
	{ "the longest match", "192.0.2.1", "10.0.0.2", 8883, 4000, false, 2 },
	{ "another port", "192.0.2.1", "10.0.0.2", 8882, 4000, false, 0 },
	{ "the peer's port is no matter", "10.0.0.1", "10.0.0.2", 4000, 8883, false, 0 },
	{ "a range", "192.0.2.9", "10.0.0.2", 9005, 4000, false, 3 },
	{ "above a range", "192.0.2.9", "10.0.0.2", 9011, 4000, false, 0 },
	{ "outside its net", "192.0.3.9", "10.0.0.2", 9005, 4000, false, 0 },
	{ "the most of two that share one", "10.0.0.1", "198.51.100.7", 4000, 443,
	  false, 6 },
	{ "role a is of the other side", "198.51.100.7", "10.0.0.1", 443, 4000,
	  false, 0 },
	{ "a net of IPv6", "2001:db8::9", "2001:db8:1:ffff::1", 4000, 443, false, 5 },
	{ "beside it", "2001:db8::9", "2001:db8:2::1", 4000, 443, false, 0 },
	{ "the last port", "2001:db8::1", "2001:db8::2", 65535, 1, false, 7 },
	{ "a fragment, by its whole address", "192.0.2.1", "10.0.0.2", 0, 0, true, 2 },
	{ "a fragment to anywhere, by any address", "10.0.0.1", "10.0.0.2", 0, 0,
	  true, 1 },
	{ "UDP, of its own", "192.0.2.1", "10.0.0.2", 8883, 4000, false, 8, true },
	{ "UDP, where TCP alone is", "10.0.0.1", "10.0.0.2", 8883, 4000, false, 0,
	  true },
	{ "UDP, a range", "10.0.0.1", "203.0.113.9", 4000, 5685, false, 9, true },
	{ "TCP, where UDP alone is", "10.0.0.1", "203.0.113.9", 4000, 5685, false,
	  0 },
	{ "UDP, a fragment", "192.0.2.1", "10.0.0.2", 0, 0, true, 8, true },
	{ "UDP, a fragment elsewhere", "192.0.2.2", "10.0.0.2", 0, 0, true, 0,
	  true },
};

static void table_name(const struct table_case *c, char *name)
{
	strscpy(name, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(table, table_cases, table_name);

static struct kpc_policy *policy_of(struct kunit *test, const struct protected *p)
{
	struct kpc_policy *policy;

	policy = kunit_kzalloc(test, struct_size(policy, selectors, 1), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, policy);
	policy->role = p->role;
	policy->limits.handshake_octets = p->handshake_octets;
	policy->n_selectors = 1;
	policy->selectors[0].protocol = p->udp ? IPPROTO_UDP : IPPROTO_TCP;
	policy->selectors[0].family = p->family;
	policy->selectors[0].local.port_max = KPC_PORT_ANY;
	policy->selectors[0].remote.port_max = KPC_PORT_ANY;
	put_side(test, &p->end, p->role == KPC_ROLE_A ?
		 &policy->selectors[0].remote : &policy->selectors[0].local);
	return policy;
}

/* In both orders: which comes first is no matter. */
static void protects(struct kunit *test)
{
	const struct table_case *c = test->param_value;
	const struct kpc_endpoint *e;
	struct kpc_table *table;
	struct kpc_flow flow;
	unsigned int order, i;

	put_flow(test, c->at, c->at_port, c->with, c->with_port, &flow);
	flow.fragment = c->fragment;
	flow.udp = c->udp;
	for (order = 0; order < 2; order++) {
		table = kpc_table_alloc(&kpc_default_config, ARRAY_SIZE(table_of));
		KUNIT_ASSERT_NOT_NULL(test, table);
		for (i = 0; i < ARRAY_SIZE(table_of); i++)
			kpc_table_add(table, policy_of(test, &table_of[order ?
					ARRAY_SIZE(table_of) - 1 - i : i]));
		/* Two of them share one. */
		KUNIT_EXPECT_EQ(test, ARRAY_SIZE(table_of) - 1, table->n);
		e = kpc_table_find(table, &flow);
		KUNIT_EXPECT_EQ(test, c->octets, e ? e->handshake_octets : 0);
		if (e)
			KUNIT_EXPECT_EQ(test, c->octets == 6 ? 2 : 1,
					e->associations);
		kpc_table_free(table);
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(selects, selector_gen_params),
	KUNIT_CASE_PARAM(protects, table_gen_params),
	{}
};

static struct kunit_suite suite = {
	.name		= "kpc_endpoint",
	.test_cases	= cases,
};

kunit_test_suite(suite);
