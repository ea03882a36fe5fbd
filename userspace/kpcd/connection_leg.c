// SPDX-License-Identifier: MIT
/*
 * What the kernel still holds of what it has been given for a leg's socket.
 */
#include <linux/tcp.h>
#include <poll.h>

#include "connection.h"

/* Of <netinet/tcp.h>, which does not go with <linux/tcp.h>. */
#define STATE_CLOSE	7

bool leg_has_room(const struct leg *leg)
{
	struct pollfd at = { .fd = leg->fd, .events = POLLOUT };

	return poll(&at, 1, 0) > 0;
}

uint64_t leg_unacknowledged(const struct leg *leg)
{
	struct tcp_info info = {};
	socklen_t length = sizeof(info);

	if (leg->fd < 0 ||
	    getsockopt(leg->fd, IPPROTO_TCP, TCP_INFO, &info, &length) ||
	    info.tcpi_state == STATE_CLOSE)
		return 0;
	return (uint64_t)info.tcpi_notsent_bytes << 32 | info.tcpi_unacked;
}
