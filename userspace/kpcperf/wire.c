// SPDX-License-Identifier: MIT
/*
 * The messages of client and server as octets.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "wire.h"

static const uint8_t magic[8] = { 'K', 'P', 'C', 'P', 'E', 'R', 'F', '1' };

enum {
	FLAG_REVERSE	= 1 << 0,
	FLAG_BIDIR	= 1 << 1,
	FLAG_VERIFY	= 1 << 2,
	FLAG_UNEVEN	= 1 << 3,
};

static void put(uint8_t **to, uint64_t number)
{
	number = htobe64(number);
	memcpy(*to, &number, sizeof(number));
	*to += sizeof(number);
}

static uint64_t get(const uint8_t **from)
{
	uint64_t number;

	memcpy(&number, *from, sizeof(number));
	*from += sizeof(number);
	return be64toh(number);
}

void wire_put_hello(uint8_t *to, const struct wire_hello *hello)
{
	uint8_t *at = to + sizeof(magic);

	memset(to, 0, WIRE_HELLO);
	memcpy(to, magic, sizeof(magic));
	put(&at, hello->kind);
	put(&at, hello->index);
	memcpy(at, hello->cookie, WIRE_COOKIE);
}

int wire_get_hello(struct wire_hello *hello, const uint8_t *from,
		   struct kpc_error *err)
{
	const uint8_t *at = from + sizeof(magic);
	uint64_t kind, index;

	if (memcmp(from, magic, sizeof(magic)))
		return kpc_error_return(err, -EPROTO,
					"the peer does not speak as kpcperf of this version does");
	kind = get(&at);
	index = get(&at);
	if (kind >= KINDS || index > UINT32_MAX)
		return kpc_error_return(err, -EPROTO,
					"a connection is of a kind that is not known");
	hello->kind = kind;
	hello->index = index;
	memcpy(hello->cookie, at, WIRE_COOKIE);
	return 0;
}

void wire_put_test(uint8_t *to, const struct test *test)
{
	uint8_t *at = to;

	memset(to, 0, WIRE_TEST);
	put(&at, test->mode);
	put(&at, (test->reverse ? FLAG_REVERSE : 0) |
		 (test->bidir ? FLAG_BIDIR : 0) |
		 (test->verify ? FLAG_VERIFY : 0) |
		 (test->uneven ? FLAG_UNEVEN : 0));
	put(&at, test->streams);
	put(&at, test->length);
	put(&at, test->octets);
	put(&at, test->rate);
	put(&at, test->request);
	put(&at, test->response);
	put(&at, test->idle);
	put(&at, test->seed);
	put(&at, test->pause);
}

static bool within(uint64_t number, uint64_t min, uint64_t max)
{
	return number >= min && number <= max;
}

int wire_get_test(struct test *test, const uint8_t *from,
		  struct kpc_error *err)
{
	uint64_t mode = get(&from), flags = get(&from), streams = get(&from),
		 length = get(&from), octets = get(&from), rate = get(&from),
		 request = get(&from), response = get(&from), idle = get(&from),
		 seed = get(&from), pause = get(&from);

	/* The other end is ours, or wants to be taken for it. */
	if (mode > MODE_CONNECT || !within(streams, 1, TEST_STREAMS_MAX) ||
	    !within(length, 1, TEST_LENGTH_MAX) ||
	    !within(request, 1, TEST_LENGTH_MAX) ||
	    !within(response, 1, TEST_LENGTH_MAX) || idle > UINT32_MAX ||
	    pause > TEST_PAUSE_MAX * CLOCK_SECOND)
		return kpc_error_return(err, -EINVAL,
					"the parameters of the test are not within bounds");
	*test = (struct test){
		.mode = mode,
		.streams = streams,
		.reverse = flags & FLAG_REVERSE,
		.bidir = flags & FLAG_BIDIR,
		.verify = flags & FLAG_VERIFY,
		.uneven = flags & FLAG_UNEVEN,
		.length = length,
		.octets = octets,
		.rate = rate,
		.request = request,
		.response = response,
		.idle = idle,
		.seed = seed,
		.pause = pause,
	};
	return 0;
}

