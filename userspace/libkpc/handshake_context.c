// SPDX-License-Identifier: LGPL-2.1-or-later
/* Turns a policy into the SSL_CTX that handshakes share. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>

#include "dtls_internal.h"
#include "handshake_internal.h"
#include "internal.h"
#include "secrets_internal.h"

#define NAMES_MAX	(KPC_SUITES_MAX * 48)

typedef int security_callback(const SSL *ssl, const SSL_CTX *ctx, int op, int bits, int nid,
			      void *other, void *extra);

/* OpenSSL's own judgement, the same for every SSL_CTX. */
static security_callback *security_default;
static pthread_mutex_t security_lock = PTHREAD_MUTEX_INITIALIZER;

/*
 * OpenSSL counts the 8-octet tag as 64 bits and refuses it from level 1 on.
 * Level 0 would let in weak DH groups with it; so only these suites are let
 * through, and they are offered only where the policy lists them.
 */
static int judge_security(const SSL *ssl, const SSL_CTX *ctx, int op, int bits, int nid,
			  void *other, void *extra)
{
	const struct kpc_suite *suite;

	if (op == SSL_SECOP_CIPHER_SUPPORTED || op == SSL_SECOP_CIPHER_SHARED ||
	    op == SSL_SECOP_CIPHER_CHECK) {
		suite = kpc_suite_by_code(SSL_CIPHER_get_protocol_id(other));
		if (suite && suite->short_tag)
			return 1;
	}
	return security_default(ssl, ctx, op, bits, nid, other, extra);
}

static void set_security(SSL_CTX *ctx)
{
	pthread_mutex_lock(&security_lock);
	if (!security_default)
		security_default = SSL_CTX_get_security_callback(ctx);
	pthread_mutex_unlock(&security_lock);
	SSL_CTX_set_security_level(ctx, 2);
	SSL_CTX_set_security_callback(ctx, judge_security);
}

static void add_name(char names[NAMES_MAX], const char *name)
{
	if (names[0])
		strcat(names, ":");
	strcat(names, name);
}

/*
 * Role a offers one key, and a key of TLS 1.3 belongs to one hash: the first
 * suite decides which, those of the other hash are left out.
 */
static bool set_suites(SSL_CTX *ctx, const struct kpci_policy *policy)
{
	char tls12[NAMES_MAX] = "", tls13[NAMES_MAX] = "";
	const char *hash = NULL;

	for (unsigned int i = 0; i < policy->suite_count; i++) {
		const struct kpc_suite *suite = policy->suites[i];

		if (suite->version == KPC_VERSION_TLS12) {
			add_name(tls12, suite->openssl);
			continue;
		}
		if (!hash)
			hash = suite->hash;
		if (policy->role == KPC_ROLE_B || !strcmp(hash, suite->hash))
			add_name(tls13, suite->openssl);
	}
	return (!tls12[0] || SSL_CTX_set_cipher_list(ctx, tls12) == 1) &&
	       (!tls13[0] || SSL_CTX_set_ciphersuites(ctx, tls13) == 1);
}

static bool set_groups(SSL_CTX *ctx, const struct kpci_policy *policy)
{
	char names[NAMES_MAX] = "";

	for (unsigned int i = 0; i < policy->group_count; i++)
		add_name(names, kpci_group_name(policy->groups[i]));
	return SSL_CTX_set1_groups_list(ctx, names) == 1;
}

/* ffdhe2048 of RFC 7919; what OpenSSL picks by itself may be smaller. */
static bool set_dh(SSL_CTX *ctx, const struct kpci_policy *policy)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
						 (char *)"ffdhe2048", 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY_CTX *maker;
	EVP_PKEY *dh = NULL;
	bool done = false;

	if (policy->role != KPC_ROLE_B || (!policy->tls12 && !policy->dtls))
		return true;
	maker = EVP_PKEY_CTX_new_from_name(NULL, "DH", NULL);
	if (maker && EVP_PKEY_paramgen_init(maker) == 1 &&
	    EVP_PKEY_CTX_set_params(maker, params) == 1 && EVP_PKEY_paramgen(maker, &dh) == 1)
		done = SSL_CTX_set0_tmp_dh_pkey(ctx, dh) == 1;
	if (!done)
		EVP_PKEY_free(dh);
	EVP_PKEY_CTX_free(maker);
	return done;
}

