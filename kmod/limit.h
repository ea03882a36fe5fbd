/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Deadlines and limits: what ends without a packet coming.
 */
#ifndef KPC_LIMIT_H
#define KPC_LIMIT_H

#include <linux/types.h>

struct kpc_ktls;
struct kpc_net;
struct kpc_sock;
struct work_struct;

void kpc_sweep(struct work_struct *work);
void kpc_sweep_soon(struct kpc_net *kn);
bool kpc_keys_changed(struct kpc_sock *ks, struct kpc_ktls *ktls);

#endif /* KPC_LIMIT_H */
