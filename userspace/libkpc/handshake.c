// SPDX-License-Identifier: LGPL-2.1-or-later
/* Drives one handshake: records in, OpenSSL, records out, keys in between. */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "handshake_internal.h"
#include "internal.h"

/* Makes the keys that nobody knows; a new one at every start of the process. */
static uint8_t unknown_secret[32];
static EVP_MD *unknown_digest;
static pthread_once_t unknown_once = PTHREAD_ONCE_INIT;

static void make_unknown_secret(void)
{
	if (RAND_bytes(unknown_secret, sizeof(unknown_secret)) == 1)
		unknown_digest = EVP_MD_fetch(NULL, "SHA256", NULL);
}

/*
 * OpenSSL takes some 40 KiB for a connection in its handshake. Role b does
 * without them until the peer's ClientHello is there, whole.
 */
int kpci_handshake_start(struct kpc_handshake *hs, BIO *bio)
{
	hs->ssl = bio ? SSL_new(hs->ssl_ctx) : NULL;
	if (!hs->ssl) {
		BIO_free(bio);
		return -ENOMEM;
	}
	SSL_set_bio(hs->ssl, bio, bio);
	SSL_set_app_data(hs->ssl, hs);
	if (hs->policy.role == KPC_ROLE_A)
		SSL_set_connect_state(hs->ssl);
	else
		SSL_set_accept_state(hs->ssl);
	SSL_CTX_free(hs->ssl_ctx);
	hs->ssl_ctx = NULL;
	return 0;
}

static int start_ssl(struct kpc_handshake *hs)
{
	return kpci_handshake_start(hs, kpci_pipe_bio(&hs->pipe));
}

struct kpc_handshake *kpci_handshake_new(struct kpc_handshake_context *context,
					 struct kpc_error *err)
{
	struct kpc_handshake *hs = calloc(1, sizeof(*hs));

	pthread_once(&unknown_once, make_unknown_secret);
	if (!hs || !unknown_digest)
		goto fail;
	hs->policy = context->policy;
	hs->failure.alert_sent = -1;
	hs->failure.alert_received = -1;
	SSL_CTX_up_ref(context->ssl_ctx);
	hs->ssl_ctx = context->ssl_ctx;
	return hs;

fail:
	kpc_error_set(err, "no memory for a handshake");
	kpc_handshake_free(hs);
	errno = ENOMEM;
	return NULL;
}

struct kpc_handshake *kpc_handshake_new(struct kpc_handshake_context *context,
					struct kpc_error *err)
{
	struct kpc_handshake *hs;

	if (context->policy.dtls) {
		kpc_error_set(err, "a handshake of DTLS takes datagrams: kpc_dtls_new()");
		errno = EINVAL;
		return NULL;
	}
	hs = kpci_handshake_new(context, err);
	if (!hs || hs->policy.role == KPC_ROLE_B || !start_ssl(hs))
		return hs;
	kpc_error_set(err, "no memory for a handshake");
	kpc_handshake_free(hs);
	errno = ENOMEM;
	return NULL;
}

void kpc_handshake_free(struct kpc_handshake *hs)
{
	if (!hs)
		return;
	SSL_free(hs->ssl);
	SSL_CTX_free(hs->ssl_ctx);
	kpci_pipe_free(&hs->pipe);
	free(hs->cke.data);
	free(hs->hello.authority);
	kpc_key_free(hs->key);
	kpc_key_free(hs->spare);
	OPENSSL_cleanse(hs->secrets, sizeof(hs->secrets));
	free(hs);
}

static bool address_literal(const char *name)
{
	struct in6_addr address;

	return inet_pton(AF_INET, name, &address) == 1 || strchr(name, ':');
}

