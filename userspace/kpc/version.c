// SPDX-License-Identifier: MIT
/*
 * version: of the program, the ABI, the module; and the suites it knows.
 */
#include <kpc/suite.h>

#include "print.h"

static int show(struct cli *cli, int argc, char **argv)
{
	struct kpc_config config = { 0 };
	struct kpc_error err = { "" };
	struct kpc_nl nl;
	bool module;

	if (cli_no_words(cli, argc, argv))
		return CLI_USAGE;
	module = !kpc_nl_open(&nl, &err);
	if (module) {
		module = !kpc_nl_config_get(&nl, &config, &err);
		kpc_nl_close(&nl);
	}
	json_object(&cli->json, NULL);
	json_string(&cli->json, "version", KPC_VERSION);
	json_number(&cli->json, "abi", KPC_ABI_VERSION);
	if (module) {
		json_string(&cli->json, "module_version",
			    config.module_version);
		json_number(&cli->json, "module_abi", config.abi);
	}
	json_object_end(&cli->json);
	if (cli->use_json)
		return CLI_OK;
	printf("kpc %s, ABI %d\n", KPC_VERSION, KPC_ABI_VERSION);
	if (module)
		printf("kpc.ko %s, ABI %u\n", config.module_version,
		       config.abi);
	else
		printf("kpc.ko unknown: %s\n", err.text);
	return CLI_OK;
}

static int show_suites(struct cli *cli, int argc, char **argv)
{
	const struct kpc_suite *suites;
	size_t count;
	size_t i;

	if (cli_no_words(cli, argc, argv))
		return CLI_USAGE;
	suites = kpc_suite_table(&count);
	json_array(&cli->json, NULL);
	for (i = 0; i < count; i++) {
		json_object(&cli->json, NULL);
		json_number(&cli->json, "code", suites[i].code);
		json_string(&cli->json, "version",
			    kpc_version_name(suites[i].version));
		json_string(&cli->json, "name", suites[i].name);
		json_string(&cli->json, "openssl", suites[i].openssl);
		json_bool(&cli->json, "forward_secret",
			  suites[i].forward_secret);
		json_bool(&cli->json, "kernel", suites[i].cipher_type);
		json_object_end(&cli->json);
		if (!cli->use_json)
			printf("0x%04x  %s  %-42s %-30s %s, %s\n",
			       suites[i].code,
			       kpc_version_name(suites[i].version),
			       suites[i].name, suites[i].openssl,
			       suites[i].cipher_type ? "kernel" : "agent",
			       suites[i].forward_secret ? "forward secret" :
			       "no forward secrecy");
	}
	json_array_end(&cli->json);
	return CLI_OK;
}

static const struct command commands[] = {
	{ "show", show, "", "versions" },
	{ "suites", show_suites, "", "cipher suites that `suites` accepts" },
};

int cmd_version(struct cli *cli, int argc, char **argv)
{
	return cli_dispatch(cli, commands, CLI_COUNT(commands), argc, argv);
}
