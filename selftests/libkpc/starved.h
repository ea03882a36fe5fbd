/* SPDX-License-Identifier: MIT */
/*
 * Memory that runs out: each allocation of the library fails once, in turn. The
 * sources of the library are included behind allocations that can fail:
 *
 *	#define calloc	try_calloc
 *	#include "libkpc/..."
 *	#undef calloc
 */
#ifndef STARVED_H
#define STARVED_H

#include <stdlib.h>
#include <string.h>

#include <kpc/suite.h>

#include "../tap.h"

/* More than any handshake makes. */
#define ALLOCATIONS_MAX	1000

/* Counts down to the allocation that fails; -1: none does. */
static long countdown = -1;
static unsigned long failures;

static inline bool refuse(void)
{
	if (countdown < 0 || countdown--)
		return false;
	failures++;
	return true;
}

static inline void *try_calloc(size_t count, size_t size)
{
	return refuse() ? NULL : calloc(count, size);
}

static inline void *try_realloc(void *old, size_t size)
{
	return refuse() ? NULL : realloc(old, size);
}

static inline char *try_strndup(const char *text, size_t len)
{
	return refuse() ? NULL : strndup(text, len);
}

/**
 * enum outcome - of a handshake with what is said behind it
 * @WHOLE: all of it arrived
 * @REFUSED: it ended, in words where there was somebody to say them
 * @WRONG: neither
 */
enum outcome {
	WHOLE,
	REFUSED,
	WRONG,
};

/**
 * starved() - a handshake of @suite for each of its allocations
 * @run: makes one
 *
 * The last one meets no failure. What a handshake does without is none either: the
 * name asked for (SNI) may go missing.
 */
static inline void starved(uint16_t suite, enum outcome (*run)(uint16_t suite))
{
	unsigned int refused = 0, wrong = 0;
	unsigned long before;
	long place = 0;
	enum outcome outcome;

	do {
		before = failures;
		countdown = place++;
		outcome = run(suite);
		countdown = -1;
		refused += outcome == REFUSED;
		wrong += outcome == WRONG;
	} while (failures != before && place < ALLOCATIONS_MAX);
	tap_ok(outcome == WHOLE && !wrong && refused > 5 && place < ALLOCATIONS_MAX,
	       "bad times: %s: %ld allocations failed in turn, %u handshakes ended, the rest held",
	       kpc_suite_by_code(suite)->name, place - 1, refused);
}

#endif
