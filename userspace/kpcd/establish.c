// SPDX-License-Identifier: MIT
/*
 * Bringing associations up, by command and by themselves, and closing them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <kpc/suite.h>

#include "answer.h"
#include "container.h"
#include "crew.h"
#include "establish.h"
#include "event.h"
#include "listener.h"
#include "local.h"
#include "log.h"
#include "reload.h"
#include "timer.h"
#include "warden.h"

#define RETRY_MS		1000
#define RETRY_MAX_MS		60000
#define NO_WORKER_MS		200
/* A name is looked up anew this often, and not more often after failures. */
#define LOOKUP_MS		60000
#define LOOKUP_MIN_MS		5000
/* What a worker's own deadline may be late. */
#define HANDSHAKE_SLACK_MS	5000

static void begin(struct entry *entry);

/* Somewhere in the half below @milliseconds, so that many do not come at once. */
static uint64_t jitter(uint64_t milliseconds)
{
	return milliseconds / 2 + random() % (milliseconds / 2 + 1);
}

static bool is_open(const struct entry *entry)
{
	return entry->local || entry->listener;
}

static void wait_ms(struct entry *entry, uint64_t milliseconds)
{
	loop_arm(&entry->warden->loop, &entry->timer, milliseconds);
}

static void settle_open(struct entry *entry)
{
	entry->state = ENTRY_OPEN;
	if (entry->association.role == KPC_ROLE_A)
		wait_ms(entry, jitter(LOOKUP_MS));
	else
		loop_disarm(&entry->warden->loop, &entry->timer);
}

static void tell_addresses(struct crew_worker *worker,
			   const struct entry *entry)
{
	struct kpc_message message = {
		.type = KPC_MESSAGE_ADDRESSES,
		.addresses = {
			.association = entry->id,
			.count = entry->address_count,
		},
	};

	memcpy(message.addresses.at, entry->addresses,
	       sizeof(message.addresses.at));
	crew_send(worker, &message, -1);
}

static void tell_addresses_all(const struct entry *entry)
{
	struct crew *crew = &entry->warden->crew;
	unsigned int i;

	for (i = 0; i < crew->count; i++)
		if (crew->workers[i].ready)
			tell_addresses(&crew->workers[i], entry);
}

/*
 * No local program gets what leads to where IdB was, and a worker that has kept
 * a connection to there ends it.
 */
static void forget_addresses(struct entry *entry)
{
	if (!entry->address_count)
		return;
	entry->address_count = 0;
	tell_addresses_all(entry);
}

/* The same would be said again, until somebody changes something. */
static bool lasts(int err)
{
	return err == -EKEYREJECTED || err == -ENOKEY;
}

/* What lasts is asked for seldom from the first time on. */
static uint64_t retry_delay(const struct entry *entry, int err)
{
	uint64_t delay = RETRY_MS << (entry->failures < 6 ?
				      entry->failures : 6);

	return lasts(err) || delay > RETRY_MAX_MS ? RETRY_MAX_MS : delay;
}

static void fail(struct entry *entry, int err, const char *reason)
{
	enum kpc_start start = entry->association.agent.start;
	struct log_line line;

	log_begin(&line, LOG_WARNING, "association not established");
	event_entry(&line, entry);
	log_text(&line, "REFUSAL", lasts(err) ? "permanent" : "passing");
	log_text(&line, "REASON", reason);
	log_end(&line);
	answer_failed(entry, err, reason);

	if (is_open(entry)) {
		settle_open(entry);
		return;
	}
	/* The handshake may have been made, and only the plain socket not. */
	forget_addresses(entry);
	if (start == KPC_START_MANUAL) {
		entry->state = ENTRY_IDLE;
		entry->wanted = false;
		loop_disarm(&entry->warden->loop, &entry->timer);
		return;
	}
	entry->state = ENTRY_RETRY;
	wait_ms(entry, jitter(retry_delay(entry, err)));
	entry->failures++;
}

