/* SPDX-License-Identifier: MIT */
/*
 * A test as the server runs it, from its control connection's first message to
 * the end of the last of its connections.
 */
#ifndef KPCPERF_SESSION_H
#define KPCPERF_SESSION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "address.h"
#include "cpu.h"
#include "stats.h"
#include "test.h"
#include "wire.h"

/**
 * struct session - one test
 * @test: its parameters
 * @cookie: shows that a connection is of it
 * @association: whose key all its connections have proved; NULL without TLS
 * @version: of its control connection's TLS
 * @suite: likewise
 * @peer: where the client is
 * @port: likewise
 * @stats: of its streams
 * @ids: of their sockets, as they are printed
 * @references: who holds it
 * @pings: short connections that went to their end
 * @failed: connections that ended otherwise
 * @idle: idle connections there are
 * @idle_most: the most there were
 * @idle_lost: those that ended before their time
 * @over: its control connection has ended, or it is given up
 * @cut: what has not ended in order by now will not
 * @told: its client has asked for the results and got them
 * @admitted: processor time when it was taken
 * @first: and when the first of its octets moved; valid with @begun
 * @begins: a thread has seen that and writes @first
 * @begun: it has
 */
struct session {
	struct test test;
	uint8_t cookie[WIRE_COOKIE];
	const struct kpc_association *association;
	uint16_t version;
	uint16_t suite;
	char peer[ADDRESS_TEXT];
	uint16_t port;
	struct stats *stats;
	atomic_int *ids;
	atomic_uint references;
	atomic_ullong pings;
	atomic_ullong failed;
	atomic_ullong idle;
	atomic_ullong idle_most;
	atomic_ullong idle_lost;
	atomic_bool over;
	atomic_bool cut;
	atomic_bool told;
	struct cpu admitted;
	struct cpu first;
	atomic_bool begins;
	atomic_bool begun;
};

/**
 * session_new() - a test with a cookie of its own
 *
 * Return: it, with one reference, or NULL with errno set.
 */
struct session *session_new(const struct test *test);

/** session_get() - one reference more */
struct session *session_get(struct session *session);

/** session_begin() - octets move; true: these are the first of the test */
bool session_begin(struct session *session);

/** session_begun() - when that was; NULL: none have moved yet */
const struct cpu *session_begun(const struct session *session);

/** session_used() - time and processor time since the test began */
void session_used(const struct session *session, struct cpu *used);

/** session_progress() - another number whenever anything has gone on */
uint64_t session_progress(const struct session *session);

/** session_held() - idle connections that came and did not end otherwise */
uint64_t session_held(const struct session *session);

/** session_put() - one less; NULL is allowed */
void session_put(struct session *session);

#endif
