// SPDX-License-Identifier: MIT
/*
 * Reads key store and association files.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "associations.h"
#include "establish.h"
#include "log.h"
#include "reload.h"
#include "warden.h"

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
	if (err && !*why->text)
		kpc_error_set(why, "%s: %s", path, strerror(-err));
	return err;
}

/*
 * Without any association file, an empty table would be what they hold: a
 * machine run by `kpc association add` alone must not lose all by SIGHUP.
 */
static bool has_files(const struct warden *warden)
{
	return warden->options->config || !access(KPC_TABLE_FILE, F_OK) ||
	       !access(KPC_TABLE_DIRECTORY, F_OK);
}

static int read_table(const struct warden *warden,
		      const struct kpc_keystore *keys,
		      struct kpc_table *table, struct kpc_error *why)
{
	const char *path = warden->options->table ? warden->options->table :
			   warden->options->config;
	int err;

	err = kpc_table_read(table, path, 0, why);
	if (!err)
		err = kpc_table_check(table, keys, why);
	return err;
}

static int sync_module(struct warden *warden, const struct kpc_table *table,
		       struct kpc_error *why)
{
	struct kpc_commit commit;
	struct kpc_error ignored;
	struct log_line line;
	size_t i;
	int err;

	err = kpc_nl_transaction_begin(&warden->nl, KPC_LOAD_MODE_SYNC, why);
	if (err)
		return err;
	for (i = 0; i < table->count && !err; i++) {
		const struct kpc_table_entry *entry = &table->entries[i];
		struct kpc_error reason = { "" };

		err = kpc_nl_association_new(&warden->nl, &entry->association,
					     false, NULL, &reason);
		if (err)
			kpc_error_set(why, "%s:%u: %s", entry->file,
				      entry->line, reason.text);
	}
	if (!err)
		err = kpc_nl_transaction_commit(&warden->nl, false, 0,
						&commit, why);
	if (err) {
		/* What was staged must not stay for the next one. */
		kpc_nl_transaction_confirm(&warden->nl, true, &ignored);
		return err;
	}
	log_begin(&line, LOG_INFO, "module in line with the association files");
	log_number(&line, "ADDED", commit.added);
	log_number(&line, "CHANGED", commit.changed);
	log_number(&line, "REMOVED", commit.removed);
	log_number(&line, "ENDED", commit.ended);
	log_end(&line);
	return 0;
}

int reload_files(struct warden *warden, bool first)
{
	bool tables = warden->options->table || (!first && has_files(warden));
	struct kpc_keystore *keys = NULL, *old = warden->keys;
	struct kpc_error why = { "" };
	struct kpc_table table;
	int err;

	kpc_table_init(&table);
	err = read_keys(warden, &keys, &why);
	if (!err && tables)
		err = read_table(warden, keys, &table, &why);
	if (err)
		goto refused;

	/* The new keys are there before an association that needs them. */
	warden->keys = keys;
	if (warden->options->table) {
		associations_replace(warden, &table);
	} else if (tables) {
		err = sync_module(warden, &table, &why);
		if (err) {
			warden->keys = old;
			goto refused;
		}
	}
	kpc_keystore_free(old);
	kpc_table_free(&table);
	establish_retry_all(warden);
	log_say(LOG_INFO, "%zu keys, %zu associations",
		kpc_keystore_count(warden->keys), warden->table.count);
	return 0;

refused:
	kpc_keystore_free(keys);
	kpc_table_free(&table);
	return refuse(first, err, &why);
}
