// SPDX-License-Identifier: MIT
/*
 * The server's end of every kind of connection.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "clock.h"
#include "server.h"

#define HELLO_SECONDS	30

static int step_handshake(struct server_flow *own)
{
	int ret = channel_handshake(&own->flow.channel);

	if (!ret)
		own->flow.phase = SERVER_HELLO;
	return ret;
}

/* The cookie is the proof, and that the key is the one of the control's. */
static struct session *find(struct server *server, const struct flow *flow,
			    const uint8_t *cookie)
{
	struct session *session = NULL;

	pthread_mutex_lock(&server->lock);
	if (server->current &&
	    !memcmp(server->current->cookie, cookie, WIRE_COOKIE) &&
	    server->current->association == flow->channel.association)
		session = session_get(server->current);
	pthread_mutex_unlock(&server->lock);
	return session;
}

static int join(struct server_flow *own, const struct wire_hello *hello)
{
	struct flow *flow = &own->flow;
	struct session *session;
	unsigned long long idle, most;

	session = find(flow->owner, flow, hello->cookie);
	if (!session)
		return kpc_error_return(&flow->err, -EACCES,
					"a connection is of no test that runs");
	own->session = session;
	flow->test = &session->test;
	flow->index = hello->index;
	if (hello->index >= test_flows(flow->test) + flow->test->idle ||
	    hello->kind != test_kind(flow->test, hello->index))
		return kpc_error_return(&flow->err, -EPROTO,
					"a connection does not belong to its test");
	if (flow->kind == KIND_IDLE) {
		idle = atomic_fetch_add(&session->idle, 1) + 1;
		most = atomic_load(&session->idle_most);
		while (idle > most &&
		       !atomic_compare_exchange_weak(&session->idle_most, &most,
						     idle))
			;
	} else if (flow->kind != KIND_PING) {
		if (atomic_exchange(&session->stats[hello->index].joined, true))
			return kpc_error_return(&flow->err, -EPROTO,
						"two connections say that they are the same one");
		flow->stats = &session->stats[hello->index];
		session->ids[hello->index] = flow->channel.fd;
	}
	return flow_begin(flow, true);
}

/* The first octets of a connection, and maybe of its test. */
static void begin(struct server_flow *own)
{
	if (own->flow.stats)
		stats_set(&own->flow.stats->began, clock_ns());
	if (session_begin(own->session))
		server_wake(own->flow.owner);
}

static void ask(struct flow *flow)
{
	bool ping = flow->kind == KIND_PING;

	flow->expect = ping ? TEST_PING : flow->test->request;
	flow->source.left = ping ? TEST_PING : flow->test->response;
	flow->source.at = 0;
	flow->source.len = 0;
}

static int step_hello(struct server_flow *own)
{
	struct flow *flow = &own->flow;
	struct wire_hello hello;
	int ret = flow_get(flow, WIRE_HELLO);

	if (!ret)
		ret = wire_get_hello(&hello, flow->small, &flow->err);
	if (ret)
		return ret;
	flow->kind = hello.kind;
	if (hello.kind == KIND_CONTROL) {
		flow->phase = SERVER_TEST;
		return 0;
	}
	own->deadline = 0;
	flow_due(flow, 0);
	ret = join(own, &hello);
	if (ret)
		return ret;
	flow->small[0] = WIRE_READY;
	flow->phase = SERVER_READY;
	if (flow->kind == KIND_PING) {
		begin(own);
		ask(flow);
		flow->phase = SERVER_MOVING;
	}
	return 0;
}

static int step_ready(struct server_flow *own)
{
	struct flow *flow = &own->flow;
	int ret = flow_put(flow, 1);

	if (ret)
		return ret;
	flow->phase = SERVER_MOVING;
	switch (flow->kind) {
	case KIND_UP:
		flow->expect = UINT64_MAX;
		break;
	case KIND_DOWN:
		flow->phase = SERVER_GO;
		break;
	case KIND_RR:
		ask(flow);
		break;
	default:
		flow->phase = SERVER_HELD;
		loop_hold(flow);
	}
	return 0;
}

static int step_go(struct server_flow *own)
{
	struct flow *flow = &own->flow;
	int ret = flow_get(flow, 1);

	if (ret)
		return ret;
	if (flow->small[0] != WIRE_GO)
		return kpc_error_return(&flow->err, -EPROTO,
					"the client's word to begin is not known");
	begin(own);
	flow->phase = SERVER_MOVING;
	/* What came together with it has no event of its own. */
	flow->events |= EPOLLIN;
	return 0;
}

static int move_up(struct server_flow *own)
{
	struct flow *flow = &own->flow;
	struct stats *stats = flow->stats;
	bool first = !stats_get(&stats->received);
	int ret = flow_receive(flow);

	if (first && stats_get(&stats->received))
		begin(own);
	if (ret <= 0)
		return ret;
	stats_set(&stats->received_end, clock_ns());
	flow->phase = SERVER_FINISHING;
	return 0;
}

