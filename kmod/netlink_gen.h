/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	netlink/specs/kpc.yaml */
/* YNL-GEN kernel header */
/* To regenerate run: kmod/regen */

#ifndef _LINUX_KPC_GEN_H
#define _LINUX_KPC_GEN_H

#include <net/netlink.h>
#include <net/genetlink.h>

#include <uapi/linux/kpc.h>

/* Common nested types */
extern const struct nla_policy kpc_agent_nl_policy[KPC_A_AGENT_REKEY_AFTER + 1];
extern const struct nla_policy kpc_limit_nl_policy[KPC_A_LIMIT_RECORDS + 1];
extern const struct nla_policy kpc_selector_nl_policy[KPC_A_SELECTOR_RESOLVED + 1];

extern const struct nla_policy kpc_association_new_nl_policy[KPC_A_ASSOCIATION_HOLDER_CGROUP + 1];

extern const struct nla_policy kpc_association_del_nl_policy[KPC_A_ASSOCIATION_FORCE + 1];

extern const struct nla_policy kpc_association_get_nl_policy[KPC_A_ASSOCIATION_NAME + 1];

extern const struct nla_policy kpc_endpoint_get_nl_policy[KPC_A_ENDPOINT_PORT_MIN + 1];

extern const struct nla_policy kpc_handshake_new_nl_policy[KPC_A_HANDSHAKE_ASSOCIATION_ID + 1];

extern const struct nla_policy kpc_binding_new_nl_policy[KPC_A_BINDING_EPOCH + 1];

extern const struct nla_policy kpc_binding_rekey_nl_policy[KPC_A_BINDING_RX_DIGEST + 1];

extern const struct nla_policy kpc_binding_del_nl_policy[KPC_A_BINDING_ID + 1];

extern const struct nla_policy kpc_binding_get_nl_policy[KPC_A_BINDING_REMOTE_PORT + 1];

extern const struct nla_policy kpc_establish_nl_policy[KPC_A_ESTABLISH_ASSOCIATION + 1];

extern const struct nla_policy kpc_close_nl_policy[KPC_A_ESTABLISH_ASSOCIATION + 1];

extern const struct nla_policy kpc_establish_answer_nl_policy[KPC_A_ESTABLISH_MESSAGE + 1];

extern const struct nla_policy kpc_session_new_nl_policy[KPC_A_SESSION_ABI + 1];

extern const struct nla_policy kpc_session_get_nl_policy[KPC_A_SESSION_ID + 1];

extern const struct nla_policy kpc_grant_new_nl_policy[KPC_A_GRANT_ASSOCIATION_ID + 1];

extern const struct nla_policy kpc_transaction_begin_nl_policy[KPC_A_TRANSACTION_MODE + 1];

extern const struct nla_policy kpc_transaction_commit_nl_policy[KPC_A_TRANSACTION_CONFIRM_SECONDS + 1];

extern const struct nla_policy kpc_transaction_confirm_nl_policy[KPC_A_TRANSACTION_ABORT + 1];

extern const struct nla_policy kpc_config_set_nl_policy[KPC_A_CONFIG_CLOCK + 1];

extern const struct nla_policy kpc_config_get_nl_policy[KPC_A_CONFIG_ABI + 1];

extern const struct nla_policy kpc_stats_get_nl_policy[KPC_A_STATS_RESET + 1];

extern const struct nla_policy kpc_association_resolve_nl_policy[KPC_A_ASSOCIATION_AGENT + 1];

extern const struct nla_policy kpc_binding_hand_over_nl_policy[KPC_A_BINDING_FD + 1];

/* Ops table for kpc */
extern const struct genl_ops kpc_nl_ops[23];

int kpc_nl_association_new_doit(struct sk_buff *skb, struct genl_info *info);
int kpc_nl_association_del_doit(struct sk_buff *skb, struct genl_info *info);
int kpc_nl_association_get_doit(struct sk_buff *skb, struct genl_info *info);
int kpc_nl_association_get_dumpit(struct sk_buff *skb,
				  struct netlink_callback *cb);
int kpc_nl_endpoint_get_doit(struct sk_buff *skb, struct genl_info *info);
int kpc_nl_endpoint_get_dumpit(struct sk_buff *skb,
			       struct netlink_callback *cb);
int kpc_nl_handshake_new_doit(struct sk_buff *skb, struct genl_info *info);
int kpc_nl_binding_new_doit(struct sk_buff *skb, struct genl_info *info);
int kpc_nl_binding_rekey_doit(struct sk_buff *skb, struct genl_info *info);
int kpc_nl_binding_del_doit(struct sk_buff *skb, struct genl_info *info);
int kpc_nl_binding_get_doit(struct sk_buff *skb, struct genl_info *info);
int kpc_nl_binding_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int kpc_nl_establish_doit(struct sk_buff *skb, struct genl_info *info);
int kpc_nl_close_doit(struct sk_buff *skb, struct genl_info *info);
int kpc_nl_establish_answer_doit(struct sk_buff *skb, struct genl_info *info);
int kpc_nl_session_new_doit(struct sk_buff *skb, struct genl_info *info);
int kpc_nl_session_get_doit(struct sk_buff *skb, struct genl_info *info);
int kpc_nl_session_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int kpc_nl_grant_new_doit(struct sk_buff *skb, struct genl_info *info);
int kpc_nl_transaction_begin_doit(struct sk_buff *skb, struct genl_info *info);
int kpc_nl_transaction_commit_doit(struct sk_buff *skb, struct genl_info *info);
int kpc_nl_transaction_confirm_doit(struct sk_buff *skb,
				    struct genl_info *info);
int kpc_nl_config_set_doit(struct sk_buff *skb, struct genl_info *info);
int kpc_nl_config_get_doit(struct sk_buff *skb, struct genl_info *info);
int kpc_nl_stats_get_doit(struct sk_buff *skb, struct genl_info *info);
int kpc_nl_association_resolve_doit(struct sk_buff *skb,
				    struct genl_info *info);
int kpc_nl_binding_hand_over_doit(struct sk_buff *skb, struct genl_info *info);

enum {
	KPC_NLGRP_ASSOCIATION,
	KPC_NLGRP_BINDING,
	KPC_NLGRP_VIOLATION,
	KPC_NLGRP_AGENT,
};

#endif /* _LINUX_KPC_GEN_H */
