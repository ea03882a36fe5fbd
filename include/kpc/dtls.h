/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * DTLS-PSK (RFC 6347): the Association Security Handshake and the records after
 * it, datagrams in, datagrams out, no I/O and no clock but that of the timer.
 */
#ifndef KPC_DTLS_H
#define KPC_DTLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <kpc/error.h>
#include <kpc/handshake.h>

#define KPC_DTLS_DATA_MAX	16384	/* that one record carries */
#define KPC_DTLS_OVERHEAD_MAX	80	/* of a record, whatever the suite */
#define KPC_DTLS_VERIFY_LEN	44	/* of an answer of kpc_dtls_hello() */
#define KPC_DTLS_COOKIE_LEN	16
/* A flight of a handshake is cut into datagrams of so many octets at most. */
#define KPC_DTLS_FLIGHT_MTU	1200

struct kpc_dtls_cookies;
struct kpc_dtls;

/**
 * kpc_dtls_cookies_new() - what the cookies of a listener are made with
 * @err: reason of a failure, or NULL
 *
 * Return: it, or NULL with errno set.
 */
struct kpc_dtls_cookies *kpc_dtls_cookies_new(struct kpc_error *err);

/** kpc_dtls_cookies_free() - NULL is allowed */
void kpc_dtls_cookies_free(struct kpc_dtls_cookies *cookies);

/**
 * struct kpc_dtls_hello - what a datagram to a listener is
 * @cookie: a good one, that of KPC_DTLS_HELLO_PROVED
 * @verify: to be sent to where KPC_DTLS_HELLO_FIRST came from: a
 *	HelloVerifyRequest, shorter than any hello
 */
struct kpc_dtls_hello {
	uint8_t cookie[KPC_DTLS_COOKIE_LEN];
	uint8_t verify[KPC_DTLS_VERIFY_LEN];
};

/**
 * enum kpc_dtls_hello_kind - what is to be done about a datagram
 * @KPC_DTLS_HELLO_NONE: it begins with no ClientHello: nothing
 * @KPC_DTLS_HELLO_FIRST: whoever sent it has not shown that he is where he says:
 *	answer and forget
 * @KPC_DTLS_HELLO_PROVED: he has: kpc_dtls_accept()
 */
enum kpc_dtls_hello_kind {
	KPC_DTLS_HELLO_NONE,
	KPC_DTLS_HELLO_FIRST,
	KPC_DTLS_HELLO_PROVED,
};

/**
 * kpc_dtls_hello() - look at a datagram from somebody unknown
 * @cookies: the listener's; its secret changes with time
 * @from: what tells the sender: his address and port, and where he sent it
 * @from_len: octets of it
 * @datagram: what came
 * @len: octets of it
 * @now: milliseconds of the monotonic clock
 * @hello: filled in
 *
 * RFC 6347 4.2.1: no memory is taken, nothing is kept. A hello in fragments,
 * which would have to be kept, is none.
 */
enum kpc_dtls_hello_kind kpc_dtls_hello(struct kpc_dtls_cookies *cookies, const void *from,
					size_t from_len, const void *datagram, size_t len,
					uint64_t now, struct kpc_dtls_hello *hello);

/**
 * kpc_dtls_new() - one peer
 * @context: of a policy with versions KPC_VERSION_FLAGS_DTLS12
 * @err: reason of a failure, or NULL
 *
 * Return: it, or NULL with errno set.
 */
struct kpc_dtls *kpc_dtls_new(struct kpc_handshake_context *context, struct kpc_error *err);

/** kpc_dtls_free() - wipes what it holds; NULL is allowed */
void kpc_dtls_free(struct kpc_dtls *dtls);

/**
 * kpc_dtls_handshake() - the handshake within
 * @dtls: the peer
 *
 * For kpc_handshake_initiate(), _state(), _offer(), _authority(), _withhold(),
 * _key(), _result() and _failure(), which mean the same here; not for what moves
 * octets. After _key() comes kpc_dtls_advance().
 *
 * Return: it, as long as @dtls.
 */
struct kpc_handshake *kpc_dtls_handshake(struct kpc_dtls *dtls);

/**
 * kpc_dtls_accept() - role b: begin with a hello of KPC_DTLS_HELLO_PROVED
 * @dtls: new
 * @datagram: the whole datagram
 * @len: octets of it
 *
 * kpc_dtls_advance() then goes on with it.
 *
 * Return: the state.
 */
enum kpc_handshake_state kpc_dtls_accept(struct kpc_dtls *dtls, const void *datagram, size_t len);

/**
 * kpc_dtls_input() - a datagram came before the handshake is done
 * @dtls: the peer
 * @datagram: it
 * @len: octets of it
 *
 * It is kept for kpc_dtls_advance(), which is to be called in all states but
 * WANT_KEY. What does not belong to the handshake is dropped, as is what comes in
 * masses before that.
 *
 * Return: the state.
 */
enum kpc_handshake_state kpc_dtls_input(struct kpc_dtls *dtls, const void *datagram, size_t len);

/**
 * kpc_dtls_advance() - go as far as it can
 *
 * Here is what takes time. To be called by role a first of all, and by both after
 * kpc_dtls_accept(), kpc_dtls_input() and kpc_handshake_key().
 *
 * Return: the state.
 */
