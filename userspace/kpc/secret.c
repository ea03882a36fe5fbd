// SPDX-License-Identifier: MIT
/*
 * Keys on their way in: from a file, a pipe, a terminal, the random source.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "secret.h"

void secret_guard(void)
{
	const struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
}

/* Return: true if the terminal now shows nothing; @before puts it back. */
static bool echo_off(int fd, struct termios *before)
{
	struct termios silent;

	if (tcgetattr(fd, before))
		return false;
	silent = *before;
	silent.c_lflag &= ~ECHO;
	fputs("Kpc (encoding:KEY): ", stderr);
	return !tcsetattr(fd, TCSAFLUSH, &silent);
}

static int read_line(int fd, char *text, size_t *length)
{
	ssize_t got;

	*length = 0;
	/* One octet at a time: what follows the line is someone else's. */
	for (;;) {
		got = read(fd, text + *length, 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got || text[*length] == '\n')
			break;
		if (++*length == SECRET_TEXT_MAX)
			return -E2BIG;
	}
	while (*length && (text[*length - 1] == ' ' ||
			   text[*length - 1] == '\t' ||
			   text[*length - 1] == '\r'))
		--*length;
	text[*length] = '\0';
	return 0;
}

/* A file that others may read has given its key away already. */
static int open_secret(const char *path, struct kpc_error *err)
{
	struct stat stat;
	int ret;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return kpc_error_return(err, -errno, "%s: %s", path,
					strerror(errno));
	if (fstat(fd, &stat))
		ret = kpc_error_return(err, -errno, "%s: %s", path,
				       strerror(errno));
	else if (S_ISREG(stat.st_mode) && stat.st_mode & 077)
		ret = kpc_error_return(err, -EACCES,
				       "%s: others have rights on it (mode %04o); mode 0600 is accepted",
				       path, stat.st_mode & 07777);
	else
		return fd;
	close(fd);
	return ret;
}

int secret_read(const char *path, char *text, struct kpc_error *err)
{
	struct termios before;
	size_t length;
	bool silent;
	int fd = STDIN_FILENO;
	int ret;

	if (strcmp(path, "-")) {
		fd = open_secret(path, err);
		if (fd < 0)
			return fd;
	}
	silent = isatty(fd) && echo_off(fd, &before);
	ret = read_line(fd, text, &length);
	if (silent) {
		tcsetattr(fd, TCSAFLUSH, &before);
		putc('\n', stderr);
	}
	if (fd != STDIN_FILENO)
		close(fd);
	if (ret)
		return kpc_error_return(err, ret, "reading the Kpc: %s",
					ret == -E2BIG ? "the line is too long" :
					strerror(-ret));
	if (!length)
		return kpc_error_return(err, -EINVAL,
					"the first line of %s is empty; encoding:KEY is accepted, such as hex:00112233445566778899aabbccddeeff",
					strcmp(path, "-") ? path :
					"standard input");
	return 0;
}

struct kpc_key *secret_generate(size_t octets, struct kpc_error *err)
{
	uint8_t random[KPC_KEY_MAX];
	struct kpc_key *key = NULL;

	if (octets > sizeof(random) ||
	    getrandom(random, octets, 0) != (ssize_t)octets)
		kpc_error_set(err, "no random octets: %s", strerror(errno));
	else
		key = kpc_key_new(random, octets, err);
	explicit_bzero(random, sizeof(random));
	return key;
}
