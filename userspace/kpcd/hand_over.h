/* SPDX-License-Identifier: MIT */
/*
 * A connection for an application: the message of kpc_app(3) and its socket.
 */
#ifndef KPCD_HAND_OVER_H
#define KPCD_HAND_OVER_H

#include <netinet/in.h>

#include <kpc/app.h>

/**
 * hand_over_send() - give an application a socket
 * @to: connection to the application
 * @socket: what @fd is
 * @identity: whose it is; its remote end is set from @peer
 * @peer: the far end's address, v4 as v4-mapped
 * @fd: the socket, which stays the caller's too
 *
 * Does not wait. Return: 0 or a negative errno.
 */
int hand_over_send(int to, enum kpc_app_socket socket, struct kpc_binding *identity,
		   const struct sockaddr_in6 *peer, int fd);

/** hand_over_refuse() - tell an application that waits why it gets no socket */
void hand_over_refuse(int to, const char *text);

#endif
