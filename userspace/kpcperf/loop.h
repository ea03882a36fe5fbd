/* SPDX-License-Identifier: MIT */
/*
 * A thread that steps its connections: they share nothing with those of others.
 */
#ifndef KPCPERF_LOOP_H
#define KPCPERF_LOOP_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <kpc/handshake.h>

#include "flow.h"

#define LOOP_BUFFER	(256 * 1024)

/**
 * struct loop - one thread
 * @owner: client or server
 * @idle: called before it waits; gives when it wants to be called again, 0: never
 * @index: which of the threads
 * @thread: itself
 * @epoll: what it waits with
 * @wake: an eventfd, by which others wake it
 * @quit: it is to end
 * @context: of its handshakes; NULL without TLS
 * @flows: connections
 * @held: those that are only there
 * @timed: how many of @flows have a time
 * @noise: TEST_LENGTH_MAX octets to send
 * @buffer: LOOP_BUFFER octets to receive into
 */
struct loop {
	void *owner;
	uint64_t (*idle)(struct loop *loop);
	unsigned int index;
	pthread_t thread;
	int epoll;
	int wake;
	atomic_bool quit;
	struct kpc_handshake_context *context;
	struct flow *flows;
	struct flow *held;
	unsigned int timed;
	uint8_t *noise;
	uint8_t *buffer;
};

/**
 * loop_open() - everything but the thread
 * @loop: zeroes, but for @owner, @idle and @index; to be closed in any case
 * @site: for @context; NULL: without TLS
 *
 * Return: 0 or a negative errno.
 */
int loop_open(struct loop *loop, const struct site *site,
	      struct kpc_error *err);

/** loop_start() - begin the thread */
int loop_start(struct loop *loop, struct kpc_error *err);

/** loop_wake() - from any thread: step all of its flows, call @idle */
void loop_wake(struct loop *loop);

/** loop_stop() - end the thread; its flows are left as they are */
void loop_stop(struct loop *loop);

/** loop_close() - free what loop_open() made */
void loop_close(struct loop *loop);

/**
 * loop_give() - hand a connection to a loop, from any thread
 * @flow: whole, with @step, @over and a socket; the loop's from now on
 *
 * The loop's thread takes it into its list with the first event, which is at
 * once, for it looks for EPOLLOUT.
 *
 * Return: 0 or a negative errno.
 */
int loop_give(struct loop *loop, struct flow *flow);

/** loop_hold() - in the loop: it is only there from now on */
void loop_hold(struct flow *flow);

/** loop_release() - in the loop: it has something to do again */
void loop_release(struct flow *flow);

#endif
