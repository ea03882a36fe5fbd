// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events: put together and sent, from any context.
 */
#include <net/genetlink.h>

#include "association.h"
#include "audit.h"
#include "binding.h"
#include "compat.h"
#include "establish.h"
#include "event.h"
#include "net.h"
#include "netlink.h"
#include "netlink_gen.h"
#include "policy.h"
#include "session.h"
#include "socket.h"

#define CREATE_TRACE_POINTS
#include "trace_kpc.h"

/* Three long texts and what is short. */
#define KPC_EVENT_SIZE	2048

/**
 * kpc_events_init() - begin to number, and to count what is in a second
 * @events: of a new namespace
 */
void kpc_events_init(struct kpc_events *events)
{
	unsigned int i;

	spin_lock_init(&events->lock);
	/* In 32 bits jiffies begin just before they wrap. */
	for (i = 0; i < ARRAY_SIZE(events->rate); i++)
		events->rate[i].since = jiffies;
}

/**
 * kpc_event_generation() - number of the latest event
 * @kn: namespace
 */
u64 kpc_event_generation(struct kpc_net *kn)
{
	u64 generation;

	spin_lock_bh(&kn->events.lock);
	generation = kn->events.generation;
	spin_unlock_bh(&kn->events.lock);
	return generation;
}

static struct sk_buff *begin(u8 cmd, void **hdr)
{
	struct sk_buff *skb = genlmsg_new(KPC_EVENT_SIZE,
					  GFP_ATOMIC | __GFP_NOWARN);

	if (skb)
		*hdr = genlmsg_put(skb, 0, 0, &kpc_family, 0, cmd);
	return skb;
}

/*
 * An event that could not be put together is lost to all who listen, as one for
 * which a socket has no room is to that one; they are told in the same way.
 */
static void tell_lost(struct kpc_net *kn, unsigned int group)
{
	genl_set_err(&kpc_family, kn->net, 0, group, -ENOBUFS);
}

/*
 * Numbers and sends an event. One that could not be put together takes a
 * number too, so that listeners see the gap.
 */
static void send(struct kpc_net *kn, struct sk_buff *skb, void *hdr,
		 unsigned int group, int attr, int pad, int err)
{
	spin_lock_bh(&kn->events.lock);
	kn->events.generation++;
	if (!err && nla_put_u64_64bit(skb, attr, kn->events.generation, pad))
		err = -EMSGSIZE;
	if (!err) {
		genlmsg_end(skb, hdr);
		genlmsg_multicast_netns(&kpc_family, kn->net, skb, 0, group,
					GFP_ATOMIC);
	}
	spin_unlock_bh(&kn->events.lock);
	if (err) {
		nlmsg_free(skb);
		tell_lost(kn, group);
	}
}

/**
 * kpc_event_association() - tell of an association
 * @association: that was added, changed or removed, or reached a limit
 * @change: enum kpc_change
 * @reason: enum kpc_reason
 */
void kpc_event_association(struct kpc_association *association, u8 change,
			   u8 reason)
{
	const struct kpc_policy *p;
	struct sk_buff *skb;
	int err = -ENOMEM;
	void *hdr;

	skb = begin(KPC_CMD_ASSOCIATION_NTF, &hdr);
	rcu_read_lock();
	p = rcu_dereference(association->policy);
	if (skb) {
		err = nla_put_u8(skb, KPC_A_ASSOCIATION_CHANGE, change) ||
		      nla_put_u8(skb, KPC_A_ASSOCIATION_REASON, reason) ||
		      nla_put_u32(skb, KPC_A_ASSOCIATION_ID, association->id) ||
		      nla_put_string(skb, KPC_A_ASSOCIATION_NAME, p->name) ||
		      nla_put(skb, KPC_A_ASSOCIATION_KPC_ID, p->kpc_id_len,
			      p->kpc_id) ||
		      nla_put_string(skb, KPC_A_ASSOCIATION_ID_A, p->id_a) ||
		      nla_put_string(skb, KPC_A_ASSOCIATION_ID_B, p->id_b) ||
		      nla_put_u8(skb, KPC_A_ASSOCIATION_ROLE, p->role) ||
		      nla_put_u32(skb, KPC_A_ASSOCIATION_MARK, p->mark) ||
		      nla_put_u32(skb, KPC_A_ASSOCIATION_BINDINGS,
				  atomic_read(&association->bindings));
	}
	rcu_read_unlock();
	send(association->kn, skb, hdr, KPC_NLGRP_ASSOCIATION,
	     KPC_A_ASSOCIATION_GENERATION, KPC_A_ASSOCIATION_PAD, err);
}

