// SPDX-License-Identifier: GPL-2.0-only
/*
 * The generic netlink family: who may ask, how a refusal is said, and the
 * namespace's own objects, configuration and counters.
 */
#include <linux/netlink.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/stdarg.h>
#include <net/genetlink.h>

#include "association.h"
#include "audit.h"
#include "endpoint.h"
#include "limit.h"
#include "net.h"
#include "netlink.h"
#include "netlink_gen.h"
#include "roster.h"
#include "session.h"
#include "stats.h"
#include "transaction.h"

static const struct genl_multicast_group groups[] = {
	[KPC_NLGRP_ASSOCIATION] = {
		.name = KPC_MCGRP_ASSOCIATION,
		.flags = GENL_MCAST_CAP_NET_ADMIN,
	},
	[KPC_NLGRP_BINDING] = {
		.name = KPC_MCGRP_BINDING,
		.flags = GENL_MCAST_CAP_NET_ADMIN,
	},
	[KPC_NLGRP_VIOLATION] = {
		.name = KPC_MCGRP_VIOLATION,
		.flags = GENL_MCAST_CAP_NET_ADMIN,
	},
	[KPC_NLGRP_AGENT] = {
		.name = KPC_MCGRP_AGENT,
		.flags = GENL_MCAST_CAP_NET_ADMIN,
	},
};

struct genl_family kpc_family __ro_after_init = {
	.name		= KPC_GENL_NAME,
	.version	= KPC_GENL_VERSION,
	.netnsok	= true,
	.parallel_ops	= true,
	.module		= THIS_MODULE,
	.ops		= kpc_nl_ops,
	.n_ops		= ARRAY_SIZE(kpc_nl_ops),
	.resv_start_op	= 1,
	.mcgrps		= groups,
	.n_mcgrps	= ARRAY_SIZE(groups),
};

/* A sentence of this task, or of one that has ended, or a new one. */
static struct kpc_sentence *take_sentence(struct kpc_net *kn)
{
	bool common = !ns_capable_noaudit(kn->net->user_ns, CAP_NET_ADMIN);
	struct kpc_sentence *s, *left = NULL;

	list_for_each_entry(s, &kn->sentences, node) {
		if (s->pid == task_pid(current))
			return s;
		if (!left && !pid_task(s->pid, PIDTYPE_PID))
			left = s;
	}
	if (common && kn->n_common >= KPC_SENTENCES_COMMON && !(left && left->common))
		return NULL;
	if (left) {
		put_pid(left->pid);
		kn->n_common -= left->common;
	} else if (kn->n_sentences < KPC_SENTENCES) {
		left = kmalloc(sizeof(*left), GFP_ATOMIC | __GFP_NOWARN);
		if (!left)
			return NULL;
		list_add(&left->node, &kn->sentences);
		kn->n_sentences++;
	} else {
		return NULL;
	}
	left->pid = get_pid(task_pid(current));
	left->common = common;
	kn->n_common += common;
	return left;
}

/**
 * kpc_sentences_free() - forget all sentences
 * @kn: namespace that ends
 */
void kpc_sentences_free(struct kpc_net *kn)
{
	struct kpc_sentence *s, *next;

	list_for_each_entry_safe(s, next, &kn->sentences, node) {
		put_pid(s->pid);
		kfree(s);
	}
}

/**
 * kpc_refuse() - say why a request is refused
 * @kn: namespace of the sender
 * @extack: of the request, or NULL
 * @err: negative errno
 * @fmt: one sentence
 *
 * The kernel's own buffer holds 80 octets, which an identity alone may fill,
 * and 6.1 has none. A longer sentence is kept for the task, which has one
 * request at a time: nobody else writes where its answer is read from.
 *
 * Return: @err.
 */
int kpc_refuse(struct kpc_net *kn, struct netlink_ext_ack *extack, int err,
	       const char *fmt, ...)
{
	struct kpc_sentence *s;
	va_list args;

	if (!extack)
		return err;
#ifdef NETLINK_MAX_FMTMSG_LEN
	va_start(args, fmt);
	extack->_msg = extack->_msg_buf;
	if (vsnprintf(extack->_msg_buf, sizeof(extack->_msg_buf), fmt, args) <
	    (int)sizeof(extack->_msg_buf)) {
		va_end(args);
		return err;
	}
	va_end(args);
#endif
	rcu_read_lock();
	spin_lock_bh(&kn->sentence_lock);
	s = take_sentence(kn);
	if (s) {
		va_start(args, fmt);
		vsnprintf(s->text, sizeof(s->text), fmt, args);
		va_end(args);
	}
	extack->_msg = s ? s->text : "refused, with too many others to say why";
	spin_unlock_bh(&kn->sentence_lock);
	rcu_read_unlock();
	return err;
}

