// SPDX-License-Identifier: LGPL-2.1-or-later
/* Protects and opens the records of DTLS 1.2, without an SSL object. */
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include <linux/tls.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "dtls_internal.h"
#include "handshake_internal.h"
#include "secrets_internal.h"

#define NONCE_LEN	12
#define AAD_LEN		13
#define BLOCK_LEN	16
#define MAC_LEN		32
#define KEY_MAX		32

/**
 * enum mode - how the parts of a record lie
 * @MODE_AEAD: explicit nonce, ciphertext, tag
 * @MODE_CCM: so too, but the cipher is told the length before all else
 * @MODE_CBC: initial vector, ciphertext with padding, HMAC of both (RFC 7366)
 */
enum mode {
	MODE_AEAD,
	MODE_CCM,
	MODE_CBC,
};

/**
 * struct kpci_dtls_cipher - of a suite
 * @type: TLS_CIPHER_...; 0: of none that kTLS has
 * @short_tag: as in the suite
 * @mode: see enum mode
 * @name: OpenSSL's
 * @key_len: octets of the key
 * @mac_len: octets of the key of the HMAC
 * @fixed_len: octets of the nonce that never change
 * @explicit_len: octets of the nonce, or of the initial vector, in each record
 * @tag_len: octets of the tag, or of the HMAC
 */
struct kpci_dtls_cipher {
	uint16_t type;
	bool short_tag;
	enum mode mode;
	const char *name;
	uint8_t key_len, mac_len, fixed_len, explicit_len, tag_len;
};

static const struct kpci_dtls_cipher ciphers[] = {
	{ TLS_CIPHER_AES_GCM_128, false, MODE_AEAD, "AES-128-GCM", 16, 0, 4, 8, 16 },
	{ TLS_CIPHER_AES_GCM_256, false, MODE_AEAD, "AES-256-GCM", 32, 0, 4, 8, 16 },
	{ TLS_CIPHER_AES_CCM_128, false, MODE_CCM, "AES-128-CCM", 16, 0, 4, 8, 16 },
	{ TLS_CIPHER_CHACHA20_POLY1305, false, MODE_AEAD, "ChaCha20-Poly1305", 32, 0, 12, 0, 16 },
	{ 0, true, MODE_CCM, "AES-128-CCM", 16, 0, 4, 8, 8 },
	{ 0, false, MODE_CBC, "AES-128-CBC", 16, MAC_LEN, 0, BLOCK_LEN, MAC_LEN },
};

static EVP_CIPHER *fetched[ARRAY_SIZE(ciphers)];
static pthread_once_t fetch_once = PTHREAD_ONCE_INIT;

static const struct kpci_dtls_cipher *find_cipher(const struct kpc_suite *suite)
{
	for (size_t i = 0; i < ARRAY_SIZE(ciphers); i++)
		if (ciphers[i].type == suite->cipher_type &&
		    ciphers[i].short_tag == suite->short_tag)
			return &ciphers[i];
	return NULL;
}

void kpci_dtls_keys_free(struct kpci_dtls_keys *keys)
{
	EVP_CIPHER_CTX_free(keys->ctx);
	EVP_MAC_CTX_free(keys->mac);
	OPENSSL_cleanse(keys, sizeof(*keys));
}

/* Each peer would look for them in OpenSSL's lists. */
static void fetch_ciphers(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(ciphers); i++)
		fetched[i] = EVP_CIPHER_fetch(NULL, ciphers[i].name, NULL);
}

static bool set_cipher(struct kpci_dtls_keys *keys, const uint8_t *key, int seal)
{
	const struct kpci_dtls_cipher *cipher = keys->cipher;
	const EVP_CIPHER *evp;
	bool set;

	pthread_once(&fetch_once, fetch_ciphers);
	evp = fetched[cipher - ciphers];
	keys->ctx = EVP_CIPHER_CTX_new();
	set = evp && keys->ctx &&
	      EVP_CipherInit_ex(keys->ctx, evp, NULL, NULL, NULL, seal) == 1;
	if (set && cipher->mode == MODE_CCM)
		set = EVP_CIPHER_CTX_ctrl(keys->ctx, EVP_CTRL_AEAD_SET_IVLEN, NONCE_LEN,
					  NULL) == 1 &&
		      EVP_CIPHER_CTX_ctrl(keys->ctx, EVP_CTRL_AEAD_SET_TAG, cipher->tag_len,
					  NULL) == 1;
	if (set && cipher->mode == MODE_CBC)
		EVP_CIPHER_CTX_set_padding(keys->ctx, 0);
	return set && EVP_CipherInit_ex(keys->ctx, NULL, NULL, key, NULL, seal) == 1;
}

