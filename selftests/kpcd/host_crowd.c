// SPDX-License-Identifier: GPL-2.0-only
/*
 * How many peers in their handshakes a source has: counted exactly, whatever
 * sources share a chain and however often they come and go. X5.
 */
#include <stdlib.h>

#include <kpcd/crowd.h>

#include "../tap.h"

#define SOURCES	97
#define TURNS	200000

static struct crowds crowds;
static struct peer {
	struct crowd *crowd;
	uint64_t source;
} peers[CROWDS_MAX];
static unsigned int expected[CROWDS_MAX];

/* Some sources share a chain, and in one test all do. */
static uint64_t hash_of(uint64_t source, bool alike)
{
	return alike ? 5 : source * 7 % 31;
}

static bool counts_are_right(size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (peers[i].crowd &&
		    (peers[i].crowd->source != peers[i].source ||
		     peers[i].crowd->count != expected[peers[i].source]))
			return false;
	return true;
}

static void join(struct peer *peer, uint64_t source, bool alike)
{
	peer->source = source;
	peer->crowd = crowd_join(&crowds, source, hash_of(source, alike));
	expected[source]++;
}

static void leave(struct peer *peer, bool alike)
{
	crowd_leave(&crowds, peer->crowd, hash_of(peer->source, alike));
	expected[peer->source]--;
	peer->crowd = NULL;
}

static bool come_and_go(bool alike)
{
	bool right = true;
	int i;

	for (i = 0; i < TURNS; i++) {
		struct peer *peer = &peers[random() % CROWDS_MAX];

		if (peer->crowd)
			leave(peer, alike);
		else
			join(peer, random() % SOURCES, alike);
		if (i % 1000 == 0)
			right = right && counts_are_right(CROWDS_MAX);
	}
	right = right && counts_are_right(CROWDS_MAX);
	for (i = 0; i < CROWDS_MAX; i++)
		if (peers[i].crowd)
			leave(&peers[i], alike);
	return right;
}

/* Each from elsewhere, as often as there is room. */
static bool fill(void)
{
	bool right;
	size_t i;

	for (i = 0; i < CROWDS_MAX; i++)
		join(&peers[i], i, false);
	right = counts_are_right(CROWDS_MAX);
	for (i = 0; i < CROWDS_MAX; i++)
		leave(&peers[i], false);
	return right && crowds.used == CROWDS_MAX;
}

int main(void)
{
	tap_begin();
	srandom(1);
	tap_ok(come_and_go(false), "sources that come and go");
	tap_ok(come_and_go(true), "and all in one chain");
	tap_ok(fill(), "as many sources as peers");
	tap_ok(fill(), "and once more in the same memory");
	return tap_end();
}
