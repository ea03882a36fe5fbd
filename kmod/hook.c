// SPDX-License-Identifier: GPL-2.0-only
/*
 * The packet path: LOCAL_OUT and LOCAL_IN of IPv4 and IPv6.
 *
 * Nearly all packets leave here, at one of three tests that cost little: no TCP
 * nor UDP and no managed mark; ports that no endpoint has; a binding's own
 * segment, with nothing about it changed. The others are read whole and judged.
 */
#include <linux/ip.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/tcp.h>
#include <net/udp.h>

#include "association.h"
#include "endpoint.h"
#include "flow.h"
#include "hook.h"
#include "net.h"
#include "packet.h"
#include "socket.h"
#include "socket_fast.h"

/* Both ports of a segment, or NULL where they are no linear data. */
static __always_inline const __be16 *ports_at(const struct sk_buff *skb,
					      unsigned int offset)
{
	if (unlikely(skb_headlen(skb) < offset + 2 * sizeof(__be16)))
		return NULL;
	return (const __be16 *)(skb->data + offset);
}

/* No endpoint has its ports. */
static __always_inline bool is_elsewhere(const struct kpc_table *table,
					 const __be16 *ports, bool udp,
					 bool out)
{
	return !test_bit(ntohs(ports[!out]), table->ports[udp][KPC_ROLE_B]) &&
	       !test_bit(ntohs(ports[out]), table->ports[udp][KPC_ROLE_A]);
}

/* The same, and nothing that was ended is about. */
static __always_inline bool is_foreign(const struct kpc_net *kn,
				       const struct kpc_table *table,
				       const __be16 *ports, bool out)
{
	return is_elsewhere(table, ports, false, out) &&
	       !atomic_read(&kn->n_ended);
}

/*
 * A datagram that has nothing to do with an endpoint, nor with a registered
 * socket: those that send wear a managed mark.
 */
static __always_inline bool passes_udp(const struct kpc_net *kn,
				       const struct kpc_table *table,
				       const struct sk_buff *skb,
				       unsigned int offset, bool out)
{
	const __be16 *ports = ports_at(skb, offset);

	return likely(ports) && is_elsewhere(table, ports, true, out) &&
	       (out || !kpc_udp_may_have(kn, ntohs(ports[1])));
}

/* Whether a routed packet may be for an endpoint, wherever it is. */
static bool may_be_protected(const struct packet *p)
{
	bool udp = p->flow.udp;

	return p->managed || p->flow.fragment ||
	       (!p->out && atomic_read(&p->kn->n_ended)) ||
	       test_bit(p->flow.local_port, p->table->ports[udp][KPC_ROLE_B]) ||
	       test_bit(p->flow.remote_port, p->table->ports[udp][KPC_ROLE_A]);
}

/* A segment of a bound socket of which nothing has changed. */
static __always_inline bool is_bound(const struct sk_buff *skb,
				     const __be16 *ports, bool out)
{
	const struct sock *sk = skb->sk;
	const struct kpc_sock *ks;

	if (!sk || !sk_fullsock(sk))
		return false;
	ks = kpc_sock_lookup(sk);
	/* Pairs with bind_sock(). */
	if (!ks || smp_load_acquire(&ks->state) != KPC_SOCK_BOUND ||
	    ks->octets_max != U64_MAX ||
	    kpc_sock_compare(ks) != KPC_REASON_NONE)
		return false;
	if (!out) {
		this_cpu_inc(ks->association->packets->rx);
		return true;
	}
	/* Not one with a tunnel's header around it. */
	if (skb->mark != ks->mark || ports[0] != htons(sk->sk_num))
		return false;
	this_cpu_inc(ks->association->packets->tx);
	return true;
}

/* What passes without being read whole. */
static __always_inline bool passes(const struct kpc_net *kn,
				   const struct kpc_table *table,
				   const struct sk_buff *skb,
				   unsigned int offset, bool managed, bool out)
{
	const __be16 *ports = ports_at(skb, offset);

	return likely(ports) && ((!managed && is_foreign(kn, table, ports, out)) ||
				 is_bound(skb, ports, out));
}

