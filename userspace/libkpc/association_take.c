// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Takes the values of an association's words, one by one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <kpc/suite.h>

#include "association_parse.h"
#include "internal.h"

static void *member(struct kpci_parse *parse, const struct kpci_word *word)
{
	return (uint8_t *)parse->to + word->offset;
}

int kpci_take_name(struct kpci_parse *parse, const struct kpci_word *word,
		   const char *value)
{
	int found = kpci_value_name(word->name, value, word->names, parse->err);

	if (found < 0)
		return found;
	*(uint32_t *)member(parse, word) = found;
	return 0;
}

int kpci_take_answer(struct kpci_parse *parse, const struct kpci_word *word,
		     const char *value)
{
	int found = kpci_value_name(word->name, value, &kpci_answer_names,
				    parse->err);

	if (found < 0)
		return found;
	*(bool *)member(parse, word) = found;
	return 0;
}

static bool has_control(const char *text)
{
	while ((unsigned char)*text >= ' ' && *text != 0x7f)
		text++;
	return *text;
}

static int check_text(const struct kpci_parse *parse,
		      const struct kpci_word *word, const char *value, int most)
{
	if (!*value)
		return kpc_error_return(parse->err, -EINVAL,
					"%s is empty; %s is accepted",
					word->name, word->wants);
	/* A line of the table cannot hold a line feed, nor a terminal the rest. */
	if (has_control(value))
		return kpc_error_return(parse->err, -EINVAL,
					"%s \"%s\" has a control character; %s is accepted",
					word->name, value, word->wants);
	if (strlen(value) > (size_t)most)
		return kpc_error_return(parse->err, -EINVAL,
					"%s has %zu octets; at most %d are accepted",
					word->name, strlen(value), most);
	return 0;
}

int kpci_take_text(struct kpci_parse *parse, const struct kpci_word *word,
		   const char *value)
{
	int ret = check_text(parse, word, value, KPC_AGENT_TEXT_MAX);

	if (!ret)
		strcpy(member(parse, word), value);
	return ret;
}

/* A mistyped address, which a resolver would make another one of. */
static int refuse_numeric(struct kpci_parse *parse, const struct kpci_word *word,
			  const char *value)
{
	return kpc_error_return(parse->err, -EINVAL,
				"%s \"%s\" ends in a number as an address does and is none; a host name whose last label is no number is accepted",
				word->name, value);
}

int kpci_take_peer(struct kpci_parse *parse, const struct kpci_word *word,
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
	if (!kpci_literal_read(host, &family, address) &&
	    kpci_hostname_numeric(host))
		return refuse_numeric(parse, word, value);
	return kpci_take_text(parse, word, value);
}

int kpci_take_listen(struct kpci_parse *parse, const struct kpci_word *word,
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
	return kpci_take_text(parse, word, value);
}

int kpci_take_authority(struct kpci_parse *parse, const struct kpci_word *word,
			const char *value)
{
	uint8_t address[16];
	uint16_t family;

	if (!kpci_hostname_valid(value, strlen(value)))
		return kpc_error_return(parse->err, -EINVAL,
					"authority \"%s\" is not a host name of letters, digits and inner hyphens",
					value);
	if (kpci_literal_read(value, &family, address))
		return kpc_error_return(parse->err, -EINVAL,
					"authority \"%s\" is an address, which TLS has no server names for; a host name is accepted",
					value);
	if (kpci_hostname_numeric(value))
		return refuse_numeric(parse, word, value);
	return kpci_take_text(parse, word, value);
}

int kpci_take_kpc_id(struct kpci_parse *parse, const struct kpci_word *word,
		     const char *value)
{
	parse->kpc_id = value;
	return 0;
}

/* The last letter of id-a, kind-a and so on tells which entity is meant. */
static int entity(const struct kpci_word *word)
{
	return word->name[strlen(word->name) - 1] - 'a';
}

int kpci_take_id(struct kpci_parse *parse, const struct kpci_word *word,
		 const char *value)
{
	parse->id[entity(word)] = value;
	return 0;
}

int kpci_take_kind(struct kpci_parse *parse, const struct kpci_word *word,
		   const char *value)
{
	int found = kpci_value_name(word->name, value, &kpci_kind_names,
				    parse->err);

	if (found < 0)
		return found;
	parse->kind[entity(word)] = found;
	return 0;
}

int kpci_take_sp_id(struct kpci_parse *parse, const struct kpci_word *word,
		    const char *value)
{
	parse->sp_id = value;
	return 0;
}

