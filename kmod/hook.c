// SPDX-License-Identifier: GPL-2.0-only
/*
 * The packet path: LOCAL_OUT and LOCAL_IN of IPv4 and IPv6.
 *
 * Nearly all packets leave at one of two tests: a mark outside the managed
 * range, and ports that no endpoint has. LOCAL_OUT sees what a socket of this
 * machine sends, before any address translation; a packet that goes through a
 * tunnel comes by again with its outer header and the same mark and socket,
 * and passes for the same reason. LOCAL_IN never looks at the packet's mark,
 * which the sender's survives over loopback: the socket that will receive it
 * is what counts.
 */
#include <linux/ip.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/tcp.h>

#include "association.h"
#include "compat.h"
#include "endpoint.h"
#include "event.h"
#include "hook.h"
#include "net.h"
#include "policy.h"
#include "socket.h"

/**
 * struct packet - what the judges need of one packet
 * @kn: namespace
 * @table: endpoints
 * @skb: the packet
 * @state: of the hook
 * @flow: its ends, if it is TCP
 * @protocol: behind the extension headers
 * @out: at LOCAL_OUT
 * @ended: sockets that were ended are about
 * @routed: goes to another address than its header says first
 * @tcp: has a whole TCP header
 * @payload: carries payload
 * @rst: has the flag RST
 * @open: has the flag SYN without ACK
 */
struct packet {
	struct kpc_net *kn;
	const struct kpc_table *table;
	struct sk_buff *skb;
	const struct nf_hook_state *state;
	struct kpc_flow flow;
	u8 protocol;
	bool out;
	bool ended;
	bool routed;
	bool tcp;
	bool payload;
	bool rst;
	bool open;
};

static unsigned int drop(const struct packet *p, int err)
{
	kpc_count(&p->kn->counters, p->out ? KPC_COUNT_DROPPED_OUT :
					     KPC_COUNT_DROPPED_IN);
	/* A connect() that is refused fails at once. */
	return p->out ? NF_DROP_ERR(err) : NF_DROP;
}

static unsigned int violate(const struct packet *p, const struct sock *sk,
			    const struct kpc_sock *ks, u8 kind)
{
	struct kpc_violation v = {
		.association	= ks ? ks->association : NULL,
		.flow		= p->protocol == IPPROTO_TCP ? &p->flow : NULL,
		.sk		= sk,
		.mark		= p->out ? p->skb->mark :
				  sk ? READ_ONCE(sk->sk_mark) : 0,
		.kind		= kind,
		.direction	= p->out ? KPC_DIRECTION_OUT : KPC_DIRECTION_IN,
		.protocol	= p->protocol,
		.by_current	= p->out && sk && in_task() &&
				  !(current->flags & PF_KTHREAD),
	};

	kpc_event_violation(p->kn, &v);
	return drop(p, kind == KPC_VIOLATION_KIND_MARK ? -EPERM :
							 -ECONNREFUSED);
}

static unsigned int end(const struct packet *p, struct kpc_sock *ks, u8 reason,
			u8 kind)
{
	if (kpc_sock_end(ks, reason))
		return violate(p, ks->sk, ks, kind);
	return drop(p, -EPERM);
}

/* The packet is the socket's own, not one with a tunnel's header around it. */
static bool is_inner(const struct packet *p, const struct sock *sk)
{
	return p->tcp && p->flow.local_port == sk->sk_num;
}

static bool handshake_may(const struct packet *p, const struct kpc_sock *ks)
{
	const struct kpc_policy *policy;

	if (!ks->association)
		return kpc_table_find_side(p->table, KPC_ROLE_B, p->flow.family,
					   &p->flow.local, p->flow.local_port);
	policy = rcu_dereference(ks->association->policy);
	return kpc_selectors_match(policy->selectors, policy->n_selectors,
				   &p->flow);
}

static unsigned int judge_handshake_out(const struct packet *p,
					struct kpc_sock *ks)
{
	const struct sock *sk = ks->sk;

