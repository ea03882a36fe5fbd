/* SPDX-License-Identifier: MIT */
/*
 * What workers say, checked before anything is done with it.
 */
#ifndef KPCD_INBOX_H
#define KPCD_INBOX_H

#include <stddef.h>

struct crew_worker;
struct kpc_message;

/**
 * inbox_message() - act on one packet from a worker
 * @message: as it came; changed
 * @len: octets of it
 *
 * Return: 0, or -EPROTO for what no sound worker sends.
 */
int inbox_message(struct crew_worker *worker, struct kpc_message *message,
		  size_t len);

#endif
