// SPDX-License-Identifier: GPL-2.0-only
/*
 * Commit: from the table in force and staged operations to the next table.
 *
 * Everything is checked and allocated first; from publish() on nothing can
 * fail. The packet path sees the old endpoints or the new ones. What is
 * deleted is flipped, a grace period passes, and only then is it told: when
 * the caller acknowledges, no payload of it can pass (I4).
 */
#include <linux/ctype.h>
#include <linux/hash.h>
#include <linux/ktime.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/stringhash.h>

#include "association.h"
#include "audit.h"
#include "binding.h"
#include "endpoint.h"
#include "event.h"
#include "hook.h"
#include "limit.h"
#include "lockout.h"
#include "net.h"
#include "netlink.h"
#include "policy.h"
#include "roster.h"
#include "socket.h"
#include "transaction.h"

/**
 * enum slot_key - what slots are found by
 * @BY_NAME: of the association
 * @BY_OLD_PAIR: as @BY_PAIR, of what is in force; the rest of what is to be
 * @BY_KPC_ID: without regard to case
 * @BY_PAIR: the entities and who of them this machine is
 * @BY_MARK: of those that have one
 * @SLOT_KEYS: how many there are
 */
enum slot_key {
	BY_NAME,
	BY_OLD_PAIR,
	BY_KPC_ID,
	BY_PAIR,
	BY_MARK,
	SLOT_KEYS
};

/**
 * struct slot - one association of the next table, or one that goes
 * @old: in force, or NULL
 * @policy: to be in force, or NULL
 * @staged: brings @policy, or NULL if it stays
 * @copy: what @policy is where it takes over more than @staged says, until it is
 *	in force; or NULL. Another attempt takes over what is so by then.
 * @fresh: to be added
 * @left_by: policy in force whose peer @policy has, with its addresses; or NULL
 * @changed: @old gets @policy
 * @next: one more than the index of the next slot in the same chain, or 0; by
 *	enum slot_key
 */
struct slot {
	struct kpc_association *old;
	struct kpc_policy *policy;
	struct kpc_staged *staged;
	struct kpc_policy *copy;
	struct kpc_association *fresh;
	const struct kpc_policy *left_by;
	bool changed;
	unsigned int next[SLOT_KEYS];
};

/**
 * struct plan - the work of one commit
 * @kn: namespace, whose lock is held
 * @extack: for the sentence of a refusal
 * @mode: enum kpc_load_mode
 * @config: that holds from the commit on
 * @force: of the commit
 * @n: length of @slots
 * @slots: of associations in force first, in their order
 * @chains: of slots by the hashes of their keys, the latest first; as
 *	struct slot::next
 * @chain_mask: chains of one key minus one
 * @roster: of associations to be
 * @table: of endpoints to be
 */
struct plan {
	struct kpc_net *kn;
	struct netlink_ext_ack *extack;
	u8 mode;
	const struct kpc_config *config;
	bool force;
	unsigned int n;
	struct slot *slots;
	unsigned int *chains;
	unsigned int chain_mask;
	struct kpc_roster *roster;
	struct kpc_table *table;
};

static const char *slot_name(const struct slot *s)
{
	return s->old ? kpc_association_policy(s->old)->name : s->policy->name;
}

static unsigned int hash_text(const char *text)
{
	return full_name_hash(NULL, text, strlen(text));
}

static unsigned int hash_policy(const struct kpc_policy *p, enum slot_key key)
{
	unsigned long hash = init_name_hash(NULL);
	unsigned int i;

	switch (key) {
	case BY_KPC_ID:
		for (i = 0; i < p->kpc_id_len; i++)
			hash = partial_name_hash(tolower(p->kpc_id[i]), hash);
		return end_name_hash(hash);
	case BY_OLD_PAIR:
	case BY_PAIR:
		return hash_text(p->id_a) + 31 * hash_text(p->id_b) + p->role;
	case BY_MARK:
		return hash_32(p->mark, 32);
	default:
		return hash_text(p->name);
	}
}

static unsigned int *chain_of(const struct plan *plan, enum slot_key key,
			      unsigned int hash)
{
	return &plan->chains[key * (plan->chain_mask + 1) +
			     (hash & plan->chain_mask)];
}

