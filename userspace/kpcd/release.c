// SPDX-License-Identifier: MIT
/*
 * Which key a worker gets, and which it does not.
 */
#include <string.h>

#include "crew.h"
#include "event.h"
#include "listener.h"
#include "log.h"
#include "release.h"
#include "reload.h"
#include "timer.h"
#include "warden.h"

/* No association has this name; a grant for it takes the way of others. */
#define NOBODY	"-"

/* Role a: what is being established, or has its listener open. */
static struct entry *find_a(const struct warden *warden, uint32_t id)
{
	struct entry *entry = table_by_id(&warden->table, id);

	return entry && entry->association.role == KPC_ROLE_A &&
	       entry->wanted ? entry : NULL;
}

static struct entry *find_b(const struct warden *warden, uint32_t listener,
			    const struct kpc_kpcid *kpcid)
{
	struct entry *entry = NULL;

	while ((entry = table_by_kpcid(&warden->table, kpcid, entry)))
		if (entry->association.role == KPC_ROLE_B && entry->listener &&
		    listener_id(entry->listener) == listener)
			break;
	return entry;
}

static struct entry *find(const struct crew_worker *worker,
			  const struct kpc_message_key_request *wanted,
			  const struct kpc_key **key, uint32_t *refusal)
{
	struct warden *warden = worker->warden;
	const struct kpc_keystore_entry *stored;
	struct kpc_kpcid kpcid = { 0 };
	struct entry *entry;

	reload_keys_old(warden);
	if (wanted->association) {
		entry = find_a(warden, wanted->association);
		if (entry)
			kpcid = entry->association.kpc_id;
	} else {
		/* Nobody has the one without octets; looked for all the same. */
		kpc_kpcid_set(&kpcid, wanted->kpc_id.octets,
			      wanted->kpc_id.len);
		entry = find_b(warden, wanted->listener, &kpcid);
	}
	stored = warden_key(warden, &kpcid);
	if (!entry)
		*refusal = KPC_REFUSAL_UNKNOWN;
	else if (!kpc_association_in_dates(&entry->association))
		*refusal = KPC_REFUSAL_DATES;
	else if (!stored || entry->key_unread)
		*refusal = KPC_REFUSAL_NO_KEY;
	else if (kpc_key_check(kpc_key_length(stored->key),
			       entry->association.agent.weak_key, NULL) < 0)
		*refusal = KPC_REFUSAL_SHORT;
	else
		*key = stored->key;
	return *key ? entry : NULL;
}

/*
 * Known or not, the module is asked: an answer without the round trip would
 * tell the two apart by time.
 */
static bool grant(struct crew_worker *worker, const struct entry *entry)
{
	struct warden *warden = worker->warden;
	struct kpc_error why = { "" };
	struct log_line line;
	int err;

	if (!warden->enforce)
		return entry;
	err = kpc_nl_grant_new(&warden->nl, worker->session,
			       entry ? entry->association.name : NOBODY,
			       entry ? entry->id : 0, &why);
	if (!entry)
		return false;
	if (!err)
		return true;
	log_begin(&line, LOG_ERR, "the module refuses a grant");
	event_entry(&line, entry);
	log_text(&line, "REASON", why.text);
	log_end(&line);
	return false;
}

/* @entry: NULL: nobody's, whose key is as long on its way as another. */
static void put_key(struct kpc_message_key *to, const struct entry *entry,
		    const struct kpc_key *key, const struct kpc_kpcid *kpc_id)
{
	to->association = entry ? entry->id : 0;
	to->len = kpc_key_length(key);
	memcpy(to->octets, kpc_key_octets(key), to->len);
	to->kpc_id = *kpc_id;
}

void release_key(struct crew_worker *worker, uint32_t request,
		 const struct kpc_message_key_request *wanted)
{
	struct kpc_message answer = {
		.type = KPC_MESSAGE_KEY,
		.request = request,
	};
	unsigned int rate = worker->warden->options->key_rate;
	const struct kpc_key *key = NULL;
	struct entry *entry = find(worker, wanted, &key, &answer.key.refusal);

	if (grant(worker, entry)) {
		put_key(&answer.key, entry, key, &entry->association.kpc_id);
		if (entry->credits[worker->index] < UINT16_MAX)
			entry->credits[worker->index]++;
	} else {
		put_key(&answer.key, NULL, worker->warden->nobody,
			&wanted->kpc_id);
		if (entry)
			answer.key.refusal = KPC_REFUSAL_GRANT;
	}
	crew_send(worker, &answer, -1);
	explicit_bzero(&answer, sizeof(answer));

	bucket_take(&worker->keys, rate, rate, timer_now());
	/* Until the next one is due, rounded up. */
	if (!worker->keys.tokens)
		crew_throttle(worker, 1000 / rate + 1);
}
