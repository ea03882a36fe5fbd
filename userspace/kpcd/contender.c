// SPDX-License-Identifier: MIT
/*
 * Peers that have not proved a key yet: who makes room when there are too many.
 */
#include "contender.h"
#include "worker_state.h"

/*
 * By age alone whoever comes fast enough pushes out all others before they have
 * answered. So the source with the most makes room, which leaves alone who has
 * one of its own, however many come from however few places. Where there are as
 * many sources as peers it is age: a peer has as long as so many others take to
 * come. What a peer has sent says nothing: an octet costs it nothing, and one
 * that is new has had no time for it.
 */
static void make_room(struct contenders *all)
{
	struct contender *chosen = all->first, *at;

	for (at = chosen; at; at = at->next)
		if (at->crowd->count > chosen->crowd->count)
			chosen = at;
	chosen->evict(chosen);
}

void contender_join(struct worker *worker, struct contender *contender,
		    uint64_t source)
{
	struct contenders *all = &worker->contenders;

	while (all->count >= worker->quota.peers)
		make_room(all);
	contender->crowd = crowd_join(&worker->crowds, source,
				      source_hash(&worker->sources, source));
	contender->next = NULL;
	contender->previous = all->last;
	if (all->last)
		all->last->next = contender;
	else
		all->first = contender;
	all->last = contender;
	all->count++;
	contender->listed = true;
}

void contender_leave(struct worker *worker, struct contender *contender)
{
	struct contenders *all = &worker->contenders;

	if (!contender->listed)
		return;
	if (contender->previous)
		contender->previous->next = contender->next;
	else
		all->first = contender->next;
	if (contender->next)
		contender->next->previous = contender->previous;
	else
		all->last = contender->previous;
	crowd_leave(&worker->crowds, contender->crowd,
		    source_hash(&worker->sources, contender->crowd->source));
	all->count--;
	contender->listed = false;
}
