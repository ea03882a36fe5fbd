// SPDX-License-Identifier: GPL-2.0-only
/*
 * A binding is the socket's, whoever holds it: passed on, inherited, closed with
 * everything still to send, in a namespace that ends. Invariants I1, I2, I8, I9.
 */
#include "kselftest_harness.h"

#include "pair.h"

FIXTURE(owner) {
	struct nl a, b, ev_a, ev_b;
	struct pair p;
};

FIXTURE_VARIANT(owner) {
	bool inherits;
};

FIXTURE_VARIANT_ADD(owner, passed) {
	.inherits = false,
};

FIXTURE_VARIANT_ADD(owner, inherited) {
	.inherits = true,
};

FIXTURE_SETUP(owner)
{
	struct pair *p = &self->p;

	ASSERT_EQ(pair_sites_up(p, &self->a, &self->b, &self->ev_a, &self->ev_b), 0);
	ASSERT_EQ(pair_associate(p), 0)
		TH_LOG("a: %s; b: %s", self->a.said, self->b.said);
	ASSERT_EQ(wire_count('a', "meta mark 0x6b000001"), 0);
	ASSERT_EQ(pair_listen(p), 0) TH_LOG("%s", self->b.said);
	ASSERT_EQ(pair_connect(p), 0) TH_LOG("%s", self->a.said);
	ASSERT_EQ(pair_bind(p), 0) TH_LOG("%s", self->b.said);
}

FIXTURE_TEARDOWN(owner)
{
	pair_sites_down(&self->p, &self->ev_a, &self->ev_b);
}

static int pass_on(int to, int fd)
{
	char control[CMSG_SPACE(sizeof(fd))] = "";
	struct iovec iov = { .iov_base = "f", .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	return sendmsg(to, &msg, 0) == 1 ? 0 : -errno;
}

static int take_over(int from)
{
	char control[CMSG_SPACE(sizeof(int))] = "", c;
	struct iovec iov = { .iov_base = &c, .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	int fd = -1;

	if (recvmsg(from, &msg, 0) == 1 && CMSG_FIRSTHDR(&msg))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

/*
 * What another process does with the socket, as a user without any right. Its
 * exit status is the number of the first thing that was not as it should.
 */
static int holder(int fd, int go)
{
	struct nl nl;
	char c;
	int i;

	if (setgid(65534) || setuid(65534))
		return 1;
	for (i = 0; i < 10; i++)
		if (send(fd, "ten times", 9, MSG_NOSIGNAL) != 9)
			return 2;
	/* It may ask whom it speaks for, and change nothing. */
	if (nl_open(&nl))
		return 3;
	nl_req(&nl, KPC_CMD_BINDING_GET);
	nl_u32(&nl, KPC_A_BINDING_FD, fd);
	if (nl_talk(&nl) || strcmp(nl_text(&nl, KPC_A_BINDING_ASSOCIATION), "to-b"))
		return 4;
	if (set_mark(fd, 0) != -EPERM || dump(&nl, KPC_CMD_BINDING_GET) != -EPERM)
		return 5;
	if (write(go, "1", 1) != 1 || read(go, &c, 1) != 1)
		return 6;
	return 0;
}

/* M8, I9: the mark stays the entity's, and ends with the last who holds it. */
TEST_F(owner, another_process)
{
	struct pair *p = &self->p;
	int go[2], status;
	char got[90], c;
	pid_t pid;

	ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, go), 0);
	ASSERT_EQ(site_enter('a'), 0);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		close(go[0]);
		if (!variant->inherits)
			close(p->client);
		_exit(holder(variant->inherits ? p->client : take_over(go[1]),
			     go[1]));
	}
	close(go[1]);
	if (!variant->inherits)
		ASSERT_EQ(pass_on(go[0], p->client), 0);
	close(p->client);
	p->client = -1;
	ASSERT_EQ(read(go[0], &c, 1), 1) TH_LOG("the other process ended early");
	for (size_t n = 0; n < sizeof(got);) {
		ssize_t r = recv(p->server, got + n, sizeof(got) - n, 0);

		ASSERT_GT(r, 0);
		n += r;
	}
	usleep(200000);
	ASSERT_EQ(assoc_get(&self->a, "to-b"), 0);
	EXPECT_EQ(nl_get(&self->a, KPC_A_ASSOCIATION_BINDINGS), 1);
	EXPECT_GE(nl_get(&self->a, KPC_A_ASSOCIATION_TX_PACKETS), 10);
	EXPECT_EQ(wire_packets('a'),
		  (long)nl_get(&self->a, KPC_A_ASSOCIATION_TX_PACKETS));
	EXPECT_FALSE(violated(&self->ev_a));

	ASSERT_EQ(write(go[0], "1", 1), 1);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(WEXITSTATUS(status), 0);
	EXPECT_EQ(recv(p->server, got, 1, 0), 0);
	close(p->server);
	p->server = -1;
	ASSERT_TRUE(is_gone(&self->ev_a));
	EXPECT_EQ(nl_get(&self->ev_a, KPC_A_BINDING_REASON), KPC_REASON_CLOSED);
	close(go[0]);
}

