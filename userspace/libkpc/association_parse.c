// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Reads the words of `association add` into an association.
 */
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <kpc/suite.h>

#include "association_internal.h"
#include "internal.h"

/**
 * struct parse - An association being read
 * @to: The association.
 * @argv: All words.
 * @argc: How many.
 * @at: The next one.
 * @given: Which words of the table were seen, by position.
 * @kpc_id: Text of the KpcId, read once its format is known.
 * @id: Texts of IdA and IdB, read once their kinds are known.
 * @kind: Kinds as given, -1: not given.
 * @sp_id: Service provider of SP-relative identities.
 * @any_uid: allow-uid any.
 * @err: Where the refusal goes.
 */
struct parse {
	struct kpc_association *to;
	char **argv;
	int argc;
	int at;
	uint32_t given;
	const char *kpc_id;
	const char *id[2];
	int kind[2];
	const char *sp_id;
	bool any_uid;
	struct kpc_error *err;
};

/**
 * struct word - One word of the grammar
 * @name: As it is written.
 * @wants: What follows it, for a sentence.
 * @take: Reads @value, or what is left in @parse.
 * @offset: Of the member, for the takers that need one.
 * @names: Names of an enumeration, for take_name().
 * @bare: No value is taken beforehand.
 * @repeats: May be given more than once.
 */
struct word {
	const char *name;
	const char *wants;
	int (*take)(struct parse *parse, const struct word *word,
		    const char *value);
	size_t offset;
	const struct kpci_names *names;
	bool bare;
	bool repeats;
};

static void *member(struct parse *parse, const struct word *word)
{
	return (uint8_t *)parse->to + word->offset;
}

static int take_name(struct parse *parse, const struct word *word,
		     const char *value)
{
	int found = kpci_name_find(word->names, value);

	if (found < 0)
		return kpc_error_return(parse->err, -EINVAL,
					"%s \"%s\" is not known; %s is accepted",
					word->name, value, word->names->list);
	*(uint32_t *)member(parse, word) = found;
	return 0;
}

static int take_answer(struct parse *parse, const struct word *word,
		       const char *value)
{
	int found = kpci_name_find(&kpci_answer_names, value);

	if (found < 0)
		return kpc_error_return(parse->err, -EINVAL,
					"%s \"%s\" is not known; yes or no is accepted",
					word->name, value);
	*(bool *)member(parse, word) = found;
	return 0;
}

static int take_text(struct parse *parse, const struct word *word,
		     const char *value)
{
	if (!*value)
		return kpc_error_return(parse->err, -EINVAL,
					"%s is empty; %s is accepted",
					word->name, word->wants);
	if (strlen(value) > KPC_AGENT_TEXT_MAX)
		return kpc_error_return(parse->err, -EINVAL,
					"%s has %zu octets; at most %d are accepted",
					word->name, strlen(value),
					KPC_AGENT_TEXT_MAX);
	strcpy(member(parse, word), value);
	return 0;
}

static int take_peer(struct parse *parse, const struct word *word,
		     const char *value)
{
	uint8_t address[16];
	uint16_t family;
	char host[256];
	uint16_t port;

	if (kpc_address_split(value, host, &port, parse->err))
		return -EINVAL;
	if (!kpci_literal_read(host, &family, address) &&
	    !kpci_hostname_valid(host, strlen(host)))
		return kpc_error_return(parse->err, -EINVAL,
					"peer \"%s\" is neither an address nor a host name of letters, digits and inner hyphens",
					value);
	return take_text(parse, word, value);
}

static int take_listen(struct parse *parse, const struct word *word,
		       const char *value)
{
	uint8_t address[16];
	uint16_t family;
	char host[256];
	uint16_t port;

	if (kpc_address_split(value, host, &port, parse->err))
		return -EINVAL;
	if (strcmp(host, "*") && !kpci_literal_read(host, &family, address))
		return kpc_error_return(parse->err, -EINVAL,
					"listen \"%s\" holds no address; 192.0.2.1:8883, [2001:db8::1]:8883 or *:8883 is accepted",
					value);
	return take_text(parse, word, value);
}

