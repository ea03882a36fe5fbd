// SPDX-License-Identifier: GPL-2.0-only
/*
 * How flows end: with their association, their session, their socket, by a limit
 * or by request; what passes then, and what is left. Invariants I4, I5, I9, I10;
 * row X2.
 */
#include "kselftest_harness.h"

#include "datagram.h"

FIXTURE(end) {
	struct flow f;
};

FIXTURE_SETUP(end)
{
	ASSERT_EQ(flow_sites_up(&self->f), 0);
}

FIXTURE_TEARDOWN(end)
{
	flow_sites_down(&self->f);
}

static bool gone_for(struct nl *ev, uint8_t reason)
{
	return is_gone(ev) && nl_get(ev, KPC_A_BINDING_REASON) == reason;
}

/* I4, X2: with the answer to a deletion nothing passes, and nothing after it. */
TEST_F(end, with_its_association)
{
	struct flow *f = &self->f;
	int error = 0;
	socklen_t len = sizeof(error);

	ASSERT_EQ(flow_up(f), 0) TH_LOG("a: %s; b: %s", f->a.said, f->b.said);
	ASSERT_TRUE(flow_crosses(f));
	ASSERT_EQ(wire_count_as('b', "answers", "udp sport 8883"), 0);
	ASSERT_EQ(assoc_del(&f->b, "from-a"), 0) TH_LOG("%s", f->b.said);
	EXPECT_EQ(nl_get(&f->b, KPC_A_ASSOCIATION_BINDINGS), 1);
	EXPECT_TRUE(gone_for(&f->ev_b, KPC_REASON_DELETED));
	/* No endpoint is left: the socket is what nothing passes at. */
	EXPECT_EQ(udp_send(f->fd_a, &f->at_b, DTLS_DATA, 10), 0);
	EXPECT_TRUE(udp_silent(f->fd_b));
	EXPECT_EQ(udp_send(f->fd_a, &f->at_b, DTLS_HANDSHAKE, 10), 0);
	EXPECT_TRUE(udp_silent(f->fd_b));
	EXPECT_EQ(udp_send(f->fd_b, &f->at_a, DTLS_DATA, 10), -ECONNREFUSED);
	EXPECT_EQ(udp_send(f->fd_b, &f->at_a, DTLS_HANDSHAKE, 10),
		  -ECONNREFUSED);
	EXPECT_EQ(wire_packets_as('b', "answers"), 0);

	/* Role a's socket was for it alone, and tells its holder. */
	ASSERT_EQ(assoc_del(&f->a, "to-b"), 0) TH_LOG("%s", f->a.said);
	EXPECT_TRUE(gone_for(&f->ev_a, KPC_REASON_DELETED));
	EXPECT_EQ(getsockopt(f->fd_a, SOL_SOCKET, SO_ERROR, &error, &len), 0);
	EXPECT_EQ(error, ECONNABORTED);
	EXPECT_EQ(udp_send(f->fd_a, &f->at_b, DTLS_DATA, 10), -EPERM);
	EXPECT_EQ(dump(&f->a, KPC_CMD_BINDING_GET), 0);
}

/* I4: of two that share a socket, the other goes on. */
TEST_F(end, and_its_neighbour_goes_on)
{
	struct assoc c = ASSOC_B("from-c");
	struct flow *f = &self->f;
	int fd_c;

	ASSERT_EQ(flow_up(f), 0);
	ASSOC_UDP(c);
	c.id_a = "//sp.example/cse-c";
	ASSERT_EQ(assoc_new(&f->b, &c), 0);
	fd_c = udp_socket(ADDR_A, PORT_A + 1);
	ASSERT_EQ(handshake_new(&f->a, fd_c, "to-b"), 0);
	ASSERT_EQ(flow_new(&f->a, fd_c, "to-b", ADDR_A, ADDR_B, PORT), 0);
	ASSERT_EQ(flow_new(&f->b, f->fd_b, "from-c", ADDR_B, ADDR_A, PORT_A + 1),
		  0);
	ASSERT_EQ(assoc_del(&f->b, "from-a"), 0);
	EXPECT_EQ(udp_send(f->fd_a, &f->at_b, DTLS_DATA, 10), 0);
	EXPECT_TRUE(udp_silent(f->fd_b));
	EXPECT_EQ(udp_send(f->fd_b, &f->at_a, DTLS_DATA, 10), -ECONNREFUSED);
	EXPECT_EQ(udp_send(fd_c, &f->at_b, DTLS_DATA, 10), 0);
	EXPECT_EQ(udp_got(f->fd_b), DTLS_DATA);
	/* The endpoint is still there: a peer may begin anew. */
	EXPECT_EQ(udp_send(f->fd_a, &f->at_b, DTLS_HANDSHAKE, 10), 0);
	EXPECT_EQ(udp_got(f->fd_b), DTLS_HANDSHAKE);
	close(fd_c);
}

