// SPDX-License-Identifier: GPL-2.0-only
/*
 * A worker that ends is none that forges messages, though epoll told of less
 * when the warden began to read; one that only says that it has ended is. Nor
 * does one go on whose socket leads nowhere.
 */
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Its way of reading from a worker is its own. */
#include "kpcd/crew.c"

#include "../tap.h"

static struct warden warden;
static int far;

static bool begin(struct crew_worker *worker)
{
	int pair[2];

	memset(worker, 0, sizeof(*worker));
	worker->warden = &warden;
	worker->last = &worker->first;
	/* Before there are sockets: it has none of them. */
	worker->pid = fork();
	if (!worker->pid) {
		pause();
		_exit(0);
	}
	if (worker->pid < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair))
		return false;
	worker->source.fd = pair[0];
	far = pair[1];
	return !loop_add(&warden.loop, &worker->source, EPOLLIN);
}

/* The process that stands for the worker ends, and is not waited for. */
static void leave(struct crew_worker *worker)
{
	siginfo_t info;

	kill(worker->pid, SIGTERM);
	waitid(P_PID, worker->pid, &info, WEXITED | WNOWAIT);
}

/* Ends the process that stands for the worker; had it been ended before? */
static bool was_killed(struct crew_worker *worker)
{
	int status = 0;

	kill(worker->pid, SIGTERM);
	waitpid(worker->pid, &status, 0);
	return WTERMSIG(status) == SIGKILL;
}

int main(void)
{
	const struct kpc_message event = {
		.type = KPC_MESSAGE_EVENT,
		.event.kind = KPC_EVENT_FAULT,
		.event.text = "its last words",
	};
	struct crew_worker *worker = &warden.crew.workers[0];

	tap_begin();
	if (loop_init(&warden.loop) || table_init(&warden.table) ||
	    !begin(worker))
		return 1;
	send(far, &event, message_length(event.type), 0);
	close(far);
	ready(&worker->source, EPOLLIN);
	tap_ok(!was_killed(worker), "one that has ended after what was told is not blamed");
	hang_up(worker);

	if (!begin(worker))
		return 1;
	shutdown(far, SHUT_WR);
	ready(&worker->source, EPOLLIN);
	tap_ok(was_killed(worker), "one that says that it has ended and goes on is ended");
	tap_ok(worker->source.fd < 0, "and is heard no more");
	close(far);

	if (!begin(worker))
		return 1;
	send(far, "x", 1, 0);
	ready(&worker->source, EPOLLIN);
	tap_ok(was_killed(worker), "one that forges a message too");
	close(far);

	if (!begin(worker))
		return 1;
	shutdown(far, SHUT_RDWR);
	ready(&worker->source, EPOLLIN | EPOLLHUP);
	tap_ok(was_killed(worker), "one that shuts its socket and goes on is ended");
	tap_ok(worker->source.fd < 0, "and is heard no more");
	close(far);

	if (!begin(worker))
		return 1;
	shutdown(far, SHUT_RD);
	crew_send(worker, &event, -1);
	tap_ok(was_killed(worker), "one that shuts its socket for what it is told too");
	hang_up(worker);
	close(far);

	if (!begin(worker))
		return 1;
	close(far);
	leave(worker);
	tap_ok(!process_end(worker->pid), "of one that has ended nobody says that it goes on");
	ready(&worker->source, EPOLLIN | EPOLLHUP);
	tap_ok(!was_killed(worker), "nor that something else has ended it");
	return tap_end();
}
