// SPDX-License-Identifier: MIT
/*
 * Peers that are OpenSSL as other programs use it: what must work with them,
 * and what they must not get away with (M1, T1, X1).
 */
#include <openssl/err.h>
#include <openssl/x509.h>

#include "foreign.h"

/**
 * struct scene - one handshake with a foreign peer
 * @role: ours
 * @policy: ours
 * @versions: the peer's, least and most
 * @options: SSL_OP_... of the peer
 * @psk: the peer has the key
 * @certificate: the peer, a server, has a certificate
 */
struct scene {
	enum kpc_role role;
	struct kpc_handshake_policy policy;
	int versions[2];
	uint64_t options;
	bool psk;
	bool certificate;
};

static bool certify(SSL_CTX *ctx)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	bool done;

	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), 0);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_set_pubkey(cert, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
				   (const unsigned char *)"b.example", -1, -1, 0);
	X509_set_issuer_name(cert, X509_get_subject_name(cert));
	done = X509_sign(cert, key, EVP_sha256()) && SSL_CTX_use_certificate(ctx, cert) == 1 &&
	       SSL_CTX_use_PrivateKey(ctx, key) == 1;
	X509_free(cert);
	EVP_PKEY_free(key);
	return done;
}

static SSL *foreign_new(const struct scene *scene)
{
	bool server = scene->role == KPC_ROLE_A;
	SSL_CTX *ctx = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
	SSL *ssl;

	SSL_CTX_set_min_proto_version(ctx, scene->versions[0]);
	SSL_CTX_set_max_proto_version(ctx, scene->versions[1]);
	SSL_CTX_set_options(ctx, scene->options);
	if (scene->psk) {
		SSL_CTX_set_cipher_list(ctx, "PSK");
		foreign_keys(ctx, server);
	}
	if (scene->certificate && !certify(ctx))
		return NULL;
	ssl = SSL_new(ctx);
	SSL_CTX_free(ctx);
	SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	if (server)
		SSL_set_accept_state(ssl);
	else
		SSL_set_connect_state(ssl);
	return ssl;
}

/* Octets of theirs to us, one need after the other; whether any moved. */
static bool to_us(struct kpc_handshake *hs, SSL *ssl)
{
	uint8_t buf[1024];
	bool moved = false;
	size_t need;
	int got;

	while ((need = kpc_handshake_need(hs))) {
		got = BIO_read(SSL_get_wbio(ssl), buf,
			       (int)(need < sizeof(buf) ? need : sizeof(buf)));
		if (got <= 0)
			break;
		kpc_handshake_input(hs, buf, (size_t)got);
		kpc_handshake_advance(hs);
		moved = true;
	}
	return moved;
}

static bool to_them(struct kpc_handshake *hs, SSL *ssl)
{
	const void *out;
	size_t len;

	out = kpc_handshake_output(hs, &len);
	if (out) {
		BIO_write(SSL_get_rbio(ssl), out, (int)len);
		kpc_handshake_output_sent(hs, len);
	}
	return out;
}

/* Plays it out; both sides done. @why: words of our side. */
static bool play(const struct scene *scene, char why[KPC_ERROR_TEXT_MAX], bool *asked)
{
	struct kpc_handshake_policy policy = scene->policy;
	struct kpc_handshake_context *context;
	struct pair pair = { 0 };
	struct kpc_error err = { "" };
	SSL *ssl = foreign_new(scene);
	bool moved, done = false;

	pair.key = pair_key(PAIR_KEY);
	memcpy(foreign_key, kpc_key_octets(pair.key), sizeof(foreign_key));
	kpc_kpcid_set(&pair.id, PAIR_ID, strlen(PAIR_ID));
	policy.role = scene->role;
	context = kpc_handshake_context_new(&policy, &err);
	pair.b = context ? kpc_handshake_new(context, &err) : NULL;
	if (!pair.b || !ssl || (scene->role == KPC_ROLE_A &&
				kpc_handshake_initiate(pair.b, &pair.id, pair.key, NULL, &err))) {
		snprintf(why, 256, "%s", err.text);
		goto out;
	}
	kpc_handshake_advance(pair.b);
	do {
		moved = to_them(pair.b, ssl);
		SSL_do_handshake(ssl);
		ERR_clear_error();
		moved = to_us(pair.b, ssl) || moved;
		if (kpc_handshake_state(pair.b) == KPC_HANDSHAKE_WANT_KEY) {
			pair_answer(&pair);
			moved = true;
		}
	} while (moved);
	done = kpc_handshake_state(pair.b) == KPC_HANDSHAKE_DONE && SSL_is_init_finished(ssl);
	snprintf(why, KPC_ERROR_TEXT_MAX, "%s", pair_why(pair.b));
out:
	*asked = pair.asked;
	kpc_handshake_free(pair.b);
	kpc_handshake_context_free(context);
	kpc_key_free(pair.key);
	SSL_free(ssl);
	return done;
}

