// SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)
/* Do not edit directly, auto-generated from: */
/*	netlink/specs/kpc.yaml */
/* YNL-GEN kernel source */
/* To regenerate run: kmod/regen */

#include <net/netlink.h>
#include <net/genetlink.h>

#include "netlink_gen.h"
#include "compat.h"

#include <uapi/linux/kpc.h>

/* Common nested types */
const struct nla_policy kpc_agent_nl_policy[KPC_A_AGENT_REKEY_AFTER + 1] = {
	[KPC_A_AGENT_PEER] = { .type = NLA_NUL_STRING, .len = KPC_AGENT_TEXT_MAX, },
	[KPC_A_AGENT_LISTEN] = { .type = NLA_NUL_STRING, .len = KPC_AGENT_TEXT_MAX, },
	[KPC_A_AGENT_PLAIN] = { .type = NLA_NUL_STRING, .len = KPC_AGENT_TEXT_MAX, },
	[KPC_A_AGENT_AUTHORITY] = { .type = NLA_NUL_STRING, .len = KPC_AGENT_TEXT_MAX, },
	[KPC_A_AGENT_START] = NLA_POLICY_MAX(NLA_U8, 2),
	[KPC_A_AGENT_PROFILE] = NLA_POLICY_MAX(NLA_U8, 1),
	[KPC_A_AGENT_FORMAT] = NLA_POLICY_MAX(NLA_U8, 1),
	[KPC_A_AGENT_WEAK_KEY] = { .type = NLA_FLAG, },
	[KPC_A_AGENT_ALLOW_UID] = { .type = NLA_U32, },
	[KPC_A_AGENT_OWNER] = { .type = NLA_U32, },
	[KPC_A_AGENT_MODE] = { .type = NLA_U32, },
	[KPC_A_AGENT_PROXY] = { .type = NLA_FLAG, },
	[KPC_A_AGENT_ALLOW_ANY] = { .type = NLA_FLAG, },
	[KPC_A_AGENT_REKEY_AFTER] = { .type = NLA_U32, },
};

const struct nla_policy kpc_limit_nl_policy[KPC_A_LIMIT_RECORDS + 1] = {
	[KPC_A_LIMIT_NOT_BEFORE] = { .type = NLA_S64, },
	[KPC_A_LIMIT_NOT_AFTER] = { .type = NLA_S64, },
	[KPC_A_LIMIT_LIFETIME] = { .type = NLA_U32, },
	[KPC_A_LIMIT_IDLE] = { .type = NLA_U32, },
	[KPC_A_LIMIT_OCTETS] = { .type = NLA_U64, },
	[KPC_A_LIMIT_BINDINGS] = { .type = NLA_U32, },
	[KPC_A_LIMIT_HANDSHAKE_OCTETS] = { .type = NLA_U32, },
	[KPC_A_LIMIT_HANDSHAKE_SECONDS] = { .type = NLA_U32, },
	[KPC_A_LIMIT_RECORDS] = { .type = NLA_U32, },
};

const struct nla_policy kpc_selector_nl_policy[KPC_A_SELECTOR_RESOLVED + 1] = {
	[KPC_A_SELECTOR_PROTOCOL] = { .type = NLA_U8, },
	[KPC_A_SELECTOR_FAMILY] = { .type = NLA_U16, },
	[KPC_A_SELECTOR_LOCAL_ADDRESS] = NLA_POLICY_MAX_LEN(16),
	[KPC_A_SELECTOR_LOCAL_PREFIX] = { .type = NLA_U8, },
	[KPC_A_SELECTOR_LOCAL_PORT_MIN] = { .type = NLA_U16, },
	[KPC_A_SELECTOR_LOCAL_PORT_MAX] = { .type = NLA_U16, },
	[KPC_A_SELECTOR_REMOTE_ADDRESS] = NLA_POLICY_MAX_LEN(16),
	[KPC_A_SELECTOR_REMOTE_PREFIX] = { .type = NLA_U8, },
	[KPC_A_SELECTOR_REMOTE_PORT_MIN] = { .type = NLA_U16, },
	[KPC_A_SELECTOR_REMOTE_PORT_MAX] = { .type = NLA_U16, },
	[KPC_A_SELECTOR_RESOLVED] = { .type = NLA_FLAG, },
};

