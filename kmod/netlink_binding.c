// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests about sockets: handshakes and bindings. Worker sessions, which
 * have no capability, may send some of them.
 */
#include <net/genetlink.h>

#include "association.h"
#include "binding.h"
#include "compat.h"
#include "net.h"
#include "netlink.h"
#include "netlink_gen.h"
#include "policy.h"
#include "roster.h"
#include "session.h"
#include "socket.h"

static bool is_worker(const struct kpc_sender *sender)
{
	return sender->session &&
	       sender->session->type == KPC_SESSION_TYPE_WORKER;
}

/*
 * The association that a socket is for. A worker has to say whose Kpc it was
 * given: an administrator means whoever has the name.
 */
static struct kpc_association *meant(struct kpc_net *kn, struct genl_info *info,
				     const struct kpc_sender *sender, int name,
				     int id)
{
	int err = 0;

	if (is_worker(sender))
		err = kpc_missing(kn, info, id, "association-id");
	if (err)
		return ERR_PTR(err);
	return kpc_named(kn, info, info->attrs[name], info->attrs[id]);
}

static int handshake_new(struct kpc_net *kn, struct sk_buff *skb,
			 struct genl_info *info)
{
	struct kpc_association *a = NULL;
	struct kpc_sender sender;
	int err;

	err = kpc_sender(kn, skb, info, &sender);
	if (err)
		return err;
	if (info->attrs[KPC_A_HANDSHAKE_ASSOCIATION])
		a = meant(kn, info, &sender, KPC_A_HANDSHAKE_ASSOCIATION,
			  KPC_A_HANDSHAKE_ASSOCIATION_ID);
	else if (is_worker(&sender))
		return kpc_refuse(kn, info->extack, -EPERM,
				  "a worker session registers sockets of an association only, listeners are the warden's");
	if (IS_ERR(a))
		return PTR_ERR(a);
	if (a && kpc_association_policy(a)->role != KPC_ROLE_A)
		return kpc_refuse(kn, info->extack, -EINVAL,
				  "'%s' has role b: its sockets come from a registered listener",
				  kpc_association_policy(a)->name);
	return kpc_handshake_new(kn, info->extack,
				 nla_get_s32(info->attrs[KPC_A_HANDSHAKE_FD]),
				 a, sender.session ? sender.session->id : 0);
}

/**
 * kpc_nl_handshake_new_doit() - register a socket
 * @skb: request
 * @info: request
 */
int kpc_nl_handshake_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct kpc_net *kn = kpc_info_net(info);
	int err;

	err = kpc_missing(kn, info, KPC_A_HANDSHAKE_FD, "fd");
	if (err)
		return err;
	mutex_lock(&kn->lock);
	err = handshake_new(kn, skb, info);
	mutex_unlock(&kn->lock);
	return err;
}

static void violation_grant(struct kpc_net *kn, struct kpc_association *a)
{
	struct kpc_violation v = {
		.association	= a,
		.sk		= NULL,
		.mark		= kpc_association_policy(a)->mark,
		.kind		= KPC_VIOLATION_KIND_GRANT,
		.direction	= KPC_DIRECTION_OUT,
		.by_current	= true,
	};

	kpc_event_violation(kn, &v);
}

static int fill_new(struct sk_buff *msg, const struct kpc_sock *ks,
		    const char *name)
{
	if (nla_put_u64_64bit(msg, KPC_A_BINDING_ID, ks->id,
			      KPC_A_BINDING_PAD) ||
	    nla_put_string(msg, KPC_A_BINDING_ASSOCIATION, name) ||
	    nla_put_u32(msg, KPC_A_BINDING_MARK, ks->mark))
		return -EMSGSIZE;
	return 0;
}

static const u8 *digest_of(struct genl_info *info, int attr)
{
	return info->attrs[attr] ? nla_data(info->attrs[attr]) : NULL;
}

/**
 * struct ends - what a request says of a flow
 * @flow: its ends, without the local port
 * @named: they are @flow, or NULL where the request has none
 */
struct ends {
	struct kpc_flow flow;
	const struct kpc_flow *named;
};

static int read_ends(struct kpc_net *kn, struct genl_info *info,
		     struct ends *ends)
{
	const struct nlattr *family = info->attrs[KPC_A_BINDING_FAMILY];
	const struct nlattr *local = info->attrs[KPC_A_BINDING_LOCAL_ADDRESS];
	const struct nlattr *remote = info->attrs[KPC_A_BINDING_REMOTE_ADDRESS];
	const struct nlattr *port = info->attrs[KPC_A_BINDING_REMOTE_PORT];
	struct kpc_flow *flow = &ends->flow;

