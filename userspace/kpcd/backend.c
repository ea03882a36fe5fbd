// SPDX-License-Identifier: MIT
/*
 * Backends of role b that are UNIX sockets.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "backend.h"
#include "crew.h"
#include "event.h"
#include "hand_over.h"
#include "log.h"
#include "warden.h"

/* Who began to listen: root, who may hand the socket on, or its owner. */
static int check_user(const struct kpc_agent *agent, int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len))
		return -errno;
	if (!peer.uid || (agent->has_owner && peer.uid == agent->owner))
		return 0;
	log_say(LOG_ERR, "uid %u listens at %s, who is neither root nor its owner",
		peer.uid, kpc_plain_path(agent->plain));
	return -EPERM;
}

static int open_backend(const struct kpc_agent *agent, enum kpc_plain kind)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	const char *path = kpc_plain_path(agent->plain);
	int type = kind == KPC_PLAIN_UNIX ? SOCK_STREAM : SOCK_SEQPACKET;
	int fd, err;

	if (!path || strlen(path) >= sizeof(at.sun_path))
		return -EDESTADDRREQ;
	strcpy(at.sun_path, path);
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;

	/* Never waits: a full backlog is EAGAIN here. */
	if (connect(fd, (struct sockaddr *)&at, sizeof(at)))
		err = -errno;
	else
		err = check_user(agent, fd);
	/* The worker's engine may leave waiting to the kernel. */
	if (!err && fcntl(fd, F_SETFL, 0))
		err = -errno;
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

/* Gives the application at @to one end, and returns the other. */
static int give_pair(const struct kpc_association *association,
		     const struct kpc_message_backend_request *wanted, int to)
{
	struct kpc_binding identity = {
		.id = wanted->binding,
		.kpc_id = association->kpc_id,
		.role = association->role,
		.mark = association->mark,
		.version = wanted->version,
		.suite = wanted->suite,
	};
	int pair[2], err;

	strcpy(identity.association, association->name);
	strcpy(identity.id_a, association->id_a.text);
	strcpy(identity.id_b, association->id_b.text);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return -errno;
	err = hand_over_send(to, KPC_APP_PAIR, &identity, &wanted->peer,
			     pair[1]);
	close(pair[1]);
	if (!err)
		return pair[0];
	close(pair[0]);
	return err;
}

static int reach(const struct kpc_association *association,
		 const struct kpc_message_backend_request *wanted,
		 enum kpc_plain kind)
{
	int fd, end;

	/* Its application is not told of what it cannot be given. */
	if (kind == KPC_PLAIN_HAND_OVER && wanted->carrier != KPC_CARRIER_KERNEL)
		return -EOPNOTSUPP;
	fd = open_backend(&association->agent, kind);
	if (fd < 0 || kind != KPC_PLAIN_PAIR)
		return fd;
	end = give_pair(association, wanted, fd);
	close(fd);
	return end;
}

void backend_connect(struct crew_worker *worker, uint32_t request,
		     const struct kpc_message_backend_request *wanted)
{
	struct entry *entry = table_by_id(&worker->warden->table,
					  wanted->association);
	struct kpc_message answer = {
		.type = KPC_MESSAGE_BACKEND,
		.request = request,
	};
	enum kpc_plain kind = KPC_PLAIN_NONE;
	struct log_line line;
	int fd = -EPERM;

	if (entry && entry->association.role == KPC_ROLE_B &&
	    entry->credits[worker->index]) {
		entry->credits[worker->index]--;
		kind = kpc_plain_kind(entry->association.agent.plain, NULL);
		fd = reach(&entry->association, wanted, kind);
	} else {
		log_begin(&line, LOG_ERR,
			  "worker %u asks for a backend of an association whose "
			  "key it was not given",
			  worker->index);
		if (entry)
			event_entry(&line, entry);
		log_end(&line);
	}
	answer.backend.error = fd < 0 ? fd : 0;
	answer.backend.kind = kind;
	crew_send(worker, &answer, fd);
	if (fd >= 0)
		close(fd);
}
