// SPDX-License-Identifier: LGPL-2.1-or-later
/* Opens files that hold keys, after a look at who else could have put them there. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"

static bool trusted(uid_t owner)
{
	return !owner || owner == geteuid();
}

int kpci_secret_directory(const char *path, bool sticky, struct kpc_error *err)
{
	struct stat st;

	if (stat(path, &st))
		return kpci_path_refuse(path, errno, err);
	if (!S_ISDIR(st.st_mode))
		return kpc_error_return(err, -ENOTDIR, "%s is not a directory", path);
	if (!trusted(st.st_uid) || (st.st_mode & 022 && !(sticky && st.st_mode & S_ISVTX)))
		return kpc_error_return(err, -EACCES, "%s can be written by others than root and "
					"uid %u (owner %u, mode %04o)", path, geteuid(), st.st_uid,
					st.st_mode & 07777);
	return 0;
}

int kpci_secret_parent(const char *path, struct kpc_error *err)
{
	const char *slash = strrchr(path, '/');
	char *parent;
	int code;

	if (!slash)
		parent = strdup(".");
	else
		parent = strndup(path, slash == path ? 1 : (size_t)(slash - path));
	if (!parent)
		return kpc_error_return(err, -ENOMEM, "no memory for a path");
	code = kpci_secret_directory(parent, true, err);
	free(parent);
	return code;
}

static int check_file(const char *path, const struct stat *st, struct kpc_error *err)
{
	if (!S_ISREG(st->st_mode))
		return kpc_error_return(err, -EACCES, "%s is not a regular file", path);
	if (!trusted(st->st_uid))
		return kpc_error_return(err, -EACCES, "%s belongs to uid %u; root or uid %u is "
					"accepted", path, st->st_uid, geteuid());
	if (st->st_mode & 077)
		return kpc_error_return(err, -EACCES, "%s has mode %04o; keys are read only from "
					"files without any right for group and others (0600)",
					path, st->st_mode & 07777);
	return kpci_secret_parent(path, err);
}

int kpci_secret_open(const char *path, struct kpc_error *err)
{
	struct stat st;
	int fd, code;

	/* O_NONBLOCK: a FIFO must not hang us before it is refused. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st)) {
		code = kpci_path_refuse(path, errno, err);
		if (fd >= 0)
			close(fd);
		return code;
	}
	code = check_file(path, &st, err);
	if (code) {
		close(fd);
		return code;
	}
	return fd;
}
