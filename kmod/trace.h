/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints that tell of the birth and death of sockets.
 */
#ifndef KPC_TRACE_H
#define KPC_TRACE_H

int kpc_trace_init(void);
void kpc_trace_exit(void);

#endif /* KPC_TRACE_H */
