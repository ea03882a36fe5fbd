/* SPDX-License-Identifier: MIT */
/*
 * Plain listeners of role a: where local programs reach IdB.
 */
#ifndef KPCD_LOCAL_H
#define KPCD_LOCAL_H

#include <kpc/error.h>

struct crew_worker;
struct entry;

/**
 * local_open() - open the plain listener of an association
 * @entry: its @local is set
 * @err: why not
 *
 * A UNIX socket has its mode from the first moment and its owner before
 * anybody can connect. What a program left behind is replaced only when it is
 * a socket that nobody listens on.
 *
 * Return: 0 or a negative errno.
 */
int local_open(struct entry *entry, struct kpc_error *err);

/** local_close() - close it, where there is one */
void local_close(struct entry *entry);

/** local_replay() - give it to a new worker, where there is one */
void local_replay(struct crew_worker *worker, struct entry *entry);

#endif
