// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Reads the words of `association add` into an association: which words there
 * are, and what the whole has to have.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "association_parse.h"
#include "internal.h"

#define NAME(text, wanted, path, list) \
	{ .name = text, .wants = wanted, .take = kpci_take_name, \
	  .offset = offsetof(struct kpc_association, path), .names = &(list) }
#define TEXT(text, wanted, taker, path) \
	{ .name = text, .wants = wanted, .take = taker, \
	  .offset = offsetof(struct kpc_association, path) }
#define WORD(text, wanted, taker) \
	{ .name = text, .wants = wanted, .take = taker }

static const struct kpci_word words[] = {
	NAME("role", "a or b", role, kpci_role_names),
	WORD("kpc-id", "RELATIVE@FQDN", kpci_take_kpc_id),
	NAME("format", "strict or any", agent.format, kpci_format_names),
	WORD("id-a", "an identity", kpci_take_id),
	WORD("kind-a", "cse or ae", kpci_take_kind),
	WORD("id-b", "an identity", kpci_take_id),
	WORD("kind-b", "cse or ae", kpci_take_kind),
	WORD("sp-id", "the service provider's FQDN", kpci_take_sp_id),
	WORD("mark", "a number", kpci_take_mark),
	WORD("versions", "tls1.2,tls1.3", kpci_take_versions),
	WORD("suites", "NAME,NAME", kpci_take_suites),
	NAME("profile", "modern or onem2m", agent.profile,
	     kpci_profile_names),
	NAME("offload", "require, prefer or off", offload,
	     kpci_offload_names),
	TEXT("peer", "HOST:PORT", kpci_take_peer, agent.peer),
	TEXT("listen", "ADDRESS:PORT", kpci_take_listen, agent.listen),
	TEXT("plain", KPCI_PLAIN_KINDS, kpci_take_text, agent.plain),
	WORD("owner", "a user", kpci_take_owner),
	WORD("mode", "an octal mode", kpci_take_mode),
	WORD("allow-uid", "USER,USER, any or none", kpci_take_allow_uid),
	WORD("holder-uid", "a user", kpci_take_holder_uid),
	WORD("holder-cgroup", "/PATH of a control group",
	     kpci_take_holder_cgroup),
	TEXT("authority", "a host name", kpci_take_authority, agent.authority),
	NAME("start", "manual, demand or auto", agent.start,
	     kpci_start_names),
	WORD("rekey-after", "a duration", kpci_take_rekey_after),
	TEXT("weak-key", "yes or no", kpci_take_answer, agent.weak_key),
	TEXT("proxy", "yes or no", kpci_take_answer, agent.proxy),
	{ .name = "selector",
	  .wants = "[tcp|udp] [local ADDRESS:PORT] [remote ADDRESS:PORT]",
	  .take = kpci_take_selector, .bare = true, .repeats = true },
	{ .name = "limit",
	  .wants = "lifetime, idle, octets, records, bindings, not-before, not-after, "
	  "handshake-octets or handshake-time",
	  .take = kpci_take_limit, .bare = true, .repeats = true },
};

static int unknown_word(const char *text, struct kpc_error *err)
{
	char list[KPC_ERROR_TEXT_MAX] = "";
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++) {
		strcat(list, i ? " " : "");
		strcat(list, words[i].name);
	}
	return kpc_error_return(err, -EINVAL,
				"\"%.30s\" is not known; accepted: %s", text,
				list);
}

static const struct kpci_word *word_find(const char *text)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(words[i].name, text))
			return &words[i];
	return NULL;
}

static bool given(const struct kpci_parse *parse, const char *name)
{
	return parse->given & 1U << (word_find(name) - words);
}

static int take_word(struct kpci_parse *parse)
{
	const char *text = parse->argv[parse->at++];
	const struct kpci_word *word = word_find(text);
	const char *value = NULL;

	if (!word)
		return unknown_word(text, parse->err);
	if (given(parse, text) && !word->repeats)
		return kpc_error_return(parse->err, -EINVAL,
					"%s is given twice", text);
	parse->given |= 1U << (word - words);
	if (!word->bare) {
		value = kpci_next(parse);
		if (!value)
			return kpc_error_return(parse->err, -EINVAL,
						"%s has nothing after it; %s is accepted",
						text, word->wants);
		parse->at++;
	}
	return word->take(parse, word, value);
}

static bool is_name_octet(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("._-", c));
}

static int take_association_name(struct kpci_parse *parse)
{
	const char *name = kpci_next(parse);
	size_t length;

	if (!name)
		return kpc_error_return(parse->err, -EINVAL,
					"NAME is missing: association add NAME role a|b kpc-id KPCID id-a ID id-b ID ...");
	for (length = 0; is_name_octet(name[length]);)
		length++;
	if (!length || name[length] || !isalnum((unsigned char)*name))
		return kpc_error_return(parse->err, -EINVAL,
					"\"%s\" is no name; letters, digits, '.', '_' and '-', a letter or digit first, are accepted",
					name);
	if (length > KPC_NAME_MAX)
		return kpc_error_return(parse->err, -EINVAL,
					"the name has %zu octets; at most %d are accepted",
					length, KPC_NAME_MAX);
	strcpy(parse->to->name, name);
	parse->at++;
	return 0;
}

/*
 * What the form leaves open must be told: an AE whose stem is its provider's
 * looks like a CSE of that name. All else can be one of the two only.
 */
