// SPDX-License-Identifier: MIT
/*
 * What is told of a test as JSON: iperf3's members where it has them, in its
 * units; what it has not stands under "kpcperf" or beside.
 */
#include <stdio.h>
#include <sys/utsname.h>
#include <time.h>

#include <kpc/suite.h>

#include "channel.h"
#include "report.h"

#ifndef KPC_VERSION
#define KPC_VERSION	"unknown"
#endif

static void put_connected(struct report *report,
			  const struct report_start *start)
{
	struct json *json = &report->json;
	char own[ADDRESS_TEXT], peer[ADDRESS_TEXT];
	uint16_t own_port, peer_port;
	uint32_t i;

	json_array(json, "connected");
	for (i = 0; start->fds && report->test->mode != MODE_CONNECT &&
	     i < test_flows(report->test); i++) {
		address_own(start->fds[i], own, &own_port);
		address_peer(start->fds[i], peer, &peer_port);
		json_object(json, NULL);
		json_number(json, "socket", start->fds[i]);
		json_string(json, "local_host", own);
		json_number(json, "local_port", own_port);
		json_string(json, "remote_host", peer);
		json_number(json, "remote_port", peer_port);
		json_object_end(json);
	}
	json_array_end(json);
}

static void put_system(struct json *json)
{
	char text[400], time_text[64];
	time_t now = time(NULL);
	struct utsname system;
	struct tm utc;

	if (!uname(&system)) {
		snprintf(text, sizeof(text), "%s %s %s %s %s", system.sysname,
			 system.nodename, system.release, system.version,
			 system.machine);
		json_string(json, "system_info", text);
	}
	gmtime_r(&now, &utc);
	strftime(time_text, sizeof(time_text), "%a, %d %b %Y %H:%M:%S GMT",
		 &utc);
	json_object(json, "timestamp");
	json_string(json, "time", time_text);
	json_number(json, "timesecs", now);
	json_object_end(json);
}

static void put_test(struct json *json, const struct test *test,
		     double seconds)
{
	static const char *const modes[] = {
		[MODE_BULK]	= "bulk",
		[MODE_RR]	= "rr",
		[MODE_CONNECT]	= "connect",
	};

	json_object(json, "test_start");
	json_string(json, "protocol", "TCP");
	json_number(json, "num_streams", test->streams);
	json_number(json, "blksize", test->length);
	json_number(json, "omit", 0);
	json_real(json, "duration", seconds);
	json_number(json, "bytes", test->octets);
	json_number(json, "blocks", 0);
	json_number(json, "reverse", test->reverse);
	json_number(json, "tos", 0);
	json_number(json, "target_bitrate", test->rate);
	json_number(json, "bidir", test->bidir);
	json_number(json, "fqrate", 0);
	json_string(json, "mode", modes[test->mode]);
	json_bool(json, "verify", test->verify);
	json_bool(json, "uneven", test->uneven);
	json_number(json, "request", test->request);
	json_number(json, "response", test->response);
	json_number(json, "idle", test->idle);
	json_object_end(json);
}

static void put_tls(struct json *json, const struct report_start *start)
{
	const struct kpc_suite *suite = kpc_suite_by_code(start->suite);
	const struct kpc_association *association = start->association;
	char text[KPC_KPCID_TEXT_MAX];

	json_object(json, "kpcperf");
	json_string(json, "version", KPC_VERSION);
	json_string(json, "carrier", carrier_name(start->carrier));
	if (start->peer_known)
		json_string(json, "peer_carrier",
			    carrier_name(start->peer_carrier));
	if (association) {
		json_string(json, "tls_version",
			    kpc_version_name(start->version));
		json_string(json, "suite", suite ? suite->name : "unknown");
		json_string(json, "association", association->name);
		json_string(json, "kpc_id",
			    kpc_kpcid_text(&association->kpc_id, text));
		json_string(json, "id_a", association->id_a.text);
		json_string(json, "id_b", association->id_b.text);
	}
	json_object_end(json);
}

void json_start(struct report *report, const struct report_start *start)
{
	struct json *json = &report->json;

	json_object(json, NULL);
	json_object(json, "start");
	put_connected(report, start);
	json_string(json, "version", "kpcperf " KPC_VERSION);
	put_system(json);
	json_object(json, report->server ? "accepted_connection" :
					   "connecting_to");
	json_string(json, "host", start->host);
	json_number(json, "port", start->port);
	json_object_end(json);
	put_test(json, report->test, start->seconds);
	put_tls(json, start);
	json_object_end(json);
	json_array(json, "intervals");
}

static void put_span(struct json *json, double start, double end,
		     uint64_t octets)
{
	double seconds = end - start;

	json_real(json, "start", start);
	json_real(json, "end", end);
	json_real(json, "seconds", seconds);
	json_number(json, "bytes", octets);
	json_real(json, "bits_per_second",
		  seconds > 0 ? octets * 8 / seconds : 0);
}

void json_row(struct report *report, const char *key,
	      const struct report_row *row)
{
	struct json *json = &report->json;

	json_object(json, key);
	if (row->id >= 0)
		json_number(json, "socket", row->id);
	put_span(json, row->start, row->end, row->octets);
	if (row->sender) {
		json_number(json, "retransmits", row->retransmits);
		if (row->id >= 0) {
			json_number(json, "snd_cwnd", row->window);
			json_number(json, "rtt", row->rtt);
		}
	}
	if (report->test->mode != MODE_BULK)
		json_number(json, "transactions", row->transactions);
	json_bool(json, "omitted", false);
	json_bool(json, "sender", row->sender);
	json_object_end(json);
}

