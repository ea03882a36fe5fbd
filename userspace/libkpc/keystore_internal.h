/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the key store share. */
#ifndef KPCI_KEYSTORE_INTERNAL_H
#define KPCI_KEYSTORE_INTERNAL_H

#include <kpc/keystore.h>

/* Where the reader is. */
struct kpci_keystore_place {
	const char *file;
	unsigned int line;
};

/**
 * kpci_keystore_directory() - visit the files of a directory, by name
 * @path: directory, of root or the caller and not writable by others, nor the
 *	one it is in unless that is sticky: who may write it may add keys and take
 *	them away
 * @take: gets the name of each file but dot files and those ending in ``~``;
 *	the first that is not 0 ends it
 * @context: for @take
 * @err: reason of a refusal, or NULL
 *
 * Return: 0, what @take gave, -EACCES, -ENOTDIR, or what the file system gave.
 */
int kpci_keystore_directory(const char *path,
			    int (*take)(void *context, const char *name, struct kpc_error *err),
			    void *context, struct kpc_error *err);

/** kpci_keystore_add() - append; the store then owns key and reference; 0 or -ENOMEM */
int kpci_keystore_add(struct kpc_keystore *store, const struct kpc_keystore_entry *entry);

/**
 * kpci_keystore_read() - append all of a file
 * @store: store
 * @file: its path, which lives as long as the store
 * @flags: enum kpc_keystore_flags
 * @err: reason of a refusal with file and line, or NULL
 */
int kpci_keystore_read(struct kpc_keystore *store, const char *file, unsigned int flags,
		       struct kpc_error *err);

#endif
