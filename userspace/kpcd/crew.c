// SPDX-License-Identifier: MIT
/*
 * The workers as the warden sees them: started, spoken to, replaced.
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "associations.h"
#include "container.h"
#include "crew.h"
#include "descriptor.h"
#include "establish.h"
#include "event.h"
#include "inbox.h"
#include "log.h"
#include "privilege.h"
#include "process.h"
#include "timer.h"
#include "warden.h"

/* A worker that lived this long has not failed at its start. */
#define PROVEN_MS	10000
#define BACKOFF_MS	100
#define BACKOFF_MAX_MS	10000
/* No room in its socket for so long: it hangs. */
#define STUCK_MS	20000
/* Packets taken from one worker before others have their turn. */
#define BATCH		32

static void spawn(struct crew_worker *worker);

static void drop_packets(struct crew_worker *worker)
{
	while (worker->first) {
		struct crew_packet *packet = worker->first;

		worker->first = packet->next;
		explicit_bzero(packet->message, packet->len);
		if (packet->fd >= 0)
			close(packet->fd);
		free(packet);
	}
	worker->last = &worker->first;
}

/*
 * Its socket is shut. That is the end of its process, of which SIGCHLD tells;
 * one that has only shut the socket down and goes on is ended.
 */
static void end(const struct crew_worker *worker)
{
	if (process_end(worker->pid))
		log_say(LOG_ERR, "worker %u has shut its socket and goes on; it is ended",
			worker->index);
}

static bool no_room(int err)
{
	/* ETOOMANYREFS: too many descriptors are on their way. */
	return err == -EAGAIN || err == -ENOBUFS || err == -ETOOMANYREFS;
}

static void watch(struct crew_worker *worker)
{
	uint32_t events = 0;

	/*
	 * A worker that does not take its answers gets to ask nothing more;
	 * so what waits for it stays small.
	 */
	if (worker->first)
		events = EPOLLOUT;
	else if (!worker->throttle.at)
		events = EPOLLIN;
	loop_change(&worker->warden->loop, &worker->source, events);
}

static void enqueue(struct crew_worker *worker,
		    const struct kpc_message *message, size_t len, int fd)
{
	struct crew_packet *packet = malloc(sizeof(*packet) + len);
	int copy = -1;

	if (packet && fd >= 0)
		copy = dup(fd);
	if (!packet || (fd >= 0 && copy < 0)) {
		free(packet);
		log_say(LOG_ERR, "worker %u: no memory for a message to it",
			worker->index);
		kill(worker->pid, SIGKILL);
		return;
	}
	packet->next = NULL;
	packet->fd = copy;
	packet->len = len;
	memcpy(packet->message, message, len);
	*worker->last = packet;
	worker->last = &packet->next;
}

void crew_send(struct crew_worker *worker, const struct kpc_message *message,
	       int fd)
{
	size_t len = message_length(message->type);
	bool waiting = worker->first;
	int err;

	if (!worker->pid || worker->source.fd < 0)
		return;
	if (!waiting) {
		err = descriptor_send(worker->source.fd, message, len, fd);
		if (err && !no_room(err))
			end(worker);
		if (!no_room(err))
			return;
	}
	enqueue(worker, message, len, fd);
	if (!waiting && worker->first) {
		watch(worker);
		loop_arm(&worker->warden->loop, &worker->stuck, STUCK_MS);
	}
}

static void flush(struct crew_worker *worker)
{
	while (worker->first) {
		struct crew_packet *packet = worker->first;
		int err = descriptor_send(worker->source.fd, packet->message,
					  packet->len, packet->fd);

		if (no_room(err))
			return;
		if (err) {
			end(worker);
			drop_packets(worker);
			break;
		}
		loop_arm(&worker->warden->loop, &worker->stuck, STUCK_MS);
		worker->first = packet->next;
		if (!worker->first)
			worker->last = &worker->first;
		explicit_bzero(packet->message, packet->len);
		if (packet->fd >= 0)
			close(packet->fd);
		free(packet);
	}
	loop_disarm(&worker->warden->loop, &worker->stuck);
	watch(worker);
}

void crew_tell(struct warden *warden, const struct kpc_message *message,
	       int fd)
{
	unsigned int i;

	for (i = 0; i < warden->crew.count; i++)
		if (warden->crew.workers[i].ready)
			crew_send(&warden->crew.workers[i], message, fd);
}

struct crew_worker *crew_pick(struct warden *warden)
{
	struct crew *crew = &warden->crew;
	unsigned int i;

	for (i = 0; i < crew->count; i++) {
		struct crew_worker *worker =
			&crew->workers[crew->next++ % crew->count];

		if (worker->ready)
			return worker;
	}
	return NULL;
}

static void hang_up(struct crew_worker *worker)
{
	if (worker->source.fd < 0)
		return;
	loop_remove(&worker->warden->loop, &worker->source);
	close(worker->source.fd);
	worker->source.fd = -1;
	worker->ready = false;
}

