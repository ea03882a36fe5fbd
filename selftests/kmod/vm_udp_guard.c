// SPDX-License-Identifier: GPL-2.0-only
/*
 * Protected UDP endpoints: what passes without a binding, which are handshakes of
 * registered sockets within their budget, and marks that nobody gave. Invariants
 * I1, I3.
 */
#include "kselftest_harness.h"

#include <netinet/udp.h>

#include "datagram.h"

FIXTURE(guard) {
	struct flow f;
};

FIXTURE_SETUP(guard)
{
	ASSERT_EQ(flow_sites_up(&self->f), 0);
}

FIXTURE_TEARDOWN(guard)
{
	flow_sites_down(&self->f);
}

static bool told(struct nl *ev, uint8_t kind, uint8_t direction)
{
	return violated(ev) && nl_get(ev, KPC_A_VIOLATION_KIND) == kind &&
	       nl_get(ev, KPC_A_VIOLATION_DIRECTION) == direction &&
	       nl_get(ev, KPC_A_VIOLATION_PROTOCOL) == IPPROTO_UDP;
}

/* Role b alone, so that site a may send what it likes. */
static int guard_b(struct flow *f, uint16_t family, const char *address,
		   uint32_t octets)
{
	struct assoc b = ASSOC_B("from-a");

	ASSOC_UDP(b);
	b.family = family;
	b.address = address;
	b.handshake_octets = octets;
	f->at_b = end_at(address ?: ADDR_B, PORT);
	return assoc_new(&f->b, &b);
}

/* Role a alone, in whose site one is then; what leaves for b is counted as seen. */
static int guard_a(struct flow *f)
{
	struct assoc a = ASSOC_A("to-b");

	ASSOC_UDP(a);
	f->at_b = end_at(ADDR_B, PORT);
	return assoc_new(&f->a, &a) ?:
	       wire_count_as('a', "seen", "udp dport 8883") ?: site_enter('a');
}

