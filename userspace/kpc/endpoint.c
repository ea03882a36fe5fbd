// SPDX-License-Identifier: MIT
/*
 * endpoint: the addresses and ports that are protected.
 */
#include <string.h>

#include "dump.h"
#include "print.h"

/* One endpoint, as a line or a member of an array. */
static void put_endpoint(struct cli *cli, const struct kpc_endpoint *endpoint)
{
	struct kpc_address address = { .family = endpoint->family };
	struct kpc_selector selector = {
		.protocol = endpoint->protocol,
		.family = endpoint->family,
		.local = {
			.prefix = endpoint->prefix,
			.port_min = endpoint->port_min,
			.port_max = endpoint->port_max,
		},
	};

	memcpy(address.octets, endpoint->address, sizeof(address.octets));
	address.port = endpoint->port_min;
	json_object(&cli->json, NULL);
	json_string(&cli->json, "protocol", name_protocol(endpoint->protocol));
	json_string(&cli->json, "role", name_role(endpoint->role));
	json_address(&cli->json, "from", &address);
	json_number(&cli->json, "prefix", endpoint->prefix);
	json_number(&cli->json, "port_min", endpoint->port_min);
	json_number(&cli->json, "port_max", endpoint->port_max);
	json_number(&cli->json, "associations", endpoint->associations);
	json_object_end(&cli->json);
	if (cli->use_json)
		return;
	memcpy(selector.local.address, endpoint->address,
	       sizeof(selector.local.address));
	if (endpoint->role == KPC_ROLE_A) {
		selector.remote = selector.local;
		memset(&selector.local, 0, sizeof(selector.local));
	}
	printf("role %s ", name_role(endpoint->role));
	kpc_selector_format(stdout, &selector);
	printf(" associations %u\n", endpoint->associations);
}

static void put_endpoints(struct cli *cli, const struct list *list,
			  const char *key)
{
	const struct kpc_endpoint *endpoints = list->objects;
	size_t i;

	json_array(&cli->json, key);
	for (i = 0; i < list->count; i++)
		put_endpoint(cli, &endpoints[i]);
	json_array_end(&cli->json);
}

static int show_endpoints(struct cli *cli, int argc, char **argv)
{
	return dump_show(cli, argc, argv, dump_endpoints, put_endpoints);
}

static int get_endpoint(struct cli *cli, int argc, char **argv)
{
	const struct kpc_selector_side *side = NULL;
	struct kpc_endpoint endpoint = { 0 };
	struct kpc_error err = { "" };
	struct kpc_selector selector;
	int taken;

	taken = kpc_selector_parse(&selector, argc, argv, &err);
	if (taken < 0)
		return cli_usage(cli, "%s", err.text);
	if (taken < argc)
		return cli_usage(cli, "\"%.40s\" is too much: [udp] local ADDRESS:PORT or "
		"remote ADDRESS:PORT is accepted",
				 argv[taken]);
	if (selector.local.prefix && !selector.remote.prefix) {
		endpoint.role = KPC_ROLE_B;
		side = &selector.local;
	} else if (selector.remote.prefix && !selector.local.prefix) {
		endpoint.role = KPC_ROLE_A;
		side = &selector.remote;
	}
	if (!side || side->port_min != side->port_max || !side->port_min)
		return cli_usage(cli, "one side with one address and one port is accepted: "
		"local 192.0.2.1:8883");
	endpoint.protocol = selector.protocol;
	endpoint.family = selector.family;
	memcpy(endpoint.address, side->address, sizeof(endpoint.address));
	endpoint.port_min = side->port_min;
	if (cli_connect(cli))
		return CLI_REFUSED;
	if (kpc_nl_endpoint_get(&cli->nl, &endpoint, &endpoint, &err))
		return cli_refuse(cli, argv[argc - 1], &err);
	put_endpoint(cli, &endpoint);
	return CLI_OK;
}

static const struct command commands[] = {
	{ "show", show_endpoints, "", "what the module protects" },
	{ "get", get_endpoint, "[udp] local|remote ADDRESS:PORT",
	  "the endpoint that protects an address and a port" },
};

int cmd_endpoint(struct cli *cli, int argc, char **argv)
{
	return cli_dispatch(cli, commands, CLI_COUNT(commands), argc, argv);
}
