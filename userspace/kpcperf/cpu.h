/* SPDX-License-Identifier: MIT */
/*
 * Processor time that this process has used.
 */
#ifndef KPCPERF_CPU_H
#define KPCPERF_CPU_H

#include <stdint.h>

/**
 * struct cpu - a moment, or what lies between two
 * @ns: time
 * @user: nanoseconds of processors in user mode
 * @system: nanoseconds of processors in the kernel
 */
struct cpu {
	uint64_t ns;
	uint64_t user;
	uint64_t system;
};

/** cpu_now() - this moment */
void cpu_now(struct cpu *cpu);

/** cpu_since() - what was used since a moment */
void cpu_since(struct cpu *used, const struct cpu *since);

/** cpu_percent() - @part of the time, 100 is one processor */
static inline double cpu_percent(const struct cpu *used, uint64_t part)
{
	return used->ns ? 100.0 * part / used->ns : 0;
}

#endif
