/* SPDX-License-Identifier: MIT */
/*
 * Users at the other end of local TCP and UDP sockets.
 */
#ifndef KPCD_PLAIN_DIAG_H
#define KPCD_PLAIN_DIAG_H

#include <stdint.h>
#include <sys/socket.h>

/** diag_open() - a sock_diag socket; Return: it or a negative errno */
int diag_open(void);

/**
 * diag_peer_uid() - who holds the other end of a connection within this machine
 * @diag: from diag_open()
 * @fd: connected TCP socket
 * @uid: receives the user
 *
 * Return: 0; -ENOENT where that end is not in this network namespace;
 * -ENOTCONN where its program has closed it; another negative errno.
 */
int diag_peer_uid(int diag, int fd, uint32_t *uid);

/**
 * diag_listener_uid() - who listens at an address of this machine
 *
 * Return: as diag_peer_uid().
 */
int diag_listener_uid(int diag, const struct sockaddr *at, uint32_t *uid);

/**
 * diag_datagram_uid() - whose UDP socket takes what is sent from @own to @at
 *
 * Return: as diag_peer_uid(); -ENOENT: nobody's.
 */
int diag_datagram_uid(int diag, const struct sockaddr *at,
		      const struct sockaddr *own, uint32_t *uid);

#endif
