// SPDX-License-Identifier: GPL-2.0-only
/*
 * The judges of packets: those that are not plainly foreign or plainly a
 * binding's.
 *
 * LOCAL_OUT sees what a socket of this machine sends, before any address
 * translation; a packet that goes through a tunnel comes by again with its
 * outer header and the same mark and socket, and passes for the same reason.
 * LOCAL_IN never looks at the packet's mark, which the sender's survives over
 * loopback: the socket that will receive it is what counts.
 */
#include <linux/ip.h>
#include <linux/netfilter.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/tcp.h>

#include "association.h"
#include "audit.h"
#include "compat.h"
#include "endpoint.h"
#include "event.h"
#include "net.h"
#include "packet.h"
#include "policy.h"
#include "socket.h"

/**
 * kpc_drop() - let a packet not pass
 * @p: packet
 * @err: negative errno, for who sends it
 *
 * Return: a verdict of netfilter.
 */
unsigned int kpc_drop(const struct packet *p, int err)
{
	kpc_count(&p->kn->counters, p->out ? KPC_COUNT_DROPPED_OUT :
					     KPC_COUNT_DROPPED_IN);
	/* A connect() that is refused fails at once. */
	return p->out ? NF_DROP_ERR(err) : NF_DROP;
}

/**
 * kpc_violate() - let a packet not pass, and tell of it
 * @p: packet
 * @sk: full socket that sends or would receive it, or NULL
 * @ks: what is known of that, or NULL
 * @kind: enum kpc_violation_kind
 *
 * Return: a verdict of netfilter.
 */
unsigned int kpc_violate(const struct packet *p, const struct sock *sk,
			 const struct kpc_sock *ks, u8 kind)
{
	struct kpc_violation v = {
		.association	= ks ? ks->association : NULL,
		.flow		= p->protocol == IPPROTO_TCP || p->flow.udp ?
				  &p->flow : NULL,
		.sk		= sk,
		.mark		= p->out ? p->skb->mark :
				  sk ? READ_ONCE(sk->sk_mark) : 0,
		.kind		= kind,
		.direction	= p->out ? KPC_DIRECTION_OUT : KPC_DIRECTION_IN,
		.protocol	= p->protocol,
		.by_current	= p->out && sk && kpc_by_task(),
	};

	kpc_event_violation(p->kn, &v);
	return kpc_drop(p, kind == KPC_VIOLATION_KIND_MARK ? -EPERM :
							 -ECONNREFUSED);
}

/**
 * kpc_end() - end a socket for a packet's sake, and tell of it
 * @p: packet
 * @ks: the socket
 * @state: it was found in; another one may have ended it, or bound it, in
 *	between: BIND waits for no packet that comes in
 * @reason: enum kpc_reason
 * @kind: enum kpc_violation_kind
 *
 * Return: a verdict of netfilter.
 */
unsigned int kpc_end(const struct packet *p, struct kpc_sock *ks,
		     unsigned int state, u8 reason, u8 kind)
{
	if (kpc_sock_end(ks, state, reason))
		return kpc_violate(p, ks->sk, ks, kind);
	return READ_ONCE(ks->state) == KPC_SOCK_ENDED ? kpc_drop(p, -EPERM) :
							NF_ACCEPT;
}

/* The packet is the socket's own, not one with a tunnel's header around it. */
static bool is_inner(const struct packet *p, const struct sock *sk)
{
	return p->tcp && p->flow.local_port == sk->sk_num;
}

static unsigned int judge_handshake_out(const struct packet *p,
					struct kpc_sock *ks)
{
	const struct sock *sk = ks->sk;

	if (READ_ONCE(sk->sk_mark) != p->table->handshake_mark)
		return kpc_end(p, ks, KPC_SOCK_HANDSHAKE, KPC_REASON_MARK_CHANGED,
			   KPC_VIOLATION_KIND_CHANGED);
	if (p->skb->mark != p->table->handshake_mark)
		return kpc_violate(p, sk, ks, KPC_VIOLATION_KIND_MARK);
	if (sk->sk_state != TCP_LISTEN &&
	    tcp_sk(sk)->bytes_sent - ks->tx_base > ks->budget)
		return kpc_end(p, ks, KPC_SOCK_HANDSHAKE, KPC_REASON_BUDGET,
			   KPC_VIOLATION_KIND_BUDGET);
	/* Its endpoint may be gone; that it closes is no violation. */
	if (is_inner(p, sk) && !kpc_handshake_may(p->table, ks, &p->flow) &&
	    !(p->rst && !p->payload))
		return kpc_violate(p, sk, ks, KPC_VIOLATION_KIND_ASSOCIATION);
	return NF_ACCEPT;
}

