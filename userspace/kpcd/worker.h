/* SPDX-License-Identifier: MIT */
/*
 * The seam between the warden, which starts and confines workers, and what
 * a worker does.
 */
#ifndef KPCD_WORKER_H
#define KPCD_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include <kpc/handshake.h>

/** enum worker_engine - how a worker waits for its sockets */
enum worker_engine {
	WORKER_ENGINE_AUTO,	/* io_uring where it works, else epoll */
	WORKER_ENGINE_URING,
	WORKER_ENGINE_EPOLL,
};

/**
 * struct worker_config - what a worker is told at its start
 * @index: 0 to one less than the number of workers; the same after a respawn
 * @cpu: the processor it is pinned to; -1, none
 * @engine: as --engine says
 * @source_rate: connections one source may make per second; 0, any number
 * @group_count: used of @groups; 0, as libkpc has them
 * @groups: of (EC)DHE by preference, for all associations alike: what a peer is
 *	told of them must not depend on its KpcId
 * @enforce: kpc.ko is there: register and bind sockets by the netlink socket
 * @family: the generic netlink family's number, @enforce only
 * @session: the worker session's id in the module, @enforce only
 */
struct worker_config {
	uint32_t index;
	int32_t cpu;
	uint32_t engine;
	uint32_t source_rate;
	uint32_t group_count;
	uint16_t groups[KPC_HANDSHAKE_GROUPS_MAX];
	uint32_t enforce;
	uint32_t family;
	uint32_t session;
};

/**
 * worker_main() - be a worker until told to drain or the warden is gone
 * @message_fd: SOCK_SEQPACKET to the warden, one struct kpc_message a packet;
 *	non-blocking. End of file: the warden is gone, end at once.
 * @netlink_fd: generic netlink socket of the worker's own session, already
 *	registered with the module; -1 in --table mode
 * @config: valid until it returns
 *
 * Runs in a process of its own, executed afresh, so nothing of the warden's
 * memory is in it. When it is called the process has no capability, an
 * unprivileged uid, an empty root directory, no core dumps, and OpenSSL is
 * initialised. It sets up what needs wide system calls (rings, sock_diag
 * socket), calls worker_confine(), sends KPC_MESSAGE_READY and only then looks
 * at what came from outside.
 *
 * Return: the exit status, 0 after a drain.
 */
int worker_main(int message_fd, int netlink_fd,
		const struct worker_config *config);

/**
 * worker_confine() - give up every system call that serving does not need
 *
 * Called once by worker_main(); provided by seccomp.c, whose table names each
 * allowed call. A call that is not in the table ends the process.
 *
 * Return: 0 or a negative errno.
 */
int worker_confine(void);

#endif
