// SPDX-License-Identifier: GPL-2.0-only
/*
 * A worker that gets no memory, or no answer of the module any more: what that
 * costs is one connection or one worker, and the log says what it was. I8, I5.
 */
#include <errno.h>
#include <netinet/in.h>
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
#include "kpcd/worker_channel.c"
#include "libkpc/pipe.c"
#undef malloc
#undef calloc
#undef realloc

#include "kpcd/handshake.h"
#include "lone_worker.h"

/* A worker, its one connection, and the far ends of all its sockets. */
static struct worker worker;
static struct connection *c;
static int warden, far, local;

static int pair_of(int *other)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds))
		return -1;
	*other = fds[1];
	return fds[0];
}

/* Whoever gets no buffer waits, and goes on when there is one again. */
#define TAKES	100
#define IDLE	10

struct taker {
	struct engine_op op;
	int far;
	int result;
	bool done;
};

static struct taker takers[TAKES];

static void taken(struct engine_op *op, int result)
{
	struct taker *taker = (struct taker *)op;

	taker->result = result;
	taker->done = true;
}

static unsigned int count_takers(int result)
{
	unsigned int i, count = 0;

	for (i = 0; i < TAKES; i++)
		count += takers[i].done && takers[i].result == result;
	return count;
}

static struct buffer *hoard(struct buffer_pool *pool)
{
	struct buffer *buffer, *all = NULL;

	starved = true;
	while (pool->warm || pool->cold) {
		buffer = buffer_get(pool);
		buffer->next = all;
		all = buffer;
	}
	return all;
}

static void run_engine(struct engine *engine, unsigned int count)
{
	while (count--)
		engine_run(engine, 0);
}

/* What was received is what was sent, and the idle ones received nothing. */
static bool takers_sound(struct buffer_pool *pool, unsigned int cancelled)
{
	unsigned int i;

	for (i = 0; i < TAKES; i++) {
		struct taker *taker = &takers[i];
		bool done = i >= IDLE;

		if (i == cancelled)
			continue;
		if (taker->done != done)
			return false;
		if (!taker->done)
			continue;
		if (taker->result != sizeof(i) || !taker->op.buffer ||
		    memcmp(taker->op.buffer->data, &i, sizeof(i)))
			return false;
		buffer_put(pool, taker->op.buffer);
	}
	return true;
}

static void check_takes(enum worker_engine kind, const char *name)
{
	struct buffer *buffer, *held;
	struct buffer_pool pool;
	struct engine *engine;
	unsigned int i, before;

	starved = false;
	buffer_pool_init(&pool, 64 << 20);
	if (engine_new(kind, &pool, &engine)) {
		tap_skip(name, "this kernel has no such engine");
		return;
	}
	memset(takers, 0, sizeof(takers));
	buffer_put(&pool, buffer_get(&pool));
	held = hoard(&pool);
	for (i = 0; i < TAKES; i++) {
		takers[i].op.fd = pair_of(&takers[i].far);
		takers[i].op.done = taken;
		takers[i].op.code = ENGINE_TAKE;
		engine_submit(engine, &takers[i].op);
	}
	run_engine(engine, 4);
	for (i = IDLE; i < TAKES; i++)
		send(takers[i].far, &i, sizeof(i), 0);
	run_engine(engine, 200);
	before = count_takers(sizeof(i));
	for (i = 0; i < TAKES; i++)
		if (takers[i].done && takers[i].result < 0)
			break;
	tap_ok(i == TAKES && before < TAKES - IDLE,
	       "%s: without buffers %u of %u receive, and none fails (%d)", name,
	       before, TAKES - IDLE, i < TAKES ? takers[i].result : 0);

	for (i = IDLE; i < TAKES && takers[i].done; i++)
		;
	if (i < TAKES)
		engine_cancel(engine, &takers[i].op);
	run_engine(engine, 4);
	tap_ok(i < TAKES && count_takers(-ECANCELED) == 1 &&
	       takers[i].result == -ECANCELED && !takers[i].op.pending,
	       "%s: one that waits can be cancelled", name);

	while ((buffer = held) && buffer->next) {
		held = buffer->next;
		buffer_put(&pool, buffer);
		run_engine(engine, 4);
	}
	starved = false;
	run_engine(engine, 100);
	tap_ok(takers_sound(&pool, i),
	       "%s: with buffers all receive what was sent to them", name);
	if (held)
		buffer_put(&pool, held);
	engine_free(engine);
	buffer_pool_free(&pool);
	for (i = 0; i < TAKES; i++) {
		close(takers[i].op.fd);
		close(takers[i].far);
	}
}

static void worker_end(void)
{
	starved = false;
	lone_worker_end(&worker, warden);
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

	for (turn = 0; turn < 8; turn++) {
		channel_flush(&worker);
		engine_run(worker.engine, 0);
	}
}

