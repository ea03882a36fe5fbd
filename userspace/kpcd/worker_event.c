// SPDX-License-Identifier: MIT
/*
 * What the worker has the warden log about its connections.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "connection.h"

/* Peers that are refused: so many lines at once, and per second after that. */
#define REFUSED_BURST	50
#define REFUSED_PER_S	10

static bool rate_allows(struct rate *rate, uint64_t now)
{
	uint64_t more = (now - rate->at) * REFUSED_PER_S / 1000;

	if (!rate->at || more) {
		rate->tokens = !rate->at || more > REFUSED_BURST ?
			REFUSED_BURST : rate->tokens + more;
		if (rate->tokens > REFUSED_BURST)
			rate->tokens = REFUSED_BURST;
		rate->at = now;
	}
	if (!rate->tokens) {
		rate->suppressed++;
		return false;
	}
	rate->tokens--;
	return true;
}

static void event_connection(struct kpc_message_event *event,
			     const struct connection *c, uint64_t now)
{
	if (c->association)
		event->association = c->association->config.id;
	event->binding = c->binding;
	event->version = c->version;
	event->suite = c->suite;
	event->carrier = c->carrier;
	event->tx_octets = c->out.octets;
	event->rx_octets = c->in.octets;
	event->milliseconds = now - c->born;
	event->peer = c->peer;
}

void worker_event(struct worker *worker, enum kpc_message_event_kind kind,
		  const struct connection *connection, const char *format, ...)
{
	struct kpc_message message = { .type = KPC_MESSAGE_EVENT };
	struct kpc_message_event *event = &message.event;
	uint64_t now = timer_now();
	int used = 0;
	va_list args;

	if (kind == KPC_EVENT_REFUSED) {
		if (!rate_allows(&worker->refused, now))
			return;
		if (worker->refused.suppressed)
			used = snprintf(event->text, sizeof(event->text),
					"(%u more not told) ",
					worker->refused.suppressed);
		worker->refused.suppressed = 0;
	}
	event->kind = kind;
	if (connection)
		event_connection(event, connection, now);
	va_start(args, format);
	vsnprintf(event->text + used, sizeof(event->text) - used, format, args);
	va_end(args);
	channel_send(worker, &message);
}