int kpc_handshake_initiate(struct kpc_handshake *hs, const struct kpc_kpcid *kpc_id,
			   const struct kpc_key *key, const char *authority,
			   struct kpc_error *err)
{
	if (hs->policy.role != KPC_ROLE_A || hs->started || hs->key)
		return kpc_error_return(err, -EINVAL, "only a new handshake of role a initiates");
	if (!kpc_id->len || kpc_id->len > KPC_KPCID_ENTRY_MAX ||
	    memchr(kpc_id->octets, '\0', kpc_id->len))
		return kpc_error_return(err, -EINVAL, "KpcId of %u octets: 1 to %d without NUL are "
					"accepted", kpc_id->len, KPC_KPCID_ENTRY_MAX);
	if (authority && !address_literal(authority)) {
		if (!kpci_hostname_valid(authority, strlen(authority)))
			return kpc_error_return(err, -EINVAL, "authority '%s' is not a host name",
						authority);
		if (SSL_set_tlsext_host_name(hs->ssl, authority) != 1)
			return kpc_error_return(err, -ENOMEM, "no memory for a handshake");
	}
	hs->key = kpc_key_dup(key);
	if (!hs->key)
		return kpc_error_return(err, -ENOMEM, "no locked memory for a key");
	hs->own_id = *kpc_id;
	return 0;
}

static bool record_complete(const struct kpc_handshake *hs)
{
	return hs->record_len && hs->pipe.in_held == hs->record_len;
}

size_t kpc_handshake_need(const struct kpc_handshake *hs)
{
	if (hs->state != KPC_HANDSHAKE_WANT_INPUT)
		return 0;
	return (hs->record_len ? hs->record_len : KPCI_HEADER_LEN) - hs->pipe.in_held;
}

static const uint8_t *held_record(const struct kpc_handshake *hs)
{
	return hs->pipe.in.data + hs->pipe.in.end - hs->pipe.in_held;
}

/* Takes what belongs to the part of the record now being read. */
static size_t take(struct kpc_handshake *hs, const uint8_t *octets, size_t len)
{
	size_t need = kpc_handshake_need(hs);
	const uint8_t *header;

	if (len > need)
		len = need;
	if (kpci_buffer_append(&hs->pipe.in, octets, len)) {
		kpci_handshake_fail(hs, KPC_HANDSHAKE_LOCAL, "no memory for a record");
		return 0;
	}
	hs->pipe.in_held += len;
	hs->taken += len;
	if (hs->record_len || hs->pipe.in_held < KPCI_HEADER_LEN)
		return len;
	header = held_record(hs);
	if (kpci_wire_header(header))
		kpci_handshake_fail(hs, KPC_HANDSHAKE_NOT_TLS,
				    "the peer does not speak TLS (octets %02x %02x %02x %02x %02x "
				    "where a record starts)", header[0], header[1], header[2],
				    header[3], header[4]);
	else
		hs->record_len = KPCI_HEADER_LEN + kpci_get16(header + 3);
	if (hs->taken + kpc_handshake_need(hs) > KPC_HANDSHAKE_OCTETS_MAX)
		kpci_handshake_fail(hs, KPC_HANDSHAKE_PROTOCOL,
				    "the peer sent over %d octets without an end of the handshake",
				    KPC_HANDSHAKE_OCTETS_MAX);
	return len;
}

int kpc_handshake_input(struct kpc_handshake *hs, const void *octets, size_t len)
{
	size_t taken = 0, step;

	if (hs->state != KPC_HANDSHAKE_WANT_INPUT)
		return -EINVAL;
	do {
		step = take(hs, (const uint8_t *)octets + taken, len - taken);
		taken += step;
	} while (step && taken < len && !record_complete(hs) &&
		 hs->state == KPC_HANDSHAKE_WANT_INPUT);
	return (int)taken;
}

enum kpc_handshake_state kpc_handshake_input_end(struct kpc_handshake *hs)
{
	if (hs->state != KPC_HANDSHAKE_DONE)
		kpci_handshake_fail(hs, KPC_HANDSHAKE_PROTOCOL,
				    "the peer closed the connection %s the handshake",
				    hs->taken ? "within" : "before");
	return hs->state;
}

