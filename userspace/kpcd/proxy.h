/* SPDX-License-Identifier: MIT */
/*
 * PROXY protocol, version 2.
 */
#ifndef KPCD_PROXY_H
#define KPCD_PROXY_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

struct association;

/* Four identities of 255 octets, and 512 for all else. */
#define PROXY_HEADER_MAX	1532

/**
 * struct proxy_subject - of whom a backend is told
 * @association: proved; kpc_id known
 * @peer: where the far end is, v4 as v4-mapped
 * @own: which address of this machine it has, in that form
 * @worker: whose descriptor @fd is
 * @fd: towards the far end or the backend
 * @binding: of the module, or 0
 * @born: milliseconds of the clock
 * @version: as on the wire
 * @suite: IANA code
 */
struct proxy_subject {
	const struct association *association;
	struct sockaddr_in6 peer;
	struct sockaddr_in6 own;
	uint32_t worker;
	int fd;
	uint64_t binding;
	uint64_t born;
	uint16_t version;
	uint16_t suite;
};

/**
 * proxy_header() - PROXY protocol v2 with the far end's identity
 * @buffer: PROXY_HEADER_MAX octets
 * @subject: of role b
 *
 * It says DGRAM for an association of datagrams, and STREAM otherwise.
 *
 * Return: octets written.
 */
size_t proxy_header(uint8_t *buffer, const struct proxy_subject *subject);

#endif
