// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * One association: its defaults, and what holds for it alone.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <time.h>

#include <kpc/suite.h>

#include "association_internal.h"
#include "internal.h"

void kpc_association_init(struct kpc_association *association)
{
	memset(association, 0, sizeof(*association));
	association->offload = KPC_OFFLOAD_REQUIRE;
	association->agent.start = KPC_START_MANUAL;
	association->agent.profile = KPC_PROFILE_MODERN;
	association->agent.format = KPC_ID_FORMAT_STRICT;
	association->agent.mode = KPCI_MODE_DEFAULT;
	association->versions = kpci_profile_versions(KPC_PROFILE_MODERN);
}

/**
 * kpci_profile_versions() - The versions an association has unless told
 */
uint32_t kpci_profile_versions(enum kpc_profile profile)
{
	return profile == KPC_PROFILE_ONEM2M ? KPC_VERSION_FLAGS_TLS12 :
					       KPC_VERSION_FLAGS_TLS13;
}

int kpc_association_selector_add(struct kpc_association *association,
				 const struct kpc_selector *selector)
{
	size_t i;

	for (i = 0; i < association->selector_count; i++)
		if (!memcmp(&association->selectors[i], selector,
			    sizeof(*selector)))
			return 0;
	if (association->selector_count == KPC_SELECTORS_MAX)
		return -E2BIG;
	association->selectors[association->selector_count++] = *selector;
	return 0;
}

static int check_identities(const struct kpc_association *association,
			    struct kpc_error *err)
{
	if (!*association->id_a.text)
		return kpc_error_return(err, -EINVAL,
					"id-a is missing: %s, such as id-a //sp.example/cse/C1",
					association->role == KPC_ROLE_A ?
					"the identity this machine assumes" :
					"the Entity A that may come under this KpcId");
	if (!*association->id_b.text)
		return kpc_error_return(err, -EINVAL,
					"id-b is missing: %s, such as id-b //sp.example/cse",
					association->role == KPC_ROLE_A ?
					"the identity that A authenticates" :
					"this machine's own identity, here or in an identity line before");
	if (!strcmp(association->id_a.text, association->id_b.text))
		return kpc_error_return(err, -EINVAL,
					"id-a and id-b are both %s; an entity has no association with itself",
					association->id_a.text);
	return 0;
}

bool kpc_association_is_dtls(const struct kpc_association *association)
{
	return association->versions == KPC_VERSION_FLAGS_DTLS12;
}

static bool suite_fits(const struct kpc_suite *suite, uint32_t versions)
{
	if (suite->version == KPC_VERSION_TLS13)
		return versions & KPC_VERSION_FLAGS_TLS13;
	return versions & (KPC_VERSION_FLAGS_TLS12 |
			   KPC_VERSION_FLAGS_DTLS12);
}

static int check_suites(const struct kpc_association *association,
			struct kpc_error *err)
{
	const struct kpc_suite *suite;
	size_t i;

	if (association->versions & KPC_VERSION_FLAGS_DTLS12 &&
	    association->offload == KPC_OFFLOAD_REQUIRE)
		return kpc_error_return(err, -EINVAL,
					"versions dtls1.2 and offload require exclude each other: the kernel carries no DTLS; offload prefer or off is accepted");
	for (i = 0; i < association->suite_count; i++) {
		suite = kpc_suite_by_code(association->suites[i]);
		if (!suite)
			return kpc_error_return(err, -EINVAL,
						"suites 0x%04x is not known",
						association->suites[i]);
		if (!suite_fits(suite, association->versions))
			return kpc_error_return(err, -EINVAL,
						"suites %s belongs to %s, which versions does not allow",
						suite->openssl,
						kpc_version_name(suite->version));
		if (!suite->cipher_type &&
		    association->offload == KPC_OFFLOAD_REQUIRE)
			return kpc_error_return(err, -EINVAL,
						"suites %s cannot be carried by the kernel, which offload require wants; offload prefer or off is accepted",
						suite->openssl);
	}
	return 0;
}

/* What the module wants too: names between slashes, that a line can hold. */
static bool is_cgroup(const char *path)
{
	size_t length;

	do {
		if (*path++ != '/')
			return false;
		length = strcspn(path, "/");
		if (!length || (length <= 2 && !strncmp(path, "..", length)))
			return false;
		for (; length; length--, path++)
			if ((unsigned char)*path < ' ' || *path == 0x7f)
				return false;
	} while (*path);
	return true;
}

static int check_holder(const struct kpc_association *association,
			struct kpc_error *err)
{
	const char *cgroup = association->holder_cgroup;

	if (!*cgroup || is_cgroup(cgroup))
		return 0;
	return kpc_error_return(err, -EINVAL,
				"holder-cgroup \"%s\" is no path from the root of the control groups; /system.slice/NAME.service is accepted",
				cgroup);
}

static int check_agent(const struct kpc_association *association,
		       struct kpc_error *err)
{
	const struct kpc_agent *agent = &association->agent;
	bool a = association->role == KPC_ROLE_A;

	if (a && *agent->listen)
		return kpc_error_return(err, -EINVAL,
					"listen is for role b; role a connects: peer HOST:PORT is accepted");
	if (!a && *agent->peer)
		return kpc_error_return(err, -EINVAL,
					"peer is for role a; role b waits: listen ADDRESS:PORT is accepted");
	if (a && agent->proxy)
		return kpc_error_return(err, -EINVAL,
					"proxy is for role b, which tells its backend who connected");
	return kpci_plain_check(association, err);
}

int kpc_association_check(const struct kpc_association *association,
			  struct kpc_error *err)
{
	const struct kpc_limit *limit = &association->limit;
	int ret;

	ret = check_identities(association, err);
	if (ret)
		return ret;
	ret = kpc_kpcid_check(&association->kpc_id, association->agent.format,
			      err);
	if (ret)
		return ret;
	ret = check_suites(association, err);
	if (ret)
		return ret;
	if (limit->not_before && limit->not_after &&
	    limit->not_before >= limit->not_after)
		return kpc_error_return(err, -EINVAL,
					"limit not-before is not earlier than not-after: nothing could ever bind");
	if (limit->records &&
	    (limit->records < KPC_RECORDS_MIN || limit->records > KPC_RECORDS_MAX))
		return kpc_error_return(err, -EINVAL,
					"limit records %u: %d to %d are accepted, the most that one key may protect",
					limit->records, KPC_RECORDS_MIN,
					KPC_RECORDS_MAX);
	ret = check_holder(association, err);
	if (ret)
		return ret;
	return check_agent(association, err);
}

bool kpc_association_in_dates(const struct kpc_association *association)
{
	const struct kpc_limit *limit = &association->limit;
	time_t now = time(NULL);

	return (!limit->not_before || now >= limit->not_before) &&
	       (!limit->not_after || now < limit->not_after);
}
