// SPDX-License-Identifier: MIT
/*
 * Traffic keys (M7): what kpc_secrets_derive() says must open the records that
 * OpenSSL makes of the same connection, and make records that OpenSSL takes,
 * for every suite the kernel carries, in both directions.
 */
#include <errno.h>
#include <stdlib.h>

#include <openssl/evp.h>

#include <kpc/records.h>
#include <kpc/rekey.h>
#include <kpc/secrets.h>

#include "libkpc/secrets_internal.h"
#include "pair.h"

#define TAG_LEN		16
#define HEADER_LEN	5
#define DATA		23

/* One direction as the kernel would run it. */
struct carrier {
	struct kpc_traffic traffic;
	const struct kpci_cipher *cipher;
};

static uint8_t *part(struct carrier *carrier, uint8_t offset)
{
	return (uint8_t *)&carrier->traffic + offset;
}

static const char *aead_name(uint16_t type)
{
	switch (type) {
	case TLS_CIPHER_AES_GCM_128:
		return "AES-128-GCM";
	case TLS_CIPHER_AES_GCM_256:
		return "AES-256-GCM";
	case TLS_CIPHER_AES_CCM_128:
		return "AES-128-CCM";
	default:
		return "ChaCha20-Poly1305";
	}
}

static bool explicit_nonce(const struct carrier *carrier)
{
	return carrier->traffic.info.version == TLS_1_2_VERSION && carrier->cipher->salt_len;
}

/* RFC 5288, 7905, 8446 5.3; @wire: explicit nonce of a received record, or NULL. */
static void nonce_make(struct carrier *carrier, const uint8_t *wire, uint8_t nonce[12])
{
	const struct kpci_cipher *cipher = carrier->cipher;

	memcpy(nonce, part(carrier, cipher->salt), cipher->salt_len);
	memcpy(nonce + cipher->salt_len, part(carrier, cipher->iv), cipher->iv_len);
	if (explicit_nonce(carrier)) {
		if (wire)
			memcpy(nonce + 4, wire, 8);
		return;
	}
	for (int i = 0; i < 8; i++)
		nonce[4 + i] ^= part(carrier, cipher->sequence)[i];
}

static void count_up(uint8_t counter[8])
{
	for (int i = 7; i >= 0; i--)
		if (++counter[i])
			break;
}

static void next_record(struct carrier *carrier)
{
	count_up(part(carrier, carrier->cipher->sequence));
	if (explicit_nonce(carrier))
		count_up(part(carrier, carrier->cipher->iv));
}

static size_t aad_make(struct carrier *carrier, const uint8_t *header, size_t plain_len,
		       uint8_t aad[13])
{
	if (carrier->traffic.info.version == TLS_1_3_VERSION) {
		memcpy(aad, header, HEADER_LEN);
		return HEADER_LEN;
	}
	memcpy(aad, part(carrier, carrier->cipher->sequence), 8);
	memcpy(aad + 8, header, 3);
	aad[11] = (uint8_t)(plain_len >> 8);
	aad[12] = (uint8_t)plain_len;
	return 13;
}

static bool aead(struct carrier *carrier, bool encrypt, const uint8_t nonce[12],
		 const uint8_t *aad, size_t aad_len, const uint8_t *in, size_t len,
		 uint8_t *out, uint8_t tag[TAG_LEN])
{
	EVP_CIPHER *evp = EVP_CIPHER_fetch(NULL, aead_name(carrier->cipher->type), NULL);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	bool ccm = carrier->cipher->type == TLS_CIPHER_AES_CCM_128;
	bool held = false;
	int n;

	if (EVP_CipherInit_ex2(ctx, evp, NULL, NULL, encrypt, NULL) != 1 ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, 12, NULL) != 1 ||
	    ((ccm || !encrypt) && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_LEN,
						      encrypt ? NULL : tag) != 1) ||
	    EVP_CipherInit_ex2(ctx, NULL, part(carrier, carrier->cipher->key), nonce, encrypt,
			       NULL) != 1 ||
	    (ccm && EVP_CipherUpdate(ctx, NULL, &n, NULL, (int)len) != 1) ||
	    EVP_CipherUpdate(ctx, NULL, &n, aad, (int)aad_len) != 1 ||
	    EVP_CipherUpdate(ctx, out, &n, in, (int)len) != 1)
		goto out;
	held = (ccm && !encrypt) || EVP_CipherFinal_ex(ctx, out + n, &n) == 1;
	if (held && encrypt)
		held = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_LEN, tag) == 1;
