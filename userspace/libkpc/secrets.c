// SPDX-License-Identifier: LGPL-2.1-or-later
/* Derives traffic keys from a finished handshake, in the form kTLS takes. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "handshake_internal.h"
#include "internal.h"
#include "secrets_internal.h"

_Static_assert(!offsetof(struct kpc_traffic, info), "offsets are those of the kernel's structures");

#define CIPHER(id, name) {						\
	.type = TLS_CIPHER_##id,					\
	.len = sizeof(struct tls12_crypto_info_##name),			\
	.key_len = TLS_CIPHER_##id##_KEY_SIZE,				\
	.salt_len = TLS_CIPHER_##id##_SALT_SIZE,			\
	.iv_len = TLS_CIPHER_##id##_IV_SIZE,				\
	.key = offsetof(struct tls12_crypto_info_##name, key),		\
	.salt = offsetof(struct tls12_crypto_info_##name, salt),	\
	.iv = offsetof(struct tls12_crypto_info_##name, iv),		\
	.sequence = offsetof(struct tls12_crypto_info_##name, rec_seq),	\
}

static const struct kpci_cipher ciphers[] = {
	CIPHER(AES_GCM_128, aes_gcm_128),
	CIPHER(AES_GCM_256, aes_gcm_256),
	CIPHER(AES_CCM_128, aes_ccm_128),
	CIPHER(CHACHA20_POLY1305, chacha20_poly1305),
};

const struct kpci_cipher *kpci_cipher(uint16_t type)
{
	for (size_t i = 0; i < ARRAY_SIZE(ciphers); i++)
		if (ciphers[i].type == type)
			return &ciphers[i];
	return NULL;
}

static int hex_value(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 :
	       c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Line: label, client random, secret; the last two in hex. */
static void keep_secret(struct kpc_traffic_secret *secret, const char *line)
{
	const char *hex = strrchr(line, ' ');
	size_t len = hex ? strlen(++hex) : 0;

	if (!len || len % 2 || len / 2 > sizeof(secret->octets))
		return;
	for (size_t i = 0; i < len; i += 2) {
		int high = hex_value(hex[i]), low = hex_value(hex[i + 1]);

		if (high < 0 || low < 0)
			return;
		secret->octets[i / 2] = (uint8_t)(high << 4 | low);
	}
	secret->len = (uint8_t)(len / 2);
}

void kpci_secrets_keylog(const SSL *ssl, const char *line)
{
	static const char *const labels[] = {
		"CLIENT_TRAFFIC_SECRET_0 ",
		"SERVER_TRAFFIC_SECRET_0 ",
	};
	struct kpc_handshake *hs = SSL_get_app_data(ssl);

	for (size_t i = 0; hs && i < ARRAY_SIZE(labels); i++)
		if (!strncmp(line, labels[i], strlen(labels[i])))
			keep_secret(&hs->secrets[i], line);
}

static uint8_t *field(struct kpc_traffic *traffic, uint8_t offset)
{
	return (uint8_t *)traffic + offset;
}

/* Nonce of 12 octets: the salt first, then what kTLS calls iv. */
static void fill(struct kpc_traffic *traffic, const struct kpci_cipher *cipher, uint16_t version,
		 const uint8_t *key, const uint8_t *salt, const uint8_t *iv)
{
	memset(traffic, 0, sizeof(*traffic));
	traffic->info.version = version;
	traffic->info.cipher_type = cipher->type;
	traffic->len = cipher->len;
	memcpy(field(traffic, cipher->key), key, cipher->key_len);
	memcpy(field(traffic, cipher->salt), salt, cipher->salt_len);
	memcpy(field(traffic, cipher->iv), iv, cipher->iv_len);
}

static int from_secret(struct kpc_traffic *traffic, const struct kpc_suite *suite,
		       const struct kpc_traffic_secret *secret)
{
	const struct kpci_cipher *cipher = kpci_cipher(suite->cipher_type);
	uint8_t key[KPCI_AEAD_KEY_MAX], nonce[KPCI_AEAD_NONCE_LEN];
	int code;

	code = kpci_expand_label(suite->hash, secret->octets, secret->len, "key", key,
				 cipher->key_len);
	if (!code)
		code = kpci_expand_label(suite->hash, secret->octets, secret->len, "iv", nonce,
					 sizeof(nonce));
	if (!code)
		fill(traffic, cipher, KPC_VERSION_TLS13, key, nonce, nonce + cipher->salt_len);
	OPENSSL_cleanse(key, sizeof(key));
	OPENSSL_cleanse(nonce, sizeof(nonce));
	return code;
}

