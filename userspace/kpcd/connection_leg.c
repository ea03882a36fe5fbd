// SPDX-License-Identifier: MIT
/*
 * What the kernel still holds of what it has been given for a leg's socket.
 */
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <poll.h>
#include <string.h>

#include "connection.h"

/* Of <netinet/tcp.h>, which does not go with <linux/tcp.h>. */
#define STATE_CLOSE	7

bool leg_has_room(const struct leg *leg)
{
	struct pollfd at = { .fd = leg->fd, .events = POLLOUT };

	return poll(&at, 1, 0) > 0;
}

static bool leg_info(const struct leg *leg, struct tcp_info *info)
{
	socklen_t length = sizeof(*info);

	memset(info, 0, sizeof(*info));
	return leg->tcp && leg->fd >= 0 &&
	       !getsockopt(leg->fd, IPPROTO_TCP, TCP_INFO, info, &length);
}

bool leg_holds(const struct leg *leg)
{
	struct tcp_info info;

	return leg_info(leg, &info) && info.tcpi_state != STATE_CLOSE &&
	       (info.tcpi_notsent_bytes || info.tcpi_unacked);
}

uint64_t leg_taken(const struct leg *leg)
{
	uint32_t memory[SK_MEMINFO_VARS] = {};
	socklen_t length = sizeof(memory);
	struct tcp_info info;

	if (leg_info(leg, &info))
		return info.tcpi_bytes_acked;
	if (leg->fd >= 0)
		getsockopt(leg->fd, SOL_SOCKET, SO_MEMINFO, memory, &length);
	return -(uint64_t)memory[SK_MEMINFO_WMEM_ALLOC];
}
