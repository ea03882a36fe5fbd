// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Fills in the defaults of a handshake policy, answers questions about it, and
 * unites those of several associations.
 */
#include <errno.h>
#include <string.h>

#include "internal.h"
#include "policy.h"

static const uint16_t default_groups[] = { KPC_GROUP_X25519, KPC_GROUP_SECP256R1 };

static const uint32_t profile_versions[] = {
	[KPC_PROFILE_MODERN] = KPC_VERSION_FLAGS_TLS13,
	[KPC_PROFILE_ONEM2M] = KPC_VERSION_FLAGS_TLS12,
};

/* DTLS 1.2 has the suites of TLS 1.2 (RFC 6347 4.1.2.2). */
static uint32_t version_flags(const struct kpc_suite *suite)
{
	return suite->version == KPC_VERSION_TLS13 ? KPC_VERSION_FLAGS_TLS13 :
	       KPC_VERSION_FLAGS_TLS12 | KPC_VERSION_FLAGS_DTLS12;
}

static void take_suite(struct kpci_policy *resolved, const struct kpc_handshake_policy *policy,
		       uint32_t versions, const struct kpc_suite *suite)
{
	if (!(versions & version_flags(suite)) ||
	    (policy->offload == KPC_OFFLOAD_REQUIRE && !suite->cipher_type) ||
	    kpci_policy_suite(resolved, suite->code) ||
	    resolved->suite_count == KPC_SUITES_MAX)
		return;
	resolved->suites[resolved->suite_count++] = suite;
	if (suite->version == KPC_VERSION_TLS13)
		resolved->tls13 = true;
	else if (versions & KPC_VERSION_FLAGS_DTLS12)
		resolved->dtls = true;
	else
		resolved->tls12 = true;
}

/*
 * modern wants forward secrecy; a tag of 8 octets is only for who asks for it, but
 * that oneM2M has every entity take it on DTLS (TS-0003 10.2.2).
 */
static bool default_suite(enum kpc_profile profile, uint32_t versions,
			  const struct kpc_suite *suite)
{
	if (profile != KPC_PROFILE_ONEM2M)
		return suite->forward_secret && !suite->short_tag;
	return !suite->short_tag || versions & KPC_VERSION_FLAGS_DTLS12;
}

static int take_suites(struct kpci_policy *resolved, const struct kpc_handshake_policy *policy,
		       uint32_t versions, struct kpc_error *err)
{
	const struct kpc_suite *table;
	size_t count;

	if (!policy->suite_count) {
		table = kpc_suite_table(&count);
		for (size_t i = 0; i < count; i++)
			if (default_suite(policy->profile, versions, &table[i]))
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
		if (!kpci_group_name(list[i]))
			return kpc_error_return(err, -EINVAL, "group %u is not known; X25519 (29), "
						"secp256r1 (23), secp384r1 (24), X25519MLKEM768 "
						"(4588) are accepted", list[i]);
		resolved->groups[resolved->group_count++] = list[i];
	}
	return 0;
}

int kpci_policy_resolve(struct kpci_policy *resolved, const struct kpc_handshake_policy *policy,
			struct kpc_error *err)
{
	const uint32_t streams = KPC_VERSION_FLAGS_TLS12 | KPC_VERSION_FLAGS_TLS13;
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
	if (!(versions & (streams | KPC_VERSION_FLAGS_DTLS12)))
		return kpc_error_return(err, -EINVAL,
					"versions 0x%x has neither tls12, tls13 nor dtls12",
					versions);
	if (versions & streams && versions & KPC_VERSION_FLAGS_DTLS12)
		return kpc_error_return(err, -EINVAL, "versions 0x%x has DTLS beside TLS: a "
					"handshake is of datagrams or of a stream", versions);
	if (versions & KPC_VERSION_FLAGS_DTLS12 && policy->offload == KPC_OFFLOAD_REQUIRE)
		return kpc_error_return(err, -EINVAL, "DTLS with offload require: the kernel "
					"carries no DTLS");
	resolved->role = policy->role;
	resolved->kernel = policy->offload != KPC_OFFLOAD_OFF;
	resolved->psk_ke = policy->psk_ke;
	resolved->no_ems = policy->no_ems;
	resolved->authority = policy->authority;
	code = take_suites(resolved, policy, versions, err);
	return code ? code : take_groups(resolved, policy, err);
}

