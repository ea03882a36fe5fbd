/* SPDX-License-Identifier: MIT */
/*
 * What the warden and a worker say to each other.
 *
 * They share one SOCK_SEQPACKET pair per worker; one packet is one struct
 * kpc_message, cut to the length of the member in use. Descriptors travel
 * beside it (SCM_RIGHTS). The warden trusts nothing a worker sends: every
 * length, identifier and text is checked before use. The worker trusts the
 * warden, which made it.
 */
#ifndef KPCD_MESSAGE_H
#define KPCD_MESSAGE_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <kpc/kpcid.h>
#include <linux/kpc.h>

/* RFC 4279 wants keys of up to 64 octets supported; SPEC ends there. */
#define KPC_MESSAGE_KEY_MAX		64
#define KPC_MESSAGE_ADDRESSES_MAX	16
#define KPC_MESSAGE_TEXT_MAX		255
/* What a handshake may take where nothing else is configured, as in the module. */
#define KPC_MESSAGE_HANDSHAKE_SECONDS	30

/**
 * enum kpc_message_type - what a message is
 * @KPC_MESSAGE_ASSOCIATION: warden: an association is there or has changed
 * @KPC_MESSAGE_ASSOCIATION_GONE: warden: drop it, its connections and what
 *	plaintext is still held for them
 * @KPC_MESSAGE_LISTENER: warden, with a descriptor: accept peers here
 * @KPC_MESSAGE_PLAIN: warden, with a descriptor: accept local programs here
 * @KPC_MESSAGE_LISTENER_GONE: warden: close a listener of either sort
 * @KPC_MESSAGE_ADDRESSES: warden: where IdB of a role a association is now
 * @KPC_MESSAGE_ESTABLISH: warden: make one handshake now and answer
 * @KPC_MESSAGE_KEY_REQUEST: worker: the key of an association or a KpcId?
 * @KPC_MESSAGE_KEY: warden: the answer; a grant for the worker's session is
 *	in force when it is sent
 * @KPC_MESSAGE_BACKEND_REQUEST: worker: connect to the plain leg of role b
 * @KPC_MESSAGE_BACKEND: warden, with a descriptor unless it failed
 * @KPC_MESSAGE_LISTENS: warden: at which listener an association is open
 * @KPC_MESSAGE_ESTABLISHED: worker: how KPC_MESSAGE_ESTABLISH went
 * @KPC_MESSAGE_EVENT: worker: something to log
 * @KPC_MESSAGE_READY: worker: ready for listeners
 * @KPC_MESSAGE_DRAIN: warden: take nothing new, finish what runs, exit
 * @KPC_MESSAGE_LISTENS: warden: a role b association's peers come to a listener
 * @KPC_MESSAGE_QUOTA: warden: how many handshakes there may be from now on
 * @KPC_MESSAGE_BINDING_GONE: warden: the module has ended the binding of a flow
 */
enum kpc_message_type {
	KPC_MESSAGE_ASSOCIATION = 1,
	KPC_MESSAGE_ASSOCIATION_GONE,
	KPC_MESSAGE_LISTENER,
	KPC_MESSAGE_PLAIN,
	KPC_MESSAGE_LISTENER_GONE,
	KPC_MESSAGE_ADDRESSES,
	KPC_MESSAGE_ESTABLISH,
	KPC_MESSAGE_KEY_REQUEST,
	KPC_MESSAGE_KEY,
	KPC_MESSAGE_BACKEND_REQUEST,
	KPC_MESSAGE_BACKEND,
	KPC_MESSAGE_ESTABLISHED,
	KPC_MESSAGE_EVENT,
	KPC_MESSAGE_READY,
	KPC_MESSAGE_DRAIN,
	KPC_MESSAGE_LISTENS,
	KPC_MESSAGE_QUOTA,
	KPC_MESSAGE_BINDING_GONE,
};

/**
 * struct kpc_message_association - what a worker knows of an association
 *
 * Not its KpcId: with a list of those a worker that was taken over could ask
 * for their keys. It comes with the key.
 *
 * @id: the module's identifier; in --table mode the warden's own
 * @mark: for the log; the module alone sets it
 * @versions: enum kpc_version_flags
 * @suites: IANA codes in order of preference, @suite_count of them; none
 *	means the profile's
 * @allow_any: every local user may speak at a plain TCP leg
 * @keeps: role a, what an establishment has made waits for a local program
 * @datagrams: of DTLS, with a plain UDP leg
 * @allow_uids: users that may otherwise
 * @handshake_seconds: what a handshake may take
 * @rekey_after: seconds until a connection gets new keys, or 0
 * @records: that a key may protect, or 0 for what its cipher bears
 * @idle: @datagrams, seconds that a peer may be silent
 * @plain: role b, the backend "tcp:ADDRESS:PORT" or "udp:ADDRESS:PORT" that the
 *	worker connects to itself; empty where the warden must (UNIX sockets)
 */
