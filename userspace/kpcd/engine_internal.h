/* SPDX-License-Identifier: MIT */
/*
 * What the two engines have in common, for engine*.c only.
 */
#ifndef KPCD_ENGINE_INTERNAL_H
#define KPCD_ENGINE_INTERNAL_H

#include "engine.h"

/**
 * struct engine_kind - one way to wait
 * @name: for the log
 * @socket_flags: of socket(2)
 * @stop: gives everything back
 * @submit: begins an operation marked pending
 * @cancel: ends one that is pending
 * @close: closes a descriptor
 * @run: see engine_run()
 */
struct engine_kind {
	const char *name;
	int socket_flags;
	void (*stop)(struct engine *engine);
	void (*submit)(struct engine *engine, struct engine_op *op);
	void (*cancel)(struct engine *engine, struct engine_op *op);
	void (*close)(struct engine *engine, int fd);
	int (*run)(struct engine *engine, int timeout_ms);
};

/**
 * struct engine - first member of each engine's own structure
 * @kind: which
 * @pool: where buffers come from
 * @starved: ENGINE_TAKE that has something to receive and got no buffer, the
 *	cancelled first, then those that have waited longest
 * @starved_end: where the next goes
 */
struct engine {
	const struct engine_kind *kind;
	struct buffer_pool *pool;
	struct engine_op *starved;
	struct engine_op **starved_end;
};

/** engine_init() - what all engines have */
void engine_init(struct engine *engine, const struct engine_kind *kind,
		 struct buffer_pool *pool);

/** engine_starve() - have @op wait for a buffer */
void engine_starve(struct engine *engine, struct engine_op *op);

/** engine_feed() - the next one that waits, waiting no more; NULL: none does */
struct engine_op *engine_feed(struct engine *engine);

/** engine_starved_cancel() - if @op waits, it is the next; else false */
bool engine_starved_cancel(struct engine *engine, struct engine_op *op);

/** engine_patience() - how long to wait for sockets, @timeout_ms at most */
int engine_patience(const struct engine *engine, int timeout_ms);

/* Each returns 0 or a negative errno that says why it cannot be had. */
int engine_ring_new(struct buffer_pool *pool, struct engine **engine);
int engine_epoll_new(struct buffer_pool *pool, struct engine **engine);

/** engine_complete() - tell the owner of @op how it went, for the last time */
static inline void engine_complete(struct engine_op *op, int result)
{
	op->pending = 0;
	op->cancelled = 0;
	op->done(op, result);
}

#endif