/* KPC_CMD_ASSOCIATION_NEW - do */
const struct nla_policy kpc_association_new_nl_policy[KPC_A_ASSOCIATION_HOLDER_CGROUP + 1] = {
	[KPC_A_ASSOCIATION_NAME] = { .type = NLA_NUL_STRING, .len = KPC_NAME_MAX, },
	[KPC_A_ASSOCIATION_KPC_ID] = NLA_POLICY_MAX_LEN(KPC_KPC_ID_MAX),
	[KPC_A_ASSOCIATION_ID_A] = { .type = NLA_NUL_STRING, .len = KPC_IDENTITY_MAX, },
	[KPC_A_ASSOCIATION_ID_B] = { .type = NLA_NUL_STRING, .len = KPC_IDENTITY_MAX, },
	[KPC_A_ASSOCIATION_KIND_A] = NLA_POLICY_MAX(NLA_U8, 1),
	[KPC_A_ASSOCIATION_KIND_B] = NLA_POLICY_MAX(NLA_U8, 1),
	[KPC_A_ASSOCIATION_ROLE] = NLA_POLICY_MAX(NLA_U8, 1),
	[KPC_A_ASSOCIATION_MARK] = { .type = NLA_U32, },
	[KPC_A_ASSOCIATION_VERSIONS] = NLA_POLICY_MASK(NLA_U32, 0x7),
	[KPC_A_ASSOCIATION_SUITE] = { .type = NLA_U16, },
	[KPC_A_ASSOCIATION_OFFLOAD] = NLA_POLICY_MAX(NLA_U8, 2),
	[KPC_A_ASSOCIATION_SELECTOR] = NLA_POLICY_NESTED(kpc_selector_nl_policy),
	[KPC_A_ASSOCIATION_LIMIT] = NLA_POLICY_NESTED(kpc_limit_nl_policy),
	[KPC_A_ASSOCIATION_AGENT] = NLA_POLICY_NESTED(kpc_agent_nl_policy),
	[KPC_A_ASSOCIATION_HOLDER_UID] = { .type = NLA_U32, },
	[KPC_A_ASSOCIATION_HOLDER_CGROUP] = { .type = NLA_NUL_STRING, .len = KPC_CGROUP_MAX, },
	[KPC_A_ASSOCIATION_FORCE] = { .type = NLA_FLAG, },
};

/* KPC_CMD_ASSOCIATION_DEL - do */
const struct nla_policy kpc_association_del_nl_policy[KPC_A_ASSOCIATION_FORCE + 1] = {
	[KPC_A_ASSOCIATION_NAME] = { .type = NLA_NUL_STRING, .len = KPC_NAME_MAX, },
	[KPC_A_ASSOCIATION_FORCE] = { .type = NLA_FLAG, },
};

/* KPC_CMD_ASSOCIATION_GET - do */
const struct nla_policy kpc_association_get_nl_policy[KPC_A_ASSOCIATION_NAME + 1] = {
	[KPC_A_ASSOCIATION_NAME] = { .type = NLA_NUL_STRING, .len = KPC_NAME_MAX, },
};

/* KPC_CMD_ENDPOINT_GET - do */
const struct nla_policy kpc_endpoint_get_nl_policy[KPC_A_ENDPOINT_PORT_MIN + 1] = {
	[KPC_A_ENDPOINT_PROTOCOL] = { .type = NLA_U8, },
	[KPC_A_ENDPOINT_FAMILY] = { .type = NLA_U16, },
	[KPC_A_ENDPOINT_ROLE] = NLA_POLICY_MAX(NLA_U8, 1),
	[KPC_A_ENDPOINT_ADDRESS] = NLA_POLICY_MAX_LEN(16),
	[KPC_A_ENDPOINT_PORT_MIN] = { .type = NLA_U16, },
};

