// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bindings: a registered socket becomes an association's.
 */
#include <linux/ktime.h>
#include <net/genetlink.h>
#include <net/tcp.h>
#include <uapi/linux/tls.h>

#include "association.h"
#include "audit.h"
#include "binding.h"
#include "event.h"
#include "flow.h"
#include "holder.h"
#include "ktls.h"
#include "limit.h"
#include "net.h"
#include "netlink.h"
#include "policy.h"
#include "session.h"
#include "socket.h"
#include "suite.h"

static int check_ktls(struct kpc_net *kn, struct netlink_ext_ack *extack,
		      const struct kpc_bind *bind, const struct sock *sk)
{
	const struct kpc_suite *suite = kpc_suite_find(bind->suite);
	struct kpc_keys keys;
	struct kpc_ktls ktls;

	switch (kpc_ktls_read(sk, &ktls)) {
	case 0:
		break;
	case -ENOTCONN:
		return kpc_refuse(kn, extack, -ENOTCONN,
				  "the socket has no kernel TLS in both directions");
	default:
		return kpc_refuse(kn, extack, -EOPNOTSUPP,
				  "the socket's kernel TLS has a cipher that no allowed suite has, or two");
	}
	if (ktls.version != bind->version)
		return kpc_refuse(kn, extack, -EINVAL,
				  "the socket's kernel TLS has version 0x%04x, not 0x%04x",
				  ktls.version, bind->version);
	if (ktls.cipher != suite->cipher)
		return kpc_refuse(kn, extack, -EINVAL,
				  "the socket's kernel TLS has cipher %u, which is not that of suite 0x%04x",
				  ktls.cipher, bind->suite);
	if (!bind->tx_digest || !bind->rx_digest)
		return kpc_refuse(kn, extack, -EINVAL,
				  "carrier kernel needs the digests of both traffic keys");
	kpc_ktls_digest(sk, &keys);
	if (memcmp(keys.tx, bind->tx_digest, KPC_DIGEST_LEN) ||
	    memcmp(keys.rx, bind->rx_digest, KPC_DIGEST_LEN))
		return kpc_refuse(kn, extack, -EKEYREJECTED,
				  "the socket carries other keys than those announced");
	return 0;
}

/* How many of the association are bound, but for one that would be replaced. */
static u32 others(const struct kpc_association *a, const struct kpc_sock *old)
{
	u32 n = atomic_read(&a->bindings);

	return n - (old && n && old->association == a);
}

static int check_policy(struct kpc_net *kn, struct netlink_ext_ack *extack,
			const struct kpc_bind *bind, const struct kpc_policy *p,
			const struct kpc_sock *old)
{
	const struct kpc_suite *suite = kpc_suite_find(bind->suite);
	const struct kpc_limits *l = &p->limits;
	s64 now = ktime_get_real_seconds();

	if (!(kpc_version_flag(bind->version) & p->versions))
		return kpc_refuse(kn, extack, -EPERM,
				  "'%s' does not allow version 0x%04x",
				  p->name, bind->version);
	if (!suite || !(suite->versions & kpc_version_flag(bind->version)) ||
	    !kpc_policy_suite_allowed(p, bind->suite))
		return kpc_refuse(kn, extack, -EPERM,
				  "'%s' does not allow cipher suite 0x%04x with version 0x%04x",
				  p->name, bind->suite, bind->version);
	if (bind->carrier == KPC_CARRIER_AGENT &&
	    p->offload == KPC_OFFLOAD_REQUIRE)
		return kpc_refuse(kn, extack, -EPERM,
				  "'%s' wants the kernel to carry its records (offload require)",
				  p->name);
	if (bind->carrier == KPC_CARRIER_KERNEL &&
	    p->offload == KPC_OFFLOAD_OFF)
		return kpc_refuse(kn, extack, -EPERM,
				  "'%s' wants the agent to carry its records (offload off)",
				  p->name);
	if (bind->carrier == KPC_CARRIER_AGENT &&
	    (bind->tx_digest || bind->rx_digest))
		return kpc_refuse(kn, extack, -EINVAL,
				  "carrier agent has no keys in the kernel, but a digest was given");
	if ((l->not_before || l->not_after) &&
	    kn->config.clock == KPC_CLOCK_WAIT)
		return kpc_refuse(kn, extack, -EKEYREJECTED,
				  "'%s' has dates, and the clock is not known to be set (clock wait): 'kpc config set clock set' tells when it is",
				  p->name);
	if (l->not_before && now < l->not_before)
		return kpc_refuse(kn, extack, -EKEYREJECTED,
				  "'%s' is not valid before %lld", p->name,
				  l->not_before);
	if (l->not_after && now >= l->not_after)
		return kpc_refuse(kn, extack, -EKEYEXPIRED,
				  "'%s' expired at %lld", p->name,
				  l->not_after);
	if (l->bindings && others(bind->association, old) >= l->bindings)
		return kpc_refuse(kn, extack, -ENOSPC,
				  "'%s' has %u bindings, its limit", p->name,
				  l->bindings);
	if (atomic_read(&kn->n_bindings) - !!old >= kn->config.max_bindings)
		return kpc_refuse(kn, extack, -ENOSPC,
				  "%u sockets are bound, the most (max-bindings)",
				  kn->config.max_bindings);
	return 0;
}

