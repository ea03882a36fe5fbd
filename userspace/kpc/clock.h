/* SPDX-License-Identifier: MIT */
/*
 * A time by which something has to be over.
 */
#ifndef KPC_CLOCK_H
#define KPC_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Milliseconds of a clock that nobody sets. */
static inline uint64_t clock_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* What is left until @end for poll(2), 0 when it is past. */
static inline int clock_left(uint64_t end)
{
	uint64_t now = clock_now();

	return end > now ? (int)(end - now) : 0;
}

#endif
