// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of associations over netlink: what is taken, what is refused and
 * in which words, transactions, marks, endpoints, configuration.
 * Rows M3, M4, T2, T3, T4, T6, X3, X4; invariants I5, I9.
 */
#include "kselftest_harness.h"

#include "site.h"

/* The cases of bad input change one word of a good one. */
#pragma GCC diagnostic ignored "-Woverride-init"

FIXTURE(table) {
	struct nl a, b;
};

FIXTURE_SETUP(table)
{
	ASSERT_EQ(sites_up(), 0);
	ASSERT_EQ(site_nl(&self->a, 'a'), 0);
	ASSERT_EQ(site_nl(&self->b, 'b'), 0);
}

FIXTURE_TEARDOWN(table)
{
	close(self->a.fd);
	close(self->b.fd);
	sites_down();
}

TEST_F(table, added_told_and_deleted)
{
	struct assoc a = ASSOC_A("one");
	struct nl ev;

	ASSERT_EQ(site_nl(&ev, 'a'), 0);
	ASSERT_EQ(nl_listen(&ev, 0), 0);

	a.mark = 0x6b000007;
	ASSERT_EQ(assoc_new(&self->a, &a), 0) TH_LOG("%s", self->a.said);
	EXPECT_EQ(nl_get(&self->a, KPC_A_ASSOCIATION_MARK), 0x6b000007);
	EXPECT_STREQ(nl_text(&self->a, KPC_A_ASSOCIATION_ID_B),
		     "//sp.example/cse-b");
	ASSERT_EQ(nl_event(&ev, KPC_CMD_ASSOCIATION_NTF, 1000), 0);
	EXPECT_EQ(nl_get(&ev, KPC_A_ASSOCIATION_CHANGE), KPC_CHANGE_ADDED);
	EXPECT_EQ(nl_get(&ev, KPC_A_ASSOCIATION_GENERATION), 1);

	ASSERT_EQ(assoc_get(&self->a, "one"), 0);
	EXPECT_EQ(nl_get(&self->a, KPC_A_ASSOCIATION_ROLE), KPC_ROLE_A);
	EXPECT_EQ(dump(&self->a, KPC_CMD_ASSOCIATION_GET), 1);
	EXPECT_EQ(dump(&self->a, KPC_CMD_ENDPOINT_GET), 1);
	EXPECT_EQ(nl_get(&self->a, KPC_A_ENDPOINT_PORT_MIN), PORT);

	/* I9: the other namespace has nothing of it. */
	EXPECT_EQ(dump(&self->b, KPC_CMD_ASSOCIATION_GET), 0);
	EXPECT_EQ(assoc_get(&self->b, "one"), -ENOENT);

	ASSERT_EQ(assoc_del(&self->a, "one"), 0);
	EXPECT_EQ(nl_get(&self->a, KPC_A_ASSOCIATION_BINDINGS), 0);
	EXPECT_LT(nl_get(&self->a, KPC_A_ASSOCIATION_TOOK), 10000000000ULL);
	ASSERT_EQ(nl_event(&ev, KPC_CMD_ASSOCIATION_NTF, 1000), 0);
	EXPECT_EQ(nl_get(&ev, KPC_A_ASSOCIATION_CHANGE), KPC_CHANGE_REMOVED);
	EXPECT_EQ(nl_get(&ev, KPC_A_ASSOCIATION_GENERATION), 2);
	EXPECT_EQ(assoc_del(&self->a, "one"), -ENOENT);
	EXPECT_STREQ(self->a.said, "no association has the name 'one'");
	close(ev.fd);
}

