// SPDX-License-Identifier: GPL-2.0-only
/*
 * Policies: the configuration of one association, and every check that needs
 * no other association.
 */
#include <linux/ctype.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <net/genetlink.h>

#include "holder.h"
#include "net.h"
#include "netlink.h"
#include "netlink_gen.h"
#include "policy.h"
#include "suite.h"

/* RFC 4279 asks implementations for this many; TS-0003 ids stay under it. */
#define KPC_ID_STRICT_MAX	128

/**
 * kpc_policy_suite_allowed() - whether a binding may have a cipher suite
 * @policy: of the association
 * @suite: IANA code
 */
bool kpc_policy_suite_allowed(const struct kpc_policy *policy, u16 suite)
{
	unsigned int i;

	for (i = 0; i < policy->n_suites; i++)
		if (policy->suites[i] == suite)
			return true;
	return !policy->n_suites;
}

/**
 * kpc_policy_equal() - whether two policies say the same
 * @a: one
 * @b: other
 */
bool kpc_policy_equal(const struct kpc_policy *a, const struct kpc_policy *b)
{
	const size_t first = offsetof(struct kpc_policy, kpc_id_len);
	const size_t end = offsetofend(struct kpc_policy, n_selectors);

	return !memcmp((const u8 *)a + first, (const u8 *)b + first,
		       end - first) &&
	       !memcmp(a->selectors, b->selectors,
		       flex_array_size(a, selectors, a->n_selectors)) &&
	       !memcmp(a->kpc_id, b->kpc_id, a->kpc_id_len) &&
	       !strcmp(a->name, b->name) && !strcmp(a->id_a, b->id_a) &&
	       !strcmp(a->id_b, b->id_b) && !strcmp(a->peer, b->peer) &&
	       !strcmp(a->listen, b->listen) && !strcmp(a->plain, b->plain) &&
	       !strcmp(a->authority, b->authority) &&
	       !strcmp(a->holder_cgroup, b->holder_cgroup);
}

/**
 * kpc_policy_same_pair() - whether two policies tie the same entities
 * @a: one
 * @b: other
 *
 * Such associations share a mark: they are a rotation of keys.
 */
bool kpc_policy_same_pair(const struct kpc_policy *a, const struct kpc_policy *b)
{
	return a->role == b->role && a->kind_a == b->kind_a &&
	       a->kind_b == b->kind_b && !strcmp(a->id_a, b->id_a) &&
	       !strcmp(a->id_b, b->id_b);
}

/**
 * kpc_policy_same_kpc_id() - whether two policies have one KpcId
 * @a: one
 * @b: other
 */
bool kpc_policy_same_kpc_id(const struct kpc_policy *a,
			    const struct kpc_policy *b)
{
	return a->kpc_id_len == b->kpc_id_len &&
	       !memcmp(a->kpc_id, b->kpc_id, a->kpc_id_len);
}

/**
 * kpc_policy_same_identity() - whether nothing differs that may not change
 * @a: one
 * @b: other
 */
bool kpc_policy_same_identity(const struct kpc_policy *a,
			      const struct kpc_policy *b)
{
	return kpc_policy_same_pair(a, b) && kpc_policy_same_kpc_id(a, b);
}

/* An empty policy with room for selectors and texts, whose first is "". */
static struct kpc_policy *alloc(unsigned int selectors, size_t texts)
{
	struct kpc_policy *p;

	p = kzalloc(size_add(struct_size(p, selectors, selectors), texts),
		    GFP_KERNEL_ACCOUNT);
	if (p) {
		p->texts = (char *)&p->selectors[selectors];
		p->texts_len = 1;
	}
	return p;
}

/* A copy with room for as many selectors. */
static struct kpc_policy *copy(const struct kpc_policy *from,
			       unsigned int selectors)
{
	struct kpc_policy *p = alloc(selectors, from->texts_len);
	char *texts;

	if (!p)
		return NULL;
	texts = p->texts;
	memcpy(p, from, struct_size(from, selectors, from->n_selectors));
	memcpy(texts, from->texts, from->texts_len);
	p->texts = texts;
	p->name = texts + (from->name - from->texts);
	p->id_a = texts + (from->id_a - from->texts);
	p->id_b = texts + (from->id_b - from->texts);
	p->peer = texts + (from->peer - from->texts);
	p->listen = texts + (from->listen - from->texts);
	p->plain = texts + (from->plain - from->texts);
	p->authority = texts + (from->authority - from->texts);
	p->holder_cgroup = texts + (from->holder_cgroup - from->texts);
	p->kpc_id = texts + (from->kpc_id - from->texts);
	return p;
}

/**
 * kpc_policy_copy() - a copy of a policy
 * @policy: to copy
 */