static void log_open(const struct entry *entry)
{
	struct log_line line;

	log_begin(&line, LOG_INFO, "association open");
	event_entry(&line, entry);
	log_text(&line, "AT", entry->association.role == KPC_ROLE_A ?
		 entry->association.agent.plain :
		 entry->association.agent.listen);
	log_end(&line);
}

static int open_local(struct entry *entry, struct kpc_error *why)
{
	const struct kpc_agent *agent = &entry->association.agent;
	const char *where;
	int err;

	if (!kpc_association_is_dtls(&entry->association))
		return local_open(entry, why);
	if (kpc_plain_kind(agent->plain, &where) != KPC_PLAIN_UDP)
		return kpc_error_return(why, -EINVAL,
					"it has no plain leg; udp:ADDRESS:PORT is accepted");
	err = listener_get(entry->warden, LISTENER_LOCAL, where, entry->id,
			   &entry->listener, why);
	if (!err)
		listener_tell(entry->warden, entry->listener);
	return err;
}

static void open_a(struct entry *entry,
		   const struct kpc_message_established *outcome)
{
	struct kpc_error why = { "" };
	bool was_open = is_open(entry);
	int err;

	if (!was_open) {
		err = open_local(entry, &why);
		if (err) {
			fail(entry, err, why.text);
			return;
		}
	}
	entry->failures = 0;
	settle_open(entry);
	if (!was_open)
		log_open(entry);
	answer_established(entry, outcome);
}

static void handshake(struct entry *entry)
{
	struct crew_worker *worker = crew_pick(entry->warden);
	struct kpc_message message = {
		.type = KPC_MESSAGE_ESTABLISH,
		.id = entry->id,
	};

	if (!worker) {
		entry->state = ENTRY_RETRY;
		wait_ms(entry, NO_WORKER_MS);
		return;
	}
	/* Not 0, which a worker takes for a handshake that nobody asked for. */
	if (!++entry->attempt)
		entry->attempt = 1;
	message.request = entry->attempt;
	crew_send(worker, &message, -1);
	entry->worker = worker->index;
	entry->state = ENTRY_HANDSHAKE;
	wait_ms(entry, entry_handshake_seconds(entry) * 1000ULL +
		HANDSHAKE_SLACK_MS);
}

/* Both lists without regard to order. */
static bool same_addresses(const struct entry *entry,
			   const struct resolver_answer *answer)
{
	uint32_t i, j;

	if (entry->address_count != answer->count)
		return false;
	for (i = 0; i < answer->count; i++) {
		for (j = 0; j < entry->address_count; j++)
			if (!memcmp(&answer->at[i], &entry->addresses[j],
				    sizeof(answer->at[i])))
				break;
		if (j == entry->address_count)
			return false;
	}
	return true;
}

static int take_addresses(struct entry *entry,
			  const struct resolver_answer *answer,
			  struct kpc_error *why)
{
	int err;

	entry->resolved_at = timer_now();
	/* Protected before a packet goes there. */
	err = answer_protect(entry, answer->at, answer->count, why);
	if (err || same_addresses(entry, answer))
		return err;

	entry->address_count = answer->count;
	memcpy(entry->addresses, answer->at,
	       answer->count * sizeof(*answer->at));
	tell_addresses_all(entry);
	return 0;
}

static void resolved(struct resolver_query *query,
		     const struct resolver_answer *answer)
{
	struct entry *entry = container_of(query, struct entry, query);
	struct kpc_error why = { "" };
	char reason[KPC_ERROR_TEXT_MAX];
	int err;

	if (answer->count) {
		err = take_addresses(entry, answer, &why);
		snprintf(reason, sizeof(reason), "%s", why.text);
	} else {
		err = -EHOSTUNREACH;
		snprintf(reason, sizeof(reason), "peer %.60s: %.150s",
			 entry->association.agent.peer, answer->text);
	}

	if (entry->state == ENTRY_OPEN) {
		/* What was known of the peer before goes on. */
		if (err)
			log_say(LOG_WARNING, "%s: %s", entry->association.name,
				reason);
		return;
	}
	if (entry->state != ENTRY_RESOLVING)
		return;
	if (err)
		fail(entry, err, reason);
	else if (entry->handshake)
		handshake(entry);
	else
		open_a(entry, NULL);
}

