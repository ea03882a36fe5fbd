// SPDX-License-Identifier: GPL-2.0-only
/*
 * What may leave and what may enter: marks, bindings, endpoints, budgets,
 * limits, deletion. Invariants I1, I2, I3, I4; rows M8, X2.
 */
#include "kselftest_harness.h"

#include <time.h>

#include "pair.h"

FIXTURE(wire) {
	struct nl a, b, ev_a, ev_b;
	struct pair p;
};

FIXTURE_SETUP(wire)
{
	ASSERT_EQ(pair_sites_up(&self->p, &self->a, &self->b, &self->ev_a,
				&self->ev_b), 0);
	ASSERT_EQ(pair_associate(&self->p), 0)
		TH_LOG("a: %s; b: %s", self->a.said, self->b.said);
	ASSERT_EQ(pair_listen(&self->p), 0) TH_LOG("%s", self->b.said);
}

FIXTURE_TEARDOWN(wire)
{
	pair_sites_down(&self->p, &self->ev_a, &self->ev_b);
}

#define UP()								\
	do {								\
		ASSERT_EQ(pair_connect(&self->p), 0)			\
			TH_LOG("%s", self->a.said);			\
		ASSERT_EQ(pair_bind(&self->p), 0)			\
			TH_LOG("a: %s; b: %s", self->a.said,		\
			       self->b.said);				\
	} while (0)

/* M8: a connection bound at both ends carries data and tells who it is. */
TEST_F(wire, bound_connection_carries_data)
{
	struct pair *p = &self->p;

	UP();
	EXPECT_EQ(mark_of(p->client), 0x6b000001);
	EXPECT_EQ(mark_of(p->server), 0x6b000001);
	EXPECT_TRUE(crosses(p->client, p->server, "from a to b"));
	EXPECT_TRUE(crosses(p->server, p->client, "from b to a"));

	ASSERT_EQ(nl_event(&self->ev_b, KPC_CMD_BINDING_NTF, 1000), 0);
	EXPECT_EQ(nl_get(&self->ev_b, KPC_A_BINDING_CHANGE), KPC_CHANGE_ADDED);
	EXPECT_STREQ(nl_text(&self->ev_b, KPC_A_BINDING_ID_A),
		     "//sp.example/cse-a");

	nl_req(&self->b, KPC_CMD_BINDING_GET);
	nl_u32(&self->b, KPC_A_BINDING_FD, p->server);
	ASSERT_EQ(nl_talk(&self->b), 0);
	EXPECT_STREQ(nl_text(&self->b, KPC_A_BINDING_ASSOCIATION), "from-a");
	EXPECT_EQ(nl_get(&self->b, KPC_A_BINDING_SUITE), 0x1301);
	EXPECT_EQ(nl_get(&self->b, KPC_A_BINDING_CARRIER), KPC_CARRIER_KERNEL);
	/* 11 octets, their type, a tag of 16 and a header of 5, both ways. */
	EXPECT_EQ(nl_get(&self->b, KPC_A_BINDING_TX_OCTETS), 33);
	EXPECT_EQ(nl_get(&self->b, KPC_A_BINDING_RX_OCTETS), 33);
	EXPECT_EQ(nl_get(&self->b, KPC_A_BINDING_LOCAL_PORT), PORT);
	EXPECT_EQ(dump(&self->b, KPC_CMD_BINDING_GET), 1);

	ASSERT_EQ(assoc_get(&self->a, "to-b"), 0);
	EXPECT_EQ(nl_get(&self->a, KPC_A_ASSOCIATION_BINDINGS), 1);
	EXPECT_EQ(nl_get(&self->a, KPC_A_ASSOCIATION_TX_OCTETS), 33);

	/* I2: an orderly close drains, and the binding goes. */
	ASSERT_EQ(send(p->client, "last", 4, 0), 4);
	close(p->client);
	p->client = -1;
	char buf[8];

	EXPECT_EQ(recv(p->server, buf, sizeof(buf), 0), 4);
	EXPECT_EQ(recv(p->server, buf, sizeof(buf), 0), 0);
	close(p->server);
	p->server = -1;
	ASSERT_TRUE(is_gone(&self->ev_a));
	EXPECT_EQ(nl_get(&self->ev_a, KPC_A_BINDING_REASON), KPC_REASON_CLOSED);
	ASSERT_EQ(assoc_get(&self->a, "to-b"), 0);
	EXPECT_EQ(nl_get(&self->a, KPC_A_ASSOCIATION_BINDINGS), 0);
	EXPECT_EQ(nl_get(&self->a, KPC_A_ASSOCIATION_BOUND), 1);
	EXPECT_EQ(nl_get(&self->a, KPC_A_ASSOCIATION_TX_OCTETS), 33 + 26);
}

