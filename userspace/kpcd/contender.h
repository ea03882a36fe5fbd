/* SPDX-License-Identifier: MIT */
/*
 * Peers that have not proved a key yet: who makes room when there are too many.
 */
#ifndef KPCD_CONTENDER_H
#define KPCD_CONTENDER_H

#include <stdbool.h>
#include <stdint.h>

#include "crowd.h"

struct worker;

/* At most; see handshake_quota(). */
#define CONTENDERS_MAX	CROWDS_MAX

/**
 * struct contender - one peer, part of what it belongs to
 * @next: in the worker's list by age
 * @previous: in that list
 * @crowd: the peers that come from where it does
 * @evict: ends it, and has it leave
 * @listed: it is in the list
 */
struct contender {
	struct contender *next;
	struct contender *previous;
	struct crowd *crowd;
	void (*evict)(struct contender *contender);
	bool listed;
};

/**
 * struct contenders - all of a worker
 * @first: the oldest
 * @last: the youngest
 * @count: how many
 */
struct contenders {
	struct contender *first;
	struct contender *last;
	unsigned int count;
};

/**
 * contender_join() - one more, where @source is
 *
 * Where the worker has as many as it may, the oldest of the source with the most
 * gives way.
 */
void contender_join(struct worker *worker, struct contender *contender,
		    uint64_t source);

/** contender_leave() - it has proved its key, or is over */
void contender_leave(struct worker *worker, struct contender *contender);

#endif
