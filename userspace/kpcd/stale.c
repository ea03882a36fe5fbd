// SPDX-License-Identifier: MIT
/*
 * What an agent that was killed leaves behind at a UNIX socket's path.
 *
 * Whether anybody listens there only connect() tells for every network namespace
 * and whoever it is, and it needs the right to write. The warden, which has no
 * CAP_DAC_OVERRIDE, has none to a socket that was given to its owner: it takes it
 * back for as long as it asks. Programs of the owner that come in that moment to
 * one that does listen are refused once.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stale.h"

static int probe_type(const struct sockaddr_un *at, int type)
{
	int fd, code;

	fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	code = connect(fd, (const struct sockaddr *)at, sizeof(*at)) ?
	       -errno : 0;
	close(fd);
	return code;
}

/*
 * As one that connects sees it: 0 where a program listens. One of another kind is
 * told from one that nobody has by an error of its own.
 */
static int probe(const struct sockaddr_un *at)
{
	int code = probe_type(at, SOCK_STREAM);

	return code == -EPROTOTYPE ? probe_type(at, SOCK_SEQPACKET) : code;
}

/*
 * The same of the very file that is open at @fd, wherever its path leads now.
 * It is a socket, so nothing that becomes root's for a moment can be run.
 */
static int probe_taken(int fd, const struct stat *file)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	bool readonly = !(file->st_mode & 0200);
	int code;

	snprintf(at.sun_path, sizeof(at.sun_path), "/proc/self/fd/%d", fd);
	if (fchownat(fd, "", geteuid(), -1, AT_EMPTY_PATH))
		return -EACCES;
	if (readonly && chmod(at.sun_path, (file->st_mode & 0777) | 0200))
		code = -EACCES;
	else
		code = probe(&at);
	if (code == -ECONNREFUSED)
		return code;
	if (readonly)
		chmod(at.sun_path, file->st_mode & 0777);
	if (fchownat(fd, "", file->st_uid, -1, AT_EMPTY_PATH))
		return -EACCES;
	return code;
}

static int probe_owned(const struct sockaddr_un *at, const struct stat *file)
{
	int fd = open(at->sun_path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat now;
	int code = -EACCES;

	if (fd < 0)
		return -errno;
	/* Another file may have got the number of one that was removed. */
	if (!fstat(fd, &now) && S_ISSOCK(now.st_mode) &&
	    now.st_dev == file->st_dev && now.st_ino == file->st_ino &&
	    now.st_uid == file->st_uid)
		code = probe_taken(fd, &now);
	close(fd);
	return code;
}

int stale_remove(const struct sockaddr_un *at, uid_t owner,
		 struct kpc_error *err)
{
	struct stat file;
	int code;

	if (lstat(at->sun_path, &file))
		return errno == ENOENT ? 0 :
		       kpc_error_return(err, -errno, "%s: %s", at->sun_path,
					strerror(errno));
	if (!S_ISSOCK(file.st_mode))
		return kpc_error_return(err, -EEXIST,
					"%s is there and is not a socket; it is not replaced",
					at->sun_path);

	code = probe(at);
	/* As it makes them, and as it gives them away. */
	if (code == -EACCES &&
	    (file.st_uid == geteuid() || file.st_uid == owner))
		code = probe_owned(at, &file);
	if (code == -EACCES)
		return kpc_error_return(err, -EADDRINUSE,
					"%s is a socket of user %u, and whether a program listens on it cannot be told; remove it if none does",
					at->sun_path, file.st_uid);
	if (code != -ECONNREFUSED)
		return kpc_error_return(err, -EADDRINUSE,
					"%s is in use by another program",
					at->sun_path);
	if (unlink(at->sun_path))
		return kpc_error_return(err, -errno, "%s: %s", at->sun_path,
					strerror(errno));
	return 0;
}
