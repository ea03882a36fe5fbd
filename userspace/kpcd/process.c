// SPDX-License-Identifier: MIT
/*
 * The warden's helper processes: workers and the resolver.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "log.h"
#include "privilege.h"
#include "process.h"
#include "resolver.h"
#include "wipe.h"

/* The program as it was started, whatever an upgrade puts in its place. */
static int process_self = -1;

/* What of the environment a helper gets: how to find and run libraries. */
static const char *const kept[] = {
	"ASAN_OPTIONS",
	"LD_LIBRARY_PATH",
	"LOCALDOMAIN",
	"OPENSSL_CONF",
	"OPENSSL_MODULES",
	"RES_OPTIONS",
	"TZ",
	"UBSAN_OPTIONS",
};

#define KEPT	(sizeof(kept) / sizeof(*kept))

int process_init(void)
{
	process_self = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	return process_self < 0 ? -errno : 0;
}

static void keep_environment(char **environment, char *room, size_t size)
{
	size_t i, n = 0, used = 0;

	for (i = 0; i < KEPT; i++) {
		const char *value = getenv(kept[i]);
		int len;

		if (!value)
			continue;
		len = snprintf(room + used, size - used, "%s=%s", kept[i],
			       value);
		if (len < 0 || (size_t)len >= size - used)
			continue;
		environment[n++] = room + used;
		used += len + 1;
	}
	environment[n] = NULL;
}

/* In the child: the descriptors to their places, all others closed. */
static int place_descriptors(const int fds[PROCESS_FDS])
{
	int high[PROCESS_FDS + 1];
	int i;

	/* Out of the way first: a source may stand on another's place. */
	for (i = 0; i < PROCESS_FDS; i++) {
		high[i] = fds[i] < 0 ? -1 : fcntl(fds[i], F_DUPFD, 16);
		if (fds[i] >= 0 && high[i] < 0)
			return -errno;
	}
	high[i] = fcntl(process_self, F_DUPFD, 16);
	if (high[i] < 0)
		return -errno;

	for (i = 0; i < PROCESS_FDS; i++) {
		if (high[i] < 0)
			close(PROCESS_FIRST_FD + i);
		else if (dup2(high[i], PROCESS_FIRST_FD + i) < 0)
			return -errno;
	}
	if (dup2(high[PROCESS_FDS], PROCESS_FIRST_FD + PROCESS_FDS) < 0)
		return -errno;
	fcntl(PROCESS_FIRST_FD + PROCESS_FDS, F_SETFD, FD_CLOEXEC);
	closefrom(PROCESS_FIRST_FD + PROCESS_FDS + 1);
	return 0;
}

static void child(const char *role, unsigned int number,
		  const int fds[PROCESS_FDS])
{
	char text[16], room[4096], *environment[KEPT + 1];
	const char *const argv[] = { "kpcd", role, text, NULL };
	sigset_t none;

	/* A terminal's interrupt is the warden's to act on. */
	setpgid(0, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);

	snprintf(text, sizeof(text), "%u", number);
	keep_environment(environment, room, sizeof(room));
	if (!place_descriptors(fds))
		syscall(SYS_execveat, PROCESS_FIRST_FD + PROCESS_FDS, "",
			argv, environment, AT_EMPTY_PATH);
	_exit(127);
}

pid_t process_spawn(const char *role, unsigned int number,
		    const int fds[PROCESS_FDS])
{
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (!pid)
		child(role, number, fds);
	return pid;
}

/*
 * A process that ends lets go of its memory, then of its sockets, and is a
 * zombie some time after. What cannot be told is not held against it.
 */
static bool goes_on(pid_t pid)
{
	int fd = syscall(SYS_pidfd_open, pid, 0);
	bool on;

	if (fd < 0)
		return false;
	/* ESRCH: no memory is left; EINVAL: there is, and nothing ends it. */
	on = syscall(SYS_process_mrelease, fd, 0) && errno == EINVAL;
	close(fd);
	return on;
}

bool process_end(pid_t pid)
{
	bool on = goes_on(pid);

	kill(pid, SIGKILL);
	return on;
}

static int start_read(struct process_start *start)
{
	ssize_t n;

	do {
		n = recv(PROCESS_MESSAGE_FD, start, sizeof(*start), 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (n != sizeof(*start) || start->magic != PROCESS_MAGIC)
		return -EPROTO;
	return 0;
}

static void pin(int cpu)
{
	cpu_set_t set;

	if (cpu < 0)
		return;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		log_say(LOG_WARNING, "cannot pin a worker to processor %d: %m",
			cpu);
}

static int run_worker(const struct process_start *start)
{
	int flags, err;

	/* Reads its configuration file, which is out of reach later. */
	if (wipe_openssl() ||
	    !OPENSSL_init_ssl(OPENSSL_INIT_LOAD_CONFIG |
			      OPENSSL_INIT_LOAD_SSL_STRINGS |
			      OPENSSL_INIT_LOAD_CRYPTO_STRINGS, NULL)) {
		log_say(LOG_ERR, "cannot initialise OpenSSL");
		return 1;
	}
	pin(start->worker.cpu);

	err = privilege_helper(start->uid, start->gid,
			       start->has_root ? PROCESS_ROOT_FD : -1);
	if (err) {
		log_say(LOG_ERR, "cannot confine a worker: %s",
			strerror(-err));
		return 1;
	}
	flags = fcntl(PROCESS_MESSAGE_FD, F_GETFL);
	fcntl(PROCESS_MESSAGE_FD, F_SETFL, flags | O_NONBLOCK);
	return worker_main(PROCESS_MESSAGE_FD,
			   start->has_netlink ? PROCESS_NETLINK_FD : -1,
			   &start->worker);
}

static int run_resolver(const struct process_start *start)
{
	int err = privilege_helper(start->uid, start->gid, -1);

	if (err) {
		log_say(LOG_ERR, "cannot confine the resolver: %s",
			strerror(-err));
		return 1;
	}
	return resolver_main(PROCESS_MESSAGE_FD);
}

static const struct {
	const char *name;
	int (*run)(const struct process_start *start);
} roles[] = {
	{ "worker",	run_worker },
	{ "resolver",	run_resolver },
};

int process_main(int argc, char **argv)
{
	struct process_start start;
	char name[16];
	size_t i;

	if (argc != 3)
		return -1;
	for (i = 0; i < sizeof(roles) / sizeof(*roles); i++)
		if (!strcmp(argv[1], roles[i].name))
			break;
	if (i == sizeof(roles) / sizeof(*roles))
		return -1;

	if (start_read(&start)) {
		fprintf(stderr, "kpcd: '%s' is for kpcd's own use\n", argv[1]);
		return 2;
	}
	snprintf(name, sizeof(name), "kpcd-%c%.8s", argv[1][0], argv[2]);
	prctl(PR_SET_NAME, name, 0, 0, 0);
	return roles[i].run(&start);
}