/* KPC_CMD_HANDSHAKE_NEW - do */
const struct nla_policy kpc_handshake_new_nl_policy[KPC_A_HANDSHAKE_ASSOCIATION_ID + 1] = {
	[KPC_A_HANDSHAKE_FD] = { .type = NLA_S32, },
	[KPC_A_HANDSHAKE_ASSOCIATION] = { .type = NLA_NUL_STRING, .len = KPC_NAME_MAX, },
	[KPC_A_HANDSHAKE_ASSOCIATION_ID] = { .type = NLA_U32, },
};

/* KPC_CMD_BINDING_NEW - do */
const struct nla_policy kpc_binding_new_nl_policy[KPC_A_BINDING_EPOCH + 1] = {
	[KPC_A_BINDING_FD] = { .type = NLA_S32, },
	[KPC_A_BINDING_ASSOCIATION] = { .type = NLA_NUL_STRING, .len = KPC_NAME_MAX, },
	[KPC_A_BINDING_ASSOCIATION_ID] = { .type = NLA_U32, },
	[KPC_A_BINDING_CARRIER] = NLA_POLICY_MAX(NLA_U8, 1),
	[KPC_A_BINDING_VERSION] = { .type = NLA_U16, },
	[KPC_A_BINDING_SUITE] = { .type = NLA_U16, },
	[KPC_A_BINDING_TX_DIGEST] = NLA_POLICY_EXACT_LEN(KPC_DIGEST_LEN),
	[KPC_A_BINDING_RX_DIGEST] = NLA_POLICY_EXACT_LEN(KPC_DIGEST_LEN),
	[KPC_A_BINDING_FAMILY] = { .type = NLA_U16, },
	[KPC_A_BINDING_LOCAL_ADDRESS] = NLA_POLICY_MAX_LEN(16),
	[KPC_A_BINDING_REMOTE_ADDRESS] = NLA_POLICY_MAX_LEN(16),
	[KPC_A_BINDING_REMOTE_PORT] = { .type = NLA_U16, },
	[KPC_A_BINDING_EPOCH] = { .type = NLA_U16, },
};

/* KPC_CMD_BINDING_REKEY - do */
const struct nla_policy kpc_binding_rekey_nl_policy[KPC_A_BINDING_RX_DIGEST + 1] = {
	[KPC_A_BINDING_FD] = { .type = NLA_S32, },
	[KPC_A_BINDING_TX_DIGEST] = NLA_POLICY_EXACT_LEN(KPC_DIGEST_LEN),
	[KPC_A_BINDING_RX_DIGEST] = NLA_POLICY_EXACT_LEN(KPC_DIGEST_LEN),
};

/* KPC_CMD_BINDING_DEL - do */
const struct nla_policy kpc_binding_del_nl_policy[KPC_A_BINDING_ID + 1] = {
	[KPC_A_BINDING_ID] = { .type = NLA_U64, },
};

/* KPC_CMD_BINDING_GET - do */
const struct nla_policy kpc_binding_get_nl_policy[KPC_A_BINDING_REMOTE_PORT + 1] = {
	[KPC_A_BINDING_ID] = { .type = NLA_U64, },
	[KPC_A_BINDING_FD] = { .type = NLA_S32, },
	[KPC_A_BINDING_ASSOCIATION] = { .type = NLA_NUL_STRING, .len = KPC_NAME_MAX, },
	[KPC_A_BINDING_FAMILY] = { .type = NLA_U16, },
	[KPC_A_BINDING_LOCAL_ADDRESS] = NLA_POLICY_MAX_LEN(16),
	[KPC_A_BINDING_REMOTE_ADDRESS] = NLA_POLICY_MAX_LEN(16),
	[KPC_A_BINDING_REMOTE_PORT] = { .type = NLA_U16, },
};

/* KPC_CMD_ESTABLISH - do */
const struct nla_policy kpc_establish_nl_policy[KPC_A_ESTABLISH_ASSOCIATION + 1] = {
	[KPC_A_ESTABLISH_ASSOCIATION] = { .type = NLA_NUL_STRING, .len = KPC_NAME_MAX, },
};

