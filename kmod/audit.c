// SPDX-License-Identifier: GPL-2.0-only
/*
 * Audit records: who changed the table, who bound what, what was revoked, and
 * what was attempted.
 *
 * They are of type KERNEL_OTHER, which the audit's ABI has for modules from
 * outside the kernel: any other type belongs to a subsystem, whose fields who
 * reads it would expect. Their names of operations begin with kpc-. Fields are
 * named as others name them where there are such; one that is not known is "?".
 *
 * None waits for the audit daemon, for all are made with locks held: what its
 * backlog has no room for is lost, and counted by the audit.
 */
#include <linux/audit.h>
#include <linux/ktime.h>
#include <net/net_namespace.h>

#include "association.h"
#include "audit.h"
#include "compat.h"
#include "event.h"
#include "net.h"
#include "policy.h"
#include "socket.h"
#include "transaction.h"

static const char *const reasons[] = {
	[KPC_REASON_NONE]		= "none",
	[KPC_REASON_CLOSED]		= "closed",
	[KPC_REASON_OPERATOR]		= "operator",
	[KPC_REASON_DELETED]		= "deleted",
	[KPC_REASON_NARROWED]		= "narrowed",
	[KPC_REASON_EXPIRED]		= "expired",
	[KPC_REASON_LIFETIME]		= "lifetime",
	[KPC_REASON_IDLE]		= "idle",
	[KPC_REASON_OCTETS]		= "octets",
	[KPC_REASON_RECORDS]		= "records",
	[KPC_REASON_MARK_CHANGED]	= "mark-changed",
	[KPC_REASON_PEER_CHANGED]	= "peer-changed",
	[KPC_REASON_KEYS_CHANGED]	= "keys-changed",
	[KPC_REASON_AGENT_LOST]		= "agent-lost",
	[KPC_REASON_BUDGET]		= "budget",
	[KPC_REASON_UNLOAD]		= "unload",
};

static const char *const kinds[KPC_VIOLATION_KINDS] = {
	[KPC_VIOLATION_KIND_MARK]	= "mark",
	[KPC_VIOLATION_KIND_ENDPOINT]	= "endpoint",
	[KPC_VIOLATION_KIND_ASSOCIATION] = "association",
	[KPC_VIOLATION_KIND_CHANGED]	= "changed",
	[KPC_VIOLATION_KIND_GRANT]	= "grant",
	[KPC_VIOLATION_KIND_BUDGET]	= "budget",
};

/**
 * kpc_actor_nobody() - that no task is acting
 * @actor: filled
 */
void kpc_actor_nobody(struct kpc_actor *actor)
{
	actor->auid = INVALID_UID;
	actor->ses = AUDIT_SID_UNSET;
	actor->pid = 0;
}

/**
 * kpc_actor_current() - who is acting now
 * @actor: filled
 *
 * Context: any; nobody is, where the running task was interrupted or is the
 * kernel's own.
 */
void kpc_actor_current(struct kpc_actor *actor)
{
	bool is_task = kpc_by_task();

	actor->auid = is_task ? audit_get_loginuid(current) : INVALID_UID;
	actor->ses = is_task ? audit_get_sessionid(current) : AUDIT_SID_UNSET;
	actor->pid = is_task ? task_tgid_nr(current) : 0;
}

/*
 * A namespace that belongs to another user namespace is not told of: there any
 * user is its administrator, and could fill the machine's backlog with it.
 */
static struct audit_buffer *begin(const struct kpc_net *kn, const char *op,
				  bool is_task)
{
	struct audit_buffer *ab;

	if (audit_enabled == AUDIT_OFF || kn->net->user_ns != &init_user_ns)
		return NULL;
	ab = audit_log_start(is_task ? audit_context() : NULL,
			     GFP_ATOMIC | __GFP_NOWARN, AUDIT_KERNEL_OTHER);
	if (ab)
		audit_log_format(ab, "op=kpc-%s netns=%u", op,
				 kn->net->ns.inum);
	return ab;
}

