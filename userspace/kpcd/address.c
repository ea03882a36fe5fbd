// SPDX-License-Identifier: MIT
/*
 * Socket addresses: one form inside, IPv4 as v4-mapped IPv6.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>

#include "address.h"

static void map4(struct in_addr address, in_port_t port,
		 struct sockaddr_in6 *to)
{
	memset(to, 0, sizeof(*to));
	to->sin6_family = AF_INET6;
	to->sin6_port = port;
	to->sin6_addr.s6_addr[10] = 0xff;
	to->sin6_addr.s6_addr[11] = 0xff;
	memcpy(&to->sin6_addr.s6_addr[12], &address, sizeof(address));
}

int address_map(const struct sockaddr *from, struct sockaddr_in6 *to)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)from;

	switch (from->sa_family) {
	case AF_INET:
		map4(in->sin_addr, in->sin_port, to);
		return 0;
	case AF_INET6:
		memcpy(to, from, sizeof(*to));
		to->sin6_flowinfo = 0;
		return 0;
	}
	return -EAFNOSUPPORT;
}

int address_literal(const char *host, uint16_t port, struct sockaddr_in6 *to)
{
	const struct addrinfo hints = {
		.ai_family = AF_INET6,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICHOST,
	};
	struct addrinfo *list;
	struct in_addr in;

	if (inet_pton(AF_INET, host, &in) == 1) {
		map4(in, htons(port), to);
		return 0;
	}
	/* Knows scopes, which inet_pton() does not. */
	if (!strchr(host, ':') || getaddrinfo(host, NULL, &hints, &list))
		return -EINVAL;
	memcpy(to, list->ai_addr, sizeof(*to));
	to->sin6_port = htons(port);
	freeaddrinfo(list);
	return 0;
}

socklen_t address_socket(const struct sockaddr_in6 *from,
			 struct sockaddr_storage *to)
{
	struct sockaddr_in *in = (struct sockaddr_in *)to;

	memset(to, 0, sizeof(*to));
	if (!IN6_IS_ADDR_V4MAPPED(&from->sin6_addr)) {
		memcpy(to, from, sizeof(*from));
		return sizeof(*from);
	}
	in->sin_family = AF_INET;
	in->sin_port = from->sin6_port;
	memcpy(&in->sin_addr, &from->sin6_addr.s6_addr[12],
	       sizeof(in->sin_addr));
	return sizeof(*in);
}

void address_tell(struct kpc_address *to, const struct in6_addr *address,
		  in_port_t port)
{
	bool v4 = IN6_IS_ADDR_V4MAPPED(address);
	size_t skip = v4 ? 12 : 0;

	memset(to, 0, sizeof(*to));
	to->family = v4 ? AF_INET : AF_INET6;
	to->port = ntohs(port);
	memcpy(to->octets, address->s6_addr + skip, 16 - skip);
}

/* A UNIX socket that was shut down still says that it listens, as UDP does nothing. */
static bool is_shut(int fd)
{
	struct pollfd at = { .fd = fd, .events = POLLRDHUP };

	return poll(&at, 1, 0) > 0 && at.revents & POLLRDHUP;
}

bool address_listens(int fd)
{
	socklen_t len = sizeof(int);
	int listens = 0;

	return !getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) &&
	       listens && !is_shut(fd);
}

bool address_receives(int fd)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);

	return getpeername(fd, (struct sockaddr *)&peer, &len) &&
	       errno == ENOTCONN && !is_shut(fd);
}
