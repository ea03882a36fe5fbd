/* SPDX-License-Identifier: MIT */
/*
 * What an agent that was killed leaves behind at a UNIX socket's path.
 */
#ifndef KPCD_STALE_H
#define KPCD_STALE_H

#include <kpc/error.h>
#include <sys/types.h>
#include <sys/un.h>

/**
 * stale_remove() - remove a socket on which nobody listens
 * @at: where it is, if anything is
 * @owner: whom it may have been given to
 * @err: what else is there
 *
 * Return: 0 if nothing is there any more, else a negative errno.
 */
int stale_remove(const struct sockaddr_un *at, uid_t owner,
		 struct kpc_error *err);

#endif
