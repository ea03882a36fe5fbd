// SPDX-License-Identifier: MIT
/*
 * The worker's end of the socket pair to the warden.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "worker_state.h"

/* Taken off the socket before connections have their turn again. */
#define MESSAGES_AT_ONCE	64
/* Messages that wait for the end of the turn; with more they leave before it. */
#define OUTBOX_TURN		64
/* Events that wait for room; more are lost rather than memory. */
#define OUTBOX_MAX		2048
/* How long a worker that ends waits for the warden to take what is left. */
#define FINISH_MS		1000

struct outgoing {
	struct outgoing *next;
	size_t length;
	uint8_t octets[] __attribute__((aligned(8)));
};

static bool channel_try(struct worker *worker, const void *octets,
			size_t length)
{
	ssize_t sent = send(worker->message_fd, octets, length,
			    MSG_DONTWAIT | MSG_NOSIGNAL);

	if (sent >= 0)
		return true;
	if (errno == EAGAIN || errno == ENOBUFS || errno == EINTR)
		return false;
	/* The warden is gone: reading finds that too and ends the worker. */
	return true;
}

/* Nobody waits any more for what a peer asked that is gone. */
static bool is_wanted(struct worker *worker, const struct outgoing *at)
{
	const struct kpc_message *message = (const void *)at->octets;

	if (message->type != KPC_MESSAGE_KEY_REQUEST &&
	    message->type != KPC_MESSAGE_BACKEND_REQUEST)
		return true;
	return waiter_waits(&worker->requests, message->request);
}

static void outbox_wait(struct worker *worker)
{
	if (!worker->message_out.pending)
		engine_submit(worker->engine, &worker->message_out);
}

/* Returns false where not all found room. */
static bool outbox_send(struct worker *worker)
{
	struct outgoing *first;

	while ((first = worker->outbox)) {
		if (is_wanted(worker, first) &&
		    !channel_try(worker, first->octets, first->length))
			return false;
		worker->outbox = first->next;
		if (!worker->outbox)
			worker->outbox_end = &worker->outbox;
		worker->outbox_count--;
		free(first);
	}
	return true;
}

static void outbox_ready(struct engine_op *op, int result)
{
	struct worker *worker = container_of(op, struct worker, message_out);

	if (!outbox_send(worker))
		outbox_wait(worker);
}

/*
 * A warden that is slow must not cost memory for peers that are gone. What is
 * left belongs to connections; looked through again when it has doubled.
 */
static void outbox_prune(struct worker *worker)
{
	struct outgoing **at = &worker->outbox;
	struct outgoing *one;

	while ((one = *at)) {
		if (is_wanted(worker, one)) {
			at = &one->next;
			continue;
		}
		*at = one->next;
		worker->outbox_count--;
		free(one);
	}
	worker->outbox_end = at;
	worker->outbox_most = worker->outbox_count < OUTBOX_MAX / 2 ?
			      OUTBOX_MAX : 2 * worker->outbox_count;
}

void channel_flush(struct worker *worker)
{
	if (!worker->message_out.pending && !outbox_send(worker))
		outbox_wait(worker);
}

/* Whoever waits for an answer has a deadline; lost events are told of later. */
static void lose(struct worker *worker, const struct kpc_message *message)
{
	if (message->type == KPC_MESSAGE_EVENT)
		worker->events_lost += message->event.lost + message->event.count;
}

/*
 * To wake the warden costs more than what it is told: so that is told at the end
 * of the turn, all at once.
 */
void channel_send(struct worker *worker, const struct kpc_message *message)
{
	size_t length = message_length(message->type);
	struct outgoing *last;

	if (worker->outbox_count >= OUTBOX_MAX &&
	    message->type == KPC_MESSAGE_EVENT) {
		lose(worker, message);
		return;
	}
	if (worker->outbox_count >= worker->outbox_most)
		outbox_prune(worker);
	last = malloc(sizeof(*last) + length);
	if (!last) {
		/* Without memory it may still follow those before it. */
		channel_flush(worker);
		if (worker->outbox || !channel_try(worker, message, length))
			lose(worker, message);
		return;
	}
	last->next = NULL;
	last->length = length;
	memcpy(last->octets, message, length);
	*worker->outbox_end = last;
	worker->outbox_end = &last->next;
	worker->outbox_count++;
	if (worker->outbox_count >= OUTBOX_TURN)
		channel_flush(worker);
}

