// SPDX-License-Identifier: MIT
/*
 * Datagrams of a peer of DTLS that is up: one in, one out, none in pieces and
 * none kept. What cannot be passed on at once is lost, as UDP may lose it.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <kpc/association.h>

#include "connection.h"
#include "dtls_peer.h"
#include "proxy.h"

/* DTLS_TOO_LONG has been looked for by then. */
#define TOO_LONG_THERE	"a datagram is longer than the far end takes in one record (max_fragment_length)"

/* Not in a train, but behind what is in it. */
static void send_far(struct dtls_peer *peer, const void *octets, size_t len)
{
	struct iovec part = { (void *)octets, len };

	dtls_train_send(&peer->worker->dtls->train);
	if (peer->role == KPC_ROLE_A)
		dtls_send(peer->fd, &part, 1, 0);
	else
		dtls_send_to(peer->listener->accept.fd,
			     peer->listener->family, &peer->at, &part, 1, 0);
}

void dtls_flush(struct dtls_peer *peer)
{
	const void *datagram;
	size_t len;

	while ((datagram = kpc_dtls_output(peer->dtls, &len))) {
		send_far(peer, datagram, len);
		kpc_dtls_output_sent(peer->dtls);
	}
}

void dtls_lose(struct dtls_peer *peer, enum kpc_message_event_kind kind,
	       const char *text)
{
	peer->lost++;
	if (!peer->complained)
		dtls_peer_event(peer, kind, text);
	peer->complained = 1;
}

/* Whose the other end is may have changed since the last datagram. */
static bool near_allowed(struct dtls_peer *peer, char *text)
{
	struct worker *worker = peer->worker;
	bool allowed;

	if (peer->checked == worker->dtls->turn)
		return true;
	if (peer->role == KPC_ROLE_B)
		allowed = plain_backend_allowed(worker, peer->association,
						peer->fd, text);
	else
		allowed = plain_program_allowed(worker, peer->association,
						&peer->at, peer->listener->port,
						text);
	if (allowed)
		peer->checked = worker->dtls->turn;
	return allowed;
}

static void deliver(struct dtls_peer *peer, const uint8_t *data, size_t len)
{
	char text[KPC_MESSAGE_TEXT_MAX + 1];

	peer->rx_octets += len;
	if (!peer->listener || peer->fd < 0)
		return;
	if (!near_allowed(peer, text)) {
		dtls_lose(peer, KPC_EVENT_LOCAL_REFUSED, text);
		return;
	}
	dtls_train_add(&peer->worker->dtls->train, peer, false, data, len);
}

static void far_alert(struct dtls_peer *peer)
{
	char text[KPC_MESSAGE_TEXT_MAX + 1];
	int alert = kpc_dtls_alert(peer->dtls);

	snprintf(text, sizeof(text), "the far end sent alert %d (%s)", alert,
		 kpc_alert_name(alert));
	dtls_peer_end(peer, KPC_EVENT_DOWN, -ECONNABORTED, text);
}

static void key_spent(struct dtls_peer *peer)
{
	dtls_peer_end(peer, KPC_EVENT_DOWN, -EKEYEXPIRED,
		      "a key has protected as many records as it may");
}

bool dtls_relay_in(struct dtls_peer *peer, uint8_t *datagram, size_t len)
{
	enum kpc_dtls_record record;
	const uint8_t *data;
	bool known = false;
	size_t data_len;

	do {
		record = kpc_dtls_read(peer->dtls, &datagram, &len, &data,
				       &data_len);
		if (record > KPC_DTLS_RECORD_NONE) {
			known = true;
			dtls_peer_heard(peer);
		}
		switch (record) {
		case KPC_DTLS_RECORD_DATA:
			deliver(peer, data, data_len);
			break;
		case KPC_DTLS_RECORD_KEPT:
			dtls_flush(peer);
			break;
		case KPC_DTLS_RECORD_CLOSE:
			dtls_peer_end(peer, KPC_EVENT_DOWN, -ECONNRESET,
				      "ended in order");
			break;
		case KPC_DTLS_RECORD_ALERT:
			far_alert(peer);
			break;
		default:
			break;
		}
		if (peer->state == DTLS_UP && kpc_dtls_spent(peer->dtls))
			key_spent(peer);
	} while (record != KPC_DTLS_RECORD_END && peer->state == DTLS_UP);
	return known;
}