struct kpc_policy *kpc_policy_copy(const struct kpc_policy *policy)
{
	return copy(policy, policy->n_selectors);
}

static bool unreserved(unsigned char c)
{
	return c && isascii(c) && (isalnum(c) || strchr("-._~", c));
}

static bool name_valid(const char *name)
{
	const char *c;

	if (!isascii(*name) || !isalnum(*name))
		return false;
	for (c = name; *c; c++)
		if (!isascii(*c) || (!isalnum(*c) && !strchr("._-", *c)))
			return false;
	return true;
}

/*
 * An absolute identity is //SP-ID/CSE-ID for a CSE; an AE has its stem behind
 * the SP-ID or behind its CSE (TS-0001 7.2).
 */
static bool identity_valid(const char *id, u8 kind)
{
	unsigned int segments = 0;

	if (id[0] != '/' || id[1] != '/')
		return false;
	id++;
	while (*id == '/') {
		id++;
		if (!unreserved(*id))
			return false;
		while (unreserved(*id))
			id++;
		segments++;
	}
	if (*id)
		return false;
	return segments == 2 || (segments == 3 && kind == KPC_KIND_AE);
}

static bool kpc_id_strict(const u8 *id, unsigned int len)
{
	unsigned int i, at = 0;

	for (i = 0; i < len; i++) {
		if (id[i] == '@' && i && !at)
			at = i;
		else if (!isascii(id[i]) ||
			 (!isalnum(id[i]) && (!id[i] || !strchr("._-", id[i]))))
			return false;
	}
	return at && at < len - 1 && len <= KPC_ID_STRICT_MAX;
}

static bool printable(const u8 *text, unsigned int len)
{
	unsigned int i;

	for (i = 0; i < len; i++)
		if (text[i] < 0x20 || text[i] == 0x7f)
			return false;
	return true;
}

static int check_identities(struct kpc_net *kn, struct netlink_ext_ack *extack,
			    const struct kpc_policy *p)
{
	if (!name_valid(p->name))
		return kpc_refuse(kn, extack, -EINVAL,
				  "name '%s': wants letters, digits, '.', '_', '-', the first a letter or digit",
				  p->name);
	if (!identity_valid(p->id_a, p->kind_a))
		return kpc_refuse(kn, extack, -EINVAL,
				  "'%s': IdA '%s' is not an absolute %s (//SP/CSE or //SP/CSE/AE, //SP/AE)",
				  p->name, p->id_a,
				  p->kind_a == KPC_KIND_AE ? "AE-ID" : "CSE-ID");
	if (!identity_valid(p->id_b, p->kind_b))
		return kpc_refuse(kn, extack, -EINVAL,
				  "'%s': IdB '%s' is not an absolute %s (//SP/CSE or //SP/CSE/AE, //SP/AE)",
				  p->name, p->id_b,
				  p->kind_b == KPC_KIND_AE ? "AE-ID" : "CSE-ID");
	if (!strcmp(p->id_a, p->id_b))
		return kpc_refuse(kn, extack, -EINVAL,
				  "'%s': IdA and IdB are both '%s': an entity has no association with itself",
				  p->name, p->id_a);
	if (!printable(p->kpc_id, p->kpc_id_len))
		return kpc_refuse(kn, extack, -EINVAL,
				  "'%s': KpcId '%*pE' has control octets",
				  p->name, p->kpc_id_len, p->kpc_id);
	if (p->agent.format == KPC_ID_FORMAT_STRICT &&
	    !kpc_id_strict(p->kpc_id, p->kpc_id_len))
		return kpc_refuse(kn, extack, -EINVAL,
				  "'%s': KpcId '%*pE' is not relative@FQDN of at most %d octets; format any takes others",
				  p->name, p->kpc_id_len, p->kpc_id,
				  KPC_ID_STRICT_MAX);
	return 0;
}

/* A line of an association file cannot hold them, nor a terminal be shown them. */
static int check_texts(struct kpc_net *kn, struct netlink_ext_ack *extack,
		       const struct kpc_policy *p)
{
	const struct {
		const char *what;
		const char *text;
	} texts[] = {
		{ "peer",	p->peer },
		{ "listen",	p->listen },
		{ "plain",	p->plain },
		{ "authority",	p->authority },
		{ "holder-cgroup", p->holder_cgroup },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(texts); i++)
		if (!printable(texts[i].text, strlen(texts[i].text)))
			return kpc_refuse(kn, extack, -EINVAL,
					  "'%s': %s has control octets",
					  p->name, texts[i].what);
	return 0;
}

