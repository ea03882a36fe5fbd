/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What kpc keeps for one network namespace.
 */
#ifndef KPC_NET_H
#define KPC_NET_H

#include <linux/ktime.h>
#include <linux/mutex.h>
#include <linux/netfilter.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>
#include <uapi/linux/kpc.h>

#include "event.h"
#include "stats.h"

struct kpc_roster;
struct kpc_session;

/* A commit goes over all of them with the namespace locked. */
#define KPC_ASSOCIATIONS_MAX	262144U
struct kpc_table;

/*
 * Tasks that may have been refused with a sentence of more than few octets, and how
 * many of them without CAP_NET_ADMIN: anybody can ask for a refusal.
 */
#define KPC_SENTENCES		256
#define KPC_SENTENCES_COMMON	128
#define KPC_SENTENCE_MAX	256

/**
 * struct kpc_sentence - why a request is refused
 * @node: in kpc_net::sentences
 * @pid: of the task that asked, held; another's once that has ended
 * @common: it had no CAP_NET_ADMIN
 * @text: in words, which the task's answer may be read from until it asks again
 */
struct kpc_sentence {
	struct list_head node;
	struct pid *pid;
	bool common;
	char text[KPC_SENTENCE_MAX];
};

/**
 * struct kpc_config - what config-set changes; all of a size, to be compared
 * @mark_value: a mark is managed when mark & @mark_mask == @mark_value
 * @mark_mask: see @mark_value
 * @handshake_mark: the managed mark of sockets that are not bound yet
 * @agent_lost: enum kpc_agent_lost
 * @agent_lost_seconds: from the warden's end to the end of bindings
 * @max_associations: associations of the namespace
 * @max_bindings: bound sockets of the namespace
 * @max_handshakes: registered sockets that are not bound
 * @clock: enum kpc_clock
 */
struct kpc_config {
	u32 mark_value;
	u32 mark_mask;
	u32 handshake_mark;
	u32 agent_lost;
	u32 agent_lost_seconds;
	u32 max_associations;
	u32 max_bindings;
	u32 max_handshakes;
	u32 clock;
};

/* Children to be reset that are kept at a time, for want of memory, say. */
#define KPC_REFUSED	64

/**
 * struct kpc_net - one network namespace
 * @net: the namespace; its memory outlives this
 * @lock: outermost lock; guards what the comments below put under it
 * @config: under @lock; the packet path reads the copy in @table
 * @hooked: netfilter hooks are registered; under @lock
 * @hooks: what is registered; its priv is this
 * @roster: associations in force, never NULL; under @lock
 * @sessions: list of struct kpc_session; under @lock
 * @warden: the session that speaks for the agent, or NULL; under @lock
 * @warden_lost: ktime_get_boottime() when the last warden ended; under @lock
 * @warden_missed: bindings wait for @agent_lost_seconds; under @lock
 * @establishes: list of struct kpc_establish; under @lock
 * @transactions: list of struct kpc_transaction; under @lock
 * @confirm: policies to put back unless confirmed; under @lock
 * @confirm_deadline: jiffies at which that happens; under @lock
 * @confirm_pending: a commit waits for confirmation; under @lock
 * @confirm_configured: that commit changed @config; under @lock
 * @confirm_config: to put back if @confirm_configured; under @lock
 * @commits: carried out; under @lock
 * @last_association: id given last; under @lock
 * @last_session: id given last; under @lock
 * @last_establish: id given last; under @lock
 * @table: endpoints for the packet path; RCU, written under @lock
 * @socks: all struct kpc_sock by their id
 * @last_sock: id given last
 * @n_handshakes: registered sockets that are not bound
 * @n_bindings: bound sockets and flows
 * @n_udp: registered UDP sockets
 * @udp_ports: how many of these have a port, by its last bits, or NULL; there
 *	from the first one on, written under @sock_lock
 * @n_ended: sockets that were ended and may still be found; while there are
 *	any the hooks look for them behind every port
 * @settled: woken when @n_ended falls to 0
 * @sock_lock: guards @listeners, @ended, @abandoned, @refused and
 *	kpc_association::socks
 * @listeners: registered sockets that have listened, RCU list
 * @ended: sockets that could not be reset and are tried again by @retry
 * @abandoned: they are not
 * @refused: children that could not be registered, held, to be reset by
 *	@refuse
 * @n_refused: length of @refused
 * @reset_wq: what is in it may wait for a socket's holder; there from the first
 *	registration on, which @lock guards
 * @retry: queues the resets of @ended again
 * @refuse: resets what was refused
 * @sweep: deadlines, limits and the tie of every binding, each second
 * @sweep_at: id of the socket that the next run of the sweep begins behind; 0
 *	for one that begins a pass
 * @sweep_end: id of the last socket that the pass looks at
 * @events: numbering and rate of events
 * @counters: of the namespace
 * @sentence_lock: guards @sentences and its lengths
 * @sentences: list of struct kpc_sentence, of the latest refusals
 * @n_sentences: length of @sentences
 * @n_common: how many of them are common
 */
struct kpc_net {
	struct net *net;
	struct mutex lock; /* outermost; see the comment above */
	struct kpc_config config;
	bool hooked;
	struct nf_hook_ops hooks[4];
	struct kpc_roster *roster;
	struct list_head sessions;
	struct kpc_session *warden;
	ktime_t warden_lost;
	bool warden_missed;
	struct list_head establishes;
	struct list_head transactions;
	struct list_head confirm;
	unsigned long confirm_deadline;
	bool confirm_pending;
	bool confirm_configured;
	struct kpc_config confirm_config;
	u32 commits;
	u32 last_association;
	u32 last_session;
	u32 last_establish;

	struct kpc_table __rcu *table;

	struct xarray socks;
	atomic64_t last_sock;
	atomic_t n_handshakes;
	atomic_t n_bindings;
	atomic_t n_udp;
	u32 *udp_ports;
	atomic_t n_ended;
	wait_queue_head_t settled;
	spinlock_t sock_lock; /* see the comment above */
	struct list_head listeners;
	struct list_head ended;
	bool abandoned;
	struct sock *refused[KPC_REFUSED];
	unsigned int n_refused;
	struct workqueue_struct *reset_wq;
	struct delayed_work retry;
	struct delayed_work refuse;
	struct delayed_work sweep;
	unsigned long sweep_at;
	unsigned long sweep_end;

	struct kpc_events events;
	struct kpc_counters counters;

	spinlock_t sentence_lock; /* sentences */
	struct list_head sentences;
	unsigned int n_sentences;
	unsigned int n_common;
};

extern unsigned int kpc_net_id;
extern const struct kpc_config kpc_default_config;
extern struct workqueue_struct *kpc_wq;

/**
 * kpc_net() - what kpc keeps for a namespace
 * @net: the namespace
 */
static inline struct kpc_net *kpc_net(const struct net *net)
{
	return net_generic(net, kpc_net_id);
}

#endif /* KPC_NET_H */
