// SPDX-License-Identifier: MIT
/*
 * What is told of a test, whatever the form.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "report.h"

bool report_is_sum(const struct test *test)
{
	return test->mode == MODE_CONNECT || test->streams > 1;
}

int report_start(struct report *report, const struct report_start *start)
{
	report->before = calloc(test_flows(report->test),
				sizeof(*report->before));
	if (!report->before)
		return -ENOMEM;
	if (report->as_json)
		json_start(report, start);
	else
		text_start(report, start);
	return 0;
}

void report_begin(struct report *report, uint64_t now)
{
	report->began = now;
	report->last = now;
	if (!report->as_json)
		text_head(report);
}

static bool is_sender(const struct report *report, uint32_t index)
{
	enum kind kind = test_kind(report->test, index);

	if (kind == KIND_UP || kind == KIND_DOWN)
		return (kind == KIND_UP) != report->server;
	return !report->server;
}

/* How it stands now, counted from the beginning. */
static void read_row(const struct report *report, uint32_t index,
		     struct report_row *row)
{
	const struct stats *stats = &report->stats[index];
	bool sender = is_sender(report, index);

	*row = (struct report_row){
		.id = report->ids[index],
		.sender = sender,
		.back = report->test->bidir &&
			test_kind(report->test, index) == KIND_DOWN,
		.octets = stats_get(sender ? &stats->sent : &stats->received),
		.transactions = stats_get(&stats->transactions),
		.retransmits = stats_get(&stats->retransmits),
		.window = stats_get(&stats->window),
		.rtt = stats_get(&stats->rtt),
	};
}

static void add_row(struct report_row *sum, const struct report_row *row)
{
	sum->sender = row->sender;
	sum->back = row->back;
	sum->octets += row->octets;
	sum->transactions += row->transactions;
	sum->retransmits += row->retransmits;
}

void report_interval(struct report *report, uint64_t now)
{
	double start = (double)(report->last - report->began) / CLOCK_SECOND;
	double end = (double)(now - report->began) / CLOCK_SECOND;
	struct report_row sums[2] = {
		{ .id = -1, .start = start, .end = end },
		{ .id = -1, .start = start, .end = end },
	};
	bool each = report->test->mode != MODE_CONNECT;
	struct report_row row, *before;
	uint64_t pings;
	uint32_t i;

	if (now <= report->last)
		return;
	if (report->as_json) {
		json_object(&report->json, NULL);
		json_array(&report->json, "streams");
	}
	for (i = 0; i < test_flows(report->test); i++) {
		struct report_row whole;

		before = &report->before[i];
		read_row(report, i, &whole);
		row = whole;
		row.start = start;
		row.end = end;
		row.octets -= before->octets;
		row.transactions -= before->transactions;
		row.retransmits -= before->retransmits;
		*before = whole;
		add_row(&sums[row.back], &row);
		if (each && report->as_json)
			json_row(report, NULL, &row);
		else if (each)
			text_row(report, &row);
	}
	if (report->pings) {
		pings = stats_get(report->pings);
		sums[0].transactions = pings - report->before[0].transactions;
		report->before[0].transactions = pings;
	}
	if (report->as_json) {
		json_array_end(&report->json);
		json_row(report, "sum", &sums[0]);
		if (report->test->bidir)
			json_row(report, "sum_bidir_reverse", &sums[1]);
		json_object_end(&report->json);
	} else if (report_is_sum(report->test)) {
		text_row(report, &sums[0]);
		if (report->test->bidir)
			text_row(report, &sums[1]);
	}
	fflush(stdout);
	report->last = now;
}

bool report_sum(const struct report_end *end, bool back,
		struct report_stream *sum)
{
	bool any = false;
	uint32_t i;

	*sum = (struct report_stream){ .id = -1, .back = back };
	for (i = 0; i < end->count; i++) {
		const struct report_stream *stream = &end->streams[i];

		if (stream->back != back)
			continue;
		any = true;
		sum->sender = stream->sender;
		sum->has_sent = stream->has_sent;
		sum->has_received = stream->has_received;
		sum->sent += stream->sent;
		sum->received += stream->received;
		sum->retransmits += stream->retransmits;
		if (stream->sent_seconds > sum->sent_seconds)
			sum->sent_seconds = stream->sent_seconds;
		if (stream->received_seconds > sum->received_seconds)
			sum->received_seconds = stream->received_seconds;
	}
	return any;
}

void report_end(struct report *report, const struct report_end *end)
{
	if (report->as_json)
		json_end(report, end);
	else
		text_end(report, end);
	if (end->error)
		fprintf(stderr, "kpcperf: %s\n", end->error);
	fflush(stdout);
	free(report->before);
	report->before = NULL;
}

void report_failed(struct report *report, const char *error)
{
	if (report->as_json)
		json_failed(report, error);
	fflush(stdout);
	fprintf(stderr, "kpcperf: %s\n", error);
}
