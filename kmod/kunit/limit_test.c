// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit: the arithmetic of limits. Part of limit.c, whose own functions it is
 * about.
 */
#include <kunit/test.h>
#include <linux/tcp.h>

#define HOUR	3600

/* A bound socket by its counters; times are seconds ago. */
static const struct limit_case {
	const char *name;
	u64 sent, again, received, sent_before, received_before;
	u64 octets_max;
	u32 bound, lifetime, silent, idle;
	s64 from, until;	/* seconds from now, 0: none */
	u8 reason;
} limit_cases[] = {
	{ .name = "none", .sent = 1ULL << 60, .bound = 10 * HOUR,
	  .silent = 10 * HOUR, .reason = KPC_REASON_NONE },
	{ .name = "octets of both directions", .sent = 60, .received = 40,
	  .octets_max = 100, .reason = KPC_REASON_NONE },
	{ .name = "one octet more", .sent = 60, .received = 41, .octets_max = 100,
	  .reason = KPC_REASON_OCTETS },
	{ .name = "what was sent again does not count", .sent = 150, .again = 60,
	  .received = 10, .octets_max = 100, .reason = KPC_REASON_NONE },
	{ .name = "what came before BIND does not count", .sent = 160,
	  .received = 160, .sent_before = 100, .received_before = 120,
	  .octets_max = 100, .reason = KPC_REASON_NONE },
	{ .name = "counters that were set back count nothing", .sent = 10,
	  .sent_before = 100, .octets_max = 1, .reason = KPC_REASON_NONE },
	{ .name = "more than 32 bits", .sent = (1ULL << 33) + 1,
	  .octets_max = 1ULL << 33, .reason = KPC_REASON_OCTETS },
	{ .name = "a second before its lifetime", .bound = HOUR - 1,
	  .lifetime = HOUR, .reason = KPC_REASON_NONE },
	{ .name = "its lifetime", .bound = HOUR, .lifetime = HOUR,
	  .reason = KPC_REASON_LIFETIME },
	{ .name = "the longest lifetime", .bound = HOUR, .lifetime = U32_MAX,
	  .reason = KPC_REASON_NONE },
	{ .name = "a second before it is idle", .silent = HOUR - 1, .idle = HOUR,
	  .bound = 2 * HOUR, .reason = KPC_REASON_NONE },
	{ .name = "idle", .silent = HOUR, .idle = HOUR, .bound = 2 * HOUR,
	  .reason = KPC_REASON_IDLE },
	{ .name = "before its beginning", .from = 2, .reason = KPC_REASON_EXPIRED },
	{ .name = "at its beginning", .from = -1, .reason = KPC_REASON_NONE },
	{ .name = "before its end", .until = HOUR, .reason = KPC_REASON_NONE },
	{ .name = "at its end", .until = -1, .reason = KPC_REASON_EXPIRED },
	{ .name = "between both", .from = -HOUR, .until = HOUR,
	  .reason = KPC_REASON_NONE },
	{ .name = "its end before all others", .until = -1, .sent = 2,
	  .octets_max = 1, .bound = HOUR, .lifetime = 1,
	  .reason = KPC_REASON_EXPIRED },
};

