// SPDX-License-Identifier: GPL-2.0-only
/*
 * Protocols that have a TCP connection below them, which the kernel opens: it is
 * nobody's handshake. Multipath TCP and SMC. Invariants I1, I3.
 */
#include "kselftest_harness.h"

#include "pair.h"

#ifndef AF_SMC
#define AF_SMC 43
#endif
#ifndef IPPROTO_SMC
#define IPPROTO_SMC 256
#endif
#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

FIXTURE(protocols) {
	struct nl a, b, ev_a, ev_b;
	struct pair p;
	int fd;
};

FIXTURE_VARIANT(protocols) {
	const char *what;
	const char *module;
	int family, protocol;
};

FIXTURE_VARIANT_ADD(protocols, mptcp) {
	.what = "multipath TCP", .module = "mptcp",
	.family = AF_INET, .protocol = IPPROTO_MPTCP,
};

FIXTURE_VARIANT_ADD(protocols, smc) {
	.what = "SMC", .module = "smc", .family = AF_SMC, .protocol = 0,
};

FIXTURE_VARIANT_ADD(protocols, inet_smc) {
	.what = "SMC as a protocol of IPv4", .module = "smc",
	.family = AF_INET, .protocol = IPPROTO_SMC,
};

static int open_one(int family, int protocol)
{
	struct timeval limit = { .tv_sec = 5 };
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, protocol);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	return fd;
}

FIXTURE_SETUP(protocols)
{
	char probe[64];

	ASSERT_EQ(pair_sites_up(&self->p, &self->a, &self->b, &self->ev_a,
				&self->ev_b), 0);
	ASSERT_EQ(pair_associate(&self->p), 0)
		TH_LOG("a: %s; b: %s", self->a.said, self->b.said);
	snprintf(probe, sizeof(probe), "modprobe -q %s || :", variant->module);
	ASSERT_EQ(system(probe), 0);
	ASSERT_EQ(site_enter('a'), 0);
	self->fd = open_one(variant->family, variant->protocol);
}

FIXTURE_TEARDOWN(protocols)
{
	close(self->fd);
	pair_sites_down(&self->p, &self->ev_a, &self->ev_b);
}

/* I3: it does not connect to a protected endpoint, marked or not. */
TEST_F(protocols, connects_nowhere)
{
	if (self->fd < 0)
		SKIP(return, "this kernel has no %s", variant->what);
	ASSERT_EQ(wire_count('a', "tcp dport 8883"), 0);
	EXPECT_EQ(handshake_new(&self->a, self->fd, "to-b"), -EPROTONOSUPPORT);
	EXPECT_NE(strstr(self->a.said, "MPTCP and SMC are not taken"), NULL)
		TH_LOG("%s", self->a.said);
	EXPECT_LT(tcp_connect(self->fd, ADDR_B, PORT), 0);
	EXPECT_TRUE(violated(&self->ev_a));
	EXPECT_EQ(nl_get(&self->ev_a, KPC_A_VIOLATION_KIND),
		  KPC_VIOLATION_KIND_ENDPOINT);
	EXPECT_EQ(wire_packets('a'), 0);
}

/* I1: nor anywhere with a managed mark. */
TEST_F(protocols, connects_nowhere_with_a_mark)
{
	if (self->fd < 0)
		SKIP(return, "this kernel has no %s", variant->what);
	ASSERT_EQ(wire_count('a', "tcp dport 8884"), 0);
	ASSERT_EQ(set_mark(self->fd, 0x6b000001), 0);
	if (mark_of(self->fd) != 0x6b000001)
		SKIP(return, "%s keeps no mark", variant->what);
	EXPECT_LT(tcp_connect(self->fd, ADDR_B, PORT + 1), 0);
	EXPECT_EQ(wire_packets('a'), 0);
	EXPECT_TRUE(violated(&self->ev_a));
	EXPECT_EQ(nl_get(&self->ev_a, KPC_A_VIOLATION_KIND),
		  KPC_VIOLATION_KIND_MARK);
}

/* I3: at a protected port it hears nothing, and at another one it does. */
TEST_F(protocols, listens_in_vain)
{
	int listener, open, fd;

	if (self->fd < 0)
		SKIP(return, "this kernel has no %s", variant->what);
	ASSERT_EQ(site_enter('b'), 0);
	listener = open_one(variant->family, variant->protocol);
	open = open_one(variant->family, variant->protocol);
	ASSERT_EQ(tcp_listen(listener, ADDR_B, PORT), 0);
	ASSERT_EQ(tcp_listen(open, ADDR_B, PORT + 1), 0);
	ASSERT_EQ(wire_count('b', "tcp sport 8883"), 0);
	ASSERT_EQ(wire_count_as('b', "open", "tcp sport 8884"), 0);
	ASSERT_EQ(site_enter('a'), 0);
	fd = tcp_socket();
	EXPECT_EQ(tcp_connect(fd, ADDR_B, PORT + 1), 0);
	drop_socket(fd);
	EXPECT_GE(wire_packets_as('b', "open"), 1);

	self->p.client = tcp_socket();
	nonblock(self->p.client);
	ASSERT_EQ(handshake_new(&self->a, self->p.client, "to-b"), 0);
	EXPECT_EQ(tcp_connect(self->p.client, ADDR_B, PORT), -EINPROGRESS);
	EXPECT_TRUE(violated(&self->ev_b));
	EXPECT_EQ(nl_get(&self->ev_b, KPC_A_VIOLATION_DIRECTION), KPC_DIRECTION_IN);
	EXPECT_EQ(wire_packets('b'), 0);
	nonblock(listener);
	EXPECT_LT(accept(listener, NULL, NULL), 0);
	close(listener);
	close(open);
}

TEST_HARNESS_MAIN
