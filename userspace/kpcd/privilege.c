// SPDX-License-Identifier: MIT
/*
 * What the warden and its helpers may do, and how they give up the rest.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "log.h"
#include "privilege.h"

/* What the warden keeps, and why. */
static const struct {
	unsigned int capability;
	const char *name;
	const char *reason;
} warden_needs[] = {
	{ CAP_NET_ADMIN, "CAP_NET_ADMIN",
	  "speaks to the module, loads tls" },
	{ CAP_NET_BIND_SERVICE, "CAP_NET_BIND_SERVICE",
	  "listens on ports under 1024" },
	{ CAP_CHOWN, "CAP_CHOWN",
	  "gives UNIX sockets to the owner that an association names" },
	{ CAP_SETUID, "CAP_SETUID", "starts workers under another user" },
	{ CAP_SETGID, "CAP_SETGID", "starts workers in another group" },
	{ CAP_SYS_CHROOT, "CAP_SYS_CHROOT",
	  "starts workers in an empty root directory" },
	{ CAP_SETPCAP, "CAP_SETPCAP",
	  "starts workers with an empty bounding set" },
	{ CAP_KILL, "CAP_KILL",
	  "ends workers, which run under another user" },
};

#define NEEDS	(sizeof(warden_needs) / sizeof(*warden_needs))

struct capabilities {
	struct __user_cap_header_struct header;
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
};

static int capabilities_get(struct capabilities *caps)
{
	memset(caps, 0, sizeof(*caps));
	caps->header.version = _LINUX_CAPABILITY_VERSION_3;
	return syscall(SYS_capget, &caps->header, caps->data) ? -errno : 0;
}

/* Permitted and effective become @set, inheritable and ambient nothing. */
static int capabilities_set(uint64_t set)
{
	struct capabilities caps = {
		.header.version = _LINUX_CAPABILITY_VERSION_3,
		.data = {
			{ .effective = set, .permitted = set },
			{ .effective = set >> 32, .permitted = set >> 32 },
		},
	};

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) &&
	    errno != EINVAL)
		return -errno;
	return syscall(SYS_capset, &caps.header, caps.data) ? -errno : 0;
}

/* Take all but @set out of what an execve() could give. */
static int bounding_set(uint64_t set)
{
	unsigned int capability;

	for (capability = 0; capability < 64; capability++) {
		if (set & (1ULL << capability))
			continue;
		if (!prctl(PR_CAPBSET_DROP, capability, 0, 0, 0))
			continue;
		if (errno == EINVAL)	/* past the kernel's last */
			break;
		return -errno;
	}
	return 0;
}

static int no_core(void)
{
	const struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &none))
		return -errno;
	/* Nor ptrace, nor /proc/PID/mem, by others of the same user. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return -errno;
	return 0;
}

int privilege_warden(void)
{
	const struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	struct rlimit files;
	struct capabilities caps;
	uint64_t have, keep = 0;
	size_t i;
	int err;

	err = no_core();
	if (err)
		return err;

	/* Keys are locked in memory; a limit of 64 KiB is a few hundred. */
	if (setrlimit(RLIMIT_MEMLOCK, &all) && errno != EPERM)
		return -errno;
	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}

	err = capabilities_get(&caps);
	if (err)
		return err;
	have = caps.data[0].permitted | (uint64_t)caps.data[1].permitted << 32;

	for (i = 0; i < NEEDS; i++) {
		uint64_t bit = 1ULL << warden_needs[i].capability;

		if (have & bit)
			keep |= bit;
		else
			log_say(LOG_WARNING, "without %s, which %s",
				warden_needs[i].name, warden_needs[i].reason);
	}

	/* The bounding set first: it takes a capability that goes next. */
	if (have & (1ULL << CAP_SETPCAP)) {
		err = bounding_set(keep);
		if (err)
			return err;
	}
	err = capabilities_set(keep);
	if (err)
		return err;

	/*
	 * A replacement worker is an execve() by root, which under
	 * no_new_privs gets what the warden has, and no more.
	 */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	return 0;
}

int privilege_empty_root(void)
{
	static const char *const places[] = { "/run", "/tmp" };
	size_t i;
	int fd, err = -ENOENT;

	for (i = 0; i < sizeof(places) / sizeof(*places); i++) {
		char path[64];

		snprintf(path, sizeof(path), "%s/kpcd.XXXXXX", places[i]);
		if (!mkdtemp(path)) {
			err = -errno;
			continue;
		}
		fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		err = fd < 0 ? -errno : fd;
		rmdir(path);
		if (err >= 0)
			return err;
	}
	return err;
}

int privilege_helper(uid_t uid, gid_t gid, int root)
{
	struct capabilities caps;
	uint64_t have;
	int err;

	err = capabilities_get(&caps);
	if (err)
		return err;
	have = caps.data[0].permitted | (uint64_t)caps.data[1].permitted << 32;

	if (root >= 0 && (have & (1ULL << CAP_SYS_CHROOT))) {
		if (fchdir(root) || chroot("."))
			return -errno;
		/* The descriptor is the one door left into the directory. */
		close(root);
	}
	if (have & (1ULL << CAP_SETPCAP)) {
		err = bounding_set(0);
		if (err)
			return err;
	}
	if (have & (1ULL << CAP_SETGID)) {
		if (setgroups(0, NULL) || setresgid(gid, gid, gid))
			return -errno;
	}
	if (have & (1ULL << CAP_SETUID)) {
		if (setresuid(uid, uid, uid))
			return -errno;
	}
	err = capabilities_set(0);
	if (err)
		return err;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;

	/* Both are reset by a change of user, so they come after it. */
	err = no_core();
	if (err)
		return err;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0))
		return -errno;
	return 0;
}
