// SPDX-License-Identifier: MIT
/*
 * Drives libkpc's handshake of DTLS: datagrams in and out, its timers, and the
 * key from the warden.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <kpc/key.h>

#include "address.h"
#include "dtls_peer.h"
#include "handshake.h"

static void go_on(struct dtls_peer *peer);

static void fail(struct dtls_peer *peer, int error)
{
	const struct kpc_handshake_failure *failure;

	failure = kpc_handshake_failure(kpc_dtls_handshake(peer->dtls));
	dtls_peer_end(peer, KPC_EVENT_REFUSED,
		      failure->cause == KPC_HANDSHAKE_LOCAL ? -ENOMEM : error,
		      failure->text.text);
}

/* Until something is due: to be sent again, or to be given up. */
static void wait(struct dtls_peer *peer)
{
	uint64_t now = timer_now(), until = peer->give_up;
	int ms = kpc_dtls_wait(peer->dtls);

	if (peer->next_at && peer->next_at < until)
		until = peer->next_at;
	if (ms >= 0 && now + ms < until)
		until = now + ms;
	timer_arm(&peer->worker->timers, &peer->timer,
		  until > now ? until - now : 0);
}

/* What takes time waits until what is relayed has had its turn. */
static void step_later(struct dtls_peer *peer)
{
	struct dtls_peers *all = peer->worker->dtls;

	if (peer->stepping)
		return;
	peer->stepping = 1;
	peer->step_next = NULL;
	*all->steps_end = peer;
	all->steps_end = &peer->step_next;
}

void dtls_step_remove(struct dtls_peer *peer)
{
	struct dtls_peers *all = peer->worker->dtls;
	struct dtls_peer **at = &all->steps;

	if (!peer->stepping)
		return;
	while (*at != peer)
		at = &(*at)->step_next;
	*at = peer->step_next;
	if (!*at)
		all->steps_end = at;
	peer->stepping = 0;
}

bool dtls_steps(const struct worker *worker)
{
	return worker->dtls && worker->dtls->steps;
}

void dtls_step(struct worker *worker)
{
	struct dtls_peer *peer;

	if (!dtls_steps(worker))
		return;
	peer = worker->dtls->steps;
	dtls_step_remove(peer);
	kpc_dtls_advance(peer->dtls);
	go_on(peer);
}

static void key_for_server(struct waiter *waiter, const void *answer, int fd)
{
	struct dtls_peer *peer = container_of(waiter, struct dtls_peer, waiter);
	const struct kpc_message *got = answer;

	if (handshake_server_key(peer->worker, kpc_dtls_handshake(peer->dtls),
				 &got->key, &peer->association)) {
		dtls_peer_end(peer, KPC_EVENT_FAULT, -EINVAL,
			      "the warden's answer to a key request does not fit");
		return;
	}
	step_later(peer);
}

static void key_for_client(struct waiter *waiter, const void *answer, int fd)
{
	struct dtls_peer *peer = container_of(waiter, struct dtls_peer, waiter);
	const struct kpc_message *got = answer;
	struct kpc_error err = {};
	int code;

	code = handshake_client_key(kpc_dtls_handshake(peer->dtls), &got->key,
				    peer->association, &err);
	if (code) {
		dtls_peer_end(peer, code == -ENOKEY ? KPC_EVENT_REFUSED :
			      KPC_EVENT_FAULT, code, err.text);
		return;
	}
	step_later(peer);
}

static void ask(struct dtls_peer *peer)
{
	struct kpc_message message = { .type = KPC_MESSAGE_KEY_REQUEST };
	struct kpc_message_key_request *wanted = &message.key_request;
	const struct kpc_kpcid *offer;

	if (peer->asked)
		return;
	peer->asked = 1;
	if (peer->role == KPC_ROLE_A) {
		wanted->association = peer->association->config.id;
		wanted->peer = peer->remote;
		peer->waiter.answered = key_for_client;
	} else {
		offer = kpc_handshake_offer(kpc_dtls_handshake(peer->dtls));
		wanted->listener = peer->listener->config.id;
		wanted->peer = peer->at.peer;
		if (offer)
			wanted->kpc_id = *offer;
		peer->waiter.answered = key_for_server;
	}
	channel_request(peer->worker, &peer->waiter, &message);
}

