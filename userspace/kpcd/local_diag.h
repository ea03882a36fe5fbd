/* SPDX-License-Identifier: MIT */
/*
 * Who holds a UNIX socket's file.
 */
#ifndef KPCD_LOCAL_DIAG_H
#define KPCD_LOCAL_DIAG_H

struct stat;

/**
 * local_diag_held() - whether a socket is bound to a file
 * @path: its path
 * @file: what lstat() tells of it
 *
 * It needs no right to the file, and whoever holds it notices nothing.
 *
 * Return: 1 for one that listens, or may yet; 0 where there is none in this
 * network namespace, which says nothing about others; a negative errno.
 */
int local_diag_held(const char *path, const struct stat *file);

#endif
