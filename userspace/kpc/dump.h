/* SPDX-License-Identifier: MIT */
/*
 * Dumps of the module's tables, read until one is whole.
 */
#ifndef KPC_DUMP_H
#define KPC_DUMP_H

#include "cli.h"

/**
 * struct list - Objects of a dump, kept until the dump is known to be whole
 * @objects: An array of them; free() it.
 * @size: Octets of one.
 * @count: How many.
 */
struct list {
	void *objects;
	size_t size;
	size_t count;
};

/**
 * struct shown_association - What a dump of associations consists of
 */
struct shown_association {
	struct kpc_association association;
	struct kpc_association_state state;
};

/* Each returns 0 or an exit status, with the message printed. */
int dump_associations(struct cli *cli, struct list *list);
int dump_bindings(struct cli *cli, const char *association, struct list *list);
int dump_endpoints(struct cli *cli, struct list *list);
int dump_sessions(struct cli *cli, struct list *list);

/**
 * dump_show() - All objects of a kind, for a `show` without words
 * @dump: One of the above.
 * @put: Prints them; @key names the array in JSON.
 */
int dump_show(struct cli *cli, int argc, char **argv,
	      int (*dump)(struct cli *cli, struct list *list),
	      void (*put)(struct cli *cli, const struct list *list,
			  const char *key));

/* Shown by more than one command. */
int show_associations(struct cli *cli, int argc, char **argv);
int show_bindings(struct cli *cli, int argc, char **argv);

#endif
