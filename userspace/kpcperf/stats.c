// SPDX-License-Identifier: MIT
/*
 * What TCP says of a stream.
 */
#include <netinet/in.h>
#include <linux/tcp.h>
#include <sys/socket.h>

#include "stats.h"

void stats_tcp(struct stats *stats, int fd)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);
	uint64_t window;

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len))
		return;
	window = (uint64_t)info.tcpi_snd_cwnd * info.tcpi_snd_mss;
	stats_set(&stats->retransmits, info.tcpi_total_retrans);
	stats_set(&stats->window, window);
	stats_set(&stats->rtt, info.tcpi_rtt);
	if (window > stats->window_max)
		stats->window_max = window;
	if (!stats->rtt_count || info.tcpi_rtt < stats->rtt_min)
		stats->rtt_min = info.tcpi_rtt;
	if (info.tcpi_rtt > stats->rtt_max)
		stats->rtt_max = info.tcpi_rtt;
	stats->rtt_sum += info.tcpi_rtt;
	stats->rtt_count++;
}
