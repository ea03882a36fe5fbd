// SPDX-License-Identifier: MIT
/*
 * Reads key store and association files.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "associations.h"
#include "establish.h"
#include "log.h"
#include "quota.h"
#include "reload.h"
#include "timer.h"
#include "warden.h"

/* The key store is not read more often for associations without a key. */
#define KEYS_PAUSE_MS	1000

static int refuse(bool first, int err,
		  const struct kpc_error *why)
{
	log_say(LOG_ERR, "%s", *why->text ? why->text : strerror(-err));
	if (!first)
		log_say(LOG_ERR, "reload refused; all stays as it was");
	return err;
}

static int read_keys(const struct warden *warden,
		     struct kpc_keystore **keys, struct kpc_error *why)
{
	const char *path = warden->options->keys;
	int err;

	/* Each association says which KpcIds and lengths it takes. */
	err = kpc_keystore_load(keys, path,
				KPC_KEYSTORE_ANY | KPC_KEYSTORE_WEAK, why);
	/* The first key may come with the first association. */
	if (err == -ENOENT && warden->enforce && !warden->keys) {
		log_say(LOG_WARNING, "%s: there is no key store yet", path);
		return 0;
	}
	if (err && !*why->text)
		kpc_error_set(why, "%s: %s", path, strerror(-err));
	return err;
}

/* The module refuses DTLS in its own words; without it nobody refuses this. */
static int check_versions(const struct kpc_table *table, struct kpc_error *why)
{
	const struct kpc_table_entry *at;
	size_t i;

	for (i = 0; i < table->count; i++) {
		at = &table->entries[i];
		if (!(at->association.versions & KPC_VERSION_FLAGS_DTLS12) ||
		    kpc_association_is_dtls(&at->association))
			continue;
		kpc_error_set(why,
			      "%s:%u: %s: dtls1.2 stands beside a version of TLS, and the agent carries one or the other; two associations with a KpcId each are accepted",
			      at->file, at->line, at->association.name);
		return -EPROTONOSUPPORT;
	}
	return 0;
}

/* Where no file is named and none is there, @there becomes false. */
static int read_table(const struct warden *warden,
		      const struct kpc_keystore *keys,
		      struct kpc_table *table, bool *there,
		      struct kpc_error *why)
{
	const char *path = warden->options->table ? warden->options->table :
			   warden->options->config;
	int err;

	err = kpc_table_read(table, path, KPC_TABLE_REGULAR, why);
	if (err == -ENOENT && !path) {
		*there = false;
		return 0;
	}
	if (!err)
		err = kpc_table_check(table, keys, why);
	if (!err && warden->options->table)
		err = check_versions(table, why);
	return err;
}

static void keys_read(struct warden *warden, struct kpc_keystore *keys)
{
	struct entry *entry;

	warden->keys = keys;
	warden->keys_refused = false;
	warden->keys_old = false;
	for (entry = warden->table.first; entry; entry = entry->next)
		entry->key_unread = false;
}

/* Keys alone, when an association comes whose key came just before it. */
static void read_keys_again(struct warden *warden)
{
	struct kpc_keystore *keys = NULL;
	struct kpc_error why = { "" };

	warden->keys_at = timer_now();
	if (read_keys(warden, &keys, &why)) {
		warden->keys_refused = true;
		log_say(LOG_ERR, "%s; the keys of before stay", why.text);
		return;
	}
	kpc_keystore_free(warden->keys);
	keys_read(warden, keys);
	establish_retry_all(warden);
}

static void keys_due(struct loop_timer *timer)
{
	read_keys_again((struct warden *)((char *)timer -
			offsetof(struct warden, keys_timer)));
}

void reload_keys_for(struct warden *warden, const struct kpc_kpcid *id)
{
	uint64_t since = timer_now() - warden->keys_at;

	/* Without the module, keys and associations come together by SIGHUP. */
	if (!warden->enforce || warden->keys_timer.at ||
	    warden_key(warden, id))
		return;
	if (since >= KEYS_PAUSE_MS) {
		read_keys_again(warden);
		return;
	}
	warden->keys_timer.fire = keys_due;
	loop_arm(&warden->loop, &warden->keys_timer, KEYS_PAUSE_MS - since);
}

void reload_keys_added(struct warden *warden, struct entry *entry)
{
	if (!warden->enforce)
		return;
	entry->key_unread = true;
	warden->keys_old = true;
	reload_keys_for(warden, &entry->association.kpc_id);
}

void reload_keys_old(struct warden *warden)
{
	uint64_t since = timer_now() - warden->keys_at;

	if (warden->keys_old && (!warden->keys_refused || since >= KEYS_PAUSE_MS))
		read_keys_again(warden);
}

/* Only what is removed or narrowed ends. */
static int sync_table(struct warden *warden, const struct kpc_table *table,
		      struct kpc_error *why)
{
	struct kpc_commit commit;
	struct log_line line;
	int err;

	err = kpc_nl_load(&warden->nl, table, KPC_LOAD_MODE_SYNC, false, 0,
			  &commit, why);
	if (err)
		return err;
	log_begin(&line, LOG_INFO,
		  "module in line with the association files");
	log_number(&line, "ADDED", commit.added);
	log_number(&line, "CHANGED", commit.changed);
	log_number(&line, "REMOVED", commit.removed);
	log_number(&line, "ENDED", commit.ended);
	log_end(&line);
	return 0;
}

int reload_files(struct warden *warden, bool first)
{
	bool tables = warden->options->table || !first;
	struct kpc_keystore *keys = NULL, *old = warden->keys;
	struct kpc_error why = { "" };
	struct kpc_table table;
	int err;

	kpc_table_init(&table);
	err = read_keys(warden, &keys, &why);
	if (!err && tables)
		err = read_table(warden, keys, &table, &tables, &why);
	if (err)
		goto refused;

	/* The new keys are there before an association that needs them. */
	warden->keys = keys;
	warden->keys_at = timer_now();
	if (warden->options->table) {
		associations_replace(warden, &table);
	} else if (tables) {
		err = sync_table(warden, &table, &why);
		if (err) {
			warden->keys = old;
			goto refused;
		}
	}
	keys_read(warden, keys);
	kpc_keystore_free(old);
	kpc_table_free(&table);
	quota_update(warden);
	establish_retry_all(warden);
	log_say(LOG_INFO, "%zu keys, %zu associations",
		warden->keys ? kpc_keystore_count(warden->keys) : 0,
		warden->table.count);
	return 0;

refused:
	kpc_keystore_free(keys);
	kpc_table_free(&table);
	return refuse(first, err, &why);
}