/* Each names what was wrong, in words that hold the offending value. */
TEST_F(table, refusals_say_what_and_why)
{
	static const struct {
		struct assoc a;
		int err;
		const char *said;
	} bad[] = {
#define A(...) { .name = "bad", .kpc_id = "bad@example.org",		\
		 .id_a = "//sp.example/a", .id_b = "//sp.example/b",	\
		 .family = AF_INET, .address = ADDR_B, .port = 99,	\
		 __VA_ARGS__ }
		{ A(.name = NULL), -EINVAL, "needs a name" },
		{ A(.name = ""), -EINVAL, "needs a name" },
		{ A(.name = "a b"), -EINVAL, "name 'a b'" },
		{ A(.name = "-x"), -EINVAL, "name '-x'" },
		{ A(.kpc_id = NULL), -EINVAL, "needs a KpcId" },
		{ A(.kpc_id = "nofqdn"), -EINVAL, "'nofqdn' is not relative@FQDN" },
		{ A(.kpc_id = "@a@b"), -EINVAL, "'@a@b' is not relative@FQDN" },
		{ A(.kpc_id = "@@b"), -EINVAL, "'@@b' is not relative@FQDN" },
		{ A(.kpc_id = "a\tb", .any_format = true), -EINVAL, "control octets" },
		{ A(.peer = "h.example:1\nassociation"), -EINVAL, "peer has control octets" },
		{ A(.id_b = NULL), -EINVAL, "needs IdB" },
		{ A(.id_a = "/relative"), -EINVAL, "IdA '/relative'" },
		{ A(.id_b = "//sp/a%20b"), -EINVAL, "IdB '//sp/a%20b'" },
		{ A(.id_a = "//sp/cse%"), -EINVAL, "IdA '//sp/cse%'" },
		{ A(.id_b = "//sp/cse\n"), -EINVAL, "not an absolute CSE-ID" },
		{ A(.id_b = "//sp/cse/"), -EINVAL, "IdB '//sp/cse/'" },
		{ A(.id_b = "//sp/cse/ae"), -EINVAL, "not an absolute CSE-ID" },
		{ A(.id_b = "//sp.example/a"), -EINVAL, "association with itself" },
		{ A(.records = 1023), -EINVAL, "limit of 1023 records" },
		{ A(.records = 23726567), -EINVAL, "1024 to 23726566 are accepted" },
		{ A(.mark = 0x12345678), -ERANGE, "mark 0x12345678 is outside" },
		{ A(.mark = HS_MARK), -EINVAL, "is the handshake mark" },
		{ A(.suite = 0x1234), -EINVAL, "cipher suite 0x1234 is not" },
		{ A(.suite = 0x00a8), -EINVAL, "a version that is not allowed" },
		{ A(.suite = 0x00ae, .versions = 1), -EINVAL, "no kernel carries" },
		{ A(.versions = 4), -EINVAL, "no kernel carries DTLS 1.2" },
		{ A(.no_selector = true), -EINVAL, "role a needs a peer" },
		{ A(.no_selector = true, .role = 1), -EINVAL, "role b needs a selector" },
		{ A(.address = NULL), -EINVAL, "selector 1 of role a has no remote address" },
		{ A(.port = 0), -EINVAL, "has no remote port" },
		{ A(.role = 1, .port = 0), -EINVAL, "has no local port" },
#undef A
	};
	unsigned int i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		EXPECT_EQ(assoc_new(&self->a, &bad[i].a), bad[i].err)
			TH_LOG("case %u: %s", i, self->a.said);
		EXPECT_NE(strstr(self->a.said, bad[i].said), NULL)
			TH_LOG("case %u: '%s', not '%s'", i, self->a.said,
			       bad[i].said);
	}
	EXPECT_EQ(dump(&self->a, KPC_CMD_ASSOCIATION_GET), 0);
}

TEST_F(table, pairs_that_cannot_be)
{
	struct assoc one = ASSOC_A("one"), two = ASSOC_A("two");

	ASSERT_EQ(assoc_new(&self->a, &one), 0) TH_LOG("%s", self->a.said);

	/* T4: one KpcId for one pair, whichever of both is another. */
	two.kpc_id = "one@example.org";
	two.id_b = "//sp.example/cse-c";
	EXPECT_EQ(assoc_new(&self->a, &two), -EEXIST);
	EXPECT_NE(strstr(self->a.said, "'one''s already"), NULL)
		TH_LOG("%s", self->a.said);
	two.id_a = "//sp.example/cse-d";
	EXPECT_EQ(assoc_new(&self->a, &two), -EEXIST);
	EXPECT_NE(strstr(self->a.said, "'one''s already"), NULL)
		TH_LOG("%s", self->a.said);
	two.id_b = "//sp.example/cse-b";
	EXPECT_EQ(assoc_new(&self->a, &two), -EEXIST);
	EXPECT_NE(strstr(self->a.said, "'one''s already"), NULL)
		TH_LOG("%s", self->a.said);
	two.id_a = "//sp.example/cse-a";

	/* T2: ids that differ in case only. */
	two.kpc_id = "One@example.org";
	EXPECT_EQ(assoc_new(&self->a, &two), -EEXIST);
	EXPECT_NE(strstr(self->a.said, "differs only in case"), NULL)
		TH_LOG("%s", self->a.said);

	/* T6, X4: one KpcId in both roles. */
	two.kpc_id = "one@example.org";
	two.id_a = "//sp.example/cse-b";
	two.id_b = "//sp.example/cse-a";
	two.role = KPC_ROLE_B;
	two.address = ADDR_A;
	EXPECT_EQ(assoc_new(&self->a, &two), -EEXIST);
	EXPECT_NE(strstr(self->a.said, "in the other role"), NULL)
		TH_LOG("%s", self->a.said);

	/* A mark belongs to its pair. */
	two = (struct assoc)ASSOC_A("two");
	two.id_b = "//sp.example/cse-c";
	two.mark = 0x6b000001;
	EXPECT_EQ(assoc_new(&self->a, &two), -EEXIST);
	EXPECT_NE(strstr(self->a.said, "0x6b000001 belongs to the pair of 'one'"),
		  NULL) TH_LOG("%s", self->a.said);
	two.mark = 0;
	ASSERT_EQ(assoc_new(&self->a, &two), 0);
	EXPECT_EQ(nl_get(&self->a, KPC_A_ASSOCIATION_MARK), 0x6b000002);

	/* X3: a rotation shares the pair's mark, and no other. */
	two = (struct assoc)ASSOC_A("one-next");
	two.mark = 0x6b000009;
	EXPECT_EQ(assoc_new(&self->a, &two), -EINVAL);
	EXPECT_NE(strstr(self->a.said, "of the same pair"), NULL)
		TH_LOG("%s", self->a.said);
	two.mark = 0;
	ASSERT_EQ(assoc_new(&self->a, &two), 0);
	EXPECT_EQ(nl_get(&self->a, KPC_A_ASSOCIATION_MARK), 0x6b000001);

	/* What does not change in place. */
	one.kpc_id = "other@example.org";
	EXPECT_EQ(assoc_new(&self->a, &one), -EEXIST);
	EXPECT_NE(strstr(self->a.said, "do not change in place"), NULL);
	EXPECT_EQ(dump(&self->a, KPC_CMD_ASSOCIATION_GET), 3);
}

