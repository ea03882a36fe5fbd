// SPDX-License-Identifier: MIT
/*
 * What role b's handshake has OpenSSL allocate for a peer that goes so far and no
 * further, told by its parts (X5): nothing until the ClientHello is whole, and no
 * buffers of records behind its answer.
 */
#include <stdlib.h>

#include <openssl/crypto.h>

#include "pair.h"

#define PIECES_MAX	512
#define TOLD		4
/* A record's buffer is longer; so is one of a message, of which there is one. */
#define LARGE		16384

/** struct piece - what OpenSSL has allocated for the handshake that is measured */
struct piece {
	void *at;
	size_t size;
};

static struct piece pieces[PIECES_MAX];
static unsigned int piece_count;
static bool measuring;

static struct piece *piece_of(const void *at)
{
	for (unsigned int i = 0; at && i < piece_count; i++)
		if (pieces[i].at == at)
			return &pieces[i];
	return NULL;
}

static void *piece_new(void *at, size_t size)
{
	if (measuring && at && piece_count < PIECES_MAX)
		pieces[piece_count++] = (struct piece){ at, size };
	return at;
}

static void piece_gone(const void *at)
{
	struct piece *piece = piece_of(at);

	if (piece)
		*piece = pieces[--piece_count];
}

static void *take(size_t size, const char *file, int line)
{
	return piece_new(malloc(size), size);
}

static void give_back(void *old, const char *file, int line)
{
	piece_gone(old);
	free(old);
}

static void *resize(void *old, size_t size, const char *file, int line)
{
	piece_gone(old);
	return piece_new(realloc(old, size), size);
}

static int larger(const void *a, const void *b)
{
	const struct piece *one = a, *other = b;

	return (one->size < other->size) - (one->size > other->size);
}

static size_t total(void)
{
	size_t sum = 0;

	for (unsigned int i = 0; i < piece_count; i++)
		sum += pieces[i].size;
	return sum;
}

static unsigned int large(void)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < piece_count; i++)
		count += pieces[i].size > LARGE;
	return count;
}

static void tell_parts(const char *what)
{
	char text[TOLD * 16] = "";
	size_t used = 0;

	qsort(pieces, piece_count, sizeof(*pieces), larger);
	for (unsigned int i = 0; i < TOLD && i < piece_count; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, " %zu", pieces[i].size);
	tap_note("%s: %zu octets of OpenSSL's in %u pieces, the largest:%s", what, total(),
		 piece_count, text);
}

/* a's hello as records of at most @most octets of it, up to the last but @but. */
static void say(struct pair *pair, size_t most, size_t but)
{
	size_t len, piece;
	const uint8_t *hello = kpc_handshake_output(pair->a, &len);
	uint8_t header[5] = { hello[0], hello[1], hello[2] };

	for (hello += 5, len -= 5 + but; len; hello += piece, len -= piece) {
		piece = len < most ? len : most;
		header[3] = (uint8_t)(piece >> 8);
		header[4] = (uint8_t)piece;
		kpc_handshake_input(pair->b, header, sizeof(header));
		kpc_handshake_input(pair->b, hello, piece);
		kpc_handshake_advance(pair->b);
	}
	if (kpc_handshake_state(pair->b) == KPC_HANDSHAKE_WANT_KEY)
		pair_answer(pair);
}

static bool answered(struct pair *pair)
{
	size_t len;
	const void *octets = kpc_handshake_output(pair->b, &len);

	kpc_handshake_output_sent(pair->b, len);
	return octets && kpc_handshake_state(pair->b) == KPC_HANDSHAKE_WANT_INPUT;
}

/* One of a handshake with @suite whose hello comes so. */
static void check(const struct kpc_suite *suite, size_t most, size_t but)
{
	struct kpc_handshake_policy policy = pair_policy(suite);
	struct pair pair = { 0 };
	bool there;

	if (pair_open(&pair, &policy, PAIR_KEY, PAIR_KEY)) {
		tap_ok(false, "%s: a pair", suite->name);
		pair_close(&pair);
		return;
	}
	kpc_handshake_advance(pair.a);
	kpc_handshake_advance(pair.b);
	measuring = true;
	say(&pair, most, but);
	there = answered(&pair);
	measuring = false;
	if (but)
		tap_ok(!there && !piece_count &&
		       kpc_handshake_state(pair.b) == KPC_HANDSHAKE_WANT_INPUT,
		       "%s: a hello without its last octets has none of OpenSSL's memory",
		       suite->name);
	else
		tap_ok(there && large() <= 1,
		       "%s: %s that is answered has no buffers of records", suite->name,
		       most > 1 ? "a hello" : "one in records of an octet");
	tell_parts(suite->name);
	pair_close(&pair);
	piece_count = 0;
}

int main(void)
{
	static const uint16_t suites[] = { 0x1301, 0x00a8, 0xccac, 0x00aa };

	tap_begin();
	if (!CRYPTO_set_mem_functions(take, resize, give_back))
		return 1;
	for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++) {
		const struct kpc_suite *suite = kpc_suite_by_code(suites[i]);

		/* What OpenSSL makes once is not a peer's. */
		if (!i)
			check(suite, LARGE, 0);
		check(suite, LARGE, 0);
		check(suite, 1, 0);
		check(suite, LARGE, 1);
		check(suite, 1, 8);
	}
	return tap_end();
}
