// SPDX-License-Identifier: GPL-2.0-only
/*
 * The judges of datagrams: of registered UDP sockets, and of protected UDP
 * endpoints.
 *
 * A datagram of a bound flow gets its association's mark here, at LOCAL_OUT,
 * and the route that goes with it. From and to who is not bound only records of
 * a handshake pass (RFC 6347 4.1): so nothing that an association protected
 * goes on behind its end, although the socket does.
 */
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/route.h>
#include <net/udp.h>
#include <net/xfrm.h>

#include "association.h"
#include "compat.h"
#include "endpoint.h"
#include "event.h"
#include "flow.h"
#include "net.h"
#include "packet.h"
#include "socket.h"

/* RFC 6347 4.1: what a record of DTLS begins with. */
struct record {
	u8 type;
	__be16 version;
	__be16 epoch;
	u8 sequence[6];
	__be16 length;
} __packed;

/* Their content types, RFC 5246 6.2.1. */
#define RECORD_CHANGE_CIPHER	20
#define RECORD_HANDSHAKE	22

/* No flight of a handshake has more in one datagram. */
#define RECORDS_MAX		64

/*
 * Whether all its records are of a handshake: those, alerts, cipher changes. Of
 * several datagrams in one buffer each begins with a record, so none has its end
 * in another (RFC 6347 4.1.1).
 */
static bool is_handshake(const struct packet *p)
{
	unsigned int at = p->data, whole = p->skb->len - at, n, end;
	const struct record *r;
	struct record buf;

	if (skb_is_gso(p->skb))
		whole = skb_shinfo(p->skb)->gso_size;
	if (!whole)
		return false;
	for (n = 0; n < RECORDS_MAX && at < p->skb->len; n++) {
		r = skb_header_pointer(p->skb, at, sizeof(buf), &buf);
		if (!r || r->type < RECORD_CHANGE_CIPHER ||
		    r->type > RECORD_HANDSHAKE)
			return false;
		end = at + sizeof(buf) + ntohs(r->length);
		if ((at - p->data) / whole != (end - 1 - p->data) / whole)
			return false;
		at = end;
	}
	return n && at == p->skb->len;
}

static unsigned int datagrams(const struct sk_buff *skb)
{
	return skb_is_gso(skb) ? max_t(unsigned int, 1,
				       skb_shinfo(skb)->gso_segs) : 1;
}

/* What a bound flow sent or received, if its limit has room for it. */
static bool account(const struct packet *p, struct kpc_sock *ks)
{
	struct kpc_packets __percpu *packets = ks->association->packets;
	unsigned int octets = p->skb->len - p->data;
	unsigned int n = datagrams(p->skb);

	if (unlikely(ks->octets_max != U64_MAX &&
		     kpc_sock_tx(ks) + kpc_sock_rx(ks) + octets >
		     ks->octets_max)) {
		kpc_sock_end(ks, KPC_SOCK_BOUND, KPC_REASON_OCTETS);
		return false;
	}
	if (p->out) {
		atomic64_add(octets, &ks->tx_octets);
		atomic64_add(n, &ks->tx_packets);
		this_cpu_add(packets->tx, n);
	} else {
		atomic64_add(octets, &ks->rx_octets);
		atomic64_add(n, &ks->rx_packets);
		this_cpu_add(packets->rx, n);
	}
	return true;
}

/* Whether routes depend on marks in a namespace. */
static bool is_routed_by_mark(const struct net *net, u16 family)
{
#ifdef CONFIG_XFRM
	if (READ_ONCE(net->xfrm.policy_count[XFRM_POLICY_OUT]))
		return true;
#endif
#ifdef CONFIG_IP_MULTIPLE_TABLES
	if (family == AF_INET)
		return READ_ONCE(net->ipv4.fib_has_custom_rules);
#endif
#ifdef CONFIG_IPV6_MULTIPLE_TABLES
	if (family == AF_INET6)
		return READ_ONCE(net->ipv6.fib6_has_custom_rules);
#endif
	return false;
}

