/* SPDX-License-Identifier: MIT */
/*
 * The workers as the warden sees them: started, spoken to, replaced.
 */
#ifndef KPCD_CREW_H
#define KPCD_CREW_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "bucket.h"
#include "loop.h"
#include "message.h"
#include "options.h"

struct warden;

/**
 * struct crew_packet - a message that a worker's socket had no room for
 * @next: the one after it
 * @fd: descriptor that goes beside it, owned; -1, none
 * @len: octets of @message
 * @message: wiped when sent
 */
struct crew_packet {
	struct crew_packet *next;
	int fd;
	size_t len;
	unsigned char message[];
};

/**
 * struct crew_worker - one worker
 * @source: socket to it
 * @warden: whose
 * @index: which
 * @pid: it; 0, not running
 * @session: its session in the module
 * @ready: it has said so
 * @first: packets waiting for room
 * @last: where the next one is hooked in
 * @respawn: starts it anew
 * @stuck: ends it when its socket has had no room for too long
 * @throttle: reads on once it may ask for keys again
 * @keys: those it may ask for now
 * @lines: log lines it may cause now
 * @lines_lost: log lines that were left out
 * @started_at: CLOCK_MONOTONIC milliseconds
 * @failures: ends soon after the start, in a row
 */
struct crew_worker {
	struct loop_source source;
	struct warden *warden;
	unsigned int index;
	pid_t pid;
	uint32_t session;
	bool ready;
	struct crew_packet *first;
	struct crew_packet **last;
	struct loop_timer respawn;
	struct loop_timer stuck;
	struct loop_timer throttle;
	struct bucket keys;
	struct bucket lines;
	uint64_t lines_lost;
	uint64_t started_at;
	unsigned int failures;
};

/**
 * struct crew - all of them
 * @workers: @count of them
 * @count: as many as --workers says
 * @root: the empty directory; -1, none
 * @next: whose turn an establish request is
 * @draining: none is replaced any more
 */
struct crew {
	struct crew_worker workers[OPTIONS_WORKERS_MAX];
	unsigned int count;
	int root;
	unsigned int next;
	bool draining;
};

/**
 * crew_init() - prepare for as many workers as --workers says
 *
 * Before any listener is opened: each has a socket for every worker.
 *
 * Return: 0 or a negative errno.
 */
int crew_init(struct warden *warden);

/** crew_start() - start all workers; one that cannot be is tried again later */
void crew_start(struct warden *warden);

/**
 * crew_send() - say something to one worker
 * @message: copied
 * @fd: descriptor to go beside it, not taken over; -1, none
 *
 * Never waits. What cannot be sent now is kept in order; a worker that takes
 * nothing for long is replaced.
 */
void crew_send(struct crew_worker *worker, const struct kpc_message *message,
	       int fd);

/** crew_tell() - say something to all workers that run */
void crew_tell(struct warden *warden, const struct kpc_message *message,
	       int fd);

/** crew_pick() - whose turn it is, among those that are ready; or NULL */
struct crew_worker *crew_pick(struct warden *warden);

/**
 * crew_exited() - a child has ended
 * @status: as waitpid() tells
 *
 * Return: true when it was a worker.
 */
bool crew_exited(struct warden *warden, pid_t pid, int status);

/** crew_drain() - have all finish and end */
void crew_drain(struct warden *warden);

/** crew_kill() - end all now */
void crew_kill(struct warden *warden);

/** crew_running() - how many run */
unsigned int crew_running(const struct warden *warden);

/** crew_throttle() - read nothing from a worker for some milliseconds */
void crew_throttle(struct crew_worker *worker, uint64_t milliseconds);

#endif
