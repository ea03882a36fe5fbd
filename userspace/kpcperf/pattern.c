// SPDX-License-Identifier: MIT
/*
 * A stream whose every eight octets say where in it they belong.
 */
#include <endian.h>
#include <string.h>

#include "pattern.h"

/* Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014. */
#define GAMMA	0x9e3779b97f4a7c15ULL
#define MIX_1	0xbf58476d1ce4e5b9ULL
#define MIX_2	0x94d049bb133111ebULL

#define WORD		sizeof(uint64_t)
#define WORDS_MAX	(1ULL << 44)	/* no test is longer */
#define PIECE		256		/* octets of a search at a time */
#define CHUNK		4096		/* octets compared at a time */

static uint64_t mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * MIX_1;
	z = (z ^ (z >> 27)) * MIX_2;
	return z ^ (z >> 31);
}

/* The number that @odd times itself makes 1 (Newton, each step twice the bits). */
static uint64_t inverse(uint64_t odd)
{
	uint64_t x = odd;
	int i;

	for (i = 0; i < 6; i++)
		x *= 2 - odd * x;
	return x;
}

static uint64_t unshift(uint64_t z, unsigned int by)
{
	uint64_t x = z;
	unsigned int i;

	for (i = by; i < 64; i += by)
		x = z ^ (x >> by);
	return x;
}

static uint64_t unmix(uint64_t z)
{
	z = unshift(z, 31) * inverse(MIX_2);
	z = unshift(z, 27) * inverse(MIX_1);
	return unshift(z, 30);
}

uint64_t pattern_random(uint64_t seed, uint64_t position)
{
	return mix(seed + (position + 1) * GAMMA);
}

static uint64_t word_index(uint64_t seed, uint64_t word)
{
	return (unmix(word) - seed) * inverse(GAMMA) - 1;
}

static void put_word(uint8_t *to, uint64_t word)
{
	word = htole64(word);
	memcpy(to, &word, WORD);
}

static uint64_t get_word(const uint8_t *from)
{
	uint64_t word;

	memcpy(&word, from, WORD);
	return le64toh(word);
}

void pattern_fill(void *buf, size_t len, uint64_t seed, uint64_t offset)
{
	uint64_t index = offset / WORD;
	size_t skip = offset % WORD, part;
	uint8_t *to = buf, word[WORD];

	while (len) {
		if (!skip && len >= WORD) {
			put_word(to, pattern_random(seed, index++));
			to += WORD;
			len -= WORD;
			continue;
		}
		part = WORD - skip < len ? WORD - skip : len;
		put_word(word, pattern_random(seed, index++));
		memcpy(to, word + skip, part);
		to += part;
		len -= part;
		skip = 0;
	}
}

const char *pattern_fault_name(unsigned int fault)
{
	static const char *const names[] = {
		[PATTERN_LOST]		= "lost",
		[PATTERN_CHANGED]	= "changed",
		[PATTERN_REPEATED]	= "repeated",
		[PATTERN_ADDED]		= "added",
	};

	return fault < PATTERN_FAULTS ? names[fault] : "unknown";
}

/* The last fault; NULL: there is none, or it is not told by itself. */
static struct pattern_place *last_of(struct pattern_count *count)
{
	if (!count->faults || count->faults > PATTERN_FIRST)
		return NULL;
	return &count->first[count->faults - 1];
}

static void add(struct pattern_count *count, enum pattern_fault fault,
		uint64_t offset, uint64_t octets)
{
	struct pattern_place *last = last_of(count);

	if (!octets)
		return;
	count->octets[fault] += octets;
	/* What a long search gives up piece by piece is one fault. */
	if (last && last->fault == fault &&
	    last->offset + last->octets == offset) {
		last->octets += octets;
		return;
	}
	if (count->faults < PATTERN_FIRST)
		count->first[count->faults] = (struct pattern_place){
			.fault = fault,
			.offset = offset,
			.octets = octets,
		};
	count->faults++;
}

/* Octets that are as they should be, from the first on. */
static size_t matching(const struct pattern_check *check,
		       const uint8_t *octets, size_t len)
{
	uint8_t wanted[CHUNK];
	size_t done = 0, part, i;

	while (done < len) {
		part = len - done < CHUNK ? len - done : CHUNK;
		pattern_fill(wanted, part, check->seed,
			     check->count.expect + done);
		if (memcmp(wanted, octets + done, part)) {
			for (i = 0; wanted[i] == octets[done + i];)
				i++;
			return done + i;
		}
		done += part;
	}
	return done;
}

