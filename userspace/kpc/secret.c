// SPDX-License-Identifier: MIT
/*
 * Keys on their way in: from a file, a pipe, a terminal, the random source.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "cli.h"
#include "secret.h"

#define FILE_MAX	(64 << 20)

void secret_guard(void)
{
	const struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
}

/**
 * struct prompt - A terminal that shows nothing while a key is typed
 * @fd: The terminal.
 * @signals: Can be read when one of those is pending that would end or stop this
 * program; -1: no terminal.
 * @before: How the terminal was.
 * @mask: Which signals were blocked.
 */
struct prompt {
	int fd;
	int signals;
	struct termios before;
	sigset_t mask;
};

/*
 * The signals wait until the terminal is as it was: it outlives this program.
 * A @prompt that is no terminal stays without effect.
 */
static void prompt_open(struct prompt *prompt)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP };
	struct termios silent;
	sigset_t signals;
	size_t i;

	prompt->signals = -1;
	if (tcgetattr(prompt->fd, &prompt->before))
		return;
	sigemptyset(&signals);
	for (i = 0; i < CLI_COUNT(ends); i++)
		sigaddset(&signals, ends[i]);
	if (sigprocmask(SIG_BLOCK, &signals, &prompt->mask))
		return;
	prompt->signals = signalfd(-1, &signals, SFD_CLOEXEC);
	if (prompt->signals < 0) {
		sigprocmask(SIG_SETMASK, &prompt->mask, NULL);
		return;
	}
	silent = prompt->before;
	silent.c_lflag &= ~ECHO;
	fputs("Kpc (encoding:KEY): ", stderr);
	tcsetattr(prompt->fd, TCSAFLUSH, &silent);
}

/* A signal that came meanwhile takes its effect in here. */
static void prompt_close(struct prompt *prompt)
{
	if (prompt->signals < 0)
		return;
	tcsetattr(prompt->fd, TCSAFLUSH, &prompt->before);
	putc('\n', stderr);
	close(prompt->signals);
	sigprocmask(SIG_SETMASK, &prompt->mask, NULL);
}

/* Return: 0 when there is something to read, -EINTR for a signal. */
static int prompt_wait(const struct prompt *prompt)
{
	struct pollfd wait[] = {
		{ .fd = prompt->fd, .events = POLLIN },
		{ .fd = prompt->signals, .events = POLLIN },
	};

	if (prompt->signals < 0)
		return 0;
	while (poll(wait, CLI_COUNT(wait), -1) < 0)
		if (errno != EINTR)
			return -errno;
	return wait[1].revents ? -EINTR : 0;
}

static int read_line(const struct prompt *prompt, char *text, size_t *length)
{
	ssize_t got;
	int ret;

	*length = 0;
	/* One octet at a time: what follows the line is someone else's. */
	for (;;) {
		ret = prompt_wait(prompt);
		if (ret)
			return ret;
		got = read(prompt->fd, text + *length, 1);
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
	struct prompt prompt;
	size_t length;
	int fd = STDIN_FILENO;
	int ret;

	if (strcmp(path, "-")) {
		fd = open_secret(path, err);
		if (fd < 0)
			return fd;
	}
	prompt.fd = fd;
	prompt_open(&prompt);
	ret = read_line(&prompt, text, &length);
	prompt_close(&prompt);
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

/* Not realloc(), which would leave keys where they were. */
static char *twice(char *text, size_t length, size_t *room)
{
	char *grown = *room < FILE_MAX ? malloc(2 * *room + 1) : NULL;

	if (grown) {
		memcpy(grown, text, length);
		*room *= 2;
	}
	explicit_bzero(text, length);
	free(text);
	return grown;
}

char *secret_read_all(const char *path, size_t *length, struct kpc_error *err)
{
	bool own = strcmp(path, "-");
	int fd = own ? open_secret(path, err) : STDIN_FILENO;
	size_t room = 4096;
	ssize_t got = 1;
	char *text;

	if (fd < 0)
		return NULL;
	text = malloc(room + 1);
	*length = 0;
	while (text && got) {
		if (*length == room) {
			text = twice(text, *length, &room);
			continue;
		}
		got = read(fd, text + *length, room - *length);
		if (got < 0 && errno != EINTR) {
			kpc_error_set(err, "%s: %s", path, strerror(errno));
			explicit_bzero(text, *length);
			free(text);
			goto close;
		}
		*length += got > 0 ? got : 0;
	}
	if (text)
		text[*length] = '\0';
	else
		kpc_error_set(err, "%s: is too large", path);
	got = 0;
close:
	if (own)
		close(fd);
	return got < 0 ? NULL : text;
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
