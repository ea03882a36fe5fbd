/* SPDX-License-Identifier: MIT */
/*
 * Listeners with one socket per worker: of TLS and DTLS, shared by associations,
 * and of local programs that send datagrams.
 */
#ifndef KPCD_LISTENER_H
#define KPCD_LISTENER_H

#include <stdint.h>

#include <kpc/error.h>

struct crew_worker;
struct listener;
struct warden;

/**
 * enum listener_kind - who comes to it
 * @LISTENER_TLS: peers of TLS
 * @LISTENER_DTLS: peers of DTLS
 * @LISTENER_LOCAL: local programs of one association of role a, by UDP: what
 *	comes from one address always comes to the same worker
 */
enum listener_kind {
	LISTENER_TLS,
	LISTENER_DTLS,
	LISTENER_LOCAL,
};

/**
 * listener_get() - the listener of an address, opened if need be
 * @kind: who comes to it
 * @text: ADDRESS:PORT, [ADDRESS]:PORT or *:PORT, the latter for both families
 * @association: LISTENER_LOCAL, whose it is; else 0
 * @listener: result
 * @err: why not
 *
 * Every worker gets a socket of its own (SO_REUSEPORT), which the warden keeps
 * as well: connections that wait in it outlive a worker. Nobody accepts them
 * before listener_tell().
 *
 * Return: 0 or a negative errno.
 */
int listener_get(struct warden *warden, enum listener_kind kind,
		 const char *text, uint32_t association,
		 struct listener **listener, struct kpc_error *err);

/** listener_tell() - the workers know who is at it: now they accept */
void listener_tell(struct warden *warden, struct listener *listener);

/** listener_put() - one user less; the last one closes it */
void listener_put(struct warden *warden, struct listener *listener);

/** listener_count() - addresses that are listened at */
uint32_t listener_count(const struct warden *warden);

/** listener_id() - its number in messages */
uint32_t listener_id(const struct listener *listener);

/** listener_replay() - give a new worker its socket of every listener */
void listener_replay(struct crew_worker *worker);

#endif
