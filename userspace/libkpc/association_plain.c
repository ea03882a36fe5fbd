// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The plain leg of an association: its kinds, and what goes with each.
 */
#include <errno.h>
#include <string.h>

#include "association_internal.h"
#include "internal.h"

/* sun_path holds 108 octets and ends with a NUL. */
#define UNIX_PATH_MAX	107

static const struct {
	const char *prefix;
	enum kpc_plain kind;
} kinds[] = {
	{ "unix:",	KPC_PLAIN_UNIX },
	{ "tcp:",	KPC_PLAIN_TCP },
	{ "udp:",	KPC_PLAIN_UDP },
	{ "hand-over:",	KPC_PLAIN_HAND_OVER },
	{ "pair:",	KPC_PLAIN_PAIR },
};

enum kpc_plain kpc_plain_kind(const char *plain, const char **where)
{
	size_t length;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		length = strlen(kinds[i].prefix);
		if (strncmp(plain, kinds[i].prefix, length))
			continue;
		if (where)
			*where = plain + length;
		return kinds[i].kind;
	}
	if (where)
		*where = NULL;
	return KPC_PLAIN_NONE;
}

const char *kpc_plain_path(const char *plain)
{
	const char *where;

	switch (kpc_plain_kind(plain, &where)) {
	case KPC_PLAIN_UNIX:
	case KPC_PLAIN_HAND_OVER:
	case KPC_PLAIN_PAIR:
		return where;
	default:
		return NULL;
	}
}

/* A stream cannot be cut into the datagrams that the far end would have sent. */
static int check_carried(const struct kpc_association *association, enum kpc_plain kind,
			 struct kpc_error *err)
{
	const struct kpc_agent *agent = &association->agent;
	bool datagrams = kind == KPC_PLAIN_UDP;

	if (datagrams == kpc_association_is_dtls(association))
		return 0;
	if (datagrams)
		return kpc_error_return(err, -EINVAL,
					"plain %s takes datagrams, which are carried with versions dtls1.2 and no other",
					agent->plain);
	return kpc_error_return(err, -EINVAL,
				"versions dtls1.2 carries datagrams, and plain %s takes none; plain udp:ADDRESS:PORT is accepted",
				agent->plain);
}

static int check_address(const struct kpc_association *association, const char *where,
			 struct kpc_error *err)
{
	const struct kpc_agent *agent = &association->agent;
	int kind = where - agent->plain;
	uint8_t address[16];
	char host[256];
	uint16_t family;
	uint16_t port;

	if (kpc_address_split(where, host, &port, err))
		return -EINVAL;
	if (!kpci_literal_read(host, &family, address))
		return kpc_error_return(err, -EINVAL,
					"plain \"%s\" holds no address; %.*s127.0.0.1:1883 or %.*s[::1]:1883 is accepted",
					agent->plain, kind, agent->plain, kind, agent->plain);
	if (agent->has_owner || agent->mode != KPCI_MODE_DEFAULT)
		return kpc_error_return(err, -EINVAL,
					"owner and mode are for plain unix:PATH; plain %.*s takes allow-uid",
					kind, agent->plain);
	return 0;
}

/* What has a path, of whatever kind it is. */
static int check_path(const struct kpc_association *association, const char *path,
		      struct kpc_error *err)
{
	const struct kpc_agent *agent = &association->agent;
	int kind = path - agent->plain;

	if (*path != '/')
		return kpc_error_return(err, -EINVAL,
					"plain \"%s\" is not absolute; %.*s/run/kpc/%s.sock is accepted",
					agent->plain, kind, agent->plain, association->name);
	if (strlen(path) > UNIX_PATH_MAX)
		return kpc_error_return(err, -EINVAL,
					"plain path has %zu octets; a socket's path has at most %d",
					strlen(path), UNIX_PATH_MAX);
	if (agent->allow_uid_count || agent->allow_any)
		return kpc_error_return(err, -EINVAL,
					"allow-uid is for plain tcp:ADDRESS:PORT; plain %.*s takes owner and mode",
					kind, agent->plain);
	if (association->role == KPC_ROLE_B && agent->mode != KPCI_MODE_DEFAULT)
		return kpc_error_return(err, -EINVAL,
					"mode is for role a, which makes the socket; role b connects to the backend's, whose owner may be told");
	return 0;
}

/* Both tell the application who is there, and neither fits everywhere. */
static int check_application(const struct kpc_association *association, bool pair,
			     struct kpc_error *err)
{
	const char *pairs;

	if (association->agent.proxy)
		return kpc_error_return(err, -EINVAL,
					"proxy is for plain tcp:, udp: and unix:; an application that is given the connection is told the identity with it");
	if (!pair && association->agent.rekey_after)
		return kpc_error_return(err, -EINVAL,
					"rekey-after is for connections that the agent holds; the secrets of next keys are not handed over");
	if (pair && association->role == KPC_ROLE_A)
		return kpc_error_return(err, -EINVAL,
					"plain pair: is for role b; programs of role a that only read and write take plain unix:/PATH");
	pairs = association->role == KPC_ROLE_A ? "" : ", or plain pair:/PATH,";
	if (!pair && association->offload == KPC_OFFLOAD_OFF)
		return kpc_error_return(err, -EINVAL,
					"plain hand-over: hands over the kernel's TLS, which offload off forbids; offload require or prefer%s is accepted",
					pairs);
	if (!pair && (association->has_holder_uid || *association->holder_cgroup))
		return kpc_error_return(err, -EINVAL,
					"plain hand-over: gives the socket to an application, and %s leaves it with who made it; one of both is accepted",
					association->has_holder_uid ?
					"holder-uid" : "holder-cgroup");
	return 0;
}

/**
 * kpci_plain_check() - What holds for a plain leg and the words that go with it
 *
 * Return: 0 or -EINVAL.
 */
int kpci_plain_check(const struct kpc_association *association, struct kpc_error *err)
{
	const struct kpc_agent *agent = &association->agent;
	enum kpc_plain kind;
	const char *where;

	if (!*agent->plain) {
		if (agent->has_owner || agent->mode != KPCI_MODE_DEFAULT ||
		    agent->allow_uid_count || agent->allow_any)
			return kpc_error_return(err, -EINVAL,
						"owner, mode and allow-uid need plain "
						KPCI_PLAIN_KINDS);
		return 0;
	}
	kind = kpc_plain_kind(agent->plain, &where);
	if (kind == KPC_PLAIN_NONE)
		return kpc_error_return(err, -EINVAL,
					"plain \"%s\" is of no known kind; "
					KPCI_PLAIN_KINDS " is accepted",
					agent->plain);
	if (check_carried(association, kind, err))
		return -EINVAL;
	switch (kind) {
	case KPC_PLAIN_TCP:
	case KPC_PLAIN_UDP:
		return check_address(association, where, err);
	case KPC_PLAIN_UNIX:
		return check_path(association, where, err);
	default:
		break;
	}
	return check_path(association, where, err) ?:
	       check_application(association, kind == KPC_PLAIN_PAIR, err);
}
