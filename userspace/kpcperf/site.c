// SPDX-License-Identifier: MIT
/*
 * Who this end may be: associations, their keys, and what they allow.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <kpc/suite.h>

#include "site.h"

#define TLS_VERSIONS	(KPC_VERSION_FLAGS_TLS12 | KPC_VERSION_FLAGS_TLS13)

static uint32_t version_flag(uint16_t version)
{
	return version == KPC_VERSION_TLS12 ? KPC_VERSION_FLAGS_TLS12 :
					      KPC_VERSION_FLAGS_TLS13;
}

static int narrow_suites(const struct site_wish *wish,
			 const struct kpc_association *association,
			 struct kpc_handshake_policy *policy,
			 struct kpc_error *err)
{
	/* Of which version the suite may be is said below. */
	struct kpc_handshake_policy own = {
		.role = association->role,
		.profile = association->agent.profile,
		.versions = TLS_VERSIONS,
		.offload = association->offload,
		.suite_count = association->suite_count,
	}, allowed = { .role = association->role };
	const struct kpc_suite *suite = kpc_suite_by_code(wish->suite);
	unsigned int i = 0;
	int ret;

	memcpy(own.suites, association->suites, sizeof(own.suites));
	if (!wish->suite) {
		policy->suite_count = own.suite_count;
		memcpy(policy->suites, own.suites, sizeof(own.suites));
		return 0;
	}
	ret = kpc_handshake_policy_unite(&allowed, &own, err);
	if (ret)
		return ret;
	while (i < allowed.suite_count && allowed.suites[i] != wish->suite)
		i++;
	if (i == allowed.suite_count)
		return kpc_error_return(err, -EINVAL,
			"association %s does not allow --suite %s; %s is accepted",
			association->name, suite ? suite->name : "given",
			kpc_suite_by_code(allowed.suites[0])->name);
	policy->versions &= version_flag(suite->version);
	if (!policy->versions)
		return kpc_error_return(err, -EINVAL,
			"--suite %s is for %s, which association %s or --tls-version does not allow",
			suite->name, kpc_version_name(suite->version),
			association->name);
	policy->suite_count = 1;
	policy->suites[0] = suite->code;
	return 0;
}

static int narrow(const struct site_wish *wish,
		  const struct kpc_association *association,
		  struct kpc_handshake_policy *policy, struct kpc_error *err)
{
	*policy = (struct kpc_handshake_policy){
		.role = association->role,
		.profile = association->agent.profile,
		.versions = association->versions & TLS_VERSIONS,
		.offload = wish->carrier == CARRIER_KERNEL ?
			KPC_OFFLOAD_REQUIRE : KPC_OFFLOAD_OFF,
	};
	if (association->agent.authority[0])
		policy->authority = association->agent.authority;
	if (wish->version)
		policy->versions &= version_flag(wish->version);
	if (!policy->versions)
		return kpc_error_return(err, -EINVAL,
			"association %s does not allow %s; its versions allow the other one",
			association->name, kpc_version_name(wish->version));
	if (wish->carrier == CARRIER_KERNEL &&
	    association->offload == KPC_OFFLOAD_OFF)
		return kpc_error_return(err, -EINVAL,
			"association %s has offload off; --carrier user is accepted",
			association->name);
	if (wish->carrier == CARRIER_USER &&
	    association->offload == KPC_OFFLOAD_REQUIRE)
		return kpc_error_return(err, -EINVAL,
			"association %s requires offload; --carrier kernel is accepted, or offload prefer in the association",
			association->name);
	return narrow_suites(wish, association, policy, err);
}

static int check_key(const struct site *site,
		     const struct kpc_association *association,
		     struct kpc_error *err)
{
	const struct kpc_keystore_entry *stored;
	char text[KPC_KPCID_TEXT_MAX];

	stored = kpc_keystore_find(site->keys, &association->kpc_id);
	if (!stored)
		return kpc_error_return(err, -ENOKEY,
			"association %s: the key store has no key for %s",
			association->name,
			kpc_kpcid_text(&association->kpc_id, text));
	if (kpc_key_check(kpc_key_length(stored->key),
			  association->agent.weak_key, err) < 0)
		return -EKEYREJECTED;
	return 0;
}

/* A server offers what all allow together; each one's own goes with its key. */
static int unite(struct site *site, const struct kpc_association *association,
		 const struct kpc_handshake_policy *policy,
		 struct kpc_error *err)
{
	struct kpc_error why;
	int ret = kpc_handshake_policy_unite(&site->policy, policy, &why);

	return ret ? kpc_error_return(err, ret, "association %s: %s",
				      association->name, why.text) : 0;
}

static int choose(struct site *site, const struct site_wish *wish,
		  struct kpc_error *err)
{
	const struct kpc_association *association;
	struct site_entry *entry;
	size_t i;
	int ret = 0;