	*ends = (struct ends){};
	if (!family && !local && !remote && !port)
		return 0;
	if (!family || !local || !remote || !port)
		return kpc_refuse(kn, info->extack, -EINVAL,
				  "the ends of a flow are family, local-address, remote-address and remote-port, all of them");
	flow->udp = true;
	flow->family = nla_get_u16(family);
	flow->remote_port = nla_get_u16(port);
	if (kpc_address_parse(&flow->local, flow->family, local) < 0 ||
	    kpc_address_parse(&flow->remote, flow->family, remote) < 0)
		return kpc_refuse(kn, info->extack, -EINVAL,
				  "an address is 4 octets with AF_INET or 16 with AF_INET6");
	ends->named = flow;
	return 0;
}

static int binding_new(struct kpc_net *kn, struct sk_buff *skb,
		       struct genl_info *info)
{
	const struct nlattr *epoch = info->attrs[KPC_A_BINDING_EPOCH];
	struct nlattr **tb = info->attrs;
	struct kpc_sender sender;
	struct kpc_association *a;
	struct kpc_reply reply;
	struct kpc_sock *ks;
	struct ends ends;
	int err;

	err = kpc_sender(kn, skb, info, &sender) ?: read_ends(kn, info, &ends);
	if (err)
		return err;
	a = meant(kn, info, &sender, KPC_A_BINDING_ASSOCIATION,
		  KPC_A_BINDING_ASSOCIATION_ID);
	if (IS_ERR(a))
		return PTR_ERR(a);
	err = kpc_reply_begin(info, NLMSG_DEFAULT_SIZE, &reply);
	if (err)
		return err;
	if (is_worker(&sender) && !kpc_grant_take(sender.session, a->id)) {
		violation_grant(kn, a);
		err = kpc_refuse(kn, info->extack, -EPERM,
				 "session %u holds no grant for '%s'",
				 sender.session->id,
				 kpc_association_policy(a)->name);
		return kpc_reply_end(info, &reply, err);
	}

	ks = kpc_binding_new(kn, info->extack, &(struct kpc_bind){
		.fd		= nla_get_s32(tb[KPC_A_BINDING_FD]),
		.association	= a,
		.carrier	= tb[KPC_A_BINDING_CARRIER] ?
				  nla_get_u8(tb[KPC_A_BINDING_CARRIER]) :
				  KPC_CARRIER_KERNEL,
		.version	= nla_get_u16(tb[KPC_A_BINDING_VERSION]),
		.suite		= nla_get_u16(tb[KPC_A_BINDING_SUITE]),
		.tx_digest	= digest_of(info, KPC_A_BINDING_TX_DIGEST),
		.rx_digest	= digest_of(info, KPC_A_BINDING_RX_DIGEST),
		.ends		= ends.named,
		.epoch		= epoch ? nla_get_u16(epoch) : 1,
		.session	= sender.session,
	});
	if (IS_ERR(ks))
		return kpc_reply_end(info, &reply, PTR_ERR(ks));
	kpc_reply_end(info, &reply,
		      fill_new(reply.msg, ks, kpc_association_policy(a)->name));
	kpc_sock_put(ks);
	return 0;
}

/**
 * kpc_nl_binding_new_doit() - bind a socket
 * @skb: request
 * @info: request
 */
int kpc_nl_binding_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct kpc_net *kn = kpc_info_net(info);
	int err;

	err = kpc_missing(kn, info, KPC_A_BINDING_FD, "fd") ?:
	      kpc_missing(kn, info, KPC_A_BINDING_ASSOCIATION, "association") ?:
	      kpc_missing(kn, info, KPC_A_BINDING_VERSION, "version") ?:
	      kpc_missing(kn, info, KPC_A_BINDING_SUITE, "suite");
	if (err)
		return err;
	mutex_lock(&kn->lock);
	err = binding_new(kn, skb, info);
	mutex_unlock(&kn->lock);
	return err;
}

/* Changes a bound socket, as its session or an administrator asks for. */
static int change_own(struct sk_buff *skb, struct genl_info *info,
		      int (*change)(struct kpc_net *kn, struct genl_info *info,
				    struct kpc_sock *ks))
{
	struct kpc_net *kn = kpc_info_net(info);
	struct kpc_sender sender;
	struct kpc_sock *ks;
	int err;

