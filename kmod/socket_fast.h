/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the packet path asks of each segment: which socket it is, and whether that
 * still is what it was bound as. It has no calls to make here.
 */
#ifndef KPC_SOCKET_FAST_H
#define KPC_SOCKET_FAST_H

#include <linux/hash.h>
#include <linux/rhashtable.h>
#include <net/ipv6.h>
#include <net/sock.h>

#include "socket.h"

/* All sockets, of whatever namespace. */
extern struct rhashtable kpc_socks;

/* No general hash of eight octets. */
static inline u32 kpc_sock_hash(const void *key, u32 len, u32 seed)
{
	return hash_ptr(*(const void * const *)key, 32) ^ seed;
}

static inline int kpc_sock_differs(struct rhashtable_compare_arg *arg,
				   const void *object)
{
	const struct kpc_sock *ks = object;

	return ks->sk != *(struct sock * const *)arg->key;
}

static const struct rhashtable_params kpc_sock_params = {
	.key_len		= sizeof(struct sock *),
	.key_offset		= offsetof(struct kpc_sock, sk),
	.head_offset		= offsetof(struct kpc_sock, node),
	.hashfn			= kpc_sock_hash,
	.obj_cmpfn		= kpc_sock_differs,
	.automatic_shrinking	= true,
};

/* kpc_sock_find(), where that is. */
static __always_inline struct kpc_sock *kpc_sock_lookup(const struct sock *sk)
{
	return rhashtable_lookup(&kpc_socks, &sk, kpc_sock_params);
}

/* It has other ends than at BIND. */
static __always_inline bool kpc_sock_moved(const struct kpc_sock *ks)
{
	const struct sock *sk = ks->sk;

	/*
	 * A socket that closes gives its port back before its state changes,
	 * and before its reset leaves.
	 */
	if (sk->sk_portpair != ks->ports && sk->sk_num)
		return true;
	if (ks->flow.family == AF_INET)
		return sk->sk_daddr != ks->flow.remote.s6_addr32[3] ||
		       sk->sk_rcv_saddr != ks->flow.local.s6_addr32[3];
#if IS_ENABLED(CONFIG_IPV6)
	return !ipv6_addr_equal(&sk->sk_v6_daddr, &ks->flow.remote) ||
	       !ipv6_addr_equal(&sk->sk_v6_rcv_saddr, &ks->flow.local);
#else
	return true;
#endif
}

/* kpc_sock_changed(), where that is. */
static __always_inline u8 kpc_sock_compare(const struct kpc_sock *ks)
{
	if (unlikely(READ_ONCE(ks->sk->sk_mark) != ks->mark))
		return KPC_REASON_MARK_CHANGED;
	if (unlikely(kpc_sock_moved(ks)))
		return KPC_REASON_PEER_CHANGED;
	return KPC_REASON_NONE;
}

#endif /* KPC_SOCKET_FAST_H */
