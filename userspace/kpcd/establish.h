/* SPDX-License-Identifier: MIT */
/*
 * Bringing associations up, by command and by themselves, and closing them.
 *
 * Role a: look IdB's address up, make one handshake (start auto and establish)
 * and open the plain listener. Role b: open the TLS listener. What fails and
 * is wanted is tried again, ever less often.
 */
#ifndef KPCD_ESTABLISH_H
#define KPCD_ESTABLISH_H

#include <stdint.h>

struct crew_worker;
struct entry;
struct kpc_message_established;
struct warden;

/**
 * establish_start() - what an association's `start` asks for
 *
 * auto: one handshake, then open; demand: open; manual: nothing.
 */
void establish_start(struct entry *entry);

/**
 * establish_command() - open an association because somebody said so
 * @request: the module's number of the request, answered when it is settled
 */
void establish_command(struct entry *entry, uint32_t request);

/**
 * establish_close() - close an association because somebody said so
 * @request: the module's number of the request; 0, none
 */
void establish_close(struct entry *entry, uint32_t request);

/**
 * establish_stop() - close its listeners and end what is under way
 *
 * For an association that goes away or changes; nobody is answered but who
 * waits for a handshake.
 * @reason: told to them
 */
void establish_stop(struct entry *entry, const char *reason);

/**
 * establish_outcome() - a worker tells how a handshake went
 * @attempt: which handshake: the request number that the worker was given
 */
void establish_outcome(struct crew_worker *worker, uint32_t attempt,
		       const struct kpc_message_established *outcome);

/** establish_look_again() - IdB's address may have changed */
void establish_look_again(struct entry *entry);

/** establish_replay_listener() - tell a new worker where role b is open */
void establish_replay_listener(struct crew_worker *worker,
			       const struct entry *entry);

/** establish_replay() - tell a new worker what is open */
void establish_replay(struct crew_worker *worker, struct entry *entry);

/** establish_worker_ready() - handshakes that waited for a worker can be made */
void establish_worker_ready(struct warden *warden);

/** establish_retry_all() - what failed may succeed now: keys have changed */
void establish_retry_all(struct warden *warden);

/** establish_worker_lost() - handshakes that a worker was making failed */
void establish_worker_lost(struct warden *warden, unsigned int index);

#endif