static int take_authority(struct parse *parse, const struct word *word,
			  const char *value)
{
	if (!kpci_hostname_valid(value, strlen(value)))
		return kpc_error_return(parse->err, -EINVAL,
					"authority \"%s\" is not a host name of letters, digits and inner hyphens",
					value);
	return take_text(parse, word, value);
}

static int take_kpc_id(struct parse *parse, const struct word *word,
		       const char *value)
{
	parse->kpc_id = value;
	return 0;
}

/* The last letter of id-a, kind-a and so on tells which entity is meant. */
static int entity(const struct word *word)
{
	return word->name[strlen(word->name) - 1] - 'a';
}

static int take_id(struct parse *parse, const struct word *word,
		   const char *value)
{
	parse->id[entity(word)] = value;
	return 0;
}

static int take_kind(struct parse *parse, const struct word *word,
		     const char *value)
{
	int found = kpci_name_find(&kpci_kind_names, value);

	if (found < 0)
		return kpc_error_return(parse->err, -EINVAL,
					"%s \"%s\" is not known; %s is accepted",
					word->name, value,
					kpci_kind_names.list);
	parse->kind[entity(word)] = found;
	return 0;
}

static int take_sp_id(struct parse *parse, const struct word *word,
		      const char *value)
{
	parse->sp_id = value;
	return 0;
}

static int take_mark(struct parse *parse, const struct word *word,
		     const char *value)
{
	uint64_t mark;

	if (kpci_value_number(word->name, value, UINT32_MAX, &mark,
			      parse->err))
		return -EINVAL;
	if (!mark)
		return kpc_error_return(parse->err, -EINVAL,
					"mark 0 is every unmarked socket's; leave mark out to have one chosen");
	parse->to->mark = mark;
	return 0;
}

/* Calls @take for each part between commas. */
static int take_list(struct parse *parse, const struct word *word,
		     const char *value,
		     int (*take)(struct parse *parse, const struct word *word,
				 const char *part))
{
	char *copy = strdup(value);
	char *rest = copy;
	char *part;
	int ret = 0;

	if (!copy)
		return kpc_error_return(parse->err, -ENOMEM, "out of memory");
	while (!ret && (part = strsep(&rest, ","))) {
		if (*part)
			ret = take(parse, word, part);
		else
			ret = kpc_error_return(parse->err, -EINVAL,
					       "%s \"%s\" has an empty part; %s is accepted",
					       word->name, value, word->wants);
	}
	free(copy);
	return ret;
}

static int take_version(struct parse *parse, const struct word *word,
			const char *part)
{
	int found = kpci_name_find(&kpci_version_names, part);

	if (found < 0)
		return kpc_error_return(parse->err, -EINVAL,
					"versions \"%s\" is not known; %s, with commas between, is accepted",
					part, kpci_version_names.list);
	parse->to->versions |= 1U << found;
	return 0;
}

static int take_versions(struct parse *parse, const struct word *word,
			 const char *value)
{
	parse->to->versions = 0;
	return take_list(parse, word, value, take_version);
}

static int take_suite(struct parse *parse, const struct word *word,
		      const char *part)
{
	const struct kpc_suite *suite = kpc_suite_by_name(part);
	struct kpc_association *to = parse->to;
	size_t i;

	if (!suite)
		return kpc_error_return(parse->err, -EINVAL,
					"suites \"%s\" is not a suite of kpc; names as in `kpc version suites`, with commas between, are accepted",
					part);
	for (i = 0; i < to->suite_count; i++)
		if (to->suites[i] == suite->code)
			return kpc_error_return(parse->err, -EINVAL,
						"suites has \"%s\" twice",
						part);
	if (to->suite_count == KPC_SUITES_MAX)
		return kpc_error_return(parse->err, -EINVAL,
					"suites has more than %d entries",
					KPC_SUITES_MAX);
	to->suites[to->suite_count++] = suite->code;
	return 0;
}

