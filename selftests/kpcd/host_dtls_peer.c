// SPDX-License-Identifier: GPL-2.0-only
/*
 * Peers of DTLS to which two things happen in one moment: of role a, whose far end has
 * two addresses, what comes of the first one when its time is over; of role b, what
 * comes before its socket is connected. M7, M8.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../libkpc/dtls_pair.h"

static int connect_late(int fd, const struct sockaddr *to, socklen_t length);

/* The source itself, of which only connect() takes its time. */
#define connect(fd, to, length)	connect_late(fd, to, length)
#include "kpcd/dtls_socket.c"
#undef connect

#include "kpcd/connection.h"
#include "kpcd/dtls_peer.h"
#include "lone_worker.h"

#define CCM_8	0xc0a8
#define ID	1

static struct worker worker;
static struct dtls_pair pair;
static int warden, far;
/* Who sends to a socket that has its port and not yet its other end; or -1. */
static int stranger = -1;
static struct sockaddr_in own;

static struct sockaddr_in loopback(void)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
}

static int connect_late(int fd, const struct sockaddr *to, socklen_t length)
{
	socklen_t own_length = sizeof(own);

	own = loopback();
	if (stranger >= 0 &&
	    (bind(fd, (struct sockaddr *)&own, sizeof(own)) ||
	     getsockname(fd, (struct sockaddr *)&own, &own_length) ||
	     sendto(stranger, "strange", 7, 0, (struct sockaddr *)&own, sizeof(own)) != 7))
		return -1;
	return connect(fd, to, length);
}

static bool worker_begin(void)
{
	if (!lone_worker_begin(&worker, &warden, 2))
		return false;
	worker.dtls_most = 2;
	return true;
}

static void worker_end(void)
{
	dtls_end_all(&worker, "");
	for (int i = 0; i < 4; i++)
		engine_run(worker.engine, 0);
	dtls_bury(&worker);
	tap_ok(dtls_idle(&worker), "nothing is left of it");
	dtls_peers_free(&worker);
	lone_worker_end(&worker, warden);
}

/* A socket of UDP, and where it is; v4 as v4-mapped. */
static int udp(struct sockaddr_in6 *at)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in v4 = loopback();
	socklen_t length = sizeof(v4);

	if (bind(fd, (struct sockaddr *)&v4, length) ||
	    getsockname(fd, (struct sockaddr *)&v4, &length))
		return -1;
	address_map((struct sockaddr *)&v4, at);
	return fd;
}

static void key_is_here(void)
{
	struct kpc_message message = {
		.type = KPC_MESSAGE_KEY,
		.key.association = ID,
		.key.len = (uint32_t)kpc_key_length(pair.pair.key),
		.key.kpc_id = pair.pair.id,
	};

	memcpy(message.key.octets, kpc_key_octets(pair.pair.key), message.key.len);
	waiter_answer(&worker.requests, worker.requests.last, &message, -1);
}

static void far_says(void)
{
	const void *octets;
	size_t len;

	while ((octets = kpc_dtls_output(pair.b, &len))) {
		send(far, octets, len, 0);
		kpc_dtls_output_sent(pair.b);
	}
}

/* Takes what has come, and answers, but for the end of the handshake. */
static void far_turn(void)
{
	struct sockaddr_storage from;
	socklen_t length = sizeof(from);
	struct kpc_dtls_hello hello;
	uint8_t datagram[2048];
	ssize_t len;

	len = recvfrom(far, datagram, sizeof(datagram), MSG_DONTWAIT,
		       (struct sockaddr *)&from, &length);
	if (len < 0)
		return;
	if (pair.b) {
		dtls_pair_deliver(pair.b, datagram, (size_t)len);
	} else if (kpc_dtls_hello(pair.cookies, &from, length, datagram, (size_t)len, 1, &hello) ==
		   KPC_DTLS_HELLO_FIRST) {
		sendto(far, hello.verify, sizeof(hello.verify), 0, (struct sockaddr *)&from,
		       length);
	} else {
		connect(far, (struct sockaddr *)&from, length);
		pair.b = kpc_dtls_new(pair.pair.cb, NULL);
		kpc_dtls_accept(pair.b, datagram, (size_t)len);
		kpc_dtls_advance(pair.b);
	}
	if (dtls_state(pair.b) == KPC_HANDSHAKE_WANT_KEY)
		dtls_pair_answer(&pair);
	if (pair.b && dtls_state(pair.b) != KPC_HANDSHAKE_DONE)
		far_says();
}