/* What a worker that has ended had to tell; it gets no answers any more. */
static void last_words(struct crew_worker *worker)
{
	struct kpc_message message;
	ssize_t n;

	if (worker->source.fd < 0)
		return;
	/* Somebody may have got its end of the pair from it, and go on. */
	shutdown(worker->source.fd, SHUT_RD);
	do {
		n = recv(worker->source.fd, &message, sizeof(message),
			 MSG_DONTWAIT | MSG_TRUNC);
		if (n >= (ssize_t)KPC_MESSAGE_HEAD &&
		    n <= (ssize_t)sizeof(message) &&
		    message.type == KPC_MESSAGE_EVENT)
			inbox_message(worker, &message, n);
		/* It has left something unread, which is told once. */
	} while (n > 0 || (n < 0 && errno == ECONNRESET));
}

/* By now: what epoll told may be older than what was read since. */
static bool has_hung_up(const struct crew_worker *worker)
{
	struct pollfd at = { .fd = worker->source.fd };

	return poll(&at, 1, 0) > 0 && at.revents & POLLHUP;
}

static void ready(struct loop_source *source, uint32_t events)
{
	struct crew_worker *worker = container_of(source, struct crew_worker, source);
	struct kpc_message message;
	ssize_t n;
	int i;

	if (events & EPOLLOUT)
		flush(worker);
	for (i = 0; i < BATCH && !worker->first && !worker->throttle.at; i++) {
		n = recv(source->fd, &message, sizeof(message),
			 MSG_DONTWAIT | MSG_TRUNC);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		/* The end of its process; an end without it is a message too. */
		if (n < 0 || (!n && has_hung_up(worker)))
			break;
		if ((size_t)n <= sizeof(message) &&
		    inbox_message(worker, &message, n) == 0)
			continue;
		log_say(LOG_ERR, "worker %u: a message that is none; it is ended",
			worker->index);
		kill(worker->pid, SIGKILL);
		hang_up(worker);
		return;
	}
	if (source->fd >= 0 && (events & (EPOLLHUP | EPOLLERR))) {
		last_words(worker);
		end(worker);
		hang_up(worker);
	}
}

static void stuck(struct loop_timer *timer)
{
	struct crew_worker *worker = container_of(timer, struct crew_worker, stuck);

	log_say(LOG_ERR, "worker %u takes no messages; it is ended",
		worker->index);
	kill(worker->pid, SIGKILL);
}

static void unthrottle(struct loop_timer *timer)
{
	watch(container_of(timer, struct crew_worker, throttle));
}

void crew_throttle(struct crew_worker *worker, uint64_t milliseconds)
{
	loop_arm(&worker->warden->loop, &worker->throttle, milliseconds);
	watch(worker);
}

static int processor(unsigned int index)
{
	cpu_set_t set;
	int cpu, count;

	if (sched_getaffinity(0, sizeof(set), &set))
		return -1;
	count = CPU_COUNT(&set);
	index %= count;
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &set) && !index--)
			return cpu;
	return -1;
}

/* Register the worker's netlink socket and tell the worker what it is. */
static int introduce(struct crew_worker *worker, int netlink)
{
	const struct warden *warden = worker->warden;
	struct process_start start = {
		.magic = PROCESS_MAGIC,
		.uid = warden->options->uid,
		.gid = warden->options->gid,
		.has_netlink = netlink >= 0,
		.has_root = warden->crew.root >= 0,
		.worker = {
			.index = worker->index,
			.cpu = warden->options->pin ?
			       processor(worker->index) : -1,
			.engine = warden->options->engine,
			.source_rate = warden->options->source_rate,
			.group_count = warden->options->group_count,
			.enforce = warden->enforce,
		},
	};
	struct kpc_error why = { "" };
	int err;

	memcpy(start.worker.groups, warden->options->groups,
	       sizeof(start.worker.groups));
	worker->session = 0;
	if (netlink >= 0) {
		err = kpc_nl_session_worker(&worker->warden->nl, netlink,
					    worker->pid, &worker->session,
					    &why);
		if (err) {
			log_say(LOG_ERR, "worker %u: the module does not take its session: %s",
				worker->index, why.text);
			return err;
		}
		start.worker.family = warden->nl.family.id;
		start.worker.session = worker->session;
	}
	return descriptor_send(worker->source.fd, &start, sizeof(start), -1);
}

static int try_spawn(struct crew_worker *worker)
{
	struct warden *warden = worker->warden;
	int pair[2], fds[PROCESS_FDS], netlink = -1, err;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -errno;
	if (warden->enforce) {
		netlink = kpc_nl_socket();
		if (netlink < 0) {
			err = netlink;
			goto close_pair;
		}
	}
	fds[PROCESS_MESSAGE] = pair[1];
	fds[PROCESS_NETLINK] = netlink;
	fds[PROCESS_ROOT] = warden->crew.root;
	pid = process_spawn("worker", worker->index, fds);
	if (pid < 0) {
		err = pid;
		goto close_netlink;
	}

	worker->source.fd = pair[0];
	worker->source.ready = ready;
	worker->pid = pid;
	worker->ready = false;
	worker->started_at = timer_now();
	err = introduce(worker, netlink);
	if (!err)
		err = loop_add(&warden->loop, &worker->source, EPOLLIN);
	if (err) {
		/* SIGCHLD will tell of its end and start the next one. */
		kill(pid, SIGKILL);
		close(pair[0]);
		worker->source.fd = -1;
	}
	close(pair[1]);
	if (netlink >= 0)
		close(netlink);
	return 0;

close_netlink:
	if (netlink >= 0)
		close(netlink);
close_pair:
	close(pair[0]);
	close(pair[1]);
	return err;
}

