// SPDX-License-Identifier: MIT
/* A peer of wolfSSL 5. */
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#include "peer.h"

const char peer_version[] = LIBWOLFSSL_VERSION_STRING;

static struct peer *asked;
static WOLFSSL *ssl;
/* wolfSSL's own of the suite. */
static const char *name;

static unsigned int give_client_key(WOLFSSL *session, const char *hint, char *identity,
				    unsigned int id_max, unsigned char *key, unsigned int max)
{
	if (asked->key_len > max)
		return 0;
	snprintf(identity, id_max, "%s", asked->identity);
	memcpy(key, asked->key, asked->key_len);
	return (unsigned int)asked->key_len;
}

static unsigned int give_server_key(WOLFSSL *session, const char *identity, unsigned char *key,
				    unsigned int max)
{
	if (strcmp(identity, asked->identity) || asked->key_len > max)
		return 0;
	memcpy(key, asked->key, asked->key_len);
	return (unsigned int)asked->key_len;
}

#ifdef WOLFSSL_TLS13
static unsigned int give_client_key13(WOLFSSL *session, const char *hint, char *identity,
				      unsigned int id_max, unsigned char *key, unsigned int max,
				      const char **suite)
{
	*suite = name;
	return give_client_key(session, hint, identity, id_max, key, max);
}

static unsigned int give_server_key13(WOLFSSL *session, const char *identity,
				      unsigned char *key, unsigned int max, const char **suite)
{
	*suite = name;
	return give_server_key(session, identity, key, max);
}
#endif

/* ffdhe2048, as RFC 7919 has it; wolfSSL's server brings none. */
static bool set_dh(WOLFSSL_CTX *ctx)
{
	const DhParams *group = wc_Dh_ffdhe2048_Get();

	return wolfSSL_CTX_SetTmpDH(ctx, group->p, (int)group->p_len, group->g,
				    (int)group->g_len) == WOLFSSL_SUCCESS;
}

static int say_error(const char *what, int code)
{
	char words[WOLFSSL_MAX_ERROR_SZ];
	int error = wolfSSL_get_error(ssl, code);

	fprintf(stderr, "%s: %s\n", what, wolfSSL_ERR_error_string((unsigned long)error, words));
	return -1;
}

static WOLFSSL_CTX *context(const struct peer *peer)
{
	WOLFSSL_METHOD *method;
	WOLFSSL_CTX *ctx;

	if (peer->dtls)
		method = peer->server ? wolfDTLSv1_2_server_method() :
					wolfDTLSv1_2_client_method();
	else if (peer->tls13)
		method = peer->server ? wolfTLSv1_3_server_method() : wolfTLSv1_3_client_method();
	else
		method = peer->server ? wolfTLSv1_2_server_method() : wolfTLSv1_2_client_method();
	ctx = wolfSSL_CTX_new(method);
	if (!ctx)
		return NULL;
	name = wolfSSL_get_cipher_name_from_suite(peer->suite >> 8, peer->suite & 0xff);
	if (wolfSSL_CTX_set_cipher_list(ctx, name) != WOLFSSL_SUCCESS)
		peer_cannot("this wolfSSL is built without the suite");
	wolfSSL_CTX_set_psk_client_callback(ctx, give_client_key);
	wolfSSL_CTX_set_psk_server_callback(ctx, give_server_key);
#ifdef WOLFSSL_TLS13
	wolfSSL_CTX_set_psk_client_tls13_callback(ctx, give_client_key13);
	wolfSSL_CTX_set_psk_server_tls13_callback(ctx, give_server_key13);
#endif
	return !peer->server || set_dh(ctx) ? ctx : NULL;
}

int peer_handshake(struct peer *peer)
{
	struct sockaddr_in at;
	socklen_t len = sizeof(at);
	WOLFSSL_CTX *ctx;
	int code;

	asked = peer;
	wolfSSL_Init();
	ctx = context(peer);
	ssl = ctx ? wolfSSL_new(ctx) : NULL;
	if (!ssl || wolfSSL_set_fd(ssl, peer->fd) != WOLFSSL_SUCCESS)
		return peer_fail("wolfSSL_new()", 0);
	if (peer->dtls && (getpeername(peer->fd, (void *)&at, &len) ||
			   wolfSSL_dtls_set_peer(ssl, &at, len) != WOLFSSL_SUCCESS))
		return peer_fail("wolfSSL_dtls_set_peer()", 0);
	code = peer->server ? wolfSSL_accept(ssl) : wolfSSL_connect(ssl);
	return code == WOLFSSL_SUCCESS ? 0 : say_error("handshake", code);
}

int peer_read(void *octets, int len)
{
	int got = wolfSSL_read(ssl, octets, len);

	if (got > 0)
		return got;
	return wolfSSL_get_error(ssl, got) == WOLFSSL_ERROR_ZERO_RETURN ? 0 :
	       say_error("wolfSSL_read()", got);
}

int peer_write(const void *octets, int len)
{
	int sent = wolfSSL_write(ssl, octets, len);

	return sent == len ? 0 : say_error("wolfSSL_write()", sent);
}

int peer_close_notify(void)
{
	int code = wolfSSL_shutdown(ssl);

	return code == WOLFSSL_SUCCESS || code == WOLFSSL_SHUTDOWN_NOT_DONE ? 0 :
	       say_error("wolfSSL_shutdown()", code);
}

int main(int argc, char **argv)
{
	return peer_main(argc, argv);
}
