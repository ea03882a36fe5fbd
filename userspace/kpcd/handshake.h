/* SPDX-License-Identifier: MIT */
/*
 * The handshake of a connection: libkpc's state machine fed from the engine,
 * its steps of computing taken when the worker has time for them.
 */
#ifndef KPCD_HANDSHAKE_H
#define KPCD_HANDSHAKE_H

#include "connection.h"

/* Handshakes that this side begins, at most. */
#define INITIATIONS_MAX		1024
/* One address of several may take so long before the next is tried. */
#define CONNECT_SECONDS		10
/* What role b reads of a peer first: the header of a record. */
#define FIRST_OCTETS		5

/**
 * struct handshake - what a connection needs until it is bound
 * @contender: role b
 * @step_next: in the worker's list of steps
 * @stepping: it is in that list
 * @counted: role a, it is one of the worker's initiations
 * @connection: whose it is
 * @tls: libkpc's; role b, NULL until the peer says something
 * @waiter: question to warden or module
 * @out: the send under way
 * @part: its only part
 * @listener: role b, the warden's id of the listener
 * @request: role a, id of the warden's request to answer
 * @address: role a, which of the association's is tried
 * @remote: the address itself, as connect(2) takes it
 * @give_up: when the whole handshake must be through, milliseconds
 * @ktls: the ULP is in place
 * @local_tcp: role a, the local program's socket is of TCP
 * @look: role a, whether the local program has gone is asked again
 */
struct handshake {
	struct contender contender;
	struct handshake *step_next;
	bool stepping;
	bool counted;
	struct connection *connection;
	struct kpc_handshake *tls;
	struct waiter waiter;
	struct msghdr out;
	struct iovec part;
	uint32_t listener;
	uint32_t request;
	uint32_t address;
	struct sockaddr_in6 remote;
	uint64_t give_up;
	bool ktls;
	bool local_tcp;
	struct timer look;
};

/** handshake_new() - give a connection what it needs; 0 or -ENOMEM */
int handshake_new(struct connection *c);

/** handshake_detach() - take it out of every list; no answer reaches it */
void handshake_detach(struct connection *c);

/** handshake_free() - wipe and free it; nothing of it is under way */
void handshake_free(struct connection *c);

/** handshake_begin() - the TCP connection is there */
void handshake_begin(struct connection *c);

/**
 * handshake_server_key() - role b: hand on what the warden answered
 * @tls: the handshake, which asked
 * @got: the answer, of a key or of none
 * @association: set where the KpcId is known
 *
 * Return: 0, or a negative errno where the answer does not fit.
 */
int handshake_server_key(struct worker *worker, struct kpc_handshake *tls,
			 const struct kpc_message_key *got,
			 struct association **association);

/**
 * handshake_client_key() - role a: with what the warden answered it can begin
 * @tls: the handshake, which asked
 * @got: the answer
 * @association: whose handshake it is
 * @err: why it cannot
 *
 * Return: 0, -ENOKEY: there is none; another negative errno.
 */
int handshake_client_key(struct kpc_handshake *tls,
			 const struct kpc_message_key *got,
			 struct association *association, struct kpc_error *err);

/** handshake_step() - compute for one connection, which waits for it */
void handshake_step(struct worker *worker);

/**
 * handshake_quota() - how many there may be from now on
 * @quota: as the warden told it
 *
 * Those above it that are there give way as others come, or end by themselves.
 */
void handshake_quota(struct worker *worker,
		     const struct kpc_message_quota *quota);

/** handshake_list() - role b: a contender from @source, for whom one may give way */
void handshake_list(struct handshake *hs, uint64_t source);

/* handshake_install.c */

/** handshake_install() - all is said: keys to the carrier, then BIND */
void handshake_install(struct connection *c);

#endif
