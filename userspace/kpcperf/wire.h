/* SPDX-License-Identifier: MIT */
/*
 * What client and server say to each other beside the octets measured: all
 * messages have a fixed length, numbers are in network order.
 *
 * Every connection begins with a hello. On the control connection the
 * parameters follow, the server replies; when the test is over the client asks
 * for the results.
 */
#ifndef KPCPERF_WIRE_H
#define KPCPERF_WIRE_H

#include <kpc/error.h>

#include "channel.h"
#include "cpu.h"
#include "stats.h"
#include "test.h"

#define WIRE_COOKIE	16
#define WIRE_HELLO	64
#define WIRE_TEST	96
#define WIRE_REPLY	304
#define WIRE_REPLY_TEXT	256
#define WIRE_SUM	64
#define WIRE_STREAM	352

#define WIRE_READY	'K'	/* server: a connection of the test is known */
#define WIRE_GO		'G'	/* client: send */
#define WIRE_STOP	'S'	/* client: send no more */
#define WIRE_RESULTS	'R'	/* client: what have you seen */

/**
 * struct wire_hello - the first message of every connection
 * @kind: what it is for
 * @index: which of the test's
 * @cookie: of the test; zeroes on the control connection
 */
struct wire_hello {
	enum kind kind;
	uint32_t index;
	uint8_t cookie[WIRE_COOKIE];
};

/**
 * struct wire_reply - the server takes the test, or not
 * @error: errno of a refusal, 0: taken
 * @carrier: who makes the server's records
 * @cookie: to be shown by the test's connections
 * @text: why it is refused
 */
struct wire_reply {
	uint32_t error;
	enum carrier carrier;
	uint8_t cookie[WIRE_COOKIE];
	char text[WIRE_REPLY_TEXT];
};

/**
 * struct wire_sum - the server's view of the whole test
 * @pings: short connections that went to their end
 * @failed: connections that ended otherwise
 * @idle: idle connections that were held to the end
 * @cpu: what the server used
 */
struct wire_sum {
	uint64_t pings;
	uint64_t failed;
	uint64_t idle;
	struct cpu cpu;
};

/**
 * struct wire_stream - the server's view of a stream
 * @over: it had ended in order
 * @sent: octets
 * @received: octets
 * @retransmits: segments
 * @window_max: octets
 * @rtt_min: microseconds
 * @rtt_max: microseconds
 * @rtt_mean: microseconds
 * @ns: from the first to the last octet sent or received
 * @count: what the check found
 */
struct wire_stream {
	bool over;
	uint64_t sent;
	uint64_t received;
	uint64_t retransmits;
	uint64_t window_max;
	uint64_t rtt_min;
	uint64_t rtt_max;
	uint64_t rtt_mean;
	uint64_t ns;
	struct pattern_count count;
};

void wire_put_hello(uint8_t *to, const struct wire_hello *hello);
int wire_get_hello(struct wire_hello *hello, const uint8_t *from,
		   struct kpc_error *err);

void wire_put_test(uint8_t *to, const struct test *test);
int wire_get_test(struct test *test, const uint8_t *from,
		  struct kpc_error *err);

void wire_put_reply(uint8_t *to, const struct wire_reply *reply);
void wire_get_reply(struct wire_reply *reply, const uint8_t *from);

void wire_put_sum(uint8_t *to, const struct wire_sum *sum);
void wire_get_sum(struct wire_sum *sum, const uint8_t *from);

void wire_put_stream(uint8_t *to, const struct wire_stream *stream);
void wire_get_stream(struct wire_stream *stream, const uint8_t *from);

/** wire_stream_of() - what is to be told of the own end of a stream */
void wire_stream_of(struct wire_stream *stream, const struct stats *stats);

#endif
