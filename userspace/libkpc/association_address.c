// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Addresses and ports: read, and judged.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "association_internal.h"
#include "internal.h"

/* 255 octets of a name, and room for its end. */
#define HOST_MAX	256

static bool port_read(const char *text, uint16_t *port)
{
	unsigned long number;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	number = strtoul(text, &end, 10);
	if (*end || !number || number > 65535)
		return false;
	*port = number;
	return true;
}

/* Takes "HOST" or "[HOST]" off the front, with what stands before the colon. */
static bool host_split(const char *text, char *host, const char **rest)
{
	const char *from = text;
	const char *end;

	if (*text == '[') {
		from = text + 1;
		end = strchr(from, ']');
		*rest = end ? end + 1 : NULL;
	} else {
		end = strpbrk(text, "/:");
		*rest = end;
		/* An IPv6 address without brackets has its port unmarked. */
		if (end && *end == ':' && strchr(end + 1, ':'))
			return false;
	}
	if (!end || end == from || end - from >= HOST_MAX)
		return false;
	memcpy(host, from, end - from);
	host[end - from] = '\0';
	return *text != '[' || strchr(host, ':');
}

int kpc_address_split(const char *text, char *host, uint16_t *port,
		      struct kpc_error *err)
{
	const char *rest;
	bool is_pair = host_split(text, host, &rest) && *rest == ':';

	if (kpci_key_encoded(text) && !(is_pair && port_read(rest + 1, port)))
		return kpc_error_return(err, -EINVAL,
					"an address is a key as a key store has it; HOST:PORT is accepted");
	if (!is_pair)
		return kpc_error_return(err, -EINVAL,
					"\"%s\" is not HOST:PORT; gateway.example:8883, 192.0.2.1:8883 or [2001:db8::1]:8883 is accepted",
					text);
	if (!port_read(rest + 1, port))
		return kpc_error_return(err, -EINVAL,
					"\"%s\" has no port of 1 to 65535 after its last colon",
					text);
	return 0;
}

bool kpci_literal_read(const char *text, uint16_t *family, uint8_t *address)
{
	memset(address, 0, 16);
	if (inet_pton(AF_INET, text, address) == 1) {
		*family = AF_INET;
		return true;
	}
	if (inet_pton(AF_INET6, text, address) == 1) {
		*family = AF_INET6;
		return true;
	}
	return false;
}

bool kpci_literal_loopback(uint16_t family, const uint8_t *address)
{
	struct in6_addr in6;

	if (family == AF_INET)
		return address[0] == IN_LOOPBACKNET;
	memcpy(&in6, address, sizeof(in6));
	if (IN6_IS_ADDR_V4MAPPED(&in6))
		return address[12] == IN_LOOPBACKNET;
	return IN6_IS_ADDR_LOOPBACK(&in6);
}

bool kpci_literal_any(uint16_t family, const uint8_t *address)
{
	struct in6_addr in6;

	memcpy(&in6, address, sizeof(in6));
	if (family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&in6))
		return !in6.s6_addr32[3];
	return kpci_address_is_any(address);
}

unsigned int kpci_family_bits(uint16_t family)
{
	return family == AF_INET ? 32 : 128;
}

static bool ports_read(const char *text, struct kpc_selector_side *side)
{
	char first[8];
	const char *dash = strchr(text, '-');
	size_t length = dash ? (size_t)(dash - text) : strlen(text);

	if (!strcmp(text, "*"))
		return true;
	if (length >= sizeof(first))
		return false;
	memcpy(first, text, length);
	first[length] = '\0';
	if (!port_read(first, &side->port_min))
		return false;
	side->port_max = side->port_min;
	return !dash || (port_read(dash + 1, &side->port_max) &&
			 side->port_max >= side->port_min);
}

/* The bits behind the prefix must be 0, or two people mean two networks. */
static bool host_bits_clear(const struct kpc_selector_side *side)
{
	unsigned int bit;

	for (bit = side->prefix; bit < 128; bit++)
		if (side->address[bit / 8] & 0x80 >> bit % 8)
			return false;
	return true;
}

bool kpci_address_is_any(const uint8_t *address)
{
	static const uint8_t any[16];

	return !memcmp(address, any, sizeof(any));
}

static bool prefix_read(const char **rest, unsigned int bits,
			struct kpc_selector_side *side)
{
	unsigned long number;
	char *end;

	if (**rest != '/') {
		side->prefix = kpci_address_is_any(side->address) ? 0 : bits;
		return true;
	}
	number = strtoul(*rest + 1, &end, 10);
	if ((*rest)[1] < '0' || (*rest)[1] > '9' || number > bits)
		return false;
	side->prefix = number;
	*rest = end;
	return true;
}

int kpci_selector_side_read(const char *word, const char *text,
			    uint16_t *family, struct kpc_selector_side *side,
			    struct kpc_error *err)
{
	char host[HOST_MAX];
	const char *rest;
	uint16_t found;

	memset(side, 0, sizeof(*side));
	if (!host_split(text, host, &rest))
		goto form;
	if (strcmp(host, "*")) {
		if (!kpci_literal_read(host, &found, side->address))
			return kpc_error_return(err, -EINVAL,
						"%s \"%s\" holds no address; an IPv4 or [IPv6] address or * is accepted, names only as peer",
						word, text);
		if (!prefix_read(&rest, kpci_family_bits(found), side))
			return kpc_error_return(err, -EINVAL,
						"%s \"%s\" has a prefix that is not 0 to %u",
						word, text,
						kpci_family_bits(found));
		if (!host_bits_clear(side))
			return kpc_error_return(err, -EINVAL,
						"%s \"%s\" has bits set behind its prefix of %u",
						word, text, side->prefix);
		if (*family && *family != found)
			return kpc_error_return(err, -EINVAL,
						"%s \"%s\" is of another family than the selector's other side",
						word, text);
		*family = found;
	}
	if (*rest != ':')
		goto form;
	if (!ports_read(rest + 1, side))
		return kpc_error_return(err, -EINVAL,
					"%s \"%s\" has no port; 1 to 65535, FIRST-LAST or * is accepted",
					word, text);
	return 0;
form:
	return kpc_error_return(err, -EINVAL,
				"%s \"%s\" is not ADDRESS[/PREFIX]:PORT[-PORT]; 192.0.2.0/24:8883, [2001:db8::]/32:8883 or *:8883 is accepted",
				word, text);
}
