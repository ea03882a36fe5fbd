// SPDX-License-Identifier: MIT
/*
 * The timer wheel: one slot per tick, and a deadline further away than the
 * wheel is wide stays in its slot until its own turn comes round.
 */
#include <stddef.h>
#include <time.h>

#include "timer.h"

uint64_t timer_now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return (uint64_t)at.tv_sec * 1000 + (uint64_t)at.tv_nsec / 1000000;
}

void timer_wheel_init(struct timer_wheel *wheel)
{
	unsigned int i;

	for (i = 0; i < TIMER_SLOTS; i++) {
		wheel->slots[i].next = &wheel->slots[i];
		wheel->slots[i].previous = &wheel->slots[i];
	}
	wheel->armed = 0;
	wheel->now = timer_now();
	wheel->tick = wheel->now / TIMER_TICK_MS;
}

void timer_disarm(struct timer_wheel *wheel, struct timer *timer)
{
	if (!timer->next)
		return;
	timer->next->previous = timer->previous;
	timer->previous->next = timer->next;
	timer->next = NULL;
	wheel->armed--;
}

void timer_arm(struct timer_wheel *wheel, struct timer *timer, uint64_t ms)
{
	struct timer *slot;

	timer_disarm(wheel, timer);
	/*
	 * Read afresh: a handshake step before this may have taken its time.
	 * Slots before the wheel's own tick have been passed already.
	 */
	timer->tick = (timer_now() + ms) / TIMER_TICK_MS + 1;
	if (timer->tick < wheel->tick)
		timer->tick = wheel->tick;
	slot = &wheel->slots[timer->tick % TIMER_SLOTS];
	timer->next = slot;
	timer->previous = slot->previous;
	slot->previous->next = timer;
	slot->previous = timer;
	wheel->armed++;
}

/*
 * Callbacks may arm and disarm anything, so the slot is looked at from its
 * beginning after each of them.
 */
static void slot_expire(struct timer_wheel *wheel, struct timer *slot,
			uint64_t tick)
{
	struct timer *at = slot->next;

	while (at != slot) {
		if (at->tick > tick) {
			at = at->next;
			continue;
		}
		timer_disarm(wheel, at);
		at->expired(at);
		at = slot->next;
	}
}

void timer_wheel_turn(struct timer_wheel *wheel)
{
	uint64_t until, tick;

	wheel->now = timer_now();
	until = wheel->now / TIMER_TICK_MS;
	if (until < wheel->tick)
		return;
	/* After a long sleep once round is enough: every slot is seen. */
	tick = wheel->tick;
	if (until - tick >= TIMER_SLOTS)
		tick = until - TIMER_SLOTS + 1;
	wheel->tick = until + 1;
	if (!wheel->armed)
		return;
	for (; tick <= until; tick++)
		slot_expire(wheel, &wheel->slots[tick % TIMER_SLOTS], until);
}

int timer_wheel_wait(const struct timer_wheel *wheel)
{
	uint64_t tick;
	const struct timer *slot;

	if (!wheel->armed)
		return -1;
	for (tick = wheel->tick; tick < wheel->tick + TIMER_SLOTS; tick++) {
		slot = &wheel->slots[tick % TIMER_SLOTS];
		if (slot->next != slot)
			break;
	}
	tick *= TIMER_TICK_MS;
	return tick > wheel->now ? (int)(tick - wheel->now) : 0;
}
