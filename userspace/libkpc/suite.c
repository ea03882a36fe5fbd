// SPDX-License-Identifier: LGPL-2.1-or-later
/* The table of cipher suites, in the order they are preferred. */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <linux/kpc.h>
#include <linux/tls.h>

#include <kpc/suite.h>

#include "internal.h"

#define TLS12	KPC_VERSION_TLS12
#define TLS13	KPC_VERSION_TLS13
#define GCM128	TLS_CIPHER_AES_GCM_128
#define GCM256	TLS_CIPHER_AES_GCM_256
#define CCM128	TLS_CIPHER_AES_CCM_128
#define CHACHA	TLS_CIPHER_CHACHA20_POLY1305

static const struct kpc_suite suites[] = {
	{ 0x1301, TLS13, "TLS_AES_128_GCM_SHA256",
	  "TLS_AES_128_GCM_SHA256", true, GCM128, "SHA256", false },
	{ 0x1302, TLS13, "TLS_AES_256_GCM_SHA384",
	  "TLS_AES_256_GCM_SHA384", true, GCM256, "SHA384", false },
	{ 0x1303, TLS13, "TLS_CHACHA20_POLY1305_SHA256",
	  "TLS_CHACHA20_POLY1305_SHA256", true, CHACHA, "SHA256", false },
	{ 0x1304, TLS13, "TLS_AES_128_CCM_SHA256",
	  "TLS_AES_128_CCM_SHA256", true, CCM128, "SHA256", false },

	{ 0xccac, TLS12, "TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256",
	  "ECDHE-PSK-CHACHA20-POLY1305", true, CHACHA, "SHA256", false },
	{ 0x00aa, TLS12, "TLS_DHE_PSK_WITH_AES_128_GCM_SHA256",
	  "DHE-PSK-AES128-GCM-SHA256", true, GCM128, "SHA256", false },
	{ 0x00ab, TLS12, "TLS_DHE_PSK_WITH_AES_256_GCM_SHA384",
	  "DHE-PSK-AES256-GCM-SHA384", true, GCM256, "SHA384", false },
	{ 0xccad, TLS12, "TLS_DHE_PSK_WITH_CHACHA20_POLY1305_SHA256",
	  "DHE-PSK-CHACHA20-POLY1305", true, CHACHA, "SHA256", false },
	{ 0xc0a6, TLS12, "TLS_DHE_PSK_WITH_AES_128_CCM",
	  "DHE-PSK-AES128-CCM", true, CCM128, "SHA256", false },
	{ 0x00a8, TLS12, "TLS_PSK_WITH_AES_128_GCM_SHA256",
	  "PSK-AES128-GCM-SHA256", false, GCM128, "SHA256", false },
	{ 0x00a9, TLS12, "TLS_PSK_WITH_AES_256_GCM_SHA384",
	  "PSK-AES256-GCM-SHA384", false, GCM256, "SHA384", false },
	{ 0xccab, TLS12, "TLS_PSK_WITH_CHACHA20_POLY1305_SHA256",
	  "PSK-CHACHA20-POLY1305", false, CHACHA, "SHA256", false },
	{ 0xc0a4, TLS12, "TLS_PSK_WITH_AES_128_CCM",
	  "PSK-AES128-CCM", false, CCM128, "SHA256", false },
	{ 0x00ae, TLS12, "TLS_PSK_WITH_AES_128_CBC_SHA256",
	  "PSK-AES128-CBC-SHA256", false, 0, "SHA256", false },
	{ 0xc0a8, TLS12, "TLS_PSK_WITH_AES_128_CCM_8",
	  "PSK-AES128-CCM8", false, 0, "SHA256", true },
};

const struct kpc_suite *kpc_suite_by_code(uint16_t code)
{
	for (size_t i = 0; i < ARRAY_SIZE(suites); i++)
		if (suites[i].code == code)
			return &suites[i];
	return NULL;
}

static bool hex_code(const struct kpc_suite *suite, const char *name)
{
	char text[8];

	snprintf(text, sizeof(text), "0x%04x", suite->code);
	return !strcasecmp(name, text) || !strcasecmp(name, text + 2);
}

const struct kpc_suite *kpc_suite_by_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(suites); i++)
		if (!strcasecmp(name, suites[i].name) || !strcasecmp(name, suites[i].openssl) ||
		    hex_code(&suites[i], name))
			return &suites[i];
	return NULL;
}

const struct kpc_suite *kpc_suite_table(size_t *count)
{
	*count = ARRAY_SIZE(suites);
	return suites;
}

uint32_t kpc_suite_records(const struct kpc_suite *suite, uint32_t limit)
{
	return limit || suite->cipher_type == CHACHA ? limit : KPC_RECORDS_MAX;
}

const char *kpc_version_name(uint16_t version)
{
	switch (version) {
	case KPC_VERSION_TLS12:
		return "TLSv1.2";
	case KPC_VERSION_TLS13:
		return "TLSv1.3";
	case KPC_VERSION_DTLS12:
		return "DTLSv1.2";
	default:
		return "unknown version";
	}
}