static int send_with_mark(int fd, const struct end *to, uint32_t mark)
{
	char control[CMSG_SPACE(sizeof(mark))] = "";
	uint8_t octets[HEAD + 20];
	struct iovec iov = { .iov_base = octets, .iov_len = sizeof(octets) };
	struct msghdr msg = {
		.msg_name = (void *)&to->any, .msg_namelen = to->len,
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	record(octets, DTLS_HANDSHAKE, 20);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SO_MARK;
	cmsg->cmsg_len = CMSG_LEN(sizeof(mark));
	memcpy(CMSG_DATA(cmsg), &mark, sizeof(mark));
	return sendmsg(fd, &msg, 0) < 0 ? -errno : 0;
}

/* I1: a mark given with a message is no binding, whoever's socket it is. */
TEST_F(guard, marks_that_nobody_gave)
{
	struct flow *f = &self->f;
	struct end aside;
	uint32_t value;
	int fd;

	ASSERT_EQ(flow_up(f), 0) TH_LOG("a: %s; b: %s", f->a.said, f->b.said);
	ASSERT_EQ(wire_count_as('a', "forged",
				"meta mark & 0xff000000 == 0x6b000000"), 0);
	/* Of a socket that is not registered, to anywhere. */
	aside = end_at(ADDR_B, 9);
	fd = udp_socket(ADDR_A, 0);
	EXPECT_EQ(send_with_mark(fd, &aside, f->mark_a), -EPERM);
	EXPECT_TRUE(told(&f->ev_a, KPC_VIOLATION_KIND_MARK, KPC_DIRECTION_OUT));
	EXPECT_EQ(send_with_mark(fd, &f->at_b, f->mark_a), -EPERM);
	EXPECT_TRUE(told(&f->ev_a, KPC_VIOLATION_KIND_MARK, KPC_DIRECTION_OUT));
	/* Of a registered one, to where it has no flow, and on its flow. */
	EXPECT_EQ(send_with_mark(f->fd_a, &aside, f->mark_a), -EPERM);
	EXPECT_TRUE(told(&f->ev_a, KPC_VIOLATION_KIND_MARK, KPC_DIRECTION_OUT));
	EXPECT_EQ(send_with_mark(f->fd_a, &f->at_b, f->mark_a + 1), -EPERM);
	EXPECT_TRUE(told(&f->ev_a, KPC_VIOLATION_KIND_MARK, KPC_DIRECTION_OUT));
	EXPECT_EQ(send_with_mark(f->fd_a, &f->at_b, 0), -EPERM);
	EXPECT_TRUE(told(&f->ev_a, KPC_VIOLATION_KIND_MARK, KPC_DIRECTION_OUT));
	EXPECT_EQ(wire_packets_as('a', "forged"), 0);
	EXPECT_TRUE(flow_crosses(f));
	EXPECT_EQ(wire_packets_as('a', "forged"), 1);

	/* Another mark of the socket's own ends it, and what is bound of it. */
	value = f->mark_a;
	ASSERT_EQ(setsockopt(f->fd_a, SOL_SOCKET, SO_MARK, &value, sizeof(value)),
		  0);
	EXPECT_EQ(udp_send(f->fd_a, &f->at_b, DTLS_DATA, 10), -EPERM);
	EXPECT_TRUE(told(&f->ev_a, KPC_VIOLATION_KIND_CHANGED,
			 KPC_DIRECTION_OUT));
	EXPECT_TRUE(is_gone(&f->ev_a));
	EXPECT_EQ(nl_get(&f->ev_a, KPC_A_BINDING_REASON),
		  KPC_REASON_MARK_CHANGED);
	value = HS_MARK;
	ASSERT_EQ(setsockopt(f->fd_a, SOL_SOCKET, SO_MARK, &value, sizeof(value)),
		  0);
	udp_send(f->fd_a, &f->at_b, DTLS_HANDSHAKE, 10);
	EXPECT_EQ(udp_send(f->fd_a, &f->at_b, DTLS_HANDSHAKE, 10), -EPERM);
	EXPECT_EQ(wire_packets_as('a', "forged"), 1);
	close(fd);
}

/* I3, towards the far end: nothing leaves for it but from registered sockets. */
TEST_F(guard, what_leaves_for_the_far_end)
{
	struct flow *f = &self->f;
	struct end elsewhere;
	int fd;

	ASSERT_EQ(guard_a(f), 0) TH_LOG("%s", f->a.said);
	fd = udp_socket(ADDR_A, 0);
	EXPECT_EQ(udp_send(fd, &f->at_b, DTLS_HANDSHAKE, 10), -ECONNREFUSED);
	EXPECT_TRUE(told(&f->ev_a, KPC_VIOLATION_KIND_ENDPOINT,
			 KPC_DIRECTION_OUT));
	EXPECT_EQ(nl_get(&f->ev_a, KPC_A_VIOLATION_REMOTE_PORT), PORT);
	EXPECT_EQ(wire_packets_as('a', "seen"), 0);
	/* Its port of TCP is another, and so is the port beside it. */
	elsewhere = end_at(ADDR_B, PORT + 1);
	EXPECT_EQ(udp_send(fd, &elsewhere, DTLS_DATA, 10), 0);
	nl_req(&f->a, KPC_CMD_ENDPOINT_GET);
	endpoint_put(&f->a, ADDR_B);
	EXPECT_EQ(nl_talk(&f->a), -ENOENT);
	endpoint_put(&f->a, ADDR_B);
	nl_u8(&f->a, KPC_A_ENDPOINT_PROTOCOL, IPPROTO_UDP);
	EXPECT_EQ(nl_talk(&f->a), 0) TH_LOG("%s", f->a.said);

	/* Registered for it: a handshake, no data, and to nowhere else. */
	EXPECT_EQ(handshake_new(&f->a, fd, "to-b"), 0) TH_LOG("%s", f->a.said);
	EXPECT_EQ(udp_send(fd, &f->at_b, DTLS_HANDSHAKE, 10), 0);
	EXPECT_EQ(udp_send(fd, &f->at_b, DTLS_DATA, 10), -ECONNREFUSED);
	EXPECT_TRUE(told(&f->ev_a, KPC_VIOLATION_KIND_ENDPOINT,
			 KPC_DIRECTION_OUT));
	EXPECT_EQ(udp_send(fd, &elsewhere, DTLS_HANDSHAKE, 10), -ECONNREFUSED);
	EXPECT_TRUE(told(&f->ev_a, KPC_VIOLATION_KIND_ASSOCIATION,
			 KPC_DIRECTION_OUT));
	EXPECT_EQ(wire_packets_as('a', "seen"), 1);
	close(fd);
}

/* I3, at this side: a socket that is not registered takes and gives nothing. */
TEST_F(guard, what_comes_to_a_protected_port)
{
	struct flow *f = &self->f;
	int at_a, stranger;

	ASSERT_EQ(guard_b(f, AF_INET, ADDR_B, 0), 0) TH_LOG("%s", f->b.said);
	f->at_a = end_at(ADDR_A, PORT_A);
	ASSERT_EQ(site_enter('a'), 0);
	at_a = udp_socket(ADDR_A, PORT_A);
	ASSERT_EQ(site_enter('b'), 0);
	stranger = udp_socket(ADDR_B, PORT);
	EXPECT_EQ(udp_send(at_a, &f->at_b, DTLS_HANDSHAKE, 10), 0);
	EXPECT_TRUE(udp_silent(stranger));
	EXPECT_TRUE(told(&f->ev_b, KPC_VIOLATION_KIND_ENDPOINT,
			 KPC_DIRECTION_IN));
	EXPECT_EQ(udp_send(stranger, &f->at_a, DTLS_HANDSHAKE, 10),
		  -ECONNREFUSED);
	EXPECT_TRUE(told(&f->ev_b, KPC_VIOLATION_KIND_ENDPOINT,
			 KPC_DIRECTION_OUT));

	/* Registered, it takes what a handshake has, in one datagram or many. */
	EXPECT_EQ(handshake_new(&f->b, stranger, NULL), 0)
		TH_LOG("%s", f->b.said);
	EXPECT_EQ(udp_send(at_a, &f->at_b, DTLS_HANDSHAKE, 10), 0);
	EXPECT_EQ(udp_got(stranger), DTLS_HANDSHAKE);
	EXPECT_EQ(udp_send(at_a, &f->at_b, DTLS_CHANGE_CIPHER, 1), 0);
	EXPECT_EQ(udp_got(stranger), DTLS_CHANGE_CIPHER);
	/* One that goes in pieces comes to the hook whole. */
	EXPECT_EQ(udp_send(at_a, &f->at_b, DTLS_HANDSHAKE, 5000), 0);
	EXPECT_EQ(udp_got(stranger), DTLS_HANDSHAKE);
	EXPECT_EQ(udp_send(at_a, &f->at_b, DTLS_DATA, 10), 0);
	EXPECT_TRUE(udp_silent(stranger));
	EXPECT_EQ(udp_send(stranger, &f->at_a, DTLS_DATA, 10), -ECONNREFUSED);
	EXPECT_EQ(udp_send(stranger, &f->at_a, DTLS_ALERT, 2), 0);
	EXPECT_EQ(udp_got(at_a), DTLS_ALERT);
	close(stranger);
	close(at_a);
}

/* I3: data behind a handshake's record, a record cut short, and none at all. */
TEST_F(guard, what_only_begins_as_a_handshake)
{
	static const struct {
		uint8_t second;
		size_t cut;
		bool passes;
	} cases[] = {
		{ DTLS_HANDSHAKE, 0, true }, { DTLS_ALERT, 0, true },
		{ DTLS_DATA, 0, false }, { 25, 0, false }, { 0, 0, false },
		{ DTLS_HANDSHAKE, 1, false }, { DTLS_HANDSHAKE, 40 - 5, false },
	};
	struct flow *f = &self->f;
	uint8_t octets[200];
	unsigned int i;
	int at_a, fd;
	bool right;
	size_t n;

	ASSERT_EQ(guard_b(f, AF_INET, ADDR_B, 0), 0);
	ASSERT_EQ(site_enter('a'), 0);
	at_a = udp_socket(ADDR_A, PORT_A);
	ASSERT_EQ(site_enter('b'), 0);
	fd = udp_socket(ADDR_B, PORT);
	ASSERT_EQ(handshake_new(&f->b, fd, NULL), 0);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		n = record(octets, DTLS_HANDSHAKE, 30);
		n += record(octets + n, cases[i].second, 27) - cases[i].cut;
		EXPECT_EQ(sendto(at_a, octets, n, 0, &f->at_b.any, f->at_b.len),
			  (ssize_t)n);
		if (cases[i].passes)
			right = udp_got(fd) == DTLS_HANDSHAKE;
		else
			right = udp_silent(fd);
		EXPECT_TRUE(right) TH_LOG("case %u", i);
	}
	EXPECT_EQ(sendto(at_a, octets, 0, 0, &f->at_b.any, f->at_b.len), 0);
	EXPECT_TRUE(udp_silent(fd));
	close(fd);
	close(at_a);
}

