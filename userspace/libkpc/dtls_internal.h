/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of DTLS share. */
#ifndef KPCI_DTLS_INTERNAL_H
#define KPCI_DTLS_INTERNAL_H

#include <openssl/evp.h>
#include <openssl/ssl.h>

#include <kpc/dtls.h>

#include "datagram.h"
#include "internal.h"

#define KPCI_DTLS_SEQUENCE_LEN	8	/* epoch and number of a record */
#define KPCI_DTLS_FIXED_MAX	12	/* of a nonce, what never changes */

struct kpc_handshake;

/**
 * struct kpci_dtls_header - of a record
 * @type: KPC_RECORD_...
 * @version: as on the wire
 * @sequence: epoch and number, of which no two are the same
 * @len: octets behind it
 */
struct kpci_dtls_header {
	uint8_t type;
	uint16_t version;
	uint64_t sequence;
	uint16_t len;
};

#define KPCI_DTLS_EPOCH(sequence)	((uint16_t)((sequence) >> 48))

/** kpci_dtls_header_read() - false: no record of DTLS is there, or not all of it */
bool kpci_dtls_header_read(const uint8_t *octets, size_t len, struct kpci_dtls_header *header);

/** kpci_dtls_header_write() - KPCI_DTLS_RECORD_LEN octets */
void kpci_dtls_header_write(const struct kpci_dtls_header *header, uint8_t *octets);

/** kpci_put64() - in network order */
void kpci_put64(uint8_t *p, uint64_t number);

/** kpci_get64() - in network order */
uint64_t kpci_get64(const uint8_t *p);

/* dtls_cookie.c */

/** kpci_dtls_cookie_verified() - SSL_CTX_set_cookie_verify_cb(): it has been */
int kpci_dtls_cookie_verified(SSL *ssl, const unsigned char *cookie, unsigned int len);

/* dtls_exchange.c */

/**
 * struct kpci_dtls_exchange - a ClientKeyExchange being put together
 * @done: it was whole
 * @len: octets of its body
 * @missing: of those, what has not come
 * @body: as far as it has come, and behind it a bit for each octet; or NULL
 */
struct kpci_dtls_exchange {
	bool done;
	size_t len;
	size_t missing;
	uint8_t *body;
};

/**
 * kpci_dtls_exchange_take() - look for parts of it in a datagram
 *
 * Return: 1: now it is whole, and the handshake has its KpcId; 0; or -ENOMEM.
 */
int kpci_dtls_exchange_take(struct kpci_dtls_exchange *exchange, struct kpc_handshake *hs,
			    const uint8_t *datagram, size_t len);

/* dtls_cipher.c */

/**
 * struct kpci_dtls_keys - of one direction
 * @cipher: which
 * @ctx: with the key
 * @mac: of CBC, with the key of the HMAC; else NULL
 * @fixed: of the nonce
 */
struct kpci_dtls_keys {
	const struct kpci_dtls_cipher *cipher;
	EVP_CIPHER_CTX *ctx;
	EVP_MAC_CTX *mac;
	uint8_t fixed[KPCI_DTLS_FIXED_MAX];
};

#define KPCI_DTLS_NO_ETM	\
	"the peer does not use Encrypt-then-MAC (RFC 7366), which %s needs on DTLS"

/** kpci_dtls_needs_etm() - are its records of CBC, which only RFC 7366 has right */
bool kpci_dtls_needs_etm(const struct kpc_suite *suite);

/**
 * kpci_dtls_keys_derive() - those of a handshake that has its SSL still
 * @hs: handshake
 * @tx: own direction
 * @rx: the peer's
 * @err: reason of a failure
 *
 * Return: 0 or a negative errno; the caller frees both whatever it is.
 */
int kpci_dtls_keys_derive(const struct kpc_handshake *hs, struct kpci_dtls_keys *tx,
			  struct kpci_dtls_keys *rx, struct kpc_error *err);

/** kpci_dtls_keys_free() - wipe; not the structure itself */
void kpci_dtls_keys_free(struct kpci_dtls_keys *keys);

/**
 * kpci_dtls_seal() - protect the content of a record
 * @keys: with which
 * @header: of the record; its length becomes that of the fragment
 * @nonce: the explicit part, never used before; of no use to some
 * @data: content
 * @len: octets of it
 * @fragment: receives what follows the header
 *
 * Return: 0 or -EIO.
 */
int kpci_dtls_seal(struct kpci_dtls_keys *keys, struct kpci_dtls_header *header, uint64_t nonce,
		   const uint8_t *data, size_t len, uint8_t *fragment);

/**
 * kpci_dtls_open() - judge and decrypt a record where it lies
 * @keys: with which
 * @header: of the record
 * @fragment: what follows the header
 * @len: set to the octets of the content
 *
 * Return: the content, NULL: it is not authentic.
 */
const uint8_t *kpci_dtls_open(struct kpci_dtls_keys *keys, const struct kpci_dtls_header *header,
			      uint8_t *fragment, size_t *len);

/* dtls_window.c */

/**
 * struct kpci_dtls_window - which records have come (RFC 6347 4.1.2.6)
 * @any: one has
 * @last: the greatest number
 * @seen: bit n: the one n before @last
 */
struct kpci_dtls_window {
	bool any;
	uint64_t last;
	uint64_t seen;
};

/** kpci_dtls_window_new() - has it neither come nor become too old */
bool kpci_dtls_window_new(const struct kpci_dtls_window *window, uint64_t number);

/** kpci_dtls_window_take() - it has come, and is authentic */
void kpci_dtls_window_take(struct kpci_dtls_window *window, uint64_t number);

#endif
