// SPDX-License-Identifier: LGPL-2.1-or-later
/* Reads user keys out of Linux key rings, after a look at who else has a right to them. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/keyctl.h>

#include "internal.h"
#include "key_source.h"

#define GROUP_OTHERS	0x00003f3f	/* their rights in a key's permissions */
#define DESCRIPTION_MAX	4096

static const struct ring {
	const char *name;
	int32_t id;
} rings[] = {
	{ "@u", KEY_SPEC_USER_KEYRING },
	{ "@us", KEY_SPEC_USER_SESSION_KEYRING },
	{ "@s", KEY_SPEC_SESSION_KEYRING },
};

static long keyctl(int operation, int32_t key, const void *three, const void *four, int32_t five)
{
	return syscall(SYS_keyctl, operation, key, three, four, five);
}

static const struct ring *find_ring(const char *where, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(rings); i++)
		if (strlen(rings[i].name) == len && !memcmp(rings[i].name, where, len))
			return &rings[i];
	return NULL;
}

static int refuse(const struct ring *ring, int error, struct kpc_error *err)
{
	if (error == ENOKEY)
		return kpc_error_return(err, -ENOKEY, "key: keyring: there is no user key of that "
					"description in %s of uid %u", ring->name, geteuid());
	return kpc_error_return(err, -error, "key: keyring: the user key in %s of uid %u: %s",
				ring->name, geteuid(), strerror(error));
}

/* What owner and mode are to a file. @id: a key, or a ring of keys. */
static int check_rights(const struct ring *ring, int32_t id, const char *what,
			struct kpc_error *err)
{
	char text[DESCRIPTION_MAX + 64] = "";
	unsigned int owner, group, rights;
	long len = keyctl(KEYCTL_DESCRIBE, id, text, (void *)(sizeof(text) - 1), 0);

	if (len < 0)
		return refuse(ring, errno, err);
	if (sscanf(text, "%*[^;];%u;%u;%x;", &owner, &group, &rights) != 3)
		return refuse(ring, EIO, err);
	if (owner && owner != geteuid())
		return kpc_error_return(err, -EACCES, "key: keyring: %s %s belongs to uid %u; root "
					"or uid %u is accepted", what, ring->name, owner,
					geteuid());
	if (rights & GROUP_OTHERS)
		return kpc_error_return(err, -EACCES, "key: keyring: %s %s gives rights to group "
					"or others (0x%08x); 0x%08x is accepted (keyctl setperm)",
					what, ring->name, rights, rights & ~GROUP_OTHERS);
	return 0;
}

/*
 * A service of systemd has a session ring of its own, from which the user's is
 * not reached (KeyringMode=private). Who finds a key in the user's ring may read
 * it only if it hangs in a ring of the process too: in the thread's, as long as it
 * is read.
 */
ssize_t kpci_keyring_read(void *octets, size_t size, const char *where, struct kpc_error *err)
{
	size_t name = strcspn(where, "/");
	const struct ring *ring = find_ring(where, name);
	ssize_t got;
	int32_t key;
	int code;

	if (!ring || !where[name] || !where[name + 1])
		return kpc_error_return(err, -EINVAL, "key: keyring: wants a ring and the "
					"description of a user key there; @u/DESCRIPTION is "
					"accepted, and @us or @s in place of @u");
	code = check_rights(ring, ring->id, "the ring", err);
	if (code)
		return code;
	key = (int32_t)keyctl(KEYCTL_SEARCH, ring->id, "user", where + name + 1,
			      KEY_SPEC_THREAD_KEYRING);
	if (key < 0)
		return refuse(ring, errno, err);
	got = check_rights(ring, key, "the key in", err);
	if (!got) {
		got = keyctl(KEYCTL_READ, key, octets, (void *)size, 0);
		if (got < 0)
			got = refuse(ring, errno, err);
	}
	keyctl(KEYCTL_UNLINK, key, (void *)(intptr_t)KEY_SPEC_THREAD_KEYRING, NULL, 0);
	/* It says how long a key is that has no room. */
	return got > (ssize_t)size ? (ssize_t)size : got;
}
