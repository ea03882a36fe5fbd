// SPDX-License-Identifier: GPL-2.0-only
/*
 * A source and a sink of octets for the benchmark, plain or TLS 1.3 on kernel
 * TLS, by a key or by a certificate, so that every relay is between the same
 * two ends. Each connection carries a pattern that the receiver compares octet
 * by octet. The end that connects sends; with --both the other does too.
 *
 * It speaks to who runs it by lines: "listening", "ready" (the end that
 * connects: all connections are through to the other end), then it waits for a
 * line, and "done" when all that it is to receive has come.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/tls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <kpc/ktls.h>

/* A prime, so that no loss of whole pages or records goes unseen. */
#define PERIOD		1048573
#define LENGTH_MOST	(1 << 20)
#define READ		(256 * 1024)
/* Sends or receives of one connection before the next has its turn. */
#define BURST		4
#define KEYS_MOST	16
#define EVENTS		64

/* One connection; what it carries starts at a place of its own. */
struct line {
	int fd;
	int32_t number;
	uint64_t sent;
	uint64_t received;
	uint64_t to_send;
	uint64_t to_receive;
	uint32_t events;
};

struct key {
	char identity[129];
	unsigned char octets[64];
	long length;
};

static struct {
	const char *host;
	int port;
	bool listens;
	bool both;
	unsigned int connections;
	uint64_t octets;
	size_t length;
	const char *keys;
	const char *certificate;
} options = { .connections = 1, .octets = 1 << 20, .length = 65536 };

static unsigned char pattern[PERIOD + LENGTH_MOST];
static unsigned char got[READ];
static struct key keys[KEYS_MOST];
static unsigned int key_count;
static struct line *lines;
static unsigned int waiting;
static int epoll = -1;

static void __attribute__((noreturn, format(printf, 1, 2)))
die(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "tool_bulk: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

static void __attribute__((noreturn)) die_tls(const char *what)
{
	fprintf(stderr, "tool_bulk: %s\n", what);
	ERR_print_errors_fp(stderr);
	exit(1);
}

static void say(const char *word)
{
	printf("%s\n", word);
	fflush(stdout);
}

static void pattern_fill(void)
{
	uint64_t x = 0x9e3779b97f4a7c15ULL;
	size_t i;

	for (i = 0; i < PERIOD; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		pattern[i] = x >> 32;
	}
	for (; i < sizeof(pattern); i++)
		pattern[i] = pattern[i - PERIOD];
}

/* What a connection carries at an offset, for LENGTH_MOST octets. */
static const unsigned char *pattern_at(const struct line *line, uint64_t offset)
{
	return pattern + (line->number * 7919ULL + offset) % PERIOD;
}

static void keys_read(void)
{
	FILE *in = fopen(options.keys, "r");
	char text[400], *hex;
	unsigned char *octets;
	struct key *key;

	if (!in)
		die("%s: %m", options.keys);
	while (key_count < KEYS_MOST && fgets(text, sizeof(text), in)) {
		text[strcspn(text, "\n")] = 0;
		hex = strchr(text, ':');
		if (!hex || hex - text > 128)
			die("%s: no line IDENTITY:HEX", options.keys);
		*hex++ = 0;
		key = &keys[key_count++];
		strcpy(key->identity, text);
		octets = OPENSSL_hexstr2buf(hex, &key->length);
		if (!octets || key->length > (long)sizeof(key->octets))
			die("%s: the key of %s is none", options.keys, text);
		memcpy(key->octets, octets, key->length);
		OPENSSL_clear_free(octets, key->length);
	}
	fclose(in);
	if (!key_count)
		die("%s: no key", options.keys);
}

static SSL_SESSION *key_session(SSL *ssl, const struct key *key)
{
	static const unsigned char suite[] = { 0x13, 0x01 };
	SSL_SESSION *session = SSL_SESSION_new();

	if (!session ||
	    !SSL_SESSION_set1_master_key(session, key->octets, key->length) ||
	    !SSL_SESSION_set_cipher(session, SSL_CIPHER_find(ssl, suite)) ||
	    !SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION))
		die_tls("a key does not become a session");
	return session;
}