static void chain_slot(struct plan *plan, struct slot *s, enum slot_key key,
		       unsigned int hash)
{
	unsigned int *chain = chain_of(plan, key, hash);

	s->next[key] = *chain;
	*chain = s - plan->slots + 1;
}

static struct slot *slot_at(const struct plan *plan, unsigned int at)
{
	return at ? &plan->slots[at - 1] : NULL;
}

/* Slots of which some have the same key as @policy, the latest first. */
#define for_each_alike(slot, plan, policy, key)				\
	for (slot = slot_at(plan, *chain_of(plan, key,			\
					    hash_policy(policy, key)));	\
	     slot; slot = slot_at(plan, slot->next[key]))

/* The latest one: a name may be deleted and added again. */
static struct slot *find_slot(struct plan *plan, const char *name)
{
	struct slot *s = slot_at(plan, *chain_of(plan, BY_NAME,
						 hash_text(name)));

	while (s && strcmp(slot_name(s), name))
		s = slot_at(plan, s->next[BY_NAME]);
	return s;
}

static struct slot *add_slot(struct plan *plan, struct kpc_association *old,
			     struct kpc_staged *staged)
{
	struct slot *s = &plan->slots[plan->n++];

	s->old = old;
	s->staged = staged;
	if (staged)
		s->policy = staged->policy;
	chain_slot(plan, s, BY_NAME, hash_text(slot_name(s)));
	return s;
}

/* Whose resolved peer a new policy takes over, or NULL. */
static const struct kpc_policy *find_rotated(const struct plan *plan,
					     const struct kpc_policy *p)
{
	const struct kpc_policy *old;
	const struct slot *s;

	for_each_alike(s, plan, p, BY_OLD_PAIR) {
		old = kpc_association_policy(s->old);
		if (kpc_policy_same_pair(p, old) && kpc_policy_inherits(p, old))
			return old;
		cond_resched();
	}
	return NULL;
}

/* What is staged stays as it was asked for. */
static void set_policy(struct slot *s, struct kpc_policy *policy)
{
	s->policy = policy;
	if (policy != s->staged->policy)
		s->copy = policy;
}

/*
 * A rotation may end the old key's association in the same commit: the peer
 * stays protected until the agent looks its name up for the new one.
 */
static int add_fresh(struct plan *plan, struct kpc_staged *staged)
{
	const struct kpc_policy *old = find_rotated(plan, staged->policy);
	struct kpc_policy *p = staged->policy;
	struct slot *s;

	if (old) {
		p = kpc_policy_inherit(plan->kn, plan->extack, p, old);
		if (IS_ERR(p))
			return PTR_ERR(p);
	}
	s = add_slot(plan, NULL, staged);
	s->left_by = old;
	set_policy(s, p);
	return 0;
}

static int place_new(struct plan *plan, struct kpc_staged *staged)
{
	struct slot *s = find_slot(plan, staged->name);
	const struct kpc_policy *old;
	struct kpc_policy *merged;

	/* One that was assigned in an attempt that failed is not kept. */
	if (!staged->policy->mark_given)
		staged->policy->mark = 0;

	if (!s || !s->old) {
		if (s)
			return kpc_refuse(plan->kn, plan->extack, -EEXIST,
					  "'%s' is named twice", staged->name);
		return add_fresh(plan, staged);
	}
	if (s->staged && s->staged->policy)
		return kpc_refuse(plan->kn, plan->extack, -EEXIST,
				  "'%s' is named twice", staged->name);

	old = kpc_association_policy(s->old);
	if (s->staged || !kpc_policy_same_identity(staged->policy, old)) {
		/* Deleted and added again, in this order. */
		if (plan->mode == KPC_LOAD_MODE_APPLY && !s->staged)
			return kpc_refuse(plan->kn, plan->extack, -EEXIST,
					  "'%s' exists with another KpcId, IdA, IdB, kind or role: these do not change in place, delete it first",
					  staged->name);
		s->policy = NULL;
		return add_fresh(plan, staged);
	}

	merged = kpc_policy_merge(plan->kn, plan->extack, staged->policy, old);
	if (IS_ERR(merged))
		return PTR_ERR(merged);
	s->staged = staged;
	set_policy(s, merged);
	s->changed = !kpc_policy_equal(merged, old);
	return 0;
}

