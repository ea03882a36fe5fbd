/* SPDX-License-Identifier: MIT */
/*
 * Ports of UDP that several users share.
 */
#ifndef KPCD_PLAIN_PORT_H
#define KPCD_PLAIN_PORT_H

#include <sys/socket.h>

/**
 * port_is_shared() - whether any user may send from an address of this machine
 * @at: where a UDP socket is bound, AF_INET or AF_INET6
 *
 * Return: 1; 0: nobody but its owner, or who has CAP_NET_BIND_SERVICE; or a
 * negative errno.
 */
int port_is_shared(const struct sockaddr *at);

#endif
