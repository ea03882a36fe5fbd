/* SPDX-License-Identifier: MIT */
/*
 * Datagrams from and to UDP sockets, many in one call.
 */
#ifndef KPCD_DTLS_SOCKET_H
#define KPCD_DTLS_SOCKET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <kpc/dtls.h>

/* The largest that is passed on, and room to see that one is larger. */
#define DTLS_OCTETS	(KPC_DTLS_DATA_MAX + KPC_DTLS_OVERHEAD_MAX)
/* Taken from one socket before another has its turn. */
#define DTLS_BATCH	32

/**
 * struct dtls_address - both ends of a datagram at a shared socket
 * @peer: where it came from, v4 as v4-mapped
 * @own: which address of this machine it came to
 */
struct dtls_address {
	struct sockaddr_in6 peer;
	struct in6_addr own;
};

/**
 * struct dtls_datagram - one
 * @from: at a shared socket
 * @octets: they; may be overwritten
 * @len: how many
 * @cut: there were more
 */
struct dtls_datagram {
	struct dtls_address from;
	uint8_t *octets;
	size_t len;
	bool cut;
};

/**
 * struct dtls_batch - room for as many as are taken at once
 */
struct dtls_batch {
	struct mmsghdr headers[DTLS_BATCH];
	struct iovec parts[DTLS_BATCH];
	struct sockaddr_storage names[DTLS_BATCH];
	uint8_t controls[DTLS_BATCH][CMSG_SPACE(sizeof(struct in6_pktinfo))]
		__attribute__((aligned(8)));
	uint8_t octets[DTLS_BATCH][DTLS_OCTETS];
};

/**
 * dtls_receive() - take what has come
 *
 * Return: how many, or a negative errno: -EAGAIN, there is none.
 */
int dtls_receive(int fd, struct dtls_batch *batch);

/** dtls_datagram() - number @i of those */
struct dtls_datagram dtls_datagram(struct dtls_batch *batch, int i);

/**
 * dtls_send_to() - send one from a shared socket; 0 or a negative errno
 * @fd: the socket
 * @family: its
 * @to: both ends
 */
int dtls_send_to(int fd, sa_family_t family, const struct dtls_address *to,
		 const void *octets, size_t len);

/** dtls_send() - send one from a connected socket; 0 or a negative errno */
int dtls_send(int fd, const void *octets, size_t len);

/** dtls_send_behind() - the same, with @header before it in the one datagram */
int dtls_send_behind(int fd, const void *header, size_t header_len,
		     const void *octets, size_t len);

/** dtls_connect() - a socket connected to @to, of @length octets; or a negative errno */
int dtls_connect(const struct sockaddr *to, socklen_t length);

#endif
