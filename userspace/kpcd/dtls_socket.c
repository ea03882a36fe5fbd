// SPDX-License-Identifier: MIT
/*
 * Datagrams from and to UDP sockets, many in one call.
 */
#include <errno.h>
#include <netinet/udp.h>
#include <string.h>
#include <unistd.h>

#include "address.h"
#include "dtls_socket.h"

void dtls_joins(int fd)
{
	int yes = 1;

	setsockopt(fd, SOL_UDP, UDP_GRO, &yes, sizeof(yes));
}

int dtls_receive(int fd, struct dtls_batch *batch)
{
	int i;

	for (i = 0; i < DTLS_BATCH; i++) {
		batch->parts[i] = (struct iovec){
			.iov_base = batch->octets[i],
			.iov_len = sizeof(batch->octets[i]),
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
	batch->next = 0;
	batch->at = 0;
	batch->got = recvmmsg(fd, batch->headers, DTLS_BATCH, MSG_DONTWAIT,
			      NULL);
	return batch->got < 0 ? -errno : batch->got;
}

static const void *control(struct msghdr *msg, int level, int type)
{
	struct cmsghdr *at;

	for (at = CMSG_FIRSTHDR(msg); at; at = CMSG_NXTHDR(msg, at))
		if (at->cmsg_level == level && at->cmsg_type == type)
			return CMSG_DATA(at);
	return NULL;
}

static void own_address(struct msghdr *msg, struct in6_addr *own)
{
	const struct in6_pktinfo *v6 = control(msg, IPPROTO_IPV6, IPV6_PKTINFO);
	const struct in_pktinfo *v4 = control(msg, IPPROTO_IP, IP_PKTINFO);

	*own = in6addr_any;
	if (v6) {
		*own = v6->ipi6_addr;
	} else if (v4) {
		own->s6_addr[10] = 0xff;
		own->s6_addr[11] = 0xff;
		memcpy(&own->s6_addr[12], &v4->ipi_spec_dst, 4);
	}
}

/* Of the message: how long each of the datagrams in it is, but the last. */
static size_t segment(struct mmsghdr *header)
{
	const int *size = control(&header->msg_hdr, SOL_UDP, UDP_GRO);

	return size && *size > 0 ? (size_t)*size : header->msg_len;
}

bool dtls_next(struct dtls_batch *batch, struct dtls_datagram *datagram)
{
	struct mmsghdr *header = &batch->headers[batch->next];
	size_t left, size;

	if (batch->next >= batch->got)
		return false;
	size = segment(header);
	left = header->msg_len - batch->at;
	*datagram = (struct dtls_datagram){
		.octets = batch->octets[batch->next] + batch->at,
		.len = left < size ? left : size,
	};
	datagram->cut = datagram->len > DTLS_OCTETS;
	if (header->msg_hdr.msg_namelen) {
		address_map((const struct sockaddr *)&batch->names[batch->next],
			    &datagram->from.peer);
		own_address(&header->msg_hdr, &datagram->from.own);
	}
	batch->at += datagram->len;
	if (batch->at == header->msg_len) {
		batch->next++;
		batch->at = 0;
	}
	return true;
}

static void *control_add(struct msghdr *msg, int level, int type, size_t len)
{
	struct cmsghdr *at = (void *)((uint8_t *)msg->msg_control +
				      msg->msg_controllen);

	at->cmsg_level = level;
	at->cmsg_type = type;
	at->cmsg_len = CMSG_LEN(len);
	msg->msg_controllen += CMSG_SPACE(len);
	return CMSG_DATA(at);
}

static void own_put(struct msghdr *msg, sa_family_t family,
		    const struct in6_addr *own)
{
	struct in6_pktinfo v6 = { .ipi6_addr = *own };
	struct in_pktinfo v4 = { 0 };

	if (family == AF_INET) {
		memcpy(&v4.ipi_spec_dst, &own->s6_addr[12], 4);
		memcpy(control_add(msg, IPPROTO_IP, IP_PKTINFO, sizeof(v4)),
		       &v4, sizeof(v4));
	} else {
		memcpy(control_add(msg, IPPROTO_IPV6, IPV6_PKTINFO, sizeof(v6)),
		       &v6, sizeof(v6));
	}
}

static int send_message(int fd, struct msghdr *msg, uint16_t size)
{
	if (size)
		memcpy(control_add(msg, SOL_UDP, UDP_SEGMENT, sizeof(size)),
		       &size, sizeof(size));
	if (sendmsg(fd, msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return -errno;
	return 0;
}

int dtls_send_to(int fd, sa_family_t family, const struct dtls_address *to,
		 const struct iovec *parts, unsigned int count, uint16_t size)
{
	uint8_t control[DTLS_CONTROL] __attribute__((aligned(8))) = { 0 };
	struct sockaddr_storage name;
	struct msghdr msg = {
		.msg_name = &name,
		.msg_iov = (struct iovec *)parts,
		.msg_iovlen = count,
		.msg_control = control,
	};

	if (family == AF_INET) {
		msg.msg_namelen = address_socket(&to->peer, &name);
	} else {
		memcpy(&name, &to->peer, sizeof(to->peer));
		msg.msg_namelen = sizeof(to->peer);
	}
	own_put(&msg, family, &to->own);
	return send_message(fd, &msg, size);
}

int dtls_send(int fd, const struct iovec *parts, unsigned int count,
	      uint16_t size)
{
	uint8_t control[DTLS_CONTROL] __attribute__((aligned(8))) = { 0 };
	struct msghdr msg = {
		.msg_iov = (struct iovec *)parts,
		.msg_iovlen = count,
		.msg_control = control,
	};

	return send_message(fd, &msg, size);
}

static int led_to(int fd, struct sockaddr_in6 *at)
{
	struct sockaddr_storage peer;
	socklen_t length = sizeof(peer);

	if (getpeername(fd, (struct sockaddr *)&peer, &length))
		return -errno;
	return address_map((const struct sockaddr *)&peer, at);
}

int dtls_connect(const struct sockaddr *to, socklen_t length,
		 struct sockaddr_in6 *at)
{
	int fd = socket(to->sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
			IPPROTO_UDP);
	int err;

	if (fd < 0)
		return -errno;
	dtls_joins(fd);
	err = connect(fd, to, length) ? -errno : at ? led_to(fd, at) : 0;
	if (!err)
		return fd;
	close(fd);
	return err;
}
