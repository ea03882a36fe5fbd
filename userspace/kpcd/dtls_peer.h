/* SPDX-License-Identifier: MIT */
/*
 * A peer of DTLS. It has two sockets: one that many share, where it is told by
 * its address (role b: the listener, where the far entity is; role a: the plain
 * one, where the local program is), and one of its own, connected (role b: to the
 * backend; role a: to IdB).
 */
#ifndef KPCD_DTLS_PEER_H
#define KPCD_DTLS_PEER_H

#include <kpc/dtls.h>

#include "dtls_socket.h"
#include "dtls_train.h"
#include "worker_state.h"

/* What a program sends before IdB has answered, and is kept. */
#define DTLS_HELD_MAX	8

/**
 * enum dtls_state - how far a peer is
 * @DTLS_HANDSHAKE: either side proves Kpc
 * @DTLS_BIND: both have, and the module is to tie the flow to the association
 * @DTLS_UP: datagrams go both ways
 * @DTLS_CLOSED: to be freed when no operation is pending
 */
enum dtls_state {
	DTLS_HANDSHAKE,
	DTLS_BIND,
	DTLS_UP,
	DTLS_CLOSED,
};

/** struct dtls_held - a datagram that waits for the handshake */
struct dtls_held {
	uint16_t len;
	uint8_t octets[];
};

/**
 * struct dtls_peer - one
 * @next: with the same hash, or in the list of the closed
 * @older: in the list by the time when they were last heard, the one before
 * @newer: in that list
 * @step_next: in the list of those that have something to compute
 * @worker: whose
 * @listener: where it comes to; NULL: role a, nobody has sent anything
 * @association: role b, known from the key on
 * @at: who is at the shared socket
 * @dtls: libkpc's
 * @fd: the socket of its own, or -1
 * @rx: waits for that one
 * @timer: of the handshake, or of its silence
 * @waiter: question to the warden or to the module
 * @binding: of its flow in the module, or 0
 * @contender: role b, without a proof of the key
 * @born: milliseconds of the clock
 * @give_up: when the handshake must be through
 * @next_at: role a, when the next address is tried
 * @heard: when anything authentic came, or of role b was sent
 * @checked: the turn in which the local user was last looked up
 * @tx_octets: plaintext towards the far end
 * @rx_octets: plaintext from there
 * @lost: datagrams that could not be passed on
 * @barred: those in a row towards the far end that the kernel did not let leave
 * @held: role a, before the handshake is through
 * @held_count: how many
 * @request: role a, id of the warden's request to answer
 * @address: role a, which of the association's is tried next
 * @remote: role a, where it is; role b, where its backend is
 * @version: as on the wire
 * @suite: IANA code
 * @header: role b, of the PROXY protocol, before each datagram; NULL: none
 * @header_len: its octets
 * @cookie: role b, with which it came
 * @role: enum kpc_role
 * @state: enum dtls_state
 * @counted: role a, it is one of the worker's initiations
 * @within: it is one of those whose number is limited
 * @asked: for a key
 * @stepping: it has something to compute
 * @complained: of a datagram that could not be passed on
 * @unbound: the module has ended its binding
 * @moving: role a, to the next address when @rx has ended
 */
struct dtls_peer {
	struct dtls_peer *next;
	struct dtls_peer *older;
	struct dtls_peer *newer;
	struct dtls_peer *step_next;
	struct worker *worker;
	struct listener *listener;
	struct association *association;
	struct dtls_address at;
	struct kpc_dtls *dtls;
	int fd;
	struct engine_op rx;
	struct timer timer;
	struct waiter waiter;
	uint64_t binding;
	struct contender contender;
	uint64_t born;
	uint64_t give_up;
	uint64_t next_at;
	uint64_t heard;
	uint64_t checked;
	uint64_t tx_octets;
	uint64_t rx_octets;
	uint64_t lost;
	unsigned int barred;
	struct dtls_held *held[DTLS_HELD_MAX];
	unsigned int held_count;
	uint32_t request;
	uint32_t address;
	struct sockaddr_in6 remote;
	uint16_t version;
	uint16_t suite;
	uint8_t *header;
	size_t header_len;
	uint8_t cookie[KPC_DTLS_COOKIE_LEN];
	uint8_t role;
	uint8_t state;
	uint8_t counted:1;
	uint8_t within:1;
	uint8_t asked:1;
	uint8_t stepping:1;
	uint8_t complained:1;
	uint8_t unbound:1;
	uint8_t moving:1;
};