static void read_tcp(struct packet *p, unsigned int offset)
{
	struct tcphdr buf;
	const struct tcphdr *th;

	th = skb_header_pointer(p->skb, offset, sizeof(buf), &buf);
	if (!th) {
		/* Too short to have its ports believed. */
		p->flow.fragment = true;
		return;
	}
	p->flow.local_port = ntohs(p->out ? th->source : th->dest);
	p->flow.remote_port = ntohs(p->out ? th->dest : th->source);
	p->tcp = true;
	p->payload = p->skb->len > offset + __tcp_hdrlen(th);
	p->rst = th->rst;
	p->open = th->syn && !th->ack;
	p->answer = th->syn && th->ack;
}

static void read_udp(struct packet *p, unsigned int offset)
{
	struct udphdr buf;
	const struct udphdr *uh;

	uh = skb_header_pointer(p->skb, offset, sizeof(buf), &buf);
	if (!uh) {
		p->flow.fragment = true;
		return;
	}
	p->flow.local_port = ntohs(p->out ? uh->source : uh->dest);
	p->flow.remote_port = ntohs(p->out ? uh->dest : uh->source);
	p->data = offset + sizeof(*uh);
}

/* Whether the packet's ends matter; if so, its ports are read. */
static bool read_ports(struct packet *p, unsigned int offset)
{
	p->flow.udp = p->protocol == IPPROTO_UDP &&
		      kpc_udp_watched(p->kn, p->table->udp);
	if (p->protocol != IPPROTO_TCP && !p->flow.udp)
		return false;
	if (!p->flow.fragment && p->flow.udp)
		read_udp(p, offset);
	else if (!p->flow.fragment)
		read_tcp(p, offset);
	return true;
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

static noinline unsigned int judge4(struct kpc_net *kn, struct sk_buff *skb,
				    const struct nf_hook_state *state, bool out)
{
	const struct kpc_table *table = rcu_dereference(kn->table);
	const struct iphdr *iph = ip_hdr(skb);
	struct packet p = {
		.kn = kn, .table = table, .skb = skb, .state = state,
		.protocol = iph->protocol, .out = out,
		.managed = out && kpc_table_managed(table, skb->mark),
		.flow.family = AF_INET, .flow.fragment = ip_is_fragment(iph),
	};

	/* A raw socket's own header may be anything. */
	if (unlikely(iph->ihl < sizeof(*iph) / 4))
		return NF_DROP;
	if (read_ports(&p, skb_network_offset(skb) + iph->ihl * 4)) {
		p.routed = out && is_routed4(skb) && may_be_protected(&p);
		ipv6_addr_set_v4mapped(out ? iph->saddr : iph->daddr,
				       &p.flow.local);
		ipv6_addr_set_v4mapped(out ? iph->daddr : iph->saddr,
				       &p.flow.remote);
	}
	return kpc_judge(&p);
}

static __always_inline unsigned int hook4(struct kpc_net *kn,
					  struct sk_buff *skb,
					  const struct nf_hook_state *state,
					  bool out)
{
	const struct kpc_table *table = rcu_dereference(kn->table);
	const struct iphdr *iph = ip_hdr(skb);
	bool managed = out && kpc_table_managed(table, skb->mark);

	if (iph->protocol != IPPROTO_TCP) {
		if (likely(!managed &&
			   (iph->protocol != IPPROTO_UDP ||
			    !kpc_udp_watched(kn, table->udp) ||
			    (iph->ihl == 5 && !ip_is_fragment(iph) &&
			     passes_udp(kn, table, skb, skb_network_offset(skb) +
					sizeof(*iph), out)))))
			return NF_ACCEPT;
	} else if (likely(iph->ihl == 5 && !ip_is_fragment(iph)) &&
		   passes(kn, table, skb, skb_network_offset(skb) + sizeof(*iph),
			  managed, out)) {
		return NF_ACCEPT;
	}
	return judge4(kn, skb, state, out);
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
 * Goes over the extension headers as the receiver will, and sets what is behind
 * them. A chain that is cut may have TCP behind it in another fragment, and a
 * later fragment may have more headers before it: both are taken for fragments
 * of TCP, so that the address decides. Another protocol that a later fragment
 * names is believed, though nobody else will look at it: without its first
 * fragment, which is not let through, it is never put together.
 *
 * Return: where the protocol's header begins.
 */
static unsigned int read_chain(struct packet *p)
{
	unsigned int offset = skb_network_offset(p->skb) +
			      sizeof(struct ipv6hdr);
	u8 next = ipv6_hdr(p->skb)->nexthdr;
	const struct frag_hdr *h;
	struct frag_hdr buf;

	while (ipv6_ext_hdr(next) && next != NEXTHDR_NONE) {
		/* No extension header is shorter. */
		h = skb_header_pointer(p->skb, offset, sizeof(buf), &buf);
		if (!h)
			goto cut;
		switch (next) {
		case NEXTHDR_FRAGMENT:
			if (h->frag_off & htons(IP6_OFFSET | IP6_MF))
				p->flow.fragment = true;
			if (h->frag_off & htons(IP6_OFFSET)) {
				if (ipv6_ext_hdr(h->nexthdr))
					goto cut;
				p->later = true;
				p->protocol = h->nexthdr;
				return offset;
			}
			offset += sizeof(*h);
			break;
		case NEXTHDR_AUTH:
			offset += ipv6_authlen((struct ipv6_opt_hdr *)h);
			break;
		case NEXTHDR_ROUTING:
			/* Come in, it goes on while segments of any are left. */
			p->routed |= p->out || ntohs(h->frag_off) & 0xff;
			fallthrough;
		default:
			offset += ipv6_optlen((struct ipv6_opt_hdr *)h);
		}
		next = h->nexthdr;
	}
	p->protocol = next;
	return offset;

cut:
	p->protocol = IPPROTO_TCP;
	p->flow.fragment = true;
	p->cut = true;
	return offset;
}

static noinline unsigned int judge6(struct kpc_net *kn, struct sk_buff *skb,
				    const struct nf_hook_state *state, bool out)
{
	const struct kpc_table *table = rcu_dereference(kn->table);
	const struct ipv6hdr *ip6h = ipv6_hdr(skb);
	struct packet p = {
		.kn = kn, .table = table, .skb = skb, .state = state,
		.out = out,
		.managed = out && kpc_table_managed(table, skb->mark),
		.flow.family = AF_INET6,
	};
	unsigned int offset = read_chain(&p);

	/*
	 * UDP has honest fragments, and they come in as they are. The first shows
	 * the ports, and without it the others are never put together.
	 */
	if (!out && p.protocol == IPPROTO_UDP && !p.cut) {
		if (p.later)
			return NF_ACCEPT;
		p.flow.fragment = false;
	}
	if (read_ports(&p, offset)) {
		p.routed = p.routed && may_be_protected(&p);
		p.flow.local = out ? ip6h->saddr : ip6h->daddr;
		p.flow.remote = out ? ip6h->daddr : ip6h->saddr;
	} else {
		p.routed = false;
	}
	return kpc_judge(&p);
}

static __always_inline unsigned int hook6(struct kpc_net *kn,
					  struct sk_buff *skb,
					  const struct nf_hook_state *state,
					  bool out)
{
	const struct kpc_table *table = rcu_dereference(kn->table);
	const struct ipv6hdr *ip6h = ipv6_hdr(skb);
	bool managed = out && kpc_table_managed(table, skb->mark);

	if (likely(ip6h->nexthdr == IPPROTO_TCP)) {
		if (passes(kn, table, skb,
			   skb_network_offset(skb) + sizeof(*ip6h), managed,
			   out))
			return NF_ACCEPT;
	} else if (likely(!managed && !ipv6_ext_hdr(ip6h->nexthdr) &&
			  (ip6h->nexthdr != IPPROTO_UDP ||
			   !kpc_udp_watched(kn, table->udp) ||
			   passes_udp(kn, table, skb, skb_network_offset(skb) +
				      sizeof(*ip6h), out)))) {
		return NF_ACCEPT;
	}
	return judge6(kn, skb, state, out);
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
