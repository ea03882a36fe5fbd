// SPDX-License-Identifier: MIT
/*
 * Listeners with one socket per worker: of TLS and DTLS, shared by associations,
 * and of local programs that send datagrams.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "address.h"
#include "crew.h"
#include "listener.h"
#include "log.h"
#include "quota.h"
#include "warden.h"

#define BACKLOG	4096
/* Of datagrams that wait in a socket. */
#define RECEIVE_OCTETS	(4 << 20)

/**
 * struct listener - sockets at one address
 * @next: in the warden's list
 * @id: in messages
 * @kind: who comes to it
 * @association: see listener_get()
 * @users: associations that share it
 * @at: the address
 * @told: the workers have it
 * @fds: one for each worker
 */
struct listener {
	struct listener *next;
	uint32_t id;
	enum listener_kind kind;
	uint32_t association;
	unsigned int users;
	struct sockaddr_in6 at;
	bool told;
	int fds[OPTIONS_WORKERS_MAX];
};

/* Any address of IPv6 is one of IPv4 too, as the module protects it. */
static bool is_dual(const struct sockaddr_in6 *at)
{
	return IN6_IS_ADDR_UNSPECIFIED(&at->sin6_addr);
}

static int parse(const char *text, struct sockaddr_in6 *at,
		 struct kpc_error *err)
{
	char host[256];
	uint16_t port;
	int code = kpc_address_split(text, host, &port, err);

	if (code)
		return code;
	if (address_literal(strcmp(host, "*") ? host : "::", port, at))
		return kpc_error_return(err, -EINVAL,
					"'%s' is not an address to listen on; digits, [digits] or * is accepted",
					host);
	return 0;
}

static bool is_udp(const struct listener *listener)
{
	return listener->kind != LISTENER_TLS;
}

/*
 * An answer leaves from where the datagram went to. (SO_REUSEADDR has a meaning
 * of its own there: anybody could listen too.)
 */
static void prepare_udp(int fd, sa_family_t family)
{
	const int on = 1, octets = RECEIVE_OCTETS;

	if (family == AF_INET)
		setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
	else
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on,
			   sizeof(on));
	/* As much as everybody may have, without the right to more. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &octets,
		       sizeof(octets)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &octets, sizeof(octets));
}

static int open_one(struct warden *warden, const struct listener *listener,
		    struct kpc_error *err)
{
	const int on = 1, v6only = !is_dual(&listener->at);
	struct sockaddr_storage at;
	socklen_t len = address_socket(&listener->at, &at);
	bool udp = is_udp(listener);
	int fd, code;

	fd = socket(at.ss_family, (udp ? SOCK_DGRAM : SOCK_STREAM) |
		    SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return kpc_error_return(err, -errno, "socket: %s",
					strerror(errno));
	if (udp)
		prepare_udp(fd, at.ss_family);
	else
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	/* A filter on one socket of the group would choose for all of them. */
	if (setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) ||
	    (at.ss_family == AF_INET6 &&
	     setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only,
			sizeof(v6only))) ||
	    bind(fd, (struct sockaddr *)&at, len)) {
		code = -errno;
		kpc_error_set(err, "cannot listen there: %s", strerror(errno));
		goto close;
	}
	/*
	 * Before a first SYN can come: it would meet an unknown socket. One of
	 * UDP has its port by now, as the module wants it; nothing comes yet.
	 */
	if (warden->enforce && listener->kind != LISTENER_LOCAL) {
		code = kpc_nl_handshake_new(&warden->nl, fd, NULL, 0, err);
		if (code)
			goto close;
	}
	if (!udp && listen(fd, BACKLOG)) {
		code = -errno;
		kpc_error_set(err, "cannot listen there: %s", strerror(errno));
		goto close;
	}
	return fd;

close:
	close(fd);
	return code;
}

static void close_all(struct warden *warden, struct listener *listener)
{
	unsigned int i;

	for (i = 0; i < warden->crew.count; i++)
		if (listener->fds[i] >= 0)
			close(listener->fds[i]);
}