static int place(struct plan *plan, struct list_head *staged)
{
	const struct kpc_roster *roster = plan->kn->roster;
	struct kpc_staged *op;
	unsigned int i;
	struct slot *s;
	int err;

	for (i = 0; i < roster->n; i++) {
		struct kpc_association *a = roster->at[i];

		s = add_slot(plan, a, NULL);
		chain_slot(plan, s, BY_OLD_PAIR,
			   hash_policy(kpc_association_policy(a), BY_OLD_PAIR));
		a->slot = s;
		if (plan->mode == KPC_LOAD_MODE_APPLY)
			s->policy = kpc_association_policy(a);
	}
	list_for_each_entry(op, staged, node) {
		cond_resched();
		if (op->policy) {
			err = place_new(plan, op);
			if (err)
				return err;
			continue;
		}
		s = find_slot(plan, op->name);
		if (!s || !s->old || !s->policy)
			return kpc_refuse(plan->kn, plan->extack, -ENOENT,
					  "no association has the name '%s'",
					  op->name);
		s->policy = NULL;
		s->staged = op;
		s->changed = false;
	}
	return 0;
}

static bool is_new(const struct slot *s)
{
	return s->policy && (!s->old || s->changed);
}

/* Whether two policies cannot be in one table for what their KpcIds are. */
static int check_kpc_ids(struct plan *plan, const struct kpc_policy *p,
			 const struct kpc_policy *q)
{
	if (p->kpc_id_len != q->kpc_id_len ||
	    strncasecmp(p->kpc_id, q->kpc_id, p->kpc_id_len))
		return 0;
	if (memcmp(p->kpc_id, q->kpc_id, p->kpc_id_len))
		return kpc_refuse(plan->kn, plan->extack, -EEXIST,
				  "'%s': KpcId '%*pE' differs only in case from '%*pE' of '%s'",
				  p->name, p->kpc_id_len, p->kpc_id,
				  q->kpc_id_len, q->kpc_id, q->name);
	if (p->role != q->role)
		return kpc_refuse(plan->kn, plan->extack, -EEXIST,
				  "'%s': KpcId '%*pE' is '%s''s in the other role; each direction has its own",
				  p->name, p->kpc_id_len, p->kpc_id, q->name);
	return kpc_refuse(plan->kn, plan->extack, -EEXIST,
			  "'%s': KpcId '%*pE' is '%s''s already; each pair of identities and each key of it has its own",
			  p->name, p->kpc_id_len, p->kpc_id, q->name);
}

/* The same for their marks. */
static int check_marks(struct plan *plan, const struct kpc_policy *p,
		       const struct kpc_policy *q)
{
	if (!p->mark || !q->mark)
		return 0;
	if (kpc_policy_same_pair(p, q)) {
		if (p->mark != q->mark)
			return kpc_refuse(plan->kn, plan->extack, -EINVAL,
					  "'%s': mark 0x%08x is not 0x%08x, which '%s' of the same pair has",
					  p->name, p->mark, q->mark, q->name);
	} else if (p->mark == q->mark) {
		return kpc_refuse(plan->kn, plan->extack, -EEXIST,
				  "'%s': mark 0x%08x belongs to the pair of '%s'",
				  p->name, p->mark, q->name);
	}
	return 0;
}

static int check_alike(struct plan *plan, const struct slot *s, enum slot_key key,
		       int (*check)(struct plan *plan,
				    const struct kpc_policy *p,
				    const struct kpc_policy *q))
{
	const struct slot *t;
	int err = 0;

	for_each_alike(t, plan, s->policy, key) {
		/* Two new ones are compared once. */
		if (t != s && (t < s || !is_new(t)))
			err = check(plan, s->policy, t->policy);
		if (err)
			return err;
		cond_resched();
	}
	return 0;
}