/**
 * kpc_missing() - refuse a request without a needed attribute
 * @kn: namespace of the sender
 * @info: the request
 * @attr: the attribute
 * @what: its name
 *
 * Return: 0 if it is there.
 */
int kpc_missing(struct kpc_net *kn, struct genl_info *info, int attr,
		const char *what)
{
	if (info->attrs[attr])
		return 0;
	return kpc_refuse(kn, info->extack, -EINVAL,
			  "the request has no attribute %s", what);
}

/**
 * kpc_named() - the association that a request names
 * @kn: namespace, whose lock is held
 * @info: the request
 * @name: attribute with its name
 * @id: attribute with the id that it has to have, or NULL
 *
 * A name may have passed to another KpcId and other entities since its sender
 * looked; an id is never used again.
 */
struct kpc_association *kpc_named(struct kpc_net *kn,
				  const struct genl_info *info,
				  const struct nlattr *name,
				  const struct nlattr *id)
{
	const char *text = nla_data(name);
	struct kpc_association *a = kpc_association_find(kn, text);

	if (!a)
		return ERR_PTR(kpc_refuse(kn, info->extack, -ENOENT,
					  "no association has the name '%s'",
					  text));
	if (id && nla_get_u32(id) != a->id)
		return ERR_PTR(kpc_refuse(kn, info->extack, -ESTALE,
					  "'%s' has the id %u, not %u: another association has the name now",
					  text, a->id, nla_get_u32(id)));
	return a;
}

/**
 * kpc_sender() - find out who sent a request that a session may send
 * @kn: namespace, whose lock is held
 * @skb: the request
 * @info: the request
 * @sender: filled
 */
int kpc_sender(struct kpc_net *kn, struct sk_buff *skb,
	       struct genl_info *info, struct kpc_sender *sender)
{
	sender->session = kpc_session_find(kn, NETLINK_CB(skb).sk);
	sender->admin = netlink_ns_capable(skb, kn->net->user_ns,
					   CAP_NET_ADMIN);
	/* A warden has the right by itself, and shows it each time. */
	if (sender->admin || (sender->session &&
			      sender->session->type == KPC_SESSION_TYPE_WORKER))
		return 0;
	return kpc_refuse(kn, info->extack, -EPERM,
			  "needs CAP_NET_ADMIN over the network namespace, or a worker session's socket");
}

/**
 * kpc_reply_begin() - begin a reply
 * @info: the request
 * @size: of the attributes, at most
 * @reply: filled, for kpc_reply_end()
 *
 * Who changes something begins before, while the request can still fail.
 */
int kpc_reply_begin(struct genl_info *info, size_t size,
		    struct kpc_reply *reply)
{
	reply->msg = genlmsg_new(size, GFP_KERNEL);
	if (!reply->msg)
		return -ENOMEM;
	reply->hdr = genlmsg_put_reply(reply->msg, info, &kpc_family, 0,
				       info->genlhdr->cmd);
	return 0;
}

/**
 * kpc_reply_end() - send a reply, or drop it
 * @info: the request
 * @reply: from kpc_reply_begin()
 * @err: what the request came to; not 0, there is nothing to send
 *
 * Return: @err, or why the reply was not sent. Who has changed something does
 * not pass that on: the change is made, and a requester whose buffer is full
 * learns of a lost reply from the missing of it.
 */
int kpc_reply_end(struct genl_info *info, struct kpc_reply *reply, int err)
{
	if (err) {
		nlmsg_free(reply->msg);
		return err;
	}
	genlmsg_end(reply->msg, reply->hdr);
	return genlmsg_reply(reply->msg, info);
}

static void read_u32(struct genl_info *info, int attr, u32 *value)
{
	if (info->attrs[attr])
		*value = nla_get_u32(info->attrs[attr]);
}

static bool same_range(const struct kpc_config *a, const struct kpc_config *b)
{
	return a->mark_value == b->mark_value && a->mark_mask == b->mark_mask &&
	       a->handshake_mark == b->handshake_mark;
}

