// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The message that goes with a socket that is handed over: lines of a word and
 * its value, the first of which says what it is and of which version.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <kpc/app.h>
#include <kpc/association.h>
#include <kpc/suite.h>

#include "association_internal.h"

#define HEAD		"kpc-hand-over"

static const char *const socket_list[] = {
	[KPC_APP_TLS]	= "tls",
	[KPC_APP_PAIR]	= "pair",
};

static const struct kpci_names socket_names = {
	socket_list, sizeof(socket_list) / sizeof(*socket_list), "tls or pair",
};

/* What a message of a socket must have. */
enum word_flag {
	HAS_SOCKET	= 1 << 0,
	HAS_ASSOCIATION	= 1 << 1,
	HAS_KPC_ID	= 1 << 2,
	HAS_ID_A	= 1 << 3,
	HAS_ID_B	= 1 << 4,
	HAS_ROLE	= 1 << 5,
	HAS_VERSION	= 1 << 6,
	HAS_SUITE	= 1 << 7,
	HAS_ALL		= (1 << 8) - 1,
	HAS_MARK	= 1 << 8,
	HAS_PEER	= 1 << 9,
	HAS_BINDING	= 1 << 10,
	HAS_RECORDS	= 1 << 11,
};

/**
 * struct reading - a message that is being read
 * @socket: what is handed over
 * @identity: whose
 * @has: enum word_flag, seen so far
 * @err: the sentence of a refusal
 */
struct reading {
	enum kpc_app_socket socket;
	struct kpc_binding *identity;
	unsigned int has;
	struct kpc_error *err;
};

struct writing {
	char *at;
	size_t left;
};

__attribute__((format(printf, 2, 3)))
static void put(struct writing *to, const char *format, ...)
{
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(to->at, to->left, format, args);
	va_end(args);
	to->at += length;
	to->left -= length;
}

/* In the order of kpci_version_names; DTLS is not handed over. */
static const uint16_t versions[] = { KPC_VERSION_TLS12, KPC_VERSION_TLS13 };

#define VERSIONS	((int)(sizeof(versions) / sizeof(*versions)))

static int version_find(uint16_t version)
{
	int i;

	for (i = 0; i < VERSIONS; i++)
		if (versions[i] == version)
			return i;
	return -1;
}

static void put_peer(struct writing *to, const struct kpc_address *peer)
{
	char text[INET6_ADDRSTRLEN];

	if (!inet_ntop(peer->family, peer->octets, text, sizeof(text)))
		return;
	put(to, peer->family == AF_INET6 ? "peer [%s]:%u\n" : "peer %s:%u\n", text,
	    peer->port);
}

/*
 * All of it fits: a KpcId of 128 octets, two identities of 255, and short words.
 */
ssize_t kpc_app_message_format(char *message, enum kpc_app_socket socket,
			       const struct kpc_binding *identity)
{
	const struct kpc_suite *suite = kpc_suite_by_code(identity->suite);
	int version = version_find(identity->version);
	struct writing to = { message, KPC_APP_MESSAGE_MAX };
	char kpc_id[KPC_KPCID_TEXT_MAX];

	if (!suite || version < 0 || !identity->kpc_id.len ||
	    identity->kpc_id.len > KPC_KPCID_ENTRY_MAX || !*identity->association ||
	    !*identity->id_a || !*identity->id_b)
		return -EINVAL;
	put(&to, HEAD " %u\nsocket %s\nassociation %s\nkpc-id %s\nid-a %s\nid-b %s\nrole %s\n",
	    KPC_APP_VERSION, socket_list[socket], identity->association,
	    kpc_kpcid_text(&identity->kpc_id, kpc_id), identity->id_a, identity->id_b,
	    identity->role == KPC_ROLE_A ? "a" : "b");
	put(&to, "version %s\nsuite %s\n", kpci_version_names.names[version], suite->name);
	if (identity->mark)
		put(&to, "mark 0x%" PRIx32 "\n", identity->mark);
	put_peer(&to, &identity->remote);
	if (identity->id)
		put(&to, "binding %" PRIu64 "\n", identity->id);
	if (identity->records)
		put(&to, "records %" PRIu32 "\n", identity->records);
	return to.at - message;
}

