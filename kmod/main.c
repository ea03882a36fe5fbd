// SPDX-License-Identifier: GPL-2.0-only
/*
 * kpc: ties TCP sockets with kernel TLS, and flows of UDP sockets with DTLS, to
 * oneM2M security associations through the mark, and enforces the tie.
 */
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/version.h>
#include <net/net_namespace.h>

#include "association.h"
#include "endpoint.h"
#include "establish.h"
#include "hook.h"
#include "limit.h"
#include "net.h"
#include "netlink.h"
#include "policy.h"
#include "roster.h"
#include "session.h"
#include "socket.h"
#include "trace.h"
#include "transaction.h"

unsigned int kpc_net_id __read_mostly;
struct workqueue_struct *kpc_wq;

const struct kpc_config kpc_default_config = {
	.mark_value		= 0x6b000000,
	.mark_mask		= 0xff000000,
	.handshake_mark		= 0x6bffffff,
	.agent_lost		= KPC_AGENT_LOST_KEEP,
	.agent_lost_seconds	= 60,
	.max_associations	= 4096,
	.max_bindings		= 65536,
	.max_handshakes		= 16384,
	.clock			= KPC_CLOCK_TRUST,
};

static int __net_init net_init(struct net *net)
{
	struct kpc_net *kn = kpc_net(net);

	kn->net = net;
	mutex_init(&kn->lock);
	kn->config = kpc_default_config;
	kn->roster = kpc_roster_alloc(0);
	if (!kn->roster)
		return -ENOMEM;
	INIT_LIST_HEAD(&kn->sessions);
	INIT_LIST_HEAD(&kn->establishes);
	INIT_LIST_HEAD(&kn->transactions);
	INIT_LIST_HEAD(&kn->confirm);
	INIT_LIST_HEAD(&kn->listeners);
	INIT_LIST_HEAD(&kn->ended);
	INIT_LIST_HEAD(&kn->sentences);
	xa_init_flags(&kn->socks, XA_FLAGS_LOCK_BH);
	spin_lock_init(&kn->sock_lock);
	kpc_events_init(&kn->events);
	spin_lock_init(&kn->sentence_lock);
	INIT_DELAYED_WORK(&kn->retry, kpc_socks_retry);
	INIT_DELAYED_WORK(&kn->refuse, kpc_refused_reset);
	init_waitqueue_head(&kn->settled);
	INIT_DELAYED_WORK(&kn->sweep, kpc_sweep);
	return 0;
}

static void free_associations(struct kpc_net *kn)
{
	unsigned int i;

	for (i = 0; i < kn->roster->n; i++) {
		kpc_association_put(kn->roster->at[i]);
		module_put(THIS_MODULE);
	}
	kpc_roster_free(kn->roster);
}

static void free_sessions(struct kpc_net *kn)
{
	struct kpc_transaction *t, *next_t;
	struct kpc_session *s, *next_s;

	list_for_each_entry_safe(s, next_s, &kn->sessions, node)
		kpc_session_free(kn, s);
	list_for_each_entry_safe(t, next_t, &kn->transactions, node)
		kpc_transaction_free(t);
	kpc_establishes_free(kn);
	kpc_confirm_drop(kn);
}

/*
 * Of a namespace that ends no socket is left. Where the module is unloaded
 * there are no associations, but there may be sessions, and sockets that were
 * registered in the last moment: those are reset.
 */
static void __net_exit net_exit(struct net *net)
{
	struct kpc_net *kn = kpc_net(net);

	mutex_lock(&kn->lock);
	free_sessions(kn);
	kpc_socks_end(kn, NULL, KPC_REASON_UNLOAD);
	mutex_unlock(&kn->lock);
	cancel_delayed_work_sync(&kn->sweep);
	/*
	 * Each socket holds the module, so these came while it began to go.
	 * One may be kept from its reset by who holds it.
	 */
	wait_event_timeout(kn->settled, !atomic_read(&kn->n_ended),
			   KPC_EXIT_SETTLE);
	kpc_socks_abandon(kn);

	mutex_lock(&kn->lock);
	kpc_hooks_unregister(kn);
	free_associations(kn);
	kpc_table_free(rcu_replace_pointer(kn->table, NULL,
					   lockdep_is_held(&kn->lock)));
	mutex_unlock(&kn->lock);
	xa_destroy(&kn->socks);
	kvfree(kn->udp_ports);
	kpc_sentences_free(kn);
}

static struct pernet_operations net_ops = {
	.init	= net_init,
	.exit	= net_exit,
	.id	= &kpc_net_id,
	.size	= sizeof(struct kpc_net),
};

static int __init kpc_init(void)
{
	int err;

	/* There probes of tracepoints may not sleep, and spinlocks do. */
	if (IS_ENABLED(CONFIG_PREEMPT_RT) &&
	    LINUX_VERSION_CODE < KERNEL_VERSION(7, 0, 0)) {
		pr_err("kpc: a PREEMPT_RT kernel before 7.0 is not supported\n");
		return -EOPNOTSUPP;
	}
	kpc_wq = alloc_workqueue("kpc", WQ_UNBOUND, 0);
	if (!kpc_wq)
		return -ENOMEM;
	err = kpc_socks_init();
	if (err)
		goto err_wq;
	err = register_pernet_subsys(&net_ops);
	if (err)
		goto err_socks;
	err = kpc_trace_init();
	if (err)
		goto err_pernet;
	err = kpc_netlink_init();
	if (err)
		goto err_trace;
	return 0;

err_trace:
	kpc_trace_exit();
err_pernet:
	unregister_pernet_subsys(&net_ops);
err_socks:
	kpc_socks_exit();
err_wq:
	destroy_workqueue(kpc_wq);
	return err;
}

/* Associations and sockets hold the module, so none is left here. */
static void __exit kpc_exit(void)
{
	kpc_netlink_exit();
	kpc_trace_exit();
	unregister_pernet_subsys(&net_ops);
	/*
	 * Callbacks that free what the packet path has left: a flow's gives its
	 * socket back, and a socket's its association, whose own is queued then.
	 */
	rcu_barrier();
	rcu_barrier();
	rcu_barrier();
	kpc_socks_exit();
	destroy_workqueue(kpc_wq);
}

module_init(kpc_init);
module_exit(kpc_exit);

MODULE_DESCRIPTION("oneM2M security associations on kernel TLS sockets and DTLS flows");
MODULE_VERSION(KPC_VERSION);
MODULE_LICENSE("GPL");
MODULE_ALIAS_GENL_FAMILY(KPC_GENL_NAME);
