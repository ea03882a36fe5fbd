// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests about associations, endpoints and transactions.
 */
#include <linux/ktime.h>
#include <net/genetlink.h>

#include "association.h"
#include "compat.h"
#include "endpoint.h"
#include "net.h"
#include "netlink.h"
#include "netlink_gen.h"
#include "policy.h"
#include "roster.h"
#include "socket.h"
#include "transaction.h"

/* Octets of bindings that ended, and of those alive. */
static void octets(struct kpc_association *a, u64 *tx, u64 *rx)
{
	struct kpc_sock *ks;

	*tx = atomic64_read(&a->tx_octets);
	*rx = atomic64_read(&a->rx_octets);
	rcu_read_lock();
	list_for_each_entry_rcu(ks, &a->socks, bound_node) {
		*tx += kpc_sock_tx(ks);
		*rx += kpc_sock_rx(ks);
	}
	rcu_read_unlock();
}

static int fill_u64(struct sk_buff *skb, int attr, u64 value)
{
	return nla_put_u64_64bit(skb, attr, value, KPC_A_ASSOCIATION_PAD);
}

static int fill(struct sk_buff *skb, struct kpc_association *a)
{
	struct kpc_packets packets;
	u64 tx, rx, age;

	octets(a, &tx, &rx);
	kpc_packets_sum(a->packets, &packets);
	age = ktime_to_ms(ktime_sub(ktime_get_boottime(), a->added));

	if (nla_put_u32(skb, KPC_A_ASSOCIATION_ID, a->id) ||
	    kpc_policy_fill(skb, kpc_association_policy(a)) ||
	    fill_u64(skb, KPC_A_ASSOCIATION_GENERATION,
		     kpc_event_generation(a->kn)) ||
	    nla_put_u32(skb, KPC_A_ASSOCIATION_BINDINGS,
			atomic_read(&a->bindings)) ||
	    fill_u64(skb, KPC_A_ASSOCIATION_BOUND, atomic64_read(&a->bound)) ||
	    fill_u64(skb, KPC_A_ASSOCIATION_TX_OCTETS, tx) ||
	    fill_u64(skb, KPC_A_ASSOCIATION_RX_OCTETS, rx) ||
	    fill_u64(skb, KPC_A_ASSOCIATION_TX_PACKETS, packets.tx) ||
	    fill_u64(skb, KPC_A_ASSOCIATION_RX_PACKETS, packets.rx) ||
	    fill_u64(skb, KPC_A_ASSOCIATION_VIOLATIONS,
		     atomic64_read(&a->violations)) ||
	    fill_u64(skb, KPC_A_ASSOCIATION_AGE, age))
		return -EMSGSIZE;
	return 0;
}

/*
 * Deletes an association. What is revoked stays so when the table of before
 * comes back: it goes out of that too, under whichever name, and where the
 * commit that waits has taken it out of force already, out of that alone.
 */
static int revoke(struct kpc_net *kn, struct netlink_ext_ack *extack,
		  struct list_head *alone, const char *name,
		  struct kpc_outcome *outcome)
{
	struct kpc_association *a = kpc_association_find(kn, name);
	int err;

	if (!a && kpc_confirm_revoke(kn, name)) {
		/* That commit has ended what it had, and waited for it. */
		memset(outcome, 0, sizeof(*outcome));
		outcome->quiet = ktime_get_ns();
		return 0;
	}
	/* Who it was is asked when it is gone. */
	if (a)
		refcount_inc(&a->ref);
	err = kpc_commit(kn, extack, KPC_LOAD_MODE_APPLY, alone, NULL, false,
			 outcome);
	if (a && !err)
		kpc_confirm_forget(kn, kpc_association_policy(a));
	kpc_association_put(a);
	return err;
}

/* Stages an operation, or carries it out alone, with the reply made before. */
static int submit(struct kpc_net *kn, struct sk_buff *skb,
		  struct genl_info *info, struct kpc_staged *staged,
		  struct kpc_reply *reply, struct kpc_outcome *outcome,
		  bool *carried_out)
{
	struct kpc_transaction *t;
	LIST_HEAD(alone);
	int err;

	t = kpc_transaction_find(kn, NETLINK_CB(skb).sk);
	*carried_out = !t;
	if (t) {
		err = kpc_transaction_stage(kn, info->extack, t, staged);
		if (!err)
			return 0;
	}
	list_add(&staged->node, &alone);
	if (!t && staged->policy && kn->confirm_pending)
		err = kpc_refuse(kn, info->extack, -EBUSY,
				 "an earlier commit waits to be confirmed or aborted, which would undo this");
	else if (!t)
		err = kpc_reply_begin(info, KPC_ASSOCIATION_MSG, reply);
	if (!t && !err) {
		if (staged->policy)
			err = kpc_commit(kn, info->extack, KPC_LOAD_MODE_APPLY,
					 &alone, NULL, false, outcome);
		else
			err = revoke(kn, info->extack, &alone, staged->name,
				     outcome);
		if (err)
			nlmsg_free(reply->msg);
	}
	kpc_staged_free(&alone);
	return err;
}

