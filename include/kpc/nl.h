/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The netlink client of kpc.ko, in two layers: messages built into and read
 * out of buffers, without I/O and without allocation, and calls that wait.
 */
#ifndef KPC_NL_H
#define KPC_NL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/kpc.h>

#include <kpc/association.h>
#include <kpc/error.h>
#include <kpc/kpcid.h>

/* The multicast groups; a set of them is a sum. */
#define KPC_NL_ASSOCIATION	0x1
#define KPC_NL_BINDING		0x2
#define KPC_NL_VIOLATION	0x4
#define KPC_NL_AGENT		0x8
#define KPC_NL_GROUPS		4

/* A buffer of this size holds any request, and any datagram of the module. */
#define KPC_NL_BUFFER		32768

/**
 * struct kpc_nl_family - The numbers the kernel gave to the family at load
 * @id: Message type.
 * @groups: Multicast group numbers, by bit of KPC_NL_*.
 *
 * Resolved once by a process that may; inherited by workers.
 */
struct kpc_nl_family {
	uint16_t id;
	uint32_t groups[KPC_NL_GROUPS];
};

/**
 * struct kpc_address - An address and a port
 * @family: AF_INET, AF_INET6 or AF_UNSPEC.
 * @octets: Network order.
 * @port: Host order.
 */
struct kpc_address {
	uint16_t family;
	uint8_t octets[16];
	uint16_t port;
};

/**
 * struct kpc_association_state - What the module counts for an association
 * @id: The module's number, never used again.
 * @generation: Number of the event; in a reply, of the namespace's latest one.
 * @bindings: Bindings alive.
 * @bound: Bindings since it was added.
 * @tx_octets: Payload octets sent.
 * @rx_octets: Payload octets received.
 * @tx_packets: Packets sent.
 * @rx_packets: Packets received.
 * @violations: Violations that name it.
 * @age: Milliseconds since it was added.
 * @took: Deletion: nanoseconds until no payload could pass.
 */
struct kpc_association_state {
	uint32_t id;
	uint64_t generation;
	uint32_t bindings;
	uint64_t bound;
	uint64_t tx_octets;
	uint64_t rx_octets;
	uint64_t tx_packets;
	uint64_t rx_packets;
	uint64_t violations;
	uint64_t age;
	uint64_t took;
};

/**
 * struct kpc_endpoint - An address range the module protects
 * @protocol: IPPROTO_TCP or IPPROTO_UDP.
 * @family: AF_INET, AF_INET6, or AF_UNSPEC for both.
 * @role: B, at the local side; A, at the remote side.
 * @address: Network order.
 * @prefix: Bits of @address that count.
 * @port_min: Lowest port; 0 and 0: any.
 * @port_max: Highest port.
 * @associations: How many associations it belongs to.
 */
struct kpc_endpoint {
	uint8_t protocol;
	uint16_t family;
	enum kpc_role role;
	uint8_t address[16];
	uint8_t prefix;
	uint16_t port_min;
	uint16_t port_max;
	uint32_t associations;
};

/**
 * struct kpc_binding - One socket, or one flow of a UDP socket, tied to an
 *   association
 * @id: The module's number.
 * @association: NAME.
 * @association_id: The association's number.
 * @kpc_id: The psk_identity, to the octet.
 * @id_a: Canonical absolute identity of A.
 * @id_b: Canonical absolute identity of B.
 * @role: This machine's.
 * @mark: The socket's.
 * @carrier: Who encrypts and decrypts.
 * @version: 0x0303, 0x0304 or, of a flow, 0xfefd.
 * @suite: IANA code.
 * @local: This end.
 * @remote: The peer's end.
 * @session: Session that bound it; 0 when gone.
 * @cookie: SO_COOKIE.
 * @uid: Owner of the socket.
 * @age: Milliseconds since BIND.
 * @tx_octets: Payload octets sent since BIND.
 * @rx_octets: Payload octets received since BIND.
 * @rekeys: Announced key changes.
 * @handed_over: The socket's holder is not the session that bound it: that has
 *   said so, or is gone.
 * @tx_records: Carrier kernel, number of the next record under the key for
 *   sending, as it was within the last seconds.
 * @rx_records: The same for receiving.
 * @records: Of a message of <kpc/app.h>, what one key may protect by the
 *   association's word; the module does not tell it, and 0 is the suite's own.
 * @protocol: IPPROTO_TCP or IPPROTO_UDP; 0: a module that knows TCP alone.
 * @epoch: DTLS, of the records' headers.
 * @tx_packets: Of a flow, datagrams sent since BIND.
 * @rx_packets: Of a flow, datagrams received since BIND.
 */
