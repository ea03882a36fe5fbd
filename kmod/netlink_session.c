// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests about the agent: sessions, grants, establish and close.
 */
#include <net/genetlink.h>

#include "association.h"
#include "establish.h"
#include "net.h"
#include "netlink.h"
#include "netlink_gen.h"
#include "policy.h"
#include "roster.h"
#include "session.h"
#include "socket.h"

static int from_warden(struct kpc_net *kn, struct sk_buff *skb,
		       struct genl_info *info)
{
	if (kn->warden && kn->warden->sk == NETLINK_CB(skb).sk)
		return 0;
	return kpc_refuse(kn, info->extack, -EPERM,
			  "only the warden's session may ask this");
}

static struct kpc_session *session_new(struct kpc_net *kn, struct sk_buff *skb,
				       struct genl_info *info)
{
	const struct nlattr *fd = info->attrs[KPC_A_SESSION_FD];
	const struct nlattr *pid = info->attrs[KPC_A_SESSION_PID];
	struct kpc_session *s;
	struct sock *sk;
	int err;

	if (nla_get_u8(info->attrs[KPC_A_SESSION_TYPE]) ==
	    KPC_SESSION_TYPE_WARDEN)
		return kpc_session_new(kn, info->extack, NETLINK_CB(skb).sk,
				       KPC_SESSION_TYPE_WARDEN,
				       pid ? nla_get_u32(pid) :
					     task_tgid_vnr(current));

	err = from_warden(kn, skb, info) ?:
	      kpc_missing(kn, info, KPC_A_SESSION_FD, "fd") ?:
	      kpc_missing(kn, info, KPC_A_SESSION_PID, "pid");
	if (err)
		return ERR_PTR(err);
	sk = kpc_sock_from_fd(kn, nla_get_s32(fd), KPC_FD_GENETLINK,
			      info->extack);
	if (IS_ERR(sk))
		return ERR_CAST(sk);
	s = kpc_session_new(kn, info->extack, sk, KPC_SESSION_TYPE_WORKER,
			    nla_get_u32(pid));
	sock_put(sk);
	return s;
}

static int fill_new(struct sk_buff *msg, u32 id)
{
	if (nla_put_u32(msg, KPC_A_SESSION_ID, id) ||
	    nla_put_u32(msg, KPC_A_SESSION_ABI, KPC_ABI_VERSION))
		return -EMSGSIZE;
	return 0;
}

/**
 * kpc_nl_session_new_doit() - register the warden, or a worker
 * @skb: request
 * @info: request
 */
int kpc_nl_session_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	const struct nlattr *abi = info->attrs[KPC_A_SESSION_ABI];
	struct kpc_net *kn = kpc_info_net(info);
	struct kpc_reply reply;
	struct kpc_session *s;
	u32 id = 0;
	int err;

	err = kpc_missing(kn, info, KPC_A_SESSION_TYPE, "type");
	if (err)
		return err;
	if (abi && nla_get_u32(abi) != KPC_ABI_VERSION)
		return kpc_refuse(kn, info->extack, -EPROTO,
				  "the module has ABI %d, the agent %u",
				  KPC_ABI_VERSION, nla_get_u32(abi));
	err = kpc_reply_begin(info, NLMSG_DEFAULT_SIZE, &reply);
	if (err)
		return err;
	mutex_lock(&kn->lock);
	s = session_new(kn, skb, info);
	err = PTR_ERR_OR_ZERO(s);
	if (!err)
		id = s->id;
	mutex_unlock(&kn->lock);
	kpc_reply_end(info, &reply, err ?: fill_new(reply.msg, id));
	return err;
}

static int fill_session(struct sk_buff *skb, struct kpc_net *kn,
			const struct kpc_session *s)
{
	if (nla_put_u32(skb, KPC_A_SESSION_ID, s->id) ||
	    nla_put_u8(skb, KPC_A_SESSION_TYPE, s->type) ||
	    nla_put_u32(skb, KPC_A_SESSION_PID, s->pid) ||
	    nla_put_u32(skb, KPC_A_SESSION_BINDINGS,
			kpc_session_bindings(kn, s->id)) ||
	    nla_put_u32(skb, KPC_A_SESSION_GRANTS, s->n_grants))
		return -EMSGSIZE;
	return 0;
}

static int tell_session(struct sk_buff *msg, struct kpc_net *kn,
			struct genl_info *info, u32 id)
{
	struct kpc_session *s = kpc_session_find_id(kn, id);

	if (!s)
		return kpc_refuse(kn, info->extack, -ENOENT,
				  "no session has the id %u", id);
	return fill_session(msg, kn, s);
}

/**
 * kpc_nl_session_get_doit() - tell of one session
 * @skb: request
 * @info: request
 */
