// SPDX-License-Identifier: MIT
/*
 * How often which time was taken, to within 1/256 of it.
 */
#include "histogram.h"

#define PARTS	(1U << HISTOGRAM_BITS)

static unsigned int slot(uint64_t ns)
{
	unsigned int shift;

	if (ns < PARTS)
		return ns;
	shift = 63 - __builtin_clzll(ns) - HISTOGRAM_BITS;
	return (shift + 1) * PARTS + (ns >> shift) - PARTS;
}

/* The greatest time of a slot. */
static uint64_t slot_end(unsigned int slot)
{
	unsigned int shift;

	if (slot < PARTS)
		return slot;
	shift = slot / PARTS - 1;
	return ((uint64_t)(slot % PARTS + PARTS + 1) << shift) - 1;
}

void histogram_add(struct histogram *histogram, uint64_t ns)
{
	if (!histogram->count || ns < histogram->min)
		histogram->min = ns;
	if (ns > histogram->max)
		histogram->max = ns;
	histogram->count++;
	histogram->sum += ns;
	histogram->slots[slot(ns)]++;
}

void histogram_merge(struct histogram *to, const struct histogram *from)
{
	unsigned int i;

	if (!from->count)
		return;
	if (!to->count || from->min < to->min)
		to->min = from->min;
	if (from->max > to->max)
		to->max = from->max;
	to->count += from->count;
	to->sum += from->sum;
	for (i = 0; i < HISTOGRAM_SLOTS; i++)
		to->slots[i] += from->slots[i];
}

uint64_t histogram_quantile(const struct histogram *histogram, double part)
{
	double exact = part * histogram->count;
	uint64_t wanted = exact, seen = 0;
	unsigned int i;

	if (!histogram->count)
		return 0;
	wanted += wanted < exact || !wanted;
	for (i = 0; i < HISTOGRAM_SLOTS; i++) {
		seen += histogram->slots[i];
		if (seen >= wanted)
			break;
	}
	return slot_end(i) < histogram->max ? slot_end(i) : histogram->max;
}
