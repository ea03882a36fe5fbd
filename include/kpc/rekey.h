/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* New traffic keys for a connection whose records the kernel carries. */
#ifndef KPC_REKEY_H
#define KPC_REKEY_H

#include <stdint.h>
#include <linux/kpc.h>

#include <kpc/error.h>
#include <kpc/handshake.h>
#include <kpc/key.h>
#include <kpc/ktls.h>

/**
 * struct kpc_rekey - what is kept of a handshake; all zeroes: nothing
 * @suite: IANA code
 * @secrets: the traffic secrets in locked memory, by enum kpc_ktls_direction
 *
 * All that TLS 1.3 needs for the next keys (RFC 8446 7.2). Those themselves are
 * derived when they are handed to the kernel, and not kept.
 */
struct kpc_rekey {
	uint16_t suite;
	struct kpc_key *secrets[2];
};

/**
 * kpc_rekey_keep() - keep what there is to keep when the handshake is freed
 * @rekey: set; to be wiped by kpc_rekey_wipe()
 * @hs: handshake that is DONE
 * @err: reason of a failure, or NULL
 *
 * Return: 0; or with nothing kept 1, TLS 1.2, which has no KeyUpdate; -EINVAL,
 * not DONE; -EOPNOTSUPP, a suite that the kernel does not carry; -ENOMEM and
 * others, no locked memory.
 */
int kpc_rekey_keep(struct kpc_rekey *rekey, const struct kpc_handshake *hs,
		   struct kpc_error *err);

/** kpc_rekey_wipe() - keep nothing any more */
void kpc_rekey_wipe(struct kpc_rekey *rekey);

/**
 * kpc_rekey_digest() - what a binding announces of the next keys
 * @rekey: secrets
 * @direction: whose
 * @digest: as kpc_traffic_digest()
 *
 * Return: 0, -EINVAL (nothing is kept), other negative errno.
 */
int kpc_rekey_digest(const struct kpc_rekey *rekey, enum kpc_ktls_direction direction,
		     uint8_t digest[KPC_DIGEST_LEN]);

/**
 * kpc_rekey_install() - move on to the next keys, and hand them to the kernel
 * @rekey: secrets
 * @direction: whose; for sending right behind the KeyUpdate message, for
 *	receiving when that of the peer was read
 * @fd: socket for which kpc_ktls_rekeys()
 *
 * Return: 0 or a negative errno, after which the connection is of no more use.
 */
int kpc_rekey_install(struct kpc_rekey *rekey, enum kpc_ktls_direction direction, int fd);

#endif
