// SPDX-License-Identifier: LGPL-2.1-or-later
/* Reads what files and systemd credentials hold, into locked memory. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"
#include "key_source.h"

/* Where systemd puts what the agent's unit asks for, while that runs. */
#define AGENT_CREDENTIALS	"/run/credentials/kpcd.service"

static ssize_t read_all(void *octets, size_t size, const char *path, struct kpc_error *err)
{
	size_t have = 0;
	ssize_t got;
	int fd;

	fd = kpci_secret_open(path, err);
	/* The key is not there; that the key store is not says ENOENT. */
	if (fd < 0)
		return fd == -ENOENT ? -ENOKEY : fd;
	do {
		got = read(fd, (char *)octets + have, size - have);
		if (got > 0)
			have += (size_t)got;
	} while ((got > 0 && have < size) || (got < 0 && errno == EINTR));
	if (got < 0)
		got = kpc_error_return(err, -errno, "%s: %s", path, strerror(errno));
	close(fd);
	return got < 0 ? got : (ssize_t)have;
}

static ssize_t read_file(void *octets, size_t size, const char *path, struct kpc_error *err)
{
	if (path[0] != '/')
		return kpc_error_return(err, -EINVAL, "key: file: wants a path from the root");
	return read_all(octets, size, path, err);
}

/*
 * systemd tells its service where they are. A shell has none of its own, and
 * looks at those that the agent was given.
 */
static ssize_t read_credential(void *octets, size_t size, const char *name, struct kpc_error *err)
{
	const char *given = secure_getenv("CREDENTIALS_DIRECTORY");
	const char *directory = given ? given : AGENT_CREDENTIALS;
	char path[4096];

	if (!*name || *name == '.' || strchr(name, '/'))
		return kpc_error_return(err, -EINVAL, "key: credential: wants the name of a "
					"credential, which has no / and does not begin with a dot");
	if (directory[0] != '/' || snprintf(path, sizeof(path), "%s/%s", directory, name) >=
	    (int)sizeof(path))
		return kpc_error_return(err, -EINVAL, "key: credential: CREDENTIALS_DIRECTORY is "
					"no path from the root, or too long");
	if (!access(path, F_OK) || errno != ENOENT)
		return read_all(octets, size, path, err);
	if (!access(directory, F_OK) || given)
		return kpc_error_return(err, -ENOKEY, "key: credential: there is none of that name "
					"in %s; LoadCredentialEncrypted= of the unit brings it",
					directory);
	return kpc_error_return(err, -ENOKEY, "key: credential: systemd has decrypted none: "
				"CREDENTIALS_DIRECTORY is not set, and %s, which is there while "
				"kpcd.service runs with credentials, is not", directory);
}

static const struct kpci_source sources[] = {
	{ "file", true, read_file },
	{ "keyring", false, kpci_keyring_read },
	{ "credential", false, read_credential },
};

const struct kpci_source *kpci_source_find(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++)
		if (strlen(sources[i].name) == len && !memcmp(sources[i].name, name, len))
			return &sources[i];
	return NULL;
}
