/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The generic netlink family.
 */
#ifndef KPC_NETLINK_H
#define KPC_NETLINK_H

#include <net/genetlink.h>

struct kpc_association;
struct kpc_net;
struct kpc_session;
struct kpc_transaction;

extern struct genl_family kpc_family;

/* A policy with everything that it may have, and its counters. */
#define KPC_ASSOCIATION_MSG	8192

/**
 * struct kpc_sender - who sent a request
 * @session: its session, or NULL
 * @admin: has CAP_NET_ADMIN over the namespace
 */
struct kpc_sender {
	struct kpc_session *session;
	bool admin;
};

/**
 * struct kpc_reply - a reply that is being put together
 * @msg: takes the attributes
 * @hdr: of @msg
 */
struct kpc_reply {
	struct sk_buff *msg;
	void *hdr;
};

void kpc_sentences_free(struct kpc_net *kn);
__printf(4, 5)
int kpc_refuse(struct kpc_net *kn, struct netlink_ext_ack *extack, int err,
	       const char *fmt, ...);
int kpc_sender(struct kpc_net *kn, struct sk_buff *skb,
	       struct genl_info *info, struct kpc_sender *sender);
int kpc_reply_begin(struct genl_info *info, size_t size,
		    struct kpc_reply *reply);
int kpc_reply_end(struct genl_info *info, struct kpc_reply *reply, int err);
int kpc_missing(struct kpc_net *kn, struct genl_info *info, int attr,
		const char *what);
struct kpc_association *kpc_named(struct kpc_net *kn,
				  const struct genl_info *info,
				  const struct nlattr *name,
				  const struct nlattr *id);
int kpc_config_admit(struct kpc_net *kn, struct netlink_ext_ack *extack,
		     const struct kpc_transaction *t, bool confirm);

static inline struct kpc_net *kpc_info_net(const struct genl_info *info)
{
	return kpc_net(genl_info_net((struct genl_info *)info));
}

int kpc_netlink_init(void);
void kpc_netlink_exit(void);

#endif /* KPC_NETLINK_H */