struct kpc_binding {
	uint64_t id;
	char association[KPC_NAME_MAX + 1];
	uint32_t association_id;
	struct kpc_kpcid kpc_id;
	char id_a[KPC_IDENTITY_MAX + 1];
	char id_b[KPC_IDENTITY_MAX + 1];
	enum kpc_role role;
	uint32_t mark;
	enum kpc_carrier carrier;
	uint16_t version;
	uint16_t suite;
	struct kpc_address local;
	struct kpc_address remote;
	uint32_t session;
	uint64_t cookie;
	uint32_t uid;
	uint64_t age;
	uint64_t tx_octets;
	uint64_t rx_octets;
	uint32_t rekeys;
	bool handed_over;
	uint64_t tx_records;
	uint64_t rx_records;
	uint32_t records;
	uint8_t protocol;
	uint16_t epoch;
	uint64_t tx_packets;
	uint64_t rx_packets;
};

/**
 * struct kpc_bind - What binding-new asks for
 * @fd: The connected socket, or a registered UDP socket.
 * @association: NAME.
 * @association_id: The module's number of the association whose Kpc the peer
 *   has proved.
 * @carrier: Who carries the records.
 * @version: 0x0303 or 0x0304; 0xfefd of a flow.
 * @suite: IANA code.
 * @tx_digest: SHA-256 of the sending key as <linux/kpc.h> tells; NULL with
 *   carrier agent.
 * @rx_digest: The same for receiving.
 * @local: Of a flow of a UDP socket that is not connected, this end's address;
 *   its port is the socket's. Its family is that of the flow, AF_INET for IPv4
 *   at an IPv6 socket too. AF_UNSPEC: none.
 * @remote: The same, the peer's end.
 * @epoch: DTLS, of the records' headers; 0: not told, which is 1.
 */
struct kpc_bind {
	int fd;
	const char *association;
	uint32_t association_id;
	enum kpc_carrier carrier;
	uint16_t version;
	uint16_t suite;
	const uint8_t *tx_digest;
	const uint8_t *rx_digest;
	struct kpc_address local;
	struct kpc_address remote;
	uint16_t epoch;
};

/**
 * struct kpc_establish - A command to the agent, or its answer
 * @id: The request's number.
 * @association: NAME.
 * @state: How far it is.
 * @version: 0x0303 or 0x0304; 0: not told.
 * @suite: IANA code; 0: not told.
 * @binding: Binding's number; 0: none.
 * @error: errno of a failure, positive.
 * @message: Why it failed, for a person.
 */
struct kpc_establish {
	uint32_t id;
	char association[KPC_NAME_MAX + 1];
	enum kpc_establish_state state;
	uint16_t version;
	uint16_t suite;
	uint64_t binding;
	uint32_t error;
	char message[KPC_AGENT_TEXT_MAX + 1];
};

/**
 * struct kpc_session - A netlink socket that speaks for the agent
 * @id: The module's number.
 * @type: Warden or worker.
 * @pid: Process, as the warden told it.
 * @bindings: Bindings it made that are alive.
 * @grants: Grants it has not used.
 */
struct kpc_session {
	uint32_t id;
	enum kpc_session_type type;
	uint32_t pid;
	uint32_t bindings;
	uint32_t grants;
};

/**
 * struct kpc_commit - What a transaction did
 */
struct kpc_commit {
	uint32_t added;
	uint32_t changed;
	uint32_t removed;
	uint32_t ended;
};

/**
 * struct kpc_stats - The namespace's counters
 * @associations: Now.
 * @endpoints: Now.
 * @bindings: Now.
 * @handshakes: Registered handshake sockets now.
 * @sessions: Now.
 * @bound: Bindings ever.
 * @ended: Bindings that ended.
 * @violations: Violations ever.
 * @suppressed: Violation events not sent because there were too many.
 * @dropped_out: Packets dropped on their way out.
 * @dropped_in: Packets dropped on their way in.
 * @refused: Connections to a registered listener that were reset because no
 *	more handshakes could be registered.
 * @violations_mark: Of @violations, those of this kind; so the others.
 * @violations_endpoint: See there.
 * @violations_association: See there.
 * @violations_changed: See there.
 * @violations_grant: See there.
 * @violations_budget: See there.
 */
