/* SPDX-License-Identifier: MIT */
/*
 * A connection: a TLS leg to the far entity, a plain leg to a local program,
 * and what is on its way between them.
 */
#ifndef KPCD_CONNECTION_H
#define KPCD_CONNECTION_H

#include <netinet/in.h>
#include <sys/uio.h>

#include <kpc/association.h>
#include <kpc/handshake.h>
#include <kpc/records.h>

#include "rekey.h"
#include "worker_state.h"

/**
 * enum connection_state - how far a connection is
 * @CONNECTION_CONNECT: role a, towards IdB
 * @CONNECTION_HANDSHAKE: either side proves Kpc
 * @CONNECTION_BIND: keys are installed, the module ties the socket
 * @CONNECTION_BACKEND: role b, towards the local program
 * @CONNECTION_WARM: role a, established without a local program yet
 * @CONNECTION_RELAY: octets flow both ways
 * @CONNECTION_HALF_CLOSED: one direction has ended in order
 * @CONNECTION_DRAIN: one side is lost, or was never there; what came before is
 *	still delivered
 * @CONNECTION_SETTLE: nothing more is relayed; the kernel may still hold some of
 *	what was
 * @CONNECTION_CLOSED: to be freed when no operation is pending
 */
enum connection_state {
	CONNECTION_CONNECT,
	CONNECTION_HANDSHAKE,
	CONNECTION_BIND,
	CONNECTION_BACKEND,
	CONNECTION_WARM,
	CONNECTION_RELAY,
	CONNECTION_HALF_CLOSED,
	CONNECTION_DRAIN,
	CONNECTION_SETTLE,
	CONNECTION_CLOSED,
};

/**
 * struct leg - one socket
 * @fd: -1: none
 * @tcp: it is of TCP, else of UNIX
 * @rx: what is received
 * @tx: what is sent
 */
struct leg {
	int fd;
	bool tcp;
	struct engine_op rx;
	struct engine_op tx;
};

#define TRANSFER_PARTS	32

/**
 * struct transfer - the arguments of one sendmsg or recvmsg under way
 * @next: in the worker's list of free ones, or of none
 * @msg: header
 * @parts: where the octets are
 * @buffers: receiving, what @parts are in
 * @control: record type
 */
struct transfer {
	struct transfer *next;
	struct msghdr msg;
	struct iovec parts[TRANSFER_PARTS];
	struct buffer *buffers[TRANSFER_PARTS];
	uint8_t control[ENGINE_CONTROL] __attribute__((aligned(8)));
};

/**
 * struct flow - one direction of the relay
 * @stream: what waits for the sink, as the sink's socket takes it
 * @sending: the send under way
 * @receiving: the gathered receive under way
 * @octets: plaintext that came from the source
 * @given: octets of the send under way, or of the last one
 * @bulk: the source had more than one buffer's worth
 * @ended: nothing more comes from the source
 * @notified: the sink was told so inside TLS, or need not be
 * @done: all was sent and the sink told the end
 * @failed: the sink takes no more
 * @cut: the last send took less than it was given
 */
struct flow {
	struct stream stream;
	struct transfer *sending;
	struct transfer *receiving;
	uint64_t octets;
	uint32_t given;
	uint8_t bulk:1;
	uint8_t ended:1;
	uint8_t notified:1;
	uint8_t done:1;
	uint8_t failed:1;
	uint8_t cut:1;
};

/**
 * struct record_type - room for the type beside a received record
 */
struct record_type {
	struct msghdr msg;
	uint8_t control[ENGINE_CONTROL] __attribute__((aligned(8)));
};

