/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of kTLS ciphers, and the TLS key schedules. */
#ifndef KPCI_SECRETS_INTERNAL_H
#define KPCI_SECRETS_INTERNAL_H

#include <openssl/evp.h>
#include <openssl/ssl.h>

#include <kpc/secrets.h>

#define KPCI_AEAD_KEY_MAX	32
#define KPCI_AEAD_NONCE_LEN	12
#define KPCI_SEQUENCE_LEN	8

/**
 * struct kpci_cipher - where a kTLS cipher keeps what
 * @type: TLS_CIPHER_...
 * @len: of the structure for setsockopt()
 * @key_len: octets of key
 * @salt_len: octets of the nonce that never change
 * @iv_len: octets of the nonce that kTLS calls iv; with the salt 12 altogether
 * @key: offset in the structure
 * @salt: likewise
 * @iv: likewise
 * @sequence: likewise
 */
struct kpci_cipher {
	uint16_t type;
	uint8_t len, key_len, salt_len, iv_len;
	uint8_t key, salt, iv, sequence;
};

/** kpci_cipher() - entry of a cipher type, NULL: not one of ours */
const struct kpci_cipher *kpci_cipher(uint16_t type);

/** kpci_secrets_keylog() - SSL_CTX_set_keylog_callback(): keeps traffic secrets */
void kpci_secrets_keylog(const SSL *ssl, const char *line);

struct kpc_handshake;
struct kpc_suite;

/** kpci_key_block() - of a TLS 1.2 handshake that has its SSL (RFC 5246 6.3); 0 or -EIO */
int kpci_key_block(const struct kpc_handshake *hs, const struct kpc_suite *suite, uint8_t *block,
		   size_t len);

/** kpci_expand_label() - HKDF-Expand-Label (RFC 8446 7.1) without context; 0 or -EIO */
int kpci_expand_label(const char *hash, const uint8_t *secret, size_t secret_len,
		      const char *label, uint8_t *out, size_t len);

/**
 * kpci_hmac_new() - an HMAC with its key
 * @hash: "SHA256" or "SHA384"
 *
 * EVP_MAC_init() without a key has it begin anew with the same. Return: NULL
 * without memory.
 */
EVP_MAC_CTX *kpci_hmac_new(const char *hash, const uint8_t *key, size_t len);

/** kpci_prf() - PRF of TLS 1.2 (RFC 5246 5); 0 or -EIO */
int kpci_prf(const char *hash, const uint8_t *secret, size_t secret_len, const char *label,
	     const uint8_t *seed, size_t seed_len, uint8_t *out, size_t len);

#endif
