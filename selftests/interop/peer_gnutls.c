// SPDX-License-Identifier: MIT
/* A peer of GnuTLS 3. */
#include <gnutls/gnutls.h>

#include "peer.h"

const char peer_version[] = GNUTLS_VERSION;

static struct peer *asked;
static gnutls_session_t session;

/* Key exchange, cipher and MAC of each suite, in GnuTLS's grammar. */
static const struct {
	unsigned int suite;
	const char *words;
} priorities[] = {
	{ 0x1301, "+AES-128-GCM:+AEAD" },
	{ 0x1302, "+AES-256-GCM:+AEAD" },
	{ 0x1303, "+CHACHA20-POLY1305:+AEAD" },
	{ 0x1304, "+AES-128-CCM:+AEAD" },
	{ 0xccac, "+ECDHE-PSK:+CHACHA20-POLY1305:+AEAD" },
	{ 0x00aa, "+DHE-PSK:+AES-128-GCM:+AEAD" },
	{ 0x00ab, "+DHE-PSK:+AES-256-GCM:+AEAD" },
	{ 0xccad, "+DHE-PSK:+CHACHA20-POLY1305:+AEAD" },
	{ 0xc0a6, "+DHE-PSK:+AES-128-CCM:+AEAD" },
	{ 0x00a8, "+PSK:+AES-128-GCM:+AEAD" },
	{ 0x00a9, "+PSK:+AES-256-GCM:+AEAD" },
	{ 0xccab, "+PSK:+CHACHA20-POLY1305:+AEAD" },
	{ 0xc0a4, "+PSK:+AES-128-CCM:+AEAD" },
	{ 0x00ae, "+PSK:+AES-128-CBC:+SHA256" },
	{ 0xc0a8, "+PSK:+AES-128-CCM-8:+AEAD" },
};

static int set_priority(const struct peer *peer)
{
	char text[256];

	for (size_t i = 0; i < sizeof(priorities) / sizeof(priorities[0]); i++) {
		if (priorities[i].suite != peer->suite)
			continue;
		snprintf(text, sizeof(text),
			 "NONE:+VERS-%s%s:%s:+GROUP-ALL:+COMP-NULL:+CTYPE-ALL:+SIGN-ALL",
			 peer->dtls ? "DTLS1.2" : peer->tls13 ? "TLS1.3" : "TLS1.2",
			 peer->tls13 ? ":+ECDHE-PSK:+DHE-PSK" : "", priorities[i].words);
		return gnutls_priority_set_direct(session, text, NULL);
	}
	peer_cannot("GnuTLS has not this suite");
}

static int give_key(gnutls_session_t asking, const char *identity, gnutls_datum_t *key)
{
	if (strcmp(identity, asked->identity))
		return -1;
	key->data = gnutls_malloc(asked->key_len);
	key->size = (unsigned int)asked->key_len;
	memcpy(key->data, asked->key, asked->key_len);
	return 0;
}

static int set_key(const struct peer *peer)
{
	gnutls_psk_server_credentials_t server;
	gnutls_psk_client_credentials_t client;
	const gnutls_datum_t key = { (unsigned char *)peer->key, (unsigned int)peer->key_len };

	if (peer->server) {
		gnutls_psk_allocate_server_credentials(&server);
		gnutls_psk_set_server_credentials_function(server, give_key);
		gnutls_psk_set_server_known_dh_params(server, GNUTLS_SEC_PARAM_MEDIUM);
		return gnutls_credentials_set(session, GNUTLS_CRD_PSK, server);
	}
	gnutls_psk_allocate_client_credentials(&client);
	gnutls_psk_set_client_credentials(client, peer->identity, &key, GNUTLS_PSK_KEY_RAW);
	return gnutls_credentials_set(session, GNUTLS_CRD_PSK, client);
}

static int say_error(const char *what, int code)
{
	fprintf(stderr, "%s: %s\n", what, gnutls_strerror(code));
	return -1;
}

int peer_handshake(struct peer *peer)
{
	int code;

	asked = peer;
	code = gnutls_init(&session, (peer->server ? GNUTLS_SERVER : GNUTLS_CLIENT) |
			   (peer->dtls ? GNUTLS_DATAGRAM : 0));
	if (code)
		return say_error("gnutls_init()", code);
	code = set_priority(peer);
	if (!code)
		code = set_key(peer);
	if (code)
		return say_error("setting up", code);
	gnutls_transport_set_int(session, peer->fd);
	do {
		code = gnutls_handshake(session);
	} while (code < 0 && !gnutls_error_is_fatal(code));
	return code ? say_error("gnutls_handshake()", code) : 0;
}

int peer_read(void *octets, int len)
{
	ssize_t got = gnutls_record_recv(session, octets, (size_t)len);

	return got < 0 ? say_error("gnutls_record_recv()", (int)got) : (int)got;
}

int peer_write(const void *octets, int len)
{
	ssize_t done, sent;

	for (done = 0; done < len; done += sent) {
		sent = gnutls_record_send(session, (const char *)octets + done,
					  (size_t)(len - done));
		if (sent < 0)
			return say_error("gnutls_record_send()", (int)sent);
	}
	return 0;
}

int peer_close_notify(void)
{
	int code = gnutls_bye(session, GNUTLS_SHUT_WR);

	return code ? say_error("gnutls_bye()", code) : 0;
}

int main(int argc, char **argv)
{
	return peer_main(argc, argv);
}
