// SPDX-License-Identifier: MIT
/*
 * The warden: configuration, keys, listeners and the rights of the agent.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <kpc/ktls.h>

#include "associations.h"
#include "container.h"
#include "establish.h"
#include "follow.h"
#include "local.h"
#include "log.h"
#include "notify.h"
#include "privilege.h"
#include "process.h"
#include "reload.h"
#include "timer.h"
#include "warden.h"

/* Another SIGTERM after this time asks for haste. */
#define REPEAT_MS	500
/* What a worker may take to end connections and itself. */
#define KILL_MS		2000

/* A worker may use kernel TLS but not have the kernel load it. */
static void load_tls(void)
{
	if (kpc_ktls_probe() == -ENOENT)
		log_say(LOG_WARNING,
			"this kernel has no TLS (CONFIG_TLS, module tls): only "
			"associations whose offload allows the agent come up");
}

static void reap(struct warden *warden)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (crew_exited(warden, pid, status))
			continue;
		if (pid == warden->resolver.pid)
			resolver_exited(&warden->resolver);
	}
	if (warden->stopping && !crew_running(warden))
		loop_stop(&warden->loop);
}

static void grace_over(struct loop_timer *timer)
{
	struct warden *warden = container_of(timer, struct warden, grace);

	log_say(LOG_NOTICE, "connections that are left are ended");
	crew_kill(warden);
}

static void stop(struct warden *warden)
{
	struct entry *entry;

	if (warden->stopping) {
		/* Some send it to the process and to its group: once meant. */
		if (timer_now() - warden->stopping_at > REPEAT_MS)
			crew_kill(warden);
		return;
	}
	warden->stopping = true;
	warden->stopping_at = timer_now();
	log_say(LOG_INFO, "stopping: nothing new is taken, connections have %u seconds",
		warden->options->drain_seconds);
	notify_send("STOPPING=1");
	for (entry = warden->table.first; entry; entry = entry->next)
		establish_stop(entry, "the agent stops");
	crew_drain(warden);
	warden->grace.fire = grace_over;
	loop_arm(&warden->loop, &warden->grace,
		 warden->options->drain_seconds * 1000ULL + KILL_MS);
	if (!crew_running(warden))
		loop_stop(&warden->loop);
}

static void reload(struct warden *warden)
{
	if (warden->stopping)
		return;
	notify_reloading();
	if (!reload_files(warden, false))
		log_say(LOG_INFO, "reloaded");
	notify_send("READY=1");
}

static void on_signal(struct loop_source *source, uint32_t events)
{
	struct warden *warden = container_of(source, struct warden, signals);
	struct signalfd_siginfo signal;

	if (read(source->fd, &signal, sizeof(signal)) != sizeof(signal))
		return;
	switch (signal.ssi_signo) {
	case SIGCHLD:
		reap(warden);
		break;
	case SIGHUP:
		reload(warden);
		break;
	default:
		stop(warden);
		break;
	}
}

static int watch_signals(struct warden *warden)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	if (sigprocmask(SIG_SETMASK, &set, NULL))
		return -errno;
	warden->signals.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (warden->signals.fd < 0)
		return -errno;
	warden->signals.ready = on_signal;
	return loop_add(&warden->loop, &warden->signals, EPOLLIN);
}

/* Descriptors 0 to 2 are taken, so that no socket gets one of them. */
static int occupy_stdio(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd < 0)
		return -errno;
	dup2(fd, STDIN_FILENO);
	close(fd);
	return 0;
}

const struct kpc_keystore_entry *warden_key(const struct warden *warden,
					    const struct kpc_kpcid *id)
{
	return warden->keys ? kpc_keystore_find(warden->keys, id) : NULL;
}

static struct kpc_key *random_key(void)
{
	uint8_t octets[32];

	if (getrandom(octets, sizeof(octets), 0) != sizeof(octets))
		return NULL;
	return kpc_key_new(octets, sizeof(octets), NULL);
}

static int begin(struct warden *warden)
{
	const struct options *options = warden->options;
	int err;

	err = occupy_stdio();
	if (!err)
		err = process_init();
	if (!err)
		err = loop_init(&warden->loop);
	if (!err)
		err = watch_signals(warden);
	if (!err)
		err = table_init(&warden->table);
	if (err)
		goto failed;

	warden->nobody = random_key();
	if (!warden->nobody) {
		err = -ENOMEM;
		goto failed;
	}
	load_tls();
	if (options->table)
		log_say(LOG_WARNING,
			"--table: without the module nothing is enforced; any program "
			"may use the addresses and marks of these associations");
	else if (follow_open(warden))
		return -ENOENT;
	err = privilege_warden();
	if (err)
		goto failed;

	err = crew_init(warden);
	if (err)
		return err;
	resolver_init(&warden->resolver, &warden->loop, options->uid,
		      options->gid);
	/* Refused files are told before a worker is started. */
	err = reload_files(warden, true);
	if (err)
		return err;
	return 0;

failed:
	log_say(LOG_ERR, "cannot start: %s", strerror(-err));
	return err;
}

static void finish(struct warden *warden)
{
	struct entry *entry;

	for (entry = warden->table.first; entry; entry = entry->next)
		local_close(entry);
	kpc_keystore_free(warden->keys);
	kpc_key_free(warden->nobody);
}

int warden_run(const struct options *options)
{
	static struct warden warden;
	int err;

	warden.options = options;
	log_init();
	srandom(time(NULL) ^ getpid());
	err = begin(&warden);
	if (!err && warden.enforce)
		err = follow_begin(&warden);
	if (err) {
		finish(&warden);
		return 1;
	}
	crew_start(&warden);
	log_say(LOG_INFO, "ready");
	notify_send("READY=1");
	err = loop_run(&warden.loop);
	finish(&warden);
	log_say(LOG_INFO, "ended");
	return err || warden.failed ? 1 : 0;
}