static int check_flow(struct kpc_net *kn, struct netlink_ext_ack *extack,
		      const struct kpc_policy *p, const struct kpc_flow *flow)
{
	if (kpc_selectors_match(p->selectors, p->n_selectors, flow))
		return 0;
	return kpc_refuse(kn, extack, -EPERM,
			  "'%s' has no selector for %s%pI6c port %u with %pI6c port %u",
			  p->name, flow->udp ? "UDP " : "", &flow->local, flow->local_port,
			  &flow->remote, flow->remote_port);
}

static int check_sock(struct kpc_net *kn, struct netlink_ext_ack *extack,
		      const struct kpc_bind *bind, const struct kpc_sock *ks,
		      const struct kpc_policy *p)
{
	struct sock *sk = ks->sk;

	if (READ_ONCE(ks->state) == KPC_SOCK_BOUND)
		return kpc_refuse(kn, extack, -EALREADY,
				  "the socket is bound already");
	if (READ_ONCE(ks->state) != KPC_SOCK_HANDSHAKE)
		return kpc_refuse(kn, extack, -ECONNABORTED,
				  "the socket went over its handshake budget, or was ended");
	if (ks->association && ks->association != bind->association)
		return kpc_refuse(kn, extack, -EPERM,
				  "the socket was registered for another association than '%s'",
				  p->name);
	if (sk->sk_state != TCP_ESTABLISHED && sk->sk_state != TCP_CLOSE_WAIT)
		return kpc_refuse(kn, extack, -ENOTCONN,
				  "the socket is not connected");
	if (bind->version == KPC_DTLS_1_2_VERSION || bind->ends)
		return kpc_refuse(kn, extack, -EINVAL,
				  "a TCP socket has no DTLS, and its own ends alone");
	return kpc_holder_check(kn, extack, p, sk);
}

/*
 * RFC 8446 5.5: 2^24.5 full records under one AES key, for either version;
 * ChaCha20-Poly1305 has no limit that can be reached.
 */
static u32 records_max(const struct kpc_limits *limits, u16 suite)
{
	if (limits->records ||
	    kpc_suite_find(suite)->cipher == TLS_CIPHER_CHACHA20_POLY1305)
		return limits->records;
	return KPC_RECORDS_MAX;
}

/* What is the socket's alone, and not a flow's. */
static void bind_tcp(struct kpc_sock *ks)
{
	struct sock *sk = ks->sk;
	struct tcp_sock *tp = tcp_sk(sk);

	ks->ports = sk->sk_portpair;
	ks->tx_base = tp->bytes_sent - tp->bytes_retrans;
	ks->rx_base = tp->bytes_received;
	if (ks->clamp)
		WRITE_ONCE(tp->window_clamp, max(tp->window_clamp, ks->clamp));
}

