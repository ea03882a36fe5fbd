// SPDX-License-Identifier: GPL-2.0-only
/*
 * A source and a sink of datagrams for the benchmark, plain or by OpenSSL's own
 * DTLS with a key, so that every relay is between the same two ends. They go in
 * bursts: the last of one says so, and is answered by how many of it have come. A
 * burst whose end is lost is asked for again.
 *
 * The source says at its end how many were sent and how many have come.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define MOST		16384
#define ROOM		(4 << 20)
#define WAIT_MS		200
#define TRIES		50
#define IDENTITY	"bench@field.example"

/* What a datagram begins with. */
struct head {
	uint32_t burst;
	uint32_t last;
};

static unsigned char key[64];
static long key_len;

/* One end: plain, or with @ssl. */
struct end {
	int fd;
	SSL *ssl;
};

static unsigned int psk_client(SSL *ssl, const char *hint, char *identity,
			       unsigned int most, unsigned char *psk,
			       unsigned int psk_most)
{
	snprintf(identity, most, "%s", IDENTITY);
	memcpy(psk, key, key_len);
	return key_len;
}

static unsigned int psk_server(SSL *ssl, const char *identity,
			       unsigned char *psk, unsigned int psk_most)
{
	memcpy(psk, key, key_len);
	return key_len;
}

static void __attribute__((noreturn)) fail(const char *what)
{
	fprintf(stderr, "tool_datagrams: %s: ", what);
	ERR_print_errors_fp(stderr);
	fputs(strerror(errno), stderr);
	exit(1);
}

static SSL_CTX *context(const char *suite, const char *digits, bool server)
{
	unsigned char *octets = OPENSSL_hexstr2buf(digits, &key_len);
	SSL_CTX *ctx = SSL_CTX_new(server ? DTLS_server_method() :
					    DTLS_client_method());

	if (!octets || key_len > (long)sizeof(key) || !ctx ||
	    SSL_CTX_set_cipher_list(ctx, suite) != 1)
		fail("key or suite");
	memcpy(key, octets, key_len);
	OPENSSL_free(octets);
	SSL_CTX_set_psk_client_callback(ctx, psk_client);
	SSL_CTX_set_psk_server_callback(ctx, psk_server);
	return ctx;
}

static void secure(struct end *end, SSL_CTX *ctx, const struct sockaddr *to,
		   bool server)
{
	BIO *bio = BIO_new_dgram(end->fd, BIO_NOCLOSE);

	end->ssl = SSL_new(ctx);
	if (!bio || !end->ssl)
		fail("memory");
	BIO_ctrl(bio, BIO_CTRL_DGRAM_SET_CONNECTED, 0, (void *)to);
	SSL_set_bio(end->ssl, bio, bio);
	if ((server ? SSL_accept(end->ssl) : SSL_connect(end->ssl)) != 1)
		fail("handshake");
}

static bool put(struct end *end, const void *octets, size_t len)
{
	if (end->ssl)
		return SSL_write(end->ssl, octets, len) == (int)len;
	return send(end->fd, octets, len, 0) == (ssize_t)len;
}

/* Octets, 0: the end, or -1: nothing came in time. */
static ssize_t take(struct end *end, void *octets, size_t most)
{
	int got;

	if (!end->ssl)
		return recv(end->fd, octets, most, 0);
	got = SSL_read(end->ssl, octets, most);
	if (got > 0)
		return got;
	return SSL_get_error(end->ssl, got) == SSL_ERROR_ZERO_RETURN ? 0 : -1;
}

/* What of the burst has come is told when its last one has. */
static void answer(struct end *end, const struct sockaddr_in *to,
		   const struct head *head, uint32_t come)
{
	struct head reply = { head->burst, come };

	if (to)
		sendto(end->fd, &reply, sizeof(reply), 0, (void *)to,
		       sizeof(*to));
	else
		put(end, &reply, sizeof(reply));
}

