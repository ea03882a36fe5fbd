// SPDX-License-Identifier: MIT
/*
 * Datagrams from and to UDP sockets, many in one call.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "address.h"
#include "dtls_socket.h"

int dtls_receive(int fd, struct dtls_batch *batch)
{
	int i, got;

	for (i = 0; i < DTLS_BATCH; i++) {
		batch->parts[i] = (struct iovec){
			.iov_base = batch->octets[i],
			.iov_len = DTLS_OCTETS,
		};
		batch->headers[i].msg_hdr = (struct msghdr){
			.msg_name = &batch->names[i],
			.msg_namelen = sizeof(batch->names[i]),
			.msg_iov = &batch->parts[i],
			.msg_iovlen = 1,
			.msg_control = batch->controls[i],
			.msg_controllen = sizeof(batch->controls[i]),
		};
	}
	got = recvmmsg(fd, batch->headers, DTLS_BATCH, MSG_DONTWAIT, NULL);
	return got < 0 ? -errno : got;
}

static void own_address(struct msghdr *msg, struct in6_addr *own)
{
	struct cmsghdr *at = CMSG_FIRSTHDR(msg);
	const struct in6_pktinfo *v6;
	const struct in_pktinfo *v4;

	*own = in6addr_any;
	if (!at)
		return;
	if (at->cmsg_level == IPPROTO_IPV6 && at->cmsg_type == IPV6_PKTINFO) {
		v6 = (const void *)CMSG_DATA(at);
		*own = v6->ipi6_addr;
	} else if (at->cmsg_level == IPPROTO_IP && at->cmsg_type == IP_PKTINFO) {
		v4 = (const void *)CMSG_DATA(at);
		own->s6_addr[10] = 0xff;
		own->s6_addr[11] = 0xff;
		memcpy(&own->s6_addr[12], &v4->ipi_spec_dst, 4);
	}
}

struct dtls_datagram dtls_datagram(struct dtls_batch *batch, int i)
{
	struct mmsghdr *header = &batch->headers[i];
	struct dtls_datagram datagram = {
		.octets = batch->octets[i],
		.len = header->msg_len,
		.cut = header->msg_hdr.msg_flags & MSG_TRUNC,
	};

	if (!header->msg_hdr.msg_namelen)
		return datagram;
	address_map((const struct sockaddr *)&batch->names[i],
		    &datagram.from.peer);
	own_address(&header->msg_hdr, &datagram.from.own);
	return datagram;
}

static void own_put(struct msghdr *msg, sa_family_t family,
		    const struct in6_addr *own)
{
	struct cmsghdr *at = CMSG_FIRSTHDR(msg);
	struct in6_pktinfo v6 = { .ipi6_addr = *own };
	struct in_pktinfo v4 = { 0 };

	if (family == AF_INET) {
		memcpy(&v4.ipi_spec_dst, &own->s6_addr[12], 4);
		at->cmsg_level = IPPROTO_IP;
		at->cmsg_type = IP_PKTINFO;
		at->cmsg_len = CMSG_LEN(sizeof(v4));
		memcpy(CMSG_DATA(at), &v4, sizeof(v4));
		msg->msg_controllen = CMSG_SPACE(sizeof(v4));
		return;
	}
	at->cmsg_level = IPPROTO_IPV6;
	at->cmsg_type = IPV6_PKTINFO;
	at->cmsg_len = CMSG_LEN(sizeof(v6));
	memcpy(CMSG_DATA(at), &v6, sizeof(v6));
	msg->msg_controllen = CMSG_SPACE(sizeof(v6));
}

int dtls_send_to(int fd, sa_family_t family, const struct dtls_address *to,
		 const void *octets, size_t len)
{
	uint8_t control[CMSG_SPACE(sizeof(struct in6_pktinfo))]
		__attribute__((aligned(8))) = { 0 };
	struct iovec part = { .iov_base = (void *)octets, .iov_len = len };
	struct sockaddr_storage name;
	struct msghdr msg = {
		.msg_name = &name,
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};

	if (family == AF_INET) {
		msg.msg_namelen = address_socket(&to->peer, &name);
	} else {
		memcpy(&name, &to->peer, sizeof(to->peer));
		msg.msg_namelen = sizeof(to->peer);
	}
	own_put(&msg, family, &to->own);
	if (sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return -errno;
	return 0;
}

int dtls_send(int fd, const void *octets, size_t len)
{
	if (send(fd, octets, len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return -errno;
	return 0;
}

int dtls_send_behind(int fd, const void *header, size_t header_len,
		     const void *octets, size_t len)
{
	struct iovec parts[] = {
		{ .iov_base = (void *)header, .iov_len = header_len },
		{ .iov_base = (void *)octets, .iov_len = len },
	};
	struct msghdr msg = { .msg_iov = parts, .msg_iovlen = 2 };

	if (sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return -errno;
	return 0;
}

int dtls_connect(const struct sockaddr *to, socklen_t length)
{
	int fd = socket(to->sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
			IPPROTO_UDP);
	int err;

	if (fd < 0)
		return -errno;
	if (!connect(fd, to, length))
		return fd;
	err = -errno;
	close(fd);
	return err;
}
