// SPDX-License-Identifier: GPL-2.0-only
/*
 * Associations: birth, search and death. How the table of them changes is
 * transaction.c's.
 */
#include <linux/slab.h>
#include <linux/string.h>

#include "association.h"
#include "net.h"
#include "policy.h"

/**
 * kpc_association_alloc() - an association that is not in force yet
 * @kn: its namespace
 */
struct kpc_association *kpc_association_alloc(struct kpc_net *kn)
{
	struct kpc_association *a = kzalloc(sizeof(*a), GFP_KERNEL_ACCOUNT);

	if (!a)
		return NULL;
	a->packets = alloc_percpu_gfp(struct kpc_packets, GFP_KERNEL_ACCOUNT);
	if (!a->packets) {
		kfree(a);
		return NULL;
	}
	INIT_LIST_HEAD(&a->node);
	refcount_set(&a->ref, 1);
	a->kn = kn;
	a->added = ktime_get_boottime();
	return a;
}

static void free_rcu(struct rcu_head *rcu)
{
	struct kpc_association *a =
		container_of(rcu, struct kpc_association, rcu);

	kfree(rcu_access_pointer(a->policy));
	free_percpu(a->packets);
	kfree(a);
}

/**
 * kpc_association_put() - give back a reference
 * @association: or NULL; freed with the last reference, after a grace period
 *
 * Context: any.
 */
void kpc_association_put(struct kpc_association *association)
{
	if (association && refcount_dec_and_test(&association->ref))
		call_rcu(&association->rcu, free_rcu);
}

/**
 * kpc_association_policy() - the policy in force
 * @association: of a namespace whose lock is held
 */
struct kpc_policy *
kpc_association_policy(const struct kpc_association *association)
{
	return rcu_dereference_protected(association->policy,
					 lockdep_is_held(&association->kn->lock));
}

/**
 * kpc_association_find() - an association by its name
 * @kn: namespace, whose lock is held
 * @name: of the association
 */
struct kpc_association *kpc_association_find(struct kpc_net *kn,
					     const char *name)
{
	struct kpc_association *a;

	lockdep_assert_held(&kn->lock);
	list_for_each_entry(a, &kn->associations, node)
		if (!strcmp(kpc_association_policy(a)->name, name))
			return a;
	return NULL;
}
