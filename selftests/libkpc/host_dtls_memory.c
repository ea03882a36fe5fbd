// SPDX-License-Identifier: MIT
/*
 * Memory that runs out on DTLS: each allocation of the library fails once, in turn,
 * and every time the handshake must end in words or go on with what is sent again,
 * not in a crash, a leak or data that is not what was sent.
 */
#include <stdlib.h>
#include <string.h>

#include "../tap.h"

/* Counts down to the allocation that fails; -1: none does. */
static long countdown = -1;
static unsigned long failures;

static bool refuse(void)
{
	if (countdown < 0 || countdown--)
		return false;
	failures++;
	return true;
}

static void *try_calloc(size_t count, size_t size)
{
	return refuse() ? NULL : calloc(count, size);
}

static void *try_realloc(void *old, size_t size)
{
	return refuse() ? NULL : realloc(old, size);
}

/*
 * The sources themselves, with allocations that can be made to fail. What has the
 * same name in two of them has another in one.
 */
#define calloc	try_calloc
#define realloc	try_realloc
#include "libkpc/pipe.c"
#define once		datagram_once
#define method		datagram_method
#define make_method	datagram_make_method
#include "libkpc/datagram.c"
#define begin		exchange_begin
#define take_record	exchange_record
#include "libkpc/dtls_exchange.c"
#undef begin
#undef take_record
#include "libkpc/dtls_cookie.c"
#include "libkpc/dtls.c"
#undef calloc
#undef realloc

#include "dtls_pair.h"

enum outcome {
	WHOLE,
	REFUSED,
	WRONG,
};

static bool in_words(struct kpc_dtls *dtls)
{
	const struct kpc_handshake_failure *failure;

	if (!dtls)
		return true;
	failure = kpc_handshake_failure(kpc_dtls_handshake(dtls));
	return !failure || failure->text.text[0];
}

static enum outcome run_one(uint16_t suite, long fail_at)
{
	struct kpc_handshake_policy policy = dtls_policy(suite);
	enum outcome outcome = REFUSED;
	struct dtls_pair dtls = { 0 };

	countdown = fail_at;
	if (dtls_pair_open(&dtls, &policy, PAIR_KEY, PAIR_KEY)) {
		if (dtls_pair_run(&dtls))
			outcome = dtls_echoes(dtls.a, dtls.b, 1000) &&
				  dtls_echoes(dtls.b, dtls.a, 0) ? WHOLE : WRONG;
		else if (!in_words(dtls.a) || !in_words(dtls.b))
			outcome = WRONG;
	}
	countdown = -1;
	dtls_pair_close(&dtls);
	return outcome;
}

static void check(uint16_t suite)
{
	unsigned int refused = 0, wrong = 0;
	unsigned long before;
	long place = 0;
	enum outcome outcome;

	do {
		before = failures;
		outcome = run_one(suite, place++);
		refused += outcome == REFUSED;
		wrong += outcome == WRONG;
	} while (failures != before && place < 1000);
	/* the last run met no failure */
	tap_ok(outcome == WHOLE && !wrong && refused && place > 10 && place < 1000,
	       "bad times: %s: %ld allocations failed in turn, %u handshakes ended, the rest held",
	       kpc_suite_by_code(suite)->name, place - 1, refused);
}

int main(void)
{
	tap_begin();
	check(0xc0a8);
	check(0xccac);
	check(0x00ae);
	return tap_end();
}
