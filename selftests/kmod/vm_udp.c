// SPDX-License-Identifier: GPL-2.0-only
/*
 * Flows of UDP sockets: what is bound leaves with the mark of its association,
 * every datagram of it and nothing else. Invariants I1, I2; row M8.
 */
#include "kselftest_harness.h"

#include "datagram.h"

FIXTURE(udp) {
	struct flow f;
};

FIXTURE_SETUP(udp)
{
	ASSERT_EQ(flow_sites_up(&self->f), 0)
		TH_LOG("a: %s; b: %s", self->f.a.said, self->f.b.said);
}

FIXTURE_TEARDOWN(udp)
{
	flow_sites_down(&self->f);
}

FIXTURE_VARIANT(udp) {
	uint16_t family;
	const char *address_a, *address_b;
	const char *ip;
};

FIXTURE_VARIANT_ADD(udp, ipv4) {
	.family = AF_INET, .address_a = ADDR_A, .address_b = ADDR_B, .ip = "ip",
};

FIXTURE_VARIANT_ADD(udp, ipv6) {
	.family = AF_INET6, .address_a = "2001:db8::1",
	.address_b = "2001:db8::2", .ip = "ip6",
};

static int associate(struct flow *f, uint16_t family, const char *address)
{
	struct assoc a = ASSOC_A("to-b"), b = ASSOC_B("from-a");

	ASSOC_UDP(a);
	ASSOC_UDP(b);
	a.family = family;
	b.family = family;
	a.address = address;
	b.address = address;
	return flow_associate(f, &a, &b);
}

static int count(char site, const char *table, uint32_t mark)
{
	char match[80];

	snprintf(match, sizeof(match), "meta l4proto udp meta mark 0x%08x", mark);
	return wire_count_as(site, table, match);
}

/* I1, M8: before BIND with the handshake mark, from then on with the own one. */
TEST_F(udp, wears_the_mark_of_its_association)
{
	struct flow *f = &self->f;
	int i;

	ASSERT_EQ(associate(f, variant->family, variant->address_b), 0)
		TH_LOG("a: %s; b: %s", f->a.said, f->b.said);
	ASSERT_EQ(flow_open(f, variant->address_a, variant->address_b), 0)
		TH_LOG("a: %s; b: %s", f->a.said, f->b.said);
	ASSERT_EQ(count('a', "shaking", HS_MARK), 0);
	ASSERT_EQ(count('a', "bound", f->mark_a), 0);
	ASSERT_EQ(count('b', "answers", f->mark_b), 0);
	ASSERT_EQ(wire_count_as('a', "every", "udp dport 8883"), 0);

	/* As a handshake goes. */
	EXPECT_EQ(udp_send(f->fd_a, &f->at_b, DTLS_HANDSHAKE, 60), 0);
	EXPECT_EQ(udp_got(f->fd_b), DTLS_HANDSHAKE);
	EXPECT_EQ(udp_send(f->fd_b, &f->at_a, DTLS_HANDSHAKE, 60), 0);
	EXPECT_EQ(udp_got(f->fd_a), DTLS_HANDSHAKE);
	ASSERT_EQ(flow_bind(f, variant->address_a, variant->address_b), 0)
		TH_LOG("a: %s; b: %s", f->a.said, f->b.said);
	for (i = 0; i < 7; i++)
		EXPECT_TRUE(flow_crosses(f));
	EXPECT_EQ(udp_send(f->fd_a, &f->at_b, DTLS_ALERT, 2), 0);
	EXPECT_EQ(udp_got(f->fd_b), DTLS_ALERT);

	EXPECT_EQ(wire_packets_as('a', "shaking"), 1);
	EXPECT_EQ(wire_packets_as('a', "bound"), 8);
	EXPECT_EQ(wire_packets_as('b', "answers"), 7);
	EXPECT_EQ(wire_packets_as('a', "every"), 9);
	EXPECT_FALSE(violated(&f->ev_a));
	EXPECT_FALSE(violated(&f->ev_b));
}