static void bind_sock(struct kpc_net *kn, struct kpc_sock *ks,
		      const struct kpc_bind *bind, const struct kpc_policy *p,
		      const struct kpc_flow *flow)
{
	struct kpc_association *a = bind->association;

	ks->flow = *flow;
	ks->mark = p->mark;
	ks->carrier = bind->carrier;
	ks->version = bind->version;
	ks->suite = bind->suite;
	ks->session = bind->session ? bind->session->id : 0;
	if (bind->tx_digest) {
		memcpy(ks->keys.tx, bind->tx_digest, KPC_DIGEST_LEN);
		memcpy(ks->keys.rx, bind->rx_digest, KPC_DIGEST_LEN);
	}
	ks->octets_max = p->limits.octets ?: U64_MAX;
	ks->lifetime = p->limits.lifetime;
	ks->idle = p->limits.idle;
	ks->records_max = records_max(&p->limits, bind->suite);
	ks->epoch = bind->epoch;
	ks->moved = 0;
	ks->bound_at = ktime_get_boottime();
	ks->active = ks->bound_at;
	if (!ks->via)
		bind_tcp(ks);

	if (!ks->association) {
		refcount_inc(&a->ref);
		ks->association = a;
	}
	spin_lock_bh(&kn->sock_lock);
	ks->was_bound = true;
	if (ks->via)
		kpc_flow_count(ks, 1);
	list_add_tail_rcu(&ks->bound_node, &a->socks);
	spin_unlock_bh(&kn->sock_lock);
	atomic_dec(&kn->n_handshakes);
	atomic_inc(&kn->n_bindings);
	atomic_inc(&a->bindings);
	atomic64_inc(&a->bound);
	kpc_count(&kn->counters, KPC_COUNT_BOUND);

	if (!ks->via)
		kpc_sock_set_mark(ks->sk, ks->mark);
	/* Pairs with the packet path's: what it reads of a bound one is set. */
	smp_store_release(&ks->state, KPC_SOCK_BOUND);
}

static int bind_locked(struct kpc_net *kn, struct netlink_ext_ack *extack,
		       const struct kpc_bind *bind, struct kpc_sock *ks)
{
	const struct kpc_policy *p = kpc_association_policy(bind->association);
	struct kpc_flow flow;
	int err;

	kpc_flow_from_sock(&flow, ks->sk);
	err = check_sock(kn, extack, bind, ks, p);
	if (!err)
		err = check_policy(kn, extack, bind, p, NULL);
	if (!err)
		err = check_flow(kn, extack, p, &flow);
	if (!err && bind->carrier == KPC_CARRIER_KERNEL)
		err = check_ktls(kn, extack, bind, ks->sk);
	if (err)
		return err;

	if (cmpxchg(&ks->state, KPC_SOCK_HANDSHAKE, KPC_SOCK_BINDING) !=
	    KPC_SOCK_HANDSHAKE)
		return kpc_refuse(kn, extack, -ECONNABORTED,
				  "the socket was ended meanwhile");
	bind_sock(kn, ks, bind, p, &flow);
	/* Who ends it needs the lock, and tells of that behind this. */
	kpc_audit_bind(ks);
	kpc_event_binding(ks, KPC_CHANGE_ADDED, KPC_REASON_NONE);
	return 0;
}

static int check_udp(struct kpc_net *kn, struct netlink_ext_ack *extack,
		     const struct kpc_bind *bind, const struct kpc_sock *via,
		     const struct kpc_policy *p)
{
	if (READ_ONCE(via->state) != KPC_SOCK_HANDSHAKE ||
	    sock_flag(via->sk, SOCK_DEAD))
		return kpc_refuse(kn, extack, -ECONNABORTED,
				  "the socket was ended, or closed meanwhile");
	if (via->association && via->association != bind->association)
		return kpc_refuse(kn, extack, -EPERM,
				  "the socket was registered for another association than '%s'",
				  p->name);
	if (bind->version != KPC_DTLS_1_2_VERSION)
		return kpc_refuse(kn, extack, -EINVAL,
				  "a flow of a UDP socket has DTLS 1.2 (0x%04x), not 0x%04x",
				  KPC_DTLS_1_2_VERSION, bind->version);
	if (bind->carrier != KPC_CARRIER_AGENT)
		return kpc_refuse(kn, extack, -EINVAL,
				  "no kernel carries DTLS: the carrier of a flow is the agent");
	return kpc_holder_check(kn, extack, p, via->sk);
}

/* Binds a flow of @via, which is locked. */
static struct kpc_sock *bind_flow(struct kpc_net *kn,
				  struct netlink_ext_ack *extack,
				  const struct kpc_bind *bind,
				  struct kpc_sock *via)
{
	const struct kpc_policy *p = kpc_association_policy(bind->association);
	struct kpc_flow flow;
	struct kpc_sock *ks;
	int err;

