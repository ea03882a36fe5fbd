// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events that nobody read in time are lost, and who listens is told so; what
 * comes after is told as before. One that asks meanwhile gets his answers, or is
 * told that they were lost.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <kpc/association.h>
#include <kpc/nl.h>

#include "../tap.h"

static int add(struct kpc_nl *nl, struct kpc_error *err)
{
	static char *words[] = {
		"overrun", "role", "b", "kpc-id", "overrun@example.org", "id-a",
		"//a.example/cse", "id-b", "//b.example/cse", "listen",
		"127.0.0.1:5684",
	};
	struct kpc_association association;
	int ret;

	ret = kpc_association_parse(&association,
				    sizeof(words) / sizeof(*words), words, err);
	return ret ? ret : kpc_nl_association_new(nl, &association, false, NULL,
						  err);
}

/* Reads all events that are there; what the last call said. */
static int drain(struct kpc_nl *nl, unsigned int *events, unsigned int *lost)
{
	struct kpc_event event;
	int ret;

	*events = 0;
	*lost = 0;
	while ((ret = kpc_nl_event_next(nl, &event)) == 1 || ret == -ENOBUFS) {
		*events += ret == 1;
		*lost += ret == -ENOBUFS;
	}
	return ret;
}

int main(void)
{
	unsigned int i, events, lost;
	struct kpc_association found = {};
	struct kpc_nl nl, listener;
	struct kpc_error err = {};
	int small = 4096, ret = 0;

	if (system("modprobe kpc") || kpc_nl_open(&nl, &err)) {
		printf("1..0 # SKIP no module kpc: %s\n", err.text);
		return 4;
	}
	tap_begin();
	ret = kpc_nl_open(&listener, &err);
	if (!ret)
		ret = setsockopt(listener.fd, SOL_SOCKET, SO_RCVBUF, &small,
				 sizeof(small));
	if (!ret)
		ret = kpc_nl_subscribe(&listener, (1U << KPC_NL_GROUPS) - 1, &err);
	tap_ok(!ret, "one who listens and does not read: %s", err.text);

	for (i = 0; i < 200 && !ret; i++) {
		ret = add(&nl, &err);
		if (!ret)
			ret = kpc_nl_association_del(&nl, "overrun", true, NULL,
						     &err);
	}
	tap_ok(!ret, "another gets 400 answers meanwhile: %s", err.text);
	ret = drain(&listener, &events, &lost);
	tap_ok(!ret && lost == 1 && events && events < 400,
	       "the loss is told once: %u events, %u losses", events, lost);

	ret = add(&nl, &err);
	if (!ret)
		ret = drain(&listener, &events, &lost);
	tap_ok(!ret && events == 1 && !lost,
	       "the next event is read: %u events, %u losses", events, lost);

	/* A socket for requests, with events in the way of its answers. */
	ret = setsockopt(nl.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	if (!ret)
		ret = kpc_nl_subscribe(&nl, (1U << KPC_NL_GROUPS) - 1, &err);
	for (i = 0; i < 50 && !ret; i++) {
		ret = kpc_nl_association_del(&listener, "overrun", true, NULL,
					     &err);
		if (!ret)
			ret = add(&listener, &err);
	}
	tap_ok(!ret && kpc_nl_association_get(&nl, "overrun", &found, NULL, &err) ==
	       -ENOBUFS,
	       "an answer for which there is no room is no success: %s", err.text);
	ret = drain(&nl, &events, &lost);
	tap_ok(!ret && !kpc_nl_association_get(&nl, "overrun", &found, NULL, &err) &&
	       !strcmp(found.name, "overrun"),
	       "the next one is found, behind %u events: %s", events, err.text);
	kpc_nl_association_del(&listener, "overrun", true, NULL, &err);
	kpc_nl_close(&listener);
	kpc_nl_close(&nl);
	return tap_end();
}
