// SPDX-License-Identifier: MIT
/*
 * provision: a Kpc and the identities it stands for, in one step (M5).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <kpc/keystore.h>

#include "hidden.h"
#include "keyfile.h"
#include "print.h"
#include "secret.h"

#define OCTETS_DEFAULT	32

/**
 * struct provision - One run
 * @cli: Where it is told.
 * @association: From the words.
 * @key: The Kpc.
 * @line: Its line of the store, a secret.
 * @key_path: File the Kpc comes from, "-": standard input.
 * @generate: The Kpc is made here.
 * @store_path: The key store.
 * @conf_path: The association file; NULL: not saved.
 * @offline: Files only, the module is not asked.
 * @store: The key store while it is changed.
 * @stored: A line was added to it.
 */
struct provision {
	struct cli *cli;
	struct kpc_association association;
	struct kpc_key *key;
	char line[KEYFILE_LINE_MAX];
	const char *key_path;
	bool generate;
	const char *store_path;
	const char *conf_path;
	bool offline;
	struct textfile store;
	bool stored;
};

static int refuse(const struct provision *provision,
		  const struct kpc_error *err)
{
	return cli_refuse(provision->cli, provision->association.name, err);
}

/* A store that the agent cannot read whole, it does not read at all. */
static int judge_reference(const struct provision *provision, const char *part,
			   struct kpc_error *err)
{
	const char *place = hidden_key(part);

	if (!place ||
	    !keyfile_is_of(provision->store_path, KPC_KEYSTORE_PATH))
		return 0;
	return kpc_error_return(err, -EINVAL,
				"the agent would refuse its whole key store for %.80s, as kpcd.service hides %s from it; a file beside the store in /etc/kpc is accepted",
				part, place);
}

/* What follows the association's own KpcId in a line of a store, or all of it. */
static const char *key_part(const struct provision *provision, const char *text)
{
	char kpc_id[KPC_KPCID_TEXT_MAX];
	size_t length;

	kpc_kpcid_text(&provision->association.kpc_id, kpc_id);
	length = strlen(kpc_id);
	if (strncmp(text, kpc_id, length) || !strchr(" \t", text[length]))
		return text;
	return text + length + strspn(text + length, " \t");
}

static int take_key(struct provision *provision)
{
	char text[SECRET_TEXT_MAX] = "";
	struct kpc_error err = { "" };
	const char *part = text;
	int ret = 0;

	if (provision->generate) {
		provision->key = secret_generate(OCTETS_DEFAULT, &err);
		ret = provision->key ? 0 : -ENOMEM;
	} else {
		ret = secret_read(provision->key_path, text, &err);
		part = key_part(provision, text);
		if (!ret)
			ret = judge_reference(provision, part, &err);
		if (!ret)
			ret = kpc_key_parse(&provision->key, part, &err);
	}
	if (!ret)
		ret = kpc_key_check(kpc_key_length(provision->key),
				    provision->association.agent.weak_key,
				    &err);
	if (ret > 0)
		cli_warn(provision->cli, "%s: %s",
			 provision->association.name, err.text);
	if (ret >= 0)
		keyfile_line(&provision->association.kpc_id, provision->key,
			     part, provision->line);
	explicit_bzero(text, sizeof(text));
	return ret < 0 ? refuse(provision, &err) : 0;
}

static int store_key(struct provision *provision)
{
	struct kpc_error err = { "" };
	int ret;

	ret = keyfile_open(&provision->store, provision->store_path, &err);
	if (!ret)
		ret = keyfile_add(&provision->store,
				  &provision->association.kpc_id,
				  provision->key, provision->line, &err);
	provision->stored = ret > 0;
	return ret < 0 ? refuse(provision, &err) : 0;
}

/*
 * The file as it would be is judged before it is touched, with all that boot
 * reads if it is one of those files.
 */
static int judge_conf(const struct provision *provision,
		      const struct textfile *conf, struct kpc_error *err)
{
	bool whole = kpc_table_is_default(provision->conf_path);
	struct kpc_table table;
	int ret = 0;

	kpc_table_init(&table);
	if (whole || conf->existed)
		ret = kpc_table_read(&table, whole ? NULL :
				     provision->conf_path, 0, err);
	/* Nothing is there for boot yet. */
	if (whole && ret == -ENOENT)
		ret = 0;
	if (!ret)
		ret = kpc_table_add(&table, &provision->association,
				    provision->conf_path,
				    textfile_lines(conf) + 1);
	if (!ret)
		ret = kpc_table_check(&table, NULL, err);
	kpc_table_free(&table);
	return ret;
}

static int open_conf(const struct provision *provision, struct textfile *conf,
		     struct kpc_error *err)
{
	int ret = textfile_open(conf, provision->conf_path, 0644, err);

	if (!ret && keyfile_shares(conf, provision->store_path))
		return kpc_error_return(err, -EINVAL,
					"%s is the association file and the key store; these are two files",
					provision->conf_path);
	return ret;
}

static char *conf_line(const struct provision *provision)
{
	char *line = NULL;
	bool failed;
	size_t size;
	FILE *memory;

	memory = open_memstream(&line, &size);
	if (!memory)
		return NULL;
	fputs("association ", memory);
	kpc_association_format(memory, &provision->association,
			       KPC_FORMAT_SAVE);
	failed = ferror(memory);
	if (fclose(memory) || failed) {
		free(line);
		return NULL;
	}
	return line;
}

