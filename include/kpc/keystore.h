/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The key store: which Kpc belongs to which KpcId. */
#ifndef KPC_KEYSTORE_H
#define KPC_KEYSTORE_H

#include <stddef.h>

#include <kpc/error.h>
#include <kpc/key.h>
#include <kpc/kpcid.h>

#define KPC_KEYSTORE_PATH	"/etc/kpc/keys"

/**
 * enum kpc_keystore_flags - what the caller judges by itself
 * @KPC_KEYSTORE_ANY: take KpcIds of format any; the caller applies each
 *	association's own format with kpc_kpcid_check()
 * @KPC_KEYSTORE_WEAK: take keys under KPC_KEY_MIN octets; the caller applies
 *	each association's weak-key with kpc_key_check()
 */
enum kpc_keystore_flags {
	KPC_KEYSTORE_ANY	= 1 << 0,
	KPC_KEYSTORE_WEAK	= 1 << 1,
};

/**
 * struct kpc_keystore_entry - one line of the store
 * @id: KpcId
 * @key: its Kpc, owned by the store
 * @file: where it was written
 * @line: line there, from 1
 * @reference: where the key is, as in kpc_key_parse(); NULL: the line has it
 */
struct kpc_keystore_entry {
	struct kpc_kpcid id;
	const struct kpc_key *key;
	const char *file;
	unsigned int line;
	const char *reference;
};

struct kpc_keystore;

/**
 * kpc_keystore_load() - read a store whole, or refuse it whole
 * @store: result; untouched when refused
 * @path: file of lines ``KpcId encoding:KEY``, with ``#`` comments, and of lines
 *	``* directory:/PATH`` (or ``directory+hex:`` and so on), where each file in
 *	that directory has the key of the KpcId it is named by; the files in the
 *	directory ``@path.d``, by name, are read after it; one of the two may be
 *	missing; in either directory dot files and names ending in ``~`` are
 *	left out
 * @flags: enum kpc_keystore_flags
 * @err: reason of a refusal, here with ``file:line: `` since only the store
 *	knows which of its files it is; or NULL
 *
 * Refused besides bad lines: files that are not regular, or are owned by
 * neither root nor the caller, or give group or others any right; directories
 * that others may write, of ``@path`` (unless sticky), ``@path.d`` and those that
 * lines refer to; KpcIds that are equal or differ in case only; one Kpc under two
 * KpcIds (T4).
 *
 * Return: 0, -EINVAL, -EACCES, -EEXIST, -EKEYREJECTED, -ENOENT where there is
 * neither @path nor ``@path.d``, -ENOLINK where one of the files is a link that
 * leads nowhere, or what the file system gave.
 */
int kpc_keystore_load(struct kpc_keystore **store, const char *path, unsigned int flags,
		      struct kpc_error *err);

/** kpc_keystore_free() - wipe and free; NULL is allowed */
void kpc_keystore_free(struct kpc_keystore *store);

/**
 * kpc_keystore_find() - entry of a KpcId
 * @store: store
 * @id: octets as on the wire
 *
 * Return: the entry, valid as long as @store; NULL where there is none.
 */
const struct kpc_keystore_entry *kpc_keystore_find(const struct kpc_keystore *store,
						   const struct kpc_kpcid *id);

/** kpc_keystore_count() - number of entries */
size_t kpc_keystore_count(const struct kpc_keystore *store);

/** kpc_keystore_entry() - entry by position, in the order of the case-folded KpcIds */
const struct kpc_keystore_entry *kpc_keystore_entry(const struct kpc_keystore *store,
						    size_t position);

#endif
