/* SPDX-License-Identifier: MIT */
/*
 * The module's agent, for as long as a run lasts: sockets are registered before
 * their handshake and bound to their association behind it.
 */
#ifndef KPCPERF_BINDER_H
#define KPCPERF_BINDER_H

#include <pthread.h>
#include <stdint.h>

#include <kpc/error.h>
#include <kpc/nl.h>
#include <kpc/secrets.h>

/**
 * struct binder - what stands for warden and worker
 * @lock: of all of it; connections come up under it, octets do not
 * @warden: gives grants
 * @worker: uses them
 * @session: number of @worker
 */
struct binder {
	pthread_mutex_t lock;
	struct kpc_nl warden;
	struct kpc_nl worker;
	uint32_t session;
};

/**
 * binder_open() - become the agent of this network namespace
 *
 * Return: 0; -EBUSY: there is one; another negative errno.
 */
int binder_open(struct binder *binder, struct kpc_error *err);

/** binder_close() - be it no more: what is bound goes by the module's agent-lost */
void binder_close(struct binder *binder);

/**
 * binder_register() - a socket that will listen, or connect, for a handshake
 * @binder: NULL: nothing is done
 * @fd: the socket
 * @association: whose; NULL: a listener's
 * @id: the module's of @association
 */
int binder_register(struct binder *binder, int fd, const char *association,
		    uint32_t id, struct kpc_error *err);

/**
 * binder_bind() - the handshake is done, the carrier has the keys
 * @bind: all but the digests
 * @tx: own keys; NULL: the kernel is not the carrier
 * @rx: the peer's
 */
int binder_bind(struct binder *binder, struct kpc_bind *bind,
		const struct kpc_traffic *tx, const struct kpc_traffic *rx,
		struct kpc_error *err);

#endif
