// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit: the life of an association, from the commit that adds it to the last
 * reference. In the first network namespace, which has no other meanwhile.
 */
#include <kunit/test.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "../association.h"
#include "../endpoint.h"
#include "../net.h"
#include "../policy.h"
#include "../roster.h"
#include "../transaction.h"

#define TEXTS	256

static struct kpc_net *net(void)
{
	return kpc_net(&init_net);
}

static const char *put(struct kpc_policy *p, const char *text)
{
	char *at = p->texts + p->texts_len;

	p->texts_len += strscpy(at, text, TEXTS - p->texts_len) + 1;
	return at;
}

/* Role b, at a port of any address; what a commit takes it is the module's. */
static struct kpc_policy *policy(struct kunit *test, const char *name,
				 const char *kpc_id, const char *id_a, u16 port)
{
	struct kpc_policy *p = kzalloc(struct_size(p, selectors, 1) + TEXTS,
				       GFP_KERNEL_ACCOUNT);

	KUNIT_ASSERT_NOT_NULL(test, p);
	p->texts = (char *)&p->selectors[1];
	p->texts_len = 1;
	p->name = put(p, name);
	p->kpc_id = put(p, kpc_id);
	p->kpc_id_len = strlen(kpc_id);
	p->id_a = put(p, id_a);
	p->id_b = put(p, "//sp.example/in");
	p->peer = p->texts;
	p->listen = p->texts;
	p->plain = p->texts;
	p->authority = p->texts;
	p->holder_cgroup = p->texts;
	p->role = KPC_ROLE_B;
	p->versions = KPC_VERSION_FLAGS_TLS13;
	p->n_selectors = 1;
	p->selectors[0].family = AF_INET;
	p->selectors[0].protocol = IPPROTO_TCP;
	p->selectors[0].local.port_min = port;
	p->selectors[0].local.port_max = port;
	p->selectors[0].remote.port_max = KPC_PORT_ANY;
	return p;
}

static void stage(struct kunit *test, struct list_head *staged,
		  struct kpc_policy *p, const char *name)
{
	struct kpc_staged *s = kpc_staged_new(p, name, true);

	KUNIT_ASSERT_NOT_NULL(test, s);
	list_add_tail(&s->node, staged);
}

/* Carries out what is staged, of which nothing is left. */
static int commit(struct list_head *staged, u8 mode, struct kpc_outcome *outcome)
{
	struct kpc_net *kn = net();
	int err;

	mutex_lock(&kn->lock);
	err = kpc_commit(kn, NULL, mode, staged, NULL, true, outcome);
	mutex_unlock(&kn->lock);
	kpc_staged_free(staged);
	return err;
}

/* One operation: to add or change with a policy, to delete without. */
static int apply(struct kunit *test, struct kpc_policy *p, const char *name,
		 struct kpc_outcome *outcome)
{
	LIST_HEAD(staged);

	stage(test, &staged, p, name);
	return commit(&staged, KPC_LOAD_MODE_APPLY, outcome);
}

static int add(struct kunit *test, const char *name, const char *kpc_id,
	       const char *id_a, u16 port)
{
	struct kpc_outcome outcome;

	return apply(test, policy(test, name, kpc_id, id_a, port), name, &outcome);
}

/* With a reference, or NULL. */
static struct kpc_association *find(const char *name)
{
	struct kpc_net *kn = net();
	struct kpc_association *a;

	mutex_lock(&kn->lock);
	a = kpc_association_find(kn, name);
	if (a)
		refcount_inc(&a->ref);
	mutex_unlock(&kn->lock);
	return a;
}

static bool is_protected(u16 port)
{
	struct in6_addr any = { .s6_addr = { [10] = 0xff, [11] = 0xff } };
	struct kpc_table *table;
	bool is;

	rcu_read_lock();
	table = rcu_dereference(net()->table);
	is = table && kpc_table_find_side(table, IPPROTO_TCP, KPC_ROLE_B,
					   AF_INET, &any, port);
	rcu_read_unlock();
	return is;
}

static u32 mark_of(const struct kpc_association *a)
{
	u32 mark;

	rcu_read_lock();
	mark = rcu_dereference(a->policy)->mark;
	rcu_read_unlock();
	return mark;
}

