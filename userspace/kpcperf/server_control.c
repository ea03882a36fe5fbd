// SPDX-License-Identifier: MIT
/*
 * The control connection at the server: a test begins, and its results go back.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "server.h"

#define LOOK_AGAIN	(2 * CLOCK_MILLI)
#define GATHER_NS	(10 * CLOCK_SECOND)

/*
 * Two tests at once would measure each other. One whose client has all it
 * wants is as good as over: EAGAIN. The first thread tells a test as soon as it
 * finds it, so who the client is stands in it before.
 */
static struct session *admit(const struct flow *flow, const struct test *test)
{
	const struct channel *channel = &flow->channel;
	struct server *server = flow->owner;
	struct session *session = NULL;

	pthread_mutex_lock(&server->lock);
	if (server->current)
		errno = atomic_load(&server->current->told) ||
			atomic_load(&server->current->over) ? EAGAIN : EBUSY;
	else
		session = session_new(test);
	if (session) {
		session->association = channel->association;
		session->version = channel->version;
		session->suite = channel->suite;
		address_peer(channel->fd, session->peer, &session->port);
		server->current = session_get(session);
	}
	pthread_mutex_unlock(&server->lock);
	return session;
}

static const char *refusal(int code)
{
	switch (code) {
	case EAGAIN:
	case EBUSY:
		return "the server runs a test for another client; try again later";
	case ENOMEM:
		return "the server has no memory for the test";
	default:
		return strerror(code);
	}
}

int control_test(struct server_flow *own)
{
	int ret = flow_get(&own->flow, WIRE_TEST);

	if (ret)
		return ret;
	own->deadline = clock_ns() + GATHER_NS;
	own->flow.phase = SERVER_ADMIT;
	return 0;
}

int control_admit(struct server_flow *own)
{
	struct flow *flow = &own->flow;
	struct wire_reply reply = { .carrier = flow->channel.carrier };
	struct kpc_error err = {};
	struct test test;
	int ret;

	/* Nothing may fail any more once the test is the server's. */
	if (!flow->message)
		flow->message = calloc(1, WIRE_REPLY);
	if (!flow->message)
		return kpc_error_return(&flow->err, -ENOMEM,
					"no memory for a message");
	ret = wire_get_test(&test, flow->small, &err);
	if (!ret) {
		own->session = admit(flow, &test);
		if (!own->session && errno == EAGAIN &&
		    clock_ns() < own->deadline) {
			flow_due(flow, clock_ns() + LOOK_AGAIN);
			return -EAGAIN;
		}
		if (!own->session)
			ret = kpc_error_return(&err, -errno, "%s",
					       refusal(errno));
	}
	reply.error = -ret;
	memcpy(reply.text, err.text, sizeof(reply.text));
	if (own->session) {
		memcpy(reply.cookie, own->session->cookie, WIRE_COOKIE);
		flow->test = &own->session->test;
		server_wake(flow->owner);
	}
	wire_put_reply(flow->message, &reply);
	flow->phase = SERVER_REPLY;
	return 0;
}

int control_reply(struct server_flow *own)
{
	int ret = flow_put(&own->flow, WIRE_REPLY);

	if (ret)
		return ret;
	free(own->flow.message);
	own->flow.message = NULL;
	own->flow.phase = own->session ? SERVER_ASKED : SERVER_FINISHING;
	own->deadline = own->session ? 0 : clock_ns() + GATHER_NS;
	flow_due(&own->flow, own->deadline);
	return 0;
}

int control_asked(struct server_flow *own)
{
	int ret = flow_get(&own->flow, 1);

	if (ret)
		return ret;
	if (own->flow.small[0] != WIRE_RESULTS)
		return kpc_error_return(&own->flow.err, -EPROTO,
					"the client asks for what is not known");
	own->flow.phase = SERVER_GATHER;
	own->deadline = clock_ns() + GATHER_NS;
	return 0;
}

/* The client has seen all streams end; the threads here may be a little behind. */
static bool all_over(const struct session *session)
{
	uint32_t i;

	if (session->test.mode == MODE_CONNECT)
		return true;
	for (i = 0; i < test_flows(&session->test); i++)
		if (!atomic_load_explicit(&session->stats[i].over,
					  memory_order_acquire))
			return false;
	return true;
}

int control_gather(struct server_flow *own)
{
	struct session *session = own->session;
	uint32_t count = test_flows(&session->test), i;
	struct wire_stream stream;
	struct wire_sum sum = { 0 };
	uint64_t now = clock_ns();
	uint8_t *at;

	if (!all_over(session) && now < own->deadline) {
		flow_due(&own->flow, now + LOOK_AGAIN);
		return -EAGAIN;
	}
	own->flow.message = malloc(WIRE_SUM + count * WIRE_STREAM);
	if (!own->flow.message)
		return kpc_error_return(&own->flow.err, -ENOMEM,
					"no memory for results");
	sum.pings = atomic_load(&session->pings);
	sum.failed = atomic_load(&session->failed);
	sum.idle = session_held(session);
	session_used(session, &sum.cpu);
	wire_put_sum(own->flow.message, &sum);
	at = own->flow.message + WIRE_SUM;
	for (i = 0; i < count; i++, at += WIRE_STREAM) {
		wire_stream_of(&stream, &session->stats[i]);
		wire_put_stream(at, &stream);
	}
	own->flow.phase = SERVER_RESULTS;
	return 0;
}

int control_results(struct server_flow *own)
{
	uint32_t count = test_flows(&own->session->test);
	int ret = flow_put(&own->flow, WIRE_SUM + count * WIRE_STREAM);

	if (ret)
		return ret;
	atomic_store(&own->session->told, true);
	own->flow.phase = SERVER_FINISHING;
	return 0;
}
