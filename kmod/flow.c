// SPDX-License-Identifier: GPL-2.0-only
/*
 * Flows of UDP sockets.
 *
 * Many peers share one UDP socket, so what is tied to an association is a flow:
 * both ends of the datagrams between that socket and one peer. The socket
 * itself stays registered as long as it is open, and wears the handshake mark;
 * the packet path gives each datagram of a flow the mark of its association.
 *
 * Life. Both are a struct kpc_sock. That of a registered socket has a struct
 * kpc_udp and is found by the socket, as others are; that of a flow (via is the
 * socket's, held) is found by its ends in the table here, one for all
 * namespaces. It is bound when it is put in, and goes when it was ended. What
 * ends the socket ends its flows: from its state alone the packet path knows
 * that none of them is alive. An ended socket is kept until it is closed, so
 * that nothing of it passes, also where no endpoint protects its port any more.
 * Nothing tells that a UDP socket was closed, which takes it out of the stack's
 * tables: the sweep sees it, within its second, and gives back what it keeps.
 *
 * Budgets. Who is not bound has no state here, for an address that a datagram
 * names is no proof of anybody. What goes to and comes from him is counted
 * under a hash of his address, and begins anew after the time that a handshake
 * may take.
 */
#include <linux/jhash.h>
#include <linux/random.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <net/ipv6.h>
#include <net/udp.h>

#include "association.h"
#include "endpoint.h"
#include "flow.h"
#include "holder.h"
#include "netlink.h"
#include "policy.h"
#include "socket.h"

static struct rhashtable flows;

/* A flow by its ends. */
struct flow_key {
	const struct kpc_net *kn;
	const struct kpc_flow *flow;
};

static u32 hash(const struct kpc_net *kn, const struct kpc_flow *flow, u32 seed)
{
	u32 ports = (u32)flow->local_port << 16 | flow->remote_port;

	seed = jhash_3words((__force u32)flow->local.s6_addr32[3], ports,
			    (u32)(unsigned long)kn, seed);
	return jhash2((const u32 *)flow->remote.s6_addr32, 4, seed);
}

static u32 hash_key(const void *data, u32 len, u32 seed)
{
	const struct flow_key *key = data;

	return hash(key->kn, key->flow, seed);
}

static u32 hash_object(const void *data, u32 len, u32 seed)
{
	const struct kpc_sock *ks = data;

	return hash(ks->kn, &ks->flow, seed);
}

static int differs(struct rhashtable_compare_arg *arg, const void *object)
{
	const struct kpc_sock *ks = object;
	const struct flow_key *key = arg->key;
	const struct kpc_flow *flow = key->flow;

	return ks->kn != key->kn || ks->flow.family != flow->family ||
	       ks->flow.local_port != flow->local_port ||
	       ks->flow.remote_port != flow->remote_port ||
	       !ipv6_addr_equal(&ks->flow.remote, &flow->remote) ||
	       !ipv6_addr_equal(&ks->flow.local, &flow->local);
}

static const struct rhashtable_params params = {
	.key_len		= sizeof(struct flow_key),
	.head_offset		= offsetof(struct kpc_sock, node),
	.hashfn			= hash_key,
	.obj_hashfn		= hash_object,
	.obj_cmpfn		= differs,
	.automatic_shrinking	= true,
};

/**
 * kpc_flows_init() - make the table of flows
 */
int kpc_flows_init(void)
{
	return rhashtable_init(&flows, &params);
}

/**
 * kpc_flows_exit() - free the table, which is empty
 */
void kpc_flows_exit(void)
{
	rhashtable_destroy(&flows);
}

/**
 * kpc_flow_find() - a flow by its ends
 * @kn: namespace
 * @flow: ends
 *
 * Context: RCU read side, which the result belongs to.
 */
struct kpc_sock *kpc_flow_find(const struct kpc_net *kn,
			       const struct kpc_flow *flow)
{
	struct flow_key key = { kn, flow };

	return rhashtable_lookup(&flows, &key, params);
}

