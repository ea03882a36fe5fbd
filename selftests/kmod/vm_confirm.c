// SPDX-License-Identifier: GPL-2.0-only
/*
 * What may happen while a commit waits to be confirmed: a revocation holds
 * (I4), nothing else changes the table or the configuration it comes back with.
 */
#include "kselftest_harness.h"

#include "pair.h"

FIXTURE(pending) {
	struct nl a;
};

static int begin_as(struct nl *nl, uint8_t mode)
{
	nl_req(nl, KPC_CMD_TRANSACTION_BEGIN);
	nl_u8(nl, KPC_A_TRANSACTION_MODE, mode);
	return nl_talk(nl);
}

static int begin(struct nl *nl)
{
	return begin_as(nl, KPC_LOAD_MODE_APPLY);
}

static int commit(struct nl *nl, uint32_t seconds)
{
	nl_req(nl, KPC_CMD_TRANSACTION_COMMIT);
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

static int load(struct nl *nl, const struct assoc *add, uint32_t seconds)
{
	return begin(nl) ?: assoc_new(nl, add) ?: commit(nl, seconds);
}

/* From now on, until it is confirmed or aborted, @only is the whole table. */
static int sync_to(struct nl *nl, const struct assoc *only)
{
	return begin_as(nl, KPC_LOAD_MODE_SYNC) ?: assoc_new(nl, only) ?:
	       commit(nl, 60);
}

static int config(struct nl *nl, uint16_t attr, uint32_t value)
{
	nl_req(nl, KPC_CMD_CONFIG_SET);
	nl_u32(nl, attr, value);
	return nl_talk(nl);
}

/* One number of the configuration in force; 0: it is not told. */
static uint32_t config_now(struct nl *nl, uint16_t attr)
{
	nl_req(nl, KPC_CMD_CONFIG_GET);
	return nl_talk(nl) ? 0 : nl_get(nl, attr);
}

FIXTURE_SETUP(pending)
{
	struct assoc one = ASSOC_A("one"), two = ASSOC_A("two");
	struct assoc three = ASSOC_A("three");

	two.id_b = "//sp.example/cse-c";
	three.id_b = "//sp.example/cse-d";
	ASSERT_EQ(sites_up(), 0);
	ASSERT_EQ(site_nl(&self->a, 'a'), 0);
	ASSERT_EQ(assoc_new(&self->a, &one), 0) TH_LOG("%s", self->a.said);
	ASSERT_EQ(assoc_new(&self->a, &two), 0) TH_LOG("%s", self->a.said);
	ASSERT_EQ(load(&self->a, &three, 2), 0) TH_LOG("%s", self->a.said);
}

FIXTURE_TEARDOWN(pending)
{
	close(self->a.fd);
	sites_down();
}

TEST_F(pending, revoked_stays_revoked)
{
	struct assoc four = ASSOC_A("four");

	ASSERT_EQ(assoc_del(&self->a, "one"), 0) TH_LOG("%s", self->a.said);
	four.id_b = "//sp.example/cse-e";
	EXPECT_EQ(assoc_new(&self->a, &four), -EBUSY);
	EXPECT_NE(strstr(self->a.said, "would undo this"), NULL);
	/* The table of before comes back, without what was revoked. */
	for (int i = 0; i < 50 && !assoc_get(&self->a, "three"); i++)
		usleep(100000);
	EXPECT_EQ(assoc_get(&self->a, "three"), -ENOENT);
	EXPECT_EQ(assoc_get(&self->a, "two"), 0);
	EXPECT_EQ(assoc_get(&self->a, "one"), -ENOENT);
	EXPECT_EQ(assoc_new(&self->a, &four), 0) TH_LOG("%s", self->a.said);
}

/* I4: also what is not in force meanwhile. */
TEST_F(pending, revoked_out_of_the_old_table)
{
	struct assoc two = ASSOC_A("two");
	struct nl *a = &self->a;

	two.id_b = "//sp.example/cse-c";
	ASSERT_EQ(confirm(a, true), 0) TH_LOG("%s", a->said);
	ASSERT_EQ(sync_to(a, &two), 0) TH_LOG("%s", a->said);
	ASSERT_EQ(assoc_get(a, "one"), -ENOENT);
	EXPECT_EQ(assoc_del(a, "one"), 0) TH_LOG("%s", a->said);
	EXPECT_STREQ(nl_text(a, KPC_A_ASSOCIATION_NAME), "one");
	EXPECT_EQ(nl_get(a, KPC_A_ASSOCIATION_BINDINGS), 0);
	EXPECT_LT(nl_get(a, KPC_A_ASSOCIATION_TOOK), 10000000000ULL);
	EXPECT_EQ(assoc_del(a, "one"), -ENOENT);
	EXPECT_EQ(assoc_del(a, "four"), -ENOENT);
	ASSERT_EQ(confirm(a, true), 0) TH_LOG("%s", a->said);
	EXPECT_EQ(assoc_get(a, "one"), -ENOENT);
	EXPECT_EQ(assoc_get(a, "two"), 0);
}

/* It is not the name that is revoked, but who had it. */
TEST_F(pending, revoked_is_not_its_name)
{
	struct assoc one = ASSOC_A("one");
	struct nl *a = &self->a;

	ASSERT_EQ(confirm(a, true), 0) TH_LOG("%s", a->said);
	one.kpc_id = "one-next@example.org";
	ASSERT_EQ(sync_to(a, &one), 0) TH_LOG("%s", a->said);
	ASSERT_EQ(assoc_del(a, "one"), 0) TH_LOG("%s", a->said);
	EXPECT_FALSE(is_protected(a, ADDR_B));
	ASSERT_EQ(confirm(a, true), 0) TH_LOG("%s", a->said);
	ASSERT_EQ(assoc_get(a, "one"), 0);
	EXPECT_EQ(memcmp(nl_data(a, KPC_A_ASSOCIATION_KPC_ID),
			 "one@example.org", 15), 0);
	EXPECT_TRUE(is_protected(a, ADDR_B));

	/* Under another name it is the same. */
	one = (struct assoc)ASSOC_A("one");
	one.name = "uno";
	ASSERT_EQ(sync_to(a, &one), 0) TH_LOG("%s", a->said);
	ASSERT_EQ(assoc_del(a, "uno"), 0) TH_LOG("%s", a->said);
	ASSERT_EQ(confirm(a, true), 0) TH_LOG("%s", a->said);
	EXPECT_EQ(assoc_get(a, "one"), -ENOENT);
	EXPECT_EQ(assoc_get(a, "two"), 0);
}

/* I4: nor does it come back with what else was said of it before. */
TEST_F(pending, revoked_as_another_entitys)
{
	struct assoc two = ASSOC_A("two");
	struct nl *a = &self->a;

	ASSERT_EQ(confirm(a, true), 0) TH_LOG("%s", a->said);
	two.id_b = "//sp.example/cse-z";
	ASSERT_EQ(sync_to(a, &two), 0) TH_LOG("%s", a->said);
	ASSERT_EQ(assoc_del(a, "two"), 0) TH_LOG("%s", a->said);
	ASSERT_EQ(confirm(a, true), 0) TH_LOG("%s", a->said);
	EXPECT_EQ(assoc_get(a, "two"), -ENOENT);
	EXPECT_EQ(assoc_get(a, "one"), 0);
}

/* A table of before that has no room for what was resolved since comes back. */
TEST_F(pending, resolved_beyond_the_old_table)
{
	static const char *const at[] = { "192.0.2.21", "192.0.2.22",
					  "192.0.2.23", "192.0.2.24",
					  "192.0.2.25" };
	struct assoc four = ASSOC_A("four");
	struct assoc where = four;
	struct nl *a = &self->a;
	char address[32];
	uint32_t id;

	ASSERT_EQ(confirm(a, true), 0) TH_LOG("%s", a->said);
	four.id_b = "//sp.example/cse-e";
	four.peer = "b.example:8883";
	four.address = "192.0.2.41";
	assoc_put(a, &four);
	for (int i = 1; i < 30; i++) {
		snprintf(address, sizeof(address), "192.0.2.%d", 41 + i);
		where.address = address;
		put_selector(a, &where);
	}
	ASSERT_EQ(nl_talk(a), 0) TH_LOG("%s", a->said);

	ASSERT_EQ(sync_to(a, &four), 0) TH_LOG("%s", a->said);
	ASSERT_EQ(assoc_get(a, "four"), 0);
	id = nl_get(a, KPC_A_ASSOCIATION_ID);
	resolve_put(a, id, four.peer, at[0]);
	for (int i = 1; i < 5; i++) {
		where.address = at[i];
		put_selector(a, &where);
	}
	ASSERT_EQ(nl_talk(a), 0) TH_LOG("%s", a->said);
	EXPECT_TRUE(is_protected(a, at[4]));
	EXPECT_FALSE(is_protected(a, "192.0.2.70"));

	ASSERT_EQ(confirm(a, true), 0) TH_LOG("%s", a->said);
	EXPECT_TRUE(is_protected(a, "192.0.2.70"));
	EXPECT_FALSE(is_protected(a, at[4]));
	EXPECT_EQ(assoc_get(a, "one"), 0);
}

/* A rotation has another name, and its peer is where it was said to be since. */
TEST_F(pending, resolved_while_a_rotation_waits)
{
	struct assoc four = ASSOC_A("four"), next = ASSOC_A("four-next");
	struct nl *a = &self->a;

	ASSERT_EQ(confirm(a, true), 0) TH_LOG("%s", a->said);
	four.id_b = "//sp.example/cse-e";
	four.peer = "b.example:8883";
	four.address = "192.0.2.21";
	four.resolved = true;
	ASSERT_EQ(assoc_new(a, &four), 0) TH_LOG("%s", a->said);
	next.id_b = four.id_b;
	next.peer = four.peer;
	next.no_selector = true;
	ASSERT_EQ(sync_to(a, &next), 0) TH_LOG("%s", a->said);
	ASSERT_TRUE(is_protected(a, "192.0.2.21"));

	resolve_put(a, assoc_id(a, "four-next"), four.peer, "192.0.2.22");
	ASSERT_EQ(nl_talk(a), 0) TH_LOG("%s", a->said);
	ASSERT_EQ(confirm(a, true), 0) TH_LOG("%s", a->said);
	EXPECT_EQ(assoc_get(a, "four"), 0);
	EXPECT_TRUE(is_protected(a, "192.0.2.22"));
	EXPECT_FALSE(is_protected(a, "192.0.2.21"));
}

TEST_F(pending, range_stays_for_the_old_table)
{
	struct assoc four = ASSOC_A("four");

	four.id_b = "//sp.example/cse-e";
	ASSERT_EQ(confirm(&self->a, true), 0) TH_LOG("%s", self->a.said);
	ASSERT_EQ(load(&self->a, &four, 60), 0) TH_LOG("%s", self->a.said);
	ASSERT_EQ(assoc_del(&self->a, "one"), 0);
	ASSERT_EQ(assoc_del(&self->a, "two"), 0);
	ASSERT_EQ(assoc_del(&self->a, "four"), 0);
	EXPECT_EQ(config(&self->a, KPC_A_CONFIG_HANDSHAKE_MARK, 0x6b000077), -EBUSY);
	EXPECT_EQ(config(&self->a, KPC_A_CONFIG_MAX_ASSOCIATIONS, 1), -EBUSY);
	EXPECT_NE(strstr(self->a.said, "waits to be confirmed"), NULL);
	/* No association is left, and yet the module has work to do. */
	EXPECT_NE(system("rmmod kpc 2>/dev/null"), 0);
	ASSERT_EQ(confirm(&self->a, false), 0) TH_LOG("%s", self->a.said);
	EXPECT_EQ(config(&self->a, KPC_A_CONFIG_MAX_ASSOCIATIONS, 1), 0);
}

/* Who gives up what he has staged does not take back what another waits for. */
TEST_F(pending, abort_is_of_ones_own)
{
	struct assoc four = ASSOC_A("four");
	struct nl other;

	four.id_b = "//sp.example/cse-e";
	ASSERT_EQ(site_nl(&other, 'a'), 0);
	EXPECT_EQ(load(&other, &four, 0), -EBUSY);
	EXPECT_EQ(confirm(&other, true), 0) TH_LOG("%s", other.said);
	close(other.fd);
	EXPECT_EQ(assoc_get(&self->a, "three"), 0);
	ASSERT_EQ(confirm(&self->a, false), 0) TH_LOG("%s", self->a.said);
	EXPECT_EQ(assoc_get(&self->a, "three"), 0);
}

/* The configuration is part of what is committed, and of what comes back. */
TEST_F(pending, config_comes_back)
{
	struct assoc four = ASSOC_A("four");
	struct nl *a = &self->a;
	uint32_t was;

	four.id_b = "//sp.example/cse-e";
	ASSERT_EQ(confirm(a, false), 0) TH_LOG("%s", a->said);
	was = config_now(a, KPC_A_CONFIG_MAX_BINDINGS);
	ASSERT_NE(was, 0);
	ASSERT_EQ(begin(a), 0) TH_LOG("%s", a->said);
	ASSERT_EQ(config(a, KPC_A_CONFIG_MAX_BINDINGS, 77), 0);
	ASSERT_EQ(assoc_new(a, &four), 0) TH_LOG("%s", a->said);
	EXPECT_EQ(config_now(a, KPC_A_CONFIG_MAX_BINDINGS), was);
	ASSERT_EQ(commit(a, 2), 0) TH_LOG("%s", a->said);
	EXPECT_EQ(config_now(a, KPC_A_CONFIG_MAX_BINDINGS), 77);
	EXPECT_EQ(config(a, KPC_A_CONFIG_MAX_BINDINGS, 78), -EBUSY);
	EXPECT_NE(strstr(a->said, "would undo this"), NULL);
	for (int i = 0; i < 50 && !assoc_get(a, "four"); i++)
		usleep(100000);
	EXPECT_EQ(assoc_get(a, "four"), -ENOENT);
	EXPECT_EQ(config_now(a, KPC_A_CONFIG_MAX_BINDINGS), was);
	EXPECT_EQ(config(a, KPC_A_CONFIG_MAX_BINDINGS, 78), 0);
}

TEST_F(pending, config_stays_when_confirmed)
{
	struct nl *a = &self->a;

	ASSERT_EQ(confirm(a, false), 0) TH_LOG("%s", a->said);
	ASSERT_EQ(begin(a), 0) TH_LOG("%s", a->said);
	ASSERT_EQ(config(a, KPC_A_CONFIG_AGENT_LOST_SECONDS, 77), 0);
	ASSERT_EQ(commit(a, 60), 0) TH_LOG("%s", a->said);
	ASSERT_EQ(confirm(a, false), 0) TH_LOG("%s", a->said);
	EXPECT_EQ(config_now(a, KPC_A_CONFIG_AGENT_LOST_SECONDS), 77);
	ASSERT_EQ(begin(a), 0) TH_LOG("%s", a->said);
	ASSERT_EQ(config(a, KPC_A_CONFIG_AGENT_LOST_SECONDS, 78), 0);
	ASSERT_EQ(commit(a, 60), 0) TH_LOG("%s", a->said);
	ASSERT_EQ(confirm(a, true), 0) TH_LOG("%s", a->said);
	EXPECT_EQ(config_now(a, KPC_A_CONFIG_AGENT_LOST_SECONDS), 77);
}

/* Whole or not at all, and judged with the table that it comes with. */
TEST_F(pending, config_is_refused_with_its_table)
{
	struct assoc four = ASSOC_A("four");
	struct nl *a = &self->a, other;
	uint32_t was;

	four.id_b = "//sp.example/cse-e";
	ASSERT_EQ(confirm(a, false), 0) TH_LOG("%s", a->said);
	was = config_now(a, KPC_A_CONFIG_MAX_ASSOCIATIONS);
	ASSERT_EQ(begin(a), 0) TH_LOG("%s", a->said);
	ASSERT_EQ(config(a, KPC_A_CONFIG_MAX_ASSOCIATIONS, 3), 0);
	ASSERT_EQ(assoc_new(a, &four), 0) TH_LOG("%s", a->said);
	EXPECT_EQ(commit(a, 0), -ENOSPC);
	EXPECT_NE(strstr(a->said, "4 associations are more than 3"), NULL)
		TH_LOG("%s", a->said);
	EXPECT_EQ(config_now(a, KPC_A_CONFIG_MAX_ASSOCIATIONS), was);
	ASSERT_EQ(assoc_del(a, "one"), 0) TH_LOG("%s", a->said);

	/* What another changed meanwhile is not overwritten. */
	ASSERT_EQ(site_nl(&other, 'a'), 0);
	ASSERT_EQ(config(&other, KPC_A_CONFIG_MAX_BINDINGS, 77), 0);
	EXPECT_EQ(commit(a, 0), -EAGAIN);
	ASSERT_EQ(confirm(a, true), 0) TH_LOG("%s", a->said);
	close(other.fd);

	ASSERT_EQ(begin(a), 0) TH_LOG("%s", a->said);
	ASSERT_EQ(config(a, KPC_A_CONFIG_MAX_ASSOCIATIONS, 3), 0);
	ASSERT_EQ(assoc_del(a, "one"), 0) TH_LOG("%s", a->said);
	ASSERT_EQ(assoc_new(a, &four), 0) TH_LOG("%s", a->said);
	ASSERT_EQ(commit(a, 0), 0) TH_LOG("%s", a->said);
	EXPECT_EQ(config_now(a, KPC_A_CONFIG_MAX_ASSOCIATIONS), 3);
	EXPECT_EQ(config_now(a, KPC_A_CONFIG_MAX_BINDINGS), 77);
}

/* Sockets that come with a commit wear marks of its range. */
TEST_F(pending, range_is_not_taken_back)
{
	struct nl *a = &self->a;

	ASSERT_EQ(confirm(a, true), 0) TH_LOG("%s", a->said);
	ASSERT_EQ(begin(a), 0) TH_LOG("%s", a->said);
	EXPECT_EQ(config(a, KPC_A_CONFIG_HANDSHAKE_MARK, 0x6b000077), -EBUSY);
	ASSERT_EQ(confirm(a, true), 0) TH_LOG("%s", a->said);
	ASSERT_EQ(assoc_del(a, "one"), 0);
	ASSERT_EQ(assoc_del(a, "two"), 0);
	ASSERT_EQ(begin(a), 0) TH_LOG("%s", a->said);
	ASSERT_EQ(config(a, KPC_A_CONFIG_HANDSHAKE_MARK, 0x6b000077), 0);
	EXPECT_EQ(commit(a, 60), -EBUSY);
	EXPECT_NE(strstr(a->said, "change it before"), NULL);
	EXPECT_EQ(commit(a, 0), 0) TH_LOG("%s", a->said);
	EXPECT_EQ(config_now(a, KPC_A_CONFIG_HANDSHAKE_MARK), 0x6b000077);
}

/* Limits that the whole machine pays for are not a namespace's to raise. */
TEST_F(pending, limits_are_the_machines)
{
	pid_t pid;
	int status;

	EXPECT_EQ(config(&self->a, KPC_A_CONFIG_MAX_ASSOCIATIONS, 5000), 0);
	pid = fork();
	if (!pid) {
		struct nl own;

		if (unshare(CLONE_NEWUSER | CLONE_NEWNET) || nl_open(&own))
			_exit(1);
		if (config(&own, KPC_A_CONFIG_MAX_ASSOCIATIONS, 4000))
			_exit(2);
		_exit(config(&own, KPC_A_CONFIG_MAX_ASSOCIATIONS, 5000) == -EPERM ? 0 : 3);
	}
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
}

TEST_HARNESS_MAIN
