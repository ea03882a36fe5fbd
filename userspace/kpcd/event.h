/* SPDX-License-Identifier: MIT */
/*
 * Association events in the log.
 */
#ifndef KPCD_EVENT_H
#define KPCD_EVENT_H

struct crew_worker;
struct entry;
struct kpc_association;
struct kpc_message_event;
struct log_line;

/** event_association() - the fields that name an association */
void event_association(struct log_line *line,
		       const struct kpc_association *association);

/** event_entry() - the same, of an entry of the table */
void event_entry(struct log_line *line, const struct entry *entry);

/**
 * event_log() - log what a worker tells of a connection
 *
 * A worker gets a bounded number of lines a second; what goes over it is
 * counted and told with the next line.
 */
void event_log(struct crew_worker *worker,
	       const struct kpc_message_event *event);

/** event_ended() - tell what was left out of a worker that has ended */
void event_ended(struct crew_worker *worker);

#endif