static int add_association(struct provision *provision)
{
	struct kpc_association made;
	struct kpc_error err = { "" };
	int ret;

	if (provision->offline)
		return 0;
	ret = kpc_nl_association_get(&provision->cli->nl,
				     provision->association.name, &made, NULL,
				     &err);
	if (!ret)
		kpc_error_set(&err, "exists already; `kpc association replace` changes its policy");
	if (ret == -ENOENT)
		ret = kpc_nl_association_new(&provision->cli->nl,
					     &provision->association, false,
					     &made, &err);
	else
		ret = -EEXIST;
	if (ret)
		return refuse(provision, &err);
	/* The mark that the module chose is saved, so that it stays. */
	if (made.mark)
		provision->association.mark = made.mark;
	return 0;
}

static void take_back(struct provision *provision)
{
	struct kpc_error err = { "" };

	if (provision->stored && textfile_restore(&provision->store, &err))
		cli_warn(provision->cli, "the new Kpc stays in the store: %s",
			 err.text);
}

/* Association, then file; what went before is undone when one is refused. */
static int carry_out(struct provision *provision, struct textfile *conf)
{
	struct kpc_error err = { "" };
	char *line;
	int ret;

	ret = store_key(provision);
	if (ret)
		return ret;
	ret = add_association(provision);
	if (ret || !provision->conf_path)
		goto out;
	/* The mark is the module's choice, out of its table and not of files. */
	line = conf_line(provision);
	if (!line) {
		kpc_error_set(&err, "out of memory");
		ret = refuse(provision, &err);
	} else if (!provision->offline && judge_conf(provision, conf, &err)) {
		ret = refuse(provision, &err);
		cli_warn(provision->cli,
			 "%s: the module chose mark 0x%08x, not knowing what the file has; `kpc sync` tells it, or give a mark",
			 provision->association.name,
			 provision->association.mark);
	} else if (textfile_append(conf, line, &err)) {
		ret = refuse(provision, &err);
	}
	free(line);
	if (ret && !provision->offline)
		kpc_nl_association_del(&provision->cli->nl,
				       provision->association.name, true, NULL,
				       NULL);
out:
	if (ret)
		take_back(provision);
	return ret;
}

static void put_done(struct provision *provision)
{
	struct cli *cli = provision->cli;
	char kpc_id[KPC_KPCID_TEXT_MAX];

	json_object(&cli->json, NULL);
	json_association(&cli->json, &provision->association, NULL);
	json_object_end(&cli->json);
	if (cli->use_json)
		return;
	printf("%s: ", provision->association.name);
	if (!provision->offline)
		printf("added, mark 0x%08x; ", provision->association.mark);
	printf("the Kpc of %s, %zu octets, is in %s",
	       kpc_kpcid_text(&provision->association.kpc_id, kpc_id),
	       kpc_key_length(provision->key), provision->store_path);
	if (provision->conf_path)
		printf("; saved in %s", provision->conf_path);
	putchar('\n');
}

static int run(struct provision *provision)
{
	struct textfile conf = { .lock = -1 };
	struct kpc_error err = { "" };
	int ret;

	secret_guard();
	ret = take_key(provision);
	if (!ret && !provision->offline)
		ret = cli_connect(provision->cli);
	if (!ret && provision->conf_path &&
	    (open_conf(provision, &conf, &err) ||
	     judge_conf(provision, &conf, &err)))
		ret = refuse(provision, &err);
	if (!ret)
		ret = carry_out(provision, &conf);
	if (!ret) {
		hidden_warn(provision->cli, &provision->association);
		put_done(provision);
	}
	textfile_close(&conf);
	textfile_close(&provision->store);
	return ret;
}

static int take_words(struct provision *provision, int argc, char **argv)
{
	bool save = false;
	const struct cli_option options[] = {
		{ "--key", NULL, &provision->key_path },
		{ "--generate", &provision->generate, NULL },
		{ "--keys", NULL, &provision->store_path },
		{ "--save", &save, NULL },
		{ "--file", NULL, &provision->conf_path },
		{ "--offline", &provision->offline, NULL },
	};
	struct kpc_error err = { "" };

	if (cli_options(provision->cli, options, CLI_COUNT(options), &argc,
			argv))
		return CLI_USAGE;
	if (provision->key_path && provision->generate)
		return cli_usage(provision->cli,
				 "--key FILE reads the Kpc, --generate makes a new one: give one of the two");
	if (!provision->key_path)
		provision->key_path = "-";
	if (save && !provision->conf_path)
		provision->conf_path = KPC_TABLE_FILE;
	if (provision->offline && !provision->conf_path)
		return cli_usage(provision->cli,
				 "--offline needs --save or --file FILE, or the association would be nowhere");
	if (kpc_association_parse(&provision->association, argc, argv, &err)) {
		cli_refuse(provision->cli, argc ? argv[0] : NULL, &err);
		return CLI_USAGE;
	}
	return 0;
}

int cmd_provision(struct cli *cli, int argc, char **argv)
{
	struct provision *provision;
	struct kpc_error err = { "" };
	int ret;

	provision = calloc(1, sizeof(*provision));
	if (!provision) {
		kpc_error_set(&err, "out of memory");
		return cli_refuse(cli, NULL, &err);
	}
	provision->cli = cli;
	provision->store.lock = -1;
	provision->store_path = KPC_KEYSTORE_PATH;
	ret = take_words(provision, argc, argv);
	if (!ret)
		ret = run(provision);
	explicit_bzero(provision->line, sizeof(provision->line));
	kpc_key_free(provision->key);
	free(provision);
	return ret;
}