static void through(struct dtls_peer *peer)
{
	const struct kpc_handshake_result *result;

	result = kpc_handshake_result(kpc_dtls_handshake(peer->dtls));
	peer->version = result->version;
	peer->suite = result->suite;
	/* Revoked while its handshake was under way. */
	if (!peer->association) {
		dtls_peer_end(peer, KPC_EVENT_REFUSED, -ENOENT,
			      "the association is gone");
		return;
	}
	/* What it says holds here only, where the peer has proved its Kpc. */
	if (timer_now() >= peer->born +
	    peer->association->config.handshake_seconds * 1000ULL) {
		dtls_peer_end(peer, KPC_EVENT_REFUSED, -ETIMEDOUT,
			      "it took longer than its association's handshake-time");
		return;
	}
	kpc_dtls_limit(peer->dtls,
		       kpc_suite_records(kpc_suite_by_code(peer->suite),
					 peer->association->config.records));
	if (!peer->worker->config.enforce) {
		dtls_relay_start(peer);
		return;
	}
	peer->state = DTLS_BIND;
	timer_arm(&peer->worker->timers, &peer->timer,
		  peer->give_up > timer_now() ? peer->give_up - timer_now() : 0);
	dtls_bind(peer);
}

void dtls_handshake_bound(struct dtls_peer *peer)
{
	dtls_flush(peer);
	dtls_relay_start(peer);
}

static void go_on(struct dtls_peer *peer)
{
	enum kpc_handshake_state state;

	state = kpc_handshake_state(kpc_dtls_handshake(peer->dtls));
	/* Whoever has the end of it sends data, which only a bound flow takes. */
	if (state != KPC_HANDSHAKE_DONE || !peer->worker->config.enforce)
		dtls_flush(peer);
	switch (state) {
	case KPC_HANDSHAKE_WANT_INPUT:
		wait(peer);
		break;
	case KPC_HANDSHAKE_WANT_KEY:
		wait(peer);
		ask(peer);
		break;
	case KPC_HANDSHAKE_DONE:
		through(peer);
		break;
	case KPC_HANDSHAKE_FAILED:
		fail(peer, -EPROTO);
		break;
	}
}

void dtls_handshake_input(struct dtls_peer *peer, const uint8_t *datagram,
			  size_t len)
{
	if (!peer->dtls || peer->state == DTLS_BIND)
		return;
	if (kpc_dtls_input(peer->dtls, datagram, len) ==
	    KPC_HANDSHAKE_WANT_INPUT)
		step_later(peer);
	else
		go_on(peer);
}

static void evict(struct contender *contender)
{
	struct dtls_peer *peer = container_of(contender, struct dtls_peer,
					      contender);

	dtls_peer_end(peer, KPC_EVENT_REFUSED, -EBUSY,
		      "too many peers in their handshakes, the oldest gives way");
}

void dtls_accept(struct listener *listener, const struct dtls_address *from,
		 const uint8_t *cookie, const uint8_t *datagram, size_t len)
{
	struct worker *worker = listener->worker;
	struct kpc_handshake_context *context;
	struct kpc_error err = {};
	struct dtls_peer *peer;

	context = server_context(listener, &err);
	peer = dtls_peer_new(worker, KPC_ROLE_B, listener, from);
	if (!peer)
		return;
	peer->contender.evict = evict;
	contender_join(worker, &peer->contender, source_of(&from->peer));
	peer->give_up = peer->born +
			listener_handshake_seconds(listener) * 1000ULL;
	memcpy(peer->cookie, cookie, sizeof(peer->cookie));
	if (context)
		peer->dtls = kpc_dtls_new(context, &err);
	if (!peer->dtls) {
		dtls_peer_end(peer, KPC_EVENT_FAULT, -EINVAL, err.text);
		return;
	}
	kpc_dtls_accept(peer->dtls, datagram, len);
	wait(peer);
	step_later(peer);
}

/*
 * A handshake with the next address, or the end of it. UDP does not tell whether
 * anybody is there; where nobody answers for long, the next one has its turn.
 */
