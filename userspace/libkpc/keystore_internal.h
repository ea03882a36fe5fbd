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

/** kpci_keystore_add() - append; the store then owns the key; 0 or -ENOMEM */
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