struct kpc_message_association {
	uint32_t id;
	uint32_t mark;
	uint32_t versions;
	uint8_t role;
	uint8_t kind_a;
	uint8_t kind_b;
	uint8_t offload;
	uint8_t profile;
	uint8_t proxy;
	uint8_t suite_count;
	uint8_t allow_uid_count;
	uint8_t allow_any;
	uint8_t keeps;
	uint8_t datagrams;
	uint16_t suites[KPC_SUITES_MAX];
	uint32_t allow_uids[KPC_ALLOW_UIDS_MAX];
	uint32_t handshake_seconds;
	uint32_t rekey_after;
	uint32_t records;
	uint32_t idle;
	char name[KPC_NAME_MAX + 1];
	char id_a[KPC_IDENTITY_MAX + 1];
	char id_b[KPC_IDENTITY_MAX + 1];
	char authority[KPC_AGENT_TEXT_MAX + 1];
	char plain[KPC_AGENT_TEXT_MAX + 1];
};

/**
 * struct kpc_message_listener - a listening socket
 * @id: the warden's, for KPC_MESSAGE_LISTENER_GONE and key requests
 * @association: KPC_MESSAGE_PLAIN, the association it leads to; else 0
 * @datagrams: of UDP, and the worker's own: nobody shares it
 * @local_tcp: KPC_MESSAGE_PLAIN, TCP: look up the peer's uid
 * @hand_over: KPC_MESSAGE_PLAIN: who comes is given the connection's socket
 */
struct kpc_message_listener {
	uint32_t id;
	uint32_t association;
	uint8_t datagrams;
	uint8_t local_tcp;
	uint8_t hand_over;
};

/**
 * struct kpc_message_listens - what a listener offers depends on who is there
 * @association: of role b
 * @listener: the warden's id, told before the listener comes; 0: it is closed
 */
struct kpc_message_listens {
	uint32_t association;
	uint32_t listener;
};

/**
 * struct kpc_message_quota - handshakes that a worker may have under way
 * @peers: of role b
 * @initiations: of role a
 *
 * Neither is 0. What the worker has memory for it has as a limit beside.
 */
struct kpc_message_quota {
	uint32_t peers;
	uint32_t initiations;
};

/** struct kpc_message_addresses - where a role a association connects to */
struct kpc_message_addresses {
	uint32_t association;
	uint32_t count;
	struct sockaddr_in6 at[KPC_MESSAGE_ADDRESSES_MAX]; /* v4 as v4-mapped */
};

/**
 * struct kpc_message_key_request - who asks for which key
 * @association: role a, the association being established; role b, 0
 * @listener: role b, the listener the peer came to; role a, 0
 * @peer: the far end's address, for rates and the log (v4 as v4-mapped)
 * @kpc_id: role b, which; no octets: the peer offers none that could be
 */
struct kpc_message_key_request {
	uint32_t association;
	uint32_t listener;
	struct sockaddr_in6 peer;
	struct kpc_kpcid kpc_id;
};

/**
 * enum kpc_message_refusal - why there is no key
 * @KPC_REFUSAL_UNKNOWN: no association has the KpcId
 * @KPC_REFUSAL_NO_KEY: the key store has none for it
 * @KPC_REFUSAL_DATES: of the association
 * @KPC_REFUSAL_SHORT: the key is
 * @KPC_REFUSAL_GRANT: the module gave none
 */
enum kpc_message_refusal {
	KPC_REFUSAL_UNKNOWN,
	KPC_REFUSAL_NO_KEY,
	KPC_REFUSAL_DATES,
	KPC_REFUSAL_SHORT,
	KPC_REFUSAL_GRANT,
};

/**
 * message_refusal() - the reason in words, of a KpcId that is known
 * @refusal: enum kpc_message_refusal
 *
 * Return: the words, NULL: it is not known.
 */
const char *message_refusal(uint32_t refusal);

/**
 * struct kpc_message_key - one key, for one handshake
 * @association: the association it belongs to; 0: there is none, and @octets are
 *	nobody's, so that it takes as long
 * @len: octets of @octets
 * @refusal: enum kpc_message_refusal, where there is none
 * @kpc_id: the key's name
 */
