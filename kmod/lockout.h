/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Keeping the operator from shutting himself out.
 */
#ifndef KPC_LOCKOUT_H
#define KPC_LOCKOUT_H

struct kpc_net;
struct kpc_policy;
struct kpc_table;
struct netlink_ext_ack;

int kpc_lockout_check_ports(struct kpc_net *kn, struct netlink_ext_ack *extack,
			    const struct kpc_policy *policy);
int kpc_lockout_check_live(struct kpc_net *kn, struct netlink_ext_ack *extack,
			   const struct kpc_table *table);

#endif /* KPC_LOCKOUT_H */
