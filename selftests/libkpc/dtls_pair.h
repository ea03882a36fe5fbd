/* SPDX-License-Identifier: MIT */
/*
 * Two entities of DTLS in one process, joined by datagrams that can be lost: what
 * the tests of DTLS share. A test that waits is the clock itself.
 */
#ifndef DTLS_PAIR_H
#define DTLS_PAIR_H

#include <sys/time.h>
#include <time.h>

#include <kpc/dtls.h>

#include "pair.h"

#define DATAGRAM_MAX	(KPC_DTLS_DATA_MAX + KPC_DTLS_OVERHEAD_MAX)
#define A_ADDRESS	"192.0.2.1:40000"

/* Milliseconds that the clock is ahead of the true one, for OpenSSL's timers. */
static uint64_t clock_ahead;

int gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	tv->tv_sec = now.tv_sec + (time_t)(clock_ahead / 1000);
	tv->tv_usec = now.tv_nsec / 1000 + (suseconds_t)(clock_ahead % 1000 * 1000);
	if (tv->tv_usec >= 1000000) {
		tv->tv_usec -= 1000000;
		tv->tv_sec++;
	}
	return 0;
}

/**
 * enum fate - of a datagram
 */
enum fate {
	PASSES,
	LOST,
	TWICE,
};

/**
 * struct dtls_pair - a (role a) and b (role b)
 * @pair: contexts, KpcId and key
 * @cookies: of b's listener
 * @a: role a
 * @b: role b; NULL until a hello has proved its address
 * @fate: of datagram number @sent, counted both ways; NULL: all pass
 * @sent: datagrams so far
 * @verified: of them, HelloVerifyRequests
 * @to_a: octets that b's listener and b have sent
 * @to_b: octets that a has sent
 */
struct dtls_pair {
	struct pair pair;
	struct kpc_dtls_cookies *cookies;
	struct kpc_dtls *a, *b;
	enum fate (*fate)(unsigned int number);
	unsigned int sent, verified;
	size_t to_a, to_b;
};

static inline struct kpc_handshake_policy dtls_policy(uint16_t suite)
{
	return (struct kpc_handshake_policy){
		.profile = KPC_PROFILE_ONEM2M,
		.versions = KPC_VERSION_FLAGS_DTLS12,
		.offload = KPC_OFFLOAD_OFF,
		.suites = { suite },
		.suite_count = suite ? 1 : 0,
	};
}

static inline bool dtls_pair_open(struct dtls_pair *dtls, const struct kpc_handshake_policy *policy,
				  const char *a_key, const char *b_key)
{
	struct kpc_error err = { "" };
	bool shared = pair_contexts(&dtls->pair, policy, b_key, &err);

	dtls->cookies = shared ? kpc_dtls_cookies_new(&err) : NULL;
	dtls->a = dtls->cookies ? kpc_dtls_new(dtls->pair.ca, &err) : NULL;
	if (dtls->a && pair_initiate(kpc_dtls_handshake(dtls->a), a_key, NULL, &err))
		return true;
	tap_note("pair: %s", err.text);
	return false;
}

static inline void dtls_pair_close(struct dtls_pair *dtls)
{
	kpc_dtls_free(dtls->a);
	kpc_dtls_free(dtls->b);
	kpc_dtls_cookies_free(dtls->cookies);
	pair_close(&dtls->pair);
	memset(dtls, 0, sizeof(*dtls));
}

/* What b's listener does with what comes for nobody it knows. */
static inline void dtls_pair_listen(struct dtls_pair *dtls, const uint8_t *datagram, size_t len)
{
	struct kpc_dtls_hello hello;

	switch (kpc_dtls_hello(dtls->cookies, A_ADDRESS, strlen(A_ADDRESS), datagram, len, 1,
			       &hello)) {
	case KPC_DTLS_HELLO_FIRST:
		dtls->verified++;
		dtls->to_a += sizeof(hello.verify);
		kpc_dtls_input(dtls->a, hello.verify, sizeof(hello.verify));
		kpc_dtls_advance(dtls->a);
		break;
	case KPC_DTLS_HELLO_PROVED:
		dtls->b = kpc_dtls_new(dtls->pair.cb, NULL);
		if (!dtls->b)
			break;
		kpc_dtls_accept(dtls->b, datagram, len);
		kpc_dtls_advance(dtls->b);
		break;
	default:
		break;
	}
}

/* An open peer takes what is left of a handshake as a record. */
static inline void dtls_pair_deliver(struct kpc_dtls *to, const uint8_t *datagram, size_t len)
{
	uint8_t copy[DATAGRAM_MAX], *at = copy;
	const uint8_t *data;
	size_t data_len;

	if (kpc_handshake_state(kpc_dtls_handshake(to)) != KPC_HANDSHAKE_DONE) {
		if (kpc_dtls_input(to, datagram, len) == KPC_HANDSHAKE_WANT_INPUT)
			kpc_dtls_advance(to);
		return;
	}
	memcpy(copy, datagram, len);
	while (kpc_dtls_read(to, &at, &len, &data, &data_len) != KPC_DTLS_RECORD_END)
		;
}

