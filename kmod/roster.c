// SPDX-License-Identifier: GPL-2.0-only
/*
 * The roster: which associations are in force. A commit builds the next one,
 * so that putting it into force cannot fail.
 */
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/stringhash.h>

#include "association.h"
#include "net.h"
#include "policy.h"
#include "roster.h"

static unsigned int *chain_of(const struct kpc_roster *roster, const char *name)
{
	unsigned int hash = full_name_hash(NULL, name, strlen(name));

	return &roster->chains[hash & roster->chain_mask];
}

/**
 * kpc_roster_alloc() - an empty roster
 * @most: at most this many will be added
 */
struct kpc_roster *kpc_roster_alloc(unsigned int most)
{
	unsigned int chains = roundup_pow_of_two(most + 1);
	struct kpc_roster *roster;

	roster = kvzalloc(struct_size(roster, at, most), GFP_KERNEL_ACCOUNT);
	if (!roster)
		return NULL;
	roster->chains = kvcalloc(chains, sizeof(*roster->chains),
				  GFP_KERNEL_ACCOUNT);
	if (!roster->chains) {
		kvfree(roster);
		return NULL;
	}
	roster->chain_mask = chains - 1;
	return roster;
}

/**
 * kpc_roster_add() - put an association behind the others
 * @roster: that comes into force next, under the lock of the namespace
 * @association: with a policy and a higher id than those before
 */
void kpc_roster_add(struct kpc_roster *roster,
		    struct kpc_association *association)
{
	unsigned int *chain =
		chain_of(roster, kpc_association_policy(association)->name);

	roster->at[roster->n++] = association;
	association->chain = *chain;
	*chain = roster->n;
}

/**
 * kpc_roster_free() - free a roster
 * @roster: no longer in force, or NULL; its associations are not touched
 */
void kpc_roster_free(struct kpc_roster *roster)
{
	if (!roster)
		return;
	kvfree(roster->chains);
	kvfree(roster);
}

/**
 * kpc_roster_behind() - where the associations with higher ids begin
 * @kn: namespace, whose lock is held
 * @id: of an association
 *
 * Return: an index of its roster, or its length.
 */
unsigned int kpc_roster_behind(const struct kpc_net *kn, u32 id)
{
	unsigned int low = 0, high = kn->roster->n;

	while (low < high) {
		unsigned int middle = low + (high - low) / 2;

		if (kn->roster->at[middle]->id <= id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/**
 * kpc_association_find() - an association by its name
 * @kn: namespace, whose lock is held
 * @name: of the association
 */
struct kpc_association *kpc_association_find(struct kpc_net *kn,
					     const char *name)
{
	const struct kpc_roster *roster = kn->roster;
	unsigned int at;

	lockdep_assert_held(&kn->lock);
	at = *chain_of(roster, name);
	while (at && strcmp(kpc_association_policy(roster->at[at - 1])->name,
			    name))
		at = roster->at[at - 1]->chain;
	return at ? roster->at[at - 1] : NULL;
}

/**
 * kpc_association_by_id() - an association by its id
 * @kn: namespace, whose lock is held
 * @id: given by the module
 */
struct kpc_association *kpc_association_by_id(struct kpc_net *kn, u32 id)
{
	unsigned int at = id ? kpc_roster_behind(kn, id - 1) : 0;

	if (at < kn->roster->n && kn->roster->at[at]->id == id)
		return kn->roster->at[at];
	return NULL;
}
