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
#include <sys/uio.h>

#include <kpc/dtls.h>

/* The largest that is passed on, and room to see that one is larger. */
#define DTLS_OCTETS	(KPC_DTLS_DATA_MAX + KPC_DTLS_OVERHEAD_MAX)
/* Messages taken from one socket at once, each of one or of many datagrams. */
#define DTLS_BATCH	16

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

#define DTLS_CONTROL	(CMSG_SPACE(sizeof(struct in6_pktinfo)) + \
			 CMSG_SPACE(sizeof(int)))

/**
 * struct dtls_batch - what was taken at once
 *
 * The kernel joins datagrams that follow each other from one peer and are alike
 * in length (UDP_GRO). Pages of @octets that nothing has come to cost nothing.
 *
 * @got: messages
 * @next: of which message the next datagram is
 * @at: where it begins in that
 * @headers: for recvmmsg(2)
 * @parts: for them
 * @names: who has sent them
 * @controls: where to, and how long each of joined ones is
 * @octets: they
 */
struct dtls_batch {
	int got;
	int next;
	size_t at;
	struct mmsghdr headers[DTLS_BATCH];
	struct iovec parts[DTLS_BATCH];
	struct sockaddr_storage names[DTLS_BATCH];
	uint8_t controls[DTLS_BATCH][DTLS_CONTROL] __attribute__((aligned(8)));
	uint8_t octets[DTLS_BATCH][65536];
};

/** dtls_joins() - datagrams that come to @fd may be joined */
void dtls_joins(int fd);

/**
 * dtls_receive() - take what has come
 *
 * Return: how many messages, or a negative errno: -EAGAIN, there is none.
 */
int dtls_receive(int fd, struct dtls_batch *batch);

/** dtls_next() - the next datagram of those; false: there is none */
bool dtls_next(struct dtls_batch *batch, struct dtls_datagram *datagram);

/**
 * dtls_send_to() - send from a shared socket; 0 or a negative errno
 * @fd: the socket
 * @family: its
 * @to: both ends
 * @parts: what
 * @count: of those
 * @size: datagrams of so many octets, of which the last may have fewer; 0: it is one
 */
int dtls_send_to(int fd, sa_family_t family, const struct dtls_address *to,
		 const struct iovec *parts, unsigned int count, uint16_t size);

/** dtls_send() - the same from a connected socket */
int dtls_send(int fd, const struct iovec *parts, unsigned int count,
	      uint16_t size);

/**
 * dtls_connect() - a socket connected to @to, of @length octets; or a negative errno
 * @at: set to where that has led, v4 as v4-mapped; or NULL
 *
 * What came before it was connected may be from elsewhere.
 */
int dtls_connect(const struct sockaddr *to, socklen_t length,
		 struct sockaddr_in6 *at);

#endif
