// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sessions: who speaks for the agent.
 *
 * A session is a netlink socket, not a port id: netlink_release() takes the
 * socket out of its table before it tells of its end, and any user may choose
 * the port id that became free. The session holds the socket, so that its
 * address is not used again either, and a socket that is SOCK_DEAD speaks for
 * nobody.
 */
#include <linux/ktime.h>
#include <linux/netlink.h>
#include <linux/slab.h>
#include <net/netlink.h>

#include "event.h"
#include "limit.h"
#include "net.h"
#include "netlink.h"
#include "session.h"
#include "socket.h"

/**
 * struct kpc_grant - leave for one binding
 * @node: in kpc_session::grants
 * @association: id
 * @until: jiffies
 */
struct kpc_grant {
	struct list_head node;
	u32 association;
	unsigned long until;
};

/**
 * kpc_session_find() - the session of a netlink socket
 * @kn: namespace, whose lock is held
 * @sk: sender
 */
struct kpc_session *kpc_session_find(struct kpc_net *kn, const struct sock *sk)
{
	struct kpc_session *s;

	list_for_each_entry(s, &kn->sessions, node)
		if (s->sk == sk)
			return s;
	return NULL;
}

/**
 * kpc_session_find_id() - a session by its id
 * @kn: namespace, whose lock is held
 * @id: of the session
 */
struct kpc_session *kpc_session_find_id(struct kpc_net *kn, u32 id)
{
	struct kpc_session *s;

	list_for_each_entry(s, &kn->sessions, node)
		if (s->id == id)
			return s;
	return NULL;
}

/**
 * kpc_session_new() - register a netlink socket
 * @kn: namespace, whose lock is held
 * @extack: for the sentence of a refusal
 * @sk: the netlink socket
 * @type: enum kpc_session_type
 * @pid: process, for showing
 */
struct kpc_session *kpc_session_new(struct kpc_net *kn,
				    struct netlink_ext_ack *extack,
				    struct sock *sk, u8 type, u32 pid)
{
	struct kpc_session *s;

	/* The warden of before may be gone and not yet reaped. */
	kpc_sessions_reap(kn);
	if (type == KPC_SESSION_TYPE_WARDEN && kn->warden)
		return ERR_PTR(kpc_refuse(kn, extack, -EBUSY,
					  "an agent is registered already, process %u",
					  kn->warden->pid));
	if (kpc_session_find(kn, sk))
		return ERR_PTR(kpc_refuse(kn, extack, -EEXIST,
					  "the netlink socket is a session already"));

	s = kzalloc(sizeof(*s), GFP_KERNEL_ACCOUNT);
	if (!s)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&s->grants);
	sock_hold(sk);
	s->sk = sk;
	s->type = type;
	s->pid = pid;
	s->id = ++kn->last_session;
	list_add_tail(&s->node, &kn->sessions);
	if (type == KPC_SESSION_TYPE_WARDEN) {
		kn->warden = s;
		kn->warden_missed = false;
	}
	kpc_event_session(kn, s, KPC_CHANGE_ADDED);
	kpc_sweep_soon(kn);
	return s;
}

/* Sockets that a session registered and nobody bound end with it, and flows. */
static void end_handshakes(struct kpc_net *kn, u32 session)
{
	struct kpc_sock *ks;
	unsigned long id;

	for (id = 0; (ks = kpc_sock_next(kn, &id)); id++) {
		if (ks->session == session && !ks->was_bound)
			kpc_sock_end(ks, KPC_SOCK_HANDSHAKE,
				     KPC_REASON_AGENT_LOST);
		/* Nobody else has its keys, whoever has its socket. */
		else if (ks->session == session && ks->via)
			kpc_sock_end(ks, KPC_SOCK_BOUND, KPC_REASON_AGENT_LOST);
		kpc_sock_put(ks);
	}
}

/**
 * kpc_session_free() - end a session
 * @kn: namespace, whose lock is held
 * @session: to end
 */
void kpc_session_free(struct kpc_net *kn, struct kpc_session *session)
{
	struct kpc_grant *g, *next;

	list_for_each_entry_safe(g, next, &session->grants, node) {
		list_del(&g->node);
		kfree(g);
	}
	list_del(&session->node);
	if (kn->warden == session) {
		kn->warden = NULL;
		kn->warden_lost = ktime_get_boottime();
		kn->warden_missed = true;
	}
	end_handshakes(kn, session->id);
	kpc_event_session(kn, session, KPC_CHANGE_REMOVED);
	sock_put(session->sk);
	kfree(session);
}

