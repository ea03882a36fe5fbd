// SPDX-License-Identifier: MIT
/*
 * The client: runs a test and tells what came of it.
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "client.h"
#include "clock.h"
#include "report.h"

#define HURRY_NS	(2 * CLOCK_SECOND)	/* the patience after a signal */

void client_failed(struct client *client, const char *text)
{
	pthread_mutex_lock(&client->lock);
	if (!client->err.text[0])
		kpc_error_set(&client->err, "%s", text);
	pthread_mutex_unlock(&client->lock);
	atomic_fetch_add(&client->failed, 1);
}

static int open_signals(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

static unsigned int threads(const struct options *options)
{
	uint32_t most = test_flows(&options->test) +
			(options->test.idle ? 1 : 0);
	cpu_set_t set;
	unsigned int n = 1;

	if (options->threads)
		return options->threads < most ? options->threads : most;
	if (!sched_getaffinity(0, sizeof(set), &set))
		n = CPU_COUNT(&set);
	if (n > OPTIONS_THREADS_MAX)
		n = OPTIONS_THREADS_MAX;
	return n < most ? n : most;
}

static const struct site *site(const struct client *client)
{
	return client->options->site.carrier == CARRIER_PLAIN ? NULL :
								 &client->site;
}

/* The control connection, and what is to be tested. */
static int agree(struct client *client)
{
	struct wire_hello hello = { .kind = KIND_CONTROL };
	uint8_t octets[WIRE_REPLY];
	struct wire_reply reply;
	int ret;

	ret = control_open(&client->control, client->options, site(client),
			   &client->err);
	if (ret)
		return ret;
	wire_put_hello(octets, &hello);
	wire_put_test(octets + WIRE_HELLO, &client->options->test);
	ret = control_put(&client->control, octets, WIRE_HELLO + WIRE_TEST);
	if (!ret)
		ret = control_get(&client->control, octets, WIRE_REPLY);
	if (ret)
		return ret;
	wire_get_reply(&reply, octets);
	if (reply.error)
		return kpc_error_return(&client->err, -ECONNREFUSED,
					"the server refuses the test: %s",
					reply.text);
	memcpy(client->cookie, reply.cookie, WIRE_COOKIE);
	client->server = reply.carrier;
	return 0;
}

static int start_loops(struct client *client)
{
	struct client_loop *loop;
	unsigned int i;
	int ret;

	client->threads = threads(client->options);
	client->loops = calloc(client->threads, sizeof(*client->loops));
	if (!client->loops)
		return kpc_error_return(&client->err, -ENOMEM,
					"no memory for threads");
	for (i = 0; i < client->threads; i++) {
		loop = &client->loops[i];
		loop->loop.owner = client;
		loop->loop.idle = client_next;
		loop->loop.index = i;
		ret = loop_open(&loop->loop, site(client), &client->err);
		if (ret)
			return ret;
	}
	ret = client_begin_flows(client);
	for (i = 0; i < client->threads && !ret; i++)
		ret = loop_start(&client->loops[i].loop, &client->err);
	return ret;
}

static void wake_loops(struct client *client)
{
	unsigned int i;

	for (i = 0; i < client->threads; i++)
		loop_wake(&client->loops[i].loop);
}

static void set_phase(struct client *client, enum client_phase phase)
{
	atomic_store_explicit(&client->phase, phase, memory_order_release);
	wake_loops(client);
}

/* Grows as long as anything at all goes on. */
static uint64_t progress(const struct client *client)
{
	uint64_t sum = atomic_load(&client->ready) +
		       atomic_load(&client->failed) +
		       atomic_load(&client->released) -
		       atomic_load(&client->active);
	uint32_t i;

	for (i = 0; i < test_flows(&client->options->test); i++)
		sum += stats_get(&client->stats[i].sent) +
		       stats_get(&client->stats[i].received) +
		       stats_get(&client->stats[i].transactions);
	return sum;
}

static bool set_up(const struct client *client)
{
	uint64_t wanted = client->options->test.idle;

	if (client->options->test.mode != MODE_CONNECT)
		wanted += test_flows(&client->options->test);
	return atomic_load(&client->ready) >= wanted;
}

static bool all_over(const struct client *client)
{
	return !atomic_load(&client->active);
}

static bool all_released(const struct client *client)
{
	return atomic_load(&client->released) >= client->options->test.idle;
}

/* Short connections may fail and the test goes on; nothing else may. */
static bool broken(struct client *client)
{
	return atomic_load(&client->failed) &&
	       (client->options->test.mode != MODE_CONNECT ||
		atomic_load(&client->phase) == CLIENT_SETUP);
}

/* Nothing is due from the server before it is asked. */
static int control_lost(struct client *client, short events)
{
	if (!events)
		return 0;
	if (!client->err.text[0])
		kpc_error_set(&client->err,
			      "the server has ended the test, or is gone");
	return -EPIPE;
}

/**
 * struct watch - what the first thread waits for
 * @done: it is so
 * @end: until when; 0: however long
 * @lasts: failures end it
 * @report: intervals of it are told; NULL: none
 */
struct watch {
	bool (*done)(const struct client *client);
	uint64_t end;
	bool lasts;
	struct report *report;
};

static int watch_poll(struct client *client, uint64_t end)
{
	struct signalfd_siginfo signal;
	uint64_t times;
	struct pollfd fds[] = {
		{ .fd = client->wake, .events = POLLIN },
		{ .fd = client->control.signals, .events = POLLIN },
		{ .fd = client->control.channel.fd, .events = POLLIN },
	};

	if (poll(fds, 3, clock_wait_ms(end)) < 0 && errno != EINTR)
		return kpc_error_return(&client->err, -errno, "poll: %s",
					strerror(errno));
	if (fds[0].revents && read(client->wake, &times, sizeof(times)) < 0)
		return -errno;
	if (fds[1].revents &&
	    read(client->control.signals, &signal, sizeof(signal)) > 0)
		return -EINTR;
	return control_lost(client, fds[2].revents);
}

/* 0: done, or the time is over; else why it is not. */
static int watch(struct client *client, const struct watch *what)
{
	uint64_t interval = client->options->interval * CLOCK_SECOND;
	uint64_t patience = client->interrupted ? HURRY_NS :
				test_patience(&client->options->test);
	uint64_t moved = progress(client), now = clock_ns();
	uint64_t quiet = now + patience, next, end;
	int ret = 0;

	if (!what->report)
		interval = 0;
	next = interval ? what->report->last + interval : 0;
	while (!what->done(client)) {
		if (what->lasts && broken(client))
			return -EIO;
		now = clock_ns();
		if (what->end && now >= what->end)
			return 0;
		if (interval && now >= next) {
			report_interval(what->report, now);
			next += interval;
		}
		if (progress(client) != moved) {
			moved = progress(client);
			quiet = now + patience;
		}
		if (now >= quiet)
			return kpc_error_return(&client->err, -ETIMEDOUT,
				"nothing has moved for %llu seconds",
				(unsigned long long)(patience / CLOCK_SECOND));
		end = what->end && what->end < quiet ? what->end : quiet;
		if (interval && next < end)
			end = next;
		/* To see what moves, however seldom lines are wanted. */
		if (end > now + CLOCK_SECOND)
			end = now + CLOCK_SECOND;
		ret = watch_poll(client, end);
		if (ret)
			return ret;
	}
	return 0;
}

/* A signal ends what is under way in order, a second one at once. */
static int interrupted(struct client *client, int ret)
{
	if (ret != -EINTR || client->interrupted)
		return ret;
	client->interrupted = true;
	if (!client->err.text[0])
		kpc_error_set(&client->err, "interrupted");
	return 0;
}

static int move(struct client *client, struct report *report)
{
	const struct options *options = client->options;
	struct watch until = {
		.done = all_over,
		.lasts = true,
		.report = report,
	};
	int ret;

	cpu_now(&client->start_cpu);
	client->began = client->start_cpu.ns;
	if (options->seconds > 0)
		until.end = client->began + options->seconds * CLOCK_SECOND;
	report_begin(report, client->began);
	set_phase(client, CLIENT_RUN);
	ret = interrupted(client, watch(client, &until));
	client->ended = clock_ns();
	set_phase(client, CLIENT_STOP);
	if (ret && ret != -EIO)
		return ret;
	/* What is under way comes to its end, which is no part of a lasting failure. */
	until.end = 0;
	until.lasts = false;
	ret = ret ?: interrupted(client, watch(client, &until));
	cpu_since(&client->cpu, &client->start_cpu);
	client->drained = client->began + client->cpu.ns;
	if (options->interval)
		report_interval(report, client->drained);
	return ret;
}

static int release(struct client *client)
{
	const struct watch until = { .done = all_released };

	client->sum.idle = atomic_load(&client->held);
	set_phase(client, CLIENT_RELEASE);
	return interrupted(client, watch(client, &until));
}

static int results(struct client *client)
{
	uint32_t count = test_flows(&client->options->test), i;
	size_t len = WIRE_SUM + (size_t)count * WIRE_STREAM;
	const uint8_t asked = WIRE_RESULTS;
	uint64_t held = client->sum.idle;
	uint8_t *octets = malloc(len);
	int ret;

	client->peers = calloc(count, sizeof(*client->peers));
	if (!octets || !client->peers) {
		free(octets);
		return kpc_error_return(&client->err, -ENOMEM,
					"no memory for results");
	}
	ret = control_put(&client->control, &asked, 1);
	if (!ret)
		ret = control_get(&client->control, octets, len);
	if (!ret) {
		wire_get_sum(&client->sum, octets);
		for (i = 0; i < count; i++)
			wire_get_stream(&client->peers[i], octets + WIRE_SUM +
					i * WIRE_STREAM);
		if (client->sum.idle > held)
			client->sum.idle = held;
		client->told = true;
		control_end(&client->control);
	}
	free(octets);
	return ret;
}

static int start_report(struct client *client, struct report *report)
{
	const struct channel *channel = &client->control.channel;
	const struct report_start start = {
		.host = client->options->host,
		.port = client->options->port,
		.seconds = client->options->seconds,
		.carrier = channel->carrier,
		.peer_carrier = client->server,
		.peer_known = true,
		.version = channel->version,
		.suite = channel->suite,
		.association = channel->association,
		.fds = client->ids,
	};

	report->test = &client->options->test;
	report->stats = client->stats;
	report->ids = client->ids;
	if (report_start(report, &start))
		return kpc_error_return(&client->err, -ENOMEM,
					"no memory for the report");
	return 0;
}

static int run(struct client *client, struct report *report)
{
	const struct watch up = { .done = set_up, .lasts = true };
	int ret = 0;

	client->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	client->control.signals = open_signals();
	if (client->wake < 0 || client->control.signals < 0)
		return kpc_error_return(&client->err, -errno, "%s",
					strerror(errno));
	if (site(client))
		ret = site_open(&client->site, KPC_ROLE_A,
				&client->options->site, &client->err);
	if (!ret)
		ret = agree(client);
	if (!ret)
		ret = start_loops(client);
	if (!ret)
		ret = watch(client, &up);
	if (ret == -EINTR)
		kpc_error_set(&client->err, "interrupted");
	if (!ret)
		ret = start_report(client, report);
	if (ret)
		return ret;
	ret = move(client, report);
	if (!ret)
		ret = release(client);
	if (!ret && !broken(client))
		ret = results(client);
	return ret;
}

static void clean_up(struct client *client)
{
	unsigned int i;

	for (i = 0; i < client->threads && client->loops; i++)
		loop_close(&client->loops[i].loop);
	for (i = 0; i < client->count && client->flows; i++)
		flow_free(&client->flows[i]);
	control_close(&client->control);
	site_close(&client->site);
	free(client->loops);
	free(client->flows);
	free(client->stats);
	free(client->ids);
	free(client->peers);
}

int client_run(const struct options *options)
{
	struct client client = {
		.options = options,
		.control = { .channel.fd = -1, .signals = -1 },
		.lock = PTHREAD_MUTEX_INITIALIZER,
	};
	struct report report = {
		.json = { .out = stdout, .pretty = true },
		.as_json = options->json,
	};
	unsigned int i;
	int ret;

	ret = run(&client, &report);
	for (i = 0; i < client.threads && client.loops; i++)
		loop_stop(&client.loops[i].loop);
	if (ret && !client.err.text[0])
		kpc_error_set(&client.err, "%s", strerror(-ret));
	if (report.began)
		client_finish(&client, &report);
	else
		report_failed(&report, client.err.text);
	ret = client.err.text[0] || !report.began;
	clean_up(&client);
	return ret;
}
