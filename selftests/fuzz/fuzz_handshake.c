// SPDX-License-Identifier: MIT
/*
 * One side of a handshake, and the records behind it, against octets of whatever
 * kind: both roles, each suite alone and all together. Randomness repeats itself,
 * so that a flight of a real peer, which is what the corpus begins with, leads to
 * the end: a change of one octet is judged by the state it is meant for.
 *
 * fuzz_handshake --seeds DIR writes these flights.
 */
#include <kpc/records.h>

#define SUITES	15
#include "entities.h"

static struct kpc_handshake_policy policy_of(enum kpc_role role, unsigned int number)
{
	struct kpc_handshake_policy policy = {
		.versions = KPC_VERSION_FLAGS_TLS12 | KPC_VERSION_FLAGS_TLS13,
		.offload = KPC_OFFLOAD_PREFER,
		.psk_ke = true,
		.no_ems = true,
	};
	const struct kpc_suite *table;
	size_t count;

	table = kpc_suite_table(&count);
	if (count != SUITES)
		FUZZ_FAIL("%zu suites, %d are fuzzed", count, SUITES);
	if (number == ALL) {
		for (size_t i = 0; i < count; i++)
			policy.suites[policy.suite_count++] = table[i].code;
	} else {
		policy = pair_policy(&table[number]);
	}
	policy.role = role;
	return policy;
}

static void draw_once(void)
{
	kpc_handshake_free(kpc_handshake_new(contexts[0][0], NULL));
}

static struct kpc_handshake *begin(enum kpc_role role, unsigned int number)
{
	struct kpc_handshake *hs;

	fuzz_side = role;
	hs = kpc_handshake_new(contexts[role][number], NULL);
	if (!hs || (role == KPC_ROLE_A &&
		    kpc_handshake_initiate(hs, &own_id, own_key, "b.example", NULL)))
		FUZZ_FAIL("no handshake");
	return hs;
}

/* The state then. */
static enum kpc_handshake_state advance(struct kpc_handshake *hs)
{
	enum kpc_handshake_state state = kpc_handshake_advance(hs);

	return answer_key(hs) ? kpc_handshake_advance(hs) : state;
}

static void drop_output(struct kpc_handshake *hs)
{
	size_t len;

	if (kpc_handshake_output(hs, &len))
		kpc_handshake_output_sent(hs, len);
}

/* The octets behind the handshake. */
static void records(struct kpc_handshake *hs, struct fuzz_input *in)
{
	struct kpc_records *carrier = kpc_records_new(hs, NULL);
	uint8_t plain[512];
	ssize_t got, taken;
	size_t len;

	if (!carrier)
		FUZZ_FAIL("no carrier behind a handshake");
	do {
		taken = kpc_records_input(carrier, in->p, in->len);
		if (taken > 0)
			fuzz_piece(in, (size_t)taken);
		do {
			got = kpc_records_read(carrier, plain, sizeof(plain));
		} while (got > 0);
		if (kpc_records_output(carrier, &len))
			kpc_records_output_sent(carrier, len);
	} while (taken > 0 && in->len && got == -EAGAIN);
	kpc_records_input_end(carrier);
	got = kpc_records_read(carrier, plain, sizeof(plain));
	if (got == -EAGAIN)
		FUZZ_FAIL("behind the end more is waited for");
	kpc_records_close(carrier);
	kpc_records_free(carrier);
}

static void run(enum kpc_role role, unsigned int number, struct fuzz_input *in)
{
	struct kpc_handshake *hs = begin(role, number);
	enum kpc_handshake_state state = advance(hs);
	int taken;

	while (in->len && state == KPC_HANDSHAKE_WANT_INPUT) {
		if (!kpc_handshake_need(hs))
			FUZZ_FAIL("it waits for nothing");
		taken = kpc_handshake_input(hs, in->p, in->len);
		if (taken < 0)
			FUZZ_FAIL("what it waits for is refused");
		fuzz_piece(in, (size_t)taken);
		state = advance(hs);
		drop_output(hs);
	}
	if (state == KPC_HANDSHAKE_DONE) {
		if (!kpc_kpcid_equal(&kpc_handshake_result(hs)->kpc_id, &own_id))
			FUZZ_FAIL("another KpcId was proved");
		records(hs, in);
	} else if (kpc_handshake_input_end(hs) != KPC_HANDSHAKE_FAILED ||
		   !kpc_handshake_failure(hs)->text.text[0]) {
		FUZZ_FAIL("it neither ended well nor tells why not");
	}
	kpc_handshake_free(hs);
}

/* Octets of one side to the other, which advances; to a file too. */
static bool pass(struct kpc_handshake *from, struct kpc_handshake *to, enum kpc_role side,
		 FILE *file)
{
	const uint8_t *octets;
	size_t len;
	int taken;

	octets = kpc_handshake_output(from, &len);
	if (!octets || kpc_handshake_state(to) != KPC_HANDSHAKE_WANT_INPUT)
		return false;
	taken = kpc_handshake_input(to, octets, len);
	if (taken <= 0)
		return false;
	fwrite(octets, 1, (size_t)taken, file);
	kpc_handshake_output_sent(from, (size_t)taken);
	fuzz_side = side;
	advance(to);
	return true;
}

static void write_seeds(const char *directory)
{
	for (unsigned int i = 0; i <= SUITES; i++) {
		FILE *to[2] = { seed(directory, KPC_ROLE_A, i), seed(directory, KPC_ROLE_B, i) };
		struct kpc_handshake *a, *b;
		bool moved;

		fuzz_random_begin();
		a = begin(KPC_ROLE_A, i);
		b = begin(KPC_ROLE_B, i);
		fuzz_side = KPC_ROLE_B;
		advance(b);
		fuzz_side = KPC_ROLE_A;
		advance(a);
		do {
			moved = pass(a, b, KPC_ROLE_B, to[KPC_ROLE_B]);
			moved = pass(b, a, KPC_ROLE_A, to[KPC_ROLE_A]) || moved;
		} while (moved);
		if (kpc_handshake_state(a) != KPC_HANDSHAKE_DONE ||
		    kpc_handshake_state(b) != KPC_HANDSHAKE_DONE)
			FUZZ_FAIL("handshake %u of the seeds: %s", i, pair_why(b));
		kpc_handshake_free(a);
		kpc_handshake_free(b);
		fclose(to[0]);
		fclose(to[1]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	uint8_t choice = fuzz_octet(&in);

	fuzz_random_begin();
	run(choice & 1 ? KPC_ROLE_B : KPC_ROLE_A, choice >> 1 & 15, &in);
	return 0;
}
