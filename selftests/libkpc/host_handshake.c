// SPDX-License-Identifier: MIT
/*
 * The Association Security Handshake between two entities in one process: what
 * must succeed (M1, M7, T1, X1).
 */
#include <openssl/crypto.h>

#include "pair.h"

/* Records what each side agreed; @chunk as in struct pair. */
static bool agree(const struct kpc_handshake_policy *policy, uint16_t suite, size_t chunk)
{
	const struct kpc_handshake_result *at_a, *at_b;
	struct pair pair = { .chunk = chunk };
	bool held = false;

	if (!pair_open(&pair, policy, PAIR_KEY, PAIR_KEY)) {
		pair_run(&pair);
		at_a = kpc_handshake_result(pair.a);
		at_b = kpc_handshake_result(pair.b);
		held = pair_done(&pair) && pair.asked && at_a->suite == suite &&
		       at_b->suite == suite && at_a->version == at_b->version &&
		       at_a->extended_master_secret && at_b->extended_master_secret &&
		       at_a->forward_secret == at_b->forward_secret &&
		       kpc_kpcid_equal(&at_a->kpc_id, &at_b->kpc_id) &&
		       kpc_kpcid_equal(&at_b->kpc_id, &pair.id) &&
		       kpc_handshake_authority(pair.b) &&
		       !strcmp(kpc_handshake_authority(pair.b), "b.example") &&
		       !kpc_handshake_need(pair.a) && !kpc_handshake_need(pair.b);
	}
	if (!held)
		tap_note("a: %s; b: %s", pair.a ? pair_why(pair.a) : "none",
			 pair.b ? pair_why(pair.b) : "none");
	pair_close(&pair);
	return held;
}

static void check_suites(void)
{
	const struct kpc_suite *table;
	size_t count;

	table = kpc_suite_table(&count);
	for (size_t i = 0; i < count; i++) {
		struct kpc_handshake_policy policy = pair_policy(&table[i]);

		tap_ok(agree(&policy, table[i].code, 0), "M7 %s %s",
		       kpc_version_name(table[i].version), table[i].name);
	}
}

static void check_pieces(void)
{
	static const uint16_t codes[] = { 0x1301, 0x1302, 0xccac, 0x00a8 };
	static const size_t chunks[] = { 1, 2, 5, 7, 100 };

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		struct kpc_handshake_policy policy = pair_policy(kpc_suite_by_code(codes[i]));

		for (size_t j = 0; j < sizeof(chunks) / sizeof(chunks[0]); j++)
			tap_ok(agree(&policy, codes[i], chunks[j]),
			       "I8 %s in pieces of %zu octets",
			       kpc_suite_by_code(codes[i])->name, chunks[j]);
	}
}

static void check_profiles(void)
{
	struct kpc_handshake_policy policy = { .profile = KPC_PROFILE_MODERN };

	tap_ok(agree(&policy, 0x1301, 0), "X1 profile modern agrees on TLS 1.3");
	policy.profile = KPC_PROFILE_ONEM2M;
	tap_ok(agree(&policy, 0xccac, 0), "T1 profile onem2m agrees on ECDHE_PSK of TLS 1.2");
	policy.versions = KPC_VERSION_FLAGS_TLS12 | KPC_VERSION_FLAGS_TLS13;
	tap_ok(agree(&policy, 0x1301, 0), "X1 both versions: TLS 1.3 comes first");
	policy.group_count = 1;
	policy.groups[0] = KPC_GROUP_SECP384R1;
	tap_ok(agree(&policy, 0x1301, 0), "X1 a group named by the policy");
	policy.groups[0] = kpc_group_by_name("x25519mlkem768");
	if (kpc_group_usable(policy.groups[0]))
		tap_ok(agree(&policy, 0x1301, 0), "X1 X25519MLKEM768");
	else
		tap_skip("X1 X25519MLKEM768", OpenSSL_version(OPENSSL_VERSION));
	tap_ok(kpc_group_usable(KPC_GROUP_X25519) && !kpc_group_usable(0) &&
	       !kpc_group_usable(KPC_GROUP_X25519 + 1) && !kpc_group_by_name("ffdhe2048"),
	       "X1 a group that is none of ours is none");
	policy = (struct kpc_handshake_policy){ .suite_count = 2, .suites = { 0x1302, 0x1301 } };
	tap_ok(agree(&policy, 0x1302, 0), "X1 the first suite decides the key's hash");
}

