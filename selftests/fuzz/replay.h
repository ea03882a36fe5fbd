/* SPDX-License-Identifier: MIT */
/*
 * A fuzzer as a test of any host: plays its corpus, and of each file changes that
 * are the same in every run. What must never be ends the test.
 */
#ifndef REPLAY_H
#define REPLAY_H

#include <dirent.h>
#include <libgen.h>
#include <limits.h>

#include "../tap.h"

#define REPLAY_CHANGES	200
#define REPLAY_MAX	16384

/** struct replay_case - a file of the corpus, changed or not */
struct replay_case {
	uint8_t octets[REPLAY_MAX];
	size_t len;
};

static uint64_t replay_state = 0x9e3779b97f4a7c15;

static inline size_t replay_number(size_t below)
{
	replay_state ^= replay_state << 13;
	replay_state ^= replay_state >> 7;
	replay_state ^= replay_state << 17;
	return below ? (replay_state >> 32) % below : 0;
}

/* Puts in octets of their own, or takes some out. */
static inline void replay_resize(struct replay_case *it, size_t at, size_t len)
{
	if (replay_number(2)) {
		if (it->len + len > sizeof(it->octets))
			return;
		memmove(it->octets + at + len, it->octets + at, it->len - at);
		for (size_t i = 0; i < len; i++)
			it->octets[at + i] = (uint8_t)replay_number(256);
		it->len += len;
		return;
	}
	if (len > it->len - at)
		len = it->len - at;
	memmove(it->octets + at, it->octets + at + len, it->len - at - len);
	it->len -= len;
}

static inline void replay_change(struct replay_case *it)
{
	size_t at = replay_number(it->len + 1);

	if (replay_number(3) && at < it->len)
		it->octets[at] = (uint8_t)replay_number(256);
	else
		replay_resize(it, at, replay_number(16));
}

static inline void replay_file(const char *folder, const char *name)
{
	static struct replay_case whole, changed;
	char path[PATH_MAX];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "re");
	if (!file)
		FUZZ_FAIL("%s cannot be read", path);
	whole.len = fread(whole.octets, 1, sizeof(whole.octets), file);
	fclose(file);
	LLVMFuzzerTestOneInput(whole.octets, whole.len);
	for (int i = 0; i < REPLAY_CHANGES; i++) {
		changed = whole;
		for (size_t n = replay_number(5) + 1; n; n--)
			replay_change(&changed);
		LLVMFuzzerTestOneInput(changed.octets, changed.len);
	}
	tap_ok(true, "%s, and %d changes of it", name, REPLAY_CHANGES);
}

static int not_hidden(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* The corpus is of the program's name, which is host_NAME. */
int main(int argc, char **argv)
{
	const char *tree = getenv("KPC_TREE");
	struct dirent **names = NULL;
	char folder[PATH_MAX / 2];
	int count;

	snprintf(folder, sizeof(folder), "%s/selftests/fuzz/corpus/%s", tree ?: ".",
		 strchr(basename(argv[0]), '_') + 1);
#ifdef FUZZ_INITIALIZE
	LLVMFuzzerInitialize(&argc, &argv);
#endif
	tap_begin();
	count = scandir(folder, &names, not_hidden, alphasort);
	for (int i = 0; i < count; i++) {
		replay_file(folder, names[i]->d_name);
		free(names[i]);
	}
	free(names);
	return tap_end();
}

#endif
