/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What far ends share that are OpenSSL's and do what no program of it does:
 *
 * usage: tool_... server|server12|client ADDRESS PORT KPCID KEY COUNT
 *
 * KEY is 16 octets in hexadecimal digits, and of a test.
 */
#ifndef FAR_END_H
#define FAR_END_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FAR_KEY_OCTETS	16

/**
 * struct far_end - what it was asked for
 * @server: it answers, and does not connect
 * @old: a server of TLS 1.2
 * @address: of IPv4
 * @port: number
 * @identity: KpcId
 * @key: Kpc
 * @count: of whatever it does
 */
struct far_end {
	bool server;
	bool old;
	const char *address;
	const char *port;
	const char *identity;
	unsigned char key[FAR_KEY_OCTETS];
	unsigned long count;
};

static struct far_end far_end;

static inline int far_key(const char *text)
{
	unsigned int i;

	for (i = 0; i < FAR_KEY_OCTETS; i++)
		if (sscanf(text + 2 * i, "%2hhx", &far_end.key[i]) != 1)
			return -1;
	return 0;
}

/* Ends the program where its arguments are none. */
static inline void far_arguments(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc != 7 || far_key(argv[5])) {
		fprintf(stderr,
			"usage: %s server|server12|client ADDRESS PORT KPCID KEY COUNT\n",
			argv[0]);
		exit(2);
	}
	far_end.old = !strcmp(argv[1], "server12");
	far_end.server = far_end.old || !strcmp(argv[1], "server");
	far_end.address = argv[2];
	far_end.port = argv[3];
	far_end.identity = argv[4];
	far_end.count = strtoul(argv[6], NULL, 10);
}

static unsigned int far_server_psk(SSL *ssl, const char *who, unsigned char *psk,
				   unsigned int room)
{
	memcpy(psk, far_end.key, FAR_KEY_OCTETS);
	return FAR_KEY_OCTETS;
}

static unsigned int far_client_psk(SSL *ssl, const char *hint, char *who,
				   unsigned int who_room, unsigned char *psk,
				   unsigned int room)
{
	snprintf(who, who_room, "%s", far_end.identity);
	memcpy(psk, far_end.key, FAR_KEY_OCTETS);
	return FAR_KEY_OCTETS;
}

/**
 * far_ssl() - one that has the key
 * @version: the only one
 * @ciphers: of that version
 */
static inline SSL *far_ssl(int version, const char *ciphers)
{
	SSL_CTX *context = SSL_CTX_new(far_end.server ? TLS_server_method() :
				       TLS_client_method());
	SSL *ssl;

	SSL_CTX_set_min_proto_version(context, version);
	SSL_CTX_set_max_proto_version(context, version);
	if (version == TLS1_3_VERSION)
		SSL_CTX_set_ciphersuites(context, ciphers);
	else
		SSL_CTX_set_cipher_list(context, ciphers);
	if (far_end.server)
		SSL_CTX_set_psk_server_callback(context, far_server_psk);
	else
		SSL_CTX_set_psk_client_callback(context, far_client_psk);
	ssl = SSL_new(context);
	SSL_CTX_free(context);
	return ssl;
}

/**
 * far_meet() - connect, or say "listening" and wait
 * @room: octets that may wait to be received; 0, as the system has it
 *
 * Return: the socket, or -1.
 */
static inline int far_meet(int room)
{
	struct sockaddr_in at = {
		.sin_family = AF_INET,
		.sin_port = htons(atoi(far_end.port)),
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	inet_pton(AF_INET, far_end.address, &at.sin_addr);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (room)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	if (!far_end.server)
		return connect(fd, (struct sockaddr *)&at, sizeof(at)) ? -1 : fd;
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) || listen(fd, 1))
		return -1;
	printf("listening\n");
	return accept(fd, NULL, NULL);
}

#endif
