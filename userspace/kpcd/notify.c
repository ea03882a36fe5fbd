// SPDX-License-Identifier: MIT
/*
 * Tells the service manager how far the warden is, as sd_notify(3) does.
 *
 * One datagram does not earn a library that maps its own dependencies into
 * the process that holds the keys.
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "notify.h"

void notify_send(const char *state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *path = getenv("NOTIFY_SOCKET");
	bool is_status = !strncmp(state, "STATUS=", strlen("STATUS="));
	socklen_t len;
	int fd;

	if (!path || (path[0] != '/' && path[0] != '@') ||
	    strlen(path) >= sizeof(address.sun_path))
		return;

	len = offsetof(struct sockaddr_un, sun_path) + strlen(path);
	memcpy(address.sun_path, path, strlen(path));
	if (path[0] == '@')
		address.sun_path[0] = '\0';

	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	/* Anybody may fill its queue: a status is told again, and waits for nobody. */
	if (sendto(fd, state, strlen(state), MSG_NOSIGNAL |
		   (is_status ? MSG_DONTWAIT : 0),
		   (struct sockaddr *)&address, len) < 0 &&
	    !(is_status && errno == EAGAIN))
		log_say(LOG_WARNING, "cannot tell the service manager: %m");
	close(fd);
}

void notify_reloading(void)
{
	struct timespec now;
	char state[64];

	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%llu",
		 (unsigned long long)now.tv_sec * 1000000 +
		 now.tv_nsec / 1000);
	notify_send(state);
}