static void limit_name(const struct limit_case *c, char *name)
{
	strscpy(name, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(limit, limit_cases, limit_name);

static ktime_t ago(u32 seconds)
{
	return ktime_sub(ktime_get_boottime(), ktime_set(seconds, 0));
}

static struct kpc_sock *bound_sock(struct kunit *test, const struct limit_case *c)
{
	struct tcp_sock *tp = kunit_kzalloc(test, sizeof(*tp), GFP_KERNEL);
	struct kpc_sock *ks = kunit_kzalloc(test, sizeof(*ks), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, tp);
	KUNIT_ASSERT_NOT_NULL(test, ks);
	tp->bytes_sent = c->sent;
	tp->bytes_retrans = c->again;
	tp->bytes_received = c->received;
	ks->sk = (struct sock *)tp;
	ks->tx_base = c->sent_before;
	ks->rx_base = c->received_before;
	ks->octets_max = c->octets_max ?: U64_MAX;
	ks->lifetime = c->lifetime;
	ks->idle = c->idle;
	ks->bound_at = ago(c->bound);
	ks->active = ago(c->silent);
	ks->moved = kpc_sock_tx(ks) + kpc_sock_rx(ks);
	return ks;
}

static void limits(struct kunit *test)
{
	const struct limit_case *c = test->param_value;
	s64 now = ktime_get_real_seconds();

	KUNIT_EXPECT_EQ(test, c->reason,
			limit_reached(bound_sock(test, c),
				      c->from ? now + c->from : 0,
				      c->until ? now + c->until : 0));
}

/* An octet, either way, ends the silence. */
static void moves(struct kunit *test)
{
	const struct limit_case c = { .silent = HOUR, .idle = HOUR, .bound = HOUR };
	struct kpc_sock *ks = bound_sock(test, &c);

	tcp_sk(ks->sk)->bytes_received = 1;
	KUNIT_EXPECT_EQ(test, KPC_REASON_NONE, limit_reached(ks, 0, 0));
	KUNIT_EXPECT_EQ(test, 1, ks->moved);
	ks->active = ago(HOUR);
	KUNIT_EXPECT_EQ(test, KPC_REASON_IDLE, limit_reached(ks, 0, 0));
	tcp_sk(ks->sk)->bytes_sent = 1;
	KUNIT_EXPECT_EQ(test, KPC_REASON_NONE, limit_reached(ks, 0, 0));
}

/* What a closed socket counted stays, whatever the stack sets back. */
static void keeps_what_it_counted(struct kunit *test)
{
	const struct limit_case c = { .sent = 7, .received = 9 };
	struct kpc_sock *ks = bound_sock(test, &c);

	kpc_sock_closed(ks);
	tcp_sk(ks->sk)->bytes_sent = 0;
	tcp_sk(ks->sk)->bytes_received = 1000;
	KUNIT_EXPECT_EQ(test, 7, kpc_sock_tx(ks));
	KUNIT_EXPECT_EQ(test, 9, kpc_sock_rx(ks));
}

/* An announced key becomes the known one when it is found, and once. */
static void keys(struct kunit *test)
{
	u8 old[KPC_DIGEST_LEN] = { 1 }, next[KPC_DIGEST_LEN] = { 2 };
	u8 known[KPC_DIGEST_LEN] = { 1 }, other[KPC_DIGEST_LEN] = { 3 };
	u8 flags = KPC_NEXT_RX;

	KUNIT_EXPECT_TRUE(test, key_known(old, known, next, &flags, KPC_NEXT_TX));
	KUNIT_EXPECT_FALSE(test, key_known(next, known, next, &flags, KPC_NEXT_TX));
	flags |= KPC_NEXT_TX;
	KUNIT_EXPECT_FALSE(test, key_known(other, known, next, &flags, KPC_NEXT_TX));
	KUNIT_EXPECT_TRUE(test, key_known(old, known, next, &flags, KPC_NEXT_TX));
	KUNIT_EXPECT_TRUE(test, key_known(next, known, next, &flags, KPC_NEXT_TX));
	KUNIT_EXPECT_EQ(test, KPC_NEXT_RX, flags);
	KUNIT_EXPECT_MEMEQ(test, known, next, KPC_DIGEST_LEN);
	KUNIT_EXPECT_FALSE(test, key_known(old, known, next, &flags, KPC_NEXT_TX));
}

static struct kunit_case limit_tests[] = {
	KUNIT_CASE_PARAM(limits, limit_gen_params),
	KUNIT_CASE(moves),
	KUNIT_CASE(keeps_what_it_counted),
	KUNIT_CASE(keys),
	{}
};

static struct kunit_suite limit_suite = {
	.name		= "kpc_limit",
	.test_cases	= limit_tests,
};

kunit_test_suite(limit_suite);
