// SPDX-License-Identifier: GPL-2.0-only
/*
 * Helps the scenarios: with "hold" it binds a connection between the sites,
 * with "listen" it registers a listener and no more; it says "up" and waits
 * for its input to end. With "del" it deletes a site's association.
 */
#include <stdbool.h>

#include "pair.h"

static int wait_here(void)
{
	char c;

	puts("up");
	fflush(stdout);
	while (read(0, &c, 1) > 0)
		;
	return 0;
}

static int listen_only(void)
{
	struct nl nl_a, nl_b;
	struct pair p;

	if (site_nl(&nl_a, 'a') || site_nl(&nl_b, 'b'))
		return 1;
	pair_init(&p, &nl_a, &nl_b, "to-b", "from-a");
	if (pair_listen(&p)) {
		fprintf(stderr, "tool_pair: %s\n", nl_b.said);
		return 1;
	}
	return wait_here();
}

static int hold(void)
{
	struct assoc a = ASSOC_A("to-b"), b = ASSOC_B("from-a");
	struct nl nl_a, nl_b;
	struct pair p;

	if (site_nl(&nl_a, 'a') || site_nl(&nl_b, 'b')) {
		fprintf(stderr, "tool_pair: no netlink family in the sites\n");
		return 1;
	}
	if (assoc_new(&nl_a, &a) || assoc_new(&nl_b, &b)) {
		fprintf(stderr, "tool_pair: %s%s\n", nl_a.said, nl_b.said);
		return 1;
	}
	pair_init(&p, &nl_a, &nl_b, "to-b", "from-a");
	if (pair_listen(&p) || pair_connect(&p) || pair_bind(&p)) {
		fprintf(stderr, "tool_pair: %s%s\n", nl_a.said, nl_b.said);
		return 1;
	}
	if (!crosses(p.client, p.server, "up"))
		return 1;
	return wait_here();
}

static int remove_all(char site)
{
	struct nl nl;
	int err;

	err = site_nl(&nl, site);
	if (!err)
		err = assoc_del(&nl, site == 'a' ? "to-b" : "from-a");
	if (err)
		fprintf(stderr, "tool_pair: %s\n", nl.said);
	return !!err;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "hold"))
		return hold();
	if (argc == 2 && !strcmp(argv[1], "listen"))
		return listen_only();
	if (argc == 3 && !strcmp(argv[1], "del"))
		return remove_all(argv[2][0]);
	fprintf(stderr, "usage: tool_pair hold | listen | del SITE\n");
	return 2;
}