/* M8: packets with the mark on the wire are those the association counts. */
TEST_F(wire, packets_agree_with_the_wire)
{
	uint64_t before;
	int i;

	ASSERT_EQ(wire_count('a', "meta mark 0x6b000001"), 0);
	UP();
	for (i = 0; i < 20; i++)
		ASSERT_TRUE(crosses(self->p.client, self->p.server, "ping"));
	usleep(200000);
	ASSERT_EQ(assoc_get(&self->a, "to-b"), 0);
	before = nl_get(&self->a, KPC_A_ASSOCIATION_TX_PACKETS);
	EXPECT_GE(before, 20);
	EXPECT_EQ(wire_packets('a'), before);
}

/* I1: a mark is a label, not a proof. */
TEST_F(wire, foreign_mark_does_not_leave)
{
	struct sockaddr_in sin = at(ADDR_B, 9);
	int udp, tcp;

	ASSERT_EQ(wire_count('a', "ip daddr " ADDR_B " meta mark & 0xff000000 == 0x6b000000"), 0);
	ASSERT_EQ(site_enter('a'), 0);
	udp = socket(AF_INET, SOCK_DGRAM, 0);
	ASSERT_EQ(set_mark(udp, 0x6b000001), 0);
	EXPECT_LT(sendto(udp, "x", 1, 0, (struct sockaddr *)&sin, sizeof(sin)), 0);
	EXPECT_EQ(errno, EPERM);
	ASSERT_EQ(nl_event(&self->ev_a, KPC_CMD_VIOLATION_NTF, 1000), 0);
	EXPECT_EQ(nl_get(&self->ev_a, KPC_A_VIOLATION_KIND), KPC_VIOLATION_KIND_MARK);
	EXPECT_EQ(nl_get(&self->ev_a, KPC_A_VIOLATION_MARK), 0x6b000001);
	EXPECT_EQ(nl_get(&self->ev_a, KPC_A_VIOLATION_UID), 0);
	EXPECT_EQ(nl_get(&self->ev_a, KPC_A_VIOLATION_PID), getpid());

	tcp = tcp_socket();
	ASSERT_EQ(set_mark(tcp, 0x6b000001), 0);
	EXPECT_LT(tcp_connect(tcp, ADDR_B, PORT), 0);
	ASSERT_EQ(set_mark(udp, HS_MARK), 0);
	EXPECT_LT(sendto(udp, "x", 1, 0, (struct sockaddr *)&sin, sizeof(sin)), 0);
	EXPECT_EQ(wire_packets('a'), 0);
	/* A mark outside the range is nobody's business. */
	ASSERT_EQ(set_mark(udp, 0x6c000001), 0);
	EXPECT_EQ(sendto(udp, "x", 1, 0, (struct sockaddr *)&sin, sizeof(sin)), 1);
	close(udp);
	close(tcp);
}

/* I3: plain TCP to a protected endpoint fails at once. */
TEST_F(wire, plain_connect_is_refused)
{
	int fd;

	ASSERT_EQ(site_enter('a'), 0);
	fd = tcp_socket();
	EXPECT_EQ(tcp_connect(fd, ADDR_B, PORT), -ECONNREFUSED);
	ASSERT_EQ(nl_event(&self->ev_a, KPC_CMD_VIOLATION_NTF, 1000), 0);
	EXPECT_EQ(nl_get(&self->ev_a, KPC_A_VIOLATION_KIND), KPC_VIOLATION_KIND_ENDPOINT);
	EXPECT_EQ(nl_get(&self->ev_a, KPC_A_VIOLATION_REMOTE_PORT), PORT);
	close(fd);
	fd = tcp_socket();
	EXPECT_EQ(tcp_connect(fd, ADDR_B, PORT + 1), -ECONNREFUSED);
	EXPECT_NE(nl_event(&self->ev_a, KPC_CMD_VIOLATION_NTF, 200), 0);
	close(fd);
}

/* I3: a listener that is not registered gets nothing. */
TEST_F(wire, plain_listener_gets_nothing)
{
	int plain, fd;

	close(self->p.listener);
	ASSERT_EQ(site_enter('b'), 0);
	plain = tcp_socket();
	ASSERT_EQ(tcp_listen(plain, ADDR_B, PORT), 0);
	ASSERT_EQ(assoc_del(&self->a, "to-b"), 0);
	ASSERT_EQ(site_enter('a'), 0);
	fd = tcp_socket();
	nonblock(fd);
	EXPECT_EQ(tcp_connect(fd, ADDR_B, PORT), -EINPROGRESS);
	ASSERT_EQ(nl_event(&self->ev_b, KPC_CMD_VIOLATION_NTF, 1000), 0);
	EXPECT_EQ(nl_get(&self->ev_b, KPC_A_VIOLATION_DIRECTION), KPC_DIRECTION_IN);
	nonblock(plain);
	usleep(300000);
	EXPECT_LT(accept(plain, NULL, NULL), 0);
	close(fd);
	self->p.listener = plain;
}