static void try_later(struct crew_worker *worker)
{
	uint64_t delay = BACKOFF_MS;

	if (worker->failures)
		delay = BACKOFF_MS << (worker->failures < 8 ?
				       worker->failures : 8);
	if (delay > BACKOFF_MAX_MS)
		delay = BACKOFF_MAX_MS;
	loop_arm(&worker->warden->loop, &worker->respawn, delay);
}

static void spawn(struct crew_worker *worker)
{
	int err = try_spawn(worker);

	if (!err)
		return;
	log_say(LOG_ERR, "cannot start worker %u: %s", worker->index,
		strerror(-err));
	worker->failures++;
	try_later(worker);
}

static void respawn(struct loop_timer *timer)
{
	struct crew_worker *worker = container_of(timer, struct crew_worker, respawn);

	if (!worker->warden->crew.draining)
		spawn(worker);
}

int crew_init(struct warden *warden)
{
	struct crew *crew = &warden->crew;
	unsigned int i;

	crew->count = warden->options->workers;
	crew->root = -1;
	if (!geteuid()) {
		crew->root = privilege_empty_root();
		if (crew->root < 0) {
			log_say(LOG_ERR,
				"cannot make an empty directory for workers in /run or /tmp: %s",
				strerror(-crew->root));
			return crew->root;
		}
	}
	for (i = 0; i < crew->count; i++) {
		struct crew_worker *worker = &crew->workers[i];

		worker->source.fd = -1;
		worker->warden = warden;
		worker->index = i;
		worker->last = &worker->first;
		worker->respawn.fire = respawn;
		worker->stuck.fire = stuck;
		worker->throttle.fire = unthrottle;
	}
	return 0;
}

void crew_start(struct warden *warden)
{
	unsigned int i;

	for (i = 0; i < warden->crew.count; i++)
		spawn(&warden->crew.workers[i]);
}

static void tell_end(const struct crew_worker *worker, int status)
{
	struct log_line line;

	if (worker->warden->crew.draining && WIFEXITED(status) &&
	    !WEXITSTATUS(status))
		return;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		log_begin(&line, LOG_CRIT,
			  "worker %u made a system call that it has no use for "
			  "and was ended by the kernel",
			  worker->index);
	else if (WIFSIGNALED(status))
		log_begin(&line, LOG_ERR, "worker %u was ended by signal %d (%s)",
			  worker->index, WTERMSIG(status),
			  strsignal(WTERMSIG(status)));
	else
		log_begin(&line, LOG_ERR, "worker %u has ended with status %d",
			  worker->index, WEXITSTATUS(status));
	log_number(&line, "WORKER", worker->index);
	log_number(&line, "PID", worker->pid);
	log_end(&line);
}

bool crew_exited(struct warden *warden, pid_t pid, int status)
{
	struct crew *crew = &warden->crew;
	struct crew_worker *worker = NULL;
	unsigned int i;

	for (i = 0; i < crew->count; i++)
		if (crew->workers[i].pid == pid)
			worker = &crew->workers[i];
	if (!worker)
		return false;

	last_words(worker);
	tell_end(worker, status);
	event_ended(worker);
	hang_up(worker);
	drop_packets(worker);
	loop_disarm(&warden->loop, &worker->stuck);
	loop_disarm(&warden->loop, &worker->throttle);
	worker->pid = 0;
	associations_worker_lost(warden, worker->index);
	establish_worker_lost(warden, worker->index);
	if (crew->draining)
		return true;

	if (timer_now() - worker->started_at > PROVEN_MS)
		worker->failures = 0;
	if (!worker->failures++)
		spawn(worker);
	else
		try_later(worker);
	return true;
}

void crew_drain(struct warden *warden)
{
	const struct kpc_message message = {
		.type = KPC_MESSAGE_DRAIN,
		.seconds = warden->options->drain_seconds,
	};
	unsigned int i;

	warden->crew.draining = true;
	for (i = 0; i < warden->crew.count; i++) {
		struct crew_worker *worker = &warden->crew.workers[i];

		loop_disarm(&warden->loop, &worker->respawn);
		/* One that is not ready yet has nothing to finish. */
		if (worker->ready)
			crew_send(worker, &message, -1);
		else if (worker->pid)
			kill(worker->pid, SIGKILL);
	}
}

void crew_kill(struct warden *warden)
{
	unsigned int i;

	for (i = 0; i < warden->crew.count; i++)
		if (warden->crew.workers[i].pid)
			kill(warden->crew.workers[i].pid, SIGKILL);
}

unsigned int crew_running(const struct warden *warden)
{
	unsigned int i, n = 0;

	for (i = 0; i < warden->crew.count; i++)
		n += warden->crew.workers[i].pid != 0;
	return n;
}
