/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Flows of UDP sockets: what is bound of a socket that many peers share.
 */
#ifndef KPC_FLOW_H
#define KPC_FLOW_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/types.h>
#include <linux/xarray.h>

#include "net.h"
#include "selector.h"

struct kpc_association;
struct kpc_sock;
struct kpc_table;
struct netlink_ext_ack;
struct sock;

/**
 * struct kpc_budget - what peers that are not bound exchanged with a socket
 * @since: second in which it began anew
 * @tx: octets sent since then
 * @rx: octets received
 */
struct kpc_budget {
	u32 since;
	atomic_t tx;
	atomic_t rx;
};

/**
 * struct kpc_udp - what a registered UDP socket has that others have not
 * @flows: list of its struct kpc_sock; under kpc_net::sock_lock
 * @marks: how many of its flows are bound, by their mark; RCU, written under
 *	kpc_net::sock_lock
 * @seed: of the hash of peers
 * @mask: budgets minus one
 * @budgets: by the hash of the peer
 */
struct kpc_udp {
	struct list_head flows;
	struct xarray marks;
	u32 seed;
	u32 mask;
	struct kpc_budget budgets[];
};

/* Of a socket that takes datagrams from anybody; another one has one peer. */
#define KPC_BUDGETS	4096

/* Counts of ports, by their last bits. */
#define KPC_UDP_PORTS	4096

/**
 * kpc_udp_watched() - whether datagrams are looked at
 * @kn: namespace
 * @udp: an endpoint is of UDP
 */
static inline bool kpc_udp_watched(const struct kpc_net *kn, bool udp)
{
	return udp || atomic_read(&kn->n_udp);
}

/**
 * kpc_udp_may_have() - whether a registered UDP socket may have a port
 * @kn: namespace
 * @port: in host order
 */
static inline bool kpc_udp_may_have(const struct kpc_net *kn, u16 port)
{
	const u32 *ports = READ_ONCE(kn->udp_ports);

	return ports && READ_ONCE(ports[port % KPC_UDP_PORTS]);
}

int kpc_flows_init(void);
void kpc_flows_exit(void);
struct kpc_sock *kpc_flow_find(const struct kpc_net *kn,
			       const struct kpc_flow *flow);
int kpc_flow_insert(struct kpc_sock *ks);
int kpc_flow_erase(struct kpc_sock *ks);
void kpc_flow_count(const struct kpc_sock *ks, int change);
int kpc_flow_ends(struct kpc_net *kn, struct netlink_ext_ack *extack,
		  const struct sock *sk, const struct kpc_flow *given,
		  struct kpc_flow *flow);
struct kpc_sock *kpc_flow_add(struct kpc_sock *via,
			      struct kpc_association *association,
			      const struct kpc_flow *flow);
void kpc_flows_end(struct kpc_sock *via, u8 reason);

int kpc_udp_register(struct kpc_net *kn, struct netlink_ext_ack *extack,
		     struct sock *sk, struct kpc_association *association,
		     u32 session);
void kpc_udp_forget(struct kpc_sock *ks);
void kpc_udp_free(struct kpc_udp *udp);
bool kpc_udp_has_mark(const struct kpc_sock *ks, u32 mark);
bool kpc_udp_spend(const struct kpc_table *table, struct kpc_sock *ks,
		   const struct kpc_flow *flow, unsigned int octets, bool out);

#endif /* KPC_FLOW_H */