struct kpc_stats {
	uint32_t associations;
	uint32_t endpoints;
	uint32_t bindings;
	uint32_t handshakes;
	uint32_t sessions;
	uint64_t bound;
	uint64_t ended;
	uint64_t violations;
	uint64_t suppressed;
	uint64_t dropped_out;
	uint64_t dropped_in;
	uint64_t refused;
	uint64_t violations_mark;
	uint64_t violations_endpoint;
	uint64_t violations_association;
	uint64_t violations_changed;
	uint64_t violations_grant;
	uint64_t violations_budget;
};

/**
 * struct kpc_violation - Something attempted and stopped
 * @kind: What.
 * @direction: Out or in.
 * @mark: The packet's or socket's mark.
 * @association: NAME where one is concerned, else empty.
 * @protocol: IPPROTO_*.
 * @local: This end.
 * @remote: The far end.
 * @has_uid: @uid is known.
 * @uid: Owner of the socket.
 * @pid: Process; 0: not known.
 * @suppressed: Events of this kind not sent since the last one.
 */
struct kpc_violation {
	enum kpc_violation_kind kind;
	enum kpc_direction direction;
	uint32_t mark;
	char association[KPC_NAME_MAX + 1];
	uint8_t protocol;
	struct kpc_address local;
	struct kpc_address remote;
	bool has_uid;
	uint32_t uid;
	uint32_t pid;
	uint32_t suppressed;
};

/**
 * struct kpc_event - One notification
 * @cmd: KPC_CMD_ASSOCIATION_NTF, _BINDING_NTF, _VIOLATION_NTF, _ESTABLISH_NTF
 *   or _SESSION_NTF; says which member of the union holds.
 * @generation: Number of the event in its namespace; 0: not told.
 * @change: Added, changed, removed or limit.
 * @reason: Why it ended.
 * @association: With KPC_CMD_ASSOCIATION_NTF; name, KpcId, the texts of the
 *   identities, role and mark only.
 * @state: With KPC_CMD_ASSOCIATION_NTF.
 * @binding: With KPC_CMD_BINDING_NTF.
 * @violation: With KPC_CMD_VIOLATION_NTF.
 * @establish: With KPC_CMD_ESTABLISH_NTF.
 * @session: With KPC_CMD_SESSION_NTF.
 */
struct kpc_event {
	uint8_t cmd;
	uint64_t generation;
	enum kpc_change change;
	enum kpc_reason reason;
	union {
		struct {
			struct kpc_association association;
			struct kpc_association_state state;
		};
		struct kpc_binding binding;
		struct kpc_violation violation;
		struct kpc_establish establish;
		struct kpc_session session;
	};
};

/*
 * Messages in buffers
 */

/**
 * enum kpc_nl_type - What one netlink message of a datagram is
 * @KPC_NL_DATA: A reply or an event of the family; decode it.
 * @KPC_NL_ACK: The request was carried out, or the dump is over.
 * @KPC_NL_REFUSED: The request was refused; @error and @text tell why.
 */
enum kpc_nl_type {
	KPC_NL_DATA,
	KPC_NL_ACK,
	KPC_NL_REFUSED,
};

/**
 * struct kpc_nl_message - One message of a datagram; points into it
 * @type: What it is.
 * @seq: The request's number; 0 in an event.
 * @cmd: KPC_CMD_* of KPC_NL_DATA.
 * @error: Negative errno of KPC_NL_REFUSED.
 * @text: The kernel's sentence, ended with NUL; NULL: none.
 * @interrupted: The table changed while it was dumped: begin again.
 * @attributes: First attribute of KPC_NL_DATA.
 * @length: Octets of @attributes.
 */
struct kpc_nl_message {
	enum kpc_nl_type type;
	uint32_t seq;
	uint8_t cmd;
	int error;
	const char *text;
	bool interrupted;
	const void *attributes;
	size_t length;
};

/**
 * kpc_nl_message_next() - Take the next message off a datagram
 * @family: The family's number; other messages are passed over.
 * @datagram: Where to go on; moved on.
 * @length: Octets left; lessened.
 * @message: Filled in.
 *
 * Return: 1 with a message, 0 at the end, -EBADMSG where it is cut or wrong.
 */
int kpc_nl_message_next(uint16_t family, const void **datagram,
			size_t *length, struct kpc_nl_message *message);

