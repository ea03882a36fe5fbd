// SPDX-License-Identifier: MIT
/*
 * Brings the module's table in line with association files.
 */
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "log.h"
#include "sync.h"
#include "warden.h"

#define MEMBER(attribute, name) \
	{ KPC_A_CONFIG_##attribute, offsetof(struct kpc_config, name) }

static const struct {
	unsigned int attribute;
	size_t offset;
} members[] = {
	MEMBER(MARK_VALUE, mark_value),
	MEMBER(MARK_MASK, mark_mask),
	MEMBER(HANDSHAKE_MARK, handshake_mark),
	MEMBER(AGENT_LOST, agent_lost),
	MEMBER(AGENT_LOST_SECONDS, agent_lost_seconds),
	MEMBER(MAX_ASSOCIATIONS, max_associations),
	MEMBER(MAX_BINDINGS, max_bindings),
	MEMBER(MAX_HANDSHAKES, max_handshakes),
};

#define MARKS	(1U << KPC_A_CONFIG_MARK_VALUE | 1U << KPC_A_CONFIG_MARK_MASK)

static bool differs(const struct kpc_config *a, const struct kpc_config *b,
		    size_t offset)
{
	return memcmp((const char *)a + offset, (const char *)b + offset,
		      sizeof(uint32_t));
}

/*
 * Asks for what differs only: the range of marks cannot be set over
 * associations, not even to what it is.
 */
static int set_config(struct warden *warden, const struct kpc_config *wanted,
		      struct kpc_config *before, struct kpc_error *err)
{
	struct kpc_config change = *wanted;
	size_t i;
	int code;

	before->set = 0;
	if (!wanted->set)
		return 0;
	code = kpc_nl_config_get(&warden->nl, before, err);
	if (code)
		return code;

	change.set = 0;
	for (i = 0; i < sizeof(members) / sizeof(*members); i++)
		if (wanted->set & (1U << members[i].attribute) &&
		    differs(wanted, before, members[i].offset))
			change.set |= 1U << members[i].attribute;
	/* Value and mask are one: a change of either asks for both. */
	if (change.set & MARKS)
		change.set |= wanted->set & MARKS;
	before->set = change.set;
	if (!change.set)
		return 0;
	code = kpc_nl_config_set(&warden->nl, &change, err);
	if (code)
		before->set = 0;
	return code;
}

static int stage(struct warden *warden, const struct kpc_table *table,
		 struct kpc_error *err)
{
	size_t i;
	int code;

	code = kpc_nl_transaction_begin(&warden->nl, KPC_LOAD_MODE_SYNC, err);
	for (i = 0; i < table->count && !code; i++) {
		const struct kpc_table_entry *entry = &table->entries[i];
		struct kpc_error why = { "" };

		code = kpc_nl_association_new(&warden->nl, &entry->association,
					      false, NULL, &why);
		if (code)
			kpc_error_set(err, "%s:%u: %s", entry->file,
				      entry->line, why.text);
	}
	return code;
}

int sync_files(struct warden *warden, const struct kpc_table *table,
	       struct kpc_error *err)
{
	struct kpc_commit commit;
	struct kpc_config before;
	struct log_line line;
	int code;

	code = set_config(warden, &table->config, &before, err);
	if (code)
		return code;
	code = stage(warden, table, err);
	if (!code)
		code = kpc_nl_transaction_commit(&warden->nl, false, 0,
						 &commit, err);
	if (code) {
		/* What was staged goes, the configuration goes back. */
		kpc_nl_transaction_confirm(&warden->nl, true, NULL);
		if (before.set)
			kpc_nl_config_set(&warden->nl, &before, NULL);
		return code;
	}
	log_begin(&line, LOG_INFO,
		  "module in line with the association files");
	log_number(&line, "ADDED", commit.added);
	log_number(&line, "CHANGED", commit.changed);
	log_number(&line, "REMOVED", commit.removed);
	log_number(&line, "ENDED", commit.ended);
	log_end(&line);
	return 0;
}
