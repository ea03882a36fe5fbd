/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between the kernels that kpc builds for, 6.1 to 7.3, in one
 * place.
 */
#ifndef KPC_COMPAT_H
#define KPC_COMPAT_H

#include <linux/version.h>
#include <net/genetlink.h>
#include <net/inet6_hashtables.h>
#include <net/inet_hashtables.h>
#include <net/tcp.h>

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

/* The lookups lost their table argument in 6.18. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)
#define KPC_HASHINFO(net)	(net)->ipv4.tcp_death_row.hashinfo,
#else
#define KPC_HASHINFO(net)
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

#endif /* KPC_COMPAT_H */
