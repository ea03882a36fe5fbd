/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The family "kpc" spoken octet by octet, so that these tests share nothing
 * with the client they might both be wrong with.
 */
#ifndef KPC_TEST_GENL_H
#define KPC_TEST_GENL_H

#include <errno.h>
#include <linux/genetlink.h>
#include <linux/kpc.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define NL_ATTRS	64

/* One netlink socket, the request being made and the answer last got. */
struct nl {
	int fd;
	uint16_t family;
	uint32_t group[4];
	uint32_t seq;
	char out[16384];
	char in[65536];
	char kept[65536];
	uint8_t cmd;
	struct nlattr *attr[NL_ATTRS];
	int replies;
	char said[512];
	bool points;		/* said of which attribute, as policies do */
};

static const char *const nl_groups[] = {
	KPC_MCGRP_ASSOCIATION, KPC_MCGRP_BINDING, KPC_MCGRP_VIOLATION,
	KPC_MCGRP_AGENT,
};

static inline struct nlmsghdr *nl_hdr(struct nl *nl)
{
	return (struct nlmsghdr *)nl->out;
}

static inline void nl_start(struct nl *nl, uint16_t type, uint8_t cmd,
			    uint16_t flags)
{
	struct nlmsghdr *h = nl_hdr(nl);
	struct genlmsghdr *g = NLMSG_DATA(h);

	memset(nl->out, 0, NLMSG_LENGTH(sizeof(*g)));
	h->nlmsg_len = NLMSG_LENGTH(sizeof(*g));
	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	h->nlmsg_seq = ++nl->seq;
	g->cmd = cmd;
	g->version = 1;
}

static inline void nl_req(struct nl *nl, uint8_t cmd)
{
	nl_start(nl, nl->family, cmd, 0);
}

static inline void nl_put(struct nl *nl, uint16_t type, const void *data,
			  size_t len)
{
	struct nlmsghdr *h = nl_hdr(nl);
	struct nlattr *a = (struct nlattr *)(nl->out + NLMSG_ALIGN(h->nlmsg_len));

	a->nla_type = type;
	a->nla_len = NLA_HDRLEN + len;
	memset((char *)a + NLA_HDRLEN, 0, NLA_ALIGN(len));
	if (len)
		memcpy((char *)a + NLA_HDRLEN, data, len);
	h->nlmsg_len = NLMSG_ALIGN(h->nlmsg_len) + NLA_ALIGN(a->nla_len);
}

static inline void nl_str(struct nl *nl, uint16_t type, const char *s)
{
	nl_put(nl, type, s, strlen(s) + 1);
}

static inline void nl_u8(struct nl *nl, uint16_t type, uint8_t v)
{
	nl_put(nl, type, &v, sizeof(v));
}

static inline void nl_u16(struct nl *nl, uint16_t type, uint16_t v)
{
	nl_put(nl, type, &v, sizeof(v));
}

static inline void nl_u32(struct nl *nl, uint16_t type, uint32_t v)
{
	nl_put(nl, type, &v, sizeof(v));
}

static inline void nl_u64(struct nl *nl, uint16_t type, uint64_t v)
{
	nl_put(nl, type, &v, sizeof(v));
}

static inline void nl_flag(struct nl *nl, uint16_t type)
{
	nl_put(nl, type, NULL, 0);
}

static inline size_t nl_nest(struct nl *nl, uint16_t type)
{
	size_t at = NLMSG_ALIGN(nl_hdr(nl)->nlmsg_len);

	nl_put(nl, type | NLA_F_NESTED, NULL, 0);
	return at;
}

static inline void nl_nest_end(struct nl *nl, size_t at)
{
	struct nlattr *a = (struct nlattr *)(nl->out + at);

	a->nla_len = nl_hdr(nl)->nlmsg_len - at;
}

static inline void nl_parse(struct nl *nl, struct nlmsghdr *h)
{
	struct genlmsghdr *g = NLMSG_DATA(h);
	int len = h->nlmsg_len - NLMSG_LENGTH(sizeof(*g));
	struct nlattr *a = (struct nlattr *)((char *)g + GENL_HDRLEN);

	nl->cmd = g->cmd;
	memset(nl->attr, 0, sizeof(nl->attr));
	while (len >= NLA_HDRLEN && a->nla_len >= NLA_HDRLEN &&
	       a->nla_len <= len) {
		int type = a->nla_type & NLA_TYPE_MASK;

		if (type < NL_ATTRS && !nl->attr[type])
			nl->attr[type] = a;
		len -= NLA_ALIGN(a->nla_len);
		a = (struct nlattr *)((char *)a + NLA_ALIGN(a->nla_len));
	}
}

static inline void *nl_data(struct nl *nl, int type)
{
	return nl->attr[type] ? (char *)nl->attr[type] + NLA_HDRLEN : NULL;
}

static inline uint64_t nl_get(struct nl *nl, int type)
{
	uint64_t v = 0;

	if (!nl->attr[type])
		return UINT64_MAX;
	memcpy(&v, nl_data(nl, type), nl->attr[type]->nla_len - NLA_HDRLEN > 8 ?
				      8 : nl->attr[type]->nla_len - NLA_HDRLEN);
	return v;
}

static inline const char *nl_text(struct nl *nl, int type)
{
	return nl->attr[type] ? nl_data(nl, type) : "";
}

