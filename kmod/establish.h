/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Requests to the agent: establish and close.
 */
#ifndef KPC_ESTABLISH_H
#define KPC_ESTABLISH_H

#include <linux/list.h>
#include <linux/types.h>
#include <uapi/linux/kpc.h>

struct kpc_net;
struct netlink_ext_ack;
struct sk_buff;

/**
 * struct kpc_establish - one request and its outcome
 * @node: in kpc_net::establishes while unanswered
 * @id: unique in the namespace
 * @until: jiffies at which it fails for want of an answer
 * @name: of the association
 * @state: enum kpc_establish_state
 * @version: as on the wire, or 0
 * @suite: IANA code, or 0
 * @binding: id, or 0
 * @error: positive errno, or 0
 * @message: why it failed
 */
struct kpc_establish {
	struct list_head node;
	u32 id;
	unsigned long until;
	char name[KPC_NAME_MAX + 1];
	u8 state;
	u16 version;
	u16 suite;
	u64 binding;
	u32 error;
	char message[KPC_AGENT_TEXT_MAX + 1];
};

/* Requests that may wait for the agent at one time. */
#define KPC_ESTABLISHES_MAX	1024

struct kpc_establish *kpc_establish_new(struct kpc_net *kn,
					struct netlink_ext_ack *extack,
					const char *name, u8 state);
struct kpc_establish *kpc_establish_find(struct kpc_net *kn, u32 id);
void kpc_establish_done(struct kpc_net *kn, struct kpc_establish *establish);
void kpc_establishes_expire(struct kpc_net *kn);
void kpc_establishes_free(struct kpc_net *kn);
int kpc_establish_fill(struct sk_buff *skb, const struct kpc_establish *e);

#endif /* KPC_ESTABLISH_H */
