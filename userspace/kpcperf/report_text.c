// SPDX-License-Identifier: MIT
/*
 * What is told of a test in words: the lines of iperf3, and what it has not.
 */
#include <stdio.h>

#include <kpc/suite.h>

#include "channel.h"
#include "report.h"

#define UNIT_TEXT	24

static const char *scaled(char text[UNIT_TEXT], double value, double step,
			  const char *const *units)
{
	while (value >= step && units[1]) {
		value /= step;
		units++;
	}
	snprintf(text, UNIT_TEXT, value < 9.995 ? "%4.2f %s" :
		 value < 99.95 ? "%4.1f %s" : "%4.0f %s", value, *units);
	return text;
}

static const char *octets_text(char text[UNIT_TEXT], uint64_t octets)
{
	static const char *const units[] = {
		"Bytes", "KBytes", "MBytes", "GBytes", "TBytes", NULL,
	};

	return scaled(text, octets, 1024, units);
}

static const char *rate_text(char text[UNIT_TEXT], uint64_t octets,
			     double seconds)
{
	static const char *const units[] = {
		"bits/sec", "Kbits/sec", "Mbits/sec", "Gbits/sec", "Tbits/sec",
		NULL,
	};

	return scaled(text, seconds > 0 ? octets * 8 / seconds : 0, 1000,
		      units);
}

static const char *time_text(char text[UNIT_TEXT], uint64_t ns)
{
	static const char *const units[] = { "ns", "us", "ms", "s", NULL };

	return scaled(text, ns, 1000, units);
}

static void put_tls(const struct report_start *start)
{
	const struct kpc_suite *suite = kpc_suite_by_code(start->suite);
	const struct kpc_association *association = start->association;
	char text[KPC_KPCID_TEXT_MAX];

	if (start->carrier == CARRIER_PLAIN) {
		puts("No TLS");
		return;
	}
	printf("%s %s, carrier %s", kpc_version_name(start->version),
	       suite ? suite->name : "unknown suite",
	       carrier_name(start->carrier));
	if (start->peer_known)
		printf(", at the server %s", carrier_name(start->peer_carrier));
	printf("\nKpcId %s, IdA %s, IdB %s\n",
	       kpc_kpcid_text(&association->kpc_id, text),
	       association->id_a.text, association->id_b.text);
}

void text_start(const struct report *report, const struct report_start *start)
{
	char own[ADDRESS_TEXT], peer[ADDRESS_TEXT];
	uint16_t own_port, peer_port;
	uint32_t i;

	if (report->server)
		printf("Accepted connection from %s, port %u\n", start->host,
		       start->port);
	else
		printf("Connecting to host %s, port %u\n", start->host,
		       start->port);
	put_tls(start);
	if (!start->fds || report->test->mode == MODE_CONNECT)
		return;
	for (i = 0; i < test_flows(report->test); i++) {
		address_own(start->fds[i], own, &own_port);
		address_peer(start->fds[i], peer, &peer_port);
		printf("[%3d] local %s port %u connected to %s port %u\n",
		       start->fds[i], own, own_port, peer, peer_port);
	}
}

static void head(const struct report *report, const char *last)
{
	bool bulk = report->test->mode == MODE_BULK;

	printf("[ ID]%s Interval           %s%s\n",
	       report->test->bidir ? "[Role]" : "",
	       bulk ? "Transfer     Bitrate" :
	       report->test->mode == MODE_RR ? "Requests     Rate" :
					       "Connections  Rate",
	       bulk ? last : "");
}

void text_head(const struct report *report)
{
	head(report, "         Retr  Cwnd");
	fflush(stdout);
}

static const char *role(const struct report *report, bool sender)
{
	if (!report->test->bidir)
		return "";
	if (report->server)
		return sender ? "[TX-S]" : "[RX-S]";
	return sender ? "[TX-C]" : "[RX-C]";
}

static void id(const struct report *report, int number, bool sender,
	       double start, double end)
{
	char text[16] = "SUM";

	if (number >= 0)
		snprintf(text, sizeof(text), "%3d", number);
	printf("[%s]%s %6.2f-%-6.2f sec  ", text, role(report, sender), start,
	       end);
}

static void put_transactions(uint64_t transactions, double seconds)
{
	printf("%-11llu  %.1f/sec\n", (unsigned long long)transactions,
	       seconds > 0 ? transactions / seconds : 0);
}

