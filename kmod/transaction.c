// SPDX-License-Identifier: GPL-2.0-only
/*
 * Transactions: what a netlink socket has staged, and the table that comes
 * back unless a commit is confirmed.
 */
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <net/sock.h>

#include "association.h"
#include "limit.h"
#include "net.h"
#include "netlink.h"
#include "policy.h"
#include "roster.h"
#include "transaction.h"

/**
 * kpc_staged_new() - stage one operation
 * @policy: to bring into force, owned from now on; or NULL to delete
 * @name: of the association
 * @force: of this operation
 *
 * Return: the operation, or NULL with @policy left to the caller.
 */
struct kpc_staged *kpc_staged_new(struct kpc_policy *policy, const char *name,
				  bool force)
{
	struct kpc_staged *s = kzalloc(sizeof(*s), GFP_KERNEL_ACCOUNT);

	if (!s)
		return NULL;
	s->policy = policy;
	s->force = force;
	strscpy(s->name, name, sizeof(s->name));
	return s;
}

static void free_staged(struct kpc_staged *s)
{
	list_del(&s->node);
	kfree(s->policy);
	kfree(s);
}

/**
 * kpc_staged_free() - drop operations
 * @staged: list of them, empty afterwards
 */
void kpc_staged_free(struct list_head *staged)
{
	struct kpc_staged *s, *next;

	list_for_each_entry_safe(s, next, staged, node)
		free_staged(s);
}

/**
 * kpc_transaction_find() - what a netlink socket has begun
 * @kn: namespace, whose lock is held
 * @sk: sender
 */
struct kpc_transaction *kpc_transaction_find(struct kpc_net *kn,
					     const struct sock *sk)
{
	struct kpc_transaction *t;

	list_for_each_entry(t, &kn->transactions, node)
		if (t->sk == sk)
			return t;
	return NULL;
}

/**
 * kpc_transaction_begin() - from now on stage what a socket asks for
 * @kn: namespace, whose lock is held
 * @extack: for the sentence of a refusal
 * @sk: sender
 * @mode: enum kpc_load_mode
 */
int kpc_transaction_begin(struct kpc_net *kn, struct netlink_ext_ack *extack,
			  struct sock *sk, u8 mode)
{
	struct kpc_transaction *t;

	if (kpc_transaction_find(kn, sk))
		return kpc_refuse(kn, extack, -EALREADY,
				  "this socket has begun a transaction already: commit it, or confirm with abort");
	t = kzalloc(sizeof(*t), GFP_KERNEL_ACCOUNT);
	if (!t)
		return -ENOMEM;
	INIT_LIST_HEAD(&t->staged);
	t->mode = mode;
	t->config = kn->config;
	t->config_was = kn->config;
	t->sk = sk;
	sock_hold(sk);
	list_add_tail(&t->node, &kn->transactions);
	kpc_sweep_soon(kn);
	return 0;
}

/**
 * kpc_transaction_stage() - add an operation
 * @kn: namespace, whose lock is held
 * @extack: for the sentence of a refusal
 * @t: transaction
 * @s: operation, owned from now on unless refused
 */
int kpc_transaction_stage(struct kpc_net *kn, struct netlink_ext_ack *extack,
			  struct kpc_transaction *t, struct kpc_staged *s)
{
	/* Each association may be deleted and added again. */
	if (t->n >= 2 * (u64)t->config.max_associations)
		return kpc_refuse(kn, extack, -ENOSPC,
				  "%u operations are staged, the most", t->n);
	list_add_tail(&s->node, &t->staged);
	t->n++;
	return 0;
}

/**
 * kpc_transaction_free() - drop a transaction
 * @t: transaction
 */
void kpc_transaction_free(struct kpc_transaction *t)
{
	list_del(&t->node);
	kpc_staged_free(&t->staged);
	sock_put(t->sk);
	kfree(t);
}

/**
 * kpc_transactions_reap() - drop transactions whose sockets are closed
 * @kn: namespace, whose lock is held
 */
void kpc_transactions_reap(struct kpc_net *kn)
{
	struct kpc_transaction *t, *next;

	list_for_each_entry_safe(t, next, &kn->transactions, node)
		if (sock_flag(t->sk, SOCK_DEAD))
			kpc_transaction_free(t);
}

/**
 * kpc_confirm_keep() - copy the table in force
 * @kn: namespace, whose lock is held
 * @kept: list of struct kpc_staged, filled
 */
int kpc_confirm_keep(struct kpc_net *kn, struct list_head *kept)
{
	struct kpc_policy *copy;
	struct kpc_staged *s;
	unsigned int i;

	for (i = 0; i < kn->roster->n; i++) {
		copy = kpc_policy_copy(kpc_association_policy(kn->roster->at[i]));
		s = copy ? kpc_staged_new(copy, copy->name, true) : NULL;
		if (!s) {
			kfree(copy);
			kpc_staged_free(kept);
			return -ENOMEM;
		}
		/* It comes back with the mark it had, and no more selectors. */
		copy->mark_given = true;
		copy->complete = true;
		list_add_tail(&s->node, kept);
	}
	return 0;
}

