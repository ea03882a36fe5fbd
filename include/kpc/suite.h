/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one table of cipher suites: names, codes, what carries them. */
#ifndef KPC_SUITE_H
#define KPC_SUITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KPC_VERSION_TLS12	0x0303
#define KPC_VERSION_TLS13	0x0304
#define KPC_VERSION_DTLS12	0xfefd

/**
 * struct kpc_suite - a cipher suite
 * @code: IANA code
 * @version: KPC_VERSION_TLS12 or KPC_VERSION_TLS13: where it is used; DTLS 1.2 has
 *	the suites of TLS 1.2
 * @name: IANA name
 * @openssl: OpenSSL's name
 * @forward_secret: key exchange with (EC)DHE; for TLS 1.3 psk_dhe_ke is meant
 * @cipher_type: kTLS cipher (TLS_CIPHER_...), 0: the kernel cannot carry it
 * @hash: "SHA256" or "SHA384", of the PRF or HKDF
 * @short_tag: the tag has 8 octets instead of 16
 */
struct kpc_suite {
	uint16_t code;
	uint16_t version;
	const char *name;
	const char *openssl;
	bool forward_secret;
	uint16_t cipher_type;
	const char *hash;
	bool short_tag;
};

/** kpc_suite_by_code() - entry of an IANA code; NULL: not one of ours */
const struct kpc_suite *kpc_suite_by_code(uint16_t code);

/**
 * kpc_suite_by_name() - entry of a name
 * @name: IANA name, OpenSSL's name, or the code as four hex digits with or
 *	without ``0x``; letters in any case
 *
 * Return: the entry, NULL where there is none.
 */
const struct kpc_suite *kpc_suite_by_name(const char *name);

/** kpc_suite_table() - all suites, in the order of preference; @count is set */
const struct kpc_suite *kpc_suite_table(size_t *count);

/**
 * kpc_suite_records() - records that a key of a suite may protect
 * @suite: the suite
 * @limit: of the association (limit records), or 0
 *
 * Return: in one direction; 0 where there is no limit (RFC 8446 5.5: none that
 * can be reached with ChaCha20-Poly1305).
 */
uint32_t kpc_suite_records(const struct kpc_suite *suite, uint32_t limit);

/** kpc_version_name() - "TLSv1.2", "TLSv1.3", "DTLSv1.2", or "unknown version" */
const char *kpc_version_name(uint16_t version);

#endif
