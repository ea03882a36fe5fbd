// SPDX-License-Identifier: MIT
/*
 * Keeps table, workers and listeners in line with what is configured.
 */
#include <stdbool.h>
#include <string.h>

#include "associations.h"
#include "crew.h"
#include "establish.h"
#include "follow.h"
#include "event.h"
#include "listener.h"
#include "log.h"
#include "quota.h"
#include "reload.h"
#include "warden.h"

/* Nothing else ends a peer of UDP that goes without a word. */
#define IDLE_SECONDS	3600

static void describe(const struct entry *entry, struct kpc_message *message)
{
	const struct kpc_association *from = &entry->association;
	struct kpc_message_association *to = &message->association;
	enum kpc_plain kind;

	memset(message, 0, sizeof(*message));
	message->type = KPC_MESSAGE_ASSOCIATION;
	to->id = entry->id;
	to->mark = from->mark;
	to->versions = from->versions;
	to->role = from->role;
	to->kind_a = from->id_a.kind;
	to->kind_b = from->id_b.kind;
	to->offload = from->offload;
	to->profile = from->agent.profile;
	to->proxy = from->agent.proxy;
	to->suite_count = from->suite_count;
	memcpy(to->suites, from->suites, sizeof(to->suites));
	to->allow_any = from->agent.allow_any;
	/*
	 * Waiting in one worker it would have the place of a program's at another.
	 * While it waits the worker takes what comes, which an application wants.
	 */
	kind = kpc_plain_kind(from->agent.plain, NULL);
	to->keeps = !from->limit.bindings && kind != KPC_PLAIN_HAND_OVER;
	to->datagrams = kpc_association_is_dtls(from);
	to->idle = from->limit.idle ? from->limit.idle : IDLE_SECONDS;
	to->allow_uid_count = from->agent.allow_uid_count;
	memcpy(to->allow_uids, from->agent.allow_uids,
	       sizeof(to->allow_uids));
	to->rekey_after = from->agent.rekey_after;
	to->records = from->limit.records;
	to->handshake_seconds = entry_handshake_seconds(entry);
	strcpy(to->name, from->name);
	strcpy(to->id_a, from->id_a.text);
	strcpy(to->id_b, from->id_b.text);
	strcpy(to->authority, from->agent.authority);
	if (from->role == KPC_ROLE_B &&
	    (kind == KPC_PLAIN_TCP || kind == KPC_PLAIN_UDP))
		strcpy(to->plain, from->agent.plain);
}

static void tell_all(struct warden *warden, const struct entry *entry)
{
	struct kpc_message message;

	describe(entry, &message);
	crew_tell(warden, &message, -1);
}

/* A key that is missing or too short keeps it from coming up: say it early. */
static void check_key(const struct warden *warden, const struct entry *entry)
{
	const struct kpc_association *association = &entry->association;
	const struct kpc_keystore_entry *stored;
	struct kpc_error why = { "" };
	struct log_line line;

	stored = warden_key(warden, &association->kpc_id);
	if (!stored)
		kpc_error_set(&why, "the key store has no key for this KpcId");
	else if (!kpc_key_check(kpc_key_length(stored->key),
				association->agent.weak_key, &why))
		return;
	log_begin(&line, LOG_WARNING, "key of an association");
	event_entry(&line, entry);
	log_text(&line, "REASON", why.text);
	log_end(&line);
}

/* Only the module carries commands to the agent. */
static void check_start(const struct warden *warden, const struct entry *entry)
{
	struct log_line line;

	if (warden->enforce ||
	    entry->association.agent.start != KPC_START_MANUAL)
		return;
	log_begin(&line, LOG_WARNING,
		  "start manual: without the module nothing opens this association");
	event_entry(&line, entry);
	log_end(&line);
}

static void add(struct warden *warden, uint32_t id,
		const struct kpc_association *association)
{
	struct entry *entry = table_add(&warden->table, id, association);

	if (!entry) {
		log_say(LOG_ERR, "%s: no memory for this association",
			association->name);
		return;
	}
	entry->warden = warden;
	entry->seen = true;
	reload_keys_added(warden, entry);
	check_key(warden, entry);
	check_start(warden, entry);
	if (kpc_association_is_dtls(association))
		follow_flows(warden);
	tell_all(warden, entry);
	establish_start(entry);
}

