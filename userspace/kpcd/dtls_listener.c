// SPDX-License-Identifier: MIT
/*
 * What comes to the UDP sockets that many share: hellos and records of far
 * entities, and datagrams of local programs.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "connection.h"
#include "dtls_peer.h"

/* Datagrams of one socket before others have their turn. */
#define AT_ONCE	128

/* RFC 6347 4.1: records of a handshake until the keys change have epoch 0. */
static bool is_epoch_zero(const struct dtls_datagram *datagram)
{
	static const uint8_t zero[2];

	return datagram->len > 4 && !memcmp(datagram->octets + 3, zero, 2);
}

static void refuse_rate(struct worker *worker, const struct sockaddr_in6 *from)
{
	struct connection of = { .worker = worker, .born = timer_now() };

	of.peer = *from;
	worker_event(worker, KPC_EVENT_REFUSED, &of,
		     "more than %u connections a second from this source",
		     worker->sources.rate);
}

/* Whether a peer has come with this hello, which may come twice, or late. */
static bool came_with(const struct dtls_peer *peer, const uint8_t *cookie)
{
	return peer && !memcmp(peer->cookie, cookie, sizeof(peer->cookie));
}

/* His address is his own: only now is anything kept of him. */
static void hello_proved(struct listener *listener,
			 const struct dtls_datagram *datagram,
			 const uint8_t *cookie)
{
	struct worker *worker = listener->worker;
	struct dtls_peer *peer;

	peer = dtls_peer_find(worker, listener, &datagram->from, true);
	if (came_with(peer, cookie))
		return;
	peer = dtls_peer_find(worker, listener, &datagram->from, false);
	if (came_with(peer, cookie)) {
		dtls_handshake_input(peer, datagram->octets, datagram->len);
		return;
	}
	if (!source_may(&worker->sources, &datagram->from.peer, timer_now())) {
		refuse_rate(worker, &datagram->from.peer);
		return;
	}
	if (peer)
		dtls_peer_end(peer, 0, -ECANCELED, "");
	dtls_accept(listener, &datagram->from, cookie, datagram->octets,
		    datagram->len);
}

/* A hello, or what else has no protection. */
static void unprotected(struct listener *listener,
			const struct dtls_datagram *datagram)
{
	struct worker *worker = listener->worker;
	struct dtls_address from = datagram->from;
	struct kpc_dtls_hello hello;
	struct dtls_peer *peer;
	struct iovec verify;

	switch (kpc_dtls_hello(listener->cookies, &from, sizeof(from),
			       datagram->octets, datagram->len, timer_now(),
			       &hello)) {
	case KPC_DTLS_HELLO_FIRST:
		verify = (struct iovec){ hello.verify, sizeof(hello.verify) };
		dtls_send_to(listener->accept.fd, listener->family, &from,
			     &verify, 1, 0);
		return;
	case KPC_DTLS_HELLO_PROVED:
		hello_proved(listener, datagram, hello.cookie);
		return;
	default:
		break;
	}
	peer = dtls_peer_find(worker, listener, &from, false);
	if (peer) {
		dtls_handshake_input(peer, datagram->octets, datagram->len);
		return;
	}
	/* Before the Finished of one that has missed ours. */
	peer = dtls_peer_find(worker, listener, &from, true);
	if (peer)
		dtls_relay_in(peer, datagram->octets, datagram->len);
}

/*
 * There may be two at an address: one that is up, and one that has begun anew, whose
 * Finished looks like a record of the first. Opening it there destroys it.
 */
static void from_far(struct listener *listener,
		     const struct dtls_datagram *datagram)
{
	static uint8_t copy[DTLS_OCTETS];
	struct worker *worker = listener->worker;
	const uint8_t *octets = datagram->octets;
	struct dtls_peer *up, *anew;

	if (is_epoch_zero(datagram)) {
		unprotected(listener, datagram);
		return;
	}
	up = dtls_peer_find(worker, listener, &datagram->from, true);
	anew = dtls_peer_find(worker, listener, &datagram->from, false);
	if (up && anew)
		octets = memcpy(copy, octets, datagram->len);
	if (up && dtls_relay_in(up, datagram->octets, datagram->len))
		return;
	if (anew)
		dtls_handshake_input(anew, octets, datagram->len);
}

static void keep(struct dtls_peer *peer, const struct dtls_datagram *datagram)
{
	struct dtls_held *held;

	if (peer->held_count == DTLS_HELD_MAX) {
		peer->lost++;
		return;
	}
	held = malloc(sizeof(*held) + datagram->len);
	if (!held)
		return;
	held->len = datagram->len;
	memcpy(held->octets, datagram->octets, datagram->len);
	peer->held[peer->held_count++] = held;
}

static void refuse_local(struct worker *worker, struct association *association,
			 const char *text)
{
	struct connection of = { .worker = worker, .born = timer_now() };

	of.association = association;
	worker_event(worker, KPC_EVENT_LOCAL_REFUSED, &of, "%s", text);
}

/* A port may be another user's by now, so it is asked again in each turn. */
static bool program_allowed(struct listener *listener, struct dtls_peer *peer,
			    struct association *association,
			    const struct dtls_address *from)
{
	struct worker *worker = listener->worker;
	char text[KPC_MESSAGE_TEXT_MAX + 1];

	if (peer && peer->checked == worker->dtls->turn)
		return true;
	if (!plain_program_allowed(worker, association, from, listener->port,
				   text)) {
		refuse_local(worker, association, text);
		return false;
	}
	if (peer)
		peer->checked = worker->dtls->turn;
	return true;
}

static void from_program(struct listener *listener,
			 const struct dtls_datagram *datagram)
{
	struct worker *worker = listener->worker;
	struct association *association;
	struct dtls_peer *peer;

	association = association_find(worker, listener->config.association);
	if (!association || association->config.role != KPC_ROLE_A)
		return;
	peer = dtls_peer_find(worker, listener, &datagram->from, true);
	if (!peer)
		peer = dtls_peer_find(worker, listener, &datagram->from, false);
	if (!program_allowed(listener, peer, association, &datagram->from))
		return;
	if (!peer)
		peer = dtls_initiate(worker, association, listener,
				     &datagram->from, 0);
	if (!peer)
		return;
	if (datagram->cut || datagram->len > KPC_DTLS_DATA_MAX)
		dtls_lose(peer, KPC_EVENT_FAULT, DTLS_TOO_LONG);
	else if (peer->state == DTLS_UP)
		dtls_relay_out(peer, datagram->octets, datagram->len);
	else
		keep(peer, datagram);
}

void dtls_listener_ready(struct listener *listener)
{
	struct dtls_peers *all = listener->worker->dtls;
	struct dtls_datagram datagram;
	int taken = 0, got;

	do {
		all->turn++;
		got = dtls_receive(listener->accept.fd, &all->batch);
		while (!listener->gone && dtls_next(&all->batch, &datagram)) {
			taken++;
			if (!listener->tls)
				from_program(listener, &datagram);
			else if (!datagram.cut)
				from_far(listener, &datagram);
		}
		dtls_train_send(&all->train);
	} while (got == DTLS_BATCH && taken < AT_ONCE && !listener->gone);
}