static int take_suites(struct parse *parse, const struct word *word,
		       const char *value)
{
	return take_list(parse, word, value, take_suite);
}

static int take_uid(struct parse *parse, const struct word *word,
		    const char *part)
{
	struct kpc_agent *agent = &parse->to->agent;

	if (agent->allow_uid_count == KPC_ALLOW_UIDS_MAX)
		return kpc_error_return(parse->err, -EINVAL,
					"allow-uid has more than %d users",
					KPC_ALLOW_UIDS_MAX);
	return kpci_value_user(word->name, part,
			       &agent->allow_uids[agent->allow_uid_count++],
			       parse->err);
}

static int take_allow_uid(struct parse *parse, const struct word *word,
			  const char *value)
{
	if (strcmp(value, "any"))
		return take_list(parse, word, value, take_uid);
	parse->any_uid = true;
	return 0;
}

static int take_owner(struct parse *parse, const struct word *word,
		      const char *value)
{
	parse->to->agent.has_owner = true;
	return kpci_value_user(word->name, value, &parse->to->agent.owner,
			       parse->err);
}

static int take_mode(struct parse *parse, const struct word *word,
		     const char *value)
{
	unsigned long mode;
	char *end;

	mode = strtoul(value, &end, 8);
	if (*value < '0' || *value > '7' || *end || mode > 0777)
		return kpc_error_return(parse->err, -EINVAL,
					"mode \"%s\" is not a file mode; octal 0 to 0777 is accepted",
					value);
	parse->to->agent.mode = mode;
	return 0;
}

static const char *next(struct parse *parse)
{
	return parse->at < parse->argc ? parse->argv[parse->at] : NULL;
}

static int take_selector(struct parse *parse, const struct word *word,
			 const char *value)
{
	struct kpc_selector selector;
	int taken;

	taken = kpc_selector_parse(&selector, parse->argc - parse->at,
				   parse->argv + parse->at, parse->err);
	if (taken < 0)
		return taken;
	parse->at += taken;
	if (kpc_association_selector_add(parse->to, &selector))
		return kpc_error_return(parse->err, -EINVAL,
					"more than %d selectors",
					KPC_SELECTORS_MAX);
	return 0;
}

/* Which reader a limit has. */
enum limit_form {
	LIMIT_TIME,
	LIMIT_SECONDS,
	LIMIT_OCTETS,
	LIMIT_OCTETS32,
	LIMIT_COUNT,
};

static const struct limit_word {
	const char *name;
	enum limit_form form;
	size_t offset;
} limit_words[] = {
	{ "not-before", LIMIT_TIME, offsetof(struct kpc_limit, not_before) },
	{ "not-after", LIMIT_TIME, offsetof(struct kpc_limit, not_after) },
	{ "lifetime", LIMIT_SECONDS, offsetof(struct kpc_limit, lifetime) },
	{ "idle", LIMIT_SECONDS, offsetof(struct kpc_limit, idle) },
	{ "octets", LIMIT_OCTETS, offsetof(struct kpc_limit, octets) },
	{ "bindings", LIMIT_COUNT, offsetof(struct kpc_limit, bindings) },
	{ "handshake-octets", LIMIT_OCTETS32,
	  offsetof(struct kpc_limit, handshake_octets) },
	{ "handshake-time", LIMIT_SECONDS,
	  offsetof(struct kpc_limit, handshake_seconds) },
};