	if (READ_ONCE(sk->sk_mark) != p->table->handshake_mark)
		return end(p, ks, KPC_REASON_MARK_CHANGED,
			   KPC_VIOLATION_KIND_CHANGED);
	if (p->skb->mark != p->table->handshake_mark)
		return violate(p, sk, ks, KPC_VIOLATION_KIND_MARK);
	if (sk->sk_state != TCP_LISTEN &&
	    tcp_sk(sk)->bytes_sent - ks->tx_base > ks->budget)
		return end(p, ks, KPC_REASON_BUDGET,
			   KPC_VIOLATION_KIND_BUDGET);
	if (is_inner(p, sk) && !handshake_may(p, ks))
		return violate(p, sk, ks, KPC_VIOLATION_KIND_ASSOCIATION);
	return NF_ACCEPT;
}

/* Mark, ends and octets of a bound socket, the same both ways. */
static u8 bound_changed(const struct kpc_sock *ks)
{
	if (unlikely(READ_ONCE(ks->sk->sk_mark) != ks->mark))
		return KPC_REASON_MARK_CHANGED;
	if (unlikely(kpc_sock_moved(ks)))
		return KPC_REASON_PEER_CHANGED;
	return KPC_REASON_NONE;
}

static unsigned int judge_bound(const struct packet *p, struct kpc_sock *ks)
{
	u8 reason = bound_changed(ks);

	if (unlikely(reason != KPC_REASON_NONE))
		return end(p, ks, reason, KPC_VIOLATION_KIND_CHANGED);
	if (unlikely(ks->octets_max != U64_MAX &&
		     kpc_sock_tx(ks) + kpc_sock_rx(ks) > ks->octets_max)) {
		kpc_sock_end(ks, KPC_REASON_OCTETS);
		return drop(p, -EPERM);
	}
	if (!p->out) {
		this_cpu_inc(ks->association->packets->rx);
		return NF_ACCEPT;
	}
	if (unlikely(p->skb->mark != ks->mark))
		return violate(p, ks->sk, ks, KPC_VIOLATION_KIND_MARK);
	if (is_inner(p, ks->sk))
		this_cpu_inc(ks->association->packets->tx);
	return NF_ACCEPT;
}

/*
 * Segments that the stack itself sends for a socket that is gone or was never
 * there: resets and the ACKs of TIME_WAIT, from its control socket or from
 * none.
 */
static bool is_control(const struct packet *p, const struct sock *sk)
{
	if (!p->tcp || p->payload || p->open)
		return false;
	if (!sk || !sk_fullsock(sk))
		return true;
	return p->rst ? sk->sk_type == SOCK_STREAM || sk->sk_kern_sock :
			sk->sk_type == SOCK_RAW && sk->sk_kern_sock;
}

/* It leaves with a managed mark, or for an endpoint, and is not bound. */
static unsigned int violate_unbound(const struct packet *p,
				    const struct sock *sk, bool managed)
{
	return violate(p, sk && sk_fullsock(sk) ? sk : NULL, NULL,
		       managed ? KPC_VIOLATION_KIND_MARK :
				 KPC_VIOLATION_KIND_ENDPOINT);
}

static unsigned int judge_out(const struct packet *p, bool managed)
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
		return violate_unbound(p, sk, managed);
	}

	/* Pairs with bind_sock(). */
	switch (smp_load_acquire(&ks->state)) {
	case KPC_SOCK_BOUND:
		return judge_bound(p, ks);
	case KPC_SOCK_HANDSHAKE:
		return judge_handshake_out(p, ks);
	case KPC_SOCK_BINDING:
		return NF_ACCEPT;
	}
	/* Of one that was ended only the reset leaves. */
	return p->tcp && p->rst && !p->payload ? NF_ACCEPT : drop(p, -EPERM);
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
	const struct sock *sk = ks->sk;

	if (READ_ONCE(sk->sk_mark) != p->table->handshake_mark)
		return end(p, ks, KPC_REASON_MARK_CHANGED,
			   KPC_VIOLATION_KIND_CHANGED);
	/* The peer sends it again when the socket has been bound. */
	if (sk->sk_state != TCP_LISTEN && p->payload &&
	    tcp_sk(sk)->bytes_received - ks->rx_base + p->skb->len >
	    KPC_HANDSHAKE_RECEIVED)
		return drop(p, 0);
	return NF_ACCEPT;
}

