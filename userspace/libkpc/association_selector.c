// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Selectors: read, printed, compared, derived.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "association_internal.h"
#include "internal.h"

#define SELECTOR_WANTS	"[tcp|udp] [local ADDRESS:PORT] [remote ADDRESS:PORT]"

/* Takes the next word if it is @name. */
static bool take_word(int argc, char **argv, int *at, const char *name)
{
	if (*at == argc || strcmp(argv[*at], name))
		return false;
	++*at;
	return true;
}

/* Return: 1 with a side, 0 without, -EINVAL. */
static int take_side(int argc, char **argv, int *at, const char *name,
		     struct kpc_selector *selector,
		     struct kpc_selector_side *side, struct kpc_error *err)
{
	int ret;

	if (!take_word(argc, argv, at, name))
		return 0;
	if (*at == argc)
		return kpc_error_return(err, -EINVAL,
					"selector %s has nothing after it; ADDRESS[/PREFIX]:PORT[-PORT] is accepted",
					name);
	ret = kpci_selector_side_read(name, argv[(*at)++], &selector->family,
				      side, err);
	return ret ? ret : 1;
}

int kpc_selector_parse(struct kpc_selector *selector, int argc, char **argv,
		       struct kpc_error *err)
{
	int remote;
	int local;
	int at = 0;

	memset(selector, 0, sizeof(*selector));
	selector->protocol = IPPROTO_TCP;
	if (take_word(argc, argv, &at, "udp"))
		selector->protocol = IPPROTO_UDP;
	else
		take_word(argc, argv, &at, "tcp");
	local = take_side(argc, argv, &at, "local", selector,
			  &selector->local, err);
	if (local < 0)
		return local;
	remote = take_side(argc, argv, &at, "remote", selector,
			   &selector->remote, err);
	if (remote < 0)
		return remote;
	/* Either side may stand first. */
	if (!local && remote)
		local = take_side(argc, argv, &at, "local", selector,
				  &selector->local, err);
	if (local < 0)
		return local;
	if (!local && !remote && at < argc)
		return kpc_error_return(err, -EINVAL,
					"selector \"%s\" is not known; %s is accepted",
					argv[at], SELECTOR_WANTS);
	if (!local && !remote)
		return kpc_error_return(err, -EINVAL,
					"selector has nothing after it; %s is accepted",
					SELECTOR_WANTS);
	selector->resolved = take_word(argc, argv, &at, "resolved");
	return at;
}

static void side_format(FILE *out, uint16_t family,
			const struct kpc_selector_side *side)
{
	char text[INET6_ADDRSTRLEN];

	if (family == AF_UNSPEC ||
	    !inet_ntop(family, side->address, text, sizeof(text)))
		strcpy(text, "*");
	fprintf(out, family == AF_INET6 ? "[%s]" : "%s", text);
	/* Without a prefix, an address of zeros reads as any. */
	if (family != AF_UNSPEC &&
	    (side->prefix != kpci_family_bits(family) || kpci_address_is_any(side->address)))
		fprintf(out, "/%u", side->prefix);
	if (!side->port_max)
		fputs(":*", out);
	else if (side->port_min == side->port_max)
		fprintf(out, ":%u", side->port_min);
	else
		fprintf(out, ":%u-%u", side->port_min, side->port_max);
}

static bool side_is_any(const struct kpc_selector_side *side)
{
	return !side->prefix && !side->port_max;
}

void kpc_selector_format(FILE *out, const struct kpc_selector *selector)
{
	const char *space = "";
	bool local = !side_is_any(&selector->local);
	bool remote = !side_is_any(&selector->remote);

	if (selector->protocol == IPPROTO_UDP) {
		fputs("udp", out);
		space = " ";
	}
	if (local || !remote) {
		fprintf(out, "%slocal ", space);
		side_format(out, selector->family, &selector->local);
		space = " ";
	}
	if (remote) {
		fprintf(out, "%sremote ", space);
		side_format(out, selector->family, &selector->remote);
	}
	if (selector->resolved)
		fputs(" resolved", out);
}

static bool side_covers(const struct kpc_selector_side *wide,
			const struct kpc_selector_side *narrow)
{
	unsigned int bit;

	if (wide->prefix > narrow->prefix)
		return false;
	for (bit = 0; bit < wide->prefix; bit++)
		if ((wide->address[bit / 8] ^ narrow->address[bit / 8]) &
		    0x80 >> bit % 8)
			return false;
	if (!wide->port_max)
		return true;
	return narrow->port_min >= wide->port_min &&
	       narrow->port_max <= wide->port_max && narrow->port_max;
}

bool kpc_selector_covers(const struct kpc_selector *wide,
			 const struct kpc_selector *narrow)
{
	return wide->protocol == narrow->protocol &&
	       (!wide->family || wide->family == narrow->family) &&
	       side_covers(&wide->local, &narrow->local) &&
	       side_covers(&wide->remote, &narrow->remote);
}

static void derive_side(uint16_t *family, struct kpc_selector_side *side,
			const char *host, uint16_t port)
{
	side->port_min = port;
	side->port_max = port;
	if (!strcmp(host, "*") ||
	    !kpci_literal_read(host, family, side->address)) {
		*family = AF_UNSPEC;
		return;
	}
	if (!kpci_address_is_any(side->address)) {
		side->prefix = kpci_family_bits(*family);
		return;
	}
	/* A socket on [::] takes IPv4 too. */
	if (*family == AF_INET6)
		*family = AF_UNSPEC;
}

size_t kpci_association_derive(const struct kpc_association *association,
			       struct kpc_selector *out)
{
	const struct kpc_agent *agent = &association->agent;
	struct kpc_selector selector = { .protocol = IPPROTO_TCP };
	bool peer = association->role == KPC_ROLE_A;
	const char *text = peer ? agent->peer : agent->listen;
	char host[256];
	uint8_t unused[16];
	uint16_t family;
	uint16_t port;
	size_t count = 0;

	if (!*text || kpc_address_split(text, host, &port, NULL) ||
	    (peer && !kpci_literal_read(host, &family, unused)))
		return 0;
	derive_side(&selector.family,
		    peer ? &selector.remote : &selector.local, host, port);
	if (association->versions & ~KPC_VERSION_FLAGS_DTLS12)
		out[count++] = selector;
	selector.protocol = IPPROTO_UDP;
	if (association->versions & KPC_VERSION_FLAGS_DTLS12)
		out[count++] = selector;
	return count;
}