struct kpc_message_key {
	uint32_t association;
	uint32_t len;
	uint32_t refusal;
	uint8_t octets[KPC_MESSAGE_KEY_MAX];
	struct kpc_kpcid kpc_id;
};

/**
 * struct kpc_message_backend_request - whom a backend is wanted for
 * @association: of role b
 * @carrier: enum kpc_carrier; what the agent carries is not handed over
 * @version: as on the wire; this and what follows is for an application that
 *	is told of the connection
 * @suite: IANA code
 * @binding: id in the module
 * @peer: the far end's address (v4 as v4-mapped)
 */
struct kpc_message_backend_request {
	uint32_t association;
	uint8_t carrier;
	uint16_t version;
	uint16_t suite;
	uint64_t binding;
	struct sockaddr_in6 peer;
};

/**
 * struct kpc_message_backend - whom the warden has connected to
 * @error: 0 or a negative errno
 * @kind: enum kpc_plain; the association may have another one by now
 */
struct kpc_message_backend {
	int32_t error;
	uint8_t kind;
};

/**
 * struct kpc_message_established - the outcome of an establish request
 * @association: of role a
 * @error: 0 or a negative errno; -EKEYREJECTED and -ENOKEY last until one of the
 *	two sides is configured anew
 * @version: as on the wire
 * @suite: IANA code
 * @binding: id in the module
 * @message: why it failed
 */
struct kpc_message_established {
	uint32_t association;
	int32_t error;
	uint16_t version;
	uint16_t suite;
	uint64_t binding;
	char message[KPC_MESSAGE_TEXT_MAX + 1];
};

/**
 * enum kpc_message_event_kind - what happened to a connection
 * @KPC_EVENT_UP: bound and relaying
 * @KPC_EVENT_DOWN: ended in order, close_notify both ways or by the operator
 * @KPC_EVENT_TRUNCATED: the far end was gone without close_notify
 * @KPC_EVENT_REFUSED: a handshake failed
 * @KPC_EVENT_LOCAL_REFUSED: a local user that is not allowed
 * @KPC_EVENT_LOCAL_GONE: a local program that left before the far end was reached
 * @KPC_EVENT_BACKEND: the backend could not be reached
 * @KPC_EVENT_HANDED_OVER: bound, and from now on an application's
 * @KPC_EVENT_FAULT: anything else that an operator should see
 */
enum kpc_message_event_kind {
	KPC_EVENT_UP = 1,
	KPC_EVENT_DOWN,
	KPC_EVENT_TRUNCATED,
	KPC_EVENT_REFUSED,
	KPC_EVENT_LOCAL_REFUSED,
	KPC_EVENT_LOCAL_GONE,
	KPC_EVENT_BACKEND,
	KPC_EVENT_HANDED_OVER,
	KPC_EVENT_FAULT,
};

/** struct kpc_message_event - one line for the log */
struct kpc_message_event {
	uint32_t kind;		/* 0, none: only @lost counts */
	uint32_t lost;		/* events before it that were not told */
	uint32_t count;		/* events of its kind that it tells of */
	uint32_t association;	/* 0, not known */
	uint64_t binding;
	uint16_t version;
	uint16_t suite;
	uint8_t carrier;
	uint64_t tx_octets;	/* plaintext octets towards the far end */
	uint64_t rx_octets;
	uint64_t milliseconds;
	struct sockaddr_in6 peer;
	char text[KPC_MESSAGE_TEXT_MAX + 1];
};

/**
 * struct kpc_message - one packet
 * @type: enum kpc_message_type
 * @request: chosen by who asks, repeated in the answer; else 0
 */
struct kpc_message {
	uint32_t type;
	uint32_t request;
	union {
		uint32_t id;	/* ASSOCIATION_GONE, LISTENER_GONE, ESTABLISH */
		uint32_t seconds;	/* DRAIN: then what runs is ended */
		struct kpc_message_association association;
		struct kpc_message_listener listener;
		struct kpc_message_listens listens;
		struct kpc_message_quota quota;
		struct kpc_message_addresses addresses;
		struct kpc_message_key_request key_request;
		struct kpc_message_key key;
		struct kpc_message_backend_request backend_request;
		struct kpc_message_backend backend;
		struct kpc_message_established established;
		uint64_t binding;	/* BINDING_GONE */
		struct kpc_message_event event;
	};
};

#define KPC_MESSAGE_HEAD	offsetof(struct kpc_message, id)

/**
 * message_length() - octets of a message
 * @type: enum kpc_message_type
 *
 * Return: KPC_MESSAGE_HEAD and the member in use; 0 for a type that is none.
 */
size_t message_length(uint32_t type);

#endif
