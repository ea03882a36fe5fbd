// SPDX-License-Identifier: GPL-2.0-only
/*
 * How an application waits for the agent: what it replaces at its path and what it
 * does not, and that nobody who says nothing keeps it from the others.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kpc/app.h>

#include "../tap.h"

static int at_path(const char *path, int type, bool listens)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type, 0);

	strcpy(at.sun_path, path);
	if (listens ? bind(fd, (struct sockaddr *)&at, sizeof(at)) || listen(fd, 0) :
		      connect(fd, (struct sockaddr *)&at, sizeof(at)))
		tap_note("%s: %s", path, strerror(errno));
	return fd;
}

/* What stays at the path, and what does not. */
static void check_listen(const char *path)
{
	struct kpc_error err = { "" };
	struct stat file;
	socklen_t size = sizeof(int);
	int fd, waits, on = 0;

	fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
	tap_ok(kpc_app_listen(path, &err) == -EEXIST && !fstat(fd, &file) && file.st_nlink == 1,
	       "a file stays: %s", err.text);
	close(fd);
	unlink(path);
	tap_ok(!mkfifo(path, 0600) && kpc_app_listen(path, &err) == -EEXIST &&
	       !lstat(path, &file) && S_ISFIFO(file.st_mode), "a FIFO too: %s", err.text);
	unlink(path);
	tap_ok(!symlink("/dev/null", path) && kpc_app_listen(path, &err) == -EEXIST &&
	       !lstat(path, &file) && S_ISLNK(file.st_mode), "and a link: %s", err.text);
	unlink(path);

	fd = at_path(path, SOCK_SEQPACKET, true);
	waits = at_path(path, SOCK_SEQPACKET, false);
	tap_ok(kpc_app_listen(path, &err) == -EADDRINUSE,
	       "one that listens, and has no room for more, is not waited for: %s", err.text);
	close(waits);
	close(fd);
	fd = kpc_app_listen(path, &err);
	tap_ok(fd >= 0, "one that was left is replaced %s", fd < 0 ? err.text : "");
	tap_ok(!getsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, &size) && on,
	       "who sends can be told of those who come before the first is accepted");
	close(fd);
	unlink(path);
	fd = at_path(path, SOCK_STREAM, true);
	tap_ok(kpc_app_listen(path, &err) == -EADDRINUSE, "another program's stays: %s", err.text);
	close(fd);
	unlink(path);
}

static void nothing(int signal)
{
}

/* Signals all the time, as of children that end. */
static pid_t disturb(void)
{
	pid_t test = getpid(), child;

	signal(SIGUSR1, nothing);
	child = fork();
	if (child)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (getppid() == test) {
		kill(test, SIGUSR1);
		usleep(100000);
	}
	_exit(0);
}

/* Whoever is refused, the next one has its turn. */
static void check_accept(const char *path)
{
	static const char refusal[] = "kpc-hand-over 1\nerror there is none\n";
	struct kpc_error err = { "" };
	int listener, silent, next, ret;
	struct kpc_app app;
	pid_t child;

	listener = kpc_app_listen(path, &err);
	silent = at_path(path, SOCK_SEQPACKET, false);
	next = at_path(path, SOCK_SEQPACKET, false);
	child = disturb();
	send(next, refusal, strlen(refusal), 0);
	ret = kpc_app_accept(listener, 0, &app, &err);
	tap_ok(ret == -ETIMEDOUT && app.fd == -1, "who says nothing is given up: %s", err.text);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	ret = kpc_app_accept(listener, 0, &app, &err);
	tap_ok(ret == -ECONNREFUSED && !strcmp(err.text, "there is none"),
	       "and the next is heard: %s", err.text);
	close(next);
	close(silent);
	close(listener);
	unlink(path);
}

int main(void)
{
	char folder[] = "/tmp/kpc-app.XXXXXX", path[64];

	tap_begin();
	if (!mkdtemp(folder))
		return 1;
	snprintf(path, sizeof(path), "%s/app", folder);
	/* Should somebody wait without end. */
	alarm(60);
	check_listen(path);
	check_accept(path);
	rmdir(folder);
	return tap_end();
}
