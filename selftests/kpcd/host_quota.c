// SPDX-License-Identifier: GPL-2.0-only
/*
 * What each worker may have of the module's handshakes: all together never more
 * than there are, with room for peers that no worker has accepted yet. X5.
 */
#include "kpcd/quota.h"

#include "../tap.h"

/* Peers are refused when all that is registered is more than three quarters. */
static bool fits(uint32_t max, uint32_t workers, uint32_t listeners)
{
	struct kpc_message_quota quota = quota_of(max, workers, listeners);
	uint64_t peers = (uint64_t)quota.peers * workers;
	uint64_t initiations = (uint64_t)quota.initiations * workers;
	uint64_t sockets = (uint64_t)listeners * workers;
	uint64_t room = max - max / 4;

	if (!quota.peers || !quota.initiations)
		return false;
	/* One each is the least, whatever there is. */
	if (quota.initiations == 1)
		initiations = max / 4;
	if (quota.peers > 1 &&
	    peers + initiations + sockets + (room - initiations - sockets) / 4 > room)
		return false;
	return initiations <= max / 4;
}

int main(void)
{
	static const uint32_t maxima[] = {
		0, 1, 2, 3, 7, 100, 400, 2000, 16384, 16385, 1 << 20, UINT32_MAX,
	};
	struct kpc_message_quota quota;
	uint32_t workers, listeners;
	unsigned int i;
	bool right;

	tap_begin();
	for (i = 0; i < sizeof(maxima) / sizeof(*maxima); i++) {
		right = true;
		for (workers = 1; workers <= 256; workers++)
			for (listeners = 0; listeners < 70; listeners++)
				right = right && fits(maxima[i], workers,
						      listeners);
		tap_ok(right, "max-handshakes %u is kept", maxima[i]);
	}
	quota = quota_of(16384, 5, 100);
	tap_ok(quota.peers == 1025, "by default five workers have 1024 peers each");
	quota = quota_of(16384, 4, 100);
	tap_ok(quota.initiations == 1024, "and four begin 1024 handshakes each");
	return tap_end();
}
