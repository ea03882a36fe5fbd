// SPDX-License-Identifier: GPL-2.0-only
/*
 * The sweep: each second over what has a deadline or a limit, and over every
 * binding to see that it is still what it was. A packet finds a changed mark
 * or peer at once; changed keys, and all that happens on a silent socket, are
 * found here.
 */
#include <linux/crypto.h>
#include <linux/ktime.h>
#include <net/tcp.h>

#include "association.h"
#include "establish.h"
#include "event.h"
#include "flow.h"
#include "hook.h"
#include "ktls.h"
#include "limit.h"
#include "net.h"
#include "policy.h"
#include "roster.h"
#include "session.h"
#include "socket.h"
#include "transaction.h"

/* Sockets that one run looks at before it lets others work. */
#define KPC_SWEEP_SOCKETS	1024

/**
 * kpc_sweep_soon() - have the sweep run within its second
 * @kn: namespace that has something to sweep
 */
void kpc_sweep_soon(struct kpc_net *kn)
{
	queue_delayed_work(kpc_wq, &kn->sweep, HZ);
}

static void violation(struct kpc_sock *ks, u8 kind)
{
	struct kpc_flow flow;
	struct kpc_violation v = {
		.association	= ks->association,
		.flow		= &flow,
		.sk		= ks->sk,
		.mark		= READ_ONCE(ks->sk->sk_mark),
		.kind		= kind,
		.direction	= KPC_DIRECTION_OUT,
		.protocol	= ks->sk->sk_protocol,
	};

	kpc_flow_from_sock(&flow, ks->sk);
	kpc_event_violation(ks->kn, &v);
}

static void end(struct kpc_sock *ks, unsigned int state, u8 reason, u8 kind)
{
	if (kpc_sock_end(ks, state, reason))
		violation(ks, kind);
}

/*
 * Seconds that a handshake may take beyond its limit. The agent keeps the same
 * limit from when it has accepted, and ends it by itself: that is no violation, nor
 * is an agent that had to wait for a processor.
 */
#define KPC_GRACE	5

/* Jiffies are too few for it where a long has 32 bits. */
static bool has_passed(ktime_t since, u64 seconds)
{
	return ktime_ms_delta(ktime_get_boottime(), since) >=
	       (s64)seconds * MSEC_PER_SEC;
}

/* Nothing else tells that a UDP socket was closed; who binds has it locked. */
static void sweep_udp(struct kpc_sock *ks)
{
	struct sock *sk = ks->sk;

	if (sock_flag(sk, SOCK_DEAD)) {
		if (!kpc_sock_trylock(sk))
			return;
		kpc_flows_end(ks, KPC_REASON_CLOSED);
		kpc_sock_remove(ks, KPC_REASON_CLOSED);
		release_sock(sk);
	} else if (READ_ONCE(sk->sk_mark) !=
		   READ_ONCE(ks->kn->config.handshake_mark)) {
		end(ks, KPC_SOCK_HANDSHAKE, KPC_REASON_MARK_CHANGED,
		    KPC_VIOLATION_KIND_CHANGED);
	} else if (READ_ONCE(sk->sk_num) != ks->flow.local_port) {
		end(ks, KPC_SOCK_HANDSHAKE, KPC_REASON_PEER_CHANGED,
		    KPC_VIOLATION_KIND_CHANGED);
	}
}

static void sweep_handshake(struct kpc_sock *ks)
{
	u32 mark = READ_ONCE(ks->kn->config.handshake_mark);
	struct sock *sk = ks->sk;

	/* Nothing comes back from there; who closes it may still reset it. */
	if (sock_flag(sk, SOCK_DEAD) && READ_ONCE(sk->sk_state) == TCP_CLOSE) {
		if (kpc_sock_trylock(sk)) {
			release_sock(sk);
			kpc_sock_remove(ks, KPC_REASON_CLOSED);
		}
		return;
	}
	if (READ_ONCE(sk->sk_mark) != mark)
		end(ks, KPC_SOCK_HANDSHAKE, KPC_REASON_MARK_CHANGED,
		    KPC_VIOLATION_KIND_CHANGED);
	/* The second: registered to listen, and connected instead. */
	else if ((ks->patience &&
		  has_passed(ks->born, (u64)ks->patience + KPC_GRACE)) ||
		 (ks->listening && sk->sk_state != TCP_LISTEN &&
		  sk->sk_state != TCP_CLOSE))
		end(ks, KPC_SOCK_HANDSHAKE, KPC_REASON_BUDGET,
		    KPC_VIOLATION_KIND_BUDGET);
}

