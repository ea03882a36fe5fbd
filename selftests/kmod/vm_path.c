// SPDX-License-Identifier: GPL-2.0-only
/*
 * Other ways to send and to receive: IPv6 and sockets that speak IPv4 through
 * it, raw sockets, fragments, source routes. Invariant I3.
 */
#include "kselftest_harness.h"

#include <netinet/ip.h>
#include <netinet/ip6.h>

#include "pair.h"

FIXTURE(path) {
	struct nl a, b, ev_a, ev_b;
	struct pair p;
};

FIXTURE_SETUP(path)
{
	ASSERT_EQ(pair_sites_up(&self->p, &self->a, &self->b, &self->ev_a,
				&self->ev_b), 0);
}

FIXTURE_TEARDOWN(path)
{
	pair_sites_down(&self->p, &self->ev_a, &self->ev_b);
}

static struct sockaddr_in6 at6(const char *address, uint16_t port)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6,
				     .sin6_port = htons(port) };

	inet_pton(AF_INET6, address, &sin6.sin6_addr);
	return sin6;
}

static int socket6(void)
{
	struct timeval limit = { .tv_sec = 5 };
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	return fd;
}

static int connect6(int fd, const char *address)
{
	struct sockaddr_in6 sin6 = at6(address, PORT);

	return connect(fd, (struct sockaddr *)&sin6, sizeof(sin6)) ? -errno : 0;
}

/* Listens at every address, in both families; connects to one of them. */
static int up6(struct pair *p, const char *to)
{
	struct sockaddr_in6 any = at6("::", PORT);
	int err;

	err = site_enter('b');
	if (err)
		return err;
	p->listener = socket6();
	err = handshake_new(p->nl_b, p->listener, NULL);
	if (err)
		return err;
	if (bind(p->listener, (struct sockaddr *)&any, sizeof(any)) ||
	    listen(p->listener, 4))
		return -errno;
	err = site_enter('a');
	if (err)
		return err;
	p->client = socket6();
	err = handshake_new(p->nl_a, p->client, p->name_a) ?:
	      connect6(p->client, to);
	if (err)
		return err;
	p->server = accept(p->listener, NULL, NULL);
	return p->server < 0 ? -errno : pair_bind(p);
}

TEST_F(path, ipv6)
{
	struct assoc a = ASSOC_A("to-b"), b = ASSOC_B("from-a");
	int fd;

	a.family = AF_INET6;
	a.address = "2001:db8::2";
	b.family = AF_INET6;
	b.address = NULL;
	ASSERT_EQ(assoc_new(&self->a, &a), 0) TH_LOG("%s", self->a.said);
	ASSERT_EQ(assoc_new(&self->b, &b), 0) TH_LOG("%s", self->b.said);
	ASSERT_EQ(up6(&self->p, "2001:db8::2"), 0)
		TH_LOG("%s %s", self->a.said, self->b.said);
	EXPECT_TRUE(crosses(self->p.client, self->p.server, "six"));
	EXPECT_TRUE(crosses(self->p.server, self->p.client, "seven"));
	nl_req(&self->a, KPC_CMD_BINDING_GET);
	nl_u32(&self->a, KPC_A_BINDING_FD, self->p.client);
	ASSERT_EQ(nl_talk(&self->a), 0);
	EXPECT_EQ(nl_get(&self->a, KPC_A_BINDING_FAMILY), AF_INET6);

	/* Plain IPv6 is refused, plain IPv4 is none of that endpoint's. */
	ASSERT_EQ(site_enter('a'), 0);
	fd = socket6();
	EXPECT_EQ(connect6(fd, "2001:db8::2"), -ECONNREFUSED);
	EXPECT_EQ(nl_event(&self->ev_a, KPC_CMD_VIOLATION_NTF, 1000), 0);
	EXPECT_EQ(nl_get(&self->ev_a, KPC_A_VIOLATION_FAMILY), AF_INET6);
	close(fd);
	EXPECT_EQ(assoc_del(&self->a, "to-b"), 0);
	EXPECT_NE(error_within(self->p.server, 2000), 0);
}