static bool suite_fits(const struct kpc_handshake *hs, const struct kpc_suite *suite,
		       uint16_t version)
{
	if (hs->policy.dtls)
		return version == KPC_VERSION_DTLS12 && suite->version == KPC_VERSION_TLS12;
	return suite->version == version;
}

static int check_result(struct kpc_handshake *hs)
{
	struct kpc_handshake_result *result = &hs->result;
	const struct kpc_suite *suite;

	result->version = (uint16_t)SSL_version(hs->ssl);
	result->suite = SSL_CIPHER_get_protocol_id(SSL_get_current_cipher(hs->ssl));
	suite = kpc_suite_by_code(result->suite);
	if (!suite || !suite_fits(hs, suite, result->version) ||
	    !kpci_policy_suite(&hs->policy, result->suite) ||
	    (hs->narrowed && !kpci_policy_suite(&hs->association, result->suite)))
		goto refuse;
	if (hs->policy.role == KPC_ROLE_B) {
		if (!hs->agreed)
			goto refuse;
		result->kpc_id = hs->offer;
	} else {
		result->kpc_id = hs->own_id;
	}
	if (result->version == KPC_VERSION_TLS13) {
		/* Not reused would mean: authenticated by something else than the key. */
		if (!SSL_session_reused(hs->ssl))
			goto refuse;
		result->extended_master_secret = true;
		result->forward_secret = !hs->no_dhe;
	} else {
		result->extended_master_secret = SSL_get_extms_support(hs->ssl) == 1;
		result->forward_secret = suite->forward_secret;
		if (!result->extended_master_secret && !hs->policy.no_ems) {
			kpci_handshake_fail(hs, KPC_HANDSHAKE_POLICY,
					    "the peer did not use Extended Master Secret "
					    "(RFC 7627), which is required");
			return -EPROTO;
		}
	}
	/* A datagram may come before the one that ends the handshake, and be lost. */
	if (!hs->policy.dtls &&
	    (kpci_buffer_len(&hs->pipe.in) || SSL_has_pending(hs->ssl))) {
		kpci_handshake_fail(hs, KPC_HANDSHAKE_PROTOCOL,
				    "the peer's last handshake record holds more than the handshake");
		return -EPROTO;
	}
	return 0;

refuse:
	kpci_handshake_fail(hs, KPC_HANDSHAKE_POLICY,
			    "the handshake ended in what the association does not allow");
	return -EPROTO;
}

static void wipe_key(struct kpc_handshake *hs)
{
	kpc_key_free(hs->key);
	kpc_key_free(hs->spare);
	hs->key = NULL;
	hs->spare = NULL;
}

/*
 * With TLS 1.3 the session's master key is Kpc itself, and the session stays with
 * the SSL object for as long as that carries records. Nothing needs it any more:
 * keys that follow come from the traffic secrets. That of TLS 1.2 is another.
 */
static void wipe_session(struct kpc_handshake *hs)
{
	static const uint8_t zeroes[SSL_MAX_MASTER_KEY_LENGTH * 2];
	SSL_SESSION *session = SSL_get_session(hs->ssl);
	size_t len;

	if (hs->result.version != KPC_VERSION_TLS13 || !session)
		return;
	len = SSL_SESSION_get_master_key(session, NULL, 0);
	if (len <= sizeof(zeroes))
		SSL_SESSION_set1_master_key(session, zeroes, len);
}

void kpci_handshake_run(struct kpc_handshake *hs)
{
	size_t before = kpci_buffer_len(&hs->pipe.out), sent;
	int code;

	ERR_clear_error();
	code = SSL_do_handshake(hs->ssl);
	sent = kpci_buffer_len(&hs->pipe.out) - before;
	/* A queue that was never used is not there. */
	if (sent)
		kpci_wire_sent(hs, hs->pipe.out.data + hs->pipe.out.start + before, sent);
	if (code == 1) {
		if (!check_result(hs)) {
			hs->state = KPC_HANDSHAKE_DONE;
			wipe_key(hs);
			wipe_session(hs);
		}
		return;
	}
	switch (SSL_get_error(hs->ssl, code)) {
	case SSL_ERROR_WANT_READ:
		break;
	case SSL_ERROR_WANT_CLIENT_HELLO_CB:
		hs->state = KPC_HANDSHAKE_WANT_KEY;
		break;
	default:
		hs->state = KPC_HANDSHAKE_FAILED;
		hs->error = ERR_peek_error();
		wipe_key(hs);
	}
	if (ERR_peek_error())
		ERR_clear_error();
}

