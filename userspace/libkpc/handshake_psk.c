// SPDX-License-Identifier: LGPL-2.1-or-later
/* Hands KpcId and Kpc to OpenSSL, for both versions and both roles. */
#include <errno.h>
#include <string.h>

#include "dtls_internal.h"
#include "handshake_internal.h"
#include "internal.h"

#define NAMES_MAX	(KPC_SUITES_MAX * 48)

static const char *binder_hash(size_t binder)
{
	return binder == 32 ? "SHA256" : binder == 48 ? "SHA384" : "";
}

/* TLS 1.3 suites that a policy allows and whose hash is this one; how many. */
static unsigned int suites_of_hash(const struct kpci_policy *policy, const char *hash,
				   const struct kpc_suite *found[KPC_SUITES_MAX])
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < policy->suite_count; i++)
		if (policy->suites[i]->version == KPC_VERSION_TLS13 &&
		    !strcmp(policy->suites[i]->hash, hash))
			found[count++] = policy->suites[i];
	return count;
}

static bool peer_offers(SSL *ssl, const struct kpc_suite *suite)
{
	const uint8_t *list;
	size_t len = SSL_client_hello_get0_ciphers(ssl, &list);

	for (size_t i = 0; i + 1 < len; i += 2)
		if (kpci_get16(list + i) == suite->code)
			return true;
	return false;
}

bool kpci_psk_usable(SSL *ssl, const struct kpci_policy *policy, size_t binder)
{
	const struct kpc_suite *suites[KPC_SUITES_MAX];
	unsigned int count = suites_of_hash(policy, binder_hash(binder), suites);

	for (unsigned int i = 0; i < count; i++)
		if (peer_offers(ssl, suites[i]))
			return true;
	return false;
}

static void add_name(char names[NAMES_MAX], const struct kpc_suite *suite)
{
	if (names[0])
		strcat(names, ":");
	strcat(names, suite->openssl);
}

int kpci_psk_narrow_dtls(struct kpc_handshake *hs, SSL *ssl)
{
	const struct kpci_policy *policy = &hs->policy;
	const struct kpc_suite *without = NULL;
	char names[NAMES_MAX] = "";
	bool offered = false;

	for (unsigned int i = 0; i < policy->suite_count; i++) {
		if (kpci_dtls_needs_etm(policy->suites[i])) {
			if (peer_offers(ssl, policy->suites[i]))
				without = policy->suites[i];
			continue;
		}
		add_name(names, policy->suites[i]);
		offered = offered || peer_offers(ssl, policy->suites[i]);
	}
	if (hs->hello.etm || !without)
		return 0;
	if (offered)
		return SSL_set_cipher_list(ssl, names) == 1 ? 0 : -EIO;
	kpci_handshake_fail(hs, KPC_HANDSHAKE_POLICY, KPCI_DTLS_NO_ETM, without->name);
	return -EPROTO;
}

static int set_suites(SSL *ssl, const struct kpci_policy *policy, const char *hash)
{
	const struct kpc_suite *suites[KPC_SUITES_MAX];
	unsigned int count = suites_of_hash(policy, hash, suites);
	char names[NAMES_MAX] = "";

	for (unsigned int i = 0; i < count; i++)
		add_name(names, suites[i]);
	return SSL_set_ciphersuites(ssl, names) == 1 ? 0 : -EIO;
}

/* From here on the peer sees what it sees of a wrong Kpc, whichever it has. */
static void deny(struct kpc_handshake *hs, const char *why)
{
	struct kpc_key *known = hs->key;

	hs->key = hs->spare;
	hs->spare = known;
	hs->agreed = false;
	hs->denied = why;
}

/*
 * A key of TLS 1.3 belongs to one hash, that of its binder: only suites of that
 * hash may be chosen. An association that has none of them is treated as an
 * unknown KpcId, because a refusal with an alert of its own would tell that the
 * KpcId is known.
 */
int kpci_psk_narrow(struct kpc_handshake *hs, SSL *ssl)
{
	const struct kpci_policy *policy = hs->narrowed ? &hs->association : &hs->policy;

	if (hs->agreed) {
		if (!kpci_psk_usable(ssl, policy, hs->hello.binder))
			deny(hs, "its association allows none of the offered cipher suites");
		else if (!policy->psk_ke && !hs->hello.psk_dhe_ke)
			deny(hs, "its association asks for psk_dhe_ke");
	}
	if (!hs->agreed)
		policy = &hs->policy;
	else if (!policy->psk_ke)
		SSL_clear_options(ssl, SSL_OP_ALLOW_NO_DHE_KEX);
	return set_suites(ssl, policy, binder_hash(hs->hello.binder));
}

