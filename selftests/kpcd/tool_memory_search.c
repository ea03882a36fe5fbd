// SPDX-License-Identifier: MIT
/*
 * Searches the memory of a process for octets that should not be there (I6):
 *
 *   tool_memory_search PID [UID] <PATTERNS
 *
 * reads lines NAME HEX and looks for any eight octets in a row of each of them, in
 * all that process_vm_readv(2) gives, as root or as UID. Prints what it found and
 * where, and how much it has seen. Ends with 0 if it found nothing, 1 if it found
 * something, 2 if nothing could be read.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define WINDOW		8
#define CHUNK		(1 << 20)
#define WINDOWS_MAX	65536
#define SHOWN_MAX	20

struct window {
	uint64_t octets;
	unsigned int pattern;
	unsigned int offset;
};

static struct window windows[WINDOWS_MAX];
static unsigned int window_count, pattern_count;
static char names[256][64];
static uint8_t seen[65536 / 8];		/* of the first two octets */
/* Places, of which one may be of more octets than eight. */
static unsigned int found;

static int compare(const void *a, const void *b)
{
	const struct window *x = a, *y = b;

	return x->octets < y->octets ? -1 : x->octets > y->octets;
}

static void add(const uint8_t *octets, size_t len)
{
	for (size_t i = 0; i + WINDOW <= len && window_count < WINDOWS_MAX; i++) {
		struct window *window = &windows[window_count++];

		memcpy(&window->octets, octets + i, WINDOW);
		window->pattern = pattern_count;
		window->offset = i;
		seen[(uint16_t)window->octets / 8] |= 1 << (window->octets & 7);
	}
	pattern_count++;
}

static void read_patterns(void)
{
	char line[8192], hex[8000];
	uint8_t octets[4000];
	unsigned int value;
	size_t len;

	while (pattern_count < 256 && fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "%63s %7999s", names[pattern_count], hex) != 2)
			continue;
		for (len = 0; sscanf(hex + 2 * len, "%2x", &value) == 1; len++)
			octets[len] = value;
		add(octets, len);
	}
	qsort(windows, window_count, sizeof(*windows), compare);
}

/* Goes on where the last one found has its second octet. */
static bool goes_on(const struct window *window, unsigned long at)
{
	static unsigned long last;
	static unsigned int pattern;
	bool same = window->pattern == pattern && at == last + 1;

	last = at;
	pattern = window->pattern;
	return same;
}

static void search(const uint8_t *octets, size_t len, unsigned long at, const char *mapping)
{
	for (size_t i = 0; i + WINDOW <= len; i++) {
		struct window wanted, *window;

		memcpy(&wanted.octets, octets + i, WINDOW);
		if (!(seen[(uint16_t)wanted.octets / 8] & 1 << (wanted.octets & 7)))
			continue;
		window = bsearch(&wanted, windows, window_count, sizeof(*windows), compare);
		if (window && !goes_on(window, at + i) && found++ < SHOWN_MAX)
			printf("%s, from octet %u on, at %lx in %s\n", names[window->pattern],
			       window->offset, at + i, mapping);
	}
}

/* Return: octets read of the mapping. */
static size_t search_mapping(pid_t pid, unsigned long from, unsigned long to, const char *name)
{
	static uint8_t chunk[CHUNK + WINDOW];
	size_t kept = 0, total = 0;

	while (from < to) {
		size_t size = to - from < CHUNK ? to - from : CHUNK;
		struct iovec here = { chunk + kept, size }, there = { (void *)from, size };
		ssize_t got = process_vm_readv(pid, &here, 1, &there, 1, 0);

		if (got <= 0)
			break;
		search(chunk, kept + got, from - kept, name);
		total += got;
		from += got;
		/* What begins in one chunk may end in the next. */
		size = kept + got < WINDOW - 1 ? kept + got : WINDOW - 1;
		memmove(chunk, chunk + kept + got - size, size);
		kept = size;
	}
	return total;
}

int main(int argc, char **argv)
{
	unsigned int closed = 0, secret = 0;
	unsigned long from, to;
	char line[1024], path[64], name[512], rights[8];
	size_t total = 0;
	pid_t pid;
	FILE *maps;

	if (argc < 2 || argc > 3)
		return 2;
	pid = atoi(argv[1]);
	read_patterns();
	/* The map is root's to read; what is tried is the memory. */
	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	maps = fopen(path, "r");
	if (!maps || !window_count) {
		fprintf(stderr, "%s: %s, %u patterns\n", path, strerror(errno), pattern_count);
		return 2;
	}
	if (argc > 2 && (setresgid(atoi(argv[2]), atoi(argv[2]), atoi(argv[2])) ||
			 setresuid(atoi(argv[2]), atoi(argv[2]), atoi(argv[2]))))
		return 2;
	while (fgets(line, sizeof(line), maps)) {
		size_t got;

		name[0] = '\0';
		if (sscanf(line, "%lx-%lx %7s %*x %*s %*u %511[^\n]", &from, &to, rights, name) < 3)
			continue;
		got = search_mapping(pid, from, to, name[0] ? name : "anonymous memory");
		total += got;
		closed += rights[0] == 'r' && !got;
		secret += !!strstr(name, "secretmem");
	}
	printf("%d: %zu KiB searched, %u mappings not to be read, %u secret, %u found\n",
	       (int)pid, total / 1024, closed, secret, found);
	return found ? 1 : total ? 0 : 2;
}