/*
 * Requests. Each fills @buffer, which is aligned to 4, with one netlink message
 * that asks for an acknowledgement, and returns its octets, or -EMSGSIZE.
 */
int kpc_nl_build_association_new(void *buffer, size_t size, uint16_t family,
				 uint32_t seq,
				 const struct kpc_association *association,
				 bool force);
int kpc_nl_build_association_resolve(void *buffer, size_t size,
				     uint16_t family, uint32_t seq, uint32_t id,
				     const char *peer,
				     const struct kpc_selector *at,
				     size_t count);
int kpc_nl_build_association_del(void *buffer, size_t size, uint16_t family,
				 uint32_t seq, const char *name, bool force);
int kpc_nl_build_association_get(void *buffer, size_t size, uint16_t family,
				 uint32_t seq, const char *name);
int kpc_nl_build_endpoint_get(void *buffer, size_t size, uint16_t family,
			      uint32_t seq,
			      const struct kpc_endpoint *endpoint);
int kpc_nl_build_handshake_new(void *buffer, size_t size, uint16_t family,
			       uint32_t seq, int fd, const char *association,
			       uint32_t id);
int kpc_nl_build_binding_new(void *buffer, size_t size, uint16_t family,
			     uint32_t seq, const struct kpc_bind *bind);
int kpc_nl_build_binding_rekey(void *buffer, size_t size, uint16_t family,
			       uint32_t seq, int fd, const uint8_t *tx_digest,
			       const uint8_t *rx_digest);
int kpc_nl_build_binding_hand_over(void *buffer, size_t size, uint16_t family,
				   uint32_t seq, int fd);
int kpc_nl_build_binding_del(void *buffer, size_t size, uint16_t family,
			     uint32_t seq, uint64_t id);
int kpc_nl_build_binding_get(void *buffer, size_t size, uint16_t family,
			     uint32_t seq, uint64_t id);
int kpc_nl_build_binding_get_fd(void *buffer, size_t size, uint16_t family,
				uint32_t seq, int fd);
int kpc_nl_build_binding_dump(void *buffer, size_t size, uint16_t family,
			      uint32_t seq, const char *association);
int kpc_nl_build_establish(void *buffer, size_t size, uint16_t family,
			   uint32_t seq, const char *association);
int kpc_nl_build_close(void *buffer, size_t size, uint16_t family,
		       uint32_t seq, const char *association);
int kpc_nl_build_establish_answer(void *buffer, size_t size, uint16_t family,
				  uint32_t seq,
				  const struct kpc_establish *answer);
int kpc_nl_build_session_new(void *buffer, size_t size, uint16_t family,
			     uint32_t seq, enum kpc_session_type type, int fd,
			     uint32_t pid);
int kpc_nl_build_grant_new(void *buffer, size_t size, uint16_t family,
			   uint32_t seq, uint32_t session,
			   const char *association, uint32_t id);
int kpc_nl_build_transaction_begin(void *buffer, size_t size, uint16_t family,
				   uint32_t seq, enum kpc_load_mode mode);
int kpc_nl_build_transaction_commit(void *buffer, size_t size,
				    uint16_t family, uint32_t seq, bool force,
				    uint32_t confirm_seconds);
int kpc_nl_build_transaction_confirm(void *buffer, size_t size,
				     uint16_t family, uint32_t seq, bool abort);
int kpc_nl_build_config_set(void *buffer, size_t size, uint16_t family,
			    uint32_t seq, const struct kpc_config *config);
int kpc_nl_build_config_get(void *buffer, size_t size, uint16_t family,
			    uint32_t seq);
int kpc_nl_build_stats_get(void *buffer, size_t size, uint16_t family,
			   uint32_t seq, bool reset);
/* A request without attributes, for all objects of a kind. */
int kpc_nl_build_dump(void *buffer, size_t size, uint16_t family,
		      uint32_t seq, uint8_t cmd);

/*
 * Replies and events. Each sets the whole structure, absent attributes to 0,
 * and returns 0, or -EBADMSG where an attribute has the wrong length.
 */
int kpc_nl_decode_association(const struct kpc_nl_message *message,
			      struct kpc_association *association,
			      struct kpc_association_state *state);
int kpc_nl_decode_endpoint(const struct kpc_nl_message *message,
			   struct kpc_endpoint *endpoint);
int kpc_nl_decode_binding(const struct kpc_nl_message *message,
			  struct kpc_binding *binding);