/* I2: another mark ends a binding, and the far end learns it. */
TEST_F(wire, changed_mark_ends_binding)
{
	UP();
	ASSERT_EQ(set_mark(self->p.client, 0), 0);
	send(self->p.client, "x", 1, MSG_NOSIGNAL);
	EXPECT_NE(error_within(self->p.client, 3000), 0);
	EXPECT_NE(error_within(self->p.server, 3000), 0);
	ASSERT_TRUE(is_gone(&self->ev_a));
	EXPECT_EQ(nl_get(&self->ev_a, KPC_A_BINDING_REASON), KPC_REASON_MARK_CHANGED);
}

/* I2: also where nothing is sent. */
TEST_F(wire, changed_mark_of_silent_socket)
{
	UP();
	ASSERT_EQ(set_mark(self->p.server, 0x6b000002), 0);
	EXPECT_NE(error_within(self->p.server, 4000), 0);
	ASSERT_TRUE(is_gone(&self->ev_b));
	EXPECT_EQ(nl_get(&self->ev_b, KPC_A_BINDING_REASON), KPC_REASON_MARK_CHANGED);
}

/* I2: what a binding must be. */
TEST_F(wire, bind_refusals)
{
	struct pair *p = &self->p;
	struct ends other;
	int plain;

	ASSERT_EQ(pair_connect(p), 0) TH_LOG("%s", self->a.said);
	EXPECT_EQ(binding_new(&self->a, p->client, "to-b", &p->ends_a), -ENOTCONN);
	EXPECT_STREQ(self->a.said, "the socket has no kernel TLS in both directions");
	EXPECT_EQ(binding_new(&self->a, p->client, "none", &p->ends_a), -ENOENT);
	ASSERT_EQ(ends_install(p->client, &p->ends_a), 0);

	binding_req(&self->a, p->client, "to-b", 0x0303, 0x00a8, &p->ends_a);
	EXPECT_EQ(nl_talk(&self->a), -EINVAL);
	EXPECT_NE(strstr(self->a.said, "has version 0x0304, not 0x0303"), NULL)
		TH_LOG("%s", self->a.said);
	binding_req(&self->a, p->client, "to-b", 0x0304, 0x1303, &p->ends_a);
	EXPECT_EQ(nl_talk(&self->a), -EINVAL);
	EXPECT_NE(strstr(self->a.said, "not that of suite 0x1303"), NULL);
	binding_req(&self->a, p->client, "to-b", 0x0304, 0x00a8, &p->ends_a);
	EXPECT_EQ(nl_talk(&self->a), -EPERM);
	other = p->ends_a;
	other.rx_digest[0] ^= 1;
	EXPECT_EQ(binding_new(&self->a, p->client, "to-b", &other), -EKEYREJECTED);
	binding_req(&self->a, p->client, "to-b", 0x0304, 0x1301, NULL);
	EXPECT_EQ(nl_talk(&self->a), -EINVAL);
	binding_req(&self->a, p->client, "to-b", 0x0304, 0x1301, NULL);
	nl_u8(&self->a, KPC_A_BINDING_CARRIER, KPC_CARRIER_AGENT);
	EXPECT_EQ(nl_talk(&self->a), -EPERM);
	EXPECT_NE(strstr(self->a.said, "offload require"), NULL);
	EXPECT_EQ(binding_new(&self->a, self->a.fd, "to-b", &p->ends_a), -EPROTONOSUPPORT);

	ASSERT_EQ(site_enter('a'), 0);
	plain = tcp_socket();
	EXPECT_EQ(binding_new(&self->a, plain, "to-b", &p->ends_a), -ENOENT);
	EXPECT_NE(strstr(self->a.said, "not registered"), NULL);
	close(plain);
	/* I9: a socket of another namespace. */
	EXPECT_EQ(handshake_new(&self->b, p->client, NULL), -EXDEV);
	EXPECT_EQ(handshake_new(&self->a, p->client, "to-b"), -EISCONN);

	ASSERT_EQ(binding_new(&self->a, p->client, "to-b", &p->ends_a), 0)
		TH_LOG("%s", self->a.said);
	EXPECT_EQ(binding_new(&self->a, p->client, "to-b", &p->ends_a), -EALREADY);
}