/* What is told of a flow, by its id and by its socket and ends. */
TEST_F(udp, is_told_as_others_are)
{
	struct flow *f = &self->f;

	ASSERT_EQ(associate(f, variant->family, variant->address_b), 0);
	ASSERT_EQ(flow_open(f, variant->address_a, variant->address_b), 0);
	ASSERT_EQ(flow_bind(f, variant->address_a, variant->address_b), 0)
		TH_LOG("a: %s; b: %s", f->a.said, f->b.said);
	ASSERT_EQ(nl_event(&f->ev_b, KPC_CMD_BINDING_NTF, 1000), 0);
	EXPECT_EQ(nl_get(&f->ev_b, KPC_A_BINDING_CHANGE), KPC_CHANGE_ADDED);
	EXPECT_EQ(nl_get(&f->ev_b, KPC_A_BINDING_PROTOCOL), IPPROTO_UDP);
	EXPECT_EQ(nl_get(&f->ev_b, KPC_A_BINDING_VERSION), DTLS12);
	ASSERT_TRUE(flow_crosses(f));
	ASSERT_TRUE(flow_crosses(f));

	nl_req(&f->b, KPC_CMD_BINDING_GET);
	nl_u32(&f->b, KPC_A_BINDING_FD, f->fd_b);
	flow_put(&f->b, variant->address_b, variant->address_a, PORT_A);
	ASSERT_EQ(nl_talk(&f->b), 0) TH_LOG("%s", f->b.said);
	EXPECT_EQ(nl_get(&f->b, KPC_A_BINDING_ID), f->id_b);
	EXPECT_STREQ(nl_text(&f->b, KPC_A_BINDING_ASSOCIATION), "from-a");
	EXPECT_EQ(nl_get(&f->b, KPC_A_BINDING_CARRIER), KPC_CARRIER_AGENT);
	EXPECT_EQ(nl_get(&f->b, KPC_A_BINDING_SUITE), CCM_8);
	EXPECT_EQ(nl_get(&f->b, KPC_A_BINDING_EPOCH), 1);
	EXPECT_EQ(nl_get(&f->b, KPC_A_BINDING_MARK), f->mark_b);
	EXPECT_EQ(nl_get(&f->b, KPC_A_BINDING_LOCAL_PORT), PORT);
	EXPECT_EQ(nl_get(&f->b, KPC_A_BINDING_REMOTE_PORT), PORT_A);
	EXPECT_EQ(nl_get(&f->b, KPC_A_BINDING_TX_OCTETS), 2 * (HEAD + 100));
	EXPECT_EQ(nl_get(&f->b, KPC_A_BINDING_RX_OCTETS), 2 * (HEAD + 100));
	EXPECT_EQ(nl_get(&f->b, KPC_A_BINDING_TX_PACKETS), 2);
	EXPECT_EQ(nl_get(&f->b, KPC_A_BINDING_RX_PACKETS), 2);
	EXPECT_EQ(dump(&f->b, KPC_CMD_BINDING_GET), 1);
	EXPECT_EQ(assoc_get(&f->b, "from-a"), 0);
	EXPECT_EQ(nl_get(&f->b, KPC_A_ASSOCIATION_BINDINGS), 1);
	EXPECT_EQ(nl_get(&f->b, KPC_A_ASSOCIATION_TX_PACKETS), 2);
	EXPECT_EQ(nl_get(&f->b, KPC_A_ASSOCIATION_RX_OCTETS), 2 * (HEAD + 100));

	/* The ends of another are nobody's. */
	nl_req(&f->b, KPC_CMD_BINDING_GET);
	nl_u32(&f->b, KPC_A_BINDING_FD, f->fd_b);
	flow_put(&f->b, variant->address_b, variant->address_a, PORT_A + 1);
	EXPECT_EQ(nl_talk(&f->b), -ENOENT);
	EXPECT_STREQ(f->b.said, "the flow is not bound");
}