/* Groups that differ: B asks again, and the key is still the one. */
static void check_retry(void)
{
	struct kpc_handshake_policy a = { .role = KPC_ROLE_A, .group_count = 2,
					  .groups = { KPC_GROUP_X25519, KPC_GROUP_SECP256R1 } };
	struct kpc_handshake_policy b = { .role = KPC_ROLE_B, .group_count = 1,
					  .groups = { KPC_GROUP_SECP256R1 } };
	struct pair pair = { 0 };
	bool held = false;

	if (!pair_open(&pair, &a, PAIR_KEY, PAIR_KEY)) {
		kpc_handshake_free(pair.b);
		kpc_handshake_context_free(pair.cb);
		pair.cb = kpc_handshake_context_new(&b, NULL);
		pair.b = kpc_handshake_new(pair.cb, NULL);
		pair_run(&pair);
		held = pair_done(&pair);
	}
	if (!tap_ok(held, "X1 HelloRetryRequest for a group"))
		tap_note("a: %s; b: %s", pair_why(pair.a), pair_why(pair.b));
	pair_close(&pair);
}

static void check_psk_ke(void)
{
	struct kpc_handshake_policy policy = { .psk_ke = true };
	struct pair pair = { 0 };
	bool held = false;

	if (!pair_open(&pair, &policy, PAIR_KEY, PAIR_KEY)) {
		pair_run(&pair);
		held = pair_done(&pair) && kpc_handshake_result(pair.a)->forward_secret &&
		       kpc_handshake_result(pair.b)->forward_secret;
	}
	tap_ok(held, "X1 psk_ke allowed on both sides: (EC)DHE is used all the same");
	pair_close(&pair);
}

/* An association may allow less than the listener it came in by. */
static void check_association(void)
{
	struct kpc_handshake_policy both = {
		.profile = KPC_PROFILE_ONEM2M,
		.versions = KPC_VERSION_FLAGS_TLS12 | KPC_VERSION_FLAGS_TLS13,
	};
	struct kpc_handshake_policy own = { .role = KPC_ROLE_B };
	struct pair pair = { .policy = &own };
	bool held = false;

	own.suite_count = 1;
	own.suites[0] = 0x1303;
	if (!pair_open(&pair, &both, PAIR_KEY, PAIR_KEY)) {
		pair_run(&pair);
		held = pair_done(&pair) && kpc_handshake_result(pair.b)->suite == 0x1303;
	}
	tap_ok(held, "X1 the association's suite is chosen, not the listener's first");
	pair_close(&pair);

	pair = (struct pair){ .policy = &own };
	own.versions = KPC_VERSION_FLAGS_TLS12;
	own.suite_count = 0;
	if (!pair_open(&pair, &both, PAIR_KEY, PAIR_KEY)) {
		pair_run(&pair);
		held = !pair_done(&pair) &&
		       kpc_handshake_failure(pair.b)->cause == KPC_HANDSHAKE_POLICY &&
		       strstr(pair_why(pair.b), "does not allow TLSv1.3");
	}
	tap_ok(held, "X1 a KpcId for TLS 1.2 only is not taken by TLS 1.3");
	pair_close(&pair);
}

/* pair_open() sends B.example. */
static void check_authority(uint16_t suite)
{
	struct kpc_handshake_policy policy = pair_policy(kpc_suite_by_code(suite));
	struct kpc_handshake_policy own = policy;
	struct pair pair = { .policy = &own };
	bool held = false;

	own.role = KPC_ROLE_B;
	own.authority = "b.Example";
	if (!pair_open(&pair, &policy, PAIR_KEY, PAIR_KEY)) {
		pair_run(&pair);
		held = pair_done(&pair);
	}
	tap_ok(held, "T1 %s: the authority is a host name, in whatever case",
	       kpc_suite_by_code(suite)->name);
	pair_close(&pair);

	pair = (struct pair){ .policy = &own };
	own.authority = "b.example.net";
	held = false;
	if (!pair_open(&pair, &policy, PAIR_KEY, PAIR_KEY)) {
		pair_run(&pair);
		held = !pair_done(&pair) &&
		       kpc_handshake_failure(pair.b)->cause == KPC_HANDSHAKE_POLICY &&
		       strstr(pair_why(pair.b), "another server name");
	}
	tap_ok(held, "T1 %s: another authority is refused, though Kpc is right",
	       kpc_suite_by_code(suite)->name);
	pair_close(&pair);
}

