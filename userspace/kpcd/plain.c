// SPDX-License-Identifier: MIT
/*
 * The plain legs: which local user may be at their other end.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "connection.h"
#include "dtls_socket.h"
#include "plain_diag.h"
#include "plain_port.h"
#include "plain_route.h"

static bool uid_listed(const struct association *association, uint32_t uid)
{
	unsigned int i;

	for (i = 0; i < association->config.allow_uid_count; i++)
		if (association->config.allow_uids[i] == uid)
			return true;
	return false;
}

/* What diag has answered, in words; false: in @text. */
static bool user_allowed(const struct association *association, int ret,
			 uint32_t uid, char *text, size_t size)
{
	if (ret == -ENOENT)
		snprintf(text, size,
			 "who connected is not a program of this machine");
	else if (ret == -ENOTCONN)
		snprintf(text, size,
			 "who connected had closed before it could be told");
	else if (ret)
		snprintf(text, size, "who connected cannot be told: %s",
			 strerror(-ret));
	else if (!uid_listed(association, uid))
		snprintf(text, size, "uid %u is not among allow-uid", uid);
	else
		return true;
	return false;
}

/*
 * A UNIX socket is guarded by its owner and mode already. A TCP port is open
 * to every user, and without a list to none, unless the configuration says
 * `allow-uid any`.
 */
static bool local_allowed(struct worker *worker,
			  const struct association *association, int fd,
			  bool tcp, char *text, size_t size)
{
	uint32_t uid = 0;
	int ret;

	if (!tcp || association->config.allow_any)
		return true;
	ret = diag_peer_uid(worker->diag_fd, fd, &uid);
	return user_allowed(association, ret, uid, text, size);
}

/*
 * diag tells who gets what is sent to an address. It is only he who sends from there
 * where nobody else can have it.
 */
static bool sender_allowed(const struct sockaddr *at, char *text)
{
	size_t size = KPC_MESSAGE_TEXT_MAX + 1;
	int ret = port_is_shared(at);

	if (ret < 0)
		snprintf(text, size,
			 "whether any user can send as it does cannot be told: %s",
			 strerror(-ret));
	else if (ret)
		snprintf(text, size,
			 "any user can send from its port, as it has SO_REUSEADDR: allow-uid takes one that has not, a port below 1024, or allow-uid any");
	return !ret;
}

bool plain_program_allowed(struct worker *worker,
			   const struct association *association,
			   const struct dtls_address *from, in_port_t port,
			   char *text)
{
	const struct sockaddr_in6 own = {
		.sin6_family = AF_INET6,
		.sin6_addr = from->own,
		.sin6_port = port,
	};
	uint32_t uid = 0;
	int ret;

	if (association->config.allow_any)
		return true;
	ret = diag_datagram_uid(worker->diag_fd,
				(const struct sockaddr *)&from->peer,
				(const struct sockaddr *)&own, &uid);
	return user_allowed(association, ret, uid, text,
			    KPC_MESSAGE_TEXT_MAX + 1) &&
	       sender_allowed((const struct sockaddr *)&from->peer, text);
}

static void plain_refuse(struct worker *worker,
			 const struct association *association, int fd,
			 const char *text)
{
	struct connection of = { .worker = worker, .born = timer_now() };

	of.association = (struct association *)association;
	if (text)
		worker_event(worker, KPC_EVENT_LOCAL_REFUSED, &of, "%s", text);
	connection_resets(fd, true);
	engine_close(worker->engine, fd);
}

void plain_accept(struct listener *listener, int fd)
{
	struct worker *worker = listener->worker;
	const struct kpc_message_listener *from = &listener->config;
	char text[KPC_MESSAGE_TEXT_MAX + 1];
	struct association *association;
	struct connection *c;

	association = association_find(worker, from->association);
	if (!association || association->config.role != KPC_ROLE_A ||
	    worker->draining) {
		plain_refuse(worker, association, fd, NULL);
		return;
	}
	if (!local_allowed(worker, association, fd, from->local_tcp, text,
			   sizeof(text))) {
		plain_refuse(worker, association, fd, text);
		return;
	}
	/* An application takes what nothing was received from yet. */
	c = from->hand_over ? NULL : association->warm;
	if (!c) {
		connection_initiate(worker, association, fd, from, 0);
		return;
	}
	association->warm = c->warm_next;
	connection_plain(c, fd, from->local_tcp);
	relay_start(c);
}

static int receiver_uid(struct worker *worker, int fd,
			const struct sockaddr *address, uint32_t *uid)
{
	struct sockaddr_storage own = {};
	socklen_t length = sizeof(own);

	if (getsockname(fd, (struct sockaddr *)&own, &length))
		return -errno;
	return diag_datagram_uid(worker->diag_fd, address,
				 (struct sockaddr *)&own, uid);
}

static bool listener_allowed(struct worker *worker,
			     const struct association *association, int fd,
			     const struct sockaddr *address, char *text)
{
	size_t size = KPC_MESSAGE_TEXT_MAX + 1;
	uint32_t uid;
	int ret;

	if (association->config.datagrams)
		ret = receiver_uid(worker, fd, address, &uid);
	else
		ret = diag_listener_uid(worker->diag_fd, address, &uid);
	if (ret == -ENOENT && association->config.datagrams)
		snprintf(text, size, "nobody takes datagrams at the backend");
	else if (ret)
		snprintf(text, size, "who listens at the backend cannot be told: %s",
			 strerror(-ret));
	else if (!uid_listed(association, uid))
		snprintf(text, size,
			 "uid %u, who listens at the backend, is not among allow-uid",
			 uid);
	else if (association->config.datagrams)
		return sender_allowed(address, text);
	else
		return true;
	return false;
}

/* Of a backend on another machine there is no user to be told. */
bool plain_backend_allowed(struct worker *worker,
			   const struct association *association, int fd,
			   char *text)
{
	bool listed = association->config.allow_uid_count;
	size_t size = KPC_MESSAGE_TEXT_MAX + 1;
	struct sockaddr_storage peer = {};
	struct sockaddr *at = (struct sockaddr *)&peer;
	socklen_t length = sizeof(peer);
	int ret;

	if (association->config.allow_any)
		return true;
	/* Where it has led: no unspecified address by now, but a loopback. */
	ret = getpeername(fd, at, &length) ? -errno :
	      route_is_local(worker->route_fd, at);
	if (ret < 0)
		snprintf(text, size,
			 "whether the backend is on this machine cannot be told: %s",
			 strerror(-ret));
	else if (ret && listed)
		return listener_allowed(worker, association, fd, at, text);
	else if (ret)
		snprintf(text, size,
			 "the backend is on this machine, and no allow-uid says whose it may be");
	else if (listed)
		snprintf(text, size,
			 "the backend is on another machine, where no user can be told for allow-uid");
	else
		return true;
	return false;
}
