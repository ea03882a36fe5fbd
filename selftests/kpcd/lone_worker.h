/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A worker on epoll inside a test, whose warden is the other end of a socket.
 */
#ifndef KPC_TEST_LONE_WORKER_H
#define KPC_TEST_LONE_WORKER_H

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kpcd/connection.h"

/* With places for so many handshakes of each role; whether it is there. */
static inline bool lone_worker_begin(struct worker *worker, int *warden,
				     unsigned int places)
{
	int fds[2];

	memset(worker, 0, sizeof(*worker));
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds))
		return false;
	worker->message_fd = fds[0];
	*warden = fds[1];
	worker->netlink_fd = -1;
	worker->steps_end = &worker->steps;
	worker->quota = (struct kpc_message_quota){ places, places };
	timer_wheel_init(&worker->timers);
	buffer_pool_init(&worker->pool, 64 << 20);
	if (engine_new(WORKER_ENGINE_EPOLL, &worker->pool, &worker->engine))
		return false;
	channel_start(worker);
	return true;
}

static inline void lone_worker_end(struct worker *worker, int warden)
{
	engine_free(worker->engine);
	channel_finish(worker);
	transfer_flush(worker);
	buffer_pool_free(&worker->pool);
	close(worker->message_fd);
	close(warden);
}

#endif
