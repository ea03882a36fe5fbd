// SPDX-License-Identifier: GPL-2.0-only
/*
 * A worker that gets no memory, or no answer of the module any more: what that
 * costs is one connection or one worker, and the log says what it was. I8, I5.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <kpc/records.h>

#include "../libkpc/link.h"

static bool starved;

static void *malloc_or_not(size_t size)
{
	return starved ? NULL : malloc(size);
}

static void *calloc_or_not(size_t count, size_t size)
{
	return starved ? NULL : calloc(count, size);
}

static void *realloc_or_not(void *old, size_t size)
{
	return starved ? NULL : realloc(old, size);
}

/* The sources themselves, of which only the allocator is another. */
#define malloc(size)		malloc_or_not(size)
#define calloc(count, size)	calloc_or_not(count, size)
#define realloc(old, size)	realloc_or_not(old, size)
#include "kpcd/buffer.c"
#include "kpcd/relay_transfer.c"
#include "libkpc/pipe.c"
#undef malloc
#undef calloc
#undef realloc

#include "kpcd/handshake.h"

/* A worker, its one connection, and the far ends of all its sockets. */
static struct worker worker;
static struct connection *c;
static int warden, far, local;

static int pair_of(int *other)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds))
		return -1;
	*other = fds[1];
	return fds[0];
}

static bool worker_begin(void)
{
	int fds[2];

	memset(&worker, 0, sizeof(worker));
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds))
		return false;
	worker.message_fd = fds[0];
	warden = fds[1];
	worker.netlink_fd = -1;
	worker.steps_end = &worker.steps;
	timer_wheel_init(&worker.timers);
	buffer_pool_init(&worker.pool, 64 << 20);
	if (engine_new(WORKER_ENGINE_EPOLL, &worker.pool, &worker.engine))
		return false;
	channel_start(&worker);
	return true;
}

static void worker_end(void)
{
	starved = false;
	engine_free(worker.engine);
	channel_flush(&worker);
	transfer_flush(&worker);
	buffer_pool_free(&worker.pool);
	close(worker.message_fd);
	close(warden);
}

static bool connection_begin(enum kpc_carrier carrier)
{
	c = connection_new(&worker, KPC_ROLE_B);
	if (!c)
		return false;
	handshake_free(c);
	c->carrier = carrier;
	connection_tls(c, pair_of(&far));
	connection_plain(c, pair_of(&local), false);
	relay_start(c);
	return true;
}

static void connection_end(void)
{
	unsigned int turn;

	starved = false;
	connection_abort(c);
	for (turn = 0; worker.closed && turn < 10; turn++) {
		engine_run(worker.engine, 0);
		connection_bury(&worker);
	}
	close(far);
	close(local);
}

static void turns(void)
{
	unsigned int turn;

	for (turn = 0; turn < 8; turn++)
		engine_run(worker.engine, 0);
}

/* Has the warden been told so, in those words? */
static bool told(enum kpc_message_event_kind kind, const char *words)
{
	struct kpc_message message;
	bool found = false;

	while (recv(warden, &message, sizeof(message), MSG_DONTWAIT) > 0) {
		if (message.type != KPC_MESSAGE_EVENT ||
		    message.event.kind == KPC_EVENT_UP)
			continue;
		tap_note("%s", message.event.text);
		found = found || (message.event.kind == kind &&
				  strstr(message.event.text, words));
	}
	return found;
}

/* Octets came from the far end, and there is nothing to send them on with. */
static void check_no_transfer(void)
{
	if (!worker_begin() || !connection_begin(KPC_CARRIER_KERNEL)) {
		tap_ok(false, "a worker with a connection");
		return;
	}
	buffer_put(&worker.pool, buffer_get(&worker.pool));
	starved = true;
	tap_ok(send(far, "words", 5, 0) == 5, "the far end sends");
	turns();
	tap_ok(c->state == CONNECTION_CLOSED,
	       "a connection that cannot send is ended");
	tap_ok(told(KPC_EVENT_TRUNCATED, "no memory to send"), "and the log says why");
	connection_end();
	worker_end();
}

/* The local program said something, and there is nothing to take it with. */
static void check_no_buffer(void)
{
	if (!worker_begin() || !connection_begin(KPC_CARRIER_KERNEL)) {
		tap_ok(false, "a worker with a connection");
		return;
	}
	turns();
	while (worker.pool.warm || worker.pool.cold)
		buffer_get(&worker.pool);
	starved = true;
	tap_ok(send(local, "words", 5, 0) == 5, "the local program sends");
	turns();
	tap_ok(c->state == CONNECTION_CLOSED,
	       "a connection that cannot receive is ended");
	tap_ok(told(KPC_EVENT_DOWN, "no memory"),
	       "and the log does not blame the local program");
	connection_end();
	worker_end();
}

/* A record came for the agent's TLS, which cannot take it in. */
static void check_no_input(void)
{
	const void *octets;
	struct link link;
	size_t length;

	if (!worker_begin() || !link_open(&link, 0x1301) ||
	    !connection_begin(KPC_CARRIER_AGENT)) {
		tap_ok(false, "a worker with a connection");
		return;
	}
	c->records = link.b;
	link.b = NULL;
	buffer_put(&worker.pool, buffer_get(&worker.pool));
	kpc_records_write(link.a, "words", 5);
	octets = kpc_records_output(link.a, &length);
	tap_ok(send(far, octets, length, 0) == (ssize_t)length,
	       "the far end sends a record");
	starved = true;
	turns();
	tap_ok(c->state == CONNECTION_CLOSED,
	       "a connection that lost a record is ended");
	tap_ok(told(KPC_EVENT_TRUNCATED, "Cannot allocate memory"),
	       "and the log says why");
	connection_end();
	link_close(&link);
	worker_end();
}

/* What answers is no socket, so reading fails as nothing else would. */
static void check_no_module(void)
{
	if (!worker_begin()) {
		tap_ok(false, "a worker");
		return;
	}
	worker.netlink_fd = eventfd(1, EFD_NONBLOCK);
	bind_start(&worker);
	turns();
	tap_ok(worker.stop && worker.status == 1,
	       "a worker that cannot hear the module ends");
	tap_ok(told(KPC_EVENT_FAULT, "the module's answers"), "and the log says why");
	close(worker.netlink_fd);
	worker_end();
}

int main(void)
{
	tap_begin();
	check_no_buffer();
	check_no_input();
	check_no_module();
	check_no_transfer();
	return tap_end();
}
