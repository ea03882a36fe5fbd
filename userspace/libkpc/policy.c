// SPDX-License-Identifier: LGPL-2.1-or-later
/* Fills in the defaults of a handshake policy and answers questions about it. */
#include <errno.h>
#include <string.h>

#include <openssl/obj_mac.h>

#include "internal.h"
#include "policy.h"

static const struct {
	uint16_t group;
	int nid;
} groups[] = {
	{ KPC_GROUP_X25519, NID_X25519 },
	{ KPC_GROUP_SECP256R1, NID_X9_62_prime256v1 },
	{ KPC_GROUP_SECP384R1, NID_secp384r1 },
};

static const uint16_t default_groups[] = { KPC_GROUP_X25519, KPC_GROUP_SECP256R1 };

static const uint32_t profile_versions[] = {
	[KPC_PROFILE_MODERN] = KPC_VERSION_FLAGS_TLS13,
	[KPC_PROFILE_ONEM2M] = KPC_VERSION_FLAGS_TLS12,
};

int kpci_group_nid(uint16_t group)
{
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		if (groups[i].group == group)
			return groups[i].nid;
	return 0;
}

static uint32_t version_flag(const struct kpc_suite *suite)
{
	return suite->version == KPC_VERSION_TLS13 ? KPC_VERSION_FLAGS_TLS13 :
						     KPC_VERSION_FLAGS_TLS12;
}

static void take_suite(struct kpci_policy *resolved, const struct kpc_handshake_policy *policy,
		       uint32_t versions, const struct kpc_suite *suite)
{
	if (!(versions & version_flag(suite)) ||
	    (policy->offload == KPC_OFFLOAD_REQUIRE && !suite->cipher_type) ||
	    kpci_policy_suite(resolved, suite->code) ||
	    resolved->suite_count == KPC_SUITES_MAX)
		return;
	resolved->suites[resolved->suite_count++] = suite;
	if (suite->version == KPC_VERSION_TLS13)
		resolved->tls13 = true;
	else
		resolved->tls12 = true;
}

/* modern wants forward secrecy; a tag of 8 octets is only for who asks for it. */
static bool default_suite(enum kpc_profile profile, const struct kpc_suite *suite)
{
	return !suite->short_tag && (suite->forward_secret || profile == KPC_PROFILE_ONEM2M);
}

static int take_suites(struct kpci_policy *resolved, const struct kpc_handshake_policy *policy,
		       uint32_t versions, struct kpc_error *err)
{
	const struct kpc_suite *table;
	size_t count;

	if (!policy->suite_count) {
		table = kpc_suite_table(&count);
		for (size_t i = 0; i < count; i++)
			if (default_suite(policy->profile, &table[i]))
				take_suite(resolved, policy, versions, &table[i]);
	}
	for (unsigned int i = 0; i < policy->suite_count; i++) {
		const struct kpc_suite *suite = kpc_suite_by_code(policy->suites[i]);

		if (!suite)
			return kpc_error_return(err, -EINVAL,
						"cipher suite 0x%04x is not one that PSK "
						"associations use", policy->suites[i]);
		take_suite(resolved, policy, versions, suite);
	}
	if (!resolved->suite_count)
		return kpc_error_return(err, -EINVAL, "no cipher suite is left%s%s",
					policy->suite_count ?
					" of those listed for the versions allowed" : "",
					policy->offload == KPC_OFFLOAD_REQUIRE ?
					" that the kernel can carry (offload require)" : "");
	return 0;
}

static int take_groups(struct kpci_policy *resolved, const struct kpc_handshake_policy *policy,
		       struct kpc_error *err)
{
	const uint16_t *list = policy->group_count ? policy->groups : default_groups;
	unsigned int count = policy->group_count ? policy->group_count :
						   ARRAY_SIZE(default_groups);

	for (unsigned int i = 0; i < count; i++) {
		if (!kpci_group_nid(list[i]))
			return kpc_error_return(err, -EINVAL, "group %u is not known; X25519 (29), "
						"secp256r1 (23), secp384r1 (24) are accepted",
						list[i]);
		resolved->groups[resolved->group_count++] = list[i];
	}
	return 0;
}

int kpci_policy_resolve(struct kpci_policy *resolved, const struct kpc_handshake_policy *policy,
			struct kpc_error *err)
{
	const uint32_t known = KPC_VERSION_FLAGS_TLS12 | KPC_VERSION_FLAGS_TLS13;
	uint32_t versions = policy->versions;
	int code;

	memset(resolved, 0, sizeof(*resolved));
	if ((unsigned int)policy->profile >= ARRAY_SIZE(profile_versions) ||
	    (unsigned int)policy->role > KPC_ROLE_B ||
	    policy->suite_count > KPC_SUITES_MAX ||
	    policy->group_count > KPC_HANDSHAKE_GROUPS_MAX)
		return kpc_error_return(err, -EINVAL, "handshake policy with a role, profile or "
					"count out of range");
	if (!versions)
		versions = profile_versions[policy->profile];
	if (!(versions & known))
		return kpc_error_return(err, -EINVAL, "versions 0x%x has neither tls12 nor tls13",
					versions);
	resolved->role = policy->role;
	resolved->psk_ke = policy->psk_ke;
	resolved->no_ems = policy->no_ems;
	resolved->authority = policy->authority;
	code = take_suites(resolved, policy, versions, err);
	return code ? code : take_groups(resolved, policy, err);
}

bool kpci_policy_version(const struct kpci_policy *policy, uint16_t version)
{
	return version == KPC_VERSION_TLS13 ? policy->tls13 :
	       version == KPC_VERSION_TLS12 ? policy->tls12 : false;
}

bool kpci_policy_suite(const struct kpci_policy *policy, uint16_t code)
{
	for (unsigned int i = 0; i < policy->suite_count; i++)
		if (policy->suites[i]->code == code)
			return true;
	return false;
}
