// SPDX-License-Identifier: MIT
/*
 * Connections: their birth, their deadlines and their ends.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "hand_over.h"
#include "handshake.h"

/* Connections that memory is taken for at once. */
#define CONNECTION_SLAB	64

static void list_add(struct connection **list, struct connection *c)
{
	c->next = *list;
	c->link = list;
	if (c->next)
		c->next->link = &c->next;
	*list = c;
}

static void list_remove(struct connection *c)
{
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
}

/*
 * Connections live long and handshakes do not. Side by side on one heap each
 * connection would keep the pages of the handshakes around it; so they have
 * pages of their own.
 */
static void connections_grow(struct worker *worker)
{
	size_t size = CONNECTION_SLAB * sizeof(struct connection);
	struct connection *slab = mmap(NULL, size, PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned int i;

	if (slab == MAP_FAILED)
		return;
	for (i = 0; i < CONNECTION_SLAB; i++) {
		slab[i].next = worker->spare;
		worker->spare = &slab[i];
	}
}

static struct connection *connection_alloc(struct worker *worker)
{
	struct connection *c;

	if (!worker->spare)
		connections_grow(worker);
	c = worker->spare;
	if (!c)
		return NULL;
	worker->spare = c->next;
	memset(c, 0, sizeof(*c));
	return c;
}

static void connection_give(struct worker *worker, struct connection *c)
{
	c->next = worker->spare;
	worker->spare = c;
}

static void connection_expired(struct timer *timer);

struct connection *connection_new(struct worker *worker, enum kpc_role role)
{
	struct connection *c = connection_alloc(worker);

	if (!c)
		return NULL;
	c->worker = worker;
	c->role = role;
	c->tls.fd = -1;
	c->plain.fd = -1;
	c->timer.expired = connection_expired;
	c->born = timer_now();
	c->carrier = KPC_CARRIER_AGENT;
	if (handshake_new(c)) {
		connection_give(worker, c);
		return NULL;
	}
	list_add(&worker->connections, c);
	return c;
}

void connection_cool(struct connection *c)
{
	struct connection **at;

	if (!c->association)
		return;
	for (at = &c->association->warm; *at; at = &(*at)->warm_next) {
		if (*at == c) {
			*at = c->warm_next;
			return;
		}
	}
}

/* Both ways out end here; what differs is how the sockets are closed. */
static void connection_close(struct connection *c)
{
	struct worker *worker = c->worker;

	if (c->state == CONNECTION_CLOSED)
		return;
	connection_cool(c);
	c->state = CONNECTION_CLOSED;
	timer_disarm(&worker->timers, &c->timer);
	handshake_detach(c);
	rekey_stop(c);
	engine_cancel(worker->engine, &c->tls.rx);
	engine_cancel(worker->engine, &c->tls.tx);
	engine_cancel(worker->engine, &c->plain.rx);
	engine_cancel(worker->engine, &c->plain.tx);
	list_remove(c);
	list_add(&worker->closed, c);
}

/* Whether closing it is a reset, which nobody takes for the end in order. */
void connection_resets(int fd, bool on)
{
	struct linger reset = { .l_onoff = on };

	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
}

void connection_abort(struct connection *c)
{
	if (c->state == CONNECTION_CLOSED)
		return;
	connection_resets(c->tls.fd, true);
	connection_close(c);
}

void connection_finish(struct connection *c)
{
	if (c->plain.tcp)
		connection_resets(c->plain.fd, false);
	connection_close(c);
}

bool connection_over(struct connection *c, struct engine_op *op)
{
	if (c->state < CONNECTION_SETTLE)
		return false;
	if (op->buffer)
		explicit_bzero(op->buffer->data, op->buffer->length);
	buffer_put(&c->worker->pool, op->buffer);
	op->buffer = NULL;
	return true;
}

static bool leg_pending(const struct leg *leg)
{
	return leg->rx.pending || leg->tx.pending;
}

static void connection_free(struct connection *c)
{
	struct worker *worker = c->worker;

	relay_drop(c);
	handshake_free(c);
	kpc_records_free(c->records);
	engine_close(worker->engine, c->tls.fd);
	engine_close(worker->engine, c->plain.fd);
	list_remove(c);
	connection_give(worker, c);
}

void connection_bury(struct worker *worker)
{
	struct connection *c, *next;

	for (c = worker->closed; c; c = next) {
		next = c->next;
		if (!leg_pending(&c->tls) && !leg_pending(&c->plain))
			connection_free(c);
	}
	worker_drain_check(worker);
}

void connection_deadline(struct connection *c, uint64_t ms)
{
	timer_arm(&c->worker->timers, &c->timer, ms);
}

static const char * const deadline_text[] = {
	[CONNECTION_CONNECT]	= "no connection to the far end in time",
	[CONNECTION_HANDSHAKE]	= "the handshake was not over in time",
	[CONNECTION_BIND]	= "the module did not answer in time",
	[CONNECTION_BACKEND]	= "no connection to the backend in time",
};

static void connection_expired(struct timer *timer)
{
	struct connection *c = container_of(timer, struct connection, timer);

	if (c->state == CONNECTION_CONNECT && connect_expired(c))
		return;
	if (c->state <= CONNECTION_BACKEND) {
		connection_fail(c, c->state == CONNECTION_BACKEND ?
				KPC_EVENT_BACKEND : KPC_EVENT_REFUSED,
				-ETIMEDOUT, deadline_text[c->state]);
		return;
	}
	relay_expired(c);
}

static void socket_option(int fd, int level, int option, int value)
{
	setsockopt(fd, level, option, &value, sizeof(value));
}

void connection_tls(struct connection *c, int fd)
{
	c->tls.fd = fd;
	c->tls.tcp = true;
	c->tls.rx.fd = fd;
	c->tls.tx.fd = fd;
	/* What is sent is gathered already, so waiting for more gains nothing. */
	socket_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	socket_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
}

void connection_plain(struct connection *c, int fd, bool tcp)
{
	c->plain.fd = fd;
	c->plain.tcp = tcp;
	c->plain.rx.fd = fd;
	c->plain.tx.fd = fd;
	if (!tcp)
		return;
	/* Until it ends in order: should this process be killed, the kernel closes it. */
	connection_resets(fd, true);
	socket_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

static void establish_answer(struct connection *c, int error, const char *text)
{
	struct kpc_message reply = {
		.type = KPC_MESSAGE_ESTABLISHED,
		.request = c->handshake->request,
		.established.association = c->association->config.id,
		.established.error = error,
	};

	if (!reply.request)
		return;
	c->handshake->request = 0;
	if (!error) {
		reply.established.version = c->version;
		reply.established.suite = c->suite;
		reply.established.binding = c->binding;
	}
	snprintf(reply.established.message, sizeof(reply.established.message),
		 "%s", text);
	channel_send(c->worker, &reply);
}

void connection_fail(struct connection *c, enum kpc_message_event_kind kind,
		     int error, const char *text)
{
	if (c->state == CONNECTION_CLOSED)
		return;
	if (c->handshake && c->association)
		establish_answer(c, error, text);
	if (c->role == KPC_ROLE_A && c->hand_over)
		hand_over_refuse(c->plain.fd, text);
	if (kind)
		worker_event(c->worker, kind, c, "%s", text);
	connection_abort(c);
}

/*
 * One is kept, the last, or none: it proves that all is well now. IdB may have
 * moved while the handshake was under way.
 */
static void connection_warm(struct connection *c)
{
	struct association *association = c->association;

	while (association->warm)
		relay_retire(association->warm);
	c->state = CONNECTION_WARM;
	c->warm_next = NULL;
	association->warm = c;
	relay_warm(c);
	if (!association->config.keeps ||
	    !association_leads_to(association, &c->peer))
		relay_retire(c);
}

void connection_open(struct connection *c)
{
	if (c->role == KPC_ROLE_B) {
		kpc_handshake_free(c->handshake->tls);
		c->handshake->tls = NULL;
		connection_backend(c);
		return;
	}
	establish_answer(c, 0, "");
	if (c->hand_over) {
		if (hand_over_may(c))
			hand_over(c);
		return;
	}
	handshake_free(c);
	if (c->plain.fd >= 0) {
		relay_start(c);
		return;
	}
	timer_disarm(&c->worker->timers, &c->timer);
	connection_warm(c);
}