/* I3: a handshake has so many octets, to each peer. */
TEST_F(guard, the_budget_of_a_handshake)
{
	struct flow *f = &self->f;
	struct end other;
	int fd;

	ASSERT_EQ(guard_b(f, AF_INET, ADDR_B, 1000), 0);
	f->at_a = end_at(ADDR_A, PORT_A);
	other = end_at(ADDR_A, PORT_A + 1);
	ASSERT_EQ(wire_count_as('b', "answers", "udp sport 8883"), 0);
	ASSERT_EQ(site_enter('b'), 0);
	fd = udp_socket(ADDR_B, PORT);
	ASSERT_EQ(handshake_new(&f->b, fd, NULL), 0);
	EXPECT_EQ(udp_send(fd, &f->at_a, DTLS_HANDSHAKE, 500 - HEAD), 0);
	EXPECT_EQ(udp_send(fd, &f->at_a, DTLS_HANDSHAKE, 500 - HEAD), 0);
	EXPECT_EQ(udp_send(fd, &f->at_a, DTLS_HANDSHAKE, 1), -ECONNREFUSED);
	EXPECT_TRUE(told(&f->ev_b, KPC_VIOLATION_KIND_BUDGET,
			 KPC_DIRECTION_OUT));
	/* By chance in one of 4096 runs these two share one. */
	EXPECT_EQ(udp_send(fd, &other, DTLS_HANDSHAKE, 500 - HEAD), 0);
	EXPECT_EQ(wire_packets_as('b', "answers"), 3);
	close(fd);
}

