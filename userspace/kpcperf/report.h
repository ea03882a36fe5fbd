/* SPDX-License-Identifier: MIT */
/*
 * What is told of a test: as iperf3 tells it, in words or as JSON.
 */
#ifndef KPCPERF_REPORT_H
#define KPCPERF_REPORT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <kpc/association.h>

#include "../kpc/json.h"
#include "address.h"
#include "channel.h"
#include "cpu.h"
#include "histogram.h"
#include "pattern.h"
#include "stats.h"
#include "test.h"

/**
 * struct report_row - a stream, or their sum, in an interval
 * @id: number of its socket; -1: the sum
 * @sender: this end sends
 * @back: --bidir: it is of the streams from server to client
 * @start: seconds since the test began
 * @end: likewise
 * @octets: moved
 * @transactions: answered
 * @retransmits: segments
 * @window: octets
 * @rtt: microseconds
 */
struct report_row {
	int id;
	bool sender;
	bool back;
	double start;
	double end;
	uint64_t octets;
	uint64_t transactions;
	uint64_t retransmits;
	uint64_t window;
	uint64_t rtt;
};

/**
 * struct report_stream - a stream at the end, seen from both ends
 * @id: number of its socket; -1: the sum
 * @sender: this end sends
 * @back: --bidir: from server to client
 * @sent: octets that the sender's carrier took
 * @received: octets that the receiver's carrier gave
 * @sent_seconds: from the beginning to the sender's end
 * @received_seconds: from the beginning to the receiver's
 * @has_sent: the sender's part is known
 * @has_received: the receiver's is
 * @retransmits: segments
 * @window_max: octets
 * @rtt_min: microseconds
 * @rtt_max: microseconds
 * @rtt_mean: microseconds
 * @count: what the receiver's check found
 */
struct report_stream {
	int id;
	bool sender;
	bool back;
	uint64_t sent;
	uint64_t received;
	double sent_seconds;
	double received_seconds;
	bool has_sent;
	bool has_received;
	uint64_t retransmits;
	uint64_t window_max;
	uint64_t rtt_min;
	uint64_t rtt_max;
	uint64_t rtt_mean;
	struct pattern_count count;
};

/**
 * struct report_end - all of it
 * @streams: each
 * @count: how many
 * @seconds: that the test took, until the last of @transactions
 * @cpu: of this end
 * @peer_cpu: of the other; @ns 0: not known
 * @transactions: requests answered, or short connections
 * @failed: connections that ended otherwise
 * @latency: of them; NULL: not known here
 * @handshake: of short connections
 * @idle: idle connections asked for
 * @held: those there at the end
 * @error: why it failed; NULL: it did not
 */
struct report_end {
	struct report_stream *streams;
	uint32_t count;
	double seconds;
	struct cpu cpu;
	struct cpu peer_cpu;
	uint64_t transactions;
	uint64_t failed;
	const struct histogram *latency;
	const struct histogram *handshake;
	uint32_t idle;
	uint64_t held;
	const char *error;
};

/**
 * struct report_start - who and how
 * @host: of the server, as it was given; at the server, of the client
 * @port: likewise
 * @seconds: -t; 0: none
 * @carrier: of this end
 * @peer_carrier: of the other
 * @peer_known: that is known
 * @version: of TLS; 0: none
 * @suite: likewise
 * @association: likewise
 * @fds: sockets of the streams, open; NULL: not told
 */
struct report_start {
	const char *host;
	uint16_t port;
	double seconds;
	enum carrier carrier;
	enum carrier peer_carrier;
	bool peer_known;
	uint16_t version;
	uint16_t suite;
	const struct kpc_association *association;
	const atomic_int *fds;
};

/**
 * struct report - what is being told
 * @json: as JSON, written to standard output as it comes
 * @as_json: so it is
 * @server: this end
 * @test: of what; NULL: not begun
 * @stats: of its streams
 * @ids: of their sockets
 * @pings: short connections that have ended well; NULL: @stats tell
 * @began: when octets began to move
 * @last: until when intervals are told
 * @before: what had been moved then, each stream
 */
struct report {
	struct json json;
	bool as_json;
	bool server;
	const struct test *test;
	const struct stats *stats;
	const atomic_int *ids;
	const atomic_ullong *pings;
	uint64_t began;
	uint64_t last;
	struct report_row *before;
};

/** report_start() - the connections are up */
int report_start(struct report *report, const struct report_start *start);

/** report_begin() - octets begin to move, now */
void report_begin(struct report *report, uint64_t now);

/** report_interval() - what was moved since the last time */
void report_interval(struct report *report, uint64_t now);

/** report_end() - the last word */
void report_end(struct report *report, const struct report_end *end);

/** report_failed() - it did not come to a test; also tells it on stderr */
void report_failed(struct report *report, const char *error);

/** report_sum() - of the streams of one direction; false: there are none */
bool report_sum(const struct report_end *end, bool back,
		struct report_stream *sum);

/** report_is_sum() - whether sums say more than the streams */
bool report_is_sum(const struct test *test);

/* report_text.c */
void text_start(const struct report *report, const struct report_start *start);
void text_head(const struct report *report);
void text_row(const struct report *report, const struct report_row *row);
void text_end(const struct report *report, const struct report_end *end);

/* report_json.c */
void json_start(struct report *report, const struct report_start *start);
void json_row(struct report *report, const char *key,
	      const struct report_row *row);
void json_end(struct report *report, const struct report_end *end);
void json_failed(struct report *report, const char *error);

#endif
