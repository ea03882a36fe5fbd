/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Traffic keys of a finished handshake, in the form kTLS takes. */
#ifndef KPC_SECRETS_H
#define KPC_SECRETS_H

#include <stdint.h>
#include <sys/socket.h>
#include <linux/kpc.h>
#include <linux/tls.h>

#include <kpc/error.h>
#include <kpc/handshake.h>

#define KPC_SECRET_MAX	48

/**
 * struct kpc_traffic - keys of one direction
 * @info: version and cipher_type; with what follows it for that cipher, what
 *	setsockopt(SOL_TLS, TLS_TX or TLS_RX) takes, sequence number and explicit
 *	nonce included
 * @aes_gcm_128: for TLS_CIPHER_AES_GCM_128
 * @aes_gcm_256: for TLS_CIPHER_AES_GCM_256
 * @aes_ccm_128: for TLS_CIPHER_AES_CCM_128
 * @chacha20_poly1305: for TLS_CIPHER_CHACHA20_POLY1305
 * @len: octets of the structure
 */
struct kpc_traffic {
	union {
		struct tls_crypto_info info;
		struct tls12_crypto_info_aes_gcm_128 aes_gcm_128;
		struct tls12_crypto_info_aes_gcm_256 aes_gcm_256;
		struct tls12_crypto_info_aes_ccm_128 aes_ccm_128;
		struct tls12_crypto_info_chacha20_poly1305 chacha20_poly1305;
	};
	socklen_t len;
};

/**
 * struct kpc_traffic_secret - what TLS 1.3 keeps of one direction for KeyUpdate
 * @suite: IANA code
 * @len: octets used; 0 for TLS 1.2, which has no KeyUpdate
 * @octets: the traffic secret
 */
struct kpc_traffic_secret {
	uint16_t suite;
	uint8_t len;
	uint8_t octets[KPC_SECRET_MAX];
};

/**
 * kpc_secrets_derive() - keys after a handshake that is DONE
 * @hs: handshake, all its output sent or to be sent before the keys are used
 * @tx: own direction; the caller wipes it with kpc_traffic_wipe()
 * @rx: peer's direction; likewise
 * @err: reason of a failure, or NULL
 *
 * TLS 1.3 (RFC 8446 7.3) starts at record 0; TLS 1.2 (RFC 5246 6.3) at 1, since
 * both Finished took 0, and the explicit nonce for sending goes on from that of
 * the own Finished.
 *
 * Return: 0, -EINVAL (not DONE), -EOPNOTSUPP (the kernel cannot carry the
 * suite, or the context's policy has offload off), -EPROTO (records went by that
 * the kernel would count otherwise).
 */
int kpc_secrets_derive(struct kpc_handshake *hs, struct kpc_traffic *tx,
		       struct kpc_traffic *rx, struct kpc_error *err);

/**
 * kpc_secrets_keep() - what to keep for KeyUpdate when the handshake is freed
 * @hs: handshake that is DONE
 * @tx: own direction; wiped by the caller with kpc_traffic_secret_wipe()
 * @rx: peer's direction; likewise
 *
 * Return: 0; 1: TLS 1.2 or offload off, both are empty; -EINVAL: not DONE.
 */
int kpc_secrets_keep(const struct kpc_handshake *hs, struct kpc_traffic_secret *tx,
		     struct kpc_traffic_secret *rx);

/**
 * kpc_secrets_update() - next generation of one direction (RFC 8446 7.2)
 * @secret: moved on to the next generation
 * @traffic: its keys, at record 0
 * @err: reason of a failure, or NULL
 *
 * Return: 0, -EINVAL (an empty secret).
 */
int kpc_secrets_update(struct kpc_traffic_secret *secret, struct kpc_traffic *traffic,
		       struct kpc_error *err);

/**
 * kpc_traffic_digest() - what a binding announces of its keys
 * @traffic: keys
 * @digest: SHA-256 over version and cipher_type (two octets each, network
 *	order), key and salt
 *
 * Return: 0, -EINVAL (not a cipher of ours).
 */
int kpc_traffic_digest(const struct kpc_traffic *traffic, uint8_t digest[KPC_DIGEST_LEN]);

/** kpc_traffic_wipe() - overwrite; NULL is allowed */
void kpc_traffic_wipe(struct kpc_traffic *traffic);

/** kpc_traffic_secret_wipe() - overwrite; NULL is allowed */
void kpc_traffic_secret_wipe(struct kpc_traffic_secret *secret);

#endif
