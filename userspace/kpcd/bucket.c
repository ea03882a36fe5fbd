// SPDX-License-Identifier: MIT
/*
 * Token buckets.
 */
#include "bucket.h"

uint32_t bucket_fill(struct bucket *bucket, uint32_t rate, uint32_t most,
		     uint64_t now)
{
	uint64_t passed = now - bucket->at, more;

	/* What is over a full bucket is not counted, however long ago it was. */
	if (!bucket->at || passed / 1000 > most / rate) {
		bucket->tokens = most;
		bucket->at = now;
		return most;
	}
	more = passed * rate / 1000;
	if (more >= most - bucket->tokens) {
		bucket->tokens = most;
		bucket->at = now;
		return most;
	}
	/* What is left of a token's time counts for the next. */
	bucket->tokens += more;
	bucket->at += more * 1000 / rate;
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