static void put_sent(struct json *json, const char *key,
		     const struct report_stream *stream)
{
	json_object(json, key);
	if (stream->id >= 0)
		json_number(json, "socket", stream->id);
	put_span(json, 0, stream->sent_seconds, stream->sent);
	json_number(json, "retransmits", stream->retransmits);
	if (stream->id >= 0) {
		json_number(json, "max_snd_cwnd", stream->window_max);
		json_number(json, "max_rtt", stream->rtt_max);
		json_number(json, "min_rtt", stream->rtt_min);
		json_number(json, "mean_rtt", stream->rtt_mean);
	}
	json_bool(json, "sender", stream->sender);
	json_object_end(json);
}

static void put_received(struct json *json, const char *key,
			 const struct report_stream *stream)
{
	json_object(json, key);
	if (stream->id >= 0)
		json_number(json, "socket", stream->id);
	put_span(json, 0, stream->received_seconds, stream->received);
	json_bool(json, "sender", stream->sender);
	json_object_end(json);
}

static void put_streams(struct report *report, const struct report_end *end)
{
	static const char *const sent[] = {
		"sum_sent", "sum_sent_bidir_reverse",
	};
	static const char *const received[] = {
		"sum_received", "sum_received_bidir_reverse",
	};
	struct json *json = &report->json;
	struct report_stream sum;
	uint32_t i;
	int back;

	json_array(json, "streams");
	for (i = 0; i < end->count; i++) {
		json_object(json, NULL);
		put_sent(json, "sender", &end->streams[i]);
		put_received(json, "receiver", &end->streams[i]);
		json_object_end(json);
	}
	json_array_end(json);
	for (back = 0; back < 2; back++) {
		if (!report_sum(end, back, &sum))
			continue;
		put_sent(json, sent[back], &sum);
		put_received(json, received[back], &sum);
	}
}

static void put_times(struct json *json, const char *key,
		      const struct histogram *times)
{
	if (!times || !times->count)
		return;
	json_object(json, key);
	json_number(json, "count", times->count);
	json_number(json, "min", times->min);
	json_real(json, "mean", (double)times->sum / times->count);
	json_number(json, "p50", histogram_quantile(times, 0.5));
	json_number(json, "p90", histogram_quantile(times, 0.9));
	json_number(json, "p99", histogram_quantile(times, 0.99));
	json_number(json, "p99.9", histogram_quantile(times, 0.999));
	json_number(json, "max", times->max);
	json_object_end(json);
}

static void put_transactions(struct report *report,
			     const struct report_end *end)
{
	struct json *json = &report->json;

	if (report->test->mode != MODE_BULK) {
		json_number(json, "transactions", end->transactions);
		json_real(json, "transactions_per_second", end->seconds > 0 ?
			  end->transactions / end->seconds : 0);
		json_real(json, "seconds", end->seconds);
	}
	json_number(json, "failed_connections", end->failed);
	put_times(json, "latency_ns", end->latency);
	put_times(json, "handshake_ns", end->handshake);
	if (!end->idle)
		return;
	json_object(json, "idle");
	json_number(json, "wanted", end->idle);
	json_number(json, "held", end->held);
	json_object_end(json);
}

static void put_faults(struct report *report, const struct report_end *end)
{
	uint64_t octets[PATTERN_FAULTS] = { 0 }, faults = 0;
	struct json *json = &report->json;
	uint32_t i, j;

	json_object(json, "verify");
	for (i = 0; i < end->count; i++) {
		faults += end->streams[i].count.faults;
		for (j = 0; j < PATTERN_FAULTS; j++)
			octets[j] += end->streams[i].count.octets[j];
	}
	json_number(json, "faults", faults);
	for (j = 0; j < PATTERN_FAULTS; j++)
		json_number(json, pattern_fault_name(j), octets[j]);
	json_array(json, "first");
	for (i = 0; i < end->count; i++) {
		const struct pattern_count *count = &end->streams[i].count;

		for (j = 0; j < count->faults && j < PATTERN_FIRST; j++) {
			json_object(json, NULL);
			json_number(json, "socket", end->streams[i].id);
			json_string(json, "fault",
				    pattern_fault_name(count->first[j].fault));
			json_number(json, "offset", count->first[j].offset);
			json_number(json, "octets", count->first[j].octets);
			json_object_end(json);
		}
	}
	json_array_end(json);
	json_object_end(json);
}

static void put_cpu(struct json *json, const struct report_end *end)
{
	const struct cpu *own = &end->cpu, *peer = &end->peer_cpu;

	json_object(json, "cpu_utilization_percent");
	json_real(json, "host_total", cpu_percent(own, own->user + own->system));
	json_real(json, "host_user", cpu_percent(own, own->user));
	json_real(json, "host_system", cpu_percent(own, own->system));
	json_real(json, "remote_total",
		  cpu_percent(peer, peer->user + peer->system));
	json_real(json, "remote_user", cpu_percent(peer, peer->user));
	json_real(json, "remote_system", cpu_percent(peer, peer->system));
	json_object_end(json);
}

void json_end(struct report *report, const struct report_end *end)
{
	struct json *json = &report->json;

	json_array_end(json);
	json_object(json, "end");
	put_streams(report, end);
	put_transactions(report, end);
	if (report->test->verify)
		put_faults(report, end);
	put_cpu(json, end);
	json_object_end(json);
	if (end->error)
		json_string(json, "error", end->error);
	json_object_end(json);
}

void json_failed(struct report *report, const char *error)
{
	struct json *json = &report->json;

	json_object(json, NULL);
	json_object(json, "start");
	json_object_end(json);
	json_array(json, "intervals");
	json_array_end(json);
	json_object(json, "end");
	json_object_end(json);
	json_string(json, "error", error);
	json_object_end(json);
}
