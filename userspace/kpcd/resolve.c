// SPDX-License-Identifier: MIT
/*
 * Host names to addresses: the resolver process.
 */
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "address.h"
#include "resolve.h"
#include "resolver.h"

/* Lookups at one time; a dead name server must not cost more. */
#define CHILDREN_MAX	32

static void append(struct resolver_answer *answer, const struct sockaddr *at)
{
	struct sockaddr_in6 *to = &answer->at[answer->count];
	uint32_t i;

	if (answer->count == RESOLVER_ADDRESSES_MAX || address_map(at, to))
		return;
	for (i = 0; i < answer->count; i++)
		if (!memcmp(&answer->at[i], to, sizeof(*to)))
			return;
	answer->count++;
}

static void look_up(const struct resolve_request *request,
		    struct resolver_answer *answer)
{
	const struct addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG,
	};
	struct addrinfo *list, *at;
	char port[8];
	int err;

	snprintf(port, sizeof(port), "%u", request->port);
	err = getaddrinfo(request->host, port, &hints, &list);
	if (err) {
		snprintf(answer->text, sizeof(answer->text), "%s",
			 err == EAI_SYSTEM ? strerror(errno) :
			 gai_strerror(err));
		return;
	}
	/* In the order of RFC 6724, both families. */
	for (at = list; at; at = at->ai_next)
		append(answer, at->ai_addr);
	freeaddrinfo(list);
	if (!answer->count)
		snprintf(answer->text, sizeof(answer->text),
			 "the name has no address");
}

static void serve(int fd, struct resolve_request *request)
{
	struct resolver_answer answer = { .request = request->request };

	request->host[sizeof(request->host) - 1] = '\0';
	alarm(RESOLVER_SECONDS);
	look_up(request, &answer);
	send(fd, &answer, sizeof(answer), MSG_NOSIGNAL);
}

int resolver_main(int fd)
{
	struct resolve_request request;
	unsigned int children = 0;
	ssize_t n;
	pid_t pid;

	for (;;) {
		n = recv(fd, &request, sizeof(request), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n != sizeof(request))
			return n ? 1 : 0;

		while (children && waitpid(-1, NULL, children == CHILDREN_MAX ?
					   0 : WNOHANG) > 0)
			children--;

		/* A lookup may take long; each has a process of its own. */
		pid = fork();
		if (!pid) {
			serve(fd, &request);
			_exit(0);
		}
		if (pid > 0)
			children++;
	}
}