static int begin(struct nl *nl, uint8_t mode)
{
	nl_req(nl, KPC_CMD_TRANSACTION_BEGIN);
	nl_u8(nl, KPC_A_TRANSACTION_MODE, mode);
	return nl_talk(nl);
}

static int commit(struct nl *nl, bool force, uint32_t seconds)
{
	nl_req(nl, KPC_CMD_TRANSACTION_COMMIT);
	if (force)
		nl_flag(nl, KPC_A_TRANSACTION_FORCE);
	if (seconds)
		nl_u32(nl, KPC_A_TRANSACTION_CONFIRM_SECONDS, seconds);
	return nl_talk(nl);
}

static int confirm(struct nl *nl, bool abort)
{
	nl_req(nl, KPC_CMD_TRANSACTION_CONFIRM);
	if (abort)
		nl_flag(nl, KPC_A_TRANSACTION_ABORT);
	return nl_talk(nl);
}

TEST_F(table, transaction_is_whole_or_nothing)
{
	struct assoc one = ASSOC_A("one"), two = ASSOC_A("two");
	struct nl other;

	ASSERT_EQ(site_nl(&other, 'a'), 0);
	two.id_b = "//sp.example/cse-c";

	EXPECT_EQ(commit(&self->a, false, 0), -ENOENT);
	ASSERT_EQ(begin(&self->a, KPC_LOAD_MODE_LOAD), 0);
	EXPECT_EQ(begin(&self->a, KPC_LOAD_MODE_LOAD), -EALREADY);
	ASSERT_EQ(assoc_new(&self->a, &one), 0);
	EXPECT_EQ(self->a.replies, 0);
	ASSERT_EQ(assoc_new(&self->a, &two), 0);
	/* Staged is not in force, and staged for its own socket alone. */
	EXPECT_EQ(dump(&other, KPC_CMD_ASSOCIATION_GET), 0);
	ASSERT_EQ(commit(&self->a, false, 0), 0) TH_LOG("%s", self->a.said);
	EXPECT_EQ(nl_get(&self->a, KPC_A_TRANSACTION_ADDED), 2);
	EXPECT_EQ(dump(&other, KPC_CMD_ASSOCIATION_GET), 2);

	/* One that is refused leaves everything as it was. */
	ASSERT_EQ(begin(&self->a, KPC_LOAD_MODE_LOAD), 0);
	two.mark = 0x6b000001;
	one.id_b = "//sp.example/cse-d";
	one.mark = 0x6b000001;
	ASSERT_EQ(assoc_new(&self->a, &one), 0);
	ASSERT_EQ(assoc_new(&self->a, &two), 0);
	EXPECT_EQ(commit(&self->a, false, 0), -EEXIST);
	ASSERT_EQ(confirm(&self->a, true), 0);
	ASSERT_EQ(assoc_get(&other, "one"), 0);
	EXPECT_STREQ(nl_text(&other, KPC_A_ASSOCIATION_ID_B),
		     "//sp.example/cse-b");

	/* Closing the socket drops what it has staged. */
	ASSERT_EQ(begin(&other, KPC_LOAD_MODE_LOAD), 0);
	close(other.fd);
	ASSERT_EQ(site_nl(&other, 'a'), 0);
	EXPECT_EQ(commit(&other, true, 0), -ENOENT);
	EXPECT_EQ(dump(&self->a, KPC_CMD_ASSOCIATION_GET), 2);

	/* Sync removes what is not named, changes what differs. */
	ASSERT_EQ(begin(&self->a, KPC_LOAD_MODE_SYNC), 0);
	one = (struct assoc)ASSOC_A("one");
	one.idle = 77;
	ASSERT_EQ(assoc_new(&self->a, &one), 0);
	ASSERT_EQ(commit(&self->a, false, 0), 0);
	EXPECT_EQ(nl_get(&self->a, KPC_A_TRANSACTION_ADDED), 0);
	EXPECT_EQ(nl_get(&self->a, KPC_A_TRANSACTION_CHANGED), 1);
	EXPECT_EQ(nl_get(&self->a, KPC_A_TRANSACTION_REMOVED), 1);
	close(other.fd);
}

