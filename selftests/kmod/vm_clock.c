// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dates of an association where the clock is set, forwards and back, under what
 * is bound and what would be. Row X2.
 */
#include "kselftest_harness.h"

#include <time.h>

#include "pair.h"

#define YEAR	(365 * 86400LL)

FIXTURE(clock) {
	struct nl a, b, ev_a, ev_b;
	struct pair p;
	struct assoc to_b;
	struct timespec real, since;
};

/* Where it is to stand, from where it stands. */
static int step(long long seconds)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_sec += seconds;
	return clock_settime(CLOCK_REALTIME, &ts) ? -errno : 0;
}

FIXTURE_SETUP(clock)
{
	struct assoc a = ASSOC_A("to-b");

	clock_gettime(CLOCK_REALTIME, &self->real);
	clock_gettime(CLOCK_BOOTTIME, &self->since);
	self->to_b = a;
	ASSERT_EQ(pair_sites_up(&self->p, &self->a, &self->b, &self->ev_a,
				&self->ev_b), 0);
}

/* To where it would stand if nobody had set it. */
FIXTURE_TEARDOWN(clock)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	self->real.tv_sec += now.tv_sec - self->since.tv_sec;
	clock_settime(CLOCK_REALTIME, &self->real);
	pair_sites_down(&self->p, &self->ev_a, &self->ev_b);
}

static int associate(struct pair *p, const struct assoc *to_b)
{
	struct assoc b = ASSOC_B("from-a");

	return assoc_new(p->nl_a, to_b) ?: assoc_new(p->nl_b, &b) ?:
	       pair_listen(p);
}

/* As far as role a's answer to BIND; one that is refused is dropped. */
static int bind_anew(struct pair *p)
{
	int err;

	if (p->client >= 0)
		drop_socket(p->client);
	if (p->server >= 0)
		drop_socket(p->server);
	err = pair_connect(p) ?: pair_bind(p);
	return err;
}

/* The next event of an association that a limit made. */
static bool limit_told(struct nl *ev)
{
	while (!nl_event(ev, KPC_CMD_ASSOCIATION_NTF, 3000))
		if (nl_get(ev, KPC_A_ASSOCIATION_CHANGE) == KPC_CHANGE_LIMIT)
			return true;
	return false;
}

/* Over the end, back before it, and over it again. */
TEST_F(clock, is_set_over_the_end)
{
	struct pair *p = &self->p;

	self->to_b.not_after = time(NULL) + YEAR;
	ASSERT_EQ(associate(p, &self->to_b), 0)
		TH_LOG("a: %s; b: %s", self->a.said, self->b.said);
	ASSERT_EQ(bind_anew(p), 0) TH_LOG("%s", self->a.said);
	ASSERT_TRUE(crosses(p->client, p->server, "in time"));

	ASSERT_EQ(step(YEAR + 1), 0);
	ASSERT_TRUE(limit_told(&self->ev_a));
	EXPECT_EQ(nl_get(&self->ev_a, KPC_A_ASSOCIATION_REASON),
		  KPC_REASON_EXPIRED);
	ASSERT_TRUE(is_gone(&self->ev_a));
	EXPECT_EQ(nl_get(&self->ev_a, KPC_A_BINDING_REASON), KPC_REASON_EXPIRED);
	EXPECT_EQ(error_within(p->client, 2000), EKEYEXPIRED);
	EXPECT_EQ(bind_anew(p), -EKEYEXPIRED) TH_LOG("%s", self->a.said);

	ASSERT_EQ(step(-YEAR), 0);
	ASSERT_EQ(bind_anew(p), 0) TH_LOG("%s", self->a.said);
	/* Long enough for the sweep to have seen it so. */
	usleep(1500000);
	ASSERT_TRUE(crosses(p->client, p->server, "in time again"));
	ASSERT_EQ(step(YEAR), 0);
	ASSERT_TRUE(limit_told(&self->ev_a));
	ASSERT_TRUE(is_gone(&self->ev_a));
	EXPECT_EQ(nl_get(&self->ev_a, KPC_A_BINDING_REASON), KPC_REASON_EXPIRED);
}

