// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sockets that kpc knows.
 *
 * Life. A struct kpc_sock is made when a socket is registered (handshake-new,
 * or a registered listener's child that becomes ESTABLISHED), and holds a
 * reference of the socket. It is found by the socket's address in one table
 * for all namespaces, and by its id in kpc_net::socks. It goes when the socket
 * is destroyed (tracepoint tcp_destroy_sock), when it was ended and has been
 * reset, or when the sweep finds the socket in state CLOSE; one that is destroyed
 * already is not registered. Whoever takes it
 * out of the table does the rest, once; the memory, the socket and the
 * association are given back after a grace period, because the packet path
 * reads all three under RCU alone.
 *
 * The socket pins its namespace, so kpc_net outlives every kpc_sock. A socket
 * of a user keeps its own reference until it is destroyed: ours never keeps a
 * namespace alive longer than the socket's last segment does. In the table it
 * holds the module, whose end would wait for who keeps a socket locked.
 *
 * State. HANDSHAKE -> BINDING -> BOUND under kpc_net::lock and lock_sock();
 * anything but BINDING -> ENDED from anywhere, by compare and exchange, so
 * that one reason wins. ENDED is the flip that invariant I4 rests on: the
 * packet path reads @state at each packet, and who has flipped it and waited
 * for a grace period knows that no payload passes any more, whatever table is
 * in force: while one is ended the hooks look for it behind every port. No
 * promise waits for the reset, for the holder of a socket can keep it locked as
 * long as he likes, and a child is nobody's to lock before it was accepted.
 *
 * Reset. Each socket that was ended has a work item, kpc_sock::reset, with a
 * reference. It puts the association's mark back, so that the reset is let
 * through, and aborts the socket. One that is locked, or was not accepted yet,
 * is set aside for kpc_net::retry. But tcp_abort() locks the socket itself: its
 * holder may take the lock in the instant after it was seen to be free, and the
 * item waits for him. So they are in a queue that is bound to processors, which
 * run one at a time and go on to the next when that one sleeps: thousands take
 * one thread, and one more for each holder who is waited for. WQ_MAX_ACTIVE of
 * these on one processor would keep others waiting. Each costs the holder a
 * socket that kpc knows, a thread that stands still, and a race that is won the
 * first time, for a socket whose lock he does not get is reset. Each namespace
 * has a queue of its own, so that nobody waits for holders of another.
 *
 * Locks, outermost first: kpc_net::lock, lock_sock(), kpc_net::sock_lock,
 * kpc_events::lock. The packet path and the tracepoints take the last two.
 */
#include <linux/delay.h>
#include <linux/file.h>
#include <linux/module.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <net/inet_connection_sock.h>
#include <net/tcp.h>

#include "association.h"
#include "audit.h"
#include "compat.h"
#include "endpoint.h"
#include "event.h"
#include "flow.h"
#include "holder.h"
#include "limit.h"
#include "net.h"
#include "netlink.h"
#include "policy.h"
#include "socket.h"
#include "socket_fast.h"

struct rhashtable kpc_socks;
/* There may be very many: rounded up to a power of two they would take more. */
static struct kmem_cache *cache;

/* What the holder of a socket reads as its error, by enum kpc_reason. */
static const int errors[] = {
	[KPC_REASON_EXPIRED]		= EKEYEXPIRED,
	[KPC_REASON_LIFETIME]		= EKEYEXPIRED,
	[KPC_REASON_IDLE]		= ETIMEDOUT,
	[KPC_REASON_OCTETS]		= EKEYEXPIRED,
	[KPC_REASON_RECORDS]		= EKEYEXPIRED,
	[KPC_REASON_MARK_CHANGED]	= EPERM,
	[KPC_REASON_PEER_CHANGED]	= EPERM,
	[KPC_REASON_KEYS_CHANGED]	= EKEYREJECTED,
	[KPC_REASON_BUDGET]		= ETIMEDOUT,
	[KPC_REASON_UNLOAD]		= ECONNABORTED,
};

/**
 * kpc_socks_init() - make the tables of sockets, and what they are cut from
 */
int kpc_socks_init(void)
{
	int err;

	cache = KMEM_CACHE(kpc_sock, 0);
	if (!cache)
		return -ENOMEM;
	err = rhashtable_init(&kpc_socks, &kpc_sock_params);
	if (err)
		goto err_cache;
	err = kpc_flows_init();
	if (err)
		goto err_socks;
	return 0;

err_socks:
	rhashtable_destroy(&kpc_socks);
err_cache:
	kmem_cache_destroy(cache);
	return err;
}

/**
 * kpc_socks_exit() - free the tables, which are empty
 */
void kpc_socks_exit(void)
{
	kpc_flows_exit();
	rhashtable_destroy(&kpc_socks);
	kmem_cache_destroy(cache);
}

/**
 * kpc_sock_find() - what kpc knows of a socket
 * @sk: full socket
 *
 * Context: RCU read side, which the result belongs to.
 */
struct kpc_sock *kpc_sock_find(const struct sock *sk)
{
	return kpc_sock_lookup(sk);
}

/**
 * kpc_sock_get() - what kpc knows of a socket, with a reference
 * @sk: full socket
 *
 * Return: for kpc_sock_put(), or NULL.
 */
struct kpc_sock *kpc_sock_get(const struct sock *sk)
{
	struct kpc_sock *ks;

	rcu_read_lock();
	ks = kpc_sock_find(sk);
	if (ks && !refcount_inc_not_zero(&ks->ref))
		ks = NULL;
	rcu_read_unlock();
	return ks;
}

/**
 * kpc_sock_next() - walk over all sockets of a namespace
 * @kn: namespace
 * @id: lowest id wanted; set to that of the result
 *
 * Return: for kpc_sock_put(), or NULL behind the last one.
 */
struct kpc_sock *kpc_sock_next(struct kpc_net *kn, unsigned long *id)
{
	struct kpc_sock *ks;

	rcu_read_lock();
	ks = xa_find(&kn->socks, id, ULONG_MAX, XA_PRESENT);
	while (ks && !refcount_inc_not_zero(&ks->ref))
		ks = xa_find_after(&kn->socks, id, ULONG_MAX, XA_PRESENT);
	rcu_read_unlock();
	return ks;
}

static void free_rcu(struct rcu_head *rcu)
{
	struct kpc_sock *ks = container_of(rcu, struct kpc_sock, rcu);

	kpc_association_put(ks->association);
	kpc_udp_free(ks->udp);
	if (ks->via)
		kpc_sock_put(ks->via);
	sock_put(ks->sk);
	memzero_explicit(ks, sizeof(*ks));
	kmem_cache_free(cache, ks);
}

/**
 * kpc_sock_put() - give back a reference
 * @ks: from kpc_sock_get() or kpc_sock_next()
 */
void kpc_sock_put(struct kpc_sock *ks)
{
	if (refcount_dec_and_test(&ks->ref))
		call_rcu(&ks->rcu, free_rcu);
}

static struct kpc_sock *alloc(struct kpc_net *kn, struct sock *sk,
			      struct kpc_association *association, gfp_t gfp)
{
	struct kpc_sock *ks = kmem_cache_zalloc(cache, gfp);

	if (!ks)
		return NULL;
	ks->sk = sk;
	ks->kn = kn;
	ks->state = KPC_SOCK_BINDING;
	ks->old_mark = READ_ONCE(sk->sk_mark);
	ks->budget = KPC_HANDSHAKE_OCTETS;
	ks->patience = KPC_HANDSHAKE_SECONDS;
	ks->octets_max = U64_MAX;
	ks->born = ktime_get_boottime();
	ks->active = ks->born;
	ks->id = atomic64_inc_return(&kn->last_sock);
	if (sk->sk_protocol == IPPROTO_TCP) {
		ks->rx_base = tcp_sk(sk)->bytes_received;
		ks->tx_base = tcp_sk(sk)->bytes_sent;
	}
	INIT_LIST_HEAD(&ks->listen_node);
	refcount_set(&ks->ref, 1);
	sock_hold(sk);
	if (association) {
		refcount_inc(&association->ref);
		ks->association = association;
	}
	return ks;
}

/* Puts it where it is found; it is given back if that cannot be. */
static int insert(struct kpc_sock *ks, gfp_t gfp)
{
	int err;

	err = xa_err(xa_store_bh(&ks->kn->socks, ks->id, ks, gfp));
	if (err)
		goto err_put;
	err = ks->via ? kpc_flow_insert(ks) :
			rhashtable_lookup_insert_fast(&kpc_socks, &ks->node,
						      kpc_sock_params);
	if (err)
		goto err_erase;
	/* Until it is removed: its holder may keep it from being reset. */
	__module_get(THIS_MODULE);
	kpc_sweep_soon(ks->kn);
	return 0;

err_erase:
	/* A walk may have seen it: it goes like any other. */
	xa_erase_bh(&ks->kn->socks, ks->id);
err_put:
	kpc_sock_put(ks);
	return err;
}

/**
 * kpc_sock_add() - begin to know a socket
 * @kn: its namespace
 * @sk: the socket, locked
 * @association: it will be bound to, or NULL
 * @most: handshakes that may be under way, with this one
 * @gfp: how to allocate
 *
 * The caller gives it its mark, and then the state KPC_SOCK_HANDSHAKE.
 *
 * Return: the new entry, which belongs to the table, or an error pointer:
 * -EEXIST if the socket is known, -ENOSPC if there are too many.
 */
struct kpc_sock *kpc_sock_add(struct kpc_net *kn, struct sock *sk,
			      struct kpc_association *association, u32 most,
			      gfp_t gfp)
{
	struct kpc_sock *ks;
	int err = -ENOSPC;

	if (atomic_inc_return(&kn->n_handshakes) > most)
		goto err_count;
	err = -ENOMEM;
	ks = alloc(kn, sk, association, gfp);
	if (!ks)
		goto err_count;
	err = insert(ks, gfp);
	if (!err)
		return ks;

err_count:
	atomic_dec(&kn->n_handshakes);
	return ERR_PTR(err);
}

/**
 * kpc_sock_add_flow() - begin to know a flow, which is to be bound at once
 * @via: registered UDP socket; the lock of its namespace is held
 * @association: it will be bound to
 * @flow: its ends
 *
 * Return: as kpc_sock_add().
 */
struct kpc_sock *kpc_sock_add_flow(struct kpc_sock *via,
				   struct kpc_association *association,
				   const struct kpc_flow *flow)
{
	struct kpc_sock *ks;
	int err;

	ks = alloc(via->kn, via->sk, association, GFP_KERNEL_ACCOUNT);
	if (!ks)
		return ERR_PTR(-ENOMEM);
	refcount_inc(&via->ref);
	ks->via = via;
	ks->flow = *flow;
	err = insert(ks, GFP_KERNEL_ACCOUNT);
	if (err)
		return ERR_PTR(err);
	/* Until it is bound it is one, as others are. */
	atomic_inc(&via->kn->n_handshakes);
	return ks;
}

/**
 * kpc_sock_set_mark() - write a socket's mark
 * @sk: the socket, locked
 * @mark: the whole mark; the cached route, which may depend on it, is dropped
 */
void kpc_sock_set_mark(struct sock *sk, u32 mark)
{
	WRITE_ONCE(sk->sk_mark, mark);
	sk_dst_reset(sk);
}

/**
 * kpc_sock_changed() - whether a bound socket has another mark or other ends
 * @ks: bound socket
 *
 * Return: KPC_REASON_NONE, KPC_REASON_MARK_CHANGED or KPC_REASON_PEER_CHANGED.
 */
u8 kpc_sock_changed(const struct kpc_sock *ks)
{
	return kpc_sock_compare(ks);
}

static u64 tx_now(const struct kpc_sock *ks)
{
	const struct tcp_sock *tp = tcp_sk(ks->sk);
	u64 again = READ_ONCE(tp->bytes_retrans);
	s64 sent = READ_ONCE(tp->bytes_sent) - again - ks->tx_base;

	/* Sent again is counted first, and without lock both move. */
	return max(sent, 0);
}

static u64 rx_now(const struct kpc_sock *ks)
{
	s64 received = READ_ONCE(tcp_sk(ks->sk)->bytes_received) - ks->rx_base;

	return max(received, 0);
}

/**
 * kpc_sock_closed() - keep the octets of a socket that goes to TCP_CLOSE
 * @ks: bound socket, locked; disconnected, its counters start anew
 */
void kpc_sock_closed(struct kpc_sock *ks)
{
	if (ks->closed)
		return;
	ks->tx_last = tx_now(ks);
	ks->rx_last = rx_now(ks);
	/* Both pair with was_closed(): before it what is read then, */
	smp_store_release(&ks->closed, true);
	/* and behind it what the stack sets back. */
	smp_wmb();
}

/* Whether the counters read just before may have been set back. */
static bool was_closed(const struct kpc_sock *ks)
{
	/* Pairs with kpc_sock_closed(). */
	smp_rmb();
	/* As above. */
	return smp_load_acquire(&ks->closed);
}

/**
 * kpc_sock_tx() - payload octets sent since BIND, or registration
 * @ks: the socket; retransmissions are not counted
 */
u64 kpc_sock_tx(const struct kpc_sock *ks)
{
	u64 octets;

	if (ks->via)
		return atomic64_read(&ks->tx_octets);
	octets = tx_now(ks);
	return was_closed(ks) ? ks->tx_last : octets;
}

/**
 * kpc_sock_rx() - payload octets received since BIND, or registration
 * @ks: the socket
 */
u64 kpc_sock_rx(const struct kpc_sock *ks)
{
	u64 octets;

	if (ks->via)
		return atomic64_read(&ks->rx_octets);
	octets = rx_now(ks);
	return was_closed(ks) ? ks->rx_last : octets;
}

static void reset_ended(struct work_struct *work);

static void queue_reset(struct kpc_sock *ks)
{
	INIT_WORK(&ks->reset, reset_ended);
	queue_work(ks->kn->reset_wq, &ks->reset);
}

static void uncount_ended(struct kpc_net *kn)
{
	if (atomic_dec_and_test(&kn->n_ended))
		wake_up_all(&kn->settled);
}

/**
 * kpc_sock_end() - let nothing of a socket pass any more
 * @ks: the socket
 * @state: in which it was found to have to end; one that left it does not
 * @reason: enum kpc_reason
 *
 * Context: any. The reset follows from a work item.
 *
 * Return: whether this call ended it.
 */
bool kpc_sock_end(struct kpc_sock *ks, unsigned int state, u8 reason)
{
	struct kpc_net *kn = ks->kn;
	bool held;

	if (state != KPC_SOCK_HANDSHAKE && state != KPC_SOCK_BOUND)
		return false;
	/* Before the flip, so that who waits for one has waited for both. */
	atomic_inc(&kn->n_ended);
	if (cmpxchg(&ks->state, state, KPC_SOCK_ENDED) != state) {
		uncount_ended(kn);
		return false;
	}

	spin_lock_bh(&kn->sock_lock);
	ks->reason = reason;
	/* A limit is nobody's doing, whoever's packet comes upon it. */
	if (reason >= KPC_REASON_EXPIRED && reason <= KPC_REASON_RECORDS)
		kpc_actor_nobody(&ks->ended_by);
	else
		kpc_actor_current(&ks->ended_by);
	if (ks->via)
		kpc_flow_count(ks, -1);
	/* One that is being removed frees itself. */
	held = refcount_inc_not_zero(&ks->ref);
	spin_unlock_bh(&kn->sock_lock);
	if (held)
		queue_reset(ks);
	else
		uncount_ended(kn);
	return true;
}

/**
 * kpc_socks_end() - end every socket of an association, or all
 * @kn: namespace
 * @association: whose sockets to end, or NULL for all sockets
 * @reason: enum kpc_reason
 *
 * Return: how many bindings were among them.
 */
unsigned int kpc_socks_end(struct kpc_net *kn,
			   const struct kpc_association *association,
			   u8 reason)
{
	unsigned int bindings = 0;
	struct kpc_sock *ks;
	unsigned long id;

	for (id = 0; (ks = kpc_sock_next(kn, &id)); id++) {
		if (!association || ks->association == association)
			bindings += kpc_sock_end(ks, READ_ONCE(ks->state), reason) &&
				    ks->was_bound;
		kpc_sock_put(ks);
	}
	return bindings;
}

/**
 * kpc_sock_remove() - stop knowing a socket
 * @ks: the socket, on which the caller has a reference or RCU
 * @reason: enum kpc_reason, told unless it was ended for another
 *
 * Context: any.
 */
void kpc_sock_remove(struct kpc_sock *ks, u8 reason)
{
	struct kpc_association *a = ks->association;
	struct kpc_net *kn = ks->kn;

	if (ks->via ? kpc_flow_erase(ks) :
		      rhashtable_remove_fast(&kpc_socks, &ks->node,
					     kpc_sock_params))
		return;
	xa_erase_bh(&kn->socks, ks->id);
	spin_lock_bh(&kn->sock_lock);
	if (ks->listening)
		list_del_rcu(&ks->listen_node);
	else
		list_del_init(&ks->listen_node);
	if (ks->was_bound)
		list_del_rcu(&ks->bound_node);
	if (ks->reason == KPC_REASON_NONE) {
		ks->reason = reason;
		kpc_actor_current(&ks->ended_by);
	}
	spin_unlock_bh(&kn->sock_lock);

	if (ks->udp)
		kpc_udp_forget(ks);
	if (ks->was_bound) {
		atomic_dec(&kn->n_bindings);
		atomic_dec(&a->bindings);
		atomic64_add(kpc_sock_tx(ks), &a->tx_octets);
		atomic64_add(kpc_sock_rx(ks), &a->rx_octets);
		kpc_count(&kn->counters, KPC_COUNT_ENDED);
		kpc_audit_revoke(ks);
		kpc_event_binding(ks, KPC_CHANGE_REMOVED, ks->reason);
	} else {
		atomic_dec(&kn->n_handshakes);
	}
	kpc_sock_put(ks);
	module_put(THIS_MODULE);
}

/**
 * kpc_sock_trylock() - lock_sock() that does not wait for the holder
 * @sk: the socket
 *
 * A system call that copies from or to memory of its caller holds the socket
 * as long as the page fault takes, and that is the caller's to choose.
 *
 * Return: whether the socket is locked, for release_sock().
 */
bool kpc_sock_trylock(struct sock *sk)
{
	bool free;

	spin_lock_bh(&sk->sk_lock.slock);
	free = !sk->sk_lock.owned;
	if (free) {
		sk->sk_lock.owned = 1;
		mutex_acquire(&sk->sk_lock.dep_map, 0, 1, _RET_IP_);
	}
	spin_unlock_bh(&sk->sk_lock.slock);
	return free;
}

/**
 * kpc_sock_lock() - lock the socket that a request names
 * @kn: namespace, whose lock is held and not to be kept for long
 * @extack: for the sentence of a refusal
 * @sk: the socket
 *
 * Return: 0 with the socket locked, for release_sock(), or -EBUSY.
 */
int kpc_sock_lock(struct kpc_net *kn, struct netlink_ext_ack *extack,
		  struct sock *sk)
{
	unsigned int tries = KPC_LOCK_TRIES;

	while (!kpc_sock_trylock(sk)) {
		if (!tries--)
			return kpc_refuse(kn, extack, -EBUSY,
					  "the socket is in use by another thread, which has it locked");
		usleep_range(500, 1000);
	}
	return 0;
}

/*
 * A child that nobody has accepted yet. Who closes its listener resets it, and
 * takes for granted that it is not locked.
 */
static bool is_queued(const struct sock *sk)
{
	return !READ_ONCE(sk->sk_socket) && !sock_flag(sk, SOCK_DEAD);
}

/* Resets a socket, unless its holder is using it, or has yet to accept it. */
static bool reset(struct sock *sk, u32 mark, int error)
{
	if (is_queued(sk))
		return READ_ONCE(sk->sk_state) == TCP_CLOSE;
	if (!kpc_sock_trylock(sk))
		return false;
	/* The reset passes our own hook, and others' that see it. */
	if (READ_ONCE(sk->sk_mark) != mark)
		kpc_sock_set_mark(sk, mark);
	release_sock(sk);
	/* Waits for who has locked it meanwhile. */
	tcp_abort(sk, error);
	/* Some kernels leave one alone that its holder has closed. */
	return READ_ONCE(sk->sk_state) == TCP_CLOSE;
}

/*
 * A child that could not be registered can neither send nor receive, but
 * nobody would know. Behind more of them than are kept at a time it stays so,
 * until who accepts it gives up.
 */
static void refuse(struct kpc_net *kn, struct sock *sk)
{
	bool kept;

	kpc_count(&kn->counters, KPC_COUNT_REFUSED);
	spin_lock_bh(&kn->sock_lock);
	kept = kn->n_refused < KPC_REFUSED;
	if (kept) {
		sock_hold(sk);
		kn->refused[kn->n_refused++] = sk;
	}
	spin_unlock_bh(&kn->sock_lock);
	if (kept)
		mod_delayed_work(kn->reset_wq, &kn->refuse, 0);
}

/**
 * kpc_refused_reset() - reset the children that could not be registered
 * @work: kpc_net::refuse, which alone takes any out; new ones come in behind
 *
 * What its holder is using, or has yet to accept, is tried again soon. He may
 * keep others of these from it, which is as if there were too many of them.
 */
void kpc_refused_reset(struct work_struct *work)
{
	struct kpc_net *kn = container_of(to_delayed_work(work),
					  struct kpc_net, refuse);
	unsigned int i = 0, left;
	struct sock *sk;

	for (;;) {
		spin_lock_bh(&kn->sock_lock);
		left = kn->n_refused;
		sk = i < left ? kn->refused[i] : NULL;
		spin_unlock_bh(&kn->sock_lock);
		if (!sk)
			break;
		cond_resched();
		if (!reset(sk, READ_ONCE(sk->sk_mark), ECONNABORTED)) {
			i++;
			continue;
		}
		spin_lock_bh(&kn->sock_lock);
		kn->refused[i] = kn->refused[--kn->n_refused];
		spin_unlock_bh(&kn->sock_lock);
		sock_put(sk);
	}
	if (left)
		queue_delayed_work(kn->reset_wq, &kn->refuse, KPC_RETRY);
}

static void retry_later(struct kpc_sock *ks)
{
	struct kpc_net *kn = ks->kn;

	spin_lock_bh(&kn->sock_lock);
	list_add_tail(&ks->end_node, &kn->ended);
	if (!kn->abandoned)
		queue_delayed_work(kpc_wq, &kn->retry, KPC_RETRY);
	spin_unlock_bh(&kn->sock_lock);
}

/*
 * UDP has no reset. A flow just goes; a socket stays, so that nothing of it
 * passes until it is closed, and its holder reads the error, once.
 */
static void finish_udp(struct kpc_sock *ks, int error)
{
	if (ks->via) {
		kpc_sock_remove(ks, ks->reason);
	} else {
		kpc_flows_end(ks, ks->reason);
		WRITE_ONCE(ks->sk->sk_err, error);
		sk_error_report(ks->sk);
	}
	uncount_ended(ks->kn);
	kpc_sock_put(ks);
}

/* The reference that came with the work keeps the socket, and so the namespace. */
static void reset_ended(struct work_struct *work)
{
	struct kpc_sock *ks = container_of(work, struct kpc_sock, reset);
	u32 mark = ks->was_bound ? ks->mark : READ_ONCE(ks->sk->sk_mark);
	int error = ECONNABORTED;

	if (ks->reason < ARRAY_SIZE(errors) && errors[ks->reason])
		error = errors[ks->reason];
	if (ks->sk->sk_protocol == IPPROTO_UDP) {
		finish_udp(ks, error);
		return;
	}
	if (!reset(ks->sk, mark, error)) {
		retry_later(ks);
		return;
	}
	kpc_sock_remove(ks, ks->reason);
	/* It is closed: a connect() looks for a route of its own. */
	WRITE_ONCE(ks->sk->sk_mark, ks->old_mark);
	uncount_ended(ks->kn);
	kpc_sock_put(ks);
}

/**
 * kpc_socks_retry() - try again to reset what could not be
 * @work: kpc_net::retry
 */
void kpc_socks_retry(struct work_struct *work)
{
	struct kpc_net *kn = container_of(to_delayed_work(work),
					  struct kpc_net, retry);
	struct kpc_sock *ks;
	LIST_HEAD(again);

	spin_lock_bh(&kn->sock_lock);
	list_splice_init(&kn->ended, &again);
	spin_unlock_bh(&kn->sock_lock);
	while (!list_empty(&again)) {
		ks = list_first_entry(&again, struct kpc_sock, end_node);
		list_del(&ks->end_node);
		queue_reset(ks);
		cond_resched();
	}
}

/**
 * kpc_socks_abandon() - forget the sockets that could not be reset
 * @kn: namespace that ends, in which all sockets were ended
 *
 * Waits for who holds the lock that a reset waits for.
 */
void kpc_socks_abandon(struct kpc_net *kn)
{
	struct kpc_sock *ks, *next;
	unsigned long id;

	spin_lock_bh(&kn->sock_lock);
	kn->abandoned = true;
	spin_unlock_bh(&kn->sock_lock);
	cancel_delayed_work_sync(&kn->retry);
	cancel_delayed_work_sync(&kn->refuse);
	if (kn->reset_wq)
		destroy_workqueue(kn->reset_wq);

	while (kn->n_refused)
		sock_put(kn->refused[--kn->n_refused]);
	list_for_each_entry_safe(ks, next, &kn->ended, end_node) {
		uncount_ended(kn);
		kpc_sock_put(ks);
	}
	for (id = 0; (ks = kpc_sock_next(kn, &id)); id++) {
		kpc_sock_remove(ks, KPC_REASON_UNLOAD);
		kpc_sock_put(ks);
	}
}

/**
 * kpc_socks_settle() - give the resets of what was ended a moment
 * @kn: namespace
 *
 * So an answer comes behind them, but where a holder prevents it. Nothing of
 * these sockets passes either way.
 */
void kpc_socks_settle(struct kpc_net *kn)
{
	wait_event_timeout(kn->settled, !atomic_read(&kn->n_ended), KPC_SETTLE);
}

static bool is_tcp(const struct sock *sk)
{
	return sk_is_inet(sk) && sk->sk_type == SOCK_STREAM &&
	       sk->sk_protocol == IPPROTO_TCP;
}

static bool is_tcp_or_udp(const struct sock *sk)
{
	return is_tcp(sk) || (sk_is_inet(sk) && sk->sk_type == SOCK_DGRAM &&
			      sk->sk_protocol == IPPROTO_UDP);
}

static bool is_genetlink(const struct sock *sk)
{
	return sk->sk_family == AF_NETLINK &&
	       sk->sk_protocol == NETLINK_GENERIC;
}

/**
 * kpc_sock_from_fd() - the socket of a file descriptor
 * @kn: namespace that the socket must be of
 * @fd: in the caller's file table
 * @kind: what socket is wanted
 * @extack: for the sentence of a refusal
 *
 * Return: the socket, held, or an error pointer.
 */
struct sock *kpc_sock_from_fd(struct kpc_net *kn, int fd,
			      enum kpc_fd_kind kind,
			      struct netlink_ext_ack *extack)
{
	static const struct {
		bool (*is)(const struct sock *sk);
		const char *what;
	} wanted[] = {
		[KPC_FD_TCP]	= { is_tcp,
				    "a TCP socket (MPTCP and SMC are not taken)" },
		[KPC_FD_INET]	= { is_tcp_or_udp,
				    "a TCP or UDP socket (MPTCP and SMC are not taken)" },
		[KPC_FD_GENETLINK] = { is_genetlink,
				       "a generic netlink socket" },
	};
	struct socket *sock;
	struct sock *sk;
	int err = 0;

	sock = sockfd_lookup(fd, &err);
	if (!sock)
		return ERR_PTR(kpc_refuse(kn, extack, err,
					  "fd %d is no open socket", fd));
	sk = sock->sk;
	if (!sk || !wanted[kind].is(sk))
		err = kpc_refuse(kn, extack, -EPROTONOSUPPORT,
				 "fd %d is not %s", fd, wanted[kind].what);
	else if (!net_eq(sock_net(sk), kn->net))
		err = kpc_refuse(kn, extack, -EXDEV,
				 "fd %d belongs to another network namespace",
				 fd);
	else
		sock_hold(sk);
	sockfd_put(sock);
	return err ? ERR_PTR(err) : sk;
}

static bool is_listener_of(const struct kpc_sock *ks, const struct sock *child)
{
	const struct sock *sk = ks->sk;
	struct kpc_flow parent, flow;

	if (sk->sk_num != child->sk_num || sk->sk_state != TCP_LISTEN)
		return false;
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6 && ipv6_addr_any(&sk->sk_v6_rcv_saddr))
		return true;
#endif
	if (sk->sk_family == AF_INET && !sk->sk_rcv_saddr)
		return child->sk_family == AF_INET;
	kpc_flow_from_sock(&flow, child);
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6)
		return ipv6_addr_equal(&sk->sk_v6_rcv_saddr, &flow.local);
