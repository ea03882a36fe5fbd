// SPDX-License-Identifier: MIT
/*
 * Connections that an application is given whole: bound, with its keys in the
 * kernel and nothing received from it yet, the TLS leg's socket goes to who is
 * at the plain leg, and nothing is relayed.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "hand_over.h"
#include "handshake.h"

#define NO_SOCKET "the agent carries the records, so there is no socket of the " \
		  "kernel's TLS to hand over"

bool hand_over_may(struct connection *c)
{
	if (c->carrier == KPC_CARRIER_KERNEL)
		return true;
	connection_fail(c, KPC_EVENT_BACKEND, -EOPNOTSUPP,
			c->role == KPC_ROLE_A ? NO_SOCKET :
			NO_SOCKET "; plain pair: does without");
	return false;
}

static void give(struct connection *c)
{
	const struct kpc_message_association *config = &c->association->config;
	struct kpc_binding identity = {
		.id = c->binding,
		.kpc_id = c->association->kpc_id,
		.role = c->role,
		.mark = config->mark,
		.version = c->version,
		.suite = c->suite,
		.records = config->records,
	};
	char text[KPC_MESSAGE_TEXT_MAX + 1];
	int error;

	strcpy(identity.association, config->name);
	strcpy(identity.id_a, config->id_a);
	strcpy(identity.id_b, config->id_b);
	error = hand_over_send(c->plain.fd, KPC_APP_TLS, &identity, &c->peer,
			       c->tls.fd);
	if (error) {
		snprintf(text, sizeof(text),
			 "the application cannot be given the connection: %s",
			 strerror(-error));
		connection_fail(c, KPC_EVENT_BACKEND, error, text);
		return;
	}
	worker_event(c->worker, KPC_EVENT_HANDED_OVER, c, "to an application");
	/* What is closed here is this process's descriptor, no more. */
	connection_finish(c);
}

static void released(struct waiter *waiter, const void *answer, int fd)
{
	struct handshake *hs = container_of(waiter, struct handshake, waiter);
	const struct bind_answer *got = answer;

	if (got->error)
		connection_fail(hs->connection, KPC_EVENT_FAULT, got->error,
				got->text);
	else
		give(hs->connection);
}

/* The module first: when the application has the socket, it is its own. */
void hand_over(struct connection *c)
{
	if (!c->worker->config.enforce) {
		give(c);
		return;
	}
	c->handshake->waiter.answered = released;
	bind_hand_over(c->worker, &c->handshake->waiter, c->tls.fd);
}