/* Keeps the kernel's sentence. */
static inline void nl_keep_said(struct nl *nl, struct nlmsghdr *h,
				struct nlmsgerr *e)
{
	int skip = sizeof(*e);
	struct nlattr *a;
	int len;

	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(h->nlmsg_flags & NLM_F_CAPPED))
		skip += e->msg.nlmsg_len - sizeof(e->msg);
	a = (struct nlattr *)((char *)e + NLMSG_ALIGN(skip));
	len = h->nlmsg_len - NLMSG_LENGTH(NLMSG_ALIGN(skip));
	while (len >= NLA_HDRLEN && a->nla_len <= len) {
		if (a->nla_type == NLMSGERR_ATTR_MSG)
			snprintf(nl->said, sizeof(nl->said), "%s",
				 (char *)a + NLA_HDRLEN);
		else if (a->nla_type == NLMSGERR_ATTR_OFFS)
			nl->points = true;
		len -= NLA_ALIGN(a->nla_len);
		a = (struct nlattr *)((char *)a + NLA_ALIGN(a->nla_len));
	}
}

/*
 * Sends the request and takes its answer: the first reply stays parsed, the
 * number of them is in replies. Returns 0 or a negative errno.
 */
static inline int nl_talk(struct nl *nl)
{
	struct nlmsghdr *h = nl_hdr(nl), *first = NULL;

	nl->said[0] = 0;
	nl->points = false;
	nl->replies = 0;
	memset(nl->attr, 0, sizeof(nl->attr));
	if (send(nl->fd, nl->out, h->nlmsg_len, 0) < 0)
		return -errno;
	for (;;) {
		int n = recv(nl->fd, nl->in, sizeof(nl->in), 0);

		if (n < 0)
			return -errno;
		for (h = (struct nlmsghdr *)nl->in; NLMSG_OK(h, n);
		     h = NLMSG_NEXT(h, n)) {
			struct nlmsgerr *e = NLMSG_DATA(h);
			int error;

			if (h->nlmsg_seq != nl->seq)
				continue;
			if (h->nlmsg_type == NLMSG_DONE ||
			    h->nlmsg_type == NLMSG_ERROR) {
				error = *(int *)NLMSG_DATA(h);
				if (h->nlmsg_type == NLMSG_ERROR)
					nl_keep_said(nl, h, e);
				if (first)
					nl_parse(nl, first);
				return error;
			}
			if (!nl->replies++) {
				memcpy(nl->kept, h, h->nlmsg_len);
				first = (struct nlmsghdr *)nl->kept;
			}
		}
	}
}

static inline int nl_resolve(struct nl *nl)
{
	struct nlattr *grp;
	int len, err;

	nl_start(nl, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0);
	nl_str(nl, CTRL_ATTR_FAMILY_NAME, KPC_GENL_NAME);
	err = nl_talk(nl);
	if (err)
		return err;
	nl->family = nl_get(nl, CTRL_ATTR_FAMILY_ID);
	grp = nl->attr[CTRL_ATTR_MCAST_GROUPS];
	if (!grp)
		return -ENOENT;
	len = grp->nla_len - NLA_HDRLEN;
	grp = (struct nlattr *)((char *)grp + NLA_HDRLEN);
	while (len >= NLA_HDRLEN) {
		struct nlattr *a = (struct nlattr *)((char *)grp + NLA_HDRLEN);
		int rest = grp->nla_len - NLA_HDRLEN;
		const char *name = "";
		uint32_t id = 0;

		while (rest >= NLA_HDRLEN) {
			if (a->nla_type == CTRL_ATTR_MCAST_GRP_NAME)
				name = (char *)a + NLA_HDRLEN;
			else if (a->nla_type == CTRL_ATTR_MCAST_GRP_ID)
				memcpy(&id, (char *)a + NLA_HDRLEN, 4);
			rest -= NLA_ALIGN(a->nla_len);
			a = (struct nlattr *)((char *)a + NLA_ALIGN(a->nla_len));
		}
		for (int i = 0; i < 4; i++)
			if (!strcmp(name, nl_groups[i]))
				nl->group[i] = id;
		len -= NLA_ALIGN(grp->nla_len);
		grp = (struct nlattr *)((char *)grp + NLA_ALIGN(grp->nla_len));
	}
	return 0;
}

/* Opens a socket in the namespace that the caller is in. */
static inline int nl_open(struct nl *nl)
{
	struct sockaddr_nl local = { .nl_family = AF_NETLINK };
	int on = 1;

	memset(nl, 0, sizeof(*nl));
	nl->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (nl->fd < 0)
		return -errno;
	setsockopt(nl->fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(nl->fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	if (bind(nl->fd, (struct sockaddr *)&local, sizeof(local)))
		return -errno;
	return nl_resolve(nl);
}

static inline int nl_listen(struct nl *nl, int group)
{
	return setsockopt(nl->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP,
			  &nl->group[group], sizeof(uint32_t)) ? -errno : 0;
}

/* Takes the next event of a command, for at most so many milliseconds. */
static inline int nl_event(struct nl *nl, uint8_t cmd, int ms)
{
	struct pollfd p = { .fd = nl->fd, .events = POLLIN };

	for (;;) {
		int n;

		if (poll(&p, 1, ms) <= 0)
			return -ETIMEDOUT;
		n = recv(nl->fd, nl->in, sizeof(nl->in), 0);
		if (n < (int)NLMSG_LENGTH(GENL_HDRLEN))
			return -EIO;
		nl_parse(nl, (struct nlmsghdr *)nl->in);
		if (nl->cmd == cmd)
			return 0;
	}
}

#endif /* KPC_TEST_GENL_H */
