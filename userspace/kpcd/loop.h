/* SPDX-License-Identifier: MIT */
/*
 * The warden's event loop: descriptors and timers, one thread.
 */
#ifndef KPCD_LOOP_H
#define KPCD_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include <sys/epoll.h>

#define LOOP_BATCH	64

/**
 * struct loop_source - a descriptor that is waited for
 * @fd: the descriptor, owned by who embeds this; -1, none
 * @ready: called with the epoll events; may remove any source
 */
struct loop_source {
	int fd;
	void (*ready)(struct loop_source *source, uint32_t events);
};

/**
 * struct loop_timer - something to do later
 * @at: as timer_now(); 0, not armed
 * @fire: called once; may arm it again
 * @next: the timer after it, ordered by @at
 */
struct loop_timer {
	uint64_t at;
	void (*fire)(struct loop_timer *timer);
	struct loop_timer *next;
};

/**
 * struct loop - an epoll instance and the timers beside it
 * @epoll: the instance
 * @timers: earliest first
 * @events: what the last wait brought
 * @event_count: how many of @events
 * @stopped: loop_run() returns
 */
struct loop {
	int epoll;
	struct loop_timer *timers;
	struct epoll_event events[LOOP_BATCH];
	int event_count;
	bool stopped;
};

/**
 * loop_init() - make an empty loop
 *
 * Return: 0 or a negative errno.
 */
int loop_init(struct loop *loop);

/**
 * loop_add() - wait for @source
 * @events: EPOLLIN, EPOLLOUT; errors are always told
 *
 * Return: 0 or a negative errno.
 */
int loop_add(struct loop *loop, struct loop_source *source, uint32_t events);

/**
 * loop_change() - wait for other events on @source
 */
void loop_change(struct loop *loop, struct loop_source *source,
		 uint32_t events);

/**
 * loop_remove() - no longer wait for @source, nor deliver what is pending
 *
 * The descriptor stays open.
 */
void loop_remove(struct loop *loop, struct loop_source *source);

/**
 * loop_arm() - fire @timer in @milliseconds, whether it was armed or not
 */
void loop_arm(struct loop *loop, struct loop_timer *timer,
	      uint64_t milliseconds);

/** loop_disarm() - do not fire @timer */
void loop_disarm(struct loop *loop, struct loop_timer *timer);

/**
 * loop_run() - deliver events until loop_stop()
 *
 * Return: 0 or a negative errno of the wait itself.
 */
int loop_run(struct loop *loop);

/** loop_stop() - have loop_run() return after the event in work */
void loop_stop(struct loop *loop);

#endif
