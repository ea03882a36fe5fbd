// SPDX-License-Identifier: MIT
/*
 * New keys. In each direction in this order: the module is told the digest of
 * the next keys, KeyUpdate passes, the kernel gets the keys. Receiving stops
 * with the far end's KeyUpdate until that is done; sending for as long as the
 * own one takes.
 */
#include <errno.h>
#include <string.h>

#include <kpc/ktls.h>
#include <kpc/records.h>

#include "handshake.h"

/* Announcements that find the socket in use, one behind the other. */
#define TRIES_MOST	50

/* Of the kernel, so one socket's answer holds for all. */
static bool is_possible(struct worker *worker, int fd)
{
	if (!worker->rekeys)
		worker->rekeys = kpc_ktls_rekeys(fd) ? 1 : -1;
	return worker->rekeys > 0;
}

bool rekey_hides(const struct connection *c)
{
	return c->carrier == KPC_CARRIER_KERNEL && c->version == TLS_1_3_VERSION &&
	       c->worker->rekeys > 0;
}

void rekey_keep(struct connection *c)
{
	if (c->version == TLS_1_3_VERSION && is_possible(c->worker, c->tls.fd))
		kpc_rekey_keep(&c->rekey.secrets, c->handshake->tls, NULL);
}

static void rekey_expired(struct timer *timer)
{
	struct connection *c = container_of(timer, struct connection, rekey.timer);

	if (c->state >= CONNECTION_DRAIN)
		return;
	rekey_start(c);
	if (c->carrier == KPC_CARRIER_KERNEL)
		rekey_want(c, true);
	else if (c->out.stream.first)
		/* Behind what waits there would be one for each time. */
		c->rekey.late = 1;
	else if (carrier_rekey(c))
		relay_break(c, "the agent's TLS has no new keys");
	relay_go_on(c);
}

void rekey_start(struct connection *c)
{
	uint32_t seconds;

	/* With carrier agent OpenSSL has the secrets, and the time is all. */
	if (c->version != TLS_1_3_VERSION ||
	    (c->carrier == KPC_CARRIER_KERNEL && !rekey_can(c)))
		return;
	seconds = c->association->config.rekey_after;
	if (!seconds)
		return;
	c->rekey.timer.expired = rekey_expired;
	timer_arm(&c->worker->timers, &c->rekey.timer, seconds * 1000ULL);
}

void rekey_stop(struct connection *c)
{
	waiter_remove(&c->worker->binds, &c->rekey.waiter);
	timer_disarm(&c->worker->timers, &c->rekey.timer);
	kpc_rekey_wipe(&c->rekey.secrets);
	memset(c->rekey.step, REKEY_IDLE, sizeof(c->rekey.step));
}

bool rekey_can(const struct connection *c)
{
	return c->rekey.secrets.suite;
}

static int announce(struct connection *c, enum kpc_ktls_direction direction);

/* The module expects the next keys; where there is none, nobody had to be told. */
static int announced(struct connection *c, enum kpc_ktls_direction direction)
{
	struct rekey *rekey = &c->rekey;
	int ret;

	rekey->tries = 0;
	if (direction == KPC_KTLS_TX) {
		rekey->step[KPC_KTLS_TX] = REKEY_DUE;
		return 0;
	}
	rekey->step[KPC_KTLS_RX] = REKEY_IDLE;
	c->look = 0;
	ret = kpc_rekey_install(&rekey->secrets, KPC_KTLS_RX, c->tls.fd);
	if (ret || !rekey->answer)
		return ret;
	rekey->answer = 0;
	return rekey->step[KPC_KTLS_TX] == REKEY_IDLE ?
		announce(c, KPC_KTLS_TX) : 0;
}

static void answered(struct waiter *waiter, const void *answer, int fd)
{
	struct connection *c = container_of(waiter, struct connection, rekey.waiter);
	const struct bind_answer *got = answer;
	struct rekey *rekey = &c->rekey;
	enum kpc_ktls_direction direction =
		rekey->step[KPC_KTLS_TX] == REKEY_ANNOUNCED ? KPC_KTLS_TX :
							      KPC_KTLS_RX;
	int ret = got->error;

	if (!ret)
		ret = announced(c, direction);
	else if (ret == -EBUSY && ++rekey->tries < TRIES_MOST)
		ret = announce(c, direction);
	/* One at a time: the other direction waited. */
	if (!ret && rekey->step[!direction] == REKEY_WANTED)
		ret = announce(c, !direction);
	if (ret) {
		relay_break(c, got->error ? got->text :
			    "the kernel refuses new keys for receiving");
		return;
	}
	relay_go_on(c);
}

