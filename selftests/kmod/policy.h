/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the family's operations take, as the kernel tells it (CTRL_CMD_GETPOLICY).
 */
#ifndef KPC_TEST_POLICY_H
#define KPC_TEST_POLICY_H

#include "genl.h"

#define POLICIES	32
#define ATTRS		64
#define OPS		64

/* One attribute of a policy; type 0 where there is none. */
struct rule {
	uint32_t type;
	uint32_t nested;
	uint32_t min_len, max_len;
	uint64_t min, max, mask;
	bool ranged;
};

/* Which policy an operation has, and which if it dumps. */
struct op {
	bool can[2];
	uint32_t policy[2];
};

static struct rule rules[POLICIES][ATTRS];
static struct op ops[OPS];

/* Attributes within attributes, as the control family tells policies. */
#define for_each_within(a, from)					\
	for (a = (struct nlattr *)((char *)(from) + NLA_HDRLEN);	\
	     (char *)a + NLA_HDRLEN <= (char *)(from) + (from)->nla_len &&	\
	     a->nla_len >= NLA_HDRLEN;					\
	     a = (struct nlattr *)((char *)a + NLA_ALIGN(a->nla_len)))

static inline uint64_t number(const struct nlattr *a)
{
	uint64_t v = 0;

	memcpy(&v, (char *)a + NLA_HDRLEN,
	       a->nla_len - NLA_HDRLEN > 8 ? 8 : a->nla_len - NLA_HDRLEN);
	return v;
}

static inline void take_rule(struct nlattr *from, struct rule *rule)
{
	struct nlattr *a;

	for_each_within(a, from) {
		switch (a->nla_type & NLA_TYPE_MASK) {
		case NL_POLICY_TYPE_ATTR_TYPE:
			rule->type = number(a);
			break;
		case NL_POLICY_TYPE_ATTR_MIN_VALUE_S:
		case NL_POLICY_TYPE_ATTR_MIN_VALUE_U:
			rule->min = number(a);
			rule->ranged = true;
			break;
		case NL_POLICY_TYPE_ATTR_MAX_VALUE_S:
		case NL_POLICY_TYPE_ATTR_MAX_VALUE_U:
			rule->max = number(a);
			rule->ranged = true;
			break;
		case NL_POLICY_TYPE_ATTR_MIN_LENGTH:
			rule->min_len = number(a);
			break;
		case NL_POLICY_TYPE_ATTR_MAX_LENGTH:
			rule->max_len = number(a);
			break;
		case NL_POLICY_TYPE_ATTR_POLICY_IDX:
			rule->nested = number(a);
			break;
		case NL_POLICY_TYPE_ATTR_MASK:
			rule->mask = number(a);
			break;
		}
	}
}

static inline void take_policy(struct nlattr *from)
{
	struct nlattr *policy, *attr;
	unsigned int i, j;

	for_each_within(policy, from) {
		for_each_within(attr, policy) {
			i = policy->nla_type & NLA_TYPE_MASK;
			j = attr->nla_type & NLA_TYPE_MASK;
			if (i < POLICIES && j < ATTRS)
				take_rule(attr, &rules[i][j]);
		}
	}
}

static inline void take_op(struct nlattr *from)
{
	struct nlattr *op, *a;
	unsigned int i;

	for_each_within(op, from) {
		i = op->nla_type & NLA_TYPE_MASK;
		for_each_within(a, op) {
			bool is_dump = (a->nla_type & NLA_TYPE_MASK) ==
				       CTRL_ATTR_POLICY_DUMP;

			if (i >= OPS)
				continue;
			ops[i].can[is_dump] = true;
			ops[i].policy[is_dump] = number(a);
		}
	}
}

/* Reads the policies of the family. */
static inline int policy_learn(struct nl *nl)
{
	struct nlmsghdr *h = nl_hdr(nl);
	bool done = false;

	nl_start(nl, GENL_ID_CTRL, CTRL_CMD_GETPOLICY, NLM_F_DUMP);
	nl_u16(nl, CTRL_ATTR_FAMILY_ID, nl->family);
	if (send(nl->fd, nl->out, h->nlmsg_len, 0) < 0)
		return -errno;
	while (!done) {
		int n = recv(nl->fd, nl->in, sizeof(nl->in), 0);

		if (n <= 0)
			return -errno;
		for (h = (struct nlmsghdr *)nl->in; NLMSG_OK(h, n);
		     h = NLMSG_NEXT(h, n)) {
			done = h->nlmsg_type == NLMSG_DONE ||
			       h->nlmsg_type == NLMSG_ERROR;
			if (done)
				break;
			nl_parse(nl, h);
			if (nl->attr[CTRL_ATTR_POLICY])
				take_policy(nl->attr[CTRL_ATTR_POLICY]);
			if (nl->attr[CTRL_ATTR_OP_POLICY])
				take_op(nl->attr[CTRL_ATTR_OP_POLICY]);
		}
	}
	return 0;
}

#endif /* KPC_TEST_POLICY_H */
