/* SPDX-License-Identifier: MIT */
/*
 * Reads key store and association files, at the start and on SIGHUP: whole,
 * or not at all.
 */
#ifndef KPCD_RELOAD_H
#define KPCD_RELOAD_H

#include <stdbool.h>

struct warden;

/**
 * reload_files() - read what the options name
 *
 * Key store and, in --table mode, associations are read and checked together;
 * only when all of it holds does it replace what was there. In module mode
 * without @first the association files are brought into the module's table as
 * `kpc sync` does. What is refused is logged with file and line.
 * @first: at the start
 *
 * Return: 0 or a negative errno; then nothing has changed.
 */
int reload_files(struct warden *warden, bool first);

#endif
