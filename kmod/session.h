/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sessions of the agent, known by their netlink sockets, and grants.
 */
#ifndef KPC_SESSION_H
#define KPC_SESSION_H

#include <linux/list.h>
#include <linux/types.h>
#include <net/sock.h>

struct kpc_association;
struct kpc_net;
struct netlink_ext_ack;

/**
 * struct kpc_session - one netlink socket that speaks for the agent
 * @node: in kpc_net::sessions
 * @sk: its netlink socket, held, so that its address is its name
 * @grants: list of struct kpc_grant; those of one association stand together, the
 *	oldest in front
 * @n_grants: length of @grants
 * @id: unique in the namespace
 * @pid: told by the warden
 * @type: enum kpc_session_type
 *
 * All under kpc_net::lock.
 */
struct kpc_session {
	struct list_head node;
	struct sock *sk;
	struct list_head grants;
	u32 n_grants;
	u32 id;
	u32 pid;
	u8 type;
};

/* Grants that one session may hold at one time. */
#define KPC_GRANTS_MAX	1024

struct kpc_session *kpc_session_find(struct kpc_net *kn, const struct sock *sk);
struct kpc_session *kpc_session_find_id(struct kpc_net *kn, u32 id);
struct kpc_session *kpc_session_new(struct kpc_net *kn,
				    struct netlink_ext_ack *extack,
				    struct sock *sk, u8 type, u32 pid);
void kpc_session_free(struct kpc_net *kn, struct kpc_session *session);
void kpc_sessions_reap(struct kpc_net *kn);
unsigned int kpc_session_bindings(struct kpc_net *kn, u32 id);

int kpc_grant_new(struct kpc_session *session, u32 association);
bool kpc_grant_take(struct kpc_session *session, u32 association);
void kpc_grants_expire(struct kpc_net *kn);
void kpc_grants_drop(struct kpc_net *kn, u32 association);

#endif /* KPC_SESSION_H */