/* Netfilter's own marks at LOCAL_OUT have a new route looked up so, too. */
static int route_again(const struct packet *p)
{
	struct net *net = p->state->net;

	if (!is_routed_by_mark(net, p->flow.family))
		return 0;
#if IS_ENABLED(CONFIG_IPV6)
	if (p->flow.family == AF_INET6)
		return ip6_route_me_harder(net, p->state->sk, p->skb);
#endif
	return ip_route_me_harder(net, p->state->sk, p->skb, RTN_UNSPEC);
}

static unsigned int judge_bound_out(const struct packet *p, struct kpc_sock *ks)
{
	int err;

	/* With another header around it, which a VRF's is not, it was here. */
	if (p->skb->mark == ks->mark)
		return NF_ACCEPT;
	if (unlikely(p->skb->mark != p->table->handshake_mark))
		return kpc_violate(p, ks->sk, ks, KPC_VIOLATION_KIND_MARK);
	if (!account(p, ks))
		return kpc_drop(p, -EPERM);
	p->skb->mark = ks->mark;
	err = route_again(p);
	return err < 0 ? NF_DROP_ERR(err) : NF_ACCEPT;
}

/* A datagram to who is not bound. */
static unsigned int judge_stranger_out(const struct packet *p,
				       struct kpc_sock *ks)
{
	u8 kind;

	if (p->skb->mark != p->table->handshake_mark)
		kind = KPC_VIOLATION_KIND_MARK;
	else if (!kpc_handshake_may(p->table, ks, &p->flow))
		kind = KPC_VIOLATION_KIND_ASSOCIATION;
	else if (!is_handshake(p))
		kind = KPC_VIOLATION_KIND_ENDPOINT;
	else if (!kpc_udp_spend(p->table, ks, &p->flow, p->skb->len - p->data,
				true))
		kind = KPC_VIOLATION_KIND_BUDGET;
	else
		return NF_ACCEPT;
	return kpc_violate(p, ks->sk, ks, kind);
}

/*
 * What a tunnel sends on under a header of its own was judged before; it passes
 * while a flow that it may be of is bound.
 */
static unsigned int judge_outer(const struct packet *p, struct kpc_sock *ks)
{
	u32 mark = p->skb->mark;

	if (p->managed && (mark == p->table->handshake_mark ||
			   kpc_udp_has_mark(ks, mark)))
		return NF_ACCEPT;
	return kpc_violate(p, ks->sk, ks, p->managed ?
			   KPC_VIOLATION_KIND_MARK :
			   KPC_VIOLATION_KIND_ENDPOINT);
}

/* Whether a registered socket is as it was; if not, what becomes of the packet. */
static bool is_alive(const struct packet *p, struct kpc_sock *ks,
		     unsigned int *verdict)
{
	/* Pairs with kpc_udp_register(). */
	if (smp_load_acquire(&ks->state) != KPC_SOCK_HANDSHAKE) {
		*verdict = kpc_drop(p, p->out ? -EPERM : 0);
		return false;
	}
	if (READ_ONCE(ks->sk->sk_mark) == p->table->handshake_mark)
		return true;
	kpc_end(p, ks, KPC_SOCK_HANDSHAKE, KPC_REASON_MARK_CHANGED,
		KPC_VIOLATION_KIND_CHANGED);
	*verdict = p->out ? NF_DROP_ERR(-EPERM) : NF_DROP;
	return false;
}

/* The bound flow that a datagram is of, or NULL. */
static struct kpc_sock *bound_flow(const struct packet *p,
				   const struct kpc_sock *via)
{
	struct kpc_sock *ks = kpc_flow_find(p->kn, &p->flow);

	if (!ks || ks->via != via)
		return NULL;
	/* Pairs with bind_sock(). */
	return smp_load_acquire(&ks->state) == KPC_SOCK_BOUND ? ks : NULL;
}

