// SPDX-License-Identifier: MIT
/*
 * Plain listeners of role a: where local programs reach IdB.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "address.h"
#include "crew.h"
#include "local.h"
#include "log.h"
#include "stale.h"
#include "warden.h"

#define BACKLOG	1024

/**
 * struct local - one listening socket, shared by all workers
 * @id: in messages
 * @fd: the socket
 * @tcp: else a UNIX socket
 * @hand_over: UNIX: for applications that are given their connections
 * @path: UNIX: where it is
 * @device: UNIX: which file it is, so that no other is removed
 * @inode: UNIX: see @device
 */
struct local {
	uint32_t id;
	int fd;
	bool tcp;
	bool hand_over;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	dev_t device;
	ino_t inode;
};

/*
 * Who may write into the directory can put another file in the socket's place: it
 * is held while it is looked at and given away. KPC_NO_USER leaves it to the
 * agent's user, which is (uid_t)-1 here.
 */
static int give_away(struct local *local, const struct kpc_agent *agent,
		     struct kpc_error *err)
{
	struct stat file;
	int fd = open(local->path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	int code = 0;

	if (fd < 0 || fstat(fd, &file))
		code = kpc_error_return(err, -errno, "%s: %s", local->path,
					strerror(errno));
	else if (!S_ISSOCK(file.st_mode) || file.st_uid != geteuid())
		code = kpc_error_return(err, -EEXIST,
					"%s: another file has taken the socket's place",
					local->path);
	else if (agent->has_owner &&
		 fchownat(fd, "", agent->owner, -1, AT_EMPTY_PATH))
		code = kpc_error_return(err, -errno,
					"%s: cannot give it to user %u: %s",
					local->path, agent->owner,
					strerror(errno));
	if (fd >= 0)
		close(fd);
	if (code == -EEXIST)
		return code;
	if (code) {
		unlink(local->path);
		return code;
	}
	local->device = file.st_dev;
	local->inode = file.st_ino;
	return 0;
}

static int bind_unix(struct local *local, const struct kpc_agent *agent,
		     struct kpc_error *err)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	mode_t mode = agent->mode & 0777;
	mode_t mask;
	int code;

	strcpy(at.sun_path, local->path);
	code = stale_remove(&at, agent->has_owner ? agent->owner : geteuid(),
			    err);
	if (code)
		return code;

	mask = umask(0777 & ~mode);
	code = bind(local->fd, (struct sockaddr *)&at, sizeof(at)) ?
	       -errno : 0;
	umask(mask);
	if (code)
		return kpc_error_return(err, code, "%s: %s", local->path,
					strerror(-code));
	return give_away(local, agent, err);
}

static int open_unix(struct local *local, const struct kpc_agent *agent,
		     int type, const char *path, struct kpc_error *err)
{
	if (strlen(path) >= sizeof(local->path) || path[0] != '/')
		return kpc_error_return(err, -ENAMETOOLONG,
					"'%s': an absolute path of up to %zu octets is accepted",
					path, sizeof(local->path) - 1);
	strcpy(local->path, path);
	local->fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (local->fd < 0)
		return kpc_error_return(err, -errno, "socket: %s",
					strerror(errno));
	return bind_unix(local, agent, err);
}

static int open_tcp(struct local *local, const char *text,
		    struct kpc_error *err)
{
	const int on = 1;
	struct sockaddr_storage at;
	struct sockaddr_in6 address;
	char host[256];
	uint16_t port;
	socklen_t len;
	int code;

	code = kpc_address_split(text, host, &port, err);
	if (code)
		return code;
	if (address_literal(host, port, &address))
		return kpc_error_return(err, -EINVAL,
					"'%s' is not an address to listen on; digits or [digits] is accepted",
					host);
	len = address_socket(&address, &at);
	local->tcp = true;
	local->fd = socket(at.ss_family,
			   SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (local->fd < 0)
		return kpc_error_return(err, -errno, "socket: %s",
					strerror(errno));
	setsockopt(local->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (at.ss_family == AF_INET6)
		setsockopt(local->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on,
			   sizeof(on));
	if (bind(local->fd, (struct sockaddr *)&at, len))
		return kpc_error_return(err, -errno, "%s: %s", text,
					strerror(errno));
	return 0;
}

static void tell(struct crew_worker *worker, const struct entry *entry)
{
	const struct kpc_message message = {
		.type = KPC_MESSAGE_PLAIN,
		.listener = {
			.id = entry->local->id,
			.association = entry->id,
			.local_tcp = entry->local->tcp,
			.hand_over = entry->local->hand_over,
		},
	};

	crew_send(worker, &message, entry->local->fd);
}

static void dispose(struct local *local)
{
	struct stat file;

	if (local->inode && !lstat(local->path, &file) &&
	    file.st_dev == local->device && file.st_ino == local->inode)
		unlink(local->path);
	/* Workers have copies, which would keep the port from who comes next. */
	if (local->fd >= 0 && local->tcp)
		shutdown(local->fd, SHUT_RD);
	if (local->fd >= 0)
		close(local->fd);
	free(local);
}

int local_open(struct entry *entry, struct kpc_error *err)
{
	const struct kpc_agent *agent = &entry->association.agent;
	struct warden *warden = entry->warden;
	struct local *local;
	const char *where;
	unsigned int i;
	int code;

	local = calloc(1, sizeof(*local));
	if (!local)
		return kpc_error_return(err, -ENOMEM, "no memory");
	local->fd = -1;
	switch (kpc_plain_kind(agent->plain, &where)) {
	case KPC_PLAIN_UNIX:
		code = open_unix(local, agent, SOCK_STREAM, where, err);
		break;
	case KPC_PLAIN_HAND_OVER:
		local->hand_over = true;
		code = open_unix(local, agent, SOCK_SEQPACKET, where, err);
		break;
	case KPC_PLAIN_TCP:
		code = open_tcp(local, where, err);
		break;
	default:
		code = kpc_error_return(err, -EINVAL,
					"it has no plain leg; unix:PATH, tcp:ADDRESS:PORT or hand-over:PATH is accepted");
		break;
	}
	if (!code && listen(local->fd, BACKLOG))
		code = kpc_error_return(err, -errno, "%s: %s", agent->plain,
					strerror(errno));
	if (code) {
		dispose(local);
		return code;
	}

	local->id = ++warden->last_listener;
	entry->local = local;
	for (i = 0; i < warden->crew.count; i++)
		if (warden->crew.workers[i].ready)
			tell(&warden->crew.workers[i], entry);
	return 0;
}

void local_close(struct entry *entry)
{
	struct kpc_message message = { .type = KPC_MESSAGE_LISTENER_GONE };

	if (!entry->local)
		return;
	message.id = entry->local->id;
	crew_tell(entry->warden, &message, -1);
	dispose(entry->local);
	entry->local = NULL;
}

/* One that a worker has shut down is closed for all of them. */
static void reopen(struct entry *entry)
{
	struct kpc_error why = { "" };

	local_close(entry);
	if (local_open(entry, &why))
		log_say(LOG_ERR, "%s: its plain leg, shut by a worker, cannot be had again: %s",
			entry->association.name, why.text);
}

void local_replay(struct crew_worker *worker, struct entry *entry)
{
	if (!entry->local)
		return;
	if (address_listens(entry->local->fd))
		tell(worker, entry);
	else
		reopen(entry);
}
