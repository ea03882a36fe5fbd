/* SPDX-License-Identifier: MIT */
/*
 * What a worker holds while it serves: associations, listeners, connections,
 * and the questions it has asked.
 */
#ifndef KPCD_WORKER_STATE_H
#define KPCD_WORKER_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include <kpc/handshake.h>

#include "bucket.h"
#include "buffer.h"
#include "container.h"
#include "contender.h"
#include "crowd.h"
#include "engine.h"
#include "message.h"
#include "source.h"
#include "timer.h"
#include "worker.h"

struct connection;
struct dtls_peers;
struct worker;

/**
 * struct waiter - a question to the warden or to the module
 * @next: in its table
 * @answered: called once with the answer, unless waiter_remove() came first;
 *	a descriptor that came along, or -1, is the callee's
 * @id: repeated in the answer; 0: nothing was asked
 */
struct waiter {
	struct waiter *next;
	void (*answered)(struct waiter *waiter, const void *answer, int fd);
	uint32_t id;
};

#define WAITER_SLOTS	64

/** struct waiter_table - questions without an answer */
struct waiter_table {
	struct waiter *slots[WAITER_SLOTS];
	uint32_t last;
};

/** waiter_add() - number a question; Return: its number, never 0 */
uint32_t waiter_add(struct waiter_table *table, struct waiter *waiter);

/** waiter_waits() - Return: whether somebody waits for the answer to @id */
bool waiter_waits(const struct waiter_table *table, uint32_t id);

/** waiter_remove() - the answer is not wanted any more */
void waiter_remove(struct waiter_table *table, struct waiter *waiter);

/** waiter_answer() - Return: false where nobody waits for @id any more */
bool waiter_answer(struct waiter_table *table, uint32_t id, const void *answer,
		   int fd);

/**
 * struct association - what the worker knows of one
 * @next: in the worker's list
 * @previous: in the worker's list
 * @config: as the warden told it
 * @addresses: role a, where IdB is
 * @kpc_id: once a key of it came
 * @listener: role b, the warden's id of where it is open, else 0
 * @policy: what a handshake of it may agree on
 * @context: role a, made at the first handshake
 * @warm: role a, connections without a local program yet
 * @initiations: role a, handshakes under way
 */
struct association {
	struct association *next;
	struct association *previous;
	struct kpc_message_association config;
	struct kpc_message_addresses addresses;
	struct kpc_kpcid kpc_id;
	uint32_t listener;
	struct kpc_handshake_policy policy;
	struct kpc_handshake_context *context;
	struct connection *warm;
	unsigned int initiations;
};

/**
 * struct listener - a socket that connections come from
 * @next: in the worker's list
 * @worker: whose it is
 * @config: as the warden told it
 * @tls: peers come here, of TLS or DTLS; else local programs do
 * @gone: to be freed when @accept has ended
 * @handshake_seconds: what its peers may take before they are known
 * @changes: the worker's when that was found out
 * @context: for peers, NULL when the associations have changed
 * @cookies: DTLS, of peers that say hello
 * @family: of UDP, the socket's
 * @port: of UDP, the socket's, in network order
 * @accept: the operation
 * @retry: after a failure, say without descriptors
 */
struct listener {
	struct listener *next;
	struct worker *worker;
	struct kpc_message_listener config;
	bool tls;
	bool gone;
	uint32_t handshake_seconds;
	uint64_t changes;
	struct kpc_handshake_context *context;
	struct kpc_dtls_cookies *cookies;
	sa_family_t family;
	in_port_t port;
	struct engine_op accept;
	struct timer retry;
};

/**
 * struct telling - events that anybody can cause, which must not hide others
 * @bucket: those that may be told
 * @untold: those that were not, since the last one that was
 * @quiet: tells how many once no other has come for a while
 * @kind: what they are
 * @worker: whose
 */
struct telling {
	struct bucket bucket;
	uint32_t untold;
	struct timer quiet;
	enum kpc_message_event_kind kind;
	struct worker *worker;
};