	err = check_udp(kn, extack, bind, via, p);
	if (!err)
		err = kpc_flow_ends(kn, extack, via->sk, bind->ends, &flow);
	if (!err) {
		rcu_read_lock();
		ks = kpc_flow_find(kn, &flow);
		err = check_policy(kn, extack, bind, p, ks);
		rcu_read_unlock();
	}
	if (!err)
		err = check_flow(kn, extack, p, &flow);
	if (err)
		return ERR_PTR(err);

	ks = kpc_flow_add(via, bind->association, &flow);
	if (IS_ERR(ks))
		return ks;
	refcount_inc(&ks->ref);
	bind_sock(kn, ks, bind, p, &flow);
	kpc_audit_bind(ks);
	kpc_event_binding(ks, KPC_CHANGE_ADDED, KPC_REASON_NONE);
	/* Who ended its socket meanwhile may have gone over its flows before. */
	if (READ_ONCE(via->state) != KPC_SOCK_HANDSHAKE)
		kpc_sock_end(ks, KPC_SOCK_BOUND, KPC_REASON_CLOSED);
	return ks;
}

/**
 * kpc_binding_of() - the binding of a socket, or of one of its flows
 * @kn: namespace
 * @extack: for the sentence of a refusal
 * @sk: socket of TCP or UDP
 * @ends: of the flow, without the local port; NULL, the socket's own
 *
 * Return: for kpc_sock_put(), or an error pointer.
 */
struct kpc_sock *kpc_binding_of(struct kpc_net *kn,
				struct netlink_ext_ack *extack,
				const struct sock *sk,
				const struct kpc_flow *ends)
{
	struct kpc_flow flow;
	struct kpc_sock *ks;
	int err;

	if (sk->sk_protocol == IPPROTO_UDP) {
		err = kpc_flow_ends(kn, extack, sk, ends, &flow);
		if (err)
			return ERR_PTR(err);
		rcu_read_lock();
		ks = kpc_flow_find(kn, &flow);
		if (ks && (ks->sk != sk || !refcount_inc_not_zero(&ks->ref)))
			ks = NULL;
		rcu_read_unlock();
	} else {
		ks = kpc_sock_get(sk);
	}
	if (ks && READ_ONCE(ks->state) == KPC_SOCK_BOUND)
		return ks;
	if (ks)
		kpc_sock_put(ks);
	return ERR_PTR(kpc_refuse(kn, extack, -ENOENT,
				  sk->sk_protocol == IPPROTO_UDP ?
				  "the flow is not bound" :
				  "the socket is not bound"));
}

/**
 * kpc_binding_new() - bind a registered socket, or a flow of one
 * @kn: namespace, whose lock is held
 * @extack: for the sentence of a refusal
 * @bind: what is asked for; the sender's right to it was checked
 *
 * Return: the socket for kpc_sock_put(), or an error pointer.
 */
struct kpc_sock *kpc_binding_new(struct kpc_net *kn,
				 struct netlink_ext_ack *extack,
				 const struct kpc_bind *bind)
{
	struct kpc_sock *ks, *flow;
	struct sock *sk;
	int err;

	sk = kpc_sock_from_fd(kn, bind->fd, KPC_FD_INET, extack);
	if (IS_ERR(sk))
		return ERR_CAST(sk);
	ks = kpc_sock_get(sk);
	if (!ks) {
		err = kpc_refuse(kn, extack, -ENOENT,
				 "the socket is not registered: handshake-new it before connect(), or accept() it from a registered listener");
		goto out;
	}
	err = kpc_sock_lock(kn, extack, sk);
	if (!err && ks->udp) {
		flow = bind_flow(kn, extack, bind, ks);
		release_sock(sk);
		kpc_sock_put(ks);
		sock_put(sk);
		return flow;
	}
	if (!err) {
		err = bind_locked(kn, extack, bind, ks);
		release_sock(sk);
	}
	if (err)
		kpc_sock_put(ks);
out:
	sock_put(sk);
	return err ? ERR_PTR(err) : ks;
}

/* What a session may change is bound, and bound by itself. */
static int check_own(struct kpc_net *kn, struct netlink_ext_ack *extack,
		     const struct kpc_sock *ks,
		     const struct kpc_session *session)
{
	if (!ks || READ_ONCE(ks->state) != KPC_SOCK_BOUND)
		return kpc_refuse(kn, extack, -ENOENT,
				  "the socket is not bound");
	if (session && ks->handed_over)
		return kpc_refuse(kn, extack, -EPERM,
				  "the socket was handed over to an application");
	if (session && ks->session != session->id)
		return kpc_refuse(kn, extack, -EPERM,
				  "the socket was bound by another session");
	return 0;
}

