// SPDX-License-Identifier: GPL-2.0-only
/*
 * One listener that workers of both engines share: each accepts, none makes
 * another wait, and cancelling ends it. What a listener is stays as it was.
 * To some kernels' io_uring a listener that does not wait is reason to answer
 * EAGAIN, which others do when they are asked to.
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef IORING_ACCEPT_DONTWAIT
#define IORING_ACCEPT_DONTWAIT	(1U << 1)
#endif

static bool answers_again;

static void prep_accept(struct io_uring_sqe *sqe, int fd, struct sockaddr *from,
			socklen_t *length, int flags)
{
	io_uring_prep_accept(sqe, fd, from, length, flags);
	if (answers_again)
		sqe->ioprio |= IORING_ACCEPT_DONTWAIT;
}

/* The source itself, of which only this call is another. */
#define io_uring_prep_accept	prep_accept
#include "kpcd/engine_ring.c"
#undef io_uring_prep_accept

#include "../tap.h"

#define ENGINES	3
#define COMERS	64

/* First, so that it is the operation too. */
struct acceptor {
	struct engine_op op;
	struct buffer_pool pool;
	struct engine *engine;
	unsigned int count;
	int last;
};

static struct acceptor acceptors[ENGINES];
static int comers[COMERS];

static void accepted(struct engine_op *op, int result)
{
	struct acceptor *acceptor = (struct acceptor *)op;

	if (result >= 0) {
		acceptor->count++;
		close(result);
	} else {
		acceptor->last = result;
	}
}

static unsigned int all_accepted(void)
{
	unsigned int i, count = 0;

	for (i = 0; i < ENGINES; i++)
		count += acceptors[i].count;
	return count;
}

static bool all_wait(void)
{
	unsigned int i;

	for (i = 0; i < ENGINES; i++)
		if (!acceptors[i].op.pending || acceptors[i].last)
			return false;
	return true;
}

static void turns(unsigned int count)
{
	unsigned int i;

	while (count--)
		for (i = 0; i < ENGINES; i++)
			engine_run(acceptors[i].engine, 0);
}

static bool come(const struct sockaddr_in *to, unsigned int i)
{
	comers[i] = socket(AF_INET, SOCK_STREAM, 0);
	return !connect(comers[i], (const struct sockaddr *)to, sizeof(*to));
}

static bool begin(enum worker_engine kind, struct acceptor *acceptor, int fd)
{
	buffer_pool_init(&acceptor->pool, 64 << 20);
	if (engine_new(kind, &acceptor->pool, &acceptor->engine))
		return false;
	acceptor->op.done = accepted;
	acceptor->op.fd = dup(fd);
	acceptor->op.code = ENGINE_ACCEPT;
	engine_submit(acceptor->engine, &acceptor->op);
	return true;
}

static void end(struct acceptor *acceptor)
{
	if (!acceptor->engine)
		return;
	engine_free(acceptor->engine);
	buffer_pool_free(&acceptor->pool);
	close(acceptor->op.fd);
}

static int listen_here(struct sockaddr_in *at)
{
	socklen_t length = sizeof(*at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	*at = (struct sockaddr_in){ .sin_family = AF_INET };
	at->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (struct sockaddr *)at, sizeof(*at)) || listen(fd, COMERS) ||
	    getsockname(fd, (struct sockaddr *)at, &length)) {
		close(fd);
		return -1;
	}
	return fd;
}

static void check_comers(const struct sockaddr_in *at, const char *name)
{
	unsigned int i, before;

	for (i = 0; i < COMERS; i++) {
		before = all_accepted();
		if (!come(at, i))
			break;
		turns(8);
		if (all_accepted() != before + 1)
			break;
	}
	tap_ok(i == COMERS, "%s: each of %u who come is accepted once (%u)",
	       name, COMERS, i);
	tap_ok(all_wait(), "%s: all wait again", name);

	for (i = 0; i < COMERS; i++) {
		close(comers[i]);
		come(at, i);
	}
	turns(COMERS);
	tap_ok(all_accepted() == 2 * COMERS,
	       "%s: all who come at once are accepted", name);
	for (i = 0; i < COMERS; i++)
		close(comers[i]);
}

static void check_cancelled(const struct sockaddr_in *at, const char *name)
{
	unsigned int i;

	for (i = 0; i < ENGINES; i++)
		engine_cancel(acceptors[i].engine, &acceptors[i].op);
	turns(8);
	for (i = 0; i < ENGINES; i++)
		tap_ok(!acceptors[i].op.pending &&
		       acceptors[i].last == -ECANCELED,
		       "%s: cancelled, %s is told so (%d)", name,
		       engine_name(acceptors[i].engine), acceptors[i].last);
	tap_ok(come(at, 0), "%s: one more comes", name);
	turns(8);
	tap_ok(all_accepted() == 2 * COMERS,
	       "%s: who has cancelled accepts no more", name);
	close(comers[0]);
}

static void check(const char *name)
{
	static const enum worker_engine kinds[ENGINES] = {
		WORKER_ENGINE_URING, WORKER_ENGINE_EPOLL, WORKER_ENGINE_URING,
	};
	struct sockaddr_in at;
	int fd = listen_here(&at), flags = fcntl(fd, F_GETFL);
	bool all = true;
	unsigned int i;

	memset(acceptors, 0, sizeof(acceptors));
	for (i = 0; all && i < ENGINES; i++)
		all = begin(kinds[i], &acceptors[i], fd);
	if (all)
		turns(8);
	if (!all) {
		tap_skip(name, "this kernel has not both engines");
	} else if (acceptors[0].last == -EINVAL) {
		tap_skip(name, "this kernel's io_uring cannot be asked to");
	} else {
		tap_ok(all_wait(), "%s: all wait while nobody comes", name);
		check_comers(&at, name);
		tap_ok(fcntl(fd, F_GETFL) == flags,
		       "%s: the listener is what it was", name);
		check_cancelled(&at, name);
	}
	for (i = 0; i < ENGINES; i++)
		end(&acceptors[i]);
	close(fd);
}

int main(void)
{
	tap_begin();
	check("as the kernel has it");
	answers_again = true;
	check("io_uring answers EAGAIN");
	return tap_end();
}
