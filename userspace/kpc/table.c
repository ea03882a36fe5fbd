// SPDX-License-Identifier: MIT
/*
 * load, sync and confirm: the whole table from a file, in one transaction.
 */
#include <errno.h>
#include <string.h>

#include <kpc/keystore.h>

#include "print.h"
#include "secret.h"

/**
 * struct load - One load or sync
 * @mode: What the commit does to what the file does not name.
 * @force: Although bindings end.
 * @confirm: Seconds until it is taken back; 0: it stays.
 * @keys: The key store that the file is judged by.
 * @table: What the file holds.
 */
struct load {
	enum kpc_load_mode mode;
	bool force;
	uint32_t confirm;
	const char *keys;
	struct kpc_table table;
};

/* A store that is not there says nothing; one that is wrong stops the load. */
static int check_table(const struct cli *cli, const struct load *load)
{
	struct kpc_keystore *keys = NULL;
	struct kpc_error err = { "" };
	int ret;

	ret = kpc_keystore_load(&keys, load->keys ? load->keys :
				KPC_KEYSTORE_PATH,
				KPC_KEYSTORE_ANY | KPC_KEYSTORE_WEAK, &err);
	if (ret && (load->keys || ret != -ENOENT))
		return cli_refuse(cli, NULL, &err);
	ret = kpc_table_check(&load->table, keys, &err);
	kpc_keystore_free(keys);
	return ret ? cli_refuse(cli, NULL, &err) : 0;
}

static void drop_same(uint32_t wanted, uint32_t before, unsigned int attribute,
		      uint32_t *set)
{
	if (wanted == before)
		*set &= ~(1U << attribute);
}

/* The managed range does not change over associations: ask only for changes. */
static int set_config(struct cli *cli, const struct kpc_config *wanted,
		      struct kpc_config *before)
{
	struct kpc_config change = *wanted;
	struct kpc_error err = { "" };

	if (!wanted->set)
		return 0;
	if (kpc_nl_config_get(&cli->nl, before, &err))
		return cli_refuse(cli, NULL, &err);
	drop_same(wanted->handshake_mark, before->handshake_mark,
		  KPC_A_CONFIG_HANDSHAKE_MARK, &change.set);
	drop_same(wanted->agent_lost, before->agent_lost,
		  KPC_A_CONFIG_AGENT_LOST, &change.set);
	drop_same(wanted->agent_lost_seconds, before->agent_lost_seconds,
		  KPC_A_CONFIG_AGENT_LOST_SECONDS, &change.set);
	drop_same(wanted->max_associations, before->max_associations,
		  KPC_A_CONFIG_MAX_ASSOCIATIONS, &change.set);
	drop_same(wanted->max_bindings, before->max_bindings,
		  KPC_A_CONFIG_MAX_BINDINGS, &change.set);
	drop_same(wanted->max_handshakes, before->max_handshakes,
		  KPC_A_CONFIG_MAX_HANDSHAKES, &change.set);
	/* Value and mask are one: a change of either asks for both. */
	if (wanted->mark_value == before->mark_value &&
	    wanted->mark_mask == before->mark_mask)
		change.set &= ~(1U << KPC_A_CONFIG_MARK_VALUE |
				1U << KPC_A_CONFIG_MARK_MASK);
	/* What is put back after a refusal is what changes now. */
	before->set &= change.set;
	if (!change.set)
		return 0;
	if (!kpc_nl_config_set(&cli->nl, &change, &err))
		return 0;
	before->set = 0;
	return cli_refuse(cli, "config", &err);
}

static int stage(struct cli *cli, const struct load *load)
{
	const struct kpc_table_entry *entry = load->table.entries;
	const struct kpc_table_entry *end = entry + load->table.count;
	struct kpc_error refusal = { "" };
	struct kpc_error err = { "" };

	if (kpc_nl_transaction_begin(&cli->nl, load->mode, &err))
		return cli_refuse(cli, NULL, &err);
	for (; entry < end; entry++) {
		if (!kpc_nl_association_new(&cli->nl, &entry->association,
					    load->force, NULL, &err))
			continue;
		kpc_error_set(&refusal, "%s:%u: %s: %s", entry->file,
			      entry->line, entry->association.name, err.text);
		return cli_refuse(cli, NULL, &refusal);
	}
	return 0;
}

