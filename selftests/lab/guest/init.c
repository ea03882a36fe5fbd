// SPDX-License-Identifier: GPL-2.0-only
/*
 * First process of a lab machine: loads the modules that the disks need, mounts
 * them, starts the guest script, reaps what tests leave behind, and switches
 * the machine off when the script has ended. It replaces Debian's initrd, whose
 * unpacking alone takes longer than this whole boot.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MODULES	"/modules"
#define GUEST	"/kpc/selftests/lab/guest/run"

static void power_off(void)
{
	sync();
	reboot(RB_POWER_OFF);
	_exit(1);
}

static void fail(const char *what, const char *which)
{
	printf("lab: %s %s: %s\n", what, which, strerror(errno));
	power_off();
}

/* The files are numbered in the order in which they depend on each other. */
static void load_modules(void)
{
	struct dirent **names;
	char path[512];
	int i, n, fd;

	n = scandir(MODULES, &names, NULL, alphasort);
	if (n < 0)
		fail("cannot read", MODULES);
	for (i = 0; i < n; i++) {
		if (names[i]->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), MODULES "/%s", names[i]->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 ||
		    (syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST))
			fail("cannot load", path);
		close(fd);
	}
}

/* A disk may still be on its way in when its driver has been loaded. */
static void mount_disk(const char *disk, const char *dir)
{
	const struct timespec pause = { .tv_nsec = 20 * 1000 * 1000 };
	int tries;

	for (tries = 0; tries < 250; tries++) {
		if (!mount(disk, dir, "ext4", MS_NOATIME, NULL))
			return;
		if (errno != ENOENT && errno != ENXIO)
			break;
		nanosleep(&pause, NULL);
	}
	fail("cannot mount", disk);
}

static void start_disks(void)
{
	load_modules();
	mkdir("/root", 0755);
	mount_disk("/dev/vda", "/root");
	mount_disk("/dev/vdb", "/root/kpc");
	if (mount("/dev", "/root/dev", NULL, MS_MOVE, NULL) ||
	    chdir("/root") || mount(".", "/", NULL, MS_MOVE, NULL) ||
	    chroot(".") || chdir("/"))
		fail("cannot change to", "/root");
}

static pid_t start_guest(void)
{
	char *argv[] = { GUEST, NULL };
	char *envp[] = {
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=/root", "TERM=linux", "LC_ALL=C.UTF-8", NULL
	};
	pid_t pid = fork();

	if (pid < 0)
		fail("cannot start", GUEST);
	if (!pid) {
		setsid();
		execve(GUEST, argv, envp);
		printf("lab: cannot run %s: %s\n", GUEST, strerror(errno));
		_exit(1);
	}
	return pid;
}

int main(void)
{
	pid_t guest;

	mkdir("/dev", 0755);
	if (mount("devtmpfs", "/dev", "devtmpfs", 0, NULL))
		fail("cannot mount", "/dev");
	/* Set by the run that only asks whether an accelerator works. */
	if (getenv("lab_probe")) {
		printf("lab: probe passed\n");
		power_off();
	}
	start_disks();
	guest = start_guest();
	while (wait(NULL) != guest)
		;
	power_off();
}