/* I2: keys that were not announced end it; announced ones do not. */
TEST_F(wire, keys_behind_our_back)
{
	struct pair *p = &self->p;
	struct ends next;

	UP();
	ends_init(&next, TLS_1_3_VERSION, false);
	test_keys(&next.tx, TLS_1_3_VERSION, 0x77);
	test_digest(&next.tx, next.tx_digest);
	nl_req(&self->a, KPC_CMD_BINDING_REKEY);
	nl_u32(&self->a, KPC_A_BINDING_FD, p->client);
	nl_put(&self->a, KPC_A_BINDING_TX_DIGEST, next.tx_digest, KPC_DIGEST_LEN);
	ASSERT_EQ(nl_talk(&self->a), 0);
	if (setsockopt(p->client, SOL_TLS, TLS_TX, &next.tx, sizeof(next.tx)))
		SKIP(return, "this kernel has no rekey: errno %d", errno);
	EXPECT_EQ(error_within(p->client, 2500), 0);

	test_keys(&next.tx, TLS_1_3_VERSION, 0x78);
	ASSERT_EQ(setsockopt(p->client, SOL_TLS, TLS_TX, &next.tx, sizeof(next.tx)), 0);
	EXPECT_NE(error_within(p->client, 4000), 0);
	ASSERT_TRUE(is_gone(&self->ev_a));
	EXPECT_EQ(nl_get(&self->ev_a, KPC_A_BINDING_REASON), KPC_REASON_KEYS_CHANGED);
}

/* I3: octets before BIND are counted hard. */
TEST_F(wire, handshake_octets)
{
	struct assoc a = ASSOC_A("to-b");
	static char buf[4096];
	struct pair *p = &self->p;
	long sent = 0, got = 0;
	ssize_t n;

	a.handshake_octets = 10000;
	ASSERT_EQ(assoc_new(&self->a, &a), 0);
	ASSERT_EQ(pair_connect(p), 0);
	while (sent < 100000) {
		n = send(p->client, buf, sizeof(buf), MSG_NOSIGNAL);
		if (n < 0)
			break;
		sent += n;
	}
	EXPECT_LT(sent, 100000);
	nonblock(p->server);
	usleep(300000);
	while ((n = recv(p->server, buf, sizeof(buf), 0)) > 0)
		got += n;
	EXPECT_LE(got, 10000);
	ASSERT_EQ(nl_event(&self->ev_a, KPC_CMD_VIOLATION_NTF, 3000), 0);
	EXPECT_EQ(nl_get(&self->ev_a, KPC_A_VIOLATION_KIND), KPC_VIOLATION_KIND_BUDGET);
	EXPECT_STREQ(nl_text(&self->ev_a, KPC_A_VIOLATION_ASSOCIATION), "to-b");
	ASSERT_EQ(ends_install(p->server, &p->ends_b) == 0 ||
		  errno == ENOTCONN, true);
}

/* A child that cannot be registered is reset, and not left to its fate. */
TEST_F(wire, children_beyond_the_limit)
{
	int clients[3], i, err;

	/* A quarter is kept for connections from here; the listener is one. */
	nl_req(&self->b, KPC_CMD_CONFIG_SET);
	nl_u32(&self->b, KPC_A_CONFIG_MAX_HANDSHAKES, 4);
	ASSERT_EQ(nl_talk(&self->b), 0) TH_LOG("%s", self->b.said);
	ASSERT_EQ(site_enter('a'), 0);
	for (i = 0; i < 3; i++) {
		clients[i] = tcp_socket();
		ASSERT_EQ(handshake_new(&self->a, clients[i], "to-b"), 0);
		/* The reset may be there before connect() returns. */
		err = tcp_connect(clients[i], ADDR_B, PORT);
		if (i < 2 || err != -ECONNRESET)
			ASSERT_EQ(err, 0);
	}
	EXPECT_TRUE(crosses(clients[0], accept(self->p.listener, NULL, NULL),
			    "the first"));
	EXPECT_TRUE(crosses(clients[1], accept(self->p.listener, NULL, NULL),
			    "the second"));
	/* Before it is accepted it is nobody's to reset. */
	EXPECT_GE(accept(self->p.listener, NULL, NULL), 0);
	EXPECT_EQ(err ?: -error_within(clients[2], 3000), -ECONNRESET);
	nl_req(&self->b, KPC_CMD_STATS_GET);
	ASSERT_EQ(nl_talk(&self->b), 0);
	EXPECT_EQ(nl_get(&self->b, KPC_A_STATS_REFUSED), 1);
}

TEST_F(wire, handshake_seconds)
{
	struct assoc a = ASSOC_A("to-b");

	a.handshake_seconds = 1;
	ASSERT_EQ(assoc_new(&self->a, &a), 0);
	ASSERT_EQ(pair_connect(&self->p), 0);
	EXPECT_EQ(error_within(self->p.client, 20000), ETIMEDOUT);
	EXPECT_NE(error_within(self->p.server, 1000), 0);
}

