/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Events: told to the multicast groups, numbered without gaps.
 */
#ifndef KPC_EVENT_H
#define KPC_EVENT_H

#include <linux/spinlock.h>
#include <linux/types.h>
#include <net/sock.h>
#include <uapi/linux/kpc.h>

#include "stats.h"

struct kpc_association;
struct kpc_establish;
struct kpc_flow;
struct kpc_net;
struct kpc_session;
struct kpc_sock;

/**
 * struct kpc_events - numbering and rate of a namespace's events
 * @lock: innermost; an event gets its number and is sent under it
 * @generation: number of the latest event
 * @rate: of violation events, by enum kpc_violation_kind
 */
struct kpc_events {
	spinlock_t lock; /* innermost; numbers and sends */
	u64 generation;
	struct {
		unsigned long since;
		u32 sent;
		u32 suppressed;
	} rate[KPC_VIOLATION_KINDS];
};

/* Violation events of one kind in one second. */
#define KPC_VIOLATION_RATE	10

/**
 * struct kpc_violation - something attempted and stopped
 * @association: it concerns, or NULL
 * @flow: ends, or NULL
 * @sk: full socket that attempted it, or NULL
 * @mark: of the packet or the socket
 * @kind: enum kpc_violation_kind
 * @direction: enum kpc_direction
 * @protocol: IPPROTO_*
 * @by_current: the running task attempted it
 */
struct kpc_violation {
	struct kpc_association *association;
	const struct kpc_flow *flow;
	const struct sock *sk;
	u32 mark;
	u8 kind;
	u8 direction;
	u8 protocol;
	bool by_current;
};

void kpc_events_init(struct kpc_events *events);
u64 kpc_event_generation(struct kpc_net *kn);
void kpc_event_association(struct kpc_association *association, u8 change,
			   u8 reason);
void kpc_event_binding(const struct kpc_sock *ks, u8 change, u8 reason);
void kpc_event_session(struct kpc_net *kn, const struct kpc_session *session,
		       u8 change);
int kpc_event_establish(struct kpc_net *kn,
			const struct kpc_establish *establish);
void kpc_event_violation(struct kpc_net *kn, const struct kpc_violation *v);

#endif /* KPC_EVENT_H */
