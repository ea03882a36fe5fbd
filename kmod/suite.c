// SPDX-License-Identifier: GPL-2.0-only
/*
 * The cipher suites of TS-0003, RFC 4279, RFC 5487, RFC 6655, RFC 7905 and
 * RFC 8446 with a pre-shared key.
 */
#include <linux/kernel.h>
#include <uapi/linux/kpc.h>
#include <uapi/linux/tls.h>

#include "suite.h"

/* RFC 6347 4.1.2.4: DTLS 1.2 has those of TLS 1.2. */
#define SUITE_1_2	(KPC_VERSION_FLAGS_TLS12 | KPC_VERSION_FLAGS_DTLS12)

static const struct kpc_suite suites[] = {
	{ 0x1301, KPC_VERSION_FLAGS_TLS13, TLS_CIPHER_AES_GCM_128 },
	{ 0x1302, KPC_VERSION_FLAGS_TLS13, TLS_CIPHER_AES_GCM_256 },
	{ 0x1303, KPC_VERSION_FLAGS_TLS13, TLS_CIPHER_CHACHA20_POLY1305 },
	{ 0x1304, KPC_VERSION_FLAGS_TLS13, TLS_CIPHER_AES_CCM_128 },
	{ 0xccac, SUITE_1_2, TLS_CIPHER_CHACHA20_POLY1305 },
	{ 0x00aa, SUITE_1_2, TLS_CIPHER_AES_GCM_128 },
	{ 0x00ab, SUITE_1_2, TLS_CIPHER_AES_GCM_256 },
	{ 0xccad, SUITE_1_2, TLS_CIPHER_CHACHA20_POLY1305 },
	{ 0x00a8, SUITE_1_2, TLS_CIPHER_AES_GCM_128 },
	{ 0x00a9, SUITE_1_2, TLS_CIPHER_AES_GCM_256 },
	{ 0xccab, SUITE_1_2, TLS_CIPHER_CHACHA20_POLY1305 },
	{ 0xc0a4, SUITE_1_2, TLS_CIPHER_AES_CCM_128 },
	{ 0xc0a6, SUITE_1_2, TLS_CIPHER_AES_CCM_128 },
	/* CBC and the tag of eight octets have no carrier in the kernel. */
	{ 0x00ae, SUITE_1_2, 0 },
	{ 0xc0a8, SUITE_1_2, 0 },
};

/**
 * kpc_suite_find() - a cipher suite by its code
 * @code: IANA code
 *
 * Return: the suite, or NULL if kpc does not know it.
 */
const struct kpc_suite *kpc_suite_find(u16 code)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(suites); i++)
		if (suites[i].code == code)
			return &suites[i];
	return NULL;
}

/**
 * kpc_version_flag() - the flag of a protocol version
 * @version: as on the wire
 *
 * Return: one of enum kpc_version_flags, or 0.
 */
u32 kpc_version_flag(u16 version)
{
	switch (version) {
	case TLS_1_2_VERSION:
		return KPC_VERSION_FLAGS_TLS12;
	case TLS_1_3_VERSION:
		return KPC_VERSION_FLAGS_TLS13;
	case KPC_DTLS_1_2_VERSION:
		return KPC_VERSION_FLAGS_DTLS12;
	}
	return 0;
}
