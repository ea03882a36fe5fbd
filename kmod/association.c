// SPDX-License-Identifier: GPL-2.0-only
/*
 * Associations: birth and death.
 */
#include <linux/slab.h>

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
	INIT_LIST_HEAD(&a->socks);
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