static int use_session(SSL *ssl, const EVP_MD *md, const unsigned char **id,
		       size_t *length, SSL_SESSION **session)
{
	*id = (const unsigned char *)keys[0].identity;
	*length = strlen(keys[0].identity);
	*session = key_session(ssl, &keys[0]);
	return 1;
}

static int find_session(SSL *ssl, const unsigned char *id, size_t length,
			SSL_SESSION **session)
{
	unsigned int i;

	*session = NULL;
	for (i = 0; i < key_count; i++)
		if (length == strlen(keys[i].identity) &&
		    !memcmp(id, keys[i].identity, length))
			*session = key_session(ssl, &keys[i]);
	return 1;
}

static SSL_CTX *context_new(void)
{
	SSL_CTX *ctx = SSL_CTX_new(options.listens ? TLS_server_method() :
				   TLS_client_method());

	if (!ctx || !SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) ||
	    !SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256") ||
	    !SSL_CTX_set1_groups_list(ctx, "X25519:P-256"))
		die_tls("no context");
	SSL_CTX_set_options(ctx, SSL_OP_ENABLE_KTLS);
	SSL_CTX_set_num_tickets(ctx, 0);
	if (options.keys) {
		keys_read();
		SSL_CTX_set_psk_use_session_callback(ctx, use_session);
		SSL_CTX_set_psk_find_session_callback(ctx, find_session);
	} else if (options.listens) {
		if (SSL_CTX_use_certificate_file(ctx, options.certificate,
						 SSL_FILETYPE_PEM) != 1 ||
		    SSL_CTX_use_PrivateKey_file(ctx, options.certificate,
						SSL_FILETYPE_PEM) != 1)
			die_tls(options.certificate);
	} else {
		if (SSL_CTX_load_verify_file(ctx, options.certificate) != 1)
			die_tls(options.certificate);
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	}
	return ctx;
}

/* Shakes hands, and leaves the records to the kernel or fails. */
static void handshake(SSL_CTX *ctx, int fd)
{
	SSL *ssl = SSL_new(ctx);

	if (!ssl || !SSL_set_fd(ssl, fd))
		die_tls("no TLS");
	if ((options.listens ? SSL_accept(ssl) : SSL_connect(ssl)) != 1)
		die_tls("no handshake");
	if (!BIO_get_ktls_send(SSL_get_wbio(ssl)) ||
	    !BIO_get_ktls_recv(SSL_get_rbio(ssl)))
		die("the kernel does not carry the records: modprobe tls");
	/* The socket is ours from here on. */
	SSL_set_quiet_shutdown(ssl, 1);
	SSL_free(ssl);
}

static struct sockaddr_in address(void)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_port = htons(options.port),
	};

	if (inet_pton(AF_INET, options.host, &sin.sin_addr) != 1)
		die("%s is no IPv4 address", options.host);
	return sin;
}

static void prepare(int fd)
{
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

static void watch(struct line *line, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = line };
	int op = !line->events ? EPOLL_CTL_ADD :
		 events ? EPOLL_CTL_MOD : EPOLL_CTL_DEL;

	if (line->events == events)
		return;
	line->events = events;
	if (epoll_ctl(epoll, op, line->fd, &event))
		die("epoll_ctl: %m");
}

static void line_begin(struct line *line)
{
	uint64_t octets = options.octets / options.connections;

	line->to_send = !options.listens || options.both ? octets : 0;
	line->to_receive = options.listens || options.both ? octets : 0;
	if (line->to_receive)
		waiting++;
	if (fcntl(line->fd, F_SETFL, O_NONBLOCK))
		die("fcntl: %m");
}

static ssize_t receive(int fd, void *at, size_t length)
{
	char control[CMSG_SPACE(1)];
	struct iovec part = { at, length };
	struct msghdr msg = { .msg_iov = &part, .msg_iovlen = 1 };
	ssize_t n;

	if (!options.keys && !options.certificate)
		return recv(fd, at, length, 0);
	msg.msg_control = control;
	msg.msg_controllen = sizeof(control);
	n = recvmsg(fd, &msg, 0);
	if (n < 0 || kpc_ktls_cmsg_get(&msg) == KPC_RECORD_DATA)
		return n;
	/* A ticket is no news; all else is an end. */
	if (kpc_ktls_cmsg_get(&msg) == KPC_RECORD_HANDSHAKE)
		return receive(fd, at, length);
	return 0;
}