/* I3: who takes it by another address of the machine, or with all others. */
TEST_F(guard, a_datagram_to_all)
{
	struct flow *f = &self->f;
	int at_a, fd, one = 1;
	struct end all;

	ASSERT_EQ(guard_b(f, AF_INET, NULL, 0), 0) TH_LOG("%s", f->b.said);
	ASSERT_EQ(site_enter('a'), 0);
	at_a = udp_socket(ADDR_A, PORT_A);
	setsockopt(at_a, SOL_SOCKET, SO_BROADCAST, &one, sizeof(one));
	ASSERT_EQ(site_enter('b'), 0);
	fd = udp_socket("0.0.0.0", PORT);
	ASSERT_EQ(handshake_new(&f->b, fd, NULL), 0);
	all = end_at("192.0.2.255", PORT);
	EXPECT_EQ(udp_send(at_a, &all, DTLS_HANDSHAKE, 10), 0);
	EXPECT_TRUE(udp_silent(fd));
	EXPECT_TRUE(told(&f->ev_b, KPC_VIOLATION_KIND_ENDPOINT,
			 KPC_DIRECTION_IN));
	all = end_at(ADDR_B, PORT);
	EXPECT_EQ(udp_send(at_a, &all, DTLS_HANDSHAKE, 10), 0);
	EXPECT_EQ(udp_got(fd), DTLS_HANDSHAKE);
	close(fd);
	close(at_a);
}