/* The record that is complete goes on to OpenSSL, unless a key is wanted first. */
static void release_record(struct kpc_handshake *hs)
{
	int code = hs->answered && hs->state == KPC_HANDSHAKE_WANT_KEY ? 0 :
		   kpci_wire_inspect(hs, held_record(hs), hs->record_len);

	if (code > 0) {
		hs->state = KPC_HANDSHAKE_WANT_KEY;
		return;
	}
	if (code < 0) {
		kpci_handshake_fail(hs, KPC_HANDSHAKE_LOCAL, "no memory for a handshake");
		return;
	}
	hs->pipe.in_held = 0;
	hs->record_len = 0;
}

enum kpc_handshake_state kpc_handshake_advance(struct kpc_handshake *hs)
{
	bool begins = false;

	if (hs->state == KPC_HANDSHAKE_DONE || hs->state == KPC_HANDSHAKE_FAILED)
		return hs->state;
	if (hs->policy.role == KPC_ROLE_A && !hs->key)
		return KPC_HANDSHAKE_WANT_KEY;
	if (hs->state == KPC_HANDSHAKE_WANT_KEY && !hs->answered)
		return hs->state;
	if (record_complete(hs)) {
		begins = !hs->ssl && !kpci_wire_hello(hs, held_record(hs), hs->record_len);
		release_record(hs);
		if (hs->pipe.in_held)
			return hs->state;
	} else if ((hs->started || hs->policy.role == KPC_ROLE_B) &&
		   hs->state == KPC_HANDSHAKE_WANT_INPUT) {
		return hs->state;
	}
	if (begins)
		return hs->state;
	if (!hs->ssl && start_ssl(hs)) {
		kpci_handshake_fail(hs, KPC_HANDSHAKE_LOCAL, "no memory for a handshake");
		return hs->state;
	}
	hs->started = true;
	hs->state = KPC_HANDSHAKE_WANT_INPUT;
	kpci_handshake_run(hs);
	kpci_buffer_shrink(&hs->pipe.in);
	return hs->state;
}

enum kpc_handshake_state kpc_handshake_state(const struct kpc_handshake *hs)
{
	return hs->state;
}

const void *kpc_handshake_output(const struct kpc_handshake *hs, size_t *len)
{
	*len = kpci_buffer_len(&hs->pipe.out);
	return *len ? hs->pipe.out.data + hs->pipe.out.start : NULL;
}

void kpc_handshake_output_sent(struct kpc_handshake *hs, size_t len)
{
	kpci_buffer_consume(&hs->pipe.out, len);
	kpci_buffer_shrink(&hs->pipe.out);
}

const struct kpc_kpcid *kpc_handshake_offer(const struct kpc_handshake *hs)
{
	return hs->offer.len ? &hs->offer : NULL;
}

const char *kpc_handshake_authority(const struct kpc_handshake *hs)
{
	return hs->hello.authority;
}

static uint16_t version_at_hand(const struct kpc_handshake *hs)
{
	return hs->policy.dtls ? KPC_VERSION_DTLS12 :
	       hs->hello.tls13 ? KPC_VERSION_TLS13 : KPC_VERSION_TLS12;
}

