// SPDX-License-Identifier: GPL-2.0-only
/*
 * How many connections a source may make: each its own, whatever the others
 * do, in memory of a fixed size. X5.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include <kpcd/source.h>

#include "../tap.h"

#define RATE	100

static struct sources sources;

static struct sockaddr_in6 address(const char *text)
{
	struct sockaddr_in6 at = { .sin6_family = AF_INET6 };

	inet_pton(AF_INET6, text, &at.sin6_addr);
	return at;
}

/* How many of so many connections at one moment are taken. */
static unsigned int taken(const char *text, unsigned int count, uint64_t now)
{
	struct sockaddr_in6 at = address(text);
	unsigned int n = 0;

	while (count--)
		n += source_may(&sources, &at, now);
	return n;
}

static void check_rate(void)
{
	sources_init(&sources, RATE);
	tap_ok(taken("::ffff:192.0.2.1", 3 * RATE, 1000) == RATE,
	       "so many at once as a second's");
	tap_ok(taken("::ffff:192.0.2.1", 10, 1009) == 0, "no more within that time");
	tap_ok(taken("::ffff:192.0.2.1", 10, 1050) == 5, "a twentieth in a twentieth of it");
	tap_ok(taken("::ffff:192.0.2.1", 3 * RATE, 100000) == RATE,
	       "after a long time no more than a second's");
	tap_ok(taken("::ffff:192.0.2.2", 3 * RATE, 100000) == RATE,
	       "another address of IPv4 is another source");
	tap_ok(taken("2001:db8::1", 3 * RATE, 100000) == RATE, "one of IPv6 too");
	tap_ok(taken("2001:db8::ffff:2", 3 * RATE, 100000) == 0,
	       "but not another of the same /64");
	tap_ok(taken("2001:db8:0:1::1", 3 * RATE, 100000) == RATE,
	       "which one of the next /64 is");
	sources_init(&sources, 0);
	tap_ok(taken("::ffff:192.0.2.1", 3 * RATE, 1000) == 3 * RATE,
	       "without a rate any number");
}

/* Slow, one connection every ten milliseconds is never too fast. */
static void check_slow(void)
{
	unsigned int i, n = 0;

	sources_init(&sources, RATE);
	for (i = 0; i < 10 * RATE; i++)
		n += taken("::ffff:192.0.2.1", 1, 5000 + i * (1000 / RATE));
	tap_ok(n == 10 * RATE, "%u of %u at just the rate", n, 10 * RATE);

	/* 3 a second for 100 seconds, asked every 400 milliseconds or so. */
	sources_init(&sources, 3);
	for (i = 0, n = 0; i < 250; i++)
		n += taken("::ffff:192.0.2.1", 3, 5000 + i * 400);
	tap_ok(n >= 300 && n <= 303, "%u of 3 a second in 100 s", n);
}

/* Ten thousand others say nothing about one that has used up its own. */
static void check_others(void)
{
	unsigned int i, n = 0, busy;
	char text[48];

	sources_init(&sources, RATE);
	busy = taken("::ffff:203.0.113.9", 3 * RATE, 1000);
	for (i = 0; i < 10000; i++) {
		snprintf(text, sizeof(text), "::ffff:10.0.%u.%u", i / 256, i % 256);
		n += taken(text, 1, 1000);
	}
	tap_ok(n == 10000, "%u sources of 10000 are let in once", n);
	busy += taken("::ffff:203.0.113.9", 3 * RATE, 1000);
	tap_ok(busy == RATE, "one that made too many is still known: %u", busy);
}

int main(void)
{
	tap_begin();
	check_rate();
	check_slow();
	check_others();
	return tap_end();
}