static int take_limit_value(struct parse *parse, const struct limit_word *limit,
			    const char *value)
{
	uint8_t *to = (uint8_t *)&parse->to->limit + limit->offset;
	uint64_t number = 0;
	int ret;

	switch (limit->form) {
	case LIMIT_TIME:
		return kpci_value_time(limit->name, value, (int64_t *)to,
				       parse->err);
	case LIMIT_SECONDS:
		ret = kpci_value_duration(limit->name, value, (uint32_t *)to,
					  parse->err);
		number = *(uint32_t *)to;
		break;
	case LIMIT_OCTETS:
		ret = kpci_value_octets(limit->name, value, (uint64_t *)to,
					parse->err);
		number = *(uint64_t *)to;
		break;
	case LIMIT_OCTETS32:
		ret = kpci_value_octets(limit->name, value, &number,
					parse->err);
		if (!ret && number > UINT32_MAX)
			return kpc_error_return(parse->err, -EINVAL,
						"%s %s is too large; less than 4G is accepted",
						limit->name, value);
		*(uint32_t *)to = number;
		break;
	default:
		ret = kpci_value_number(limit->name, value, UINT32_MAX,
					&number, parse->err);
		*(uint32_t *)to = number;
	}
	if (!ret && !number)
		return kpc_error_return(parse->err, -EINVAL,
					"%s 0 would let nothing pass; leave it out for no limit",
					limit->name);
	return ret;
}

static int take_limit(struct parse *parse, const struct word *word,
		      const char *value)
{
	const struct limit_word *limit;
	unsigned int count = 0;
	int ret;

	while (next(parse)) {
		for (limit = limit_words;
		     limit < limit_words + ARRAY_SIZE(limit_words); limit++)
			if (!strcmp(limit->name, next(parse)))
				break;
		if (limit == limit_words + ARRAY_SIZE(limit_words))
			break;
		parse->at++;
		if (!next(parse))
			return kpc_error_return(parse->err, -EINVAL,
						"limit %s has no value after it",
						limit->name);
		ret = take_limit_value(parse, limit, next(parse));
		if (ret)
			return ret;
		parse->at++;
		count++;
	}
	if (count)
		return 0;
	if (next(parse))
		return kpc_error_return(parse->err, -EINVAL,
					"limit \"%s\" is not known; %s is accepted",
					next(parse), word->wants);
	return kpc_error_return(parse->err, -EINVAL,
				"limit has nothing after it; %s is accepted",
				word->wants);
}

#define NAME(text, wanted, path, list) \
	{ .name = text, .wants = wanted, .take = take_name, \
	  .offset = offsetof(struct kpc_association, path), .names = &list }
#define TEXT(text, wanted, taker, path) \
	{ .name = text, .wants = wanted, .take = taker, \
	  .offset = offsetof(struct kpc_association, path) }
#define WORD(text, wanted, taker) \
	{ .name = text, .wants = wanted, .take = taker }

static const struct word words[] = {
	NAME("role", "a or b", role, kpci_role_names),
	WORD("kpc-id", "RELATIVE@FQDN", take_kpc_id),
	NAME("format", "strict or any", agent.format, kpci_format_names),
	WORD("id-a", "an identity", take_id),
	WORD("kind-a", "cse or ae", take_kind),
	WORD("id-b", "an identity", take_id),
	WORD("kind-b", "cse or ae", take_kind),
	WORD("sp-id", "the service provider's FQDN", take_sp_id),
	WORD("mark", "a number", take_mark),
	WORD("versions", "tls1.2,tls1.3", take_versions),
	WORD("suites", "NAME,NAME", take_suites),
	NAME("profile", "modern or onem2m", agent.profile,
	     kpci_profile_names),
	NAME("offload", "require, prefer or off", offload,
	     kpci_offload_names),
	TEXT("peer", "HOST:PORT", take_peer, agent.peer),
	TEXT("listen", "ADDRESS:PORT", take_listen, agent.listen),
	TEXT("plain", "unix:/PATH or tcp:ADDRESS:PORT", take_text,
	     agent.plain),
	WORD("owner", "a user", take_owner),
	WORD("mode", "an octal mode", take_mode),
	WORD("allow-uid", "USER,USER or any", take_allow_uid),
	TEXT("authority", "a host name", take_authority, agent.authority),
	NAME("start", "manual, demand or auto", agent.start,
	     kpci_start_names),
	TEXT("weak-key", "yes or no", take_answer, agent.weak_key),
	TEXT("proxy", "yes or no", take_answer, agent.proxy),
	{ .name = "selector",
	  .wants = "[tcp|udp] [local ADDRESS:PORT] [remote ADDRESS:PORT]",
	  .take = take_selector, .bare = true, .repeats = true },
	{ .name = "limit",
	  .wants = "lifetime, idle, octets, bindings, not-before, not-after, handshake-octets or handshake-time",
	  .take = take_limit, .bare = true, .repeats = true },
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

static const struct word *word_find(const char *text)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(words[i].name, text))
			return &words[i];
	return NULL;
}