/**
 * kpc_binding_own() - the bound socket that a request is to change
 * @kn: namespace, whose lock is held
 * @extack: for the sentence of a refusal
 * @fd: bound socket, in the caller's file table
 * @session: of the sender, or NULL for one with every right
 *
 * Return: the socket for kpc_sock_put(), or an error pointer.
 */
struct kpc_sock *kpc_binding_own(struct kpc_net *kn,
				 struct netlink_ext_ack *extack, int fd,
				 const struct kpc_session *session)
{
	struct sock *sk = kpc_sock_from_fd(kn, fd, KPC_FD_TCP, extack);
	struct kpc_sock *ks;
	int err;

	if (IS_ERR(sk))
		return ERR_CAST(sk);
	ks = kpc_sock_get(sk);
	sock_put(sk);
	err = check_own(kn, extack, ks, session);
	if (!err)
		return ks;
	if (ks)
		kpc_sock_put(ks);
	return ERR_PTR(err);
}

/**
 * kpc_binding_rekey() - announce new traffic keys
 * @kn: namespace, whose lock is held
 * @extack: for the sentence of a refusal
 * @ks: of kpc_binding_own()
 * @tx_digest: of the next sending key, or NULL
 * @rx_digest: of the next receiving key, or NULL
 */
int kpc_binding_rekey(struct kpc_net *kn, struct netlink_ext_ack *extack,
		      struct kpc_sock *ks, const u8 *tx_digest,
		      const u8 *rx_digest)
{
	struct kpc_ktls ktls;
	int err;

	if (ks->carrier != KPC_CARRIER_KERNEL)
		return kpc_refuse(kn, extack, -EOPNOTSUPP,
				  "the agent carries the records of this socket: there are no keys to announce");
	if (!tx_digest && !rx_digest)
		return kpc_refuse(kn, extack, -EINVAL,
				  "a rekey needs tx-digest or rx-digest");
	err = kpc_sock_lock(kn, extack, ks->sk);
	if (err)
		return err;
	/* What was announced before is in force by now. */
	if (kpc_keys_changed(ks, &ktls)) {
		release_sock(ks->sk);
		return kpc_refuse(kn, extack, -EKEYREJECTED,
				  "the socket has keys that were not announced");
	}
	if (tx_digest) {
		memcpy(ks->next_keys.tx, tx_digest, KPC_DIGEST_LEN);
		ks->next |= KPC_NEXT_TX;
	}
	if (rx_digest) {
		memcpy(ks->next_keys.rx, rx_digest, KPC_DIGEST_LEN);
		ks->next |= KPC_NEXT_RX;
	}
	ks->rekeys++;
	release_sock(ks->sk);
	return 0;
}

/**
 * kpc_binding_hand_over() - a bound socket gets another holder than its session
 * @kn: namespace, whose lock is held
 * @extack: for the sentence of a refusal
 * @ks: of kpc_binding_own()
 *
 * Who holds it then has its keys and no session. It is judged as before; the
 * agent has no say in it any more, and its end is none of the socket. Who that
 * will be nothing tells yet, so one of an association that names its holder
 * stays with whom it was bound for.
 */
int kpc_binding_hand_over(struct kpc_net *kn, struct netlink_ext_ack *extack,
			  struct kpc_sock *ks)
{
	const struct kpc_policy *p = kpc_association_policy(ks->association);

	if (ks->carrier != KPC_CARRIER_KERNEL)
		return kpc_refuse(kn, extack, -EOPNOTSUPP,
				  "the agent carries the records of this socket: nobody else could use it");
	if (kpc_holder_named(p))
		return kpc_refuse(kn, extack, -EPERM,
				  "'%s' names who holds its sockets (holder-uid, holder-cgroup): they are handed over to nobody",
				  p->name);
	ks->handed_over = true;
	ks->session = 0;
	return 0;
}

/**
 * kpc_binding_allowed() - whether a policy has room for a live binding
 * @ks: bound socket
 * @policy: of its association, to be
 */
