// SPDX-License-Identifier: MIT
/*
 * Token buckets.
 */
#include "bucket.h"

static uint32_t bucket_full(struct bucket *bucket, uint32_t most, uint64_t now)
{
	*bucket = (struct bucket){ .at = now, .tokens = most };
	return most;
}

uint32_t bucket_fill(struct bucket *bucket, uint32_t rate, uint32_t most,
		     uint64_t now)
{
	uint64_t passed = now - bucket->at, more;

	/* What is over a full bucket is not counted, however long ago it was. */
	if (!bucket->at || passed / 1000 > most / rate)
		return bucket_full(bucket, most, now);
	more = passed * rate + bucket->rest;
	if (more / 1000 >= most - bucket->tokens)
		return bucket_full(bucket, most, now);
	/* Part of a token counts for the next. */
	bucket->tokens += more / 1000;
	bucket->rest = more % 1000;
	bucket->at = now;
	return bucket->tokens;
}

bool bucket_take(struct bucket *bucket, uint32_t rate, uint32_t most,
		 uint64_t now)
{
	if (!bucket_fill(bucket, rate, most, now))
		return false;
	bucket->tokens--;
	return true;
}
