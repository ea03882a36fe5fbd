// SPDX-License-Identifier: MIT
/*
 * Association events in the log.
 */
#include <stdbool.h>

#include <kpc/suite.h>

#include "crew.h"
#include "establish.h"
#include "event.h"
#include "log.h"
#include "timer.h"
#include "warden.h"

#define LINES_PER_SECOND	100
#define LINES_BURST		500

static const struct {
	int priority;
	const char *words;
} kinds[] = {
	[KPC_EVENT_UP]		  = { LOG_INFO, "connection up" },
	[KPC_EVENT_DOWN]	  = { LOG_INFO, "connection closed" },
	[KPC_EVENT_TRUNCATED]	  = { LOG_WARNING, "connection truncated" },
	[KPC_EVENT_REFUSED]	  = { LOG_WARNING, "handshake failed" },
	[KPC_EVENT_LOCAL_REFUSED] = { LOG_WARNING, "local user refused" },
	[KPC_EVENT_LOCAL_GONE]	  = { LOG_INFO, "local program gone" },
	[KPC_EVENT_BACKEND]	  = { LOG_WARNING, "backend not reached" },
	[KPC_EVENT_HANDED_OVER]	  = { LOG_INFO, "connection handed over" },
	[KPC_EVENT_FAULT]	  = { LOG_ERR, "fault" },
};

static const char *const carriers[] = {
	[KPC_CARRIER_KERNEL]	= "kernel",
	[KPC_CARRIER_AGENT]	= "agent",
};

void event_association(struct log_line *line,
		       const struct kpc_association *association)
{
	log_text(line, "NAME", association->name);
	log_octets(line, "KPCID", association->kpc_id.octets,
		   association->kpc_id.len);
	log_text(line, "IDA", association->id_a.text);
	log_text(line, "IDB", association->id_b.text);
	log_text(line, "ROLE", association->role == KPC_ROLE_A ? "a" : "b");
}

void event_entry(struct log_line *line, const struct entry *entry)
{
	event_association(line, &entry->association);
}

static bool may_log(struct crew_worker *worker)
{
	if (bucket_take(&worker->lines, LINES_PER_SECOND, LINES_BURST,
			timer_now()))
		return true;
	worker->lines_lost++;
	return false;
}

static void log_ciphers(struct log_line *line,
			const struct kpc_message_event *event)
{
	const struct kpc_suite *suite = kpc_suite_by_code(event->suite);

	if (!event->version)
		return;
	log_text(line, "VERSION", kpc_version_name(event->version));
	if (suite)
		log_text(line, "SUITE", suite->name);
	if (event->carrier < sizeof(carriers) / sizeof(*carriers))
		log_text(line, "CARRIER", carriers[event->carrier]);
}

void event_ended(struct crew_worker *worker)
{
	struct log_line line;

	if (!worker->lines_lost)
		return;
	log_begin(&line, LOG_WARNING, "a worker's last lines were left out");
	log_number(&line, "WORKER", worker->index);
	log_number(&line, "LINES_LOST", worker->lines_lost);
	log_end(&line);
	worker->lines_lost = 0;
}

void event_log(struct crew_worker *worker,
	       const struct kpc_message_event *event)
{
	struct entry *entry = table_by_id(&worker->warden->table,
					  event->association);
	const struct kpc_association *association;
	struct log_line line;

	worker->lines_lost += event->lost;
	tally_count(worker->warden, event->kind, event->count, event->lost);
	if (!event->kind || event->kind >= sizeof(kinds) / sizeof(*kinds))
		return;

	/* IdB may be elsewhere by now. */
	if (entry && entry->association.role == KPC_ROLE_A &&
	    (event->kind == KPC_EVENT_REFUSED ||
	     event->kind == KPC_EVENT_FAULT))
		establish_look_again(entry);

	if (!may_log(worker))
		return;
	log_begin(&line, kinds[event->kind].priority, "%s",
		  kinds[event->kind].words);
	association = table_association(&worker->warden->table,
					event->association);
	if (association)
		event_association(&line, association);
	log_address(&line, "PEER", &event->peer);
	log_ciphers(&line, event);
	if (event->binding)
		log_number(&line, "BINDING", event->binding);
	if (event->kind == KPC_EVENT_DOWN ||
	    event->kind == KPC_EVENT_TRUNCATED) {
		log_number(&line, "TX_OCTETS", event->tx_octets);
		log_number(&line, "RX_OCTETS", event->rx_octets);
	}
	if (event->milliseconds)
		log_number(&line, "MILLISECONDS", event->milliseconds);
	log_text(&line, "REASON", event->text);
	log_number(&line, "WORKER", worker->index);
	if (worker->lines_lost)
		log_number(&line, "LINES_LOST", worker->lines_lost);
	worker->lines_lost = 0;
	log_end(&line);
}
