// SPDX-License-Identifier: MIT
/*
 * A train of datagrams: what comes in a burst leaves in one call.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "connection.h"
#include "dtls_peer.h"

/* Datagrams that a rule of somebody else's may drop before that is an end. */
#define BARRED_MOST	32

#define LOST_ROOM	"there is no room for a datagram to the local program"

uint8_t *dtls_train_room(struct dtls_train *train)
{
	if (sizeof(train->room) - train->used < DTLS_OCTETS)
		dtls_train_send(train);
	return train->room + train->used;
}

/* One alone, or all of them: each of @size octets, the last may have fewer. */
static int send_parts(struct dtls_peer *peer, bool far,
		      const struct iovec *parts, unsigned int count,
		      uint16_t size)
{
	bool listens = peer->role == KPC_ROLE_B;

	if (far == listens)
		return dtls_send_to(peer->listener->accept.fd,
				    peer->listener->family, &peer->at, parts,
				    count, size);
	return dtls_send(peer->fd, parts, count, size);
}

static void near_lost(struct dtls_peer *peer, int err)
{
	char text[KPC_MESSAGE_TEXT_MAX + 1];

	snprintf(text, sizeof(text), "%s: %s", err == -EAGAIN ? LOST_ROOM :
		 "the local program cannot be reached", strerror(-err));
	dtls_lose(peer, KPC_EVENT_BACKEND, text);
}

static void far_lost(struct dtls_peer *peer, int err)
{
	peer->lost++;
	/* The module's answers, where it judges no bound flow. */
	if (peer->worker->config.enforce &&
	    (err == -EPERM || err == -ECONNREFUSED))
		peer->barred++;
}

/* One by one: each has an answer of its own, and may be cut on its way. */
static unsigned int send_each(const struct dtls_train *train)
{
	struct dtls_peer *peer = train->peer;
	unsigned int i, sent = 0;
	int err;

	for (i = 0; i < train->count; i++) {
		const struct iovec *parts = train->parts + i * train->each;

		err = send_parts(peer, train->far, parts, train->each, 0);
		/* What it says is of the one before, and this one not yet sent. */
		if (err == -ECONNREFUSED)
			err = send_parts(peer, train->far, parts, train->each,
					 0);
		if (!err)
			sent++;
		else if (train->far)
			far_lost(peer, err);
		else
			near_lost(peer, err);
	}
	return sent;
}

void dtls_train_send(struct dtls_train *train)
{
	struct dtls_peer *peer = train->peer;
	unsigned int sent = train->count;

	train->used = 0;
	if (!peer)
		return;
	/* Where the path bears less, or this kernel cannot: none of it was sent. */
	if (train->count < 2 ||
	    send_parts(peer, train->far, train->parts,
		       train->count * train->each, train->size))
		sent = send_each(train);
	train->peer = NULL;
	if (sent && train->far) {
		/* A program that goes on must not keep one whose far end is gone. */
		if (peer->role == KPC_ROLE_B)
			dtls_peer_heard(peer);
		peer->barred = 0;
	} else if (sent) {
		peer->complained = 0;
	}
	/* The event that tells of its binding may have been lost. */
	if (peer->barred >= BARRED_MOST)
		dtls_peer_end(peer, KPC_EVENT_DOWN, -EPERM,
			      "the kernel lets nothing more of it leave");
}

void dtls_train_add(struct dtls_train *train, struct dtls_peer *peer, bool far,
		    const void *octets, size_t len)
{
	const uint8_t *in_room = octets;
	struct iovec *part;
	size_t whole = len;

	if (!far)
		whole += peer->header_len;
	if (train->peer &&
	    (train->peer != peer || train->far != far || !whole ||
	     whole > train->size || train->octets + whole > DTLS_TRAIN_OCTETS))
		dtls_train_send(train);
	if (!train->peer) {
		train->peer = peer;
		train->far = far;
		train->each = !far && peer->header ? 2 : 1;
		train->count = 0;
		train->size = whole;
		train->octets = 0;
	}
	part = train->parts + train->count * train->each;
	if (train->each == 2)
		*part++ = (struct iovec){ peer->header, peer->header_len };
	*part = (struct iovec){ (void *)octets, len };
	train->octets += whole;
	train->count++;
	if (in_room >= train->room && in_room < train->room + sizeof(train->room))
		train->used = in_room + len - train->room;
	/* A shorter one is the last, and one of no octets is alone. */
	if (whole < train->size || !whole || train->count == DTLS_TRAIN_MOST)
		dtls_train_send(train);
}
