// SPDX-License-Identifier: MIT
/*
 * Drives libkpc's handshake: send all it has, read exactly what it needs, ask
 * the warden for the key, and compute only when it is this one's turn.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <kpc/key.h>
#include <kpc/ktls.h>

#include "handshake.h"

/* Asked of the socket at a time; records of a handshake are rarely longer. */
#define TAKE_OCTETS	1024
/* More than the flights of TLS have. */
#define FLIGHT_RECORDS	8

int handshake_new(struct connection *c)
{
	struct handshake *hs = calloc(1, sizeof(*hs));

	if (!hs)
		return -ENOMEM;
	hs->connection = c;
	c->handshake = hs;
	return 0;
}

static void handshake_evict(struct contender *contender)
{
	struct handshake *hs = container_of(contender, struct handshake,
					    contender);

	connection_fail(hs->connection, KPC_EVENT_REFUSED, -EBUSY,
			"too many peers in their handshakes, the oldest gives way");
}

void handshake_list(struct handshake *hs, uint64_t source)
{
	hs->contender.evict = handshake_evict;
	contender_join(hs->connection->worker, &hs->contender, source);
}

static uint32_t at_most(uint32_t told, uint32_t most)
{
	return told < most ? told : most;
}

void handshake_quota(struct worker *worker,
		     const struct kpc_message_quota *quota)
{
	worker->quota.peers = at_most(quota->peers, CONTENDERS_MAX);
	worker->quota.initiations = at_most(quota->initiations,
					    INITIATIONS_MAX);
}

static void handshake_unlist(struct handshake *hs)
{
	contender_leave(hs->connection->worker, &hs->contender);
}

static void step_remove(struct handshake *hs)
{
	struct worker *worker = hs->connection->worker;
	struct handshake **at;

	if (!hs->stepping)
		return;
	for (at = &worker->steps; *at; at = &(*at)->step_next) {
		if (*at != hs)
			continue;
		*at = hs->step_next;
		if (!*at)
			worker->steps_end = at;
		break;
	}
	hs->stepping = false;
}

void handshake_detach(struct connection *c)
{
	struct handshake *hs = c->handshake;

	if (!hs)
		return;
	handshake_unlist(hs);
	if (hs->counted)
		association_initiated(c->worker, c->association);
	hs->counted = false;
	timer_disarm(&c->worker->timers, &hs->look);
	step_remove(hs);
	waiter_remove(&c->worker->requests, &hs->waiter);
	waiter_remove(&c->worker->binds, &hs->waiter);
}

void handshake_free(struct connection *c)
{
	if (!c->handshake)
		return;
	handshake_detach(c);
	kpc_handshake_free(c->handshake->tls);
	free(c->handshake);
	c->handshake = NULL;
}

/*
 * Queue one turn of computing. A public-key operation takes as long as
 * hundreds of relayed messages, so these wait until the others were served.
 */
static void handshake_step_later(struct handshake *hs)
{
	struct worker *worker = hs->connection->worker;

	if (hs->stepping)
		return;
	hs->stepping = true;
	hs->step_next = NULL;
	*worker->steps_end = hs;
	worker->steps_end = &hs->step_next;
}

static void handshake_failed(struct connection *c)
{
	const struct kpc_handshake_failure *failure;
	int error = -EPROTO;

	failure = kpc_handshake_failure(c->handshake->tls);
	if (failure->cause == KPC_HANDSHAKE_LOCAL)
		error = -ENOMEM;
	else if (kpc_handshake_failure_lasts(failure))
		error = -EKEYREJECTED;
	connection_fail(c, KPC_EVENT_REFUSED, error, failure->text.text);
}

static void handshake_hung_up(struct connection *c, int error)
{
	connection_fail(c, KPC_EVENT_REFUSED, error,
			"the far end hung up during the handshake");
}

static void handshake_read(struct connection *c);
static void handshake_ask(struct connection *c);

/* All output is sent: what now? */
static void handshake_go_on(struct connection *c)
{
	struct handshake *hs = c->handshake;

	switch (kpc_handshake_state(hs->tls)) {
	case KPC_HANDSHAKE_WANT_INPUT:
		handshake_read(c);
		break;
	case KPC_HANDSHAKE_WANT_KEY:
		handshake_ask(c);
		break;
	case KPC_HANDSHAKE_DONE:
		handshake_unlist(hs);
		handshake_install(c);
		break;
	case KPC_HANDSHAKE_FAILED:
		handshake_failed(c);
		break;
	}
}

static void handshake_sent(struct engine_op *op, int result);