TEST_F(table, confirm_or_roll_back)
{
	struct assoc one = ASSOC_A("one"), two = ASSOC_A("two");

	two.id_b = "//sp.example/cse-c";
	ASSERT_EQ(assoc_new(&self->a, &one), 0);

	ASSERT_EQ(begin(&self->a, KPC_LOAD_MODE_SYNC), 0);
	ASSERT_EQ(assoc_new(&self->a, &two), 0);
	ASSERT_EQ(commit(&self->a, false, 60), 0);
	EXPECT_EQ(assoc_get(&self->a, "one"), -ENOENT);
	ASSERT_EQ(begin(&self->a, KPC_LOAD_MODE_APPLY), 0);
	EXPECT_EQ(commit(&self->a, false, 0), -EBUSY);
	/* First what it has staged itself, then what waits. */
	ASSERT_EQ(confirm(&self->a, true), 0);
	ASSERT_EQ(assoc_get(&self->a, "two"), 0);
	ASSERT_EQ(confirm(&self->a, true), 0);
	EXPECT_EQ(assoc_get(&self->a, "two"), -ENOENT);
	ASSERT_EQ(assoc_get(&self->a, "one"), 0);
	EXPECT_EQ(nl_get(&self->a, KPC_A_ASSOCIATION_MARK), 0x6b000001);

	/* Confirmed in time it stays. */
	ASSERT_EQ(begin(&self->a, KPC_LOAD_MODE_SYNC), 0);
	ASSERT_EQ(assoc_new(&self->a, &two), 0);
	ASSERT_EQ(commit(&self->a, false, 2), 0);
	ASSERT_EQ(confirm(&self->a, false), 0);
	EXPECT_EQ(confirm(&self->a, false), -ENOENT);

	/* Not confirmed the table of before comes back by itself. */
	ASSERT_EQ(begin(&self->a, KPC_LOAD_MODE_SYNC), 0);
	ASSERT_EQ(assoc_new(&self->a, &one), 0);
	ASSERT_EQ(commit(&self->a, false, 1), 0);
	ASSERT_EQ(assoc_get(&self->a, "one"), 0);
	sleep(4);
	EXPECT_EQ(assoc_get(&self->a, "one"), -ENOENT);
	EXPECT_EQ(assoc_get(&self->a, "two"), 0);
}

TEST_F(table, resolved_selectors_stay_with_their_peer)
{
	struct assoc a = ASSOC_A("one");

	a.peer = "b.example:8883";
	a.no_selector = true;
	ASSERT_EQ(assoc_new(&self->a, &a), 0) TH_LOG("%s", self->a.said);
	EXPECT_EQ(dump(&self->a, KPC_CMD_ENDPOINT_GET), 0);

	a.no_selector = false;
	a.resolved = true;
	ASSERT_EQ(assoc_new(&self->a, &a), 0);
	EXPECT_EQ(dump(&self->a, KPC_CMD_ENDPOINT_GET), 1);

	a.no_selector = true;
	a.idle = 5;
	ASSERT_EQ(assoc_new(&self->a, &a), 0);
	EXPECT_EQ(dump(&self->a, KPC_CMD_ENDPOINT_GET), 1);

	a.peer = "c.example:8883";
	ASSERT_EQ(assoc_new(&self->a, &a), 0);
	EXPECT_EQ(dump(&self->a, KPC_CMD_ENDPOINT_GET), 0);
}