static unsigned int judge_bound(const struct packet *p, struct kpc_sock *ks)
{
	u8 reason = kpc_sock_changed(ks);

	if (unlikely(reason != KPC_REASON_NONE))
		return kpc_end(p, ks, KPC_SOCK_BOUND, reason,
			   KPC_VIOLATION_KIND_CHANGED);
	if (unlikely(ks->octets_max != U64_MAX &&
		     kpc_sock_tx(ks) + kpc_sock_rx(ks) > ks->octets_max)) {
		kpc_sock_end(ks, KPC_SOCK_BOUND, KPC_REASON_OCTETS);
		return kpc_drop(p, -EPERM);
	}
	if (!p->out) {
		this_cpu_inc(ks->association->packets->rx);
		return NF_ACCEPT;
	}
	if (unlikely(p->skb->mark != ks->mark)) {
		/* From before it was bound, and held up in a tunnel since. */
		if (p->skb->mark == p->table->handshake_mark &&
		    !is_inner(p, ks->sk))
			return NF_ACCEPT;
		return kpc_violate(p, ks->sk, ks, KPC_VIOLATION_KIND_MARK);
	}
	if (is_inner(p, ks->sk))
		this_cpu_inc(ks->association->packets->tx);
	return NF_ACCEPT;
}

/*
 * Segments that the stack itself sends for a socket that is gone or was never
 * there: resets and the ACKs of TIME_WAIT, from its control socket or from
 * none. A tunnel sends them on under a header of its own; nobody else can send
 * from these sockets, or from none.
 */
static bool is_control(const struct packet *p, const struct sock *sk)
{
	/* A datagram for an endpoint of UDP is none, whoever sends it. */
	if (p->flow.udp && !p->managed)
		return false;
	if (!p->tcp && sk && sk_fullsock(sk))
		return sk->sk_type == SOCK_RAW && sk->sk_kern_sock &&
		       sk->sk_protocol == IPPROTO_TCP;
	if (!p->tcp)
		return !sk || sk->sk_state == TCP_TIME_WAIT;
	if (p->payload || p->open)
		return false;
	/*
	 * With a cookie a SYN-ACK has no socket; a child's mark is in it. At an
	 * address of role b none but a registered listener is asked.
	 */
	if (p->answer)
		return !sk && p->skb->mark == p->table->handshake_mark &&
		       kpc_table_find_side(p->table, IPPROTO_TCP, KPC_ROLE_B,
					   p->flow.family, &p->flow.local,
					   p->flow.local_port);
	if (!sk || !sk_fullsock(sk))
		return true;
	return p->rst ? sk->sk_type == SOCK_STREAM || sk->sk_kern_sock :
			sk->sk_type == SOCK_RAW && sk->sk_kern_sock;
}

/*
 * A segment that a tunnel held up until its socket was gone, as the last one of
 * an orderly close is. It was judged when the socket sent it.
 */
static bool is_late(const struct packet *p, const struct sock *sk)
{
	return p->protocol != IPPROTO_TCP && sk && sk_fullsock(sk) &&
	       sk->sk_protocol == IPPROTO_TCP &&
	       READ_ONCE(sk->sk_state) == TCP_CLOSE;
}

/*
 * It leaves with a managed mark, or for an endpoint, and is not bound. Whether a
 * late one is of a binding that was revoked cannot be told: none passes (I4),
 * and the peer asks again for what it misses.
 */
static unsigned int violate_unbound(const struct packet *p,
				    const struct sock *sk)
{
	if (is_late(p, sk))
		return kpc_drop(p, -EPERM);
	return kpc_violate(p, sk && sk_fullsock(sk) ? sk : NULL, NULL,
		       p->managed ? KPC_VIOLATION_KIND_MARK :
				    KPC_VIOLATION_KIND_ENDPOINT);
}

