// SPDX-License-Identifier: MIT
/*
 * Who holds a UNIX socket's file? sock_diag knows, and tells anybody.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "local_diag.h"
#include "plain_diag.h"

/* The kernel's own form of a device. */
#define MINOR_BITS	20

struct question {
	struct nlmsghdr header;
	struct unix_diag_req diag;
};

static bool is_file(const struct unix_diag_vfs *held, const struct stat *file)
{
	return held->udiag_vfs_ino == (uint32_t)file->st_ino &&
	       held->udiag_vfs_dev == (major(file->st_dev) << MINOR_BITS |
				       minor(file->st_dev));
}

/* Some file systems tell stat() another device or inode, so the name counts too. */
static bool is_named(const char *name, size_t length, const char *path)
{
	return strnlen(name, length) == strlen(path) &&
	       !memcmp(name, path, strlen(path));
}

static bool holds(const struct nlmsghdr *header, const char *path,
		  const struct stat *file)
{
	const struct unix_diag_msg *found = NLMSG_DATA(header);
	const struct rtattr *at = (const void *)(found + 1);
	int left = header->nlmsg_len - NLMSG_LENGTH(sizeof(*found));

	for (; RTA_OK(at, left); at = RTA_NEXT(at, left)) {
		if (at->rta_type == UNIX_DIAG_VFS &&
		    RTA_PAYLOAD(at) >= sizeof(struct unix_diag_vfs) &&
		    is_file(RTA_DATA(at), file))
			return true;
		if (at->rta_type == UNIX_DIAG_NAME &&
		    is_named(RTA_DATA(at), RTA_PAYLOAD(at), path))
			return true;
	}
	return false;
}

static int error_of(const struct nlmsghdr *header)
{
	const struct nlmsgerr *error = NLMSG_DATA(header);

	if (header->nlmsg_len < NLMSG_LENGTH(sizeof(*error)) || !error->error)
		return -EBADMSG;
	return error->error;
}

/* 1 as soon as one is found, 0 behind the last, -EAGAIN where more may come. */
static int answer_read(const uint8_t *datagram, size_t left, const char *path,
		       const struct stat *file)
{
	const struct nlmsghdr *header = (const void *)datagram;

	for (; NLMSG_OK(header, left); header = NLMSG_NEXT(header, left)) {
		if (header->nlmsg_type == NLMSG_DONE)
			return 0;
		if (header->nlmsg_type == NLMSG_ERROR)
			return error_of(header);
		if (header->nlmsg_type == SOCK_DIAG_BY_FAMILY &&
		    holds(header, path, file))
			return 1;
	}
	return -EAGAIN;
}

int local_diag_held(const char *path, const struct stat *file)
{
	uint8_t datagram[32768] __attribute__((aligned(8)));
	struct question question = {
		.header = {
			.nlmsg_len = sizeof(question),
			.nlmsg_type = SOCK_DIAG_BY_FAMILY,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
		},
		.diag = {
			.sdiag_family = AF_UNIX,
			/* Connections that were accepted there hold nothing. */
			.udiag_states = 1 << TCP_LISTEN | 1 << TCP_CLOSE,
			.udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_VFS,
		},
	};
	int fd = diag_open();
	int ret = -EAGAIN;
	ssize_t got;

	if (fd < 0)
		return fd;
	if (send(fd, &question, sizeof(question), 0) < 0)
		ret = -errno;
	while (ret == -EAGAIN) {
		/* The next part is there when this one was taken. */
		got = recv(fd, datagram, sizeof(datagram), MSG_DONTWAIT);
		if (got < 0) {
			ret = -errno;
			break;
		}
		ret = answer_read(datagram, got, path, file);
	}
	close(fd);
	return ret;
}