int kpci_take_mark(struct kpci_parse *parse, const struct kpci_word *word,
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
static int take_list(struct kpci_parse *parse, const struct kpci_word *word,
		     const char *value,
		     int (*take)(struct kpci_parse *parse, const struct kpci_word *word,
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

static int take_version(struct kpci_parse *parse, const struct kpci_word *word,
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

int kpci_take_versions(struct kpci_parse *parse, const struct kpci_word *word,
		       const char *value)
{
	parse->to->versions = 0;
	return take_list(parse, word, value, take_version);
}

static int take_suite(struct kpci_parse *parse, const struct kpci_word *word,
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

int kpci_take_suites(struct kpci_parse *parse, const struct kpci_word *word,
		     const char *value)
{
	return take_list(parse, word, value, take_suite);
}

static int take_uid(struct kpci_parse *parse, const struct kpci_word *word,
		    const char *part)
{
	struct kpc_agent *agent = &parse->to->agent;

	if (agent->allow_uid_count == KPC_ALLOW_UIDS_MAX)
		return kpc_error_return(parse->err, -EINVAL,
					"allow-uid has more than %d users",
					KPC_ALLOW_UIDS_MAX);
	return kpci_value_user(word->name, part, parse->late_users,
			       &agent->allow_uids[agent->allow_uid_count++],
			       parse->err);
}

int kpci_take_allow_uid(struct kpci_parse *parse, const struct kpci_word *word,
			const char *value)
{
	if (strcmp(value, "any"))
		return take_list(parse, word, value, take_uid);
	parse->to->agent.allow_any = true;
	return 0;
}

int kpci_take_owner(struct kpci_parse *parse, const struct kpci_word *word,
		    const char *value)
{
	parse->to->agent.has_owner = true;
	return kpci_value_user(word->name, value, parse->late_users,
			       &parse->to->agent.owner, parse->err);
}

int kpci_take_holder_uid(struct kpci_parse *parse, const struct kpci_word *word,
			 const char *value)
{
	parse->to->has_holder_uid = true;
	return kpci_value_user(word->name, value, parse->late_users,
			       &parse->to->holder_uid, parse->err);
}

int kpci_take_holder_cgroup(struct kpci_parse *parse,
			    const struct kpci_word *word, const char *value)
{
	int ret = check_text(parse, word, value, KPC_CGROUP_MAX);

	if (!ret)
		strcpy(parse->to->holder_cgroup, value);
	return ret;
}

int kpci_take_mode(struct kpci_parse *parse, const struct kpci_word *word,
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

int kpci_take_rekey_after(struct kpci_parse *parse,
			  const struct kpci_word *word, const char *value)
{
	uint32_t *to = &parse->to->agent.rekey_after;
	int ret = kpci_value_duration(word->name, value, to, parse->err);

	if (!ret && !*to)
		return kpc_error_return(parse->err, -EINVAL,
					"rekey-after 0 would do nothing else; leave it out to change keys by records alone");
	return ret;
}

const char *kpci_next(struct kpci_parse *parse)
{
	return parse->at < parse->argc ? parse->argv[parse->at] : NULL;
}

int kpci_take_selector(struct kpci_parse *parse, const struct kpci_word *word,
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
	{ "records", LIMIT_COUNT, offsetof(struct kpc_limit, records) },
	{ "bindings", LIMIT_COUNT, offsetof(struct kpc_limit, bindings) },
	{ "handshake-octets", LIMIT_OCTETS32,
	  offsetof(struct kpc_limit, handshake_octets) },
	{ "handshake-time", LIMIT_SECONDS,
	  offsetof(struct kpc_limit, handshake_seconds) },
};

static int take_limit_value(struct kpci_parse *parse, const struct limit_word *limit,
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

int kpci_take_limit(struct kpci_parse *parse, const struct kpci_word *word,
		    const char *value)
{
	const struct limit_word *limit;
	unsigned int count = 0;
	int ret;

	while (kpci_next(parse)) {
		for (limit = limit_words;
		     limit < limit_words + ARRAY_SIZE(limit_words); limit++)
			if (!strcmp(limit->name, kpci_next(parse)))
				break;
		if (limit == limit_words + ARRAY_SIZE(limit_words))
			break;
		parse->at++;
		if (!kpci_next(parse))
			return kpc_error_return(parse->err, -EINVAL,
						"limit %s has no value after it",
						limit->name);
		ret = take_limit_value(parse, limit, kpci_next(parse));
		if (ret)
			return ret;
		parse->at++;
		count++;
	}
	if (count)
		return 0;
	if (kpci_next(parse))
		return kpc_error_return(parse->err, -EINVAL,
					"limit \"%s\" is not known; %s is accepted",
					kpci_next(parse), word->wants);
	return kpc_error_return(parse->err, -EINVAL,
				"limit has nothing after it; %s is accepted",
				word->wants);
}
