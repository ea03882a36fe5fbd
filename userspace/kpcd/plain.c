// SPDX-License-Identifier: MIT
/*
 * The plain legs: which local user may be at their other end.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "connection.h"
#include "plain_diag.h"

static bool uid_listed(const struct association *association, uint32_t uid)
{
	unsigned int i;

	for (i = 0; i < association->config.allow_uid_count; i++)
		if (association->config.allow_uids[i] == uid)
			return true;
	return false;
}

static int unix_peer_uid(int fd, uint32_t *uid)
{
	struct ucred peer;
	socklen_t length = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length))
		return -errno;
	*uid = peer.uid;
	return 0;
}

/*
 * A UNIX socket is guarded by its owner and mode already. A TCP port is open
 * to every user; a configuration that wants that says `allow-uid any`, which
 * is the empty list here.
 */
static bool local_allowed(struct worker *worker,
			  const struct association *association, int fd,
			  bool tcp, char *text, size_t size)
{
	uint32_t uid;
	int ret;

	if (!association->config.allow_uid_count)
		return true;
	ret = tcp ? diag_peer_uid(worker->diag_fd, fd, &uid) :
		    unix_peer_uid(fd, &uid);
	if (ret == -ENOENT)
		snprintf(text, size,
			 "who connected is not a program of this machine");
	else if (ret)
		snprintf(text, size, "who connected cannot be told: %s",
			 strerror(-ret));
	else if (!uid_listed(association, uid))
		snprintf(text, size, "uid %u is not among allow-uid", uid);
	else
		return true;
	return false;
}

static void plain_refuse(struct worker *worker,
			 const struct association *association, int fd,
			 const char *text)
{
	struct connection of = { .worker = worker, .born = timer_now() };
	struct linger reset = { .l_onoff = 1 };

	of.association = (struct association *)association;
	if (text)
		worker_event(worker, KPC_EVENT_LOCAL_REFUSED, &of, "%s", text);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	engine_close(worker->engine, fd);
}

void plain_accept(struct listener *listener, int fd)
{
	struct worker *worker = listener->worker;
	bool tcp = listener->config.local_tcp;
	char text[KPC_MESSAGE_TEXT_MAX + 1];
	struct association *association;
	struct connection *c;

	association = association_find(worker, listener->config.association);
	if (!association || association->config.role != KPC_ROLE_A ||
	    worker->draining) {
		plain_refuse(worker, association, fd, NULL);
		return;
	}
	if (!local_allowed(worker, association, fd, tcp, text, sizeof(text))) {
		plain_refuse(worker, association, fd, text);
		return;
	}
	c = association->warm;
	if (!c) {
		connection_initiate(worker, association, fd, tcp, 0);
		return;
	}
	association->warm = c->warm_next;
	connection_plain(c, fd, tcp);
	relay_start(c);
}

bool plain_backend_allowed(struct worker *worker,
			   const struct association *association,
			   const struct sockaddr *address, char *text)
{
	size_t size = KPC_MESSAGE_TEXT_MAX + 1;
	uint32_t uid;
	int ret;

	if (!association->config.allow_uid_count)
		return true;
	ret = diag_listener_uid(worker->diag_fd, address, &uid);
	if (ret)
		snprintf(text, size, "who listens at the backend cannot be told: %s",
			 strerror(-ret));
	else if (!uid_listed(association, uid))
		snprintf(text, size,
			 "uid %u, who listens at the backend, is not among allow-uid",
			 uid);
	else
		return true;
	return false;
}
