/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counters of a namespace, and of an association's packets.
 */
#ifndef KPC_STATS_H
#define KPC_STATS_H

#include <linux/atomic.h>
#include <linux/percpu.h>
#include <linux/types.h>
#include <uapi/linux/kpc.h>

#define KPC_VIOLATION_KINDS	(KPC_VIOLATION_KIND_BUDGET + 1)

enum kpc_counter {
	KPC_COUNT_BOUND,
	KPC_COUNT_ENDED,
	KPC_COUNT_VIOLATIONS,
	KPC_COUNT_SUPPRESSED,
	KPC_COUNT_DROPPED_OUT,
	KPC_COUNT_DROPPED_IN,
	KPC_COUNT_REFUSED,
	/* One of each enum kpc_violation_kind. */
	KPC_COUNT_KIND,
	KPC_COUNTERS = KPC_COUNT_KIND + KPC_VIOLATION_KINDS
};

/**
 * struct kpc_counters - events of a namespace since the last reset
 * @n: by enum kpc_counter; all of them are rare events
 */
struct kpc_counters {
	atomic64_t n[KPC_COUNTERS];
};

static inline void kpc_count(struct kpc_counters *counters,
			     unsigned int which)
{
	atomic64_inc(&counters->n[which]);
}

/**
 * struct kpc_packets - packets of an association, one per processor
 * @tx: passed LOCAL_OUT
 * @rx: passed LOCAL_IN
 */
struct kpc_packets {
	u64 tx;
	u64 rx;
};

void kpc_packets_sum(const struct kpc_packets __percpu *packets,
		     struct kpc_packets *sum);

#endif /* KPC_STATS_H */
