// SPDX-License-Identifier: GPL-2.0-only
/*
 * Establish and close: an operator asks, the agent is told, its answer is
 * carried back to whoever listens.
 */
#include <linux/errno.h>
#include <linux/jiffies.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <net/netlink.h>

#include "establish.h"
#include "event.h"
#include "limit.h"
#include "net.h"
#include "netlink.h"

/**
 * kpc_establish_new() - make a request and tell the agent
 * @kn: namespace, whose lock is held
 * @extack: for the sentence of a refusal
 * @name: of an association
 * @state: KPC_ESTABLISH_STATE_REQUESTED or KPC_ESTABLISH_STATE_CLOSING
 *
 * Return: the request, which belongs to the namespace, or an error pointer.
 */
struct kpc_establish *kpc_establish_new(struct kpc_net *kn,
					struct netlink_ext_ack *extack,
					const char *name, u8 state)
{
	struct kpc_establish *e;
	unsigned int n = 0;

	list_for_each_entry(e, &kn->establishes, node)
		n++;
	if (n >= KPC_ESTABLISHES_MAX)
		return ERR_PTR(kpc_refuse(kn, extack, -ENOSPC,
					  "%u requests wait for the agent, the most",
					  n));
	e = kzalloc(sizeof(*e), GFP_KERNEL_ACCOUNT);
	if (!e)
		return ERR_PTR(-ENOMEM);
	e->id = ++kn->last_establish;
	e->state = state;
	e->until = jiffies + KPC_ESTABLISH_SECONDS * HZ;
	strscpy(e->name, name, sizeof(e->name));
	/* The agent finds it nowhere else. */
	if (kpc_event_establish(kn, e)) {
		kfree(e);
		return ERR_PTR(-ENOMEM);
	}
	list_add_tail(&e->node, &kn->establishes);
	kpc_sweep_soon(kn);
	return e;
}

/**
 * kpc_establish_find() - a request that waits for its answer
 * @kn: namespace, whose lock is held
 * @id: of the request
 */
struct kpc_establish *kpc_establish_find(struct kpc_net *kn, u32 id)
{
	struct kpc_establish *e;

	list_for_each_entry(e, &kn->establishes, node)
		if (e->id == id)
			return e;
	return NULL;
}

/**
 * kpc_establish_done() - tell the outcome of a request and forget it
 * @kn: namespace, whose lock is held
 * @establish: with the outcome filled in
 */
void kpc_establish_done(struct kpc_net *kn, struct kpc_establish *establish)
{
	kpc_event_establish(kn, establish);
	list_del(&establish->node);
	kfree(establish);
}

/**
 * kpc_establishes_expire() - fail requests that were not answered in time
 * @kn: namespace, whose lock is held
 */
void kpc_establishes_expire(struct kpc_net *kn)
{
	struct kpc_establish *e, *next;

	list_for_each_entry_safe(e, next, &kn->establishes, node) {
		if (time_before(jiffies, e->until))
			continue;
		e->state = KPC_ESTABLISH_STATE_FAILED;
		e->error = ETIMEDOUT;
		snprintf(e->message, sizeof(e->message),
			 "the agent did not answer in %d seconds",
			 KPC_ESTABLISH_SECONDS);
		kpc_establish_done(kn, e);
	}
}

/**
 * kpc_establishes_free() - forget all requests
 * @kn: namespace that ends
 */
void kpc_establishes_free(struct kpc_net *kn)
{
	struct kpc_establish *e, *next;

	list_for_each_entry_safe(e, next, &kn->establishes, node) {
		list_del(&e->node);
		kfree(e);
	}
}

/**
 * kpc_establish_fill() - put a request and what is known of its outcome
 * @skb: message
 * @e: the request
 */
int kpc_establish_fill(struct sk_buff *skb, const struct kpc_establish *e)
{
	if (nla_put_u32(skb, KPC_A_ESTABLISH_ID, e->id) ||
	    nla_put_string(skb, KPC_A_ESTABLISH_ASSOCIATION, e->name) ||
	    nla_put_u8(skb, KPC_A_ESTABLISH_STATE, e->state) ||
	    (e->version &&
	     nla_put_u16(skb, KPC_A_ESTABLISH_VERSION, e->version)) ||
	    (e->suite && nla_put_u16(skb, KPC_A_ESTABLISH_SUITE, e->suite)) ||
	    (e->binding && nla_put_u64_64bit(skb, KPC_A_ESTABLISH_BINDING,
					     e->binding, KPC_A_ESTABLISH_PAD)) ||
	    (e->error && nla_put_u32(skb, KPC_A_ESTABLISH_ERROR, e->error)) ||
	    (e->message[0] &&
	     nla_put_string(skb, KPC_A_ESTABLISH_MESSAGE, e->message)))
		return -EMSGSIZE;
	return 0;
}
