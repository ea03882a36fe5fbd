/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Changes of the table of associations, one or many, whole or not at all.
 */
#ifndef KPC_TRANSACTION_H
#define KPC_TRANSACTION_H

#include <linux/list.h>
#include <linux/string.h>
#include <linux/types.h>
#include <uapi/linux/kpc.h>

#include "net.h"

struct genl_info;
struct kpc_policy;
struct netlink_ext_ack;
struct sock;

/**
 * struct kpc_staged - one operation
 * @node: in a list of them, in order
 * @policy: to bring into force, or NULL to delete; owned
 * @name: of the association
 * @force: of this operation
 */
struct kpc_staged {
	struct list_head node;
	struct kpc_policy *policy;
	char name[KPC_NAME_MAX + 1];
	bool force;
};

/**
 * struct kpc_transaction - what a netlink socket has staged
 * @node: in kpc_net::transactions
 * @sk: the netlink socket, held
 * @mode: enum kpc_load_mode
 * @staged: list of struct kpc_staged
 * @n: length of @staged
 * @config: in force with the commit
 * @config_was: in force when the transaction was begun
 */
struct kpc_transaction {
	struct list_head node;
	struct sock *sk;
	u8 mode;
	struct list_head staged;
	u32 n;
	struct kpc_config config;
	struct kpc_config config_was;
};

/**
 * struct kpc_outcome - what a commit did
 * @added: associations
 * @changed: associations
 * @removed: associations
 * @ended: bindings
 * @quiet: nanoseconds of ktime_get() since which nothing that was deleted
 *	passes; 0 if nothing was
 */
struct kpc_outcome {
	u32 added;
	u32 changed;
	u32 removed;
	u32 ended;
	u64 quiet;
};

/* Seconds that a commit may wait to be confirmed. */
#define KPC_CONFIRM_MAX		86400U

struct kpc_staged *kpc_staged_new(struct kpc_policy *policy, const char *name,
				  bool force);
void kpc_staged_free(struct list_head *staged);
int kpc_commit(struct kpc_net *kn, struct netlink_ext_ack *extack, u8 mode,
	       struct list_head *staged, const struct kpc_config *config,
	       bool force, struct kpc_outcome *outcome);

/**
 * kpc_transaction_configures() - whether a commit changes the configuration
 * @t: transaction
 */
static inline bool kpc_transaction_configures(const struct kpc_transaction *t)
{
	return memcmp(&t->config, &t->config_was, sizeof(t->config));
}

struct kpc_transaction *kpc_transaction_find(struct kpc_net *kn,
					     const struct sock *sk);
int kpc_transaction_begin(struct kpc_net *kn, struct netlink_ext_ack *extack,
			  struct sock *sk, u8 mode);
int kpc_transaction_stage(struct kpc_net *kn, struct netlink_ext_ack *extack,
			  struct kpc_transaction *t, struct kpc_staged *s);
void kpc_transaction_free(struct kpc_transaction *t);
void kpc_transactions_reap(struct kpc_net *kn);

int kpc_confirm_keep(struct kpc_net *kn, struct list_head *kept);
void kpc_confirm_arm(struct kpc_net *kn, struct list_head *kept,
		     const struct kpc_config *config, u32 seconds);
int kpc_confirm(struct kpc_net *kn, struct netlink_ext_ack *extack, bool abort);
void kpc_confirm_resolve(struct kpc_net *kn, const struct genl_info *info,
			 const struct kpc_policy *policy);
bool kpc_confirm_revoke(struct kpc_net *kn, const char *name);
void kpc_confirm_forget(struct kpc_net *kn, const struct kpc_policy *policy);
void kpc_confirm_drop(struct kpc_net *kn);
void kpc_confirm_expire(struct kpc_net *kn);

#endif /* KPC_TRANSACTION_H */
