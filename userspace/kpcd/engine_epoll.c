// SPDX-License-Identifier: MIT
/*
 * The engine on epoll, for hosts where io_uring is forbidden: every operation
 * is tried at once from the list of what may be ready, and waits for an edge
 * where the socket has nothing to give or no room.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "engine_internal.h"

#define EVENTS_AT_ONCE	256

/**
 * struct slot - what waits for one descriptor
 * @in: for something to receive or to accept
 * @out: for room or a connection
 * @known: it is in the epoll set
 */
struct slot {
	struct engine_op *in;
	struct engine_op *out;
	bool known;
};

struct engine_epoll {
	struct engine engine;
	int fd;
	struct slot *slots;
	unsigned int slot_count;
	struct engine_op *ready;
	struct engine_op **ready_end;
	unsigned int ready_count;
};

static struct engine_epoll *epoll_of(struct engine *engine)
{
	return (struct engine_epoll *)engine;
}

static bool op_is_out(const struct engine_op *op)
{
	return op->code == ENGINE_SEND || op->code == ENGINE_CONNECT ||
	       (op->code == ENGINE_POLL && op->events & POLLOUT);
}

static void ready_add(struct engine_epoll *e, struct engine_op *op)
{
	if (op->ready)
		return;
	op->ready = 1;
	op->next = NULL;
	*e->ready_end = op;
	e->ready_end = &op->next;
	e->ready_count++;
}

static struct engine_op *ready_take(struct engine_epoll *e)
{
	struct engine_op *op = e->ready;

	if (!op)
		return NULL;
	e->ready = op->next;
	if (!e->ready)
		e->ready_end = &e->ready;
	op->ready = 0;
	e->ready_count--;
	return op;
}

static struct slot *slot_get(struct engine_epoll *e, int fd)
{
	unsigned int count = e->slot_count;
	struct slot *slots;

	if ((unsigned int)fd < count)
		return &e->slots[fd];
	while (count <= (unsigned int)fd)
		count = count ? count * 2 : 64;
	slots = realloc(e->slots, count * sizeof(*slots));
	if (!slots)
		return NULL;
	memset(slots + e->slot_count, 0,
	       (count - e->slot_count) * sizeof(*slots));
	e->slots = slots;
	e->slot_count = count;
	return &slots[fd];
}

/* Returns 0 when @op waits for an edge of its descriptor. */
static int op_park(struct engine_epoll *e, struct engine_op *op)
{
	struct slot *slot = slot_get(e, op->fd);
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
		.data.fd = op->fd,
	};

	if (!slot)
		return -ENOMEM;
	if (op_is_out(op))
		slot->out = op;
	else
		slot->in = op;
	if (slot->known)
		return 0;
	/* The edge may have been before: adding tells the present state too. */
	if (epoll_ctl(e->fd, EPOLL_CTL_ADD, op->fd, &event)) {
		slot->in = NULL;
		slot->out = NULL;
		return -errno;
	}
	slot->known = true;
	return 0;
}

static void op_unpark(struct engine_epoll *e, struct engine_op *op)
{
	struct slot *slot;

	if (op->fd < 0 || (unsigned int)op->fd >= e->slot_count)
		return;
	slot = &e->slots[op->fd];
	if (slot->in == op)
		slot->in = NULL;
	if (slot->out == op)
		slot->out = NULL;
}

static int try_connect(struct engine_op *op)
{
	socklen_t length = sizeof(int);
	struct pollfd at = { .fd = op->fd, .events = POLLOUT };
	int error = 0;

	/* The address is taken away once the attempt is under way. */
	if (op->address) {
		if (!connect(op->fd, op->address, op->length))
			return 0;
		if (errno != EINPROGRESS)
			return errno == EAGAIN ? -ECONNREFUSED : -errno;
		op->address = NULL;
		return -EAGAIN;
	}
	if (poll(&at, 1, 0) <= 0)
		return -EAGAIN;
	if (getsockopt(op->fd, SOL_SOCKET, SO_ERROR, &error, &length))
		return -errno;
	return -error;
}

static bool readable(int fd)
{
	struct pollfd at = { .fd = fd, .events = POLLIN };

	return poll(&at, 1, 0) > 0;
}

static int try_take(struct engine_epoll *e, struct engine_op *op)
{
	struct buffer *buffer = buffer_get(e->engine.pool);
	struct iovec at;
	ssize_t got;

	if (!buffer)
		return readable(op->fd) ? -ENOBUFS : -EAGAIN;
	if (op->msg) {
		at.iov_base = buffer->data;
		at.iov_len = BUFFER_OCTETS;
		op->msg->msg_iov = &at;
		op->msg->msg_iovlen = 1;
		op->msg->msg_controllen = ENGINE_CONTROL;
		got = recvmsg(op->fd, op->msg, op->flags | MSG_DONTWAIT);
		op->msg->msg_iov = NULL;
		op->msg->msg_iovlen = 0;
	} else {
		got = recv(op->fd, buffer->data,
			   op->limit ? op->limit : BUFFER_OCTETS,
			   op->flags | MSG_DONTWAIT);
	}
	if (got < 0) {
		buffer_put(e->engine.pool, buffer);
		return -errno;
	}
	buffer->length = got;
	op->buffer = buffer;
	return got;
}

static int try_poll(struct engine_op *op)
{
	struct pollfd at = { .fd = op->fd, .events = op->events };
	int got = poll(&at, 1, 0);

	if (got < 0)
		return -errno;
	return got ? at.revents : -EAGAIN;
}