static uint8_t octet_at(uint64_t seed, uint64_t offset)
{
	uint8_t octet;

	pattern_fill(&octet, 1, seed, offset);
	return octet;
}

/* Words that follow each other: @at in the search, which is @offset. */
static bool find_place(const struct pattern_check *check, size_t from,
		       size_t *at, uint64_t *offset)
{
	uint64_t index;
	size_t i;

	for (i = from; i + 2 * WORD <= check->hunted; i++) {
		index = word_index(check->seed, get_word(check->hunt + i));
		if (index >= WORDS_MAX ||
		    word_index(check->seed, get_word(check->hunt + i + WORD)) !=
		    index + 1)
			continue;
		*at = i;
		*offset = index * WORD;
		return true;
	}
	return false;
}

/* @strange octets came, then the stream went on at @offset. */
static void judge(struct pattern_count *count, uint64_t strange,
		  uint64_t offset)
{
	uint64_t expect = count->expect, missing;

	if (offset < expect) {
		add(count, PATTERN_ADDED, expect, strange);
		add(count, PATTERN_REPEATED, offset, expect - offset);
	} else {
		missing = offset - expect;
		if (strange > missing) {
			add(count, PATTERN_CHANGED, expect, missing);
			add(count, PATTERN_ADDED, offset, strange - missing);
		} else {
			add(count, PATTERN_CHANGED, expect, strange);
			add(count, PATTERN_LOST, expect + strange,
			    missing - strange);
		}
	}
	count->expect = offset;
}

/* Nothing of what is held is known; it stands for as many octets. */
static void give_up(struct pattern_check *check, size_t keep)
{
	size_t drop = check->hunted - keep;

	add(&check->count, PATTERN_CHANGED, check->count.expect, drop);
	check->count.expect += drop;
	memmove(check->hunt, check->hunt + drop, keep);
	check->hunted = keep;
}

static void hunt(struct pattern_check *check, const uint8_t *octets, size_t len)
{
	uint8_t rest[PIECE + 2 * WORD];
	size_t searched = check->hunted, at;
	uint64_t offset;

	memcpy(check->hunt + check->hunted, octets, len);
	check->hunted += len;
	searched = searched < 2 * WORD ? 0 : searched - 2 * WORD + 1;
	if (!find_place(check, searched, &at, &offset)) {
		if (check->hunted > PATTERN_HUNT - PIECE)
			give_up(check, 2 * WORD - 1);
		return;
	}
	len = check->hunted - at;
	memcpy(rest, check->hunt + at, len);
	/* Not behind the place where it was lost: that would be chance. */
	while (at && offset && offset != check->count.expect &&
	       check->hunt[at - 1] == octet_at(check->seed, offset - 1)) {
		at--;
		offset--;
	}
	judge(&check->count, at, offset);
	/* What led back to the place has been compared. */
	check->count.expect += check->hunted - len - at;
	check->hunting = false;
	check->hunted = 0;
	pattern_check(check, rest, len);
}

void pattern_check(struct pattern_check *check, const void *octets, size_t len)
{
	const uint8_t *at = octets;
	size_t part;

	while (len) {
		if (check->hunting) {
			part = len < PIECE ? len : PIECE;
			hunt(check, at, part);
		} else {
			part = matching(check, at, len);
			check->count.expect += part;
			check->hunting = part < len;
		}
		at += part;
		len -= part;
	}
}

void pattern_check_end(struct pattern_check *check)
{
	if (check->hunting)
		give_up(check, 0);
	check->hunting = false;
}

/* Behind the end there was nothing that could be changed. */
static void take_back(struct pattern_count *count, uint64_t octets)
{
	struct pattern_place *last = last_of(count);

	if (!last || last->fault != PATTERN_CHANGED || last->octets < octets)
		return;
	count->octets[PATTERN_CHANGED] -= octets;
	last->octets -= octets;
	count->faults -= !last->octets;
}

void pattern_count_total(struct pattern_count *count, uint64_t sent)
{
	if (count->expect < sent) {
		add(count, PATTERN_LOST, count->expect, sent - count->expect);
	} else if (count->expect > sent) {
		take_back(count, count->expect - sent);
		add(count, PATTERN_ADDED, sent, count->expect - sent);
	}
	count->expect = sent;
}
