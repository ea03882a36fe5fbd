/* SPDX-License-Identifier: MIT */
/*
 * The client's control connection, on which it waits.
 */
#ifndef KPCPERF_CONTROL_H
#define KPCPERF_CONTROL_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "channel.h"
#include "options.h"

/**
 * struct control - one connection
 * @channel: its octets
 * @address: of the server, which the other connections use too
 * @length: of @address
 * @signals: a signalfd: what comes there ends the wait; -1: none
 */
struct control {
	struct channel channel;
	struct sockaddr_storage address;
	socklen_t length;
	int signals;
};

/**
 * control_open() - find the server, connect, and shake hands
 * @control: with @signals; to be closed in any case
 * @options: where
 * @site: as whom; NULL: without TLS
 * @err: why not
 *
 * Return: 0; -EINTR: a signal; another negative errno.
 */
int control_open(struct control *control, const struct options *options,
		 const struct site *site, struct kpc_error *err);

/** control_put() - send all of it; 0 or a negative errno */
int control_put(struct control *control, const void *octets, size_t len);

/** control_get() - receive so much; 0 or a negative errno */
int control_get(struct control *control, void *octets, size_t len);

/** control_end() - end it in order */
void control_end(struct control *control);

/** control_close() - free it */
void control_close(struct control *control);

#endif