static int check_suites(struct kpc_net *kn, struct netlink_ext_ack *extack,
			const struct kpc_policy *p)
{
	unsigned int i;

	if (p->versions & KPC_VERSION_FLAGS_DTLS12 &&
	    p->offload == KPC_OFFLOAD_REQUIRE)
		return kpc_refuse(kn, extack, -EINVAL,
				  "'%s': no kernel carries DTLS 1.2, but offload is require",
				  p->name);
	for (i = 0; i < p->n_suites; i++) {
		const struct kpc_suite *suite = kpc_suite_find(p->suites[i]);

		if (!suite)
			return kpc_refuse(kn, extack, -EINVAL,
					  "'%s': cipher suite 0x%04x is not a PSK suite that kpc knows",
					  p->name, p->suites[i]);
		if (!(suite->versions & p->versions))
			return kpc_refuse(kn, extack, -EINVAL,
					  "'%s': cipher suite 0x%04x belongs to a version that is not allowed",
					  p->name, p->suites[i]);
		if (!suite->cipher && p->offload == KPC_OFFLOAD_REQUIRE)
			return kpc_refuse(kn, extack, -EINVAL,
					  "'%s': no kernel carries cipher suite 0x%04x, but offload is require",
					  p->name, p->suites[i]);
	}
	return 0;
}

static int check_selectors(struct kpc_net *kn, struct netlink_ext_ack *extack,
			   const struct kpc_policy *p)
{
	unsigned int i;

	if (!p->n_selectors && (p->role == KPC_ROLE_B || !p->peer[0]))
		return kpc_refuse(kn, extack, -EINVAL,
				  p->role == KPC_ROLE_B ?
				  "'%s': role b needs a selector with a local port" :
				  "'%s': role a needs a peer, or a selector with a remote address and port",
				  p->name);
	if (p->role == KPC_ROLE_B)
		return 0;
	for (i = 0; i < p->n_selectors; i++)
		if (!p->selectors[i].remote.prefix)
			return kpc_refuse(kn, extack, -EINVAL,
					  "'%s': selector %u of role a has no remote address",
					  p->name, i + 1);
	return 0;
}

static int check_limits(struct kpc_net *kn, struct netlink_ext_ack *extack,
			const struct kpc_policy *p)
{
	const struct kpc_limits *l = &p->limits;

	if (l->not_after && l->not_before >= l->not_after)
		return kpc_refuse(kn, extack, -EINVAL,
				  "'%s': not-after %lld is not behind not-before %lld",
				  p->name, l->not_after, l->not_before);
	if (l->records &&
	    (l->records < KPC_RECORDS_MIN || l->records > KPC_RECORDS_MAX))
		return kpc_refuse(kn, extack, -EINVAL,
				  "'%s': a limit of %u records under one key: %d to %d are accepted",
				  p->name, l->records, KPC_RECORDS_MIN,
				  KPC_RECORDS_MAX);
	return 0;
}

static void parse_limits(struct kpc_limits *limits, struct nlattr **tb)
{
	limits->handshake_octets = KPC_HANDSHAKE_OCTETS;
	limits->handshake_seconds = KPC_HANDSHAKE_SECONDS;

	if (tb[KPC_A_LIMIT_NOT_BEFORE])
		limits->not_before = nla_get_s64(tb[KPC_A_LIMIT_NOT_BEFORE]);
	if (tb[KPC_A_LIMIT_NOT_AFTER])
		limits->not_after = nla_get_s64(tb[KPC_A_LIMIT_NOT_AFTER]);
	if (tb[KPC_A_LIMIT_LIFETIME])
		limits->lifetime = nla_get_u32(tb[KPC_A_LIMIT_LIFETIME]);
	if (tb[KPC_A_LIMIT_IDLE])
		limits->idle = nla_get_u32(tb[KPC_A_LIMIT_IDLE]);
	if (tb[KPC_A_LIMIT_OCTETS])
		limits->octets = nla_get_u64(tb[KPC_A_LIMIT_OCTETS]);
	if (tb[KPC_A_LIMIT_BINDINGS])
		limits->bindings = nla_get_u32(tb[KPC_A_LIMIT_BINDINGS]);
	if (tb[KPC_A_LIMIT_HANDSHAKE_OCTETS])
		limits->handshake_octets =
			nla_get_u32(tb[KPC_A_LIMIT_HANDSHAKE_OCTETS]) ?:
			KPC_HANDSHAKE_OCTETS;
	if (tb[KPC_A_LIMIT_HANDSHAKE_SECONDS])
		limits->handshake_seconds =
			nla_get_u32(tb[KPC_A_LIMIT_HANDSHAKE_SECONDS]) ?:
			KPC_HANDSHAKE_SECONDS;
	if (tb[KPC_A_LIMIT_RECORDS])
		limits->records = nla_get_u32(tb[KPC_A_LIMIT_RECORDS]);
}

