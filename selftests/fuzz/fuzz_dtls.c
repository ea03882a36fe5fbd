// SPDX-License-Identifier: MIT
/*
 * One side of DTLS against datagrams of whatever kind, from the first hello to the
 * records: both roles, each suite alone and all together. Randomness repeats
 * itself, as in fuzz_handshake.c.
 *
 * A datagram is its length in two octets, and its octets; the length 65535 stands
 * for time that passes. fuzz_dtls --seeds DIR writes what two of us say.
 */
#include "../libkpc/dtls_pair.h"

#define SUITES	11
#include "entities.h"

#define TIME_GOES	65535

static struct kpc_handshake_policy policy_of(enum kpc_role role, unsigned int number)
{
	struct kpc_handshake_policy policy = dtls_policy(0);
	const struct kpc_suite *table;
	unsigned int found = 0;
	size_t count;

	table = kpc_suite_table(&count);
	for (size_t i = 0; i < count; i++) {
		if (table[i].version != KPC_VERSION_TLS12)
			continue;
		if (number == ALL || number == found)
			policy.suites[policy.suite_count++] = table[i].code;
		found++;
	}
	if (found != SUITES)
		FUZZ_FAIL("%u suites, %d are fuzzed", found, SUITES);
	policy.no_ems = true;
	policy.role = role;
	return policy;
}

static void draw_once(void)
{
	kpc_dtls_free(kpc_dtls_new(contexts[0][0], NULL));
}

/**
 * struct side - one of a connection
 * @role: a or b
 * @number: of its suites
 * @cookies: role b
 * @dtls: the peer; role b, NULL until a hello has proved its address
 */
struct side {
	enum kpc_role role;
	unsigned int number;
	struct kpc_dtls_cookies *cookies;
	struct kpc_dtls *dtls;
};

static void open_peer(struct side *side)
{
	side->dtls = kpc_dtls_new(contexts[side->role][side->number], NULL);
	if (!side->dtls)
		FUZZ_FAIL("no peer");
}

static struct side begin(enum kpc_role role, unsigned int number)
{
	struct side side = { .role = role, .number = number };

	fuzz_side = role;
	if (role == KPC_ROLE_B) {
		side.cookies = kpc_dtls_cookies_new(NULL);
		return side;
	}
	open_peer(&side);
	if (kpc_handshake_initiate(kpc_dtls_handshake(side.dtls), &own_id, own_key, NULL, NULL))
		FUZZ_FAIL("no handshake");
	kpc_dtls_advance(side.dtls);
	return side;
}

static void end(struct side *side)
{
	kpc_dtls_free(side->dtls);
	kpc_dtls_cookies_free(side->cookies);
}

/* A datagram from nobody; what answers it, if a HelloVerifyRequest does. */
static size_t listen(struct side *side, const uint8_t *octets, size_t len, uint8_t *verify)
{
	struct kpc_dtls_hello hello;

	switch (kpc_dtls_hello(side->cookies, "a", 1, octets, len, 1, &hello)) {
	case KPC_DTLS_HELLO_FIRST:
		if (len <= sizeof(hello.verify))
			FUZZ_FAIL("%zu octets are answered by more", len);
		memcpy(verify, hello.verify, sizeof(hello.verify));
		return sizeof(hello.verify);
	case KPC_DTLS_HELLO_PROVED:
		open_peer(side);
		kpc_dtls_accept(side->dtls, octets, len);
		kpc_dtls_advance(side->dtls);
		return 0;
	default:
		return 0;
	}
}

static void open_records(struct side *side, const uint8_t *octets, size_t len)
{
	uint8_t *copy = malloc(len + 1), *at = copy;
	enum kpc_dtls_record record;
	size_t left = len, data_len;
	const uint8_t *data;

	memcpy(copy, octets, len);
	do {
		record = kpc_dtls_read(side->dtls, &at, &left, &data, &data_len);
		if (record == KPC_DTLS_RECORD_DATA &&
		    (data < copy || data_len > len || data + data_len > copy + len))
			FUZZ_FAIL("data is where no datagram was");
	} while (record != KPC_DTLS_RECORD_END);
	free(copy);
}

static size_t take(struct side *side, const uint8_t *octets, size_t len, uint8_t *verify)
{
	fuzz_side = side->role;
	if (!side->dtls)
		return listen(side, octets, len, verify);
	if (dtls_state(side->dtls) == KPC_HANDSHAKE_DONE)
		open_records(side, octets, len);
	else if (kpc_dtls_input(side->dtls, octets, len) == KPC_HANDSHAKE_WANT_INPUT)
		kpc_dtls_advance(side->dtls);
	if (answer_key(kpc_dtls_handshake(side->dtls)))
		kpc_dtls_advance(side->dtls);
	return 0;
}

