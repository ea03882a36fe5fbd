/* SPDX-License-Identifier: MIT */
/*
 * What the fuzzers of handshakes share: both roles, each suite alone and all
 * together, one KpcId, and files of what two of us say. Who includes it says
 * how many SUITES there are, and has the functions declared below.
 */
#ifndef ENTITIES_H
#define ENTITIES_H

#include "../libkpc/pair.h"
#include "fuzz.h"

#define ALL	SUITES

/* Of one suite by its number, or of ALL. */
static struct kpc_handshake_policy policy_of(enum kpc_role role, unsigned int number);

/* Has drawn at once what is drawn once in a process. */
static void draw_once(void);

/* What two say, of each suite and of all, as files in a directory. */
static void write_seeds(const char *directory);

static struct kpc_handshake_context *contexts[2][SUITES + 1];
static struct kpc_kpcid own_id;
static struct kpc_key *own_key;

static void set_up(void)
{
	fuzz_random_begin();
	kpc_kpcid_set(&own_id, PAIR_ID, strlen(PAIR_ID));
	own_key = pair_key(PAIR_KEY);
	for (unsigned int role = 0; role < 2; role++) {
		for (unsigned int i = 0; i <= SUITES; i++) {
			struct kpc_handshake_policy policy = policy_of(role, i);
			struct kpc_error err = { "" };

			contexts[role][i] = kpc_handshake_context_new(&policy, &err);
			if (!contexts[role][i])
				FUZZ_FAIL("no context: %s", err.text);
		}
	}
	draw_once();
}

/* Answers as the agent does, where a key is wanted; whether it was. */
static bool answer_key(struct kpc_handshake *hs)
{
	const struct kpc_kpcid *offer = kpc_handshake_offer(hs);
	bool known = offer && kpc_kpcid_equal(offer, &own_id);

	if (kpc_handshake_state(hs) != KPC_HANDSHAKE_WANT_KEY)
		return false;
	kpc_handshake_key(hs, known ? own_key : NULL, NULL);
	return true;
}

static FILE *seed(const char *directory, enum kpc_role role, unsigned int number)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s-%02u", directory, role == KPC_ROLE_A ? "a" : "b",
		 number);
	file = fopen(path, "we");
	if (!file)
		FUZZ_FAIL("%s cannot be written", path);
	fputc((int)(number << 1 | role), file);
	return file;
}

#define FUZZ_INITIALIZE
int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	set_up();
	if (*argc == 3 && !strcmp((*argv)[1], "--seeds")) {
		write_seeds((*argv)[2]);
		exit(0);
	}
	return 0;
}

#endif