static inline bool dtls_pair_move(struct dtls_pair *dtls, bool from_a)
{
	struct kpc_dtls *from = from_a ? dtls->a : dtls->b;
	const void *first;
	bool moved = false;
	size_t len;

	while (from && (first = kpc_dtls_output(from, &len))) {
		enum fate fate = dtls->fate ? dtls->fate(dtls->sent) : PASSES;
		uint8_t datagram[DATAGRAM_MAX];

		memcpy(datagram, first, len);
		kpc_dtls_output_sent(from);
		dtls->sent++;
		*(from_a ? &dtls->to_b : &dtls->to_a) += len;
		for (int i = fate == LOST ? 2 : fate == TWICE ? 0 : 1; i < 2; i++) {
			if (from_a && !dtls->b)
				dtls_pair_listen(dtls, datagram, len);
			else
				dtls_pair_deliver(from_a ? dtls->b : dtls->a, datagram, len);
		}
		moved = true;
	}
	return moved;
}

static inline void dtls_pair_answer(struct dtls_pair *dtls)
{
	pair_tell(&dtls->pair, kpc_dtls_handshake(dtls->b));
	kpc_dtls_advance(dtls->b);
}

static inline enum kpc_handshake_state dtls_state(struct kpc_dtls *dtls)
{
	return dtls ? kpc_handshake_state(kpc_dtls_handshake(dtls)) : KPC_HANDSHAKE_WANT_INPUT;
}

/* Runs until nothing moves any more. */
static inline void dtls_pair_settle(struct dtls_pair *dtls)
{
	bool moved;

	do {
		moved = dtls_pair_move(dtls, true);
		if (dtls_state(dtls->b) == KPC_HANDSHAKE_WANT_KEY) {
			dtls_pair_answer(dtls);
			moved = true;
		}
		moved = dtls_pair_move(dtls, false) || moved;
	} while (moved);
}

static inline bool dtls_pair_done(const struct dtls_pair *dtls)
{
	return dtls_state(dtls->a) == KPC_HANDSHAKE_DONE &&
	       dtls_state(dtls->b) == KPC_HANDSHAKE_DONE;
}

/* Lets the time pass that whoever waits the shortest waits for; false: nobody does. */
static inline bool dtls_pair_wait(struct dtls_pair *dtls)
{
	int a = kpc_dtls_wait(dtls->a), b = dtls->b ? kpc_dtls_wait(dtls->b) : -1;
	int ms = a < 0 || (b >= 0 && b < a) ? b : a;

	if (ms < 0)
		return false;
	clock_ahead += (uint64_t)ms + 1;
	kpc_dtls_expired(dtls->a);
	if (dtls->b)
		kpc_dtls_expired(dtls->b);
	return true;
}

/* The whole handshake, with time for what is lost; whether it came about. */
static inline bool dtls_pair_run(struct dtls_pair *dtls)
{
	kpc_dtls_advance(dtls->a);
	dtls_pair_settle(dtls);
	for (int i = 0; i < 20 && !dtls_pair_done(dtls) && dtls_pair_wait(dtls); i++)
		dtls_pair_settle(dtls);
	return dtls_pair_done(dtls);
}

static inline const char *dtls_why(struct kpc_dtls *dtls)
{
	return dtls ? pair_why(kpc_dtls_handshake(dtls)) : "there is no peer";
}

/* One datagram with @len octets from @from to @to; what it was there. */
static inline enum kpc_dtls_record dtls_pair_send(struct kpc_dtls *from, struct kpc_dtls *to,
						  const void *octets, size_t len,
						  const uint8_t **data, size_t *data_len)
{
	static uint8_t datagram[DATAGRAM_MAX];
	uint8_t *at = datagram;
	ssize_t made = kpc_dtls_write(from, octets, len, datagram);
	size_t left = (size_t)made;

	return made < 0 ? KPC_DTLS_RECORD_END : kpc_dtls_read(to, &at, &left, data, data_len);
}

static inline bool dtls_echoes(struct kpc_dtls *from, struct kpc_dtls *to, size_t len)
{
	static uint8_t octets[KPC_DTLS_DATA_MAX];
	const uint8_t *data = NULL;
	size_t data_len = 0;

	for (size_t i = 0; i < len; i++)
		octets[i] = (uint8_t)(i * 2654435761u >> 13);
	return dtls_pair_send(from, to, octets, len, &data, &data_len) == KPC_DTLS_RECORD_DATA &&
	       data_len == len && !memcmp(data, octets, len);
}

#endif
