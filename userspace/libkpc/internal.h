/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Small helpers that several files of libkpc share; not exported. */
#ifndef KPCI_INTERNAL_H
#define KPCI_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <kpc/error.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define KPCI_HOSTNAME_MAX	253
#define KPCI_MESSAGE_HEADER_LEN	4	/* of a TLS handshake message */
#define KPCI_DTLS_MESSAGE_LEN	12	/* of a DTLS one (RFC 6347 4.2.2) */
#define KPCI_DTLS_RECORD_LEN	13	/* of a DTLS record's header (4.1) */

/** kpci_hostname_valid() - labels of letters, digits and inner hyphens */
bool kpci_hostname_valid(const char *name, size_t len);

/**
 * kpci_hostname_numeric() - does the last label stand for a number
 *
 * Decimal, octal or hexadecimal, as inet_aton(3) reads it: resolvers answer such
 * names with an IPv4 address and ask nobody.
 */
bool kpci_hostname_numeric(const char *name);

/** kpci_hostname_equal() - the same name, in whatever case */
bool kpci_hostname_equal(const char *a, const char *b);

/** kpci_lower() - A-Z to a-z, whatever the locale */
char kpci_lower(char c);

/**
 * kpci_locked_map() - pages for secrets: locked, not dumped, not inherited
 * @size: octets, rounded up to pages by the kernel
 * @err: reason of a failure, or NULL
 *
 * Return: zeroed memory, NULL with errno set.
 */
void *kpci_locked_map(size_t size, struct kpc_error *err);

/** kpci_locked_unmap() - wipe and give back; NULL is allowed */
void kpci_locked_unmap(void *map, size_t size);

/**
 * kpci_path_refuse() - why a path could not be opened or read
 * @path: path
 * @error: positive errno of that
 * @err: names it, and where it leads if it is a link that leads nowhere
 *
 * Return: -@error; -ENOLINK for such a link, as ENOENT says that nothing has the
 * name.
 */
int kpci_path_refuse(const char *path, int error, struct kpc_error *err);

/**
 * kpci_secret_directory() - is a directory fit to hold files with keys
 * @path: directory
 * @sticky: others may write it if it is sticky: then they can add files, but
 *	neither remove nor replace those of root and the caller
 * @err: reason of a refusal, or NULL
 *
 * Return: 0, -EACCES (owner or mode), -ENOTDIR, or what stat() gave.
 */
int kpci_secret_directory(const char *path, bool sticky, struct kpc_error *err);

/** kpci_secret_parent() - the same of the directory that @path is in, sticky or not */
int kpci_secret_parent(const char *path, struct kpc_error *err);

/**
 * kpci_secret_open() - open a file that holds keys, and judge owner and mode
 * @path: file
 * @err: reason of a refusal, or NULL
 *
 * The directory it is in is judged too: who may write that may put another file
 * of root's, say one with old keys, in its place.
 *
 * Return: a descriptor, -EACCES (owner or mode of file or directory, not a
 * regular file), or what open() gave.
 */
int kpci_secret_open(const char *path, struct kpc_error *err);

struct kpc_key;

/**
 * kpci_key_alloc() - a slot of the pool, for octets that are never elsewhere
 * @octets: where to put them, KPC_KEY_MAX have room; zero so far
 * @err: reason of a failure, or NULL
 *
 * Return: the key, to be finished with kpci_key_finish(), or NULL with errno set.
 */
struct kpc_key *kpci_key_alloc(uint8_t **octets, struct kpc_error *err);

/** kpci_key_finish() - @len octets, 1 to KPC_KEY_MAX, have been put into a slot */
void kpci_key_finish(struct kpc_key *key, size_t len);

/** kpci_key_replace() - other octets for a key, as many as before */
void kpci_key_replace(struct kpc_key *key, const uint8_t *octets);

/* How a key may be told, for sentences that refuse what was told. */
#define KPCI_KEY_ACCEPTED	"hex:, base64:, ascii:, file:/PATH, keyring:@u/DESCRIPTION or " \
				"credential:NAME is accepted"

/** kpci_key_encoded() - does a text start with a name of an encoding or reference */
bool kpci_key_encoded(const char *text);

/**
 * kpci_key_word() - whether a key is among words
 * @words: what is behind ``kpc-id`` or ``peer`` is none
 * @count: of @words
 * @references: where a key is counts too
 *
 * Return: number of the first one, 1 for the first of @words; 0: there is none.
 */
int kpci_key_word(char *const words[], int count, bool references);

/**
 * kpci_control_send() - send a record that is not data
 * @fd: socket with keys installed
 * @type: record type, KPC_RECORD_...
 * @octets: its content
 * @len: how much
 * @flags: of send(2), MSG_DONTWAIT or 0
 *
 * Return: 0 or a negative errno.
 */
int kpci_control_send(int fd, uint8_t type, const void *octets, size_t len, int flags);

static inline uint16_t kpci_get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t kpci_get24(const uint8_t *p)
{
	return (uint32_t)p[0] << 16 | kpci_get16(p + 1);
}

#endif