static void handshake_write(struct connection *c)
{
	struct handshake *hs = c->handshake;
	const void *octets;
	size_t length;

	octets = kpc_handshake_output(hs->tls, &length);
	if (!length) {
		handshake_go_on(c);
		return;
	}
	hs->part.iov_base = (void *)octets;
	hs->part.iov_len = length;
	hs->out = (struct msghdr){
		.msg_iov = &hs->part,
		.msg_iovlen = 1,
	};
	c->tls.tx.done = handshake_sent;
	c->tls.tx.code = ENGINE_SEND;
	c->tls.tx.flags = 0;
	c->tls.tx.msg = &hs->out;
	engine_submit(c->worker->engine, &c->tls.tx);
}

static void handshake_sent(struct engine_op *op, int result)
{
	struct connection *c = container_of(op, struct connection, tls.tx);

	if (connection_over(c, op))
		return;
	/* After a failure the alert is a courtesy; the reason is known. */
	if (result < 0 &&
	    kpc_handshake_state(c->handshake->tls) == KPC_HANDSHAKE_FAILED) {
		handshake_failed(c);
		return;
	}
	if (result < 0) {
		handshake_hung_up(c, result);
		return;
	}
	kpc_handshake_output_sent(c->handshake->tls, result);
	handshake_write(c);
}

/* False where it cannot be, and has failed. */
static bool handshake_make(struct connection *c)
{
	struct handshake *hs = c->handshake;
	struct kpc_handshake_context *context = NULL;
	struct kpc_error err = {};
	struct listener *listener;

	if (c->role == KPC_ROLE_A) {
		context = association_context(c->worker, c->association, &err);
	} else {
		listener = listener_find(c->worker, hs->listener);
		if (!listener) {
			connection_fail(c, KPC_EVENT_REFUSED, -ENOENT,
					"the listener is closed");
			return false;
		}
		context = server_context(listener, &err);
	}
	if (context)
		hs->tls = kpc_handshake_new(context, &err);
	if (!hs->tls)
		connection_fail(c, KPC_EVENT_FAULT, -EINVAL, err.text);
	return hs->tls;
}

/*
 * What a record still needs is with its header most of the time, and a record
 * with the one before: asking the socket costs less than a turn of the engine.
 * Returns 1 where a record is complete, 0 where it has to be waited for.
 */
static int handshake_take(struct connection *c)
{
	struct kpc_handshake *tls = c->handshake->tls;
	uint8_t octets[TAKE_OCTETS];
	size_t need;
	ssize_t got;

	while ((need = kpc_handshake_need(tls))) {
		got = recv(c->tls.fd, octets,
			   need < sizeof(octets) ? need : sizeof(octets),
			   MSG_DONTWAIT);
		/* An end is told once more to who waits for more. */
		if (!got || (got < 0 && errno == EAGAIN))
			return 0;
		if (got < 0)
			return -errno;
		kpc_handshake_input(tls, octets, got);
	}
	return 1;
}

static void handshake_received(struct engine_op *op, int result)
{
	struct connection *c = container_of(op, struct connection, tls.rx);
	struct handshake *hs = c->handshake;

	if (connection_over(c, op))
		return;
	if (result < 0) {
		handshake_hung_up(c, result);
		return;
	}
	if (!hs->tls && !handshake_make(c)) {
		connection_over(c, op);
		return;
	}
	if (result == 0)
		kpc_handshake_input_end(hs->tls);
	else
		kpc_handshake_input(hs->tls, op->buffer->data, result);
	buffer_put(&c->worker->pool, op->buffer);
	op->buffer = NULL;
	if (result == 0) {
		handshake_write(c);
		return;
	}
	result = handshake_take(c);
	if (result < 0)
		handshake_hung_up(c, result);
	else if (result)
		handshake_step_later(hs);
	else
		handshake_read(c);
}

/* No octet beyond the need is taken: the rest may be for the kernel. */
static void handshake_read(struct connection *c)
{
	struct engine_op *rx = &c->tls.rx;
	const struct kpc_handshake *tls = c->handshake->tls;
	size_t need = tls ? kpc_handshake_need(tls) : FIRST_OCTETS;

	rx->done = handshake_received;
	rx->code = ENGINE_TAKE;
	rx->flags = 0;
	rx->msg = NULL;
	rx->limit = need < BUFFER_OCTETS ? need : BUFFER_OCTETS;
	engine_submit(c->worker->engine, rx);
}

/* Whether OpenSSL waits for a record, and has nothing to say before. */
static bool handshake_listens(const struct kpc_handshake *tls)
{
	size_t length;

	kpc_handshake_output(tls, &length);
	return !length && kpc_handshake_state(tls) == KPC_HANDSHAKE_WANT_INPUT;
}

/*
 * The records of one flight are one step, of which one at most has OpenSSL
 * compute with public keys; but for what a peer cuts into more than it needs.
 */