/* KPC_CMD_CLOSE - do */
const struct nla_policy kpc_close_nl_policy[KPC_A_ESTABLISH_ASSOCIATION + 1] = {
	[KPC_A_ESTABLISH_ASSOCIATION] = { .type = NLA_NUL_STRING, .len = KPC_NAME_MAX, },
};

/* KPC_CMD_ESTABLISH_ANSWER - do */
const struct nla_policy kpc_establish_answer_nl_policy[KPC_A_ESTABLISH_MESSAGE + 1] = {
	[KPC_A_ESTABLISH_ID] = { .type = NLA_U32, },
	[KPC_A_ESTABLISH_STATE] = NLA_POLICY_MAX(NLA_U8, 4),
	[KPC_A_ESTABLISH_VERSION] = { .type = NLA_U16, },
	[KPC_A_ESTABLISH_SUITE] = { .type = NLA_U16, },
	[KPC_A_ESTABLISH_BINDING] = { .type = NLA_U64, },
	[KPC_A_ESTABLISH_ERROR] = { .type = NLA_U32, },
	[KPC_A_ESTABLISH_MESSAGE] = { .type = NLA_NUL_STRING, .len = KPC_AGENT_TEXT_MAX, },
};

/* KPC_CMD_SESSION_NEW - do */
const struct nla_policy kpc_session_new_nl_policy[KPC_A_SESSION_ABI + 1] = {
	[KPC_A_SESSION_TYPE] = NLA_POLICY_MAX(NLA_U8, 1),
	[KPC_A_SESSION_FD] = { .type = NLA_S32, },
	[KPC_A_SESSION_PID] = { .type = NLA_U32, },
	[KPC_A_SESSION_ABI] = { .type = NLA_U32, },
};

/* KPC_CMD_SESSION_GET - do */
const struct nla_policy kpc_session_get_nl_policy[KPC_A_SESSION_ID + 1] = {
	[KPC_A_SESSION_ID] = { .type = NLA_U32, },
};

/* KPC_CMD_GRANT_NEW - do */
const struct nla_policy kpc_grant_new_nl_policy[KPC_A_GRANT_ASSOCIATION_ID + 1] = {
	[KPC_A_GRANT_SESSION] = { .type = NLA_U32, },
	[KPC_A_GRANT_ASSOCIATION] = { .type = NLA_NUL_STRING, .len = KPC_NAME_MAX, },
	[KPC_A_GRANT_ASSOCIATION_ID] = { .type = NLA_U32, },
};

/* KPC_CMD_TRANSACTION_BEGIN - do */
const struct nla_policy kpc_transaction_begin_nl_policy[KPC_A_TRANSACTION_MODE + 1] = {
	[KPC_A_TRANSACTION_MODE] = NLA_POLICY_MAX(NLA_U8, 2),
};

/* KPC_CMD_TRANSACTION_COMMIT - do */
const struct nla_policy kpc_transaction_commit_nl_policy[KPC_A_TRANSACTION_CONFIRM_SECONDS + 1] = {
	[KPC_A_TRANSACTION_FORCE] = { .type = NLA_FLAG, },
	[KPC_A_TRANSACTION_CONFIRM_SECONDS] = { .type = NLA_U32, },
};

/* KPC_CMD_TRANSACTION_CONFIRM - do */
const struct nla_policy kpc_transaction_confirm_nl_policy[KPC_A_TRANSACTION_ABORT + 1] = {
	[KPC_A_TRANSACTION_ABORT] = { .type = NLA_FLAG, },
};

