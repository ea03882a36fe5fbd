/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where else than in the text a key can be: files, key rings, credentials. */
#ifndef KPCI_KEY_SOURCE_H
#define KPCI_KEY_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <kpc/error.h>

/**
 * struct kpci_source - one kind of place
 * @name: as in SOURCE[+FORMAT]:WHERE
 * @by_path: WHERE is the path of a file
 * @read: up to @size octets of what is at @where into locked memory; returns how
 *	many, or a negative errno but -ENOENT, with a reason that does not repeat
 *	@where unless something is there or it is a path: it might be the key,
 *	in the wrong place
 */
struct kpci_source {
	const char *name;
	bool by_path;
	ssize_t (*read)(void *octets, size_t size, const char *where, struct kpc_error *err);
};

/** kpci_source_find() - by its name; NULL: there is none */
const struct kpci_source *kpci_source_find(const char *name, size_t len);

/** kpci_keyring_read() - a key of type user in a Linux key ring, @u/DESCRIPTION */
ssize_t kpci_keyring_read(void *octets, size_t size, const char *where, struct kpc_error *err);

#endif
