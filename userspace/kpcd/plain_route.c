// SPDX-License-Identifier: MIT
/*
 * Is an address this machine's? The routing table knows, and tells anybody.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "plain_route.h"

struct question {
	struct nlmsghdr header;
	struct rtmsg route;
	struct rtattr destination;
	uint8_t address[16];
};

int route_open(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	return fd < 0 ? -errno : fd;
}

/* Sockets of IPv6 that speak IPv4 are routed as IPv4. */
static void question_put(struct question *question, const struct sockaddr *at)
{
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)at;
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)at;
	const void *address = &v4->sin_addr;
	size_t length = sizeof(v4->sin_addr);

	question->route.rtm_family = AF_INET;
	if (at->sa_family == AF_INET6) {
		address = &v6->sin6_addr.s6_addr[12];
		if (!IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
			question->route.rtm_family = AF_INET6;
			address = &v6->sin6_addr;
			length = sizeof(v6->sin6_addr);
		}
	}
	question->route.rtm_dst_len = 8 * length;
	question->destination.rta_type = RTA_DST;
	question->destination.rta_len = RTA_LENGTH(length);
	memcpy(question->address, address, length);
	question->header.nlmsg_len =
		NLMSG_LENGTH(sizeof(question->route)) + RTA_SPACE(length);
}

static int answer_read(const uint8_t *datagram, size_t length, uint32_t seq)
{
	const struct nlmsghdr *header = (const void *)datagram;
	const struct nlmsgerr *error = NLMSG_DATA(header);
	const struct rtmsg *route = NLMSG_DATA(header);

	if (!NLMSG_OK(header, length) || header->nlmsg_seq != seq)
		return -EBADMSG;
	if (header->nlmsg_type == NLMSG_ERROR &&
	    header->nlmsg_len >= NLMSG_LENGTH(sizeof(*error)))
		return error->error ? error->error : -EBADMSG;
	if (header->nlmsg_type != RTM_NEWROUTE ||
	    header->nlmsg_len < NLMSG_LENGTH(sizeof(*route)))
		return -EBADMSG;
	return route->rtm_type == RTN_LOCAL;
}

int route_is_local(int route, const struct sockaddr *at)
{
	static uint32_t seq;
	uint8_t datagram[4096] __attribute__((aligned(8)));
	struct question question = {
		.header = {
			.nlmsg_type = RTM_GETROUTE,
			.nlmsg_flags = NLM_F_REQUEST,
			.nlmsg_seq = ++seq,
		},
	};
	ssize_t got;

	question_put(&question, at);
	if (send(route, &question, question.header.nlmsg_len, 0) < 0)
		return -errno;
	/* The kernel has answered before send() returned. */
	got = recv(route, datagram, sizeof(datagram), MSG_DONTWAIT);
	if (got < 0)
		return -errno;
	return answer_read(datagram, got, seq);
}