int kpc_nl_decode_establish(const struct kpc_nl_message *message,
			    struct kpc_establish *establish);
int kpc_nl_decode_session(const struct kpc_nl_message *message,
			  struct kpc_session *session);
int kpc_nl_decode_commit(const struct kpc_nl_message *message,
			 struct kpc_commit *commit);
int kpc_nl_decode_config(const struct kpc_nl_message *message,
			 struct kpc_config *config);
int kpc_nl_decode_stats(const struct kpc_nl_message *message,
			struct kpc_stats *stats);
int kpc_nl_decode_event(const struct kpc_nl_message *message,
			struct kpc_event *event);

/*
 * Calls that wait
 */

/**
 * struct kpc_nl - One generic netlink socket
 * @socket: libnl's.
 * @fd: Its descriptor, for epoll; -1: none. It does not wait.
 * @family: Numbers of the family.
 * @seq: Number of the last request.
 * @buffer: KPC_NL_BUFFER octets, the datagram in work.
 * @next: Events of it not handed out yet.
 * @left: Octets at @next.
 */
struct kpc_nl {
	struct nl_sock *socket;
	int fd;
	struct kpc_nl_family family;
	uint32_t seq;
	void *buffer;
	const void *next;
	size_t left;
};

/**
 * kpc_nl_open() - Open a socket in this network namespace, find the family
 * @nl: Filled in.
 * @err: Where the module is missing, says how to load it.
 *
 * One socket is for requests or for events, not for both: a request throws
 * away events that are in its way.
 *
 * Return: 0 or a negative errno, -ENOENT without the module.
 */
int kpc_nl_open(struct kpc_nl *nl, struct kpc_error *err);

/**
 * kpc_nl_adopt() - Use a socket that someone else opened
 * @nl: Filled in; owns @fd from now on.
 * @fd: A generic netlink socket.
 * @family: What kpc_nl_open() found.
 *
 * Return: 0 or a negative errno.
 */
int kpc_nl_adopt(struct kpc_nl *nl, int fd,
		 const struct kpc_nl_family *family);

/**
 * kpc_nl_socket() - A generic netlink socket for kpc_nl_adopt()
 *
 * Extended acknowledgements on, close-on-exec, bound.
 *
 * Return: The socket or a negative errno.
 */
int kpc_nl_socket(void);

/**
 * kpc_nl_close() - Close the socket and give the buffer back
 */
void kpc_nl_close(struct kpc_nl *nl);

/*
 * Every call returns 0 or the negative errno of the refusal, with the kernel's
 * sentence in @err. Replies that are not wanted are NULL.
 */
int kpc_nl_association_new(struct kpc_nl *nl,
			   const struct kpc_association *association,
			   bool force, struct kpc_association *made,
			   struct kpc_error *err);
int kpc_nl_association_resolve(struct kpc_nl *nl, uint32_t id,
			       const char *peer, const struct kpc_selector *at,
			       size_t count, struct kpc_error *err);
int kpc_nl_association_del(struct kpc_nl *nl, const char *name, bool force,
			   struct kpc_association_state *state,
			   struct kpc_error *err);
int kpc_nl_association_get(struct kpc_nl *nl, const char *name,
			   struct kpc_association *association,
			   struct kpc_association_state *state,
			   struct kpc_error *err);
int kpc_nl_endpoint_get(struct kpc_nl *nl, const struct kpc_endpoint *key,
			struct kpc_endpoint *endpoint, struct kpc_error *err);
/* @id: the module's number of @association; of a listener, which has none, 0 */
int kpc_nl_handshake_new(struct kpc_nl *nl, int fd, const char *association,
			 uint32_t id, struct kpc_error *err);
int kpc_nl_binding_new(struct kpc_nl *nl, const struct kpc_bind *bind,
		       struct kpc_binding *binding, struct kpc_error *err);
int kpc_nl_binding_rekey(struct kpc_nl *nl, int fd, const uint8_t *tx_digest,
			 const uint8_t *rx_digest, struct kpc_error *err);
int kpc_nl_binding_hand_over(struct kpc_nl *nl, int fd, struct kpc_error *err);
int kpc_nl_binding_del(struct kpc_nl *nl, uint64_t id, struct kpc_error *err);
int kpc_nl_binding_get(struct kpc_nl *nl, uint64_t id,
		       struct kpc_binding *binding, struct kpc_error *err);
