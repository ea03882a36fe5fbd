// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bound traffic through tunnels: each packet comes by LOCAL_OUT twice, the
 * second time with another header, and the same mark and socket. Invariants I1,
 * I3, I4.
 */
#include "kselftest_harness.h"

#include "pair.h"

#define INNER_A	"198.51.100.1"
#define INNER_B	"198.51.100.2"

FIXTURE(tunnel) {
	struct nl a, b, ev_a, ev_b;
	struct pair p;
	bool there;
};

/* Devices at both sites or a mode of ESP, and what is seen on the wire. */
FIXTURE_VARIANT(tunnel) {
	const char *module;
	const char *a, *b;
	const char *mode;
	const char *outer;
};

FIXTURE_VARIANT_ADD(tunnel, ipip) {
	.module = "ipip",
	.a = "type ipip local " ADDR_A " remote " ADDR_B,
	.b = "type ipip local " ADDR_B " remote " ADDR_A,
	.outer = "ip protocol 4",
};

FIXTURE_VARIANT_ADD(tunnel, gre) {
	.module = "ip_gre",
	.a = "type gre local " ADDR_A " remote " ADDR_B,
	.b = "type gre local " ADDR_B " remote " ADDR_A,
	.outer = "ip protocol 47",
};

FIXTURE_VARIANT_ADD(tunnel, gretap) {
	.module = "ip_gre",
	.a = "type gretap local " ADDR_A " remote " ADDR_B,
	.b = "type gretap local " ADDR_B " remote " ADDR_A,
	.outer = "ip protocol 47",
};

FIXTURE_VARIANT_ADD(tunnel, vxlan) {
	.module = "vxlan",
	.a = "type vxlan id 7 dstport 4789 local " ADDR_A " remote " ADDR_B,
	.b = "type vxlan id 7 dstport 4789 local " ADDR_B " remote " ADDR_A,
	.outer = "udp dport 4789",
};

FIXTURE_VARIANT_ADD(tunnel, esp_transport) {
	.module = "esp4", .mode = "transport", .outer = "ip protocol 50",
};

FIXTURE_VARIANT_ADD(tunnel, esp_tunnel) {
	.module = "esp4", .mode = "tunnel", .outer = "ip protocol 50",
};

static int device_up(char site, const char *what, const char *address)
{
	char cmd[512];

	snprintf(cmd, sizeof(cmd), "ip -n kpc-%c -batch - <<'END'\n"
		 "link add t0 %s\n"
		 "addr add %s/24 dev t0\n"
		 "link set t0 up\n"
		 "END\n", site, what, address);
	return system(cmd);
}

/* Static keys, which are no secret. */
static int esp_up(char site, const char *own, const char *peer, const char *mode)
{
	const char *ends = strcmp(mode, "tunnel") ? "" : "src $1 dst $2";
	char cmd[2048];

	snprintf(cmd, sizeof(cmd),
		 "modprobe -a xfrm_user esp4 && set -e\n"
		 "state() { ip -n kpc-%c xfrm state add src $1 dst $2 proto esp"
		 " spi $3 reqid 7 mode %s"
		 " enc 'cbc(aes)' 0x$(printf '11%%.0s' $(seq 16))"
		 " auth 'hmac(sha256)' 0x$(printf '22%%.0s' $(seq 32)); }\n"
		 "policy() { ip -n kpc-%c xfrm policy add src $1 dst $2 proto tcp"
		 " dir $3 tmpl %s proto esp reqid 7 mode %s; }\n"
		 "state " ADDR_A " " ADDR_B " 0x701\n"
		 "state " ADDR_B " " ADDR_A " 0x702\n"
		 "policy %s %s out\n"
		 "policy %s %s in\n",
		 site, mode, site, ends, mode, own, peer, peer, own);
	return system(cmd);
}

FIXTURE_SETUP(tunnel)
{
	struct pair *p = &self->p;
	char probe[64];

	ASSERT_EQ(pair_sites_up(p, &self->a, &self->b, &self->ev_a, &self->ev_b), 0);
	snprintf(probe, sizeof(probe), "modprobe -q %s", variant->module);
	self->there = !system(probe);
	if (!self->there)
		return;
	if (variant->mode) {
		ASSERT_EQ(esp_up('a', ADDR_A, ADDR_B, variant->mode), 0);
		ASSERT_EQ(esp_up('b', ADDR_B, ADDR_A, variant->mode), 0);
	} else {
		ASSERT_EQ(device_up('a', variant->a, INNER_A), 0);
		ASSERT_EQ(device_up('b', variant->b, INNER_B), 0);
		p->address = INNER_B;
	}
	ASSERT_EQ(pair_associate(p), 0)
		TH_LOG("a: %s; b: %s", self->a.said, self->b.said);
	ASSERT_EQ(pair_listen(p), 0) TH_LOG("%s", self->b.said);
}

FIXTURE_TEARDOWN(tunnel)
{
	pair_sites_down(&self->p, &self->ev_a, &self->ev_b);
}

