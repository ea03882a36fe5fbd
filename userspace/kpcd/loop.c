// SPDX-License-Identifier: MIT
/*
 * The warden's event loop: descriptors and timers, one thread.
 */
#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>

#include "loop.h"
#include "timer.h"

int loop_init(struct loop *loop)
{
	memset(loop, 0, sizeof(*loop));
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	return loop->epoll < 0 ? -errno : 0;
}

int loop_add(struct loop *loop, struct loop_source *source, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = source };

	if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, source->fd, &event))
		return -errno;
	return 0;
}

void loop_change(struct loop *loop, struct loop_source *source,
		 uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = source };

	epoll_ctl(loop->epoll, EPOLL_CTL_MOD, source->fd, &event);
}

void loop_remove(struct loop *loop, struct loop_source *source)
{
	int i;

	epoll_ctl(loop->epoll, EPOLL_CTL_DEL, source->fd, NULL);

	/* What this batch still holds for it would be a use after free. */
	for (i = 0; i < loop->event_count; i++)
		if (loop->events[i].data.ptr == source)
			loop->events[i].data.ptr = NULL;
}

void loop_arm(struct loop *loop, struct loop_timer *timer,
	      uint64_t milliseconds)
{
	struct loop_timer **at = &loop->timers;

	loop_disarm(loop, timer);
	timer->at = timer_now() + milliseconds;
	while (*at && (*at)->at <= timer->at)
		at = &(*at)->next;
	timer->next = *at;
	*at = timer;
}

void loop_disarm(struct loop *loop, struct loop_timer *timer)
{
	struct loop_timer **at = &loop->timers;

	if (!timer->at)
		return;
	while (*at && *at != timer)
		at = &(*at)->next;
	if (*at)
		*at = timer->next;
	timer->at = 0;
	timer->next = NULL;
}

static int loop_timeout(const struct loop *loop)
{
	uint64_t now;

	if (!loop->timers)
		return -1;
	now = timer_now();
	if (loop->timers->at <= now)
		return 0;
	if (loop->timers->at - now > INT_MAX)
		return INT_MAX;
	return loop->timers->at - now;
}

static void loop_fire(struct loop *loop)
{
	uint64_t now = timer_now();

	while (loop->timers && loop->timers->at <= now && !loop->stopped) {
		struct loop_timer *timer = loop->timers;

		loop_disarm(loop, timer);
		timer->fire(timer);
	}
}

int loop_run(struct loop *loop)
{
	int i, n;

	while (!loop->stopped) {
		n = epoll_wait(loop->epoll, loop->events, LOOP_BATCH,
			       loop_timeout(loop));
		if (n < 0 && errno != EINTR)
			return -errno;

		loop->event_count = n < 0 ? 0 : n;
		for (i = 0; i < loop->event_count && !loop->stopped; i++) {
			struct loop_source *source = loop->events[i].data.ptr;

			if (source)
				source->ready(source, loop->events[i].events);
		}
		loop->event_count = 0;
		loop_fire(loop);
	}
	return 0;
}

void loop_stop(struct loop *loop)
{
	loop->stopped = true;
}