out:
	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(evp);
	return held;
}

/* Opens one record of OpenSSL's; plaintext length, -1: not authentic. */
static int record_open(struct carrier *carrier, uint8_t *record, size_t len, uint8_t *plain)
{
	size_t front = HEADER_LEN + (explicit_nonce(carrier) ? 8 : 0), body, aad_len;
	uint8_t nonce[12], aad[13];

	if (len < front + TAG_LEN)
		return -1;
	body = len - front - TAG_LEN;
	nonce_make(carrier, record + HEADER_LEN, nonce);
	aad_len = aad_make(carrier, record, body, aad);
	if (!aead(carrier, false, nonce, aad, aad_len, record + front, body, plain,
		  record + len - TAG_LEN))
		return -1;
	next_record(carrier);
	if (carrier->traffic.info.version == TLS_1_3_VERSION)
		while (body && !plain[--body])
			;	/* padding, then the type */
	return (int)body;
}

/* Makes one record as the kernel would; its length. */
static size_t record_make(struct carrier *carrier, const uint8_t *plain, size_t len,
			  uint8_t *record)
{
	bool tls13 = carrier->traffic.info.version == TLS_1_3_VERSION;
	size_t front = HEADER_LEN + (explicit_nonce(carrier) ? 8 : 0);
	size_t body = len + tls13, total = front + body + TAG_LEN, aad_len;
	uint8_t nonce[12], aad[13], inner[512];

	memcpy(inner, plain, len);
	inner[len] = DATA;
	record[0] = DATA;
	record[1] = 3;
	record[2] = 3;
	record[3] = (uint8_t)((total - HEADER_LEN) >> 8);
	record[4] = (uint8_t)(total - HEADER_LEN);
	if (explicit_nonce(carrier))
		memcpy(record + HEADER_LEN, part(carrier, carrier->cipher->iv), 8);
	nonce_make(carrier, NULL, nonce);
	aad_len = aad_make(carrier, record, len, aad);
	if (!aead(carrier, true, nonce, aad, aad_len, inner, body, record + front,
		  record + total - TAG_LEN))
		return 0;
	next_record(carrier);
	return total;
}

static bool carrier_start(struct carrier *carrier)
{
	carrier->cipher = kpci_cipher(carrier->traffic.info.cipher_type);
	return carrier->cipher && carrier->traffic.len == carrier->cipher->len;
}

/* Two messages each way between OpenSSL on one side and the keys on the other. */
static bool exchange(struct kpc_records *openssl, struct carrier *tx, struct carrier *rx)
{
	static const char *const words[] = { "first words", "and some more of them" };
	uint8_t record[1024], plain[1024];
	size_t len;

	for (int i = 0; i < 2; i++) {
		size_t word_len = strlen(words[i]);
		const void *out;

		if (kpc_records_write(openssl, words[i], word_len) != (ssize_t)word_len)
			return false;
		out = kpc_records_output(openssl, &len);
		if (!out || len > sizeof(record))
			return false;
		memcpy(record, out, len);
		kpc_records_output_sent(openssl, len);
		if (record_open(rx, record, len, plain) != (int)word_len ||
		    memcmp(plain, words[i], word_len))
			return false;
		len = record_make(tx, (const uint8_t *)words[i], word_len, record);
		if (kpc_records_input(openssl, record, len) != (ssize_t)len ||
		    kpc_records_read(openssl, plain, sizeof(plain)) != (ssize_t)word_len ||
		    memcmp(plain, words[i], word_len))
			return false;
	}
	return true;
}

