// SPDX-License-Identifier: MIT
/*
 * Listening sockets that the warden handed over.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "connection.h"
#include "dtls_peer.h"

#define RETRY_MS	200

static void listener_free(struct listener *listener)
{
	struct worker *worker = listener->worker;
	struct listener **at;

	for (at = &worker->listeners; *at; at = &(*at)->next) {
		if (*at == listener) {
			*at = listener->next;
			break;
		}
	}
	timer_disarm(&worker->timers, &listener->retry);
	kpc_handshake_context_free(listener->context);
	kpc_dtls_cookies_free(listener->cookies);
	engine_close(worker->engine, listener->accept.fd);
	free(listener);
	worker_drain_check(worker);
}

static void listener_accepted(struct engine_op *op, int result)
{
	struct listener *listener = container_of(op, struct listener, accept);
	struct worker *worker = listener->worker;

	if (result >= 0 && listener->gone)
		close(result);
	else if (result >= 0 && listener->tls)
		connection_accept(listener, result);
	else if (result >= 0)
		plain_accept(listener, result);
	if (op->pending)
		return;
	if (listener->gone) {
		listener_free(listener);
		return;
	}
	/* Out of descriptors or memory: those who wait are not turned away. The warden
	 * has a socket listen no more before it says so.
	 */
	if (result != -EINVAL)
		worker_event(worker, KPC_EVENT_REFUSED, NULL,
			     "accepting failed with errno %d, tried again shortly",
			     -result);
	timer_arm(&worker->timers, &listener->retry, RETRY_MS);
}

static void listener_datagrams(struct engine_op *op, int result)
{
	struct listener *listener = container_of(op, struct listener, accept);

	if (!listener->gone)
		dtls_listener_ready(listener);
	if (listener->gone)
		listener_free(listener);
	else
		engine_submit(listener->worker->engine, op);
}

/* Returns 0 or a negative errno. */
static int listener_udp(struct listener *listener, int fd)
{
	struct sockaddr_storage at = {};
	socklen_t length = sizeof(at);

	if (getsockname(fd, (struct sockaddr *)&at, &length))
		return -errno;
	listener->family = at.ss_family;
	/* In both forms at the same place. */
	listener->port = ((struct sockaddr_in *)&at)->sin_port;
	if (listener->tls)
		listener->cookies = kpc_dtls_cookies_new(NULL);
	if ((listener->tls && !listener->cookies) ||
	    !dtls_peers(listener->worker))
		return -ENOMEM;
	dtls_joins(fd);
	listener->accept.done = listener_datagrams;
	listener->accept.code = ENGINE_POLL;
	listener->accept.events = POLLIN;
	return 0;
}

static void listener_retry(struct timer *timer)
{
	struct listener *listener = container_of(timer, struct listener, retry);

	engine_submit(listener->worker->engine, &listener->accept);
}

static void listener_useless(struct worker *worker,
			     const struct kpc_message_listener *config, int fd,
			     int error)
{
	worker_event(worker, KPC_EVENT_FAULT, NULL,
		     "listener %u cannot be used: errno %d", config->id, error);
	close(fd);
}

void listener_add(struct worker *worker,
		  const struct kpc_message_listener *config, bool tls, int fd)
{
	struct listener *listener;
	int ret = 0;

	/*
	 * Without room for descriptors it does not come, and who connects to it
	 * would wait for nobody: another worker is told all anew.
	 */
	if (fd < 0) {
		worker_event(worker, KPC_EVENT_FAULT, NULL,
			     "listener %u came without its socket: too many open files",
			     config->id);
		worker->stop = true;
		worker->status = 1;
		return;
	}
	listener = worker->draining ? NULL : calloc(1, sizeof(*listener));
	if (!listener) {
		listener_useless(worker, config, fd,
				 worker->draining ? ESHUTDOWN : ENOMEM);
		return;
	}
	listener->worker = worker;
	listener->config = *config;
	listener->tls = tls;
	listener->retry.expired = listener_retry;
	listener->accept = (struct engine_op){
		.done = listener_accepted,
		.fd = fd,
		.code = ENGINE_ACCEPT,
	};
	if (config->datagrams)
		ret = listener_udp(listener, fd);
	if (ret) {
		kpc_dtls_cookies_free(listener->cookies);
		free(listener);
		listener_useless(worker, config, fd, -ret);
		return;
	}
	listener->next = worker->listeners;
	worker->listeners = listener;
	engine_submit(worker->engine, &listener->accept);
}

uint32_t listener_handshake_seconds(struct listener *listener)
{
	const struct worker *worker = listener->worker;
	const struct association *at;
	uint32_t most = 0;

	if (listener->handshake_seconds && listener->changes == worker->changes)
		return listener->handshake_seconds;
	for (at = worker->associations; at; at = at->next)
		if (at->listener == listener->config.id &&
		    at->config.handshake_seconds > most)
			most = at->config.handshake_seconds;
	listener->handshake_seconds = most ? most :
		KPC_MESSAGE_HANDSHAKE_SECONDS;
	listener->changes = worker->changes;
	return listener->handshake_seconds;
}

static void listener_end(struct listener *listener)
{
	if (listener->config.datagrams)
		dtls_listener_gone(listener);
	listener->gone = true;
	if (listener->accept.pending)
		engine_cancel(listener->worker->engine, &listener->accept);
	else
		listener_free(listener);
}

struct listener *listener_find(struct worker *worker, uint32_t id)
{
	struct listener *at = worker->listeners;

	while (at && (at->config.id != id || !at->tls))
		at = at->next;
	return at;
}

void listener_gone(struct worker *worker, uint32_t id)
{
	struct listener *at, *next;

	for (at = worker->listeners; at; at = next) {
		next = at->next;
		if (at->config.id == id && !at->gone)
			listener_end(at);
	}
}

void listener_drain(struct worker *worker)
{
	struct listener *at, *next;

	for (at = worker->listeners; at; at = next) {
		next = at->next;
		if (!at->gone)
			listener_end(at);
	}
}