/*
 * Of one that was ended only the reset leaves. Under a tunnel's header it
 * cannot be told from other segments but by who sends it.
 */
static bool is_last(const struct packet *p, const struct kpc_sock *ks)
{
	if (p->tcp)
		return p->rst && !p->payload;
	return in_task() && current_work() == &ks->reset;
}

static unsigned int judge_out(const struct packet *p)
{
	struct sock *sk = p->skb->sk;
	struct kpc_sock *ks = NULL;

	/* A SYN-ACK is judged by its listener. */
	if (sk && sk->sk_state == TCP_NEW_SYN_RECV)
		sk = inet_reqsk(sk)->rsk_listener;
	if (sk && sk_fullsock(sk))
		ks = kpc_sock_find(sk);
	if (!ks) {
		if (is_control(p, sk))
			return NF_ACCEPT;
		return violate_unbound(p, sk);
	}
	if (ks->sk->sk_protocol == IPPROTO_UDP)
		return kpc_judge_flow_out(p, ks);

	/* Pairs with bind_sock(). */
	switch (smp_load_acquire(&ks->state)) {
	case KPC_SOCK_BOUND:
		return judge_bound(p, ks);
	case KPC_SOCK_HANDSHAKE:
		return judge_handshake_out(p, ks);
	case KPC_SOCK_BINDING:
		return NF_ACCEPT;
	}
	return is_last(p, ks) ? NF_ACCEPT : kpc_drop(p, -EPERM);
}

static struct sock *lookup4(const struct packet *p, bool established,
			    bool *held)
{
	const struct iphdr *iph = ip_hdr(p->skb);
	struct kpc_lookup at = {
		.net	= p->state->net,
		.sport	= htons(p->flow.remote_port),
		.num	= p->flow.local_port,
		.dif	= inet_iif(p->skb),
		.sdif	= inet_sdif(p->skb),
	};
	struct sock *sk = NULL;

	if (established)
		sk = kpc_lookup_established4(&at, iph->saddr, iph->daddr);
	*held = sk;
	return sk ?: kpc_lookup_listener4(&at, iph->saddr, iph->daddr);
}

#if IS_ENABLED(CONFIG_IPV6)
static struct sock *lookup6(const struct packet *p, bool established,
			    bool *held)
{
	const struct ipv6hdr *ip6h = ipv6_hdr(p->skb);
	struct kpc_lookup at = {
		.net	= p->state->net,
		.sport	= htons(p->flow.remote_port),
		.num	= p->flow.local_port,
		.dif	= inet6_iif(p->skb),
		.sdif	= inet6_sdif(p->skb),
	};
	struct sock *sk = NULL;

	if (established)
		sk = kpc_lookup_established6(&at, &ip6h->saddr, &ip6h->daddr);
	*held = sk;
	return sk ?: kpc_lookup_listener6(&at, &ip6h->saddr, &ip6h->daddr);
}
#endif

static struct sock *lookup(const struct packet *p, bool established, bool *held)
{
#if IS_ENABLED(CONFIG_IPV6)
	if (p->flow.family == AF_INET6)
		return lookup6(p, established, held);
#endif
	return lookup4(p, established, held);
}

static unsigned int judge_handshake_in(const struct packet *p,
				       struct kpc_sock *ks)
{
	struct sock *sk = ks->sk;

	if (READ_ONCE(sk->sk_mark) != p->table->handshake_mark)
		return kpc_end(p, ks, KPC_SOCK_HANDSHAKE, KPC_REASON_MARK_CHANGED,
			   KPC_VIOLATION_KIND_CHANGED);
	/* Fast open's children are accepted before one can register them. */
	if (sk->sk_state == TCP_LISTEN)
		WRITE_ONCE(inet_csk(sk)->icsk_accept_queue.fastopenq.max_qlen,
			   0);
	/* The peer sends it again when the socket has been bound. */
	if (sk->sk_state != TCP_LISTEN && p->payload &&
	    tcp_sk(sk)->bytes_received - ks->rx_base + p->skb->len >
	    KPC_HANDSHAKE_RECEIVED)
		return kpc_drop(p, 0);
	return NF_ACCEPT;
}