static unsigned int judge_in_sock(const struct packet *p, struct sock *sk)
{
	struct kpc_sock *ks;

	if (sk->sk_state == TCP_NEW_SYN_RECV)
		sk = inet_reqsk(sk)->rsk_listener;
	else if (!sk_fullsock(sk))
		return NF_ACCEPT;

	ks = kpc_sock_find(sk);
	if (!ks) {
		/* A child is found some instants before it can be registered. */
		if (sk->sk_state == TCP_SYN_RECV &&
		    READ_ONCE(sk->sk_mark) == p->table->handshake_mark)
			return NF_ACCEPT;
		return violate(p, sk, NULL, KPC_VIOLATION_KIND_ENDPOINT);
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
	return drop(p, 0);
}

static unsigned int judge_in(const struct packet *p)
{
	struct sock *sk = p->skb->sk;
	unsigned int verdict;
	bool held = false;

	/* Fragments of TCP are nobody's: TCP makes none. */
	if (p->flow.fragment)
		return violate(p, NULL, NULL, KPC_VIOLATION_KIND_ENDPOINT);
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
		return drop(p, 0);
	if (!sk && p->tcp && !p->out)
		sk = lookup(p, true, &held);
	if (sk && sk_fullsock(sk))
		ks = kpc_sock_find(sk);
	if (held)
		sock_gen_put(sk);
	if (!ks || READ_ONCE(ks->state) != KPC_SOCK_ENDED ||
	    (p->out && p->rst && !p->payload))
		return NF_ACCEPT;
	return drop(p, p->out ? -EPERM : 0);
}

/* Most packets end here: no endpoint has their ports. */
static bool is_foreign(const struct kpc_table *table, const struct sk_buff *skb,
		       unsigned int offset, bool out)
{
	__be16 buf[2];
	const __be16 *ports = skb_header_pointer(skb, offset, sizeof(buf), buf);

	return !ports ||
	       (!test_bit(ntohs(ports[!out]), table->ports[KPC_ROLE_B]) &&
		!test_bit(ntohs(ports[out]), table->ports[KPC_ROLE_A]));
}

static void read_tcp(struct packet *p, unsigned int offset)
{
	struct tcphdr buf;
	const struct tcphdr *th;

	th = skb_header_pointer(p->skb, offset, sizeof(buf), &buf);
	if (!th)
		return;
	p->flow.local_port = ntohs(p->out ? th->source : th->dest);
	p->flow.remote_port = ntohs(p->out ? th->dest : th->source);
	p->tcp = true;
	p->payload = p->skb->len > offset + __tcp_hdrlen(th);
	p->rst = th->rst;
	p->open = th->syn && !th->ack;
}

static unsigned int judge(struct packet *p, bool managed)
{
	if (unlikely(p->routed))
		return violate_unbound(p, p->skb->sk, managed);
	if (!managed && !kpc_table_find(p->table, &p->flow))
		return p->ended ? judge_ended(p) : NF_ACCEPT;
	return p->out ? judge_out(p, managed) : judge_in(p);
}

/*
 * Whether an IPv4 packet has a source route: its header names the next of the
 * routers, and only the option where it goes in the end. What cannot be read
 * is taken for one.
 */
static bool is_routed4(const struct sk_buff *skb)
{
	unsigned int i, len = ip_hdrlen(skb) - sizeof(struct iphdr);
	u8 buf[MAX_IPOPTLEN];
	const u8 *opt;

	if (likely(!len))
		return false;
	opt = skb_header_pointer(skb, skb_network_offset(skb) +
				 sizeof(struct iphdr), len, buf);
	if (!opt)
		return true;
	for (i = 0; i < len; i += opt[i + 1]) {
		while (i < len && opt[i] == IPOPT_NOOP)
			i++;
		if (i == len || opt[i] == IPOPT_END)
			return false;
		if (opt[i] == IPOPT_LSRR || opt[i] == IPOPT_SSRR ||
		    i + 1 == len || opt[i + 1] < 2)
			return true;
	}
	return false;
}

static unsigned int hook4(struct kpc_net *kn, struct sk_buff *skb,
			  const struct nf_hook_state *state, bool out)
{
	const struct kpc_table *table = rcu_dereference(kn->table);
	const struct iphdr *iph = ip_hdr(skb);
	bool managed = out && kpc_table_managed(table, skb->mark);
	unsigned int offset = skb_network_offset(skb) + iph->ihl * 4;
	bool ended = atomic_read(&kn->n_ended);
	bool fragment = ip_is_fragment(iph);
	struct packet p;
	bool foreign;

	if (likely(!managed && iph->protocol != IPPROTO_TCP))
		return NF_ACCEPT;
	foreign = !managed && !fragment && is_foreign(table, skb, offset, out);
	if (likely(foreign && !ended))
		return NF_ACCEPT;

	p = (struct packet){
		.kn = kn, .table = table, .skb = skb, .state = state,
		.protocol = iph->protocol, .out = out, .ended = ended,
		.routed = out && !foreign && is_routed4(skb),
		.flow.family = AF_INET, .flow.fragment = fragment,
	};
	if (p.protocol == IPPROTO_TCP) {
		if (!fragment)
			read_tcp(&p, offset);
		ipv6_addr_set_v4mapped(out ? iph->saddr : iph->daddr,
				       &p.flow.local);
		ipv6_addr_set_v4mapped(out ? iph->daddr : iph->saddr,
				       &p.flow.remote);
	}
	return judge(&p, managed);
}

static unsigned int hook_out4(void *priv, struct sk_buff *skb,
			      const struct nf_hook_state *state)
{
	return hook4(priv, skb, state, true);
}

static unsigned int hook_in4(void *priv, struct sk_buff *skb,
			     const struct nf_hook_state *state)
{
	return hook4(priv, skb, state, false);
}

#if IS_ENABLED(CONFIG_IPV6)
/*
 * The protocol of a fragment that is not the first. Only the first one has the
 * ports, and if more headers lie between, only the first one has those too:
 * what may be TCP behind them is taken for it.
 */
static u8 later_protocol(const struct sk_buff *skb, int offset)
{
	const struct frag_hdr *fh;
	struct frag_hdr buf;

	fh = skb_header_pointer(skb, offset, sizeof(buf), &buf);
	if (!fh || ipv6_ext_hdr(fh->nexthdr))
		return IPPROTO_TCP;
	return fh->nexthdr;
}

/* As is_routed4(), by a routing header. */
static bool is_routed6(const struct sk_buff *skb)
{
	unsigned int offset = 0;

	return ipv6_hdr(skb)->nexthdr != IPPROTO_TCP &&
	       ipv6_find_hdr(skb, &offset, NEXTHDR_ROUTING, NULL, NULL) >= 0;
}

static unsigned int hook6(struct kpc_net *kn, struct sk_buff *skb,
			  const struct nf_hook_state *state, bool out)
{
	const struct kpc_table *table = rcu_dereference(kn->table);
	const struct ipv6hdr *ip6h = ipv6_hdr(skb);
	bool managed = out && kpc_table_managed(table, skb->mark);
	bool ended = atomic_read(&kn->n_ended);
	u8 protocol = ip6h->nexthdr;
	__be16 frag_off = 0;
	bool fragment, foreign;
	struct packet p;
	int offset;

	offset = ipv6_skip_exthdr(skb, skb_network_offset(skb) + sizeof(*ip6h),
				  &protocol, &frag_off);
	fragment = frag_off & htons(IP6_OFFSET | IP6_MF);
	if (unlikely(fragment && protocol == NEXTHDR_FRAGMENT && offset >= 0))
		protocol = later_protocol(skb, offset);
	if (likely(!managed && (offset < 0 || protocol != IPPROTO_TCP)))
		return NF_ACCEPT;
	foreign = !managed && !fragment && is_foreign(table, skb, offset, out);
	if (likely(foreign && !ended))
		return NF_ACCEPT;

	p = (struct packet){
		.kn = kn, .table = table, .skb = skb, .state = state,
		.protocol = protocol, .out = out, .ended = ended,
		.routed = out && !foreign && is_routed6(skb),
		.flow.family = AF_INET6, .flow.fragment = fragment,
	};
	if (p.protocol == IPPROTO_TCP && offset >= 0) {
		if (!fragment)
			read_tcp(&p, offset);
		p.flow.local = out ? ip6h->saddr : ip6h->daddr;
		p.flow.remote = out ? ip6h->daddr : ip6h->saddr;
	}
	return judge(&p, managed);
}

static unsigned int hook_out6(void *priv, struct sk_buff *skb,
			      const struct nf_hook_state *state)
{
	return hook6(priv, skb, state, true);
}

static unsigned int hook_in6(void *priv, struct sk_buff *skb,
			     const struct nf_hook_state *state)
{
	return hook6(priv, skb, state, false);
}
#endif

/*
 * Out, before any address is translated; in, last but for those that only
 * confirm a connection.
 */
static const struct nf_hook_ops hooks[] = {
	{
		.hook		= hook_out4,
		.pf		= NFPROTO_IPV4,
		.hooknum	= NF_INET_LOCAL_OUT,
		.priority	= NF_IP_PRI_FIRST + 1,
	},
	{
		.hook		= hook_in4,
		.pf		= NFPROTO_IPV4,
		.hooknum	= NF_INET_LOCAL_IN,
		.priority	= NF_IP_PRI_LAST - 1,
	},
#if IS_ENABLED(CONFIG_IPV6)
	{
		.hook		= hook_out6,
		.pf		= NFPROTO_IPV6,
		.hooknum	= NF_INET_LOCAL_OUT,
		.priority	= NF_IP6_PRI_FIRST + 1,
	},
	{
		.hook		= hook_in6,
		.pf		= NFPROTO_IPV6,
		.hooknum	= NF_INET_LOCAL_IN,
		.priority	= NF_IP6_PRI_LAST - 1,
	},
#endif
};

/**
 * kpc_hooks_register() - begin to judge packets
 * @kn: namespace, whose lock is held and whose table is published
 */
int kpc_hooks_register(struct kpc_net *kn)
{
	unsigned int i;
	int err;

	if (kn->hooked)
		return 0;
	BUILD_BUG_ON(ARRAY_SIZE(hooks) > ARRAY_SIZE(kn->hooks));
	for (i = 0; i < ARRAY_SIZE(hooks); i++) {
		kn->hooks[i] = hooks[i];
		kn->hooks[i].priv = kn;
	}
	err = nf_register_net_hooks(kn->net, kn->hooks, ARRAY_SIZE(hooks));
	kn->hooked = !err;
	return err;
}

/**
 * kpc_hooks_unregister() - stop judging packets
 * @kn: namespace, whose lock is held
 */
void kpc_hooks_unregister(struct kpc_net *kn)
{
	if (!kn->hooked)
		return;
	nf_unregister_net_hooks(kn->net, kn->hooks, ARRAY_SIZE(hooks));
	kn->hooked = false;
	/* What runs in one still reads the table, and this module's text. */
	synchronize_net();
}
