// SPDX-License-Identifier: MIT
/*
 * Dumps of the module's tables, read until one is whole.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dump.h"

/* A table that keeps changing is read this often before it is given up. */
#define DUMP_TRIES	10

static int list_add(struct list *list, const void *object)
{
	void *grown;

	/* Room doubles at each power of two. */
	if (!(list->count & (list->count - 1))) {
		grown = reallocarray(list->objects,
				     list->count ? 2 * list->count : 1,
				     list->size);
		if (!grown)
			return -ENOMEM;
		list->objects = grown;
	}
	memcpy((char *)list->objects + list->count++ * list->size, object,
	       list->size);
	return 0;
}

static int add_association(const struct kpc_association *association,
			   const struct kpc_association_state *state,
			   void *data)
{
	struct shown_association *shown = malloc(sizeof(*shown));
	int ret;

	if (!shown)
		return -ENOMEM;
	shown->association = *association;
	shown->state = *state;
	ret = list_add(data, shown);
	free(shown);
	return ret;
}

static int add_binding(const struct kpc_binding *binding, void *data)
{
	return list_add(data, binding);
}

static int add_endpoint(const struct kpc_endpoint *endpoint, void *data)
{
	return list_add(data, endpoint);
}

static int add_session(const struct kpc_session *session, void *data)
{
	return list_add(data, session);
}

static int read_associations(struct kpc_nl *nl, const char *of,
			     struct list *list, struct kpc_error *err)
{
	return kpc_nl_association_dump(nl, add_association, list, err);
}

static int read_bindings(struct kpc_nl *nl, const char *of, struct list *list,
			 struct kpc_error *err)
{
	return kpc_nl_binding_dump(nl, of, add_binding, list, err);
}

static int read_endpoints(struct kpc_nl *nl, const char *of, struct list *list,
			  struct kpc_error *err)
{
	return kpc_nl_endpoint_dump(nl, add_endpoint, list, err);
}

static int read_sessions(struct kpc_nl *nl, const char *of, struct list *list,
			 struct kpc_error *err)
{
	return kpc_nl_session_dump(nl, add_session, list, err);
}

static int read_whole(struct cli *cli,
		      int (*read)(struct kpc_nl *nl, const char *of,
				  struct list *list, struct kpc_error *err),
		      const char *of, struct list *list)
{
	struct kpc_error err = { "" };
	int tries;
	int ret;

	if (cli_connect(cli))
		return CLI_REFUSED;
	for (tries = 0; tries < DUMP_TRIES; tries++) {
		list->count = 0;
		ret = read(&cli->nl, of, list, &err);
		if (ret != -EINTR)
			break;
	}
	if (!ret)
		return 0;
	if (!*err.text)
		kpc_error_set(&err, "%s", strerror(-ret));
	return cli_refuse(cli, NULL, &err);
}

int dump_associations(struct cli *cli, struct list *list)
{
	list->size = sizeof(struct shown_association);
	return read_whole(cli, read_associations, NULL, list);
}

int dump_bindings(struct cli *cli, const char *association, struct list *list)
{
	list->size = sizeof(struct kpc_binding);
	return read_whole(cli, read_bindings, association, list);
}

int dump_endpoints(struct cli *cli, struct list *list)
{
	list->size = sizeof(struct kpc_endpoint);
	return read_whole(cli, read_endpoints, NULL, list);
}

int dump_sessions(struct cli *cli, struct list *list)
{
	list->size = sizeof(struct kpc_session);
	return read_whole(cli, read_sessions, NULL, list);
}

int dump_show(struct cli *cli, int argc, char **argv,
	      int (*dump)(struct cli *cli, struct list *list),
	      void (*put)(struct cli *cli, const struct list *list,
			  const char *key))
{
	struct list list = { 0 };
	int ret;

	ret = cli_no_words(cli, argc, argv);
	if (!ret)
		ret = dump(cli, &list);
	if (!ret)
		put(cli, &list, NULL);
	free(list.objects);
	return ret;
}
