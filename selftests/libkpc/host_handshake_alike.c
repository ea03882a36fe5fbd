// SPDX-License-Identifier: MIT
/*
 * From outside, an unknown KpcId and a wrong Kpc look alike (I7, X5): the same
 * records, of the same types and lengths, with the same alert at the same place.
 */
#include "pair.h"

#define TRACE_MAX	64

/* What somebody at the other end of the wire sees of b. */
struct trace {
	unsigned int count;
	struct {
		uint8_t type;
		uint16_t len;
	} records[TRACE_MAX];
	int alert;
	enum kpc_handshake_cause cause;
};

enum scene {
	WRONG_KEY,
	UNKNOWN_ID,
	DENIED_VERSION,
	DENIED_SUITE,
};

static const char *const scenes[] = {
	[WRONG_KEY] = "wrong Kpc",
	[UNKNOWN_ID] = "unknown KpcId",
	[DENIED_VERSION] = "KpcId of another version",
	[DENIED_SUITE] = "KpcId of another suite",
};

static void note_records(struct trace *trace, const uint8_t *p, size_t len)
{
	while (len >= 5 && trace->count < TRACE_MAX) {
		uint16_t body = (uint16_t)(p[3] << 8 | p[4]);

		trace->records[trace->count].type = p[0];
		trace->records[trace->count++].len = body;
		p += 5 + body;
		len -= 5 + (size_t)body;
	}
}

static bool run(struct pair *pair, struct trace *trace)
{
	const void *out;
	size_t moved, len;

	kpc_handshake_advance(pair->a);
	kpc_handshake_advance(pair->b);
	do {
		moved = pair_move(pair, pair->a, pair->b);
		if (kpc_handshake_state(pair->b) == KPC_HANDSHAKE_WANT_KEY) {
			pair_answer(pair);
			moved++;
		}
		out = kpc_handshake_output(pair->b, &len);
		if (out)
			note_records(trace, out, len);
		moved += pair_move(pair, pair->b, pair->a);
	} while (moved);
	if (!kpc_handshake_failure(pair->b) || !kpc_handshake_failure(pair->a))
		return false;
	trace->alert = kpc_handshake_failure(pair->a)->alert_received;
	trace->cause = kpc_handshake_failure(pair->b)->cause;
	return kpc_handshake_failure(pair->b)->alert_sent == trace->alert;
}

static bool play(const struct kpc_handshake_policy *policy, enum scene scene,
		 struct trace *trace)
{
	struct kpc_handshake_policy own = { .role = KPC_ROLE_B, .offload = KPC_OFFLOAD_PREFER };
	bool tls13 = policy->versions == KPC_VERSION_FLAGS_TLS13;
	struct pair pair = { 0 };
	bool held = false;

	memset(trace, 0, sizeof(*trace));
	if (scene == UNKNOWN_ID)
		kpc_kpcid_set(&pair.id, "gw-2@site-a.example", 19);
	own.versions = tls13 != (scene == DENIED_VERSION) ? KPC_VERSION_FLAGS_TLS13 :
							    KPC_VERSION_FLAGS_TLS12;
	own.suite_count = 1;
	own.suites[0] = own.versions == KPC_VERSION_FLAGS_TLS13 ? 0x1304 : 0xc0a4;
	if (scene == DENIED_VERSION || scene == DENIED_SUITE)
		pair.policy = &own;
	if (!pair_open(&pair, policy, PAIR_OTHER_KEY, PAIR_KEY))
		held = run(&pair, trace);
	if (!held)
		tap_note("%s: a: %s; b: %s", scenes[scene], pair_why(pair.a), pair_why(pair.b));
	pair_close(&pair);
	return held;
}

static bool alike(const struct trace *a, const struct trace *b)
{
	return a->alert == b->alert && a->alert > 0 && a->count == b->count &&
	       !memcmp(a->records, b->records, a->count * sizeof(a->records[0]));
}

static void check(uint16_t suite)
{
	const struct kpc_suite *entry = kpc_suite_by_code(suite);
	struct kpc_handshake_policy policy = pair_policy(entry);
	struct trace wrong, other;
	bool held;

	held = play(&policy, WRONG_KEY, &wrong) && wrong.cause == KPC_HANDSHAKE_WRONG_KEY;
	tap_ok(held, "X5 %s: a wrong Kpc is refused with alert %d (%s)", entry->name, wrong.alert,
	       kpc_alert_name(wrong.alert));
	for (enum scene scene = UNKNOWN_ID; scene <= DENIED_SUITE; scene++) {
		bool played = play(&policy, scene, &other);

		tap_ok(played && alike(&wrong, &other) &&
		       other.cause == (scene == UNKNOWN_ID ? KPC_HANDSHAKE_UNKNOWN :
							     KPC_HANDSHAKE_POLICY),
		       "X5 %s: %s looks like a wrong Kpc", entry->name, scenes[scene]);
	}
}

/* A known key at a must never do at b where b's answer was "unknown". */
static void check_right_key_unknown_id(uint16_t suite)
{
	struct kpc_handshake_policy policy = pair_policy(kpc_suite_by_code(suite));
	struct pair pair = { 0 };
	bool held = false;

	kpc_kpcid_set(&pair.id, "nobody@site-a.example", 21);
	if (!pair_open(&pair, &policy, PAIR_KEY, PAIR_KEY)) {
		pair_run(&pair);
		held = kpc_handshake_failure(pair.b) && kpc_handshake_failure(pair.a) &&
		       kpc_handshake_failure(pair.b)->cause == KPC_HANDSHAKE_UNKNOWN;
	}
	tap_ok(held, "I7 %s: no key opens an unknown KpcId",
	       kpc_suite_by_code(suite)->name);
	pair_close(&pair);
}

int main(void)
{
	static const uint16_t suites[] = {
		0x1301, 0x1302, 0x1303, 0xccac, 0x00aa, 0x00a8, 0x00a9, 0xccab, 0x00ae,
	};

	tap_begin();
	for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++) {
		check(suites[i]);
		check_right_key_unknown_id(suites[i]);
	}
	return tap_end();
}
