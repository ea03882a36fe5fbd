// SPDX-License-Identifier: MIT
/*
 * binding: sockets tied to an association.
 */
#include "dump.h"
#include "print.h"

static int del(struct cli *cli, int argc, char **argv)
{
	struct kpc_error err = { "" };
	uint64_t id;

	if (argc != 1)
		return cli_usage(cli, "one ID is accepted, as `kpc binding` shows it");
	if (cli_count(cli, "ID", argv[0], &id))
		return CLI_USAGE;
	if (cli_connect(cli))
		return CLI_REFUSED;
	if (kpc_nl_binding_del(&cli->nl, id, &err))
		return cli_refuse(cli, argv[0], &err);
	return CLI_OK;
}

static const struct command commands[] = {
	{ "show", show_bindings, "[NAME]", "all, or those of an association" },
	{ "del", del, "ID", "ends one" },
};

int cmd_binding(struct cli *cli, int argc, char **argv)
{
	return cli_dispatch(cli, commands, CLI_COUNT(commands), argc, argv);
}
