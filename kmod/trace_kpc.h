/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints: what the events tell, for who watches the whole machine. None
 * is left out for its rate, and each names its network namespace.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM kpc

#if !defined(KPC_TRACE_KPC_H) || defined(TRACE_HEADER_MULTI_READ)
#define KPC_TRACE_KPC_H

#include <linux/tracepoint.h>

#include "association.h"
#include "compat.h"
#include "event.h"
#include "net.h"
#include "policy.h"
#include "socket.h"

/* The tracing headers read this file more than once. */
#ifndef KPC_TRACE_NAME
#define KPC_TRACE_NAME
/* An association's name, or none; RCU. */
static inline const char *kpc_trace_name(const struct kpc_association *a)
{
	return a ? rcu_dereference(a->policy)->name : "";
}
#endif

/* So that who reads the formats knows their values. */
TRACE_DEFINE_ENUM(KPC_REASON_NONE);
TRACE_DEFINE_ENUM(KPC_REASON_CLOSED);
TRACE_DEFINE_ENUM(KPC_REASON_OPERATOR);
TRACE_DEFINE_ENUM(KPC_REASON_DELETED);
TRACE_DEFINE_ENUM(KPC_REASON_NARROWED);
TRACE_DEFINE_ENUM(KPC_REASON_EXPIRED);
TRACE_DEFINE_ENUM(KPC_REASON_LIFETIME);
TRACE_DEFINE_ENUM(KPC_REASON_IDLE);
TRACE_DEFINE_ENUM(KPC_REASON_OCTETS);
TRACE_DEFINE_ENUM(KPC_REASON_RECORDS);
TRACE_DEFINE_ENUM(KPC_REASON_MARK_CHANGED);
TRACE_DEFINE_ENUM(KPC_REASON_PEER_CHANGED);
TRACE_DEFINE_ENUM(KPC_REASON_KEYS_CHANGED);
TRACE_DEFINE_ENUM(KPC_REASON_AGENT_LOST);
TRACE_DEFINE_ENUM(KPC_REASON_BUDGET);
TRACE_DEFINE_ENUM(KPC_REASON_UNLOAD);
TRACE_DEFINE_ENUM(KPC_VIOLATION_KIND_MARK);
TRACE_DEFINE_ENUM(KPC_VIOLATION_KIND_ENDPOINT);
TRACE_DEFINE_ENUM(KPC_VIOLATION_KIND_ASSOCIATION);
TRACE_DEFINE_ENUM(KPC_VIOLATION_KIND_CHANGED);
TRACE_DEFINE_ENUM(KPC_VIOLATION_KIND_GRANT);
TRACE_DEFINE_ENUM(KPC_VIOLATION_KIND_BUDGET);

/**
 * kpc_bind - a socket became an association's
 * @ks: the socket
 *
 * Fields: netns, the namespace's inode number; id of the binding; association,
 * its name; mark; local and remote, IPv6 or mapped addresses in network order,
 * with ports in host order; version as on the wire; suite, IANA code; carrier,
 * enum kpc_carrier; session that bound it, or 0.
 */
TRACE_EVENT(kpc_bind,
	    TP_PROTO(const struct kpc_sock *ks),
	    TP_ARGS(ks),
	    TP_STRUCT__entry(__field(u32, netns)
			     __field(u64, id)
			     __field(u32, mark)
			     __array(u8, local, 16)
			     __array(u8, remote, 16)
			     __field(u16, local_port)
			     __field(u16, remote_port)
			     __field(u16, version)
			     __field(u16, suite)
			     __field(u8, carrier)
			     __field(u32, session)
			     __string(association, kpc_trace_name(ks->association))
	    ),
	    TP_fast_assign(__entry->netns = ks->kn->net->ns.inum;
			   __entry->id = ks->id;
			   __entry->mark = ks->mark;
			   memcpy(__entry->local, &ks->flow.local, 16);
			   memcpy(__entry->remote, &ks->flow.remote, 16);
			   __entry->local_port = ks->flow.local_port;
			   __entry->remote_port = ks->flow.remote_port;
			   __entry->version = ks->version;
			   __entry->suite = ks->suite;
			   __entry->carrier = ks->carrier;
			   __entry->session = ks->session;
			   kpc_assign_str(association, kpc_trace_name(ks->association));
	    ),
	    TP_printk("netns=%u id=%llu association=%s mark=0x%08x local=[%pI6c]:%u remote=[%pI6c]:%u version=0x%04x suite=0x%04x carrier=%s session=%u",
		      __entry->netns, __entry->id, __get_str(association),
		      __entry->mark, __entry->local, __entry->local_port,
		      __entry->remote, __entry->remote_port, __entry->version,
		      __entry->suite,
		      __entry->carrier == KPC_CARRIER_KERNEL ? "kernel" : "agent",
		      __entry->session)
);

/**
 * kpc_end - a binding is gone
 * @ks: the socket that had it
 *
 * Fields: as of kpc_bind; reason, enum kpc_reason; age, milliseconds since it
 * was bound; tx and rx, TCP payload in octets since then, nothing counted twice.
 */