/* RFC 5246 6.3: for each of three parts that of the client, then the server's. */
static int set_keys(struct kpci_dtls_keys *keys, const struct kpci_dtls_cipher *cipher,
		    const uint8_t *block, bool server, bool seal)
{
	const uint8_t *mac = block + (server ? cipher->mac_len : 0);
	const uint8_t *key = block + 2 * cipher->mac_len + (server ? cipher->key_len : 0);
	const uint8_t *fixed = block + 2 * (cipher->mac_len + cipher->key_len) +
			       (server ? cipher->fixed_len : 0);

	keys->cipher = cipher;
	memcpy(keys->fixed, fixed, cipher->fixed_len);
	if (cipher->mac_len)
		keys->mac = kpci_hmac_new("SHA256", mac, MAC_LEN);
	if (cipher->mac_len && !keys->mac)
		return -ENOMEM;
	return set_cipher(keys, key, seal) ? 0 : -ENOMEM;
}

bool kpci_dtls_needs_etm(const struct kpc_suite *suite)
{
	const struct kpci_dtls_cipher *cipher = find_cipher(suite);

	return cipher && cipher->mode == MODE_CBC;
}

int kpci_dtls_keys_derive(const struct kpc_handshake *hs, struct kpci_dtls_keys *tx,
			  struct kpci_dtls_keys *rx, struct kpc_error *err)
{
	const struct kpc_suite *suite = kpc_suite_by_code(hs->result.suite);
	const struct kpci_dtls_cipher *cipher = find_cipher(suite);
	uint8_t block[2 * (MAC_LEN + KEY_MAX + KPCI_DTLS_FIXED_MAX)];
	bool server = hs->policy.role == KPC_ROLE_B;
	int code;

	if (!cipher)
		return kpc_error_return(err, -EOPNOTSUPP, "no records of %s here", suite->name);
	if (cipher->mode == MODE_CBC && !hs->hello.etm)
		return kpc_error_return(err, -EPROTO, KPCI_DTLS_NO_ETM, suite->name);
	code = kpci_key_block(hs, suite, block,
			      2 * (cipher->mac_len + cipher->key_len + cipher->fixed_len));
	if (!code)
		code = set_keys(tx, cipher, block, server, true);
	if (!code)
		code = set_keys(rx, cipher, block, !server, false);
	OPENSSL_cleanse(block, sizeof(block));
	return code ? kpc_error_return(err, code, "traffic keys cannot be made: %s",
				       strerror(-code)) : 0;
}

/* RFC 5246 6.2.3.3; where no part is explicit, RFC 7905 2. */
static void make_nonce(const struct kpci_dtls_keys *keys, uint64_t number,
		       uint8_t nonce[NONCE_LEN])
{
	uint8_t octets[8];

	kpci_put64(octets, number);
	memcpy(nonce, keys->fixed, keys->cipher->fixed_len);
	if (keys->cipher->explicit_len) {
		memcpy(nonce + keys->cipher->fixed_len, octets, sizeof(octets));
		return;
	}
	for (size_t i = 0; i < sizeof(octets); i++)
		nonce[NONCE_LEN - sizeof(octets) + i] ^= octets[i];
}

/* What is authentic with the content: number, type, version, and a length. */
static void make_aad(const struct kpci_dtls_header *header, size_t len, uint8_t aad[AAD_LEN])
{
	kpci_put64(aad, header->sequence);
	aad[8] = header->type;
	aad[9] = (uint8_t)(header->version >> 8);
	aad[10] = (uint8_t)header->version;
	aad[11] = (uint8_t)(len >> 8);
	aad[12] = (uint8_t)len;
}

/* A nonce, the length where it has to be known, and what is authentic beside. */
static bool aead_begin(struct kpci_dtls_keys *keys, const struct kpci_dtls_header *header,
		       uint64_t number, size_t len)
{
	uint8_t nonce[NONCE_LEN], aad[AAD_LEN];
	int n;

	make_nonce(keys, number, nonce);
	make_aad(header, len, aad);
	return EVP_CipherInit_ex(keys->ctx, NULL, NULL, NULL, nonce, -1) == 1 &&
	       (keys->cipher->mode != MODE_CCM ||
		EVP_CipherUpdate(keys->ctx, NULL, &n, NULL, (int)len) == 1) &&
	       EVP_CipherUpdate(keys->ctx, NULL, &n, aad, sizeof(aad)) == 1;
}

/* CCM does all in one call, which for no octets at all has to be this one. */
static bool aead_run(struct kpci_dtls_keys *keys, const uint8_t *from, size_t len, uint8_t *to)
{
	int n;

	if (keys->cipher->mode == MODE_CCM)
		return EVP_Cipher(keys->ctx, to, from, (unsigned int)len) == (int)len;
	return (!len || EVP_CipherUpdate(keys->ctx, to, &n, from, (int)len) == 1) &&
	       EVP_CipherFinal_ex(keys->ctx, to + len, &n) == 1;
}