/**
 * kpc_nl_association_new_doit() - add an association, or change its policy
 * @skb: request
 * @info: request
 */
int kpc_nl_association_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct kpc_net *kn = kpc_info_net(info);
	char name[KPC_NAME_MAX + 1];
	struct kpc_outcome outcome;
	struct kpc_policy *policy;
	struct kpc_staged *staged;
	struct kpc_reply reply;
	bool carried_out;
	int err;

	policy = kpc_policy_parse(kn, info);
	if (IS_ERR(policy))
		return PTR_ERR(policy);
	strscpy(name, policy->name, sizeof(name));
	staged = kpc_staged_new(policy, name,
				info->attrs[KPC_A_ASSOCIATION_FORCE]);
	if (!staged) {
		kfree(policy);
		return -ENOMEM;
	}
	mutex_lock(&kn->lock);
	err = submit(kn, skb, info, staged, &reply, &outcome, &carried_out);
	if (!err && carried_out)
		kpc_reply_end(info, &reply,
			      fill(reply.msg, kpc_association_find(kn, name)));
	mutex_unlock(&kn->lock);
	return err;
}

/*
 * Brings the addresses of a peer's name into force. The operator has named the
 * peer: live sockets that are not bound do not keep it from being protected, for
 * then whoever has one, and needs no right for it, would keep it open to all.
 */
static int resolve(struct kpc_net *kn, struct genl_info *info, u32 id,
		   const char *peer)
{
	struct kpc_association *a = kpc_association_by_id(kn, id);
	struct kpc_outcome outcome;
	struct kpc_staged *staged;
	struct kpc_policy *policy;
	LIST_HEAD(alone);
	int err;

	if (!a || strcmp(kpc_association_policy(a)->peer, peer))
		return kpc_refuse(kn, info->extack, -ESTALE,
				  "no association has the id %u and the peer '%s' any more",
				  id, peer);
	policy = kpc_policy_resolve(kn, info, kpc_association_policy(a));
	if (IS_ERR(policy))
		return PTR_ERR(policy);
	staged = kpc_staged_new(policy, policy->name, true);
	if (!staged) {
		kfree(policy);
		return -ENOMEM;
	}
	list_add(&staged->node, &alone);
	err = kpc_commit(kn, info->extack, KPC_LOAD_MODE_APPLY, &alone, NULL,
			 false, &outcome);
	kpc_staged_free(&alone);
	if (!err)
		kpc_confirm_resolve(kn, info, kpc_association_policy(a));
	return err;
}

/**
 * kpc_nl_association_resolve_doit() - protect where a peer's name leads
 * @skb: request
 * @info: request
 */
int kpc_nl_association_resolve_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *agent[KPC_A_AGENT_MAX + 1];
	struct kpc_net *kn = kpc_info_net(info);
	int err;

	err = kpc_missing(kn, info, KPC_A_ASSOCIATION_ID, "id") ?:
	      kpc_missing(kn, info, KPC_A_ASSOCIATION_AGENT, "agent");
	if (err)
		return err;
	err = nla_parse_nested(agent, KPC_A_AGENT_MAX,
			       info->attrs[KPC_A_ASSOCIATION_AGENT],
			       kpc_agent_nl_policy, info->extack);
	if (err)
		return err;
	if (!agent[KPC_A_AGENT_PEER])
		return kpc_refuse(kn, info->extack, -EINVAL,
				  "the request's agent has no attribute peer");
	mutex_lock(&kn->lock);
	err = resolve(kn, info, nla_get_u32(info->attrs[KPC_A_ASSOCIATION_ID]),
		      nla_data(agent[KPC_A_AGENT_PEER]));
	mutex_unlock(&kn->lock);
	return err;
}

static int fill_del(struct sk_buff *msg, const char *name, u32 bindings,
		    u64 took)
{
	if (nla_put_string(msg, KPC_A_ASSOCIATION_NAME, name) ||
	    nla_put_u32(msg, KPC_A_ASSOCIATION_BINDINGS, bindings) ||
	    fill_u64(msg, KPC_A_ASSOCIATION_TOOK, took))
		return -EMSGSIZE;
	return 0;
}

