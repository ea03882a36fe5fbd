// SPDX-License-Identifier: MIT
/*
 * The engine on io_uring: one ring for the worker's only thread, completions
 * run when the worker asks for them, and one ring of provided buffers from
 * which a receive takes one only when there is something to put into it.
 */
#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "container.h"
#include "engine_internal.h"

#define SUBMISSIONS	512
#define COMPLETIONS	4096
#define BATCH		256
/* Buffers that the kernel may fill before the worker is heard again. */
#define PROVIDED	64
#define GROUP		1
/* Sockets that are asked for at once whether there is room. */
#define ROOMS		64
/* In the number of a request: it waits for what its operation needs. */
#define WAITS		1

/**
 * struct engine_ring - the engine
 * @engine: what all engines have
 * @ring: its own
 * @room: epoll set of the sockets that a send waits for
 * @roomy: waits for that set
 * @provided: buffers that receives take from
 * @slots: those
 * @filled: how many of them are there
 * @take: where a receive with control data says how much is wanted
 */
struct engine_ring {
	struct engine engine;
	struct io_uring ring;
	int room;
	struct engine_op roomy;
	struct io_uring_buf_ring *provided;
	struct buffer *slots[PROVIDED];
	unsigned int filled;
	struct iovec take;
};

static const uint8_t opcodes[] = {
	IORING_OP_ACCEPT, IORING_OP_CONNECT, IORING_OP_RECV,
	IORING_OP_RECVMSG, IORING_OP_SENDMSG, IORING_OP_POLL_ADD,
	IORING_OP_ASYNC_CANCEL,
};

static struct engine_ring *ring_of(struct engine *engine)
{
	return (struct engine_ring *)engine;
}

static struct io_uring_sqe *ring_sqe(struct engine_ring *r)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&r->ring);

	while (!sqe) {
		io_uring_submit(&r->ring);
		sqe = io_uring_get_sqe(&r->ring);
	}
	return sqe;
}

/* Fill the slots that are empty, as far as there is memory. */
static void ring_provide(struct engine_ring *r)
{
	int mask = io_uring_buf_ring_mask(PROVIDED);
	int added = 0;
	unsigned int i;

	for (i = 0; i < PROVIDED && r->filled < PROVIDED; i++) {
		if (r->slots[i])
			continue;
		r->slots[i] = buffer_get(r->engine.pool);
		if (!r->slots[i])
			break;
		r->filled++;
		io_uring_buf_ring_add(r->provided, r->slots[i]->data,
				      BUFFER_OCTETS, i, mask, added++);
	}
	if (added)
		io_uring_buf_ring_advance(r->provided, added);
}

/*
 * io_uring waits by itself where a receive has nothing to take, but for urgent
 * octets too, which a peer can send without end; and after so many in vain it has
 * a thread sleep in the call, which holds a provided buffer meanwhile. So no call
 * on a connection may wait: the receive begins when a poll says so.
 *
 * Of the two one completion comes: the second request's, or where the first
 * failed or was cancelled only that one's. A poll tells of the end of what comes
 * unasked, which is something to receive.
 */
static void prepare_take(struct engine_ring *r, struct engine_op *op)
{
	struct io_uring_sqe *sqe;

	while (io_uring_sq_space_left(&r->ring) < 2)
		io_uring_submit(&r->ring);
	if (!op->eager) {
		sqe = ring_sqe(r);
		io_uring_prep_poll_add(sqe, op->fd, POLLIN);
		sqe->flags |= IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
		sqe->user_data = (uintptr_t)op | WAITS;
	}
	sqe = ring_sqe(r);
	if (op->msg) {
		op->msg->msg_iov = &r->take;
		op->msg->msg_iovlen = 1;
		op->msg->msg_controllen = ENGINE_CONTROL;
		io_uring_prep_recvmsg(sqe, op->fd, op->msg,
				      op->flags | MSG_DONTWAIT);
	} else {
		io_uring_prep_recv(sqe, op->fd, NULL,
				   op->limit ? op->limit : BUFFER_OCTETS,
				   op->flags | MSG_DONTWAIT);
	}
	sqe->flags |= IOSQE_BUFFER_SELECT;
	sqe->buf_group = GROUP;
	io_uring_sqe_set_data(sqe, op);
}