static bool given(const struct parse *parse, const char *name)
{
	return parse->given & 1U << (word_find(name) - words);
}

static int take_word(struct parse *parse)
{
	const char *text = parse->argv[parse->at++];
	const struct word *word = word_find(text);
	const char *value = NULL;

	if (!word)
		return unknown_word(text, parse->err);
	if (given(parse, text) && !word->repeats)
		return kpc_error_return(parse->err, -EINVAL,
					"%s is given twice", text);
	parse->given |= 1U << (word - words);
	if (!word->bare) {
		value = next(parse);
		if (!value)
			return kpc_error_return(parse->err, -EINVAL,
						"%s has nothing after it; %s is accepted",
						text, word->wants);
		parse->at++;
	}
	return word->take(parse, word, value);
}

static int take_association_name(struct parse *parse)
{
	const char *name = next(parse);
	size_t length;

	if (!name)
		return kpc_error_return(parse->err, -EINVAL,
					"NAME is missing: association add NAME role a|b kpc-id KPCID id-a ID id-b ID ...");
	length = strspn(name, "abcdefghijklmnopqrstuvwxyz"
			"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
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
static int find_kind(struct parse *parse, int which, const char *text)
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

static int read_identity(struct parse *parse, int which,
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

static int derive(struct parse *parse)
{
	struct kpc_association *to = parse->to;
	struct kpc_selector derived[2];
	size_t count = kpci_association_derive(to, derived);
	size_t i;
	size_t j;

	for (i = 0; i < count; i++) {
		for (j = 0; j < to->selector_count; j++)
			if (kpci_selector_covers(&to->selectors[j],
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

/* A plain TCP leg is open to every local user unless it is told who may. */
static int check_allow_uid(const struct parse *parse)
{
	const struct kpc_agent *agent = &parse->to->agent;
	bool tcp = !strncmp(agent->plain, "tcp:", 4);
	uint8_t address[16];
	uint16_t family;
	char host[256];
	uint16_t port;

	if (!tcp) {
		if (parse->any_uid)
			return kpc_error_return(parse->err, -EINVAL,
						"allow-uid is for plain tcp:ADDRESS:PORT; plain unix: takes owner and mode");
		return 0;
	}
	if (kpc_address_split(agent->plain + 4, host, &port, NULL) ||
	    !kpci_literal_read(host, &family, address))
		return 0;
	if (kpci_literal_loopback(family, address)) {
		if (agent->allow_uid_count || parse->any_uid)
			return 0;
		return kpc_error_return(parse->err, -EINVAL,
					"plain %s needs allow-uid: which local users may be at its other end, or any",
					agent->plain);
	}
	if (agent->allow_uid_count)
		return kpc_error_return(parse->err, -EINVAL,
					"allow-uid cannot be told at plain %s, where other machines are; a loopback address or allow-uid any is accepted",
					agent->plain);
	if (parse->to->role == KPC_ROLE_A && !parse->any_uid)
		return kpc_error_return(parse->err, -EINVAL,
					"plain %s lets other machines in unencrypted; allow-uid any says that this is meant",
					agent->plain);
	return 0;
}

static int finish(struct parse *parse, const struct kpc_identity *own)
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
			   struct kpc_error *err)
{
	struct parse parse = {
		.to = association,
		.argv = argv,
		.argc = argc,
		.kind = { -1, -1 },
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
	return kpci_association_parse(association, argc, argv, NULL, err);
}
