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
		peer.uid, agent->plain + 5);
	return -EPERM;
}

static int open_backend(const struct kpc_agent *agent)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	const char *path = agent->plain + 5;
	int fd, err;

	if (strncmp(agent->plain, "unix:", 5) ||
	    strlen(path) >= sizeof(at.sun_path))
		return -EDESTADDRREQ;
	strcpy(at.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
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

void backend_connect(struct crew_worker *worker, uint32_t request,
		     uint32_t association)
{
	struct entry *entry = table_by_id(&worker->warden->table, association);
	struct kpc_message answer = {
		.type = KPC_MESSAGE_BACKEND,
		.request = request,
	};
	struct log_line line;
	int fd = -EPERM;

	if (entry && entry->association.role == KPC_ROLE_B &&
	    entry->credits[worker->index]) {
		entry->credits[worker->index]--;
		fd = open_backend(&entry->association.agent);
	} else {
		log_begin(&line, LOG_ERR,
			  "worker %u asks for a backend of an association whose "
			  "key it was not given",
			  worker->index);
		if (entry)
			event_entry(&line, entry);
		log_end(&line);
	}
	answer.backend_error = fd < 0 ? fd : 0;
	crew_send(worker, &answer, fd);
	if (fd >= 0)
		close(fd);
}