/* Why the association does not allow what is at hand, NULL: it does. */
static const char *denial(const struct kpc_handshake *hs)
{
	const char *asked = hs->hello.authority;
	const SSL_CIPHER *cipher;

	if (hs->association.authority && !asked)
		return "the peer sent no server name, and its association has an authority";
	if (hs->association.authority && !kpci_hostname_equal(asked, hs->association.authority))
		return "the peer sent another server name than its association's authority";
	if (!kpci_policy_version(&hs->association, version_at_hand(hs)))
		return hs->policy.dtls ? "its association does not allow DTLSv1.2" :
		       hs->hello.tls13 ? "its association does not allow TLSv1.3" :
					 "its association does not allow TLSv1.2";
	if (hs->hello.tls13)
		return NULL;	/* suites: kpci_psk_narrow() */
	cipher = SSL_get_pending_cipher(hs->ssl);
	if (!cipher || !kpci_policy_suite(&hs->association, SSL_CIPHER_get_protocol_id(cipher)))
		return "its association does not allow the cipher suite";
	if (!hs->hello.ems && !hs->association.no_ems)
		return "its association asks for Extended Master Secret";
	return NULL;
}

/*
 * Made for every answer, so that known and unknown cost the same. The secret and
 * the KpcId are hashed as they are: HMAC would be for a hash that others see.
 */
static struct kpc_key *unknown_key(const struct kpc_handshake *hs)
{
	uint8_t from[sizeof(unknown_secret) + KPC_KPC_ID_MAX], octets[32];
	struct kpc_key *key = NULL;

	memcpy(from, unknown_secret, sizeof(unknown_secret));
	memcpy(from + sizeof(unknown_secret), hs->offer.octets, hs->offer.len);
	if (EVP_Digest(from, sizeof(unknown_secret) + hs->offer.len, octets, NULL, unknown_digest,
		       NULL) == 1)
		key = kpc_key_new(octets, sizeof(octets), NULL);
	OPENSSL_cleanse(from, sizeof(unknown_secret));
	OPENSSL_cleanse(octets, sizeof(octets));
	return key;
}

void kpc_handshake_withhold(struct kpc_handshake *hs, const char *why)
{
	hs->withheld = why;
}

/* Both answers take the same steps, whichever it is (X5). */
int kpc_handshake_key(struct kpc_handshake *hs, const struct kpc_key *key,
		      const struct kpc_handshake_policy *policy)
{
	static const struct kpc_handshake_policy stream = { .role = KPC_ROLE_B };
	static const struct kpc_handshake_policy datagrams = {
		.role = KPC_ROLE_B,
		.versions = KPC_VERSION_FLAGS_DTLS12,
		.offload = KPC_OFFLOAD_OFF,
	};
	struct kpc_key *unknown, *known;

	if (hs->policy.role != KPC_ROLE_B || hs->state != KPC_HANDSHAKE_WANT_KEY ||
	    hs->answered || (key && !hs->offer.len))
		return -EINVAL;
	hs->narrowed = policy;
	if (!policy)
		policy = hs->policy.dtls ? &datagrams : &stream;
	if (policy->role != KPC_ROLE_B || kpci_policy_resolve(&hs->association, policy, NULL))
		return -EINVAL;
	unknown = unknown_key(hs);
	known = unknown ? kpc_key_dup(key ? key : unknown) : NULL;
	if (!known) {
		kpc_key_free(unknown);
		return -ENOMEM;
	}
	hs->denied = denial(hs);
	if (!hs->narrowed || !key)
		hs->denied = key ? NULL : hs->withheld;
	hs->agreed = key && !hs->denied;
	hs->key = hs->agreed ? known : unknown;
	hs->spare = hs->agreed ? unknown : known;
	hs->answered = true;
	return 0;
}

const struct kpc_handshake_result *kpc_handshake_result(const struct kpc_handshake *hs)
{
	return hs->state == KPC_HANDSHAKE_DONE ? &hs->result : NULL;
}

const struct kpc_handshake_failure *kpc_handshake_failure(const struct kpc_handshake *hs)
{
	if (hs->state != KPC_HANDSHAKE_FAILED)
		return NULL;
	/*
	 * Not before it is asked for, which is when the alert has left: what is
	 * said to the log, and how long that takes, depends on the reason.
	 */
	if (!hs->failure.cause)
		kpci_failure_judge((struct kpc_handshake *)hs);
	return &hs->failure;
}