static int parse_agent(struct kpc_net *kn, struct netlink_ext_ack *extack,
		       struct kpc_policy *p, const struct nlattr *nest,
		       struct nlattr **tb)
{
	struct kpc_agent_policy *agent = &p->agent;
	const struct nlattr *nla;
	int rem;

	if (tb[KPC_A_AGENT_START])
		agent->start = nla_get_u8(tb[KPC_A_AGENT_START]);
	if (tb[KPC_A_AGENT_PROFILE])
		agent->profile = nla_get_u8(tb[KPC_A_AGENT_PROFILE]);
	if (tb[KPC_A_AGENT_FORMAT])
		agent->format = nla_get_u8(tb[KPC_A_AGENT_FORMAT]);
	agent->weak_key = nla_get_flag(tb[KPC_A_AGENT_WEAK_KEY]);
	if (tb[KPC_A_AGENT_REKEY_AFTER])
		agent->rekey_after = nla_get_u32(tb[KPC_A_AGENT_REKEY_AFTER]);
	agent->proxy = nla_get_flag(tb[KPC_A_AGENT_PROXY]);
	agent->allow_any = nla_get_flag(tb[KPC_A_AGENT_ALLOW_ANY]);
	if (tb[KPC_A_AGENT_OWNER]) {
		agent->has_owner = true;
		agent->owner = nla_get_u32(tb[KPC_A_AGENT_OWNER]);
	}
	if (tb[KPC_A_AGENT_MODE]) {
		agent->has_mode = true;
		agent->mode = nla_get_u32(tb[KPC_A_AGENT_MODE]);
		if (agent->mode > 0777)
			return kpc_refuse(kn, extack, -EINVAL,
					  "'%s': mode 0%o has more than permission bits (0777)",
					  p->name, agent->mode);
	}
	nla_for_each_nested(nla, nest, rem) {
		if (nla_type(nla) != KPC_A_AGENT_ALLOW_UID)
			continue;
		if (agent->n_allow_uids == KPC_ALLOW_UIDS_MAX)
			return kpc_refuse(kn, extack, -E2BIG,
					  "'%s': more than %d users allowed",
					  p->name, KPC_ALLOW_UIDS_MAX);
		agent->allow_uids[agent->n_allow_uids++] = nla_get_u32(nla);
	}
	return 0;
}

/* Suites and selectors come as many attributes of one type. */
static int parse_lists(struct kpc_net *kn, struct netlink_ext_ack *extack,
		       struct kpc_policy *p, const struct nlmsghdr *nlh)
{
	const char *why;
	struct nlattr *nla;
	int rem, err;

	nlmsg_for_each_attr(nla, nlh, GENL_HDRLEN, rem) {
		if (nla_type(nla) == KPC_A_ASSOCIATION_SUITE) {
			if (p->n_suites == KPC_SUITES_MAX)
				return kpc_refuse(kn, extack, -E2BIG,
						  "'%s': more than %d cipher suites",
						  p->name, KPC_SUITES_MAX);
			p->suites[p->n_suites++] = nla_get_u16(nla);
		} else if (nla_type(nla) == KPC_A_ASSOCIATION_SELECTOR) {
			err = kpc_selector_parse(&p->selectors[p->n_selectors++],
						 nla, &why, extack);
			if (err && why)
				return kpc_refuse(kn, extack, err,
						  "'%s': selector %u: %s",
						  p->name, p->n_selectors, why);
			if (err)
				return err;
		}
	}
	return 0;
}

/* Octets that a text takes with its end; see put_text(). */
static size_t text_size(const struct nlattr *attr)
{
	return attr ? nla_len(attr) + 1 : 0;
}

static const char *put_text(struct kpc_policy *p, const struct nlattr *attr)
{
	char *text = p->texts + p->texts_len;

	if (!attr)
		return p->texts;
	/* What is a text ends with its first NUL, and a KpcId has none. */
	memcpy(text, nla_data(attr), nla_len(attr));
	p->texts_len += text_size(attr);
	return text;
}

static size_t texts_size(struct nlattr **tb, struct nlattr **agent)
{
	return 1 + text_size(tb[KPC_A_ASSOCIATION_NAME]) +
	       text_size(tb[KPC_A_ASSOCIATION_ID_A]) +
	       text_size(tb[KPC_A_ASSOCIATION_ID_B]) +
	       text_size(tb[KPC_A_ASSOCIATION_KPC_ID]) +
	       text_size(tb[KPC_A_ASSOCIATION_HOLDER_CGROUP]) +
	       text_size(agent[KPC_A_AGENT_PEER]) +
	       text_size(agent[KPC_A_AGENT_LISTEN]) +
	       text_size(agent[KPC_A_AGENT_PLAIN]) +
	       text_size(agent[KPC_A_AGENT_AUTHORITY]);
}

