// SPDX-License-Identifier: MIT
/*
 * Whose is the other end of a local TCP connection, or a UDP socket? sock_diag
 * knows, and tells anybody.
 */
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "plain_diag.h"

int diag_open(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC,
			NETLINK_SOCK_DIAG);

	return fd < 0 ? -errno : fd;
}

struct question {
	struct nlmsghdr header;
	struct inet_diag_req_v2 diag;
};

/* Sockets of IPv6 that speak IPv4 are looked up as IPv4. */
static void end_set(struct question *question, const struct sockaddr *at,
		    void *address, void *port)
{
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)at;
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)at;

	if (at->sa_family == AF_INET) {
		question->diag.sdiag_family = AF_INET;
		memcpy(address, &v4->sin_addr, sizeof(v4->sin_addr));
		memcpy(port, &v4->sin_port, sizeof(v4->sin_port));
		return;
	}
	memcpy(port, &v6->sin6_port, sizeof(v6->sin6_port));
	if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
		question->diag.sdiag_family = AF_INET;
		memcpy(address, &v6->sin6_addr.s6_addr[12], 4);
		return;
	}
	question->diag.sdiag_family = AF_INET6;
	memcpy(address, &v6->sin6_addr, 16);
}

static int answer_read(const uint8_t *datagram, size_t length, uint32_t seq,
		       bool listens, uint32_t *uid)
{
	const struct nlmsghdr *header = (const void *)datagram;
	const struct inet_diag_msg *found = NLMSG_DATA(header);
	const struct nlmsgerr *error = NLMSG_DATA(header);
	bool found_listens;

	if (!NLMSG_OK(header, length) || header->nlmsg_seq != seq)
		return -EBADMSG;
	if (header->nlmsg_type == NLMSG_ERROR &&
	    header->nlmsg_len >= NLMSG_LENGTH(sizeof(*error)))
		return error->error ? error->error : -EBADMSG;
	if (header->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
	    header->nlmsg_len < NLMSG_LENGTH(sizeof(*found)))
		return -EBADMSG;
	found_listens = found->idiag_state == TCP_LISTEN;
	/* What has its port is told of where there is no such connection. */
	if (found_listens != listens)
		return -ENOENT;
	/*
	 * A socket whose program has closed it has no owner any more, and some
	 * kernels tell uid 0 then: that must not pass for root.
	 */
	if (!found->idiag_inode)
		return -ENOTCONN;
	*uid = found->idiag_uid;
	return 0;
}

static int diag_ask(int fd, struct question *question, uint8_t protocol,
		    bool listens, uint32_t *uid)
{
	static uint32_t seq;
	uint8_t datagram[1024] __attribute__((aligned(8)));
	ssize_t got;

	question->header = (struct nlmsghdr){
		.nlmsg_len = sizeof(*question),
		.nlmsg_type = SOCK_DIAG_BY_FAMILY,
		.nlmsg_flags = NLM_F_REQUEST,
		.nlmsg_seq = ++seq,
	};
	question->diag.sdiag_protocol = protocol;
	question->diag.idiag_states = UINT32_MAX;
	question->diag.id.idiag_cookie[0] = INET_DIAG_NOCOOKIE;
	question->diag.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
	if (send(fd, question, sizeof(*question), 0) < 0)
		return -errno;
	/* The kernel has answered before send() returned. */
	got = recv(fd, datagram, sizeof(datagram), MSG_DONTWAIT);
	if (got < 0)
		return -errno;
	return answer_read(datagram, got, seq, listens, uid);
}

int diag_peer_uid(int diag, int fd, uint32_t *uid)
{
	struct sockaddr_storage own = {}, peer = {};
	socklen_t length = sizeof(own);
	struct question question = {};

	if (getsockname(fd, (struct sockaddr *)&own, &length))
		return -errno;
	length = sizeof(peer);
	if (getpeername(fd, (struct sockaddr *)&peer, &length))
		return -errno;
	/* Seen from the other end: its own address is our peer's. */
	end_set(&question, (struct sockaddr *)&peer,
		question.diag.id.idiag_src, &question.diag.id.idiag_sport);
	end_set(&question, (struct sockaddr *)&own,
		question.diag.id.idiag_dst, &question.diag.id.idiag_dport);
	return diag_ask(diag, &question, IPPROTO_TCP, false, uid);
}

int diag_listener_uid(int diag, const struct sockaddr *at, uint32_t *uid)
{
	struct question question = {};

	end_set(&question, at, question.diag.id.idiag_src,
		&question.diag.id.idiag_sport);
	return diag_ask(diag, &question, IPPROTO_TCP, true, uid);
}

/* Of UDP the kernel takes the two ends the other way round. */
int diag_datagram_uid(int diag, const struct sockaddr *at,
		      const struct sockaddr *own, uint32_t *uid)
{
	struct question question = {};

	end_set(&question, own, question.diag.id.idiag_src,
		&question.diag.id.idiag_sport);
	end_set(&question, at, question.diag.id.idiag_dst,
		&question.diag.id.idiag_dport);
	return diag_ask(diag, &question, IPPROTO_UDP, false, uid);
}
