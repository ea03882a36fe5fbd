// SPDX-License-Identifier: MIT
/*
 * Memory that runs out on DTLS: each allocation of the library fails once, in turn,
 * and every time the handshake must end in words or go on with what is sent again,
 * not in a crash, a leak or data that is not what was sent.
 */
#include "starved.h"

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

static bool in_words(struct kpc_dtls *dtls)
{
	const struct kpc_handshake_failure *failure;

	if (!dtls)
		return true;
	failure = kpc_handshake_failure(kpc_dtls_handshake(dtls));
	return !failure || failure->text.text[0];
}

static enum outcome run_one(uint16_t suite)
{
	struct kpc_handshake_policy policy = dtls_policy(suite);
	enum outcome outcome = REFUSED;
	struct dtls_pair dtls = { 0 };

	if (dtls_pair_open(&dtls, &policy, PAIR_KEY, PAIR_KEY)) {
		if (dtls_pair_run(&dtls))
			outcome = dtls_echoes(dtls.a, dtls.b, 1000) &&
				  dtls_echoes(dtls.b, dtls.a, 0) ? WHOLE : WRONG;
		else if (!in_words(dtls.a) || !in_words(dtls.b))
			outcome = WRONG;
	}
	dtls_pair_close(&dtls);
	return outcome;
}

int main(void)
{
	tap_begin();
	starved(0xc0a8, run_one);
	starved(0xccac, run_one);
	starved(0x00ae, run_one);
	return tap_end();
}
