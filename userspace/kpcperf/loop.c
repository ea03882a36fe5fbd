// SPDX-License-Identifier: MIT
/*
 * A thread that steps its connections: they share nothing with those of others.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "clock.h"
#include "loop.h"
#include "site.h"

#define EVENTS	64

int loop_open(struct loop *loop, const struct site *site,
	      struct kpc_error *err)
{
	struct epoll_event event = { .events = EPOLLIN };

	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	loop->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->epoll < 0 || loop->wake < 0 ||
	    epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->wake, &event))
		return kpc_error_return(err, -errno, "a thread's epoll: %s",
					strerror(errno));
	loop->noise = malloc(TEST_LENGTH_MAX);
	loop->buffer = malloc(LOOP_BUFFER);
	if (!loop->noise || !loop->buffer)
		return kpc_error_return(err, -ENOMEM,
					"no memory for a thread's buffers");
	/* Nothing on the way can compress it. */
	pattern_fill(loop->noise, TEST_LENGTH_MAX, loop->index, 0);
	if (!site)
		return 0;
	loop->context = kpc_handshake_context_new(&site->policy, err);
	return loop->context ? 0 : -errno;
}

void loop_close(struct loop *loop)
{
	kpc_handshake_context_free(loop->context);
	free(loop->noise);
	free(loop->buffer);
	if (loop->epoll > 0)
		close(loop->epoll);
	if (loop->wake > 0)
		close(loop->wake);
}

void loop_wake(struct loop *loop)
{
	const uint64_t one = 1;

	/* Full, it is awake already. */
	if (write(loop->wake, &one, sizeof(one)) < 0)
		return;
}

static void link_flow(struct flow **list, struct flow *flow)
{
	flow->previous = NULL;
	flow->next = *list;
	if (flow->next)
		flow->next->previous = flow;
	*list = flow;
}

static void unlink_flow(struct flow **list, struct flow *flow)
{
	if (flow->next)
		flow->next->previous = flow->previous;
	if (flow->previous)
		flow->previous->next = flow->next;
	else
		*list = flow->next;
}

void loop_hold(struct flow *flow)
{
	unlink_flow(&flow->loop->flows, flow);
	link_flow(&flow->loop->held, flow);
	flow->held = true;
}

void loop_release(struct flow *flow)
{
	if (!flow->held)
		return;
	unlink_flow(&flow->loop->held, flow);
	link_flow(&flow->loop->flows, flow);
	flow->held = false;
}

int loop_give(struct loop *loop, struct flow *flow)
{
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLOUT,
		.data.ptr = flow,
	};
	int fd = flow->channel.fd;

	flow->loop = NULL;
	flow->interest = event.events;
	flow->owner = loop->owner;
	/* The moment it is in there, the loop may have ended and freed it. */
	return epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

static void turn(struct loop *loop, struct flow *flow, uint32_t events)
{
	struct epoll_event event = { .data.ptr = flow };
	int ret;

	if (!flow->loop) {
		flow->loop = loop;
		link_flow(&loop->flows, flow);
	}
	flow->events = events;
	flow->channel.err = &flow->err;
	flow->channel.want = 0;
	flow->channel.turns = CHANNEL_TURNS;
	ret = flow->step(flow);
	if (!ret || ret == -EAGAIN) {
		event.events = flow->channel.want;
		if (event.events == flow->interest)
			return;
		flow->interest = event.events;
		if (!epoll_ctl(loop->epoll, EPOLL_CTL_MOD, flow->channel.fd,
			       &event))
			return;
		ret = kpc_error_return(&flow->err, -errno, "epoll: %s",
				       strerror(errno));
	}
	flow_due(flow, 0);
	loop_release(flow);
	unlink_flow(&loop->flows, flow);
	flow->over(flow, ret < 0 ? ret : 0);
}

static void turn_list(struct loop *loop, struct flow *list)
{
	struct flow *next;

	for (; list; list = next) {
		next = list->next;
		turn(loop, list, 0);
	}
}

static void turn_due(struct loop *loop)
{
	uint64_t now = clock_ns();
	struct flow *flow, *next;

	for (flow = loop->timed ? loop->flows : NULL; flow; flow = next) {
		next = flow->next;
		if (!flow->due || flow->due > now)
			continue;
		flow_due(flow, 0);
		turn(loop, flow, 0);
	}
}

static int wait_ms(struct loop *loop)
{
	uint64_t end = loop->idle ? loop->idle(loop) : 0;
	struct flow *flow;

	for (flow = loop->timed ? loop->flows : NULL; flow; flow = flow->next)
		if (flow->due && (!end || flow->due < end))
			end = flow->due;
	return end ? clock_wait_ms(end) : -1;
}

static void woken(struct loop *loop)
{
	uint64_t times;

	if (read(loop->wake, &times, sizeof(times)) < 0)
		return;
	turn_list(loop, loop->flows);
	turn_list(loop, loop->held);
}

static void *run(void *data)
{
	struct epoll_event events[EVENTS];
	struct loop *loop = data;
	bool wake;
	int i, n;

	while (!atomic_load(&loop->quit)) {
		n = epoll_wait(loop->epoll, events, EVENTS, wait_ms(loop));
		wake = false;
		for (i = 0; i < n; i++) {
			if (events[i].data.ptr)
				turn(loop, events[i].data.ptr,
				     events[i].events);
			else
				wake = true;
		}
		/* After the others: it may end flows that have an event. */
		if (wake)
			woken(loop);
		turn_due(loop);
	}
	return NULL;
}

int loop_start(struct loop *loop, struct kpc_error *err)
{
	int code = pthread_create(&loop->thread, NULL, run, loop);

	if (code) {
		loop->thread = 0;
		return kpc_error_return(err, -code, "a thread: %s",
					strerror(code));
	}
	return 0;
}

void loop_stop(struct loop *loop)
{
	if (!loop->thread)
		return;
	atomic_store(&loop->quit, true);
	loop_wake(loop);
	pthread_join(loop->thread, NULL);
	loop->thread = 0;
}
