/* SPDX-License-Identifier: MIT */
/* Two connected TCP sockets, as kernel TLS wants them. */
#ifndef TCP_PAIR_H
#define TCP_PAIR_H

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/** tcp_pair() - over loopback; receiving gives up after @seconds; 0 or -1 */
static inline int tcp_pair(int fds[2], int seconds)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	struct timeval limit = { .tv_sec = seconds };

	fds[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(listener, (struct sockaddr *)&address, len) || listen(listener, 1) ||
	    getsockname(listener, (struct sockaddr *)&address, &len) ||
	    connect(fds[0], (struct sockaddr *)&address, len))
		return -1;
	fds[1] = accept(listener, NULL, NULL);
	close(listener);
	for (int i = 0; i < 2; i++)
		setsockopt(fds[i], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	return fds[1] < 0 ? -1 : 0;
}

#endif
