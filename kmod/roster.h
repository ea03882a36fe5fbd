/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The associations in force of a namespace, in order and by name.
 */
#ifndef KPC_ROSTER_H
#define KPC_ROSTER_H

#include <linux/types.h>

struct kpc_association;
struct kpc_net;

/**
 * struct kpc_roster - associations; built whole and replaced whole
 * @n: length of @at
 * @chain_mask: chains minus one
 * @chains: by the hash of the name, one more than an index of @at, or 0; goes
 *	on in kpc_association::chain
 * @at: by rising id
 *
 * Under kpc_net::lock.
 */
struct kpc_roster {
	unsigned int n;
	unsigned int chain_mask;
	unsigned int *chains;
	struct kpc_association *at[];
};

struct kpc_roster *kpc_roster_alloc(unsigned int most);
void kpc_roster_add(struct kpc_roster *roster,
		    struct kpc_association *association);
void kpc_roster_free(struct kpc_roster *roster);
unsigned int kpc_roster_behind(const struct kpc_net *kn, u32 id);
struct kpc_association *kpc_association_by_id(struct kpc_net *kn, u32 id);
struct kpc_association *kpc_association_find(struct kpc_net *kn,
					     const char *name);

#endif /* KPC_ROSTER_H */
