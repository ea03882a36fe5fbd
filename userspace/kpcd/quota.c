// SPDX-License-Identifier: MIT
/*
 * How many handshakes a worker may have under way, so that all workers together
 * stay within what the module registers.
 *
 * The module does not choose whom it resets where there are too many, and a
 * worker does. So it has to come to that in the workers first. A peer is refused
 * when all that is registered is three quarters of the maximum: a third of what
 * listeners and this side's own handshakes leave of these stays free for peers
 * that no worker has accepted yet.
 */
#include <string.h>

#include "crew.h"
#include "listener.h"
#include "log.h"
#include "quota.h"
#include "warden.h"

static uint32_t share(uint32_t of, uint32_t workers)
{
	return of < workers ? 1 : of / workers;
}

struct kpc_message_quota quota_of(uint32_t max, uint32_t workers,
				  uint32_t listeners)
{
	/* Listeners may still come, and peers with them. */
	uint32_t initiations = max / 4, peers = max - max / 4;
	uint64_t others = initiations + (uint64_t)workers * listeners;

	peers = others < peers ? peers - others : 0;
	return (struct kpc_message_quota){
		.peers = share(peers - peers / 3, workers),
		.initiations = share(initiations, workers),
	};
}

static struct kpc_message message_of(const struct warden *warden)
{
	return (struct kpc_message){
		.type = KPC_MESSAGE_QUOTA,
		.quota = warden->quota,
	};
}

void quota_update(struct warden *warden)
{
	struct kpc_message_quota before = warden->quota;
	struct kpc_error why = { "" };
	struct kpc_message message;
	struct kpc_config config;
	int err;

	if (!warden->enforce)
		return;
	err = kpc_nl_config_get(&warden->nl, &config, &why);
	if (err) {
		log_say(LOG_ERR, "cannot read max-handshakes of the module, %s counts: %s",
			before.peers ? "what it was" : "the least of it",
			*why.text ? why.text : strerror(-err));
		if (before.peers)
			return;
		config.max_handshakes = 0;
	}
	warden->quota = quota_of(config.max_handshakes, warden->crew.count,
				 listener_count(warden));
	if (!memcmp(&before, &warden->quota, sizeof(before)))
		return;
	message = message_of(warden);
	crew_tell(warden, &message, -1);
}

void quota_tell(struct crew_worker *worker)
{
	const struct kpc_message message = message_of(worker->warden);

	if (worker->warden->enforce)
		crew_send(worker, &message, -1);
}
