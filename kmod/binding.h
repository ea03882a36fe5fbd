/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bindings: sockets tied to an association.
 */
#ifndef KPC_BINDING_H
#define KPC_BINDING_H

#include <linux/types.h>

struct kpc_association;
struct kpc_flow;
struct kpc_net;
struct kpc_policy;
struct kpc_session;
struct kpc_sock;
struct netlink_ext_ack;
struct sk_buff;
struct sock;

/**
 * struct kpc_bind - what binding-new asks for
 * @fd: in the caller's file table
 * @association: to bind to
 * @carrier: enum kpc_carrier
 * @version: as on the wire
 * @suite: IANA code
 * @tx_digest: of the sending key, or NULL
 * @rx_digest: of the receiving key, or NULL
 * @ends: of a flow, without the local port, or NULL
 * @epoch: of a flow's records
 * @session: of the sender, or NULL
 */
struct kpc_bind {
	int fd;
	struct kpc_association *association;
	u8 carrier;
	u16 version;
	u16 suite;
	const u8 *tx_digest;
	const u8 *rx_digest;
	const struct kpc_flow *ends;
	u16 epoch;
	const struct kpc_session *session;
};

struct kpc_sock *kpc_binding_new(struct kpc_net *kn,
				 struct netlink_ext_ack *extack,
				 const struct kpc_bind *bind);
struct kpc_sock *kpc_binding_of(struct kpc_net *kn,
				struct netlink_ext_ack *extack,
				const struct sock *sk,
				const struct kpc_flow *ends);
struct kpc_sock *kpc_binding_own(struct kpc_net *kn,
				 struct netlink_ext_ack *extack, int fd,
				 const struct kpc_session *session);
int kpc_binding_rekey(struct kpc_net *kn, struct netlink_ext_ack *extack,
		      struct kpc_sock *ks, const u8 *tx_digest,
		      const u8 *rx_digest);
int kpc_binding_hand_over(struct kpc_net *kn, struct netlink_ext_ack *extack,
			  struct kpc_sock *ks);
bool kpc_binding_allowed(const struct kpc_sock *ks,
			 const struct kpc_policy *policy);
int kpc_binding_fill(struct sk_buff *skb, const struct kpc_sock *ks);

#endif /* KPC_BINDING_H */