/**
 * struct worker - all there is
 * @config: from the warden
 * @engine: how it waits
 * @pool: data in flight
 * @cool: when the pool's pages are looked at
 * @timers: deadlines
 * @message_fd: to the warden
 * @message_in: waits for something from there
 * @message_out: waits for room there
 * @outbox: messages for the end of the turn, or for which there was no room
 * @outbox_end: where the next goes
 * @outbox_count: how many
 * @outbox_most: above it questions that nobody waits for any more are dropped
 * @events_lost: events for which there was no memory, since the last one told
 * @requests: questions to the warden
 * @netlink_fd: to the module, -1 without
 * @netlink_in: waits for its answers
 * @binds: questions to the module, by sequence number
 * @binding: id in the answer being read, of question @binding_seq
 * @binding_seq: see @binding
 * @answers_lost: since the module's answers were last read to their end
 * @diag_fd: sock_diag, for the users of local TCP sockets
 * @route_fd: the routing table, for which addresses are this machine's
 * @ktls: the kernel can carry records
 * @rekeys: it takes new keys for them: 1, it does not: -1, not asked yet: 0
 * @draining: nothing new is taken
 * @stop: the loop ends, with @status
 * @status: exit status
 * @drain: end of the time for draining
 * @associations: list
 * @by_id: the same, tree of tsearch(3)
 * @changes: how often they have changed
 * @listeners: list
 * @connections: list of those alive
 * @closed: list of those whose operations have not all ended
 * @spare: memory for more of them
 * @contenders: role b, without a proof of the key yet
 * @initiation_count: role a, handshakes under way
 * @steps: handshakes that have something to compute
 * @steps_end: where the next goes
 * @transfers: free ones
 * @dtls: peers of DTLS; NULL: there has been none
 * @dtls_most: how many of them there may be
 * @refused: peers that were refused
 * @local_refused: local users that were refused
 * @local_gone: local programs that did not wait
 * @quota: how many handshakes of either sort there may be
 * @sources: rate of connections of each source of peers
 * @crowds: how many of @contenders each source has
 */
struct worker {
	struct worker_config config;
	struct engine *engine;
	struct buffer_pool pool;
	struct timer cool;
	struct timer_wheel timers;
	int message_fd;
	struct engine_op message_in;
	struct engine_op message_out;
	struct outgoing *outbox;
	struct outgoing **outbox_end;
	unsigned int outbox_count;
	unsigned int outbox_most;
	uint32_t events_lost;
	struct waiter_table requests;
	int netlink_fd;
	struct engine_op netlink_in;
	struct waiter_table binds;
	uint64_t binding;
	uint32_t binding_seq;
	bool answers_lost;
	int diag_fd;
	int route_fd;
	bool ktls;
	int8_t rekeys;
	bool draining;
	bool stop;
	int status;
	struct timer drain;
	struct association *associations;
	void *by_id;
	uint64_t changes;
	struct listener *listeners;
	struct connection *connections;
	struct connection *closed;
	struct connection *spare;
	struct contenders contenders;
	unsigned int initiation_count;
	struct handshake *steps;
	struct handshake **steps_end;
	struct transfer *transfers;
	struct dtls_peers *dtls;
	unsigned int dtls_most;
	struct telling refused;
	struct telling local_refused;
	struct telling local_gone;
	struct kpc_message_quota quota;
	struct sources sources;
	struct crowds crowds;
};

/* worker_channel.c */

/** channel_start() - listen to the warden */
void channel_start(struct worker *worker);

/** channel_send() - tell the warden at the end of this turn, or when there is room */
void channel_send(struct worker *worker, const struct kpc_message *message);

/** channel_flush() - the end of a turn: what it has for the warden leaves */
void channel_flush(struct worker *worker);

/** channel_request() - ask the warden; @waiter is called with its message */
void channel_request(struct worker *worker, struct waiter *waiter,
		     struct kpc_message *message);

/**
 * channel_finish() - have the warden take what is left, and give back the rest
 *
 * Waits for room, and not for long: a warden that hangs must not keep it.
 */
void channel_finish(struct worker *worker);

/* worker_message.c */

/**
 * worker_message() - carry out what the warden said
 * @worker: the worker
 * @message: at least its head is there
 * @length: octets of it
 * @fd: descriptor that came along, or -1; taken over
 */
void worker_message(struct worker *worker, const struct kpc_message *message,
		    size_t length, int fd);

