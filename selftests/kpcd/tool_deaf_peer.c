// SPDX-License-Identifier: GPL-2.0-only
/*
 * A far end that has its TLS answered and reads no answer. At the first line of
 * its standard input it asks for new handshakes as a server (TLS 1.2), for new
 * keys as a client (TLS 1.3); then it says "hello", and at the end of the input
 * it reads all there is.
 *
 * usage: tool_deaf_peer server|client ADDRESS PORT KPCID KEY COUNT
 *
 * KEY is 16 octets in hexadecimal digits, and of a test.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define KEY_OCTETS	16

/* Each is read by itself, and so answered by itself. */
static const struct timespec apart = { .tv_nsec = 20 * 1000 * 1000 };

static const char *identity;
static unsigned char key[KEY_OCTETS];

static unsigned int server_psk(SSL *ssl, const char *who, unsigned char *psk,
			       unsigned int room)
{
	memcpy(psk, key, KEY_OCTETS);
	return KEY_OCTETS;
}

static unsigned int client_psk(SSL *ssl, const char *hint, char *who,
			       unsigned int who_room, unsigned char *psk,
			       unsigned int room)
{
	snprintf(who, who_room, "%s", identity);
	memcpy(psk, key, KEY_OCTETS);
	return KEY_OCTETS;
}

static int key_parse(const char *text)
{
	unsigned int i;

	for (i = 0; i < KEY_OCTETS; i++)
		if (sscanf(text + 2 * i, "%2hhx", &key[i]) != 1)
			return -1;
	return 0;
}

/* A small window, so that what is not read soon waits at the other end. */
static int meet(bool server, const char *address, const char *port)
{
	struct sockaddr_in at = {
		.sin_family = AF_INET,
		.sin_port = htons(atoi(port)),
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int on = 1, small = 4096;

	inet_pton(AF_INET, address, &at.sin_addr);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	if (!server)
		return connect(fd, (struct sockaddr *)&at, sizeof(at)) ? -1 : fd;
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) || listen(fd, 1))
		return -1;
	printf("listening\n");
	return accept(fd, NULL, NULL);
}

static SSL *handshake(bool server, int fd)
{
	SSL_CTX *context = SSL_CTX_new(server ? TLS_server_method() :
				       TLS_client_method());
	SSL *ssl;

	if (server) {
		SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
		SSL_CTX_set_cipher_list(context,
					"PSK-AES128-CBC-SHA256:@SECLEVEL=0");
		SSL_CTX_set_psk_server_callback(context, server_psk);
	} else {
		SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
		SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256");
		SSL_CTX_set_psk_client_callback(context, client_psk);
	}
	ssl = SSL_new(context);
	SSL_set_fd(ssl, fd);
	if ((server ? SSL_accept(ssl) : SSL_connect(ssl)) != 1)
		return NULL;
	printf("up\n");
	return ssl;
}

static bool ask(SSL *ssl, bool server)
{
	nanosleep(&apart, NULL);
	if (server)
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
	bool server = argc > 1 && !strcmp(argv[1], "server");
	unsigned int count, asked = 0;
	char got[65536];
	SSL *ssl;
	int fd;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc != 7 || key_parse(argv[5])) {
		fprintf(stderr, "usage: %s server|client ADDRESS PORT KPCID KEY COUNT\n",
			argv[0]);
		return 2;
	}
	identity = argv[4];
	count = atoi(argv[6]);
	fd = meet(server, argv[2], argv[3]);
	ssl = fd < 0 ? NULL : handshake(server, fd);
	if (!ssl) {
		ERR_print_errors_fp(stderr);
		return 1;
	}
	told();
	while (asked < count && ask(ssl, server))
		asked++;
	SSL_write(ssl, "hello", 5);
	printf("asked %u times\n", asked);
	while (told())
		;
	while (SSL_read(ssl, got, sizeof(got)) > 0)
		;
	return 0;
}