/**
 * kpc_flow_insert() - put a flow into the table
 * @ks: the flow, whose ends are set; the lock of its namespace is held
 *
 * One that is there with the same ends goes, as closed.
 */
int kpc_flow_insert(struct kpc_sock *ks)
{
	struct flow_key key = { ks->kn, &ks->flow };
	struct kpc_sock *old;

	rcu_read_lock();
	old = kpc_flow_find(ks->kn, &ks->flow);
	if (old) {
		kpc_sock_end(old, KPC_SOCK_BOUND, KPC_REASON_CLOSED);
		kpc_sock_remove(old, KPC_REASON_CLOSED);
	}
	rcu_read_unlock();
	return rhashtable_lookup_insert_key(&flows, &key, &ks->node, params);
}

/**
 * kpc_flow_erase() - take a flow out of the table
 * @ks: the flow
 *
 * Return: 0, or -ENOENT if that was done.
 */
int kpc_flow_erase(struct kpc_sock *ks)
{
	return rhashtable_remove_fast(&flows, &ks->node, params);
}

/**
 * kpc_flow_count() - a flow of a mark began or ended
 * @ks: the flow
 * @change: 1 or -1
 *
 * Context: kpc_net::sock_lock is held. An entry is never taken out, so that
 * what kpc_flow_add() has reserved is there.
 */
void kpc_flow_count(const struct kpc_sock *ks, int change)
{
	struct xarray *marks = &ks->via->udp->marks;
	void *entry = xa_load(marks, ks->mark);
	unsigned long n = entry ? xa_to_value(entry) : 0;

	xa_store_bh(marks, ks->mark, xa_mk_value(n + change), GFP_ATOMIC);
}

/**
 * kpc_udp_has_mark() - whether a registered socket has a bound flow of a mark
 * @ks: registered UDP socket
 * @mark: of the flow's association
 *
 * Context: RCU read side.
 */
bool kpc_udp_has_mark(const struct kpc_sock *ks, u32 mark)
{
	void *entry = xa_load(&ks->udp->marks, mark);

	return entry && xa_to_value(entry);
}

/* The socket can have a flow with these ends. */
static bool fits(const struct sock *sk, const struct kpc_flow *flow)
{
	struct kpc_flow own;

	kpc_flow_from_sock(&own, sk);
	if (sk->sk_family == AF_INET && flow->family != AF_INET)
		return false;
	if (own.remote_port && (own.remote_port != flow->remote_port ||
				!ipv6_addr_equal(&own.remote, &flow->remote)))
		return false;
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6)
		return ipv6_addr_any(&sk->sk_v6_rcv_saddr) ||
		       ipv6_addr_equal(&sk->sk_v6_rcv_saddr, &flow->local);
#endif
	return !inet_sk(sk)->inet_rcv_saddr ||
	       ipv6_addr_equal(&own.local, &flow->local);
}

/**
 * kpc_flow_ends() - the ends of the flow that a request is about
 * @kn: namespace
 * @extack: for the sentence of a refusal
 * @sk: UDP socket
 * @given: ends that the request names, without the local port; NULL, the
 *	socket's own
 * @flow: filled
 */
int kpc_flow_ends(struct kpc_net *kn, struct netlink_ext_ack *extack,
		  const struct sock *sk, const struct kpc_flow *given,
		  struct kpc_flow *flow)
{
	kpc_flow_from_sock(flow, sk);
	if (given) {
		*flow = *given;
		flow->local_port = sk->sk_num;
	}
	if (!flow->remote_port)
		return kpc_refuse(kn, extack, -EDESTADDRREQ,
				  given ? "a flow has a remote port" :
				  "the UDP socket is not connected: name the ends of the flow");
	if (!fits(sk, flow))
		return kpc_refuse(kn, extack, -EADDRNOTAVAIL,
				  "the UDP socket has no flow between %pI6c and %pI6c port %u",
				  &flow->local, &flow->remote,
				  flow->remote_port);
	return 0;
}

