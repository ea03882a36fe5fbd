// SPDX-License-Identifier: MIT
/*
 * Memory that runs out: each allocation of the library fails once, in turn, and
 * every time the handshake must end in words, not in a crash, a leak or success.
 */
#include "starved.h"

/* The sources themselves, with allocations that can be made to fail. */
#define calloc	try_calloc
#define realloc	try_realloc
#define strndup	try_strndup
#include "libkpc/pipe.c"
#include "libkpc/handshake_wire.c"
#include "libkpc/handshake_hello.c"
#include "libkpc/handshake.c"
#include "libkpc/records.c"
#undef calloc
#undef realloc
#undef strndup

#include "pair.h"

/* Words both ways over the agent's carrier. */
static enum outcome carry(struct pair *pair)
{
	struct kpc_records *a = kpc_records_new(pair->a, NULL);
	struct kpc_records *b = a ? kpc_records_new(pair->b, NULL) : NULL;
	enum outcome outcome = REFUSED;
	const void *out;
	char got[8];
	ssize_t n;
	size_t len;

	if (b && kpc_records_write(a, "words", 5) == 5) {
		out = kpc_records_output(a, &len);
		if (kpc_records_input(b, out, len) == (ssize_t)len) {
			n = kpc_records_read(b, got, sizeof(got));
			if (n == 5 && !memcmp(got, "words", 5))
				outcome = WHOLE;
			else if (n >= 0)
				outcome = WRONG;
		}
	}
	kpc_records_free(a);
	kpc_records_free(b);
	return outcome;
}

static enum outcome run(uint16_t suite)
{
	struct kpc_handshake_policy policy = pair_policy(kpc_suite_by_code(suite));
	enum outcome outcome = REFUSED;
	struct pair pair = { 0 };

	if (!pair_open(&pair, &policy, PAIR_KEY, PAIR_KEY)) {
		pair_run(&pair);
		if (pair_done(&pair))
			outcome = carry(&pair);
		else if (kpc_handshake_failure(pair.a) &&
			 !kpc_handshake_failure(pair.a)->text.text[0])
			outcome = WRONG;
		else if (kpc_handshake_failure(pair.b) &&
			 !kpc_handshake_failure(pair.b)->text.text[0])
			outcome = WRONG;
	}
	pair_close(&pair);
	return outcome;
}

int main(void)
{
	tap_begin();
	starved(0x1301, run);
	starved(0x00a8, run);
	starved(0xccac, run);
	return tap_end();
}