/**
 * kpc_nl_association_del_doit() - delete an association
 * @skb: request
 * @info: request
 */
int kpc_nl_association_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct kpc_net *kn = kpc_info_net(info);
	u64 received = ktime_get_ns();
	struct kpc_outcome outcome;
	struct kpc_staged *staged;
	struct kpc_reply reply;
	bool carried_out;
	char *name;
	int err;

	err = kpc_missing(kn, info, KPC_A_ASSOCIATION_NAME, "name");
	if (err)
		return err;
	name = nla_data(info->attrs[KPC_A_ASSOCIATION_NAME]);
	staged = kpc_staged_new(NULL, name,
				info->attrs[KPC_A_ASSOCIATION_FORCE]);
	if (!staged)
		return -ENOMEM;
	mutex_lock(&kn->lock);
	err = submit(kn, skb, info, staged, &reply, &outcome, &carried_out);
	mutex_unlock(&kn->lock);
	if (!err && carried_out)
		kpc_reply_end(info, &reply,
			      fill_del(reply.msg, name, outcome.ended,
				       outcome.quiet - received));
	return err;
}

/**
 * kpc_nl_association_get_doit() - tell of one association
 * @skb: request
 * @info: request
 */
int kpc_nl_association_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct kpc_net *kn = kpc_info_net(info);
	struct kpc_association *a;
	struct kpc_reply reply;
	const char *name;
	int err;

	err = kpc_missing(kn, info, KPC_A_ASSOCIATION_NAME, "name") ?:
	      kpc_reply_begin(info, KPC_ASSOCIATION_MSG, &reply);
	if (err)
		return err;
	name = nla_data(info->attrs[KPC_A_ASSOCIATION_NAME]);
	mutex_lock(&kn->lock);
	a = kpc_association_find(kn, name);
	err = a ? fill(reply.msg, a) :
		  kpc_refuse(kn, info->extack, -ENOENT,
			     "no association has the name '%s'", name);
	mutex_unlock(&kn->lock);
	return kpc_reply_end(info, &reply, err);
}

static int dump_one(struct sk_buff *skb, struct netlink_callback *cb,
		    struct kpc_association *a)
{
	void *hdr;

	hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			  &kpc_family, NLM_F_MULTI, KPC_CMD_ASSOCIATION_GET);
	if (!hdr)
		return -EMSGSIZE;
	genl_dump_check_consistent(cb, hdr);
	if (fill(skb, a)) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return 0;
}

/**
 * kpc_nl_association_get_dumpit() - tell of all associations
 * @skb: reply
 * @cb: state of the dump; the first argument is the id told last
 */
int kpc_nl_association_get_dumpit(struct sk_buff *skb,
				  struct netlink_callback *cb)
{
	struct kpc_net *kn = kpc_net(sock_net(skb->sk));
	unsigned int i;
	int err = 0;

	mutex_lock(&kn->lock);
	cb->seq = kn->commits + 1;
	for (i = kpc_roster_behind(kn, cb->args[0]); i < kn->roster->n; i++) {
		struct kpc_association *a = kn->roster->at[i];

		err = dump_one(skb, cb, a);
		/* A message of the dump may be too small for one. */
		if (err && !skb->len &&
		    !pskb_expand_head(skb, 0, KPC_ASSOCIATION_MSG, GFP_KERNEL))
			err = dump_one(skb, cb, a);
		if (err)
			break;
		cb->args[0] = a->id;
		err = 0;
	}
	mutex_unlock(&kn->lock);
	/* An empty message would be taken for the end. */
	return skb->len ?: err;
}

static int fill_endpoint(struct sk_buff *skb, const struct kpc_endpoint *e)
{
	const struct kpc_side *side = &e->side;
	u8 head = e->family == AF_INET ? 96 : 0;

	if (nla_put_u8(skb, KPC_A_ENDPOINT_PROTOCOL, e->protocol) ||
	    nla_put_u16(skb, KPC_A_ENDPOINT_FAMILY, e->family) ||
	    nla_put_u8(skb, KPC_A_ENDPOINT_ROLE, e->role) ||
	    nla_put_u32(skb, KPC_A_ENDPOINT_ASSOCIATIONS, e->associations))
		return -EMSGSIZE;
	if (side->prefix > head &&
	    (kpc_address_fill(skb, KPC_A_ENDPOINT_ADDRESS, e->family,
			      &side->address) ||
	     nla_put_u8(skb, KPC_A_ENDPOINT_PREFIX, side->prefix - head)))
		return -EMSGSIZE;
	if (!kpc_side_any_port(side) &&
	    (nla_put_u16(skb, KPC_A_ENDPOINT_PORT_MIN, side->port_min) ||
	     nla_put_u16(skb, KPC_A_ENDPOINT_PORT_MAX, side->port_max)))
		return -EMSGSIZE;
	return 0;
}

