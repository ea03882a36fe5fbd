// SPDX-License-Identifier: MIT
/*
 * The server: one test at a time, until it is told to end.
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

#include "clock.h"
#include "report.h"
#include "server.h"

#define ACCEPTS		64	/* before others have their turn */
#define NO_ROOM_MS	10	/* without descriptors */
#define LINGER_MS	10	/* looks for the end of a test's last connections */
#define GRACE_NS	(10 * CLOCK_SECOND)	/* in which they may end in order */
#define LATER_NS	(5 * CLOCK_SECOND)	/* the client gives up before */

/**
 * struct serving - what the first thread knows
 * @server: the process
 * @listener: the socket
 * @signals: a signalfd
 * @session: the test that is being told; NULL: none
 * @report: of it
 * @next: when its next interval is told
 * @moved: session_progress() as it was last seen
 * @quiet: when it is given up if that stays so; 0: it has not been seen
 * @stalled: it was
 * @grace: it is over, and what has not ended by then is cut; 0: it is not
 * @served: tests so far
 * @failed: the last one did
 */
struct serving {
	struct server server;
	int listener;
	int signals;
	struct session *session;
	struct report report;
	uint64_t next;
	uint64_t moved;
	uint64_t quiet;
	bool stalled;
	uint64_t grace;
	unsigned int served;
	bool failed;
};

void server_wake(struct server *server)
{
	const uint64_t one = 1;

	if (write(server->wake, &one, sizeof(one)) < 0)
		return;
}

static unsigned int threads(const struct options *options)
{
	cpu_set_t set;
	unsigned int n = 1;

	if (options->threads)
		return options->threads;
	if (!sched_getaffinity(0, sizeof(set), &set))
		n = CPU_COUNT(&set);
	return n > OPTIONS_THREADS_MAX ? OPTIONS_THREADS_MAX : n;
}

static const struct site *site(const struct server *server)
{
	return server->options->site.carrier == CARRIER_PLAIN ? NULL :
								 &server->site;
}

static int start_loops(struct server *server, struct kpc_error *err)
{
	unsigned int i;
	int ret = 0;

	server->threads = threads(server->options);
	server->loops = calloc(server->threads, sizeof(*server->loops));
	if (!server->loops)
		return kpc_error_return(err, -ENOMEM, "no memory for threads");
	for (i = 0; i < server->threads && !ret; i++) {
		server->loops[i].owner = server;
		server->loops[i].index = i;
		ret = loop_open(&server->loops[i], site(server), err);
	}
	for (i = 0; i < server->threads && !ret; i++)
		ret = loop_start(&server->loops[i], err);
	return ret;
}

/* Connections beyond what there are descriptors for wait in the queue. */
static void accept_all(struct serving *serving)
{
	struct sockaddr_storage peer;
	socklen_t len;
	unsigned int i;
	int fd;

	for (i = 0; i < ACCEPTS; i++) {
		len = sizeof(peer);
		fd = accept4(serving->listener, (struct sockaddr *)&peer, &len,
			     SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			server_accept(&serving->server, fd, &peer);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE)
			poll(NULL, 0, NO_ROOM_MS);
		if (errno != EINTR && errno != ECONNABORTED)
			return;
	}
}

static struct session *current(struct server *server)
{
	struct session *session;

	pthread_mutex_lock(&server->lock);
	session = server->current;
	pthread_mutex_unlock(&server->lock);
	return session;
}

static void begin(struct serving *serving, struct session *session)
{
	const struct options *options = serving->server.options;
	const struct report_start start = {
		.host = session->peer,
		.port = session->port,
		.carrier = options->site.carrier,
		.version = session->version,
		.suite = session->suite,
		.association = session->association,
	};

	serving->session = session;
	serving->quiet = 0;
	serving->stalled = false;
	serving->grace = 0;
	serving->report = (struct report){
		.json = { .out = stdout, .pretty = true },
		.as_json = options->json,
		.server = true,
		.test = &session->test,
		.stats = session->stats,
		.ids = session->ids,
		.pings = session->test.mode == MODE_CONNECT ?
			&session->pings : NULL,
	};
	if (report_start(&serving->report, &start))
		fprintf(stderr, "kpcperf: no memory for the report\n");
}

