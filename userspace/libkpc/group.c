// SPDX-License-Identifier: LGPL-2.1-or-later
/* Named groups of (EC)DHE: their codes and names, and which OpenSSL has. */
#include <strings.h>

#include <openssl/ssl.h>

#include "internal.h"
#include "policy.h"

/* In the order in which associations that differ prefer them together. */
static const struct {
	uint16_t group;
	const char *name;	/* of IANA, and of OpenSSL */
} groups[KPCI_GROUPS] = {
	{ KPC_GROUP_X25519MLKEM768, "X25519MLKEM768" },
	{ KPC_GROUP_X25519, "X25519" },
	{ KPC_GROUP_SECP256R1, "secp256r1" },
	{ KPC_GROUP_SECP384R1, "secp384r1" },
};

uint16_t kpc_group_by_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		if (!strcasecmp(groups[i].name, name))
			return groups[i].group;
	return 0;
}

const char *kpci_group_name(uint16_t group)
{
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		if (groups[i].group == group)
			return groups[i].name;
	return NULL;
}

void kpci_group_order(uint16_t order[KPCI_GROUPS])
{
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		order[i] = groups[i].group;
}

bool kpc_group_usable(uint16_t group)
{
	const char *name = kpci_group_name(group);
	SSL_CTX *ctx = name ? SSL_CTX_new(TLS_method()) : NULL;
	bool usable = ctx && SSL_CTX_set1_groups_list(ctx, name) == 1;

	SSL_CTX_free(ctx);
	return usable;
}
