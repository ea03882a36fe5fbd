// SPDX-License-Identifier: GPL-2.0-only
/*
 * Children of a registered listener, which belong to no association before they
 * are bound: what becomes of them when their endpoint goes, and how they are
 * born otherwise. Invariants I1, I3, I4.
 */
#include "kselftest_harness.h"

#include "pair.h"

FIXTURE(children) {
	struct nl a, b, ev_a, ev_b;
	struct pair p;
};

FIXTURE_SETUP(children)
{
	ASSERT_EQ(pair_sites_up(&self->p, &self->a, &self->b, &self->ev_a,
				&self->ev_b), 0);
	ASSERT_EQ(pair_associate(&self->p), 0)
		TH_LOG("a: %s; b: %s", self->a.said, self->b.said);
	ASSERT_EQ(pair_listen(&self->p), 0) TH_LOG("%s", self->b.said);
}

FIXTURE_TEARDOWN(children)
{
	pair_sites_down(&self->p, &self->ev_a, &self->ev_b);
}

static long dropped_in(struct nl *nl)
{
	nl_req(nl, KPC_CMD_STATS_GET);
	return nl_talk(nl) ? -1 : (long)nl_get(nl, KPC_A_STATS_DROPPED_IN);
}

static int connect_registered(struct nl *nl)
{
	int fd, err = site_enter('a');

	fd = tcp_socket();
	err = err ?: handshake_new(nl, fd, "to-b") ?:
	      tcp_connect(fd, ADDR_B, PORT);
	return err ?: fd;
}

/* I4: a handshake does not outlast the endpoint under which it runs. */
TEST_F(children, go_with_their_endpoint)
{
	struct pair *p = &self->p;

	ASSERT_EQ(pair_connect(p), 0) TH_LOG("%s", self->a.said);
	ASSERT_TRUE(crosses(p->client, p->server, "hello"));
	ASSERT_EQ(wire_count('b', "tcp sport 8883 tcp flags & psh == psh"), 0);
	ASSERT_EQ(assoc_del(&self->b, "from-a"), 0) TH_LOG("%s", self->b.said);
	send(p->server, "late", 4, MSG_NOSIGNAL);
	EXPECT_EQ(error_within(p->client, 3000), ECONNRESET);
	EXPECT_EQ(send(p->server, "later", 5, MSG_NOSIGNAL), -1);
	EXPECT_EQ(wire_packets('b'), 0);
	EXPECT_FALSE(violated(&self->ev_b));
}

/* An endpoint that another association has too is still there for them. */
TEST_F(children, stay_with_another_association)
{
	struct assoc next = ASSOC_B("from-a-next");
	struct pair *p = &self->p;

	ASSERT_EQ(assoc_new(&self->b, &next), 0) TH_LOG("%s", self->b.said);
	ASSERT_EQ(pair_connect(p), 0) TH_LOG("%s", self->a.said);
	ASSERT_EQ(assoc_del(&self->b, "from-a"), 0) TH_LOG("%s", self->b.said);
	EXPECT_EQ(pair_bind(p), -ENOENT);
	p->name_b = "from-a-next";
	EXPECT_EQ(binding_new(&self->b, p->server, p->name_b, &p->ends_b), 0)
		TH_LOG("%s", self->b.said);
	EXPECT_TRUE(crosses(p->client, p->server, "of the other one"));
}

/* I4: one that nobody has accepted is nobody's to reset before that. */
TEST_F(children, in_the_accept_queue)
{
	struct pair *p = &self->p;
	long before;
	int i;

	p->client = connect_registered(&self->a);
	ASSERT_GE(p->client, 0) TH_LOG("%s", self->a.said);
	ASSERT_EQ(assoc_del(&self->b, "from-a"), 0) TH_LOG("%s", self->b.said);
	before = dropped_in(&self->b);
	EXPECT_EQ(send(p->client, "after", 5, MSG_NOSIGNAL), 5);
	for (i = 0; i < 30 && dropped_in(&self->b) == before; i++)
		usleep(100000);
	EXPECT_GT(dropped_in(&self->b), before);
	EXPECT_EQ(error_within(p->client, 0), 0);

	p->server = accept(p->listener, NULL, NULL);
	ASSERT_GE(p->server, 0);
	EXPECT_EQ(error_within(p->server, 3000), ECONNABORTED);
	EXPECT_LE(recv(p->server, &(char){ 0 }, 1, 0), 0);
	EXPECT_EQ(error_within(p->client, 3000), ECONNRESET);
}