/* The time in which connections come up is none in which octets move. */
static void begin_intervals(struct serving *serving)
{
	double interval = serving->server.options->interval;
	const struct cpu *begun = session_begun(serving->session);

	if (!begun || serving->report.began || !serving->report.before)
		return;
	report_begin(&serving->report, begun->ns);
	if (interval)
		serving->next = begun->ns + (uint64_t)(interval * CLOCK_SECOND);
}

/* A stream that was cut off had all of the test's @seconds. */
static void fill(const struct session *session, uint32_t index, double seconds,
		 struct report_stream *stream)
{
	enum kind kind = test_kind(&session->test, index);
	bool sends = kind == KIND_DOWN;
	struct wire_stream own;

	wire_stream_of(&own, &session->stats[index]);
	if (own.ns)
		seconds = (double)own.ns / CLOCK_SECOND;
	*stream = (struct report_stream){
		.id = session->ids[index],
		.sender = sends,
		.back = session->test.bidir && sends,
		.sent = own.sent,
		.received = own.received,
		.sent_seconds = seconds,
		.received_seconds = seconds,
		.has_sent = sends,
		.has_received = !sends,
		.retransmits = own.retransmits,
		.window_max = own.window_max,
		.rtt_min = own.rtt_min,
		.rtt_max = own.rtt_max,
		.rtt_mean = own.rtt_mean,
		.count = own.count,
	};
}

static const char *verdict(const struct serving *serving,
			   const struct report_end *end)
{
	const struct session *session = serving->session;
	uint32_t i;

	if (!end->streams)
		return "no memory for the results of streams";
	for (i = 0; i < end->count; i++)
		if (end->streams[i].count.faults)
			return "what was received is not what was sent";
	if (!atomic_load(&session->told) && serving->stalled)
		return "the client does not go on, its test is given up";
	if (!atomic_load(&session->told))
		return "the client has ended the test before its time";
	if (end->failed)
		return "connections of the test have failed";
	return NULL;
}

static void end(struct serving *serving)
{
	struct session *session = serving->session;
	const struct test *test = &session->test;
	struct report_end end = {
		.count = test_flows(test),
		.failed = atomic_load(&session->failed),
		.idle = test->idle,
		.held = session_held(session),
		.transactions = atomic_load(&session->pings),
	};
	uint32_t i;

	session_used(session, &end.cpu);
	end.seconds = (double)end.cpu.ns / CLOCK_SECOND;
	end.streams = calloc(end.count, sizeof(*end.streams));
	if (!end.streams)
		end.count = 0;
	for (i = 0; i < end.count; i++) {
		fill(session, i, end.seconds, &end.streams[i]);
		end.transactions += stats_get(&session->stats[i].transactions);
	}
	end.error = verdict(serving, &end);
	serving->failed = end.error || !serving->report.before;
	if (serving->report.before)
		report_end(&serving->report, &end);
	free(end.streams);
	serving->served++;
	pthread_mutex_lock(&serving->server.lock);
	serving->server.current = NULL;
	pthread_mutex_unlock(&serving->server.lock);
	session_put(session);
	serving->session = NULL;
	serving->next = 0;
}

static void wake_loops(struct server *server)
{
	unsigned int i;

	for (i = 0; i < server->threads; i++)
		loop_wake(&server->loops[i]);
}

/* A client that does not go on keeps others out: it is over without its word. */
static void watch(struct serving *serving, uint64_t now)
{
	struct session *session = serving->session;
	uint64_t moved = session_progress(session);

	if (moved != serving->moved || !serving->quiet) {
		serving->moved = moved;
		serving->quiet = now + test_patience(&session->test) + LATER_NS;
	} else if (now >= serving->quiet) {
		serving->stalled = true;
		atomic_store(&session->over, true);
	}
}

