// SPDX-License-Identifier: GPL-2.0-only
/*
 * The bindings of an association ended in one go. KPC_REVOKE_BINDINGS (10000)
 * says how many. Row X2, invariant I4.
 */
#include "kselftest_harness.h"

#include <sys/resource.h>

#include "pair.h"

#define MOST	10000
#define OCTETS	200

FIXTURE(revoke) {
	struct nl a, b;
	struct pair p;
	int clients[MOST], servers[MOST];
	int count;
};

/* The agent carries the records: what is ended is the same. */
static int bind_plain(struct nl *nl, int fd, const char *name)
{
	binding_req(nl, fd, name, 0x0304, 0x1301, NULL);
	nl_u8(nl, KPC_A_BINDING_CARRIER, KPC_CARRIER_AGENT);
	return nl_talk(nl);
}

FIXTURE_SETUP(revoke)
{
	struct rlimit files = { 2 * MOST + 100, 2 * MOST + 100 };
	struct assoc a = ASSOC_A("to-b"), b = ASSOC_B("from-a");
	const char *fewer = getenv("KPC_REVOKE_BINDINGS");
	struct pair *p = &self->p;

	self->count = fewer ? atoi(fewer) : MOST;
	ASSERT_TRUE(self->count > 0 && self->count <= MOST);
	a.offload = KPC_OFFLOAD_PREFER;
	b.offload = KPC_OFFLOAD_PREFER;
	ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &files), 0);
	ASSERT_EQ(sites_up(), 0);
	ASSERT_EQ(site_nl(&self->b, 'b') ?: site_nl(&self->a, 'a'), 0);
	ASSERT_EQ(assoc_new(&self->a, &a) ?: assoc_new(&self->b, &b), 0)
		TH_LOG("%s%s", self->a.said, self->b.said);
	pair_init(p, &self->a, &self->b, "to-b", "from-a");
	ASSERT_EQ(pair_listen(p), 0) TH_LOG("%s", self->b.said);
	ASSERT_EQ(site_enter('a'), 0);
	for (int i = 0; i < self->count; i++) {
		ASSERT_EQ(pair_connect_here(p), 0)
			TH_LOG("connection %d: %s", i, self->a.said);
		ASSERT_EQ(bind_plain(&self->a, p->client, "to-b") ?:
			  bind_plain(&self->b, p->server, "from-a"), 0)
			TH_LOG("connection %d: %s%s", i, self->a.said, self->b.said);
		self->clients[i] = p->client;
		self->servers[i] = p->server;
	}
}

FIXTURE_TEARDOWN(revoke)
{
	for (int i = 0; i < self->count; i++) {
		drop_socket(self->clients[i]);
		drop_socket(self->servers[i]);
	}
	sites_down();
}

/* How many of the sockets take a message; none waits. */
static int send_each(const int *fds, int count)
{
	static char message[OCTETS];
	int i, taken = 0;

	for (i = 0; i < count; i++)
		taken += send(fds[i], message, sizeof(message),
			      MSG_NOSIGNAL | MSG_DONTWAIT) == sizeof(message);
	return taken;
}

/* How many of the sockets meet this error. */
static int meet(const int *fds, int count, int error)
{
	int i, met = 0;

	for (i = 0; i < count; i++)
		met += error_within(fds[i], 30000) == error;
	return met;
}

TEST_F_TIMEOUT(revoke, all_at_once, 480)
{
	long before;
	int i;

	/* Segments with payload. */
	ASSERT_EQ(wire_count('a', "tcp dport 8883 meta length > 80"), 0);
	ASSERT_EQ(send_each(self->clients, self->count), self->count);
	EXPECT_GE(wire_packets('a'), self->count);

	ASSERT_EQ(assoc_del(&self->a, "to-b"), 0) TH_LOG("%s", self->a.said);
	before = wire_packets('a');
	EXPECT_EQ(nl_get(&self->a, KPC_A_ASSOCIATION_BINDINGS), self->count);
	TH_LOG("nothing passed after %.3f ms, of %d bindings",
	       nl_get(&self->a, KPC_A_ASSOCIATION_TOOK) / 1e6, self->count);
	send_each(self->clients, self->count);
	/* The reset is of each, and reaches the far end. */
	EXPECT_EQ(meet(self->servers, self->count, ECONNRESET), self->count);
	EXPECT_EQ(wire_packets('a'), before);
	for (i = 0; i < 300 && dump(&self->a, KPC_CMD_BINDING_GET); i++)
		usleep(100000);
	EXPECT_EQ(dump(&self->a, KPC_CMD_BINDING_GET), 0);
}

TEST_HARNESS_MAIN
