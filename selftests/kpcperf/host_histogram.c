// SPDX-License-Identifier: GPL-2.0-only
/*
 * Quantiles are those of the times that were put in, to within what is said.
 */
#include <stdint.h>
#include <stdlib.h>

#include <kpcperf/histogram.h>

#include "../tap.h"

#define COUNT	20000

static uint64_t times[COUNT];

static int order(const void *a, const void *b)
{
	const uint64_t *one = a, *other = b;

	return *one < *other ? -1 : *one > *other;
}

/* The time that so many of all did not pass, found by sorting. */
static uint64_t exact(double part)
{
	size_t at = part * COUNT;

	if (at < part * COUNT || !at)
		at++;
	return times[at - 1];
}

static bool close_to(const struct histogram *histogram, double part)
{
	uint64_t wanted = exact(part);
	uint64_t seen = histogram_quantile(histogram, part);

	if (seen >= wanted && seen <= wanted + wanted / 256)
		return true;
	printf("# %g: %llu, not %llu\n", part, (unsigned long long)seen,
	       (unsigned long long)wanted);
	return false;
}

int main(void)
{
	struct histogram *all = calloc(1, sizeof(*all));
	struct histogram *half = calloc(1, sizeof(*half));
	uint64_t sum = 0;
	size_t i;

	tap_begin();
	tap_ok(!histogram_quantile(all, 0.5), "none without times");
	srand(7);
	for (i = 0; i < COUNT; i++) {
		/* From a few nanoseconds to hours. */
		times[i] = (uint64_t)(rand() + 1) << (rand() % 14);
		times[i] >>= rand() % 28;
		sum += times[i];
		histogram_add(i % 2 ? all : half, times[i]);
	}
	histogram_merge(all, half);
	qsort(times, COUNT, sizeof(*times), order);
	tap_ok(all->count == COUNT && all->sum == sum &&
	       all->min == times[0] && all->max == times[COUNT - 1],
	       "number, sum and ends of two are exact");
	tap_ok(close_to(all, 0.0001) && close_to(all, 0.5) &&
	       close_to(all, 0.9) && close_to(all, 0.99) &&
	       close_to(all, 0.999), "quantiles are within 1/256 above");
	tap_ok(histogram_quantile(all, 1) == times[COUNT - 1],
	       "the last one is the greatest");
	histogram_add(all, UINT64_MAX);
	tap_ok(histogram_quantile(all, 1) == UINT64_MAX,
	       "the longest time there is has a place");
	free(all);
	free(half);
	return tap_end();
}