static bool holds(const uint16_t *list, unsigned int count, uint16_t code)
{
	for (unsigned int i = 0; i < count; i++)
		if (list[i] == code)
			return true;
	return false;
}

/* What either list has, in @order unless they are the same; how many that is. */
static unsigned int unite(uint16_t *list, unsigned int count, const uint16_t *more,
			  unsigned int more_count, const uint16_t *order, size_t order_count)
{
	uint16_t had[KPC_SUITES_MAX];
	unsigned int united = 0;

	if (!count)
		memcpy(list, more, more_count * sizeof(*more));
	if (!count || (count == more_count && !memcmp(list, more, count * sizeof(*more))))
		return more_count;
	memcpy(had, list, count * sizeof(*had));
	for (size_t i = 0; i < order_count; i++)
		if (holds(had, count, order[i]) || holds(more, more_count, order[i]))
			list[united++] = order[i];
	return united;
}

static void unite_suites(struct kpc_handshake_policy *all, const struct kpci_policy *one)
{
	uint16_t more[KPC_SUITES_MAX], order[KPC_SUITES_MAX];
	const struct kpc_suite *table;
	size_t count;

	table = kpc_suite_table(&count);
	for (size_t i = 0; i < count; i++)
		order[i] = table[i].code;
	for (unsigned int i = 0; i < one->suite_count; i++)
		more[i] = one->suites[i]->code;
	all->suite_count = unite(all->suites, all->suite_count, more, one->suite_count, order,
				 count);
}

static void unite_groups(struct kpc_handshake_policy *all, const struct kpci_policy *one)
{
	uint16_t order[KPCI_GROUPS];

	kpci_group_order(order);
	all->group_count = unite(all->groups, all->group_count, one->groups, one->group_count,
				 order, ARRAY_SIZE(order));
}

int kpc_handshake_policy_unite(struct kpc_handshake_policy *all,
			       const struct kpc_handshake_policy *one, struct kpc_error *err)
{
	struct kpci_policy resolved;
	int code = kpci_policy_resolve(&resolved, one, err);

	if (code)
		return code;
	if (all->role != resolved.role)
		return kpc_error_return(err, -EINVAL, "policies of both roles cannot be united");
	if (all->suite_count &&
	    resolved.dtls != !!(all->versions & KPC_VERSION_FLAGS_DTLS12))
		return kpc_error_return(err, -EINVAL,
					"policies of TLS and of DTLS cannot be united");
	/* Suites that the kernel cannot carry are left out of @resolved by now. */
	if (resolved.kernel)
		all->offload = KPC_OFFLOAD_PREFER;
	else if (!all->suite_count)
		all->offload = KPC_OFFLOAD_OFF;
	unite_suites(all, &resolved);
	unite_groups(all, &resolved);
	if (resolved.tls12)
		all->versions |= KPC_VERSION_FLAGS_TLS12;
	if (resolved.tls13)
		all->versions |= KPC_VERSION_FLAGS_TLS13;
	if (resolved.dtls)
		all->versions |= KPC_VERSION_FLAGS_DTLS12;
	all->psk_ke |= resolved.psk_ke && resolved.tls13;
	all->no_ems |= resolved.no_ems && (resolved.tls12 || resolved.dtls);
	return 0;
}

bool kpci_policy_version(const struct kpci_policy *policy, uint16_t version)
{
	return version == KPC_VERSION_TLS13 ? policy->tls13 :
	       version == KPC_VERSION_TLS12 ? policy->tls12 :
	       version == KPC_VERSION_DTLS12 ? policy->dtls : false;
}

bool kpci_policy_suite(const struct kpci_policy *policy, uint16_t code)
{
	for (unsigned int i = 0; i < policy->suite_count; i++)
		if (policy->suites[i]->code == code)
			return true;
	return false;
}
