/* SPDX-License-Identifier: MIT */
/*
 * What a stream has moved so far: written by the thread that moves it, read by
 * the one that prints.
 */
#ifndef KPCPERF_STATS_H
#define KPCPERF_STATS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "pattern.h"

/**
 * struct stats - one stream, seen from one end
 * @sent: octets the carrier has taken
 * @received: octets it has given
 * @transactions: requests that were answered, short connections that ended well
 * @retransmits: segments sent again
 * @window: the congestion window in octets
 * @rtt: smoothed, microseconds
 * @window_max: the greatest seen
 * @rtt_min: the least seen
 * @rtt_max: the greatest seen
 * @rtt_sum: of @rtt_count
 * @rtt_count: times it was looked at
 * @began: when it began to move octets
 * @sent_end: when the last one was sent and the direction ended
 * @received_end: when the peer's direction ended
 * @joined: a connection moves them
 * @over: all others are final
 * @count: what the check found; final with @over
 */
struct stats {
	atomic_ullong sent;
	atomic_ullong received;
	atomic_ullong transactions;
	atomic_ullong retransmits;
	atomic_ullong window;
	atomic_ullong rtt;
	uint64_t window_max;
	uint64_t rtt_min;
	uint64_t rtt_max;
	uint64_t rtt_sum;
	uint64_t rtt_count;
	atomic_ullong began;
	atomic_ullong sent_end;
	atomic_ullong received_end;
	atomic_bool joined;
	atomic_bool over;
	struct pattern_count count;
};

/** stats_get() - read a number that another thread may be writing */
static inline uint64_t stats_get(const atomic_ullong *number)
{
	return atomic_load_explicit(number, memory_order_relaxed);
}

/** stats_set() - write a number that another thread may be reading */
static inline void stats_set(atomic_ullong *number, uint64_t value)
{
	atomic_store_explicit(number, value, memory_order_relaxed);
}

/** stats_add() - only ever by the one thread that writes it: no locked add */
static inline void stats_add(atomic_ullong *number, uint64_t more)
{
	stats_set(number, stats_get(number) + more);
}

/** stats_tcp() - look at a socket's TCP_INFO */
void stats_tcp(struct stats *stats, int fd);

#endif
