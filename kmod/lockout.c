// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lock-out: an association that would cut live connections which are not
 * bound, the operator's own among them, is refused unless forced.
 */
#include <net/inet_hashtables.h>
#include <net/tcp.h>

#include "endpoint.h"
#include "lockout.h"
#include "net.h"
#include "netlink.h"
#include "policy.h"
#include "socket.h"

#define LIVE	(TCPF_ESTABLISHED | TCPF_CLOSE_WAIT | TCPF_FIN_WAIT1 | \
		 TCPF_FIN_WAIT2)

/**
 * struct search - what a walk over the live sockets looks for
 * @kn: namespace
 * @table: of the new selectors
 * @policy: whose selectors covered the first one that was found, or NULL
 * @n: sockets that were found
 */
struct search {
	struct kpc_net *kn;
	const struct kpc_table *table;
	const struct kpc_policy *policy;
	unsigned int n;
};

/* The protected side alone counts: the other one narrows no drop. */
static void look_at(struct search *search, const struct sock *sk)
{
	const struct kpc_endpoint *e;
	struct kpc_flow flow;

	kpc_flow_from_sock(&flow, sk);
	e = kpc_table_find(search->table, &flow);
	if (!e || kpc_sock_find(sk))
		return;
	if (!search->policy)
		search->policy = e->last;
	search->n++;
}

static void walk_bucket(struct search *search, struct inet_hashinfo *hashinfo,
			unsigned int slot)
{
	spinlock_t *lock = inet_ehash_lockp(hashinfo, slot);
	const struct hlist_nulls_node *node;
	struct sock *sk;

	rcu_read_lock();
	spin_lock_bh(lock);
	sk_nulls_for_each(sk, node, &hashinfo->ehash[slot].chain)
		if (net_eq(sock_net(sk), search->kn->net) && sk_fullsock(sk) &&
		    (1 << sk->sk_state) & LIVE)
			look_at(search, sk);
	spin_unlock_bh(lock);
	rcu_read_unlock();
}

/**
 * kpc_lockout_check_ports() - refuse selectors that leave no port
 * @kn: namespace, whose lock is held
 * @extack: for the sentence of a refusal
 * @policy: to come into force
 */
int kpc_lockout_check_ports(struct kpc_net *kn, struct netlink_ext_ack *extack,
			    const struct kpc_policy *policy)
{
	unsigned int i;

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
	return 0;
}

/**
 * kpc_lockout_check_live() - refuse selectors that would shut out live sockets
 * @kn: namespace, whose lock is held
 * @extack: for the sentence of a refusal
 * @table: of the selectors to come into force
 */
int kpc_lockout_check_live(struct kpc_net *kn, struct netlink_ext_ack *extack,
			   const struct kpc_table *table)
{
	struct inet_hashinfo *hashinfo = kn->net->ipv4.tcp_death_row.hashinfo;
	struct search search = { .kn = kn, .table = table };
	unsigned int slot;

	for (slot = 0; slot <= hashinfo->ehash_mask; slot++) {
		cond_resched();
		if (!hlist_nulls_empty(&hashinfo->ehash[slot].chain))
			walk_bucket(&search, hashinfo, slot);
	}
	if (!search.n)
		return 0;
	return kpc_refuse(kn, extack, -EBUSY,
			  "'%s': its selectors cover %u live connections that are not bound and would be cut; force takes it",
			  search.policy->name, search.n);
}
