/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Associations in force.
 */
#ifndef KPC_ASSOCIATION_H
#define KPC_ASSOCIATION_H

#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/types.h>

#include "stats.h"

struct kpc_net;
struct kpc_policy;

/**
 * struct kpc_association - one association
 * @rcu: for freeing
 * @ref: the roster's, and one of each of its sockets
 * @kn: its namespace
 * @policy: RCU, written under kpc_net::lock
 * @id: never used again in the namespace
 * @added: when
 * @packets: per processor
 * @socks: list of bound struct kpc_sock, RCU, written under
 *	kpc_net::sock_lock
 * @bindings: alive
 * @bound: since it was added
 * @tx_octets: of bindings that ended
 * @rx_octets: of bindings that ended
 * @violations: that concerned it
 * @chain: next of the same chain of the roster; under kpc_net::lock
 * @slot: in a commit that is running; under kpc_net::lock
 * @expired: the event of not-after was sent; the sweep's
 */
struct kpc_association {
	struct rcu_head rcu;
	refcount_t ref;
	struct kpc_net *kn;
	struct kpc_policy __rcu *policy;
	u32 id;
	ktime_t added;
	struct kpc_packets __percpu *packets;
	struct list_head socks;
	atomic_t bindings;
	atomic64_t bound;
	atomic64_t tx_octets;
	atomic64_t rx_octets;
	atomic64_t violations;
	unsigned int chain;
	void *slot;
	bool expired;
};

struct kpc_association *kpc_association_alloc(struct kpc_net *kn);
void kpc_association_put(struct kpc_association *association);
struct kpc_policy *
kpc_association_policy(const struct kpc_association *association);

#endif /* KPC_ASSOCIATION_H */