/* I4: a handshake with a peer that has moved ends, and not by its time. */
TEST_F(wire, handshake_of_an_association_that_moved)
{
	struct assoc a = ASSOC_A("to-b");
	int early;

	ASSERT_EQ(site_enter('a'), 0);
	early = tcp_socket();
	ASSERT_EQ(handshake_new(&self->a, early, "to-b"), 0);
	ASSERT_EQ(pair_connect(&self->p), 0);
	a.lifetime = 99;
	ASSERT_EQ(assoc_new(&self->a, &a), 0);
	EXPECT_TRUE(crosses(self->p.client, self->p.server, "as before"));
	a.address = "192.0.2.3";
	ASSERT_EQ(assoc_new(&self->a, &a), 0) TH_LOG("%s", self->a.said);
	EXPECT_EQ(error_within(self->p.client, 3000), ECONNABORTED);
	EXPECT_EQ(error_within(self->p.server, 3000), ECONNRESET);
	EXPECT_FALSE(violated(&self->ev_a));
	/* One that was not connected yet may go where the peer is now. */
	nonblock(early);
	EXPECT_EQ(tcp_connect(early, "192.0.2.3", PORT), -EINPROGRESS);
	EXPECT_FALSE(violated(&self->ev_a));
	close(early);
}

/* The peer has not said yet whose it is: the endpoint's associations decide. */
TEST_F(wire, handshake_seconds_of_a_child)
{
	struct assoc b = ASSOC_B("from-a");

	b.handshake_seconds = 1;
	ASSERT_EQ(assoc_new(&self->b, &b), 0);
	ASSERT_EQ(pair_connect(&self->p), 0);
	EXPECT_EQ(error_within(self->p.server, 20000), ETIMEDOUT);
	EXPECT_EQ(error_within(self->p.client, 1000), ECONNRESET);
}

/* What a handshake receives is bounded, and not lost. */
TEST_F(wire, received_before_bind)
{
	struct pair *p = &self->p;
	static char buf[65536];
	long left = 1000000, got = 0;
	ssize_t n;

	ASSERT_EQ(pair_connect(p), 0);
	ASSERT_EQ(ends_install(p->client, &p->ends_a), 0);
	ASSERT_EQ(ends_install(p->server, &p->ends_b), 0);
	ASSERT_EQ(binding_new(&self->a, p->client, "to-b", &p->ends_a), 0);
	nonblock(p->client);
	while (left > 0) {
		n = send(p->client, buf, sizeof(buf), MSG_NOSIGNAL);
		if (n < 0)
			break;
		left -= n;
	}
	usleep(500000);
	ASSERT_EQ(binding_new(&self->b, p->server, "from-a", &p->ends_b), 0)
		TH_LOG("%s", self->b.said);
	nl_req(&self->b, KPC_CMD_BINDING_GET);
	nl_u32(&self->b, KPC_A_BINDING_FD, p->server);
	ASSERT_EQ(nl_talk(&self->b), 0);
	while (got < 1000000 - left) {
		n = recv(p->server, buf, sizeof(buf), 0);
		ASSERT_GT(n, 0);
		got += n;
	}
	EXPECT_EQ(got, 1000000 - left);
}

/* What a connection carried is told, however it ends. */
TEST_F(wire, octets_of_an_abortive_close)
{
	struct pair *p = &self->p;
	char buf[5000] = "";

	UP();
	ASSERT_EQ(send(p->client, buf, sizeof(buf), MSG_NOSIGNAL), 5000);
	ASSERT_EQ(recv(p->server, buf, sizeof(buf), MSG_WAITALL), 5000);
	drop_socket(p->client);
	p->client = -1;
	ASSERT_TRUE(is_gone(&self->ev_a));
	EXPECT_GE(nl_get(&self->ev_a, KPC_A_BINDING_TX_OCTETS), 5000);
	EXPECT_LT(nl_get(&self->ev_a, KPC_A_BINDING_TX_OCTETS), 6000);
	ASSERT_EQ(assoc_get(&self->a, "to-b"), 0);
	EXPECT_GE(nl_get(&self->a, KPC_A_ASSOCIATION_TX_OCTETS), 5000);
	EXPECT_LT(nl_get(&self->a, KPC_A_ASSOCIATION_TX_OCTETS), 6000);
}

/*
 * I4, X2: of what is queued when the deletion is acknowledged nothing leaves
 * later. Of the moment itself the order of a trace tells, in the demo.
 */
