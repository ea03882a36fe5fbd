// SPDX-License-Identifier: GPL-2.0-only
/*
 * Token buckets: what is held at once, what comes after, and that no time is
 * too long. X5.
 */
#include <kpcd/bucket.h>

#include "../tap.h"

/* How many there are at one moment; one more than it holds: without end. */
static unsigned int taken(struct bucket *bucket, uint32_t rate, uint32_t most,
			  uint64_t now)
{
	unsigned int count = 0;

	while (count <= most && bucket_take(bucket, rate, most, now))
		count++;
	return count;
}

/* What a source that asks all the time gets beside a full bucket. */
static unsigned int taken_in_10_s(uint32_t rate)
{
	struct bucket bucket = {};
	unsigned int i, count = 0;

	taken(&bucket, rate, 5 * rate, 1);
	for (i = 1; i <= 10000; i++)
		count += taken(&bucket, rate, 5 * rate, 1 + i);
	return count;
}

int main(void)
{
	static const uint32_t rates[] = {
		3, 400, 999, 1000, 1001, 1500, 1999, 2500, 5000,
	};
	struct bucket bucket = {};
	unsigned int i, n = 0;

	tap_begin();
	tap_ok(taken(&bucket, 10, 50, 5) == 50, "one that is new is full");
	tap_ok(taken(&bucket, 10, 50, 104) == 0, "nothing more before a token's time");
	tap_ok(taken(&bucket, 10, 50, 105) == 1, "one after it");
	for (i = 1; i <= 1000; i++)
		n += taken(&bucket, 10, 50, 105 + i * 30);
	tap_ok(n == 300, "asked often, %u in 30 s of 10 a second", n);
	tap_ok(taken(&bucket, 10, 50, 1000000) == 50, "no more than it holds, after long");

	for (i = 0; i < sizeof(rates) / sizeof(*rates); i++) {
		n = taken_in_10_s(rates[i]);
		tap_ok(n == 10 * rates[i],
		       "asked each millisecond, %u in 10 s of %u a second", n,
		       rates[i]);
	}

	bucket = (struct bucket){};
	tap_ok(taken(&bucket, 1000000, 1000000, 1) == 1000000, "a million at once");
	tap_ok(taken(&bucket, 1000000, 1000000, 2) == 1000, "a thousand a millisecond");
	tap_ok(taken(&bucket, 1000000, 1000000, UINT64_MAX / 1000) == 1000000,
	       "and a million after any time");
	tap_ok(bucket_fill(&bucket, 3, 5, UINT64_MAX / 1000 + 1000) == 3 &&
	       bucket_fill(&bucket, 3, 5, UINT64_MAX / 1000 + 1000) == 3,
	       "counting alone takes none");
	return tap_end();
}
