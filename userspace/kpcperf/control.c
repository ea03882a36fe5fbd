// SPDX-License-Identifier: MIT
/*
 * The client's control connection, on which it waits.
 */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "address.h"
#include "clock.h"
#include "control.h"

#define CONNECT_SECONDS	10
#define TALK_SECONDS	30

/* Until the channel can go on, a signal, or the time: -EINTR, -ETIMEDOUT. */
static int wait_for(struct control *control, uint32_t want, uint64_t end)
{
	struct pollfd poll_fds[] = {
		{
			.fd = control->channel.fd,
			.events = (want & EPOLLIN ? POLLIN : 0) |
				  (want & EPOLLOUT ? POLLOUT : 0),
		},
		{ .fd = control->signals, .events = POLLIN },
	};
	int n;

	do {
		n = poll(poll_fds, 2, clock_wait_ms(end));
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return kpc_error_return(control->channel.err, -errno,
					"poll: %s", strerror(errno));
	if (!n)
		return kpc_error_return(control->channel.err, -ETIMEDOUT,
					"the server does not answer");
	return poll_fds[1].revents ?
		kpc_error_return(control->channel.err, -EINTR,
				 "interrupted") : 0;
}

/* Calls of the channel want their turns, and to be called again. */
static bool again(struct control *control, ssize_t got, uint64_t end, int *ret)
{
	if (got != -EAGAIN)
		return false;
	*ret = wait_for(control, control->channel.want, end);
	control->channel.want = 0;
	control->channel.turns = CHANNEL_TURNS;
	return !*ret;
}

static int connect_to(struct control *control, const struct options *options,
		      const struct site *site, const struct addrinfo *at,
		      struct kpc_error *err)
{
	uint64_t end = clock_ns() + CONNECT_SECONDS * CLOCK_SECOND;
	socklen_t len = sizeof(int);
	int ret, error = 0;

	memcpy(&control->address, at->ai_addr, at->ai_addrlen);
	control->length = at->ai_addrlen;
	ret = address_connect(&control->address, control->length,
			      options->bind, site, err);
	if (ret < 0)
		return ret;
	control->channel.fd = ret;
	ret = wait_for(control, EPOLLOUT, end);
	if (ret)
		return ret;
	getsockopt(control->channel.fd, SOL_SOCKET, SO_ERROR, &error, &len);
	return error ? kpc_error_return(err, -error, "%s", strerror(error)) : 0;
}

static int shake_hands(struct control *control, const struct site *site)
{
	uint64_t end = clock_ns() + TALK_SECONDS * CLOCK_SECOND;
	struct kpc_handshake_context *context = NULL;
	struct channel *channel = &control->channel;
	int got, ret;

	if (site) {
		context = kpc_handshake_context_new(&site->policy,
						    channel->err);
		if (!context)
			return -errno;
	}
	ret = channel_begin(channel, context);
	kpc_handshake_context_free(context);
	if (ret)
		return ret;
	do {
		got = channel_handshake(channel);
		ret = got;
	} while (again(control, got, end, &ret));
	return ret;
}

int control_open(struct control *control, const struct options *options,
		 const struct site *site, struct kpc_error *err)
{
	const struct addrinfo hints = {
		.ai_family = options->family,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICSERV,
	};
	struct channel *channel = &control->channel;
	struct addrinfo *list, *at;
	char port[8];
	int ret;

	*channel = (struct channel){
		.fd = -1,
		.carrier = options->site.carrier,
		.turns = CHANNEL_TURNS,
		.site = site,
		.err = err,
	};
	snprintf(port, sizeof(port), "%u", options->port);
	ret = getaddrinfo(options->host, port, &hints, &list);
	if (ret)
		return kpc_error_return(err, -EHOSTUNREACH, "%s: %s",
					options->host, gai_strerror(ret));
	for (at = list; at; at = at->ai_next) {
		ret = connect_to(control, options, site, at, err);
		if (!ret || ret == -EINTR)
			break;
		channel_close(channel);
	}
	freeaddrinfo(list);
	if (ret) {
		struct kpc_error why = *err;

		return kpc_error_return(err, ret, "connecting to %s port %s: %s",
					options->host, port, why.text);
	}
	return shake_hands(control, site);
}

int control_put(struct control *control, const void *octets, size_t len)
{
	uint64_t end = clock_ns() + TALK_SECONDS * CLOCK_SECOND;
	const uint8_t *at = octets;
	ssize_t got;
	int ret = 0;

	while (len) {
		got = channel_send(&control->channel, at, len);
		if (again(control, got, end, &ret))
			continue;
		if (got < 0)
			return ret ?: got;
		at += got;
		len -= got;
	}
	do {
		got = channel_flush(&control->channel);
		ret = got;
	} while (again(control, got, end, &ret));
	return ret;
}

int control_get(struct control *control, void *octets, size_t len)
{
	uint64_t end = clock_ns() + TALK_SECONDS * CLOCK_SECOND;
	uint8_t *at = octets;
	ssize_t got;
	int ret = 0;

	while (len) {
		got = channel_receive(&control->channel, at, len);
		if (again(control, got, end, &ret))
			continue;
		if (!got)
			return kpc_error_return(control->channel.err, -ENODATA,
						"the server ended the control connection");
		if (got < 0)
			return ret ?: got;
		at += got;
		len -= got;
	}
	return 0;
}

void control_end(struct control *control)
{
	uint64_t end = clock_ns() + CLOCK_SECOND;
	int got, ret = 0;
	uint8_t octet;

	do {
		got = channel_finish(&control->channel);
	} while (again(control, got, end, &ret));
	if (got)
		return;
	/* Closed with something unread, it would be a reset. */
	do {
		got = channel_receive(&control->channel, &octet, 1);
	} while (again(control, got, end, &ret));
}

void control_close(struct control *control)
{
	channel_close(&control->channel);
}