/**
 * kpc_flow_add() - begin to know a flow
 * @via: registered UDP socket; the lock of its namespace is held
 * @association: it will be bound to
 * @flow: its ends; see kpc_flow_insert()
 *
 * Return: the flow, which belongs to the table, for the caller to bind, or an
 * error pointer.
 */
struct kpc_sock *kpc_flow_add(struct kpc_sock *via,
			      struct kpc_association *association,
			      const struct kpc_flow *flow)
{
	u32 mark = kpc_association_policy(association)->mark;
	struct kpc_sock *ks;
	int err;

	err = xa_reserve_bh(&via->udp->marks, mark, GFP_KERNEL_ACCOUNT);
	if (err)
		return ERR_PTR(err);
	ks = kpc_sock_add_flow(via, association, flow);
	if (IS_ERR(ks))
		return ks;
	spin_lock_bh(&via->kn->sock_lock);
	list_add_tail(&ks->listen_node, &via->udp->flows);
	spin_unlock_bh(&via->kn->sock_lock);
	return ks;
}

/**
 * kpc_flows_end() - end all flows of a socket
 * @via: registered UDP socket
 * @reason: enum kpc_reason
 */
void kpc_flows_end(struct kpc_sock *via, u8 reason)
{
	struct kpc_net *kn = via->kn;
	struct kpc_sock *ks;

	for (;;) {
		spin_lock_bh(&kn->sock_lock);
		ks = list_first_entry_or_null(&via->udp->flows,
					      struct kpc_sock, listen_node);
		if (ks) {
			list_del_init(&ks->listen_node);
			/* What is in the list has not been removed. */
			refcount_inc(&ks->ref);
		}
		spin_unlock_bh(&kn->sock_lock);
		if (!ks)
			return;
		kpc_sock_end(ks, KPC_SOCK_BOUND, reason);
		kpc_sock_put(ks);
		cond_resched();
	}
}

static struct kpc_udp *udp_alloc(unsigned int budgets)
{
	struct kpc_udp *udp;

	udp = kvzalloc(struct_size(udp, budgets, budgets), GFP_KERNEL_ACCOUNT);
	if (!udp)
		return NULL;
	INIT_LIST_HEAD(&udp->flows);
	xa_init_flags(&udp->marks, XA_FLAGS_LOCK_BH);
	udp->seed = get_random_u32();
	udp->mask = budgets - 1;
	return udp;
}

/**
 * kpc_udp_free() - free what a registered UDP socket had
 * @udp: it, or NULL
 *
 * Context: behind a grace period.
 */
void kpc_udp_free(struct kpc_udp *udp)
{
	if (!udp)
		return;
	xa_destroy(&udp->marks);
	kvfree(udp);
}

static void count_port(struct kpc_net *kn, u16 port, int change)
{
	u32 *n = &kn->udp_ports[port % KPC_UDP_PORTS];

	spin_lock_bh(&kn->sock_lock);
	WRITE_ONCE(*n, *n + change);
	spin_unlock_bh(&kn->sock_lock);
	atomic_add(change, &kn->n_udp);
}

/**
 * kpc_udp_forget() - a registered UDP socket is no longer known
 * @ks: it
 */
void kpc_udp_forget(struct kpc_sock *ks)
{
	count_port(ks->kn, ks->flow.local_port, -1);
}

static int check_new(struct kpc_net *kn, struct netlink_ext_ack *extack,
		     struct kpc_association *association, const struct sock *sk)
{
	/* Closed already, it would never be found to be so again. */
	if (sock_flag(sk, SOCK_DEAD))
		return kpc_refuse(kn, extack, -EBADF,
				  "the socket was closed meanwhile");
	if (!sk->sk_num)
		return kpc_refuse(kn, extack, -EDESTADDRREQ,
				  "the UDP socket has no port: register it behind bind() or connect()");
	if (!association)
		return 0;
	return kpc_holder_check(kn, extack, kpc_association_policy(association),
				sk);
}