static void parse_texts(struct kpc_policy *p, struct nlattr **tb,
			struct nlattr **agent)
{
	p->name = put_text(p, tb[KPC_A_ASSOCIATION_NAME]);
	p->id_a = put_text(p, tb[KPC_A_ASSOCIATION_ID_A]);
	p->id_b = put_text(p, tb[KPC_A_ASSOCIATION_ID_B]);
	p->kpc_id = put_text(p, tb[KPC_A_ASSOCIATION_KPC_ID]);
	if (tb[KPC_A_ASSOCIATION_KPC_ID])
		p->kpc_id_len = nla_len(tb[KPC_A_ASSOCIATION_KPC_ID]);
	p->holder_cgroup = put_text(p, tb[KPC_A_ASSOCIATION_HOLDER_CGROUP]);
	p->peer = put_text(p, agent[KPC_A_AGENT_PEER]);
	p->listen = put_text(p, agent[KPC_A_AGENT_LISTEN]);
	p->plain = put_text(p, agent[KPC_A_AGENT_PLAIN]);
	p->authority = put_text(p, agent[KPC_A_AGENT_AUTHORITY]);
}

static int parse_names(struct kpc_net *kn, struct netlink_ext_ack *extack,
		       struct kpc_policy *p, struct nlattr **tb,
		       struct nlattr **agent)
{
	static const struct {
		u8 attr;
		const char *what;
	} required[] = {
		{ KPC_A_ASSOCIATION_NAME,	"a name" },
		{ KPC_A_ASSOCIATION_KPC_ID,	"a KpcId" },
		{ KPC_A_ASSOCIATION_ID_A,	"IdA" },
		{ KPC_A_ASSOCIATION_ID_B,	"IdB" },
		{ KPC_A_ASSOCIATION_ROLE,	"a role, a or b" },
	};
	unsigned int i;

	parse_texts(p, tb, agent);
	for (i = 0; i < ARRAY_SIZE(required); i++)
		if (!tb[required[i].attr] || !nla_len(tb[required[i].attr]) ||
		    (required[i].attr != KPC_A_ASSOCIATION_ROLE &&
		     !*(char *)nla_data(tb[required[i].attr])))
			return kpc_refuse(kn, extack, -EINVAL,
					  "association '%s' needs %s", p->name,
					  required[i].what);

	if (tb[KPC_A_ASSOCIATION_KIND_A])
		p->kind_a = nla_get_u8(tb[KPC_A_ASSOCIATION_KIND_A]);
	if (tb[KPC_A_ASSOCIATION_KIND_B])
		p->kind_b = nla_get_u8(tb[KPC_A_ASSOCIATION_KIND_B]);
	p->role = nla_get_u8(tb[KPC_A_ASSOCIATION_ROLE]);
	return 0;
}

static int parse(struct kpc_net *kn, const struct genl_info *info,
		 struct kpc_policy *p, struct nlattr **agent)
{
	struct netlink_ext_ack *extack = info->extack;
	struct nlattr **tb = info->attrs;
	struct nlattr *limit[KPC_A_LIMIT_MAX + 1] = {};
	int err;

	err = parse_names(kn, extack, p, tb, agent);
	if (err)
		return err;

	if (tb[KPC_A_ASSOCIATION_MARK]) {
		p->mark = nla_get_u32(tb[KPC_A_ASSOCIATION_MARK]);
		p->mark_given = true;
	}
	if (tb[KPC_A_ASSOCIATION_VERSIONS])
		p->versions = nla_get_u32(tb[KPC_A_ASSOCIATION_VERSIONS]);
	if (tb[KPC_A_ASSOCIATION_HOLDER_UID]) {
		p->holder_uid = nla_get_u32(tb[KPC_A_ASSOCIATION_HOLDER_UID]);
		p->has_holder_uid = true;
	}
	if (tb[KPC_A_ASSOCIATION_OFFLOAD])
		p->offload = nla_get_u8(tb[KPC_A_ASSOCIATION_OFFLOAD]);

	if (tb[KPC_A_ASSOCIATION_LIMIT]) {
		err = nla_parse_nested(limit, KPC_A_LIMIT_MAX,
				       tb[KPC_A_ASSOCIATION_LIMIT],
				       kpc_limit_nl_policy, extack);
		if (err)
			return err;
	}
	parse_limits(&p->limits, limit);

