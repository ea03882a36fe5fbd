/* SPDX-License-Identifier: MIT */
/*
 * What a test is, as client and server both know it.
 */
#ifndef KPCPERF_TEST_H
#define KPCPERF_TEST_H

#include <stdbool.h>
#include <stdint.h>

#include "clock.h"
#include "pattern.h"

#define TEST_PORT		5201
#define TEST_LENGTH		(128 * 1024)
#define TEST_LENGTH_MAX		(1024 * 1024)
#define TEST_STREAMS_MAX	1024
#define TEST_MESSAGE		64	/* of a request and its response */
#define TEST_PING		1024	/* each way of a short connection */
#define TEST_PAUSE_MS		20	/* longest of an uneven stream */
#define TEST_PAUSE_MAX		86400	/* seconds; no test takes longer */
#define TEST_STALL_NS		(30 * CLOCK_SECOND) /* nothing moves: it is given up */

/**
 * enum mode - what is measured
 * @MODE_BULK: octets
 * @MODE_RR: requests and responses on connections that last
 * @MODE_CONNECT: connections
 */
enum mode {
	MODE_BULK,
	MODE_RR,
	MODE_CONNECT,
};

/**
 * enum kind - what a connection is for
 * @KIND_CONTROL: parameters and results
 * @KIND_UP: octets from client to server
 * @KIND_DOWN: octets from server to client
 * @KIND_RR: requests and responses
 * @KIND_PING: one of each, then it ends
 * @KIND_IDLE: is there
 */
enum kind {
	KIND_CONTROL,
	KIND_UP,
	KIND_DOWN,
	KIND_RR,
	KIND_PING,
	KIND_IDLE,
	KINDS
};

/**
 * struct test - the parameters
 * @mode: see enum mode
 * @streams: in parallel, in each direction
 * @reverse: bulk: the server sends
 * @bidir: bulk: both send, on connections of their own
 * @verify: streams are patterns that their receivers check
 * @uneven: sends have lengths and pauses by chance
 * @length: octets of one send
 * @octets: bulk: how many in all and each direction; 0: until the time is over
 * @rate: bits per second of each stream; 0: as many as go
 * @request: octets of a request
 * @response: octets of a response
 * @idle: connections that are only held
 * @pause: nanoseconds that may pass without anything, by what was asked for
 * @seed: of patterns and of what is done by chance
 */
struct test {
	enum mode mode;
	uint32_t streams;
	bool reverse;
	bool bidir;
	bool verify;
	bool uneven;
	uint32_t length;
	uint64_t octets;
	uint64_t rate;
	uint32_t request;
	uint32_t response;
	uint32_t idle;
	uint64_t pause;
	uint64_t seed;
};

/** test_patience() - nanoseconds without anything after which it is given up */
static inline uint64_t test_patience(const struct test *test)
{
	return TEST_STALL_NS + test->pause;
}

/** test_flows() - connections that carry the test, the idle ones left out */
static inline uint32_t test_flows(const struct test *test)
{
	return test->mode == MODE_BULK && test->bidir ? 2 * test->streams :
							test->streams;
}

/** test_kind() - what a connection of the test is for; after those, idle ones */
static inline enum kind test_kind(const struct test *test, uint32_t index)
{
	if (index >= test_flows(test))
		return KIND_IDLE;
	if (test->mode == MODE_RR)
		return KIND_RR;
	if (test->mode == MODE_CONNECT)
		return KIND_PING;
	if (test->bidir)
		return index < test->streams ? KIND_UP : KIND_DOWN;
	return test->reverse ? KIND_DOWN : KIND_UP;
}

/** test_share() - octets that a stream sends of @octets; UINT64_MAX: any */
static inline uint64_t test_share(const struct test *test, uint32_t index)
{
	uint32_t at = index % test->streams;

	if (!test->octets)
		return UINT64_MAX;
	return test->octets / test->streams +
	       (at < test->octets % test->streams);
}

/** test_seed() - of what one end of a stream sends */
static inline uint64_t test_seed(const struct test *test, uint32_t index,
				 bool server)
{
	return pattern_random(test->seed, 2ULL * index + server);
}

#endif