static int check_mark(struct plan *plan, const struct kpc_policy *p)
{
	const struct kpc_config *c = plan->config;

	if (!p->mark)
		return p->mark_given ?
		       kpc_refuse(plan->kn, plan->extack, -ERANGE,
				  "'%s': mark 0 is not a mark", p->name) : 0;
	if ((p->mark & c->mark_mask) != c->mark_value)
		return kpc_refuse(plan->kn, plan->extack, -ERANGE,
				  "'%s': mark 0x%08x is outside the managed range 0x%08x/0x%08x",
				  p->name, p->mark, c->mark_value,
				  c->mark_mask);
	if (p->mark == c->handshake_mark)
		return kpc_refuse(plan->kn, plan->extack, -EINVAL,
				  "'%s': mark 0x%08x is the handshake mark",
				  p->name, p->mark);
	return 0;
}

static void index_slots(struct plan *plan)
{
	unsigned int i;
	enum slot_key key;

	for (i = 0; i < plan->n; i++) {
		struct slot *s = &plan->slots[i];

		for (key = BY_KPC_ID; s->policy && key < SLOT_KEYS; key++)
			if (key != BY_MARK || s->policy->mark)
				chain_slot(plan, s, key,
					   hash_policy(s->policy, key));
	}
}

static int check_slots(struct plan *plan)
{
	const struct kpc_config *config = plan->config;
	unsigned int i, n = 0;
	int err;

	for (i = 0; i < plan->n; i++)
		n += !!plan->slots[i].policy;
	if (n > config->max_associations)
		return kpc_refuse(plan->kn, plan->extack, -ENOSPC,
				  "%u associations are more than %u (max-associations)",
				  n, config->max_associations);
	index_slots(plan);
	for (i = 0; i < plan->n; i++) {
		const struct slot *s = &plan->slots[i];

		if (!is_new(s))
			continue;
		err = check_mark(plan, s->policy) ?:
		      check_alike(plan, s, BY_KPC_ID, check_kpc_ids) ?:
		      check_alike(plan, s, BY_PAIR, check_marks) ?:
		      check_alike(plan, s, BY_MARK, check_marks);
		if (err)
			return err;
	}
	return 0;
}