TEST_F(path, ipv4_through_ipv6_sockets)
{
	struct assoc a = ASSOC_A("to-b"), b = ASSOC_B("from-a");
	int fd;

	ASSERT_EQ(assoc_new(&self->a, &a), 0) TH_LOG("%s", self->a.said);
	ASSERT_EQ(assoc_new(&self->b, &b), 0) TH_LOG("%s", self->b.said);
	ASSERT_EQ(up6(&self->p, "::ffff:" ADDR_B), 0)
		TH_LOG("%s %s", self->a.said, self->b.said);
	EXPECT_TRUE(crosses(self->p.client, self->p.server, "mapped"));
	EXPECT_TRUE(crosses(self->p.server, self->p.client, "back"));
	sleep(2);
	EXPECT_TRUE(crosses(self->p.client, self->p.server, "swept"));
	ASSERT_EQ(site_enter('a'), 0);
	fd = socket6();
	EXPECT_EQ(connect6(fd, "::ffff:" ADDR_B), -ECONNREFUSED);
	close(fd);
}

struct segment {
	struct iphdr ip;
	struct tcphdr tcp;
	char data[8];
} __attribute__((packed));

static ssize_t inject(int raw, uint16_t sport, uint16_t frag_off, bool payload)
{
	struct sockaddr_in sin = at(ADDR_B, 0);
	size_t len = sizeof(struct segment) - (payload ? 0 : 8);
	struct segment s = {
		.ip = { .version = 4, .ihl = 5, .ttl = 64,
			.protocol = IPPROTO_TCP, .tot_len = htons(len),
			.frag_off = htons(frag_off), .id = htons(7) },
		.tcp = { .source = htons(sport), .dest = htons(PORT),
			 .doff = 5, .ack = 1, .psh = 1 },
		.data = "payload",
	};

	inet_pton(AF_INET, ADDR_A, &s.ip.saddr);
	inet_pton(AF_INET, ADDR_B, &s.ip.daddr);
	return sendto(raw, &s, len, 0, (struct sockaddr *)&sin, sizeof(sin));
}

static ssize_t inject_short(int raw)
{
	struct sockaddr_in sin = at(ADDR_B, 0);
	struct {
		struct iphdr ip;
		uint16_t ports[2];
	} s = {
		.ip = { .version = 4, .ihl = 5, .ttl = 64,
			.protocol = IPPROTO_TCP, .tot_len = htons(sizeof(s)) },
		.ports = { htons(4000), htons(PORT) },
	};

	inet_pton(AF_INET, ADDR_A, &s.ip.saddr);
	inet_pton(AF_INET, ADDR_B, &s.ip.daddr);
	return sendto(raw, &s, sizeof(s), 0, (struct sockaddr *)&sin,
		      sizeof(sin));
}

/* A process with CAP_NET_RAW writes segments of its own. */
TEST_F(path, raw_sockets_and_fragments)
{
	struct assoc a = ASSOC_A("to-b");
	int raw, on = 1;

	ASSERT_EQ(assoc_new(&self->a, &a), 0);
	ASSERT_EQ(wire_count('a', "ip daddr " ADDR_B " ip protocol tcp"), 0);
	ASSERT_EQ(site_enter('a'), 0);
	raw = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	ASSERT_GE(raw, 0);
	setsockopt(raw, IPPROTO_IP, IP_HDRINCL, &on, sizeof(on));
	EXPECT_LT(inject(raw, 4000, 0, true), 0);
	EXPECT_LT(inject(raw, 4000, 0, false), 0);
	/* Too little of a header to be TCP, but with its ports. */
	EXPECT_LT(inject_short(raw), 0);
	/* First fragment, and a later one, which shows no port. */
	EXPECT_LT(inject(raw, 4000, 0x2000, true), 0);
	EXPECT_LT(inject(raw, 4000, 0x0001, true), 0);
	EXPECT_EQ(wire_packets('a'), 0);
	ASSERT_EQ(nl_event(&self->ev_a, KPC_CMD_VIOLATION_NTF, 1000), 0);
	EXPECT_EQ(nl_get(&self->ev_a, KPC_A_VIOLATION_KIND), KPC_VIOLATION_KIND_ENDPOINT);
	close(raw);
}