/*
 * The one limit that was reached, or KPC_REASON_NONE. The dates are those of the
 * clock as it is now: it may have been set, forwards or back.
 */
static u8 limit_reached(struct kpc_sock *ks, s64 not_before, s64 not_after)
{
	s64 now = ktime_get_real_seconds();
	u64 moved = kpc_sock_tx(ks) + kpc_sock_rx(ks);

	if (moved != ks->moved) {
		ks->moved = moved;
		ks->active = ktime_get_boottime();
	}
	if ((not_before && now < not_before) || (not_after && now >= not_after))
		return KPC_REASON_EXPIRED;
	if (ks->lifetime && has_passed(ks->bound_at, ks->lifetime))
		return KPC_REASON_LIFETIME;
	if (ks->idle && has_passed(ks->active, ks->idle))
		return KPC_REASON_IDLE;
	if (moved > ks->octets_max)
		return KPC_REASON_OCTETS;
	return KPC_REASON_NONE;
}

/*
 * Whether the next second may be one too much for a key. What came in the last
 * one is what may come; more than an eighth of the limit is not kept free for it.
 */
static bool is_worn(const struct kpc_sock *ks, u64 before, u64 now)
{
	u64 came = now > before ? now - before : now;

	return now + min_t(u64, came, ks->records_max / 8) >= ks->records_max;
}

/* Of a socket that its holder has closed the kernel's TLS tells nothing more. */
static u8 records_reached(struct kpc_sock *ks, const struct kpc_ktls *ktls)
{
	bool worn = ks->records_max &&
		    (is_worn(ks, ks->tx_records, ktls->tx_records) ||
		     is_worn(ks, ks->rx_records, ktls->rx_records));

	if (!ktls->version)
		return KPC_REASON_NONE;
	WRITE_ONCE(ks->tx_records, ktls->tx_records);
	WRITE_ONCE(ks->rx_records, ktls->rx_records);
	return worn ? KPC_REASON_RECORDS : KPC_REASON_NONE;
}

/* True once, when a part of what is allowed is passed. */
static bool comes_near(struct kpc_sock *ks, bool passed, u8 flag)
{
	bool known = ks->told & flag;

	if (passed)
		ks->told |= flag;
	else
		ks->told &= ~flag;
	return passed && !known;
}

/* Soft limits: nothing ends, but who listens may do something about it. */
static void tell_near(struct kpc_sock *ks)
{
	u64 octets = ks->octets_max - ks->octets_max / 8;
	u32 lifetime = ks->lifetime - ks->lifetime / 8;
	u32 records = min_t(u32, ks->records_max / 2, KPC_RECORDS_SOFT);
	bool tx, rx;

	if (comes_near(ks, lifetime && has_passed(ks->bound_at, lifetime),
		       KPC_TOLD_LIFETIME))
		kpc_event_binding(ks, KPC_CHANGE_LIMIT, KPC_REASON_LIFETIME);
	if (comes_near(ks, ks->moved > octets, KPC_TOLD_OCTETS))
		kpc_event_binding(ks, KPC_CHANGE_LIMIT, KPC_REASON_OCTETS);
	tx = comes_near(ks, records && ks->tx_records >= records,
			KPC_TOLD_TX_RECORDS);
	rx = comes_near(ks, records && ks->rx_records >= records,
			KPC_TOLD_RX_RECORDS);
	if (tx || rx)
		kpc_event_binding(ks, KPC_CHANGE_LIMIT, KPC_REASON_RECORDS);
}