TEST_F(wire, deletion_ends_at_once)
{
	struct pair *p = &self->p;
	static char buf[65536];
	long before;
	int i;

	UP();
	nonblock(p->client);
	for (i = 0; i < 200; i++)
		send(p->client, buf, sizeof(buf), MSG_NOSIGNAL);
	ASSERT_EQ(assoc_del(&self->a, "to-b"), 0) TH_LOG("%s", self->a.said);
	EXPECT_EQ(nl_get(&self->a, KPC_A_ASSOCIATION_BINDINGS), 1);
	TH_LOG("nothing passed after %.3f ms",
	       nl_get(&self->a, KPC_A_ASSOCIATION_TOOK) / 1e6);
	/* Only the reset may still be counted; it has left already. */
	ASSERT_EQ(wire_count('a', "ip daddr " ADDR_B " tcp dport 8883 meta length > 80"), 0);
	before = wire_packets('a');
	send(p->client, buf, sizeof(buf), MSG_NOSIGNAL);
	usleep(500000);
	EXPECT_EQ(wire_packets('a'), before);
	EXPECT_EQ(error_within(p->client, 100), ECONNABORTED);
	EXPECT_EQ(error_within(p->server, 2000), ECONNRESET);
	ASSERT_TRUE(is_gone(&self->ev_a));
	EXPECT_EQ(nl_get(&self->ev_a, KPC_A_BINDING_REASON), KPC_REASON_DELETED);
}

/* A rotation's two KpcIds share the mark; deleting one ends only its own. */
TEST_F(wire, rotation_ends_its_own)
{
	struct assoc next = ASSOC_B("from-a-next");
	struct pair second;

	UP();
	ASSERT_EQ(assoc_new(&self->b, &next), 0) TH_LOG("%s", self->b.said);
	pair_init(&second, &self->a, &self->b, "to-b", "from-a-next");
	second.listener = self->p.listener;
	ASSERT_EQ(pair_connect(&second), 0) TH_LOG("%s", self->a.said);
	ASSERT_EQ(pair_bind(&second), 0) TH_LOG("%s", self->b.said);
	EXPECT_EQ(mark_of(second.server), mark_of(self->p.server));
	ASSERT_EQ(assoc_del(&self->b, "from-a"), 0);
	EXPECT_NE(error_within(self->p.server, 1000), 0);
	EXPECT_TRUE(crosses(second.client, second.server, "still here"));
	second.listener = -1;
	pair_close(&second);
}

TEST_F(wire, limits_of_a_binding)
{
	struct assoc a = ASSOC_A("to-b");
	static char buf[20000];

	/* What is changed holds for new bindings. */
	UP();
	a.lifetime = 1;
	ASSERT_EQ(assoc_new(&self->a, &a), 0);
	EXPECT_EQ(error_within(self->p.client, 3000), 0);
	close(self->p.client);
	close(self->p.server);

	UP();
	EXPECT_EQ(error_within(self->p.client, 4000), EKEYEXPIRED);
	close(self->p.client);
	close(self->p.server);

	a.lifetime = 0;
	a.idle = 1;
	ASSERT_EQ(assoc_new(&self->a, &a), 0);
	UP();
	EXPECT_EQ(error_within(self->p.client, 4000), ETIMEDOUT);
	close(self->p.client);
	close(self->p.server);

	a.idle = 0;
	a.octets = 10000;
	a.bindings = 1;
	ASSERT_EQ(assoc_new(&self->a, &a), 0);
	UP();
	send(self->p.client, buf, sizeof(buf), MSG_NOSIGNAL);
	EXPECT_EQ(error_within(self->p.client, 2000), EKEYEXPIRED);
}

/* The limit that a binding comes near to, as an event tells it, or -1. */
static int near(struct nl *ev)
{
	while (!nl_event(ev, KPC_CMD_BINDING_NTF, 3000))
		if (nl_get(ev, KPC_A_BINDING_CHANGE) == KPC_CHANGE_LIMIT)
			return nl_get(ev, KPC_A_BINDING_REASON);
	return -1;
}

/* X2: a key is told of at half of its records, and ends before the last. */
TEST_F(wire, records_of_a_key)
{
	struct assoc a = ASSOC_A("to-b");
	struct pair *p = &self->p;
	int i;

	a.records = 1024;
	ASSERT_EQ(assoc_new(&self->a, &a), 0);
	UP();
	for (i = 0; i < 600; i++)
		ASSERT_TRUE(crosses(p->server, p->client, "a"));
	ASSERT_EQ(near(&self->ev_a), KPC_REASON_RECORDS);
	EXPECT_EQ(nl_get(&self->ev_a, KPC_A_BINDING_RX_RECORDS), 600);
	EXPECT_EQ(nl_get(&self->ev_a, KPC_A_BINDING_TX_RECORDS), 0);
	/* Told once, with nothing of it ended. */
	EXPECT_EQ(near(&self->ev_a), -1);
	ASSERT_TRUE(crosses(p->client, p->server, "b"));
	nl_req(&self->a, KPC_CMD_BINDING_GET);
	nl_u32(&self->a, KPC_A_BINDING_FD, p->client);
	ASSERT_EQ(nl_talk(&self->a), 0);
	EXPECT_EQ(nl_get(&self->a, KPC_A_BINDING_RX_RECORDS), 600);

	/* On a slow machine the sweep comes meanwhile, and keeps an eighth free. */
	for (i = 600; i < 1000 && crosses(p->server, p->client, "c"); i++)
		;
	EXPECT_GE(i, 1024 - 1024 / 8 - 1);
	EXPECT_NE(error_within(p->client, 3000), 0);
	ASSERT_TRUE(is_gone(&self->ev_a));
	EXPECT_EQ(nl_get(&self->ev_a, KPC_A_BINDING_REASON), KPC_REASON_RECORDS);
}

