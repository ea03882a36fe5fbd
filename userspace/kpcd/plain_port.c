// SPDX-License-Identifier: MIT
/*
 * May several users have the same port of UDP? Where a socket has SO_REUSEADDR, any
 * other that has it may be bound to its address too, and what one sends looks like
 * what the other does. No socket tells whether it has; so it is tried.
 */
#include <errno.h>
#include <unistd.h>

#include "address.h"
#include "plain_port.h"

int port_is_shared(const struct sockaddr *at)
{
	struct sockaddr_storage address;
	struct sockaddr_in6 mapped;
	socklen_t length;
	int fd, err, on = 1;

	err = address_map(at, &mapped);
	if (err)
		return err;
	length = address_socket(&mapped, &address);
	fd = socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(fd, (struct sockaddr *)&address, length))
		err = errno;
	close(fd);
	/* A port that is privileged is nobody's who has no privilege, as here. */
	if (err == EADDRINUSE || err == EACCES)
		return 0;
	return err ? -err : 1;
}
