/* SPDX-License-Identifier: MIT */
/*
 * Keeps table, workers and listeners in line with what is configured.
 */
#ifndef KPCD_ASSOCIATIONS_H
#define KPCD_ASSOCIATIONS_H

#include <stdint.h>

struct crew_worker;
struct entry;
struct kpc_association;
struct kpc_table;
struct warden;

/**
 * associations_apply() - an association is there, new or changed
 * @id: its number
 * @association: what is configured now
 */
void associations_apply(struct warden *warden, uint32_t id,
			const struct kpc_association *association);

/** associations_gone() - an association is not there any more */
void associations_gone(struct warden *warden, struct entry *entry,
		       const char *reason);

/** associations_unsee() - mark all; see associations_sweep() */
void associations_unsee(struct warden *warden);

/** associations_sweep() - drop those that were not applied since the mark */
void associations_sweep(struct warden *warden, const char *reason);

/**
 * associations_replace() - --table mode: take over a whole table
 *
 * An association that keeps name, KpcId, identities and role keeps its number
 * and its connections, unless its selectors have changed.
 */
void associations_replace(struct warden *warden,
			  const struct kpc_table *table);

/** associations_worker_ready() - tell a new worker everything */
void associations_worker_ready(struct crew_worker *worker);

/** associations_worker_lost() - what was lent to a worker is void */
void associations_worker_lost(struct warden *warden, unsigned int index);

#endif