#define LOAD	(4 << 20)

static unsigned char octet_at(size_t at)
{
	return at * 2654435761U >> 24;
}

FIXTURE(orphan) {
	struct nl a, b, ev_a, ev_b;
	struct pair p;
};

FIXTURE_SETUP(orphan)
{
	struct pair *p = &self->p;

	ASSERT_EQ(pair_sites_up(p, &self->a, &self->b, &self->ev_a, &self->ev_b), 0);
	ASSERT_EQ(pair_associate(p), 0)
		TH_LOG("a: %s; b: %s", self->a.said, self->b.said);
	ASSERT_EQ(pair_listen(p), 0) TH_LOG("%s", self->b.said);
	ASSERT_EQ(pair_connect(p), 0) TH_LOG("%s", self->a.said);
	ASSERT_EQ(pair_bind(p), 0) TH_LOG("%s", self->b.said);
}

FIXTURE_TEARDOWN(orphan)
{
	pair_sites_down(&self->p, &self->ev_a, &self->ev_b);
}

/*
 * I2, I8: closed at once, with all of it still to be sent over a slow and lossy
 * wire. Its kernel TLS is gone, and several sweeps look at it.
 */
TEST_F(orphan, drains)
{
	static unsigned char load[LOAD], got[65536];
	struct pair *p = &self->p;
	size_t n = 0;
	ssize_t r;

	if (system("modprobe sch_netem; tc -n kpc-a qdisc add dev kpc0 root "
		   "netem delay 40ms loss 0.5% rate 10mbit limit 10000"))
		SKIP(return, "no netem here");
	for (n = 0; n < LOAD; n++)
		load[n] = octet_at(n);
	ASSERT_EQ(setsockopt(p->client, SOL_SOCKET, SO_SNDBUFFORCE,
			     &(int){ 4 * LOAD }, sizeof(int)), 0);
	ASSERT_EQ(send(p->client, load, LOAD, MSG_NOSIGNAL), LOAD);
	close(p->client);
	p->client = -1;

	n = 0;
	while ((r = recv(p->server, got, sizeof(got), 0)) > 0)
		for (ssize_t i = 0; i < r; i++)
			if (got[i] != octet_at(n++))
				ASSERT_EQ(n, 0) TH_LOG("wrong octet");
	EXPECT_EQ(r, 0) TH_LOG("%m");
	EXPECT_EQ(n, LOAD);
	close(p->server);
	p->server = -1;
	ASSERT_TRUE(is_gone(&self->ev_a));
	EXPECT_EQ(nl_get(&self->ev_a, KPC_A_BINDING_REASON), KPC_REASON_CLOSED);
	/* 256 records of 16 KiB, each with a header, its type and a tag. */
	EXPECT_EQ(nl_get(&self->ev_a, KPC_A_BINDING_TX_OCTETS), LOAD + 256 * 22);
	EXPECT_FALSE(violated(&self->ev_a));
}

/*
 * I1: closed in good order, of which TIME_WAIT has the last word: its answer
 * wears the mark, belongs to no socket any more, and passes.
 */
TEST_F(orphan, in_time_wait)
{
	struct pair *p = &self->p;
	char c;

	ASSERT_EQ(table_add('a', "last", "postrouting",
			    "ip daddr " ADDR_B " tcp dport 8883 "
			    "tcp flags == ack meta mark & 0xff000000 == 0x6b000000 "
			    "counter"), 0);
	close(p->client);
	p->client = -1;
	EXPECT_EQ(recv(p->server, &c, 1, 0), 0);
	ASSERT_TRUE(is_gone(&self->ev_a));
	EXPECT_EQ(nl_get(&self->ev_a, KPC_A_BINDING_REASON), KPC_REASON_CLOSED);
	EXPECT_EQ(wire_packets_as('a', "last"), 0);
	close(p->server);
	p->server = -1;
	ASSERT_TRUE(is_gone(&self->ev_b)) TH_LOG("its FIN was not acknowledged");
	EXPECT_EQ(nl_get(&self->ev_b, KPC_A_BINDING_REASON), KPC_REASON_CLOSED);
	EXPECT_EQ(wire_packets_as('a', "last"), 1);
	EXPECT_FALSE(violated(&self->ev_a));
}

/* The sockets keep what they are of: a binding is gone before its namespace. */
TEST_F(orphan, in_a_namespace_that_ends)
{
	struct pair *p = &self->p;

	ASSERT_EQ(system("ip netns del kpc-a; ip netns del kpc-b"), 0);
	EXPECT_TRUE(crosses(p->client, p->server, "nameless"));
	drop_socket(p->client);
	p->client = -1;
	ASSERT_TRUE(is_gone(&self->ev_a));
	EXPECT_EQ(nl_get(&self->ev_a, KPC_A_BINDING_REASON), KPC_REASON_CLOSED);
	/* Both go with their associations, which held the module. */
	pair_sites_down(p, &self->ev_a, &self->ev_b);
	EXPECT_EQ(system("[ $(cat /sys/module/kpc/refcnt) = 0 ]"), 0);
}

TEST_HARNESS_MAIN