static bool set_versions(SSL_CTX *ctx, const struct kpci_policy *policy)
{
	int least = policy->dtls ? DTLS1_2_VERSION :
		    policy->tls12 ? TLS1_2_VERSION : TLS1_3_VERSION;
	int most = policy->dtls ? DTLS1_2_VERSION :
		   policy->tls13 ? TLS1_3_VERSION : TLS1_2_VERSION;

	return SSL_CTX_set_min_proto_version(ctx, least) == 1 &&
	       SSL_CTX_set_max_proto_version(ctx, most) == 1;
}

static void set_options(SSL_CTX *ctx, const struct kpci_policy *policy)
{
	SSL_CTX_clear_options(ctx, SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION |
			      SSL_OP_LEGACY_SERVER_CONNECT | SSL_OP_NO_EXTENDED_MASTER_SECRET |
			      SSL_OP_NO_ENCRYPT_THEN_MAC);
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION |
			    SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
			    (policy->psk_ke ? SSL_OP_ALLOW_NO_DHE_KEX : 0));
	/* Datagrams are no longer than the caller says, whatever the path bears. */
	if (policy->dtls)
		SSL_CTX_set_options(ctx, SSL_OP_NO_QUERY_MTU);
	/* A peer that is waited for needs no buffers for records. */
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_max_early_data(ctx, 0);
	SSL_CTX_set_recv_max_early_data(ctx, 0);
	/* A certificate instead of the key must never do: there is no CA to like it. */
	if (policy->role == KPC_ROLE_A)
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
}

static const SSL_METHOD *choose_method(const struct kpci_policy *policy)
{
	if (policy->dtls)
		return policy->role == KPC_ROLE_A ? DTLS_client_method() : DTLS_server_method();
	return policy->role == KPC_ROLE_A ? TLS_client_method() : TLS_server_method();
}

struct kpc_handshake_context *
kpc_handshake_context_new(const struct kpc_handshake_policy *policy, struct kpc_error *err)
{
	struct kpc_handshake_context *context = calloc(1, sizeof(*context));
	SSL_CTX *ctx;
	int code;

	if (!context) {
		kpc_error_set(err, "no memory for a handshake context");
		return NULL;
	}
	code = kpci_policy_resolve(&context->policy, policy, err);
	if (code) {
		free(context);
		errno = -code;
		return NULL;
	}
	ERR_clear_error();
	ctx = SSL_CTX_new(choose_method(&context->policy));
	context->ssl_ctx = ctx;
	if (!ctx)
		goto fail;
	set_security(ctx);
	set_options(ctx, &context->policy);
	if (!set_versions(ctx, &context->policy) || !set_suites(ctx, &context->policy) ||
	    !set_groups(ctx, &context->policy) || !set_dh(ctx, &context->policy))
		goto fail;
	kpci_psk_register(ctx, &context->policy);
	if (policy->role == KPC_ROLE_B)
		SSL_CTX_set_client_hello_cb(ctx, kpci_hello_callback, NULL);
	if (context->policy.dtls)
		SSL_CTX_set_cookie_verify_cb(ctx, kpci_dtls_cookie_verified);
	if (context->policy.psk_ke || context->policy.dtls)
		SSL_CTX_set_msg_callback(ctx, kpci_message_callback);
	SSL_CTX_set_info_callback(ctx, kpci_failure_alert);
	/* OpenSSL writes each secret as text for it, a tenth of a handshake. */
	if (context->policy.tls13 && context->policy.kernel)
		SSL_CTX_set_keylog_callback(ctx, kpci_secrets_keylog);
	return context;

fail:
	kpc_error_set(err, "OpenSSL: %s",
		      ERR_reason_error_string(ERR_peek_error()) ?: "no context");
	kpc_handshake_context_free(context);
	errno = EIO;
	return NULL;
}

void kpc_handshake_context_free(struct kpc_handshake_context *context)
{
	if (!context)
		return;
	SSL_CTX_free(context->ssl_ctx);
	free(context);
}
