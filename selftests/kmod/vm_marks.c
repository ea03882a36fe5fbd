// SPDX-License-Identifier: GPL-2.0-only
/*
 * Marks that no socket wears: given with one message, written with a header of
 * one's own, reflected by the stack. Invariant I1.
 */
#include "kselftest_harness.h"

#include <netinet/ip.h>
#include <netinet/ip_icmp.h>

#include "pair.h"

#define MARK	0x6b000001U
#define MANAGED	"meta mark & 0xff000000 == 0x6b000000"

FIXTURE(marks) {
	struct nl a, b, ev_a, ev_b;
	struct pair p;
};

FIXTURE_SETUP(marks)
{
	ASSERT_EQ(pair_sites_up(&self->p, &self->a, &self->b, &self->ev_a,
				&self->ev_b), 0);
	ASSERT_EQ(pair_associate(&self->p), 0)
		TH_LOG("a: %s; b: %s", self->a.said, self->b.said);
	ASSERT_EQ(wire_count('a', MANAGED), 0);
	ASSERT_EQ(site_enter('a'), 0);
}

FIXTURE_TEARDOWN(marks)
{
	pair_sites_down(&self->p, &self->ev_a, &self->ev_b);
}

/* Sends one message with a mark of its own; 0 or a negative errno. */
static int send_with_mark(int fd, const void *to, socklen_t to_len,
			  const void *data, size_t len, uint32_t mark)
{
	char control[CMSG_SPACE(sizeof(mark))] = "";
	struct iovec iov = { .iov_base = (void *)data, .iov_len = len };
	struct msghdr msg = {
		.msg_name = (void *)to, .msg_namelen = to_len,
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SO_MARK;
	cmsg->cmsg_len = CMSG_LEN(sizeof(mark));
	memcpy(CMSG_DATA(cmsg), &mark, sizeof(mark));
	return sendmsg(fd, &msg, 0) < 0 ? -errno : 0;
}

static int told_mark(struct nl *ev)
{
	return violated(ev) &&
	       nl_get(ev, KPC_A_VIOLATION_KIND) == KPC_VIOLATION_KIND_MARK &&
	       nl_get(ev, KPC_A_VIOLATION_MARK) == MARK;
}

/* I1: with SO_MARK in a control message, on a socket that has none. */
TEST_F(marks, of_one_datagram)
{
	struct sockaddr_in to = at(ADDR_B, 9);
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6,
				    .sin6_port = htons(9) };
	int fd, fd6;

	inet_pton(AF_INET6, "2001:db8::2", &to6.sin6_addr);
	ASSERT_EQ(wire_count_as('a', "seen", "udp dport 9"), 0);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	fd6 = socket(AF_INET6, SOCK_DGRAM, 0);
	EXPECT_EQ(send_with_mark(fd, &to, sizeof(to), "x", 1, MARK), -EPERM);
	EXPECT_TRUE(told_mark(&self->ev_a));
	EXPECT_EQ(send_with_mark(fd6, &to6, sizeof(to6), "x", 1, MARK), -EPERM);
	EXPECT_TRUE(told_mark(&self->ev_a));
	EXPECT_EQ(wire_packets_as('a', "seen"), 0);
	EXPECT_EQ(wire_packets('a'), 0);
	/* Another mark leaves, once for each. */
	EXPECT_EQ(send_with_mark(fd, &to, sizeof(to), "x", 1, 0x6c000001), 0);
	EXPECT_EQ(send_with_mark(fd6, &to6, sizeof(to6), "x", 1, 0x6c000001), 0);
	EXPECT_EQ(wire_packets_as('a', "seen"), 2);
	close(fd);
	close(fd6);
}

/* I1: the same on a raw socket, for which the kernel writes the header. */
TEST_F(marks, of_one_raw_message)
{
	struct icmphdr echo = { .type = ICMP_ECHO, .un.echo.id = htons(7),
				.checksum = htons(0xf7f8) };
	struct sockaddr_in to = at(ADDR_B, 0);
	int fd;

	ASSERT_EQ(wire_count_as('a', "seen", "icmp type echo-request"), 0);
	fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(send_with_mark(fd, &to, sizeof(to), &echo, sizeof(echo), MARK),
		  -EPERM);
	EXPECT_TRUE(told_mark(&self->ev_a));
	EXPECT_EQ(nl_get(&self->ev_a, KPC_A_VIOLATION_PROTOCOL), IPPROTO_ICMP);
	EXPECT_EQ(wire_packets_as('a', "seen"), 0);
	EXPECT_EQ(send_with_mark(fd, &to, sizeof(to), &echo, sizeof(echo),
				 0x6c000001), 0);
	EXPECT_EQ(wire_packets_as('a', "seen"), 1);
	EXPECT_EQ(wire_packets('a'), 0);
	close(fd);
}

struct segment {
	struct iphdr ip;
	struct tcphdr tcp;
	char data[8];
} __attribute__((packed));