struct later_fragment {
	struct ip6_hdr ip6;
	struct ip6_frag frag;
	char data[16];
} __attribute__((packed));

static ssize_t inject6(int raw, uint8_t protocol, uint16_t offlg)
{
	struct sockaddr_in6 to = at6("2001:db8::2", 0);
	struct later_fragment f = {
		.ip6 = { .ip6_plen = htons(sizeof(f) - sizeof(f.ip6)),
			 .ip6_nxt = IPPROTO_FRAGMENT, .ip6_hlim = 64 },
		.frag = { .ip6f_nxt = protocol, .ip6f_offlg = htons(offlg),
			  .ip6f_ident = htonl(7) },
		.data = "no port in here",
	};

	f.ip6.ip6_vfc = 0x60;
	inet_pton(AF_INET6, "2001:db8::1", &f.ip6.ip6_src);
	f.ip6.ip6_dst = to.sin6_addr;
	return sendto(raw, &f, sizeof(f), 0, (struct sockaddr *)&to, sizeof(to));
}

/* I3: a later fragment of IPv6 shows no port, and perhaps no protocol. */
TEST_F(path, later_fragments_of_ipv6)
{
	struct assoc a = ASSOC_A("to-b");
	int raw;

	a.family = AF_INET6;
	a.address = "2001:db8::2";
	ASSERT_EQ(assoc_new(&self->a, &a), 0) TH_LOG("%s", self->a.said);
	ASSERT_EQ(wire_count('a', "ip6 daddr 2001:db8::2 exthdr frag exists"), 0);
	ASSERT_EQ(site_enter('a'), 0);
	raw = socket(AF_INET6, SOCK_RAW, IPPROTO_RAW);
	ASSERT_GE(raw, 0);
	EXPECT_LT(inject6(raw, IPPROTO_TCP, 0x0008), 0);
	EXPECT_LT(inject6(raw, IPPROTO_TCP, 0x0009), 0);
	/* TCP may stand behind a header that the first fragment has. */
	EXPECT_LT(inject6(raw, IPPROTO_DSTOPTS, 0x0008), 0);
	EXPECT_EQ(wire_packets('a'), 0);
	EXPECT_EQ(nl_event(&self->ev_a, KPC_CMD_VIOLATION_NTF, 1000), 0);
	EXPECT_GT(inject6(raw, IPPROTO_UDP, 0x0008), 0);
	EXPECT_EQ(wire_packets('a'), 1);
	close(raw);
}