/* I1, I3: what the binding sends is on the wire, once, in the tunnel alone. */
TEST_F(tunnel, carries_a_binding)
{
	struct pair *p = &self->p;
	char match[128];
	long packets;
	int i;

	if (!self->there)
		SKIP(return, "this kernel has no module %s", variant->module);
	snprintf(match, sizeof(match), "meta mark 0x6b000001 %s", variant->outer);
	ASSERT_EQ(wire_count_as('a', "outer", match), 0);
	ASSERT_EQ(wire_count_as('b', "outer", match), 0);
	snprintf(match, sizeof(match), "oifname kpc0 ip protocol tcp");
	ASSERT_EQ(wire_count_as('a', "bare", match), 0);
	ASSERT_EQ(pair_connect(p), 0) TH_LOG("%s", self->a.said);
	ASSERT_EQ(pair_bind(p), 0) TH_LOG("%s", self->b.said);
	for (i = 0; i < 10; i++) {
		ASSERT_TRUE(crosses(p->client, p->server, "in a tunnel"));
		ASSERT_TRUE(crosses(p->server, p->client, "and back"));
	}
	usleep(200000);
	ASSERT_EQ(assoc_get(&self->a, "to-b"), 0);
	packets = nl_get(&self->a, KPC_A_ASSOCIATION_TX_PACKETS);
	EXPECT_GE(packets, 10);
	EXPECT_EQ(wire_packets_as('a', "outer"), packets);
	ASSERT_EQ(assoc_get(&self->b, "from-a"), 0);
	EXPECT_EQ(wire_packets_as('b', "outer"),
		  (long)nl_get(&self->b, KPC_A_ASSOCIATION_TX_PACKETS));
	if (!variant->mode)
		EXPECT_EQ(wire_packets_as('a', "bare"), 0);
	EXPECT_FALSE(violated(&self->ev_a));
	EXPECT_FALSE(violated(&self->ev_b));
}

/*
 * I1: a tunnel that does not send at once has segments of the handshake when the
 * socket is bound, and the last one when it is gone. Neither is a violation.
 */
TEST_F(tunnel, holds_segments_up)
{
	struct pair *p = &self->p;
	char got;

	if (!self->there)
		SKIP(return, "this kernel has no module %s", variant->module);
	if (variant->mode)
		SKIP(return, "ESP has no device here that could wait");
	if (system("tc -n kpc-a qdisc add dev t0 root netem delay 100ms &&"
		   "tc -n kpc-b qdisc add dev t0 root netem delay 100ms"))
		SKIP(return, "this kernel has no netem");
	ASSERT_EQ(pair_connect(p), 0) TH_LOG("%s", self->a.said);
	ASSERT_EQ(pair_bind(p), 0) TH_LOG("%s", self->b.said);
	ASSERT_TRUE(crosses(p->client, p->server, "in a slow tunnel"));
	ASSERT_TRUE(crosses(p->server, p->client, "and back"));
	ASSERT_EQ(shutdown(p->client, SHUT_WR), 0);
	ASSERT_EQ(recv(p->server, &got, 1, 0), 0);
	close(p->server);
	close(p->client);
	p->server = -1;
	p->client = -1;
	usleep(500000);
	EXPECT_FALSE(violated(&self->ev_a));
	EXPECT_FALSE(violated(&self->ev_b));
}

/* I4: of what was deleted nothing leaves in the tunnel but its reset. */
TEST_F(tunnel, carries_the_reset)
{
	struct pair *p = &self->p;
	char match[128];

	if (!self->there)
		SKIP(return, "this kernel has no module %s", variant->module);
	ASSERT_EQ(pair_connect(p), 0) TH_LOG("%s", self->a.said);
	ASSERT_EQ(pair_bind(p), 0) TH_LOG("%s", self->b.said);
	ASSERT_TRUE(crosses(p->client, p->server, "before"));
	ASSERT_TRUE(crosses(p->server, p->client, "and back"));
	usleep(200000);
	snprintf(match, sizeof(match), "meta mark 0x6b000001 %s", variant->outer);
	ASSERT_EQ(wire_count_as('a', "outer", match), 0);
	ASSERT_EQ(assoc_del(&self->a, "to-b"), 0) TH_LOG("%s", self->a.said);
	send(p->client, "after", 5, MSG_NOSIGNAL);
	EXPECT_EQ(error_within(p->server, 2000), ECONNRESET);
	EXPECT_EQ(wire_packets_as('a', "outer"), 1);
	EXPECT_FALSE(violated(&self->ev_a));
}

/* I1: a foreign packet with the mark does not get as far as the tunnel. */
TEST_F(tunnel, carries_no_foreign_mark)
{
	struct sockaddr_in to = at(self->p.address, 9);
	char match[128];
	int fd;

	if (!self->there)
		SKIP(return, "this kernel has no module %s", variant->module);
	snprintf(match, sizeof(match), "meta mark 0x6b000001 %s", variant->outer);
	ASSERT_EQ(wire_count_as('a', "outer", match), 0);
	ASSERT_EQ(site_enter('a'), 0);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	ASSERT_EQ(set_mark(fd, 0x6b000001), 0);
	EXPECT_LT(sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)), 0);
	EXPECT_EQ(errno, EPERM);
	EXPECT_TRUE(violated(&self->ev_a));
	EXPECT_EQ(wire_packets_as('a', "outer"), 0);
	close(fd);
}

TEST_HARNESS_MAIN
