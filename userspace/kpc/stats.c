// SPDX-License-Identifier: MIT
/*
 * stats: the network namespace's counters.
 */
#include <inttypes.h>

#include "print.h"

static void put_stats(struct cli *cli, const struct kpc_stats *stats)
{
	const struct {
		const char *key;
		uint64_t value;
	} rows[] = {
		{ "associations", stats->associations },
		{ "endpoints", stats->endpoints },
		{ "bindings", stats->bindings },
		{ "handshakes", stats->handshakes },
		{ "sessions", stats->sessions },
		{ "bound", stats->bound },
		{ "ended", stats->ended },
		{ "violations", stats->violations },
		{ "suppressed", stats->suppressed },
		{ "dropped_out", stats->dropped_out },
		{ "dropped_in", stats->dropped_in },
		{ "refused", stats->refused },
		{ "violations_mark", stats->violations_mark },
		{ "violations_endpoint", stats->violations_endpoint },
		{ "violations_association", stats->violations_association },
		{ "violations_changed", stats->violations_changed },
		{ "violations_grant", stats->violations_grant },
		{ "violations_budget", stats->violations_budget },
	};
	size_t i;

	json_object(&cli->json, NULL);
	for (i = 0; i < CLI_COUNT(rows); i++) {
		json_number(&cli->json, rows[i].key, rows[i].value);
		if (!cli->use_json)
			printf("%-22s %" PRIu64 "\n", rows[i].key,
			       rows[i].value);
	}
	json_object_end(&cli->json);
}

int cmd_stats(struct cli *cli, int argc, char **argv)
{
	struct kpc_stats stats = { 0 };
	struct kpc_error err = { "" };
	bool reset = false;
	const struct cli_option options[] = {
		{ "--reset", &reset, NULL },
	};

	if (cli_options(cli, options, CLI_COUNT(options), &argc, argv) ||
	    cli_no_words(cli, argc, argv))
		return CLI_USAGE;
	if (cli_connect(cli))
		return CLI_REFUSED;
	if (kpc_nl_stats_get(&cli->nl, reset, &stats, &err))
		return cli_refuse(cli, NULL, &err);
	put_stats(cli, &stats);
	return CLI_OK;
}
