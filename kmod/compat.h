/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between the kernels that kpc builds for, 6.1 to 7.3, in one
 * place.
 */
#ifndef KPC_COMPAT_H
#define KPC_COMPAT_H

#include <linux/version.h>
#include <linux/workqueue.h>
#include <net/genetlink.h>
#include <net/inet6_hashtables.h>
#include <net/inet_hashtables.h>
#include <net/tcp.h>
#include <net/udp.h>

/* Moved in 6.12. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#include <asm/unaligned.h>
#else
#include <linux/unaligned.h>
#endif

/* Came in 6.3. */
#ifndef NLA_POLICY_MAX_LEN
#define NLA_POLICY_MAX_LEN(len)	NLA_POLICY_MAX(NLA_BINARY, len)
#endif

/**
 * struct kpc_lookup - where to look for the receiver of a segment
 * @net: namespace
 * @sport: of the sender
 * @num: local port, in host order
 * @dif: interface it came in at
 * @sdif: its layer 3 slave, or 0
 */
struct kpc_lookup {
	struct net *net;
	__be16 sport;
	u16 num;
	int dif;
	int sdif;
};

/* The lookups lost their table argument in 6.18; at is the caller's. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)
#define KPC_LOOKUP(function, ...)					\
	function(at->net, at->net->ipv4.tcp_death_row.hashinfo, __VA_ARGS__)
#else
#define KPC_LOOKUP(function, ...)	function(at->net, __VA_ARGS__)
#endif

static inline struct sock *kpc_lookup_established4(const struct kpc_lookup *at,
						   __be32 saddr, __be32 daddr)
{
	return KPC_LOOKUP(__inet_lookup_established, saddr, at->sport,
			  daddr, at->num, at->dif, at->sdif);
}

static inline struct sock *kpc_lookup_listener4(const struct kpc_lookup *at,
						__be32 saddr, __be32 daddr)
{
	return KPC_LOOKUP(__inet_lookup_listener, NULL, 0, saddr,
			  at->sport, daddr, at->num, at->dif, at->sdif);
}

#if IS_ENABLED(CONFIG_IPV6)
static inline struct sock *
kpc_lookup_established6(const struct kpc_lookup *at,
			const struct in6_addr *saddr,
			const struct in6_addr *daddr)
{
	return KPC_LOOKUP(__inet6_lookup_established, saddr, at->sport,
			  daddr, at->num, at->dif, at->sdif);
}

static inline struct sock *
kpc_lookup_listener6(const struct kpc_lookup *at,
		     const struct in6_addr *saddr,
		     const struct in6_addr *daddr)
{
	return KPC_LOOKUP(inet6_lookup_listener, NULL, 0, saddr,
			  at->sport, daddr, at->num, at->dif, at->sdif);
}
#endif

/*
 * The lookups of UDP: one table for all namespaces before 6.2, no table argument
 * from 7.1 on.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
#define KPC_LOOKUP_UDP(function, ...)	function(__VA_ARGS__, &udp_table, NULL)
#elif LINUX_VERSION_CODE < KERNEL_VERSION(7, 1, 0)
#define KPC_LOOKUP_UDP(function, ...)	\
	function(__VA_ARGS__, at->net->ipv4.udp_table, NULL)
#else
#define KPC_LOOKUP_UDP(function, ...)	function(__VA_ARGS__, NULL)
#endif

/* Of both the result belongs to the caller's RCU read side. */
static inline struct sock *kpc_lookup_udp4(const struct kpc_lookup *at,
					   __be32 saddr, __be32 daddr)
{
	return KPC_LOOKUP_UDP(__udp4_lib_lookup, at->net, saddr, at->sport,
			      daddr, htons(at->num), at->dif, at->sdif);
}

#if IS_ENABLED(CONFIG_IPV6)
static inline struct sock *kpc_lookup_udp6(const struct kpc_lookup *at,
					   const struct in6_addr *saddr,
					   const struct in6_addr *daddr)
{
	return KPC_LOOKUP_UDP(__udp6_lib_lookup, at->net, saddr, at->sport,
			      daddr, htons(at->num), at->dif, at->sdif);
}
#endif

/* struct genl_info of a dump came in 6.7. */
static inline struct nlattr **kpc_dump_attrs(struct netlink_callback *cb)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
	return genl_dumpit_info(cb)->attrs;
#else
	return genl_info_dump(cb)->attrs;
#endif
}

/* sk_uid is read through a function from 6.17 on. */
static inline kuid_t kpc_sock_uid(const struct sock *sk)
{
	return READ_ONCE(sk->sk_uid);
}

/* A work queue that is not unbound says so from 6.18 on. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)
#define KPC_WQ_PERCPU	0
#else
#define KPC_WQ_PERCPU	WQ_PERCPU
#endif

/* A trace event's string is named once from 6.10 on. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 10, 0)
#define kpc_assign_str(field, ...)	__assign_str(field, __VA_ARGS__)
#else
#define kpc_assign_str(field, ...)	__assign_str(field)
#endif

#endif /* KPC_COMPAT_H */
