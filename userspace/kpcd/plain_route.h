/* SPDX-License-Identifier: MIT */
/*
 * Which addresses are this machine's.
 */
#ifndef KPCD_PLAIN_ROUTE_H
#define KPCD_PLAIN_ROUTE_H

#include <stdint.h>
#include <sys/socket.h>

/** route_open() - a socket to ask by; Return: it or a negative errno */
int route_open(void);

/**
 * route_is_local() - whether what is sent to an address stays on this machine
 * @route: from route_open()
 * @at: AF_INET or AF_INET6
 *
 * The two addresses of a connection do not tell: one that leads to an
 * interface's second address comes from the first.
 *
 * Return: 1, 0 or a negative errno.
 */
int route_is_local(int route, const struct sockaddr *at);

#endif