static unsigned int judge_in_sock(const struct packet *p, struct sock *sk)
{
	struct kpc_sock *ks;
	unsigned int state;

	if (sk->sk_state == TCP_NEW_SYN_RECV)
		sk = inet_reqsk(sk)->rsk_listener;
	else if (!sk_fullsock(sk))
		return NF_ACCEPT;

	ks = kpc_sock_find(sk);
	if (!ks) {
		/*
		 * A child is found some instants before it can be registered;
		 * a closed socket was forgotten, and takes nothing any more.
		 */
		state = smp_load_acquire(&sk->sk_state);
		if (state == TCP_CLOSE ||
		    (state == TCP_SYN_RECV &&
		     READ_ONCE(sk->sk_mark) == p->table->handshake_mark))
			return NF_ACCEPT;
		/* It may have been in between. */
		ks = kpc_sock_find(sk);
		if (!ks)
			return kpc_violate(p, sk, NULL,
				       KPC_VIOLATION_KIND_ENDPOINT);
	}
	/* Pairs with bind_sock(). */
	switch (smp_load_acquire(&ks->state)) {
	case KPC_SOCK_BOUND:
		return judge_bound(p, ks);
	case KPC_SOCK_HANDSHAKE:
		return judge_handshake_in(p, ks);
	case KPC_SOCK_BINDING:
		return NF_ACCEPT;
	}
	return kpc_drop(p, 0);
}

static unsigned int judge_in(const struct packet *p)
{
	struct sock *sk = p->skb->sk;
	unsigned int verdict;
	bool held = false;

	/* Fragments of TCP are nobody's: TCP makes none. */
	if (p->flow.fragment)
		return kpc_violate(p, NULL, NULL, KPC_VIOLATION_KIND_ENDPOINT);
	if (!sk)
		sk = lookup(p, true, &held);
	/* TIME_WAIT gives way to a SYN, which is a listener's then. */
	if (sk && sk->sk_state == TCP_TIME_WAIT && p->open) {
		if (held)
			sock_gen_put(sk);
		sk = lookup(p, false, &held);
	}
	/* Nobody will receive it: the answer is a reset. */
	if (!sk)
		return NF_ACCEPT;
	verdict = judge_in_sock(p, sk);
	if (held)
		sock_gen_put(sk);
	return verdict;
}

/*
 * A segment that no endpoint protects, any more perhaps. Its socket may be one
 * that was ended with the endpoint, of which nothing passes (I4).
 */
static unsigned int judge_ended(const struct packet *p)
{
	struct sock *sk = p->skb->sk;
	const struct kpc_sock *ks = NULL;
	bool held = false;

	if (p->flow.fragment && !p->out)
		return kpc_drop(p, 0);
	if (!sk && p->tcp && !p->out)
		sk = lookup(p, true, &held);
	if (sk && sk_fullsock(sk))
		ks = kpc_sock_find(sk);
	if (held)
		sock_gen_put(sk);
	if (!ks || READ_ONCE(ks->state) != KPC_SOCK_ENDED ||
	    (p->out && is_last(p, ks)))
		return NF_ACCEPT;
	return kpc_drop(p, p->out ? -EPERM : 0);
}

/* A fragment of what is not known may be of either protocol. */
static bool is_protected(const struct packet *p)
{
	struct kpc_flow flow = p->flow;

	if (p->protocol != IPPROTO_TCP && !flow.udp)
		return false;
	if (kpc_table_find(p->table, &flow))
		return true;
	flow.udp = true;
	return p->cut && kpc_table_find(p->table, &flow);
}

/**
 * kpc_judge() - whether a packet may pass
 * @p: at LOCAL_OUT or LOCAL_IN
 *
 * Context: RCU read side, bottom halves perhaps on.
 *
 * Return: a verdict of netfilter.
 */
unsigned int kpc_judge(const struct packet *p)
{
	bool found;

	if (p->protocol != IPPROTO_TCP && !p->flow.udp && !p->managed)
		return NF_ACCEPT;
	if (unlikely(p->routed))
		return violate_unbound(p, p->skb->sk);
	found = is_protected(p);
	if (p->flow.udp && !p->out)
		return kpc_judge_flow_in(p, found);
	if (!p->managed && !found)
		return atomic_read(&p->kn->n_ended) ? judge_ended(p) :
						      NF_ACCEPT;
	return p->out ? judge_out(p) : judge_in(p);
}