/* X2: octets likewise. */
TEST_F(wire, octets_come_near)
{
	struct assoc a = ASSOC_A("to-b");
	static char buf[9000];

	a.octets = 10000;
	ASSERT_EQ(assoc_new(&self->a, &a), 0);
	UP();
	ASSERT_EQ(send(self->p.client, buf, sizeof(buf), MSG_NOSIGNAL), sizeof(buf));
	EXPECT_EQ(near(&self->ev_a), KPC_REASON_OCTETS);
	EXPECT_EQ(near(&self->ev_a), -1);
	ASSERT_TRUE(crosses(self->p.server, self->p.client, "still here"));
}

/* X2: at not-after live bindings end, and nothing new is bound. */
TEST_F(wire, expiry)
{
	struct assoc a = ASSOC_A("to-b");

	a.not_after = time(NULL) + 3;
	ASSERT_EQ(assoc_new(&self->a, &a), 0);
	UP();
	EXPECT_EQ(error_within(self->p.client, 6000), EKEYEXPIRED);
	do {
		ASSERT_EQ(nl_event(&self->ev_a, KPC_CMD_ASSOCIATION_NTF, 3000), 0);
	} while (nl_get(&self->ev_a, KPC_A_ASSOCIATION_CHANGE) != KPC_CHANGE_LIMIT);
	EXPECT_EQ(nl_get(&self->ev_a, KPC_A_ASSOCIATION_REASON), KPC_REASON_EXPIRED);
	close(self->p.client);
	close(self->p.server);
	ASSERT_EQ(pair_connect(&self->p), 0);
	EXPECT_EQ(pair_bind(&self->p), -EKEYEXPIRED);
	EXPECT_NE(strstr(self->a.said, "'to-b' expired at"), NULL)
		TH_LOG("%s", self->a.said);
}

/* A flood of violations is counted whole and told in part. */
TEST_F(wire, violations_are_rate_limited)
{
	struct sockaddr_in sin = at(ADDR_B, 9);
	unsigned int told = 0, i;
	int udp, tcp;

	ASSERT_EQ(site_enter('a'), 0);
	udp = socket(AF_INET, SOCK_DGRAM, 0);
	ASSERT_EQ(set_mark(udp, 0x6b000001), 0);
	for (i = 0; i < 500; i++)
		sendto(udp, "x", 1, 0, (struct sockaddr *)&sin, sizeof(sin));
	while (!nl_event(&self->ev_a, KPC_CMD_VIOLATION_NTF, 200))
		told++;
	EXPECT_GE(told, 10);
	EXPECT_LE(told, 100);
	nl_req(&self->a, KPC_CMD_STATS_GET);
	nl_flag(&self->a, KPC_A_STATS_RESET);
	ASSERT_EQ(nl_talk(&self->a), 0);
	EXPECT_EQ(nl_get(&self->a, KPC_A_STATS_VIOLATIONS), 500);
	EXPECT_EQ(nl_get(&self->a, KPC_A_STATS_VIOLATIONS_MARK), 500);
	EXPECT_EQ(nl_get(&self->a, KPC_A_STATS_VIOLATIONS_ENDPOINT), 0);
	EXPECT_EQ(nl_get(&self->a, KPC_A_STATS_DROPPED_OUT), 500);
	EXPECT_EQ(nl_get(&self->a, KPC_A_STATS_SUPPRESSED), 500 - told);
	EXPECT_EQ(nl_get(&self->a, KPC_A_STATS_ASSOCIATIONS), 1);
	ASSERT_EQ(nl_talk(&self->a), 0);
	EXPECT_EQ(nl_get(&self->a, KPC_A_STATS_VIOLATIONS), 0);
	EXPECT_EQ(nl_get(&self->a, KPC_A_STATS_VIOLATIONS_MARK), 0);
	/* Another kind has its own. */
	tcp = tcp_socket();
	EXPECT_EQ(tcp_connect(tcp, ADDR_B, PORT), -ECONNREFUSED);
	ASSERT_EQ(nl_talk(&self->a), 0);
	EXPECT_EQ(nl_get(&self->a, KPC_A_STATS_VIOLATIONS_ENDPOINT), 1);
	EXPECT_EQ(nl_get(&self->a, KPC_A_STATS_VIOLATIONS_MARK), 0);
	close(tcp);
	close(udp);
}