TRACE_EVENT(kpc_end,
	    TP_PROTO(const struct kpc_sock *ks),
	    TP_ARGS(ks),
	    TP_STRUCT__entry(__field(u32, netns)
			     __field(u64, id)
			     __field(u32, mark)
			     __field(u8, reason)
			     __field(u64, age)
			     __field(u64, tx)
			     __field(u64, rx)
			     __string(association, kpc_trace_name(ks->association))
	    ),
	    TP_fast_assign(__entry->netns = ks->kn->net->ns.inum;
			   __entry->id = ks->id;
			   __entry->mark = ks->mark;
			   __entry->reason = ks->reason;
			   __entry->age = ktime_ms_delta(ktime_get_boottime(),
							 ks->bound_at);
			   __entry->tx = kpc_sock_tx(ks);
			   __entry->rx = kpc_sock_rx(ks);
			   kpc_assign_str(association, kpc_trace_name(ks->association));
	    ),
	    TP_printk("netns=%u id=%llu association=%s mark=0x%08x reason=%s age=%llu tx=%llu rx=%llu",
		      __entry->netns, __entry->id, __get_str(association),
		      __entry->mark,
		      __print_symbolic(__entry->reason,
				       { KPC_REASON_NONE, "none" },
				       { KPC_REASON_CLOSED, "closed" },
				       { KPC_REASON_OPERATOR, "operator" },
				       { KPC_REASON_DELETED, "deleted" },
				       { KPC_REASON_NARROWED, "narrowed" },
				       { KPC_REASON_EXPIRED, "expired" },
				       { KPC_REASON_LIFETIME, "lifetime" },
				       { KPC_REASON_IDLE, "idle" },
				       { KPC_REASON_OCTETS, "octets" },
				       { KPC_REASON_RECORDS, "records" },
				       { KPC_REASON_MARK_CHANGED, "mark-changed" },
				       { KPC_REASON_PEER_CHANGED, "peer-changed" },
				       { KPC_REASON_KEYS_CHANGED, "keys-changed" },
				       { KPC_REASON_AGENT_LOST, "agent-lost" },
				       { KPC_REASON_BUDGET, "budget" },
				       { KPC_REASON_UNLOAD, "unload" }),
		      __entry->age, __entry->tx, __entry->rx)
);

/**
 * kpc_violation - something was attempted and stopped
 * @kn: namespace
 * @v: what it was
 * @flow: its ends, or zeros
 *
 * Fields: netns, the namespace's inode number; kind, enum kpc_violation_kind;
 * direction, enum kpc_direction; protocol, IPPROTO_*; mark of the packet or the
 * socket; association, its name, or empty; uid of the socket's owner as the
 * machine counts, or -1; local and remote, IPv6 or mapped addresses in network
 * order, with ports in host order, all zero where they are not known.
 */
TRACE_EVENT(kpc_violation,
	    TP_PROTO(const struct kpc_net *kn, const struct kpc_violation *v,
		     const struct kpc_flow *flow),
	    TP_ARGS(kn, v, flow),
	    TP_STRUCT__entry(__field(u32, netns)
			     __field(u8, kind)
			     __field(u8, direction)
			     __field(u8, protocol)
			     __field(u32, mark)
			     __field(u32, uid)
			     __array(u8, local, 16)
			     __array(u8, remote, 16)
			     __field(u16, local_port)
			     __field(u16, remote_port)
			     __string(association, kpc_trace_name(v->association))
	    ),
	    TP_fast_assign(__entry->netns = kn->net->ns.inum;
			   __entry->kind = v->kind;
			   __entry->direction = v->direction;
			   __entry->protocol = v->protocol;
			   __entry->mark = v->mark;
			   __entry->uid = v->sk ?
					  from_kuid(&init_user_ns,
						    kpc_sock_uid(v->sk)) : -1;
			   memcpy(__entry->local, &flow->local, 16);
			   memcpy(__entry->remote, &flow->remote, 16);
			   __entry->local_port = flow->local_port;
			   __entry->remote_port = flow->remote_port;
			   kpc_assign_str(association, kpc_trace_name(v->association));
	    ),
	    TP_printk("netns=%u kind=%s direction=%s protocol=%u mark=0x%08x association=%s uid=%d local=[%pI6c]:%u remote=[%pI6c]:%u",
		      __entry->netns,
		      __print_symbolic(__entry->kind,
				       { KPC_VIOLATION_KIND_MARK, "mark" },
				       { KPC_VIOLATION_KIND_ENDPOINT, "endpoint" },
				       { KPC_VIOLATION_KIND_ASSOCIATION, "association" },
				       { KPC_VIOLATION_KIND_CHANGED, "changed" },
				       { KPC_VIOLATION_KIND_GRANT, "grant" },
				       { KPC_VIOLATION_KIND_BUDGET, "budget" }),
		      __entry->direction == KPC_DIRECTION_OUT ? "out" : "in",
		      __entry->protocol, __entry->mark, __get_str(association),
		      (int)__entry->uid, __entry->local, __entry->local_port,
		      __entry->remote, __entry->remote_port)
);

#endif /* KPC_TRACE_KPC_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace_kpc
#include <trace/define_trace.h>
