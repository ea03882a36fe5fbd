/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Deadlines and limits: what ends without a packet coming.
 */
#ifndef KPC_LIMIT_H
#define KPC_LIMIT_H

struct kpc_net;
struct work_struct;

void kpc_sweep(struct work_struct *work);
void kpc_sweep_soon(struct kpc_net *kn);

#endif /* KPC_LIMIT_H */