static int check_range(struct kpc_net *kn, struct netlink_ext_ack *extack,
		       const struct kpc_config *c)
{
	if (same_range(c, &kn->config))
		return 0;
	if (kn->confirm_pending)
		return kpc_refuse(kn, extack, -EBUSY,
				  "the managed range does not change while a commit waits to be confirmed or aborted");
	if (kn->roster->n || !xa_empty(&kn->socks))
		return kpc_refuse(kn, extack, -EBUSY,
				  "the managed range does not change while %u associations exist or sockets are registered",
				  kn->roster->n);
	if (!c->mark_value || c->mark_value & ~c->mark_mask)
		return kpc_refuse(kn, extack, -EINVAL,
				  "managed range 0x%08x/0x%08x: the value is not 0 and has no bit outside the mask",
				  c->mark_value, c->mark_mask);
	if (hweight32(~c->mark_mask) < 2)
		return kpc_refuse(kn, extack, -EINVAL,
				  "managed range 0x%08x/0x%08x: the mask leaves no room for marks",
				  c->mark_value, c->mark_mask);
	if ((c->handshake_mark & c->mark_mask) != c->mark_value)
		return kpc_refuse(kn, extack, -ERANGE,
				  "handshake mark 0x%08x is outside the managed range 0x%08x/0x%08x",
				  c->handshake_mark, c->mark_value,
				  c->mark_mask);
	return 0;
}

/* What the machine's memory and time pay for is its administrator's to give. */
static int check_limits(struct kpc_net *kn, struct sk_buff *skb,
			struct genl_info *info, const struct kpc_config *c,
			bool staged)
{
	const struct kpc_config *most = &kpc_default_config;
	const struct kpc_config *now = &kn->config;

	/* Staged with a table, it is judged with that. */
	if (!staged && c->max_associations < kn->roster->n)
		return kpc_refuse(kn, info->extack, -EBUSY,
				  "%u associations exist, more than max-associations %u",
				  kn->roster->n, c->max_associations);
	if (c->max_associations < now->max_associations && kn->confirm_pending)
		return kpc_refuse(kn, info->extack, -EBUSY,
				  "max-associations does not fall while a commit waits to be confirmed or aborted");
	if (c->max_associations > KPC_ASSOCIATIONS_MAX)
		return kpc_refuse(kn, info->extack, -ERANGE,
				  "max-associations %u is more than %u",
				  c->max_associations, KPC_ASSOCIATIONS_MAX);
	if (c->max_associations <= max(now->max_associations,
				       most->max_associations) &&
	    c->max_bindings <= max(now->max_bindings, most->max_bindings) &&
	    c->max_handshakes <= max(now->max_handshakes,
				     most->max_handshakes))
		return 0;
	if (netlink_capable(skb, CAP_NET_ADMIN))
		return 0;
	return kpc_refuse(kn, info->extack, -EPERM,
			  "a limit above %u associations, %u bindings or %u handshakes needs CAP_NET_ADMIN over the machine",
			  most->max_associations, most->max_bindings,
			  most->max_handshakes);
}

/**
 * kpc_config_admit() - judge a staged configuration as it is committed
 * @kn: namespace, whose lock is held
 * @extack: for the sentence of a refusal
 * @t: transaction that changes the configuration
 * @confirm: it may have to be put back
 *
 * Under another range sockets wear marks that mean nothing, so the range could
 * not be put back while those of the commit are there.
 */
int kpc_config_admit(struct kpc_net *kn, struct netlink_ext_ack *extack,
		     const struct kpc_transaction *t, bool confirm)
{
	if (memcmp(&t->config_was, &kn->config, sizeof(kn->config)))
		return kpc_refuse(kn, extack, -EAGAIN,
				  "the configuration has changed since the transaction was begun: begin anew");
	if (confirm && !same_range(&t->config, &kn->config))
		return kpc_refuse(kn, extack, -EBUSY,
				  "the managed range does not change in a commit that is to be confirmed: change it before");
	return check_range(kn, extack, &t->config);
}

/* What was set stays so, also where the files that say wait are read again. */
static void read_clock(const struct genl_info *info, struct kpc_config *c)
{
	const struct nlattr *nla = info->attrs[KPC_A_CONFIG_CLOCK];

	if (nla && (nla_get_u8(nla) != KPC_CLOCK_WAIT ||
		    c->clock != KPC_CLOCK_SET))
		c->clock = nla_get_u8(nla);
}

/**
 * kpc_nl_config_set_doit() - change the configuration, or stage that
 * @skb: request
 * @info: request
 */
