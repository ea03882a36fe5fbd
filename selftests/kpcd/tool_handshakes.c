// SPDX-License-Identifier: MIT
/*
 * Handshakes to be counted by `make bench-handshake`:
 *
 *   tool_handshakes memory SUITE COUNT
 *
 * makes COUNT of them in memory, as OpenSSL alone answers them and as libkpc does,
 * in turns, and prints what Entity B took of the processor for one of each, in
 * nanoseconds: "OPENSSL LIBKPC".
 *
 *   tool_handshakes serve SUITE COUNT PORT BACKEND
 *
 * is no agent but OpenSSL behind sockets: accepts COUNT connections at a port of
 * this machine, connects each that has proved the key to a UNIX socket, waits until
 * that closes, and says close_notify; one thread. Prints the nanoseconds of the
 * processor for one of them, the kernel's with them.
 *
 *   tool_handshakes load SUITE COUNT PORT BACKEND
 *
 * makes COUNT of them with the agent at a port of this machine, and is its backend
 * at a UNIX socket, which closes at once. Ends when all were accepted and closed.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "entity_a.h"

#define ID		"bench@site.example"
#define KEY		"hex:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define THREADS		64
#define BATCH		50	/* in memory, of one kind in a row */

static const struct kpc_suite *suite;
static struct kpc_key *key;
static struct kpc_kpcid id;
static uint64_t spent;		/* by what is between from() and to() */
static uint64_t clock_costs;
static struct timespec since;

static void from(void)
{
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &since);
}

static void to(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	spent += entity_between(&since, &now) - clock_costs;
}

static void weigh_clock(void)
{
	for (int i = 0; i < 10000; i++) {
		from();
		to();
	}
	clock_costs = spent / 10000;
	spent = 0;
}

static void end_a(struct kpc_handshake *a, bool b_done)
{
	if (!b_done || kpc_handshake_state(a) != KPC_HANDSHAKE_DONE)
		entity_die(kpc_handshake_failure(a) ? kpc_handshake_failure(a)->text.text :
		    "the handshake has not come to its end");
	kpc_handshake_free(a);
}

/* OpenSSL as a program would use it that knows of one key. */
static unsigned int psk_server(SSL *ssl, const char *identity, unsigned char *psk,
			       unsigned int room)
{
	if (strcmp(identity, ID) || room < kpc_key_length(key))
		return 0;
	memcpy(psk, kpc_key_octets(key), kpc_key_length(key));
	return (unsigned int)kpc_key_length(key);
}

static int psk_find(SSL *ssl, const unsigned char *identity, size_t len, SSL_SESSION **session)
{
	const unsigned char code[2] = { 0x13, 0x01 };
	const SSL_CIPHER *cipher = SSL_CIPHER_find(ssl, code);

	if (len != strlen(ID) || memcmp(identity, ID, len))
		return 1;
	*session = SSL_SESSION_new();
	return *session && SSL_SESSION_set1_master_key(*session, kpc_key_octets(key),
						       kpc_key_length(key)) &&
	       SSL_SESSION_set_cipher(*session, cipher) &&
	       SSL_SESSION_set_protocol_version(*session, TLS1_3_VERSION);
}

static SSL_CTX *openssl_context(void)
{
	bool tls13 = suite->version == KPC_VERSION_TLS13;
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (!ctx || !SSL_CTX_set_min_proto_version(ctx, suite->version) ||
	    !SSL_CTX_set_max_proto_version(ctx, suite->version) ||
	    !(tls13 ? SSL_CTX_set_ciphersuites(ctx, suite->openssl) :
	      SSL_CTX_set_cipher_list(ctx, suite->openssl)) ||
	    !SSL_CTX_set1_groups_list(ctx, "X25519") || !SSL_CTX_set_num_tickets(ctx, 0))
		entity_die("OpenSSL has it not");
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_dh_auto(ctx, 1);
	if (tls13)
		SSL_CTX_set_psk_find_session_callback(ctx, psk_find);
	else
		SSL_CTX_set_psk_server_callback(ctx, psk_server);
	return ctx;
}

