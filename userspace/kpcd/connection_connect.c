// SPDX-License-Identifier: MIT
/*
 * The first part of a connection: role a goes to IdB's addresses in order,
 * role b is come to.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "handshake.h"

/* Returns the length of @to, which is IPv4 where @from is v4-mapped. */
static socklen_t address_native(const struct sockaddr_in6 *from,
				struct sockaddr_in6 *to)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)to;

	if (!IN6_IS_ADDR_V4MAPPED(&from->sin6_addr)) {
		*to = *from;
		to->sin6_family = AF_INET6;
		return sizeof(*to);
	}
	memset(to, 0, sizeof(*to));
	v4->sin_family = AF_INET;
	v4->sin_port = from->sin6_port;
	memcpy(&v4->sin_addr, &from->sin6_addr.s6_addr[12], 4);
	return sizeof(*v4);
}

static void address_mapped(const struct sockaddr_storage *from,
			   struct sockaddr_in6 *to)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)from;

	memset(to, 0, sizeof(*to));
	if (from->ss_family == AF_INET6) {
		memcpy(to, from, sizeof(*to));
	} else if (from->ss_family == AF_INET) {
		to->sin6_family = AF_INET6;
		to->sin6_port = v4->sin_port;
		to->sin6_addr.s6_addr[10] = 0xff;
		to->sin6_addr.s6_addr[11] = 0xff;
		memcpy(&to->sin6_addr.s6_addr[12], &v4->sin_addr, 4);
	}
}

static uint64_t connect_ms_left(const struct connection *c)
{
	uint64_t now = timer_now();

	return c->handshake->give_up > now ? c->handshake->give_up - now : 0;
}

static void connect_next(struct connection *c, int error);

static void connect_done(struct engine_op *op, int result)
{
	struct connection *c = container_of(op, struct connection, tls.tx);

	if (connection_over(c, op))
		return;
	if (result < 0) {
		connect_next(c, result);
		return;
	}
	connection_deadline(c, connect_ms_left(c));
	handshake_begin(c);
}

bool connect_expired(struct connection *c)
{
	if (c->handshake->address >= c->association->addresses.count ||
	    !c->tls.tx.pending || !connect_ms_left(c))
		return false;
	/* It completes as cancelled, and the next address has its turn. */
	engine_cancel(c->worker->engine, &c->tls.tx);
	return true;
}

static void connect_submit(struct connection *c)
{
	uint64_t ms = connect_ms_left(c);
	struct handshake *hs = c->handshake;
	struct engine_op *op = &c->tls.tx;

	/* An address that swallows everything leaves time for the others. */
	if (hs->address < c->association->addresses.count &&
	    ms > CONNECT_SECONDS * 1000)
		ms = CONNECT_SECONDS * 1000;
	connection_deadline(c, ms);
	op->done = connect_done;
	op->code = ENGINE_CONNECT;
	op->flags = 0;
	op->length = address_native(&c->peer, &hs->remote);
	op->address = (const struct sockaddr *)&hs->remote;
	engine_submit(c->worker->engine, op);
}

static void connect_registered(struct waiter *waiter, const void *answer,
			       int fd)
{
	struct handshake *hs = container_of(waiter, struct handshake, waiter);
	const struct bind_answer *got = answer;

	if (got->error)
		connection_fail(hs->connection, KPC_EVENT_FAULT, got->error,
				got->text);
	else
		connect_submit(hs->connection);
}

/* The address that failed is left behind; @error is why, 0 at the first. */
static void connect_next(struct connection *c, int error)
{
	struct handshake *hs = c->handshake;
	const struct kpc_message_addresses *to = &c->association->addresses;
	char text[KPC_MESSAGE_TEXT_MAX + 1];
	int fd;

	if (hs->address >= to->count) {
		snprintf(text, sizeof(text), "%s%s",
			 to->count ? "cannot connect to the far end: " :
			 "no address of the far end is known",
			 to->count ? strerror(error == -ECANCELED ? ETIMEDOUT :
					-error) : "");
		connection_fail(c, KPC_EVENT_REFUSED,
				to->count ? error : -EHOSTUNREACH, text);
		return;
	}
	engine_close(c->worker->engine, c->tls.fd);
	c->tls.fd = -1;
	c->peer = to->at[hs->address++];
	fd = engine_socket(c->worker->engine,
			   IN6_IS_ADDR_V4MAPPED(&c->peer.sin6_addr) ?
			   AF_INET : AF_INET6);
	if (fd < 0) {
		connection_fail(c, KPC_EVENT_FAULT, fd,
				"no socket towards the far end");
		return;
	}
	connection_tls(c, fd);
	if (!c->worker->config.enforce) {
		connect_submit(c);
		return;
	}
	/* That of the address before this one may have passed. */
	connection_deadline(c, connect_ms_left(c));
	hs->waiter.answered = connect_registered;
	bind_handshake(c->worker, &hs->waiter, fd, &c->association->config);
}

void connection_initiate(struct worker *worker,
			 struct association *association, int fd,
			 const struct kpc_message_listener *from,
			 uint32_t request)
{
	struct connection *c = connection_new(worker, KPC_ROLE_A);
	uint64_t ms = association->config.handshake_seconds * 1000ULL;

	if (!c) {
		if (fd >= 0)
			close(fd);
		return;
	}
	c->association = association;
	c->handshake->request = request;
	c->handshake->give_up = timer_now() + ms;
	if (fd >= 0) {
		c->hand_over = from->hand_over;
		connection_plain(c, fd, from->local_tcp);
	}
	c->handshake->counted = association_initiates(worker, association);
	if (!c->handshake->counted) {
		connection_fail(c, KPC_EVENT_REFUSED, -EBUSY,
				"too many handshakes with the far end are under way");
		return;
	}
	connection_deadline(c, ms);
	if (fd >= 0)
		plain_watch(c, from->local_tcp);
	connect_next(c, 0);
}

/* Before anything is spent on it but the descriptor. */
static void source_refuse(struct worker *worker, int fd,
			  const struct sockaddr_in6 *from)
{
	struct connection of = { .worker = worker, .born = timer_now() };

	of.peer = *from;
	worker_event(worker, KPC_EVENT_REFUSED, &of,
		     "more than %u connections a second from this source",
		     worker->sources.rate);
	connection_resets(fd, true);
	engine_close(worker->engine, fd);
}

void connection_accept(struct listener *listener, int fd)
{
	struct worker *worker = listener->worker;
	struct sockaddr_storage peer = {};
	struct sockaddr_in6 from = {};
	socklen_t length = sizeof(peer);
	struct connection *c;

	if (!getpeername(fd, (struct sockaddr *)&peer, &length))
		address_mapped(&peer, &from);
	if (!source_may(&worker->sources, &from, timer_now())) {
		source_refuse(worker, fd, &from);
		return;
	}
	c = connection_new(worker, KPC_ROLE_B);
	if (!c) {
		engine_close(worker->engine, fd);
		return;
	}
	c->peer = from;
	connection_tls(c, fd);
	c->handshake->listener = listener->config.id;
	handshake_list(c->handshake, source_of(&from));
	connection_deadline(c, listener_handshake_seconds(listener) * 1000ULL);
	handshake_begin(c);
}