/* Back before the beginning: what was bound was so by a clock that was wrong. */
TEST_F(clock, is_set_back_before_the_beginning)
{
	struct pair *p = &self->p;

	self->to_b.not_before = time(NULL) - 60;
	ASSERT_EQ(associate(p, &self->to_b), 0)
		TH_LOG("a: %s; b: %s", self->a.said, self->b.said);
	ASSERT_EQ(bind_anew(p), 0) TH_LOG("%s", self->a.said);
	ASSERT_EQ(step(-YEAR), 0);
	ASSERT_TRUE(is_gone(&self->ev_a));
	EXPECT_EQ(nl_get(&self->ev_a, KPC_A_BINDING_REASON), KPC_REASON_EXPIRED);
	EXPECT_EQ(bind_anew(p), -EKEYREJECTED) TH_LOG("%s", self->a.said);
	ASSERT_EQ(step(YEAR), 0);
	EXPECT_EQ(bind_anew(p), 0) TH_LOG("%s", self->a.said);
}

/* How long a binding has lasted, or was silent, no clock on the wall tells. */
TEST_F(clock, is_not_asked_for_how_long)
{
	struct pair *p = &self->p;

	self->to_b.lifetime = 3600;
	self->to_b.idle = 3600;
	ASSERT_EQ(associate(p, &self->to_b), 0)
		TH_LOG("a: %s; b: %s", self->a.said, self->b.said);
	ASSERT_EQ(bind_anew(p), 0) TH_LOG("%s", self->a.said);
	ASSERT_EQ(step(YEAR), 0);
	usleep(2500000);
	EXPECT_TRUE(crosses(p->client, p->server, "not a year older"));
	ASSERT_EQ(step(-2 * YEAR), 0);
	usleep(2500000);
	EXPECT_TRUE(crosses(p->client, p->server, "nor younger"));
}

static int clock_policy(struct nl *nl, uint8_t policy)
{
	nl_req(nl, KPC_CMD_CONFIG_SET);
	nl_u8(nl, KPC_A_CONFIG_CLOCK, policy);
	return nl_talk(nl);
}

static uint64_t clock_is(struct nl *nl)
{
	nl_req(nl, KPC_CMD_CONFIG_GET);
	return nl_talk(nl) ? UINT64_MAX : nl_get(nl, KPC_A_CONFIG_CLOCK);
}

/* Whatever it shows: until it is said to be set nothing with dates is bound. */
TEST_F(clock, is_waited_for)
{
	struct pair *p = &self->p;
	struct assoc dateless = ASSOC_A("to-b");

	EXPECT_EQ(clock_is(&self->a), KPC_CLOCK_TRUST);
	ASSERT_EQ(clock_policy(&self->a, KPC_CLOCK_WAIT), 0)
		TH_LOG("%s", self->a.said);
	EXPECT_EQ(clock_is(&self->a), KPC_CLOCK_WAIT);
	self->to_b.not_after = time(NULL) + YEAR;
	ASSERT_EQ(associate(p, &self->to_b), 0)
		TH_LOG("a: %s; b: %s", self->a.said, self->b.said);
	EXPECT_EQ(bind_anew(p), -EKEYREJECTED);
	EXPECT_STREQ(self->a.said, "'to-b' has dates, and the clock is not known to be set "
		     "(clock wait): 'kpc config set clock set' tells when it is");

	self->to_b.not_after = 0;
	self->to_b.not_before = 1;
	ASSERT_EQ(assoc_new(&self->a, &self->to_b), 0);
	EXPECT_EQ(bind_anew(p), -EKEYREJECTED) TH_LOG("%s", self->a.said);
	/* What has no dates does not wait. */
	ASSERT_EQ(assoc_new(&self->a, &dateless), 0);
	EXPECT_EQ(bind_anew(p), 0) TH_LOG("%s", self->a.said);
	ASSERT_EQ(assoc_new(&self->a, &self->to_b), 0);
	EXPECT_EQ(bind_anew(p), -EKEYREJECTED) TH_LOG("%s", self->a.said);

	ASSERT_EQ(clock_policy(&self->a, KPC_CLOCK_SET), 0)
		TH_LOG("%s", self->a.said);
	EXPECT_EQ(bind_anew(p), 0) TH_LOG("%s", self->a.said);
	/* Files that are loaded again say wait: it is set all the same. */
	ASSERT_EQ(clock_policy(&self->a, KPC_CLOCK_WAIT), 0);
	EXPECT_EQ(clock_is(&self->a), KPC_CLOCK_SET);
	EXPECT_EQ(bind_anew(p), 0) TH_LOG("%s", self->a.said);
	ASSERT_EQ(clock_policy(&self->a, KPC_CLOCK_TRUST), 0);
	EXPECT_EQ(clock_is(&self->a), KPC_CLOCK_TRUST);
}

TEST_HARNESS_MAIN