static void drop_output(struct side *side)
{
	size_t len;

	while (side->dtls && kpc_dtls_output(side->dtls, &len))
		kpc_dtls_output_sent(side->dtls);
}

static void pass_time(struct side *side)
{
	int ms = side->dtls ? kpc_dtls_wait(side->dtls) : -1;

	if (ms < 0)
		return;
	clock_ahead += (uint64_t)ms + 1;
	kpc_dtls_expired(side->dtls);
}

static void judge(struct side *side)
{
	uint8_t datagram[KPC_DTLS_OVERHEAD_MAX + 16];
	struct kpc_handshake *hs;
	ssize_t made;

	if (!side->dtls)
		return;
	hs = kpc_dtls_handshake(side->dtls);
	if (dtls_state(side->dtls) == KPC_HANDSHAKE_DONE) {
		if (!kpc_kpcid_equal(&kpc_handshake_result(hs)->kpc_id, &own_id))
			FUZZ_FAIL("another KpcId was proved");
		made = kpc_dtls_write(side->dtls, "0123456789abcdef", 16, datagram);
		if (made <= 16 || made > (ssize_t)sizeof(datagram))
			FUZZ_FAIL("16 octets make a datagram of %zd", made);
		return;
	}
	kpc_dtls_give_up(side->dtls);
	if (!kpc_handshake_failure(hs)->text.text[0])
		FUZZ_FAIL("it neither ended well nor tells why not");
}

static void run(enum kpc_role role, unsigned int number, struct fuzz_input *in)
{
	struct side side = begin(role, number);
	uint8_t verify[KPC_DTLS_VERIFY_LEN];
	struct fuzz_input datagram;
	size_t len;

	drop_output(&side);
	while (in->len) {
		len = fuzz_number(in);
		if (len == TIME_GOES) {
			pass_time(&side);
		} else {
			datagram = fuzz_piece(in, len);
			take(&side, datagram.p, datagram.len, verify);
		}
		drop_output(&side);
	}
	judge(&side);
	end(&side);
}

static void put(FILE *file, const uint8_t *octets, size_t len)
{
	fputc((int)(len >> 8), file);
	fputc((int)(len & 255), file);
	fwrite(octets, 1, len, file);
}

/* Datagrams of one side to the other; to a file too. */
static bool pass(struct side *from, struct side *to, FILE *file, FILE *back)
{
	uint8_t datagram[2048], verify[KPC_DTLS_VERIFY_LEN];
	const void *first;
	size_t len, answer;

	first = from->dtls ? kpc_dtls_output(from->dtls, &len) : NULL;
	if (!first)
		return false;
	memcpy(datagram, first, len);
	kpc_dtls_output_sent(from->dtls);
	put(file, datagram, len);
	answer = take(to, datagram, len, verify);
	if (answer) {
		put(back, verify, answer);
		take(from, verify, answer, NULL);
	}
	return true;
}

static void say(struct side *from, struct side *to, const char *words, FILE *file)
{
	uint8_t datagram[256];
	ssize_t made;

	fuzz_side = from->role;
	made = *words ? kpc_dtls_write(from->dtls, words, strlen(words), datagram) :
			kpc_dtls_close(from->dtls, datagram);
	put(file, datagram, (size_t)made);
	take(to, datagram, (size_t)made, NULL);
}

static void write_seeds(const char *directory)
{
	for (unsigned int i = 0; i <= SUITES; i++) {
		FILE *to[2] = { seed(directory, KPC_ROLE_A, i), seed(directory, KPC_ROLE_B, i) };
		struct side a, b;
		bool moved;

		fuzz_random_begin();
		a = begin(KPC_ROLE_A, i);
		b = begin(KPC_ROLE_B, i);
		do {
			moved = pass(&a, &b, to[KPC_ROLE_B], to[KPC_ROLE_A]);
			moved = pass(&b, &a, to[KPC_ROLE_A], to[KPC_ROLE_B]) || moved;
		} while (moved);
		if (dtls_state(a.dtls) != KPC_HANDSHAKE_DONE ||
		    dtls_state(b.dtls) != KPC_HANDSHAKE_DONE)
			FUZZ_FAIL("handshake %u of the seeds: %s", i, dtls_why(b.dtls));
		say(&a, &b, "from a to b", to[KPC_ROLE_B]);
		say(&b, &a, "from b to a", to[KPC_ROLE_A]);
		say(&a, &b, "", to[KPC_ROLE_B]);
		say(&b, &a, "", to[KPC_ROLE_A]);
		end(&a);
		end(&b);
		fclose(to[0]);
		fclose(to[1]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	uint8_t choice = fuzz_octet(&in);

	fuzz_random_begin();
	run(choice & 1 ? KPC_ROLE_B : KPC_ROLE_A, (choice >> 1) % (SUITES + 1), &in);
	return 0;
}
