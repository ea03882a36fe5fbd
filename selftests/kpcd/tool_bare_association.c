// SPDX-License-Identifier: GPL-2.0-only
/*
 * Adds an association as a sender could who does not use kpc(8): its plain TCP
 * leg names no user at all, which the words `allow-uid any` would.
 *
 * usage: tool_bare_association NAME WORD...
 */
#include <stdio.h>

#include <kpc/association.h>
#include <kpc/nl.h>

int main(int argc, char **argv)
{
	static struct kpc_association association;
	struct kpc_error err = {};
	struct kpc_nl nl;

	if (argc < 2 ||
	    kpc_association_parse(&association, argc - 1, argv + 1, &err)) {
		fprintf(stderr, "%s: %s\n", argv[0], err.text);
		return 2;
	}
	association.agent.allow_any = false;
	association.agent.allow_uid_count = 0;
	if (kpc_nl_open(&nl, &err) ||
	    kpc_nl_association_new(&nl, &association, false, NULL, &err)) {
		fprintf(stderr, "%s: %s\n", argv[0], err.text);
		return 1;
	}
	kpc_nl_close(&nl);
	return 0;
}
