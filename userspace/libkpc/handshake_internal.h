/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the handshake share. */
#ifndef KPCI_HANDSHAKE_INTERNAL_H
#define KPCI_HANDSHAKE_INTERNAL_H

#include <openssl/ssl.h>

#include <kpc/handshake.h>
#include <kpc/secrets.h>

#include "internal.h"
#include "pipe.h"
#include "policy.h"

#define KPCI_HEADER_LEN		5	/* of a TLS record */
#define KPCI_NONCE_LEN		8	/* explicit nonce of TLS 1.2 AEAD records */
#define KPCI_CKE_MAX		4096	/* a ClientKeyExchange larger than this is refused */

struct kpc_handshake_context {
	SSL_CTX *ssl_ctx;
	struct kpci_policy policy;
};

/**
 * struct kpci_hello - what role b learns from the ClientHello
 * @seen: it has been read
 * @tls13: TLS 1.3 will be spoken, with one of the offered keys
 * @psk_dhe_ke: TLS 1.3: the peer can do (EC)DHE with a key
 * @ems: the peer can do Extended Master Secret
 * @etm: both can do Encrypt-then-MAC; role a knows it of the ServerHello, on DTLS
 * @psk_ke: TLS 1.3: the peer can do without
 * @binder: length of the binders of all offers, which tells their hash
 * @authority: SNI in lower case, or NULL
 */
struct kpci_hello {
	bool seen;
	bool tls13;
	bool psk_dhe_ke;
	bool psk_ke;
	bool ems;
	bool etm;
	uint8_t binder;
	char *authority;
};

/**
 * struct kpci_flow - protected records seen in one direction (TLS 1.2)
 * @protected: ChangeCipherSpec went by
 * @count: records after it
 * @nonce: explicit nonce of the last of them
 */
struct kpci_flow {
	bool protected;
	unsigned int count;
	uint8_t nonce[KPCI_NONCE_LEN];
};

struct kpc_handshake {
	SSL_CTX *ssl_ctx;	/* NULL once there is an SSL */
	SSL *ssl;		/* role b: from the ClientHello on; NULL once kpc_records has it */
	struct kpci_policy policy;
	enum kpc_handshake_state state;
	bool started;

	/* Records */
	struct kpci_pipe pipe;
	size_t record_len;	/* of the record being read, 0: header incomplete */
	size_t taken;		/* all octets from the peer */
	uint8_t head[KPCI_MESSAGE_HEADER_LEN];	/* role b: of the ClientHello */
	size_t hello_len;	/* of it that is there, before there is an SSL */
	struct kpci_flow rx, tx;
	struct kpci_buffer cke;	/* TLS 1.2 role b: ClientKeyExchange, put together */
	bool cke_done;

	/* Keys */
	struct kpci_hello hello;
	struct kpc_kpcid offer;	/* role b: what the peer offers; no octets, nothing */
	bool answered;
	bool agreed;		/* @key is that of @offer, else one nobody knows */
	int place;		/* of the key in the ClientHello's list, -1: nowhere */
	int asked;		/* identities of that list OpenSSL has asked for */
	const char *withheld;	/* why a known KpcId gets no key */
	const char *denied;	/* why a known KpcId was treated as unknown */
	bool narrowed;		/* @association holds */
	struct kpci_policy association;
	struct kpc_kpcid own_id;	/* role a */
	struct kpc_key *key;
	struct kpc_key *spare;	/* role b: where @agreed is taken back, becomes @key */
	bool no_dhe;		/* TLS 1.3: the ServerHello had no key share */

	/* TLS 1.3 traffic secrets; [0] the client's, [1] the server's */
	struct kpc_traffic_secret secrets[2];

	struct kpc_handshake_result result;
	struct kpc_handshake_failure failure;	/* no cause: to be judged by @error */
	unsigned long error;	/* OpenSSL's, when it gave up */
};

