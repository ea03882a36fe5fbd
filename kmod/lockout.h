/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Keeping the operator from shutting himself out.
 */
#ifndef KPC_LOCKOUT_H
#define KPC_LOCKOUT_H

struct kpc_net;
struct kpc_policy;
struct netlink_ext_ack;

int kpc_lockout_check(struct kpc_net *kn, struct netlink_ext_ack *extack,
		      const struct kpc_policy *policy,
		      const struct kpc_policy *old);

#endif /* KPC_LOCKOUT_H */