void wire_put_reply(uint8_t *to, const struct wire_reply *reply)
{
	uint8_t *at = to;

	memset(to, 0, WIRE_REPLY);
	put(&at, reply->error);
	put(&at, reply->carrier);
	memcpy(at, reply->cookie, WIRE_COOKIE);
	memcpy(at + WIRE_COOKIE, reply->text, WIRE_REPLY_TEXT);
}

void wire_get_reply(struct wire_reply *reply, const uint8_t *from)
{
	reply->error = get(&from);
	reply->carrier = get(&from);
	memcpy(reply->cookie, from, WIRE_COOKIE);
	memcpy(reply->text, from + WIRE_COOKIE, WIRE_REPLY_TEXT);
	reply->text[WIRE_REPLY_TEXT - 1] = '\0';
}

void wire_put_sum(uint8_t *to, const struct wire_sum *sum)
{
	uint8_t *at = to;

	memset(to, 0, WIRE_SUM);
	put(&at, sum->pings);
	put(&at, sum->failed);
	put(&at, sum->idle);
	put(&at, sum->cpu.ns);
	put(&at, sum->cpu.user);
	put(&at, sum->cpu.system);
}

void wire_get_sum(struct wire_sum *sum, const uint8_t *from)
{
	sum->pings = get(&from);
	sum->failed = get(&from);
	sum->idle = get(&from);
	sum->cpu.ns = get(&from);
	sum->cpu.user = get(&from);
	sum->cpu.system = get(&from);
}

void wire_put_stream(uint8_t *to, const struct wire_stream *stream)
{
	const struct pattern_count *count = &stream->count;
	uint8_t *at = to;
	unsigned int i;

	memset(to, 0, WIRE_STREAM);
	put(&at, stream->over);
	put(&at, stream->sent);
	put(&at, stream->received);
	put(&at, stream->retransmits);
	put(&at, stream->window_max);
	put(&at, stream->rtt_min);
	put(&at, stream->rtt_max);
	put(&at, stream->rtt_mean);
	put(&at, stream->ns);
	put(&at, count->expect);
	put(&at, count->faults);
	for (i = 0; i < PATTERN_FAULTS; i++)
		put(&at, count->octets[i]);
	for (i = 0; i < PATTERN_FIRST; i++) {
		put(&at, count->first[i].fault);
		put(&at, count->first[i].offset);
		put(&at, count->first[i].octets);
	}
}

_Static_assert(WIRE_STREAM >= 8 * (11 + PATTERN_FAULTS + 3 * PATTERN_FIRST),
	       "a stream's results have room in their message");

void wire_get_stream(struct wire_stream *stream, const uint8_t *from)
{
	struct pattern_count *count = &stream->count;
	unsigned int i;

	stream->over = get(&from);
	stream->sent = get(&from);
	stream->received = get(&from);
	stream->retransmits = get(&from);
	stream->window_max = get(&from);
	stream->rtt_min = get(&from);
	stream->rtt_max = get(&from);
	stream->rtt_mean = get(&from);
	stream->ns = get(&from);
	count->expect = get(&from);
	count->faults = get(&from);
	for (i = 0; i < PATTERN_FAULTS; i++)
		count->octets[i] = get(&from);
	for (i = 0; i < PATTERN_FIRST; i++) {
		count->first[i].fault = get(&from);
		count->first[i].offset = get(&from);
		count->first[i].octets = get(&from);
	}
}

void wire_stream_of(struct wire_stream *stream, const struct stats *stats)
{
	uint64_t end = stats_get(&stats->sent_end);
	uint64_t received_end = stats_get(&stats->received_end);

	*stream = (struct wire_stream){
		.over = atomic_load_explicit(&stats->over,
					     memory_order_acquire),
		.sent = stats_get(&stats->sent),
		.received = stats_get(&stats->received),
		.retransmits = stats_get(&stats->retransmits),
	};
	/* Who only receives ends at the peer's end. */
	if (!stream->sent)
		end = received_end;
	if (end > stats_get(&stats->began))
		stream->ns = end - stats_get(&stats->began);
	if (!stream->over)
		return;
	stream->window_max = stats->window_max;
	stream->rtt_min = stats->rtt_min;
	stream->rtt_max = stats->rtt_max;
	if (stats->rtt_count)
		stream->rtt_mean = stats->rtt_sum / stats->rtt_count;
	stream->count = stats->count;
}