/* A segment with the very ends of a connection, told by its time to live. */
static int forge(int raw, const struct pair *p, uint8_t flags, bool payload,
		 uint32_t mark)
{
	struct sockaddr_in to = at(ADDR_B, 0), own;
	size_t len = sizeof(struct segment) - (payload ? 0 : 8);
	struct segment s = {
		.ip = { .version = 4, .ihl = 5, .ttl = 77,
			.protocol = IPPROTO_TCP, .tot_len = htons(len) },
		.tcp = { .dest = htons(PORT), .doff = 5 },
		.data = "forged!",
	};
	socklen_t own_len = sizeof(own);

	if (getsockname(p->client, (struct sockaddr *)&own, &own_len))
		return -errno;
	s.ip.saddr = own.sin_addr.s_addr;
	s.ip.daddr = to.sin_addr.s_addr;
	s.tcp.source = own.sin_port;
	((uint8_t *)&s.tcp)[13] = flags;
	return send_with_mark(raw, &to, sizeof(to), &s, len, mark);
}

/* I1, M8: a header of one's own, with mark and ends of a binding. */
TEST_F(marks, of_a_header_of_ones_own)
{
	static const uint8_t flags[] = { TH_ACK | TH_PUSH, TH_ACK, TH_RST,
					 TH_RST | TH_ACK, TH_SYN, TH_SYN | TH_ACK };
	struct pair *p = &self->p;
	unsigned int i;
	int raw;

	ASSERT_EQ(wire_count_as('a', "seen", "ip ttl 77"), 0);
	ASSERT_EQ(pair_listen(p), 0) TH_LOG("%s", self->b.said);
	ASSERT_EQ(pair_connect(p), 0) TH_LOG("%s", self->a.said);
	ASSERT_EQ(pair_bind(p), 0) TH_LOG("%s", self->b.said);
	ASSERT_EQ(site_enter('a'), 0);
	raw = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	ASSERT_GE(raw, 0);
	for (i = 0; i < sizeof(flags); i++) {
		EXPECT_EQ(forge(raw, p, flags[i], true, MARK), -EPERM)
			TH_LOG("flags 0x%02x", flags[i]);
		EXPECT_EQ(forge(raw, p, flags[i], false, MARK), -EPERM)
			TH_LOG("flags 0x%02x", flags[i]);
		EXPECT_EQ(forge(raw, p, flags[i], false, HS_MARK), -EPERM)
			TH_LOG("flags 0x%02x", flags[i]);
		EXPECT_EQ(forge(raw, p, flags[i], false, 0), -ECONNREFUSED)
			TH_LOG("flags 0x%02x", flags[i]);
	}
	EXPECT_EQ(wire_packets_as('a', "seen"), 0);
	EXPECT_TRUE(crosses(p->client, p->server, "the true one"));
	EXPECT_TRUE(crosses(p->server, p->client, "is not disturbed"));
	/* The counter counts: without an association it would leave. */
	ASSERT_EQ(assoc_del(&self->a, "to-b"), 0);
	EXPECT_EQ(forge(raw, p, TH_RST, false, MARK), 0);
	EXPECT_EQ(wire_packets_as('a', "seen"), 1);
	close(raw);
}

static int pings(char site, const char *to)
{
	char cmd[128];
	int n = 0;
	FILE *f;

	snprintf(cmd, sizeof(cmd), "ip netns exec kpc-%c ping -n -c 3 -i 0.2 -W 1 %s | "
		 "grep -c 'bytes from'", site, to);
	f = popen(cmd, "r");
	if (!f || fscanf(f, "%d", &n) != 1)
		n = -1;
	if (f)
		pclose(f);
	return n;
}

/* I1: an answer of the stack's own takes the mark of what it answers. */
TEST_F(marks, reflected)
{
	int fd;

	ASSERT_EQ(table_add('b', "paint", "prerouting",
			    "ip protocol { icmp, tcp } meta mark set 0x6b000001"), 0);
	ASSERT_EQ(wire_count_as('b', "echo", MANAGED " icmp type echo-reply"), 0);
	ASSERT_EQ(wire_count_as('b', "rst", MANAGED " tcp flags & rst == rst"), 0);
	ASSERT_EQ(wire_count_as('b', "other", MANAGED " tcp flags & rst == 0"), 0);
	EXPECT_EQ(pings('a', ADDR_B), 3);

	ASSERT_EQ(sysctl_of('b', "net.ipv4.fwmark_reflect=1"), 0);
	EXPECT_EQ(pings('a', ADDR_B), 0);
	EXPECT_TRUE(told_mark(&self->ev_b));
	EXPECT_EQ(nl_get(&self->ev_b, KPC_A_VIOLATION_PROTOCOL), IPPROTO_ICMP);
	EXPECT_EQ(wire_packets_as('b', "echo"), 0);
	/* A reset has no payload, and is let through. */
	ASSERT_EQ(site_enter('a'), 0);
	fd = tcp_socket();
	EXPECT_EQ(tcp_connect(fd, ADDR_B, PORT + 1), -ECONNREFUSED);
	close(fd);
	EXPECT_EQ(wire_packets_as('b', "rst"), 1);
	EXPECT_EQ(wire_packets_as('b', "other"), 0);
}

TEST_HARNESS_MAIN
