// SPDX-License-Identifier: GPL-2.0-only
/*
 * The check of octets finds what was done to a stream, and where, in whatever
 * pieces it comes (I8).
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <kpcperf/pattern.h>

#include "../tap.h"

#define LENGTH	200000
#define SEED	0x1234567890abcdefULL

static uint8_t whole[LENGTH];

/**
 * struct part - octets that come, in their order
 * @from: of the stream; negative: octets that are not of it
 * @count: how many
 */
struct part {
	long from;
	size_t count;
};

/**
 * struct way - what happens to a stream on its way, and what is to be found
 * @name: what it is
 * @parts: what comes
 * @faults: what is found; the last one has no octets
 */
struct way {
	const char *name;
	struct part parts[8];
	struct pattern_place faults[4];
};

static const struct way ways[] = {
	{ "a stream that is whole", { { 0, LENGTH } }, { } },
	{ "octets lost", { { 0, 50003 }, { 50103, LENGTH - 50103 } },
	  { { PATTERN_LOST, 50003, 100 } } },
	{ "whole words lost", { { 0, 80000 }, { 160000, 40000 } },
	  { { PATTERN_LOST, 80000, 80000 } } },
	{ "the beginning lost", { { 4097, LENGTH - 4097 } },
	  { { PATTERN_LOST, 0, 4097 } } },
	{ "the end lost", { { 0, LENGTH - 1 } },
	  { { PATTERN_LOST, LENGTH - 1, 1 } } },
	{ "all of it lost", { { 0, 0 } }, { { PATTERN_LOST, 0, LENGTH } } },
	{ "octets repeated", { { 0, 50000 }, { 40001, LENGTH - 40001 } },
	  { { PATTERN_REPEATED, 40001, 9999 } } },
	{ "octets changed", { { 0, 70001 }, { -1, 77 },
			      { 70078, LENGTH - 70078 } },
	  { { PATTERN_CHANGED, 70001, 77 } } },
	{ "more octets changed than are looked through",
	  { { 0, 10000 }, { -1, 30000 }, { 40000, LENGTH - 40000 } },
	  { { PATTERN_CHANGED, 10000, 30000 } } },
	{ "the last octets changed", { { 0, LENGTH - 5 }, { -1, 5 } },
	  { { PATTERN_CHANGED, LENGTH - 5, 5 } } },
	{ "octets added", { { 0, 30000 }, { -1, 500 },
			    { 30000, LENGTH - 30000 } },
	  { { PATTERN_ADDED, 30000, 500 } } },
	{ "octets added that end as what was before them",
	  { { 0, 30000 }, { -1, 500 }, { 29999, 1 }, { 30000, LENGTH - 30000 } },
	  { { PATTERN_ADDED, 30000, 501 } } },
	{ "octets added at the end", { { 0, LENGTH }, { -1, 9 } },
	  { { PATTERN_ADDED, LENGTH, 9 } } },
	{ "octets lost, and others changed",
	  { { 0, 1000 }, { 2000, 50000 }, { -1, 3 }, { 52003, LENGTH - 52003 } },
	  { { PATTERN_LOST, 1000, 1000 }, { PATTERN_CHANGED, 52000, 3 } } },
};

/* An octet that is certainly not the stream's at that place. */
static uint8_t other(size_t at)
{
	return at < LENGTH ? whole[at] ^ 0x5a : 0x5a;
}

static size_t build(const struct way *way, uint8_t *octets)
{
	size_t at = 0, part, i, place = 0;

	for (part = 0; part < 8; part++) {
		const struct part *this = &way->parts[part];

		for (i = 0; i < this->count; i++) {
			if (this->from >= 0)
				place = this->from + i;
			octets[at++] = this->from >= 0 ? whole[place] :
							 other(++place);
		}
	}
	return at;
}

static bool same(const struct pattern_count *count,
		 const struct pattern_place *faults)
{
	unsigned int i;

	for (i = 0; i < 4 && faults[i].octets; i++)
		if (memcmp(&count->first[i], &faults[i], sizeof(*faults)))
			return false;
	return count->faults == i;
}

static void show(const struct pattern_count *count)
{
	unsigned int i;

	for (i = 0; i < count->faults && i < PATTERN_FIRST; i++)
		printf("# %s %llu at %llu\n",
		       pattern_fault_name(count->first[i].fault),
		       (unsigned long long)count->first[i].octets,
		       (unsigned long long)count->first[i].offset);
}

static bool pieces(const struct way *way, size_t most)
{
	static uint8_t octets[2 * LENGTH];
	struct pattern_check *check = calloc(1, sizeof(*check));
	size_t len = build(way, octets), at = 0, step;
	bool good;

	check->seed = SEED;
	srand(most);
	while (at < len) {
		step = 1 + rand() % most;
		if (step > len - at)
			step = len - at;
		pattern_check(check, octets + at, step);
		at += step;
	}
	pattern_check_end(check);
	pattern_count_total(&check->count, LENGTH);
	good = same(&check->count, way->faults);
	if (!good)
		show(&check->count);
	free(check);
	return good;
}

static bool fill_in_parts(void)
{
	static uint8_t octets[LENGTH];
	size_t at = 0, step;

	srand(1);
	while (at < LENGTH) {
		step = 1 + rand() % 37;
		if (step > LENGTH - at)
			step = LENGTH - at;
		pattern_fill(octets + at, step, SEED, at);
		at += step;
	}
	return !memcmp(octets, whole, LENGTH);
}

/* A stream of another seed is no place of this one. */
static bool stranger(void)
{
	struct pattern_check *check = calloc(1, sizeof(*check));
	bool good;

	check->seed = SEED + 1;
	pattern_check(check, whole, LENGTH);
	pattern_check_end(check);
	good = check->count.octets[PATTERN_CHANGED] > LENGTH - LENGTH / 100 &&
	       !check->count.octets[PATTERN_LOST] &&
	       check->count.expect == LENGTH;
	free(check);
	return good;
}

int main(void)
{
	static const size_t most[] = { 1, 7, 300, 5000, LENGTH };
	size_t i, j;
	bool good;

	tap_begin();
	pattern_fill(whole, LENGTH, SEED, 0);
	tap_ok(fill_in_parts(), "a stream is the same in whatever parts");
	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		good = true;
		for (j = 0; j < sizeof(most) / sizeof(most[0]); j++)
			good = pieces(&ways[i], most[j]) && good;
		tap_ok(good, "%s", ways[i].name);
	}
	tap_ok(stranger(), "a stream of another seed");
	return tap_end();
}
