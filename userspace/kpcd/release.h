/* SPDX-License-Identifier: MIT */
/*
 * Which key a worker gets, and which it does not.
 */
#ifndef KPCD_RELEASE_H
#define KPCD_RELEASE_H

#include <stdint.h>

struct crew_worker;
struct kpc_message_key_request;

/**
 * release_key() - answer a worker's request for a key
 * @request: number of the request, repeated in the answer
 * @wanted: its lengths and counts have been checked
 *
 * A key is released when an association of its KpcId is open in the role that
 * the request is for, at the listener that the peer came to, and within its
 * dates. In module mode a grant for the worker's session is in force before.
 */
void release_key(struct crew_worker *worker, uint32_t request,
		 const struct kpc_message_key_request *wanted);

#endif
