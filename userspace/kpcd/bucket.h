/* SPDX-License-Identifier: MIT */
/*
 * A token bucket: so many at once, and so many a second after that.
 */
#ifndef KPCD_BUCKET_H
#define KPCD_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct bucket - how often something may still happen; all zeroes is a full one
 * @at: when @tokens were last counted, milliseconds; 0: never
 * @tokens: how often it may happen now
 * @rest: of the next token, thousandths
 */
struct bucket {
	uint64_t at;
	uint32_t tokens;
	uint32_t rest;
};

/**
 * bucket_fill() - count what has come since the last time
 * @bucket: the bucket
 * @rate: tokens a second, not 0
 * @most: tokens that it holds
 * @now: milliseconds of the monotonic clock, not 0
 *
 * Return: tokens that are there now.
 */
uint32_t bucket_fill(struct bucket *bucket, uint32_t rate, uint32_t most,
		     uint64_t now);

/**
 * bucket_take() - count what has come, and take one; as bucket_fill()
 *
 * Return: false where there is none.
 */
bool bucket_take(struct bucket *bucket, uint32_t rate, uint32_t most,
		 uint64_t now);

#endif
