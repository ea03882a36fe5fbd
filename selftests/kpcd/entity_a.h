/* SPDX-License-Identifier: MIT */
/* Entity A as tools play it that measure an agent: libkpc's, over plain sockets. */
#ifndef ENTITY_A_H
#define ENTITY_A_H

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <kpc/handshake.h>

#define ENTITY_ROOM	16384

static inline void entity_die(const char *what)
{
	fprintf(stderr, "%s: %s\n", program_invocation_short_name, what);
	exit(1);
}

static inline uint64_t entity_between(const struct timespec *a, const struct timespec *b)
{
	return (uint64_t)(b->tv_sec - a->tv_sec) * 1000000000u + (uint64_t)b->tv_nsec -
	       (uint64_t)a->tv_nsec;
}

/* For exactly one suite, without the kernel. */
static inline struct kpc_handshake_policy
entity_policy(enum kpc_role role, const struct kpc_suite *suite)
{
	return (struct kpc_handshake_policy) {
		.role = role, .offload = KPC_OFFLOAD_OFF,
		.versions = suite->version == KPC_VERSION_TLS13 ? KPC_VERSION_FLAGS_TLS13 :
								  KPC_VERSION_FLAGS_TLS12,
		.suites = { suite->code }, .suite_count = 1,
	};
}

static inline struct kpc_handshake_context *
entity_context(enum kpc_role role, const struct kpc_suite *suite)
{
	struct kpc_handshake_policy policy = entity_policy(role, suite);
	struct kpc_handshake_context *context;
	struct kpc_error err;

	context = kpc_handshake_context_new(&policy, &err);
	if (!context)
		entity_die(err.text);
	return context;
}

static inline struct kpc_handshake *entity_start(struct kpc_handshake_context *context,
						 const struct kpc_kpcid *id,
						 const struct kpc_key *key, const char *authority)
{
	struct kpc_handshake *a = kpc_handshake_new(context, NULL);

	if (!a || kpc_handshake_initiate(a, id, key, authority, NULL))
		entity_die("no handshake");
	kpc_handshake_advance(a);
	return a;
}

/* Octets that it has to say; how many. */
static inline size_t entity_say(struct kpc_handshake *a, uint8_t octets[ENTITY_ROOM])
{
	size_t len;
	const void *out = kpc_handshake_output(a, &len);

	if (len > ENTITY_ROOM)
		entity_die("too much to say");
	memcpy(octets, out, len);
	kpc_handshake_output_sent(a, len);
	return len;
}

/* @key, @policy: of an Entity B, which has them at hand; NULL for A. */
static inline void entity_hear(struct kpc_handshake *hs, const uint8_t *octets, size_t len,
			       const struct kpc_key *key,
			       const struct kpc_handshake_policy *policy)
{
	while (len && kpc_handshake_state(hs) == KPC_HANDSHAKE_WANT_INPUT) {
		size_t need = kpc_handshake_need(hs);
		int taken = kpc_handshake_input(hs, octets, len);

		if (taken <= 0)
			return;
		octets += taken;
		len -= (size_t)taken;
		if ((size_t)taken >= need)
			kpc_handshake_advance(hs);
		if (policy && kpc_handshake_state(hs) == KPC_HANDSHAKE_WANT_KEY) {
			kpc_handshake_key(hs, key, policy);
			kpc_handshake_advance(hs);
		}
	}
}

/* A connection to a port of this machine. */
static inline int entity_connect(uint16_t port)
{
	struct sockaddr_in at = {
		.sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof(at)))
		entity_die(strerror(errno));
	return fd;
}

#endif