/* The key may come at any later time; until then nothing goes on. */
static void check_late_key(const char *name, uint16_t suite)
{
	struct kpc_handshake_policy policy = pair_policy(kpc_suite_by_code(suite));
	struct pair pair = { 0 };
	bool held = false;
	size_t len;

	if (pair_open(&pair, &policy, PAIR_KEY, PAIR_KEY))
		goto out;
	kpc_handshake_advance(pair.a);
	kpc_handshake_advance(pair.b);
	while (kpc_handshake_state(pair.b) == KPC_HANDSHAKE_WANT_INPUT &&
	       pair_move(&pair, pair.a, pair.b) + pair_move(&pair, pair.b, pair.a))
		;
	held = kpc_handshake_state(pair.b) == KPC_HANDSHAKE_WANT_KEY;
	for (int i = 0; i < 3; i++)
		held = held && kpc_handshake_advance(pair.b) == KPC_HANDSHAKE_WANT_KEY &&
		       !kpc_handshake_need(pair.b) && !kpc_handshake_output(pair.b, &len) &&
		       kpc_handshake_input(pair.b, "x", 1) == -EINVAL;
	held = held && kpc_handshake_key(pair.a, pair.key, NULL) == -EINVAL;
	pair_run(&pair);
	held = held && pair_done(&pair) &&
	       kpc_handshake_key(pair.b, pair.key, NULL) == -EINVAL;
out:
	tap_ok(held, "M7 %s waits for the key as long as it takes", name);
	pair_close(&pair);
}

/* What B sends behind its Finished belongs to the kernel, so it is not taken. */
static void check_early_data(void)
{
	struct kpc_handshake_policy policy = { 0 };
	uint8_t flight[4096 + 7];
	struct pair pair = { 0 };
	bool held = false;
	size_t len, used = 0;
	const void *out;

	if (pair_open(&pair, &policy, PAIR_KEY, PAIR_KEY))
		goto out;
	kpc_handshake_advance(pair.a);
	kpc_handshake_advance(pair.b);
	pair_move(&pair, pair.a, pair.b);
	pair_answer(&pair);
	out = kpc_handshake_output(pair.b, &len);
	if (!out || len > 4096)
		goto out;
	memcpy(flight, out, len);
	memset(flight + len, 0x17, 7);	/* as if the first data came in the same segment */
	while (kpc_handshake_state(pair.a) == KPC_HANDSHAKE_WANT_INPUT && used < len + 7) {
		used += (size_t)kpc_handshake_input(pair.a, flight + used, len + 7 - used);
		kpc_handshake_advance(pair.a);
	}
	held = kpc_handshake_state(pair.a) == KPC_HANDSHAKE_DONE && used == len;
out:
	tap_ok(held, "I8 octets behind the Finished stay outside (%zu of %zu taken)", used, len);
	pair_close(&pair);
}

static void check_refusals(void)
{
	struct kpc_handshake_policy policy = { .suite_count = 1, .suites = { 0x002f } };
	struct kpc_error err;

	tap_ok(!kpc_handshake_context_new(&policy, &err) && errno == EINVAL &&
	       strstr(err.text, "0x002f"), "bad input: a suite without PSK is refused: %s",
	       err.text);
	policy.suites[0] = 0x00ae;
	policy.versions = KPC_VERSION_FLAGS_TLS12;
	tap_ok(!kpc_handshake_context_new(&policy, &err) &&
	       strstr(err.text, "the kernel can carry"),
	       "bad input: CBC with offload require is refused: %s", err.text);
	policy.versions = KPC_VERSION_FLAGS_DTLS12;
	tap_ok(!kpc_handshake_context_new(&policy, &err), "bad input: no version: %s", err.text);
	policy = (struct kpc_handshake_policy){ .group_count = 1, .groups = { 4711 } };
	tap_ok(!kpc_handshake_context_new(&policy, &err) && strstr(err.text, "4711"),
	       "bad input: an unknown group: %s", err.text);
}

int main(void)
{
	tap_begin();
	check_suites();
	check_pieces();
	check_profiles();
	check_retry();
	check_psk_ke();
	check_association();
	check_authority(0x1301);
	check_authority(0x00a8);
	check_late_key("TLS 1.3", 0x1301);
	check_late_key("TLS 1.2 PSK", 0x00a8);
	check_late_key("TLS 1.2 ECDHE_PSK", 0xccac);
	check_early_data();
	check_refusals();
	return tap_end();
}
