/* SPDX-License-Identifier: MIT */
/* Two carriers in one process, joined by memory: what the tests of records share. */
#ifndef LINK_H
#define LINK_H

#include <kpc/records.h>

#include "pair.h"

/** struct link - two entities whose handshake is done, and what carries their records */
struct link {
	struct pair pair;
	struct kpc_records *a, *b;
};

static inline bool link_open(struct link *link, uint16_t suite)
{
	struct kpc_handshake_policy policy = pair_policy(kpc_suite_by_code(suite));

	memset(link, 0, sizeof(*link));
	if (pair_open(&link->pair, &policy, PAIR_KEY, PAIR_KEY))
		return false;
	pair_run(&link->pair);
	if (!pair_done(&link->pair))
		return false;
	link->a = kpc_records_new(link->pair.a, NULL);
	link->b = kpc_records_new(link->pair.b, NULL);
	return link->a && link->b;
}

static inline void link_close(struct link *link)
{
	kpc_records_free(link->a);
	kpc_records_free(link->b);
	pair_close(&link->pair);
}

/* Moves ciphertext in pieces of @chunk octets; how much. */
static inline size_t move(struct kpc_records *from, struct kpc_records *to, size_t chunk)
{
	size_t moved = 0, len;
	const void *octets;

	while ((octets = kpc_records_output(from, &len))) {
		ssize_t taken = kpc_records_input(to, octets, len < chunk ? len : chunk);

		if (taken <= 0)
			break;
		kpc_records_output_sent(from, (size_t)taken);
		moved += (size_t)taken;
	}
	return moved;
}

#endif
