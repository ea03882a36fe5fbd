// SPDX-License-Identifier: MIT
/*
 * The module's agent, for as long as a run lasts.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "binder.h"

static int open_worker(struct binder *binder, struct kpc_error *err)
{
	int fd = kpc_nl_socket(), ret;

	if (fd < 0)
		return kpc_error_return(err, fd, "a netlink socket: %s",
					strerror(-fd));
	ret = kpc_nl_session_worker(&binder->warden, fd, getpid(),
				    &binder->session, err);
	if (ret) {
		close(fd);
		return ret;
	}
	ret = kpc_nl_adopt(&binder->worker, fd, &binder->warden.family);
	if (ret)
		kpc_error_set(err, "a netlink socket: %s", strerror(-ret));
	return ret;
}

int binder_open(struct binder *binder, struct kpc_error *err)
{
	uint32_t session;
	int ret;

	memset(binder, 0, sizeof(*binder));
	pthread_mutex_init(&binder->lock, NULL);
	ret = kpc_nl_open(&binder->warden, err);
	if (!ret)
		ret = kpc_nl_session_warden(&binder->warden, &session, err);
	return ret ?: open_worker(binder, err);
}

void binder_close(struct binder *binder)
{
	if (binder->worker.socket)
		kpc_nl_close(&binder->worker);
	if (binder->warden.socket)
		kpc_nl_close(&binder->warden);
	pthread_mutex_destroy(&binder->lock);
}

int binder_register(struct binder *binder, int fd, const char *association,
		    uint32_t id, struct kpc_error *err)
{
	struct kpc_error why = {};
	int ret;

	if (!binder)
		return 0;
	pthread_mutex_lock(&binder->lock);
	ret = kpc_nl_handshake_new(association ? &binder->worker :
				   &binder->warden, fd, association, id, &why);
	pthread_mutex_unlock(&binder->lock);
	return ret ? kpc_error_return(err, ret,
				      "the module does not register a socket: %s",
				      why.text) : 0;
}

int binder_bind(struct binder *binder, struct kpc_bind *bind,
		const struct kpc_traffic *tx, const struct kpc_traffic *rx,
		struct kpc_error *err)
{
	uint8_t tx_digest[KPC_DIGEST_LEN], rx_digest[KPC_DIGEST_LEN];
	struct kpc_error why = {};
	int ret = 0;

	if (tx) {
		ret = kpc_traffic_digest(tx, tx_digest) ?:
		      kpc_traffic_digest(rx, rx_digest);
		bind->tx_digest = tx_digest;
		bind->rx_digest = rx_digest;
	}
	if (ret)
		return kpc_error_return(err, ret, "no digest of the keys: %s",
					strerror(-ret));
	pthread_mutex_lock(&binder->lock);
	ret = kpc_nl_grant_new(&binder->warden, binder->session,
			       bind->association, bind->association_id, &why) ?:
	      kpc_nl_binding_new(&binder->worker, bind, NULL, &why);
	pthread_mutex_unlock(&binder->lock);
	return ret ? kpc_error_return(err, ret,
				      "the module does not bind a connection to %s: %s",
				      bind->association, why.text) : 0;
}