/**
 * kpc_judge_flow_out() - whether what a registered UDP socket sends may leave
 * @p: packet
 * @via: the socket
 *
 * Context: RCU read side.
 */
unsigned int kpc_judge_flow_out(const struct packet *p, struct kpc_sock *via)
{
	unsigned int verdict;
	struct kpc_sock *ks;

	if (!is_alive(p, via, &verdict))
		return verdict;
	if (!p->data || p->flow.local_port != via->flow.local_port)
		return judge_outer(p, via);
	ks = bound_flow(p, via);
	return ks ? judge_bound_out(p, ks) : judge_stranger_out(p, via);
}

/* Who will receive it. */
static struct sock *receiver(const struct packet *p)
{
	struct sock *sk = p->skb->sk;
	struct kpc_lookup at = {
		.net	= p->state->net,
		.sport	= htons(p->flow.remote_port),
		.num	= p->flow.local_port,
	};

	if (sk && sk_fullsock(sk))
		return sk;
#if IS_ENABLED(CONFIG_IPV6)
	if (p->flow.family == AF_INET6) {
		at.dif = inet6_iif(p->skb);
		at.sdif = inet6_sdif(p->skb);
		return kpc_lookup_udp6(&at, &p->flow.remote, &p->flow.local);
	}
#endif
	at.dif = inet_iif(p->skb);
	at.sdif = inet_sdif(p->skb);
	return kpc_lookup_udp4(&at, ip_hdr(p->skb)->saddr,
			       ip_hdr(p->skb)->daddr);
}

/* It may have more than one receiver. */
static bool is_for_many(const struct packet *p)
{
	if (p->flow.family == AF_INET6)
		return ipv6_addr_is_multicast(&p->flow.local);
	return skb_rtable(p->skb) && skb_rtable(p->skb)->rt_flags &
				     (RTCF_BROADCAST | RTCF_MULTICAST);
}

static unsigned int judge_stranger_in(const struct packet *p,
				      struct kpc_sock *via)
{
	if (!kpc_handshake_may(p->table, via, &p->flow))
		return kpc_violate(p, via->sk, via,
				   KPC_VIOLATION_KIND_ASSOCIATION);
	/* A peer whose flow has ended sends on until it notices. */
	if (!is_handshake(p) ||
	    !kpc_udp_spend(p->table, via, &p->flow, p->skb->len - p->data,
			   false))
		return kpc_drop(p, 0);
	return NF_ACCEPT;
}

/**
 * kpc_judge_flow_in() - whether a datagram may come in
 * @p: packet, of UDP
 * @is_protected: an endpoint protects it
 *
 * Context: RCU read side.
 */
unsigned int kpc_judge_flow_in(const struct packet *p, bool is_protected)
{
	struct kpc_sock *via = NULL, *ks;
	unsigned int verdict;
	struct sock *sk;

	/* A fragment may be of any datagram, and none is put together here. */
	if (p->flow.fragment || is_for_many(p))
		return is_protected ?
		       kpc_violate(p, NULL, NULL,
				   KPC_VIOLATION_KIND_ENDPOINT) : NF_ACCEPT;
	sk = receiver(p);
	/* Nobody will receive it: the answer is that the port is closed. */
	if (!sk)
		return NF_ACCEPT;
	if (sk->sk_protocol == IPPROTO_UDP)
		via = kpc_sock_find(sk);
	if (!via)
		return is_protected ?
		       kpc_violate(p, sk, NULL, KPC_VIOLATION_KIND_ENDPOINT) :
		       NF_ACCEPT;
	if (!is_alive(p, via, &verdict))
		return verdict;
	/* Behind the end of its association its endpoint is none. */
	if (!is_protected)
		return kpc_drop(p, 0);
	ks = bound_flow(p, via);
	if (!ks)
		return judge_stranger_in(p, via);
	return account(p, ks) ? NF_ACCEPT : kpc_drop(p, 0);
}
