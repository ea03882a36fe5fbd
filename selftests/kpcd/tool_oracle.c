// SPDX-License-Identifier: MIT
/*
 * Asks an agent what it must not tell:
 *
 *   tool_oracle PORT COUNT <SCENES
 *
 * reads lines NAME KPCID KEY SUITE AUTHORITY DELAY, makes COUNT handshakes of each,
 * in an order that is drawn by chance, and prints of each NAME, what came back,
 * and the nanoseconds from the last flight to the first octet of the answer. What
 * came back are the types and lengths of its records, and its alert. DELAY
 * nanoseconds more are spent before that flight leaves, with the clock running.
 */
#include <sys/random.h>
#include <unistd.h>

#include "entity_a.h"

#define SCENES_MAX	32

struct scene {
	char name[64];
	struct kpc_kpcid id;
	struct kpc_key *key;
	struct kpc_handshake_context *context;
	char authority[64];
	unsigned long delay;
	long left;
};

static struct scene scenes[SCENES_MAX];
static unsigned int scene_count;

static void read_scenes(long count)
{
	char line[512], id[128], key[160], suite[64];
	struct kpc_error err = { "" };

	while (scene_count < SCENES_MAX && fgets(line, sizeof(line), stdin)) {
		struct scene *scene = &scenes[scene_count];

		if (sscanf(line, "%63s %127s %159s %63s %63s %lu", scene->name, id, key, suite,
			   scene->authority, &scene->delay) != 6 || !kpc_suite_by_name(suite) ||
		    kpc_key_parse(&scene->key, key, &err) ||
		    kpc_kpcid_set(&scene->id, id, strlen(id)))
			entity_die(line);
		scene->context = entity_context(KPC_ROLE_A, kpc_suite_by_name(suite));
		scene->left = count;
		scene_count++;
	}
}

static unsigned long draw(unsigned long below)
{
	static uint32_t numbers[1024];
	static unsigned int next = 1024;

	if (next == 1024) {
		next = 0;
		if (getrandom(numbers, sizeof(numbers), 0) != sizeof(numbers))
			entity_die("no random numbers");
	}
	return numbers[next++] % below;
}

/* Types and lengths of records, whole ones. */
static void note(char *answer, size_t room, const uint8_t *octets, size_t len)
{
	size_t used = strlen(answer);

	while (len >= 5 && used < room) {
		size_t body = (size_t)octets[3] << 8 | octets[4];

		used += (size_t)snprintf(answer + used, room - used, "%u:%zu,", octets[0], body);
		if (len < 5 + body)
			return;
		octets += 5 + body;
		len -= 5 + body;
	}
}

static void spend(const struct timespec *since, unsigned long nanoseconds)
{
	struct timespec now;

	do {
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (entity_between(since, &now) < nanoseconds);
}

static void ask(const struct scene *scene, uint16_t port)
{
	const char *authority = strcmp(scene->authority, "-") ? scene->authority : NULL;
	struct kpc_handshake *a = entity_start(scene->context, &scene->id, scene->key, authority);
	const struct kpc_handshake_failure *failure;
	uint8_t octets[ENTITY_ROOM], all[ENTITY_ROOM];
	int fd = entity_connect(port);
	struct timespec since, now = { 0 };
	char answer[256] = "";
	uint64_t took = 0;
	size_t len, have;
	ssize_t got;

	do {
		len = entity_say(a, octets);
		clock_gettime(CLOCK_MONOTONIC, &since);
		if (scene->delay)
			spend(&since, scene->delay);
		if (len && send(fd, octets, len, MSG_NOSIGNAL) != (ssize_t)len)
			entity_die("the agent hung up");
		have = 0;
		/* A flight of the agent is there when a has something to say to it. */
		do {
			got = recv(fd, all + have, sizeof(all) - have, 0);
			if (!have)
				clock_gettime(CLOCK_MONOTONIC, &now);
			if (got > 0) {
				entity_hear(a, all + have, (size_t)got, NULL, NULL);
				have += (size_t)got;
			}
			kpc_handshake_output(a, &len);
		} while (got > 0 && !len && kpc_handshake_state(a) == KPC_HANDSHAKE_WANT_INPUT);
		if (have)
			took = entity_between(&since, &now);
		note(answer, sizeof(answer), all, have);
	} while (got > 0 && kpc_handshake_state(a) == KPC_HANDSHAKE_WANT_INPUT);
	failure = kpc_handshake_failure(a);
	printf("%s %salert:%d %lu\n", scene->name, answer,
	       failure ? failure->alert_received : -2, (unsigned long)took);
	close(fd);
	kpc_handshake_free(a);
}

int main(int argc, char **argv)
{
	unsigned long left;
	unsigned int i;

	if (argc != 3)
		entity_die("PORT COUNT <SCENES");
	read_scenes(atol(argv[2]));
	for (left = scene_count * strtoul(argv[2], NULL, 10); left; left--) {
		do {
			i = (unsigned int)draw(scene_count);
		} while (!scenes[i].left);
		scenes[i].left--;
		ask(&scenes[i], (uint16_t)atoi(argv[1]));
	}
	return 0;
}