void text_row(const struct report *report, const struct report_row *row)
{
	char octets[UNIT_TEXT], rate[UNIT_TEXT], window[UNIT_TEXT];

	id(report, row->id, row->sender, row->start, row->end);
	if (report->test->mode != MODE_BULK) {
		put_transactions(row->transactions, row->end - row->start);
		return;
	}
	printf("%s  %s", octets_text(octets, row->octets),
	       rate_text(rate, row->octets, row->end - row->start));
	if (row->sender && row->id >= 0)
		printf("  %3llu   %s", (unsigned long long)row->retransmits,
		       octets_text(window, row->window));
	else if (row->sender)
		printf("  %3llu", (unsigned long long)row->retransmits);
	putchar('\n');
}

static void put_stream(const struct report *report,
		       const struct report_stream *stream)
{
	char octets[UNIT_TEXT], rate[UNIT_TEXT];

	if (stream->has_sent) {
		id(report, stream->id, stream->sender, 0,
		   stream->sent_seconds);
		printf("%s  %s  %3llu             sender\n",
		       octets_text(octets, stream->sent),
		       rate_text(rate, stream->sent, stream->sent_seconds),
		       (unsigned long long)stream->retransmits);
	}
	if (stream->has_received) {
		id(report, stream->id, stream->sender, 0,
		   stream->received_seconds);
		printf("%s  %s                  receiver\n",
		       octets_text(octets, stream->received),
		       rate_text(rate, stream->received,
				 stream->received_seconds));
	}
}

static void put_bulk(const struct report *report, const struct report_end *end)
{
	struct report_stream sum;
	uint32_t i;
	int back;

	head(report, "         Retr");
	for (i = 0; i < end->count; i++)
		put_stream(report, &end->streams[i]);
	if (!report_is_sum(report->test))
		return;
	for (back = 0; back < 2; back++)
		if (report_sum(end, back, &sum))
			put_stream(report, &sum);
}

static void put_times(const char *what, const struct histogram *times)
{
	static const struct {
		const char *name;
		double part;
	} parts[] = {
		{ "p50", 0.5 }, { "p90", 0.9 }, { "p99", 0.99 },
		{ "p99.9", 0.999 },
	};
	char text[UNIT_TEXT];
	size_t i;

	if (!times || !times->count)
		return;
	printf("%s: min %s", what, time_text(text, times->min));
	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		printf(", %s %s", parts[i].name,
		       time_text(text, histogram_quantile(times,
							  parts[i].part)));
	printf(", max %s\n", time_text(text, times->max));
}

static void put_faults(const struct report_end *end)
{
	uint32_t i, j;

	for (i = 0; i < end->count; i++) {
		const struct pattern_count *count = &end->streams[i].count;

		for (j = 0; j < count->faults && j < PATTERN_FIRST; j++)
			printf("[%3d] %s: %llu octets at offset %llu\n",
			       end->streams[i].id,
			       pattern_fault_name(count->first[j].fault),
			       (unsigned long long)count->first[j].octets,
			       (unsigned long long)count->first[j].offset);
		if (count->faults > PATTERN_FIRST)
			printf("[%3d] and %llu faults more\n",
			       end->streams[i].id,
			       (unsigned long long)count->faults -
			       PATTERN_FIRST);
	}
}

static void put_cpu(const struct report_end *end)
{
	printf("CPU Utilization: local %.1f%% (%.1f%%u/%.1f%%s)",
	       cpu_percent(&end->cpu, end->cpu.user + end->cpu.system),
	       cpu_percent(&end->cpu, end->cpu.user),
	       cpu_percent(&end->cpu, end->cpu.system));
	if (end->peer_cpu.ns)
		printf(", remote %.1f%% (%.1f%%u/%.1f%%s)",
		       cpu_percent(&end->peer_cpu,
				   end->peer_cpu.user + end->peer_cpu.system),
		       cpu_percent(&end->peer_cpu, end->peer_cpu.user),
		       cpu_percent(&end->peer_cpu, end->peer_cpu.system));
	putchar('\n');
}

void text_end(const struct report *report, const struct report_end *end)
{
	puts("- - - - - - - - - - - - - - - - - - - - - - - - -");
	if (report->test->mode == MODE_BULK) {
		put_bulk(report, end);
	} else {
		head(report, "");
		id(report, -1, true, 0, end->seconds);
		put_transactions(end->transactions, end->seconds);
		put_times(report->test->mode == MODE_RR ?
			  "Latency" : "Whole connection", end->latency);
		put_times("Connect, handshake", end->handshake);
	}
	if (end->idle)
		printf("Idle connections: %llu of %u held to the end\n",
		       (unsigned long long)end->held, end->idle);
	if (end->failed)
		printf("Failed connections: %llu\n",
		       (unsigned long long)end->failed);
	put_faults(end);
	/* A server does not know how much was sent to it, nor what came of what it sent. */
	if (report->test->verify && !report->server && !end->error)
		puts("Verified: all octets came once, in order and unchanged");
	put_cpu(end);
}