/* @derive: the side whose keys are used; the other goes on with OpenSSL. */
static void check_suite(const struct kpc_suite *suite, enum kpc_role role)
{
	struct kpc_handshake_policy policy = pair_policy(suite);
	struct kpc_handshake *mine, *other;
	struct carrier tx = { 0 }, rx = { 0 };
	struct kpc_records *openssl = NULL;
	struct kpc_error err = { "" };
	struct pair pair = { 0 };
	bool held = false;

	if (!pair_open(&pair, &policy, PAIR_KEY, PAIR_KEY)) {
		pair_run(&pair);
		mine = role == KPC_ROLE_A ? pair.a : pair.b;
		other = role == KPC_ROLE_A ? pair.b : pair.a;
		held = pair_done(&pair) &&
		       !kpc_secrets_derive(mine, &tx.traffic, &rx.traffic, &err) &&
		       carrier_start(&tx) && carrier_start(&rx);
		openssl = held ? kpc_records_new(other, &err) : NULL;
		held = openssl && exchange(openssl, &tx, &rx);
	}
	if (!tap_ok(held, "M7 %s %s keys of role %s work with OpenSSL's records",
		    kpc_version_name(suite->version), suite->name,
		    role == KPC_ROLE_A ? "a" : "b"))
		tap_note("%s / %s / %s", err.text, pair.a ? pair_why(pair.a) : "",
			 pair.b ? pair_why(pair.b) : "");
	kpc_records_free(openssl);
	pair_close(&pair);
}

/* OpenSSL moves its sending keys on; the derived ones must follow. */
static void check_update(const struct kpc_suite *suite)
{
	struct kpc_handshake_policy policy = pair_policy(suite);
	struct kpc_traffic_secret tx_secret, rx_secret;
	struct carrier tx = { 0 }, rx = { 0 };
	struct kpc_records *openssl = NULL;
	struct pair pair = { 0 };
	uint8_t record[1024], plain[1024];
	bool held = false;
	size_t len = 0;
	const void *out;

	if (pair_open(&pair, &policy, PAIR_KEY, PAIR_KEY))
		goto out;
	pair_run(&pair);
	if (!pair_done(&pair) || kpc_secrets_derive(pair.a, &tx.traffic, &rx.traffic, NULL) ||
	    kpc_secrets_keep(pair.a, &tx_secret, &rx_secret) || !carrier_start(&rx))
		goto out;
	openssl = kpc_records_new(pair.b, NULL);
	if (!openssl || kpc_records_key_update(openssl))
		goto out;
	out = kpc_records_output(openssl, &len);
	memcpy(record, out, len);
	kpc_records_output_sent(openssl, len);
	if (record_open(&rx, record, len, plain) != 5 || plain[0] != 24 || plain[4] != 1)
		goto out;
	if (kpc_secrets_update(&rx_secret, &rx.traffic, NULL) ||
	    kpc_secrets_update(&tx_secret, &tx.traffic, NULL) || !carrier_start(&tx) ||
	    !carrier_start(&rx))
		goto out;
	kpc_records_write(openssl, "new", 3);
	out = kpc_records_output(openssl, &len);
	memcpy(record, out, len);
	held = record_open(&rx, record, len, plain) == 3 && !memcmp(plain, "new", 3);
out:
	tap_ok(held, "X1 %s keys follow a KeyUpdate", suite->name);
	kpc_records_free(openssl);
	pair_close(&pair);
}

/* What is kept of a handshake in locked memory announces the keys that follow. */
static void check_rekey(const struct kpc_suite *suite)
{
	struct kpc_handshake_policy policy = pair_policy(suite);
	uint8_t kept[2][KPC_DIGEST_LEN], derived[2][KPC_DIGEST_LEN];
	struct kpc_traffic_secret secrets[2];
	struct kpc_rekey rekey = { 0 };
	struct kpc_traffic traffic;
	struct pair pair = { 0 };
	bool held;

	held = !pair_open(&pair, &policy, PAIR_KEY, PAIR_KEY);
	if (held)
		pair_run(&pair);
	held = held && pair_done(&pair);
	if (suite->version != KPC_VERSION_TLS13) {
		tap_ok(held && kpc_rekey_keep(&rekey, pair.a, NULL) == 1 && !rekey.suite,
		       "T1 %s: nothing is kept", suite->name);
		goto out;
	}
	held = held && !kpc_rekey_keep(&rekey, pair.a, NULL) &&
	       !kpc_secrets_keep(pair.a, &secrets[KPC_KTLS_TX], &secrets[KPC_KTLS_RX]);
	for (int i = 0; held && i < 2; i++)
		held = !kpc_rekey_digest(&rekey, i, kept[i]) &&
		       !kpc_secrets_update(&secrets[i], &traffic, NULL) &&
		       !kpc_traffic_digest(&traffic, derived[i]);
	tap_ok(held && !memcmp(kept, derived, sizeof(kept)),
	       "X1 %s: what is kept announces the next keys", suite->name);
	/* Handed to what is no TLS socket they are not used up. */
	held = held && kpc_rekey_install(&rekey, KPC_KTLS_TX, -1) == -EBADF &&
	       !kpc_rekey_digest(&rekey, KPC_KTLS_TX, kept[0]) &&
	       !memcmp(kept[0], derived[0], sizeof(kept[0]));
	tap_ok(held, "X1 %s: keys that are refused stay the next ones", suite->name);
out:
	kpc_rekey_wipe(&rekey);
	pair_close(&pair);
}