	if (tb[KPC_A_ASSOCIATION_AGENT]) {
		err = parse_agent(kn, extack, p, tb[KPC_A_ASSOCIATION_AGENT],
				  agent);
		if (err)
			return err;
	}
	if (!p->versions)
		p->versions = p->agent.profile == KPC_PROFILE_ONEM2M ?
			      KPC_VERSION_FLAGS_TLS12 : KPC_VERSION_FLAGS_TLS13;
	return parse_lists(kn, extack, p, info->nlhdr);
}

static unsigned int count_selectors(const struct nlmsghdr *nlh)
{
	const struct nlattr *nla;
	unsigned int n = 0;
	int rem;

	nlmsg_for_each_attr(nla, nlh, GENL_HDRLEN, rem)
		n += nla_type(nla) == KPC_A_ASSOCIATION_SELECTOR;
	return n;
}

/**
 * kpc_policy_parse() - read and check the policy of an association-new
 * @kn: namespace, for the sentence of a refusal
 * @info: the request
 *
 * Return: a policy for the caller to kfree(), or an error pointer.
 */
struct kpc_policy *kpc_policy_parse(struct kpc_net *kn,
				    const struct genl_info *info)
{
	struct nlattr *agent[KPC_A_AGENT_MAX + 1] = {};
	unsigned int n = count_selectors(info->nlhdr);
	struct nlattr **tb = info->attrs;
	struct kpc_policy *p;
	int err;

	if (n > KPC_SELECTORS_MAX)
		return ERR_PTR(kpc_refuse(kn, info->extack, -E2BIG,
					  "%u selectors are more than %d", n,
					  KPC_SELECTORS_MAX));
	if (tb[KPC_A_ASSOCIATION_AGENT]) {
		err = nla_parse_nested(agent, KPC_A_AGENT_MAX,
				       tb[KPC_A_ASSOCIATION_AGENT],
				       kpc_agent_nl_policy, info->extack);
		if (err)
			return ERR_PTR(err);
	}
	p = alloc(n, texts_size(tb, agent));
	if (!p)
		return ERR_PTR(-ENOMEM);

	err = parse(kn, info, p, agent);
	if (!err)
		err = check_identities(kn, info->extack, p);
	if (!err)
		err = check_texts(kn, info->extack, p);
	if (!err)
		err = kpc_holder_valid(kn, info->extack, p);
	if (!err)
		err = check_suites(kn, info->extack, p);
	if (!err)
		err = check_selectors(kn, info->extack, p);
	if (!err)
		err = check_limits(kn, info->extack, p);
	if (err) {
		kfree(p);
		return ERR_PTR(err);
	}
	return p;
}

/* A copy without the selectors that were resolved, with room for @more. */
static struct kpc_policy *copy_unresolved(const struct kpc_policy *old,
					  unsigned int more)
{
	struct kpc_policy *p = copy(old, old->n_selectors + more);
	unsigned int i;

	if (!p)
		return NULL;
	p->n_selectors = 0;
	for (i = 0; i < old->n_selectors; i++)
		if (!old->selectors[i].resolved)
			memcpy(&p->selectors[p->n_selectors++],
			       &old->selectors[i], sizeof(p->selectors[0]));
	memset(&p->selectors[p->n_selectors], 0,
	       array_size(old->n_selectors - p->n_selectors,
			  sizeof(p->selectors[0])));
	return p;
}

/* Nobody has forced them, and they are not asked about again. */
static int check_resolved(struct kpc_net *kn, struct netlink_ext_ack *extack,
			  const struct kpc_policy *p, unsigned int first)
{
	unsigned int i;

	if (p->role == KPC_ROLE_B)
		return kpc_refuse(kn, extack, -EINVAL,
				  "'%s' is of role b, which has no peer to resolve",
				  p->name);
	for (i = first; i < p->n_selectors; i++)
		if (kpc_side_any_port(&p->selectors[i].remote))
			return kpc_refuse(kn, extack, -EINVAL,
					  "'%s': selector %u of its resolved peer has no remote port",
					  p->name, i - first + 1);
	return 0;
}

/**
 * kpc_policy_resolve() - a policy with the addresses of its peer's name
 * @kn: namespace, for the sentence of a refusal
 * @info: an association-resolve
 * @old: policy to make it from
 *
 * Return: a policy for the caller to kfree(), or an error pointer.
 */