static void put_commit(struct cli *cli, const struct load *load,
		       const struct kpc_commit *commit)
{
	json_object(&cli->json, NULL);
	json_number(&cli->json, "added", commit->added);
	json_number(&cli->json, "changed", commit->changed);
	json_number(&cli->json, "removed", commit->removed);
	json_number(&cli->json, "ended", commit->ended);
	json_number(&cli->json, "confirm", load->confirm);
	json_object_end(&cli->json);
	if (cli->use_json)
		return;
	printf("%u added, %u changed, %u removed, %u bindings ended\n",
	       commit->added, commit->changed, commit->removed, commit->ended);
	if (load->confirm)
		printf("taken back in %u s unless `kpc confirm` comes\n",
		       load->confirm);
}

static int commit(struct cli *cli, const struct load *load)
{
	struct kpc_config before = { 0 };
	struct kpc_commit done = { 0 };
	struct kpc_error err = { "" };
	int ret;

	ret = set_config(cli, &load->table.config, &before);
	if (ret)
		return ret;
	ret = stage(cli, load);
	if (!ret && kpc_nl_transaction_commit(&cli->nl, load->force,
					      load->confirm, &done, &err))
		ret = cli_refuse(cli, NULL, &err);
	if (!ret) {
		put_commit(cli, load, &done);
		return CLI_OK;
	}
	/* Refused whole: what was staged goes, and the configuration back. */
	kpc_nl_transaction_confirm(&cli->nl, true, NULL);
	if (before.set)
		kpc_nl_config_set(&cli->nl, &before, NULL);
	return ret;
}

static int run(struct cli *cli, int argc, char **argv, enum kpc_load_mode mode)
{
	struct load load = { .mode = mode };
	struct kpc_error err = { "" };
	const char *confirm = NULL;
	const struct cli_option options[] = {
		{ "--force", &load.force, NULL },
		{ "--confirm", NULL, &confirm },
		{ "--keys", NULL, &load.keys },
	};
	int ret;

	ret = cli_options(cli, options, CLI_COUNT(options), &argc, argv);
	if (ret)
		return ret;
	if (argc > 1)
		return cli_usage(cli, "\"%.40s\" is too much: one FILE is accepted",
				 argv[1]);
	if (confirm && cli_seconds(cli, "--confirm", confirm, &load.confirm))
		return CLI_USAGE;
	secret_guard();
	kpc_table_init(&load.table);
	if (kpc_table_read(&load.table, argc ? argv[0] : NULL, 0, &err))
		ret = cli_refuse(cli, NULL, &err);
	if (!ret)
		ret = check_table(cli, &load);
	if (!ret)
		ret = cli_connect(cli);
	if (!ret)
		ret = commit(cli, &load);
	kpc_table_free(&load.table);
	return ret;
}

int cmd_load(struct cli *cli, int argc, char **argv)
{
	return run(cli, argc, argv, KPC_LOAD_MODE_LOAD);
}

int cmd_sync(struct cli *cli, int argc, char **argv)
{
	return run(cli, argc, argv, KPC_LOAD_MODE_SYNC);
}

int cmd_confirm(struct cli *cli, int argc, char **argv)
{
	struct kpc_error err = { "" };
	bool abort = false;
	const struct cli_option options[] = {
		{ "--abort", &abort, NULL },
	};

	if (cli_options(cli, options, CLI_COUNT(options), &argc, argv) ||
	    cli_no_words(cli, argc, argv))
		return CLI_USAGE;
	if (cli_connect(cli))
		return CLI_REFUSED;
	if (kpc_nl_transaction_confirm(&cli->nl, abort, &err))
		return cli_refuse(cli, NULL, &err);
	return CLI_OK;
}
