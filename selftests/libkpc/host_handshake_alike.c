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
	DENIED_AUTHORITY,
};

static const char *const scenes[] = {
	[WRONG_KEY] = "wrong Kpc",
	[UNKNOWN_ID] = "unknown KpcId",
	[DENIED_VERSION] = "KpcId of another version",
	[DENIED_SUITE] = "KpcId of another suite",
	[DENIED_AUTHORITY] = "KpcId of another authority",
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
		 const char *key, struct trace *trace)
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
	if (scene == DENIED_AUTHORITY) {
		own.suites[0] = policy->suites[0];
		own.authority = "bb.example";
	}
	if (scene >= DENIED_VERSION)
		pair.policy = &own;
	if (!pair_open(&pair, policy, key, PAIR_KEY))
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

	held = play(&policy, WRONG_KEY, PAIR_OTHER_KEY, &wrong) &&
	       wrong.cause == KPC_HANDSHAKE_WRONG_KEY;
	tap_ok(held, "X5 %s: a wrong Kpc is refused with alert %d (%s)", entry->name, wrong.alert,
	       kpc_alert_name(wrong.alert));
	for (enum scene scene = UNKNOWN_ID; scene <= DENIED_AUTHORITY; scene++) {
		bool played = play(&policy, scene, PAIR_OTHER_KEY, &other);

		tap_ok(played && alike(&wrong, &other) &&
		       other.cause == (scene == UNKNOWN_ID ? KPC_HANDSHAKE_UNKNOWN :
							     KPC_HANDSHAKE_POLICY),
		       "X5 %s: %s looks like a wrong Kpc", entry->name, scenes[scene]);
	}
	for (enum scene scene = DENIED_VERSION; scene <= DENIED_AUTHORITY; scene++) {
		bool played = play(&policy, scene, PAIR_KEY, &other);

		tap_ok(played && alike(&wrong, &other) && other.cause == KPC_HANDSHAKE_POLICY,
		       "X5 %s: %s looks like a wrong Kpc to one who has the right one",
		       entry->name, scenes[scene]);
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

#define KNOWN	PAIR_ID
#define UNKNOWN	"gw-7@site-a.example"

struct hello {
	size_t len;
	uint8_t p[1024];
};

static void put(struct hello *hello, size_t value, unsigned int width)
{
	while (width--)
		hello->p[hello->len++] = (uint8_t)(value >> 8 * width);
}

static void put_octets(struct hello *hello, const void *octets, size_t len)
{
	memcpy(hello->p + hello->len, octets, len);
	hello->len += len;
}

/* A vector starts with its length, which end_vector() fills in. */
static size_t start_vector(struct hello *hello, unsigned int width)
{
	put(hello, 0, width);
	return hello->len;
}

static void end_vector(struct hello *hello, size_t start, unsigned int width)
{
	size_t len = hello->len - start;

	for (unsigned int i = 1; i <= width; i++, len >>= 8)
		hello->p[start - i] = (uint8_t)len;
}

/*
 * A ClientHello of somebody who knows no key. @name stands where an offer has
 * no name of its own.
 */
struct probe {
	const char *name;
	struct {
		const char *id;
		uint8_t len, binder;
	} offers[3];
	uint16_t suites[3];
	const char *modes;	/* NULL: no such extension */
	bool no_share;		/* b would have to ask again */
	uint16_t association;	/* suite of the association, 0: not narrowed */
	uint8_t alert;
};

/* Of a false binder; OpenSSL 3.0 answers with 47, 3.5 with RFC 8446's 51. */
#define BINDER		51
#define BINDER_OLD	47

static const struct probe probes[] = {
	{ "hash of the second", { { "x@y.z", 5, 32 }, { NULL, 0, 48 } }, { 0x1302 }, "\1",
	  .alert = BINDER },
	{ "first of no hash", { { "x@y.z", 5, 33 }, { NULL, 0, 48 } }, { 0x1302 }, "\1",
	  .alert = BINDER },
	{ "other hash first", { { "x@y.z", 5, 48 }, { NULL, 0, 32 } }, { 0x1301 }, "\1",
	  .alert = BINDER },
	{ "both hashes", { { "x@y.z", 5, 48 }, { NULL, 0, 32 } }, { 0x1301, 0x1302 }, "\1",
	  .alert = BINDER },
	{ "both hashes, name first", { { NULL, 0, 32 }, { "x@y.z", 5, 48 } },
	  { 0x1302, 0x1301 }, "\1", .alert = BINDER },
	{ "one name, two hashes", { { NULL, 0, 48 }, { NULL, 0, 32 } }, { 0x1301 }, "\1",
	  .alert = BINDER },
	{ "one name, two hashes, turned", { { NULL, 0, 32 }, { NULL, 0, 48 } }, { 0x1302 }, "\1",
	  .alert = BINDER },
	{ "no hash at all", { { NULL, 0, 33 }, { "x@y.z", 5, 34 } }, { 0x1301 }, "\1",
	  .alert = 40 },
	{ "no hash in common", { { "x@y.z", 5, 33 }, { NULL, 0, 48 } }, { 0x1301 }, "\1",
	  .alert = 40 },
	{ "a binder too short", { { NULL, 0, 32 }, { "x@y.z", 5, 31 } }, { 0x1301 }, "\1",
	  .alert = 50 },
	{ "an empty name first", { { "", 0, 32 }, { NULL, 0, 32 } }, { 0x1301 }, "\1",
	  .alert = 50 },
	{ "an empty name last", { { NULL, 0, 32 }, { "", 0, 32 } }, { 0x1301 }, "\1",
	  .alert = 50 },
	{ "no mode", { { NULL, 0, 32 } }, { 0x1301, 0x1303 }, NULL, true, 0x1303,
	  .alert = 40 },
	{ "an unknown mode", { { NULL, 0, 32 } }, { 0x1301, 0x1303 }, "\2", true, 0x1303,
	  .alert = 40 },
	{ "a suite of another", { { NULL, 0, 32 } }, { 0x1301, 0x1303 }, "\1", true, 0x1303,
	  .alert = BINDER },
	{ "a suite it may not", { { NULL, 0, 32 } }, { 0x1301 }, "\1", true, 0x1303,
	  .alert = BINDER },
};

static void put_offers(struct hello *hello, const struct probe *probe, const char *name)
{
	size_t extension, list;

	put(hello, 41, 2);
	extension = start_vector(hello, 2);
	list = start_vector(hello, 2);
	for (int i = 0; i < 3 && probe->offers[i].binder; i++) {
		const char *id = probe->offers[i].id ?: name;
		size_t len = probe->offers[i].id ? probe->offers[i].len : strlen(name);

		put(hello, len, 2);
		put_octets(hello, id, len);
		put(hello, 0, 4);
	}
	end_vector(hello, list, 2);
	list = start_vector(hello, 2);
	for (int i = 0; i < 3 && probe->offers[i].binder; i++) {
		put(hello, probe->offers[i].binder, 1);
		for (int j = 0; j < probe->offers[i].binder; j++)
			put(hello, 0x5a, 1);
	}
	end_vector(hello, list, 2);
	end_vector(hello, extension, 2);
}

static void put_hello(struct hello *hello, const struct probe *probe, const char *name)
{
	static const uint8_t groups[] = { 0, 10, 0, 4, 0, 2, 0, 29 };
	static const uint8_t versions[] = { 0, 43, 0, 3, 2, 3, 4 };
	static const uint8_t share[] = { 0, 51, 0, 38, 0, 36, 0, 29, 0, 32, 9 };
	static const uint8_t no_share[] = { 0, 51, 0, 2, 0, 0 };
	size_t record, message, vector;

	hello->len = 0;
	put(hello, 0x160301, 3);
	record = start_vector(hello, 2);
	put(hello, 1, 1);
	message = start_vector(hello, 3);
	put(hello, 0x0303, 2);
	for (int i = 0; i < 4; i++)
		put(hello, 0x0123456789abcdef, 8);
	put(hello, 0, 1);
	vector = start_vector(hello, 2);
	for (int i = 0; i < 3 && probe->suites[i]; i++)
		put(hello, probe->suites[i], 2);
	end_vector(hello, vector, 2);
	put(hello, 0x0100, 2);
	vector = start_vector(hello, 2);
	put_octets(hello, versions, sizeof(versions));
	put_octets(hello, groups, sizeof(groups));
	if (probe->no_share) {
		put_octets(hello, no_share, sizeof(no_share));
	} else {
		put_octets(hello, share, sizeof(share));
		for (int i = 0; i < 31; i++)
			put(hello, 7, 1);
	}
	if (probe->modes) {
		put(hello, 45, 2);
		put(hello, 1 + strlen(probe->modes), 2);
		put(hello, strlen(probe->modes), 1);
		put_octets(hello, probe->modes, strlen(probe->modes));
	}
	put_offers(hello, probe, name);
	end_vector(hello, vector, 2);
	end_vector(hello, message, 3);
	end_vector(hello, record, 2);
}

/* What b says to a probe with this name; alert -1 where it does not end it. */
static bool ask(const struct probe *probe, const char *name, struct hello *answer)
{
	struct kpc_handshake_policy policy = { .psk_ke = true }, own = {
		.role = KPC_ROLE_B, .psk_ke = true, .suites = { probe->association },
		.suite_count = 1,
	};
	struct pair pair = { .policy = probe->association ? &own : NULL };
	struct hello hello;
	const void *out;
	size_t at = 0;
	bool played = !pair_open(&pair, &policy, PAIR_KEY, PAIR_KEY);

	answer->len = 0;
	put_hello(&hello, probe, name);
	while (played && at < hello.len) {
		int taken = kpc_handshake_input(pair.b, hello.p + at, hello.len - at);

		if (taken < 0)
			break;
		at += (size_t)taken;
		if (kpc_handshake_advance(pair.b) == KPC_HANDSHAKE_WANT_KEY)
			pair_answer(&pair);
	}
	out = played ? kpc_handshake_output(pair.b, &answer->len) : NULL;
	played = out && answer->len <= sizeof(answer->p) &&
		 kpc_handshake_state(pair.b) == KPC_HANDSHAKE_FAILED;
	if (played)
		memcpy(answer->p, out, answer->len);
	else
		tap_note("%s: %s: %s", probe->name, name, pair_why(pair.b));
	pair_close(&pair);
	return played;
}

static bool is_alert(uint8_t alert, uint8_t wanted)
{
	return alert == wanted || (wanted == BINDER && alert == BINDER_OLD);
}

/* Known or not, one and the same octets come back: nobody can ask who is known. */
static void check_probe(const struct probe *probe)
{
	struct hello known = { 0 }, unknown = { 0 };
	bool held = ask(probe, KNOWN, &known);

	held = ask(probe, UNKNOWN, &unknown) && held;
	tap_ok(held && known.len == 7 && unknown.len == known.len &&
	       !memcmp(known.p, unknown.p, known.len) && known.p[0] == 21 &&
	       is_alert(known.p[6], probe->alert), "X5 probe: %s: alert %u, known or not (%d, %d)",
	       probe->name, probe->alert, known.len == 7 ? known.p[6] : -1,
	       unknown.len == 7 ? unknown.p[6] : -1);
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
	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++)
		check_probe(&probes[i]);
	return tap_end();
}