/**
 * struct connection - all of it; what only the handshake needs is apart
 * @next: in the worker's list, of those alive or of those closed
 * @link: what points to it there
 * @warm_next: in its association's list of warm ones
 * @worker: whose it is
 * @association: known from the key on; NULL before
 * @handshake: until the connection is bound
 * @records: carrier agent, else NULL
 * @rekey: for new keys
 * @tls: leg to the far entity
 * @plain: leg to the local program
 * @out: from plain to tls
 * @in: from tls to plain
 * @type: carrier kernel, type of the record received
 * @timer: deadline of its state
 * @born: milliseconds of the clock
 * @binding: id in the module
 * @look: octets moved, both ways added, at which its records are counted again
 * @records_max: that a key may protect, in one direction; 0: any number
 * @seen: what had moved when the timer was armed; of SETTLE, when to give up
 * @taken: of SETTLE, what both ends had taken when they were last asked
 * @peer: the far end's address
 * @version: as on the wire
 * @suite: IANA code
 * @lost: negative errno of a plain leg that did not end in order: what it gave
 *	before that is sent on, and then the far end gets a reset
 * @state: enum connection_state
 * @role: enum kpc_role
 * @carrier: enum kpc_carrier
 * @hand_over: at the plain leg is an application, which is given the TLS leg's
 *	socket: as that leg was made, whatever has become of the association since
 * @truncated: the far end was gone without close_notify
 * @declined: the kernel did not take its keys
 * @up: told to the log as such
 * @cut: of SETTLE, it ends with a reset, for not all was in order
 * @roomy: of SETTLE, the TLS socket had room when it was last asked
 * @worn: a key has protected all it may: what was taken is delivered, no more
 * @refused_renegotiation: TLS 1.2, once is answered, twice ends it
 */
struct connection {
	struct connection *next;
	struct connection **link;
	struct connection *warm_next;
	struct worker *worker;
	struct association *association;
	struct handshake *handshake;
	struct kpc_records *records;
	struct rekey rekey;
	struct leg tls;
	struct leg plain;
	struct flow out;
	struct flow in;
	struct record_type type;
	struct timer timer;
	uint64_t born;
	uint64_t binding;
	uint64_t look;
	uint64_t seen;
	uint64_t taken;
	struct sockaddr_in6 peer;
	uint32_t records_max;
	uint16_t version;
	uint16_t suite;
	int16_t lost;
	uint8_t state;
	uint8_t role;
	uint8_t carrier;
	uint8_t hand_over:1;
	uint8_t truncated:1;
	uint8_t declined:1;
	uint8_t up:1;
	uint8_t cut:1;
	uint8_t roomy:1;
	uint8_t worn:1;
	uint8_t refused_renegotiation:1;
};

/* connection.c */

/** connection_new() - Return: one with no sockets, or NULL without memory */
struct connection *connection_new(struct worker *worker, enum kpc_role role);

/**
 * connection_abort() - end both legs now and unmistakably
 *
 * Plaintext held for either side is dropped. TCP legs are reset, so nobody
 * takes it for an orderly end. A UNIX socket has no reset: its program reads
 * an end, and only writing tells it more.
 */
void connection_abort(struct connection *c);

/** connection_finish() - end it after both directions have ended in order */
void connection_finish(struct connection *c);

/**
 * connection_over() - to be asked first by each completion
 *
 * A closed connection stays in memory until none of its operations is pending;
 * what they still bring is thrown away here. So it is for one that settles.
 *
 * Return: true where nothing more is relayed.
 */
bool connection_over(struct connection *c, struct engine_op *op);

/** connection_bury() - free the closed ones that nothing refers to any more */
void connection_bury(struct worker *worker);

/** connection_cool() - it is not warm any more: no local program gets it */
void connection_cool(struct connection *c);

/** connection_deadline() - from now on @ms until the state is left */
void connection_deadline(struct connection *c, uint64_t ms);

/** connection_resets() - whether closing @fd is a reset, where it is TCP */
void connection_resets(int fd, bool on);

/** connection_tls() - the TLS leg's socket is @fd */
void connection_tls(struct connection *c, int fd);

/** connection_plain() - the plain leg's socket is @fd */
void connection_plain(struct connection *c, int fd, bool tcp);