int kpc_nl_session_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct kpc_net *kn = kpc_info_net(info);
	struct kpc_reply reply;
	int err;

	err = kpc_missing(kn, info, KPC_A_SESSION_ID, "id") ?:
	      kpc_reply_begin(info, NLMSG_DEFAULT_SIZE, &reply);
	if (err)
		return err;
	mutex_lock(&kn->lock);
	kpc_sessions_reap(kn);
	err = tell_session(reply.msg, kn, info,
			   nla_get_u32(info->attrs[KPC_A_SESSION_ID]));
	mutex_unlock(&kn->lock);
	return kpc_reply_end(info, &reply, err);
}

/**
 * kpc_nl_session_get_dumpit() - tell of all sessions
 * @skb: reply
 * @cb: state of the dump; the first argument is the id told last
 */
int kpc_nl_session_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct kpc_net *kn = kpc_net(sock_net(skb->sk));
	struct kpc_session *s;
	void *hdr;

	mutex_lock(&kn->lock);
	kpc_sessions_reap(kn);
	list_for_each_entry(s, &kn->sessions, node) {
		if (s->id <= cb->args[0])
			continue;
		hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid,
				  cb->nlh->nlmsg_seq, &kpc_family, NLM_F_MULTI,
				  KPC_CMD_SESSION_GET);
		if (!hdr)
			break;
		if (fill_session(skb, kn, s)) {
			genlmsg_cancel(skb, hdr);
			break;
		}
		genlmsg_end(skb, hdr);
		cb->args[0] = s->id;
	}
	mutex_unlock(&kn->lock);
	return skb->len;
}

static int grant_new(struct kpc_net *kn, struct sk_buff *skb,
		     struct genl_info *info)
{
	u32 id = nla_get_u32(info->attrs[KPC_A_GRANT_SESSION]);
	struct kpc_association *a;
	struct kpc_session *s;
	int err;

	err = from_warden(kn, skb, info);
	if (err)
		return err;
	kpc_sessions_reap(kn);
	s = kpc_session_find_id(kn, id);
	if (!s || s->type != KPC_SESSION_TYPE_WORKER)
		return kpc_refuse(kn, info->extack, -ENOENT,
				  "no worker session has the id %u", id);
	a = kpc_named(kn, info, info->attrs[KPC_A_GRANT_ASSOCIATION],
		      info->attrs[KPC_A_GRANT_ASSOCIATION_ID]);
	if (IS_ERR(a))
		return PTR_ERR(a);
	return kpc_grant_new(s, a->id);
}

/**
 * kpc_nl_grant_new_doit() - let a worker make one binding
 * @skb: request
 * @info: request
 */
int kpc_nl_grant_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct kpc_net *kn = kpc_info_net(info);
	int err;

	err = kpc_missing(kn, info, KPC_A_GRANT_SESSION, "session") ?:
	      kpc_missing(kn, info, KPC_A_GRANT_ASSOCIATION, "association") ?:
	      kpc_missing(kn, info, KPC_A_GRANT_ASSOCIATION_ID,
			  "association-id");
	if (err)
		return err;
	mutex_lock(&kn->lock);
	err = grant_new(kn, skb, info);
	mutex_unlock(&kn->lock);
	return err;
}

/**
 * kpc_nl_establish_doit() - ask the agent to establish an association
 * @skb: request
 * @info: request
 *
 * The reply goes out before the agent can answer, so that who asked knows
 * the id when the outcome comes.
 */
int kpc_nl_establish_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct kpc_net *kn = kpc_info_net(info);
	struct kpc_establish *e;
	struct kpc_association *a;
	struct kpc_reply reply;
	int err;

	err = kpc_missing(kn, info, KPC_A_ESTABLISH_ASSOCIATION,
			  "association") ?:
	      kpc_reply_begin(info, NLMSG_DEFAULT_SIZE, &reply);
	if (err)
		return err;
	mutex_lock(&kn->lock);
	kpc_sessions_reap(kn);
	a = kpc_named(kn, info, info->attrs[KPC_A_ESTABLISH_ASSOCIATION], NULL);
	if (IS_ERR(a)) {
		err = PTR_ERR(a);
	} else if (!kn->warden) {
		err = kpc_refuse(kn, info->extack, -ENOTCONN,
				 "no agent is registered in this network namespace");
	} else {
		e = kpc_establish_new(kn, info->extack,
				      kpc_association_policy(a)->name,
				      KPC_ESTABLISH_STATE_REQUESTED);
		err = PTR_ERR_OR_ZERO(e);
	}
	kpc_reply_end(info, &reply,
		      err ?: nla_put_u32(reply.msg, KPC_A_ESTABLISH_ID, e->id));
	mutex_unlock(&kn->lock);
	return err;
}

/**
 * kpc_nl_close_doit() - end an association's bindings, and ask the agent
 * @skb: request
 * @info: request
 */