TEST_F(wire, close_of_one_binding)
{
	UP();
	nl_req(&self->b, KPC_CMD_BINDING_DEL);
	nl_u64(&self->b, KPC_A_BINDING_ID, self->p.id_b);
	ASSERT_EQ(nl_talk(&self->b), 0) TH_LOG("%s", self->b.said);
	EXPECT_EQ(error_within(self->p.server, 1000), ECONNABORTED);
	EXPECT_EQ(error_within(self->p.client, 1000), ECONNRESET);
	EXPECT_EQ(nl_talk(&self->b), -ENOENT);
}

/* Load is refused where it would end live bindings; sync ends what it must. */
TEST_F(wire, load_and_sync_with_live_bindings)
{
	struct assoc b = ASSOC_B("from-a");
	int mode;

	UP();
	for (mode = KPC_LOAD_MODE_LOAD; mode <= KPC_LOAD_MODE_SYNC; mode++) {
		/* The same again changes nothing, in either mode. */
		nl_req(&self->b, KPC_CMD_TRANSACTION_BEGIN);
		nl_u8(&self->b, KPC_A_TRANSACTION_MODE, mode);
		ASSERT_EQ(nl_talk(&self->b), 0);
		ASSERT_EQ(assoc_new(&self->b, &b), 0);
		nl_req(&self->b, KPC_CMD_TRANSACTION_COMMIT);
		ASSERT_EQ(nl_talk(&self->b), 0) TH_LOG("%s", self->b.said);
		EXPECT_EQ(nl_get(&self->b, KPC_A_TRANSACTION_CHANGED), 0);
		EXPECT_EQ(nl_get(&self->b, KPC_A_TRANSACTION_ENDED), 0);
	}
	EXPECT_TRUE(crosses(self->p.client, self->p.server, "alive"));

	b.suite = 0x1303;
	for (mode = KPC_LOAD_MODE_LOAD; mode <= KPC_LOAD_MODE_SYNC; mode++) {
		nl_req(&self->b, KPC_CMD_TRANSACTION_BEGIN);
		nl_u8(&self->b, KPC_A_TRANSACTION_MODE, mode);
		ASSERT_EQ(nl_talk(&self->b), 0);
		ASSERT_EQ(assoc_new(&self->b, &b), 0);
		nl_req(&self->b, KPC_CMD_TRANSACTION_COMMIT);
		if (mode == KPC_LOAD_MODE_LOAD) {
			EXPECT_EQ(nl_talk(&self->b), -EBUSY);
			EXPECT_NE(strstr(self->b.said, "1 live bindings"), NULL)
				TH_LOG("%s", self->b.said);
			EXPECT_TRUE(crosses(self->p.client, self->p.server, "alive"));
			nl_req(&self->b, KPC_CMD_TRANSACTION_CONFIRM);
			nl_flag(&self->b, KPC_A_TRANSACTION_ABORT);
			ASSERT_EQ(nl_talk(&self->b), 0);
		} else {
			ASSERT_EQ(nl_talk(&self->b), 0) TH_LOG("%s", self->b.said);
			EXPECT_EQ(nl_get(&self->b, KPC_A_TRANSACTION_ENDED), 1);
		}
	}
	EXPECT_NE(error_within(self->p.server, 1000), 0);
}

/* The agent as carrier, where the association allows it. */
TEST_F(wire, carrier_agent)
{
	struct assoc a = ASSOC_A("to-b"), b = ASSOC_B("from-a");
	struct pair *p = &self->p;

	a.offload = KPC_OFFLOAD_PREFER;
	b.offload = KPC_OFFLOAD_OFF;
	ASSERT_EQ(assoc_new(&self->a, &a), 0) TH_LOG("%s", self->a.said);
	ASSERT_EQ(assoc_new(&self->b, &b), 0) TH_LOG("%s", self->b.said);
	ASSERT_EQ(pair_connect(p), 0);
	binding_req(&self->a, p->client, "to-b", 0x0304, 0x1301, NULL);
	nl_u8(&self->a, KPC_A_BINDING_CARRIER, KPC_CARRIER_AGENT);
	ASSERT_EQ(nl_talk(&self->a), 0) TH_LOG("%s", self->a.said);
	binding_req(&self->b, p->server, "from-a", 0x0304, 0x1301, NULL);
	nl_u8(&self->b, KPC_A_BINDING_CARRIER, KPC_CARRIER_AGENT);
	ASSERT_EQ(nl_talk(&self->b), 0) TH_LOG("%s", self->b.said);
	EXPECT_TRUE(crosses(p->client, p->server, "records of the agent's"));
	/* Of no use to anybody who has not the agent's keys. */
	EXPECT_EQ(binding_hand_over(&self->a, p->client), -EOPNOTSUPP);
	sleep(2);
	EXPECT_TRUE(crosses(p->server, p->client, "still"));
}

TEST_HARNESS_MAIN
