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
 * @version: the one enum kpc_version_flags it belongs to
 * @cipher: cipher_type of linux/tls.h; 0, no kernel carries it
 */
struct kpc_suite {
	u16 code;
	u8 version;
	u16 cipher;
};

const struct kpc_suite *kpc_suite_find(u16 code);
u32 kpc_version_flag(u16 version);

#endif /* KPC_SUITE_H */
