/* SPDX-License-Identifier: MIT */
/*
 * What the warden asks the resolver process.
 */
#ifndef KPCD_RESOLVE_H
#define KPCD_RESOLVE_H

#include <stdint.h>

/** struct resolve_request - a host to look up */
struct resolve_request {
	uint32_t request;
	uint16_t port;
	char host[256];
};

#endif