static int look_up(struct entry *entry, struct kpc_error *why)
{
	char host[256];
	uint16_t port;
	int err;

	if (!*entry->association.agent.peer)
		return kpc_error_return(why, -EDESTADDRREQ,
					"it has no peer; peer HOST:PORT tells where IdB is");
	err = kpc_address_split(entry->association.agent.peer, host, &port,
				why);
	if (err)
		return err;
	entry->query.done = resolved;
	err = resolver_ask(&entry->warden->resolver, &entry->query, host,
			   port);
	if (err)
		kpc_error_set(why, "cannot look up '%s': %s", host,
			      strerror(-err));
	return err;
}

static struct kpc_message listens(const struct entry *entry)
{
	return (struct kpc_message){
		.type = KPC_MESSAGE_LISTENS,
		.listens.association = entry->id,
		.listens.listener = entry->listener ?
			listener_id(entry->listener) : 0,
	};
}

static void tell_listens(const struct entry *entry)
{
	const struct kpc_message message = listens(entry);

	crew_tell(entry->warden, &message, -1);
}

static void open_b(struct entry *entry)
{
	struct kpc_error why = { "" };
	int err;

	if (entry->listener) {
		settle_open(entry);
		answer_established(entry, NULL);
		return;
	}
	if (!*entry->association.agent.listen)
		err = kpc_error_return(&why, -EDESTADDRREQ,
				       "it has no listen; listen ADDRESS:PORT tells where peers come in");
	else
		err = listener_get(entry->warden,
				   kpc_association_is_dtls(&entry->association) ?
				   LISTENER_DTLS : LISTENER_TLS,
				   entry->association.agent.listen, 0,
				   &entry->listener, &why);
	if (err) {
		fail(entry, err, why.text);
		return;
	}
	/* In this order: who comes at once meets what it came for. */
	tell_listens(entry);
	listener_tell(entry->warden, entry->listener);
	entry->failures = 0;
	settle_open(entry);
	log_open(entry);
	answer_established(entry, NULL);
}

static void later(struct loop_timer *timer)
{
	struct entry *entry = container_of(timer, struct entry, timer);

	switch (entry->state) {
	case ENTRY_RETRY:
		begin(entry);
		break;
	case ENTRY_HANDSHAKE:
		fail(entry, -ETIMEDOUT, "the handshake was not over in time");
		break;
	case ENTRY_OPEN:
		establish_look_again(entry);
		wait_ms(entry, jitter(LOOKUP_MS));
		break;
	default:
		break;
	}
}

static void begin(struct entry *entry)
{
	struct kpc_error why = { "" };
	int err;

	entry->timer.fire = later;
	/* No worker takes a listener any more. */
	if (entry->warden->stopping) {
		answer_failed(entry, -ESHUTDOWN, "the agent stops");
		return;
	}
	if (entry->association.role == KPC_ROLE_B) {
		open_b(entry);
		return;
	}
	loop_disarm(&entry->warden->loop, &entry->timer);
	entry->state = ENTRY_RESOLVING;
	err = look_up(entry, &why);
	if (err)
		fail(entry, err, why.text);
}

void establish_start(struct entry *entry)
{
	enum kpc_start start = entry->association.agent.start;

	/* An association for applications of their own has no agent part. */
	if (start == KPC_START_MANUAL ||
	    (!*entry->association.agent.peer &&
	     !*entry->association.agent.listen))
		return;
	entry->wanted = true;
	entry->handshake = start == KPC_START_AUTO;
	begin(entry);
}