/**
 * kpc_event_binding() - tell of a binding
 * @ks: bound socket
 * @change: enum kpc_change; limit, it comes near the one that @reason names
 * @reason: enum kpc_reason
 */
void kpc_event_binding(const struct kpc_sock *ks, u8 change, u8 reason)
{
	struct sk_buff *skb;
	int err = -ENOMEM;
	void *hdr;

	rcu_read_lock();
	if (change == KPC_CHANGE_ADDED)
		trace_kpc_bind(ks);
	else if (change == KPC_CHANGE_REMOVED)
		trace_kpc_end(ks);
	rcu_read_unlock();

	skb = begin(KPC_CMD_BINDING_NTF, &hdr);
	if (skb)
		err = nla_put_u8(skb, KPC_A_BINDING_CHANGE, change) ||
		      nla_put_u8(skb, KPC_A_BINDING_REASON, reason) ||
		      kpc_binding_fill(skb, ks);
	send(ks->kn, skb, hdr, KPC_NLGRP_BINDING, KPC_A_BINDING_GENERATION,
	     KPC_A_BINDING_PAD, err);
}

/**
 * kpc_event_session() - tell of a session
 * @kn: namespace
 * @session: that began or ended
 * @change: enum kpc_change
 */
void kpc_event_session(struct kpc_net *kn, const struct kpc_session *session,
		       u8 change)
{
	struct sk_buff *skb;
	int err = -ENOMEM;
	void *hdr;

	skb = begin(KPC_CMD_SESSION_NTF, &hdr);
	if (skb)
		err = nla_put_u8(skb, KPC_A_SESSION_CHANGE, change) ||
		      nla_put_u32(skb, KPC_A_SESSION_ID, session->id) ||
		      nla_put_u8(skb, KPC_A_SESSION_TYPE, session->type) ||
		      nla_put_u32(skb, KPC_A_SESSION_PID, session->pid);
	send(kn, skb, hdr, KPC_NLGRP_AGENT, KPC_A_SESSION_GENERATION,
	     KPC_A_SESSION_PAD, err);
}

/**
 * kpc_event_establish() - tell of a request, or of its outcome
 * @kn: namespace
 * @establish: the request
 *
 * These events have no number: the request's id tells them apart.
 *
 * Return: 0, or -ENOMEM: nobody heard of it, and who listens knows that.
 */
int kpc_event_establish(struct kpc_net *kn,
			const struct kpc_establish *establish)
{
	struct sk_buff *skb;
	void *hdr;

	skb = begin(KPC_CMD_ESTABLISH_NTF, &hdr);
	if (!skb || kpc_establish_fill(skb, establish)) {
		nlmsg_free(skb);
		tell_lost(kn, KPC_NLGRP_AGENT);
		return -ENOMEM;
	}
	genlmsg_end(skb, hdr);
	genlmsg_multicast_netns(&kpc_family, kn->net, skb, 0, KPC_NLGRP_AGENT,
				GFP_ATOMIC);
	return 0;
}