	err = kpc_missing(kn, info, KPC_A_BINDING_FD, "fd");
	if (err)
		return err;
	mutex_lock(&kn->lock);
	err = kpc_sender(kn, skb, info, &sender);
	if (err)
		goto unlock;
	ks = kpc_binding_own(kn, info->extack,
			     nla_get_s32(info->attrs[KPC_A_BINDING_FD]),
			     is_worker(&sender) ? sender.session : NULL);
	if (IS_ERR(ks)) {
		err = PTR_ERR(ks);
		goto unlock;
	}
	err = change(kn, info, ks);
	kpc_sock_put(ks);
unlock:
	mutex_unlock(&kn->lock);
	return err;
}

static int rekey(struct kpc_net *kn, struct genl_info *info,
		 struct kpc_sock *ks)
{
	return kpc_binding_rekey(kn, info->extack, ks,
				 digest_of(info, KPC_A_BINDING_TX_DIGEST),
				 digest_of(info, KPC_A_BINDING_RX_DIGEST));
}

/**
 * kpc_nl_binding_rekey_doit() - announce new traffic keys
 * @skb: request
 * @info: request
 */
int kpc_nl_binding_rekey_doit(struct sk_buff *skb, struct genl_info *info)
{
	return change_own(skb, info, rekey);
}

static int hand_over(struct kpc_net *kn, struct genl_info *info,
		     struct kpc_sock *ks)
{
	return kpc_binding_hand_over(kn, info->extack, ks);
}

/**
 * kpc_nl_binding_hand_over_doit() - a bound socket becomes an application's
 * @skb: request
 * @info: request
 */
int kpc_nl_binding_hand_over_doit(struct sk_buff *skb, struct genl_info *info)
{
	return change_own(skb, info, hand_over);
}

/* A bound socket by its id, for kpc_sock_put(). */
static struct kpc_sock *find_binding(struct kpc_net *kn, u64 id)
{
	unsigned long at = id;
	struct kpc_sock *ks;

	ks = kpc_sock_next(kn, &at);
	if (ks && (ks->id != id || !ks->was_bound)) {
		kpc_sock_put(ks);
		ks = NULL;
	}
	return ks;
}

static int binding_del(struct kpc_net *kn, struct sk_buff *skb,
		       struct genl_info *info)
{
	u64 id = nla_get_u64(info->attrs[KPC_A_BINDING_ID]);
	struct kpc_sender sender;
	struct kpc_sock *ks;
	int err;

	err = kpc_sender(kn, skb, info, &sender);
	if (err)
		return err;
	ks = find_binding(kn, id);
	/* Which ids others have is not a worker's to know. */
	if (is_worker(&sender) &&
	    (!ks || !ks->via || ks->session != sender.session->id))
		err = kpc_refuse(kn, info->extack, -EPERM,
				 "a worker session ends flows that it bound itself; %llu is none",
				 id);
	else if (!ks)
		err = kpc_refuse(kn, info->extack, -ENOENT,
				 "no binding has the id %llu", id);
	else
		kpc_sock_end(ks, KPC_SOCK_BOUND, is_worker(&sender) ?
			     KPC_REASON_CLOSED : KPC_REASON_OPERATOR);
	/* A worker sends nothing of it any more, and ends very many. */
	if (!err && !is_worker(&sender)) {
		synchronize_net();
		kpc_socks_settle(kn);
	}
	if (ks)
		kpc_sock_put(ks);
	return err;
}

/**
 * kpc_nl_binding_del_doit() - end a binding
 * @skb: request
 * @info: request
 */
int kpc_nl_binding_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct kpc_net *kn = kpc_info_net(info);
	int err;

	err = kpc_missing(kn, info, KPC_A_BINDING_ID, "id");
	if (err)
		return err;
	mutex_lock(&kn->lock);
	err = binding_del(kn, skb, info);
	mutex_unlock(&kn->lock);
	return err;
}

static int fill(struct sk_buff *skb, struct kpc_net *kn,
		const struct kpc_sock *ks)
{
	bool alive = ks->session && kpc_session_find_id(kn, ks->session);
	u64 cookie = atomic64_read(&ks->sk->sk_cookie);

	if (kpc_binding_fill(skb, ks) ||
	    nla_put_u32(skb, KPC_A_BINDING_ASSOCIATION_ID,
			ks->association->id) ||
	    nla_put_u32(skb, KPC_A_BINDING_SESSION,
			alive ? ks->session : 0) ||
	    (cookie && nla_put_u64_64bit(skb, KPC_A_BINDING_COOKIE, cookie,
					 KPC_A_BINDING_PAD)) ||
	    nla_put_u32(skb, KPC_A_BINDING_UID,
			from_kuid_munged(kn->net->user_ns,
					 kpc_sock_uid(ks->sk))) ||
	    nla_put_u32(skb, KPC_A_BINDING_REKEYS, ks->rekeys) ||
	    (!alive && nla_put_flag(skb, KPC_A_BINDING_HANDED_OVER)))
		return -EMSGSIZE;
	return 0;
}

