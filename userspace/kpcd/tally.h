/* SPDX-License-Identifier: MIT */
/*
 * How many connections came up and how they ended, for the service manager.
 */
#ifndef KPCD_TALLY_H
#define KPCD_TALLY_H

#include <stdint.h>

#include "loop.h"

struct warden;

/**
 * struct tally - since the agent has started
 * @up: connections that came up
 * @ended: of those, not truncated
 * @truncated: of those, not in order
 * @refused: handshakes that failed
 * @untold: events of whatever kind that a worker did not tell
 * @due: when the service manager is told
 */
struct tally {
	uint64_t up;
	uint64_t ended;
	uint64_t truncated;
	uint64_t refused;
	uint64_t untold;
	struct loop_timer due;
};

/**
 * tally_count() - some more
 * @warden: whose
 * @kind: enum kpc_message_event_kind, 0: only @lost counts
 * @count: so many of the kind
 * @lost: events before it that were not told
 */
void tally_count(struct warden *warden, uint32_t kind, uint32_t count,
		 uint32_t lost);

#endif
