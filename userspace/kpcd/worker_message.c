// SPDX-License-Identifier: MIT
/*
 * What the warden tells a worker, and what is done about it.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "dtls_peer.h"
#include "handshake.h"

/* For answers nobody waits for any more. */
static void answer(struct worker *worker, const struct kpc_message *message,
		   int fd)
{
	if (!waiter_answer(&worker->requests, message->request, message, fd) &&
	    fd >= 0)
		close(fd);
}

static void on_association(struct worker *worker,
			   const struct kpc_message *message, int fd)
{
	association_set(worker, &message->association);
}

static void on_association_gone(struct worker *worker,
				const struct kpc_message *message, int fd)
{
	association_gone(worker, message->id);
}

static void on_listener(struct worker *worker,
			const struct kpc_message *message, int fd)
{
	listener_add(worker, &message->listener, true, fd);
}

static void on_plain(struct worker *worker, const struct kpc_message *message,
		     int fd)
{
	listener_add(worker, &message->listener, false, fd);
}

static void on_listener_gone(struct worker *worker,
			     const struct kpc_message *message, int fd)
{
	listener_gone(worker, message->id);
}

static void on_listens(struct worker *worker, const struct kpc_message *message,
		       int fd)
{
	association_listens(worker, &message->listens);
}

static void on_quota(struct worker *worker, const struct kpc_message *message,
		     int fd)
{
	handshake_quota(worker, &message->quota);
}

static void on_addresses(struct worker *worker,
			 const struct kpc_message *message, int fd)
{
	struct association *association;

	association = association_find(worker, message->addresses.association);
	if (association &&
	    message->addresses.count <= KPC_MESSAGE_ADDRESSES_MAX)
		association_addresses(association, &message->addresses);
}

static void on_establish(struct worker *worker,
			 const struct kpc_message *message, int fd)
{
	struct association *association = association_find(worker, message->id);
	struct kpc_message reply = {
		.type = KPC_MESSAGE_ESTABLISHED,
		.request = message->request,
		.established.association = message->id,
		.established.error = -ENOENT,
	};

	if (association && association->config.role == KPC_ROLE_A &&
	    !worker->draining && association->config.datagrams) {
		dtls_initiate(worker, association, NULL, NULL,
			      message->request);
		return;
	}
	if (association && association->config.role == KPC_ROLE_A &&
	    !worker->draining) {
		connection_initiate(worker, association, -1, NULL,
				    message->request);
		return;
	}
	snprintf(reply.established.message, sizeof(reply.established.message),
		 "%s", worker->draining ? "the agent is ending" :
		 "no association of role a by that number");
	channel_send(worker, &reply);
}

static void on_binding_gone(struct worker *worker,
			    const struct kpc_message *message, int fd)
{
	dtls_binding_gone(worker, message->binding);
}

static void drain_expired(struct timer *timer)
{
	struct worker *worker = container_of(timer, struct worker, drain);
	struct connection *c, *next;

	for (c = worker->connections; c; c = next) {
		next = c->next;
		if (c->up)
			worker_event(worker, KPC_EVENT_DOWN, c,
				     "ended with the agent");
		c->up = 0;
		connection_abort(c);
	}
	worker_drain_check(worker);
}

static void on_drain(struct worker *worker, const struct kpc_message *message,
		     int fd)
{
	struct connection *c, *next;

	if (worker->draining)
		return;
	worker->draining = true;
	/* Nothing of a datagram is left to be finished. */
	dtls_end_all(worker, "ended with the agent");
	listener_drain(worker);
	for (c = worker->connections; c; c = next) {
		next = c->next;
		if (c->state == CONNECTION_WARM)
			relay_retire(c);
		else if (c->state < CONNECTION_WARM)
			connection_fail(c, 0, -ESHUTDOWN,
					"the agent is ending");
	}
	worker->drain.expired = drain_expired;
	/* What still runs then is ended, and its far end learns of it. */
	timer_arm(&worker->timers, &worker->drain,
		  (uint64_t)message->seconds * 1000);
	worker_drain_check(worker);
}

void worker_drain_check(struct worker *worker)
{
	if (worker->draining && !worker->connections && !worker->closed &&
	    !worker->listeners && dtls_idle(worker))
		worker->stop = true;
}

static const struct {
	void (*handle)(struct worker *worker,
		       const struct kpc_message *message, int fd);
	bool takes_fd;
} handlers[] = {
	[KPC_MESSAGE_ASSOCIATION] = { on_association },
	[KPC_MESSAGE_ASSOCIATION_GONE] = { on_association_gone },
	[KPC_MESSAGE_LISTENER] = { on_listener, true },
	[KPC_MESSAGE_PLAIN] = { on_plain, true },
	[KPC_MESSAGE_LISTENER_GONE] = { on_listener_gone },
	[KPC_MESSAGE_ADDRESSES] = { on_addresses },
	[KPC_MESSAGE_ESTABLISH] = { on_establish },
	[KPC_MESSAGE_KEY] = { answer },
	[KPC_MESSAGE_BACKEND] = { answer, true },
	[KPC_MESSAGE_DRAIN] = { on_drain },
	[KPC_MESSAGE_LISTENS] = { on_listens },
	[KPC_MESSAGE_QUOTA] = { on_quota },
	[KPC_MESSAGE_BINDING_GONE] = { on_binding_gone },
};

void worker_message(struct worker *worker, const struct kpc_message *message,
		    size_t length, int fd)
{
	bool known = message->type < sizeof(handlers) / sizeof(handlers[0]) &&
		     handlers[message->type].handle &&
		     length == message_length(message->type);

	if (fd >= 0 && (!known || !handlers[message->type].takes_fd)) {
		close(fd);
		fd = -1;
	}
	if (known)
		handlers[message->type].handle(worker, message, fd);
	else
		worker_event(worker, KPC_EVENT_FAULT, NULL,
			     "message %u of %zu octets from the warden is not known",
			     message->type, length);
}
