// SPDX-License-Identifier: MIT
/*
 * Processor time that this process has used.
 */
#include <sys/resource.h>

#include "clock.h"
#include "cpu.h"

static uint64_t nanoseconds(const struct timeval *time)
{
	return time->tv_sec * CLOCK_SECOND + time->tv_usec * 1000ULL;
}

void cpu_now(struct cpu *cpu)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	cpu->ns = clock_ns();
	cpu->user = nanoseconds(&usage.ru_utime);
	cpu->system = nanoseconds(&usage.ru_stime);
}

void cpu_since(struct cpu *used, const struct cpu *since)
{
	cpu_now(used);
	used->ns -= since->ns;
	used->user -= since->user;
	used->system -= since->system;
}
