// SPDX-License-Identifier: MIT
/*
 * Descriptors beside a message over a UNIX socket.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "descriptor.h"

int descriptor_send(int to, const void *octets, size_t length, int fd)
{
	struct iovec part = { (void *)octets, length };
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1 };

	if (fd >= 0) {
		memset(&control, 0, sizeof(control));
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
		header.msg_control = &control;
		header.msg_controllen = sizeof(control);
	}
	if (sendmsg(to, &header, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return -errno;
	return 0;
}
