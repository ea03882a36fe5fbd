// SPDX-License-Identifier: MIT
/*
 * Peers of DTLS and the module: the sockets that handshakes may use, and the flows
 * that are tied to associations.
 */
#include <errno.h>
#include <string.h>

#include <kpc/nl.h>

#include "address.h"
#include "dtls_peer.h"

/* RFC 6347 4.1: the epoch of the first keys. */
#define EPOCH	1

static void registered(struct waiter *waiter, const void *answer, int fd)
{
	struct dtls_peer *peer = container_of(waiter, struct dtls_peer, waiter);
	const struct bind_answer *got = answer;

	if (got->error)
		dtls_peer_end(peer, KPC_EVENT_FAULT, got->error, got->text);
	else
		dtls_handshake_begin(peer);
}

void dtls_register(struct dtls_peer *peer)
{
	peer->waiter.answered = registered;
	bind_handshake(peer->worker, &peer->waiter, peer->fd,
		       &peer->association->config);
}

static void bound(struct waiter *waiter, const void *answer, int fd)
{
	struct dtls_peer *peer = container_of(waiter, struct dtls_peer, waiter);
	const struct bind_answer *got = answer;

	/* It is over meanwhile, and nobody else knows of its binding. */
	if (peer->state == DTLS_CLOSED) {
		bind_release(peer->worker, got->binding);
		return;
	}
	if (got->error) {
		dtls_peer_end(peer, KPC_EVENT_FAULT, got->error, got->text);
		return;
	}
	peer->binding = got->binding;
	dtls_handshake_bound(peer);
}

void dtls_bind(struct dtls_peer *peer)
{
	struct kpc_bind bind = {
		.fd = peer->fd,
		.association = peer->association->config.name,
		.association_id = peer->association->config.id,
		.carrier = KPC_CARRIER_AGENT,
		.version = peer->version,
		.suite = peer->suite,
		.epoch = EPOCH,
	};

	/* A connected socket has its ends itself. */
	if (peer->role == KPC_ROLE_B) {
		bind.fd = peer->listener->accept.fd;
		address_tell(&bind.local, &peer->at.own, peer->listener->port);
		address_tell(&bind.remote, &peer->at.peer.sin6_addr,
			     peer->at.peer.sin6_port);
	}
	peer->waiter.answered = bound;
	bind_socket(peer->worker, &peer->waiter, &bind);
}