/* KPC_CMD_CONFIG_SET - do */
const struct nla_policy kpc_config_set_nl_policy[KPC_A_CONFIG_CLOCK + 1] = {
	[KPC_A_CONFIG_MARK_VALUE] = { .type = NLA_U32, },
	[KPC_A_CONFIG_MARK_MASK] = { .type = NLA_U32, },
	[KPC_A_CONFIG_HANDSHAKE_MARK] = { .type = NLA_U32, },
	[KPC_A_CONFIG_AGENT_LOST] = NLA_POLICY_MAX(NLA_U8, 1),
	[KPC_A_CONFIG_AGENT_LOST_SECONDS] = { .type = NLA_U32, },
	[KPC_A_CONFIG_MAX_ASSOCIATIONS] = { .type = NLA_U32, },
	[KPC_A_CONFIG_MAX_BINDINGS] = { .type = NLA_U32, },
	[KPC_A_CONFIG_MAX_HANDSHAKES] = { .type = NLA_U32, },
	[KPC_A_CONFIG_CLOCK] = NLA_POLICY_MAX(NLA_U8, 2),
};

/* KPC_CMD_CONFIG_GET - do */
const struct nla_policy kpc_config_get_nl_policy[KPC_A_CONFIG_ABI + 1] = {
	[KPC_A_CONFIG_ABI] = { .type = NLA_U32, },
};

/* KPC_CMD_STATS_GET - do */
const struct nla_policy kpc_stats_get_nl_policy[KPC_A_STATS_RESET + 1] = {
	[KPC_A_STATS_RESET] = { .type = NLA_FLAG, },
};

/* KPC_CMD_ASSOCIATION_RESOLVE - do */
const struct nla_policy kpc_association_resolve_nl_policy[KPC_A_ASSOCIATION_AGENT + 1] = {
	[KPC_A_ASSOCIATION_ID] = { .type = NLA_U32, },
	[KPC_A_ASSOCIATION_SELECTOR] = NLA_POLICY_NESTED(kpc_selector_nl_policy),
	[KPC_A_ASSOCIATION_AGENT] = NLA_POLICY_NESTED(kpc_agent_nl_policy),
};

/* KPC_CMD_BINDING_HAND_OVER - do */
const struct nla_policy kpc_binding_hand_over_nl_policy[KPC_A_BINDING_FD + 1] = {
	[KPC_A_BINDING_FD] = { .type = NLA_S32, },
};

