// SPDX-License-Identifier: MIT
/*
 * Addresses and the sockets at them.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "address.h"
#include "site.h"

/* A peer that is gone without a word is found out after so many seconds. */
#define SILENCE_SECONDS	10
#define PROBE_SECONDS	5
#define PROBES		4

static void set(int fd, int level, int option, int value)
{
	setsockopt(fd, level, option, &value, sizeof(value));
}

void address_set_up(int fd)
{
	set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set(fd, IPPROTO_TCP, TCP_KEEPIDLE, SILENCE_SECONDS);
	set(fd, IPPROTO_TCP, TCP_KEEPINTVL, PROBE_SECONDS);
	set(fd, IPPROTO_TCP, TCP_KEEPCNT, PROBES);
}

static int find(const char *address, const char *port, int family, int flags,
		struct addrinfo **list, struct kpc_error *err)
{
	const struct addrinfo hints = {
		.ai_family = family,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICSERV | AI_NUMERICHOST | flags,
	};
	int ret = getaddrinfo(address, port, &hints, list);

	if (!ret)
		return 0;
	return kpc_error_return(err, -EINVAL, "-B %s: %s; an address of this machine is accepted",
				address ?: "", gai_strerror(ret));
}

static int bind_to(int fd, const char *address, int family,
		   struct kpc_error *err)
{
	struct addrinfo *list;
	int ret;

	ret = find(address, NULL, family, 0, &list, err);
	if (ret)
		return ret;
	set(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
	if (bind(fd, list->ai_addr, list->ai_addrlen))
		ret = kpc_error_return(err, -errno, "-B %s: %s", address,
				       strerror(errno));
	freeaddrinfo(list);
	return ret;
}

int address_connect(const struct sockaddr_storage *to, socklen_t length,
		    const char *bind, const struct site *site,
		    struct kpc_error *err)
{
	int fd, ret = 0;

	fd = socket(to->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
		    0);
	if (fd < 0)
		return kpc_error_return(err, -errno, "a socket: %s",
					strerror(errno));
	address_set_up(fd);
	if (bind)
		ret = bind_to(fd, bind, to->ss_family, err);
	if (!ret && site)
		ret = binder_register(site->binder, fd,
				      site->entries[0].association->name,
				      site->entries[0].id, err);
	if (!ret && connect(fd, (const struct sockaddr *)to, length) &&
	    errno != EINPROGRESS)
		ret = kpc_error_return(err, -errno, "%s", strerror(errno));
	if (!ret)
		return fd;
	close(fd);
	return ret;
}

int address_listen(const char *address, uint16_t port, int family,
		   const struct site *site, struct kpc_error *err)
{
	bool only = address || family == AF_INET6;
	struct addrinfo *at, *list;
	char text[8];
	int fd, ret;

	/* The IPv6 wildcard takes IPv4 too. */
	if (!address && family == AF_UNSPEC)
		family = access("/proc/net/if_inet6", F_OK) ? AF_INET : AF_INET6;
	snprintf(text, sizeof(text), "%u", port);
	ret = find(address, text, family, AI_PASSIVE, &list, err);
	if (ret)
		return ret;
	at = list;
	fd = socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
		    0);
	if (fd >= 0) {
		set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
		if (at->ai_family == AF_INET6)
			set(fd, IPPROTO_IPV6, IPV6_V6ONLY, only);
	}
	if (fd < 0 || bind(fd, at->ai_addr, at->ai_addrlen))
		ret = -errno;
	freeaddrinfo(list);
	if (!ret && site)
		ret = binder_register(site->binder, fd, NULL, 0, err);
	if (!ret && listen(fd, SOMAXCONN))
		ret = -errno;
	if (!ret)
		return fd;
	if (!err->text[0])
		kpc_error_set(err, "listening at %s port %u: %s",
			      address ?: "any address", port, strerror(-ret));
	if (fd >= 0)
		close(fd);
	return ret;
}

void address_text(const struct sockaddr_storage *address,
		  char text[ADDRESS_TEXT], uint16_t *port)
{
	const struct sockaddr_in6 *six = (const void *)address;
	const struct sockaddr_in *four = (const void *)address;

	if (address->ss_family == AF_INET6 &&
	    IN6_IS_ADDR_V4MAPPED(&six->sin6_addr)) {
		inet_ntop(AF_INET, &six->sin6_addr.s6_addr[12], text,
			  ADDRESS_TEXT);
		*port = ntohs(six->sin6_port);
	} else if (address->ss_family == AF_INET6) {
		inet_ntop(AF_INET6, &six->sin6_addr, text, ADDRESS_TEXT);
		*port = ntohs(six->sin6_port);
	} else {
		inet_ntop(AF_INET, &four->sin_addr, text, ADDRESS_TEXT);
		*port = ntohs(four->sin_port);
	}
}

void address_own(int fd, char text[ADDRESS_TEXT], uint16_t *port)
{
	struct sockaddr_storage address = { .ss_family = AF_INET };
	socklen_t len = sizeof(address);

	getsockname(fd, (struct sockaddr *)&address, &len);
	address_text(&address, text, port);
}

void address_peer(int fd, char text[ADDRESS_TEXT], uint16_t *port)
{
	struct sockaddr_storage address = { .ss_family = AF_INET };
	socklen_t len = sizeof(address);

	getpeername(fd, (struct sockaddr *)&address, &len);
	address_text(&address, text, port);
}