#endif
	kpc_flow_from_sock(&parent, sk);
	return ipv6_addr_equal(&parent.local, &flow.local);
}

static bool is_listened_for(const struct kpc_net *kn, const struct sock *child)
{
	const struct kpc_sock *ks;

	list_for_each_entry_rcu(ks, &kn->listeners, listen_node)
		if (READ_ONCE(ks->state) == KPC_SOCK_HANDSHAKE &&
		    is_listener_of(ks, child))
			return true;
	return false;
}

/**
 * kpc_handshake_may() - whether a handshake may have these ends
 * @table: of endpoints
 * @ks: registered socket that is not bound
 * @flow: ends
 *
 * Context: RCU read side. A child's is its endpoint's, no association's yet.
 */
bool kpc_handshake_may(const struct kpc_table *table, const struct kpc_sock *ks,
		       const struct kpc_flow *flow)
{
	const struct kpc_policy *policy;

	if (!ks->association)
		return kpc_table_find_side(table, kpc_flow_protocol(flow),
					   KPC_ROLE_B, flow->family,
					   &flow->local, flow->local_port);
	policy = rcu_dereference(ks->association->policy);
	return kpc_selectors_match(policy->selectors, policy->n_selectors,
				   flow);
}

/**
 * kpc_handshake_is_stray() - whether a handshake can lead nowhere any more
 * @ks: registered socket that is not bound
 *
 * Return: whether it is connecting or connected, with ends that it may not
 * have by the endpoints and the policies in force.
 */
