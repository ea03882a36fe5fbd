/* SPDX-License-Identifier: MIT */
/*
 * A stream whose every eight octets say where in it they belong.
 *
 * Word i is the splitmix64 of seed and i, lowest octet first. That function
 * can be turned round, so a receiver that has lost its place finds from two
 * words that follow each other where in the stream it is, and so what was lost,
 * changed or came again.
 */
#ifndef KPCPERF_PATTERN_H
#define KPCPERF_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * pattern_fill() - write a part of a stream
 * @buf: where to
 * @len: octets
 * @seed: which stream
 * @offset: where in the stream the part begins
 */
void pattern_fill(void *buf, size_t len, uint64_t seed, uint64_t offset);

/** pattern_random() - a number that depends on seed and position only */
uint64_t pattern_random(uint64_t seed, uint64_t position);

/**
 * enum pattern_fault - what can be wrong with a stream
 * @PATTERN_LOST: octets of the stream have not come
 * @PATTERN_CHANGED: others came in the place of some
 * @PATTERN_REPEATED: octets came that had their turn already
 * @PATTERN_ADDED: octets came between that are not the stream's
 */
enum pattern_fault {
	PATTERN_LOST,
	PATTERN_CHANGED,
	PATTERN_REPEATED,
	PATTERN_ADDED,
	PATTERN_FAULTS
};

/** pattern_fault_name() - "lost", "changed", "repeated", "added" */
const char *pattern_fault_name(unsigned int fault);

#define PATTERN_FIRST	8	/* faults that are told one by one */
#define PATTERN_HUNT	4096	/* octets looked through for a known place */

/**
 * struct pattern_place - one fault
 * @fault: enum pattern_fault
 * @offset: where in the stream as it was sent
 * @octets: how many
 */
struct pattern_place {
	uint32_t fault;
	uint64_t offset;
	uint64_t octets;
};

/**
 * struct pattern_count - all faults of a stream
 * @expect: offset of the octet that should come next
 * @octets: by enum pattern_fault
 * @faults: how many there were
 * @first: the first of them
 */
struct pattern_count {
	uint64_t expect;
	uint64_t octets[PATTERN_FAULTS];
	uint64_t faults;
	struct pattern_place first[PATTERN_FIRST];
};

/**
 * struct pattern_check - a stream being received
 * @seed: which
 * @count: what was found so far
 * @hunting: the place is lost; octets since then are in @hunt
 * @hunted: how many those are
 * @hunt: the octets
 */
struct pattern_check {
	uint64_t seed;
	struct pattern_count count;
	bool hunting;
	size_t hunted;
	uint8_t hunt[PATTERN_HUNT];
};

/** pattern_check() - judge the next octets of a stream */
void pattern_check(struct pattern_check *check, const void *octets, size_t len);

/** pattern_check_end() - no more come: count what the search has not placed */
void pattern_check_end(struct pattern_check *check);

/** pattern_count_total() - the sender says how many it sent: is the end there? */
void pattern_count_total(struct pattern_count *count, uint64_t sent);

#endif