#define NO_OFFER	SSL_OP_NO_EXTENDED_MASTER_SECRET
#define BOTH	{ TLS1_2_VERSION, TLS1_3_VERSION }
#define ONLY12	{ TLS1_2_VERSION, TLS1_2_VERSION }
#define ONLY13	{ TLS1_3_VERSION, TLS1_3_VERSION }
#define ONEM2M	{ .profile = KPC_PROFILE_ONEM2M }
#define NO_EMS	{ .profile = KPC_PROFILE_ONEM2M, .no_ems = true }
#define A	KPC_ROLE_A
#define B	KPC_ROLE_B

/* @say: words of the refusal, NULL: it must work */
static const struct {
	const char *name;
	struct scene scene;
	const char *say;
} scenes[] = {
	{ "X1 client of both versions at TLS 1.3", { B, { 0 }, BOTH, 0, true, false }, NULL },
	{ "T1 client of both versions at TLS 1.2", { B, ONEM2M, BOTH, 0, true, false }, NULL },
	{ "X1 client of TLS 1.3", { B, { 0 }, ONLY13, 0, true, false }, NULL },
	{ "T1 client of TLS 1.2", { B, ONEM2M, ONLY12, 0, true, false }, NULL },
	{ "X1 server of both versions", { A, { 0 }, BOTH, 0, true, false }, NULL },
	{ "T1 server of both versions", { A, ONEM2M, BOTH, 0, true, false }, NULL },
	{ "X1 client of the other version",
	  { B, { 0 }, ONLY12, 0, true, false }, "unsupported protocol" },
	{ "T1 client of TLS 1.3 at onem2m",
	  { B, ONEM2M, ONLY13, 0, true, false }, "unsupported protocol" },
	{ "M1 client of TLS 1.3 without a key",
	  { B, { 0 }, ONLY13, 0, false, false }, "nothing in common" },
	{ "M1 client of TLS 1.2 without a key",
	  { B, ONEM2M, ONLY12, 0, false, false }, "nothing in common" },
	{ "M1 server of TLS 1.3 with a certificate instead of the key",
	  { A, { 0 }, ONLY13, 0, false, true }, "certificate verify failed" },
	{ "M1 server of TLS 1.2 with a certificate instead of the key",
	  { A, ONEM2M, ONLY12, 0, false, true }, "alert 40" },
	{ "M1 server of TLS 1.3 with certificate and key",
	  { A, { 0 }, ONLY13, 0, true, true }, NULL },
	{ "T1 client without Extended Master Secret",
	  { B, ONEM2M, ONLY12, NO_OFFER, true, false }, "Extended Master Secret" },
	{ "T1 server without Extended Master Secret",
	  { A, ONEM2M, ONLY12, NO_OFFER, true, false }, "Extended Master Secret" },
	{ "T1 client without it, where it is allowed",
	  { B, NO_EMS, ONLY12, NO_OFFER, true, false }, NULL },
	{ "T1 server without it, where it is allowed",
	  { A, NO_EMS, ONLY12, NO_OFFER, true, false }, NULL },
};

static void check_scenes(void)
{
	for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
		char why[KPC_ERROR_TEXT_MAX] = "";
		bool asked, done = play(&scenes[i].scene, why, &asked);

		tap_ok(scenes[i].say ? !done && strstr(why, scenes[i].say) : done, "%s: %s",
		       scenes[i].name, why);
	}
}

/* Without an offered key nobody is asked for one. */
static void check_not_asked(void)
{
	struct scene scene = { B, { 0 }, ONLY13, 0, false, false };
	char why[KPC_ERROR_TEXT_MAX] = "";
	bool asked = true;

	play(&scene, why, &asked);
	tap_ok(!asked, "X5 a hello without an identity costs no lookup");
	scene = (struct scene){ B, ONEM2M, ONLY12, 0, true, false };
	foreign_id = "somebody";
	play(&scene, why, &asked);
	tap_ok(asked && strstr(why, "somebody is not known"), "X5 unknown to us: %s", why);
	foreign_id = PAIR_ID;
}

int main(void)
{
	tap_begin();
	check_scenes();
	check_not_asked();
	return tap_end();
}
