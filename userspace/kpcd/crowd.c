// SPDX-License-Identifier: MIT
/*
 * How many peers in their handshakes there are of each source: chains of crowds
 * out of memory of a fixed size.
 */
#include "crowd.h"

static struct crowd **chain_of(struct crowds *crowds, uint64_t hash)
{
	return &crowds->chains[hash % CROWDS_MAX];
}

struct crowd *crowd_join(struct crowds *crowds, uint64_t source, uint64_t hash)
{
	struct crowd **chain = chain_of(crowds, hash);
	struct crowd *crowd;

	for (crowd = *chain; crowd; crowd = crowd->next) {
		if (crowd->source == source) {
			crowd->count++;
			return crowd;
		}
	}
	crowd = crowds->spare;
	if (crowd)
		crowds->spare = crowd->next;
	else
		crowd = &crowds->all[crowds->used++];
	*crowd = (struct crowd){
		.next = *chain,
		.source = source,
		.count = 1,
	};
	*chain = crowd;
	return crowd;
}

void crowd_leave(struct crowds *crowds, struct crowd *crowd, uint64_t hash)
{
	struct crowd **at = chain_of(crowds, hash);

	if (--crowd->count)
		return;
	while (*at != crowd)
		at = &(*at)->next;
	*at = crowd->next;
	crowd->next = crowds->spare;
	crowds->spare = crowd;
}