struct kpc_policy *kpc_policy_resolve(struct kpc_net *kn,
				      const struct genl_info *info,
				      const struct kpc_policy *old)
{
	unsigned int n = count_selectors(info->nlhdr), i, first;
	struct kpc_policy *p = NULL;
	int err = -ENOMEM;

	if (n <= KPC_SELECTORS_MAX)
		p = copy_unresolved(old, n);
	else
		err = kpc_refuse(kn, info->extack, -E2BIG,
				 "%u selectors are more than %d", n,
				 KPC_SELECTORS_MAX);
	if (!p)
		return ERR_PTR(err);
	first = p->n_selectors;
	err = parse_lists(kn, info->extack, p, info->nlhdr);
	if (!err && p->n_selectors > KPC_SELECTORS_MAX)
		err = kpc_refuse(kn, info->extack, -E2BIG,
				 "'%s': %u selectors with those of its resolved peer are more than %d",
				 p->name, p->n_selectors, KPC_SELECTORS_MAX);
	if (!err)
		err = check_selectors(kn, info->extack, p);
	if (!err)
		err = check_resolved(kn, info->extack, p, first);
	if (err) {
		kfree(p);
		return ERR_PTR(err);
	}
	for (i = first; i < p->n_selectors; i++)
		p->selectors[i].resolved = true;
	p->complete = true;
	return p;
}

static unsigned int count_resolved(const struct kpc_policy *p)
{
	unsigned int i, n = 0;

	for (i = 0; i < p->n_selectors; i++)
		n += p->selectors[i].resolved;
	return n;
}

/**
 * kpc_policy_inherits() - whether a policy takes over where its peer is
 * @policy: new policy
 * @old: policy in force, of the same name or the same pair
 *
 * Selectors that the agent resolved for the same peer stay unless the new
 * policy brings some, or says that it has all.
 */
bool kpc_policy_inherits(const struct kpc_policy *policy,
			 const struct kpc_policy *old)
{
	return !policy->complete && policy->peer[0] &&
	       !strcmp(policy->peer, old->peer) && count_resolved(old) &&
	       !count_resolved(policy);
}

/**
 * kpc_policy_inherit() - take over where the peer is
 * @kn: namespace, for the sentence of a refusal
 * @extack: of the request
 * @policy: new policy
 * @old: policy in force, for which kpc_policy_inherits()
 *
 * Return: a larger copy of @policy for the caller to kfree(), or an error
 * pointer.
 */
struct kpc_policy *kpc_policy_inherit(struct kpc_net *kn,
				      struct netlink_ext_ack *extack,
				      const struct kpc_policy *policy,
				      const struct kpc_policy *old)
{
	struct kpc_policy *p;
	unsigned int i, n;

	n = policy->n_selectors + count_resolved(old);
	if (n > KPC_SELECTORS_MAX)
		return ERR_PTR(kpc_refuse(kn, extack, -E2BIG,
					  "'%s': %u selectors with those of its resolved peer are more than %d",
					  policy->name, n, KPC_SELECTORS_MAX));
	p = copy(policy, n);
	if (!p)
		return ERR_PTR(-ENOMEM);
	for (i = 0; i < old->n_selectors; i++)
		if (old->selectors[i].resolved)
			memcpy(&p->selectors[p->n_selectors++],
			       &old->selectors[i], sizeof(p->selectors[0]));
	return p;
}

/**
 * kpc_policy_merge() - what a changed policy takes over from the old one
 * @kn: namespace, for the sentence of a refusal
 * @extack: of the request
 * @policy: new policy
 * @old: policy of the same name in force
 *
 * The mark stays unless another is given.
 *
 * Return: @policy, or a larger copy of it for the caller to kfree(), or an error
 * pointer.
 */
struct kpc_policy *kpc_policy_merge(struct kpc_net *kn,
				    struct netlink_ext_ack *extack,
				    struct kpc_policy *policy,
				    const struct kpc_policy *old)
{
	if (!policy->mark_given)
		policy->mark = old->mark;
	return kpc_policy_inherits(policy, old) ?
	       kpc_policy_inherit(kn, extack, policy, old) : policy;
}

