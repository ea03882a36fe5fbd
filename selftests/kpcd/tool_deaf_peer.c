// SPDX-License-Identifier: GPL-2.0-only
/*
 * A far end that has its TLS answered and reads no answer. At the first line of
 * its standard input it asks for new handshakes as a server (TLS 1.2), for new
 * keys as a client (TLS 1.3), COUNT times; then it says "hello", and at the end of
 * the input it reads all there is.
 */
#include <time.h>

#include "far_end.h"

/* What is not read soon waits at the other end. */
#define WINDOW	4096

/* Each is read by itself, and so answered by itself. */
static const struct timespec apart = { .tv_nsec = 20 * 1000 * 1000 };

static SSL *handshake(int fd)
{
	SSL *ssl = far_end.server ?
		   far_ssl(TLS1_2_VERSION, "PSK-AES128-CBC-SHA256:@SECLEVEL=0") :
		   far_ssl(TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256");

	SSL_set_fd(ssl, fd);
	if ((far_end.server ? SSL_accept(ssl) : SSL_connect(ssl)) != 1)
		return NULL;
	printf("up\n");
	return ssl;
}

static bool ask(SSL *ssl)
{
	nanosleep(&apart, NULL);
	if (far_end.server)
		return SSL_renegotiate(ssl) == 1 && SSL_do_handshake(ssl) == 1;
	return SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED) == 1 &&
	       SSL_do_handshake(ssl) == 1;
}

static bool told(void)
{
	char got[16];

	return read(STDIN_FILENO, got, sizeof(got)) > 0;
}

int main(int argc, char **argv)
{
	unsigned long asked = 0;
	char got[65536];
	SSL *ssl;
	int fd;

	far_arguments(argc, argv);
	fd = far_meet(WINDOW);
	ssl = fd < 0 ? NULL : handshake(fd);
	if (!ssl) {
		ERR_print_errors_fp(stderr);
		return 1;
	}
	told();
	while (asked < far_end.count && ask(ssl))
		asked++;
	SSL_write(ssl, "hello", 5);
	printf("asked %lu times\n", asked);
	while (told())
		;
	while (SSL_read(ssl, got, sizeof(got)) > 0)
		;
	return 0;
}