#define A	"//sp.example/cse-a"
#define C	"//sp.example/cse-c"

static void is_added_changed_and_removed(struct kunit *test)
{
	int holds = module_refcount(THIS_MODULE);
	struct kpc_association *a, *b;
	struct kpc_outcome outcome;
	struct kpc_policy *p;
	u32 id;

	KUNIT_EXPECT_FALSE(test, net()->hooked);
	p = policy(test, "one", "one@sp.example", A, 8883);
	KUNIT_ASSERT_EQ(test, 0, apply(test, p, "one", &outcome));
	KUNIT_EXPECT_EQ(test, 1, outcome.added);
	KUNIT_EXPECT_EQ(test, 0, outcome.changed + outcome.removed + outcome.ended);
	KUNIT_EXPECT_TRUE(test, net()->hooked);
	KUNIT_EXPECT_TRUE(test, is_protected(8883));
	/* While it exists the module does not go. */
	KUNIT_EXPECT_EQ(test, holds + 1, module_refcount(THIS_MODULE));
	a = find("one");
	KUNIT_ASSERT_NOT_NULL(test, a);
	id = a->id;
	KUNIT_EXPECT_EQ(test, net()->config.mark_value,
			mark_of(a) & net()->config.mark_mask);
	KUNIT_EXPECT_NE(test, net()->config.handshake_mark, mark_of(a));

	/* The same again changes nothing, another port does, and no more. */
	p = policy(test, "one", "one@sp.example", A, 8883);
	KUNIT_ASSERT_EQ(test, 0, apply(test, p, "one", &outcome));
	KUNIT_EXPECT_EQ(test, 0, outcome.added + outcome.changed);
	p = policy(test, "one", "one@sp.example", A, 8884);
	p->mark = mark_of(a);
	KUNIT_ASSERT_EQ(test, 0, apply(test, p, "one", &outcome));
	KUNIT_EXPECT_EQ(test, 1, outcome.changed);
	KUNIT_EXPECT_FALSE(test, is_protected(8883));
	KUNIT_EXPECT_TRUE(test, is_protected(8884));
	b = find("one");
	KUNIT_EXPECT_PTR_EQ(test, a, b);
	KUNIT_EXPECT_EQ(test, id, b->id);
	kpc_association_put(b);

	KUNIT_ASSERT_EQ(test, 0, apply(test, NULL, "one", &outcome));
	KUNIT_EXPECT_EQ(test, 1, outcome.removed);
	KUNIT_EXPECT_NULL(test, find("one"));
	KUNIT_EXPECT_FALSE(test, is_protected(8884));
	KUNIT_EXPECT_FALSE(test, net()->hooked);
	KUNIT_EXPECT_EQ(test, holds, module_refcount(THIS_MODULE));
	/* Who has a reference has what it was, and nobody else. */
	KUNIT_EXPECT_EQ(test, 1, refcount_read(&a->ref));
	rcu_read_lock();
	KUNIT_EXPECT_STREQ(test, "one", rcu_dereference(a->policy)->name);
	rcu_read_unlock();
	kpc_association_put(a);

	/* A successor of the name is another one. */
	KUNIT_ASSERT_EQ(test, 0, add(test, "one", "one@sp.example", A, 8883));
	a = find("one");
	KUNIT_ASSERT_NOT_NULL(test, a);
	KUNIT_EXPECT_GT(test, a->id, id);
	kpc_association_put(a);
}

/* A rotation: one mark for the pair, and of another pair another. */
static void shares_its_mark(struct kunit *test)
{
	struct kpc_association *a, *b, *c;

	KUNIT_ASSERT_EQ(test, 0, add(test, "old", "old@sp.example", A, 8883));
	KUNIT_ASSERT_EQ(test, 0, add(test, "new", "new@sp.example", A, 8883));
	KUNIT_ASSERT_EQ(test, 0, add(test, "other", "c@sp.example", C, 8883));
	a = find("old");
	b = find("new");
	c = find("other");
	KUNIT_ASSERT_TRUE(test, a && b && c);
	KUNIT_EXPECT_EQ(test, mark_of(a), mark_of(b));
	KUNIT_EXPECT_NE(test, mark_of(a), mark_of(c));
	kpc_association_put(a);
	kpc_association_put(b);
	kpc_association_put(c);
}

