// SPDX-License-Identifier: MIT
/*
 * Host names to addresses: the warden's side.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "address.h"
#include "log.h"
#include "process.h"
#include "resolve.h"
#include "resolver.h"

void resolver_init(struct resolver *resolver, struct loop *loop, uid_t uid,
		   gid_t gid)
{
	memset(resolver, 0, sizeof(*resolver));
	resolver->source.fd = -1;
	resolver->loop = loop;
	resolver->uid = uid;
	resolver->gid = gid;
}

static void forget(struct resolver_query *query)
{
	struct resolver_query **at = &query->resolver->queries;

	loop_disarm(query->resolver->loop, &query->timer);
	while (*at && *at != query)
		at = &(*at)->next;
	if (*at)
		*at = query->next;
	query->resolver = NULL;
	free(query->literal);
	query->literal = NULL;
}

static void finish(struct resolver_query *query,
		   const struct resolver_answer *answer)
{
	struct resolver_answer copy = *answer;
	uint32_t i;

	/* The process looks up names; the port is the association's. */
	for (i = 0; i < copy.count; i++)
		copy.at[i].sin6_port = htons(query->port);
	forget(query);
	query->done(query, &copy);
}

static void fail(struct resolver_query *query, const char *reason)
{
	struct resolver_answer answer = { .request = query->request };

	snprintf(answer.text, sizeof(answer.text), "%s", reason);
	finish(query, &answer);
}

void resolver_cancel(struct resolver_query *query)
{
	if (query->resolver)
		forget(query);
}

static void stop(struct resolver *resolver)
{
	if (resolver->source.fd < 0)
		return;
	loop_remove(resolver->loop, &resolver->source);
	close(resolver->source.fd);
	resolver->source.fd = -1;
}

/* Its socket is shut: queries fail, and the next starts it anew, once it ends. */
static void end(struct resolver *resolver)
{
	if (process_end(resolver->pid))
		log_say(LOG_ERR, "the resolver has shut its socket and goes on; it is ended");
	stop(resolver);
}

void resolver_exited(struct resolver *resolver)
{
	stop(resolver);
	resolver->pid = 0;
	while (resolver->queries)
		fail(resolver->queries, "the resolver process has ended");
}

static bool answer_sound(const struct resolver_answer *answer)
{
	uint32_t i;

	if (answer->count > RESOLVER_ADDRESSES_MAX ||
	    answer->text[RESOLVER_TEXT_MAX])
		return false;
	for (i = 0; i < answer->count; i++)
		if (answer->at[i].sin6_family != AF_INET6)
			return false;
	return true;
}

static void ready(struct loop_source *source, uint32_t events)
{
	struct resolver *resolver = (struct resolver *)source;
	struct resolver_answer answer;
	struct resolver_query *query;
	ssize_t n;

	n = recv(source->fd, &answer, sizeof(answer), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		end(resolver);
		return;
	}
	if (n != sizeof(answer) || !answer_sound(&answer))
		return;
	for (query = resolver->queries; query; query = query->next) {
		if (query->request == answer.request) {
			finish(query, &answer);
			return;
		}
	}
}

static int start(struct resolver *resolver)
{
	const struct process_start first = {
		.magic = PROCESS_MAGIC,
		.uid = resolver->uid,
		.gid = resolver->gid,
	};
	int fds[PROCESS_FDS] = { -1, -1, -1 };
	int pair[2], err;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -errno;

	resolver->source.fd = pair[0];
	resolver->source.ready = ready;
	err = loop_add(resolver->loop, &resolver->source, EPOLLIN);
	if (err)
		goto close_pair;
	if (send(pair[0], &first, sizeof(first), MSG_NOSIGNAL) < 0) {
		err = -errno;
		goto remove;
	}
	fds[PROCESS_MESSAGE] = pair[1];
	pid = process_spawn("resolver", 0, fds);
	if (pid < 0) {
		err = pid;
		goto remove;
	}
	close(pair[1]);
	resolver->pid = pid;
	return 0;

remove:
	loop_remove(resolver->loop, &resolver->source);
close_pair:
	close(pair[0]);
	close(pair[1]);
	resolver->source.fd = -1;
	return err;
}

static void late(struct loop_timer *timer)
{
	struct resolver_query *query = (struct resolver_query *)
		((char *)timer - offsetof(struct resolver_query, timer));

	if (query->literal)
		finish(query, query->literal);
	else
		fail(query, "no answer from the name servers in time");
}

static void enlist(struct resolver *resolver, struct resolver_query *query,
		   uint64_t milliseconds)
{
	query->request = ++resolver->last;
	query->resolver = resolver;
	query->next = resolver->queries;
	resolver->queries = query;
	query->timer.fire = late;
	loop_arm(resolver->loop, &query->timer, milliseconds);
}

int resolver_ask(struct resolver *resolver, struct resolver_query *query,
		 const char *host, uint16_t port)
{
	struct resolve_request request = { .port = port };
	struct sockaddr_in6 literal;
	int err;

	resolver_cancel(query);
	query->timer.at = 0;
	query->literal = NULL;
	query->port = port;

	if (!address_literal(host, port, &literal)) {
		query->literal = calloc(1, sizeof(*query->literal));
		if (!query->literal)
			return -ENOMEM;
		query->literal->count = 1;
		query->literal->at[0] = literal;
		enlist(resolver, query, 0);
		return 0;
	}
	if (strlen(host) >= sizeof(request.host))
		return -ENAMETOOLONG;
	if (!resolver->pid) {
		err = start(resolver);
		if (err)
			return err;
	}
	if (resolver->source.fd < 0)
		return -EAGAIN;

	enlist(resolver, query, RESOLVER_SECONDS * 1000);
	request.request = query->request;
	strcpy(request.host, host);
	if (send(resolver->source.fd, &request, sizeof(request),
		 MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		err = -errno;
		forget(query);
		if (err == -EPIPE)
			end(resolver);
		return err;
	}
	return 0;
}
