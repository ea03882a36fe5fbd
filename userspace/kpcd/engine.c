// SPDX-License-Identifier: MIT
/*
 * Chooses an engine and passes calls on to it.
 */
#include <errno.h>
#include <netinet/in.h>

#include "engine_internal.h"

/* Nobody tells when the system has memory again. */
#define STARVED_MS	20

int engine_new(enum worker_engine kind, struct buffer_pool *pool,
	       struct engine **engine)
{
	int ret = -EOPNOTSUPP;

	if (kind != WORKER_ENGINE_EPOLL) {
		ret = engine_ring_new(pool, engine);
		if (!ret || kind == WORKER_ENGINE_URING)
			return ret;
	}
	return engine_epoll_new(pool, engine);
}

void engine_init(struct engine *engine, const struct engine_kind *kind,
		 struct buffer_pool *pool)
{
	engine->kind = kind;
	engine->pool = pool;
	engine->starved_end = &engine->starved;
}

void engine_starve(struct engine *engine, struct engine_op *op)
{
	op->starved = 1;
	op->next = NULL;
	*engine->starved_end = op;
	engine->starved_end = &op->next;
}

struct engine_op *engine_feed(struct engine *engine)
{
	struct engine_op *op = engine->starved;

	if (!op)
		return NULL;
	engine->starved = op->next;
	if (!engine->starved)
		engine->starved_end = &engine->starved;
	op->starved = 0;
	return op;
}

bool engine_starved_cancel(struct engine *engine, struct engine_op *op)
{
	struct engine_op **at = &engine->starved;

	if (!op->starved)
		return false;
	while (*at != op)
		at = &(*at)->next;
	*at = op->next;
	if (!*at)
		engine->starved_end = at;
	op->next = engine->starved;
	engine->starved = op;
	if (!op->next)
		engine->starved_end = &op->next;
	return true;
}

int engine_patience(const struct engine *engine, int timeout_ms)
{
	if (!engine->starved)
		return timeout_ms;
	if (engine->starved->cancelled)
		return 0;
	return timeout_ms < 0 || timeout_ms > STARVED_MS ? STARVED_MS :
							   timeout_ms;
}

void engine_free(struct engine *engine)
{
	if (engine)
		engine->kind->stop(engine);
}

const char *engine_name(const struct engine *engine)
{
	return engine->kind->name;
}

int engine_socket(struct engine *engine, int family)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC |
			engine->kind->socket_flags, IPPROTO_TCP);

	return fd < 0 ? -errno : fd;
}

void engine_submit(struct engine *engine, struct engine_op *op)
{
	op->pending = 1;
	op->cancelled = 0;
	op->buffer = NULL;
	engine->kind->submit(engine, op);
}

void engine_cancel(struct engine *engine, struct engine_op *op)
{
	if (!op->pending || op->cancelled)
		return;
	op->cancelled = 1;
	engine->kind->cancel(engine, op);
}

void engine_close(struct engine *engine, int fd)
{
	engine->kind->close(engine, fd);
}

int engine_run(struct engine *engine, int timeout_ms)
{
	return engine->kind->run(engine, timeout_ms);
}