/**
 * kpc_sessions_reap() - end the sessions whose sockets are closed
 * @kn: namespace, whose lock is held
 */
void kpc_sessions_reap(struct kpc_net *kn)
{
	struct kpc_session *s, *next;

	list_for_each_entry_safe(s, next, &kn->sessions, node)
		if (sock_flag(s->sk, SOCK_DEAD))
			kpc_session_free(kn, s);
}

/**
 * kpc_session_bindings() - how many live bindings a session made
 * @kn: namespace
 * @id: of the session
 */
unsigned int kpc_session_bindings(struct kpc_net *kn, u32 id)
{
	struct kpc_sock *ks;
	unsigned long at;
	unsigned int n = 0;

	for (at = 0; (ks = kpc_sock_next(kn, &at)); at++) {
		n += ks->was_bound && ks->session == id;
		kpc_sock_put(ks);
	}
	return n;
}

static void grant_free(struct kpc_session *session, struct kpc_grant *grant)
{
	list_del(&grant->node);
	session->n_grants--;
	kfree(grant);
}

/*
 * Of the association that has the most, the oldest one; of those that have as
 * many, the oldest of all. There are some.
 */
static struct kpc_grant *spare(const struct kpc_session *session)
{
	struct kpc_grant *g, *first = NULL, *found = NULL;
	unsigned int n = 0, most = 0;

	list_for_each_entry(g, &session->grants, node) {
		if (!first || g->association != first->association) {
			first = g;
			n = 0;
		}
		n++;
		if (n > most ||
		    (n == most && time_before(first->until, found->until))) {
			most = n;
			found = first;
		}
	}
	return found;
}

/* Behind which one a grant of an association comes. */
static struct list_head *place(struct kpc_session *session, u32 association)
{
	struct kpc_grant *g;

	list_for_each_entry_reverse(g, &session->grants, node)
		if (g->association == association)
			return &g->node;
	return session->grants.prev;
}

/**
 * kpc_grant_new() - let a session make one binding
 * @session: of a worker; the lock of its namespace is held
 * @association: id
 *
 * With KPC_GRANTS_MAX of them the oldest of the association that has the most
 * makes room. Handshakes that fail leave theirs behind, and whoever knows a KpcId
 * can have many fail: that takes leave from the peers of the KpcIds it knows, and
 * from no other's handshakes, however many are under way.
 */
int kpc_grant_new(struct kpc_session *session, u32 association)
{
	struct kpc_grant *g;

	if (session->n_grants == KPC_GRANTS_MAX) {
		g = spare(session);
		list_del(&g->node);
	} else {
		g = kzalloc(sizeof(*g), GFP_KERNEL_ACCOUNT);
		if (!g)
			return -ENOMEM;
		session->n_grants++;
	}
	g->association = association;
	g->until = jiffies + KPC_GRANT_SECONDS * HZ;
	list_add(&g->node, place(session, association));
	return 0;
}

/**
 * kpc_grant_take() - use up a grant
 * @session: that asks for a binding
 * @association: id
 *
 * Return: whether there was one.
 */
bool kpc_grant_take(struct kpc_session *session, u32 association)
{
	struct kpc_grant *g, *next;

	list_for_each_entry_safe(g, next, &session->grants, node) {
		if (g->association != association)
			continue;
		if (time_after(jiffies, g->until)) {
			grant_free(session, g);
			continue;
		}
		grant_free(session, g);
		return true;
	}
	return false;
}

/**
 * kpc_grants_expire() - drop grants that were not used in time
 * @kn: namespace, whose lock is held
 */
void kpc_grants_expire(struct kpc_net *kn)
{
	struct kpc_grant *g, *next;
	struct kpc_session *s;

	list_for_each_entry(s, &kn->sessions, node)
		list_for_each_entry_safe(g, next, &s->grants, node)
			if (time_after(jiffies, g->until))
				grant_free(s, g);
}

/**
 * kpc_grants_drop() - take all leave for an association back
 * @kn: namespace, whose lock is held
 * @association: id
 */
void kpc_grants_drop(struct kpc_net *kn, u32 association)
{
	struct kpc_grant *g, *next;
	struct kpc_session *s;

	list_for_each_entry(s, &kn->sessions, node)
		list_for_each_entry_safe(g, next, &s->grants, node)
			if (g->association == association)
				grant_free(s, g);
}