static int hear_stop(struct flow *flow)
{
	int ret = flow_get(flow, 1);

	if (ret)
		return ret;
	if (flow->small[0] != WIRE_STOP)
		return kpc_error_return(&flow->err, -EPROTO,
					"the client's word to stop is not known");
	flow->stopped = true;
	flow->source.left = 0;
	return 0;
}

static int move_down(struct flow *flow)
{
	int ret;

	if ((flow->events & EPOLLIN) && !flow->stopped) {
		ret = hear_stop(flow);
		if (ret && ret != -EAGAIN)
			return ret;
	}
	ret = flow_send(flow);
	if (!ret)
		flow->phase = SERVER_FINISHING;
	else if (!flow->stopped)
		flow->channel.want |= EPOLLIN;
	return ret;
}

/*
 * Nobody asks the server what it found in a short connection: the client learns
 * it by having no response.
 */
static int check_ping(struct flow *flow)
{
	if (flow->kind != KIND_PING || !flow->check)
		return 0;
	pattern_check_end(flow->check);
	if (!flow->check->count.faults)
		return 0;
	return kpc_error_return(&flow->err, -EBADMSG,
				"a request is not what was sent: %s at offset %llu",
				pattern_fault_name(flow->check->count.first[0].fault),
				(unsigned long long)
				flow->check->count.first[0].offset);
}

/* 1: the client has ended it between two of them. */
static int transaction(struct flow *flow)
{
	uint64_t whole = flow->kind == KIND_PING ? TEST_PING :
						   flow->test->request;
	int ret = flow_receive(flow);

	if (ret == 1 && flow->expect < whole)
		return kpc_error_return(&flow->err, -ENODATA,
					"the client ended it within a request");
	if (!ret)
		ret = check_ping(flow);
	return ret ? ret : flow_send(flow);
}

static int move_rr(struct server_flow *own)
{
	struct flow *flow = &own->flow;
	bool first = !stats_get(&flow->stats->received);
	int ret = transaction(flow);

	if (first && stats_get(&flow->stats->received))
		begin(own);
	if (ret < 0)
		return ret;
	if (ret) {
		stats_set(&flow->stats->received_end, clock_ns());
		flow->phase = SERVER_FINISHING;
		return 0;
	}
	stats_add(&flow->stats->transactions, 1);
	ask(flow);
	return 0;
}

static int move_ping(struct flow *flow)
{
	int ret = transaction(flow);

	if (ret == 1)
		return kpc_error_return(&flow->err, -ENODATA,
					"the client ended it before its request");
	if (!ret)
		flow->phase = SERVER_FINISHING;
	return ret;
}

static int step_move(struct server_flow *own)
{
	switch (own->flow.kind) {
	case KIND_UP:
		return move_up(own);
	case KIND_DOWN:
		return move_down(&own->flow);
	case KIND_RR:
		return move_rr(own);
	default:
		return move_ping(&own->flow);
	}
}

static int step_finish(struct server_flow *own)
{
	struct flow *flow = &own->flow;
	int ret;

	/* The results are there before the client is told of the end. */
	if (flow->stats && flow->kind != KIND_DOWN && !flow->channel.shut &&
	    !flow->channel.closing)
		flow_final(flow);
	ret = channel_finish(&flow->channel);
	if (ret)
		return ret;
	if (flow->stats && flow->kind == KIND_DOWN)
		stats_set(&flow->stats->sent_end, clock_ns());
	flow->phase = SERVER_DRAINING;
	return flow->channel.ended;
}

static int step_drain(struct server_flow *own)
{
	struct flow *flow = &own->flow;
	ssize_t got;

	got = channel_receive(&flow->channel, flow->small, 1);
	if (got < 0)
		return got;
	if (!got)
		return 1;
	/* The word to stop may come when all has been sent anyway. */
	if (flow->kind != KIND_DOWN || flow->stopped ||
	    flow->small[0] != WIRE_STOP)
		return kpc_error_return(&flow->err, -EPROTO,
					"the client sends where nothing is due");
	flow->stopped = true;
	return 0;
}

static int step_hold(struct server_flow *own)
{
	int ret = flow_receive_end(&own->flow);

	if (ret)
		return ret;
	loop_release(&own->flow);
	own->flow.phase = SERVER_FINISHING;
	return 0;
}

static int (*const steps[])(struct server_flow *own) = {
	[SERVER_HANDSHAKE]	= step_handshake,
	[SERVER_HELLO]		= step_hello,
	[SERVER_TEST]		= control_test,
	[SERVER_ADMIT]		= control_admit,
	[SERVER_REPLY]		= control_reply,
	[SERVER_ASKED]		= control_asked,
	[SERVER_GATHER]		= control_gather,
	[SERVER_RESULTS]	= control_results,
	[SERVER_READY]		= step_ready,
	[SERVER_GO]		= step_go,
	[SERVER_MOVING]		= step_move,
	[SERVER_FINISHING]	= step_finish,
	[SERVER_DRAINING]	= step_drain,
	[SERVER_HELD]		= step_hold,
};

