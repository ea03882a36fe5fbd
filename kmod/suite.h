/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Cipher suites that an association may list, and the kernel TLS cipher that
 * carries them.
 */
#ifndef KPC_SUITE_H
#define KPC_SUITE_H

#include <linux/types.h>

/**
 * struct kpc_suite - one cipher suite
 * @code: IANA code
 * @versions: enum kpc_version_flags that it belongs to
 * @cipher: cipher_type of linux/tls.h; 0, no kernel carries it
 */
struct kpc_suite {
	u16 code;
	u8 versions;
	u16 cipher;
};

/* As on the wire, RFC 6347 4.1. */
#define KPC_DTLS_1_2_VERSION	0xfefd

const struct kpc_suite *kpc_suite_find(u16 code);
u32 kpc_version_flag(u16 version);

#endif /* KPC_SUITE_H */
