// SPDX-License-Identifier: MIT
/*
 * association: who may speak to whom under which KpcId and mark.
 */
#include <errno.h>
#include <string.h>

#include "dump.h"
#include "hidden.h"
#include "print.h"

static void put_made(struct cli *cli, const struct kpc_association *made,
		     const char *what)
{
	json_object(&cli->json, NULL);
	json_association(&cli->json, made, NULL);
	json_object_end(&cli->json);
	if (!cli->use_json)
		printf("%s: %s, mark 0x%08x\n", made->name, what, made->mark);
}

/* Adds NAME or changes its policy, whichever @exists says is meant. */
static int make(struct cli *cli, int argc, char **argv, bool exists)
{
	static struct kpc_association association;
	static struct kpc_association made;
	struct kpc_error err = { "" };
	bool force = false;
	const struct cli_option options[] = {
		{ "--force", &force, NULL },
	};
	int ret;

	ret = cli_options(cli, options, CLI_COUNT(options), &argc, argv);
	if (ret)
		return ret;
	if (kpc_association_parse(&association, argc, argv, &err)) {
		cli_refuse(cli, argc ? argv[0] : NULL, &err);
		return CLI_USAGE;
	}
	if (cli_connect(cli))
		return CLI_REFUSED;
	ret = kpc_nl_association_get(&cli->nl, association.name, &made, NULL,
				     &err);
	if (ret && ret != -ENOENT)
		return cli_refuse(cli, association.name, &err);
	if (!ret && !exists)
		kpc_error_set(&err, "exists already; `kpc association replace` changes its policy");
	if (ret && exists)
		kpc_error_set(&err, "does not exist; `kpc association add` makes it");
	if (!ret != exists)
		return cli_refuse(cli, association.name, &err);
	if (kpc_nl_association_new(&cli->nl, &association, force, &made, &err))
		return cli_refuse(cli, association.name, &err);
	if (*err.text)
		cli_warn(cli, "%s: %s", association.name, err.text);
	hidden_warn(cli, &association);
	put_made(cli, *made.name ? &made : &association,
		 exists ? "changed" : "added");
	return CLI_OK;
}

static int add(struct cli *cli, int argc, char **argv)
{
	return make(cli, argc, argv, false);
}

static int replace(struct cli *cli, int argc, char **argv)
{
	return make(cli, argc, argv, true);
}

static int del(struct cli *cli, int argc, char **argv)
{
	struct kpc_association_state state = { 0 };
	struct kpc_error err = { "" };
	bool force = false;
	const struct cli_option options[] = {
		{ "--force", &force, NULL },
	};
	int ret;

	ret = cli_options(cli, options, CLI_COUNT(options), &argc, argv);
	if (ret)
		return ret;
	if (argc != 1)
		return cli_usage(cli, "one NAME is accepted");
	if (cli_connect(cli))
		return CLI_REFUSED;
	if (kpc_nl_association_del(&cli->nl, argv[0], force, &state, &err))
		return cli_refuse(cli, argv[0], &err);
	json_object(&cli->json, NULL);
	json_string(&cli->json, "name", argv[0]);
	json_number(&cli->json, "bindings", state.bindings);
	json_number(&cli->json, "took_ns", state.took);
	json_object_end(&cli->json);
	if (!cli->use_json)
		printf("%s: deleted, %u binding%s ended, no payload passes since; took %.3f ms\n",
		       argv[0], state.bindings, state.bindings == 1 ? "" : "s",
		       state.took / 1e6);
	return CLI_OK;
}

static int get(struct cli *cli, int argc, char **argv)
{
	static struct kpc_association association;
	struct kpc_association_state state;
	struct kpc_error err = { "" };

	if (argc != 1)
		return cli_usage(cli, "one NAME is accepted");
	if (cli_connect(cli))
		return CLI_REFUSED;
	if (kpc_nl_association_get(&cli->nl, argv[0], &association, &state,
				   &err))
		return cli_refuse(cli, argv[0], &err);
	json_object(&cli->json, NULL);
	json_association(&cli->json, &association, &state);
	json_object_end(&cli->json);
	if (!cli->use_json)
		print_association(stdout, &association, &state);
	return CLI_OK;
}

static const struct command commands[] = {
	{ "show", show_associations, "", "all of them" },
	{ "add", add,
	  "NAME role a|b kpc-id KPCID id-a ID id-b ID [WORDS as in kpc.conf(5)] [--force]",
	  "adds an association" },
	{ "replace", replace, "NAME WORDS... [--force]",
	  "changes the policy of an association; KpcId, IdA, IdB and role stay" },
	{ "del", del, "NAME [--force]",
	  "deletes it and ends its bindings before it returns" },
	{ "get", get, "NAME", "one of them" },
};

int cmd_association(struct cli *cli, int argc, char **argv)
{
	return cli_dispatch(cli, commands, CLI_COUNT(commands), argc, argv);
}