#define DTLS_TOO_LONG	"a datagram is longer than the 16384 octets that a record of DTLS holds"

#define DTLS_BUCKETS	4096
/* Peers of a worker at most; see dtls_peers_most(). */
#define DTLS_PEERS_MAX	65536

/**
 * struct dtls_peers - those of a worker
 * @buckets: by address
 * @oldest: which has not been heard longest
 * @newest: which was heard last
 * @closed: those whose operation has not ended
 * @steps: those that have something to compute
 * @steps_end: where the next goes
 * @count: how many have a socket of their own, or are to have one
 * @turn: counts the times that datagrams were taken from a socket
 * @batch: datagrams being worked on
 * @train: datagrams to be sent
 */
struct dtls_peers {
	struct dtls_peer *buckets[DTLS_BUCKETS];
	struct dtls_peer *oldest;
	struct dtls_peer *newest;
	struct dtls_peer *closed;
	struct dtls_peer *steps;
	struct dtls_peer **steps_end;
	unsigned int count;
	uint64_t turn;
	struct dtls_batch batch;
	struct dtls_train train;
};

/* dtls_peer.c */

/** dtls_peers() - those of a worker, made at the first call; NULL without memory */
struct dtls_peers *dtls_peers(struct worker *worker);

/**
 * dtls_peers_most() - how many a worker may have
 *
 * Each has a descriptor, and half of them are for TLS. To be asked before system
 * calls are given up.
 */
unsigned int dtls_peers_most(void);

/** dtls_peers_free() - none is left */
void dtls_peers_free(struct worker *worker);

/**
 * dtls_peer_new() - one in its handshake
 * @worker: whose
 * @role: ours
 * @listener: where it comes to, or NULL
 * @at: who is there, or NULL
 *
 * Return: NULL without memory.
 */
struct dtls_peer *dtls_peer_new(struct worker *worker, enum kpc_role role,
				struct listener *listener,
				const struct dtls_address *at);

/**
 * dtls_peer_find() - who is at an address of a shared socket
 * @up: the one that is up, or the one that is not yet
 *
 * There may be both: a peer that has lost its keys begins anew.
 */
struct dtls_peer *dtls_peer_find(struct worker *worker,
				 const struct listener *listener,
				 const struct dtls_address *at, bool up);

/**
 * dtls_peer_count() - it is to have a socket of its own
 *
 * Where there are too many the one that is up and was not heard longest ends.
 */
void dtls_peer_count(struct dtls_peer *peer);

/** dtls_peer_heard() - something authentic came, or of role b was sent */
void dtls_peer_heard(struct dtls_peer *peer);

/** dtls_peer_event() - one line for the log about it */
void dtls_peer_event(struct dtls_peer *peer, enum kpc_message_event_kind kind,
		     const char *text);

/**
 * dtls_peer_end() - it is over: the far end is told, if it knows of it
 * @peer: up or in its handshake
 * @kind: for the log; 0: nothing is said there
 * @error: for who asked for it, negative errno
 * @text: one sentence
 */
void dtls_peer_end(struct dtls_peer *peer, enum kpc_message_event_kind kind,
		   int error, const char *text);

/** dtls_peer_established() - role a: tell who asked that it is through */
void dtls_peer_established(struct dtls_peer *peer);

/** dtls_association_gone() - end those of an association */
void dtls_association_gone(struct worker *worker,
			   const struct association *association);

/** dtls_listener_gone() - end those that come to a listener */
void dtls_listener_gone(struct listener *listener);

/** dtls_end_all() - end them all, for the reason in @text */
void dtls_end_all(struct worker *worker, const char *text);