/* Wraps a key as the session OpenSSL wants for TLS 1.3. */
static SSL_SESSION *session_of(SSL *ssl, const struct kpci_policy *policy, const char *hash,
			       const struct kpc_key *key)
{
	const struct kpc_suite *suites[KPC_SUITES_MAX];
	const SSL_CIPHER *cipher;
	SSL_SESSION *session;
	uint8_t code[2];

	if (!suites_of_hash(policy, hash, suites))
		return NULL;
	code[0] = suites[0]->code >> 8;
	code[1] = suites[0]->code & 0xff;
	cipher = SSL_CIPHER_find(ssl, code);
	session = SSL_SESSION_new();
	if (!cipher || !session ||
	    SSL_SESSION_set1_master_key(session, kpc_key_octets(key), kpc_key_length(key)) != 1 ||
	    SSL_SESSION_set_cipher(session, cipher) != 1 ||
	    SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION) != 1) {
		SSL_SESSION_free(session);
		return NULL;
	}
	return session;
}

/*
 * Role b, TLS 1.3; asked for one offered identity after the other. By place and
 * not by name: one name may stand there twice, with binders of different hashes.
 */
static int find_session(SSL *ssl, const unsigned char *octets, size_t len, SSL_SESSION **session)
{
	struct kpc_handshake *hs = SSL_get_app_data(ssl);

	*session = NULL;
	if (hs && hs->answered && hs->key && hs->asked++ == hs->place)
		*session = session_of(ssl, &hs->policy, binder_hash(hs->hello.binder), hs->key);
	return 1;
}

/* Role b, TLS 1.2; TLS 1.3 asks too, after find_session() found none. */
static unsigned int server_key(SSL *ssl, const char *identity, unsigned char *key,
			       unsigned int max)
{
	struct kpc_handshake *hs = SSL_get_app_data(ssl);
	size_t len;

	if (!hs || hs->hello.tls13 || !hs->answered || !hs->key)
		return 0;
	len = kpc_key_length(hs->key);
	if (len > max)
		return 0;
	memcpy(key, kpc_key_octets(hs->key), len);
	return (unsigned int)len;
}

/* DTLS role a, behind the ServerHello: can its records be made? */
static bool records_known(struct kpc_handshake *hs, SSL *ssl)
{
	const SSL_CIPHER *cipher = SSL_get_pending_cipher(ssl);
	const struct kpc_suite *suite;

	suite = cipher ? kpc_suite_by_code(SSL_CIPHER_get_protocol_id(cipher)) : NULL;
	if (!hs->policy.dtls || !suite || hs->hello.etm || !kpci_dtls_needs_etm(suite))
		return true;
	kpci_handshake_fail(hs, KPC_HANDSHAKE_POLICY, KPCI_DTLS_NO_ETM, suite->name);
	return false;
}

/* Role a, TLS 1.2. Without a key OpenSSL sends alert 40. */
static unsigned int client_key(SSL *ssl, const char *hint, char *identity, unsigned int id_max,
			       unsigned char *key, unsigned int max)
{
	struct kpc_handshake *hs = SSL_get_app_data(ssl);
	size_t len;

	if (!hs || !hs->key || hs->own_id.len >= id_max || !records_known(hs, ssl))
		return 0;
	len = kpc_key_length(hs->key);
	if (len > max)
		return 0;
	memcpy(identity, hs->own_id.octets, hs->own_id.len);
	identity[hs->own_id.len] = '\0';
	memcpy(key, kpc_key_octets(hs->key), len);
	return (unsigned int)len;
}

/* Role a, TLS 1.3. */
static int use_session(SSL *ssl, const EVP_MD *md, const unsigned char **identity, size_t *len,
		       SSL_SESSION **session)
{
	struct kpc_handshake *hs = SSL_get_app_data(ssl);
	const char *hash = NULL;

	*session = NULL;
	if (!hs || !hs->key)
		return 1;
	for (unsigned int i = 0; i < hs->policy.suite_count && !hash; i++)
		if (hs->policy.suites[i]->version == KPC_VERSION_TLS13)
			hash = hs->policy.suites[i]->hash;
	if (!hash || (md && !EVP_MD_is_a(md, hash)))
		return 1;
	*session = session_of(ssl, &hs->policy, hash, hs->key);
	*identity = hs->own_id.octets;
	*len = hs->own_id.len;
	return !!*session;
}

void kpci_psk_register(SSL_CTX *ctx, const struct kpci_policy *policy)
{
	if (policy->role == KPC_ROLE_A) {
		if (policy->tls12 || policy->dtls)
			SSL_CTX_set_psk_client_callback(ctx, client_key);
		if (policy->tls13)
			SSL_CTX_set_psk_use_session_callback(ctx, use_session);
	} else {
		if (policy->tls12 || policy->dtls)
			SSL_CTX_set_psk_server_callback(ctx, server_key);
		if (policy->tls13)
			SSL_CTX_set_psk_find_session_callback(ctx, find_session);
	}
}