static int rotate_to(struct nl *nl, const struct assoc *next)
{
	return begin(nl, KPC_LOAD_MODE_SYNC) ?: assoc_new(nl, next) ?:
	       commit(nl, false, 0);
}

/* A key is replaced in one step, and the peer is protected all the while. */
TEST_F(table, resolved_selectors_stay_with_a_rotation)
{
	struct assoc a = ASSOC_A("one");
	struct nl *nl = &self->a;

	a.peer = "b.example:8883";
	a.no_selector = true;
	ASSERT_EQ(assoc_new(nl, &a), 0) TH_LOG("%s", nl->said);
	resolve_put(nl, nl_get(nl, KPC_A_ASSOCIATION_ID), a.peer, ADDR_B);
	ASSERT_EQ(nl_talk(nl), 0) TH_LOG("%s", nl->said);
	ASSERT_TRUE(is_protected(nl, ADDR_B));

	a.name = "two";
	a.kpc_id = "two@example.org";
	ASSERT_EQ(rotate_to(nl, &a), 0) TH_LOG("%s", nl->said);
	EXPECT_EQ(assoc_get(nl, "one"), -ENOENT);
	EXPECT_TRUE(is_protected(nl, ADDR_B));
	/* Also under the name of before. */
	a.kpc_id = "three@example.org";
	ASSERT_EQ(rotate_to(nl, &a), 0) TH_LOG("%s", nl->said);
	EXPECT_TRUE(is_protected(nl, ADDR_B));

	/* It is the agent's to change, and another peer has nothing of it. */
	ASSERT_EQ(assoc_get(nl, "two"), 0);
	resolve_put(nl, nl_get(nl, KPC_A_ASSOCIATION_ID), a.peer, ADDR_A);
	ASSERT_EQ(nl_talk(nl), 0) TH_LOG("%s", nl->said);
	EXPECT_FALSE(is_protected(nl, ADDR_B));
	EXPECT_TRUE(is_protected(nl, ADDR_A));
	a.kpc_id = "four@example.org";
	a.peer = "c.example:8883";
	ASSERT_EQ(rotate_to(nl, &a), 0) TH_LOG("%s", nl->said);
	EXPECT_EQ(dump(nl, KPC_CMD_ENDPOINT_GET), 0);
}

/* How many endpoints there are once @address is where the peer is. */
static int resolve(struct nl *nl, uint32_t id, const char *peer,
		   const char *address)
{
	int err;

	resolve_put(nl, id, peer, address);
	err = nl_talk(nl);
	return err ?: dump(nl, KPC_CMD_ENDPOINT_GET);
}

/* The agent says where a peer is, and nothing else of the association. */
TEST_F(table, resolved_by_the_agent)
{
	struct assoc a = ASSOC_A("one");
	uint32_t id;

	a.peer = "b.example:8883";
	a.address = "192.0.2.0";
	ASSERT_EQ(assoc_new(&self->a, &a), 0);
	id = nl_get(&self->a, KPC_A_ASSOCIATION_ID);
	EXPECT_EQ(resolve(&self->a, id, a.peer, "192.0.2.1"), 2);
	/* In place of those found before, beside the operator's. */
	EXPECT_EQ(resolve(&self->a, id, a.peer, "192.0.2.2"), 2);
	EXPECT_FALSE(is_protected(&self->a, "192.0.2.1"));
	EXPECT_TRUE(is_protected(&self->a, "192.0.2.0"));

	/* What the operator has changed meanwhile stays changed. */
	a.versions = KPC_VERSION_FLAGS_TLS13;
	ASSERT_EQ(assoc_new(&self->a, &a), 0);
	EXPECT_EQ(resolve(&self->a, id, a.peer, "192.0.2.3"), 2);
	ASSERT_EQ(assoc_get(&self->a, "one"), 0);
	EXPECT_EQ(nl_get(&self->a, KPC_A_ASSOCIATION_VERSIONS),
		  KPC_VERSION_FLAGS_TLS13);
	EXPECT_EQ(resolve(&self->a, id, a.peer, NULL), 1);

	/* An answer that comes late is nobody's. */
	EXPECT_EQ(resolve(&self->a, id, "c.example:8883", "192.0.2.4"), -ESTALE);
	EXPECT_NE(strstr(self->a.said, "c.example"), NULL);
	EXPECT_EQ(resolve(&self->a, id + 1, a.peer, "192.0.2.4"), -ESTALE);
	EXPECT_EQ(resolve(&self->a, 0, a.peer, "192.0.2.4"), -ESTALE);
	ASSERT_EQ(assoc_del(&self->a, "one"), 0);
	EXPECT_EQ(resolve(&self->a, id, a.peer, "192.0.2.4"), -ESTALE);
	EXPECT_EQ(assoc_get(&self->a, "one"), -ENOENT);
}