static int op_try(struct engine_epoll *e, struct engine_op *op)
{
	ssize_t ret;

	switch (op->code) {
	case ENGINE_ACCEPT:
		ret = accept4(op->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		break;
	case ENGINE_RECEIVE:
		ret = recvmsg(op->fd, op->msg, op->flags | MSG_DONTWAIT);
		break;
	case ENGINE_SEND:
		ret = sendmsg(op->fd, op->msg,
			      op->flags | MSG_DONTWAIT | MSG_NOSIGNAL);
		break;
	case ENGINE_CONNECT:
		return try_connect(op);
	case ENGINE_TAKE:
		return try_take(e, op);
	case ENGINE_POLL:
		return try_poll(op);
	default:
		return -EINVAL;
	}
	return ret < 0 ? -errno : ret;
}

static void op_run(struct engine_epoll *e, struct engine_op *op)
{
	int result;

	if (op->cancelled) {
		op_unpark(e, op);
		engine_complete(op, -ECANCELED);
		return;
	}
	result = op_try(e, op);
	/* Of a listener: the one that gave up is not the next one. */
	if (result == -EINTR ||
	    (result == -ECONNABORTED && op->code == ENGINE_ACCEPT)) {
		ready_add(e, op);
		return;
	}
	if (result == -EAGAIN && !(op->code == ENGINE_RECEIVE &&
				   op->flags & MSG_DONTWAIT)) {
		result = op_park(e, op);
		if (!result)
			return;
	}
	op_unpark(e, op);
	if (result == -ENOBUFS && op->code == ENGINE_TAKE) {
		engine_starve(&e->engine, op);
		return;
	}
	if (op->code == ENGINE_ACCEPT && result >= 0) {
		ready_add(e, op);
		op->done(op, result);
		return;
	}
	engine_complete(op, result);
}

static void epoll_submit(struct engine *engine, struct engine_op *op)
{
	ready_add(epoll_of(engine), op);
}

/*
 * A send whose turn has not come yet has it now, for io_uring would have done it
 * when it was submitted: it may be the alert that says why all is cancelled.
 * (Not with each submission: a socket tells of a reset once, and whoever learns
 * of it has to be called before anybody receives there, and finds an end.)
 */
static void epoll_cancel(struct engine *engine, struct engine_op *op)
{
	struct engine_epoll *e = epoll_of(engine);

	if (op->ready && op->code == ENGINE_SEND)
		op_try(e, op);
	if (!engine_starved_cancel(engine, op))
		ready_add(e, op);
}

static void epoll_close(struct engine *engine, int fd)
{
	struct engine_epoll *e = epoll_of(engine);

	if (fd < 0)
		return;
	/* Closing takes it out of the set unless another process has it too. */
	if ((unsigned int)fd < e->slot_count) {
		if (e->slots[fd].known)
			epoll_ctl(e->fd, EPOLL_CTL_DEL, fd, NULL);
		memset(&e->slots[fd], 0, sizeof(e->slots[fd]));
	}
	close(fd);
}

static void event_take(struct engine_epoll *e, const struct epoll_event *event)
{
	struct slot *slot = &e->slots[event->data.fd];
	uint32_t both = EPOLLERR | EPOLLHUP;

	if (slot->in && event->events & (EPOLLIN | EPOLLRDHUP | both))
		ready_add(e, slot->in);
	if (slot->out && event->events & (EPOLLOUT | both))
		ready_add(e, slot->out);
}

static int epoll_run(struct engine *engine, int timeout_ms)
{
	struct engine_epoll *e = epoll_of(engine);
	struct epoll_event events[EVENTS_AT_ONCE];
	struct engine_op *op;
	int i, count;

	count = epoll_wait(e->fd, events, EVENTS_AT_ONCE, e->ready ? 0 :
			   engine_patience(engine, timeout_ms));
	if (count < 0)
		return errno == EINTR ? 0 : -errno;
	for (i = 0; i < count; i++)
		event_take(e, &events[i]);
	/*
	 * What these add is behind what the kernel has to tell meanwhile: a bulk
	 * transfer that never has to wait would keep the module's answers away.
	 */
	for (i = e->ready_count; i > 0; i--) {
		op = ready_take(e);
		if (!op)
			break;
		op_run(e, op);
	}
	/* Until one gets no buffer still, and waits again behind the others. */
	while ((op = engine_feed(engine))) {
		op_run(e, op);
		if (op->starved)
			break;
	}
	return 0;
}

static void epoll_stop(struct engine *engine)
{
	struct engine_epoll *e = epoll_of(engine);

	close(e->fd);
	free(e->slots);
	free(e);
}

static const struct engine_kind engine_epoll_kind = {
	.name	= "epoll",
	.socket_flags = SOCK_NONBLOCK,
	.stop	= epoll_stop,
	.submit	= epoll_submit,
	.cancel	= epoll_cancel,
	.close	= epoll_close,
	.run	= epoll_run,
};

int engine_epoll_new(struct buffer_pool *pool, struct engine **engine)
{
	struct engine_epoll *e = calloc(1, sizeof(*e));

	if (!e)
		return -ENOMEM;
	e->fd = epoll_create1(EPOLL_CLOEXEC);
	if (e->fd < 0) {
		free(e);
		return -errno;
	}
	engine_init(&e->engine, &engine_epoll_kind, pool);
	e->ready_end = &e->ready;
	*engine = &e->engine;
	return 0;
}
