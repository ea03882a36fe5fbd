// SPDX-License-Identifier: MIT
/* A peer of mbedTLS 2.28 and 3. */
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ciphersuites.h>
#include <mbedtls/timing.h>
#include <mbedtls/version.h>
#if MBEDTLS_VERSION_MAJOR >= 3
#include <psa/crypto.h>
#endif

#include <poll.h>

#include "peer.h"

#define PSK_DHE_KE	MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK_EPHEMERAL

const char peer_version[] = MBEDTLS_VERSION_STRING;

static mbedtls_ssl_context ssl;
static mbedtls_ssl_config config;
static mbedtls_entropy_context entropy;
static mbedtls_ctr_drbg_context random_source;
static mbedtls_timing_delay_context clock_of_dtls;

static int send_octets(void *peer, const unsigned char *octets, size_t len)
{
	ssize_t sent = send(((struct peer *)peer)->fd, octets, len, MSG_NOSIGNAL);

	return sent < 0 ? MBEDTLS_ERR_SSL_INTERNAL_ERROR : (int)sent;
}

static int take_octets(void *peer, unsigned char *octets, size_t len)
{
	ssize_t got = recv(((struct peer *)peer)->fd, octets, len, 0);

	return got < 0 ? MBEDTLS_ERR_SSL_INTERNAL_ERROR : (int)got;
}

/* DTLS: waits no longer than until something is to be sent again. */
static int await_octets(void *peer, unsigned char *octets, size_t len, uint32_t ms)
{
	struct pollfd at = { .fd = ((struct peer *)peer)->fd, .events = POLLIN };

	if (poll(&at, 1, ms ? (int)ms : -1) > 0)
		return take_octets(peer, octets, len);
	return MBEDTLS_ERR_SSL_TIMEOUT;
}

static void set_version(const struct peer *peer)
{
#if MBEDTLS_VERSION_MAJOR >= 3
	mbedtls_ssl_protocol_version version = peer->tls13 ? MBEDTLS_SSL_VERSION_TLS1_3 :
							     MBEDTLS_SSL_VERSION_TLS1_2;

	if (psa_crypto_init() != PSA_SUCCESS)
		peer_cannot("psa_crypto_init() failed");
	mbedtls_ssl_conf_min_tls_version(&config, version);
	mbedtls_ssl_conf_max_tls_version(&config, version);
#ifdef MBEDTLS_SSL_PROTO_TLS1_3
	mbedtls_ssl_conf_tls13_key_exchange_modes(&config, PSK_DHE_KE);
#endif
#else
	mbedtls_ssl_conf_min_version(&config, MBEDTLS_SSL_MAJOR_VERSION_3,
				     MBEDTLS_SSL_MINOR_VERSION_3);
	mbedtls_ssl_conf_max_version(&config, MBEDTLS_SSL_MAJOR_VERSION_3,
				     MBEDTLS_SSL_MINOR_VERSION_3);
#endif
}

int peer_handshake(struct peer *peer)
{
	static int suites[2];
	int code, side;

#if MBEDTLS_VERSION_MAJOR < 3 || !defined(MBEDTLS_SSL_PROTO_TLS1_3)
	if (peer->tls13)
		peer_cannot("this mbedTLS is built without TLS 1.3");
#endif
	if (!mbedtls_ssl_ciphersuite_from_id((int)peer->suite))
		peer_cannot("this mbedTLS is built without the suite");
	suites[0] = (int)peer->suite;
	mbedtls_ssl_init(&ssl);
	mbedtls_ssl_config_init(&config);
	mbedtls_entropy_init(&entropy);
	mbedtls_ctr_drbg_init(&random_source);
	code = mbedtls_ctr_drbg_seed(&random_source, mbedtls_entropy_func, &entropy, NULL, 0);
	if (code)
		return peer_fail("mbedtls_ctr_drbg_seed()", code);
	side = peer->server ? MBEDTLS_SSL_IS_SERVER : MBEDTLS_SSL_IS_CLIENT;
	code = mbedtls_ssl_config_defaults(&config, side, peer->dtls ?
					   MBEDTLS_SSL_TRANSPORT_DATAGRAM :
					   MBEDTLS_SSL_TRANSPORT_STREAM,
					   MBEDTLS_SSL_PRESET_DEFAULT);
	if (code)
		return peer_fail("mbedtls_ssl_config_defaults()", code);
	set_version(peer);
	mbedtls_ssl_conf_rng(&config, mbedtls_ctr_drbg_random, &random_source);
	mbedtls_ssl_conf_ciphersuites(&config, suites);
	code = mbedtls_ssl_conf_psk(&config, peer->key, peer->key_len,
				    (const unsigned char *)peer->identity,
				    strlen(peer->identity));
	/* It serves one peer, whom it has seen already. */
	if (peer->dtls && peer->server)
		mbedtls_ssl_conf_dtls_cookies(&config, NULL, NULL, NULL);
	if (!code)
		code = mbedtls_ssl_setup(&ssl, &config);
	if (code)
		return peer_fail("mbedtls_ssl_setup()", code);
	mbedtls_ssl_set_bio(&ssl, peer, send_octets, take_octets,
			    peer->dtls ? await_octets : NULL);
	mbedtls_ssl_set_timer_cb(&ssl, &clock_of_dtls, mbedtls_timing_set_delay,
				 mbedtls_timing_get_delay);
	code = mbedtls_ssl_handshake(&ssl);
	return code ? peer_fail("mbedtls_ssl_handshake()", code) : 0;
}

int peer_read(void *octets, int len)
{
	int got = mbedtls_ssl_read(&ssl, octets, (size_t)len);

	if (got == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY)
		return 0;
	return got > 0 ? got : peer_fail("mbedtls_ssl_read()", got);
}

int peer_write(const void *octets, int len)
{
	int done, sent;

	for (done = 0; done < len; done += sent) {
		sent = mbedtls_ssl_write(&ssl, (const unsigned char *)octets + done,
					 (size_t)(len - done));
		if (sent <= 0)
			return peer_fail("mbedtls_ssl_write()", sent);
	}
	return 0;
}

int peer_close_notify(void)
{
	int code = mbedtls_ssl_close_notify(&ssl);

	return code ? peer_fail("mbedtls_ssl_close_notify()", code) : 0;
}

int main(int argc, char **argv)
{
	return peer_main(argc, argv);
}
