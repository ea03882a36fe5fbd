/* SPDX-License-Identifier: MIT */
/*
 * Nanoseconds of a clock that nobody sets.
 */
#ifndef KPCPERF_CLOCK_H
#define KPCPERF_CLOCK_H

#include <stdint.h>
#include <time.h>

#define CLOCK_SECOND	1000000000ULL
#define CLOCK_MILLI	1000000ULL

/** clock_ns() - now, by CLOCK_MONOTONIC */
static inline uint64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * CLOCK_SECOND + now.tv_nsec;
}

/** clock_wait_ms() - what is left until @end for poll(2), rounded up; 0: past */
static inline int clock_wait_ms(uint64_t end)
{
	uint64_t now = clock_ns();

	if (end <= now)
		return 0;
	end = (end - now + CLOCK_MILLI - 1) / CLOCK_MILLI;
	return end > 3600000 ? 3600000 : (int)end;
}

#endif