/* I4: one whose last ACK comes when the endpoint is gone. */
TEST_F(children, in_the_syn_queue)
{
	struct assoc other = ASSOC_B("other");
	struct pair *p = &self->p;

	other.id_a = "//sp.example/cse-x";
	other.port = PORT + 1;
	ASSERT_EQ(assoc_new(&self->b, &other), 0) TH_LOG("%s", self->b.said);
	ASSERT_EQ(table_add('a', "hold", "output", "tcp dport 8883 "
			    "tcp flags & (syn | ack) == ack drop"), 0);
	p->client = connect_registered(&self->a);
	ASSERT_GE(p->client, 0) TH_LOG("%s", self->a.said);
	nonblock(p->listener);
	ASSERT_LT(accept(p->listener, NULL, NULL), 0);
	ASSERT_EQ(assoc_del(&self->b, "from-a"), 0) TH_LOG("%s", self->b.said);
	ASSERT_EQ(table_del('a', "hold"), 0);

	EXPECT_EQ(send(p->client, "last", 4, MSG_NOSIGNAL), 4);
	for (int i = 0; i < 100 && p->server < 0; i++) {
		usleep(100000);
		p->server = accept(p->listener, NULL, NULL);
	}
	ASSERT_GE(p->server, 0);
	EXPECT_EQ(error_within(p->server, 3000), ECONNABORTED);
	EXPECT_EQ(error_within(p->client, 3000), ECONNRESET);
	EXPECT_NE(binding_new(&self->b, p->server, "other", &p->ends_b), 0);
}

#define SYN_OF_A	"tcp dport 8883 tcp flags & (syn | ack) == syn"
#define SYN_ACK_OF_B	"tcp sport 8883 tcp flags & (syn | ack) == syn | ack"
#define MANAGED		"meta mark & 0xff000000 == 0x6b000000"

/* What the stack of a site has counted under a name. */
static long counted(char site, const char *name)
{
	char cmd[160];
	long n = -1;
	FILE *f;

	snprintf(cmd, sizeof(cmd), "ip netns exec kpc-%c nstat -asz %s | "
		 "awk '$1 == \"%s\" { print $2 }'", site, name, name);
	f = popen(cmd, "r");
	if (f && fscanf(f, "%ld", &n) != 1)
		n = -1;
	if (f)
		pclose(f);
	return n;
}

/* I3: a SYN-ACK with a cookie has no socket, and its child none before it. */
TEST_F(children, of_syn_cookies)
{
	struct pair *p = &self->p;

	if (sysctl_of('b', "net.ipv4.tcp_syncookies=2"))
		SKIP(return, "no SYN cookies here");
	ASSERT_EQ(wire_count('b', SYN_ACK_OF_B), 0);
	ASSERT_EQ(pair_connect(p), 0) TH_LOG("%s", self->a.said);
	EXPECT_EQ(wire_packets('b'), 1);
	EXPECT_EQ(counted('b', "TcpExtSyncookiesSent"), 1);
	EXPECT_EQ(mark_of(p->server), HS_MARK);
	ASSERT_EQ(pair_bind(p), 0) TH_LOG("%s", self->b.said);
	EXPECT_EQ(counted('b', "TcpExtSyncookiesRecv"), 1);
	EXPECT_TRUE(crosses(p->client, p->server, "by a cookie"));
	EXPECT_TRUE(crosses(p->server, p->client, "and back"));
	EXPECT_FALSE(violated(&self->ev_a));
	EXPECT_FALSE(violated(&self->ev_b));
}

/* I1: nor does it carry the mark of a listener that is not registered. */
TEST_F(children, of_a_marked_listener_with_syn_cookies)
{
	static const unsigned int marks[] = { HS_MARK, 0x6b000001 };
	int listener, fd, i;

	if (sysctl_of('b', "net.ipv4.tcp_syncookies=2"))
		SKIP(return, "no SYN cookies here");
	ASSERT_EQ(site_enter('b'), 0);
	listener = tcp_socket();
	ASSERT_EQ(tcp_listen(listener, ADDR_B, PORT + 1), 0);
	ASSERT_EQ(site_enter('a'), 0);
	fd = tcp_socket();
	EXPECT_EQ(tcp_connect(fd, ADDR_B, PORT + 1), 0);
	drop_socket(fd);

	ASSERT_EQ(wire_count('b', "tcp sport 8884 " MANAGED), 0);
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(set_mark(listener, marks[i]), 0);
		fd = tcp_socket();
		nonblock(fd);
		EXPECT_EQ(tcp_connect(fd, ADDR_B, PORT + 1), -EINPROGRESS);
		EXPECT_TRUE(violated(&self->ev_b)) TH_LOG("mark %x", marks[i]);
		EXPECT_EQ(nl_get(&self->ev_b, KPC_A_VIOLATION_KIND),
			  KPC_VIOLATION_KIND_MARK);
		EXPECT_EQ(wire_packets('b'), 0);
		close(fd);
	}
	close(listener);
}

