// SPDX-License-Identifier: MIT
/*
 * A connection of a test, in a loop that steps it when it can go on.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "clock.h"
#include "flow.h"
#include "loop.h"

#define LOOK_NS		(100 * CLOCK_MILLI)
#define PAUSE_ONE_IN	64	/* sends of an uneven stream */

static uint8_t *message(struct flow *flow)
{
	return flow->message ?: flow->small;
}

int flow_put(struct flow *flow, size_t len)
{
	ssize_t sent;

	while (flow->at < len) {
		sent = channel_send(&flow->channel, message(flow) + flow->at,
				    len - flow->at);
		if (sent < 0)
			return sent;
		flow->at += sent;
	}
	sent = channel_flush(&flow->channel);
	if (!sent)
		flow->at = 0;
	return sent;
}

int flow_get(struct flow *flow, size_t len)
{
	ssize_t got;

	while (flow->at < len) {
		got = channel_receive(&flow->channel,
				      message(flow) + flow->at,
				      len - flow->at);
		if (!got)
			return kpc_error_return(&flow->err, -ENODATA,
						"the peer ended it without a word");
		if (got < 0)
			return got;
		flow->at += got;
	}
	flow->at = 0;
	return 0;
}

static uint64_t chance(struct flow *flow, uint64_t below)
{
	return pattern_random(~flow->source.seed, flow->source.chance++) %
	       below;
}

/* When the block after this one may go. */
static void pace(struct flow *flow)
{
	struct source *source = &flow->source;
	uint64_t now = clock_ns();

	if (flow->test->uneven && !chance(flow, PAUSE_ONE_IN))
		source->next = now + chance(flow, TEST_PAUSE_MS * CLOCK_MILLI);
	if (!flow->test->rate)
		return;
	/* What was missed is made up for, a tenth of a second of it. */
	if (source->next + LOOK_NS < now)
		source->next = now - LOOK_NS;
	source->next += source->len * 8 * CLOCK_SECOND / flow->test->rate;
}

static int next_block(struct flow *flow)
{
	struct source *source = &flow->source;
	size_t len = flow->test->length;

	if (source->next) {
		if (clock_ns() < source->next) {
			flow_due(flow, source->next);
			return flow_lost(flow) ?:
			       channel_flush(&flow->channel) ?: -EAGAIN;
		}
		flow_due(flow, 0);
	}
	if (flow->test->uneven)
		len = 1 + chance(flow, len);
	if (len > source->left)
		len = source->left;
	source->at = 0;
	source->len = len;
	if (source->block)
		pattern_fill(source->block, len, source->seed, source->offset);
	source->offset += len;
	if (flow->test->rate || flow->test->uneven)
		pace(flow);
	return 0;
}

static void look(struct flow *flow)
{
	uint64_t now = clock_ns();

	if (!flow->stats || now - flow->looked < LOOK_NS)
		return;
	flow->looked = now;
	stats_tcp(flow->stats, flow->channel.fd);
}

int flow_send(struct flow *flow)
{
	struct source *source = &flow->source;
	const uint8_t *block = source->block ?: flow->loop->noise;
	ssize_t sent;
	int ret;

	while (source->left) {
		if (source->at == source->len) {
			ret = next_block(flow);
			if (ret)
				return ret;
		}
		sent = channel_send(&flow->channel, block + source->at,
				    source->len - source->at);
		if (sent < 0) {
			look(flow);
			return sent;
		}
		source->at += sent;
		source->left -= sent;
		if (flow->stats)
			stats_add(&flow->stats->sent, sent);
	}
	return channel_flush(&flow->channel);
}

int flow_receive(struct flow *flow)
{
	ssize_t got;

	while (flow->expect) {
		got = channel_receive(&flow->channel, flow->loop->buffer,
				      flow->expect < LOOP_BUFFER ?
				      flow->expect : LOOP_BUFFER);
		if (got <= 0) {
			look(flow);
			return got ? got : 1;
		}
		flow->expect -= got;
		if (flow->stats)
			stats_add(&flow->stats->received, got);
		if (flow->check)
			pattern_check(flow->check, flow->loop->buffer, got);
	}
	return 0;
}

int flow_receive_end(struct flow *flow)
{
	ssize_t got = channel_receive(&flow->channel, flow->loop->buffer,
				      LOOP_BUFFER);

	if (got > 0)
		return kpc_error_return(&flow->err, -EPROTO,
					"the peer sent %zd octets where none were due",
					got);
	return got;
}

static bool receives(enum kind kind, bool server)
{
	return kind == KIND_RR || kind == KIND_PING ||
	       kind == (server ? KIND_UP : KIND_DOWN);
}

static bool sends(enum kind kind, bool server)
{
	return receives(kind, !server);
}

int flow_begin(struct flow *flow, bool server)
{
	const struct test *test = flow->test;

	flow->source = (struct source){
		.seed = test_seed(test, flow->index, server),
		.left = test_share(test, flow->index),
	};
	if (!test->verify)
		return 0;
	if (sends(flow->kind, server)) {
		flow->source.block = malloc(test->length);
		if (!flow->source.block)
			return kpc_error_return(&flow->err, -ENOMEM,
						"no memory for a stream");
	}
	if (receives(flow->kind, server)) {
		flow->check = calloc(1, sizeof(*flow->check));
		if (!flow->check)
			return kpc_error_return(&flow->err, -ENOMEM,
						"no memory for a check");
		flow->check->seed = test_seed(test, flow->index, !server);
	}
	return 0;
}

int flow_lost(struct flow *flow)
{
	socklen_t len = sizeof(int);
	int error = 0;

	if (!(flow->events & (EPOLLERR | EPOLLHUP)))
		return 0;
	getsockopt(flow->channel.fd, SOL_SOCKET, SO_ERROR, &error, &len);
	return kpc_error_return(&flow->err, error ? -error : -ECONNRESET,
				"the connection is lost: %s",
				strerror(error ? error : ECONNRESET));
}

void flow_final(struct flow *flow)
{
	struct stats *stats = flow->stats;

	if (!stats)
		return;
	if (flow->channel.fd >= 0)
		stats_tcp(stats, flow->channel.fd);
	if (flow->check) {
		pattern_check_end(flow->check);
		stats->count = flow->check->count;
	}
	atomic_store_explicit(&stats->over, true, memory_order_release);
}

void flow_free(struct flow *flow)
{
	channel_close(&flow->channel);
	free(flow->source.block);
	free(flow->check);
	free(flow->message);
	flow->source.block = NULL;
	flow->check = NULL;
	flow->message = NULL;
}

void flow_due(struct flow *flow, uint64_t due)
{
	flow->loop->timed += !!due - !!flow->due;
	flow->due = due;
}
