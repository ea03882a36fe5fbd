/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the benches share: a clock, and many associations.
 */
#ifndef KPC_TEST_BENCH_H
#define KPC_TEST_BENCH_H

#include <time.h>

#include "pair.h"

/* Nanoseconds, which are instructions where the machine counts them. */
static inline double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static inline int bench_allow(struct nl *nl)
{
	nl_req(nl, KPC_CMD_CONFIG_SET);
	nl_u32(nl, KPC_A_CONFIG_MAX_ASSOCIATIONS, 131072);
	nl_u32(nl, KPC_A_CONFIG_MAX_BINDINGS, 131072);
	return nl_talk(nl);
}

/*
 * Associations up to the @nth, in one transaction: of role a each to an address
 * of its own, of role b all behind the one listener.
 */
static inline int bench_add(struct nl *nl, uint8_t role, unsigned int from,
			    unsigned int n)
{
	char name[32], kpc_id[64], id[64], address[32];
	struct assoc one = ASSOC_A("");
	int err;

	nl_req(nl, KPC_CMD_TRANSACTION_BEGIN);
	nl_u8(nl, KPC_A_TRANSACTION_MODE, KPC_LOAD_MODE_APPLY);
	err = nl_talk(nl);
	one.role = role;
	one.name = name;
	one.kpc_id = kpc_id;
	one.id_a = id;
	for (; from < n && !err; from++) {
		snprintf(name, sizeof(name), "n%u", from);
		snprintf(kpc_id, sizeof(kpc_id), "n%u@example.org", from);
		snprintf(id, sizeof(id), "//sp.example/c%u", from);
		snprintf(address, sizeof(address), "10.%u.%u.%u", from >> 16,
			 from >> 8 & 255, from & 255);
		one.address = role == KPC_ROLE_A ? address : ADDR_B;
		err = assoc_new(nl, &one);
	}
	nl_req(nl, KPC_CMD_TRANSACTION_COMMIT);
	return err ?: nl_talk(nl);
}

static inline int bench_fail(const char *what, int err, struct nl *a,
			     struct nl *b)
{
	printf("not ok 1 - %s: %s; %s %s\n", what, strerror(-err), a->said,
	       b->said);
	return 1;
}

#endif /* KPC_TEST_BENCH_H */