int kpc_nl_config_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct kpc_net *kn = kpc_info_net(info);
	struct kpc_transaction *t;
	struct kpc_config c;
	int err;

	mutex_lock(&kn->lock);
	t = kpc_transaction_find(kn, NETLINK_CB(skb).sk);
	c = t ? t->config : kn->config;
	read_u32(info, KPC_A_CONFIG_MARK_VALUE, &c.mark_value);
	read_u32(info, KPC_A_CONFIG_MARK_MASK, &c.mark_mask);
	read_u32(info, KPC_A_CONFIG_HANDSHAKE_MARK, &c.handshake_mark);
	read_u32(info, KPC_A_CONFIG_AGENT_LOST_SECONDS, &c.agent_lost_seconds);
	read_u32(info, KPC_A_CONFIG_MAX_ASSOCIATIONS, &c.max_associations);
	read_u32(info, KPC_A_CONFIG_MAX_BINDINGS, &c.max_bindings);
	read_u32(info, KPC_A_CONFIG_MAX_HANDSHAKES, &c.max_handshakes);
	if (info->attrs[KPC_A_CONFIG_AGENT_LOST])
		c.agent_lost = nla_get_u8(info->attrs[KPC_A_CONFIG_AGENT_LOST]);
	read_clock(info, &c);

	if (!t && kn->confirm_configured)
		err = kpc_refuse(kn, info->extack, -EBUSY,
				 "an earlier commit waits to be confirmed or aborted, which would undo this");
	else
		err = check_range(kn, info->extack, &c) ?:
		      check_limits(kn, skb, info, &c, t);
	if (!err && t) {
		t->config = c;
	} else if (!err && memcmp(&c, &kn->config, sizeof(c))) {
		kn->config = c;
		kpc_audit_commit(kn, &(struct kpc_outcome){}, NULL, true);
	}
	mutex_unlock(&kn->lock);
	return err;
}

static int fill_config(struct sk_buff *msg, struct kpc_net *kn)
{
	const struct kpc_config *c = &kn->config;

	lockdep_assert_held(&kn->lock);
	if (nla_put_u32(msg, KPC_A_CONFIG_MARK_VALUE, c->mark_value) ||
	    nla_put_u32(msg, KPC_A_CONFIG_MARK_MASK, c->mark_mask) ||
	    nla_put_u32(msg, KPC_A_CONFIG_HANDSHAKE_MARK, c->handshake_mark) ||
	    nla_put_u8(msg, KPC_A_CONFIG_AGENT_LOST, c->agent_lost) ||
	    nla_put_u32(msg, KPC_A_CONFIG_AGENT_LOST_SECONDS,
			c->agent_lost_seconds) ||
	    nla_put_u32(msg, KPC_A_CONFIG_MAX_ASSOCIATIONS,
			c->max_associations) ||
	    nla_put_u32(msg, KPC_A_CONFIG_MAX_BINDINGS, c->max_bindings) ||
	    nla_put_u32(msg, KPC_A_CONFIG_MAX_HANDSHAKES, c->max_handshakes) ||
	    nla_put_u8(msg, KPC_A_CONFIG_CLOCK, c->clock) ||
	    nla_put_u64_64bit(msg, KPC_A_CONFIG_GENERATION,
			      kpc_event_generation(kn), KPC_A_CONFIG_PAD) ||
	    nla_put_u32(msg, KPC_A_CONFIG_ABI, KPC_ABI_VERSION) ||
	    nla_put_string(msg, KPC_A_CONFIG_MODULE_VERSION, KPC_VERSION))
		return -EMSGSIZE;
	return 0;
}

/**
 * kpc_nl_config_get_doit() - tell the configuration
 * @skb: request
 * @info: request
 */
int kpc_nl_config_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct kpc_net *kn = kpc_info_net(info);
	struct kpc_reply reply;
	u32 abi;
	int err;

	if (info->attrs[KPC_A_CONFIG_ABI]) {
		abi = nla_get_u32(info->attrs[KPC_A_CONFIG_ABI]);
		if (abi != KPC_ABI_VERSION)
			return kpc_refuse(kn, info->extack, -EPROTO,
					  "the module has ABI %d, not %u",
					  KPC_ABI_VERSION, abi);
	}
	err = kpc_reply_begin(info, NLMSG_DEFAULT_SIZE, &reply);
	if (err)
		return err;
	mutex_lock(&kn->lock);
	err = fill_config(reply.msg, kn);
	mutex_unlock(&kn->lock);
	return kpc_reply_end(info, &reply, err);
}

