// SPDX-License-Identifier: MIT
/*
 * What the worker has the warden log about its connections.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "connection.h"

/*
 * Peers that are refused, local users too, and local programs that do not wait:
 * so many lines of each at once, and per second after that.
 */
#define REFUSED_BURST	50
#define REFUSED_PER_S	10
/* Without another one, those that were not told of are counted in a line. */
#define QUIET_MS	1000

/* Such a line is of no event itself. */
static const char these_are_all[] = "these are all";

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

static struct telling *event_telling(struct worker *worker,
				     enum kpc_message_event_kind kind)
{
	switch (kind) {
	case KPC_EVENT_REFUSED:
		return &worker->refused;
	case KPC_EVENT_LOCAL_REFUSED:
		return &worker->local_refused;
	case KPC_EVENT_LOCAL_GONE:
		return &worker->local_gone;
	default:
		return NULL;
	}
}

static void quiet(struct timer *timer)
{
	struct telling *telling = container_of(timer, struct telling, quiet);

	worker_event(telling->worker, telling->kind, NULL, these_are_all);
}

static void event_untold(struct worker *worker, struct telling *telling,
			 enum kpc_message_event_kind kind)
{
	telling->untold++;
	telling->kind = kind;
	telling->worker = worker;
	telling->quiet.expired = quiet;
	timer_arm(&worker->timers, &telling->quiet, QUIET_MS);
}

void worker_event(struct worker *worker, enum kpc_message_event_kind kind,
		  const struct connection *connection, const char *format, ...)
{
	struct kpc_message message = { .type = KPC_MESSAGE_EVENT };
	struct kpc_message_event *event = &message.event;
	struct telling *telling = event_telling(worker, kind);
	uint64_t now = timer_now();
	uint32_t untold = 0;
	int used = 0;
	va_list args;

	if (telling && !bucket_take(&telling->bucket, REFUSED_PER_S,
				    REFUSED_BURST, now)) {
		event_untold(worker, telling, kind);
		return;
	}
	if (telling && telling->untold) {
		timer_disarm(&worker->timers, &telling->quiet);
		used = snprintf(event->text, sizeof(event->text),
				"(%u more not told) ", telling->untold);
		untold = telling->untold;
		telling->untold = 0;
	}
	event->kind = kind;
	event->count = untold + (format != these_are_all);
	if (connection)
		event_connection(event, connection, now);
	va_start(args, format);
	vsnprintf(event->text + used, sizeof(event->text) - used, format, args);
	va_end(args);
	event->lost = worker->events_lost;
	worker->events_lost = 0;
	channel_send(worker, &message);
}
