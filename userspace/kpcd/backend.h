/* SPDX-License-Identifier: MIT */
/*
 * Backends of role b that are UNIX sockets: a worker has no file system, so
 * the warden connects and hands the socket over.
 */
#ifndef KPCD_BACKEND_H
#define KPCD_BACKEND_H

#include <stdint.h>

struct crew_worker;

/**
 * backend_connect() - connect to the plain leg of an association
 * @request: number of the worker's request, repeated in the answer
 * @association: which; the worker must have been given its key and not have
 *	asked for a backend since
 *
 * A backend of a user that the association does not allow is refused: who
 * runs there would get what is meant for another.
 */
void backend_connect(struct crew_worker *worker, uint32_t request,
		     uint32_t association);

#endif