void rekey_lost(struct worker *worker)
{
	const struct bind_answer again = { .error = -EBUSY };
	struct connection *c, *next;

	for (c = worker->connections; c; c = next) {
		next = c->next;
		if (!c->rekey.waiter.id)
			continue;
		c->rekey.tries = 0;
		waiter_answer(&worker->binds, c->rekey.waiter.id, &again, -1);
	}
}

static int announce(struct connection *c, enum kpc_ktls_direction direction)
{
	struct rekey *rekey = &c->rekey;
	uint8_t digest[KPC_DIGEST_LEN];
	int ret;

	if (!c->worker->config.enforce)
		return announced(c, direction);
	if (rekey->step[!direction] == REKEY_ANNOUNCED) {
		rekey->step[direction] = REKEY_WANTED;
		return 0;
	}
	ret = kpc_rekey_digest(&rekey->secrets, direction, digest);
	if (ret)
		return ret;
	rekey->step[direction] = REKEY_ANNOUNCED;
	rekey->waiter.answered = answered;
	bind_rekey(c->worker, &rekey->waiter, c->tls.fd,
		   direction == KPC_KTLS_TX ? digest : NULL,
		   direction == KPC_KTLS_RX ? digest : NULL);
	return 0;
}

void rekey_want(struct connection *c, bool ask)
{
	struct rekey *rekey = &c->rekey;

	/* Answers may have to wait behind data; some more, and it reads nothing. */
	rekey->ask |= ask && !rekey->asked;
	if (rekey->step[KPC_KTLS_TX] == REKEY_IDLE && announce(c, KPC_KTLS_TX))
		relay_break(c, "no new keys can be derived");
}

/*
 * Data that came with the far end's present keys pays for its next ones; what was
 * sent to it with the own ones, once, for being asked for others.
 */
static bool is_paid(struct connection *c, bool asks)
{
	uint64_t records;

	if (!kpc_ktls_records(c->tls.fd, KPC_KTLS_RX, c->suite, &records) &&
	    records >= KPC_UPDATE_RECORDS)
		return true;
	if (!asks || c->rekey.paid ||
	    kpc_ktls_records(c->tls.fd, KPC_KTLS_TX, c->suite, &records) ||
	    records < KPC_UPDATE_RECORDS)
		return false;
	c->rekey.paid = 1;
	return true;
}

int rekey_received(struct connection *c, bool asks, struct kpc_error *err)
{
	struct rekey *rekey = &c->rekey;
	int ret;

	if (!rekey_can(c))
		return kpc_error_return(err, -EOPNOTSUPP,
			"the far end wants new keys (KeyUpdate), which ends it here");
	if (!is_paid(c, asks) &&
	    !bucket_take(&rekey->updates, KPC_UPDATES_PER_S, KPC_UPDATES_AT_ONCE,
			 timer_now()))
		return kpc_error_return(err, -EKEYREJECTED,
			"the far end changes its keys more often than its data asks for");
	rekey->asked = 0;
	rekey->answer = asks;
	ret = announce(c, KPC_KTLS_RX);
	return ret ? kpc_error_return(err, ret,
		"the kernel refuses new keys for receiving") : 0;
}

bool rekey_receiving(const struct connection *c)
{
	return c->rekey.step[KPC_KTLS_RX] != REKEY_IDLE;
}

bool rekey_asked(const struct connection *c)
{
	return c->rekey.asked;
}

bool rekey_waits(const struct connection *c)
{
	return c->rekey.step[KPC_KTLS_TX] == REKEY_DUE;
}

/* Behind a send that was cut short it might pass for data; see kernel_alert(). */
bool rekey_due(const struct connection *c)
{
	return rekey_waits(c) && !c->out.notified && !c->out.cut;
}

bool rekey_send(struct connection *c)
{
	struct rekey *rekey = &c->rekey;

	rekey->step[KPC_KTLS_TX] = REKEY_SENDING;
	rekey->asked |= rekey->ask;
	return rekey->ask;
}

bool rekey_sending(const struct connection *c)
{
	return c->rekey.step[KPC_KTLS_TX] == REKEY_SENDING;
}

int rekey_sent(struct connection *c)
{
	struct rekey *rekey = &c->rekey;

	rekey->step[KPC_KTLS_TX] = REKEY_IDLE;
	rekey->ask = 0;
	rekey->paid = 0;
	c->look = 0;
	return kpc_rekey_install(&rekey->secrets, KPC_KTLS_TX, c->tls.fd);
}