/* Its own fd needs no right; an id needs CAP_NET_ADMIN. */
static struct kpc_sock *find_for(struct kpc_net *kn, struct sk_buff *skb,
				 struct genl_info *info)
{
	const struct nlattr *fd = info->attrs[KPC_A_BINDING_FD];
	const struct nlattr *id = info->attrs[KPC_A_BINDING_ID];
	struct kpc_sock *ks;
	struct ends ends;
	struct sock *sk;
	int err;

	if (fd) {
		err = read_ends(kn, info, &ends);
		if (err)
			return ERR_PTR(err);
		sk = kpc_sock_from_fd(kn, nla_get_s32(fd), KPC_FD_INET,
				      info->extack);
		if (IS_ERR(sk))
			return ERR_CAST(sk);
		ks = kpc_binding_of(kn, info->extack, sk, ends.named);
		sock_put(sk);
		return ks;
	}
	if (!id)
		return ERR_PTR(kpc_refuse(kn, info->extack, -EINVAL,
					  "the request has neither fd nor id"));
	if (!netlink_ns_capable(skb, kn->net->user_ns, CAP_NET_ADMIN))
		return ERR_PTR(kpc_refuse(kn, info->extack, -EPERM,
					  "asking by id needs CAP_NET_ADMIN, by fd no right"));
	ks = find_binding(kn, nla_get_u64(id));
	if (!ks)
		return ERR_PTR(kpc_refuse(kn, info->extack, -ENOENT,
					  "no binding has the id %llu",
					  nla_get_u64(id)));
	return ks;
}

/**
 * kpc_nl_binding_get_doit() - tell of one binding
 * @skb: request
 * @info: request
 */
int kpc_nl_binding_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct kpc_net *kn = kpc_info_net(info);
	struct kpc_reply reply;
	struct kpc_sock *ks;
	int err;

	err = kpc_reply_begin(info, NLMSG_DEFAULT_SIZE, &reply);
	if (err)
		return err;
	ks = find_for(kn, skb, info);
	if (IS_ERR(ks))
		return kpc_reply_end(info, &reply, PTR_ERR(ks));
	mutex_lock(&kn->lock);
	err = fill(reply.msg, kn, ks);
	mutex_unlock(&kn->lock);
	kpc_sock_put(ks);
	return kpc_reply_end(info, &reply, err);
}

static int dump_one(struct sk_buff *skb, struct netlink_callback *cb,
		    struct kpc_net *kn, const struct kpc_sock *ks)
{
	void *hdr;

	hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			  &kpc_family, NLM_F_MULTI, KPC_CMD_BINDING_GET);
	if (!hdr)
		return -EMSGSIZE;
	if (fill(skb, kn, ks)) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return 0;
}

/**
 * kpc_nl_binding_get_dumpit() - tell of all bindings, or an association's
 * @skb: reply
 * @cb: state of the dump; the first argument is the id told last
 */
int kpc_nl_binding_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	const struct nlattr *name = kpc_dump_attrs(cb)[KPC_A_BINDING_ASSOCIATION];
	struct kpc_net *kn = kpc_net(sock_net(skb->sk));
	const struct kpc_association *a = NULL;
	unsigned long id = cb->args[0] + 1;
	struct kpc_sock *ks;
	int err = 0;

	if (!netlink_ns_capable(cb->skb, kn->net->user_ns, CAP_NET_ADMIN))
		return kpc_refuse(kn, cb->extack, -EPERM,
				  "a dump needs CAP_NET_ADMIN over the network namespace");
	mutex_lock(&kn->lock);
	if (name) {
		a = kpc_association_find(kn, nla_data(name));
		if (!a)
			err = kpc_refuse(kn, cb->extack, -ENOENT,
					 "no association has the name '%s'",
					 (char *)nla_data(name));
	}
	for (; !err && (ks = kpc_sock_next(kn, &id)); id++) {
		if (ks->was_bound && (!a || ks->association == a))
			err = dump_one(skb, cb, kn, ks);
		kpc_sock_put(ks);
		if (!err)
			cb->args[0] = id;
	}
	mutex_unlock(&kn->lock);
	return err && err != -EMSGSIZE ? err : skb->len;
}