/* What the agent itself does must be begun anew when one of these changes. */
static bool moved(const struct kpc_association *a,
		  const struct kpc_association *b)
{
	return strcmp(a->agent.peer, b->agent.peer) ||
	       strcmp(a->agent.listen, b->agent.listen) ||
	       a->agent.start != b->agent.start ||
	       a->agent.has_owner != b->agent.has_owner ||
	       a->agent.owner != b->agent.owner ||
	       a->agent.mode != b->agent.mode ||
	       (a->role == KPC_ROLE_A &&
		strcmp(a->agent.plain, b->agent.plain));
}

static void change(struct warden *warden, struct entry *entry,
		   const struct kpc_association *association)
{
	bool again = moved(&entry->association, association);
	bool commanded = entry->wanted &&
			 association->agent.start == KPC_START_MANUAL;

	entry->association = *association;
	tell_all(warden, entry);
	if (!again)
		return;
	establish_stop(entry, "the association was changed");
	if (!commanded) {
		establish_start(entry);
		return;
	}
	/* Opened by command before, and by nobody closed since. */
	establish_command(entry, 0);
}

void associations_apply(struct warden *warden, uint32_t id,
			const struct kpc_association *association)
{
	struct entry *entry = table_by_id(&warden->table, id);

	if (!entry) {
		add(warden, id, association);
		return;
	}
	entry->seen = true;
	if (memcmp(&entry->association, association, sizeof(*association)))
		change(warden, entry, association);
}

void associations_gone(struct warden *warden, struct entry *entry,
		       const char *reason)
{
	const struct kpc_message message = {
		.type = KPC_MESSAGE_ASSOCIATION_GONE,
		.id = entry->id,
	};
	struct log_line line;

	/* First of all, so that what is still held goes nowhere. */
	crew_tell(warden, &message, -1);
	establish_stop(entry, reason);
	log_begin(&line, LOG_INFO, "association gone");
	event_entry(&line, entry);
	log_text(&line, "REASON", reason);
	log_end(&line);
	table_remove(&warden->table, entry);
}

void associations_unsee(struct warden *warden)
{
	struct entry *entry;

	for (entry = warden->table.first; entry; entry = entry->next)
		entry->seen = false;
}

void associations_sweep(struct warden *warden, const char *reason)
{
	struct entry *entry, *next;

	for (entry = warden->table.first; entry; entry = next) {
		next = entry->next;
		if (!entry->seen)
			associations_gone(warden, entry, reason);
	}
}

/* The same association, as the module sees it: these do not change in place. */
static bool same(const struct kpc_association *a,
		 const struct kpc_association *b)
{
	return a->role == b->role &&
	       kpc_kpcid_equal(&a->kpc_id, &b->kpc_id) &&
	       kpc_identity_equal(&a->id_a, &b->id_a) &&
	       kpc_identity_equal(&a->id_b, &b->id_b) &&
	       a->selector_count == b->selector_count &&
	       !memcmp(a->selectors, b->selectors,
		       a->selector_count * sizeof(*a->selectors));
}

void associations_replace(struct warden *warden,
			  const struct kpc_table *table)
{
	struct entry *entry;
	size_t i;

	/* What goes, goes first: another may want its address. */
	associations_unsee(warden);
	for (i = 0; i < table->count; i++) {
		entry = table_by_name(&warden->table,
				      table->entries[i].association.name);
		if (entry && same(&entry->association,
				  &table->entries[i].association))
			entry->seen = true;
	}
	associations_sweep(warden, "not in the association file any more");

	for (i = 0; i < table->count; i++) {
		const struct kpc_association *association =
			&table->entries[i].association;

		entry = table_by_name(&warden->table, association->name);
		associations_apply(warden, entry ? entry->id :
				   ++warden->last_association, association);
	}
}

void associations_worker_ready(struct crew_worker *worker)
{
	struct entry *entry;
	struct kpc_message message;

	quota_tell(worker);
	for (entry = worker->warden->table.first; entry; entry = entry->next) {
		describe(entry, &message);
		crew_send(worker, &message, -1);
		establish_replay_listener(worker, entry);
	}
	/* Listeners last: who comes to one is judged by what it is for. */
	for (entry = worker->warden->table.first; entry; entry = entry->next)
		establish_replay(worker, entry);
	listener_replay(worker);
}

void associations_worker_lost(struct warden *warden, unsigned int index)
{
	struct entry *entry;

	for (entry = warden->table.first; entry; entry = entry->next)
		entry->credits[index] = 0;
}