/**
 * connection_open() - handshake and BIND are through: find the other leg
 *
 * Role a already has a local program or keeps the connection warm; role b
 * connects to its backend.
 */
void connection_open(struct connection *c);

/**
 * connection_fail() - it did not come up: tell who asked, log, close
 * @c: the connection
 * @kind: for the log
 * @error: negative errno
 * @text: one sentence
 */
void connection_fail(struct connection *c, enum kpc_message_event_kind kind,
		     int error, const char *text);

/* connection_leg.c */

/** leg_has_room() - whether the socket takes more now, or nothing any more */
bool leg_has_room(const struct leg *leg);

/**
 * leg_holds() - whether TCP has what the other end has not acknowledged
 *
 * A reset throws it away. A UNIX socket hands all over at once.
 */
bool leg_holds(const struct leg *leg);

/**
 * leg_taken() - a number that grows as the other end takes what TCP has
 *
 * At a UNIX socket as its program reads, until the socket is given more; it
 * counts whole pieces, of at most 48 KiB or so.
 */
uint64_t leg_taken(const struct leg *leg);

/* connection_connect.c */

/**
 * connection_initiate() - role a: connect to IdB and establish
 * @worker: the worker
 * @association: of role a
 * @fd: a local program's socket, or -1
 * @from: the listener that it came to, or NULL
 * @request: id of the warden's request to answer, or 0
 */
void connection_initiate(struct worker *worker,
			 struct association *association, int fd,
			 const struct kpc_message_listener *from,
			 uint32_t request);

/** connect_expired() - try the next address; false where there is none */
bool connect_expired(struct connection *c);

/** connection_accept() - role b: a peer came to @listener */
void connection_accept(struct listener *listener, int fd);

/* connection_backend.c */

/**
 * backend_address() - where a backend is that the worker connects to
 * @text: as the association has it
 * @kind: of which it has to be
 * @to: a struct sockaddr_in where it is IPv4
 *
 * Return: octets of @to; 0: it is no ADDRESS:PORT of that kind.
 */
socklen_t backend_address(const char *text, enum kpc_plain kind,
			  struct sockaddr_in6 *to);

/** connection_backend() - role b: reach the local program, then relay */
void connection_backend(struct connection *c);

/* connection_hand_over.c */

/**
 * hand_over_may() - whether there is a socket that an application can be given
 *
 * Return: false where the agent carries the records; @c has failed then.
 */
bool hand_over_may(struct connection *c);

/**
 * hand_over() - give the socket to who is at the plain leg
 * @c: with its handshake still there; it is over when the application has it
 */
void hand_over(struct connection *c);

/* relay.c */

/** relay_start() - both legs are there: let octets flow */
void relay_start(struct connection *c);

/** relay_listen() - receive from the local program or backend */
void relay_listen(struct connection *c);

/** relay_expired() - the deadline of a relaying state has passed */
void relay_expired(struct connection *c);

/** relay_warm() - role a: hear if the far end gives up before it is used */
void relay_warm(struct connection *c);

/** relay_retire() - end a warm one in order */
void relay_retire(struct connection *c);

/**
 * relay_go_on() - keys have changed: send and receive what waited for that
 *
 * Nothing is done where nothing is relayed yet, or any more.
 */
void relay_go_on(struct connection *c);

/** relay_break() - what the far end sends cannot be read any more, or it not be sent to */
void relay_break(struct connection *c, const char *text);

/** relay_drop() - give back what is held; nothing of it is under way */
void relay_drop(struct connection *c);

/* relay_transfer.c */

/** transfer_get() - an empty one, or NULL without memory */
struct transfer *transfer_get(struct worker *worker);

/** transfer_put() - give it back, with the buffers it still has */
void transfer_put(struct worker *worker, struct transfer *transfer);

/** transfer_flush() - free the free ones */
void transfer_flush(struct worker *worker);

/* relay_carrier.c */