static void end(struct audit_buffer *ab, bool res)
{
	audit_log_format(ab, " res=%d", res);
	audit_log_end(ab);
}

static void put_actor(struct audit_buffer *ab, const struct kpc_actor *actor)
{
	audit_log_format(ab, " pid=%d auid=%u ses=%u", actor->pid,
			 from_kuid(&init_user_ns, actor->auid), actor->ses);
}

/* The running task, or that it was nobody's doing. */
static void put_doer(struct audit_buffer *ab, bool is_task)
{
	struct kpc_actor nobody;

	if (is_task) {
		audit_log_task_info(ab);
		return;
	}
	kpc_actor_nobody(&nobody);
	put_actor(ab, &nobody);
}

/*
 * Text that comes from outside: as audit_log_n_untrustedstring() does it, which
 * is not exported. What could end the field, or the line, makes it hexadecimal.
 */
static void put_text(struct audit_buffer *ab, const char *name, const char *text,
		     size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (text[i] == '"' || text[i] < 0x21 || text[i] > 0x7e)
			break;
	if (i == len) {
		audit_log_format(ab, " %s=\"%.*s\"", name, (int)len, text);
		return;
	}
	audit_log_format(ab, " %s=", name);
	for (i = 0; i < len; i++)
		audit_log_format(ab, "%02X", (u8)text[i]);
}

/* RCU read side. */
static void put_association(struct audit_buffer *ab,
			    const struct kpc_association *a)
{
	const struct kpc_policy *p;

	if (!a) {
		audit_log_format(ab, " association=? kpc_id=? id_a=? id_b=? role=?");
		return;
	}
	p = rcu_dereference(a->policy);
	put_text(ab, "association", p->name, strlen(p->name));
	put_text(ab, "kpc_id", p->kpc_id, p->kpc_id_len);
	put_text(ab, "id_a", p->id_a, strlen(p->id_a));
	put_text(ab, "id_b", p->id_b, strlen(p->id_b));
	audit_log_format(ab, " role=%s", p->role == KPC_ROLE_A ? "a" : "b");
}

static void put_address(struct audit_buffer *ab, const char *name,
			const struct kpc_flow *flow,
			const struct in6_addr *address)
{
	if (flow->family == AF_INET)
		audit_log_format(ab, " %s=%pI4", name, &address->s6_addr32[3]);
	else
		audit_log_format(ab, " %s=%pI6c", name, address);
}

static void put_flow(struct audit_buffer *ab, const struct kpc_flow *flow)
{
	if (!flow) {
		audit_log_format(ab, " laddr=? lport=? addr=? rport=?");
		return;
	}
	put_address(ab, "laddr", flow, &flow->local);
	if (flow->fragment)
		audit_log_format(ab, " lport=?");
	else
		audit_log_format(ab, " lport=%u", flow->local_port);
	put_address(ab, "addr", flow, &flow->remote);
	if (flow->fragment)
		audit_log_format(ab, " rport=?");
	else
		audit_log_format(ab, " rport=%u", flow->remote_port);
}

/* What records of a binding have in common. */
static void put_binding(struct audit_buffer *ab, const struct kpc_sock *ks)
{
	rcu_read_lock();
	put_association(ab, ks->association);
	rcu_read_unlock();
	audit_log_format(ab, " mark=0x%08x binding=%lu", ks->mark, ks->id);
	put_flow(ab, &ks->flow);
}

/**
 * kpc_audit_bind() - a socket became an association's
 * @ks: the socket; the running task asked for it
 */
