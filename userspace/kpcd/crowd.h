/* SPDX-License-Identifier: MIT */
/*
 * How many peers in their handshakes there are of each source.
 */
#ifndef KPCD_CROWD_H
#define KPCD_CROWD_H

#include <stdint.h>

/* As many sources as there can be peers: each of them may have its own. */
#define CROWDS_MAX	1024

/**
 * struct crowd - the peers of one source
 * @next: in its chain, or of those that are free
 * @source: as source_of() tells it
 * @count: peers; 0: it is free
 */
struct crowd {
	struct crowd *next;
	uint64_t source;
	uint32_t count;
};

/**
 * struct crowds - of all sources; all zero at first
 * @chains: found by a hash of the source
 * @spare: those that were used and are free
 * @used: of @all, others have never been
 * @all: the crowds themselves
 */
struct crowds {
	struct crowd *chains[CROWDS_MAX];
	struct crowd *spare;
	unsigned int used;
	struct crowd all[CROWDS_MAX];
};

/**
 * crowd_join() - one more peer
 * @crowds: with fewer than CROWDS_MAX peers
 * @source: where it comes from
 * @hash: of @source, which no peer can tell
 *
 * Return: its crowd, which stays where it is until the last has left.
 */
struct crowd *crowd_join(struct crowds *crowds, uint64_t source, uint64_t hash);

/**
 * crowd_leave() - one peer less
 * @crowds: which it joined
 * @crowd: what it got there
 * @hash: as it was told then
 */
void crowd_leave(struct crowds *crowds, struct crowd *crowd, uint64_t hash);

#endif