TEST_F(table, resolved_while_a_commit_waits)
{
	struct assoc one = ASSOC_A("one"), two = ASSOC_A("two");
	uint32_t id;

	one.peer = "b.example:8883";
	one.no_selector = true;
	ASSERT_EQ(assoc_new(&self->a, &one), 0);
	id = nl_get(&self->a, KPC_A_ASSOCIATION_ID);
	two.id_b = "//sp.example/cse-c";
	ASSERT_EQ(begin(&self->a, KPC_LOAD_MODE_APPLY), 0);
	ASSERT_EQ(assoc_new(&self->a, &two), 0);
	ASSERT_EQ(commit(&self->a, false, 60), 0);
	EXPECT_EQ(resolve(&self->a, id, one.peer, "192.0.2.1"), 2);

	/* The table that comes back has it too. */
	ASSERT_EQ(confirm(&self->a, true), 0);
	EXPECT_EQ(assoc_get(&self->a, "two"), -ENOENT);
	EXPECT_TRUE(is_protected(&self->a, "192.0.2.1"));
}

/* A commit that is tried again takes over what is so then, not before. */
TEST_F(table, resolved_between_two_attempts)
{
	struct assoc one = ASSOC_A("one"), two = ASSOC_A("two");
	struct assoc next = ASSOC_A("one-next"), three = ASSOC_A("three");
	struct nl *a = &self->a, other;
	uint32_t id;

	one.peer = "b.example:8883";
	one.no_selector = true;
	ASSERT_EQ(assoc_new(a, &one), 0) TH_LOG("%s", a->said);
	id = nl_get(a, KPC_A_ASSOCIATION_ID);
	two.id_b = "//sp.example/cse-c";
	ASSERT_EQ(assoc_new(a, &two), 0) TH_LOG("%s", a->said);
	EXPECT_EQ(resolve(a, id, one.peer, "192.0.2.21"), 2);

	/* The same one, another key of its pair, and what is in the way. */
	one.idle = 77;
	next.peer = one.peer;
	next.no_selector = true;
	three.id_b = "//sp.example/cse-d";
	three.kpc_id = two.kpc_id;
	ASSERT_EQ(site_nl(&other, 'a'), 0);
	ASSERT_EQ(begin(&other, KPC_LOAD_MODE_APPLY), 0);
	ASSERT_EQ(assoc_new(&other, &one), 0) TH_LOG("%s", other.said);
	ASSERT_EQ(assoc_new(&other, &next), 0) TH_LOG("%s", other.said);
	ASSERT_EQ(assoc_new(&other, &three), 0) TH_LOG("%s", other.said);
	ASSERT_EQ(commit(&other, false, 0), -EEXIST);

	EXPECT_EQ(resolve(a, id, one.peer, "192.0.2.22"), 2);
	ASSERT_EQ(assoc_del(a, "two"), 0) TH_LOG("%s", a->said);
	ASSERT_EQ(commit(&other, false, 0), 0) TH_LOG("%s", other.said);
	close(other.fd);
	EXPECT_TRUE(is_protected(a, "192.0.2.22"));
	EXPECT_FALSE(is_protected(a, "192.0.2.21"));
	ASSERT_EQ(assoc_get(a, "one"), 0);
	EXPECT_NE(nl_data(a, KPC_A_ASSOCIATION_SELECTOR), NULL);
	ASSERT_EQ(assoc_get(a, "one-next"), 0);
	EXPECT_NE(nl_data(a, KPC_A_ASSOCIATION_SELECTOR), NULL);
}

/* A connection that nobody has registered. */
struct plain {
	int listener, client, child;
};

static int plain_up(struct plain *p)
{
	int err = site_enter('b');

	if (err)
		return err;
	p->listener = tcp_socket();
	err = tcp_listen(p->listener, ADDR_B, PORT) ?: site_enter('a');
	if (err)
		return err;
	p->client = tcp_socket();
	err = tcp_connect(p->client, ADDR_B, PORT);
	if (err)
		return err;
	p->child = accept(p->listener, NULL, NULL);
	return p->child < 0 ? -errno : 0;
}

static void plain_down(struct plain *p)
{
	drop_socket(p->child);
	drop_socket(p->client);
	close(p->listener);
}