static const struct kpc_traffic_secret *own_secret(const struct kpc_handshake *hs)
{
	return &hs->secrets[hs->policy.role == KPC_ROLE_A ? 0 : 1];
}

static const struct kpc_traffic_secret *peer_secret(const struct kpc_handshake *hs)
{
	return &hs->secrets[hs->policy.role == KPC_ROLE_A ? 1 : 0];
}

static int derive_tls13(const struct kpc_handshake *hs, const struct kpc_suite *suite,
			struct kpc_traffic *tx, struct kpc_traffic *rx)
{
	int code;

	if (!own_secret(hs)->len || !peer_secret(hs)->len)
		return -EPROTO;
	code = from_secret(tx, suite, own_secret(hs));
	return code ? code : from_secret(rx, suite, peer_secret(hs));
}

/* The explicit nonce that follows, as a counter in network order. */
static void next_nonce(uint8_t nonce[KPCI_NONCE_LEN])
{
	for (int i = KPCI_NONCE_LEN - 1; i >= 0; i--)
		if (++nonce[i])
			break;
}

int kpci_key_block(const struct kpc_handshake *hs, const struct kpc_suite *suite, uint8_t *block,
		   size_t len)
{
	uint8_t master[SSL_MAX_MASTER_KEY_LENGTH], seed[2 * SSL3_RANDOM_SIZE];
	size_t master_len;
	int code;

	SSL_get_server_random(hs->ssl, seed, SSL3_RANDOM_SIZE);
	SSL_get_client_random(hs->ssl, seed + SSL3_RANDOM_SIZE, SSL3_RANDOM_SIZE);
	master_len = SSL_SESSION_get_master_key(SSL_get_session(hs->ssl), master, sizeof(master));
	code = kpci_prf(suite->hash, master, master_len, "key expansion", seed, sizeof(seed), block,
			len);
	OPENSSL_cleanse(master, sizeof(master));
	return code;
}

/*
 * RFC 5246 6.3: keys of client and server, then their fixed parts of the nonce.
 * ChaCha20 (RFC 7905) has all 12 octets fixed; the others send 8 of them with
 * each record, counted on from the Finished.
 */
static int derive_tls12(const struct kpc_handshake *hs, const struct kpc_suite *suite,
			struct kpc_traffic *tx, struct kpc_traffic *rx)
{
	const struct kpci_cipher *cipher = kpci_cipher(suite->cipher_type);
	size_t fixed_len = cipher->salt_len ? cipher->salt_len : cipher->iv_len;
	uint8_t block[2 * (KPCI_AEAD_KEY_MAX + KPCI_AEAD_NONCE_LEN)];
	const struct kpci_flow *flows[] = { &hs->tx, &hs->rx };
	struct kpc_traffic *traffics[] = { tx, rx };
	int code;

	code = kpci_key_block(hs, suite, block, 2 * (cipher->key_len + fixed_len));
	for (size_t i = 0; !code && i < ARRAY_SIZE(traffics); i++) {
		bool server = (i == 0) == (hs->policy.role == KPC_ROLE_B);
		const uint8_t *key = block + (server ? cipher->key_len : 0);
		const uint8_t *fixed = block + 2 * cipher->key_len + (server ? fixed_len : 0);
		uint8_t nonce[KPCI_NONCE_LEN];

		memcpy(nonce, flows[i]->nonce, sizeof(nonce));
		next_nonce(nonce);
		fill(traffics[i], cipher, KPC_VERSION_TLS12, key, fixed,
		     cipher->salt_len ? nonce : fixed);
		field(traffics[i], cipher->sequence)[KPCI_SEQUENCE_LEN - 1] = 1;
	}
	OPENSSL_cleanse(block, sizeof(block));
	return code;
}

int kpc_secrets_derive(struct kpc_handshake *hs, struct kpc_traffic *tx,
		       struct kpc_traffic *rx, struct kpc_error *err)
{
	const struct kpc_suite *suite;
	int code;

