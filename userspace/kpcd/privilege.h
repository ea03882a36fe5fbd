/* SPDX-License-Identifier: MIT */
/*
 * What the warden and its helpers may do, and how they give up the rest.
 */
#ifndef KPCD_PRIVILEGE_H
#define KPCD_PRIVILEGE_H

#include <stdbool.h>
#include <sys/types.h>

/**
 * privilege_warden() - keep the few capabilities that the warden has use for
 *
 * Each is named in privilege.c with its reason. Where the caller has less,
 * what it lacks is logged: in --table mode that may well do.
 *
 * Return: 0 or a negative errno.
 */
int privilege_warden(void);

/**
 * privilege_empty_root() - a directory that is empty and stays so
 *
 * Made and removed at once: in a removed directory nothing can be made.
 *
 * Return: a descriptor or a negative errno.
 */
int privilege_empty_root(void);

/**
 * privilege_helper() - become a process that can do no harm
 * @uid: whom to run as
 * @gid: and in which group
 * @root: empty directory to make the root, or -1 to leave the file system
 *
 * No capability, no way to get one, no supplementary groups, no core dump,
 * not to be traced, ended with its parent.
 *
 * Return: 0 or a negative errno; then the process must end.
 */
int privilege_helper(uid_t uid, gid_t gid, int root);

#endif