/* What is refused changes nothing, nor what was staged beside it. */
static void is_refused_whole(struct kunit *test)
{
	struct kpc_association *a, *b;
	struct kpc_outcome outcome;
	LIST_HEAD(staged);

	KUNIT_ASSERT_EQ(test, 0, add(test, "one", "one@sp.example", A, 8883));
	a = find("one");
	KUNIT_ASSERT_NOT_NULL(test, a);
	/* Identities do not change in place. */
	KUNIT_EXPECT_EQ(test, -EEXIST, add(test, "one", "one@sp.example", C, 1));
	/* One KpcId is one pair's, whatever its case. */
	KUNIT_EXPECT_EQ(test, -EEXIST, add(test, "two", "one@sp.example", C, 1));
	KUNIT_EXPECT_EQ(test, -EEXIST, add(test, "two", "ONE@sp.example", C, 1));
	KUNIT_EXPECT_EQ(test, -ENOENT, apply(test, NULL, "two", &outcome));
	stage(test, &staged, policy(test, "two", "two@sp.example", C, 9), "two");
	stage(test, &staged, NULL, "three");
	KUNIT_EXPECT_EQ(test, -ENOENT,
			commit(&staged, KPC_LOAD_MODE_APPLY, &outcome));
	KUNIT_EXPECT_NULL(test, find("two"));
	KUNIT_EXPECT_FALSE(test, is_protected(9));
	KUNIT_EXPECT_FALSE(test, is_protected(1));
	KUNIT_EXPECT_TRUE(test, is_protected(8883));
	b = find("one");
	KUNIT_EXPECT_PTR_EQ(test, a, b);
	kpc_association_put(b);
	kpc_association_put(a);
}

/* A whole table: what it does not name goes, what it has already stays. */
static void is_loaded(struct kunit *test)
{
	struct kpc_association *a, *b;
	struct kpc_outcome outcome;
	LIST_HEAD(staged);

	KUNIT_ASSERT_EQ(test, 0, add(test, "stays", "s@sp.example", A, 8883));
	KUNIT_ASSERT_EQ(test, 0, add(test, "goes", "g@sp.example", C, 8884));
	a = find("stays");
	KUNIT_ASSERT_NOT_NULL(test, a);
	stage(test, &staged, policy(test, "stays", "s@sp.example", A, 8883), "stays");
	stage(test, &staged, policy(test, "comes", "c@sp.example", C, 8885), "comes");
	KUNIT_ASSERT_EQ(test, 0, commit(&staged, KPC_LOAD_MODE_LOAD, &outcome));
	KUNIT_EXPECT_EQ(test, 1, outcome.added);
	KUNIT_EXPECT_EQ(test, 0, outcome.changed);
	KUNIT_EXPECT_EQ(test, 1, outcome.removed);
	b = find("stays");
	KUNIT_EXPECT_PTR_EQ(test, a, b);
	kpc_association_put(a);
	kpc_association_put(b);
	KUNIT_EXPECT_NULL(test, find("goes"));
	KUNIT_EXPECT_EQ(test, 2, net()->roster->n);
}

/* Whatever a case has left. */
static void clear(struct kunit *test)
{
	struct kpc_outcome outcome;
	LIST_HEAD(none);

	KUNIT_EXPECT_EQ(test, 0, commit(&none, KPC_LOAD_MODE_LOAD, &outcome));
	KUNIT_EXPECT_EQ(test, 0, net()->roster->n);
	KUNIT_EXPECT_FALSE(test, net()->hooked);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(is_added_changed_and_removed),
	KUNIT_CASE(shares_its_mark),
	KUNIT_CASE(is_refused_whole),
	KUNIT_CASE(is_loaded),
	{}
};

static struct kunit_suite suite = {
	.name		= "kpc_association",
	.exit		= clear,
	.test_cases	= cases,
};

kunit_test_suite(suite);