bool kpc_handshake_is_stray(const struct kpc_sock *ks)
{
	const struct sock *sk = ks->sk;
	struct kpc_flow flow;
	bool may;

	if (ks->listening || !sk->sk_num ||
	    READ_ONCE(sk->sk_state) == TCP_CLOSE)
		return false;
	kpc_flow_from_sock(&flow, sk);
	rcu_read_lock();
	may = kpc_handshake_may(rcu_dereference(ks->kn->table), ks, &flow);
	rcu_read_unlock();
	return !may;
}

/* The peer has not named itself: what any of the endpoint's may need. */
static void begin_child(struct kpc_sock *ks)
{
	const struct kpc_endpoint *e = NULL;
	const struct kpc_table *table;
	struct kpc_flow flow;

	ks->old_mark = 0;
	/* Who judges it by its mark sees this one. */
	smp_store_release(&ks->state, KPC_SOCK_HANDSHAKE);
	/* Pairs with end_socks(): one of both sees what the other wrote. */
	smp_mb();
	table = rcu_dereference(ks->kn->table);
	kpc_flow_from_sock(&flow, ks->sk);
	if (table)
		e = kpc_table_find_side(table, IPPROTO_TCP, KPC_ROLE_B,
					flow.family, &flow.local,
					flow.local_port);
	if (!e) {
		kpc_sock_end(ks, KPC_SOCK_HANDSHAKE, KPC_REASON_DELETED);
		return;
	}
	ks->budget = e->handshake_octets;
	ks->patience = e->handshake_seconds;
	kpc_handshake_connected(ks);
}

