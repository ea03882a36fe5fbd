/* SPDX-License-Identifier: MIT */
/*
 * Reads key store and association files, at the start and on SIGHUP: whole,
 * or not at all.
 */
#ifndef KPCD_RELOAD_H
#define KPCD_RELOAD_H

#include <stdbool.h>

struct entry;
struct kpc_kpcid;
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

/**
 * reload_keys_for() - read the key store anew if it may have a key by now
 * @id: KpcId of an association that was added or is to be established
 *
 * `kpc provision` writes a key and adds its association; nobody shall have to
 * tell the agent besides. Nothing happens where the key is known; otherwise
 * the store is read at most once a second. What is refused leaves the keys of
 * before.
 */
void reload_keys_for(struct warden *warden, const struct kpc_kpcid *id);

/**
 * reload_keys_added() - an association has come
 *
 * As reload_keys_for(). A key that is known may be that of an association that
 * was removed with it: it is released once the store was read.
 */
void reload_keys_added(struct warden *warden, struct entry *entry);

/**
 * reload_keys_old() - read the key store if an association is younger than that
 *
 * For before a key is looked for, whosever: associations may come by thousands.
 * A store that was refused is tried again after a second.
 */
void reload_keys_old(struct warden *warden);

#endif
