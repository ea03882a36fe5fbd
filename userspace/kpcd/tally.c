// SPDX-License-Identifier: MIT
/*
 * How many connections came up and how they ended, for the service manager.
 */
#include <inttypes.h>
#include <stdio.h>

#include "container.h"
#include "message.h"
#include "notify.h"
#include "warden.h"

/* However much happens, it is told no more often. */
#define PAUSE_MS	1000

static void tell(struct loop_timer *timer)
{
	const struct tally *tally = container_of(timer, struct tally, due);
	char state[256], untold[64] = "";

	if (tally->untold)
		snprintf(untold, sizeof(untold), "; %" PRIu64 " events not told",
			 tally->untold);
	snprintf(state, sizeof(state),
		 "STATUS=%" PRIu64 " connections came up, %" PRIu64
		 " closed, %" PRIu64 " truncated; %" PRIu64
		 " handshakes failed%s", tally->up, tally->ended,
		 tally->truncated, tally->refused, untold);
	notify_send(state);
}

void tally_count(struct warden *warden, uint32_t kind, uint32_t count,
		 uint32_t lost)
{
	struct tally *tally = &warden->tally;

	switch (kind) {
	case KPC_EVENT_UP:
		tally->up += count;
		break;
	case KPC_EVENT_DOWN:
		tally->ended += count;
		break;
	case KPC_EVENT_TRUNCATED:
		tally->truncated += count;
		break;
	case KPC_EVENT_REFUSED:
		tally->refused += count;
		break;
	}
	tally->untold += lost;
	if (tally->due.at)
		return;
	tally->due.fire = tell;
	loop_arm(&warden->loop, &tally->due, PAUSE_MS);
}
