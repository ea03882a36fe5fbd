/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Holders: whose sockets an association may have.
 */
#ifndef KPC_HOLDER_H
#define KPC_HOLDER_H

#include <linux/types.h>

struct kpc_net;
struct kpc_policy;
struct netlink_ext_ack;
struct sock;

int kpc_holder_valid(struct kpc_net *kn, struct netlink_ext_ack *extack,
		     const struct kpc_policy *policy);
bool kpc_holder_allowed(const struct kpc_policy *policy, const struct sock *sk);
bool kpc_holder_named(const struct kpc_policy *policy);
int kpc_holder_check(struct kpc_net *kn, struct netlink_ext_ack *extack,
		     const struct kpc_policy *policy, const struct sock *sk);

#endif /* KPC_HOLDER_H */
