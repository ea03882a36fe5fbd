/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Audit records: what the kernel's audit is told.
 */
#ifndef KPC_AUDIT_H
#define KPC_AUDIT_H

#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/types.h>
#include <linux/uidgid.h>

struct kpc_association;
struct kpc_net;
struct kpc_outcome;
struct kpc_sock;
struct kpc_violation;

/**
 * struct kpc_actor - the process that ended something
 * @auid: user who logged in, or INVALID_UID
 * @ses: session of that login, or AUDIT_SID_UNSET
 * @pid: as the machine counts, or 0 for none
 */
struct kpc_actor {
	kuid_t auid;
	u32 ses;
	pid_t pid;
};

/**
 * kpc_by_task() - whether what happens is a process's doing, the running one's
 */
static inline bool kpc_by_task(void)
{
	return in_task() && !(current->flags & PF_KTHREAD);
}

void kpc_actor_nobody(struct kpc_actor *actor);
void kpc_actor_current(struct kpc_actor *actor);
void kpc_audit_bind(const struct kpc_sock *ks);
void kpc_audit_revoke(const struct kpc_sock *ks);
void kpc_audit_violation(const struct kpc_net *kn, const struct kpc_violation *v,
			 u32 suppressed);
void kpc_audit_commit(const struct kpc_net *kn, const struct kpc_outcome *outcome,
		      const struct kpc_association *only, bool configured);

#endif /* KPC_AUDIT_H */
