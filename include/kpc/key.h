/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Kpc: long-term keys in memory that is locked, not dumped, not inherited, wiped. */
#ifndef KPC_KEY_H
#define KPC_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <kpc/error.h>

#define KPC_KEY_MIN		16	/* fewer octets only by weak-key yes */
#define KPC_KEY_SMALL_PEER_MAX	32	/* more: small peers cannot take it */
#define KPC_KEY_MAX		64	/* RFC 4279 5.3: what must be supported */

/*
 * A Kpc. It lives in a pool of pages that are locked (memfd_secret() where the kernel
 * has it, mlock() else), left out of core dumps, and not inherited by fork():
 * in a child, keys of its parent do not exist, and pointers to them must not
 * be used, kpc_key_free() excepted, which then does nothing.
 */
struct kpc_key;

/**
 * kpc_key_reserve() - have slots ready
 * @count: how many keys to have room for without another system call
 * @err: reason of a failure, or NULL
 *
 * For processes that lock themselves in: the pool grows by mmap() and mlock(),
 * which a system call filter may forbid later.
 *
 * Return: 0, -ENOMEM, -EPERM, -EAGAIN.
 */
int kpc_key_reserve(size_t count, struct kpc_error *err);

/**
 * kpc_key_new() - copy octets into the pool
 * @octets: the key; the caller wipes its own copy
 * @len: 1 to KPC_KEY_MAX; whether it is long enough is kpc_key_check()'s
 *	business
 * @err: reason of a refusal, or NULL
 *
 * Return: the key, or NULL with errno set: EINVAL (length), ENOMEM, EPERM or
 * EAGAIN (memory cannot be locked).
 */
struct kpc_key *kpc_key_new(const void *octets, size_t len, struct kpc_error *err);

/**
 * kpc_key_parse() - read a key or a reference to one
 * @key: result; the caller frees it with kpc_key_free()
 * @text: ``hex:...``, ``base64:...``, ``ascii:...``, or where the key is:
 *	``file:/PATH`` (regular file of root or the caller, no right for group or
 *	others, in a directory of the same that others may not write or that
 *	is sticky), ``keyring:RING/DESCRIPTION`` (key of type user in the ring
 *	@u, @us or @s of the caller, ring and key of root or the caller, no right
 *	for group or others), ``credential:NAME`` (file of systemd in
 *	$CREDENTIALS_DIRECTORY or, without that, among those of kpcd.service).
 *	What is there are the octets themselves, or after ``+hex``, ``+base64`` or
 *	``+ascii`` behind ``file``, ``keyring`` or ``credential`` that text of them,
 *	with or without blanks and newlines at its end
 * @err: reason of a refusal, or NULL; never holds any of @text's key
 *
 * A key without an encoding is refused: tools of the field disagree on what
 * ``123456`` means.
 *
 * Return: 0, -EINVAL (form), -EACCES (owner or mode), -ENOKEY (nothing is there),
 * or what opening the file or searching the ring gave.
 */
int kpc_key_parse(struct kpc_key **key, const char *text, struct kpc_error *err);

/** kpc_key_is_reference() - does a text for kpc_key_parse() tell where a key is, not which */
bool kpc_key_is_reference(const char *text);

/**
 * kpc_key_refuse() - refuse a command line that has a key among its words
 * @count: of @words
 * @words: the program's name first; what is behind ``kpc-id`` or ``peer`` is none
 * @err: which of them is text of a key, its encoding named; or NULL
 *
 * For who would repeat a word that it does not know, where a log may keep it. The
 * key is in the list of processes, but not in what a script's log keeps besides.
 *
 * Return: 0, -EINVAL.
 */
int kpc_key_refuse(int count, char *const words[], struct kpc_error *err);

/** kpc_key_path() - of the file in which a text says that the key is; NULL: elsewhere */
const char *kpc_key_path(const char *text);

/** kpc_key_dup() - another copy in the pool; NULL with errno set */
struct kpc_key *kpc_key_dup(const struct kpc_key *key);

/** kpc_key_free() - wipe and give the slot back; NULL is allowed */
void kpc_key_free(struct kpc_key *key);

/** kpc_key_length() - octets */
size_t kpc_key_length(const struct kpc_key *key);

/** kpc_key_octets() - the octets; valid until kpc_key_free() */
const uint8_t *kpc_key_octets(const struct kpc_key *key);

/** kpc_key_equal() - in time that depends on the lengths only */
bool kpc_key_equal(const struct kpc_key *a, const struct kpc_key *b);

/**
 * kpc_key_check() - is this length allowed
 * @length: octets
 * @weak: the entry says ``weak-key yes``
 * @err: reason of a refusal, or NULL; on success, where the key is over
 *	KPC_KEY_SMALL_PEER_MAX octets or weak, a warning
 *
 * Return: 0, 1 (allowed, with a warning in @err), -EKEYREJECTED.
 */
int kpc_key_check(size_t length, bool weak, struct kpc_error *err);

#endif