static ssize_t send_fast(int fd, const char *text)
{
	struct sockaddr_in there = at(ADDR_B, PORT);

	return sendto(fd, text, strlen(text), MSG_FASTOPEN | MSG_NOSIGNAL,
		      (struct sockaddr *)&there, sizeof(there));
}

/* I3: fast open is none at a registered listener, and nothing is lost by it. */
TEST_F(children, of_fast_open)
{
	struct pair *p = &self->p;
	char got[4];
	int fd;

	ASSERT_EQ(sysctl_of('a', "net.ipv4.tcp_fastopen=5"), 0);
	ASSERT_EQ(sysctl_of('b', "net.ipv4.tcp_fastopen=0x202"), 0);
	ASSERT_EQ(setsockopt(p->listener, IPPROTO_TCP, TCP_FASTOPEN,
			     &(int){ 16 }, sizeof(int)), 0);
	ASSERT_EQ(wire_count('a', SYN_OF_A), 0);
	ASSERT_EQ(wire_count('b', SYN_ACK_OF_B), 0);
	ASSERT_EQ(site_enter('a'), 0);
	/* A socket that nobody registered sends no SYN, with data or without. */
	fd = tcp_socket();
	EXPECT_EQ(send_fast(fd, "fast"), -1);
	EXPECT_EQ(errno, ECONNREFUSED);
	close(fd);
	EXPECT_EQ(wire_packets('a'), 0);
	EXPECT_TRUE(violated(&self->ev_a));

	p->client = tcp_socket();
	ASSERT_EQ(handshake_new(&self->a, p->client, "to-b"), 0);
	EXPECT_EQ(send_fast(p->client, "fast"), 4);
	p->server = accept(p->listener, NULL, NULL);
	ASSERT_GE(p->server, 0);
	EXPECT_EQ(recv(p->server, got, sizeof(got), MSG_WAITALL), 4);
	EXPECT_EQ(memcmp(got, "fast", 4), 0);
	EXPECT_EQ(wire_packets('a'), 1);
	EXPECT_EQ(wire_packets('b'), 1);
	ASSERT_EQ(pair_bind(p), 0) TH_LOG("%s", self->b.said);
	EXPECT_TRUE(crosses(p->client, p->server, "slow"));
	EXPECT_FALSE(violated(&self->ev_b));
}

/* I1: a child takes the mark of the packet only where its listener has none. */
TEST_F(children, with_the_mark_of_a_packet)
{
	struct pair *p = &self->p;
	int listener, fd;

	ASSERT_EQ(table_add('b', "paint", "prerouting",
			    "tcp dport { 8883, 8884 } meta mark set 0x6b000001"), 0);
	ASSERT_EQ(wire_count('b', "tcp sport { 8883, 8884 } meta mark 0x6b000001"), 0);
	ASSERT_EQ(site_enter('b'), 0);
	listener = tcp_socket();
	ASSERT_EQ(tcp_listen(listener, ADDR_B, PORT + 1), 0);
	ASSERT_EQ(site_enter('a'), 0);
	fd = tcp_socket();
	EXPECT_EQ(tcp_connect(fd, ADDR_B, PORT + 1), 0);
	drop_socket(fd);

	ASSERT_EQ(sysctl_of('b', "net.ipv4.tcp_fwmark_accept=1"), 0);
	fd = tcp_socket();
	nonblock(fd);
	EXPECT_EQ(tcp_connect(fd, ADDR_B, PORT + 1), -EINPROGRESS);
	EXPECT_TRUE(violated(&self->ev_b));
	EXPECT_EQ(nl_get(&self->ev_b, KPC_A_VIOLATION_KIND),
		  KPC_VIOLATION_KIND_MARK);
	EXPECT_EQ(nl_get(&self->ev_b, KPC_A_VIOLATION_MARK), 0x6b000001);
	close(fd);
	close(listener);

	ASSERT_EQ(pair_connect(p), 0) TH_LOG("%s", self->a.said);
	EXPECT_TRUE(crosses(p->server, p->client, "not bound yet"));
	EXPECT_EQ(mark_of(p->server), HS_MARK);
	EXPECT_EQ(wire_packets('b'), 0);
	ASSERT_EQ(pair_bind(p), 0) TH_LOG("%s", self->b.said);
	EXPECT_TRUE(crosses(p->server, p->client, "bound"));
	EXPECT_GE(wire_packets('b'), 1);
}

TEST_HARNESS_MAIN
