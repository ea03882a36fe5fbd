// SPDX-License-Identifier: MIT
/*
 * Role b's way to its local program: TCP by the worker itself, UNIX sockets by
 * the warden, who sees the file system.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <kpc/association.h>

#include "address.h"
#include "handshake.h"
#include "proxy.h"

#define BACKEND_SECONDS	10

socklen_t backend_address(const char *text, enum kpc_plain kind,
			  struct sockaddr_in6 *to)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)to;
	char host[KPC_AGENT_TEXT_MAX + 1];
	struct kpc_error err;
	const char *where;
	uint16_t port;

	memset(to, 0, sizeof(*to));
	if (kpc_plain_kind(text, &where) != kind ||
	    kpc_address_split(where, host, &port, &err))
		return 0;
	if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		return sizeof(*v4);
	}
	if (inet_pton(AF_INET6, host, &to->sin6_addr) == 1) {
		to->sin6_family = AF_INET6;
		to->sin6_port = htons(port);
		return sizeof(*to);
	}
	return 0;
}

static void backend_fail(struct connection *c, int error)
{
	char text[KPC_MESSAGE_TEXT_MAX + 1];

	snprintf(text, sizeof(text), "the backend cannot be reached: %s",
		 strerror(-error));
	connection_fail(c, KPC_EVENT_BACKEND, error, text);
}

/* The header comes before anything that the peer sends. */
static int backend_introduce(struct connection *c)
{
	struct proxy_subject subject = {
		.association = c->association,
		.peer = c->peer,
		.worker = c->worker->config.index,
		.fd = c->tls.fd,
		.binding = c->binding,
		.born = c->born,
		.version = c->version,
		.suite = c->suite,
	};
	struct sockaddr_storage own = {};
	socklen_t length = sizeof(own);
	struct buffer *buffer;

	if (!c->association->config.proxy)
		return 0;
	buffer = buffer_get(&c->worker->pool);
	if (!buffer)
		return -ENOMEM;
	if (!getsockname(c->tls.fd, (struct sockaddr *)&own, &length))
		address_map((struct sockaddr *)&own, &subject.own);
	buffer->length = proxy_header(buffer->data, &subject);
	stream_append(&c->in.stream, buffer);
	return 0;
}

static void backend_ready(struct connection *c)
{
	if (backend_introduce(c)) {
		backend_fail(c, -ENOMEM);
		return;
	}
	handshake_free(c);
	relay_start(c);
}

static void backend_connected(struct engine_op *op, int result)
{
	struct connection *c = container_of(op, struct connection, plain.tx);
	char text[KPC_MESSAGE_TEXT_MAX + 1];

	if (connection_over(c, op))
		return;
	if (result < 0) {
		backend_fail(c, result);
		return;
	}
	/* Asked of who listens there; nothing has been sent to him yet. */
	if (!plain_backend_allowed(c->worker, c->association,
				   c->plain.fd, text)) {
		connection_fail(c, KPC_EVENT_LOCAL_REFUSED, -EACCES, text);
		return;
	}
	backend_ready(c);
}

static void backend_tcp(struct connection *c)
{
	struct engine_op *op = &c->plain.tx;
	struct sockaddr_in6 *to = &c->handshake->remote;
	socklen_t length;
	int fd;

	length = backend_address(c->association->config.plain, KPC_PLAIN_TCP,
				 to);
	if (!length) {
		backend_fail(c, -EADDRNOTAVAIL);
		return;
	}
	fd = engine_socket(c->worker->engine, ((struct sockaddr *)to)->sa_family);
	if (fd < 0) {
		backend_fail(c, fd);
		return;
	}
	connection_plain(c, fd, true);
	op->done = backend_connected;
	op->code = ENGINE_CONNECT;
	op->flags = 0;
	op->address = (const struct sockaddr *)to;
	op->length = length;
	engine_submit(c->worker->engine, op);
}

static void backend_opened(struct waiter *waiter, const void *answer, int fd)
{
	struct handshake *hs = container_of(waiter, struct handshake, waiter);
	const struct kpc_message *got = answer;
	struct connection *c = hs->connection;
	int error = got->backend.error;

	c->hand_over = got->backend.kind == KPC_PLAIN_HAND_OVER;
	if (!error && fd < 0)
		error = -EBADF;
	if (error) {
		if (fd >= 0)
			close(fd);
		if (!c->hand_over || hand_over_may(c))
			backend_fail(c, error);
		return;
	}
	connection_plain(c, fd, false);
	if (!c->hand_over)
		backend_ready(c);
	else if (hand_over_may(c))
		hand_over(c);
}

static void backend_ask(struct connection *c)
{
	struct kpc_message message = {
		.type = KPC_MESSAGE_BACKEND_REQUEST,
		.backend_request = {
			.association = c->association->config.id,
			.version = c->version,
			.suite = c->suite,
			.carrier = c->carrier,
			.binding = c->binding,
			.peer = c->peer,
		},
	};

	c->handshake->waiter.answered = backend_opened;
	channel_request(c->worker, &c->handshake->waiter, &message);
}

void connection_backend(struct connection *c)
{
	c->state = CONNECTION_BACKEND;
	connection_deadline(c, BACKEND_SECONDS * 1000);
	if (c->association->config.plain[0])
		backend_tcp(c);
	else
		backend_ask(c);
}
