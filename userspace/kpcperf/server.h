/* SPDX-License-Identifier: MIT */
/*
 * The server: one test at a time, until it is told to end.
 */
#ifndef KPCPERF_SERVER_H
#define KPCPERF_SERVER_H

#include <pthread.h>
#include <stdatomic.h>

#include "flow.h"
#include "loop.h"
#include "options.h"
#include "session.h"
#include "site.h"

/**
 * struct server - the process
 * @options: the command line
 * @site: keys and associations
 * @loops: the threads
 * @threads: how many
 * @accepted: connections so far, dealt out to the threads in turn
 * @open: connections there are
 * @wake: an eventfd, by which the threads wake the first one
 * @lock: of @current
 * @current: the test under way, or NULL
 */
struct server {
	const struct options *options;
	struct site site;
	struct loop *loops;
	unsigned int threads;
	unsigned int accepted;
	atomic_uint open;
	int wake;
	pthread_mutex_t lock;
	struct session *current;
};

/**
 * struct server_flow - a connection at the server
 * @flow: what it shares with the client's
 * @session: whose it is, once it has said so
 * @peer: where it comes from
 * @deadline: until when it has to have said so, and to have gone if it is refused
 */
struct server_flow {
	struct flow flow;
	struct session *session;
	struct sockaddr_storage peer;
	uint64_t deadline;
};

/** server_run() - serve; the exit status */
int server_run(const struct options *options);

/** server_accept() - hand a socket that was accepted to a thread */
int server_accept(struct server *server, int fd,
		  const struct sockaddr_storage *peer);

/** server_drop() - free a loop that has ended, and the connections it had left */
void server_drop(struct loop *loop);

/** server_wake() - have the first thread look at the test under way */
void server_wake(struct server *server);

/* server_control.c: steps of the control connection. */
int control_test(struct server_flow *own);
int control_admit(struct server_flow *own);
int control_reply(struct server_flow *own);
int control_asked(struct server_flow *own);
int control_gather(struct server_flow *own);
int control_results(struct server_flow *own);

/**
 * enum server_phase - what a connection does
 * @SERVER_HANDSHAKE: TLS
 * @SERVER_HELLO: says what it is for
 * @SERVER_TEST: control: its parameters come
 * @SERVER_ADMIT: control: waits until the test before it is over
 * @SERVER_REPLY: control: is taken or refused
 * @SERVER_ASKED: control: waits until it is asked for results
 * @SERVER_GATHER: control: waits until all streams are over
 * @SERVER_RESULTS: control: tells them
 * @SERVER_READY: is told that it is known
 * @SERVER_GO: waits until it may send
 * @SERVER_MOVING: moves octets
 * @SERVER_FINISHING: ends its own direction
 * @SERVER_DRAINING: waits for the end of the other
 * @SERVER_HELD: is there
 */
enum server_phase {
	SERVER_HANDSHAKE,
	SERVER_HELLO,
	SERVER_TEST,
	SERVER_ADMIT,
	SERVER_REPLY,
	SERVER_ASKED,
	SERVER_GATHER,
	SERVER_RESULTS,
	SERVER_READY,
	SERVER_GO,
	SERVER_MOVING,
	SERVER_FINISHING,
	SERVER_DRAINING,
	SERVER_HELD,
};

#endif