static int fill_violation(struct sk_buff *skb, struct kpc_net *kn,
			  const struct kpc_violation *v, u32 suppressed)
{
	const struct kpc_flow *flow = v->flow;

	if (nla_put_u8(skb, KPC_A_VIOLATION_KIND, v->kind) ||
	    nla_put_u8(skb, KPC_A_VIOLATION_DIRECTION, v->direction) ||
	    nla_put_u32(skb, KPC_A_VIOLATION_MARK, v->mark) ||
	    nla_put_u32(skb, KPC_A_VIOLATION_SUPPRESSED, suppressed))
		return -EMSGSIZE;
	if (v->protocol &&
	    nla_put_u8(skb, KPC_A_VIOLATION_PROTOCOL, v->protocol))
		return -EMSGSIZE;
	if (v->association &&
	    nla_put_string(skb, KPC_A_VIOLATION_ASSOCIATION,
			   rcu_dereference(v->association->policy)->name))
		return -EMSGSIZE;
	if (flow && (nla_put_u16(skb, KPC_A_VIOLATION_FAMILY, flow->family) ||
		     kpc_address_fill(skb, KPC_A_VIOLATION_LOCAL_ADDRESS,
				      flow->family, &flow->local) ||
		     kpc_address_fill(skb, KPC_A_VIOLATION_REMOTE_ADDRESS,
				      flow->family, &flow->remote)))
		return -EMSGSIZE;
	if (flow && !flow->fragment &&
	    (nla_put_u16(skb, KPC_A_VIOLATION_LOCAL_PORT, flow->local_port) ||
	     nla_put_u16(skb, KPC_A_VIOLATION_REMOTE_PORT, flow->remote_port)))
		return -EMSGSIZE;
	if (v->sk &&
	    nla_put_u32(skb, KPC_A_VIOLATION_UID,
			from_kuid_munged(kn->net->user_ns,
					 kpc_sock_uid(v->sk))))
		return -EMSGSIZE;
	/* The number is the machine's, and nothing to other users of it. */
	if (v->by_current && kn->net->user_ns == &init_user_ns &&
	    nla_put_u32(skb, KPC_A_VIOLATION_PID, task_tgid_nr(current)))
		return -EMSGSIZE;
	return 0;
}

/**
 * kpc_event_violation() - count and tell a violation
 * @kn: namespace
 * @v: what was attempted
 *
 * At most KPC_VIOLATION_RATE events of a kind are sent in a second, for a
 * refused segment is sent again and again; the next one tells how many were
 * not.
 */
void kpc_event_violation(struct kpc_net *kn, const struct kpc_violation *v)
{
	static const struct kpc_flow nowhere;
	struct sk_buff *skb;
	u32 suppressed = 0;
	int err = -ENOMEM;
	bool say = true;
	void *hdr;

	kpc_count(&kn->counters, KPC_COUNT_VIOLATIONS);
	kpc_count(&kn->counters, KPC_COUNT_KIND + v->kind);
	if (v->association)
		atomic64_inc(&v->association->violations);
	rcu_read_lock();
	trace_kpc_violation(kn, v, v->flow ?: &nowhere);
	rcu_read_unlock();

	spin_lock_bh(&kn->events.lock);
	if (!time_in_range(jiffies, kn->events.rate[v->kind].since,
			   kn->events.rate[v->kind].since + HZ)) {
		kn->events.rate[v->kind].since = jiffies;
		kn->events.rate[v->kind].sent = 0;
	}
	if (kn->events.rate[v->kind].sent == KPC_VIOLATION_RATE) {
		kn->events.rate[v->kind].suppressed++;
		say = false;
	} else {
		kn->events.rate[v->kind].sent++;
		suppressed = kn->events.rate[v->kind].suppressed;
		kn->events.rate[v->kind].suppressed = 0;
	}
	spin_unlock_bh(&kn->events.lock);
	if (!say) {
		kpc_count(&kn->counters, KPC_COUNT_SUPPRESSED);
		return;
	}

	skb = begin(KPC_CMD_VIOLATION_NTF, &hdr);
	rcu_read_lock();
	kpc_audit_violation(kn, v, suppressed);
	if (skb)
		err = fill_violation(skb, kn, v, suppressed);
	rcu_read_unlock();
	send(kn, skb, hdr, KPC_NLGRP_VIOLATION, KPC_A_VIOLATION_GENERATION,
	     KPC_A_VIOLATION_PAD, err);
}