void channel_request(struct worker *worker, struct waiter *waiter,
		     struct kpc_message *message)
{
	message->request = waiter_add(&worker->requests, waiter);
	channel_send(worker, message);
}

/* That of events is an event of no kind. */
static void channel_tell_lost(struct worker *worker)
{
	struct kpc_message message = {
		.type = KPC_MESSAGE_EVENT,
		.event.lost = worker->events_lost,
	};

	if (!worker->events_lost)
		return;
	worker->events_lost = 0;
	channel_send(worker, &message);
}

void channel_finish(struct worker *worker)
{
	struct pollfd at = { .fd = worker->message_fd, .events = POLLOUT };
	uint64_t now = timer_now(), until = now + FINISH_MS;
	struct outgoing *first;

	while (!outbox_send(worker) && now < until) {
		poll(&at, 1, until - now);
		now = timer_now();
	}
	channel_tell_lost(worker);
	outbox_send(worker);
	while ((first = worker->outbox)) {
		worker->outbox = first->next;
		free(first);
	}
	worker->outbox_end = &worker->outbox;
	worker->outbox_count = 0;
}

static int descriptor_of(struct msghdr *msg)
{
	struct cmsghdr *at = CMSG_FIRSTHDR(msg);
	int fd = -1;

	if (at && at->cmsg_level == SOL_SOCKET && at->cmsg_type == SCM_RIGHTS &&
	    at->cmsg_len == CMSG_LEN(sizeof(fd)))
		memcpy(&fd, CMSG_DATA(at), sizeof(fd));
	return fd;
}

/* Returns octets, 0 at the end, or a negative errno. */
static ssize_t channel_read(struct worker *worker, struct kpc_message *message,
			    int *fd)
{
	uint8_t control[CMSG_SPACE(sizeof(int))]
		__attribute__((aligned(__alignof__(struct cmsghdr))));
	struct iovec part = {
		.iov_base = message,
		.iov_len = sizeof(*message),
	};
	struct msghdr msg = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t got = recvmsg(worker->message_fd, &msg,
			      MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (got < 0)
		return -errno;
	*fd = descriptor_of(&msg);
	return got;
}

static void channel_ready(struct engine_op *op, int result)
{
	struct worker *worker = container_of(op, struct worker, message_in);
	struct kpc_message message;
	unsigned int i;
	ssize_t got;
	int fd;

	for (i = 0; i < MESSAGES_AT_ONCE && !worker->stop; i++) {
		fd = -1;
		got = channel_read(worker, &message, &fd);
		if (got == -EAGAIN || got == -EINTR)
			break;
		if (got <= 0) {
			/* No warden, no authority: nothing goes on. */
			worker->stop = true;
			worker->status = 1;
			return;
		}
		if ((size_t)got >= KPC_MESSAGE_HEAD)
			worker_message(worker, &message, got, fd);
		else if (fd >= 0)
			close(fd);
		explicit_bzero(&message, got);
	}
	if (!worker->stop)
		engine_submit(worker->engine, op);
}

void channel_start(struct worker *worker)
{
	worker->outbox_end = &worker->outbox;
	worker->outbox_most = OUTBOX_MAX;
	worker->message_in = (struct engine_op){
		.done = channel_ready,
		.fd = worker->message_fd,
		.code = ENGINE_POLL,
		.events = POLLIN,
	};
	worker->message_out = (struct engine_op){
		.done = outbox_ready,
		.fd = worker->message_fd,
		.code = ENGINE_POLL,
		.events = POLLOUT,
	};
	engine_submit(worker->engine, &worker->message_in);
}
