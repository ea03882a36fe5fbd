// SPDX-License-Identifier: MIT
/*
 * How long a message takes through an agent to its backend and back:
 *
 *   tool_round_trip SUITE PORT BACKEND KPCID KEY SECONDS
 *
 * connects to the agent's port of this machine, is its backend at a UNIX socket,
 * which gives back what it hears, and sends for so long messages of 64 octets, each
 * when the one before is back. Prints how many there were, and the median, the 99th
 * percentile and the longest in microseconds. It does not wait for a processor where
 * that is allowed.
 */
#include <pthread.h>
#include <sched.h>
#include <sys/un.h>
#include <unistd.h>

#include <kpc/records.h>

#include "entity_a.h"

#define OCTETS	64
#define MOST	4000000

static void *backs(void *socket)
{
	uint8_t octets[4096];
	ssize_t got;
	int fd = accept(*(int *)socket, NULL, NULL);

	while ((got = recv(fd, octets, sizeof(octets), 0)) > 0)
		if (send(fd, octets, (size_t)got, MSG_NOSIGNAL) != got)
			break;
	close(fd);
	return NULL;
}

static void back(const char *path)
{
	static int fd;
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	pthread_t thread;

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	strncpy(at.sun_path, path, sizeof(at.sun_path) - 1);
	unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) || listen(fd, 1) ||
	    pthread_create(&thread, NULL, backs, &fd))
		entity_die(path);
}

static struct kpc_records *establish(struct kpc_handshake *a, int fd)
{
	struct kpc_records *records;
	uint8_t octets[ENTITY_ROOM];
	struct kpc_error err = { "" };
	ssize_t got;
	size_t len;

	for (;;) {
		len = entity_say(a, octets);
		if (len && send(fd, octets, len, MSG_NOSIGNAL) != (ssize_t)len)
			entity_die("the agent hung up");
		if (kpc_handshake_state(a) != KPC_HANDSHAKE_WANT_INPUT)
			break;
		got = recv(fd, octets, kpc_handshake_need(a), 0);
		if (got <= 0)
			entity_die("the agent ended within the handshake");
		entity_hear(a, octets, (size_t)got, NULL, NULL);
	}
	records = kpc_handshake_state(a) == KPC_HANDSHAKE_DONE ? kpc_records_new(a, &err) : NULL;
	if (!records)
		entity_die(kpc_handshake_failure(a) ? kpc_handshake_failure(a)->text.text :
			   err.text);
	return records;
}

static void once(struct kpc_records *records, int fd)
{
	uint8_t octets[4096] = { 0 };
	size_t len, heard = 0;
	const void *out;
	ssize_t got;

	if (kpc_records_write(records, octets, OCTETS) != OCTETS)
		entity_die(kpc_records_error(records));
	out = kpc_records_output(records, &len);
	if (send(fd, out, len, MSG_NOSIGNAL) != (ssize_t)len)
		entity_die("the agent hung up");
	kpc_records_output_sent(records, len);
	while (heard < OCTETS) {
		got = recv(fd, octets, sizeof(octets), 0);
		if (got <= 0 || kpc_records_input(records, octets, (size_t)got) != got)
			entity_die("the agent ended");
		while ((got = kpc_records_read(records, octets, sizeof(octets))) > 0)
			heard += (size_t)got;
	}
}

static int order(const void *one, const void *other)
{
	const uint64_t *a = one, *b = other;

	return (*a > *b) - (*a < *b);
}

int main(int argc, char **argv)
{
	const struct sched_param first = { .sched_priority = 1 };
	const struct kpc_suite *suite;
	struct kpc_error err = { "" };
	struct timespec begun, now;
	struct kpc_records *records;
	struct kpc_kpcid id;
	struct kpc_key *key;
	uint64_t until, all = 0;
	size_t count = 0;
	uint64_t *took;
	int fd;

	suite = argc == 7 ? kpc_suite_by_name(argv[1]) : NULL;
	if (!suite)
		entity_die("SUITE PORT BACKEND KPCID KEY SECONDS");
	if (kpc_key_parse(&key, argv[5], &err) || kpc_kpcid_set(&id, argv[4], strlen(argv[4])))
		entity_die(err.text);
	until = strtoul(argv[6], NULL, 10) * 1000000000;
	took = calloc(MOST, sizeof(*took));
	if (!took)
		entity_die("no memory");
	/* Else it would measure how long others of this machine keep it waiting. */
	sched_setscheduler(0, SCHED_FIFO, &first);
	back(argv[3]);
	fd = entity_connect((uint16_t)atoi(argv[2]));
	records = establish(entity_start(entity_context(KPC_ROLE_A, suite), &id, key, NULL), fd);
	once(records, fd);
	while (count < MOST && (all < until || !count)) {
		clock_gettime(CLOCK_MONOTONIC, &begun);
		once(records, fd);
		clock_gettime(CLOCK_MONOTONIC, &now);
		took[count] = entity_between(&begun, &now);
		all += took[count++];
	}
	qsort(took, count, sizeof(*took), order);
	printf("%zu %.0f %.0f %.0f\n", count, (double)took[count / 2] / 1000,
	       (double)took[count * 99 / 100] / 1000, (double)took[count - 1] / 1000);
	return 0;
}
