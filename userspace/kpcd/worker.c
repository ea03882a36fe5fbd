// SPDX-License-Identifier: MIT
/*
 * A worker process: sets up what it needs, gives up what it does not, and
 * serves until it is told to drain or the warden is gone.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <kpc/key.h>
#include <kpc/ktls.h>

#include "dtls_peer.h"
#include "handshake.h"
#include "plain_diag.h"
#include "plain_route.h"

/* Data in flight from which on connections are held shorter. */
#define POOL_BUDGET	(64U << 20)
/* What a burst left unused for as long goes back to the system. */
#define COOL_MS		10000
/* Turns of the loop in which cancelled operations come back. */
#define TEAR_DOWN_TURNS	100

static void worker_complain(const char *what, int error)
{
	fprintf(stderr, "kpcd: worker: %s: %s\n", what, strerror(-error));
}

/*
 * Key memory is mapped and locked by calls that are gone later, so all of it is
 * taken now: one key for each handshake of role a, two for one of role b, which
 * holds what nobody knows too, and those being handed on.
 */
static void key_memory_reserve(void)
{
	struct kpc_error err;
	int ret = kpc_key_reserve(2 * CONTENDERS_MAX + INITIATIONS_MAX + 8,
				  &err);

	if (ret)
		worker_complain(err.text, ret);
}

/* The module tls answers for a socket that is not connected; nothing else. */
static bool ktls_is_there(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int ret;

	if (fd < 0)
		return false;
	ret = kpc_ktls_prepare(fd);
	close(fd);
	return !ret || ret == -ENOTCONN;
}

static void worker_cool(struct timer *timer)
{
	struct worker *worker = container_of(timer, struct worker, cool);

	buffer_pool_cool(&worker->pool);
}

/* Nothing is armed while no burst has left anything. */
static void worker_watch_pool(struct worker *worker)
{
	if (buffer_pool_hot(&worker->pool) && !worker->cool.next)
		timer_arm(&worker->timers, &worker->cool, COOL_MS);
}

static int worker_set_up(struct worker *worker)
{
	const struct kpc_message_quota all = { UINT32_MAX, UINT32_MAX };
	int ret;

	/* Buffers are given back by the page; a huge one keeps them all. */
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	timer_wheel_init(&worker->timers);
	buffer_pool_init(&worker->pool, POOL_BUDGET);
	worker->cool.expired = worker_cool;
	worker->steps_end = &worker->steps;
	handshake_quota(worker, &all);
	ret = sources_init(&worker->sources, worker->config.source_rate);
	if (ret) {
		worker_complain("no random number", ret);
		return ret;
	}
	ret = engine_new(worker->config.engine, &worker->pool,
			 &worker->engine);
	if (ret) {
		worker_complain("no engine to wait with", ret);
		return ret;
	}
	worker->diag_fd = diag_open();
	if (worker->diag_fd < 0)
		worker_complain("users of local TCP legs cannot be told",
				worker->diag_fd);
	worker->route_fd = route_open();
	if (worker->route_fd < 0)
		worker_complain("whether backends are on this machine cannot be told",
				worker->route_fd);
	worker->ktls = ktls_is_there();
	worker->dtls_most = dtls_peers_most();
	key_memory_reserve();
	return 0;
}

static void worker_ready(struct worker *worker)
{
	struct kpc_message ready = { .type = KPC_MESSAGE_READY };

	channel_start(worker);
	if (worker->config.enforce)
		bind_start(worker);
	channel_send(worker, &ready);
}

static bool worker_has_steps(const struct worker *worker)
{
	return worker->steps || dtls_steps(worker);
}

/* Not the processor's: that clock is a system call, four of them a handshake. */
static uint64_t clock_now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return (uint64_t)at.tv_sec * 1000000000 + (uint64_t)at.tv_nsec;
}

/*
 * Handshakes have their turn after what is relayed: one step, and more for as
 * long as this turn's relaying took. So they wait for nobody's bulk for ever,
 * and add to nobody's delay more than it has already.
 *
 * @before is when the last turn ended; 0: nothing was left to do, so the worker
 * has waited since.
 */
static void worker_steps(struct worker *worker, uint64_t *before)
{
	uint64_t begun, relaying;

	if (!worker_has_steps(worker)) {
		*before = 0;
		return;
	}
	begun = clock_now();
	relaying = *before ? begun - *before : 0;
	do {
		/* Neither sort holds the other up. */
		if (worker->steps)
			handshake_step(worker);
		dtls_step(worker);
	} while (worker_has_steps(worker) && clock_now() - begun < relaying);
	*before = worker_has_steps(worker) ? clock_now() : 0;
}

static int worker_serve(struct worker *worker)
{
	uint64_t before = 0;
	int timeout, ret;

	while (!worker->stop) {
		channel_flush(worker);
		timeout = worker_has_steps(worker) ? 0 :
			  timer_wheel_wait(&worker->timers);
		ret = engine_run(worker->engine, timeout);
		if (ret) {
			worker_complain(engine_name(worker->engine), ret);
			return 1;
		}
		timer_wheel_turn(&worker->timers);
		if (!worker->stop)
			worker_steps(worker, &before);
		connection_bury(worker);
		dtls_bury(worker);
		worker_watch_pool(worker);
	}
	return worker->status;
}

/*
 * Every socket is reset unless it has ended in order, and what is held for
 * anybody is dropped. Operations are cancelled first: the kernel must not
 * write into memory that has another use by then.
 */
static void worker_tear_down(struct worker *worker)
{
	struct connection *c, *next;
	unsigned int turn;

	for (c = worker->connections; c; c = next) {
		next = c->next;
		connection_abort(c);
	}
	dtls_end_all(worker, "ended with the agent");
	for (turn = 0; (worker->closed || !dtls_idle(worker)) &&
	     turn < TEAR_DOWN_TURNS; turn++) {
		if (engine_run(worker->engine, 0))
			break;
		connection_bury(worker);
		dtls_bury(worker);
	}
	channel_finish(worker);
	association_flush(worker);
	transfer_flush(worker);
	dtls_peers_free(worker);
	engine_free(worker->engine);
	buffer_pool_free(&worker->pool);
}

int worker_main(int message_fd, int netlink_fd,
		const struct worker_config *config)
{
	struct worker worker = {
		.config = *config,
		.message_fd = message_fd,
		.netlink_fd = netlink_fd,
		.diag_fd = -1,
		.route_fd = -1,
	};
	int status;

	if (worker_set_up(&worker))
		return 1;
	if (worker_confine()) {
		worker_complain("system calls cannot be given up", -EPERM);
		return 1;
	}
	worker_ready(&worker);
	status = worker_serve(&worker);
	worker_tear_down(&worker);
	return status;
}