void establish_command(struct entry *entry, uint32_t request)
{
	if (entry->request_count == TABLE_REQUESTS_MAX) {
		answer_refused(entry->warden, request, entry->association.name,
			       "too many requests wait for this association");
		return;
	}
	reload_keys_for(entry->warden, &entry->association.kpc_id);
	entry->requests[entry->request_count++] = request;
	entry->wanted = true;
	entry->handshake = true;

	/* One under way answers this request too. */
	if (entry->state != ENTRY_RESOLVING &&
	    entry->state != ENTRY_HANDSHAKE)
		begin(entry);
}

void establish_stop(struct entry *entry, const char *reason)
{
	struct warden *warden = entry->warden;

	resolver_cancel(&entry->query);
	loop_disarm(&warden->loop, &entry->timer);
	answer_failed(entry, -ECANCELED, reason);
	local_close(entry);
	if (entry->listener) {
		listener_put(warden, entry->listener);
		entry->listener = NULL;
		tell_listens(entry);
	}
	entry->state = ENTRY_IDLE;
	entry->wanted = false;
	entry->failures = 0;
	forget_addresses(entry);
}

void establish_close(struct entry *entry, uint32_t request)
{
	struct log_line line;

	establish_stop(entry, "closed by the operator");
	log_begin(&line, LOG_INFO, "association closed by the operator");
	event_entry(&line, entry);
	log_end(&line);
	if (request)
		answer_closed(entry, request);
}

void establish_outcome(struct crew_worker *worker, uint32_t attempt,
		       const struct kpc_message_established *outcome)
{
	struct entry *entry = table_by_id(&worker->warden->table,
					  outcome->association);
	struct log_line line;

	/* A late one: its time was over, or the association is gone. */
	if (!entry || entry->state != ENTRY_HANDSHAKE ||
	    entry->worker != worker->index || entry->attempt != attempt)
		return;
	if (outcome->error) {
		fail(entry, outcome->error, outcome->message);
		return;
	}
	log_begin(&line, LOG_INFO, "association established");
	event_entry(&line, entry);
	log_text(&line, "VERSION", kpc_version_name(outcome->version));
	if (kpc_suite_by_code(outcome->suite))
		log_text(&line, "SUITE",
			 kpc_suite_by_code(outcome->suite)->name);
	if (outcome->binding)
		log_number(&line, "BINDING", outcome->binding);
	log_end(&line);
	open_a(entry, outcome);
}

void establish_look_again(struct entry *entry)
{
	struct kpc_error why = { "" };

	if (entry->state != ENTRY_OPEN || entry->query.resolver ||
	    entry->association.role != KPC_ROLE_A ||
	    timer_now() - entry->resolved_at < LOOKUP_MIN_MS)
		return;
	entry->resolved_at = timer_now();
	if (look_up(entry, &why))
		log_say(LOG_WARNING, "%s: %s", entry->association.name,
			why.text);
}

void establish_replay_listener(struct crew_worker *worker,
			       const struct entry *entry)
{
	const struct kpc_message message = listens(entry);

	if (entry->listener && entry->association.role == KPC_ROLE_B)
		crew_send(worker, &message, -1);
}

void establish_replay(struct crew_worker *worker, struct entry *entry)
{
	if (entry->address_count)
		tell_addresses(worker, entry);
	local_replay(worker, entry);
}

void establish_worker_ready(struct warden *warden)
{
	struct entry *entry;

	for (entry = warden->table.first; entry; entry = entry->next)
		if (entry->state == ENTRY_RETRY && !entry->failures)
			begin(entry);
}

void establish_retry_all(struct warden *warden)
{
	struct entry *entry;

	for (entry = warden->table.first; entry; entry = entry->next) {
		if (entry->state != ENTRY_RETRY)
			continue;
		entry->failures = 0;
		begin(entry);
	}
}

void establish_worker_lost(struct warden *warden, unsigned int index)
{
	struct entry *entry;

	for (entry = warden->table.first; entry; entry = entry->next)
		if (entry->state == ENTRY_HANDSHAKE && entry->worker == index)
			fail(entry, -EPIPE,
			     "the worker that made the handshake has ended");
}