	for (i = 0; i < site->table.count; i++) {
		association = &site->table.entries[i].association;
		entry = &site->entries[site->count];
		if (association->role != site->role ||
		    (wish->association &&
		     strcmp(wish->association, association->name)))
			continue;
		ret = narrow(wish, association, &entry->policy, err) ?:
		      check_key(site, association, err) ?:
		      unite(site, association, &entry->policy, err);
		if (ret && (wish->association || site->role == KPC_ROLE_A))
			return ret;
		if (ret)
			continue;
		entry->association = association;
		site->count++;
	}
	if (site->count == 1 || (site->count && site->role == KPC_ROLE_B))
		return 0;
	if (site->count)
		return kpc_error_return(err, -EINVAL,
			"%zu associations have role a: --association NAME says which",
			site->count);
	/* The last one's reason is as good as any. */
	if (ret)
		return ret;
	return kpc_error_return(err, -ENOENT, "no association%s%s has role %s",
				wish->association ? " " : "",
				wish->association ?: "",
				site->role == KPC_ROLE_A ? "a, which the client needs" :
							   "b, which the server needs");
}

/* One that the module lacks is refused when a connection of it comes. */
static int find_ids(struct site *site, struct kpc_error *err)
{
	struct kpc_association_state state;
	struct kpc_association known;
	struct kpc_error why = {};
	size_t i;
	int ret;

	for (i = 0; i < site->count; i++) {
		struct site_entry *entry = &site->entries[i];

		ret = kpc_nl_association_get(&site->binder->warden,
					     entry->association->name, &known,
					     &state, &why);
		if (ret && ret != -ENOENT)
			return kpc_error_return(err, ret, "%s", why.text);
		if (!ret && kpc_kpcid_equal(&known.kpc_id,
					    &entry->association->kpc_id))
			entry->id = state.id;
	}
	return 0;
}

int site_open(struct site *site, enum kpc_role role,
	      const struct site_wish *wish, struct kpc_error *err)
{
	int ret;

	memset(site, 0, sizeof(*site));
	site->role = role;
	site->policy.role = role;
	kpc_table_init(&site->table);
	ret = kpc_table_read(&site->table, wish->table, 0, err);
	if (!ret)
		ret = kpc_keystore_load(&site->keys, wish->keys,
					KPC_KEYSTORE_ANY | KPC_KEYSTORE_WEAK,
					err);
	if (!ret)
		ret = kpc_table_check(&site->table, site->keys, err);
	if (ret)
		return ret;
	site->entries = calloc(site->table.count + 1, sizeof(*site->entries));
	if (!site->entries)
		return kpc_error_return(err, -ENOMEM,
					"no memory for associations");
	ret = choose(site, wish, err);
	if (ret || !wish->enforce)
		return ret;
	site->binder = calloc(1, sizeof(*site->binder));
	if (!site->binder)
		return kpc_error_return(err, -ENOMEM,
					"no memory for the module's agent");
	return binder_open(site->binder, err) ?: find_ids(site, err);
}

void site_close(struct site *site)
{
	if (site->binder)
		binder_close(site->binder);
	free(site->binder);
	kpc_keystore_free(site->keys);
	kpc_table_free(&site->table);
	free(site->entries);
	memset(site, 0, sizeof(*site));
}

uint32_t site_id(const struct site *site,
		 const struct kpc_association *association)
{
	size_t i;

	for (i = 0; i < site->count; i++)
		if (site->entries[i].association == association)
			return site->entries[i].id;
	return 0;
}

int site_initiate(const struct site *site, struct kpc_handshake *handshake,
		  const struct kpc_association **association,
		  struct kpc_error *err)
{
	const struct kpc_association *own = site->entries[0].association;
	const struct kpc_keystore_entry *stored;

	if (!kpc_association_in_dates(own))
		return kpc_error_return(err, -EKEYEXPIRED,
			"association %s is not valid now (not-before, not-after)",
			own->name);
	stored = kpc_keystore_find(site->keys, &own->kpc_id);
	*association = own;
	return kpc_handshake_initiate(handshake, &own->kpc_id, stored->key,
				      own->agent.authority[0] ?
				      own->agent.authority : NULL, err);
}

int site_answer(const struct site *site, struct kpc_handshake *handshake,
		const struct kpc_association **association)
{
	const struct kpc_kpcid *offer = kpc_handshake_offer(handshake);
	const struct kpc_keystore_entry *stored = NULL;
	const struct site_entry *found = NULL;
	size_t i;

	for (i = 0; offer && i < site->count; i++)
		if (kpc_association_in_dates(site->entries[i].association) &&
		    kpc_kpcid_equal(&site->entries[i].association->kpc_id,
				    offer))
			found = &site->entries[i];
	if (offer)
		stored = kpc_keystore_find(site->keys, offer);
	/* Known or not, it takes the same way: outside the two look alike. */
	*association = found ? found->association : NULL;
	return kpc_handshake_key(handshake, found && stored ? stored->key : NULL,
				 found ? &found->policy : NULL);
}