/**
 * enum carrier_event - what a received piece of TLS meant
 * @CARRIER_DATA: data, perhaps none
 * @CARRIER_END: close_notify: the peer has sent all
 * @CARRIER_WORN: a key has protected all it may
 * @CARRIER_BROKEN: nothing more can be read; the sentence is written
 */
enum carrier_event {
	CARRIER_DATA,
	CARRIER_END,
	CARRIER_WORN,
	CARRIER_BROKEN,
};

/**
 * carrier_receive() - from the TLS socket towards the plain one
 * @c: the connection; plaintext is appended to @c->in
 * @buffer: what came, taken over
 * @type: carrier kernel, the record's type
 * @err: why it is broken
 */
enum carrier_event carrier_receive(struct connection *c, struct buffer *buffer,
				   uint8_t type, struct kpc_error *err);

/**
 * carrier_wrap() - from the plain socket towards the TLS one
 * @c: the connection; what is to be sent is appended to @c->out
 * @buffer: plaintext, taken over
 *
 * Return: 0 or a negative errno.
 */
int carrier_wrap(struct connection *c, struct buffer *buffer);

/**
 * carrier_close() - have close_notify sent behind all data
 * @c: the connection, with nothing left to send
 * @transfer: carrier kernel: set to a control record to send; else NULL
 *
 * Return: 0 or a negative errno.
 */
int carrier_close(struct connection *c, struct transfer **transfer);

/**
 * carrier_alert() - what tells the far end that it goes no further
 *
 * Return: carrier kernel, a control record to send; else NULL, as without memory.
 */
struct transfer *carrier_alert(struct connection *c);

/** carrier_key_update() - the KeyUpdate to send; NULL without memory */
struct transfer *carrier_key_update(struct connection *c, bool ask);

/** carrier_rekey() - carrier agent: new keys both ways; 0 or a negative errno */
int carrier_rekey(struct connection *c);

/**
 * enum carrier_wear - how much the keys of a connection have protected
 * @CARRIER_SOUND: not much
 * @CARRIER_AGED: it is time for others, and there are some
 * @CARRIER_SPENT: all they may, but for some room in which what was taken can be
 *	sent before the module ends it
 */
enum carrier_wear {
	CARRIER_SOUND,
	CARRIER_AGED,
	CARRIER_SPENT,
};

/** carrier_wear() - carrier kernel: what is to be done about its keys */
enum carrier_wear carrier_wear(struct connection *c);

/** carrier_error() - words for why the TLS socket gave @error */
const char *carrier_error(int error);

/* plain_watch.c */

/**
 * plain_watch() - role a: end it when the local program has gone
 * @c: the connection, before it is established
 * @tcp: whether the program's socket is of TCP
 *
 * One whose octets wait to be delivered is waited for no more: they take the
 * connection. What was received here begins with relay_listen().
 */
void plain_watch(struct connection *c, bool tcp);

/* plain.c */

/**
 * plain_accept() - a local program came to @listener
 */
void plain_accept(struct listener *listener, int fd);

/**
 * plain_backend_allowed() - may role b speak to who listens where @fd leads
 * @worker: the worker
 * @association: whose allow-uid decides; without one, another machine may
 * @fd: connected socket, of TCP or UDP as the association is
 * @text: set to a sentence where not, KPC_MESSAGE_TEXT_MAX + 1 octets
 */
bool plain_backend_allowed(struct worker *worker,
			   const struct association *association, int fd,
			   char *text);

struct dtls_address;

/**
 * plain_program_allowed() - may a local program send datagrams to role a
 * @worker: the worker
 * @association: whose allow-uid decides
 * @from: where it is, and at which address it has sent to the plain leg
 * @port: of that, in network order
 * @text: set to a sentence where not, KPC_MESSAGE_TEXT_MAX + 1 octets
 */
bool plain_program_allowed(struct worker *worker,
			   const struct association *association,
			   const struct dtls_address *from, in_port_t port,
			   char *text);

#endif
