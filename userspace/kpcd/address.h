/* SPDX-License-Identifier: MIT */
/*
 * Socket addresses: one form inside, IPv4 as v4-mapped IPv6.
 */
#ifndef KPCD_ADDRESS_H
#define KPCD_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include <kpc/nl.h>

/**
 * address_map() - any address to the form used inside
 *
 * Return: 0, or -EAFNOSUPPORT for what is neither IPv4 nor IPv6.
 */
int address_map(const struct sockaddr *from, struct sockaddr_in6 *to);

/**
 * address_literal() - an address written in digits
 * @host: IPv4 or IPv6, a scope after '%' allowed
 *
 * Return: 0, or -EINVAL when @host is not a literal address.
 */
int address_literal(const char *host, uint16_t port, struct sockaddr_in6 *to);

/**
 * address_socket() - the form that bind() and connect() of a family take
 * @from: the form used inside
 * @to: sockaddr_in for v4-mapped addresses, else sockaddr_in6
 *
 * Return: octets of @to in use.
 */
socklen_t address_socket(const struct sockaddr_in6 *from,
			 struct sockaddr_storage *to);

/**
 * address_tell() - the form of libkpc, in which IPv4 is IPv4
 * @to: set as a whole
 * @address: in the form used inside
 * @port: in the order of the network
 */
void address_tell(struct kpc_address *to, const struct in6_addr *address,
		  in_port_t port);

/** address_listens() - whether a socket listens and nobody has shut it down */
bool address_listens(int fd);

/**
 * address_receives() - whether a UDP socket takes datagrams from everywhere
 *
 * Nobody has shut it down, nor connected it.
 */
bool address_receives(int fd);

#endif
