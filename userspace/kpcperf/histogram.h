/* SPDX-License-Identifier: MIT */
/*
 * How often which time was taken, to within 1/256 of it.
 */
#ifndef KPCPERF_HISTOGRAM_H
#define KPCPERF_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_BITS	8
#define HISTOGRAM_SLOTS	((64 - HISTOGRAM_BITS + 1) << HISTOGRAM_BITS)

/**
 * struct histogram - times in nanoseconds
 * @count: how many
 * @sum: of all
 * @min: least
 * @max: greatest, exact
 * @slots: how many in which range
 */
struct histogram {
	uint64_t count;
	uint64_t sum;
	uint64_t min;
	uint64_t max;
	uint64_t slots[HISTOGRAM_SLOTS];
};

/** histogram_add() - one more */
void histogram_add(struct histogram *histogram, uint64_t ns);

/** histogram_merge() - those of another one too */
void histogram_merge(struct histogram *to, const struct histogram *from);

/**
 * histogram_quantile() - the time that a part of all did not pass
 * @histogram: where to look
 * @part: 0 to 1
 *
 * Return: nanoseconds, rounded up by 1/256 at most; 0 where there are none.
 */
uint64_t histogram_quantile(const struct histogram *histogram, double part);

#endif
