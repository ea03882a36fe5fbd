/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Netfilter hooks of a namespace.
 */
#ifndef KPC_HOOK_H
#define KPC_HOOK_H

struct kpc_net;

int kpc_hooks_register(struct kpc_net *kn);
void kpc_hooks_unregister(struct kpc_net *kn);

#endif /* KPC_HOOK_H */
