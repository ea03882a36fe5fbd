// SPDX-License-Identifier: MIT
/*
 * Where a key is while it is read (I6): in locked memory from its first octet on,
 * and nowhere on the stack afterwards, whether it was taken or refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <kpc/key.h>

#include "../tap.h"

#define STACK_SIZE	(1024 * 1024)

/* Places outside of locked memory that octets of a key were put into. */
static unsigned int open_places;

/* Locked or secret, as smaps has it. */
static bool locked(const void *octets)
{
	unsigned long place = (unsigned long)octets, from, to;
	FILE *maps = fopen("/proc/self/smaps", "r");
	bool found = false, held = false;
	char line[512];

	while (maps && fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2) {
			found = place >= from && place < to;
			held = held || (found && strstr(line, "/secretmem"));
		} else if (found && !strncmp(line, "VmFlags:", 8)) {
			held = held || strstr(line, " lo");
		}
	}
	if (maps)
		fclose(maps);
	return held;
}

static ssize_t watched_read(int fd, void *octets, size_t len)
{
	open_places += !locked(octets);
	return read(fd, octets, len);
}

/* Copies into the pool; so what is copied has been elsewhere before. */
static inline struct kpc_key *watched_new(const void *octets, size_t len, struct kpc_error *err)
{
	open_places += !locked(octets);
	return kpc_key_new(octets, len, err);
}

/* The sources themselves, watched where octets of a key go. */
#define read		watched_read
#define kpc_key_new	watched_new
#include "libkpc/key_parse.c"
#include "libkpc/key_source.c"
#undef read
#undef kpc_key_new

static const uint8_t secret[16] = {
	0xc3, 0x5a, 0x91, 0x0e, 0x77, 0xd2, 0x48, 0xbb, 0x16, 0xe9, 0x3c, 0x85, 0xf0, 0x2d, 0xa4,
	0x6b,
};

struct parse {
	const char *text;
	struct kpc_key *key;
	int code;
};

static void *parse(void *arg)
{
	struct parse *parse = arg;

	parse->code = kpc_key_parse(&parse->key, parse->text, NULL);
	return NULL;
}

/* Eight octets in a row that nothing else has. */
__attribute__((no_sanitize("address")))
static bool on_stack(const uint8_t *stack)
{
	for (size_t i = 0; i + 8 <= STACK_SIZE; i++) {
		size_t same = 0;

		while (same < 8 && stack[i + same] == secret[same])
			same++;
		if (same == 8)
			return true;
	}
	return false;
}

/* Reads on a stack of its own, which can be searched when it is done. */
static void check(const char *name, const char *text, int code)
{
	struct parse job = { .text = text };
	pthread_attr_t attributes;
	pthread_t thread;
	uint8_t *stack;

	stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	open_places = 0;
	if (stack == MAP_FAILED || pthread_attr_init(&attributes) ||
	    pthread_attr_setstack(&attributes, stack, STACK_SIZE) ||
	    pthread_create(&thread, &attributes, parse, &job) || pthread_join(thread, NULL)) {
		tap_ok(false, "I6 %s: no thread to read it in", name);
		return;
	}
	tap_ok(job.code == code && !job.key == !!code &&
	       (code || (kpc_key_length(job.key) == 16 &&
			 !memcmp(kpc_key_octets(job.key), secret, 16))), "M2 %s is read: %d",
	       name, job.code);
	tap_ok(!open_places, "I6 %s: never outside of locked memory (%u times)", name,
	       open_places);
	tap_ok(!on_stack(stack), "I6 %s: nothing of it stays on the stack", name);
	kpc_key_free(job.key);
	munmap(stack, STACK_SIZE);
}

int main(void)
{
	char path[] = "/tmp/kpc-key-memory-XXXXXX", reference[64];
	static const char text[] = "c35a910e77d248bb16e93c85f02da46b\n";
	int fd = mkstemp(path);

	tap_begin();
	if (fd < 0 || write(fd, secret, sizeof(secret)) != sizeof(secret) || close(fd)) {
		perror(path);
		return 1;
	}
	snprintf(reference, sizeof(reference), "file:%s", path);
	check("hex:", "hex:c35a910e77d248bb16e93c85f02da46b", 0);
	check("hex: with a false digit", "hex:c35a910e77d248bb16e93c85f02da46x", -EINVAL);
	check("base64:", "base64:w1qRDnfSSLsW6TyF8C2kaw==", 0);
	check("base64: with a false digit", "base64:w1qRDnfSSLsW6TyF8C2ka.", -EINVAL);
	check("file:", reference, 0);
	fd = open(path, O_WRONLY | O_TRUNC);
	if (fd < 0 || write(fd, text, sizeof(text) - 1) != sizeof(text) - 1 || close(fd)) {
		perror(path);
		return 1;
	}
	snprintf(reference, sizeof(reference), "file+hex:%s", path);
	check("file+hex:", reference, 0);
	unlink(path);
	return tap_end();
}