/* The test is over: what is left of it has no more to do, or no more time. */
static bool orphaned(const struct server_flow *own)
{
	const struct session *session = own->session;

	if (!session || own->flow.kind == KIND_CONTROL ||
	    !atomic_load_explicit(&session->over, memory_order_relaxed))
		return false;
	return atomic_load_explicit(&session->cut, memory_order_relaxed) ||
	       (own->flow.phase != SERVER_FINISHING &&
		own->flow.phase != SERVER_DRAINING);
}

/* It ends its test when it ends itself: before that, only the first thread does. */
static bool given_up(const struct server_flow *own)
{
	return own->session && own->flow.kind == KIND_CONTROL &&
	       atomic_load_explicit(&own->session->over, memory_order_relaxed);
}

/* Without a test nobody else looks whether it goes on. */
static int late(struct server_flow *own)
{
	struct flow *flow = &own->flow;

	if (!own->deadline || own->session || flow->phase == SERVER_ADMIT ||
	    clock_ns() < own->deadline)
		return 0;
	if (flow->phase > SERVER_TEST)
		return kpc_error_return(&flow->err, -ETIMEDOUT,
					"it stays although its test was refused");
	return kpc_error_return(&flow->err, -ETIMEDOUT,
				"it has not said what it is for in %u seconds",
				HELLO_SECONDS);
}

static int step(struct flow *flow)
{
	struct server_flow *own = (struct server_flow *)flow;
	int ret;

	/* The first step of all; only this thread's context may be used. */
	if (!own->deadline && flow->phase == SERVER_HANDSHAKE) {
		own->deadline = clock_ns() + HELLO_SECONDS * CLOCK_SECOND;
		flow_due(flow, own->deadline);
		ret = channel_begin(&flow->channel, flow->loop->context);
		if (ret)
			return ret;
	}
	ret = late(own);
	if (ret)
		return ret;
	if (given_up(own))
		return kpc_error_return(&flow->err, -ETIMEDOUT,
					"nothing of its test has moved for too long");
	if (orphaned(own))
		return kpc_error_return(&flow->err, -EPIPE,
					"the control connection of its test has ended");
	do {
		ret = steps[flow->phase](own);
	} while (!ret);
	return ret;
}

static void over(struct flow *flow, int ret)
{
	struct server_flow *own = (struct server_flow *)flow;
	struct server *server = flow->owner;
	struct session *session = own->session;
	bool control = flow->kind == KIND_CONTROL;
	char peer[ADDRESS_TEXT];
	uint16_t port;

	/* The others of a test whose control connection has ended say nothing new. */
	if (ret && (control || !session || !atomic_load(&session->over))) {
		address_text(&own->peer, peer, &port);
		fprintf(stderr, "kpcperf: %s port %u: %s\n", peer, port,
			flow->err.text);
	}
	if (session && control) {
		atomic_store(&session->over, true);
	} else if (session) {
		if (flow->kind == KIND_IDLE)
			atomic_fetch_sub(&session->idle, 1);
		if (flow->kind == KIND_IDLE && ret)
			atomic_fetch_add(&session->idle_lost, 1);
		if (ret)
			atomic_fetch_add(&session->failed, 1);
		else if (flow->kind == KIND_PING)
			atomic_fetch_add(&session->pings, 1);
		if (flow->stats &&
		    !atomic_load_explicit(&flow->stats->over,
					  memory_order_relaxed))
			flow_final(flow);
	}
	flow_free(flow);
	session_put(session);
	free(own);
	/* The last one may be what the first thread waits for. */
	if (atomic_fetch_sub(&server->open, 1) == 1 || control)
		server_wake(server);
}

int server_accept(struct server *server, int fd,
		  const struct sockaddr_storage *peer)
{
	struct server_flow *own = calloc(1, sizeof(*own));
	struct loop *loop = &server->loops[server->accepted++ %
					   server->threads];
	int ret;

	if (!own) {
		close(fd);
		return -ENOMEM;
	}
	address_set_up(fd);
	own->flow.channel = (struct channel){
		.fd = fd,
		.carrier = server->options->site.carrier,
		.site = &server->site,
	};
	own->peer = *peer;
	own->flow.step = step;
	own->flow.over = over;
	own->flow.phase = SERVER_HANDSHAKE;
	atomic_fetch_add(&server->open, 1);
	ret = loop_give(loop, &own->flow);
	if (ret) {
		atomic_fetch_sub(&server->open, 1);
		flow_free(&own->flow);
		free(own);
	}
	return ret;
}

static void drop_list(struct flow *list)
{
	struct flow *next;

	for (; list; list = next) {
		struct server_flow *own = (struct server_flow *)list;

		next = list->next;
		flow_free(list);
		session_put(own->session);
		free(own);
	}
}

void server_drop(struct loop *loop)
{
	drop_list(loop->flows);
	drop_list(loop->held);
	loop_close(loop);
}