/* I2: what a flow may not have. */
TEST_F(udp, is_refused)
{
	const char *at_a = variant->address_a, *at_b = variant->address_b;
	struct flow *f = &self->f;
	int fd;

	ASSERT_EQ(associate(f, variant->family, variant->address_b), 0);
	ASSERT_EQ(flow_open(f, at_a, at_b), 0);
	EXPECT_EQ(handshake_new(&f->a, f->fd_a, "to-b"), -EEXIST);
	EXPECT_EQ(flow_new(&f->a, f->fd_a, "to-b", NULL, NULL, 0), -EDESTADDRREQ);
	EXPECT_EQ(flow_new(&f->a, f->fd_a, "to-b", at_a, at_b, PORT + 1), -EPERM);
	EXPECT_NE(strstr(f->a.said, "has no selector for UDP"), NULL)
		TH_LOG("%s", f->a.said);
	EXPECT_EQ(flow_new(&f->a, f->fd_a, "to-b", at_b, at_b, PORT),
		  -EADDRNOTAVAIL);
	EXPECT_EQ(flow_new(&f->a, f->fd_a, "to-b", at_a, at_b, 0), -EDESTADDRREQ);
	binding_req(&f->a, f->fd_a, "to-b", DTLS12, CCM_8, NULL);
	nl_u8(&f->a, KPC_A_BINDING_CARRIER, KPC_CARRIER_AGENT);
	nl_u16(&f->a, KPC_A_BINDING_REMOTE_PORT, PORT);
	EXPECT_EQ(nl_talk(&f->a), -EINVAL);
	EXPECT_NE(strstr(f->a.said, "all of them"), NULL);

	binding_req(&f->a, f->fd_a, "to-b", DTLS12, CCM_8, NULL);
	flow_put(&f->a, at_a, at_b, PORT);
	EXPECT_EQ(nl_talk(&f->a), -EINVAL);
	EXPECT_NE(strstr(f->a.said, "no kernel carries DTLS"), NULL);
	binding_req(&f->a, f->fd_a, "to-b", TLS_1_2_VERSION, CCM_8, NULL);
	nl_u8(&f->a, KPC_A_BINDING_CARRIER, KPC_CARRIER_AGENT);
	flow_put(&f->a, at_a, at_b, PORT);
	EXPECT_EQ(nl_talk(&f->a), -EINVAL);
	EXPECT_NE(strstr(f->a.said, "has DTLS 1.2"), NULL);
	binding_req(&f->a, f->fd_a, "to-b", DTLS12, 0x1301, NULL);
	nl_u8(&f->a, KPC_A_BINDING_CARRIER, KPC_CARRIER_AGENT);
	flow_put(&f->a, at_a, at_b, PORT);
	EXPECT_EQ(nl_talk(&f->a), -EPERM);

	/* It is registered with a port, and of it flows alone are bound. */
	fd = socket(variant->family, SOCK_DGRAM, 0);
	EXPECT_EQ(handshake_new(&f->a, fd, "to-b"), -EDESTADDRREQ);
	EXPECT_EQ(flow_new(&f->a, fd, "to-b", at_a, at_b, PORT), -ENOENT);
	EXPECT_EQ(connect(fd, &f->at_b.any, f->at_b.len), 0);
	EXPECT_EQ(handshake_new(&f->a, fd, "to-b"), 0) TH_LOG("%s", f->a.said);
	EXPECT_EQ(flow_new(&f->a, fd, "to-b", NULL, NULL, 0), 0)
		TH_LOG("%s", f->a.said);
	nl_req(&f->a, KPC_CMD_BINDING_HAND_OVER);
	nl_u32(&f->a, KPC_A_BINDING_FD, fd);
	EXPECT_EQ(nl_talk(&f->a), -EPROTONOSUPPORT);
	close(fd);
}