static void check_move(void)
{
	struct kpc_handshake_policy policy = dtls_policy(CCM_8);
	struct association association = {
		.config.id = ID,
		.config.name = "pump",
		.config.role = KPC_ROLE_A,
		.config.datagrams = true,
		.config.handshake_seconds = 60,
		.addresses.count = 2,
		.policy = policy,
	};
	struct sockaddr_in6 *at = association.addresses.at;
	struct dtls_peer *peer = NULL;

	association.policy.role = KPC_ROLE_A;
	far = udp(&at[0]);
	at[1] = at[0];
	if (far >= 0 && dtls_pair_open(&pair, &policy, PAIR_KEY, PAIR_KEY) && worker_begin())
		peer = dtls_initiate(&worker, &association, NULL, NULL, 0);
	if (!tap_ok(peer, "a handshake with the first address begins"))
		return;
	key_is_here();
	for (int i = 0; i < 1000 && dtls_state(pair.b) != KPC_HANDSHAKE_DONE; i++) {
		dtls_step(&worker);
		engine_run(worker.engine, 1);
		far_turn();
	}
	tap_ok(dtls_state(pair.b) == KPC_HANDSHAKE_DONE && peer->address == 1,
	       "role b is through with it");
	far_says();
	for (int i = 0; i < 1000 && !dtls_steps(&worker); i++)
		engine_run(worker.engine, 1);
	tap_ok(dtls_steps(&worker), "the end of it comes");
	peer->next_at = 1;
	timer_disarm(&worker.timers, &peer->timer);
	peer->timer.expired(&peer->timer);
	for (int i = 0; i < 4; i++) {
		dtls_step(&worker);
		engine_run(worker.engine, 0);
	}
	tap_ok(peer->state == DTLS_HANDSHAKE && peer->address == 2,
	       "in the moment in which its time is over, and the second has its turn");
	worker_end();
	kpc_handshake_context_free(association.context);
	dtls_pair_close(&pair);
	close(far);
}

/* Whether what comes to the far end is that, in a record of its peer. */
static bool far_hears(const char *words)
{
	uint8_t datagram[256], *at = datagram;
	const uint8_t *data;
	size_t left, len;
	ssize_t got = -1;

	for (int i = 0; i < 10 && got < 0; i++) {
		engine_run(worker.engine, 1);
		got = recv(far, datagram, sizeof(datagram), MSG_DONTWAIT);
	}
	if (got < 0)
		return false;
	left = (size_t)got;
	return kpc_dtls_read(pair.a, &at, &left, &data, &len) == KPC_DTLS_RECORD_DATA &&
	       len == strlen(words) && !memcmp(data, words, len);
}

static void check_stranger(void)
{
	struct kpc_handshake_policy policy = dtls_policy(CCM_8);
	struct association association = {
		.config.id = ID,
		.config.name = "pump",
		.config.role = KPC_ROLE_B,
		.config.datagrams = true,
		.config.allow_any = true,
		.config.idle = 60,
	};
	struct listener listener = {
		.worker = &worker,
		.tls = true,
		.family = AF_INET,
	};
	struct sockaddr_in6 at[3] = {};
	struct dtls_address from = {};
	struct dtls_peer *peer = NULL;
	int backend = udp(&at[0]);

	far = udp(&from.peer);
	stranger = udp(&at[1]);
	listener.accept.fd = udp(&at[2]);
	from.own = at[2].sin6_addr;
	snprintf(association.config.plain, sizeof(association.config.plain), "udp:127.0.0.1:%u",
		 ntohs(at[0].sin6_port));
	if (dtls_pair_open(&pair, &policy, PAIR_KEY, PAIR_KEY) && dtls_pair_run(&pair) &&
	    worker_begin())
		peer = dtls_peer_new(&worker, KPC_ROLE_B, &listener, &from);
	if (!tap_ok(peer, "a peer of role b has proved its key"))
		return;
	peer->association = &association;
	peer->dtls = pair.b;
	pair.b = NULL;
	dtls_relay_start(peer);
	tap_ok(peer->state == DTLS_UP && !far_hears("strange"),
	       "what was at its socket before it was connected is not the backend's");
	sendto(backend, "true", 4, 0, (struct sockaddr *)&own, sizeof(own));
	tap_ok(far_hears("true"), "and what the backend sends then is");
	worker_end();
	dtls_pair_close(&pair);
	close(backend);
	close(stranger);
	close(listener.accept.fd);
	close(far);
	stranger = -1;
}

int main(void)
{
	tap_begin();
	check_move();
	check_stranger();
	return tap_end();
}