static int fill_stats(struct sk_buff *msg, struct kpc_net *kn, bool reset)
{
	static const u8 attrs[KPC_COUNTERS] = {
		[KPC_COUNT_BOUND]	= KPC_A_STATS_BOUND,
		[KPC_COUNT_ENDED]	= KPC_A_STATS_ENDED,
		[KPC_COUNT_VIOLATIONS]	= KPC_A_STATS_VIOLATIONS,
		[KPC_COUNT_SUPPRESSED]	= KPC_A_STATS_SUPPRESSED,
		[KPC_COUNT_DROPPED_OUT]	= KPC_A_STATS_DROPPED_OUT,
		[KPC_COUNT_DROPPED_IN]	= KPC_A_STATS_DROPPED_IN,
		[KPC_COUNT_REFUSED]	= KPC_A_STATS_REFUSED,
#define KIND(kind)							\
		[KPC_COUNT_KIND + KPC_VIOLATION_KIND_##kind] =		\
			KPC_A_STATS_VIOLATIONS_##kind
		KIND(MARK),
		KIND(ENDPOINT),
		KIND(ASSOCIATION),
		KIND(CHANGED),
		KIND(GRANT),
		KIND(BUDGET),
#undef KIND
	};
	const struct kpc_table *table;
	unsigned int i;
	u32 endpoints;

	lockdep_assert_held(&kn->lock);
	table = rcu_dereference_protected(kn->table,
					  lockdep_is_held(&kn->lock));
	endpoints = table ? table->n : 0;
	if (nla_put_u32(msg, KPC_A_STATS_ASSOCIATIONS, kn->roster->n) ||
	    nla_put_u32(msg, KPC_A_STATS_ENDPOINTS, endpoints) ||
	    nla_put_u32(msg, KPC_A_STATS_BINDINGS,
			atomic_read(&kn->n_bindings)) ||
	    nla_put_u32(msg, KPC_A_STATS_HANDSHAKES,
			atomic_read(&kn->n_handshakes)) ||
	    nla_put_u32(msg, KPC_A_STATS_SESSIONS,
			list_count_nodes(&kn->sessions)))
		return -EMSGSIZE;
	for (i = 0; i < KPC_COUNTERS; i++) {
		atomic64_t *n = &kn->counters.n[i];

		if (nla_put_u64_64bit(msg, attrs[i], reset ?
				      atomic64_xchg(n, 0) : atomic64_read(n),
				      KPC_A_STATS_PAD))
			return -EMSGSIZE;
	}
	return 0;
}

/**
 * kpc_nl_stats_get_doit() - tell the counters
 * @skb: request
 * @info: request
 */
int kpc_nl_stats_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct kpc_net *kn = kpc_info_net(info);
	struct kpc_reply reply;
	int err;

	err = kpc_reply_begin(info, NLMSG_DEFAULT_SIZE, &reply);
	if (err)
		return err;
	mutex_lock(&kn->lock);
	err = fill_stats(reply.msg, kn, info->attrs[KPC_A_STATS_RESET]);
	mutex_unlock(&kn->lock);
	return kpc_reply_end(info, &reply, err);
}

/* Told behind the end of any netlink socket; which one, the socket says. */
static int on_release(struct notifier_block *nb, unsigned long what, void *data)
{
	const struct netlink_notify *n = data;
	struct kpc_net *kn;

	if (what != NETLINK_URELEASE || n->protocol != NETLINK_GENERIC)
		return NOTIFY_DONE;
	kn = kpc_net(n->net);
	/* Most are nothing of ours; what slips through here the sweep finds. */
	if (list_empty_careful(&kn->sessions) &&
	    list_empty_careful(&kn->transactions))
		return NOTIFY_DONE;
	mutex_lock(&kn->lock);
	kpc_sessions_reap(kn);
	kpc_transactions_reap(kn);
	mutex_unlock(&kn->lock);
	return NOTIFY_DONE;
}

static struct notifier_block release_nb = {
	.notifier_call = on_release,
};

/**
 * kpc_netlink_init() - begin to take requests
 */
int kpc_netlink_init(void)
{
	int err;

	err = netlink_register_notifier(&release_nb);
	if (err)
		return err;
	err = genl_register_family(&kpc_family);
	if (err)
		netlink_unregister_notifier(&release_nb);
	return err;
}

/**
 * kpc_netlink_exit() - take no more requests
 */
void kpc_netlink_exit(void)
{
	genl_unregister_family(&kpc_family);
	netlink_unregister_notifier(&release_nb);
}