/** kpci_handshake_fail() - end it with a cause and a sentence, unless it has one */
void kpci_handshake_fail(struct kpc_handshake *hs, enum kpc_handshake_cause cause,
			 const char *format, ...) __attribute__((format(printf, 3, 4)));

/* handshake.c */

/** kpci_handshake_new() - one that has no SSL yet; NULL with errno set */
struct kpc_handshake *kpci_handshake_new(struct kpc_handshake_context *context,
					 struct kpc_error *err);

/**
 * kpci_handshake_start() - give it an SSL
 * @bio: what that reads and writes, taken over; NULL: there was no memory for it
 *
 * Return: 0 or -ENOMEM.
 */
int kpci_handshake_start(struct kpc_handshake *hs, BIO *bio);

/** kpci_handshake_run() - have OpenSSL go on with what its BIO has; sets the state */
void kpci_handshake_run(struct kpc_handshake *hs);

/* handshake_hello.c */

/** kpci_hello_callback() - SSL_CTX_set_client_hello_cb() */
int kpci_hello_callback(SSL *ssl, int *alert, void *arg);

/**
 * kpci_message_callback() - SSL_CTX_set_msg_callback(): what the ServerHello has
 *
 * Whether there was an (EC)DHE; on DTLS, whether Encrypt-then-MAC.
 */
void kpci_message_callback(int written, int version, int type, const void *octets, size_t len,
			   SSL *ssl, void *arg);

/* handshake_psk.c */

/** kpci_psk_register() - put the callbacks of a role into an SSL_CTX */
void kpci_psk_register(SSL_CTX *ctx, const struct kpci_policy *policy);

/** kpci_psk_usable() - does a policy allow a suite on offer of the hash of a binder */
bool kpci_psk_usable(SSL *ssl, const struct kpci_policy *policy, size_t binder);

/** kpci_psk_narrow() - TLS 1.3 role b: suites and modes for the key; 0 or -errno */
int kpci_psk_narrow(struct kpc_handshake *hs, SSL *ssl);

/**
 * kpci_psk_narrow_dtls() - DTLS role b: no suite whose records the peer cannot do
 *
 * Return: 0; -EPROTO: none is left, and the handshake has failed; or -EIO.
 */
int kpci_psk_narrow_dtls(struct kpc_handshake *hs, SSL *ssl);

/* handshake_wire.c */

/**
 * kpci_wire_inspect() - look at a whole record before OpenSSL gets it
 * @hs: handshake
 * @record: header and content
 * @len: its length
 *
 * Return: 0: hand it on; 1: hold it, a key is wanted first; negative: failed.
 */
int kpci_wire_inspect(struct kpc_handshake *hs, const uint8_t *record, size_t len);

/**
 * kpci_wire_hello() - role b, without an SSL: look at a whole record
 * @hs: handshake
 * @record: header and content
 * @len: its length
 *
 * Return: false where it only begins a ClientHello, or goes on with it: there is
 * nothing for OpenSSL to do yet.
 */
bool kpci_wire_hello(struct kpc_handshake *hs, const uint8_t *record, size_t len);

/** kpci_wire_identity() - the KpcId of a whole ClientKeyExchange */
void kpci_wire_identity(struct kpc_handshake *hs, const uint8_t *body, size_t len);

/** kpci_wire_header() - is this the header of a TLS record; 0 or -EINVAL */
int kpci_wire_header(const uint8_t header[KPCI_HEADER_LEN]);

/** kpci_wire_sent() - look at records that OpenSSL made */
void kpci_wire_sent(struct kpc_handshake *hs, const uint8_t *records, size_t len);

/* handshake_failure.c */

/** kpci_failure_alert() - SSL_CTX_set_info_callback(): notes alerts */
void kpci_failure_alert(const SSL *ssl, int where, int value);

/** kpci_failure_judge() - OpenSSL gave up: find cause and words of @hs->error */
void kpci_failure_judge(struct kpc_handshake *hs);

#endif