/* A worker may have shut down what the next one is to use. */
static void reopen(struct crew_worker *worker, struct listener *listener)
{
	int *fd = &listener->fds[worker->index];
	struct kpc_error why = { "" };
	int fresh;

	if (is_udp(listener) ? address_receives(*fd) : address_listens(*fd))
		return;
	fresh = open_one(worker->warden, listener, &why);
	if (fresh < 0) {
		log_say(LOG_ERR, "a worker has closed its listener, and no other can be had: %s",
			why.text);
		return;
	}
	close(*fd);
	*fd = fresh;
}

static void tell(struct crew_worker *worker, const struct listener *listener)
{
	const struct kpc_message message = {
		.type = listener->kind == LISTENER_LOCAL ? KPC_MESSAGE_PLAIN :
							   KPC_MESSAGE_LISTENER,
		.listener = {
			.id = listener->id,
			.association = listener->association,
			.datagrams = is_udp(listener),
		},
	};

	crew_send(worker, &message,
		  listener->fds[worker->index]);
}

int listener_get(struct warden *warden, enum listener_kind kind,
		 const char *text, uint32_t association,
		 struct listener **result, struct kpc_error *err)
{
	struct listener *listener;
	struct sockaddr_in6 at;
	unsigned int i;
	char shown[64];
	int code;

	code = parse(text, &at, err);
	if (code)
		return code;
	for (listener = warden->listeners; listener; listener = listener->next) {
		if (listener->kind == kind &&
		    listener->association == association &&
		    !memcmp(&listener->at, &at, sizeof(at))) {
			listener->users++;
			*result = listener;
			return 0;
		}
	}

	listener = calloc(1, sizeof(*listener));
	if (!listener)
		return kpc_error_return(err, -ENOMEM, "no memory");
	listener->id = ++warden->last_listener;
	listener->kind = kind;
	listener->association = association;
	listener->users = 1;
	listener->at = at;
	memset(listener->fds, 0xff, sizeof(listener->fds));
	for (i = 0; i < warden->crew.count; i++) {
		code = open_one(warden, listener, err);
		if (code < 0)
			goto fail;
		listener->fds[i] = code;
	}
	listener->next = warden->listeners;
	warden->listeners = listener;

	quota_update(warden);
	log_address_format(shown, sizeof(shown), &at);
	log_say(LOG_INFO, "listening on %s%s", is_dual(&at) ? text : shown,
		is_udp(listener) ? " for datagrams" : "");
	*result = listener;
	return 0;

fail:
	close_all(warden, listener);
	free(listener);
	return code;
}

void listener_tell(struct warden *warden, struct listener *listener)
{
	unsigned int i;

	for (i = 0; !listener->told && i < warden->crew.count; i++)
		if (warden->crew.workers[i].ready)
			tell(&warden->crew.workers[i], listener);
	listener->told = true;
}

void listener_put(struct warden *warden, struct listener *listener)
{
	const struct kpc_message message = {
		.type = KPC_MESSAGE_LISTENER_GONE,
		.id = listener->id,
	};
	struct listener **at = &warden->listeners;

	if (--listener->users)
		return;
	crew_tell(warden, &message, -1);
	while (*at != listener)
		at = &(*at)->next;
	*at = listener->next;
	close_all(warden, listener);
	free(listener);
	quota_update(warden);
}

uint32_t listener_count(const struct warden *warden)
{
	const struct listener *at;
	uint32_t count = 0;

	for (at = warden->listeners; at; at = at->next)
		count++;
	return count;
}

uint32_t listener_id(const struct listener *listener)
{
	return listener->id;
}

void listener_replay(struct crew_worker *worker)
{
	struct listener *listener;

	for (listener = worker->warden->listeners; listener;
	     listener = listener->next) {
		reopen(worker, listener);
		tell(worker, listener);
	}
}