size_t kpc_app_message_refuse(char *message, const char *text)
{
	struct writing to = { message, KPC_APP_MESSAGE_MAX };
	char escaped[KPC_ERROR_TEXT_MAX];

	put(&to, HEAD " %u\nerror %s\n", KPC_APP_VERSION,
	    kpc_escape(escaped, sizeof(escaped), text, strlen(text), ""));
	return to.at - message;
}

static int bad_value(struct reading *in, const char *word, const char *value)
{
	return kpc_error_return(in->err, -EPROTO, "the agent's message has %s \"%.100s\"", word,
				value);
}

static int take_socket(struct reading *in, const char *word, const char *value)
{
	int found = kpci_name_find(&socket_names, value);

	if (found < 0)
		return bad_value(in, word, value);
	in->socket = found;
	return 0;
}

static int take_role(struct reading *in, const char *word, const char *value)
{
	int found = kpci_name_find(&kpci_role_names, value);

	if (found < 0)
		return bad_value(in, word, value);
	in->identity->role = found;
	return 0;
}

static int take_text(struct reading *in, const char *word, const char *value, char *to,
		     size_t most)
{
	if (strlen(value) > most)
		return bad_value(in, word, value);
	strcpy(to, value);
	return 0;
}

static int take_association(struct reading *in, const char *word, const char *value)
{
	return take_text(in, word, value, in->identity->association, KPC_NAME_MAX);
}

static int take_id_a(struct reading *in, const char *word, const char *value)
{
	return take_text(in, word, value, in->identity->id_a, KPC_IDENTITY_MAX);
}

static int take_id_b(struct reading *in, const char *word, const char *value)
{
	return take_text(in, word, value, in->identity->id_b, KPC_IDENTITY_MAX);
}

static int take_kpc_id(struct reading *in, const char *word, const char *value)
{
	if (kpc_kpcid_parse(&in->identity->kpc_id, value, KPC_ID_FORMAT_ANY, NULL))
		return bad_value(in, word, value);
	return 0;
}

static int take_version(struct reading *in, const char *word, const char *value)
{
	int found = kpci_name_find(&kpci_version_names, value);

	if (found < 0 || found >= VERSIONS)
		return bad_value(in, word, value);
	in->identity->version = versions[found];
	return 0;
}

static int take_suite(struct reading *in, const char *word, const char *value)
{
	const struct kpc_suite *suite = kpc_suite_by_name(value);

	if (!suite)
		return bad_value(in, word, value);
	in->identity->suite = suite->code;
	return 0;
}

/* Above 0, as what is 0 is left out. */
static int take_number(struct reading *in, const char *word, const char *value, uint64_t most,
		       uint64_t *number)
{
	if (kpci_value_number(word, value, most, number, NULL) || !*number)
		return bad_value(in, word, value);
	return 0;
}

static int take_mark(struct reading *in, const char *word, const char *value)
{
	uint64_t number;
	int ret = take_number(in, word, value, UINT32_MAX, &number);

	in->identity->mark = ret ? 0 : number;
	return ret;
}

static int take_binding(struct reading *in, const char *word, const char *value)
{
	return take_number(in, word, value, UINT64_MAX, &in->identity->id);
}

static int take_records(struct reading *in, const char *word, const char *value)
{
	uint64_t number;
	int ret = take_number(in, word, value, UINT32_MAX, &number);

	in->identity->records = ret ? 0 : number;
	return ret;
}

static int take_peer(struct reading *in, const char *word, const char *value)
{
	struct kpc_address *peer = &in->identity->remote;
	char host[256];

	if (kpc_address_split(value, host, &peer->port, NULL) ||
	    !kpci_literal_read(host, &peer->family, peer->octets))
		return bad_value(in, word, value);
	return 0;
}