bool kpc_binding_allowed(const struct kpc_sock *ks,
			 const struct kpc_policy *policy)
{
	if (ks->carrier == KPC_CARRIER_AGENT ?
	    policy->offload == KPC_OFFLOAD_REQUIRE :
	    policy->offload == KPC_OFFLOAD_OFF)
		return false;
	return ks->mark == policy->mark &&
	       kpc_holder_allowed(policy, ks->sk) &&
	       !(ks->handed_over && kpc_holder_named(policy)) &&
	       (kpc_version_flag(ks->version) & policy->versions) &&
	       kpc_policy_suite_allowed(policy, ks->suite) &&
	       kpc_selectors_match(policy->selectors, policy->n_selectors,
				   &ks->flow);
}

/**
 * kpc_binding_fill() - put what events and replies tell of a binding
 * @skb: message
 * @ks: bound socket, or flow
 */
int kpc_binding_fill(struct sk_buff *skb, const struct kpc_sock *ks)
{
	const struct kpc_flow *flow = &ks->flow;
	const struct kpc_policy *p;
	u64 age = ktime_to_ms(ktime_sub(ktime_get_boottime(), ks->bound_at));
	int err;

	rcu_read_lock();
	p = rcu_dereference(ks->association->policy);
	err = nla_put_u64_64bit(skb, KPC_A_BINDING_ID, ks->id,
				KPC_A_BINDING_PAD) ||
	      nla_put_string(skb, KPC_A_BINDING_ASSOCIATION, p->name) ||
	      nla_put(skb, KPC_A_BINDING_KPC_ID, p->kpc_id_len, p->kpc_id) ||
	      nla_put_string(skb, KPC_A_BINDING_ID_A, p->id_a) ||
	      nla_put_string(skb, KPC_A_BINDING_ID_B, p->id_b) ||
	      nla_put_u8(skb, KPC_A_BINDING_ROLE, p->role);
	rcu_read_unlock();
	if (err ||
	    nla_put_u32(skb, KPC_A_BINDING_MARK, ks->mark) ||
	    nla_put_u8(skb, KPC_A_BINDING_PROTOCOL, kpc_flow_protocol(flow)) ||
	    nla_put_u8(skb, KPC_A_BINDING_CARRIER, ks->carrier) ||
	    nla_put_u16(skb, KPC_A_BINDING_VERSION, ks->version) ||
	    nla_put_u16(skb, KPC_A_BINDING_SUITE, ks->suite) ||
	    nla_put_u16(skb, KPC_A_BINDING_FAMILY, flow->family) ||
	    kpc_address_fill(skb, KPC_A_BINDING_LOCAL_ADDRESS, flow->family,
			     &flow->local) ||
	    nla_put_u16(skb, KPC_A_BINDING_LOCAL_PORT, flow->local_port) ||
	    kpc_address_fill(skb, KPC_A_BINDING_REMOTE_ADDRESS, flow->family,
			     &flow->remote) ||
	    nla_put_u16(skb, KPC_A_BINDING_REMOTE_PORT, flow->remote_port) ||
	    nla_put_u64_64bit(skb, KPC_A_BINDING_AGE, age,
			      KPC_A_BINDING_PAD) ||
	    nla_put_u64_64bit(skb, KPC_A_BINDING_TX_OCTETS, kpc_sock_tx(ks),
			      KPC_A_BINDING_PAD) ||
	    nla_put_u64_64bit(skb, KPC_A_BINDING_RX_OCTETS, kpc_sock_rx(ks),
			      KPC_A_BINDING_PAD))
		return -EMSGSIZE;
	if (ks->carrier == KPC_CARRIER_KERNEL &&
	    (nla_put_u64_64bit(skb, KPC_A_BINDING_TX_RECORDS,
			       READ_ONCE(ks->tx_records), KPC_A_BINDING_PAD) ||
	     nla_put_u64_64bit(skb, KPC_A_BINDING_RX_RECORDS,
			       READ_ONCE(ks->rx_records), KPC_A_BINDING_PAD)))
		return -EMSGSIZE;
	if (ks->via &&
	    (nla_put_u16(skb, KPC_A_BINDING_EPOCH, ks->epoch) ||
	     nla_put_u64_64bit(skb, KPC_A_BINDING_TX_PACKETS,
			       atomic64_read(&ks->tx_packets),
			       KPC_A_BINDING_PAD) ||
	     nla_put_u64_64bit(skb, KPC_A_BINDING_RX_PACKETS,
			       atomic64_read(&ks->rx_packets),
			       KPC_A_BINDING_PAD)))
		return -EMSGSIZE;
	return 0;
}
