/* SPDX-License-Identifier: MIT */
/*
 * TLS listeners: one socket per worker, shared by associations.
 */
#ifndef KPCD_LISTENER_H
#define KPCD_LISTENER_H

#include <stdint.h>

#include <kpc/error.h>

struct crew_worker;
struct listener;
struct warden;

/**
 * listener_get() - the listener of an address, opened if need be
 * @text: ADDRESS:PORT, [ADDRESS]:PORT or *:PORT, the latter for both families
 * @listener: result
 * @err: why not
 *
 * Every worker gets a socket of its own (SO_REUSEPORT), which the warden keeps
 * as well: connections that wait in it outlive a worker. Nobody accepts them
 * before listener_tell().
 *
 * Return: 0 or a negative errno.
 */
int listener_get(struct warden *warden, const char *text,
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
