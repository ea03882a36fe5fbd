/* SPDX-License-Identifier: MIT */
/*
 * What the peers of other TLS libraries share: one connection, in which the
 * client says its standard input and prints what comes back, the server gives
 * everything back, and both end with close_notify and wait for the other's.
 *
 * usage: peer_LIBRARY client|server PORT 1.2|1.3|d1.2 CODE NAME KPCID KEYFILE
 *        peer_LIBRARY version
 *
 * d1.2 is DTLS 1.2: what is said goes in datagrams, and comes back in as many.
 * CODE is the cipher suite's in hexadecimal digits, NAME its name at IANA. The
 * key file holds hexadecimal digits. Exit status 0 if all of that was so, 4 if
 * the library cannot do what is asked, with the reason on standard error.
 */
#ifndef PEER_H
#define PEER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PEER_KEY_MAX	64
#define PEER_PIECE	4000
#define PEER_DATAGRAM	1000
#define PEER_CANNOT	4

/**
 * struct peer - what a peer is asked for
 * @server: it answers, and does not connect
 * @tls13: TLS 1.3, else 1.2
 * @dtls: DTLS 1.2
 * @suite: code of the one cipher suite
 * @name: of the suite, at IANA
 * @identity: KpcId
 * @key: Kpc
 * @key_len: octets of it
 * @fd: the connection, blocking
 */
struct peer {
	bool server;
	bool tls13;
	bool dtls;
	unsigned int suite;
	const char *name;
	const char *identity;
	uint8_t key[PEER_KEY_MAX];
	size_t key_len;
	int fd;
};

/* Of the library. */
extern const char peer_version[];

/* What each library does. All return -1 after they said why. */
int peer_handshake(struct peer *peer);
/* Octets, 0 at close_notify, -1 also where the peer's end was none. */
int peer_read(void *octets, int len);
/* All of it. */
int peer_write(const void *octets, int len);
int peer_close_notify(void);

static inline int peer_fail(const char *what, int code)
{
	fprintf(stderr, "%s failed: %d (-0x%04x)\n", what, code, (unsigned int)-code);
	return -1;
}

__attribute__((noreturn))
static inline void peer_cannot(const char *why)
{
	fprintf(stderr, "cannot: %s\n", why);
	exit(PEER_CANNOT);
}

static inline int peer_key(struct peer *peer, const char *path)
{
	FILE *file = fopen(path, "re");

	if (!file) {
		perror(path);
		return -1;
	}
	while (peer->key_len < PEER_KEY_MAX &&
	       fscanf(file, "%2hhx", &peer->key[peer->key_len]) == 1)
		peer->key_len++;
	fclose(file);
	return peer->key_len ? 0 : -1;
}

/* Of who has sent the first datagram, which stays for the library. */
static inline int peer_take(int fd)
{
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	uint8_t octet;

	if (recvfrom(fd, &octet, 1, MSG_PEEK, (void *)&from, &len) < 0)
		return -1;
	return connect(fd, (void *)&from, len);
}

static inline int peer_meet(struct peer *peer, uint16_t port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, (peer->dtls ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
	int one = 1;

	if (!peer->server) {
		peer->fd = fd;
		return connect(fd, (void *)&at, sizeof(at));
	}
	if (peer->dtls) {
		peer->fd = fd;
		return bind(fd, (void *)&at, sizeof(at)) ? -1 : peer_take(fd);
	}
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (void *)&at, sizeof(at)) || listen(fd, 1))
		return -1;
	peer->fd = accept(fd, NULL, NULL);
	close(fd);
	return peer->fd < 0 ? -1 : 0;
}

/* The client's piece is out and back before the next goes. */
static inline int peer_say(size_t piece)
{
	uint8_t out[PEER_PIECE], in[PEER_PIECE];
	ssize_t len;
	int back, got;

	while ((len = read(STDIN_FILENO, out, piece)) > 0) {
		if (peer_write(out, (int)len))
			return -1;
		for (back = 0; back < len; back += got) {
			got = peer_read(in, (int)(len - back));
			if (got <= 0)
				return peer_fail("the echo", got);
			fwrite(in, 1, (size_t)got, stdout);
		}
	}
	fflush(stdout);
	return 0;
}

static inline int peer_echo(void)
{
	uint8_t octets[PEER_PIECE];
	int got;

	while ((got = peer_read(octets, sizeof(octets))) > 0)
		if (peer_write(octets, got))
			return -1;
	return got;
}

static inline int peer_main(int argc, char **argv)
{
	struct peer peer = { 0 };
	uint8_t octet;

	if (argc == 2 && !strcmp(argv[1], "version"))
		return printf("%s\n", peer_version) < 0;
	if (argc != 8 || peer_key(&peer, argv[7])) {
		fprintf(stderr,
			"usage: %s client|server PORT 1.2|1.3|d1.2 CODE NAME KPCID KEYFILE\n",
			argv[0]);
		return 2;
	}
	alarm(60);
	peer.server = !strcmp(argv[1], "server");
	peer.tls13 = !strcmp(argv[3], "1.3");
	peer.dtls = !strcmp(argv[3], "d1.2");
	peer.suite = (unsigned int)strtoul(argv[4], NULL, 16);
	peer.name = argv[5];
	peer.identity = argv[6];
	if (peer_meet(&peer, (uint16_t)atoi(argv[2]))) {
		perror("connection");
		return 1;
	}
	if (peer_handshake(&peer))
		return 1;
	if (peer.server)
		return peer_echo() || peer_close_notify();
	return peer_say(peer.dtls ? PEER_DATAGRAM : PEER_PIECE) || peer_close_notify() ||
	       peer_read(&octet, 1);
}

#endif