/* M8: peers that share a socket have a mark each. */
TEST_F(udp, has_one_mark_for_each_peer)
{
	const char *at_a = variant->address_a, *at_b = variant->address_b;
	struct assoc c = ASSOC_B("from-c");
	struct flow *f = &self->f;
	struct end at_c;
	uint32_t mark_c;
	int fd_c, i;

	ASSERT_EQ(associate(f, variant->family, variant->address_b), 0);
	ASSOC_UDP(c);
	c.family = variant->family;
	c.address = at_b;
	c.id_a = "//sp.example/cse-c";
	ASSERT_EQ(assoc_new(&f->b, &c), 0) TH_LOG("%s", f->b.said);
	mark_c = nl_get(&f->b, KPC_A_ASSOCIATION_MARK);
	ASSERT_NE(mark_c, f->mark_b);
	ASSERT_EQ(flow_open(f, at_a, at_b), 0);
	ASSERT_EQ(flow_bind(f, at_a, at_b), 0) TH_LOG("%s", f->b.said);
	at_c = end_at(at_a, PORT_A + 1);
	fd_c = udp_socket(at_a, PORT_A + 1);
	ASSERT_EQ(handshake_new(&f->a, fd_c, "to-b"), 0);
	ASSERT_EQ(flow_new(&f->a, fd_c, "to-b", at_a, at_b, PORT), 0);
	ASSERT_EQ(flow_new(&f->b, f->fd_b, "from-c", at_b, at_a, PORT_A + 1), 0)
		TH_LOG("%s", f->b.said);
	ASSERT_EQ(count('b', "to_a", f->mark_b), 0);
	ASSERT_EQ(count('b', "to_c", mark_c), 0);
	ASSERT_EQ(wire_count_as('b', "every", "udp sport 8883"), 0);
	for (i = 0; i < 5; i++)
		EXPECT_EQ(udp_send(f->fd_b, &f->at_a, DTLS_DATA, 10), 0);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(udp_send(f->fd_b, &at_c, DTLS_DATA, 10), 0);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(udp_got(fd_c), DTLS_DATA);
	EXPECT_EQ(wire_packets_as('b', "to_a"), 5);
	EXPECT_EQ(wire_packets_as('b', "to_c"), 3);
	EXPECT_EQ(wire_packets_as('b', "every"), 8);

	/* Who comes to the same ends next takes the place of the first. */
	ASSERT_EQ(flow_new(&f->b, f->fd_b, "from-c", at_b, at_a, PORT_A), 0);
	EXPECT_EQ(udp_send(f->fd_b, &f->at_a, DTLS_DATA, 10), 0);
	EXPECT_EQ(wire_packets_as('b', "to_a"), 5);
	EXPECT_EQ(wire_packets_as('b', "to_c"), 4);
	EXPECT_EQ(dump(&f->b, KPC_CMD_BINDING_GET), 2);
	EXPECT_TRUE(is_gone(&f->ev_b));
	EXPECT_EQ(nl_get(&f->ev_b, KPC_A_BINDING_ID), f->id_b);
	EXPECT_EQ(nl_get(&f->ev_b, KPC_A_BINDING_REASON), KPC_REASON_CLOSED);
	close(fd_c);
}

/* Routes by the mark are those of the mark that the datagram gets. */
TEST_F(udp, is_routed_by_its_mark)
{
	struct flow *f = &self->f;
	char cmd[256];

	ASSERT_EQ(associate(f, variant->family, variant->address_b), 0);
	ASSERT_EQ(flow_open(f, variant->address_a, variant->address_b), 0);
	ASSERT_EQ(flow_bind(f, variant->address_a, variant->address_b), 0);
	ASSERT_TRUE(flow_crosses(f));
	snprintf(cmd, sizeof(cmd),
		 "set -e; ip -n kpc-a link add aside type dummy\n"
		 "ip -n kpc-a link set aside up\n"
		 "ip -n kpc-a -%c rule add fwmark 0x%x table 77\n"
		 "ip -n kpc-a -%c route add default dev aside table 77\n",
		 variant->family == AF_INET ? '4' : '6', f->mark_a,
		 variant->family == AF_INET ? '4' : '6');
	ASSERT_EQ(system(cmd), 0);
	ASSERT_EQ(wire_count_as('a', "aside", "oifname aside udp dport 8883"), 0);
	ASSERT_EQ(wire_count_as('a', "wire", "oifname kpc0 udp dport 8883"), 0);
	EXPECT_EQ(udp_send(f->fd_a, &f->at_b, DTLS_DATA, 10), 0);
	EXPECT_EQ(udp_send(f->fd_a, &f->at_b, DTLS_DATA, 10), 0);
	EXPECT_TRUE(udp_silent(f->fd_b));
	EXPECT_EQ(wire_packets_as('a', "aside"), 2);
	EXPECT_EQ(wire_packets_as('a', "wire"), 0);
}

TEST_HARNESS_MAIN
