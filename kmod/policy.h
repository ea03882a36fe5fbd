/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The configuration of one association: read from netlink, checked by itself,
 * written back. A policy does not change once it is checked.
 */
#ifndef KPC_POLICY_H
#define KPC_POLICY_H

#include <linux/in6.h>
#include <linux/list.h>
#include <linux/rcupdate.h>
#include <net/netlink.h>
#include <uapi/linux/kpc.h>

#include "selector.h"

struct genl_info;
struct kpc_net;

/**
 * struct kpc_limits - ends of a binding's life; zero is none
 * @not_before: seconds since the Epoch
 * @not_after: seconds since the Epoch
 * @octets: TCP payload, both directions added
 * @lifetime: seconds
 * @idle: seconds
 * @bindings: at one time
 * @handshake_octets: sent before BIND
 * @handshake_seconds: before BIND
 * @records: under one key, each direction by itself; 0, what the cipher bears
 */
struct kpc_limits {
	s64 not_before;
	s64 not_after;
	u64 octets;
	u32 lifetime;
	u32 idle;
	u32 bindings;
	u32 handshake_octets;
	u32 handshake_seconds;
	u32 records;
};

#define KPC_HANDSHAKE_OCTETS	65536
#define KPC_HANDSHAKE_SECONDS	30

/**
 * struct kpc_agent_policy - what the agent needs and the module only keeps
 * @start: enum kpc_start
 * @profile: enum kpc_profile
 * @format: enum kpc_id_format
 * @weak_key: a short Kpc is taken
 * @proxy: the backend is told the identity
 * @allow_any: every user may be at a plain TCP leg
 * @has_owner: @owner was given
 * @has_mode: @mode was given
 * @n_allow_uids: length of @allow_uids
 * @owner: of the UNIX socket
 * @mode: of the UNIX socket
 * @rekey_after: seconds, or 0
 * @allow_uids: users of a plain TCP leg
 */
struct kpc_agent_policy {
	u8 start;
	u8 profile;
	u8 format;
	bool weak_key;
	bool proxy;
	bool allow_any;
	bool has_owner;
	bool has_mode;
	u8 n_allow_uids;
	u32 owner;
	u32 mode;
	u32 rekey_after;
	u32 allow_uids[KPC_ALLOW_UIDS_MAX];
};

/**
 * struct kpc_policy - the configuration of one association
 * @rcu: for freeing one that the packet path may read
 * @name: unique in the namespace
 * @id_a: canonical identity of entity A
 * @id_b: canonical identity of entity B
 * @peer: HOST:PORT of IdB; this and what follows is for the agent
 * @listen: ADDRESS:PORT of the TLS listener
 * @plain: the agent's to read
 * @authority: server name
 * @holder_cgroup: path of the control group that may hold its sockets
 * @kpc_id: psk_identity to the octet
 * @texts: all of these, behind @selectors; "" is none, no pointer is NULL
 * @texts_len: octets of @texts
 * @mark_given: @mark came with the request
 * @complete: @selectors are all; what was resolved before is not taken over
 * @kpc_id_len: octets of @kpc_id; first of what is compared as it is
 * @kind_a: enum kpc_kind
 * @kind_b: enum kpc_kind
 * @role: enum kpc_role of this machine
 * @offload: enum kpc_offload
 * @has_holder_uid: @holder_uid was given
 * @mark: of the pair, once assigned
 * @holder_uid: that may hold its sockets, as the namespace counts
 * @versions: enum kpc_version_flags; the profile's unless given
 * @n_suites: length of @suites; 0 for the profile's
 * @suites: IANA codes in order of preference
 * @limits: ends of a binding's life
 * @agent: kept for the agent
 * @n_selectors: length of @selectors; last of what is compared as it is
 * @selectors: sockets the association may have
 */
struct kpc_policy {
	struct rcu_head rcu;
	const char *name;
	const char *id_a;
	const char *id_b;
	const char *peer;
	const char *listen;
	const char *plain;
	const char *authority;
	const char *holder_cgroup;
	const char *kpc_id;
	char *texts;
	u16 texts_len;
	bool mark_given;
	bool complete;
	u8 kpc_id_len;
	u8 kind_a;
	u8 kind_b;
	u8 role;
	u8 offload;
	bool has_holder_uid;
	u32 mark;
	u32 holder_uid;
	u32 versions;
	u16 suites[KPC_SUITES_MAX];
	u8 n_suites;
	struct kpc_limits limits;
	struct kpc_agent_policy agent;
	u8 n_selectors;
	struct kpc_selector selectors[];
};

struct kpc_policy *kpc_policy_parse(struct kpc_net *kn,
				    const struct genl_info *info);
struct kpc_policy *kpc_policy_copy(const struct kpc_policy *policy);
struct kpc_policy *kpc_policy_resolve(struct kpc_net *kn,
				      const struct genl_info *info,
				      const struct kpc_policy *old);
bool kpc_policy_inherits(const struct kpc_policy *policy,
			 const struct kpc_policy *old);
struct kpc_policy *kpc_policy_inherit(struct kpc_net *kn,
				      struct netlink_ext_ack *extack,
				      const struct kpc_policy *policy,
				      const struct kpc_policy *old);
struct kpc_policy *kpc_policy_merge(struct kpc_net *kn,
				    struct netlink_ext_ack *extack,
				    struct kpc_policy *policy,
				    const struct kpc_policy *old);
int kpc_policy_fill(struct sk_buff *skb, const struct kpc_policy *policy);
bool kpc_policy_equal(const struct kpc_policy *a, const struct kpc_policy *b);
bool kpc_policy_same_identity(const struct kpc_policy *a,
			      const struct kpc_policy *b);
bool kpc_policy_same_kpc_id(const struct kpc_policy *a,
			    const struct kpc_policy *b);
bool kpc_policy_same_pair(const struct kpc_policy *a,
			  const struct kpc_policy *b);
bool kpc_policy_suite_allowed(const struct kpc_policy *policy, u16 suite);

#endif /* KPC_POLICY_H */
