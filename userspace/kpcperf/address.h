/* SPDX-License-Identifier: MIT */
/*
 * Addresses and the sockets at them.
 */
#ifndef KPCPERF_ADDRESS_H
#define KPCPERF_ADDRESS_H

#include <stdint.h>
#include <sys/socket.h>

#include <kpc/error.h>

struct site;

#define ADDRESS_TEXT	64

/**
 * address_connect() - a socket that is being connected
 * @to: where
 * @length: of @to
 * @bind: own address, as text; NULL: any
 * @site: its module is told of the socket first; NULL: there is none
 * @err: why not
 *
 * Return: a socket that does not block, or a negative errno.
 */
int address_connect(const struct sockaddr_storage *to, socklen_t length,
		    const char *bind, const struct site *site,
		    struct kpc_error *err);

/**
 * address_listen() - a socket that listens
 * @address: as text; NULL: all
 * @port: there
 * @family: AF_INET, AF_INET6; AF_UNSPEC: both
 * @site: its module is told of the socket first; NULL: there is none
 * @err: why not
 *
 * Return: a socket that does not block, or a negative errno.
 */
int address_listen(const char *address, uint16_t port, int family,
		   const struct site *site, struct kpc_error *err);

/** address_accepted() - set up a socket that was accepted, or connects */
void address_set_up(int fd);

/** address_text() - host without brackets, and port */
void address_text(const struct sockaddr_storage *address,
		  char text[ADDRESS_TEXT], uint16_t *port);

/** address_own() - of the socket's own end; address_peer(): of the other */
void address_own(int fd, char text[ADDRESS_TEXT], uint16_t *port);
void address_peer(int fd, char text[ADDRESS_TEXT], uint16_t *port);

#endif