static bool key_known(const u8 *now, u8 *known, const u8 *next, u8 *flags,
		      u8 flag)
{
	if (!memcmp(now, known, KPC_DIGEST_LEN))
		return true;
	if (!(*flags & flag) || memcmp(now, next, KPC_DIGEST_LEN))
		return false;
	memcpy(known, next, KPC_DIGEST_LEN);
	*flags &= ~flag;
	return true;
}

/**
 * kpc_keys_changed() - whether a bound socket has keys that nobody announced
 * @ks: bound socket, locked
 * @ktls: filled; all zero for one without kernel TLS
 *
 * Announced keys that are found become the known ones. An orphan has no kernel
 * TLS any more, only its rest to send, and one that close() has come to has lost
 * it and is no orphan yet: nothing else takes the context away.
 */
bool kpc_keys_changed(struct kpc_sock *ks, struct kpc_ktls *ktls)
{
	struct kpc_keys keys;

	memset(ktls, 0, sizeof(*ktls));
	if (ks->carrier != KPC_CARRIER_KERNEL || sock_flag(ks->sk, SOCK_DEAD) ||
	    ks->sk->sk_state == TCP_CLOSE || kpc_ktls_gone(ks->sk))
		return false;
	if (kpc_ktls_read(ks->sk, ktls))
		return true;
	if (ktls->print != ks->print) {
		kpc_ktls_digest(ks->sk, &keys);
		if (!key_known(keys.tx, ks->keys.tx, ks->next_keys.tx,
			       &ks->next, KPC_NEXT_TX) ||
		    !key_known(keys.rx, ks->keys.rx, ks->next_keys.rx,
			       &ks->next, KPC_NEXT_RX))
			return true;
		ks->print = ktls->print;
	}
	return false;
}

/*
 * What has become of the socket, or KPC_REASON_NONE. One in its holder's use is
 * asked in the next second.
 */
static u8 sock_changed(struct kpc_sock *ks)
{
	struct sock *sk = ks->sk;
	struct kpc_ktls ktls;
	u8 reason;

	if (!kpc_sock_trylock(sk))
		return KPC_REASON_NONE;
	if (sk->sk_state == TCP_CLOSE) {
		/* Reset by the peer, and its holder has not closed it yet. */
		kpc_sock_remove(ks, KPC_REASON_CLOSED);
		kpc_sock_set_mark(sk, ks->old_mark);
		release_sock(sk);
		return KPC_REASON_CLOSED;
	}
	reason = kpc_sock_changed(ks);
	if (reason == KPC_REASON_NONE)
		reason = kpc_keys_changed(ks, &ktls) ? KPC_REASON_KEYS_CHANGED :
						       records_reached(ks, &ktls);
	release_sock(sk);
	return reason;
}

static void sweep_binding(struct kpc_sock *ks)
{
	u8 reason = ks->via ? KPC_REASON_NONE : sock_changed(ks);
	const struct kpc_limits *limits;
	s64 not_before, not_after;

	switch (reason) {
	case KPC_REASON_CLOSED:
		return;
	case KPC_REASON_MARK_CHANGED:
	case KPC_REASON_PEER_CHANGED:
	case KPC_REASON_KEYS_CHANGED:
		end(ks, KPC_SOCK_BOUND, reason, KPC_VIOLATION_KIND_CHANGED);
		return;
	case KPC_REASON_NONE:
		/* Needs no lock, and is not the holder's to put off. */
		rcu_read_lock();
		limits = &rcu_dereference(ks->association->policy)->limits;
		not_before = limits->not_before;
		not_after = limits->not_after;
		rcu_read_unlock();
		reason = limit_reached(ks, not_before, not_after);
		break;
	}
	if (reason != KPC_REASON_NONE)
		kpc_sock_end(ks, KPC_SOCK_BOUND, reason);
	else
		tell_near(ks);
}