/**
 * kpc_handshake_child() - register the child of a registered listener
 * @kn: its namespace
 * @sk: a socket that became ESTABLISHED and nobody accepted yet, locked
 *
 * Context: softirq. One that cannot be registered can send nothing, and is
 * reset, as is one whose endpoint went while it was being made. A quarter of
 * the handshakes is left to those that this side begins.
 */
void kpc_handshake_child(struct kpc_net *kn, struct sock *sk)
{
	u32 most = READ_ONCE(kn->config.max_handshakes);
	struct kpc_sock *ks;

	rcu_read_lock();
	if (is_listened_for(kn, sk)) {
		ks = kpc_sock_add(kn, sk, NULL, most - most / 4,
				  GFP_ATOMIC | __GFP_NOWARN);
		if (!IS_ERR(ks))
			begin_child(ks);
		else
			refuse(kn, sk);
	}
	rcu_read_unlock();
}

/**
 * kpc_handshake_connected() - begin to count what a handshake receives
 * @ks: a registered socket that became ESTABLISHED, locked
 */
void kpc_handshake_connected(struct kpc_sock *ks)
{
	struct tcp_sock *tp = tcp_sk(ks->sk);

	if (READ_ONCE(ks->state) != KPC_SOCK_HANDSHAKE ||
	    tp->window_clamp <= KPC_HANDSHAKE_WINDOW)
		return;
	ks->clamp = tp->window_clamp;
	WRITE_ONCE(tp->window_clamp, KPC_HANDSHAKE_WINDOW);
}

