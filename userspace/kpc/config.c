// SPDX-License-Identifier: MIT
/*
 * config: the network namespace's configuration.
 */
#include "print.h"

static int show(struct cli *cli, int argc, char **argv)
{
	struct kpc_config config = { 0 };
	struct kpc_error err = { "" };

	if (cli_no_words(cli, argc, argv))
		return CLI_USAGE;
	if (cli_connect(cli))
		return CLI_REFUSED;
	if (kpc_nl_config_get(&cli->nl, &config, &err))
		return cli_refuse(cli, NULL, &err);
	json_object(&cli->json, NULL);
	json_number(&cli->json, "mark_value", config.mark_value);
	json_number(&cli->json, "mark_mask", config.mark_mask);
	json_number(&cli->json, "handshake_mark", config.handshake_mark);
	json_string(&cli->json, "agent_lost",
		    name_agent_lost(config.agent_lost));
	json_number(&cli->json, "agent_lost_after", config.agent_lost_seconds);
	json_number(&cli->json, "max_associations", config.max_associations);
	json_number(&cli->json, "max_bindings", config.max_bindings);
	json_number(&cli->json, "max_handshakes", config.max_handshakes);
	json_string(&cli->json, "clock", name_clock(config.clock));
	json_number(&cli->json, "generation", config.generation);
	json_number(&cli->json, "abi", config.abi);
	json_string(&cli->json, "module_version", config.module_version);
	json_object_end(&cli->json);
	if (!cli->use_json) {
		kpc_config_format(stdout, &config);
		putchar('\n');
	}
	return CLI_OK;
}

static int set(struct cli *cli, int argc, char **argv)
{
	struct kpc_config config = { 0 };
	struct kpc_error err = { "" };

	if (kpc_config_parse(&config, argc, argv, &err))
		return cli_usage(cli, "%s", err.text);
	if (cli_connect(cli))
		return CLI_REFUSED;
	if (kpc_nl_config_set(&cli->nl, &config, &err))
		return cli_refuse(cli, NULL, &err);
	return CLI_OK;
}

static const struct command commands[] = {
	{ "show", show, "", "as it is" },
	{ "set", set,
	  "[mark-range VALUE/MASK] [handshake-mark MARK] [agent-lost keep|end] [agent-lost-after TIME] [max-associations N] [max-bindings N] [max-handshakes N] [clock trust|wait|set]",
	  "changes what is named" },
};

int cmd_config(struct cli *cli, int argc, char **argv)
{
	return cli_dispatch(cli, commands, CLI_COUNT(commands), argc, argv);
}