/* By request of who may: of an administrator any, of a worker its own. */
TEST_F(end, by_request)
{
	struct flow *f = &self->f;

	ASSERT_EQ(flow_up(f), 0);
	nl_req(&f->b, KPC_CMD_BINDING_DEL);
	nl_u64(&f->b, KPC_A_BINDING_ID, f->id_b);
	EXPECT_EQ(nl_talk(&f->b), 0) TH_LOG("%s", f->b.said);
	EXPECT_TRUE(gone_for(&f->ev_b, KPC_REASON_OPERATOR));
	EXPECT_EQ(udp_send(f->fd_b, &f->at_a, DTLS_DATA, 10), -ECONNREFUSED);
	EXPECT_EQ(udp_send(f->fd_a, &f->at_b, DTLS_DATA, 10), 0);
	EXPECT_TRUE(udp_silent(f->fd_b));
	EXPECT_EQ(nl_talk(&f->b), -ENOENT);
}

/* I10: a worker binds with a grant, ends its own, and they end with it. */
TEST_F(end, with_its_session)
{
	struct nl warden, worker, other;
	struct flow *f = &self->f;
	uint32_t id = 0, of;
	int i;

	ASSERT_EQ(flow_up(f), 0);
	of = assoc_id(&f->b, "from-a");
	ASSERT_EQ(site_nl(&warden, 'b') ?: nl_open(&worker) ?: nl_open(&other),
		  0);
	nl_req(&warden, KPC_CMD_SESSION_NEW);
	nl_u8(&warden, KPC_A_SESSION_TYPE, KPC_SESSION_TYPE_WARDEN);
	ASSERT_EQ(nl_talk(&warden), 0) TH_LOG("%s", warden.said);
	for (i = 0; i < 2; i++) {
		nl_req(&warden, KPC_CMD_SESSION_NEW);
		nl_u8(&warden, KPC_A_SESSION_TYPE, KPC_SESSION_TYPE_WORKER);
		nl_u32(&warden, KPC_A_SESSION_FD, i ? other.fd : worker.fd);
		nl_u32(&warden, KPC_A_SESSION_PID, 7 + i);
		ASSERT_EQ(nl_talk(&warden), 0) TH_LOG("%s", warden.said);
		if (!i)
			id = nl_get(&warden, KPC_A_SESSION_ID);
	}
	for (i = 0; i < 3; i++) {
		if (i) {
			nl_req(&warden, KPC_CMD_GRANT_NEW);
			nl_u32(&warden, KPC_A_GRANT_SESSION, id);
			nl_str(&warden, KPC_A_GRANT_ASSOCIATION, "from-a");
			nl_u32(&warden, KPC_A_GRANT_ASSOCIATION_ID, of);
			ASSERT_EQ(nl_talk(&warden), 0);
		}
		flow_req(&worker, f->fd_b, "from-a", ADDR_B, ADDR_A, PORT_A + i);
		nl_u32(&worker, KPC_A_BINDING_ASSOCIATION_ID, of);
		EXPECT_EQ(nl_talk(&worker), i ? 0 : -EPERM)
			TH_LOG("%s", worker.said);
	}
	f->id_a = nl_get(&worker, KPC_A_BINDING_ID);
	EXPECT_TRUE(violated(&f->ev_b));
	EXPECT_EQ(nl_get(&f->ev_b, KPC_A_VIOLATION_KIND),
		  KPC_VIOLATION_KIND_GRANT);
	EXPECT_EQ(dump(&f->b, KPC_CMD_BINDING_GET), 3);
	/* What it did not bind it does not end, and none hears which there are. */
	for (i = 0; i < 3; i++) {
		struct nl *nl = i ? &other : &worker;

		nl_req(nl, KPC_CMD_BINDING_DEL);
		nl_u64(nl, KPC_A_BINDING_ID, i == 2 ? 999 :
					     i ? f->id_a : f->id_b);
		EXPECT_EQ(nl_talk(nl), -EPERM) TH_LOG("case %d: %s", i, nl->said);
	}
	nl_req(&worker, KPC_CMD_BINDING_DEL);
	nl_u64(&worker, KPC_A_BINDING_ID, f->id_a);
	EXPECT_EQ(nl_talk(&worker), 0) TH_LOG("%s", worker.said);
	EXPECT_TRUE(gone_for(&f->ev_b, KPC_REASON_CLOSED));
	EXPECT_EQ(dump(&f->b, KPC_CMD_BINDING_GET), 2);
	/* The socket is open, but nobody has the keys of its flow. */
	close(worker.fd);
	EXPECT_TRUE(gone_for(&f->ev_b, KPC_REASON_AGENT_LOST));
	EXPECT_EQ(dump(&f->b, KPC_CMD_BINDING_GET), 1);
	EXPECT_TRUE(flow_crosses(f));
	close(other.fd);
	close(warden.fd);
}

