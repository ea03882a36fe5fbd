/* SPDX-License-Identifier: MIT */
/* The folder of a test, and files in it. */
#ifndef FOLDER_H
#define FOLDER_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* For mkdtemp(3). */
static char folder[] = "/tmp/kpc-keys-XXXXXX";

/* The last four stay as they are. */
static const char *path_of(const char *name)
{
	static char paths[4][128];
	static unsigned int next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

static void put(const char *name, const char *octets, size_t len, mode_t mode)
{
	int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, octets, len) != (ssize_t)len || fchmod(fd, mode)) {
		perror(path_of(name));
		exit(1);
	}
	close(fd);
}

#endif
