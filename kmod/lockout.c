// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lock-out: an association that would cut live connections which are not
 * bound, the operator's own among them, is refused unless forced.
 */
#include <net/inet_hashtables.h>
#include <net/tcp.h>

#include "lockout.h"
#include "net.h"
#include "netlink.h"
#include "policy.h"
#include "socket.h"

#define LIVE	(TCPF_ESTABLISHED | TCPF_CLOSE_WAIT | TCPF_FIN_WAIT1 | \
		 TCPF_FIN_WAIT2)

static bool covers(const struct kpc_policy *policy, const struct sock *sk)
{
	const struct kpc_selector *s;
	struct kpc_flow flow;
	unsigned int i;

	kpc_flow_from_sock(&flow, sk);
	for (i = 0; i < policy->n_selectors; i++) {
		s = &policy->selectors[i];
		if (s->family && s->family != flow.family)
			continue;
		/* The protected side alone: the other one narrows no drop. */
		if (policy->role == KPC_ROLE_B ?
		    kpc_side_match(&s->local, &flow.local, flow.local_port) :
		    kpc_side_match(&s->remote, &flow.remote, flow.remote_port))
			return true;
	}
	return false;
}

static unsigned int count_bucket(struct kpc_net *kn,
				 struct inet_hashinfo *hashinfo,
				 unsigned int slot,
				 const struct kpc_policy *policy)
{
	spinlock_t *lock = inet_ehash_lockp(hashinfo, slot);
	const struct hlist_nulls_node *node;
	unsigned int n = 0;
	struct sock *sk;

	rcu_read_lock();
	spin_lock_bh(lock);
	sk_nulls_for_each(sk, node, &hashinfo->ehash[slot].chain) {
		if (net_eq(sock_net(sk), kn->net) && sk_fullsock(sk) &&
		    (1 << sk->sk_state) & LIVE && covers(policy, sk) &&
		    !kpc_sock_find(sk))
			n++;
	}
	spin_unlock_bh(lock);
	rcu_read_unlock();
	return n;
}

static unsigned int count_live(struct kpc_net *kn,
			       const struct kpc_policy *policy)
{
	struct inet_hashinfo *hashinfo = kn->net->ipv4.tcp_death_row.hashinfo;
	unsigned int slot, n = 0;

	for (slot = 0; slot <= hashinfo->ehash_mask; slot++) {
		if (hlist_nulls_empty(&hashinfo->ehash[slot].chain))
			continue;
		n += count_bucket(kn, hashinfo, slot, policy);
		cond_resched();
	}
	return n;
}

/**
 * kpc_lockout_check() - refuse selectors that would shut out live sockets
 * @kn: namespace, whose lock is held
 * @extack: for the sentence of a refusal
 * @policy: to come into force
 * @old: policy it replaces, or NULL
 */
int kpc_lockout_check(struct kpc_net *kn, struct netlink_ext_ack *extack,
		      const struct kpc_policy *policy,
		      const struct kpc_policy *old)
{
	unsigned int i, n;

	if (old && old->n_selectors == policy->n_selectors &&
	    !memcmp(old->selectors, policy->selectors,
		    old->n_selectors * sizeof(old->selectors[0])))
		return 0;

	for (i = 0; i < policy->n_selectors; i++) {
		const struct kpc_selector *s = &policy->selectors[i];

		if (kpc_side_any_port(policy->role == KPC_ROLE_B ? &s->local :
								   &s->remote))
			return kpc_refuse(kn, extack, -EINVAL,
					  "'%s': selector %u has no %s port and would shut out every connection%s; force takes it",
					  policy->name, i + 1,
					  policy->role == KPC_ROLE_B ? "local" :
								       "remote",
					  policy->role == KPC_ROLE_B ? "" :
					  " to that address");
	}
	n = count_live(kn, policy);
	if (n)
		return kpc_refuse(kn, extack, -EBUSY,
				  "'%s': its selectors cover %u live connections that are not bound and would be cut; force takes it",
				  policy->name, n);
	return 0;
}
