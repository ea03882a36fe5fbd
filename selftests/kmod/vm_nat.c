// SPDX-License-Identifier: GPL-2.0-only
/*
 * Addresses that the sites translate themselves: what leaves is judged by whom
 * its socket speaks to, before it is translated, and what comes in by whom it is
 * for, behind that. Invariants I2, I3.
 */
#include "kselftest_harness.h"

#include "pair.h"

/* What is at no site, and goes to site b. */
#define ELSEWHERE	"198.51.100.2"
#define OTHER_PORT	9003

FIXTURE(nat) {
	struct nl a, b, ev_a, ev_b;
	struct pair p;
};

FIXTURE_SETUP(nat)
{
	ASSERT_EQ(pair_sites_up(&self->p, &self->a, &self->b, &self->ev_a, &self->ev_b), 0);
	ASSERT_EQ(system("ip -n kpc-a route add " ELSEWHERE " via " ADDR_B), 0);
}

FIXTURE_TEARDOWN(nat)
{
	pair_sites_down(&self->p, &self->ev_a, &self->ev_b);
}

static int translate(char site, const char *hook, const char *rule)
{
	char cmd[512];

	snprintf(cmd, sizeof(cmd),
		 "ip netns exec kpc-%c nft 'table ip nat { chain c { "
		 "type nat hook %s priority -100; %s; }; }'", site, hook, rule);
	return system(cmd);
}

static bool carries_both_ways(struct pair *p)
{
	return crosses(p->client, p->server, "there") &&
	       crosses(p->server, p->client, "and back");
}

/* The peer is known by another address than it has. */
TEST_F(nat, of_the_peer)
{
	struct assoc a = ASSOC_A("to-b"), b = ASSOC_B("from-a");
	struct pair *p = &self->p;

	a.address = ELSEWHERE;
	ASSERT_EQ(translate('a', "output", "ip daddr " ELSEWHERE " dnat to " ADDR_B), 0);
	ASSERT_EQ(assoc_new(&self->a, &a) ?: assoc_new(&self->b, &b), 0)
		TH_LOG("%s%s", self->a.said, self->b.said);
	ASSERT_EQ(pair_listen(p), 0) TH_LOG("%s", self->b.said);
	p->address = ELSEWHERE;
	ASSERT_EQ(pair_connect(p), 0) TH_LOG("%s", self->a.said);
	ASSERT_EQ(pair_bind(p), 0) TH_LOG("%s%s", self->a.said, self->b.said);
	EXPECT_TRUE(carries_both_ways(p));
	EXPECT_FALSE(violated(&self->ev_a));
}

/* The listener is reached at another port than it has. */
TEST_F(nat, of_the_listener)
{
	struct assoc a = ASSOC_A("to-b"), b = ASSOC_B("from-a");
	struct pair *p = &self->p;

	a.port = OTHER_PORT;
	ASSERT_EQ(translate('b', "prerouting",
			    "tcp dport 9003 dnat to " ADDR_B ":8883"), 0);
	ASSERT_EQ(assoc_new(&self->a, &a) ?: assoc_new(&self->b, &b), 0)
		TH_LOG("%s%s", self->a.said, self->b.said);
	ASSERT_EQ(pair_listen(p), 0) TH_LOG("%s", self->b.said);
	ASSERT_EQ(site_enter('a'), 0);
	p->client = tcp_socket();
	ASSERT_EQ(handshake_new(&self->a, p->client, "to-b"), 0)
		TH_LOG("%s", self->a.said);
	ASSERT_EQ(tcp_connect(p->client, ADDR_B, OTHER_PORT), 0);
	p->server = accept(p->listener, NULL, NULL);
	ASSERT_GE(p->server, 0);
	ASSERT_EQ(pair_bind(p), 0) TH_LOG("%s%s", self->a.said, self->b.said);
	EXPECT_TRUE(carries_both_ways(p));
	EXPECT_FALSE(violated(&self->ev_b));
}

/* It is protected also from who comes by another port. */
TEST_F(nat, to_a_protected_port)
{
	struct assoc b = ASSOC_B("from-a");
	int plain, fd;

	ASSERT_EQ(translate('b', "prerouting",
			    "tcp dport 9003 dnat to " ADDR_B ":8883"), 0);
	ASSERT_EQ(site_enter('b'), 0);
	plain = tcp_socket();
	ASSERT_EQ(tcp_listen(plain, ADDR_B, PORT), 0);
	ASSERT_EQ(assoc_new(&self->b, &b), 0) TH_LOG("%s", self->b.said);
	ASSERT_EQ(site_enter('a'), 0);
	fd = tcp_socket();
	nonblock(fd);
	EXPECT_EQ(tcp_connect(fd, ADDR_B, OTHER_PORT), -EINPROGRESS);
	ASSERT_EQ(nl_event(&self->ev_b, KPC_CMD_VIOLATION_NTF, 1000), 0);
	EXPECT_EQ(nl_get(&self->ev_b, KPC_A_VIOLATION_KIND), KPC_VIOLATION_KIND_ENDPOINT);
	EXPECT_EQ(nl_get(&self->ev_b, KPC_A_VIOLATION_DIRECTION), KPC_DIRECTION_IN);
	EXPECT_EQ(nl_get(&self->ev_b, KPC_A_VIOLATION_LOCAL_PORT), PORT);
	nonblock(plain);
	EXPECT_LT(accept(plain, NULL, NULL), 0);
	close(fd);
	close(plain);
}

/* Nor does a rule that would lead it away let a plain socket speak to it. */
TEST_F(nat, from_a_protected_port)
{
	struct assoc a = ASSOC_A("to-b");
	int fd;

	ASSERT_EQ(translate('a', "output",
			    "tcp dport 8883 dnat to " ADDR_B ":9003"), 0);
	ASSERT_EQ(assoc_new(&self->a, &a), 0) TH_LOG("%s", self->a.said);
	ASSERT_EQ(site_enter('a'), 0);
	fd = tcp_socket();
	EXPECT_EQ(tcp_connect(fd, ADDR_B, PORT), -ECONNREFUSED);
	ASSERT_EQ(nl_event(&self->ev_a, KPC_CMD_VIOLATION_NTF, 1000), 0);
	EXPECT_EQ(nl_get(&self->ev_a, KPC_A_VIOLATION_KIND), KPC_VIOLATION_KIND_ENDPOINT);
	EXPECT_EQ(nl_get(&self->ev_a, KPC_A_VIOLATION_REMOTE_PORT), PORT);
	close(fd);
}

TEST_HARNESS_MAIN
