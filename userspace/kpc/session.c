// SPDX-License-Identifier: MIT
/*
 * session and agent: the netlink sockets that speak for the agent.
 */
#include <stdlib.h>

#include "dump.h"
#include "print.h"

static void put_sessions(struct cli *cli, const struct list *list,
			 const char *key)
{
	const struct kpc_session *sessions = list->objects;
	size_t i;

	json_array(&cli->json, key);
	for (i = 0; i < list->count; i++) {
		json_object(&cli->json, NULL);
		json_number(&cli->json, "id", sessions[i].id);
		json_string(&cli->json, "type", name_session(sessions[i].type));
		json_number(&cli->json, "pid", sessions[i].pid);
		json_number(&cli->json, "bindings", sessions[i].bindings);
		json_number(&cli->json, "grants", sessions[i].grants);
		json_object_end(&cli->json);
		if (!cli->use_json)
			printf("session %u: %s, pid %u, %u bindings, %u grants\n",
			       sessions[i].id, name_session(sessions[i].type),
			       sessions[i].pid, sessions[i].bindings,
			       sessions[i].grants);
	}
	json_array_end(&cli->json);
}

static int show_sessions(struct cli *cli, int argc, char **argv)
{
	return dump_show(cli, argc, argv, dump_sessions, put_sessions);
}

static int show_agent(struct cli *cli, int argc, char **argv)
{
	const struct kpc_session *sessions;
	struct kpc_config config = { 0 };
	struct kpc_error err = { "" };
	struct list list = { 0 };
	uint32_t warden = 0;
	size_t i;
	int ret;

	ret = cli_no_words(cli, argc, argv);
	if (!ret)
		ret = dump_sessions(cli, &list);
	if (ret)
		return ret;
	if (kpc_nl_config_get(&cli->nl, &config, &err)) {
		ret = cli_refuse(cli, NULL, &err);
		goto out;
	}
	sessions = list.objects;
	for (i = 0; i < list.count; i++)
		if (sessions[i].type == KPC_SESSION_TYPE_WARDEN)
			warden = sessions[i].pid;
	json_object(&cli->json, NULL);
	json_bool(&cli->json, "running", warden);
	json_string(&cli->json, "agent_lost",
		    name_agent_lost(config.agent_lost));
	json_number(&cli->json, "agent_lost_after", config.agent_lost_seconds);
	if (!cli->use_json && warden)
		printf("agent: runs, warden is process %u\n", warden);
	if (!cli->use_json && !warden)
		puts("agent: does not run; `systemctl start kpcd` starts it");
	if (!cli->use_json)
		printf("without it: bindings %s, after %u s\n",
		       config.agent_lost == KPC_AGENT_LOST_KEEP ? "go on" :
								  "end",
		       config.agent_lost_seconds);
	put_sessions(cli, &list, "sessions");
	json_object_end(&cli->json);
out:
	free(list.objects);
	return ret;
}

static const struct command session_commands[] = {
	{ "show", show_sessions, "", "all of them" },
};

static const struct command agent_commands[] = {
	{ "show", show_agent, "", "whether it runs, and its processes" },
};

int cmd_session(struct cli *cli, int argc, char **argv)
{
	return cli_dispatch(cli, session_commands,
			    CLI_COUNT(session_commands), argc, argv);
}

int cmd_agent(struct cli *cli, int argc, char **argv)
{
	return cli_dispatch(cli, agent_commands, CLI_COUNT(agent_commands),
			    argc, argv);
}