TEST_F(table, live_sockets_are_not_shut_out)
{
	struct assoc b = ASSOC_B("one");
	struct plain p;

	ASSERT_EQ(plain_up(&p), 0);
	ASSERT_TRUE(crosses(p.client, p.child, "before"));

	EXPECT_EQ(assoc_new(&self->b, &b), -EBUSY);
	EXPECT_NE(strstr(self->b.said, "cover 1 live connections"), NULL)
		TH_LOG("%s", self->b.said);
	EXPECT_TRUE(crosses(p.client, p.child, "still"));
	b.force = true;
	ASSERT_EQ(assoc_new(&self->b, &b), 0);
	/* I3: what was there before is outside any binding now. */
	EXPECT_EQ(send(p.child, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT), 1);
	EXPECT_LT(recv(p.client, &(char){ 0 }, 1, 0), 0);
	plain_down(&p);
}

/* I3: nor does one who is there first keep a peer from being protected. */
TEST_F(table, resolved_under_a_live_socket)
{
	struct assoc a = ASSOC_A("one");
	struct plain p;

	ASSERT_EQ(plain_up(&p), 0);
	a.peer = "b.example:8883";
	a.no_selector = true;
	ASSERT_EQ(assoc_new(&self->a, &a), 0) TH_LOG("%s", self->a.said);
	ASSERT_TRUE(crosses(p.client, p.child, "before"));
	EXPECT_EQ(resolve(&self->a, nl_get(&self->a, KPC_A_ASSOCIATION_ID),
			  a.peer, ADDR_B), 1)
		TH_LOG("%s", self->a.said);
	EXPECT_TRUE(is_protected(&self->a, ADDR_B));
	EXPECT_EQ(send(p.client, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT), 1);
	EXPECT_LT(recv(p.child, &(char){ 0 }, 1, 0), 0);
	plain_down(&p);
}

/* Nobody forces what would shut out more than the peer. */
TEST_F(table, resolved_without_a_port)
{
	struct assoc a = ASSOC_A("one"), b = ASSOC_B("two"), any = a;
	struct nl *nl = &self->a;

	a.peer = "b.example:8883";
	ASSERT_EQ(assoc_new(nl, &a), 0) TH_LOG("%s", nl->said);
	any.port = 0;
	resolve_put(nl, nl_get(nl, KPC_A_ASSOCIATION_ID), a.peer, NULL);
	put_selector(nl, &any);
	EXPECT_EQ(nl_talk(nl), -EINVAL);
	EXPECT_NE(strstr(nl->said, "has no remote port"), NULL)
		TH_LOG("%s", nl->said);

	b.id_a = "//sp.example/cse-c";
	b.address = ADDR_A;
	b.peer = "b.example:8883";
	ASSERT_EQ(assoc_new(nl, &b), 0) TH_LOG("%s", nl->said);
	EXPECT_EQ(resolve(nl, nl_get(nl, KPC_A_ASSOCIATION_ID), b.peer,
			  "192.0.2.3"), -EINVAL);
	EXPECT_NE(strstr(nl->said, "is of role b"), NULL)
		TH_LOG("%s", nl->said);
	EXPECT_EQ(dump(nl, KPC_CMD_ENDPOINT_GET), 2);
}