/* Octets of one datagram count once for its burst. */
static void count(struct end *end, const struct sockaddr_in *to,
		  const void *octets, ssize_t got, uint32_t *burst,
		  uint32_t *come)
{
	struct head head;

	if (got < (ssize_t)sizeof(head))
		return;
	memcpy(&head, octets, sizeof(head));
	if (head.burst != *burst)
		*come = 0;
	*burst = head.burst;
	++*come;
	if (head.last)
		answer(end, to, &head, *come);
}

static void sink(struct end *end, SSL_CTX *ctx)
{
	static unsigned char octets[MOST];
	struct sockaddr_in from, none = { .sin_family = AF_UNSPEC };
	uint32_t burst = 0, come = 0;
	socklen_t len;
	ssize_t got;

	for (;;) {
		len = sizeof(from);
		got = recvfrom(end->fd, octets, sizeof(octets),
			       ctx ? MSG_PEEK : 0, (void *)&from, &len);
		if (got < 0)
			continue;
		if (!ctx) {
			count(end, &from, octets, got, &burst, &come);
			continue;
		}
		if (connect(end->fd, (void *)&from, len))
			fail("connect");
		secure(end, ctx, (void *)&from, true);
		while ((got = take(end, octets, sizeof(octets))))
			count(end, NULL, octets, got, &burst, &come);
		SSL_free(end->ssl);
		end->ssl = NULL;
		connect(end->fd, (void *)&none, sizeof(none));
	}
}

/* Returns how many of the burst the other end has. */
static uint32_t burst_send(struct end *end, unsigned char *octets, size_t size,
			   uint32_t number, uint32_t window)
{
	struct head head = { .burst = number }, reply;
	unsigned char got[MOST];
	uint32_t i;
	int try;

	for (i = 0; i < window; i++) {
		head.last = i == window - 1;
		memcpy(octets, &head, sizeof(head));
		put(end, octets, size);
	}
	for (try = 0; try < TRIES;) {
		ssize_t len = take(end, got, sizeof(got));

		if (len == sizeof(reply)) {
			memcpy(&reply, got, sizeof(reply));
			if (reply.burst == number)
				return reply.last > window ? window : reply.last;
		} else if (len < 0) {
			/* Its last one again: it may be that which is lost. */
			put(end, octets, size);
			try++;
		}
	}
	errx(1, "after %u bursts nothing comes back", number);
}

static void source(struct end *end, size_t size, uint32_t total,
		   uint32_t window)
{
	static unsigned char octets[MOST];
	uint32_t number, come = 0;

	/* The first one is alone: a relay may have a handshake to make. */
	burst_send(end, octets, size, 1, 1);
	for (number = 2; come < total; number++)
		come += burst_send(end, octets, size, number, window);
	printf("sent %u come %u\n", (number - 2) * window, come);
	if (end->ssl)
		SSL_shutdown(end->ssl);
}

static int open_socket(const struct sockaddr_in *at, bool server)
{
	struct timeval wait = { .tv_usec = WAIT_MS * 1000 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), room = ROOM;

	if (fd < 0 || (server ? bind(fd, (void *)at, sizeof(*at)) :
				connect(fd, (void *)at, sizeof(*at))))
		fail(server ? "bind" : "connect");
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	return fd;
}

int main(int argc, char **argv)
{
	bool server = argc > 1 && !strcmp(argv[1], "sink");
	int rest = server ? 4 : 7;
	struct sockaddr_in at = { .sin_family = AF_INET };
	struct end end = { 0 };
	SSL_CTX *ctx = NULL;

	if ((argc != rest && argc != rest + 2) ||
	    inet_pton(AF_INET, argv[2], &at.sin_addr) != 1)
		errx(2, "usage: tool_datagrams %s [SUITE KEY]", server ?
		     "sink ADDRESS PORT" :
		     "source ADDRESS PORT SIZE COUNT WINDOW");
	at.sin_port = htons(atoi(argv[3]));
	end.fd = open_socket(&at, server);
	if (argc > rest)
		ctx = context(argv[rest], argv[rest + 1], server);
	if (server) {
		sink(&end, ctx);
		return 0;
	}
	if (ctx)
		secure(&end, ctx, (void *)&at, false);
	source(&end, atoi(argv[4]), atoi(argv[5]), atoi(argv[6]));
	return 0;
}
