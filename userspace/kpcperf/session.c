// SPDX-License-Identifier: MIT
/*
 * A test as the server runs it.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "session.h"

struct session *session_new(const struct test *test)
{
	struct session *session = calloc(1, sizeof(*session));

	if (!session)
		return NULL;
	session->test = *test;
	atomic_init(&session->references, 1);
	session->stats = calloc(test_flows(test), sizeof(*session->stats));
	session->ids = calloc(test_flows(test), sizeof(*session->ids));
	if (!session->stats || !session->ids) {
		session_put(session);
		errno = ENOMEM;
		return NULL;
	}
	if (getrandom(session->cookie, WIRE_COOKIE, 0) != WIRE_COOKIE) {
		session_put(session);
		errno = EIO;
		return NULL;
	}
	cpu_now(&session->admitted);
	return session;
}

bool session_begin(struct session *session)
{
	if (atomic_load_explicit(&session->begins, memory_order_relaxed) ||
	    atomic_exchange(&session->begins, true))
		return false;
	cpu_now(&session->first);
	atomic_store_explicit(&session->begun, true, memory_order_release);
	return true;
}

const struct cpu *session_begun(const struct session *session)
{
	return atomic_load_explicit(&session->begun, memory_order_acquire) ?
		&session->first : NULL;
}

void session_used(const struct session *session, struct cpu *used)
{
	cpu_since(used, session_begun(session) ?: &session->admitted);
}

struct session *session_get(struct session *session)
{
	atomic_fetch_add(&session->references, 1);
	return session;
}

/* An idle connection counts when it comes, and once more when it goes. */
uint64_t session_progress(const struct session *session)
{
	uint64_t sum = atomic_load(&session->pings) +
		       atomic_load(&session->failed) +
		       atomic_load(&session->told) +
		       2 * atomic_load(&session->idle_most) -
		       atomic_load(&session->idle);
	const struct stats *stats = session->stats;
	uint32_t i;

	for (i = 0; i < test_flows(&session->test); i++, stats++)
		sum += stats_get(&stats->sent) + stats_get(&stats->received) +
		       stats_get(&stats->transactions) +
		       atomic_load(&stats->joined) + atomic_load(&stats->over);
	return sum;
}

uint64_t session_held(const struct session *session)
{
	uint64_t most = atomic_load(&session->idle_most);
	uint64_t lost = atomic_load(&session->idle_lost);

	return most > lost ? most - lost : 0;
}

void session_put(struct session *session)
{
	if (!session || atomic_fetch_sub(&session->references, 1) > 1)
		return;
	free(session->stats);
	free(session->ids);
	free(session);
}
