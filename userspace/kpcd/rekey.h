/* SPDX-License-Identifier: MIT */
/*
 * New keys of a connection with TLS 1.3 (KeyUpdate, RFC 8446 4.6.3): by what a
 * key has protected, by time, and because the far end has or wants them.
 */
#ifndef KPCD_REKEY_H
#define KPCD_REKEY_H

#include <kpc/error.h>
#include <kpc/rekey.h>

#include "bucket.h"
#include "timer.h"
#include "worker_state.h"

struct connection;

/**
 * enum rekey_step - how far one direction is
 * @REKEY_IDLE: nothing to do
 * @REKEY_WANTED: the other direction is announced first
 * @REKEY_ANNOUNCED: the module is told the digest of the next keys
 * @REKEY_DUE: sending: KeyUpdate goes before anything else
 * @REKEY_SENDING: it is on its way; the next keys come behind it
 */
enum rekey_step {
	REKEY_IDLE,
	REKEY_WANTED,
	REKEY_ANNOUNCED,
	REKEY_DUE,
	REKEY_SENDING,
};

/**
 * struct rekey - what a connection needs for new keys; part of it
 * @secrets: carrier kernel, where there are next keys; else nothing
 * @waiter: the announcement under way
 * @timer: rekey-after of its association
 * @updates: of the far end, how many more may come that no data pays for
 * @step: of each direction, by enum kpc_ktls_direction
 * @tries: announcements for which the module had no time
 * @ask: the far end is to change its keys too
 * @asked: it was told so and has not done it yet
 * @answer: it wants this side to change its keys
 * @paid: it did before, for what was sent with the present ones
 * @late: carrier agent, the time for new keys came while nothing could be sent
 */
struct rekey {
	struct kpc_rekey secrets;
	struct waiter waiter;
	struct timer timer;
	struct bucket updates;
	uint8_t step[2];
	uint8_t tries;
	uint8_t ask:1;
	uint8_t asked:1;
	uint8_t answer:1;
	uint8_t paid:1;
	uint8_t late:1;
};

/**
 * rekey_keep() - carrier kernel: keep what the handshake has for next keys
 * @c: the connection, with its first keys installed
 *
 * Nothing is kept where this kernel or TLS 1.2 has no next keys, or where there
 * is no locked memory: a KeyUpdate ends such a connection, and its last record.
 */
void rekey_keep(struct connection *c);

/**
 * rekey_hides() - may a KeyUpdate be there that no poll tells of
 * @c: the connection
 *
 * The kernel's TLS, where it has new keys, goes on to the record behind the data
 * that it gives. If that is a KeyUpdate it keeps it for the next receive, and is
 * not readable until the keys have come.
 */
bool rekey_hides(const struct connection *c);

/** rekey_start() - octets may flow: the time until new keys begins */
void rekey_start(struct connection *c);

/** rekey_stop() - wipe it; no answer and no timer comes any more */
void rekey_stop(struct connection *c);

/**
 * rekey_lost() - answers of the module were lost
 * @worker: whose
 *
 * Who waits for one announces again, which changes nothing where it was heard.
 */
void rekey_lost(struct worker *worker);

/** rekey_can() - carrier kernel: whether there are next keys */
bool rekey_can(const struct connection *c);

/**
 * rekey_want() - change the keys for sending
 * @c: the connection, for which rekey_can()
 * @ask: and have the far end change its own, unless it was asked already
 */
void rekey_want(struct connection *c, bool ask);

/**
 * rekey_received() - the far end's next record has new keys
 * @c: the connection
 * @asks: it wants this side to change its keys too
 * @err: why that ends the connection
 *
 * Return: 0, or a negative errno with the end of the connection.
 */
int rekey_received(struct connection *c, bool asks, struct kpc_error *err);

/** rekey_receiving() - nothing is to be received before the next keys are there */
bool rekey_receiving(const struct connection *c);

/** rekey_asked() - whether the far end was asked for new keys and has none yet */
bool rekey_asked(const struct connection *c);

/** rekey_waits() - one is due, perhaps behind what is sent or was cut short */
bool rekey_waits(const struct connection *c);

/** rekey_due() - a KeyUpdate goes before anything else that is sent */
bool rekey_due(const struct connection *c);

/** rekey_send() - it goes now; Return: whether it asks the far end for the same */
bool rekey_send(struct connection *c);

/** rekey_sending() - whether what is being sent is that KeyUpdate */
bool rekey_sending(const struct connection *c);

/** rekey_sent() - it is sent: 0 with the next keys in use, or a negative errno */
int rekey_sent(struct connection *c);

#endif