/* Whether all sockets were looked at. */
static bool sweep_socks(struct kpc_net *kn)
{
	unsigned int n = KPC_SWEEP_SOCKETS;
	struct kpc_sock *ks;

	/* What comes meanwhile is the next pass's, or this one might not end. */
	if (!kn->sweep_at)
		kn->sweep_end = atomic64_read(&kn->last_sock);
	while (n--) {
		kn->sweep_at++;
		ks = kpc_sock_next(kn, &kn->sweep_at);
		if (!ks || kn->sweep_at > kn->sweep_end) {
			if (ks)
				kpc_sock_put(ks);
			kn->sweep_at = 0;
			return true;
		}
		/* Pairs with bind_sock(). */
		switch (smp_load_acquire(&ks->state)) {
		case KPC_SOCK_HANDSHAKE:
			if (ks->udp)
				sweep_udp(ks);
			else
				sweep_handshake(ks);
			break;
		case KPC_SOCK_ENDED:
			if (ks->udp)
				sweep_udp(ks);
			break;
		case KPC_SOCK_BOUND:
			sweep_binding(ks);
			break;
		}
		kpc_sock_put(ks);
		cond_resched();
	}
	return false;
}

static void sweep_associations(struct kpc_net *kn)
{
	s64 now = ktime_get_real_seconds();
	unsigned int i;

	for (i = 0; i < kn->roster->n; i++) {
		struct kpc_association *a = kn->roster->at[i];
		s64 not_after = kpc_association_policy(a)->limits.not_after;
		bool expired = not_after && now >= not_after;

		if (expired && !a->expired)
			kpc_event_association(a, KPC_CHANGE_LIMIT,
					      KPC_REASON_EXPIRED);
		a->expired = expired;
	}
}

/*
 * Ends the bindings that the policy says should not outlive the agent. Of those
 * that were handed over it had no part any more.
 */
static void sweep_agent(struct kpc_net *kn)
{
	struct kpc_sock *ks;
	unsigned long id;

	if (!kn->warden_missed ||
	    kn->config.agent_lost != KPC_AGENT_LOST_END ||
	    !has_passed(kn->warden_lost, kn->config.agent_lost_seconds))
		return;
	kn->warden_missed = false;
	for (id = 0; (ks = kpc_sock_next(kn, &id)); id++) {
		if (!ks->handed_over)
			kpc_sock_end(ks, KPC_SOCK_BOUND,
				     KPC_REASON_AGENT_LOST);
		kpc_sock_put(ks);
	}
}

static bool has_work(const struct kpc_net *kn)
{
	return !xa_empty(&kn->socks) || !list_empty(&kn->sessions) ||
	       !list_empty(&kn->establishes) ||
	       !list_empty(&kn->transactions) || kn->confirm_pending ||
	       kn->hooked;
}

/**
 * kpc_sweep() - one run of the sweep
 * @work: kpc_net::sweep
 */
void kpc_sweep(struct work_struct *work)
{
	struct kpc_net *kn = container_of(to_delayed_work(work),
					  struct kpc_net, sweep);
	bool again;

	mutex_lock(&kn->lock);
	kpc_sessions_reap(kn);
	kpc_grants_expire(kn);
	kpc_establishes_expire(kn);
	kpc_transactions_reap(kn);
	kpc_confirm_expire(kn);
	sweep_associations(kn);
	sweep_agent(kn);
	/* A commit leaves the hooks to what it ended and was not reset yet. */
	if (!kn->roster->n && !kpc_socks_watched(kn))
		kpc_hooks_unregister(kn);
	again = has_work(kn);
	mutex_unlock(&kn->lock);

	/* kpc_sweep_soon() may have put it a second away meanwhile. */
	if (!sweep_socks(kn))
		mod_delayed_work(kpc_wq, &kn->sweep, 1);
	else if (again)
		queue_delayed_work(kpc_wq, &kn->sweep, HZ);
}

#ifdef KPC_KUNIT
#include "kunit/limit_test.c"
#endif
