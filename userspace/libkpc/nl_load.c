// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Brings the module's table and configuration in line with association files.
 */
#include <stdio.h>
#include <string.h>

#include "nl_internal.h"

/* All of it is one request: the last line is named, and that there are more. */
static int stage_config(struct kpc_nl *nl, const struct kpc_table *table,
			struct kpc_error *err)
{
	struct kpc_error why = { "" };
	int ret;

	if (!table->config.set)
		return 0;
	ret = kpc_nl_config_set(nl, &table->config, &why);
	if (!ret)
		return 0;
	if (!table->config_file)
		kpc_error_set(err, "config: %s", why.text);
	else
		kpc_error_set(err, "%s:%u: config%s: %s", table->config_file,
			      table->config_line, table->config_lines > 1 ?
			      ", with the config lines before it" : "", why.text);
	return ret;
}

static int stage_entry(struct kpc_nl *nl, const struct kpc_table_entry *entry,
		       bool force, struct kpc_error *err)
{
	struct kpc_error why = { "" };
	int ret;

	ret = kpc_nl_association_new(nl, &entry->association, force, NULL,
				     &why);
	if (ret)
		kpc_error_set(err, "%s:%u: %s", entry->file, entry->line,
			      why.text);
	return ret;
}

/* The entry whose name stands first in a sentence, in quotes as there. */
static const struct kpc_table_entry *find_named(const struct kpc_table *table,
						const char *sentence)
{
	const struct kpc_table_entry *named = NULL;
	const char *first = NULL;
	const char *at;
	char quoted[KPC_NAME_MAX + 3];
	size_t i;

	for (i = 0; i < table->count; i++) {
		snprintf(quoted, sizeof(quoted), "'%s'",
			 table->entries[i].association.name);
		at = strstr(sentence, quoted);
		if (!at || (first && first < at))
			continue;
		first = at;
		named = &table->entries[i];
	}
	return named;
}

/* What holds for the table as a whole is judged here, association by association. */
static int commit_table(struct kpc_nl *nl, const struct kpc_table *table,
			bool force, uint32_t confirm_seconds,
			struct kpc_commit *commit, struct kpc_error *err)
{
	const struct kpc_table_entry *named;
	struct kpc_error why = { "" };
	int ret;

	ret = kpc_nl_transaction_commit(nl, force, confirm_seconds, commit, &why);
	if (!ret)
		return 0;
	named = find_named(table, why.text);
	if (named)
		kpc_error_set(err, "%s:%u: %s", named->file, named->line,
			      why.text);
	else
		kpc_error_set(err, "%s", why.text);
	return ret;
}

int kpc_nl_load(struct kpc_nl *nl, const struct kpc_table *table,
		enum kpc_load_mode mode, bool force, uint32_t confirm_seconds,
		struct kpc_commit *commit, struct kpc_error *err)
{
	size_t i;
	int ret;

	ret = kpc_nl_transaction_begin(nl, mode, err);
	if (ret)
		return ret;
	ret = stage_config(nl, table, err);
	for (i = 0; !ret && i < table->count; i++)
		ret = stage_entry(nl, &table->entries[i], force, err);
	if (!ret)
		ret = commit_table(nl, table, force, confirm_seconds, commit,
				   err);
	if (ret)
		kpc_nl_transaction_confirm(nl, true, NULL);
	return ret;
}