static int fill_limits(struct sk_buff *skb, const struct kpc_limits *l)
{
	struct nlattr *nest = nla_nest_start(skb, KPC_A_ASSOCIATION_LIMIT);

	if (!nest ||
	    (l->not_before && nla_put(skb, KPC_A_LIMIT_NOT_BEFORE,
				      sizeof(l->not_before), &l->not_before)) ||
	    (l->not_after && nla_put(skb, KPC_A_LIMIT_NOT_AFTER,
				     sizeof(l->not_after), &l->not_after)) ||
	    (l->lifetime &&
	     nla_put_u32(skb, KPC_A_LIMIT_LIFETIME, l->lifetime)) ||
	    (l->idle && nla_put_u32(skb, KPC_A_LIMIT_IDLE, l->idle)) ||
	    (l->octets && nla_put(skb, KPC_A_LIMIT_OCTETS, sizeof(l->octets),
				  &l->octets)) ||
	    (l->bindings &&
	     nla_put_u32(skb, KPC_A_LIMIT_BINDINGS, l->bindings)) ||
	    nla_put_u32(skb, KPC_A_LIMIT_HANDSHAKE_OCTETS,
			l->handshake_octets) ||
	    nla_put_u32(skb, KPC_A_LIMIT_HANDSHAKE_SECONDS,
			l->handshake_seconds) ||
	    (l->records &&
	     nla_put_u32(skb, KPC_A_LIMIT_RECORDS, l->records)))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int fill_text(struct sk_buff *skb, int attr, const char *text)
{
	return text[0] ? nla_put_string(skb, attr, text) : 0;
}

static int fill_agent(struct sk_buff *skb, const struct kpc_policy *p)
{
	const struct kpc_agent_policy *a = &p->agent;
	struct nlattr *nest = nla_nest_start(skb, KPC_A_ASSOCIATION_AGENT);
	unsigned int i;

	if (!nest ||
	    fill_text(skb, KPC_A_AGENT_PEER, p->peer) ||
	    fill_text(skb, KPC_A_AGENT_LISTEN, p->listen) ||
	    fill_text(skb, KPC_A_AGENT_PLAIN, p->plain) ||
	    fill_text(skb, KPC_A_AGENT_AUTHORITY, p->authority) ||
	    nla_put_u8(skb, KPC_A_AGENT_START, a->start) ||
	    nla_put_u8(skb, KPC_A_AGENT_PROFILE, a->profile) ||
	    nla_put_u8(skb, KPC_A_AGENT_FORMAT, a->format) ||
	    (a->weak_key && nla_put_flag(skb, KPC_A_AGENT_WEAK_KEY)) ||
	    (a->proxy && nla_put_flag(skb, KPC_A_AGENT_PROXY)) ||
	    (a->allow_any && nla_put_flag(skb, KPC_A_AGENT_ALLOW_ANY)) ||
	    (a->has_owner && nla_put_u32(skb, KPC_A_AGENT_OWNER, a->owner)) ||
	    (a->has_mode && nla_put_u32(skb, KPC_A_AGENT_MODE, a->mode)) ||
	    (a->rekey_after &&
	     nla_put_u32(skb, KPC_A_AGENT_REKEY_AFTER, a->rekey_after)))
		return -EMSGSIZE;
	for (i = 0; i < a->n_allow_uids; i++)
		if (nla_put_u32(skb, KPC_A_AGENT_ALLOW_UID, a->allow_uids[i]))
			return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

/**
 * kpc_policy_fill() - put a policy
 * @skb: message
 * @policy: of an association
 */
int kpc_policy_fill(struct sk_buff *skb, const struct kpc_policy *policy)
{
	unsigned int i;

	if (nla_put_string(skb, KPC_A_ASSOCIATION_NAME, policy->name) ||
	    nla_put(skb, KPC_A_ASSOCIATION_KPC_ID, policy->kpc_id_len,
		    policy->kpc_id) ||
	    nla_put_string(skb, KPC_A_ASSOCIATION_ID_A, policy->id_a) ||
	    nla_put_string(skb, KPC_A_ASSOCIATION_ID_B, policy->id_b) ||
	    nla_put_u8(skb, KPC_A_ASSOCIATION_KIND_A, policy->kind_a) ||
	    nla_put_u8(skb, KPC_A_ASSOCIATION_KIND_B, policy->kind_b) ||
	    nla_put_u8(skb, KPC_A_ASSOCIATION_ROLE, policy->role) ||
	    nla_put_u32(skb, KPC_A_ASSOCIATION_MARK, policy->mark) ||
	    nla_put_u32(skb, KPC_A_ASSOCIATION_VERSIONS,
			policy->versions) ||
	    nla_put_u8(skb, KPC_A_ASSOCIATION_OFFLOAD, policy->offload))
		return -EMSGSIZE;
	for (i = 0; i < policy->n_suites; i++)
		if (nla_put_u16(skb, KPC_A_ASSOCIATION_SUITE,
				policy->suites[i]))
			return -EMSGSIZE;
	for (i = 0; i < policy->n_selectors; i++)
		if (kpc_selector_fill(skb, &policy->selectors[i]))
			return -EMSGSIZE;
	if ((policy->has_holder_uid &&
	     nla_put_u32(skb, KPC_A_ASSOCIATION_HOLDER_UID,
			 policy->holder_uid)) ||
	    fill_text(skb, KPC_A_ASSOCIATION_HOLDER_CGROUP,
		      policy->holder_cgroup) ||
	    fill_limits(skb, &policy->limits) ||
	    fill_agent(skb, policy))
		return -EMSGSIZE;
	return 0;
}