static bool aead_seal(struct kpci_dtls_keys *keys, struct kpci_dtls_header *header,
		      uint64_t nonce, const uint8_t *data, size_t len, uint8_t *fragment)
{
	const struct kpci_dtls_cipher *cipher = keys->cipher;
	uint64_t number = cipher->explicit_len ? nonce : header->sequence;
	uint8_t *text = fragment + cipher->explicit_len;

	if (cipher->explicit_len)
		kpci_put64(fragment, nonce);
	header->len = (uint16_t)(cipher->explicit_len + len + cipher->tag_len);
	return aead_begin(keys, header, number, len) && aead_run(keys, data, len, text) &&
	       EVP_CIPHER_CTX_ctrl(keys->ctx, EVP_CTRL_AEAD_GET_TAG, cipher->tag_len,
				   text + len) == 1;
}

static const uint8_t *aead_open(struct kpci_dtls_keys *keys, const struct kpci_dtls_header *header,
				uint8_t *fragment, size_t *len)
{
	const struct kpci_dtls_cipher *cipher = keys->cipher;
	uint64_t number = header->sequence;
	uint8_t *text = fragment + cipher->explicit_len;

	if (header->len < cipher->explicit_len + cipher->tag_len)
		return NULL;
	*len = header->len - cipher->explicit_len - cipher->tag_len;
	if (cipher->explicit_len)
		number = kpci_get64(fragment);
	if (EVP_CIPHER_CTX_ctrl(keys->ctx, EVP_CTRL_AEAD_SET_TAG, cipher->tag_len,
				text + *len) != 1 ||
	    !aead_begin(keys, header, number, *len) || !aead_run(keys, text, *len, text))
		return NULL;
	return text;
}

/* RFC 7366 3: over all but itself. @len: of initial vector and ciphertext. */
static bool cbc_mac(struct kpci_dtls_keys *keys, const struct kpci_dtls_header *header,
		    const uint8_t *fragment, size_t len, uint8_t mac[MAC_LEN])
{
	uint8_t aad[AAD_LEN];
	size_t mac_len;

	make_aad(header, len, aad);
	return EVP_MAC_init(keys->mac, NULL, 0, NULL) == 1 &&
	       EVP_MAC_update(keys->mac, aad, sizeof(aad)) == 1 &&
	       EVP_MAC_update(keys->mac, fragment, len) == 1 &&
	       EVP_MAC_final(keys->mac, mac, &mac_len, MAC_LEN) == 1;
}

static bool cbc_seal(struct kpci_dtls_keys *keys, struct kpci_dtls_header *header,
		     const uint8_t *data, size_t len, uint8_t *fragment)
{
	size_t pad = BLOCK_LEN - len % BLOCK_LEN, whole = len + pad;
	uint8_t *text = fragment + BLOCK_LEN;
	int n;

	memmove(text, data, len);
	memset(text + len, (int)pad - 1, pad);
	header->len = (uint16_t)(BLOCK_LEN + whole + MAC_LEN);
	return RAND_bytes(fragment, BLOCK_LEN) == 1 &&
	       EVP_CipherInit_ex(keys->ctx, NULL, NULL, NULL, fragment, -1) == 1 &&
	       EVP_CipherUpdate(keys->ctx, text, &n, text, (int)whole) == 1 &&
	       cbc_mac(keys, header, fragment, BLOCK_LEN + whole, text + whole);
}

/* Nothing is decrypted that is not authentic, so the padding gives nothing away. */
static const uint8_t *cbc_open(struct kpci_dtls_keys *keys, const struct kpci_dtls_header *header,
			       uint8_t *fragment, size_t *len)
{
	uint8_t *text = fragment + BLOCK_LEN, mac[MAC_LEN];
	size_t whole, pad;
	int n;

	if (header->len < 2 * BLOCK_LEN + MAC_LEN)
		return NULL;
	whole = header->len - BLOCK_LEN - MAC_LEN;
	if (whole % BLOCK_LEN ||
	    !cbc_mac(keys, header, fragment, BLOCK_LEN + whole, mac) ||
	    CRYPTO_memcmp(mac, text + whole, MAC_LEN) ||
	    EVP_CipherInit_ex(keys->ctx, NULL, NULL, NULL, fragment, -1) != 1 ||
	    EVP_CipherUpdate(keys->ctx, text, &n, text, (int)whole) != 1)
		return NULL;
	pad = text[whole - 1] + 1U;
	if (pad > whole)
		return NULL;
	for (size_t i = 2; i <= pad; i++)
		if (text[whole - i] != pad - 1)
			return NULL;
	*len = whole - pad;
	return text;
}

int kpci_dtls_seal(struct kpci_dtls_keys *keys, struct kpci_dtls_header *header, uint64_t nonce,
		   const uint8_t *data, size_t len, uint8_t *fragment)
{
	bool sealed = keys->cipher->mode == MODE_CBC ?
		      cbc_seal(keys, header, data, len, fragment) :
		      aead_seal(keys, header, nonce, data, len, fragment);

	return sealed ? 0 : -EIO;
}

const uint8_t *kpci_dtls_open(struct kpci_dtls_keys *keys, const struct kpci_dtls_header *header,
			      uint8_t *fragment, size_t *len)
{
	return keys->cipher->mode == MODE_CBC ? cbc_open(keys, header, fragment, len) :
						aead_open(keys, header, fragment, len);
}
