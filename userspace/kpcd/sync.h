/* SPDX-License-Identifier: MIT */
/*
 * Brings the module's table in line with association files, as `kpc sync`
 * does.
 */
#ifndef KPCD_SYNC_H
#define KPCD_SYNC_H

#include <kpc/error.h>

struct kpc_table;
struct warden;

/**
 * sync_files() - carry out the differences to what files hold
 * @table: what they hold, checked
 * @err: the module's refusal, with file and line where one is concerned
 *
 * Whole or not at all. Only what is removed or narrowed ends.
 *
 * Return: 0 or a negative errno.
 */
int sync_files(struct warden *warden, const struct kpc_table *table,
	       struct kpc_error *err);

#endif