static void prepare(struct engine_ring *r, struct engine_op *op)
{
	struct io_uring_sqe *sqe = ring_sqe(r);

	switch (op->code) {
	case ENGINE_ACCEPT:
		io_uring_prep_accept(sqe, op->fd, NULL, NULL, SOCK_CLOEXEC);
		break;
	case ENGINE_CONNECT:
		io_uring_prep_connect(sqe, op->fd, op->address, op->length);
		break;
	case ENGINE_RECEIVE:
		io_uring_prep_recvmsg(sqe, op->fd, op->msg, op->flags);
		break;
	case ENGINE_SEND:
		io_uring_prep_sendmsg(sqe, op->fd, op->msg,
				      op->flags | MSG_NOSIGNAL | MSG_DONTWAIT);
		break;
	case ENGINE_POLL:
		io_uring_prep_poll_add(sqe, op->fd, op->events);
		break;
	}
	io_uring_sqe_set_data(sqe, op);
}

static void ring_submit(struct engine *engine, struct engine_op *op)
{
	struct engine_ring *r = ring_of(engine);

	op->awaits = 0;
	if (op->code == ENGINE_TAKE)
		prepare_take(r, op);
	else
		prepare(r, op);
}

static void ring_cancel(struct engine *engine, struct engine_op *op)
{
	struct engine_ring *r = ring_of(engine);
	bool parked = op->code == ENGINE_SEND && op->awaits;
	uint64_t request = (uintptr_t)op;
	struct io_uring_sqe *sqe;

	if (engine_starved_cancel(engine, op))
		return;
	if (op->code == ENGINE_TAKE || parked)
		request |= WAITS;
	sqe = ring_sqe(r);
	io_uring_prep_cancel64(sqe, request, 0);
	/* The ring has nothing of one that is parked, and its saying so ends it. */
	io_uring_sqe_set_data(sqe, parked ? op : NULL);
	if (parked)
		epoll_ctl(r->room, EPOLL_CTL_DEL, op->fd, NULL);
}

static void ring_close(struct engine *engine, int fd)
{
	if (fd >= 0)
		close(fd);
}

static struct buffer *cqe_buffer(struct engine_ring *r,
				 const struct io_uring_cqe *cqe)
{
	unsigned int slot;
	struct buffer *buffer;

	if (!(cqe->flags & IORING_CQE_F_BUFFER))
		return NULL;
	slot = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
	buffer = r->slots[slot];
	r->slots[slot] = NULL;
	r->filled--;
	return buffer;
}

static void cqe_take(struct engine_ring *r, struct engine_op *op,
		     const struct io_uring_cqe *cqe)
{
	struct buffer *buffer = cqe_buffer(r, cqe);

	/* More came in this round than was provided: that is no failure. */
	if (cqe->res == -ENOBUFS && !op->cancelled) {
		engine_starve(&r->engine, op);
		return;
	}
	if (cqe->res < 0) {
		buffer_put(r->engine.pool, buffer);
		buffer = NULL;
		/* What made it ready was not for it, as an urgent octet is not. */
		if (cqe->res == -EAGAIN && !op->cancelled) {
			op->eager = 0;
			ring_submit(&r->engine, op);
			return;
		}
	} else if (!buffer) {
		/* The end of the stream takes none; owners expect one. */
		buffer = buffer_get(r->engine.pool);
		if (!buffer && !op->cancelled) {
			engine_starve(&r->engine, op);
			return;
		}
	}
	if (buffer)
		buffer->length = cqe->res;
	op->buffer = buffer;
	engine_complete(op, cqe->res == -EAGAIN ? -ECANCELED : cqe->res);
}

/*
 * A poll of the ring would tell of a peer that sends no more, as long as there is
 * one, whether there is room or not; a set of epoll tells of what was asked.
 */
static int room_await(struct engine_ring *r, struct engine_op *op)
{
	struct epoll_event event = {
		.events = EPOLLOUT | EPOLLONESHOT,
		.data.ptr = op,
	};

	if (!epoll_ctl(r->room, EPOLL_CTL_MOD, op->fd, &event) ||
	    (errno == ENOENT &&
	     !epoll_ctl(r->room, EPOLL_CTL_ADD, op->fd, &event)))
		return 0;
	return -errno;
}

static void room_came(struct engine_op *roomy, int result)
{
	struct engine_ring *r = container_of(roomy, struct engine_ring, roomy);
	struct epoll_event events[ROOMS];
	int i, count;

	/* One that is in it cannot be cancelled meanwhile: it is out of the set. */
	count = result < 0 ? 0 : epoll_wait(r->room, events, ROOMS, 0);
	for (i = 0; i < count; i++)
		ring_submit(&r->engine, events[i].data.ptr);
	ring_submit(&r->engine, roomy);
}

