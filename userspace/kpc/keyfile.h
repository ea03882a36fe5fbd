/* SPDX-License-Identifier: MIT */
/*
 * Changes files whole or not at all: the key store and the association file.
 */
#ifndef KPC_KEYFILE_H
#define KPC_KEYFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <kpc/error.h>
#include <kpc/keystore.h>

/**
 * struct textfile - A file that gets lines appended
 * @path: The file.
 * @lock: The lock beside it; -1: not open.
 * @existed: There was one before.
 * @mode: Its mode, or that of a new one.
 * @owner: Its owner.
 * @group: Its group.
 * @old: What it held; wiped at the end.
 * @old_length: Octets of @old.
 */
struct textfile {
	const char *path;
	int lock;
	bool existed;
	mode_t mode;
	uid_t owner;
	gid_t group;
	char *old;
	size_t old_length;
};

/**
 * textfile_open() - Lock a file against others of its kind, and read it
 * @mode: For a new one.
 *
 * The directory is made where it is missing.
 *
 * Return: 0 or a negative errno.
 */
int textfile_open(struct textfile *file, const char *path, mode_t mode,
		  struct kpc_error *err);

/**
 * keyfile_open() - The same with a file of a key store
 *
 * Whichever of its files that is, X or X.d/FILE, the lock is the whole store's.
 */
int keyfile_open(struct textfile *file, const char *path, struct kpc_error *err);

/**
 * keyfile_shares() - Is an open file one of the key store that a path is of
 * @file: Open.
 * @path: Of a file that need not be there.
 *
 * To open that one then would wait for this one's lock.
 */
bool keyfile_shares(const struct textfile *file, const char *path);

/**
 * keyfile_is_of() - Is a file one of a key store's, however it is named
 * @path: Of a file that need not be there.
 * @store: The store's own path, of less than PATH_MAX octets.
 */
bool keyfile_is_of(const char *path, const char *store);

/* Lines in it, so that the next one is this plus one. */
unsigned int textfile_lines(const struct textfile *file);

/**
 * textfile_append() - Replace it by what it was and one more line, or several
 * @line: Without the newline at its end.
 */
int textfile_append(struct textfile *file, const char *line,
		    struct kpc_error *err);

/**
 * keyfile_append() - The same with a key store, if it can be read back then
 *
 * Where it cannot, the store stays as it is and @err has the reader's sentence.
 */
int keyfile_append(struct textfile *file, const char *line,
		   struct kpc_error *err);

/**
 * textfile_restore() - Put back what was there before textfile_append()
 */
int textfile_restore(struct textfile *file, struct kpc_error *err);

void textfile_close(struct textfile *file);

/**
 * keyfile_store() - Read the store that a file is of
 * @path: The file, which need not be there.
 * @store: Result; NULL where there is none yet.
 *
 * Return: 0 or what reading the store gave.
 */
int keyfile_store(const char *path, struct kpc_keystore **store,
		  struct kpc_error *err);

/**
 * keyfile_judge() - May a KpcId and its Kpc join a store
 * @store: All of it; NULL takes all.
 *
 * Return: 1: may; 0: they are there already, and alike; -EEXIST: one of them
 * is there with another (T2, T4).
 */
int keyfile_judge(const struct kpc_keystore *store, const struct kpc_kpcid *id,
		  const struct kpc_key *key, struct kpc_error *err);

/**
 * keyfile_add() - Append a KpcId and its Kpc unless the store has them
 * @file: Open.
 * @line: For them, of keyfile_line().
 *
 * Return: 1: it was appended; or as keyfile_judge(), keyfile_store() and
 * keyfile_append().
 */
int keyfile_add(struct textfile *file, const struct kpc_kpcid *id,
		const struct kpc_key *key, const char *line,
		struct kpc_error *err);

/* Room for a line of the store: KpcId, " hex:", the key twice, the end. */
#define KEYFILE_LINE_MAX	(KPC_KPCID_TEXT_MAX + 512)

/**
 * keyfile_line() - The line of a store for a key
 * @text: The form it was given in; a reference is kept as one.
 * @line: KEYFILE_LINE_MAX octets; the caller wipes it.
 */
void keyfile_line(const struct kpc_kpcid *id, const struct kpc_key *key,
		  const char *text, char *line);

#endif
