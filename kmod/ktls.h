/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a socket's kernel TLS says of itself.
 */
#ifndef KPC_KTLS_H
#define KPC_KTLS_H

#include <linux/types.h>

#include "socket.h"

/**
 * struct kpc_ktls - state of a socket with kernel TLS in both directions
 * @print: another with other keys, which costs less than their digests
 * @version: as on the wire
 * @cipher: cipher_type of linux/tls.h
 * @tx_records: sequence number of the next record sent
 * @rx_records: of the next one received
 */
struct kpc_ktls {
	u64 print;
	u16 version;
	u16 cipher;
	u64 tx_records;
	u64 rx_records;
};

bool kpc_ktls_gone(const struct sock *sk);
int kpc_ktls_read(const struct sock *sk, struct kpc_ktls *ktls);
void kpc_ktls_digest(const struct sock *sk, struct kpc_keys *keys);

#endif /* KPC_KTLS_H */