void handshake_step(struct worker *worker)
{
	struct handshake *hs = worker->steps;
	struct connection *c = hs->connection;
	unsigned int records;
	int ret = 0;

	step_remove(hs);
	for (records = 0; records < FLIGHT_RECORDS; records++) {
		kpc_handshake_advance(hs->tls);
		ret = handshake_listens(hs->tls) ? handshake_take(c) : 0;
		if (ret <= 0)
			break;
	}
	if (ret < 0)
		handshake_hung_up(c, ret);
	else if (ret)
		handshake_step_later(hs);
	else
		handshake_write(c);
}

/*
 * An unknown KpcId takes the same way as a known one, so that neither answer nor
 * time tells them apart.
 */
int handshake_server_key(struct worker *worker, struct kpc_handshake *tls,
			 const struct kpc_message_key *got,
			 struct association **association)
{
	struct association *found;
	struct kpc_key *key = NULL;
	bool known;
	int ret;

	found = association_find(worker, got->association);
	if (got->len <= sizeof(got->octets))
		key = kpc_key_new(got->octets, got->len, NULL);
	known = key && found && found->config.role == KPC_ROLE_B;
	if (known) {
		found->kpc_id = got->kpc_id;
		*association = found;
	} else {
		kpc_handshake_withhold(tls, message_refusal(got->refusal));
	}
	ret = kpc_handshake_key(tls, known ? key : NULL,
				known ? &found->policy : NULL);
	kpc_key_free(key);
	return ret;
}

static void key_for_server(struct waiter *waiter, const void *answer, int fd)
{
	struct handshake *hs = container_of(waiter, struct handshake, waiter);
	struct connection *c = hs->connection;

	if (handshake_server_key(c->worker, hs->tls,
				 &((const struct kpc_message *)answer)->key,
				 &c->association))
		connection_fail(c, KPC_EVENT_FAULT, -EINVAL,
				"the warden's answer to a key request does not fit");
	else
		handshake_step_later(hs);
}

static void handshake_ask(struct connection *c)
{
	struct handshake *hs = c->handshake;
	struct kpc_message message = { .type = KPC_MESSAGE_KEY_REQUEST };
	struct kpc_message_key_request *ask = &message.key_request;
	const struct kpc_kpcid *offer = kpc_handshake_offer(hs->tls);

	ask->listener = hs->listener;
	ask->peer = c->peer;
	if (offer)
		ask->kpc_id = *offer;
	hs->waiter.answered = key_for_server;
	channel_request(c->worker, &hs->waiter, &message);
}

int handshake_client_key(struct kpc_handshake *tls,
			 const struct kpc_message_key *got,
			 struct association *association, struct kpc_error *err)
{
	const struct kpc_message_association *config = &association->config;
	struct kpc_key *key;
	const char *why;
	int ret = -EINVAL;

	if (got->association != config->id || got->len > sizeof(got->octets)) {
		why = got->association ? NULL : message_refusal(got->refusal);
		return kpc_error_return(err, -ENOKEY, "%s", why ? why :
					"there is no key for this KpcId");
	}
	key = kpc_key_new(got->octets, got->len, err);
	association->kpc_id = got->kpc_id;
	if (key)
		ret = kpc_handshake_initiate(tls, &got->kpc_id, key,
					     config->authority[0] ?
					     config->authority : NULL, err);
	kpc_key_free(key);
	return ret ? -EINVAL : 0;
}

/* With a key the handshake can begin. */
static void key_for_client(struct waiter *waiter, const void *answer, int fd)
{
	struct handshake *hs = container_of(waiter, struct handshake, waiter);
	struct connection *c = hs->connection;
	struct kpc_error err = {};
	int ret;

	ret = handshake_client_key(hs->tls,
				   &((const struct kpc_message *)answer)->key,
				   c->association, &err);
	if (ret)
		connection_fail(c, ret == -ENOKEY ? KPC_EVENT_REFUSED :
				KPC_EVENT_FAULT, ret, err.text);
	else
		handshake_step_later(hs);
}

static void client_ask(struct connection *c)
{
	struct handshake *hs = c->handshake;
	struct kpc_message message = { .type = KPC_MESSAGE_KEY_REQUEST };
	struct kpc_message_key_request *ask = &message.key_request;

	ask->association = c->association->config.id;
	ask->peer = c->peer;
	hs->waiter.answered = key_for_client;
	channel_request(c->worker, &hs->waiter, &message);
}

void handshake_begin(struct connection *c)
{
	c->state = CONNECTION_HANDSHAKE;
	/* Before the handshake: after a FIN it would be refused. */
	c->handshake->ktls = !kpc_ktls_prepare(c->tls.fd);
	/* A peer that says nothing costs nothing. */
	if (c->role == KPC_ROLE_B)
		handshake_read(c);
	else if (handshake_make(c))
		client_ask(c);
}