/* X2: limits are those of the association at the time of BIND. */
TEST_F(end, by_a_limit)
{
	struct assoc a = ASSOC_A("to-b"), b = ASSOC_B("from-a");
	struct flow *f = &self->f;

	ASSOC_UDP(a);
	ASSOC_UDP(b);
	a.octets = 2 * (HEAD + 100) + 50;
	b.lifetime = 2;
	b.bindings = 1;
	ASSERT_EQ(flow_associate(f, &a, &b), 0);
	ASSERT_EQ(flow_open(f, ADDR_A, ADDR_B), 0);
	ASSERT_EQ(flow_bind(f, ADDR_A, ADDR_B), 0);
	EXPECT_EQ(flow_new(&f->b, f->fd_b, "from-a", ADDR_B, ADDR_A, PORT_A + 1),
		  -ENOSPC);
	/* The same peer again is no other one. */
	EXPECT_EQ(flow_new(&f->b, f->fd_b, "from-a", ADDR_B, ADDR_A, PORT_A), 0)
		TH_LOG("%s", f->b.said);
	EXPECT_TRUE(gone_for(&f->ev_b, KPC_REASON_CLOSED));
	EXPECT_TRUE(flow_crosses(f));
	EXPECT_EQ(udp_send(f->fd_a, &f->at_b, DTLS_DATA, 100), -EPERM);
	EXPECT_TRUE(gone_for(&f->ev_a, KPC_REASON_OCTETS));
	EXPECT_TRUE(udp_silent(f->fd_b));
	EXPECT_TRUE(gone_for(&f->ev_b, KPC_REASON_LIFETIME));
}

/* Its socket is closed: nothing tells of that, and the sweep sees it. */
TEST_F(end, with_its_socket)
{
	struct flow *f = &self->f;

	ASSERT_EQ(flow_up(f), 0);
	close(f->fd_b);
	f->fd_b = -1;
	EXPECT_TRUE(gone_for(&f->ev_b, KPC_REASON_CLOSED));
	nl_req(&f->b, KPC_CMD_STATS_GET);
	EXPECT_EQ(nl_talk(&f->b), 0);
	EXPECT_EQ(nl_get(&f->b, KPC_A_STATS_BINDINGS), 0);
	EXPECT_EQ(nl_get(&f->b, KPC_A_STATS_HANDSHAKES), 0);
	/* The next one there begins anew. */
	ASSERT_EQ(site_enter('b'), 0);
	f->fd_b = udp_socket(ADDR_B, PORT);
	ASSERT_EQ(handshake_new(&f->b, f->fd_b, NULL), 0);
	EXPECT_EQ(udp_send(f->fd_a, &f->at_b, DTLS_DATA, 10), 0);
	EXPECT_TRUE(udp_silent(f->fd_b));
	ASSERT_EQ(flow_new(&f->b, f->fd_b, "from-a", ADDR_B, ADDR_A, PORT_A), 0);
	EXPECT_TRUE(flow_crosses(f));
}

/* I5: while a registered socket is open the module stays, and not longer. */
TEST_F(end, before_the_module)
{
	struct flow *f = &self->f;

	ASSERT_EQ(flow_up(f), 0);
	EXPECT_EQ(assoc_del(&f->a, "to-b"), 0);
	EXPECT_EQ(assoc_del(&f->b, "from-a"), 0);
	EXPECT_NE(system("rmmod kpc 2>/dev/null"), 0);
	/* First it hears of its end, and then still nothing leaves. */
	EXPECT_EQ(udp_send(f->fd_a, &f->at_b, DTLS_DATA, 10), -ECONNABORTED);
	EXPECT_EQ(udp_send(f->fd_a, &f->at_b, DTLS_DATA, 10), -EPERM);
	close(f->fd_a);
	close(f->fd_b);
	f->fd_a = -1;
	f->fd_b = -1;
	close(f->ev_a.fd);
	close(f->ev_b.fd);
	EXPECT_EQ(system("for i in $(seq 50); do rmmod kpc 2>/dev/null && exit 0\n"
			 "sleep 0.1; done; exit 1"), 0);
	EXPECT_EQ(system("modprobe kpc"), 0);
	ASSERT_EQ(site_nl(&f->ev_a, 'a') ?: site_nl(&f->ev_b, 'b'), 0);
}

/* I9: a namespace goes with its flows bound, when its sockets are closed. */
TEST_F(end, with_its_namespace)
{
	struct flow *f = &self->f;
	int i;

	ASSERT_EQ(flow_up(f), 0);
	ASSERT_TRUE(flow_crosses(f));
	sites_down();
	f->fd_a = -1;
	f->fd_b = -1;
	for (i = 0; i < 50 && system("[ $(cat /sys/module/kpc/refcnt) = 0 ]"); i++)
		usleep(100000);
	EXPECT_EQ(system("rmmod kpc && modprobe kpc"), 0);
}

TEST_HARNESS_MAIN