static int find_kind(struct kpci_parse *parse, int which, const char *text)
{
	const char *path = text;

	if (parse->kind[which] >= 0)
		return parse->kind[which];
	if (!strncmp(text, "//", 2)) {
		path = strchr(text + 2, '/');
		if (!path)
			return KPC_KIND_CSE;
	}
	if (*path != '/')
		return KPC_KIND_CSE;
	if (strchr(path + 1, '/'))
		return KPC_KIND_AE;
	if (path[1] != 'S')
		return KPC_KIND_CSE;
	return kpc_error_return(parse->err, -EINVAL,
				"id-%c \"%s\" may be an AE or a CSE; kind-%c ae or kind-%c cse must tell",
				'a' + which, text, 'a' + which, 'a' + which);
}

static int read_identity(struct kpci_parse *parse, int which,
			 struct kpc_identity *identity,
			 const struct kpc_identity *own)
{
	const char *text = parse->id[which];
	struct kpc_error reason = { "" };
	int kind;
	int ret;

	if (!text) {
		if (parse->kind[which] >= 0)
			return kpc_error_return(parse->err, -EINVAL,
						"kind-%c is given without id-%c",
						'a' + which, 'a' + which);
		if (own && (int)parse->to->role == which)
			*identity = *own;
		return 0;
	}
	kind = find_kind(parse, which, text);
	if (kind < 0)
		return kind;
	ret = kpc_identity_parse(identity, text, kind, parse->sp_id, &reason);
	if (ret)
		return kpc_error_return(parse->err, ret, "id-%c: %s",
					'a' + which, reason.text);
	return 0;
}

static int derive(struct kpci_parse *parse)
{
	struct kpc_association *to = parse->to;
	struct kpc_selector derived[2];
	size_t count = kpci_association_derive(to, derived);
	size_t i;
	size_t j;

	for (i = 0; i < count; i++) {
		for (j = 0; j < to->selector_count; j++)
			if (kpc_selector_covers(&to->selectors[j],
						&derived[i]))
				break;
		if (j == to->selector_count &&
		    kpc_association_selector_add(to, &derived[i]))
			return kpc_error_return(parse->err, -EINVAL,
						"more than %d selectors, that of %s counted",
						KPC_SELECTORS_MAX,
						to->role == KPC_ROLE_A ?
						"peer" : "listen");
	}
	return 0;
}

/* A listener at an unspecified address is all networks', a connection not. */
static bool leads_to_loopback(const struct kpc_association *association,
			      uint16_t family, const uint8_t *address)
{
	return kpci_literal_loopback(family, address) ||
	       (association->role == KPC_ROLE_B &&
		kpci_literal_any(family, address));
}

/*
 * A plain TCP or UDP leg is open to every local user unless it is told who may. Of
 * another address only the agent can see whether it is this machine's, and
 * where a connection of role b has led.
 */
static int check_allow_uid(const struct kpci_parse *parse)
{
	const struct kpc_agent *agent = &parse->to->agent;
	uint8_t address[16];
	uint16_t family;
	char host[256];
	enum kpc_plain kind;
	const char *where;
	uint16_t port;

	kind = kpc_plain_kind(agent->plain, &where);
	if (kind != KPC_PLAIN_TCP && kind != KPC_PLAIN_UDP)
		return 0;
	if (kpc_address_split(where, host, &port, NULL) ||
	    !kpci_literal_read(host, &family, address))
		return 0;
	if (leads_to_loopback(parse->to, family, address)) {
		if (agent->allow_uid_count || agent->allow_any)
			return 0;
		return kpc_error_return(parse->err, -EINVAL,
					"plain %s needs allow-uid: which local users may be at its other end, or any",
					agent->plain);
	}
	if (parse->to->role == KPC_ROLE_B)
		return 0;
	if (agent->allow_uid_count)
		return kpc_error_return(parse->err, -EINVAL,
					"allow-uid cannot be told at plain %s, where other machines are; a loopback address or allow-uid any is accepted",
					agent->plain);
	if (!agent->allow_any)
		return kpc_error_return(parse->err, -EINVAL,
					"plain %s lets other machines in unencrypted; allow-uid any says that this is meant",
					agent->plain);
	return 0;
}

static int finish(struct kpci_parse *parse, const struct kpc_identity *own)
{
	struct kpc_association *to = parse->to;
	int ret;

	if (!given(parse, "role"))
		return kpc_error_return(parse->err, -EINVAL,
					"role is missing: role a (initiates, TLS client) or role b (answers, TLS server)");
	if (!parse->kpc_id)
		return kpc_error_return(parse->err, -EINVAL,
					"kpc-id is missing: the identifier of the Kpc, such as kpc-id meter7@sp.example");
	ret = kpc_kpcid_parse(&to->kpc_id, parse->kpc_id, to->agent.format,
			      parse->err);
	if (ret)
		return ret;
	ret = read_identity(parse, 0, &to->id_a, own);
	if (ret)
		return ret;
	ret = read_identity(parse, 1, &to->id_b, own);
	if (ret)
		return ret;
	if (!given(parse, "versions"))
		to->versions = kpci_profile_versions(to->agent.profile);
	ret = kpc_association_check(to, parse->err);
	if (ret)
		return ret;
	ret = check_allow_uid(parse);
	if (ret)
		return ret;
	return derive(parse);
}

int kpci_association_parse(struct kpc_association *association, int argc,
			   char **argv, const struct kpc_identity *own,
			   bool late_users, struct kpc_error *err)
{
	struct kpci_parse parse = {
		.to = association,
		.argv = argv,
		.argc = argc,
		.kind = { -1, -1 },
		.late_users = late_users,
		.err = err,
	};
	int ret;

	kpc_association_init(association);
	ret = take_association_name(&parse);
	while (!ret && parse.at < argc)
		ret = take_word(&parse);
	return ret ? ret : finish(&parse, own);
}

int kpc_association_parse(struct kpc_association *association, int argc,
			  char **argv, struct kpc_error *err)
{
	return kpci_association_parse(association, argc, argv, NULL, false,
				      err);
}
