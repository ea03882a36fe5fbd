// SPDX-License-Identifier: MIT
/*
 * key: looks after the key store.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <kpc/keystore.h>

#include "dump.h"
#include "key.h"
#include "keyfile.h"
#include "print.h"
#include "secret.h"

#define OCTETS_DEFAULT	32

/**
 * struct audit - A key store held against associations
 * @cli: Where it is shown.
 * @store: The store.
 * @used: By position in the store, an association names it.
 * @failed: At least one association cannot come up.
 */
struct audit {
	struct cli *cli;
	const struct kpc_keystore *store;
	bool *used;
	bool failed;
};

static void mark_used(struct audit *audit,
		      const struct kpc_keystore_entry *entry)
{
	size_t i;

	for (i = 0; i < kpc_keystore_count(audit->store); i++)
		if (kpc_keystore_entry(audit->store, i) == entry)
			audit->used[i] = true;
}

static void put_result(struct audit *audit, const char *name,
		       const char *kpc_id, const char *state,
		       const struct kpc_keystore_entry *entry,
		       const char *detail)
{
	struct json *json = &audit->cli->json;

	json_object(json, NULL);
	if (name)
		json_string(json, "association", name);
	json_string(json, "kpc_id", kpc_id);
	json_string(json, "state", state);
	if (entry) {
		json_number(json, "octets", kpc_key_length(entry->key));
		json_string(json, "file", entry->file);
		json_number(json, "line", entry->line);
		if (entry->reference)
			json_string(json, "reference", entry->reference);
	}
	if (detail && *detail)
		json_string(json, "detail", detail);
	json_object_end(json);
	if (audit->cli->use_json)
		return;
	printf("%s%s%s: %s", name ? name : "", name ? ", KpcId " : "KpcId ",
	       kpc_id, state);
	if (entry)
		printf(", %zu octets, %s:%u", kpc_key_length(entry->key),
		       entry->file, entry->line);
	if (entry && entry->reference)
		printf(", %s", entry->reference);
	if (detail && *detail)
		printf(", %s", detail);
	putchar('\n');
}

static void audit_association(struct audit *audit,
			      const struct kpc_association *association)
{
	const struct kpc_keystore_entry *entry;
	struct kpc_error reason = { "" };
	char kpc_id[KPC_KPCID_TEXT_MAX];
	int ret;

	kpc_kpcid_text(&association->kpc_id, kpc_id);
	entry = kpc_keystore_find(audit->store, &association->kpc_id);
	if (!entry) {
		audit->failed = true;
		put_result(audit, association->name, kpc_id, "missing", NULL,
			   "the store has no Kpc for it");
		return;
	}
	mark_used(audit, entry);
	ret = kpc_key_check(kpc_key_length(entry->key),
			    association->agent.weak_key, &reason);
	audit->failed |= ret < 0;
	put_result(audit, association->name, kpc_id, ret < 0 ? "refused" : "ok",
		   entry, reason.text);
}

static int audit_kernel(struct audit *audit)
{
	const struct shown_association *shown;
	struct list list = { 0 };
	size_t i;
	int ret;

	ret = dump_associations(audit->cli, &list);
	shown = list.objects;
	for (i = 0; !ret && i < list.count; i++)
		audit_association(audit, &shown[i].association);
	free(list.objects);
	return ret;
}

static int audit_file(struct audit *audit, const char *path)
{
	struct kpc_error err = { "" };
	struct kpc_table table;
	size_t i;
	int ret = 0;

	kpc_table_init(&table);
	if (kpc_table_read(&table, path, 0, &err))
		ret = cli_refuse(audit->cli, NULL, &err);
	for (i = 0; !ret && i < table.count; i++)
		audit_association(audit, &table.entries[i].association);
	kpc_table_free(&table);
	return ret;
}

static void audit_unused(struct audit *audit)
{
	const struct kpc_keystore_entry *entry;
	char kpc_id[KPC_KPCID_TEXT_MAX];
	size_t i;

	for (i = 0; i < kpc_keystore_count(audit->store); i++) {
		if (audit->used[i])
			continue;
		entry = kpc_keystore_entry(audit->store, i);
		put_result(audit, NULL, kpc_kpcid_text(&entry->id, kpc_id),
			   "unused", entry, "no association names it");
	}
}