/* Mostly there is room at once. */
static void cqe_send(struct engine_ring *r, struct engine_op *op, int result)
{
	if (op->awaits || (result == -EAGAIN && op->cancelled))
		result = -ECANCELED;
	if (result == -EAGAIN) {
		result = room_await(r, op);
		op->awaits = !result;
	} else {
		op->awaits = 0;
	}
	if (!op->awaits)
		engine_complete(op, result);
}

/*
 * A listener does not wait, for workers on epoll share it: where io_uring takes
 * that for its answer, it is asked to tell when somebody comes. One worker is
 * woken for each, as when accepting itself waits.
 */
static void ring_await(struct engine_ring *r, struct engine_op *op)
{
	struct io_uring_sqe *sqe = ring_sqe(r);

	io_uring_prep_poll_add(sqe, op->fd, POLLIN | EPOLLEXCLUSIVE);
	io_uring_sqe_set_data(sqe, op);
	op->awaits = 1;
}

static void ring_accept(struct engine_ring *r, struct engine_op *op)
{
	op->awaits = 0;
	ring_submit(&r->engine, op);
}

/*
 * One at a time and not multishot: that would take all who wait at once, and
 * what the first of them says would come behind a thousand others.
 */
static void cqe_accept(struct engine_ring *r, struct engine_op *op, int result)
{
	bool accepted = result >= 0 && !op->awaits;

	if (op->cancelled) {
		if (accepted)
			close(result);
		op->awaits = 0;
		engine_complete(op, -ECANCELED);
	} else if (result == -EAGAIN) {
		ring_await(r, op);
	} else if (result >= 0 || result == -ECONNABORTED || result == -EINTR) {
		ring_accept(r, op);
		if (accepted)
			op->done(op, result);
	} else {
		op->awaits = 0;
		engine_complete(op, result);
	}
}

static void cqe_dispatch(struct engine_ring *r, const struct io_uring_cqe *cqe)
{
	struct engine_op *op =
		(struct engine_op *)(uintptr_t)(cqe->user_data & ~(uint64_t)WAITS);

	if (!op)
		return;
	switch (op->code) {
	case ENGINE_TAKE:
		cqe_take(r, op, cqe);
		break;
	case ENGINE_SEND:
		cqe_send(r, op, cqe->res);
		break;
	case ENGINE_ACCEPT:
		cqe_accept(r, op, cqe->res);
		break;
	default:
		engine_complete(op, cqe->res);
		break;
	}
}

/* What waits for buffers begins anew, as many as there are buffers for. */
static void ring_feed(struct engine_ring *r)
{
	unsigned int count = r->filled;
	struct engine_op *op;

	while ((op = r->engine.starved) && (op->cancelled || count)) {
		engine_feed(&r->engine);
		if (op->cancelled) {
			engine_complete(op, -ECANCELED);
			continue;
		}
		ring_submit(&r->engine, op);
		count--;
	}
}

static int ring_run(struct engine *engine, int timeout_ms)
{
	struct engine_ring *r = ring_of(engine);
	struct io_uring_cqe *cqes[BATCH], *first;
	struct __kernel_timespec at = {};
	unsigned int i, count;
	int ret;

	timeout_ms = engine_patience(engine, timeout_ms);
	at.tv_sec = timeout_ms / 1000;
	at.tv_nsec = timeout_ms % 1000 * 1000000LL;
	ret = io_uring_submit_and_wait_timeout(&r->ring, &first, 1,
					       timeout_ms < 0 ? NULL : &at,
					       NULL);
	if (ret < 0 && ret != -ETIME && ret != -EINTR && ret != -EAGAIN &&
	    ret != -EBUSY)
		return ret;
	count = io_uring_peek_batch_cqe(&r->ring, cqes, BATCH);
	for (i = 0; i < count; i++)
		cqe_dispatch(r, cqes[i]);
	io_uring_cq_advance(&r->ring, count);
	ring_provide(r);
	ring_feed(r);
	return 0;
}

static void ring_stop(struct engine *engine)
{
	struct engine_ring *r = ring_of(engine);

	io_uring_queue_exit(&r->ring);
	munmap(r->provided, PROVIDED * sizeof(struct io_uring_buf));
	close(r->room);
	free(r);
}

static const struct engine_kind engine_ring_kind = {
	.name	= "io_uring",
	.stop	= ring_stop,
	.submit	= ring_submit,
	.cancel	= ring_cancel,
	.close	= ring_close,
	.run	= ring_run,
};

