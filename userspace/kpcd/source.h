/* SPDX-License-Identifier: MIT */
/*
 * Where peers come from: how many connections each source has made lately.
 */
#ifndef KPCD_SOURCE_H
#define KPCD_SOURCE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "bucket.h"

#define SOURCE_SETS	256
#define SOURCE_WAYS	4

/**
 * struct source - one source: an IPv4 address, or the /64 of an IPv6 one
 * @prefix: which
 * @bucket: connections that it may make now
 */
struct source {
	uint64_t prefix;
	struct bucket bucket;
};

/**
 * struct sources - the sources seen last, in memory of a fixed size
 * @rate: connections a second that one may make, and at once; 0: any number
 * @secret: so that nobody knows which sources share a set
 * @sets: found by a hash of the prefix
 */
struct sources {
	uint32_t rate;
	uint64_t secret[2];
	struct source sets[SOURCE_SETS][SOURCE_WAYS];
};

/**
 * sources_init() - nobody has been seen
 * @sources: all of it
 * @rate: as in struct sources
 *
 * Return: 0 or a negative errno.
 */
int sources_init(struct sources *sources, uint32_t rate);

/**
 * source_of() - which source an address belongs to
 * @peer: the address, IPv4 ones v4-mapped
 *
 * Return: the same number for all that are one source.
 */
uint64_t source_of(const struct sockaddr_in6 *peer);

/**
 * source_hash() - a hash that peers cannot tell
 * @sources: with the secret
 * @source: as source_of() tells it
 *
 * Return: 32 bits.
 */
uint64_t source_hash(const struct sources *sources, uint64_t source);

/**
 * source_may() - count one connection
 * @sources: all of it
 * @peer: its address, IPv4 ones v4-mapped
 * @now: milliseconds of the monotonic clock
 *
 * A source that is not known takes the place of the one in its set that could
 * make the most connections, which has been silent longest.
 *
 * Return: false where the source has made too many.
 */
bool source_may(struct sources *sources, const struct sockaddr_in6 *peer,
		uint64_t now);

#endif