/** dtls_bury() - free the closed ones that nothing refers to any more */
void dtls_bury(struct worker *worker);

/** dtls_idle() - whether there are none, nor closed ones */
bool dtls_idle(const struct worker *worker);

/* dtls_listener.c */

/** dtls_listener_ready() - of a listener's operation: datagrams have come */
void dtls_listener_ready(struct listener *listener);

/** dtls_binding_gone() - the module has ended the binding of a flow */
void dtls_binding_gone(struct worker *worker, uint64_t binding);

/* dtls_bind.c */

/**
 * dtls_register() - role a: tell the module of the socket towards IdB
 *
 * Nothing is sent before that. dtls_handshake_begin() comes next.
 */
void dtls_register(struct dtls_peer *peer);

/**
 * dtls_bind() - have the module tie the flow to its association
 * @peer: with a handshake that is done, of which the end may not be sent yet
 *
 * dtls_handshake_bound() comes next.
 */
void dtls_bind(struct dtls_peer *peer);

/* dtls_handshake.c */

/** dtls_handshake_begin() - role a: the socket towards IdB may be used */
void dtls_handshake_begin(struct dtls_peer *peer);

/** dtls_handshake_bound() - the flow may carry data: the far end may know */
void dtls_handshake_bound(struct dtls_peer *peer);

/** dtls_accept() - role b: a hello with a good cookie has come */
void dtls_accept(struct listener *listener, const struct dtls_address *from,
		 const uint8_t *cookie, const uint8_t *datagram, size_t len);

/**
 * dtls_initiate() - role a: begin a handshake with IdB
 * @listener: where a local program has sent something, or NULL
 * @from: who, or NULL
 * @request: id of the warden's request to answer, or 0
 *
 * Return: the peer, or NULL where it has failed.
 */
struct dtls_peer *dtls_initiate(struct worker *worker,
				struct association *association,
				struct listener *listener,
				const struct dtls_address *from,
				uint32_t request);

/** dtls_steps() - whether a handshake has something to compute */
bool dtls_steps(const struct worker *worker);

/** dtls_step() - compute for one handshake, if there is one */
void dtls_step(struct worker *worker);

/** dtls_step_remove() - a peer has nothing to compute any more */
void dtls_step_remove(struct dtls_peer *peer);

/** dtls_handshake_input() - a datagram for a handshake */
void dtls_handshake_input(struct dtls_peer *peer, const uint8_t *datagram,
			  size_t len);

/** dtls_handshake_refused() - role a: nobody is at the address tried */
void dtls_handshake_refused(struct dtls_peer *peer, int error);

/** dtls_handshake_moved() - the socket of the last address is of no use any more */
void dtls_handshake_moved(struct dtls_peer *peer);

/** dtls_handshake_expired() - its timer */
void dtls_handshake_expired(struct dtls_peer *peer);

/* dtls_relay.c */

/** dtls_flush() - send what libkpc has to send */
void dtls_flush(struct dtls_peer *peer);

/** dtls_relay_start() - the handshake is through */
void dtls_relay_start(struct dtls_peer *peer);

/** dtls_listen() - wait for the socket of its own */
void dtls_listen(struct dtls_peer *peer);

/**
 * dtls_relay_in() - a datagram from the far end of a peer that is up
 *
 * Return: whether anything of it was authentic.
 */
bool dtls_relay_in(struct dtls_peer *peer, uint8_t *datagram, size_t len);

/** dtls_relay_out() - a datagram from the local program or backend of one that is up */
void dtls_relay_out(struct dtls_peer *peer, const uint8_t *data, size_t len);

/** dtls_relay_close() - tell the far end that there is no more */
void dtls_relay_close(struct dtls_peer *peer);

/** dtls_relay_expired() - its timer */
void dtls_relay_expired(struct dtls_peer *peer);

/** dtls_lose() - a datagram is not passed on; said once until one is */
void dtls_lose(struct dtls_peer *peer, enum kpc_message_event_kind kind,
	       const char *text);

#endif
