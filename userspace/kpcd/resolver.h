/* SPDX-License-Identifier: MIT */
/*
 * Host names to addresses, in a process of its own: answers of name servers
 * are parsed where neither a key nor a capability is.
 */
#ifndef KPCD_RESOLVER_H
#define KPCD_RESOLVER_H

#include <netinet/in.h>
#include <stdint.h>
#include <sys/types.h>

#include "loop.h"

#define RESOLVER_ADDRESSES_MAX	16
#define RESOLVER_TEXT_MAX	159
#define RESOLVER_SECONDS	15

/**
 * struct resolver_answer - what became of a query
 * @request: the query's number
 * @count: how many addresses; 0, none: @text says why
 * @at: addresses with the port asked for, v4 as v4-mapped
 * @text: the reason, for a person
 */
struct resolver_answer {
	uint32_t request;
	uint32_t count;
	struct sockaddr_in6 at[RESOLVER_ADDRESSES_MAX];
	char text[RESOLVER_TEXT_MAX + 1];
};

/**
 * struct resolver_query - a name looked up, embedded in who wants to know
 * @done: called once, not from within resolver_ask()
 * @timer: gives up after RESOLVER_SECONDS
 * @resolver: who looks it up; NULL, not under way
 * @request: its number
 * @port: that is asked for
 * @literal: the answer was in the text
 * @next: another one under way
 */
struct resolver_query {
	void (*done)(struct resolver_query *query,
		     const struct resolver_answer *answer);
	struct loop_timer timer;
	struct resolver *resolver;
	uint32_t request;
	uint16_t port;
	struct resolver_answer *literal;
	struct resolver_query *next;
};

/**
 * struct resolver - the process, as the warden sees it
 * @source: socket to it
 * @loop: the warden's
 * @pid: it; 0, not running
 * @uid: whom it runs as
 * @gid: and in which group
 * @last: number of the last query
 * @queries: under way
 */
struct resolver {
	struct loop_source source;
	struct loop *loop;
	pid_t pid;
	uid_t uid;
	gid_t gid;
	uint32_t last;
	struct resolver_query *queries;
};

/**
 * resolver_init() - prepare; the process starts with the first query
 */
void resolver_init(struct resolver *resolver, struct loop *loop, uid_t uid,
		   gid_t gid);

/**
 * resolver_ask() - look up a host
 * @query: @query->done is set; kept until it is called or resolver_cancel()
 * @host: name or literal address
 * @port: put into the answers
 *
 * Return: 0 or a negative errno.
 */
int resolver_ask(struct resolver *resolver, struct resolver_query *query,
		 const char *host, uint16_t port);

/** resolver_cancel() - do not call back; nothing when not under way */
void resolver_cancel(struct resolver_query *query);

/** resolver_exited() - its process has ended; queries under way fail */
void resolver_exited(struct resolver *resolver);

/**
 * resolver_main() - the process itself
 * @fd: socket to the warden
 *
 * Return: the exit status.
 */
int resolver_main(int fd);

#endif
