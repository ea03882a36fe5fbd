// SPDX-License-Identifier: MIT
/*
 * What came of a test: both ends' views put together and judged.
 */
#include <stdlib.h>

#include "client.h"
#include "clock.h"
#include "report.h"

static double seconds(const struct client *client, uint64_t end)
{
	return end > client->began ?
		(double)(end - client->began) / CLOCK_SECOND : 0;
}

static void own_sends(struct report_stream *stream, const struct stats *stats)
{
	stream->sent = stats_get(&stats->sent);
	stream->retransmits = stats_get(&stats->retransmits);
	stream->window_max = stats->window_max;
	stream->rtt_min = stats->rtt_min;
	stream->rtt_max = stats->rtt_max;
	stream->rtt_mean = stats->rtt_count ?
		stats->rtt_sum / stats->rtt_count : 0;
}

static void peer_sends(struct report_stream *stream,
		       const struct wire_stream *peer)
{
	stream->sent = peer->sent;
	stream->retransmits = peer->retransmits;
	stream->window_max = peer->window_max;
	stream->rtt_min = peer->rtt_min;
	stream->rtt_max = peer->rtt_max;
	stream->rtt_mean = peer->rtt_mean;
	stream->sent_seconds = (double)peer->ns / CLOCK_SECOND;
}

/* Both ends of a stream put together. */
static void fill(struct client *client, uint32_t index,
		 struct report_stream *stream)
{
	const struct test *test = &client->options->test;
	const struct stats *stats = &client->stats[index];
	const struct wire_stream *peer = client->told ? &client->peers[index] :
							NULL;
	bool back = test_kind(test, index) == KIND_DOWN;
	double end = seconds(client, stats_get(&stats->received_end));

	*stream = (struct report_stream){
		.id = client->ids[index],
		.sender = !back,
		.back = test->bidir && back,
		.has_sent = !back || peer,
		.has_received = back || peer,
	};
	if (!end)
		end = seconds(client, client->ended);
	stream->received_seconds = end;
	if (back) {
		if (peer)
			peer_sends(stream, peer);
		stream->received = stats_get(&stats->received);
		stream->count = stats->count;
		return;
	}
	own_sends(stream, stats);
	stream->sent_seconds = seconds(client, stats_get(&stats->sent_end)) ?:
			       seconds(client, client->ended);
	if (peer) {
		stream->received = peer->received;
		stream->count = peer->count;
	}
	/* Who has the response knows that the request was received. */
	if (test->mode == MODE_CONNECT)
		stream->received = stats_get(&stats->transactions) * TEST_PING;
}

/* The last octet of each stream has to have come, whether checked or not. */
static void judge(struct client *client, const struct report_stream *stream)
{
	if (!client->told)
		return;
	if (stream->count.faults && !client->err.text[0])
		kpc_error_set(&client->err,
			      "[%d] what was received is not what was sent: %s at offset %llu",
			      stream->id,
			      pattern_fault_name(stream->count.first[0].fault),
			      (unsigned long long)
			      stream->count.first[0].offset);
	if (stream->sent != stream->received && !client->err.text[0])
		kpc_error_set(&client->err,
			      "[%d] %llu octets were sent and %llu received",
			      stream->id, (unsigned long long)stream->sent,
			      (unsigned long long)stream->received);
}

/* Requests are checked at the server, responses here; both count. */
static void add_faults(struct client *client, uint32_t index,
		       struct report_stream *stream)
{
	const struct pattern_count *own = &client->stats[index].count;
	struct pattern_count *sum = &stream->count;
	uint64_t i;

	for (i = 0; i < PATTERN_FAULTS; i++)
		sum->octets[i] += own->octets[i];
	for (i = 0; i < own->faults && sum->faults + i < PATTERN_FIRST; i++)
		sum->first[sum->faults + i] = own->first[i];
	sum->faults += own->faults;
}

void client_finish(struct client *client, struct report *report)
{
	const struct test *test = &client->options->test;
	struct client_loop *sum = client->loops;
	struct report_end end = {
		.count = test_flows(test),
		.seconds = seconds(client, client->drained ?: clock_ns()),
		.cpu = client->cpu,
		.peer_cpu = client->sum.cpu,
		.failed = atomic_load(&client->failed),
		.latency = &sum->latency,
		.handshake = &sum->handshake,
		.idle = test->idle,
		.held = client->sum.idle,
	};
	uint32_t i;

	end.streams = calloc(end.count, sizeof(*end.streams));
	if (!end.streams) {
		end.count = 0;
		client_failed(client, "no memory for the results of streams");
	}
	for (i = 0; i < end.count; i++) {
		struct report_stream *stream = &end.streams[i];

		fill(client, i, stream);
		if (client->told && test->verify && test->mode != MODE_CONNECT)
			pattern_count_total(&stream->count, stream->sent);
		if (test->mode == MODE_RR)
			add_faults(client, i, stream);
		if (test->mode != MODE_CONNECT)
			judge(client, stream);
		end.transactions += stats_get(&client->stats[i].transactions);
	}
	for (i = 1; i < client->threads; i++) {
		histogram_merge(&sum->latency, &client->loops[i].latency);
		histogram_merge(&sum->handshake, &client->loops[i].handshake);
	}
	if (end.held < end.idle && !client->err.text[0])
		kpc_error_set(&client->err,
			      "%llu of %u idle connections were not held",
			      (unsigned long long)(end.idle - end.held),
			      end.idle);
	if (client->err.text[0])
		end.error = client->err.text;
	report_end(report, &end);
	free(end.streams);
}
