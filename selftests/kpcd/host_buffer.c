// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a burst leaves behind in a worker's buffer pool: its pages go back to the
 * system, and those of the next buffers stay. I2.
 */
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#include <kpcd/buffer.h>

#include "../tap.h"

#define BURST	400
#define FEW	8
/* As many as the pool keeps the pages of for good, and one slab. */
#define KEPT	(128 + 32)

static struct buffer_pool pool;
static struct buffer *taken[BURST];

static void take(unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		taken[i] = buffer_get(&pool);
		memset(taken[i]->data, 1, BUFFER_OCTETS);
	}
}

static void give(unsigned int count)
{
	while (count)
		buffer_put(&pool, taken[--count]);
}

static bool resident(const struct buffer *buffer)
{
	unsigned char in[BUFFER_STRIDE / 4096 + 1];

	if (mincore(buffer->data, BUFFER_OCTETS, in))
		return false;
	return in[0] & 1;
}

/* How many of the next buffers have their pages; they are given back unused. */
static unsigned int next_warm(unsigned int count)
{
	unsigned int i, warm = 0;

	for (i = 0; i < count; i++) {
		taken[i] = buffer_get(&pool);
		warm += resident(taken[i]);
	}
	give(count);
	return warm;
}

static void check_first(void)
{
	take(FEW);
	give(FEW);
	tap_ok(next_warm(FEW) == FEW, "a buffer that was used is the next one");
}

static void check_burst(void)
{
	unsigned int warm, round;

	take(BURST);
	give(BURST);
	tap_ok(next_warm(FEW) == FEW, "after a burst of %u it still is", BURST);
	for (round = 0; round < 3; round++) {
		take(BURST);
		give(BURST);
		buffer_pool_cool(&pool);
	}
	tap_ok(next_warm(BURST) == BURST, "while bursts go on all of them are");
	tap_ok(buffer_pool_hot(&pool), "and some are to go back some time");
	for (round = 0; round < 3; round++) {
		take(FEW);
		give(FEW);
		buffer_pool_cool(&pool);
	}
	tap_ok(!buffer_pool_hot(&pool), "after the bursts they have");
	tap_ok(next_warm(FEW) == FEW, "but not those that were used again");
	warm = next_warm(BURST);
	tap_ok(warm <= KEPT, "of %u buffers %u keep their pages, no more than %u", BURST,
	       warm, KEPT);
	tap_ok(pool.in_use == 0, "none is left in use");
}

/* Many that are busy hold little each, none is left without. */
static void check_quota(void)
{
	unsigned int few, many;

	take(FEW);
	few = buffer_quota(&pool);
	give(FEW);
	take(BURST);
	many = buffer_quota(&pool);
	give(BURST);
	tap_ok(few == 16 && many == 4, "%u buffers each while %u are in use, %u while %u are",
	       few, FEW, many, BURST);
	pool.in_use = 64 * 1024 * 1024 / BUFFER_OCTETS + 1;
	tap_ok(buffer_quota(&pool) == 1, "and one when there is too much");
	pool.in_use = 0;
}

int main(void)
{
	tap_begin();
	buffer_pool_init(&pool, 64 << 20);
	check_first();
	check_burst();
	check_quota();
	buffer_pool_free(&pool);
	return tap_end();
}
