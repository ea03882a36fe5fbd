/* SPDX-License-Identifier: MIT */
/*
 * The client: runs a test and tells what came of it.
 */
#ifndef KPCPERF_CLIENT_H
#define KPCPERF_CLIENT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "control.h"
#include "cpu.h"
#include "flow.h"
#include "histogram.h"
#include "loop.h"
#include "options.h"
#include "site.h"
#include "stats.h"
#include "wire.h"

struct report;

/**
 * enum client_phase - what all connections are to do
 * @CLIENT_SETUP: come up and wait
 * @CLIENT_RUN: move octets
 * @CLIENT_STOP: end in order, but for the idle ones
 * @CLIENT_RELEASE: all
 */
enum client_phase {
	CLIENT_SETUP,
	CLIENT_RUN,
	CLIENT_STOP,
	CLIENT_RELEASE,
};

/**
 * struct client_loop - what a thread counts for itself
 * @loop: the thread
 * @first: index of the next connection to begin; every @threads-th is its own
 * @spare: short connections that are over and may begin again
 * @opening: begun and not up yet
 * @next_start: earliest time of the next one
 * @latency: of requests, or of whole connections
 * @handshake: of connections until TLS is up
 */
struct client_loop {
	struct loop loop;
	uint32_t first;
	struct flow *spare;
	unsigned int opening;
	uint64_t next_start;
	struct histogram latency;
	struct histogram handshake;
};

/**
 * struct client - a run
 * @options: the command line
 * @site: keys and associations
 * @control: the control connection
 * @cookie: shows that a connection is of this test
 * @server: who makes the server's records
 * @loops: the threads
 * @threads: how many
 * @flows: connections; the idle ones last
 * @count: how many
 * @stats: of all but the idle ones
 * @ids: of their sockets, as they are printed
 * @wake: an eventfd, by which the threads wake the first one
 * @phase: enum client_phase
 * @ready: connections that have come up
 * @active: those that are not over, without the idle ones
 * @held: idle ones that are there
 * @released: idle ones that have ended
 * @failed: connections that ended otherwise
 * @lock: of @err
 * @err: the first failure
 * @began: when octets began to move
 * @ended: when the time was over
 * @drained: when what was under way then had come to its end; 0: it has not
 * @start_cpu: processor time at @began
 * @cpu: used until the end
 * @sum: the server's view
 * @peers: its view of each stream
 * @told: the server has told them
 * @interrupted: by a signal
 */
struct client {
	const struct options *options;
	struct site site;
	struct control control;
	uint8_t cookie[WIRE_COOKIE];
	enum carrier server;
	struct client_loop *loops;
	unsigned int threads;
	struct flow *flows;
	uint32_t count;
	struct stats *stats;
	atomic_int *ids;
	int wake;
	atomic_uint phase;
	atomic_ullong ready;
	atomic_ullong active;
	atomic_ullong held;
	atomic_ullong released;
	atomic_ullong failed;
	pthread_mutex_t lock;
	struct kpc_error err;
	uint64_t began;
	uint64_t ended;
	uint64_t drained;
	struct cpu start_cpu;
	struct cpu cpu;
	struct wire_sum sum;
	struct wire_stream *peers;
	bool told;
	bool interrupted;
};

/** client_run() - run the test and print it; the exit status */
int client_run(const struct options *options);

/** client_begin_flows() - set all connections up, begun by client_next() */
int client_begin_flows(struct client *client);

/** client_finish() - tell what came of it; @err has why it failed, if it did */
void client_finish(struct client *client, struct report *report);

/** client_failed() - note the first failure, from any thread */
void client_failed(struct client *client, const char *text);

/** client_next() - a thread begins what is due; when it wants to go on, 0: never */
uint64_t client_next(struct loop *loop);

#endif