static int check(struct cli *cli, int argc, char **argv)
{
	struct audit audit = { .cli = cli };
	const char *keys = KPC_KEYSTORE_PATH;
	struct kpc_keystore *store = NULL;
	struct kpc_error err = { "" };
	const char *file = NULL;
	const struct cli_option options[] = {
		{ "--keys", NULL, &keys },
		{ "--file", NULL, &file },
	};
	int ret;

	if (cli_options(cli, options, CLI_COUNT(options), &argc, argv) ||
	    cli_no_words(cli, argc, argv))
		return CLI_USAGE;
	secret_guard();
	if (kpc_keystore_load(&store, keys,
			      KPC_KEYSTORE_ANY | KPC_KEYSTORE_WEAK, &err))
		return cli_refuse(cli, NULL, &err);
	audit.store = store;
	audit.used = calloc(kpc_keystore_count(store) + 1,
			    sizeof(*audit.used));
	if (!audit.used) {
		kpc_error_set(&err, "out of memory");
		ret = cli_refuse(cli, NULL, &err);
		goto free;
	}
	json_array(&cli->json, NULL);
	ret = file ? audit_file(&audit, file) : audit_kernel(&audit);
	if (!ret)
		audit_unused(&audit);
	json_array_end(&cli->json);
	if (!ret && audit.failed)
		ret = CLI_REFUSED;
	free(audit.used);
free:
	kpc_keystore_free(store);
	return ret;
}

/* Adds a line to the store unless it is there. */
static int store_key(struct cli *cli, const char *path,
		     const struct kpc_kpcid *id, const struct kpc_key *key,
		     const char *line)
{
	struct kpc_error err = { "" };
	struct textfile file;
	int ret;

	ret = keyfile_open(&file, path, &err);
	if (!ret)
		ret = keyfile_add(&file, id, key, line, &err);
	textfile_close(&file);
	return ret < 0 ? cli_refuse(cli, NULL, &err) : 0;
}

static int generate(struct cli *cli, int argc, char **argv)
{
	const char *path = KPC_KEYSTORE_PATH;
	const char *octets_text = NULL;
	char kpc_id[KPC_KPCID_TEXT_MAX];
	uint64_t octets = OCTETS_DEFAULT;
	struct kpc_error err = { "" };
	bool print = false;
	bool any = false;
	const struct cli_option options[] = {
		{ "--keys", NULL, &path },
		{ "--octets", NULL, &octets_text },
		{ "--stdout", &print, NULL },
		{ "--any", &any, NULL },
	};
	char line[KEYFILE_LINE_MAX];
	struct kpc_key *key;
	struct kpc_kpcid id;
	int ret;

	if (cli_options(cli, options, CLI_COUNT(options), &argc, argv))
		return CLI_USAGE;
	if (argc != 1)
		return cli_usage(cli, "one KPCID is accepted");
	if (octets_text && cli_count(cli, "--octets", octets_text, &octets))
		return CLI_USAGE;
	if (octets < KPC_KEY_MIN || octets > KPC_KEY_MAX)
		return cli_usage(cli, "--octets %llu: %d to %d octets are accepted",
				 (unsigned long long)octets, KPC_KEY_MIN,
				 KPC_KEY_MAX);
	if (kpc_kpcid_parse(&id, argv[0], any ? KPC_ID_FORMAT_ANY :
			    KPC_ID_FORMAT_STRICT, &err))
		return cli_usage(cli, "%s", err.text);
	secret_guard();
	key = secret_generate(octets, &err);
	if (!key)
		return cli_refuse(cli, NULL, &err);
	keyfile_line(&id, key, NULL, line);
	if (print) {
		puts(line);
		ret = CLI_OK;
	} else {
		ret = store_key(cli, path, &id, key, line);
		if (!ret && !cli->use_json)
			printf("KpcId %s: a Kpc of %zu octets is in %s\n",
			       kpc_kpcid_text(&id, kpc_id),
			       kpc_key_length(key), path);
	}
	explicit_bzero(line, sizeof(line));
	kpc_key_free(key);
	return ret;
}

static const struct command commands[] = {
	{ "check", check, "[--keys FILE] [--file FILE]",
	  "is there a fit Kpc for each association" },
	{ "generate", generate,
	  "KPCID [--octets N] [--keys FILE] [--any] [--stdout]",
	  "a new random Kpc, into the store" },
	{ "import", key_import,
	  "stunnel|mosquitto FILE [--keys FILE] [--any] [--weak]",
	  "the keys of another program, into the store" },
};

int cmd_key(struct cli *cli, int argc, char **argv)
{
	return cli_dispatch(cli, commands, CLI_COUNT(commands), argc, argv);
}