static const struct kpc_table *locked_table(struct kpc_net *kn)
{
	return rcu_dereference_protected(kn->table,
					 lockdep_is_held(&kn->lock));
}

static int tell_endpoint(struct sk_buff *msg, struct kpc_net *kn,
			 struct genl_info *info, u8 protocol, u16 family,
			 const struct in6_addr *address)
{
	u16 port = nla_get_u16(info->attrs[KPC_A_ENDPOINT_PORT_MIN]);
	u8 role = nla_get_u8(info->attrs[KPC_A_ENDPOINT_ROLE]);
	const struct kpc_table *table = locked_table(kn);
	const struct kpc_endpoint *e = NULL;

	if (table)
		e = kpc_table_find_side(table, protocol, role, family, address,
					port);
	if (!e)
		return kpc_refuse(kn, info->extack, -ENOENT,
				  "no endpoint protects %s %pI6c port %u%s",
				  role == KPC_ROLE_B ? "local" : "remote",
				  address, port,
				  protocol == IPPROTO_UDP ? " of UDP" : "");
	return fill_endpoint(msg, e);
}

/**
 * kpc_nl_endpoint_get_doit() - tell what protects an address and a port
 * @skb: request
 * @info: request
 */
int kpc_nl_endpoint_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	static const struct {
		u8 attr;
		const char *name;
	} needed[] = {
		{ KPC_A_ENDPOINT_FAMILY,	"family" },
		{ KPC_A_ENDPOINT_ROLE,		"role" },
		{ KPC_A_ENDPOINT_ADDRESS,	"address" },
		{ KPC_A_ENDPOINT_PORT_MIN,	"port-min" },
	};
	struct kpc_net *kn = kpc_info_net(info);
	struct nlattr **tb = info->attrs;
	struct kpc_reply reply;
	u8 protocol = IPPROTO_TCP;
	struct in6_addr address;
	unsigned int i;
	u16 family;
	int err;

	for (i = 0; i < ARRAY_SIZE(needed); i++) {
		err = kpc_missing(kn, info, needed[i].attr, needed[i].name);
		if (err)
			return err;
	}
	if (tb[KPC_A_ENDPOINT_PROTOCOL])
		protocol = nla_get_u8(tb[KPC_A_ENDPOINT_PROTOCOL]);
	if (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP)
		return kpc_refuse(kn, info->extack, -EPROTONOSUPPORT,
				  "protocol %u is neither TCP (6) nor UDP (17)",
				  protocol);
	family = nla_get_u16(tb[KPC_A_ENDPOINT_FAMILY]);
	if (kpc_address_parse(&address, family,
			      tb[KPC_A_ENDPOINT_ADDRESS]) < 0)
		return kpc_refuse(kn, info->extack, -EINVAL,
				  "an address is 4 octets with AF_INET or 16 with AF_INET6");
	err = kpc_reply_begin(info, NLMSG_DEFAULT_SIZE, &reply);
	if (err)
		return err;
	mutex_lock(&kn->lock);
	err = tell_endpoint(reply.msg, kn, info, protocol, family, &address);
	mutex_unlock(&kn->lock);
	return kpc_reply_end(info, &reply, err);
}

/**
 * kpc_nl_endpoint_get_dumpit() - tell of all endpoints
 * @skb: reply
 * @cb: state of the dump; the first argument is the index of the next one
 */
int kpc_nl_endpoint_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct kpc_net *kn = kpc_net(sock_net(skb->sk));
	const struct kpc_table *table;
	void *hdr;

	mutex_lock(&kn->lock);
	table = locked_table(kn);
	cb->seq = kn->commits + 1;
	for (; table && cb->args[0] < table->n; cb->args[0]++) {
		hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid,
				  cb->nlh->nlmsg_seq, &kpc_family, NLM_F_MULTI,
				  KPC_CMD_ENDPOINT_GET);
		if (!hdr)
			break;
		genl_dump_check_consistent(cb, hdr);
		if (fill_endpoint(skb, &table->endpoints[cb->args[0]])) {
			genlmsg_cancel(skb, hdr);
			break;
		}
		genlmsg_end(skb, hdr);
	}
	mutex_unlock(&kn->lock);
	return skb->len;
}

/**
 * kpc_nl_transaction_begin_doit() - begin to stage
 * @skb: request
 * @info: request
 */