/* I3: the port by which a registered socket is known stays its own. */
TEST_F(guard, a_port_that_was_not_chosen)
{
	const struct sockaddr nobody = { .sa_family = AF_UNSPEC };
	struct flow *f = &self->f;
	struct sockaddr_in own, after;
	struct end other = end_at(ADDR_A, PORT_A + 7);
	socklen_t len = sizeof(own);
	int fd;

	ASSERT_EQ(guard_a(f), 0) TH_LOG("%s", f->a.said);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ASSERT_EQ(connect(fd, &f->at_b.any, f->at_b.len), 0);
	ASSERT_EQ(getsockname(fd, (struct sockaddr *)&own, &len), 0);
	ASSERT_EQ(handshake_new(&f->a, fd, "to-b"), 0) TH_LOG("%s", f->a.said);
	EXPECT_EQ(connect(fd, &nobody, sizeof(nobody)), 0);
	ASSERT_EQ(getsockname(fd, (struct sockaddr *)&after, &len), 0);
	EXPECT_EQ(after.sin_port, own.sin_port);
	EXPECT_EQ(bind(fd, &other.any, other.len), -1);
	EXPECT_EQ(udp_send(fd, &f->at_b, DTLS_DATA, 10), -ECONNREFUSED);
	EXPECT_EQ(wire_packets_as('a', "seen"), 0);
	EXPECT_EQ(udp_send(fd, &f->at_b, DTLS_HANDSHAKE, 10), 0);
	EXPECT_EQ(wire_packets_as('a', "seen"), 1);
	close(fd);
}

/* I3: each datagram of a buffer that is cut on its way out is one of a handshake. */
TEST_F(guard, several_datagrams_at_once)
{
	struct flow *f = &self->f;
	uint8_t octets[3 * (HEAD + 20)];
	int fd, size = HEAD + 20;

	ASSERT_EQ(guard_a(f), 0) TH_LOG("%s", f->a.said);
	fd = udp_socket(ADDR_A, 0);
	ASSERT_EQ(handshake_new(&f->a, fd, "to-b"), 0) TH_LOG("%s", f->a.said);
	ASSERT_EQ(setsockopt(fd, SOL_UDP, UDP_SEGMENT, &size, sizeof(size)), 0);
	for (int i = 0; i < 3; i++)
		record(octets + i * size, DTLS_HANDSHAKE, 20);
	EXPECT_EQ(sendto(fd, octets, sizeof(octets), 0, &f->at_b.any, f->at_b.len),
		  (ssize_t)sizeof(octets));
	/* Data behind a header that says it is its own. */
	record(octets, DTLS_HANDSHAKE, sizeof(octets) - HEAD);
	record(octets + size, DTLS_DATA, 20);
	record(octets + 2 * size, DTLS_DATA, 20);
	EXPECT_EQ(sendto(fd, octets, sizeof(octets), 0, &f->at_b.any, f->at_b.len),
		  -1);
	EXPECT_EQ(errno, ECONNREFUSED);
	size = 0;
	setsockopt(fd, SOL_UDP, UDP_SEGMENT, &size, sizeof(size));
	EXPECT_EQ(udp_send(fd, &f->at_b, DTLS_HANDSHAKE, 10), 0);
	/* Counted as one where it is cut behind the hook. */
	EXPECT_LE(wire_packets_as('a', "seen"), 4);
	EXPECT_GE(wire_packets_as('a', "seen"), 2);
	close(fd);
}

/* A datagram of IPv6 comes in pieces, of which the first alone shows its port. */
TEST_F(guard, pieces_of_ipv6)
{
	struct flow *f = &self->f;
	struct end aside = end_at("2001:db8::2", 9);
	int at_a, other, fd;

	ASSERT_EQ(guard_b(f, AF_INET6, NULL, 0), 0) TH_LOG("%s", f->b.said);
	f->at_b = end_at("2001:db8::2", PORT);
	ASSERT_EQ(site_enter('a'), 0);
	at_a = udp_socket("2001:db8::1", PORT_A);
	ASSERT_GE(at_a, 0);
	ASSERT_EQ(site_enter('b'), 0);
	other = udp_socket("2001:db8::2", 9);
	fd = udp_socket("2001:db8::2", PORT);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(udp_send(at_a, &aside, DTLS_DATA, 5000), 0);
	EXPECT_EQ(udp_got(other), DTLS_DATA);
	EXPECT_EQ(udp_send(at_a, &f->at_b, DTLS_DATA, 5000), 0);
	EXPECT_TRUE(udp_silent(fd));
	EXPECT_TRUE(told(&f->ev_b, KPC_VIOLATION_KIND_ENDPOINT,
			 KPC_DIRECTION_IN));
	close(fd);
	close(other);
	close(at_a);
}

TEST_HARNESS_MAIN
