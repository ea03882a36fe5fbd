/* SPDX-License-Identifier: MIT */
/*
 * Backends of role b that are UNIX sockets: a worker has no file system, so
 * the warden connects and hands the socket over.
 */
#ifndef KPCD_BACKEND_H
#define KPCD_BACKEND_H

#include <stdint.h>

struct crew_worker;
struct kpc_message_backend_request;

/**
 * backend_connect() - connect to the plain leg of an association
 * @request: number of the worker's request, repeated in the answer
 * @wanted: for which connection; the worker must have been given the key of its
 *	association and not have asked for a backend since
 *
 * A backend of a user that the association does not allow is refused: who
 * runs there would get what is meant for another.
 *
 * Where it is an application that takes an end of a socket pair, that is made
 * and given to it here, and the worker gets the other end. So the application
 * hears from the warden, and from no worker, who the far end is, and a worker
 * that was taken over never has its ear.
 */
void backend_connect(struct crew_worker *worker, uint32_t request,
		     const struct kpc_message_backend_request *wanted);

#endif