/** worker_drain_check() - end when draining and nothing is left */
void worker_drain_check(struct worker *worker);

/* worker_association.c */

/** association_find() - Return: NULL where there is none */
struct association *association_find(struct worker *worker, uint32_t id);

/** association_set() - one is there or has changed */
void association_set(struct worker *worker,
		     const struct kpc_message_association *config);

/** association_gone() - drop it and at once all its connections */
void association_gone(struct worker *worker, uint32_t id);

/**
 * association_addresses() - role a: where IdB is from now on
 *
 * Warm connections to elsewhere are ended.
 */
void association_addresses(struct association *association,
			   const struct kpc_message_addresses *addresses);

/**
 * association_initiates() - role a: count a handshake that begins
 *
 * Return: false where there are too many.
 */
bool association_initiates(struct worker *worker,
			   struct association *association);

/** association_initiated() - one that was counted is over */
void association_initiated(struct worker *worker,
			   struct association *association);

/** association_leads_to() - whether IdB is at @peer */
bool association_leads_to(const struct association *association,
			  const struct sockaddr_in6 *peer);

/** association_context() - role a; NULL, with the reason in @err */
struct kpc_handshake_context *
association_context(struct worker *worker, struct association *association,
		    struct kpc_error *err);

/** association_listens() - one has been opened at a listener, or closed */
void association_listens(struct worker *worker,
			 const struct kpc_message_listens *listens);

/**
 * server_context() - role b: what the associations at a listener allow together
 *
 * Not what those elsewhere do: a peer of TLS 1.2 that offers TLS 1.3 too would
 * be taken at its word where nobody has it.
 */
struct kpc_handshake_context *server_context(struct listener *listener,
					     struct kpc_error *err);

/** association_flush() - free them all */
void association_flush(struct worker *worker);

/* worker_listener.c */

/** listener_add() - accept connections from @fd, which is taken over */
void listener_add(struct worker *worker,
		  const struct kpc_message_listener *config, bool tls, int fd);

/**
 * listener_handshake_seconds() - what a peer that nobody knows yet may take
 *
 * As in the module the longest of the associations that it may have come for.
 */
uint32_t listener_handshake_seconds(struct listener *listener);

/** listener_find() - one for peers, by the warden's id; NULL: it is gone */
struct listener *listener_find(struct worker *worker, uint32_t id);

/** listener_gone() - close one by the warden's id */
void listener_gone(struct worker *worker, uint32_t id);

/** listener_drain() - close them all */
void listener_drain(struct worker *worker);

/* worker_event.c */

/** worker_event() - one line for the log about a connection or none */
void worker_event(struct worker *worker, enum kpc_message_event_kind kind,
		  const struct connection *connection, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* bind.c */

/**
 * struct bind_answer - the module's answer
 * @error: 0 or a negative errno
 * @binding: id of the binding
 * @text: its sentence
 */
struct bind_answer {
	int error;
	uint64_t binding;
	char text[KPC_MESSAGE_TEXT_MAX + 1];
};

/**
 * bind_rekey() - announce the next keys of a socket that is tied
 * @worker: the worker
 * @waiter: for the answer
 * @fd: the socket
 * @tx_digest: of those for sending, or NULL
 * @rx_digest: of those for receiving, or NULL
 */
void bind_rekey(struct worker *worker, struct waiter *waiter, int fd,
		const uint8_t *tx_digest, const uint8_t *rx_digest);

struct kpc_bind;

/** bind_start() - listen to the module */
void bind_start(struct worker *worker);

/** bind_handshake() - register a socket about to connect */
void bind_handshake(struct worker *worker, struct waiter *waiter, int fd,
		    const struct kpc_message_association *association);

/**
 * bind_release() - end the binding of a flow
 * @worker: the worker, which bound it
 * @binding: id in the module; 0: it has none
 *
 * Nobody waits for an answer. What cannot be asked ends with the session.
 */
void bind_release(struct worker *worker, uint64_t binding);

/** bind_hand_over() - a bound socket becomes an application's */
void bind_hand_over(struct worker *worker, struct waiter *waiter, int fd);

/** bind_socket() - tie a socket to its association */
void bind_socket(struct worker *worker, struct waiter *waiter,
		 const struct kpc_bind *bind);

#endif
