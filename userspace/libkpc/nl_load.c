// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Brings the module's table and configuration in line with association files.
 */
#include "nl_internal.h"

static int stage_config(struct kpc_nl *nl, const struct kpc_config *config,
			struct kpc_error *err)
{
	struct kpc_error why = { "" };
	int ret;

	if (!config->set)
		return 0;
	ret = kpc_nl_config_set(nl, config, &why);
	if (ret)
		kpc_error_set(err, "config: %s", why.text);
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

int kpc_nl_load(struct kpc_nl *nl, const struct kpc_table *table,
		enum kpc_load_mode mode, bool force, uint32_t confirm_seconds,
		struct kpc_commit *commit, struct kpc_error *err)
{
	size_t i;
	int ret;

	ret = kpc_nl_transaction_begin(nl, mode, err);
	if (ret)
		return ret;
	ret = stage_config(nl, &table->config, err);
	for (i = 0; !ret && i < table->count; i++)
		ret = stage_entry(nl, &table->entries[i], force, err);
	if (!ret)
		ret = kpc_nl_transaction_commit(nl, force, confirm_seconds,
						commit, err);
	if (ret)
		kpc_nl_transaction_confirm(nl, true, NULL);
	return ret;
}