	if (hs->state != KPC_HANDSHAKE_DONE || !hs->ssl)
		return kpc_error_return(err, -EINVAL, "keys are there only after a handshake");
	if (!hs->policy.kernel)
		return kpc_error_return(err, -EOPNOTSUPP, "with offload off no keys are kept");
	suite = kpc_suite_by_code(hs->result.suite);
	if (!suite->cipher_type)
		return kpc_error_return(err, -EOPNOTSUPP, "the kernel cannot carry %s",
					suite->name);
	if (suite->version == KPC_VERSION_TLS12 && (hs->tx.count != 1 || hs->rx.count != 1))
		return kpc_error_return(err, -EPROTO, "%u records sent and %u received after the "
					"keys changed, where one Finished each was due",
					hs->tx.count, hs->rx.count);
	code = suite->version == KPC_VERSION_TLS13 ? derive_tls13(hs, suite, tx, rx) :
						     derive_tls12(hs, suite, tx, rx);
	if (!code)
		return 0;
	kpc_traffic_wipe(tx);
	kpc_traffic_wipe(rx);
	return kpc_error_return(err, code, "traffic keys cannot be derived: %s", strerror(-code));
}

int kpc_secrets_keep(const struct kpc_handshake *hs, struct kpc_traffic_secret *tx,
		     struct kpc_traffic_secret *rx)
{
	memset(tx, 0, sizeof(*tx));
	memset(rx, 0, sizeof(*rx));
	if (hs->state != KPC_HANDSHAKE_DONE)
		return -EINVAL;
	if (hs->result.version != KPC_VERSION_TLS13 || !hs->policy.kernel)
		return 1;
	*tx = *own_secret(hs);
	*rx = *peer_secret(hs);
	tx->suite = hs->result.suite;
	rx->suite = hs->result.suite;
	return 0;
}

int kpc_secrets_update(struct kpc_traffic_secret *secret, struct kpc_traffic *traffic,
		       struct kpc_error *err)
{
	const struct kpc_suite *suite = kpc_suite_by_code(secret->suite);
	struct kpc_traffic_secret next = *secret;
	int code;

	if (!secret->len || !suite || suite->version != KPC_VERSION_TLS13 || !suite->cipher_type)
		return kpc_error_return(err, -EINVAL, "only TLS 1.3 has keys to update");
	code = kpci_expand_label(suite->hash, secret->octets, secret->len, "traffic upd",
				 next.octets, secret->len);
	if (!code)
		code = from_secret(traffic, suite, &next);
	if (!code)
		*secret = next;
	OPENSSL_cleanse(&next, sizeof(next));
	return code ? kpc_error_return(err, code, "traffic keys cannot be derived") : 0;
}

int kpc_traffic_digest(const struct kpc_traffic *traffic, uint8_t digest[KPC_DIGEST_LEN])
{
	const struct kpci_cipher *cipher = kpci_cipher(traffic->info.cipher_type);
	const uint8_t *octets = (const uint8_t *)traffic;
	uint8_t input[4 + KPCI_AEAD_KEY_MAX + KPCI_AEAD_NONCE_LEN], *p = input;
	int code;

	if (!cipher)
		return -EINVAL;
	*p++ = traffic->info.version >> 8;
	*p++ = traffic->info.version & 0xff;
	*p++ = traffic->info.cipher_type >> 8;
	*p++ = traffic->info.cipher_type & 0xff;
	p = mempcpy(p, octets + cipher->key, cipher->key_len);
	p = mempcpy(p, octets + cipher->salt, cipher->salt_len);
	code = EVP_Digest(input, (size_t)(p - input), digest, NULL, EVP_sha256(), NULL) == 1 ?
	       0 : -EIO;
	OPENSSL_cleanse(input, sizeof(input));
	return code;
}

void kpc_traffic_wipe(struct kpc_traffic *traffic)
{
	if (traffic)
		OPENSSL_cleanse(traffic, sizeof(*traffic));
}

void kpc_traffic_secret_wipe(struct kpc_traffic_secret *secret)
{
	if (secret)
		OPENSSL_cleanse(secret, sizeof(*secret));
}
