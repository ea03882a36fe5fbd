// SPDX-License-Identifier: MIT
/*
 * Follows the module's table.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "associations.h"
#include "container.h"
#include "crew.h"
#include "establish.h"
#include "follow.h"
#include "log.h"
#include "module.h"
#include "warden.h"

#define RESYNC_MS	100
#define GROUPS		(KPC_NL_ASSOCIATION | KPC_NL_AGENT)

/**
 * struct snapshot - what a dump brought
 * @at: associations
 * @count: how many
 * @room: for how many there is memory
 */
struct snapshot {
	struct {
		uint32_t id;
		struct kpc_association association;
	} *at;
	size_t count;
	size_t room;
};

static int collect(const struct kpc_association *association,
		   const struct kpc_association_state *state, void *data)
{
	struct snapshot *snapshot = data;
	void *more;

	if (snapshot->count == snapshot->room) {
		snapshot->room = snapshot->room ? snapshot->room * 2 : 64;
		more = reallocarray(snapshot->at, snapshot->room,
				    sizeof(*snapshot->at));
		if (!more)
			return -ENOMEM;
		snapshot->at = more;
	}
	snapshot->at[snapshot->count].id = state->id;
	snapshot->at[snapshot->count].association = *association;
	snapshot->count++;
	return 0;
}

/*
 * Collected first, acted on after: acting speaks to the module, and the dump
 * is still in its socket.
 */
static int resync(struct warden *warden)
{
	struct snapshot snapshot = { NULL };
	struct kpc_error why = { "" };
	size_t i;
	int err, tries = 0;

	do {
		snapshot.count = 0;
		err = kpc_nl_association_dump(&warden->nl, collect, &snapshot,
					      &why);
	} while (err == -EINTR && ++tries < 10);
	if (err) {
		log_say(LOG_ERR, "cannot read the module's table: %s",
			*why.text ? why.text : strerror(-err));
		goto out;
	}
	associations_unsee(warden);
	for (i = 0; i < snapshot.count; i++) {
		struct entry *entry = table_by_id(&warden->table,
						  snapshot.at[i].id);

		if (entry)
			entry->seen = true;
	}
	associations_sweep(warden, "deleted");
	for (i = 0; i < snapshot.count; i++)
		associations_apply(warden, snapshot.at[i].id,
				   &snapshot.at[i].association);
out:
	free(snapshot.at);
	return err;
}

static void resync_later(struct loop_timer *timer)
{
	struct warden *warden = container_of(timer, struct warden, resync);

	if (resync(warden))
		loop_arm(&warden->loop, timer, RESYNC_MS * 10);
}

static void association_event(struct warden *warden,
			      const struct kpc_event *event)
{
	struct kpc_association association;
	struct kpc_association_state state;
	struct entry *entry;
	int err;

	if (event->change == KPC_CHANGE_LIMIT)
		return;
	if (event->change == KPC_CHANGE_REMOVED) {
		entry = table_by_id(&warden->table, event->state.id);
		if (entry)
			associations_gone(warden, entry, "deleted");
		return;
	}

	/* An event has not all of it; what is there now is what counts. */
	err = kpc_nl_association_get(&warden->nl, event->association.name,
				     &association, &state, NULL);
	if (err == -ENOENT)
		return;		/* its removal is the next event */
	if (err) {
		loop_arm(&warden->loop, &warden->resync, RESYNC_MS);
		return;
	}
	associations_apply(warden, state.id, &association);
}

/*
 * Of a socket its own end tells. A flow has none, so its worker hears it from here,
 * but for what the worker ended itself, and what ends with its association.
 */
static void binding_event(struct warden *warden, const struct kpc_event *event)
{
	const struct kpc_message message = {
		.type = KPC_MESSAGE_BINDING_GONE,
		.binding = event->binding.id,
	};

	/* Whose it is, is not said. */
	if (event->change == KPC_CHANGE_REMOVED &&
	    event->reason != KPC_REASON_CLOSED &&
	    event->reason != KPC_REASON_DELETED &&
	    event->binding.protocol == IPPROTO_UDP)
		crew_tell(warden, &message, -1);
}

void follow_flows(struct warden *warden)
{
	struct kpc_error why = { "" };

	if (!warden->enforce || warden->flows)
		return;
	warden->flows = true;
	if (kpc_nl_subscribe(&warden->events, KPC_NL_BINDING, &why))
		log_say(LOG_ERR, "cannot follow the ends of bindings: %s",
			why.text);
}

static void establish_event(struct warden *warden,
			    const struct kpc_establish *establish)
{
	struct entry *entry = table_by_name(&warden->table,
					    establish->association);

	/* Added a moment ago: the event that tells may be lost. */
	if (!entry) {
		resync(warden);
		entry = table_by_name(&warden->table, establish->association);
	}
	if (!entry) {
		answer_refused(warden, establish->id, establish->association,
			       "the agent does not know this association");
		return;
	}
	if (establish->state == KPC_ESTABLISH_STATE_REQUESTED)
		establish_command(entry, establish->id);
	else if (establish->state == KPC_ESTABLISH_STATE_CLOSING)
		establish_close(entry, establish->id);
}

static void on_events(struct loop_source *source, uint32_t events)
{
	struct warden *warden = container_of(source, struct warden, events_source);
	struct kpc_event event;
	int got;

	while ((got = kpc_nl_event_next(&warden->events, &event)) > 0) {
		if (event.cmd == KPC_CMD_ASSOCIATION_NTF)
			association_event(warden, &event);
		else if (event.cmd == KPC_CMD_BINDING_NTF)
			binding_event(warden, &event);
		else if (event.cmd == KPC_CMD_ESTABLISH_NTF)
			establish_event(warden, &event.establish);
	}
	if (got < 0) {
		log_say(got == -ENOBUFS ? LOG_INFO : LOG_WARNING,
			"events of the module were lost; its table is read anew");
		loop_arm(&warden->loop, &warden->resync, RESYNC_MS);
	}
}

int follow_open(struct warden *warden)
{
	struct kpc_config config;
	struct kpc_error why = { "" };
	uint32_t session;
	int err;

	err = kpc_nl_open(&warden->nl, &why);
	if (err)
		goto refused;
	err = kpc_nl_config_get(&warden->nl, &config, &why);
	if (err)
		goto close;
	if (config.abi != KPC_ABI_VERSION) {
		err = kpc_error_return(&why, -EPROTO,
				       "the module speaks ABI %u, this kpcd %u; install both from one version",
				       config.abi, KPC_ABI_VERSION);
		goto close;
	}
	err = kpc_nl_session_warden(&warden->nl, &session, &why);
	if (err)
		goto close;
	warden->enforce = true;
	return 0;

close:
	kpc_nl_close(&warden->nl);
refused:
	log_say(LOG_ERR, "%s", *why.text ? why.text : strerror(-err));
	return err;
}

int follow_begin(struct warden *warden)
{
	struct kpc_error why = { "" };
	int err;

	/* Subscribed before the dump: what changes meanwhile is told. */
	err = module_watch(warden);
	if (!err)
		err = kpc_nl_open(&warden->events, &why);
	if (!err)
		err = kpc_nl_subscribe(&warden->events, GROUPS, &why);
	if (err) {
		log_say(LOG_ERR, "cannot follow the module's events: %s",
			*why.text ? why.text : strerror(-err));
		return err;
	}
	warden->resync.fire = resync_later;
	warden->events_source.fd = warden->events.fd;
	warden->events_source.ready = on_events;
	err = loop_add(&warden->loop, &warden->events_source, EPOLLIN);
	if (err)
		return err;
	return resync(warden);
}
