// SPDX-License-Identifier: MIT
/*
 * Role a: whether the local program still waits while the far end is reached.
 */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "handshake.h"
#include "plain_diag.h"

/* Of one that has ended its own direction it is asked so often. */
#define LOOK_MS		1000

/* Octets that wait, at most one; 0 at the end; or a negative errno. */
static ssize_t waiting(const struct connection *c)
{
	char octet;
	ssize_t n = recv(c->plain.fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT);

	return n < 0 ? -errno : n;
}

/*
 * One that has ended its own direction may wait for an answer. A UNIX socket
 * tells when both ends are closed, and so does TCP that was reset. Else TCP's
 * end in order looks the same, and only the other socket of this machine can
 * tell whether anybody has it still.
 */
static bool has_gone(const struct connection *c)
{
	struct pollfd at = { .fd = c->plain.fd };
	uint32_t uid;

	if (poll(&at, 1, 0) > 0)
		return true;
	return c->handshake->local_tcp &&
	       diag_peer_uid(c->worker->diag_fd, c->plain.fd, &uid) ==
	       -ENOTCONN;
}

/*
 * Octets that wait end it: they are delivered, whether it has gone or not. An
 * octet out of band is none, and is told of for as long as it is there.
 */
static void look(struct connection *c)
{
	ssize_t n = waiting(c);

	if (n > 0)
		return;
	if (n != -EAGAIN && has_gone(c))
		connection_fail(c, KPC_EVENT_LOCAL_GONE, -EPIPE,
				"it hung up before the far end was reached");
	else
		timer_arm(&c->worker->timers, &c->handshake->look, LOOK_MS);
}

static void look_again(struct timer *timer)
{
	look(container_of(timer, struct handshake, look)->connection);
}

static void told(struct engine_op *op, int result)
{
	struct connection *c = container_of(op, struct connection, plain.rx);

	if (connection_over(c, op))
		return;
	if (c->state >= CONNECTION_RELAY) {
		relay_listen(c);
		return;
	}
	/* It cannot be watched; its deadline is left. */
	if (result >= 0)
		look(c);
}

void plain_watch(struct connection *c, bool tcp)
{
	struct engine_op *op = &c->plain.rx;

	c->handshake->local_tcp = tcp;
	c->handshake->look.expired = look_again;
	op->done = told;
	op->code = ENGINE_POLL;
	op->events = POLLIN;
	engine_submit(c->worker->engine, op);
}