static void openssl_one(SSL_CTX *ctx, struct kpc_handshake_context *client)
{
	struct kpc_handshake *a = entity_start(client, &id, key, NULL);
	uint8_t octets[ENTITY_ROOM];
	BIO *in, *out;
	size_t len;
	int got;
	SSL *b;

	from();
	b = SSL_new(ctx);
	in = BIO_new(BIO_s_mem());
	out = BIO_new(BIO_s_mem());
	SSL_set_bio(b, in, out);
	SSL_set_accept_state(b);
	to();
	while ((len = entity_say(a, octets))) {
		from();
		BIO_write(in, octets, (int)len);
		SSL_do_handshake(b);
		got = BIO_read(out, octets, sizeof(octets));
		to();
		if (got > 0)
			entity_hear(a, octets, (size_t)got, NULL, NULL);
	}
	end_a(a, SSL_is_init_finished(b));
	from();
	SSL_free(b);
	to();
}

static void libkpc_one(struct kpc_handshake_context *server, struct kpc_handshake_context *client,
		       const struct kpc_handshake_policy *policy)
{
	struct kpc_handshake *a = entity_start(client, &id, key, NULL), *b;
	uint8_t octets[ENTITY_ROOM];
	const void *out;
	size_t len;

	from();
	b = kpc_handshake_new(server, NULL);
	kpc_handshake_advance(b);
	to();
	while ((len = entity_say(a, octets))) {
		from();
		entity_hear(b, octets, len, key, policy);
		out = kpc_handshake_output(b, &len);
		memcpy(octets, out, len);
		kpc_handshake_output_sent(b, len);
		to();
		if (len)
			entity_hear(a, octets, len, NULL, NULL);
	}
	end_a(a, kpc_handshake_state(b) == KPC_HANDSHAKE_DONE);
	from();
	kpc_handshake_free(b);
	to();
}

static void memory(unsigned long count)
{
	struct kpc_handshake_policy policy = entity_policy(KPC_ROLE_B, suite);
	struct kpc_handshake_context *client = entity_context(KPC_ROLE_A, suite);
	struct kpc_handshake_context *server = entity_context(KPC_ROLE_B, suite);
	uint64_t openssl = 0, libkpc = 0;
	SSL_CTX *ctx = openssl_context();
	unsigned long batches = (count + BATCH - 1) / BATCH;

	weigh_clock();
	/* The first ones find nothing in any cache. */
	for (unsigned long i = 0; i < batches + 1; i++) {
		spent = 0;
		for (int j = 0; j < BATCH; j++)
			openssl_one(ctx, client);
		openssl += i ? spent : 0;
		spent = 0;
		for (int j = 0; j < BATCH; j++)
			libkpc_one(server, client, &policy);
		libkpc += i ? spent : 0;
	}
	printf("%lu %lu\n", (unsigned long)(openssl / (batches * BATCH)),
	       (unsigned long)(libkpc / (batches * BATCH)));
}

/* What is behind sockets: a connection, and the way to its backend. */
struct served {
	SSL *ssl;
	int fd;
	int back;
};

static struct sockaddr_un backend = { .sun_family = AF_UNIX };
static int served_events;

static void served_watch(struct served *at, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = at };

	if (epoll_ctl(served_events, EPOLL_CTL_ADD, fd, &event))
		entity_die("cannot watch a socket");
}

static void served_accept(SSL_CTX *ctx, int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), on = 1;
	struct served *at;

	if (fd < 0)
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	at = calloc(1, sizeof(*at));
	at->ssl = SSL_new(ctx);
	at->fd = fd;
	at->back = -1;
	SSL_set_fd(at->ssl, fd);
	SSL_set_accept_state(at->ssl);
	served_watch(at, fd);
}

