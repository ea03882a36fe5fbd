/* SPDX-License-Identifier: MIT */
/*
 * A connection of a test, in a loop that steps it when it can go on.
 */
#ifndef KPCPERF_FLOW_H
#define KPCPERF_FLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "channel.h"
#include "pattern.h"
#include "stats.h"
#include "test.h"
#include "wire.h"

struct loop;

/**
 * struct source - the stream that one end sends
 * @seed: of the pattern
 * @offset: of the next block in the stream
 * @left: octets still to send
 * @block: what is being sent; NULL: the loop's noise will do
 * @len: octets of the block
 * @at: how many of them are sent
 * @next: earliest time of the next block
 * @chance: numbers drawn
 */
struct source {
	uint64_t seed;
	uint64_t offset;
	uint64_t left;
	uint8_t *block;
	size_t len;
	size_t at;
	uint64_t next;
	uint64_t chance;
};

/**
 * struct flow - one connection
 * @channel: its octets
 * @err: why it failed
 * @loop: whose it is
 * @next: in the loop's list
 * @previous: in it
 * @owner: client or server
 * @step: go on; 0: when @channel.want is so, or at @due; 1: over; negative: failed
 * @over: last word: it is over, or failed with @err
 * @test: whose it is; NULL: not known yet
 * @stats: what it has moved; NULL: nobody asks
 * @check: of what it receives; NULL: not checked
 * @source: of what it sends
 * @kind: what it is for
 * @index: which of the test's
 * @phase: of client or server
 * @events: why it is stepped
 * @interest: what epoll(7) looks for
 * @due: when it is stepped without an event; 0: never
 * @since: when it began
 * @looked: when TCP_INFO was looked at
 * @expect: octets of the present message still to come
 * @message: a message that is going or coming, or NULL: @small
 * @at: how much of it has
 * @stopped: the server has been told to send no more, or has heard it
 * @held: it is in the loop's list of those that are only there
 * @small: room for most messages
 */
struct flow {
	struct channel channel;
	struct kpc_error err;
	struct loop *loop;
	struct flow *next;
	struct flow *previous;
	void *owner;
	int (*step)(struct flow *flow);
	void (*over)(struct flow *flow, int ret);
	const struct test *test;
	struct stats *stats;
	struct pattern_check *check;
	struct source source;
	enum kind kind;
	uint32_t index;
	unsigned int phase;
	uint32_t events;
	uint32_t interest;
	uint64_t due;
	uint64_t since;
	uint64_t looked;
	uint64_t expect;
	uint8_t *message;
	size_t at;
	bool stopped;
	bool held;
	uint8_t small[WIRE_TEST];
};

/* These give 0 when done, -EAGAIN, or another errno with a sentence in @err. */

/** flow_put() - send a message of @len octets, in @message or @small */
int flow_put(struct flow *flow, size_t len);

/** flow_get() - receive a message of @len octets there */
int flow_get(struct flow *flow, size_t len);

/** flow_send() - send what is left of the source */
int flow_send(struct flow *flow);

/** flow_receive() - receive @expect octets; 1: the peer ended before */
int flow_receive(struct flow *flow);

/** flow_receive_end() - the peer's direction ends now, and nothing comes before */
int flow_receive_end(struct flow *flow);

/**
 * flow_begin() - the test is known: get ready to send and to receive
 * @flow: with @test, @kind and @index
 * @server: which end this is
 *
 * Return: 0 or -ENOMEM.
 */
int flow_begin(struct flow *flow, bool server);

/** flow_lost() - an error of the socket that no call has met, or 0 */
int flow_lost(struct flow *flow);

/** flow_final() - the counters are what they will be */
void flow_final(struct flow *flow);

/** flow_free() - close the connection and free what it holds, not @flow */
void flow_free(struct flow *flow);

/** flow_due() - be stepped at a time; 0: not any more */
void flow_due(struct flow *flow, uint64_t due);

#endif
