/* SPDX-License-Identifier: MIT */
/*
 * The warden's helper processes: workers and the resolver.
 *
 * A helper is forked and then executed afresh, so that its memory holds
 * nothing of the warden's and its addresses are its own.
 */
#ifndef KPCD_PROCESS_H
#define KPCD_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "worker.h"

/* What a helper is given, and where it finds it. */
enum process_fd {
	PROCESS_MESSAGE,
	PROCESS_NETLINK,
	PROCESS_ROOT,
	PROCESS_FDS,
};

#define PROCESS_FIRST_FD	3
#define PROCESS_MESSAGE_FD	(PROCESS_FIRST_FD + PROCESS_MESSAGE)
#define PROCESS_NETLINK_FD	(PROCESS_FIRST_FD + PROCESS_NETLINK)
#define PROCESS_ROOT_FD		(PROCESS_FIRST_FD + PROCESS_ROOT)

/**
 * struct process_start - the first packet a helper gets
 * @magic: PROCESS_MAGIC
 * @uid: whom to become
 * @gid: and in which group
 * @has_netlink: PROCESS_NETLINK_FD is there
 * @has_root: PROCESS_ROOT_FD is there
 * @worker: a worker's configuration
 */
struct process_start {
	uint32_t magic;
	uint32_t uid;
	uint32_t gid;
	uint32_t has_netlink;
	uint32_t has_root;
	struct worker_config worker;
};

#define PROCESS_MAGIC	0x6b706331

/**
 * process_init() - remember which program is running
 *
 * Return: 0 or a negative errno.
 */
int process_init(void);

/**
 * process_spawn() - start a helper
 * @role: "worker" or "resolver", the helper's first argument
 * @number: its second argument
 * @fds: what it gets, by enum process_fd; -1, nothing
 *
 * Return: its process id or a negative errno.
 */
pid_t process_spawn(const char *role, unsigned int number,
		    const int fds[PROCESS_FDS]);

/**
 * process_end() - end a helper whose socket leads nowhere any more
 * @pid: it, not waited for yet
 *
 * One that ends by itself already is ended as it would have been, and its
 * status tells of that.
 *
 * Return: true when it would have gone on.
 */
bool process_end(pid_t pid);

/**
 * process_main() - the helper's side: find out what to be, and be it
 *
 * Return: the exit status; -1 when the command line is not a helper's.
 */
int process_main(int argc, char **argv);

#endif