static const struct {
	const char *word;
	unsigned int flag;
	int (*take)(struct reading *in, const char *word, const char *value);
} words[] = {
	{ "socket",	 HAS_SOCKET,	  take_socket },
	{ "association", HAS_ASSOCIATION, take_association },
	{ "kpc-id",	 HAS_KPC_ID,	  take_kpc_id },
	{ "id-a",	 HAS_ID_A,	  take_id_a },
	{ "id-b",	 HAS_ID_B,	  take_id_b },
	{ "role",	 HAS_ROLE,	  take_role },
	{ "version",	 HAS_VERSION,	  take_version },
	{ "suite",	 HAS_SUITE,	  take_suite },
	{ "mark",	 HAS_MARK,	  take_mark },
	{ "peer",	 HAS_PEER,	  take_peer },
	{ "binding",	 HAS_BINDING,	  take_binding },
	{ "records",	 HAS_RECORDS,	  take_records },
};

#define WORDS	(sizeof(words) / sizeof(*words))

static int take_line(struct reading *in, char *line)
{
	char *value = strchr(line, ' ');
	size_t i;

	if (!value || value == line || !value[1])
		return kpc_error_return(in->err, -EPROTO,
					"the agent's message has the line \"%.100s\", which is no word and its value",
					line);
	*value++ = '\0';
	if (!strcmp(line, "error") && !in->has)
		return kpc_error_return(in->err, -ECONNREFUSED, "%s", value);
	for (i = 0; i < WORDS; i++)
		if (!strcmp(words[i].word, line))
			break;
	/* Of a later minor change: whoever needs it has a later library. */
	if (i == WORDS)
		return 0;
	if (in->has & words[i].flag)
		return kpc_error_return(in->err, -EPROTO, "the agent's message has %s twice", line);
	in->has |= words[i].flag;
	return words[i].take(in, line, value);
}

static int take_head(const char *line, struct kpc_error *err)
{
	size_t length = strlen(HEAD " ");
	uint64_t version;

	if (strncmp(line, HEAD " ", length) ||
	    kpci_value_number(HEAD, line + length, UINT32_MAX, &version, NULL))
		return kpc_error_return(err, -EPROTO,
					"what came is no message of the agent; it begins with \""
					HEAD " %d\"", KPC_APP_VERSION);
	if (version != KPC_APP_VERSION)
		return kpc_error_return(err, -EPROTONOSUPPORT,
					"the agent's message is of version %s; %d is accepted",
					line + length, KPC_APP_VERSION);
	return 0;
}

static int take_all(struct reading *in, char *text)
{
	char *line = strsep(&text, "\n");
	int ret = take_head(line, in->err);
	size_t i;

	/* Behind the last line feed there is nothing. */
	while (!ret && (line = strsep(&text, "\n")) && text)
		ret = take_line(in, line);
	if (ret)
		return ret;
	for (i = 0; i < WORDS; i++)
		if (words[i].flag & HAS_ALL && !(in->has & words[i].flag))
			return kpc_error_return(in->err, -EPROTO,
						"the agent's message has no %s", words[i].word);
	return 0;
}

int kpc_app_message_parse(const void *message, size_t length, enum kpc_app_socket *socket,
			  struct kpc_binding *identity, struct kpc_error *err)
{
	struct reading in = { .identity = identity, .err = err };
	char text[KPC_APP_MESSAGE_MAX + 1];
	size_t i;
	int ret;

	memset(identity, 0, sizeof(*identity));
	if (!length || length > KPC_APP_MESSAGE_MAX)
		return kpc_error_return(err, -EPROTO,
					"the agent's message has %zu octets; 1 to %d are accepted",
					length, KPC_APP_MESSAGE_MAX);
	memcpy(text, message, length);
	text[length] = '\0';
	for (i = 0; i < length; i++)
		if (text[i] != '\n' && (text[i] < ' ' || text[i] > '~'))
			break;
	if (i < length)
		return kpc_error_return(err, -EPROTO,
					"the agent's message has octet 0x%02x at %zu, which is no text",
					(unsigned char)text[i], i);
	if (text[length - 1] != '\n')
		return kpc_error_return(err, -EPROTO,
					"the agent's message does not end at the end of a line");
	ret = take_all(&in, text);
	*socket = in.socket;
	return ret;
}