/**
 * kpc_confirm_arm() - put a table back unless confirmed
 * @kn: namespace, whose lock is held
 * @kept: from kpc_confirm_keep(), taken
 * @config: to put back with it, or NULL
 * @seconds: from now
 */
void kpc_confirm_arm(struct kpc_net *kn, struct list_head *kept,
		     const struct kpc_config *config, u32 seconds)
{
	list_splice_init(kept, &kn->confirm);
	kn->confirm_configured = config;
	if (config)
		kn->confirm_config = *config;
	kn->confirm_deadline = jiffies + (unsigned long)seconds * HZ;
	kn->confirm_pending = true;
	/* The table to put back may be the only one with associations. */
	__module_get(THIS_MODULE);
	kpc_sweep_soon(kn);
}

/**
 * kpc_confirm_drop() - keep the table in force
 * @kn: namespace, whose lock is held
 */
void kpc_confirm_drop(struct kpc_net *kn)
{
	if (!kn->confirm_pending)
		return;
	kpc_staged_free(&kn->confirm);
	kn->confirm_pending = false;
	kn->confirm_configured = false;
	module_put(THIS_MODULE);
}

static int roll_back(struct kpc_net *kn, struct netlink_ext_ack *extack)
{
	struct kpc_outcome outcome;
	int err;

	err = kpc_commit(kn, extack, KPC_LOAD_MODE_SYNC, &kn->confirm,
			 kn->confirm_configured ? &kn->confirm_config : NULL,
			 true, &outcome);
	if (err)
		return err;
	kpc_confirm_drop(kn);
	return 0;
}

/**
 * kpc_confirm() - keep what a commit brought, or put the old table back
 * @kn: namespace, whose lock is held, where a commit waits
 * @extack: for the sentence of a refusal
 * @abort: put the old table back
 */
int kpc_confirm(struct kpc_net *kn, struct netlink_ext_ack *extack, bool abort)
{
	if (abort)
		return roll_back(kn, extack);
	kpc_confirm_drop(kn);
	return 0;
}

/**
 * kpc_confirm_revoke() - delete an association of the table to put back
 * @kn: namespace, whose lock is held
 * @name: that no association in force has
 *
 * Return: whether there was one.
 */
bool kpc_confirm_revoke(struct kpc_net *kn, const char *name)
{
	struct kpc_staged *s;

	list_for_each_entry(s, &kn->confirm, node) {
		if (strcmp(s->name, name))
			continue;
		free_staged(s);
		return true;
	}
	return false;
}

/**
 * kpc_confirm_forget() - take who was revoked out of the table to put back
 * @kn: namespace, whose lock is held
 * @policy: of an association that was deleted
 *
 * It is the KpcId that was, whatever else it was said to be before. Another one
 * of its name stays, and is protected when it comes back.
 */
void kpc_confirm_forget(struct kpc_net *kn, const struct kpc_policy *policy)
{
	struct kpc_staged *s, *next;

	list_for_each_entry_safe(s, next, &kn->confirm, node)
		if (kpc_policy_same_kpc_id(s->policy, policy))
			free_staged(s);
}

/**
 * kpc_confirm_resolve() - tell the table to put back where a peer is now
 * @kn: namespace, whose lock is held
 * @info: an association-resolve
 * @policy: of the association in force that it was for
 *
 * All associations of the pair get it that have the same peer: those of other
 * keys, which a rotation has replaced, are in this table alone. Where memory is
 * short, or its own selectors leave no room for these, one has the addresses of
 * before, until the agent looks them up again.
 */
void kpc_confirm_resolve(struct kpc_net *kn, const struct genl_info *info,
			 const struct kpc_policy *policy)
{
	struct kpc_policy *p;
	struct kpc_staged *s;

	list_for_each_entry(s, &kn->confirm, node) {
		if (!kpc_policy_same_pair(s->policy, policy) ||
		    strcmp(s->policy->peer, policy->peer))
			continue;
		p = kpc_policy_resolve(kn, info, s->policy);
		if (IS_ERR(p))
			continue;
		kfree(s->policy);
		s->policy = p;
	}
}

/**
 * kpc_confirm_expire() - put the old table back if its time has come
 * @kn: namespace, whose lock is held
 *
 * Where memory is short the next sweep tries again.
 */
void kpc_confirm_expire(struct kpc_net *kn)
{
	if (kn->confirm_pending &&
	    time_after_eq(jiffies, kn->confirm_deadline))
		roll_back(kn, NULL);
}