/* Where the kernel never carries, nothing is kept for it. */
static void check_off(const struct kpc_suite *suite)
{
	struct kpc_handshake_policy policy = pair_policy(suite);
	struct kpc_traffic_secret tx_secret, rx_secret;
	struct kpc_traffic tx, rx;
	struct pair pair = { 0 };
	bool held = false;

	policy.offload = KPC_OFFLOAD_OFF;
	if (!pair_open(&pair, &policy, PAIR_KEY, PAIR_KEY)) {
		pair_run(&pair);
		held = pair_done(&pair) &&
		       kpc_secrets_derive(pair.a, &tx, &rx, NULL) == -EOPNOTSUPP &&
		       kpc_secrets_derive(pair.b, &tx, &rx, NULL) == -EOPNOTSUPP &&
		       kpc_secrets_keep(pair.b, &tx_secret, &rx_secret) == 1 && !tx_secret.len;
	}
	tap_ok(held, "I6 %s with offload off gives no keys away", suite->name);
	pair_close(&pair);
}

static void check_digest(void)
{
	struct kpc_traffic a = { .aes_gcm_128 = { .info = { TLS_1_3_VERSION,
							    TLS_CIPHER_AES_GCM_128 } } }, b = a;
	uint8_t one[KPC_DIGEST_LEN], other[KPC_DIGEST_LEN];
	/* SHA-256 over 03 04 00 33, 16 zeroes, 4 zeroes, by another tool */
	static const char hex[] =
		"d5c0a799ba98a7b12948ca36e434cd2b5a6bcb6b225e1cdab338aee639758d0a";
	char text[2 * KPC_DIGEST_LEN + 1];
	bool held;

	kpc_traffic_digest(&a, one);
	for (int i = 0; i < KPC_DIGEST_LEN; i++)
		snprintf(text + 2 * i, 3, "%02x", one[i]);
	tap_ok(!strcmp(text, hex), "I2 digest of keys is the one of the ABI");
	b.aes_gcm_128.rec_seq[7] = 9;
	b.aes_gcm_128.iv[7] = 9;
	held = !kpc_traffic_digest(&b, other) && !memcmp(one, other, sizeof(one));
	tap_ok(held, "I2 digest leaves out what changes with every record");
	b.aes_gcm_128.key[0] = 1;
	held = !kpc_traffic_digest(&b, other) && memcmp(one, other, sizeof(one));
	tap_ok(held, "I2 digest changes with the key");
	b.info.cipher_type = 99;
	tap_ok(kpc_traffic_digest(&b, other) == -EINVAL, "I2 no digest of a foreign cipher");
}

int main(void)
{
	const struct kpc_suite *table;
	size_t count;

	tap_begin();
	table = kpc_suite_table(&count);
	for (size_t i = 0; i < count; i++) {
		if (!table[i].cipher_type)
			continue;
		check_suite(&table[i], KPC_ROLE_A);
		check_suite(&table[i], KPC_ROLE_B);
		if (table[i].version == KPC_VERSION_TLS13)
			check_update(&table[i]);
		check_rekey(&table[i]);
	}
	check_off(kpc_suite_by_code(0x1301));
	check_off(kpc_suite_by_code(0x00a8));
	check_digest();
	return tap_end();
}
