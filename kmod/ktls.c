// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading kernel TLS: whether it is on in both directions, of which version
 * and cipher, and with which keys. Nothing of it is changed, and no symbol of
 * tls.ko is needed.
 */
#include <crypto/sha2.h>
#include <linux/once.h>
#include <linux/siphash.h>
#include <linux/string.h>
#include <linux/tls.h>
#include <net/tcp.h>
#include <net/tls.h>

#include "compat.h"
#include "ktls.h"

/* Version, cipher, key and salt of one direction. */
#define KPC_SECRET_MAX	(4 + TLS_CIPHER_AES_GCM_256_KEY_SIZE + \
			 TLS_CIPHER_AES_GCM_128_SALT_SIZE)

/* Where key and salt are in the crypto_info of a cipher. */
#define CIPHER(type, member)						\
	{ TLS_CIPHER_##type,						\
	  offsetof(struct tls12_crypto_info_##member, key),		\
	  sizeof_field(struct tls12_crypto_info_##member, key),		\
	  offsetof(struct tls12_crypto_info_##member, salt),		\
	  sizeof_field(struct tls12_crypto_info_##member, salt) }

static const struct cipher {
	u16 type;
	u8 key;
	u8 key_len;
	u8 salt;
	u8 salt_len;
} ciphers[] = {
	CIPHER(AES_GCM_128, aes_gcm_128),
	CIPHER(AES_GCM_256, aes_gcm_256),
	CIPHER(AES_CCM_128, aes_ccm_128),
	CIPHER(CHACHA20_POLY1305, chacha20_poly1305),
};

/* Writes what a digest is of; its length, or -EOPNOTSUPP. */
static int read_secret(const struct tls_crypto_info *info, u8 *text)
{
	const struct cipher *c;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ciphers); i++) {
		c = &ciphers[i];
		if (c->type != info->cipher_type)
			continue;
		put_unaligned_be16(info->version, text);
		put_unaligned_be16(info->cipher_type, text + 2);
		memcpy(text + 4, (const u8 *)info + c->key, c->key_len);
		memcpy(text + 4 + c->key_len, (const u8 *)info + c->salt,
		       c->salt_len);
		return 4 + c->key_len + c->salt_len;
	}
	return -EOPNOTSUPP;
}

static void digest(const struct tls_crypto_info *info, u8 *out)
{
	u8 text[KPC_SECRET_MAX];
	int n = read_secret(info, text);

	sha256(text, max(n, 0), out);
	memzero_explicit(text, sizeof(text));
}

/* Of both directions, under a key that nobody knows. */
static int print(const struct tls_crypto_info *tx,
		 const struct tls_crypto_info *rx, u64 *out)
{
	static siphash_key_t key __read_mostly;
	u8 text[2 * KPC_SECRET_MAX];
	int n, m = 0;

	n = read_secret(tx, text);
	if (n >= 0)
		m = read_secret(rx, text + n);
	if (n < 0 || m < 0)
		return -EOPNOTSUPP;
	get_random_once(&key, sizeof(key));
	*out = siphash(text, n + m, &key);
	memzero_explicit(text, sizeof(text));
	return 0;
}

/* A list of what is good: other values came and went. */
static bool carries(unsigned int conf)
{
	return conf == TLS_SW || conf == TLS_HW;
}

static bool has_ulp(const struct sock *sk)
{
	const struct tcp_ulp_ops *ops = inet_csk(sk)->icsk_ulp_ops;

	return ops && !strcmp(ops->name, "tls");
}

/*
 * Whether close() has begun to free a context. 6.1 frees the number of the next
 * record before it sends the rest, for which it gives the socket's lock up. No
 * system call is under way any more that could change a key.
 */
static bool is_closing(const struct tls_context *ctx)
{
	return ctx->tx_conf == TLS_SW &&
	       test_bit(BIT_TX_CLOSING, &tls_sw_ctx_tx(ctx)->tx_bitmask);
}

/*
 * The context that kernel TLS works with, or NULL. With a device's offload
 * close() leaves one behind that 6.1 has freed parts of; what it always does is
 * to put the protocol back, and with it goes what is_closing() reads.
 */
static const struct tls_context *context_of(const struct sock *sk)
{
	const struct tls_context *ctx = tls_get_ctx(sk);

	return ctx && READ_ONCE(sk->sk_prot) != ctx->sk_proto &&
	       !is_closing(ctx) ? ctx : NULL;
}

/**
 * kpc_ktls_gone() - whether close() has taken a socket's kernel TLS away
 * @sk: TCP socket, locked
 */
bool kpc_ktls_gone(const struct sock *sk)
{
	return has_ulp(sk) && !context_of(sk);
}

/**
 * kpc_ktls_read() - look at a socket's kernel TLS
 * @sk: TCP socket, locked
 * @ktls: filled
 *
 * Return: 0, -ENOTCONN if there is none in one direction, -EOPNOTSUPP for a
 * cipher that no suite of ours has, -EINVAL if the two directions differ.
 */
int kpc_ktls_read(const struct sock *sk, struct kpc_ktls *ktls)
{
	const struct tls_crypto_info *tx, *rx;
	const struct tls_context *ctx;

	if (!has_ulp(sk))
		return -ENOTCONN;
	ctx = context_of(sk);
	if (!ctx || !carries(ctx->tx_conf) || !carries(ctx->rx_conf))
		return -ENOTCONN;

	tx = &ctx->crypto_send.info;
	rx = &ctx->crypto_recv.info;
	if (tx->version != rx->version || tx->cipher_type != rx->cipher_type)
		return -EINVAL;
	ktls->version = tx->version;
	ktls->cipher = tx->cipher_type;
	ktls->tx_records = get_unaligned_be64(ctx->tx.rec_seq);
	ktls->rx_records = get_unaligned_be64(ctx->rx.rec_seq);
	return print(tx, rx, &ktls->print);
}

/**
 * kpc_ktls_digest() - digests of a socket's traffic keys
 * @sk: TCP socket, locked, of which kpc_ktls_read() had nothing to say
 * @keys: filled
 */
void kpc_ktls_digest(const struct sock *sk, struct kpc_keys *keys)
{
	const struct tls_context *ctx = tls_get_ctx(sk);

	digest(&ctx->crypto_send.info, keys->tx);
	digest(&ctx->crypto_recv.info, keys->rx);
}
