// SPDX-License-Identifier: MIT
/*
 * The client's end of every kind of connection.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "address.h"
#include "client.h"
#include "clock.h"

#define OPENING_MAX	256	/* of a thread, at one time */
#define FAILED_WAIT	(100 * CLOCK_MILLI)

enum {
	CONNECTING,
	HANDSHAKE,
	HELLO,
	READY,
	WAITING,
	GOING,
	MOVING,
	FINISHING,
	DRAINING,
	CLOSING,
	HELD,
};

static unsigned int phase(const struct client *client)
{
	return atomic_load_explicit(&client->phase, memory_order_acquire);
}

static struct client_loop *loop_of(struct flow *flow)
{
	return (struct client_loop *)flow->loop;
}

static void wake_main(struct client *client)
{
	const uint64_t one = 1;

	if (write(client->wake, &one, sizeof(one)) < 0)
		return;
}

static int step_connect(struct flow *flow)
{
	socklen_t len = sizeof(int);
	int error = 0;

	if (!(flow->events & (EPOLLOUT | EPOLLERR | EPOLLHUP))) {
		flow->channel.want = EPOLLOUT;
		return -EAGAIN;
	}
	getsockopt(flow->channel.fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (error)
		return kpc_error_return(&flow->err, -error, "connecting: %s",
					strerror(error));
	flow->phase = HANDSHAKE;
	return channel_begin(&flow->channel, flow->loop->context);
}

static int step_handshake(struct flow *flow)
{
	struct client *client = flow->owner;
	struct wire_hello hello = { .kind = flow->kind, .index = flow->index };
	int ret = channel_handshake(&flow->channel);

	if (ret)
		return ret;
	if (flow->kind == KIND_PING)
		histogram_add(&loop_of(flow)->handshake,
			      clock_ns() - flow->since);
	memcpy(hello.cookie, client->cookie, WIRE_COOKIE);
	wire_put_hello(flow->small, &hello);
	flow->phase = HELLO;
	return 0;
}

static int step_hello(struct flow *flow)
{
	int ret = flow_put(flow, WIRE_HELLO);

	if (ret)
		return ret;
	flow->phase = READY;
	if (flow->kind != KIND_PING)
		return 0;
	/* Short connections do not wait for each other. */
	loop_of(flow)->opening--;
	flow->phase = MOVING;
	flow->source.left = TEST_PING;
	flow->expect = TEST_PING;
	return 0;
}

static int step_ready(struct flow *flow)
{
	struct client *client = flow->owner;
	int ret = flow_get(flow, 1);

	if (ret)
		return ret;
	if (flow->small[0] != WIRE_READY)
		return kpc_error_return(&flow->err, -EPROTO,
					"the server's first word is not known");
	loop_of(flow)->opening--;
	flow->phase = WAITING;
	if (flow->kind == KIND_IDLE) {
		flow->phase = HELD;
		loop_hold(flow);
		atomic_fetch_add(&client->held, 1);
	}
	atomic_fetch_add(&client->ready, 1);
	wake_main(client);
	return 0;
}

static void ask(struct flow *flow)
{
	flow->source.left = flow->test->request;
	flow->source.at = 0;
	flow->source.len = 0;
	flow->expect = flow->test->response;
	flow->since = clock_ns();
}

static int step_wait(struct flow *flow)
{
	int ret = flow_lost(flow);

	if (ret)
		return ret;
	if (phase(flow->owner) == CLIENT_SETUP)
		return -EAGAIN;
	stats_set(&flow->stats->began, clock_ns());
	flow->phase = MOVING;
	if (flow->kind == KIND_DOWN) {
		flow->small[0] = WIRE_GO;
		flow->phase = GOING;
	} else if (flow->kind == KIND_RR) {
		ask(flow);
	}
	return 0;
}

static int step_go(struct flow *flow)
{
	int ret = flow_put(flow, 1);

	flow->expect = UINT64_MAX;
	flow->phase = ret ? GOING : MOVING;
	return ret;
}

static int move_up(struct flow *flow)
{
	int ret;

	if (flow->events & EPOLLIN) {
		ret = flow_receive_end(flow);
		if (!ret)
			return kpc_error_return(&flow->err, -EPIPE,
						"the server ended the stream before its time");
		if (ret != -EAGAIN)
			return ret;
	}
	if (phase(flow->owner) >= CLIENT_STOP)
		flow->source.left = 0;
	ret = flow_send(flow);
	if (!ret)
		flow->phase = FINISHING;
	else
		flow->channel.want |= EPOLLIN;
	return ret;
}

static int move_down(struct flow *flow)
{
	int ret;

	if (phase(flow->owner) >= CLIENT_STOP && !flow->stopped) {
		flow->small[0] = WIRE_STOP;
		ret = flow_put(flow, 1);
		if (ret && ret != -EAGAIN)
			return ret;
		flow->stopped = !ret;
	}
	ret = flow_receive(flow);
	if (ret <= 0)
		return ret;
	stats_set(&flow->stats->received_end, clock_ns());
	flow->phase = FINISHING;
	return 0;
}

/* Request and response; 1: the peer ended before. */
static int transaction(struct flow *flow)
{
	int ret = flow->source.left ? flow_send(flow) :
				      channel_flush(&flow->channel);

	if (!ret)
		ret = flow_receive(flow);
	if (ret <= 0)
		return ret;
	return kpc_error_return(&flow->err, -ENODATA,
				"the server ended it before its response was whole");
}

static int move_rr(struct flow *flow)
{
	struct client *client = flow->owner;
	int ret = transaction(flow);

	if (ret)
		return ret;
	histogram_add(&loop_of(flow)->latency, clock_ns() - flow->since);
	stats_add(&flow->stats->transactions, 1);
	if (phase(client) >= CLIENT_STOP)
		flow->phase = FINISHING;
	else
		ask(flow);
	return 0;
}

static int step_move(struct flow *flow)
{
	int ret;

	switch (flow->kind) {
	case KIND_UP:
		return move_up(flow);
	case KIND_DOWN:
		return move_down(flow);
	case KIND_RR:
		return move_rr(flow);
	default:
		ret = transaction(flow);
		if (!ret)
			flow->phase = DRAINING;
		return ret;
	}
}

static int step_finish(struct flow *flow)
{
	int ret = channel_finish(&flow->channel);

	if (ret)
		return ret;
	if (flow->stats && flow->kind != KIND_DOWN)
		stats_set(&flow->stats->sent_end, clock_ns());
	flow->phase = DRAINING;
	if (flow->kind == KIND_PING && flow->channel.ended) {
		flow->phase = CLOSING;
		return 0;
	}
	/* What is left to come has come. */
	return flow->channel.ended;
}

/*
 * Who closes first keeps the pair of ports for a minute, and the client has
 * not so many of them: it leaves that to the server.
 */
static int step_close(struct flow *flow)
{
	return channel_hung_up(&flow->channel) ?: 1;
}

static int step_drain(struct flow *flow)
{
	int ret = flow_receive_end(flow);

	if (ret)
		return ret;
	if (flow->stats)
		stats_set(&flow->stats->received_end, clock_ns());
	flow->phase = FINISHING;
	return flow->channel.shut;
}

static int step_hold(struct flow *flow)
{
	int ret;

	if (phase(flow->owner) == CLIENT_RELEASE) {
		loop_release(flow);
		flow->phase = FINISHING;
		return 0;
	}
	ret = flow_receive_end(flow);
	if (ret)
		return ret;
	return kpc_error_return(&flow->err, -EPIPE,
				"the server ended an idle connection");
}

static int (*const steps[])(struct flow *flow) = {
	[CONNECTING]	= step_connect,
	[HANDSHAKE]	= step_handshake,
	[HELLO]		= step_hello,
	[READY]		= step_ready,
	[WAITING]	= step_wait,
	[GOING]		= step_go,
	[MOVING]	= step_move,
	[FINISHING]	= step_finish,
	[DRAINING]	= step_drain,
	[CLOSING]	= step_close,
	[HELD]		= step_hold,
};

static int step(struct flow *flow)
{
	int ret;

	do {
		ret = steps[flow->phase](flow);
	} while (!ret);
	return ret;
}

static const char *const kinds[] = {
	[KIND_UP] = "stream",
	[KIND_DOWN] = "stream",
	[KIND_RR] = "connection",
	[KIND_PING] = "short connection",
	[KIND_IDLE] = "idle connection",
};

static void tell(struct flow *flow)
{
	struct client *client = flow->owner;
	struct kpc_error err;

	kpc_error_set(&err, "%s %u: %s", kinds[flow->kind], flow->index,
		      flow->err.text);
	client_failed(client, err.text);
}

static void over(struct flow *flow, int ret)
{
	struct client_loop *loop = loop_of(flow);
	struct client *client = flow->owner;

	if (flow->phase <= READY)
		loop->opening--;
	if (flow->kind == KIND_IDLE) {
		if (flow->phase > READY)
			atomic_fetch_sub(&client->held, 1);
		atomic_fetch_add(&client->released, 1);
		if (ret)
			tell(flow);
		flow_free(flow);
		wake_main(client);
		return;
	}
	flow_final(flow);
	flow_free(flow);
	if (ret && flow->kind != KIND_PING)
		tell(flow);
	if (flow->kind == KIND_PING) {
		if (!ret && flow->stats->count.faults)
			ret = kpc_error_return(&flow->err, -EBADMSG,
					       "what came is not what was sent");
		if (ret) {
			tell(flow);
			loop->next_start = clock_ns() + FAILED_WAIT;
		} else {
			histogram_add(&loop->latency,
				      clock_ns() - flow->since);
			stats_add(&flow->stats->transactions, 1);
		}
		flow->next = loop->spare;
		loop->spare = flow;
		return;
	}
	atomic_fetch_sub(&client->active, 1);
	wake_main(client);
}

static void prepare(struct client *client, struct flow *flow, uint32_t index)
{
	*flow = (struct flow){
		.channel = {
			.fd = -1,
			.carrier = client->options->site.carrier,
			.site = client->site.entries ? &client->site : NULL,
		},
		.owner = client,
		.step = step,
		.over = over,
		.test = &client->options->test,
		.index = index,
		.kind = test_kind(&client->options->test, index),
	};
	if (flow->kind != KIND_IDLE)
		flow->stats = &client->stats[index];
}

static void begin(struct client_loop *loop, struct flow *flow)
{
	struct client *client = loop->loop.owner;
	int ret;

	prepare(client, flow, flow->index);
	loop->opening++;
	flow->since = clock_ns();
	ret = flow_begin(flow, false);
	if (!ret) {
		ret = address_connect(&client->control.address,
				      client->control.length,
				      client->options->bind,
				      flow->channel.site, &flow->err);
		flow->channel.fd = ret;
	}
	if (ret >= 0) {
		if (flow->kind != KIND_IDLE && flow->kind != KIND_PING)
			client->ids[flow->index] = ret;
		ret = loop_give(&loop->loop, flow);
		if (!ret)
			return;
		kpc_error_set(&flow->err, "epoll: %s", strerror(-ret));
	}
	flow->loop = &loop->loop;
	over(flow, ret);
}

/* Short connections begin with the test, all others before it. */
static bool has_spare(const struct client_loop *loop)
{
	return loop->spare && phase(loop->loop.owner) != CLIENT_SETUP;
}

static bool waits(const struct client_loop *loop)
{
	const struct client *client = loop->loop.owner;

	return has_spare(loop) || loop->first < client->count;
}

/* The next to begin, taken out of where it waits; NULL: none. */
static struct flow *take(struct client_loop *loop)
{
	struct client *client = loop->loop.owner;
	struct flow *flow;

	if (has_spare(loop)) {
		flow = loop->spare;
		loop->spare = flow->next;
		return flow;
	}
	if (loop->first >= client->count)
		return NULL;
	flow = &client->flows[loop->first];
	loop->first += client->threads;
	return flow;
}

uint64_t client_next(struct loop *base)
{
	struct client_loop *loop = (struct client_loop *)base;
	struct client *client = base->owner;
	double ramp = client->options->ramp;
	uint64_t now = clock_ns();
	struct flow *flow;

	if (phase(client) >= CLIENT_STOP) {
		while ((flow = take(loop))) {
			if (flow->kind == KIND_IDLE)
				continue;
			atomic_fetch_sub(&client->active, 1);
			wake_main(client);
		}
		return 0;
	}
	while (waits(loop)) {
		if (loop->next_start > now)
			return loop->next_start;
		if (loop->opening >= OPENING_MAX)
			return 0;
		/* Threads take turns, so that no two begin one at once. */
		if (ramp && !loop->next_start) {
			loop->next_start = now + base->index * CLOCK_SECOND /
						 ramp;
			continue;
		}
		if (ramp)
			loop->next_start += client->threads * CLOCK_SECOND /
					    ramp;
		begin(loop, take(loop));
	}
	return 0;
}

int client_begin_flows(struct client *client)
{
	const struct test *test = &client->options->test;
	struct client_loop *loop;
	struct flow *flow;
	uint32_t i;

	client->count = test_flows(test) + test->idle;
	client->flows = calloc(client->count, sizeof(*client->flows));
	client->stats = calloc(test_flows(test), sizeof(*client->stats));
	client->ids = calloc(test_flows(test), sizeof(*client->ids));
	if (!client->flows || !client->stats || !client->ids)
		return kpc_error_return(&client->err, -ENOMEM,
					"no memory for %u connections",
					client->count);
	for (i = 0; i < client->count; i++)
		prepare(client, &client->flows[i], i);
	for (i = 0; i < client->threads; i++) {
		loop = &client->loops[i];
		loop->first = i;
		while (loop->first < client->count &&
		       client->flows[loop->first].kind == KIND_PING) {
			flow = take(loop);
			flow->next = loop->spare;
			loop->spare = flow;
		}
	}
	atomic_store(&client->active, test_flows(test));
	return 0;
}
