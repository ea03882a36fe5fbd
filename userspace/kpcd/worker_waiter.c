// SPDX-License-Identifier: MIT
/*
 * Questions that wait for an answer, found again by their number.
 */
#include "worker_state.h"

static struct waiter **waiter_slot(struct waiter_table *table, uint32_t id)
{
	return &table->slots[id % WAITER_SLOTS];
}

bool waiter_waits(const struct waiter_table *table, uint32_t id)
{
	const struct waiter *at = table->slots[id % WAITER_SLOTS];

	while (at && at->id != id)
		at = at->next;
	return at;
}

uint32_t waiter_add(struct waiter_table *table, struct waiter *waiter)
{
	struct waiter **slot;

	if (!++table->last)
		++table->last;
	waiter->id = table->last;
	slot = waiter_slot(table, waiter->id);
	waiter->next = *slot;
	*slot = waiter;
	return waiter->id;
}

void waiter_remove(struct waiter_table *table, struct waiter *waiter)
{
	struct waiter **at;

	if (!waiter->id)
		return;
	for (at = waiter_slot(table, waiter->id); *at; at = &(*at)->next) {
		if (*at == waiter) {
			*at = waiter->next;
			waiter->id = 0;
			return;
		}
	}
}

bool waiter_answer(struct waiter_table *table, uint32_t id, const void *answer,
		   int fd)
{
	struct waiter **at, *waiter;

	for (at = waiter_slot(table, id); *at; at = &(*at)->next) {
		if ((*at)->id != id)
			continue;
		waiter = *at;
		*at = waiter->next;
		waiter->id = 0;
		waiter->answered(waiter, answer, fd);
		return true;
	}
	return false;
}