/* Ops table for kpc */
const struct genl_ops kpc_nl_ops[23] = {
	{
		.cmd		= KPC_CMD_ASSOCIATION_NEW,
		.doit		= kpc_nl_association_new_doit,
		.policy		= kpc_association_new_nl_policy,
		.maxattr	= KPC_A_ASSOCIATION_HOLDER_CGROUP,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= KPC_CMD_ASSOCIATION_DEL,
		.doit		= kpc_nl_association_del_doit,
		.policy		= kpc_association_del_nl_policy,
		.maxattr	= KPC_A_ASSOCIATION_FORCE,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= KPC_CMD_ASSOCIATION_GET,
		.doit		= kpc_nl_association_get_doit,
		.dumpit		= kpc_nl_association_get_dumpit,
		.policy		= kpc_association_get_nl_policy,
		.maxattr	= KPC_A_ASSOCIATION_NAME,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= KPC_CMD_ENDPOINT_GET,
		.doit		= kpc_nl_endpoint_get_doit,
		.dumpit		= kpc_nl_endpoint_get_dumpit,
		.policy		= kpc_endpoint_get_nl_policy,
		.maxattr	= KPC_A_ENDPOINT_PORT_MIN,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= KPC_CMD_HANDSHAKE_NEW,
		.doit		= kpc_nl_handshake_new_doit,
		.policy		= kpc_handshake_new_nl_policy,
		.maxattr	= KPC_A_HANDSHAKE_ASSOCIATION_ID,
	},
	{
		.cmd		= KPC_CMD_BINDING_NEW,
		.doit		= kpc_nl_binding_new_doit,
		.policy		= kpc_binding_new_nl_policy,
		.maxattr	= KPC_A_BINDING_EPOCH,
	},
	{
		.cmd		= KPC_CMD_BINDING_REKEY,
		.doit		= kpc_nl_binding_rekey_doit,
		.policy		= kpc_binding_rekey_nl_policy,
		.maxattr	= KPC_A_BINDING_RX_DIGEST,
	},
	{
		.cmd		= KPC_CMD_BINDING_DEL,
		.doit		= kpc_nl_binding_del_doit,
		.policy		= kpc_binding_del_nl_policy,
		.maxattr	= KPC_A_BINDING_ID,
	},
	{
		.cmd		= KPC_CMD_BINDING_GET,
		.doit		= kpc_nl_binding_get_doit,
		.dumpit		= kpc_nl_binding_get_dumpit,
		.policy		= kpc_binding_get_nl_policy,
		.maxattr	= KPC_A_BINDING_REMOTE_PORT,
	},
	{
		.cmd		= KPC_CMD_ESTABLISH,
		.doit		= kpc_nl_establish_doit,
		.policy		= kpc_establish_nl_policy,
		.maxattr	= KPC_A_ESTABLISH_ASSOCIATION,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= KPC_CMD_CLOSE,
		.doit		= kpc_nl_close_doit,
		.policy		= kpc_close_nl_policy,
		.maxattr	= KPC_A_ESTABLISH_ASSOCIATION,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= KPC_CMD_ESTABLISH_ANSWER,
		.doit		= kpc_nl_establish_answer_doit,
		.policy		= kpc_establish_answer_nl_policy,
		.maxattr	= KPC_A_ESTABLISH_MESSAGE,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= KPC_CMD_SESSION_NEW,
		.doit		= kpc_nl_session_new_doit,
		.policy		= kpc_session_new_nl_policy,
		.maxattr	= KPC_A_SESSION_ABI,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= KPC_CMD_SESSION_GET,
		.doit		= kpc_nl_session_get_doit,
		.dumpit		= kpc_nl_session_get_dumpit,
		.policy		= kpc_session_get_nl_policy,
		.maxattr	= KPC_A_SESSION_ID,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= KPC_CMD_GRANT_NEW,
		.doit		= kpc_nl_grant_new_doit,
		.policy		= kpc_grant_new_nl_policy,
		.maxattr	= KPC_A_GRANT_ASSOCIATION_ID,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= KPC_CMD_TRANSACTION_BEGIN,
		.doit		= kpc_nl_transaction_begin_doit,
		.policy		= kpc_transaction_begin_nl_policy,
		.maxattr	= KPC_A_TRANSACTION_MODE,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= KPC_CMD_TRANSACTION_COMMIT,
		.doit		= kpc_nl_transaction_commit_doit,
		.policy		= kpc_transaction_commit_nl_policy,
		.maxattr	= KPC_A_TRANSACTION_CONFIRM_SECONDS,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= KPC_CMD_TRANSACTION_CONFIRM,
		.doit		= kpc_nl_transaction_confirm_doit,
		.policy		= kpc_transaction_confirm_nl_policy,
		.maxattr	= KPC_A_TRANSACTION_ABORT,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= KPC_CMD_CONFIG_SET,
		.doit		= kpc_nl_config_set_doit,
		.policy		= kpc_config_set_nl_policy,
		.maxattr	= KPC_A_CONFIG_CLOCK,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= KPC_CMD_CONFIG_GET,
		.doit		= kpc_nl_config_get_doit,
		.policy		= kpc_config_get_nl_policy,
		.maxattr	= KPC_A_CONFIG_ABI,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= KPC_CMD_STATS_GET,
		.doit		= kpc_nl_stats_get_doit,
		.policy		= kpc_stats_get_nl_policy,
		.maxattr	= KPC_A_STATS_RESET,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= KPC_CMD_ASSOCIATION_RESOLVE,
		.doit		= kpc_nl_association_resolve_doit,
		.policy		= kpc_association_resolve_nl_policy,
		.maxattr	= KPC_A_ASSOCIATION_AGENT,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= KPC_CMD_BINDING_HAND_OVER,
		.doit		= kpc_nl_binding_hand_over_doit,
		.policy		= kpc_binding_hand_over_nl_policy,
		.maxattr	= KPC_A_BINDING_FD,
	},
};