int kpc_nl_transaction_begin_doit(struct sk_buff *skb, struct genl_info *info)
{
	const struct nlattr *mode = info->attrs[KPC_A_TRANSACTION_MODE];
	struct kpc_net *kn = kpc_info_net(info);
	int err;

	mutex_lock(&kn->lock);
	err = kpc_transaction_begin(kn, info->extack, NETLINK_CB(skb).sk,
				    mode ? nla_get_u8(mode) :
					   KPC_LOAD_MODE_APPLY);
	mutex_unlock(&kn->lock);
	return err;
}

static int fill_commit(struct sk_buff *msg, const struct kpc_outcome *outcome)
{
	if (nla_put_u32(msg, KPC_A_TRANSACTION_ADDED, outcome->added) ||
	    nla_put_u32(msg, KPC_A_TRANSACTION_CHANGED, outcome->changed) ||
	    nla_put_u32(msg, KPC_A_TRANSACTION_REMOVED, outcome->removed) ||
	    nla_put_u32(msg, KPC_A_TRANSACTION_ENDED, outcome->ended))
		return -EMSGSIZE;
	return 0;
}

static int commit_staged(struct kpc_net *kn, struct genl_info *info,
			 struct kpc_transaction *t, struct kpc_outcome *outcome)
{
	const struct nlattr *nla =
		info->attrs[KPC_A_TRANSACTION_CONFIRM_SECONDS];
	const struct kpc_config *config = NULL, *before = NULL;
	u32 seconds = nla ? nla_get_u32(nla) : 0;
	LIST_HEAD(kept);
	int err;

	if (!t)
		return kpc_refuse(kn, info->extack, -ENOENT,
				  "this socket has begun no transaction");
	if (kn->confirm_pending)
		return kpc_refuse(kn, info->extack, -EBUSY,
				  "an earlier commit waits to be confirmed or aborted");
	if (seconds > KPC_CONFIRM_MAX)
		return kpc_refuse(kn, info->extack, -ERANGE,
				  "confirm-seconds %u is more than %u", seconds,
				  KPC_CONFIRM_MAX);
	if (kpc_transaction_configures(t)) {
		err = kpc_config_admit(kn, info->extack, t, seconds);
		if (err)
			return err;
		config = &t->config;
		before = &t->config_was;
	}
	if (seconds) {
		err = kpc_confirm_keep(kn, &kept);
		if (err)
			return err;
	}
	err = kpc_commit(kn, info->extack, t->mode, &t->staged, config,
			 info->attrs[KPC_A_TRANSACTION_FORCE], outcome);
	if (err) {
		kpc_staged_free(&kept);
		return err;
	}
	if (seconds)
		kpc_confirm_arm(kn, &kept, before, seconds);
	kpc_transaction_free(t);
	return 0;
}

/**
 * kpc_nl_transaction_commit_doit() - carry out what was staged
 * @skb: request
 * @info: request
 *
 * Where it is refused the transaction stays, so that the same may be tried
 * again with force.
 */
int kpc_nl_transaction_commit_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct kpc_net *kn = kpc_info_net(info);
	struct kpc_outcome outcome;
	struct kpc_reply reply;
	int err;

	err = kpc_reply_begin(info, NLMSG_DEFAULT_SIZE, &reply);
	if (err)
		return err;
	mutex_lock(&kn->lock);
	err = commit_staged(kn, info,
			    kpc_transaction_find(kn, NETLINK_CB(skb).sk),
			    &outcome);
	mutex_unlock(&kn->lock);
	kpc_reply_end(info, &reply, err ?: fill_commit(reply.msg, &outcome));
	return err;
}

/**
 * kpc_nl_transaction_confirm_doit() - keep a commit, or undo it
 * @skb: request
 * @info: request
 */
int kpc_nl_transaction_confirm_doit(struct sk_buff *skb, struct genl_info *info)
{
	bool abort = info->attrs[KPC_A_TRANSACTION_ABORT];
	struct kpc_net *kn = kpc_info_net(info);
	struct kpc_transaction *t;
	int err = 0;

	mutex_lock(&kn->lock);
	t = kpc_transaction_find(kn, NETLINK_CB(skb).sk);
	/* Who has begun one of his own gives up that, not what waits. */
	if (t && abort)
		kpc_transaction_free(t);
	else if (kn->confirm_pending)
		err = kpc_confirm(kn, info->extack, abort);
	else
		err = kpc_refuse(kn, info->extack, -ENOENT,
				 "no commit waits to be confirmed");
	mutex_unlock(&kn->lock);
	return err;
}
