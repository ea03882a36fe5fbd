/* SPDX-License-Identifier: MIT */
/*
 * Deadlines of connections: a timer wheel that costs nothing while nothing
 * is armed.
 */
#ifndef KPCD_TIMER_H
#define KPCD_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#define TIMER_TICK_MS	64
#define TIMER_SLOTS	256

struct timer;
typedef void (*timer_expired)(struct timer *timer);

/**
 * struct timer - one deadline, part of what it belongs to
 * @expired: called once when the deadline has passed
 * @next: in its slot; NULL: not armed
 * @previous: in its slot
 * @tick: when it expires
 */
struct timer {
	timer_expired expired;
	struct timer *next;
	struct timer *previous;
	uint64_t tick;
};

/**
 * struct timer_wheel - all deadlines of a worker
 * @now: milliseconds of CLOCK_MONOTONIC, as of the last timer_wheel_turn()
 * @tick: next tick to look at
 * @armed: how many timers are armed
 * @slots: rings of timers, by their tick modulo TIMER_SLOTS
 */
struct timer_wheel {
	uint64_t now;
	uint64_t tick;
	unsigned int armed;
	struct timer slots[TIMER_SLOTS];
};

/**
 * timer_now() - milliseconds of CLOCK_MONOTONIC, read afresh
 *
 * A wheel's own time is that of its last turn, which an idle worker may have
 * made long ago.
 */
uint64_t timer_now(void);

/** timer_wheel_init() - an empty wheel that stands at the present */
void timer_wheel_init(struct timer_wheel *wheel);

/**
 * timer_arm() - have @timer expire @ms milliseconds from now
 *
 * One that is armed already is moved. It comes up to one tick late, never
 * early.
 */
void timer_arm(struct timer_wheel *wheel, struct timer *timer, uint64_t ms);

/** timer_disarm() - take it back; nothing happens if it is not armed */
void timer_disarm(struct timer_wheel *wheel, struct timer *timer);

/** timer_wheel_turn() - read the clock and call what has expired */
void timer_wheel_turn(struct timer_wheel *wheel);

/**
 * timer_wheel_wait() - how long the worker may sleep
 *
 * Return: milliseconds, or -1 for as long as it likes.
 */
int timer_wheel_wait(const struct timer_wheel *wheel);

#endif