void kpc_audit_bind(const struct kpc_sock *ks)
{
	struct audit_buffer *ab = begin(ks->kn, "bind", true);

	if (!ab)
		return;
	put_binding(ab, ks);
	audit_log_format(ab, " carrier=%s version=0x%04x suite=0x%04x session=%u sock_uid=%u",
			 ks->carrier == KPC_CARRIER_KERNEL ? "kernel" : "agent",
			 ks->version, ks->suite, ks->session,
			 from_kuid(&init_user_ns, kpc_sock_uid(ks->sk)));
	put_doer(ab, true);
	end(ab, true);
}

/**
 * kpc_audit_revoke() - a binding was ended
 * @ks: the socket that had it; one that was closed tells nothing
 */
void kpc_audit_revoke(const struct kpc_sock *ks)
{
	struct audit_buffer *ab;

	if (ks->reason == KPC_REASON_CLOSED)
		return;
	ab = begin(ks->kn, "revoke", false);
	if (!ab)
		return;
	put_binding(ab, ks);
	audit_log_format(ab, " reason=%s age=%lld tx=%llu rx=%llu",
			 reasons[ks->reason],
			 ktime_ms_delta(ktime_get_boottime(), ks->bound_at),
			 kpc_sock_tx(ks), kpc_sock_rx(ks));
	put_actor(ab, &ks->ended_by);
	end(ab, true);
}

/*
 * Who sends may do so with the socket's spinlock held, where none of the locks
 * may be taken that the task's name and program are told under.
 */
static void put_sender(struct audit_buffer *ab, bool is_task)
{
	struct kpc_actor sender;
	char comm[TASK_COMM_LEN];

	if (!is_task) {
		put_doer(ab, false);
		return;
	}
	kpc_actor_current(&sender);
	put_actor(ab, &sender);
	memcpy(comm, current->comm, sizeof(comm));
	audit_log_format(ab, " uid=%u", from_kuid(&init_user_ns, current_uid()));
	put_text(ab, "comm", comm, strnlen(comm, sizeof(comm)));
}

/**
 * kpc_audit_violation() - something was attempted and stopped
 * @kn: namespace
 * @v: what was attempted; RCU read side
 * @suppressed: how many of its kind were told of by none before this one
 */
void kpc_audit_violation(const struct kpc_net *kn, const struct kpc_violation *v,
			 u32 suppressed)
{
	struct audit_buffer *ab = begin(kn, "violation", v->by_current);

	if (!ab)
		return;
	audit_log_format(ab, " kind=%s direction=%s proto=%u suppressed=%u",
			 kinds[v->kind],
			 v->direction == KPC_DIRECTION_OUT ? "out" : "in",
			 v->protocol, suppressed);
	put_association(ab, v->association);
	audit_log_format(ab, " mark=0x%08x", v->mark);
	put_flow(ab, v->flow);
	if (v->sk)
		audit_log_format(ab, " sock_uid=%u",
				 from_kuid(&init_user_ns, kpc_sock_uid(v->sk)));
	else
		audit_log_format(ab, " sock_uid=?");
	put_sender(ab, v->by_current);
	end(ab, false);
}

/**
 * kpc_audit_commit() - the table of associations, or the configuration, changed
 * @kn: namespace
 * @outcome: how many associations did
 * @only: the one of them, or NULL where there are more or none
 * @configured: the configuration did
 *
 * Context: process; one that was not confirmed in time is taken back by nobody.
 */
void kpc_audit_commit(const struct kpc_net *kn, const struct kpc_outcome *outcome,
		      const struct kpc_association *only, bool configured)
{
	bool is_task = kpc_by_task();
	struct audit_buffer *ab;

	if (!outcome->added && !outcome->changed && !outcome->removed &&
	    !outcome->ended && !configured)
		return;
	ab = begin(kn, "commit", is_task);
	if (!ab)
		return;
	audit_log_format(ab, " added=%u changed=%u removed=%u ended=%u config=%d",
			 outcome->added, outcome->changed, outcome->removed,
			 outcome->ended, configured);
	rcu_read_lock();
	put_association(ab, only);
	rcu_read_unlock();
	put_doer(ab, is_task);
	end(ab, true);
}