/* Has the warden been told so, in those words? */
static bool told(enum kpc_message_event_kind kind, const char *words)
{
	struct kpc_message message;
	bool found = false;

	channel_flush(&worker);
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
	if (!lone_worker_begin(&worker, &warden, 1) || !connection_begin(KPC_CARRIER_KERNEL)) {
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

/* The local program says something, and there is nothing to take it with. */
static void check_no_buffer(void)
{
	char heard[8] = "";

	if (!lone_worker_begin(&worker, &warden, 1) || !connection_begin(KPC_CARRIER_KERNEL)) {
		tap_ok(false, "a worker with a connection");
		return;
	}
	buffer_put(&worker.pool, buffer_get(&worker.pool));
	hoard(&worker.pool);
	turns();
	tap_ok(c->state == CONNECTION_RELAY,
	       "a connection on which nothing comes needs no buffer");
	tap_ok(send(local, "words", 5, 0) == 5, "the local program sends");
	turns();
	tap_ok(c->state == CONNECTION_RELAY && recv(far, heard, 8, MSG_DONTWAIT) < 0,
	       "a connection that cannot receive waits");
	starved = false;
	turns();
	tap_ok(recv(far, heard, 8, MSG_DONTWAIT) == 5 && !memcmp(heard, "words", 5),
	       "and the words are sent on when there is memory again");
	tap_ok(!told(KPC_EVENT_DOWN, ""), "the log tells of no loss");
	connection_end();
	worker_end();
}

/* A record came for the agent's TLS, which cannot take it in. */
static void check_no_input(void)
{
	const void *octets;
	struct link link;
	size_t length;

	if (!lone_worker_begin(&worker, &warden, 1) || !link_open(&link, 0x1301) ||
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

/* The warden is slow, and there is nothing to keep words for it with. */
static void check_no_outbox(void)
{
	struct kpc_message message;
	unsigned int i, lost = 0;

	if (!lone_worker_begin(&worker, &warden, 1)) {
		tap_ok(false, "a worker");
		return;
	}
	while (!worker.message_out.pending)
		worker_event(&worker, KPC_EVENT_FAULT, NULL, "before");
	starved = true;
	for (i = 0; i < 3; i++)
		worker_event(&worker, KPC_EVENT_FAULT, NULL, "without memory");
	starved = false;
	worker_event(&worker, KPC_EVENT_FAULT, NULL, "after");
	for (i = 0; i < 4; i++) {
		while (recv(warden, &message, sizeof(message), MSG_DONTWAIT) > 0)
			lost += message.event.lost;
		turns();
	}
	tap_ok(lost == 3, "events that found no memory are counted (%u)", lost);
	worker_end();
}

/* What answers is no socket, so reading fails as nothing else would. */
static void check_no_module(void)
{
	if (!lone_worker_begin(&worker, &warden, 1)) {
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

/* A port of this host at which connections get no answer. */
static int silent_port(struct sockaddr_in6 *at, int *waiting)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	socklen_t length = sizeof(v4);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	*waiting = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(fd, (struct sockaddr *)&v4, length) || listen(fd, 0) ||
	    getsockname(fd, (struct sockaddr *)&v4, &length) ||
	    connect(*waiting, (struct sockaddr *)&v4, length))
		return -1;
	memset(at, 0, sizeof(*at));
	at->sin6_family = AF_INET6;
	at->sin6_port = v4.sin_port;
	at->sin6_addr.s6_addr[10] = 0xff;
	at->sin6_addr.s6_addr[11] = 0xff;
	memcpy(&at->sin6_addr.s6_addr[12], &v4.sin_addr, 4);
	return fd;
}

/* It registered the first address's socket, and not the second one's. */
static void check_silent_module(void)
{
	struct association association = {
		.config.name = "pump",
		.config.handshake_seconds = 60,
		.addresses.count = 2,
	};
	struct bind_answer registered = {};
	struct waiter *waiter;
	int fd, waiting;

	fd = silent_port(&association.addresses.at[0], &waiting);
	association.addresses.at[1] = association.addresses.at[0];
	if (fd < 0 || !lone_worker_begin(&worker, &warden, 1)) {
		tap_ok(false, "a worker");
		return;
	}
	worker.config.enforce = true;
	worker.netlink_fd = pair_of(&local);
	far = -1;
	connection_initiate(&worker, &association, -1, false, 0);
	waiter = worker.binds.slots[worker.binds.last % WAITER_SLOTS];
	c = container_of(waiter, struct handshake, waiter)->connection;
	tap_ok(c->timer.next, "who waits for the module has a deadline");
	waiter_answer(&worker.binds, worker.binds.last, &registered, -1);
	turns();
	tap_ok(c->tls.tx.pending, "the first address does not answer");
	timer_disarm(&worker.timers, &c->timer);
	c->timer.expired(&c->timer);
	turns();
	tap_ok(worker.binds.last == 2 && c->handshake->address == 2,
	       "after its time the second has its turn");
	tap_ok(c->timer.next, "who waits for the module then has one too");
	connection_end();
	close(worker.netlink_fd);
	close(waiting);
	close(fd);
	worker_end();
}

int main(void)
{
	tap_begin();
	check_takes(WORKER_ENGINE_EPOLL, "epoll");
	check_takes(WORKER_ENGINE_URING, "io_uring");
	check_no_buffer();
	check_no_input();
	check_no_outbox();
	check_no_module();
	check_silent_module();
	check_no_transfer();
	return tap_end();
}
