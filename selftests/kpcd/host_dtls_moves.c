// SPDX-License-Identifier: GPL-2.0-only
/*
 * A worker of role a whose far end has two addresses: what comes of the first one in
 * the moment in which its time is over. M7.
 */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../libkpc/dtls_pair.h"
#include "kpcd/dtls_peer.h"
#include "kpcd/connection.h"

#define CCM_8	0xc0a8
#define ID	1

static struct worker worker;
static struct dtls_pair pair;
static int warden, far;

static bool worker_begin(void)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds))
		return false;
	worker.message_fd = fds[0];
	warden = fds[1];
	worker.netlink_fd = -1;
	worker.steps_end = &worker.steps;
	worker.quota = (struct kpc_message_quota){ 2, 2 };
	worker.dtls_most = 2;
	timer_wheel_init(&worker.timers);
	buffer_pool_init(&worker.pool, 64 << 20);
	if (engine_new(WORKER_ENGINE_EPOLL, &worker.pool, &worker.engine))
		return false;
	channel_start(&worker);
	return true;
}

/* Where role b is; v4 as v4-mapped. */
static bool far_begin(struct sockaddr_in6 *at)
{
	struct sockaddr_in v4 = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t length = sizeof(v4);

	far = socket(AF_INET, SOCK_DGRAM, 0);
	if (bind(far, (struct sockaddr *)&v4, length) ||
	    getsockname(far, (struct sockaddr *)&v4, &length))
		return false;
	at->sin6_family = AF_INET6;
	at->sin6_port = v4.sin_port;
	at->sin6_addr.s6_addr[10] = 0xff;
	at->sin6_addr.s6_addr[11] = 0xff;
	memcpy(&at->sin6_addr.s6_addr[12], &v4.sin_addr, 4);
	return true;
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
		return;
	} else {
		connect(far, (struct sockaddr *)&from, length);
		pair.b = kpc_dtls_new(pair.pair.cb, NULL);
		kpc_dtls_accept(pair.b, datagram, (size_t)len);
		kpc_dtls_advance(pair.b);
	}
	if (dtls_state(pair.b) == KPC_HANDSHAKE_WANT_KEY)
		dtls_pair_answer(&pair);
	if (dtls_state(pair.b) != KPC_HANDSHAKE_DONE)
		far_says();
}

int main(void)
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

	tap_begin();
	association.policy.role = KPC_ROLE_A;
	if (dtls_pair_open(&pair, &policy, PAIR_KEY, PAIR_KEY) && worker_begin() &&
	    far_begin(&at[0])) {
		at[1] = at[0];
		peer = dtls_initiate(&worker, &association, NULL, NULL, 0);
	}
	if (!tap_ok(peer, "a handshake with the first address begins"))
		return tap_end();
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
	dtls_end_all(&worker, "");
	for (int i = 0; i < 4; i++)
		engine_run(worker.engine, 0);
	dtls_bury(&worker);
	tap_ok(dtls_idle(&worker), "nothing is left of it");
	dtls_peers_free(&worker);
	kpc_handshake_context_free(association.context);
	engine_free(worker.engine);
	channel_finish(&worker);
	transfer_flush(&worker);
	buffer_pool_free(&worker.pool);
	close(worker.message_fd);
	close(warden);
	close(far);
	dtls_pair_close(&pair);
	return tap_end();
}
