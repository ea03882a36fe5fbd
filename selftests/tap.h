/* SPDX-License-Identifier: MIT */
/* TAP version 13 for tests that check many things in a table. */
#ifndef TAP_H
#define TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

static int tap_count, tap_failures;

/* Prints the version line; first call of a test. */
static inline void tap_begin(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("TAP version 13\n");
}

/* One check: its name, and whether it held; returns that. */
__attribute__((format(printf, 2, 3)))
static inline bool tap_ok(bool held, const char *format, ...)
{
	va_list args;

	printf("%sok %d ", held ? "" : "not ", ++tap_count);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	if (!held)
		tap_failures++;
	return held;
}

/* One check that cannot be made here, and why. */
static inline void tap_skip(const char *name, const char *reason)
{
	printf("ok %d %s # SKIP %s\n", ++tap_count, name, reason);
}

/* A line of detail, mostly behind a check that did not hold. */
__attribute__((format(printf, 1, 2)))
static inline void tap_note(const char *format, ...)
{
	va_list args;

	printf("# ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}

/* Prints the plan; returns the exit code. A test without checks has failed. */
static inline int tap_end(void)
{
	printf("1..%d\n", tap_count);
	return tap_failures || !tap_count;
}

#endif