static int compare_marks(const void *a, const void *b)
{
	const u32 *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* The lowest mark above another one that is in the range, or 0. */
static u32 next_mark(const struct kpc_config *c, u32 mark)
{
	/* Counts in the bits that the mask leaves open. */
	u32 open = ((mark | c->mark_mask) + 1) & ~c->mark_mask;

	if (!open)
		return 0;
	open |= c->mark_value;
	return open == c->handshake_mark ? next_mark(c, open) : open;
}

/* The mark of the same pair, or 0. */
static u32 pair_mark(const struct plan *plan, const struct kpc_policy *p)
{
	const struct slot *s;

	for_each_alike(s, plan, p, BY_PAIR) {
		const struct kpc_policy *q = s->policy;

		if (q != p && q->mark && kpc_policy_same_pair(p, q))
			return q->mark;
		cond_resched();
	}
	return 0;
}

/*
 * Marks of what is being deleted stay taken, as their bindings' last segments
 * wear them.
 */
static int assign_marks(struct plan *plan)
{
	const struct kpc_config *c = plan->config;
	unsigned int i, n = 0, at = 0;
	u32 *taken, mark;
	int err = 0;

	taken = kvcalloc(2 * plan->n + 1, sizeof(*taken), GFP_KERNEL);
	if (!taken)
		return -ENOMEM;
	for (i = 0; i < plan->n; i++) {
		const struct slot *s = &plan->slots[i];

		if (s->policy)
			taken[n++] = s->policy->mark;
		if (s->old)
			taken[n++] = kpc_association_policy(s->old)->mark;
	}
	sort(taken, n, sizeof(*taken), compare_marks, NULL);

	mark = next_mark(c, c->mark_value);
	for (i = 0; i < plan->n; i++) {
		struct kpc_policy *p = plan->slots[i].policy;

		if (!p || p->mark)
			continue;
		cond_resched();
		p->mark = pair_mark(plan, p);
		if (p->mark)
			continue;
		while (mark) {
			while (at < n && taken[at] < mark)
				at++;
			if (at == n || taken[at] != mark)
				break;
			mark = next_mark(c, mark);
		}
		if (!mark) {
			err = kpc_refuse(plan->kn, plan->extack, -ENOSPC,
					 "'%s': no mark of the managed range 0x%08x/0x%08x is free",
					 p->name, c->mark_value, c->mark_mask);
			break;
		}
		p->mark = mark;
		mark = next_mark(c, mark);
	}
	kvfree(taken);
	return err;
}

/* Whether it brings selectors that were not there, and is not forced. */
static bool may_lock_out(const struct slot *s)
{
	const struct kpc_policy *old;

	if (!is_new(s) || s->staged->force)
		return false;
	old = s->old ? kpc_association_policy(s->old) : s->left_by;
	if (!old)
		return true;
	return old->n_selectors != s->policy->n_selectors ||
	       memcmp(old->selectors, s->policy->selectors,
		      old->n_selectors * sizeof(old->selectors[0]));
}

static int check_lockout(struct plan *plan)
{
	unsigned int i, selectors = 0;
	struct kpc_table *table;
	int err = 0;

	if (plan->force)
		return 0;
	for (i = 0; i < plan->n; i++)
		if (may_lock_out(&plan->slots[i]))
			selectors += plan->slots[i].policy->n_selectors;
	if (!selectors)
		return 0;
	/* All in one table, so that the live sockets are walked over once. */
	table = kpc_table_alloc(plan->config, selectors);
	if (!table)
		return -ENOMEM;
	for (i = 0; !err && i < plan->n; i++) {
		const struct slot *s = &plan->slots[i];

		if (!may_lock_out(s))
			continue;
		err = kpc_lockout_check_ports(plan->kn, plan->extack,
					      s->policy);
		kpc_table_add(table, s->policy);
		cond_resched();
	}
	if (!err)
		err = kpc_lockout_check_live(plan->kn, plan->extack, table);
	kpc_table_free(table);
	return err;
}

/*
 * The reason for which a live socket does not outlast the commit. Another
 * mark is never lived with, for the old one is free; the rest of a policy
 * holds for new bindings unless the whole table is being set. Once that is in
 * force, a handshake goes that could not be bound, and a child that nobody named
 * yet goes with the last endpoint it is of.
 */
static u8 fate(const struct plan *plan, const struct kpc_sock *ks)
{
	const struct slot *s;

	s = ks->association ? ks->association->slot : NULL;
	if (!s)
		return kpc_handshake_is_stray(ks) ? KPC_REASON_DELETED :
						    KPC_REASON_NONE;
	if (!s->policy)
		return KPC_REASON_DELETED;
	if (!s->changed)
		return KPC_REASON_NONE;
	if (!ks->was_bound)
		return kpc_handshake_is_stray(ks) ? KPC_REASON_NARROWED :
						    KPC_REASON_NONE;
	if (plan->mode == KPC_LOAD_MODE_APPLY ? ks->mark == s->policy->mark :
						kpc_binding_allowed(ks, s->policy))
		return KPC_REASON_NONE;
	return KPC_REASON_NARROWED;
}

/* Whether what was asked for by name, or forced, is all that would end. */
static int check_live(struct plan *plan)
{
	unsigned int deleted = 0, narrowed = 0;
	struct kpc_sock *ks;
	unsigned long id;

	if (plan->force || plan->mode == KPC_LOAD_MODE_SYNC)
		return 0;
	for (id = 0; (ks = kpc_sock_next(plan->kn, &id)); id++) {
		const struct slot *s = ks->association ?
				       ks->association->slot : NULL;

		if (s && ks->was_bound && !(s->staged && s->staged->force)) {
			u8 reason = fate(plan, ks);

			deleted += reason == KPC_REASON_DELETED;
			narrowed += reason == KPC_REASON_NARROWED;
		}
		kpc_sock_put(ks);
	}
	if (plan->mode == KPC_LOAD_MODE_APPLY)
		deleted = 0;
	if (deleted + narrowed)
		return kpc_refuse(plan->kn, plan->extack, -EBUSY,
				  "it would end %u live bindings; %s",
				  deleted + narrowed,
				  plan->mode == KPC_LOAD_MODE_LOAD ?
				  "sync ends only what was removed or narrowed, force takes it" :
				  "force takes it");
	return 0;
}

static int allocate(struct plan *plan)
{
	unsigned int i, n = 0, selectors = 0;
	struct slot *s;

	for (i = 0; i < plan->n; i++) {
		s = &plan->slots[i];
		if (!s->policy)
			continue;
		n++;
		selectors += s->policy->n_selectors;
		if (s->old)
			continue;
		s->fresh = kpc_association_alloc(plan->kn);
		if (!s->fresh)
			return -ENOMEM;
		/* While associations exist the module does not go. */
		if (!try_module_get(THIS_MODULE)) {
			kpc_association_put(s->fresh);
			s->fresh = NULL;
			return kpc_refuse(plan->kn, plan->extack, -ENODEV,
					  "the module is being unloaded");
		}
	}
	plan->roster = kpc_roster_alloc(n);
	plan->table = kpc_table_alloc(plan->config, selectors);
	if (!plan->roster || !plan->table)
		return -ENOMEM;
	for (i = 0; i < plan->n; i++) {
		cond_resched();
		if (plan->slots[i].policy)
			kpc_table_add(plan->table, plan->slots[i].policy);
	}
	return 0;
}

static void publish_table(struct kpc_net *kn, struct kpc_table *table)
{
	struct kpc_table *old =
		rcu_dereference_protected(kn->table,
					  lockdep_is_held(&kn->lock));

	rcu_assign_pointer(kn->table, table);
	kpc_table_free(old);
}

static void publish_roster(struct kpc_net *kn, struct kpc_roster *roster)
{
	kpc_roster_free(kn->roster);
	kn->roster = roster;
}

/* Whoever has owned it until now lets go of it. */
static void publish_policy(struct slot *s, struct kpc_association *a)
{
	rcu_assign_pointer(a->policy, s->policy);
	if (s->copy)
		s->copy = NULL;
	else
		s->staged->policy = NULL;
}

static void publish(struct plan *plan, struct kpc_outcome *outcome)
{
	struct kpc_net *kn = plan->kn;
	struct kpc_policy *old;
	unsigned int i;

	for (i = 0; i < plan->n; i++) {
		struct slot *s = &plan->slots[i];

		if (s->fresh) {
			s->fresh->id = ++kn->last_association;
			publish_policy(s, s->fresh);
			outcome->added++;
		} else if (s->old && !s->policy) {
			outcome->removed++;
		} else if (s->changed) {
			old = kpc_association_policy(s->old);
			publish_policy(s, s->old);
			kfree_rcu(old, rcu);
			outcome->changed++;
		}
		if (s->policy)
			kpc_roster_add(plan->roster, s->old ?: s->fresh);
	}
	publish_roster(kn, plan->roster);
	plan->roster = NULL;
	publish_table(kn, plan->table);
	plan->table = NULL;
}

/* Flips the sockets that do not outlast the commit; whether there were any. */
static bool end_socks(struct plan *plan, struct kpc_outcome *outcome)
{
	struct kpc_sock *ks;
	unsigned long id;
	bool any = false;
	u8 reason;

	/* Pairs with begin_child(): one of both sees what the other wrote. */
	smp_mb();
	for (id = 0; (ks = kpc_sock_next(plan->kn, &id)); id++) {
		reason = fate(plan, ks);
		if (reason != KPC_REASON_NONE &&
		    kpc_sock_end(ks, READ_ONCE(ks->state), reason)) {
			outcome->ended += ks->was_bound;
			any = true;
		}
		kpc_sock_put(ks);
	}
	return any;
}

/* The one association that the commit is about, or NULL. */
static const struct kpc_association *only(const struct plan *plan,
					  const struct kpc_outcome *outcome)
{
	unsigned int i;

	if (outcome->added + outcome->changed + outcome->removed != 1)
		return NULL;
	for (i = 0; i < plan->n; i++) {
		const struct slot *s = &plan->slots[i];

		if (s->fresh || s->changed || (s->old && !s->policy))
			return s->fresh ?: s->old;
	}
	return NULL;
}

static void tell(struct plan *plan)
{
	unsigned int i;

	for (i = 0; i < plan->n; i++) {
		struct slot *s = &plan->slots[i];

		if (s->old && !s->policy) {
			kpc_event_association(s->old, KPC_CHANGE_REMOVED,
					      KPC_REASON_DELETED);
			s->old->slot = NULL;
			kpc_association_put(s->old);
			s->old = NULL;
			module_put(THIS_MODULE);
		}
	}
	for (i = 0; i < plan->n; i++) {
		struct slot *s = &plan->slots[i];

		if (s->fresh)
			kpc_event_association(s->fresh, KPC_CHANGE_ADDED,
					      KPC_REASON_NONE);
		else if (s->changed)
			kpc_event_association(s->old, KPC_CHANGE_CHANGED,
					      KPC_REASON_NONE);
	}
}

static void abandon(struct plan *plan)
{
	unsigned int i;

	for (i = 0; i < plan->n; i++) {
		if (plan->slots[i].fresh) {
			kpc_association_put(plan->slots[i].fresh);
			module_put(THIS_MODULE);
		}
	}
	kpc_roster_free(plan->roster);
	kpc_table_free(plan->table);
}

static void forget_slots(struct plan *plan)
{
	unsigned int i;

	for (i = 0; i < plan->n; i++) {
		if (plan->slots[i].old)
			plan->slots[i].old->slot = NULL;
		kfree(plan->slots[i].copy);
	}
}

static int carry_out(struct plan *plan, struct kpc_outcome *outcome)
{
	bool configured = plan->config != &plan->kn->config;
	struct kpc_net *kn = plan->kn;
	struct kpc_table *first = NULL;
	int err;

	/* Hooks need a table from their first packet on. */
	if (!kn->hooked) {
		first = kpc_table_alloc(plan->config, 0);
		if (!first)
			return -ENOMEM;
		publish_table(kn, first);
		err = kpc_hooks_register(kn);
		if (err)
			return kpc_refuse(kn, plan->extack, err,
					  "netfilter takes no hooks: error %d",
					  err);
	}

	kn->commits++;
	if (configured)
		kn->config = *plan->config;
	publish(plan, outcome);
	if (end_socks(plan, outcome) || outcome->removed) {
		synchronize_net();
		outcome->quiet = ktime_get_ns();
		kpc_socks_settle(kn);
	}
	kpc_audit_commit(kn, outcome, only(plan, outcome), configured);
	tell(plan);
	/* Else the sweep does it, once what was ended has been reset. */
	if (!kn->roster->n && !kpc_socks_watched(kn))
		kpc_hooks_unregister(kn);
	kpc_sweep_soon(kn);
	return 0;
}

/**
 * kpc_commit() - change the table of associations
 * @kn: namespace, whose lock is held
 * @extack: for the sentence of a refusal, or NULL
 * @mode: enum kpc_load_mode
 * @staged: list of struct kpc_staged; policies that come into force are taken
 *	out of it, the rest stays the caller's
 * @config: comes into force with them, or NULL
 * @force: end live bindings and shut out live sockets
 * @outcome: filled
 *
 * Context: process; sleeps for a grace period where something is deleted.
 *
 * Return: 0, or a negative errno with nothing changed.
 */
int kpc_commit(struct kpc_net *kn, struct netlink_ext_ack *extack, u8 mode,
	       struct list_head *staged, const struct kpc_config *config,
	       bool force, struct kpc_outcome *outcome)
{
	struct plan plan = {
		.kn	= kn,
		.extack	= extack,
		.mode	= mode,
		.config	= config ?: &kn->config,
		.force	= force,
	};
	size_t n = kn->roster->n + list_count_nodes(staged);
	int err;

	lockdep_assert_held(&kn->lock);
	memset(outcome, 0, sizeof(*outcome));
	plan.chain_mask = roundup_pow_of_two(n + 1) - 1;
	plan.slots = kvcalloc(n + 1, sizeof(*plan.slots), GFP_KERNEL_ACCOUNT);
	plan.chains = kvcalloc(SLOT_KEYS * (plan.chain_mask + 1),
			       sizeof(*plan.chains), GFP_KERNEL_ACCOUNT);
	if (!plan.slots || !plan.chains) {
		err = -ENOMEM;
		goto out;
	}

	err = place(&plan, staged);
	if (!err)
		err = check_slots(&plan);
	if (!err)
		err = assign_marks(&plan);
	if (!err)
		err = check_lockout(&plan);
	if (!err)
		err = check_live(&plan);
	if (!err)
		err = allocate(&plan);
	if (!err)
		err = carry_out(&plan, outcome);
	if (err)
		abandon(&plan);
	forget_slots(&plan);
out:
	kvfree(plan.chains);
	kvfree(plan.slots);
	return err;
}