/**
 * kpc_udp_register() - register a UDP socket
 * @kn: namespace, whose lock is held
 * @extack: for the sentence of a refusal
 * @sk: the socket, locked
 * @association: role a, what its flows will be bound to; NULL, a listener
 * @session: of the sender, or 0
 */
int kpc_udp_register(struct kpc_net *kn, struct netlink_ext_ack *extack,
		     struct sock *sk, struct kpc_association *association,
		     u32 session)
{
	const struct kpc_limits *limits;
	struct kpc_udp *udp;
	struct kpc_sock *ks;
	int err;

	err = check_new(kn, extack, association, sk);
	if (err)
		return err;
	if (!kn->udp_ports) {
		u32 *ports = kvcalloc(KPC_UDP_PORTS, sizeof(*ports),
				      GFP_KERNEL_ACCOUNT);

		if (!ports)
			return -ENOMEM;
		/* Pairs with kpc_udp_may_have(), by the address. */
		smp_store_release(&kn->udp_ports, ports);
	}
	udp = udp_alloc(association ? 1 : KPC_BUDGETS);
	if (!udp)
		return -ENOMEM;
	ks = kpc_handshake_add(kn, extack, sk, association);
	if (IS_ERR(ks)) {
		kpc_udp_free(udp);
		return PTR_ERR(ks);
	}
	ks->udp = udp;
	ks->session = session;
	kpc_flow_from_sock(&ks->flow, sk);
	if (association) {
		limits = &kpc_association_policy(association)->limits;
		ks->budget = limits->handshake_octets;
		ks->patience = limits->handshake_seconds;
	}
	/* One that it did not choose goes with a disconnect: it is kept. */
	sk->sk_userlocks |= SOCK_BINDPORT_LOCK;
	count_port(kn, ks->flow.local_port, 1);
	kpc_sock_set_mark(sk, kn->config.handshake_mark);
	/* Who judges it by its mark sees this one, and what it has. */
	smp_store_release(&ks->state, KPC_SOCK_HANDSHAKE);
	return 0;
}

static bool spend(atomic_t *spent, unsigned int octets, u32 most)
{
	/* What is refused costs nothing, so that it does not go round zero. */
	if ((u64)(u32)atomic_read(spent) + octets > most)
		return false;
	atomic_add(octets, spent);
	return true;
}

/**
 * kpc_udp_spend() - take octets from the budget of a peer that is not bound
 * @table: of endpoints
 * @ks: registered UDP socket
 * @flow: ends of the datagram
 * @octets: its payload
 * @out: it leaves
 *
 * Context: RCU read side.
 *
 * Return: whether there was enough.
 */
bool kpc_udp_spend(const struct kpc_table *table, struct kpc_sock *ks,
		   const struct kpc_flow *flow, unsigned int octets, bool out)
{
	u32 now = ktime_get_boottime_seconds();
	u32 most = ks->budget, seconds = ks->patience;
	const struct kpc_endpoint *e;
	struct kpc_budget *b;
	u32 since, at;

	if (!ks->association) {
		e = kpc_table_find_side(table, IPPROTO_UDP, KPC_ROLE_B,
					flow->family, &flow->local,
					flow->local_port);
		if (!e)
			return false;
		most = e->handshake_octets;
		seconds = e->handshake_seconds;
	}
	at = jhash2((const u32 *)flow->remote.s6_addr32, 4,
		    ks->udp->seed ^ flow->remote_port) & ks->udp->mask;
	b = &ks->udp->budgets[at];
	since = READ_ONCE(b->since);
	if (now - since >= max(seconds, 1U) &&
	    cmpxchg(&b->since, since, now) == since) {
		atomic_set(&b->tx, 0);
		atomic_set(&b->rx, 0);
	}
	return out ? spend(&b->tx, octets, most) :
		     spend(&b->rx, octets, KPC_HANDSHAKE_RECEIVED);
}