enum kpc_handshake_state kpc_dtls_advance(struct kpc_dtls *dtls);

/**
 * kpc_dtls_early() - what was handed in behind the end of the handshake
 * @dtls: with a handshake that has just become done
 * @len: octets of the datagram, 0: there is none
 *
 * Return: the datagram, for kpc_dtls_read() of a copy; valid until
 * kpc_dtls_early_taken().
 */
const void *kpc_dtls_early(const struct kpc_dtls *dtls, size_t *len);

/** kpc_dtls_early_taken() - the next one, if there is one */
void kpc_dtls_early_taken(struct kpc_dtls *dtls);

/**
 * kpc_dtls_wait() - when kpc_dtls_expired() is due
 *
 * Return: milliseconds from now; -1, nothing is waited for. To be asked again
 * after each call that returns a state.
 */
int kpc_dtls_wait(const struct kpc_dtls *dtls);

/**
 * kpc_dtls_expired() - the time has passed: what was not answered is sent again
 *
 * Return: the state, FAILED when it has been sent often enough.
 */
enum kpc_handshake_state kpc_dtls_expired(struct kpc_dtls *dtls);

/**
 * kpc_dtls_give_up() - end a handshake that takes too long
 * @dtls: the peer
 *
 * A wrong Kpc shows in nothing else: what is not authentic is dropped. So
 * kpc_handshake_failure() then tells of an unknown KpcId or a wrong Kpc where a
 * proof of the key was waited for.
 */
void kpc_dtls_give_up(struct kpc_dtls *dtls);

/**
 * kpc_dtls_output() - the next datagram to send
 * @dtls: the peer
 * @len: its octets, 0: there is none
 *
 * Return: it, valid until the next call.
 */
const void *kpc_dtls_output(const struct kpc_dtls *dtls, size_t *len);

/** kpc_dtls_output_sent() - that datagram has been sent, or could not be */
void kpc_dtls_output_sent(struct kpc_dtls *dtls);

/**
 * enum kpc_dtls_record - what a record of a datagram was
 * @KPC_DTLS_RECORD_END: there was none left
 * @KPC_DTLS_RECORD_NONE: nothing: not authentic, seen before, of no use
 * @KPC_DTLS_RECORD_KEPT: authentic, and nothing for the caller. There may be
 *	output: the end of the handshake, which the peer has missed
 * @KPC_DTLS_RECORD_DATA: data, perhaps of no octets
 * @KPC_DTLS_RECORD_CLOSE: close_notify: the peer sends no more
 * @KPC_DTLS_RECORD_ALERT: a fatal alert; kpc_dtls_alert() tells which
 */
enum kpc_dtls_record {
	KPC_DTLS_RECORD_END,
	KPC_DTLS_RECORD_NONE,
	KPC_DTLS_RECORD_KEPT,
	KPC_DTLS_RECORD_DATA,
	KPC_DTLS_RECORD_CLOSE,
	KPC_DTLS_RECORD_ALERT,
};

/**
 * kpc_dtls_read() - open the next record of a datagram, where it lies
 * @dtls: with a handshake that is done
 * @datagram: what came; moved behind the record
 * @len: octets of it; made fewer
 * @data: set to the data within, with KPC_DTLS_RECORD_DATA
 * @data_len: octets of that
 *
 * Each record passes once (RFC 6347 4.1.2.6); what is older than the last 64 does
 * not pass.
 */
enum kpc_dtls_record kpc_dtls_read(struct kpc_dtls *dtls, uint8_t **datagram, size_t *len,
				   const uint8_t **data, size_t *data_len);

/**
 * kpc_dtls_spent() - whether the keys have opened all the records they may
 *
 * To be asked after each of kpc_dtls_read(): nothing more will be opened, so the peer
 * is to be told by kpc_dtls_close() and to be freed.
 */
bool kpc_dtls_spent(const struct kpc_dtls *dtls);

/** kpc_dtls_alert() - the alert of KPC_DTLS_RECORD_ALERT, -1: there was none */
int kpc_dtls_alert(const struct kpc_dtls *dtls);

/**
 * kpc_dtls_write() - a datagram of one record with data
 * @dtls: with a handshake that is done
 * @data: what to send, perhaps nothing
 * @len: octets of it
 * @datagram: receives it; @len + KPC_DTLS_OVERHEAD_MAX octets have room there
 *
 * Return: octets of @datagram, -EMSGSIZE (over KPC_DTLS_DATA_MAX, or more than the
 * peer takes in one record by max_fragment_length), -EKEYEXPIRED (the keys have
 * protected all they may), -EPIPE (not done, or closed).
 */
ssize_t kpc_dtls_write(struct kpc_dtls *dtls, const void *data, size_t len, void *datagram);

/** kpc_dtls_close() - a datagram with close_notify; as kpc_dtls_write() */
ssize_t kpc_dtls_close(struct kpc_dtls *dtls, void *datagram);

/**
 * kpc_dtls_limit() - records that a key may protect in one direction
 * @limit: 0: any number; else at least KPC_RECORDS_MIN
 */
void kpc_dtls_limit(struct kpc_dtls *dtls, uint32_t limit);

#endif
