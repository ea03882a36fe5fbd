// SPDX-License-Identifier: GPL-2.0-only
/*
 * Birth and death of sockets, told by two tracepoints of the TCP stack. They
 * are not exported, so they are looked up by name; their probes may run under
 * SRCU, so that each takes the RCU read lock itself.
 */
#include <linux/string.h>
#include <linux/tracepoint.h>
#include <net/tcp.h>

#include "net.h"
#include "socket.h"
#include "trace.h"

/* Closed, or disconnected and connected again: that is nobody's handshake. */
static void leave_bound(const struct sock *sk, const int to)
{
	struct kpc_sock *ks = kpc_sock_get(sk);

	if (!ks)
		return;
	if (to == TCP_SYN_SENT)
		kpc_sock_end(ks, KPC_SOCK_BOUND, KPC_REASON_PEER_CHANGED);
	else if (ks->was_bound)
		kpc_sock_closed(ks);
	kpc_sock_put(ks);
}

static void on_state(void *data, const struct sock *sk, const int from,
		     const int to)
{
	struct kpc_net *kn;
	struct kpc_sock *ks;

	if ((to == TCP_SYN_SENT || to == TCP_CLOSE) &&
	    sk->sk_protocol == IPPROTO_TCP &&
	    atomic_read(&kpc_net(sock_net(sk))->n_bindings))
		leave_bound(sk, to);
	if (to != TCP_ESTABLISHED || sk->sk_protocol != IPPROTO_TCP ||
	    (from != TCP_SYN_RECV && from != TCP_SYN_SENT))
		return;
	kn = kpc_net(sock_net(sk));
	if (list_empty(&kn->listeners) && !atomic_read(&kn->n_handshakes))
		return;

	if (from == TCP_SYN_RECV) {
		/* A child has its listener's mark and was not accepted yet. */
		if (!sk->sk_socket &&
		    READ_ONCE(sk->sk_mark) ==
		    READ_ONCE(kn->config.handshake_mark))
			kpc_handshake_child(kn, (struct sock *)sk);
		return;
	}
	ks = kpc_sock_get(sk);
	if (ks) {
		kpc_handshake_connected(ks);
		kpc_sock_put(ks);
	}
}

static void on_destroy(void *data, struct sock *sk)
{
	struct kpc_sock *ks = kpc_sock_get(sk);

	if (ks) {
		kpc_sock_remove(ks, KPC_REASON_CLOSED);
		kpc_sock_put(ks);
	}
}

static struct {
	const char *name;
	void *probe;
	struct tracepoint *tp;
} probes[] = {
	{ "inet_sock_set_state",	on_state },
	{ "tcp_destroy_sock",		on_destroy },
};

static void find(struct tracepoint *tp, void *priv)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(probes); i++)
		if (!strcmp(tp->name, probes[i].name))
			probes[i].tp = tp;
}

/**
 * kpc_trace_init() - begin to listen
 */
int kpc_trace_init(void)
{
	unsigned int i;
	int err;

	for_each_kernel_tracepoint(find, NULL);
	for (i = 0; i < ARRAY_SIZE(probes); i++) {
		if (!probes[i].tp) {
			pr_err("kpc: this kernel has no tracepoint %s\n",
			       probes[i].name);
			err = -ENOENT;
			goto err;
		}
		err = tracepoint_probe_register(probes[i].tp, probes[i].probe,
						NULL);
		if (err)
			goto err;
	}
	return 0;

err:
	while (i--)
		tracepoint_probe_unregister(probes[i].tp, probes[i].probe,
					    NULL);
	tracepoint_synchronize_unregister();
	return err;
}

/**
 * kpc_trace_exit() - stop listening
 */
void kpc_trace_exit(void)
{
	unsigned int i = ARRAY_SIZE(probes);

	while (i--)
		tracepoint_probe_unregister(probes[i].tp, probes[i].probe,
					    NULL);
	tracepoint_synchronize_unregister();
}