/* Returns 1 when the connection is over. */
static int served_go_on(struct served *at)
{
	char octet;
	int ret;

	if (at->back < 0) {
		ret = SSL_do_handshake(at->ssl);
		if (ret != 1) {
			if (SSL_get_error(at->ssl, ret) != SSL_ERROR_WANT_READ)
				entity_die("a handshake failed");
			return 0;
		}
		at->back = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (at->back < 0 ||
		    connect(at->back, (struct sockaddr *)&backend, sizeof(backend)))
			entity_die("no backend");
		served_watch(at, at->back);
		return 0;
	}
	if (recv(at->back, &octet, 1, 0) < 0)
		return 0;
	SSL_shutdown(at->ssl);
	SSL_free(at->ssl);
	close(at->back);
	close(at->fd);
	free(at);
	return 1;
}

static void serve(unsigned long count, uint16_t at_port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(at_port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
	SSL_CTX *ctx = openssl_context();
	struct epoll_event events[64];
	struct timespec now;
	unsigned long done = 0;
	int i, got;

	served_events = epoll_create1(EPOLL_CLOEXEC);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(listener, (struct sockaddr *)&at, sizeof(at)) || listen(listener, 4096))
		entity_die("cannot listen");
	served_watch(NULL, listener);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &since);
	while (done < count) {
		got = epoll_wait(served_events, events, 64, -1);
		for (i = 0; i < got; i++) {
			if (!events[i].data.ptr)
				served_accept(ctx, listener);
			else
				done += (unsigned long)served_go_on(events[i].data.ptr);
		}
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	printf("%lu\n", (unsigned long)(entity_between(&since, &now) / count));
}

static atomic_long left;
static uint16_t port;

/* One connection, to its end. */
static void connect_once(struct kpc_handshake_context *client)
{
	struct kpc_handshake *a = entity_start(client, &id, key, NULL);
	int fd = entity_connect(port);
	uint8_t octets[ENTITY_ROOM];
	ssize_t got = 1;
	size_t len;

	while (got > 0) {
		len = entity_say(a, octets);
		if (len && send(fd, octets, len, MSG_NOSIGNAL) != (ssize_t)len)
			entity_die("the agent hung up");
		if (kpc_handshake_state(a) != KPC_HANDSHAKE_WANT_INPUT)
			break;
		got = recv(fd, octets, kpc_handshake_need(a), 0);
		if (got > 0)
			entity_hear(a, octets, (size_t)got, NULL, NULL);
	}
	end_a(a, true);
	/* Its backend has closed: so does the agent, with an alert. */
	len = 0;
	while ((got = recv(fd, octets, sizeof(octets), 0)) > 0)
		len += (size_t)got;
	if (got < 0 || !len)
		entity_die("the agent ended without an alert");
	close(fd);
}

static void *connects(void *unused)
{
	struct kpc_handshake_context *client = entity_context(KPC_ROLE_A, suite);

	while (atomic_fetch_sub(&left, 1) > 0)
		connect_once(client);
	kpc_handshake_context_free(client);
	return unused;
}

static void *backs(void *socket)
{
	for (;;)
		close(accept(*(int *)socket, NULL, NULL));
	return NULL;
}

static void load(long count, const char *path)
{
	pthread_t threads[THREADS], backing;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&backend, sizeof(backend)) ||
	    listen(fd, 4096) || pthread_create(&backing, NULL, backs, &fd))
		entity_die(path);
	atomic_store(&left, count);
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, connects, NULL))
			entity_die("no thread");
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

int main(int argc, char **argv)
{
	struct kpc_error err = { "" };

	if (argc < 4)
		entity_die("memory SUITE COUNT, or serve|load SUITE COUNT PORT BACKEND");
	suite = kpc_suite_by_name(argv[2]);
	if (!suite || kpc_key_parse(&key, KEY, &err) || kpc_kpcid_set(&id, ID, strlen(ID)))
		entity_die(suite ? err.text : "is no suite");
	if (!strcmp(argv[1], "memory")) {
		memory(strtoul(argv[3], NULL, 10));
	} else if (argc == 6) {
		port = (uint16_t)atoi(argv[4]);
		strncpy(backend.sun_path, argv[5], sizeof(backend.sun_path) - 1);
		if (!strcmp(argv[1], "serve"))
			serve(strtoul(argv[3], NULL, 10), port);
		else
			load(atol(argv[3]), argv[5]);
	}
	return 0;
}