static void receive_whole(int fd, void *at, size_t length)
{
	ssize_t n;

	while (length) {
		n = receive(fd, at, length);
		if (n <= 0)
			die("a connection ended before it began: %s",
			    n ? strerror(errno) : "end");
		at = (char *)at + n;
		length -= n;
	}
}

static void line_receive(struct line *line)
{
	unsigned int i;
	ssize_t n;

	for (i = 0; i < BURST && line->received < line->to_receive; i++) {
		n = receive(line->fd, got, sizeof(got));
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0)
			die("connection %d ended after %llu of %llu octets: %s",
			    line->number, (unsigned long long)line->received,
			    (unsigned long long)line->to_receive,
			    n ? strerror(errno) : "end");
		if (memcmp(got, pattern_at(line, line->received), n))
			die("connection %d: octets after %llu were changed",
			    line->number, (unsigned long long)line->received);
		line->received += n;
		if (line->received >= line->to_receive)
			waiting--;
	}
}

static void line_send(struct line *line)
{
	uint64_t left;
	unsigned int i;
	ssize_t n;

	for (i = 0; i < BURST && line->sent < line->to_send; i++) {
		left = line->to_send - line->sent;
		n = send(line->fd, pattern_at(line, line->sent),
			 left < options.length ? left : options.length,
			 MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0)
			die("connection %d failed after %llu octets: %m",
			    line->number, (unsigned long long)line->sent);
		line->sent += n;
	}
}

/* The end that listens begins when it hears something. */
static uint32_t line_wants(const struct line *line)
{
	bool begun = !options.listens || line->received;

	return (begun && line->sent < line->to_send ? EPOLLOUT : 0) |
	       (line->received < line->to_receive ? EPOLLIN : 0);
}

static void move(const struct epoll_event *event)
{
	struct line *line = event->data.ptr;

	if (event->events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		line_receive(line);
	if (event->events & EPOLLOUT)
		line_send(line);
	watch(line, line_wants(line));
}

/*
 * The first octets are which connection it is, and go back as they came. Some
 * relays hold a connection that nobody uses, and end it: that is none. Returns
 * how many have come.
 */
static unsigned int greet(struct line *line)
{
	char first;

	if (recv(line->fd, &first, 1, MSG_PEEK) <= 0) {
		close(line->fd);
		free(line);
		return 0;
	}
	receive_whole(line->fd, &line->number, sizeof(line->number));
	if (line->number < 0 || line->number >= (int)options.connections)
		die("there is no connection %d", line->number);
	if (send(line->fd, &line->number, sizeof(line->number), MSG_NOSIGNAL) !=
	    sizeof(line->number))
		die("greeting: %m");
	line_begin(line);
	watch(line, line_wants(line));
	return 1;
}

static void take_one(SSL_CTX *ctx, int listener)
{
	struct line *line = calloc(1, sizeof(*line));

	if (!line)
		die("no memory");
	line->number = -1;
	line->fd = accept(listener, NULL, NULL);
	if (line->fd < 0)
		die("accept: %m");
	prepare(line->fd);
	if (ctx)
		handshake(ctx, line->fd);
	/* Some relays hold one that nobody uses yet. */
	watch(line, EPOLLIN);
}

static int listen_begin(void)
{
	struct sockaddr_in sin = address();
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
	struct epoll_event event = { .events = EPOLLIN };

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)) || listen(fd, 1024))
		die("%s:%d: %m", options.host, options.port);
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event))
		die("epoll_ctl: %m");
	return fd;
}