int kpc_nl_binding_get_fd(struct kpc_nl *nl, int fd,
			  struct kpc_binding *binding, struct kpc_error *err);
int kpc_nl_establish(struct kpc_nl *nl, const char *association, uint32_t *id,
		     struct kpc_error *err);
int kpc_nl_close_association(struct kpc_nl *nl, const char *association,
			     uint32_t *id, struct kpc_error *err);
int kpc_nl_establish_answer(struct kpc_nl *nl,
			    const struct kpc_establish *answer,
			    struct kpc_error *err);
int kpc_nl_session_warden(struct kpc_nl *nl, uint32_t *id,
			  struct kpc_error *err);
int kpc_nl_session_worker(struct kpc_nl *nl, int fd, uint32_t pid,
			  uint32_t *id, struct kpc_error *err);
/* @id: the module's number of @association; -ESTALE: it has another one */
int kpc_nl_grant_new(struct kpc_nl *nl, uint32_t session,
		     const char *association, uint32_t id,
		     struct kpc_error *err);
int kpc_nl_transaction_begin(struct kpc_nl *nl, enum kpc_load_mode mode,
			     struct kpc_error *err);
int kpc_nl_transaction_commit(struct kpc_nl *nl, bool force,
			      uint32_t confirm_seconds,
			      struct kpc_commit *commit,
			      struct kpc_error *err);
int kpc_nl_transaction_confirm(struct kpc_nl *nl, bool abort,
			       struct kpc_error *err);
int kpc_nl_config_set(struct kpc_nl *nl, const struct kpc_config *config,
		      struct kpc_error *err);
int kpc_nl_config_get(struct kpc_nl *nl, struct kpc_config *config,
		      struct kpc_error *err);
int kpc_nl_stats_get(struct kpc_nl *nl, bool reset, struct kpc_stats *stats,
		     struct kpc_error *err);

/**
 * kpc_nl_load() - Make a table the module's, in one transaction
 * @nl: A socket that has begun no transaction.
 * @table: What association files hold, checked; its config lines too.
 * @mode: What happens to associations that it does not name.
 * @force: Although bindings end and sockets are shut out.
 * @confirm_seconds: After so many, unless confirmed, all is as before; 0: it
 *   stays.
 * @commit: What it did.
 * @err: With file and line where one is concerned.
 *
 * Whole or not at all; after a refusal the socket has nothing begun.
 *
 * Return: 0 or a negative errno.
 */
int kpc_nl_load(struct kpc_nl *nl, const struct kpc_table *table,
		enum kpc_load_mode mode, bool force, uint32_t confirm_seconds,
		struct kpc_commit *commit, struct kpc_error *err);

/*
 * Dumps call @fn for each object until it returns other than 0, which is then
 * returned. -EINTR: the table changed meanwhile; begin again.
 */
int kpc_nl_association_dump(struct kpc_nl *nl,
			    int (*fn)(const struct kpc_association *association,
				      const struct kpc_association_state *state,
				      void *data),
			    void *data, struct kpc_error *err);
int kpc_nl_endpoint_dump(struct kpc_nl *nl,
			 int (*fn)(const struct kpc_endpoint *endpoint,
				   void *data),
			 void *data, struct kpc_error *err);
int kpc_nl_binding_dump(struct kpc_nl *nl, const char *association,
			int (*fn)(const struct kpc_binding *binding,
				  void *data),
			void *data, struct kpc_error *err);
int kpc_nl_session_dump(struct kpc_nl *nl,
			int (*fn)(const struct kpc_session *session,
				  void *data),
			void *data, struct kpc_error *err);

/**
 * kpc_nl_subscribe() - Receive the events of groups
 * @nl: A socket of its own for events.
 * @groups: A sum of KPC_NL_ASSOCIATION and so on.
 * @err: The kernel's refusal.
 *
 * Return: 0 or a negative errno.
 */
int kpc_nl_subscribe(struct kpc_nl *nl, unsigned int groups,
		     struct kpc_error *err);

/**
 * kpc_nl_event_next() - Take the next event without waiting
 * @nl: A subscribed socket; wait for POLLIN on @nl->fd.
 * @event: Filled in.
 *
 * Return: 1 with an event; 0 with none; -ENOBUFS when events were lost, which
 * is normal under load: read the tables anew and go on; another negative errno.
 */
int kpc_nl_event_next(struct kpc_nl *nl, struct kpc_event *event);

#endif