/* The newest set-up first; without deferred task work it is only slower. */
static int ring_setup(struct io_uring *ring)
{
	static const unsigned int flags[] = {
		IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
		IORING_SETUP_COOP_TASKRUN,
		0,
	};
	struct io_uring_params params;
	unsigned int i;
	int ret = -EINVAL;

	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		params = (struct io_uring_params){
			.flags = flags[i] | IORING_SETUP_R_DISABLED |
				 IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP,
			.cq_entries = COMPLETIONS,
		};
		ret = io_uring_queue_init_params(SUBMISSIONS, ring, &params);
		if (ret != -EINVAL)
			break;
	}
	if (ret)
		return ret;
	if (!(params.features & IORING_FEAT_SUBMIT_STABLE) ||
	    !(params.features & IORING_FEAT_EXT_ARG) ||
	    !(params.features & IORING_FEAT_FAST_POLL) ||
	    !(params.features & IORING_FEAT_CQE_SKIP)) {
		io_uring_queue_exit(ring);
		return -EOPNOTSUPP;
	}
	return 0;
}

/* Debian 12's liburing declares the calls for this, but does not have them. */
static int ring_register(struct io_uring *ring, unsigned int what,
			 const void *argument, unsigned int count)
{
	if (syscall(__NR_io_uring_register, ring->ring_fd, what, argument,
		    count) < 0)
		return -errno;
	return 0;
}

/*
 * A ring goes past seccomp, so it is told by itself what it may do: nothing
 * opens files through it even in a worker that was taken over.
 */
static int ring_restrict(struct io_uring *ring)
{
	struct io_uring_restriction list[sizeof(opcodes) + 1] = {};
	unsigned int i;

	for (i = 0; i < sizeof(opcodes); i++) {
		list[i].opcode = IORING_RESTRICTION_SQE_OP;
		list[i].sqe_op = opcodes[i];
	}
	list[i].opcode = IORING_RESTRICTION_SQE_FLAGS_ALLOWED;
	list[i].sqe_flags = IOSQE_BUFFER_SELECT | IOSQE_IO_LINK |
			    IOSQE_CQE_SKIP_SUCCESS;
	return ring_register(ring, IORING_REGISTER_RESTRICTIONS, list, i + 1);
}

static int ring_provided_setup(struct engine_ring *r)
{
	size_t size = PROVIDED * sizeof(struct io_uring_buf);
	struct io_uring_buf_reg reg = {
		.ring_entries = PROVIDED,
		.bgid = GROUP,
	};
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
			MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
	int ret;

	if (at == MAP_FAILED)
		return -ENOMEM;
	reg.ring_addr = (uint64_t)(uintptr_t)at;
	ret = io_uring_register_buf_ring(&r->ring, &reg, 0);
	if (ret) {
		munmap(at, size);
		return ret;
	}
	r->provided = at;
	io_uring_buf_ring_init(r->provided);
	return 0;
}

static int room_setup(struct engine_ring *r)
{
	r->room = epoll_create1(EPOLL_CLOEXEC);
	if (r->room < 0)
		return -errno;
	r->roomy = (struct engine_op){
		.done = room_came,
		.fd = r->room,
		.code = ENGINE_POLL,
		.events = POLLIN,
	};
	return 0;
}

int engine_ring_new(struct buffer_pool *pool, struct engine **engine)
{
	struct engine_ring *r = calloc(1, sizeof(*r));
	int ret;

	if (!r)
		return -ENOMEM;
	engine_init(&r->engine, &engine_ring_kind, pool);
	r->take.iov_len = BUFFER_OCTETS;
	ret = room_setup(r);
	if (ret)
		goto err_free;
	ret = ring_setup(&r->ring);
	if (ret)
		goto err_close;
	ret = ring_provided_setup(r);
	if (ret)
		goto err_exit;
	ret = ring_restrict(&r->ring);
	if (!ret)
		ret = ring_register(&r->ring, IORING_REGISTER_ENABLE_RINGS,
				    NULL, 0);
	if (ret)
		goto err_exit;
	ring_provide(r);
	if (r->filled < PROVIDED) {
		ret = -ENOMEM;
		goto err_exit;
	}
	ring_submit(&r->engine, &r->roomy);
	*engine = &r->engine;
	return 0;

err_exit:
	io_uring_queue_exit(&r->ring);
	if (r->provided)
		munmap(r->provided, PROVIDED * sizeof(struct io_uring_buf));
err_close:
	close(r->room);
err_free:
	free(r);
	return ret;
}