void dtls_relay_out(struct dtls_peer *peer, const uint8_t *data, size_t len)
{
	struct dtls_train *train = &peer->worker->dtls->train;
	uint8_t *datagram = dtls_train_room(train);
	ssize_t made;

	made = kpc_dtls_write(peer->dtls, data, len, datagram);
	if (made == -EKEYEXPIRED) {
		key_spent(peer);
		return;
	}
	if (made < 0) {
		dtls_lose(peer, KPC_EVENT_FAULT, made == -EMSGSIZE ?
			  TOO_LONG_THERE : "a datagram cannot be protected");
		return;
	}
	peer->tx_octets += len;
	dtls_train_add(train, peer, true, datagram, made);
}

void dtls_relay_close(struct dtls_peer *peer)
{
	uint8_t datagram[KPC_DTLS_OVERHEAD_MAX + 2];
	ssize_t made = kpc_dtls_close(peer->dtls, datagram);

	if (made > 0)
		send_far(peer, datagram, made);
}

/*
 * connect() takes a port first and fixes the other end then: what anybody sends to it
 * between is there, and is nobody's.
 */
static bool is_backend(const struct dtls_peer *peer,
		       const struct sockaddr_in6 *from)
{
	return from->sin6_port == peer->remote.sin6_port &&
	       IN6_ARE_ADDR_EQUAL(&from->sin6_addr, &peer->remote.sin6_addr);
}

static void own_input(struct dtls_peer *peer, struct dtls_datagram *datagram)
{
	char text[KPC_MESSAGE_TEXT_MAX + 1];

	if (peer->role == KPC_ROLE_A) {
		if (datagram->cut)
			return;
		if (peer->state == DTLS_UP)
			dtls_relay_in(peer, datagram->octets, datagram->len);
		else
			dtls_handshake_input(peer, datagram->octets,
					     datagram->len);
		return;
	}
	if (!is_backend(peer, &datagram->from.peer))
		return;
	if (!near_allowed(peer, text))
		dtls_lose(peer, KPC_EVENT_LOCAL_REFUSED, text);
	else if (datagram->cut || datagram->len > KPC_DTLS_DATA_MAX)
		dtls_lose(peer, KPC_EVENT_FAULT, DTLS_TOO_LONG);
	else
		dtls_relay_out(peer, datagram->octets, datagram->len);
}

/* An ICMP message said that nobody takes what was sent. */
static void own_refused(struct dtls_peer *peer, int error)
{
	char text[KPC_MESSAGE_TEXT_MAX + 1];

	if (peer->role == KPC_ROLE_B) {
		snprintf(text, sizeof(text), "the backend cannot be reached: %s",
			 strerror(-error));
		dtls_lose(peer, KPC_EVENT_BACKEND, text);
	} else if (peer->state == DTLS_HANDSHAKE) {
		dtls_handshake_refused(peer, error);
	}
}

static void own_receive(struct dtls_peer *peer)
{
	struct dtls_peers *all = peer->worker->dtls;
	struct dtls_datagram datagram;
	int got;

	all->turn++;
	got = dtls_receive(peer->fd, &all->batch);
	if (got < 0 && got != -EAGAIN && got != -EINTR)
		own_refused(peer, got);
	while (peer->state != DTLS_CLOSED && dtls_next(&all->batch, &datagram))
		own_input(peer, &datagram);
	dtls_train_send(&all->train);
}

static void own_ready(struct engine_op *op, int result)
{
	struct dtls_peer *peer = container_of(op, struct dtls_peer, rx);

	if (peer->state == DTLS_CLOSED)
		return;
	if (peer->moving) {
		dtls_handshake_moved(peer);
		return;
	}
	own_receive(peer);
	if (peer->state != DTLS_CLOSED && peer->fd >= 0 && !op->pending)
		dtls_listen(peer);
}

void dtls_listen(struct dtls_peer *peer)
{
	peer->rx.done = own_ready;
	peer->rx.fd = peer->fd;
	peer->rx.code = ENGINE_POLL;
	peer->rx.flags = 0;
	peer->rx.msg = NULL;
	peer->rx.events = POLLIN;
	engine_submit(peer->worker->engine, &peer->rx);
}

/*
 * What the backend is told of whoever is there. Any datagram may be the first that
 * gets to it, so each has it.
 */