static void run_listener(SSL_CTX *ctx)
{
	struct epoll_event events[EVENTS];
	int listener = listen_begin();
	unsigned int greeted = 0;
	int i, n;

	say("listening");
	do {
		n = epoll_wait(epoll, events, EVENTS, -1);
		for (i = 0; i < n; i++) {
			struct line *line = events[i].data.ptr;

			if (!line)
				take_one(ctx, listener);
			else if (line->number < 0)
				greeted += greet(line);
			else
				move(&events[i]);
		}
	} while (n >= 0 && (greeted < options.connections || waiting));
	say("done");
	/* What it has to send may not be taken yet. */
	while (n >= 0) {
		n = epoll_wait(epoll, events, EVENTS, -1);
		for (i = 0; i < n; i++)
			if (events[i].data.ptr)
				move(&events[i]);
	}
}

static void line_open(SSL_CTX *ctx, struct line *line)
{
	struct sockaddr_in sin = address();
	int32_t answer;

	line->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(line->fd, (struct sockaddr *)&sin, sizeof(sin)))
		die("%s:%d: %m", options.host, options.port);
	prepare(line->fd);
	if (ctx)
		handshake(ctx, line->fd);
	if (send(line->fd, &line->number, sizeof(line->number), MSG_NOSIGNAL) !=
	    sizeof(line->number))
		die("greeting: %m");
	receive_whole(line->fd, &answer, sizeof(answer));
	if (answer != line->number)
		die("connection %d is answered as %d", line->number, answer);
	line_begin(line);
}

static void run_client(SSL_CTX *ctx)
{
	struct epoll_event events[EVENTS];
	unsigned int i;
	int n = 0;

	lines = calloc(options.connections, sizeof(*lines));
	if (!lines)
		die("no memory");
	for (i = 0; i < options.connections; i++) {
		lines[i].number = i;
		line_open(ctx, &lines[i]);
	}
	say("ready");
	if (!fgets((char *)got, sizeof(got), stdin))
		exit(1);
	for (i = 0; i < options.connections; i++)
		watch(&lines[i], line_wants(&lines[i]));
	while (n >= 0) {
		int k;

		n = epoll_wait(epoll, events, EVENTS, -1);
		for (k = 0; k < n; k++)
			move(&events[k]);
		if (options.both && !waiting) {
			say("done");
			options.both = false;
		}
	}
}

static uint64_t number(const char *name, const char *text, uint64_t most)
{
	char *end;
	uint64_t value = strtoull(text, &end, 10);

	if (!*text || *end || !value || value > most)
		die("--%s %s: 1 to %llu", name, text, (unsigned long long)most);
	return value;
}

static void options_take(int argc, char **argv)
{
	static const struct option words[] = {
		{ "listen", no_argument, NULL, 'l' },
		{ "both", no_argument, NULL, 'b' },
		{ "connections", required_argument, NULL, 'c' },
		{ "octets", required_argument, NULL, 'o' },
		{ "length", required_argument, NULL, 'w' },
		{ "psk", required_argument, NULL, 'p' },
		{ "certificate", required_argument, NULL, 'x' },
		{ }
	};
	int c;

	while ((c = getopt_long(argc, argv, "", words, NULL)) != -1) {
		switch (c) {
		case 'l':
			options.listens = true;
			break;
		case 'b':
			options.both = true;
			break;
		case 'c':
			options.connections = number("connections", optarg, 4096);
			break;
		case 'o':
			options.octets = number("octets", optarg, UINT64_MAX / 2);
			break;
		case 'w':
			options.length = number("length", optarg, LENGTH_MOST);
			break;
		case 'p':
			options.keys = optarg;
			break;
		case 'x':
			options.certificate = optarg;
			break;
		default:
			exit(2);
		}
	}
	if (argc - optind != 2) {
		fprintf(stderr, "usage: tool_bulk [--listen] [--both] [--connections N]\n"
			"	[--octets N] [--length N] [--psk FILE | --certificate FILE]\n"
			"	ADDRESS PORT\n");
		exit(2);
	}
	options.host = argv[optind];
	options.port = number("port", argv[optind + 1], 65535);
}

int main(int argc, char **argv)
{
	SSL_CTX *ctx = NULL;

	options_take(argc, argv);
	pattern_fill();
	epoll = epoll_create1(EPOLL_CLOEXEC);
	if (options.keys || options.certificate)
		ctx = context_new();
	if (options.listens)
		run_listener(ctx);
	else
		run_client(ctx);
	return 1;
}