/**
 * kpc_handshake_add() - begin to know a socket, as a request asks for
 * @kn: its namespace, whose lock is held
 * @extack: for the sentence of a refusal
 * @sk: the socket, locked
 * @association: it will be bound to, or NULL
 *
 * Return: as kpc_sock_add().
 */
struct kpc_sock *kpc_handshake_add(struct kpc_net *kn,
				   struct netlink_ext_ack *extack,
				   struct sock *sk,
				   struct kpc_association *association)
{
	struct kpc_sock *ks;

	ks = kpc_sock_add(kn, sk, association, kn->config.max_handshakes,
			  GFP_KERNEL_ACCOUNT);
	if (ks == ERR_PTR(-EEXIST))
		kpc_refuse(kn, extack, -EEXIST,
			   "the socket is registered already");
	else if (ks == ERR_PTR(-ENOSPC))
		kpc_refuse(kn, extack, -ENOSPC,
			   "%u sockets wait for their binding, the most (max-handshakes)",
			   kn->config.max_handshakes);
	return ks;
}

static int handshake_add(struct kpc_net *kn, struct netlink_ext_ack *extack,
			 struct sock *sk, struct kpc_association *association,
			 u32 session)
{
	const struct kpc_policy *policy;
	struct kpc_sock *ks;
	int err;

	/* Destroyed already, it would never be found to be so again. */
	if (sock_flag(sk, SOCK_DEAD))
		return kpc_refuse(kn, extack, -EBADF,
				  "the socket was closed meanwhile");
	if (sk->sk_state != TCP_CLOSE && sk->sk_state != TCP_LISTEN)
		return kpc_refuse(kn, extack, -EISCONN,
				  "the socket is connected: register it before connect() or listen()");
	if (sk->sk_state == TCP_LISTEN && association)
		return kpc_refuse(kn, extack, -EINVAL,
				  "a listener is registered without an association");
	if (association) {
		err = kpc_holder_check(kn, extack,
				       kpc_association_policy(association), sk);
		if (err)
			return err;
	}

	ks = kpc_handshake_add(kn, extack, sk, association);
	if (IS_ERR(ks))
		return PTR_ERR(ks);

	ks->session = session;
	if (association) {
		policy = kpc_association_policy(association);
		ks->budget = policy->limits.handshake_octets;
		ks->patience = policy->limits.handshake_seconds;
	} else {
		/* A listener waits as long as it likes. */
		ks->patience = 0;
		spin_lock_bh(&kn->sock_lock);
		list_add_tail_rcu(&ks->listen_node, &kn->listeners);
		ks->listening = true;
		spin_unlock_bh(&kn->sock_lock);
	}
	kpc_sock_set_mark(sk, kn->config.handshake_mark);
	/* Who judges it by its mark sees this one. */
	smp_store_release(&ks->state, KPC_SOCK_HANDSHAKE);
	return 0;
}

/**
 * kpc_handshake_new() - register a socket
 * @kn: namespace, whose lock is held
 * @extack: for the sentence of a refusal
 * @fd: in the caller's file table
 * @association: role a, what the socket will be bound to; NULL, a listener
 * @session: of the sender, or 0
 */
int kpc_handshake_new(struct kpc_net *kn, struct netlink_ext_ack *extack,
		      int fd, struct kpc_association *association, u32 session)
{
	struct sock *sk;
	int err;

	/* Children are registered only where their listener was. */
	if (!kn->reset_wq)
		kn->reset_wq = alloc_workqueue("kpc_reset", KPC_WQ_PERCPU,
					       WQ_MAX_ACTIVE);
	if (!kn->reset_wq)
		return -ENOMEM;
	sk = kpc_sock_from_fd(kn, fd, KPC_FD_INET, extack);
	if (IS_ERR(sk))
		return PTR_ERR(sk);
	err = kpc_sock_lock(kn, extack, sk);
	if (!err) {
		err = sk->sk_protocol == IPPROTO_UDP ?
		      kpc_udp_register(kn, extack, sk, association, session) :
		      handshake_add(kn, extack, sk, association, session);
		release_sock(sk);
	}
	sock_put(sk);
	return err;
}