TEST_F(table, configuration)
{
	struct assoc a = ASSOC_A("one");

	nl_req(&self->a, KPC_CMD_CONFIG_GET);
	nl_u32(&self->a, KPC_A_CONFIG_ABI, KPC_ABI_VERSION);
	ASSERT_EQ(nl_talk(&self->a), 0);
	EXPECT_EQ(nl_get(&self->a, KPC_A_CONFIG_MARK_VALUE), 0x6b000000);
	EXPECT_EQ(nl_get(&self->a, KPC_A_CONFIG_HANDSHAKE_MARK), HS_MARK);
	nl_req(&self->a, KPC_CMD_CONFIG_GET);
	nl_u32(&self->a, KPC_A_CONFIG_ABI, KPC_ABI_VERSION + 1);
	EXPECT_EQ(nl_talk(&self->a), -EPROTO);

	/* What a later ABI may have added is refused, not passed over. */
	nl_req(&self->a, KPC_CMD_CONFIG_SET);
	nl_u32(&self->a, KPC_A_CONFIG_MAX + 1, 1);
	EXPECT_EQ(nl_talk(&self->a), -EINVAL);
	nl_req(&self->a, KPC_CMD_CONFIG_SET);
	nl_u8(&self->a, KPC_A_CONFIG_CLOCK, KPC_CLOCK_SET + 1);
	EXPECT_EQ(nl_talk(&self->a), -ERANGE);
	assoc_put(&self->a, &a);
	nl_u32(&self->a, KPC_A_ASSOCIATION_MAX + 1, 1);
	EXPECT_EQ(nl_talk(&self->a), -EINVAL);
	nl_start(&self->a, self->a.family, KPC_CMD_MAX + 1, 0);
	EXPECT_EQ(nl_talk(&self->a), -EOPNOTSUPP);

	nl_req(&self->a, KPC_CMD_CONFIG_SET);
	nl_u32(&self->a, KPC_A_CONFIG_MARK_VALUE, 0);
	EXPECT_EQ(nl_talk(&self->a), -EINVAL);
	nl_req(&self->a, KPC_CMD_CONFIG_SET);
	nl_u32(&self->a, KPC_A_CONFIG_MARK_VALUE, 0x4b500000);
	nl_u32(&self->a, KPC_A_CONFIG_MARK_MASK, 0xfff00000);
	EXPECT_EQ(nl_talk(&self->a), -ERANGE);
	nl_req(&self->a, KPC_CMD_CONFIG_SET);
	nl_u32(&self->a, KPC_A_CONFIG_MARK_VALUE, 0x4b500000);
	nl_u32(&self->a, KPC_A_CONFIG_MARK_MASK, 0xfff00000);
	nl_u32(&self->a, KPC_A_CONFIG_HANDSHAKE_MARK, 0x4b500001);
	nl_u32(&self->a, KPC_A_CONFIG_MAX_ASSOCIATIONS, 1);
	ASSERT_EQ(nl_talk(&self->a), 0) TH_LOG("%s", self->a.said);

	ASSERT_EQ(assoc_new(&self->a, &a), 0);
	/* 1 is the handshake mark. */
	EXPECT_EQ(nl_get(&self->a, KPC_A_ASSOCIATION_MARK), 0x4b500002);
	a = (struct assoc)ASSOC_A("two");
	EXPECT_EQ(assoc_new(&self->a, &a), -ENOSPC);
	nl_req(&self->a, KPC_CMD_CONFIG_SET);
	nl_u32(&self->a, KPC_A_CONFIG_MARK_VALUE, 0x6b000000);
	EXPECT_EQ(nl_talk(&self->a), -EBUSY);

	/* The other namespace is as it was. */
	nl_req(&self->b, KPC_CMD_CONFIG_GET);
	ASSERT_EQ(nl_talk(&self->b), 0);
	EXPECT_EQ(nl_get(&self->b, KPC_A_CONFIG_MARK_VALUE), 0x6b000000);
}

TEST_F(table, many_and_large)
{
	char name[32], id[64], b[64];
	struct assoc a = ASSOC_A("x");
	int i;

	ASSERT_EQ(begin(&self->a, KPC_LOAD_MODE_LOAD), 0);
	for (i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		snprintf(id, sizeof(id), "n%d@example.org", i);
		snprintf(b, sizeof(b), "//sp.example/b%d", i);
		a.name = name;
		a.kpc_id = id;
		a.id_b = b;
		a.port = 1000 + i;
		ASSERT_EQ(assoc_new(&self->a, &a), 0) TH_LOG("%s", self->a.said);
	}
	ASSERT_EQ(commit(&self->a, false, 0), 0) TH_LOG("%s", self->a.said);
	EXPECT_EQ(dump(&self->a, KPC_CMD_ASSOCIATION_GET), 1000);
	EXPECT_EQ(dump(&self->a, KPC_CMD_ENDPOINT_GET), 1000);
	ASSERT_EQ(assoc_get(&self->a, "n999"), 0);
	EXPECT_EQ(nl_get(&self->a, KPC_A_ASSOCIATION_MARK), 0x6b0003e8);
	ASSERT_EQ(begin(&self->a, KPC_LOAD_MODE_SYNC), 0);
	ASSERT_EQ(commit(&self->a, false, 0), 0);
	EXPECT_EQ(nl_get(&self->a, KPC_A_TRANSACTION_REMOVED), 1000);
}

TEST_F(table, no_right_no_table)
{
	struct assoc a = ASSOC_A("one");
	struct nl nl;
	int status;
	pid_t pid;

	ASSERT_EQ(assoc_new(&self->a, &a), 0);
	pid = fork();
	if (!pid) {
		if (setgid(65534) || setuid(65534) || nl_open(&nl))
			_exit(1);
		if (assoc_get(&nl, "one") != -EPERM ||
		    dump(&nl, KPC_CMD_ASSOCIATION_GET) != -EPERM ||
		    dump(&nl, KPC_CMD_BINDING_GET) != -EPERM ||
		    assoc_del(&nl, "one") != -EPERM)
			_exit(2);
		for (int g = 0; g < 4; g++)
			if (nl_listen(&nl, g) != -EPERM)
				_exit(3);
		_exit(0);
	}
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
}

TEST_HARNESS_MAIN
