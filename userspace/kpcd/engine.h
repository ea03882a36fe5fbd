/* SPDX-License-Identifier: MIT */
/*
 * How a worker waits for its sockets: operations are submitted, and each
 * calls back when it is complete. io_uring works so by itself; the engine on
 * epoll does the system call when the socket is ready. Connections are
 * written once, for both.
 */
#ifndef KPCD_ENGINE_H
#define KPCD_ENGINE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "buffer.h"
#include "worker.h"

/* Control data beside a received record: its type, one octet. */
#define ENGINE_CONTROL	CMSG_SPACE(sizeof(uint8_t))

/**
 * enum engine_code - what an operation does; its result
 * @ENGINE_ACCEPT: accepts until it is cancelled or fails; a descriptor each.
 *	The listener has O_NONBLOCK, a state that all have who share it.
 * @ENGINE_CONNECT: connects to @address; 0
 * @ENGINE_TAKE: waits for something to receive, and only then takes a buffer
 *	for it from the pool, which the callee then owns as @buffer; octets.
 *	Where the pool gets no memory it waits for that too: what was sent stays
 *	in the socket and holds up who sends.
 * @ENGINE_RECEIVE: receives into @msg; octets. With MSG_DONTWAIT in @flags it
 *	does not wait.
 * @ENGINE_SEND: sends @msg; octets, which may be fewer than asked for
 * @ENGINE_POLL: waits for @events of poll(2); those that came
 */
enum engine_code {
	ENGINE_ACCEPT,
	ENGINE_CONNECT,
	ENGINE_TAKE,
	ENGINE_RECEIVE,
	ENGINE_SEND,
	ENGINE_POLL,
};

struct engine_op;
typedef void (*engine_done)(struct engine_op *op, int result);

/**
 * struct engine_op - one operation at a time, part of what it belongs to
 * @done: called from engine_run() only, once for each submission (with
 *	ENGINE_ACCEPT once for each socket, and a last time with an error);
 *	@result is what the code says or a negative errno, -ECANCELED after
 *	engine_cancel()
 * @fd: the socket; one that listens or was had from engine_socket() or
 *	ENGINE_ACCEPT, or another without O_NONBLOCK
 * @code: enum engine_code
 * @flags: of send(2) and recv(2)
 * @pending: submitted and not yet done; the engine's to write
 * @cancelled: engine_cancel() was called; the engine's to write
 * @ready: in the list of what can be tried; the epoll engine's own
 * @starved: waits for a buffer; the engine's own
 * @eager: ENGINE_TAKE: receives before it waits, as what is there already may not
 *	show to who waits; ends with the first time that nothing is there
 * @awaits: ENGINE_ACCEPT, asked for who comes, ENGINE_SEND, for room; the
 *	io_uring engine's own
 * @events: ENGINE_POLL
 * @limit: ENGINE_TAKE without @msg, octets to take at most; 0, BUFFER_OCTETS
 * @length: octets of @address
 * @next: the engine's own
 * @address: ENGINE_CONNECT, valid until done
 * @msg: ENGINE_RECEIVE and ENGINE_SEND, valid until done. ENGINE_TAKE: NULL,
 *	or where control data is wanted a header whose msg_control has
 *	ENGINE_CONTROL octets. msg_flags and msg_controllen are set as by
 *	recvmsg(2).
 * @buffer: ENGINE_TAKE
 */
struct engine_op {
	engine_done done;
	int fd;
	uint8_t code;
	uint8_t pending:1;
	uint8_t cancelled:1;
	uint8_t ready:1;
	uint8_t starved:1;
	uint8_t eager:1;
	uint8_t awaits:1;
	int flags;
	union {
		uint32_t events;
		uint32_t limit;
		socklen_t length;
	};
	struct engine_op *next;
	union {
		const struct sockaddr *address;
		struct msghdr *msg;
	};
	struct buffer *buffer;
};

struct engine;

/**
 * engine_new() - start an engine
 * @kind: WORKER_ENGINE_AUTO takes io_uring where the kernel has what is needed
 * @pool: where ENGINE_TAKE takes buffers from
 * @engine: receives it
 *
 * To be called in the process that uses it. Return: 0 or a negative errno.
 */
int engine_new(enum worker_engine kind, struct buffer_pool *pool,
	       struct engine **engine);

/** engine_free() - stop it; operations still pending are not called back */
void engine_free(struct engine *engine);

/** engine_name() - "io_uring" or "epoll" */
const char *engine_name(const struct engine *engine);

/**
 * engine_socket() - a TCP socket that fits this engine
 * @engine: the engine
 * @family: AF_INET or AF_INET6
 *
 * Return: the descriptor or a negative errno.
 */
int engine_socket(struct engine *engine, int family);

/**
 * engine_submit() - begin @op, whose members but the engine's own are set
 *
 * Never calls back by itself and never fails: what goes wrong is told to @done.
 */
void engine_submit(struct engine *engine, struct engine_op *op);

/**
 * engine_cancel() - end @op soon, if it is pending
 *
 * It may still complete with what had already happened. What an ENGINE_SEND
 * submitted in the same turn finds room for is sent.
 */
void engine_cancel(struct engine *engine, struct engine_op *op);

/** engine_close() - close a socket that has no operation pending */
void engine_close(struct engine *engine, int fd);

/**
 * engine_run() - wait for operations to complete and call them back
 * @engine: the engine
 * @timeout_ms: longest wait; 0 none, -1 without end
 *
 * Return: 0 or a negative errno that means the engine is unusable.
 */
int engine_run(struct engine *engine, int timeout_ms);

#endif