static bool introduce(struct dtls_peer *peer)
{
	struct proxy_subject subject = {
		.association = peer->association,
		.peer = peer->at.peer,
		.own.sin6_addr = peer->at.own,
		.own.sin6_port = peer->listener->port,
		.worker = peer->worker->config.index,
		.fd = peer->fd,
		.binding = peer->binding,
		.born = peer->born,
		.version = peer->version,
		.suite = peer->suite,
	};
	uint8_t header[PROXY_HEADER_MAX];

	if (!peer->association->config.proxy)
		return true;
	peer->header_len = proxy_header(header, &subject);
	peer->header = malloc(peer->header_len);
	if (!peer->header) {
		dtls_peer_end(peer, KPC_EVENT_FAULT, -ENOMEM,
			      "no memory for what its backend is told of it");
		return false;
	}
	memcpy(peer->header, header, peer->header_len);
	return true;
}

static bool connect_backend(struct dtls_peer *peer)
{
	const struct kpc_message_association *config =
		&peer->association->config;
	char text[KPC_MESSAGE_TEXT_MAX + 1];
	struct sockaddr_in6 to;
	socklen_t length;
	int fd;

	length = backend_address(config->plain, KPC_PLAIN_UDP, &to);
	fd = length ? dtls_connect((struct sockaddr *)&to, length,
				   &peer->remote) : -EADDRNOTAVAIL;
	if (fd < 0) {
		snprintf(text, sizeof(text), "the backend cannot be reached: %s",
			 strerror(-fd));
		dtls_peer_end(peer, KPC_EVENT_BACKEND, fd, text);
		return false;
	}
	peer->fd = fd;
	dtls_listen(peer);
	return introduce(peer);
}

/* One whose keys the far end has no more, since it has begun anew. */
static void end_older(struct dtls_peer *peer)
{
	struct dtls_peer *older;

	if (!peer->listener || peer->role != KPC_ROLE_B)
		return;
	older = dtls_peer_find(peer->worker, peer->listener, &peer->at, true);
	if (older)
		dtls_peer_end(older, KPC_EVENT_DOWN, -ECANCELED,
			      "the far end has made another handshake");
}

static void idle_wait(struct dtls_peer *peer)
{
	uint64_t now = timer_now();
	uint64_t end = peer->heard + peer->association->config.idle * 1000ULL;

	timer_arm(&peer->worker->timers, &peer->timer,
		  end > now ? end - now : 0);
}

static void send_held(struct dtls_peer *peer)
{
	struct dtls_held *held;
	unsigned int i;

	for (i = 0; i < peer->held_count; i++) {
		held = peer->held[i];
		if (peer->state == DTLS_UP)
			dtls_relay_out(peer, held->octets, held->len);
		explicit_bzero(held->octets, held->len);
		free(held);
	}
	peer->held_count = 0;
	dtls_train_send(&peer->worker->dtls->train);
}

/* What came in one go with the end of the handshake. */
static void take_early(struct dtls_peer *peer)
{
	static uint8_t datagram[DTLS_OCTETS];
	const void *early;
	size_t len;

	while (peer->state == DTLS_UP &&
	       (early = kpc_dtls_early(peer->dtls, &len))) {
		if (len <= sizeof(datagram)) {
			memcpy(datagram, early, len);
			dtls_relay_in(peer, datagram, len);
			dtls_train_send(&peer->worker->dtls->train);
		}
		kpc_dtls_early_taken(peer->dtls);
	}
}

void dtls_relay_start(struct dtls_peer *peer)
{
	struct worker *worker = peer->worker;

	contender_leave(worker, &peer->contender);
	if (peer->counted)
		association_initiated(worker, peer->association);
	peer->counted = 0;
	end_older(peer);
	/* Only who has proved the Kpc takes the place of one that has. */
	if (peer->role == KPC_ROLE_B)
		dtls_peer_count(peer);
	peer->state = DTLS_UP;
	dtls_peer_heard(peer);
	dtls_peer_established(peer);
	/* It was to be seen that it can be made, and nobody has sent anything. */
	if (!peer->listener) {
		dtls_peer_end(peer, 0, 0, "");
		return;
	}
	if (peer->role == KPC_ROLE_B && !connect_backend(peer))
		return;
	dtls_peer_event(peer, KPC_EVENT_UP, "relaying");
	idle_wait(peer);
	take_early(peer);
	send_held(peer);
}

void dtls_relay_expired(struct dtls_peer *peer)
{
	if (timer_now() >= peer->heard +
	    peer->association->config.idle * 1000ULL)
		dtls_peer_end(peer, KPC_EVENT_DOWN, -ETIMEDOUT,
			      "silent for too long");
	else
		idle_wait(peer);
}
