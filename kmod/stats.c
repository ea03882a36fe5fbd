// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters, added up and told.
 */
#include "stats.h"

/**
 * kpc_packets_sum() - add up the packets of all processors
 * @packets: of an association
 * @sum: filled
 */
void kpc_packets_sum(const struct kpc_packets __percpu *packets,
		     struct kpc_packets *sum)
{
	int cpu;

	*sum = (struct kpc_packets){};
	for_each_possible_cpu(cpu) {
		const struct kpc_packets *p = per_cpu_ptr(packets, cpu);

		sum->tx += READ_ONCE(p->tx);
		sum->rx += READ_ONCE(p->rx);
	}
}