static void next_address(struct dtls_peer *peer, int error, const char *text)
{
	const struct kpc_message_addresses *to = &peer->association->addresses;
	struct kpc_handshake_context *context;
	struct sockaddr_storage at;
	struct kpc_error err = {};
	socklen_t length;
	int fd;

	if (peer->address >= to->count) {
		dtls_peer_end(peer, KPC_EVENT_REFUSED,
			      to->count ? error : -EHOSTUNREACH, to->count ?
			      text : "no address of the far end is known");
		return;
	}
	engine_close(peer->worker->engine, peer->fd);
	peer->fd = -1;
	dtls_step_remove(peer);
	waiter_remove(&peer->worker->requests, &peer->waiter);
	waiter_remove(&peer->worker->binds, &peer->waiter);
	kpc_dtls_free(peer->dtls);
	peer->dtls = NULL;
	peer->asked = 0;
	peer->remote = to->at[peer->address++];
	peer->next_at = peer->address < to->count ?
			timer_now() + CONNECT_SECONDS * 1000 : 0;
	context = association_context(peer->worker, peer->association, &err);
	if (context)
		peer->dtls = kpc_dtls_new(context, &err);
	if (!peer->dtls) {
		dtls_peer_end(peer, KPC_EVENT_FAULT, -EINVAL, err.text);
		return;
	}
	length = address_socket(&peer->remote, &at);
	fd = dtls_connect((struct sockaddr *)&at, length, NULL);
	if (fd < 0) {
		next_address(peer, fd, strerror(-fd));
		return;
	}
	peer->fd = fd;
	wait(peer);
	if (peer->worker->config.enforce)
		dtls_register(peer);
	else
		dtls_handshake_begin(peer);
}

void dtls_handshake_begin(struct dtls_peer *peer)
{
	dtls_listen(peer);
	ask(peer);
}

/* The operation on the old socket has to be over before that is closed. */
static void leave_address(struct dtls_peer *peer, int error, const char *text)
{
	if (peer->rx.pending && peer->address <
	    peer->association->addresses.count) {
		peer->next_at = 0;
		peer->moving = 1;
		/* Or it would be up by then. */
		dtls_step_remove(peer);
		engine_cancel(peer->worker->engine, &peer->rx);
		return;
	}
	next_address(peer, error, text);
}

void dtls_handshake_moved(struct dtls_peer *peer)
{
	peer->moving = 0;
	next_address(peer, -ETIMEDOUT, "the far end does not answer");
}

void dtls_handshake_refused(struct dtls_peer *peer, int error)
{
	char text[KPC_MESSAGE_TEXT_MAX + 1];

	snprintf(text, sizeof(text), "nobody takes datagrams at the far end: %s",
		 strerror(-error));
	leave_address(peer, error, text);
}

struct dtls_peer *dtls_initiate(struct worker *worker,
				struct association *association,
				struct listener *listener,
				const struct dtls_address *from,
				uint32_t request)
{
	struct dtls_peer *peer = dtls_peer_new(worker, KPC_ROLE_A, listener,
					       from);

	if (!peer)
		return NULL;
	peer->association = association;
	peer->request = request;
	peer->give_up = peer->born +
			association->config.handshake_seconds * 1000ULL;
	peer->counted = association_initiates(worker, association);
	if (peer->counted)
		next_address(peer, 0, "");
	else
		dtls_peer_end(peer, KPC_EVENT_REFUSED, -EBUSY,
			      "too many handshakes with the far end are under way");
	return peer->state == DTLS_CLOSED ? NULL : peer;
}

void dtls_handshake_expired(struct dtls_peer *peer)
{
	uint64_t now = timer_now();

	if (peer->state == DTLS_BIND) {
		dtls_peer_end(peer, KPC_EVENT_FAULT, -ETIMEDOUT,
			      "the module has not answered in time");
		return;
	}
	if (now >= peer->give_up) {
		if (!peer->dtls) {
			dtls_peer_end(peer, KPC_EVENT_REFUSED, -ETIMEDOUT,
				      "the handshake was not over in time");
			return;
		}
		kpc_dtls_give_up(peer->dtls);
		fail(peer, -ETIMEDOUT);
		return;
	}
	if (peer->next_at && now >= peer->next_at) {
		leave_address(peer, -ETIMEDOUT, "the far end does not answer");
		return;
	}
	if (kpc_dtls_wait(peer->dtls) == 0)
		kpc_dtls_expired(peer->dtls);
	go_on(peer);
}
