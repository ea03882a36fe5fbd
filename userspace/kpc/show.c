// SPDX-License-Identifier: MIT
/*
 * The tables as they are shown: associations and their bindings.
 */
#include <stdlib.h>

#include "dump.h"
#include "print.h"

static void put_associations(struct cli *cli, const struct list *list,
			     const char *key)
{
	const struct shown_association *shown = list->objects;
	size_t i;

	json_array(&cli->json, key);
	for (i = 0; i < list->count; i++) {
		json_object(&cli->json, NULL);
		json_association(&cli->json, &shown[i].association,
				 &shown[i].state);
		json_object_end(&cli->json);
		if (!cli->use_json) {
			fputs(i ? "\n" : "", stdout);
			print_association(stdout, &shown[i].association,
					  &shown[i].state);
		}
	}
	json_array_end(&cli->json);
}

static void put_bindings(struct cli *cli, const struct list *list,
			 const char *key)
{
	const struct kpc_binding *bindings = list->objects;
	size_t i;

	json_array(&cli->json, key);
	for (i = 0; i < list->count; i++) {
		json_object(&cli->json, NULL);
		json_binding(&cli->json, &bindings[i]);
		json_object_end(&cli->json);
		if (!cli->use_json) {
			fputs(i ? "\n" : "", stdout);
			print_binding(stdout, &bindings[i]);
		}
	}
	json_array_end(&cli->json);
}

int cmd_show(struct cli *cli, int argc, char **argv)
{
	struct list associations = { 0 };
	struct list bindings = { 0 };
	int ret;

	ret = cli_no_words(cli, argc, argv);
	if (!ret)
		ret = dump_associations(cli, &associations);
	if (!ret)
		ret = dump_bindings(cli, NULL, &bindings);
	if (!ret) {
		json_object(&cli->json, NULL);
		put_associations(cli, &associations, "associations");
		if (!cli->use_json && associations.count && bindings.count)
			putchar('\n');
		put_bindings(cli, &bindings, "bindings");
		json_object_end(&cli->json);
	}
	free(associations.objects);
	free(bindings.objects);
	return ret;
}

/**
 * show_associations() - `association show`
 */
int show_associations(struct cli *cli, int argc, char **argv)
{
	return dump_show(cli, argc, argv, dump_associations, put_associations);
}

/**
 * show_bindings() - `binding show [NAME]`
 */
int show_bindings(struct cli *cli, int argc, char **argv)
{
	struct list list = { 0 };
	int ret;

	if (argc > 1)
		return cli_usage(cli, "\"%.40s\" is too much: [NAME] is accepted",
				 argv[1]);
	ret = dump_bindings(cli, argc ? argv[0] : NULL, &list);
	if (!ret)
		put_bindings(cli, &list, NULL);
	free(list.objects);
	return ret;
}