/* Its connections learn that it is over, and later that this is the end. */
static void wind_up(struct serving *serving, uint64_t now)
{
	struct session *session = serving->session;

	if (!serving->grace) {
		serving->grace = now + GRACE_NS;
		wake_loops(&serving->server);
	} else if (now >= serving->grace && !atomic_load(&session->cut)) {
		atomic_store(&session->cut, true);
		wake_loops(&serving->server);
	}
	if (atomic_load(&session->references) == 1)
		end(serving);
}

static void look(struct serving *serving)
{
	struct server *server = &serving->server;
	struct session *session = current(server);
	uint64_t now = clock_ns();

	if (session && !serving->session)
		begin(serving, session);
	session = serving->session;
	if (!session)
		return;
	begin_intervals(serving);
	if (!atomic_load(&session->over))
		watch(serving, now);
	if (atomic_load(&session->over)) {
		wind_up(serving, now);
	} else if (serving->next && now >= serving->next) {
		report_interval(&serving->report, now);
		serving->next += (uint64_t)(server->options->interval *
					    CLOCK_SECOND);
	}
}

static int wait_ms(const struct serving *serving)
{
	uint64_t end = clock_ns() + CLOCK_SECOND;

	if (!serving->session)
		return -1;
	if (serving->grace)
		return LINGER_MS;
	/* To see what moves, however seldom lines are wanted. */
	return clock_wait_ms(serving->next && serving->next < end ?
			     serving->next : end);
}

static int serve(struct serving *serving)
{
	struct pollfd fds[] = {
		{ .fd = serving->listener, .events = POLLIN },
		{ .fd = serving->server.wake, .events = POLLIN },
		{ .fd = serving->signals, .events = POLLIN },
	};
	uint64_t times;

	while (!serving->server.options->one_off || !serving->served) {
		if (poll(fds, 3, wait_ms(serving)) < 0 && errno != EINTR)
			return -errno;
		if (fds[2].revents)
			return 0;
		if (fds[1].revents &&
		    read(fds[1].fd, &times, sizeof(times)) < 0)
			return -errno;
		if (fds[0].revents)
			accept_all(serving);
		look(serving);
	}
	return 0;
}

static int open_all(struct serving *serving, struct kpc_error *err)
{
	struct server *server = &serving->server;
	const struct options *options = server->options;
	sigset_t signals;
	int ret = 0;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	serving->signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	server->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (serving->signals < 0 || server->wake < 0)
		return kpc_error_return(err, -errno, "%s", strerror(errno));
	if (site(server))
		ret = site_open(&server->site, KPC_ROLE_B, &options->site, err);
	if (!ret)
		ret = start_loops(server, err);
	if (ret)
		return ret;
	serving->listener = address_listen(options->bind, options->port,
					   options->family, site(server), err);
	return serving->listener < 0 ? serving->listener : 0;
}

int server_run(const struct options *options)
{
	struct serving serving = {
		.server = {
			.options = options,
			.lock = PTHREAD_MUTEX_INITIALIZER,
		},
	};
	struct server *server = &serving.server;
	struct kpc_error err = {};
	unsigned int i;
	int ret;

	ret = open_all(&serving, &err);
	if (!ret) {
		if (!options->json) {
			printf("Server listening on %u (%s)\n", options->port,
			       carrier_name(options->site.carrier));
			fflush(stdout);
		}
		ret = serve(&serving);
		if (ret)
			kpc_error_set(&err, "%s", strerror(-ret));
	}
	for (i = 0; i < server->threads && server->loops; i++)
		loop_stop(&server->loops[i]);
	if (serving.session)
		end(&serving);
	for (i = 0; i < server->threads && server->loops; i++)
		server_drop(&server->loops[i]);
	site_close(&server->site);
	free(server->loops);
	if (!ret && options->one_off && !serving.served)
		ret = kpc_error_return(&err, -EINTR, "ended before any test");
	if (ret)
		fprintf(stderr, "kpcperf: %s\n", err.text);
	return ret || (options->one_off && serving.failed);
}