/* Of a header without payload; both addresses follow each other in IPv6. */
static uint16_t tcp6_sum(const void *addresses, const struct tcphdr *tcp)
{
	uint16_t words[16 + sizeof(*tcp) / 2];
	uint32_t sum = htons(sizeof(*tcp)) + htons(IPPROTO_TCP);
	unsigned int i;

	memcpy(words, addresses, 32);
	memcpy(&words[16], tcp, sizeof(*tcp));
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		sum += words[i];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

/*
 * A SYN in two fragments: the first has a chain of headers that goes on behind
 * its end, the second says of itself that it is UDP, which nobody reads.
 */
static int inject_hidden(int raw)
{
	struct sockaddr_in6 to = at6("2001:db8::2", 0);
	struct {
		struct ip6_hdr ip6;
		struct ip6_frag frag;
		uint8_t options[8];
		struct tcphdr tcp;
	} __attribute__((packed)) s = {
		.ip6 = { .ip6_nxt = IPPROTO_FRAGMENT, .ip6_hlim = 64 },
		.frag = { .ip6f_nxt = IPPROTO_DSTOPTS, .ip6f_offlg = htons(1),
			  .ip6f_ident = htonl(77) },
		.options = { IPPROTO_DSTOPTS, 0, 1, 4 },
	};
	struct tcphdr tcp = { .source = htons(4444), .dest = htons(PORT),
			      .seq = htonl(1000), .doff = 5, .syn = 1,
			      .window = 0xffff };
	size_t first = offsetof(typeof(s), tcp) - sizeof(s.ip6);
	int sent;

	s.ip6.ip6_vfc = 0x60;
	inet_pton(AF_INET6, "2001:db8::1", &s.ip6.ip6_src);
	s.ip6.ip6_dst = to.sin6_addr;
	tcp.check = tcp6_sum(&s.ip6.ip6_src, &tcp);

	s.ip6.ip6_plen = htons(first);
	sent = sendto(raw, &s, sizeof(s.ip6) + first, 0,
		      (struct sockaddr *)&to, sizeof(to)) > 0;
	s.ip6.ip6_plen = htons(first + sizeof(tcp));
	s.frag.ip6f_nxt = IPPROTO_UDP;
	s.frag.ip6f_offlg = htons(8);
	s.options[0] = IPPROTO_TCP;
	s.tcp = tcp;
	return sent + (sendto(raw, &s, sizeof(s), 0, (struct sockaddr *)&to,
			      sizeof(to)) > 0);
}

/* I3: what only the reassembly sees is TCP for a protected port. */
TEST_F(path, hidden_in_fragments_of_ipv6)
{
	struct assoc a = ASSOC_A("to-b"), b = ASSOC_B("from-a");
	struct sockaddr_in6 here = at6("2001:db8::2", PORT);
	int raw, listener;
	long answers = 0;
	int i;

	ASSERT_EQ(wire_count('b', "ip6 saddr 2001:db8::2 tcp sport 8883 "
			     "tcp flags & (syn | ack) == syn | ack"), 0);
	ASSERT_EQ(site_enter('b'), 0);
	listener = socket6();
	ASSERT_EQ(bind(listener, (struct sockaddr *)&here, sizeof(here)), 0);
	ASSERT_EQ(listen(listener, 4), 0);
	ASSERT_EQ(site_enter('a'), 0);
	raw = socket(AF_INET6, SOCK_RAW, IPPROTO_RAW);
	ASSERT_GE(raw, 0);

	/* Without an association the listener answers, so the test can fail. */
	for (i = 0; i < 20 && !answers; i++) {
		EXPECT_EQ(inject_hidden(raw), 2);
		usleep(200000);
		answers = wire_packets('b');
	}
	EXPECT_GE(answers, 1);

	b.family = AF_INET6;
	b.address = "2001:db8::2";
	b.force = true;
	ASSERT_EQ(assoc_new(&self->b, &b), 0) TH_LOG("%s", self->b.said);
	EXPECT_EQ(inject_hidden(raw), 2);
	EXPECT_EQ(nl_event(&self->ev_b, KPC_CMD_VIOLATION_NTF, 1000), 0);
	EXPECT_EQ(wire_packets('b'), answers);

	a.family = AF_INET6;
	a.address = "2001:db8::2";
	ASSERT_EQ(assoc_new(&self->a, &a), 0) TH_LOG("%s", self->a.said);
	EXPECT_LT(inject_hidden(raw), 2);
	EXPECT_EQ(nl_event(&self->ev_a, KPC_CMD_VIOLATION_NTF, 1000), 0);
	close(raw);
	close(listener);
}

/* The segment routing header, its segments from the last to the first. */
struct srh {
	struct ip6_rthdr h;
	uint8_t last, flags;
	uint16_t tag;
	struct in6_addr segments[2];
};

#define SRH(left) \
	{ .h = { .ip6r_len = 4, .ip6r_type = 4, .ip6r_segleft = left }, .last = 1 }

/* A SYN for ::3 by way of ::2, with a second header that has no more to say. */
static ssize_t inject_routed_twice(int raw)
{
	struct sockaddr_in6 to = at6("2001:db8::2", 0);
	struct {
		struct ip6_hdr ip6;
		struct srh on, done;
		struct tcphdr tcp;
	} __attribute__((packed)) s = {
		.ip6 = { .ip6_plen = htons(sizeof(s) - sizeof(s.ip6)),
			 .ip6_nxt = IPPROTO_ROUTING, .ip6_hlim = 64 },
		.on = SRH(1), .done = SRH(0),
	};
	struct tcphdr tcp = { .source = htons(4445), .dest = htons(PORT),
			      .seq = htonl(1000), .doff = 5, .syn = 1,
			      .window = 0xffff };
	struct in6_addr ends[2];

	s.ip6.ip6_vfc = 0x60;
	inet_pton(AF_INET6, "2001:db8::1", &s.ip6.ip6_src);
	s.ip6.ip6_dst = to.sin6_addr;
	ends[0] = s.ip6.ip6_src;
	inet_pton(AF_INET6, "2001:db8::3", &ends[1]);
	s.on.h.ip6r_nxt = IPPROTO_ROUTING;
	s.on.segments[0] = ends[1];
	s.on.segments[1] = to.sin6_addr;
	s.done.h.ip6r_nxt = IPPROTO_TCP;
	s.done.segments[0] = ends[1];
	s.done.segments[1] = ends[1];
	tcp.check = tcp6_sum(ends, &tcp);
	s.tcp = tcp;
	return sendto(raw, &s, sizeof(s), 0, (struct sockaddr *)&to, sizeof(to));
}

/* I3: come in, a packet is for where the last of its headers leads. */
TEST_F(path, two_routing_headers_of_ipv6)
{
	struct sockaddr_in6 here = at6("2001:db8::3", PORT);
	struct assoc b = ASSOC_B("from-a");
	int i, raw, listener;
	long answers = 0;

	ASSERT_EQ(system("ip -n kpc-b addr add 2001:db8::3/64 dev kpc0 nodad"), 0);
	ASSERT_EQ(sysctl_of('b', "net.ipv6.conf.all.seg6_enabled=1"), 0);
	ASSERT_EQ(sysctl_of('b', "net.ipv6.conf.kpc0.seg6_enabled=1"), 0);
	ASSERT_EQ(wire_count('b', "ip6 saddr 2001:db8::3 tcp sport 8883 "
			     "tcp flags & (syn | ack) == syn | ack"), 0);
	ASSERT_EQ(site_enter('b'), 0);
	listener = socket6();
	ASSERT_EQ(bind(listener, (struct sockaddr *)&here, sizeof(here)), 0);
	ASSERT_EQ(listen(listener, 4), 0);
	ASSERT_EQ(site_enter('a'), 0);
	raw = socket(AF_INET6, SOCK_RAW, IPPROTO_RAW);
	ASSERT_GE(raw, 0);

	/* Without an association the listener answers, so the test can fail. */
	for (i = 0; i < 20 && !answers; i++) {
		EXPECT_GT(inject_routed_twice(raw), 0) TH_LOG("%m");
		usleep(200000);
		answers = wire_packets('b');
	}
	EXPECT_GE(answers, 1);

	b.family = AF_INET6;
	b.address = "2001:db8::3";
	b.force = true;
	ASSERT_EQ(assoc_new(&self->b, &b), 0) TH_LOG("%s", self->b.said);
	EXPECT_GT(inject_routed_twice(raw), 0);
	/* Not its answer is stopped, but itself. */
	EXPECT_EQ(nl_event(&self->ev_b, KPC_CMD_VIOLATION_NTF, 1000), 0);
	EXPECT_EQ(nl_get(&self->ev_b, KPC_A_VIOLATION_DIRECTION),
		  KPC_DIRECTION_IN);
	EXPECT_EQ(wire_packets('b'), answers);
	close(raw);
	close(listener);
}

/* I3: the packet's header names a router, the endpoint comes later. */
TEST_F(path, source_routes)
{
	uint8_t lsrr[8] = { 1, 131, 7, 4, 192, 0, 2, 2 };
	uint8_t alert[4] = { 148, 4, 0, 0 };
	struct srh srh = SRH(1);
	struct assoc a = ASSOC_A("to-b"), a6 = ASSOC_A("to-b6");
	int fd;

	a.address = "198.51.100.9";
	a6.family = AF_INET6;
	a6.address = "2001:db8:1::9";
	a6.mark = 0x6b000006;
	a6.id_b = "//sp.example/cse-c";
	ASSERT_EQ(assoc_new(&self->a, &a), 0) TH_LOG("%s", self->a.said);
	ASSERT_EQ(assoc_new(&self->a, &a6), 0) TH_LOG("%s", self->a.said);
	ASSERT_EQ(wire_count('a', "tcp dport 8883"), 0);
	ASSERT_EQ(site_enter('a'), 0);

	fd = tcp_socket();
	ASSERT_EQ(setsockopt(fd, IPPROTO_IP, IP_OPTIONS, lsrr, sizeof(lsrr)), 0);
	EXPECT_EQ(tcp_connect(fd, "198.51.100.9", PORT), -ECONNREFUSED);
	close(fd);
	EXPECT_EQ(nl_event(&self->ev_a, KPC_CMD_VIOLATION_NTF, 1000), 0);
	EXPECT_EQ(nl_get(&self->ev_a, KPC_A_VIOLATION_KIND),
		  KPC_VIOLATION_KIND_ENDPOINT);

	/* To a port that nothing protects it goes as it likes. */
	fd = tcp_socket();
	nonblock(fd);
	ASSERT_EQ(setsockopt(fd, IPPROTO_IP, IP_OPTIONS, lsrr, sizeof(lsrr)), 0);
	EXPECT_EQ(tcp_connect(fd, "198.51.100.9", PORT + 1), -EINPROGRESS);
	close(fd);

	inet_pton(AF_INET6, "2001:db8::2", &srh.segments[1]);
	fd = socket6();
	ASSERT_EQ(setsockopt(fd, IPPROTO_IPV6, IPV6_RTHDR, &srh, sizeof(srh)), 0)
		TH_LOG("%m");
	EXPECT_EQ(connect6(fd, "2001:db8:1::9"), -ECONNREFUSED);
	close(fd);
	EXPECT_EQ(wire_packets('a'), 0);

	/* Other options are nobody's business: the way is the usual one. */
	EXPECT_EQ(assoc_del(&self->a, "to-b"), 0);
	EXPECT_EQ(assoc_del(&self->a, "to-b6"), 0);
	a.address = ADDR_B;
	ASSERT_EQ(assoc_new(&self->a, &a), 0) TH_LOG("%s", self->a.said);
	fd = tcp_socket();
	ASSERT_EQ(setsockopt(fd, IPPROTO_IP, IP_OPTIONS, alert,
			     sizeof(alert)), 0);
	ASSERT_EQ(handshake_new(&self->a, fd, "to-b"), 0);
	EXPECT_EQ(tcp_connect(fd, ADDR_B, PORT), -ECONNREFUSED);
	EXPECT_EQ(wire_packets('a'), 1);
	close(fd);
}

/* I3: a SYN with data that TIME_WAIT gives way to is a listener's. */
TEST_F(path, fast_open_behind_time_wait)
{
	struct assoc a = ASSOC_A("to-b"), b = ASSOC_B("from-a");
	struct sockaddr_in here = at(ADDR_A, 5555), there = at(ADDR_B, PORT);
	int fd, listener, on = 1;

	ASSERT_EQ(assoc_new(&self->a, &a), 0) TH_LOG("%s", self->a.said);
	ASSERT_EQ(assoc_new(&self->b, &b), 0) TH_LOG("%s", self->b.said);
	ASSERT_EQ(sysctl_of('a', "net.ipv4.tcp_fastopen=5"), 0);
	ASSERT_EQ(sysctl_of('b', "net.ipv4.tcp_fastopen=0x202"), 0);
	ASSERT_EQ(pair_listen(&self->p), 0) TH_LOG("%s", self->b.said);
	ASSERT_EQ(site_enter('a'), 0);
	fd = tcp_socket();
	ASSERT_EQ(handshake_new(&self->a, fd, "to-b"), 0);
	ASSERT_EQ(bind(fd, (struct sockaddr *)&here, sizeof(here)), 0);
	ASSERT_EQ(tcp_connect(fd, ADDR_B, PORT), 0);
	self->p.server = accept(self->p.listener, NULL, NULL);
	ASSERT_GE(self->p.server, 0);
	/* b closes first, and a last: the wait is b's. */
	close(self->p.server);
	close(self->p.listener);
	self->p.server = -1;
	self->p.listener = -1;
	ASSERT_EQ(recv(fd, &(char){ 0 }, 1, 0), 0);
	close(fd);
	usleep(200000);
	ASSERT_EQ(assoc_del(&self->a, "to-b"), 0);

	ASSERT_EQ(site_enter('b'), 0);
	listener = tcp_socket();
	ASSERT_EQ(setsockopt(listener, IPPROTO_TCP, TCP_FASTOPEN, &on,
			     sizeof(on)), 0);
	ASSERT_EQ(tcp_listen(listener, ADDR_B, PORT), 0);
	nonblock(listener);
	ASSERT_EQ(site_enter('a'), 0);
	fd = tcp_socket();
	nonblock(fd);
	ASSERT_EQ(bind(fd, (struct sockaddr *)&here, sizeof(here)), 0);
	sendto(fd, "fast", 4, MSG_FASTOPEN | MSG_NOSIGNAL,
	       (struct sockaddr *)&there, sizeof(there));
	EXPECT_EQ(nl_event(&self->ev_b, KPC_CMD_VIOLATION_NTF, 2000), 0);
	EXPECT_EQ(nl_get(&self->ev_b, KPC_A_VIOLATION_DIRECTION),
		  KPC_DIRECTION_IN);
	EXPECT_LT(accept(listener, NULL, NULL), 0);
	drop_socket(fd);
	close(listener);
}

/* Kinds of sockets that cannot be bound are told so. */
TEST_F(path, sockets_that_are_not_taken)
{
	int fd;

	ASSERT_EQ(site_enter('a'), 0);
	fd = socket(AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE);
	if (fd >= 0) {
		EXPECT_EQ(handshake_new(&self->a, fd, NULL), -EPROTONOSUPPORT);
		close(fd);
	}
	fd = socket(AF_INET, SOCK_RAW, IPPROTO_UDP);
	EXPECT_EQ(handshake_new(&self->a, fd, NULL), -EPROTONOSUPPORT);
	close(fd);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	EXPECT_EQ(handshake_new(&self->a, fd, NULL), -EPROTONOSUPPORT);
	close(fd);
	EXPECT_EQ(handshake_new(&self->a, 999, NULL), -EBADF);
	EXPECT_EQ(handshake_new(&self->a, -1, NULL), -EBADF);
}

/* A listener's end takes its backlog along; a closed port still answers. */
TEST_F(path, resets_pass)
{
	struct assoc a = ASSOC_A("to-b"), b = ASSOC_B("from-a");
	int fd;

	ASSERT_EQ(assoc_new(&self->a, &a), 0);
	ASSERT_EQ(assoc_new(&self->b, &b), 0);
	/* Nobody listens at b: its reset reaches a registered socket at a. */
	ASSERT_EQ(site_enter('a'), 0);
	fd = tcp_socket();
	ASSERT_EQ(handshake_new(&self->a, fd, "to-b"), 0);
	EXPECT_EQ(tcp_connect(fd, ADDR_B, PORT), -ECONNREFUSED);
	close(fd);
	ASSERT_EQ(pair_listen(&self->p), 0);
	ASSERT_EQ(pair_connect(&self->p), 0);
	close(self->p.server);
	close(self->p.listener);
	self->p.server = -1;
	self->p.listener = -1;
	EXPECT_EQ(recv(self->p.client, &(char){ 0 }, 1, 0), 0);
	EXPECT_NE(nl_event(&self->ev_b, KPC_CMD_VIOLATION_NTF, 200), 0);
	EXPECT_NE(nl_event(&self->ev_a, KPC_CMD_VIOLATION_NTF, 200), 0);
}

TEST_HARNESS_MAIN