int kpc_nl_close_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct kpc_net *kn = kpc_info_net(info);
	struct kpc_establish *e;
	struct kpc_association *a;
	struct kpc_reply reply;
	int err;

	err = kpc_missing(kn, info, KPC_A_ESTABLISH_ASSOCIATION,
			  "association") ?:
	      kpc_reply_begin(info, NLMSG_DEFAULT_SIZE, &reply);
	if (err)
		return err;
	mutex_lock(&kn->lock);
	kpc_sessions_reap(kn);
	a = kpc_named(kn, info, info->attrs[KPC_A_ESTABLISH_ASSOCIATION], NULL);
	if (IS_ERR(a)) {
		err = PTR_ERR(a);
		goto err;
	}
	e = kpc_establish_new(kn, info->extack, kpc_association_policy(a)->name,
			      KPC_ESTABLISH_STATE_CLOSING);
	if (IS_ERR(e)) {
		err = PTR_ERR(e);
		goto err;
	}
	kpc_grants_drop(kn, a->id);
	kpc_socks_end(kn, a, KPC_REASON_OPERATOR);
	/* Also for what others have ended a moment ago. */
	synchronize_net();
	kpc_socks_settle(kn);
	kpc_reply_end(info, &reply,
		      nla_put_u32(reply.msg, KPC_A_ESTABLISH_ID, e->id));
	if (!kn->warden) {
		e->state = KPC_ESTABLISH_STATE_CLOSED;
		kpc_establish_done(kn, e);
	}
	mutex_unlock(&kn->lock);
	return 0;

err:
	mutex_unlock(&kn->lock);
	return kpc_reply_end(info, &reply, err);
}

/*
 * Between its request and this answer the agent may have let a worker bind: it
 * had not heard of the request yet. From now on it opens nothing, and what the
 * answer promises has to be true.
 */
static void end_closed(struct kpc_net *kn, const struct kpc_establish *e)
{
	struct kpc_association *a = kpc_association_find(kn, e->name);

	if (!a)
		return;
	kpc_grants_drop(kn, a->id);
	if (!kpc_socks_end(kn, a, KPC_REASON_OPERATOR))
		return;
	synchronize_net();
	kpc_socks_settle(kn);
}

static int take_answer(struct kpc_net *kn, struct sk_buff *skb,
		       struct genl_info *info)
{
	struct nlattr **tb = info->attrs;
	struct kpc_establish *e;
	u32 id;
	u8 state;
	int err;

	err = from_warden(kn, skb, info);
	if (err)
		return err;
	id = nla_get_u32(tb[KPC_A_ESTABLISH_ID]);
	state = nla_get_u8(tb[KPC_A_ESTABLISH_STATE]);
	if (state < KPC_ESTABLISH_STATE_ESTABLISHED)
		return kpc_refuse(kn, info->extack, -EINVAL,
				  "state %u is no outcome: established, failed or closed are",
				  state);
	e = kpc_establish_find(kn, id);
	if (!e)
		return kpc_refuse(kn, info->extack, -ENOENT,
				  "no request %u waits for an answer", id);

	if (e->state == KPC_ESTABLISH_STATE_CLOSING &&
	    state == KPC_ESTABLISH_STATE_CLOSED)
		end_closed(kn, e);
	e->state = state;
	if (tb[KPC_A_ESTABLISH_VERSION])
		e->version = nla_get_u16(tb[KPC_A_ESTABLISH_VERSION]);
	if (tb[KPC_A_ESTABLISH_SUITE])
		e->suite = nla_get_u16(tb[KPC_A_ESTABLISH_SUITE]);
	if (tb[KPC_A_ESTABLISH_BINDING])
		e->binding = nla_get_u64(tb[KPC_A_ESTABLISH_BINDING]);
	if (tb[KPC_A_ESTABLISH_ERROR])
		e->error = nla_get_u32(tb[KPC_A_ESTABLISH_ERROR]);
	if (tb[KPC_A_ESTABLISH_MESSAGE])
		nla_strscpy(e->message, tb[KPC_A_ESTABLISH_MESSAGE],
			    sizeof(e->message));
	kpc_establish_done(kn, e);
	return 0;
}

/**
 * kpc_nl_establish_answer_doit() - the agent tells an outcome
 * @skb: request
 * @info: request
 */
int kpc_nl_establish_answer_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct kpc_net *kn = kpc_info_net(info);
	int err;

	err = kpc_missing(kn, info, KPC_A_ESTABLISH_ID, "id") ?:
	      kpc_missing(kn, info, KPC_A_ESTABLISH_STATE, "state");
	if (err)
		return err;
	mutex_lock(&kn->lock);
	err = take_answer(kn, skb, info);
	mutex_unlock(&kn->lock);
	return err;
}
