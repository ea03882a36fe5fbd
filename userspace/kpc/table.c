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
 * @keys: The key store that the file is judged by; NULL: the agent's own.
 * @no_keys: It is not looked at.
 * @late_users: A user that is not known yet is none.
 * @table: What the file holds.
 */
struct load {
	enum kpc_load_mode mode;
	bool force;
	uint32_t confirm;
	const char *keys;
	bool no_keys;
	bool late_users;
	struct kpc_table table;
};

/* A store that is not there says nothing; one that is wrong stops the load. */
static int check_table(const struct cli *cli, const struct load *load)
{
	struct kpc_keystore *keys = NULL;
	struct kpc_error err = { "" };
	int ret = 0;

	if (!load->no_keys)
		ret = kpc_keystore_load(&keys, load->keys ? load->keys :
					KPC_KEYSTORE_PATH,
					KPC_KEYSTORE_ANY | KPC_KEYSTORE_WEAK,
					&err);
	if (ret && (load->keys || ret != -ENOENT))
		return cli_refuse(cli, NULL, &err);
	ret = kpc_table_check(&load->table, keys, &err);
	kpc_keystore_free(keys);
	return ret ? cli_refuse(cli, NULL, &err) : 0;
}

/* Which users those are, the line that is named tells. */
static void warn_late(const struct cli *cli, const struct load *load)
{
	const struct kpc_table_entry *entry;
	const struct kpc_agent *agent;
	const char *word;
	size_t i;
	size_t j;

	for (i = 0; i < load->table.count; i++) {
		entry = &load->table.entries[i];
		agent = &entry->association.agent;
		word = agent->has_owner && agent->owner == KPC_NO_USER ?
		       "owner" : NULL;
		for (j = 0; j < agent->allow_uid_count; j++)
			if (agent->allow_uids[j] == KPC_NO_USER)
				word = "allow-uid";
		if (entry->association.has_holder_uid &&
		    entry->association.holder_uid == KPC_NO_USER)
			word = "holder-uid";
		if (word)
			cli_warn(cli, "%s:%u: %s lets in nobody for a user that this machine does not know yet; `kpc sync` mends that once it does",
				 entry->file, entry->line, word);
	}
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

static int run(struct cli *cli, int argc, char **argv, enum kpc_load_mode mode)
{
	struct load load = { .mode = mode };
	struct kpc_commit done = { 0 };
	struct kpc_error err = { "" };
	const char *confirm = NULL;
	const struct cli_option options[] = {
		{ "--force", &load.force, NULL },
		{ "--confirm", NULL, &confirm },
		{ "--keys", NULL, &load.keys },
		{ "--no-keys", &load.no_keys, NULL },
		{ "--late-users", &load.late_users, NULL },
	};
	int ret;

	ret = cli_options(cli, options, CLI_COUNT(options), &argc, argv);
	if (ret)
		return ret;
	if (argc > 1)
		return cli_usage(cli, "\"%.40s\" is too much: one FILE is accepted",
				 argv[1]);
	if (load.keys && load.no_keys)
		return cli_usage(cli, "--keys and --no-keys exclude each other");
	if (confirm && cli_seconds(cli, "--confirm", confirm, &load.confirm))
		return CLI_USAGE;
	secret_guard();
	kpc_table_init(&load.table);
	if (kpc_table_read(&load.table, argc ? argv[0] : NULL,
			   load.late_users ? KPC_TABLE_LATE_USERS : 0, &err))
		ret = cli_refuse(cli, NULL, &err);
	if (!ret && load.late_users)
		warn_late(cli, &load);
	if (!ret)
		ret = check_table(cli, &load);
	if (!ret)
		ret = cli_connect(cli);
	if (!ret && kpc_nl_load(&cli->nl, &load.table, load.mode, load.force,
				load.confirm, &done, &err))
		ret = cli_refuse(cli, NULL, &err);
	if (!ret)
		put_commit(cli, &load, &done);
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
