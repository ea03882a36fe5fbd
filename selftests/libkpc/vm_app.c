// SPDX-License-Identifier: GPL-2.0-only
/*
 * An application's end of a connection that was handed over, on kernel TLS: what
 * the far end sends that is no data, and ends in order and otherwise (I8).
 *
 *   kpc_recv(), kpc_send() --- kernel TLS on loopback --- records by hand
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kpc/app.h>
#include <kpc/ktls.h>
#include <kpc/suite.h>

#include "../tap.h"
#include "tcp_pair.h"

#define BULK	(8 << 20)

/* Both ends of one connection. */
struct wire {
	struct kpc_app app;
	int far;
};

static int install(int fd, int direction, uint16_t version, uint8_t key)
{
	struct tls12_crypto_info_aes_gcm_128 info = {
		.info.version = version,
		.info.cipher_type = TLS_CIPHER_AES_GCM_128,
	};

	memset(info.key, key, sizeof(info.key));
	return setsockopt(fd, SOL_TLS, direction, &info, sizeof(info));
}

static bool wire_open(struct wire *wire, uint16_t version)
{
	int fds[2];

	if (tcp_pair(fds, 20) || kpc_ktls_prepare(fds[0]) || kpc_ktls_prepare(fds[1]) ||
	    install(fds[0], TLS_TX, version, 1) || install(fds[0], TLS_RX, version, 2) ||
	    install(fds[1], TLS_TX, version, 2) || install(fds[1], TLS_RX, version, 1))
		return tap_ok(false, "kernel TLS on loopback: %s", strerror(errno));
	wire->far = fds[1];
	wire->app = (struct kpc_app){
		.fd = fds[0], .socket = KPC_APP_TLS,
		.identity = { .version = version, .suite = 0x1301 },
	};
	return true;
}

static void wire_close(struct wire *wire)
{
	if (wire->app.fd >= 0)
		close(wire->app.fd);
	if (wire->far >= 0)
		close(wire->far);
}

/* The far end sends a record of that type. */
static bool say(struct wire *wire, uint8_t type, const void *octets, size_t length)
{
	char control[KPC_KTLS_CMSG_LEN] __attribute__((aligned(sizeof(size_t))));
	struct iovec part = { (void *)octets, length };
	struct msghdr msg = { .msg_iov = &part, .msg_iovlen = 1 };

	kpc_ktls_cmsg_set(&msg, control, type);
	return sendmsg(wire->far, &msg, MSG_NOSIGNAL) == (ssize_t)length;
}

/* What the far end gets next; octets, 0 at the end of TCP, or a negative errno. */
static ssize_t hear(struct wire *wire, uint8_t *type, void *octets, size_t length)
{
	char control[KPC_KTLS_CMSG_LEN] __attribute__((aligned(sizeof(size_t))));
	struct iovec part = { octets, length };
	struct msghdr msg = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t got = recvmsg(wire->far, &msg, 0);

	*type = kpc_ktls_cmsg_get(&msg);
	return got < 0 ? -errno : got;
}

static bool hears_alert(struct wire *wire, uint8_t level, uint8_t alert)
{
	uint8_t octets[8], type;

	return hear(wire, &type, octets, sizeof(octets)) == 2 && type == KPC_RECORD_ALERT &&
	       octets[0] == level && octets[1] == alert;
}

/* With as little room as there can be, and with much. */
static const size_t rooms[] = { 1, 3, 4096 };

static void check_order(size_t room)
{
	static const uint8_t ticket[40] = { 4, 0, 0, 36 }, close_notify[2] = { 1, 0 };
	struct kpc_error err = { "" };
	uint8_t octets[4096], type;
	struct wire wire;

	if (!wire_open(&wire, KPC_VERSION_TLS13))
		return;
	tap_ok(say(&wire, KPC_RECORD_HANDSHAKE, ticket, sizeof(ticket)) &&
	       say(&wire, KPC_RECORD_HANDSHAKE, ticket, sizeof(ticket)) &&
	       say(&wire, KPC_RECORD_DATA, "x", 1) &&
	       kpc_recv(&wire.app, octets, room, &err) == 1 && *octets == 'x',
	       "room for %zu: tickets are passed over %s", room, err.text);
	tap_ok(say(&wire, KPC_RECORD_ALERT, close_notify, 2) &&
	       !kpc_recv(&wire.app, octets, room, &err) &&
	       !kpc_recv(&wire.app, octets, room, &err),
	       "room for %zu: close_notify is the end, and stays it %s", room, err.text);
	tap_ok(kpc_send(&wire.app, "answer", 6, &err) == 6 &&
	       hear(&wire, &type, octets, sizeof(octets)) == 6 && type == KPC_RECORD_DATA,
	       "the other direction goes on");
	tap_ok(!kpc_app_close(&wire.app, &err) && hears_alert(&wire, 1, 0) &&
	       !hear(&wire, &type, octets, 8), "and ends with close_notify before the FIN");
	wire_close(&wire);
}

static void check_key_update(size_t room)
{
	static const uint8_t key_update[5] = { 24, 0, 0, 1, 1 };
	struct kpc_error err = { "" };
	uint8_t octets[4096];
	struct wire wire;

	if (!wire_open(&wire, KPC_VERSION_TLS13))
		return;
	tap_ok(say(&wire, KPC_RECORD_DATA, "before", 6) &&
	       say(&wire, KPC_RECORD_HANDSHAKE, key_update, sizeof(key_update)) &&
	       recv(wire.app.fd, octets, sizeof(octets), MSG_PEEK) == 6,
	       "data, and a KeyUpdate behind it");
	for (size_t had = 0; had < 6; had += room)
		kpc_recv(&wire.app, octets, room < 6 ? room : 6, &err);
	tap_ok(kpc_recv(&wire.app, octets, room, &err) == -EKEYEXPIRED &&
	       strstr(err.text, "KeyUpdate"), "X1 room for %zu: KeyUpdate ends it: %s", room,
	       err.text);
	tap_ok(hears_alert(&wire, 2, KPC_ALERT_UNEXPECTED_MESSAGE),
	       "X1 and the far end is told by an alert");
	tap_ok(kpc_recv(&wire.app, octets, room, &err) == -EKEYEXPIRED &&
	       kpc_send(&wire.app, "x", 1, &err) == -EKEYEXPIRED &&
	       kpc_app_close(&wire.app, &err) == -EKEYEXPIRED, "it stays so");
	wire_close(&wire);
}

/* Who waits by poll() is told of one that came in one piece with data. */
static void check_hidden(void)
{
	static const uint8_t key_update[5] = { 24, 0, 0, 1, 1 };
	struct kpc_error err = { "" };
	struct pollfd at = { .events = POLLIN };
	uint8_t octets[4096];
	struct wire wire;
	int on = 1, off = 0;

	if (!wire_open(&wire, KPC_VERSION_TLS13))
		return;
	at.fd = wire.app.fd;
	tap_ok(!setsockopt(wire.far, IPPROTO_TCP, TCP_CORK, &on, sizeof(on)) &&
	       say(&wire, KPC_RECORD_DATA, "before", 6) &&
	       say(&wire, KPC_RECORD_HANDSHAKE, key_update, sizeof(key_update)) &&
	       !setsockopt(wire.far, IPPROTO_TCP, TCP_CORK, &off, sizeof(off)) &&
	       poll(&at, 1, 20000) == 1 &&
	       kpc_recv(&wire.app, octets, sizeof(octets), &err) == 6,
	       "data, and a KeyUpdate in one piece with it %s", err.text);
	tap_ok(poll(&at, 1, 20000) == 1, "X1 poll() tells that something is there");
	tap_ok(kpc_recv(&wire.app, octets, sizeof(octets), &err) == -EKEYEXPIRED,
	       "X1 and it ends: %s", err.text);
	wire_close(&wire);
}

static void check_broken(void)
{
	static const uint8_t internal_error[2] = { 2, 80 }, junk[1] = { 0 };
	struct linger reset = { .l_onoff = 1 };
	struct kpc_error err = { "" };
	uint8_t octets[16];
	struct wire wire;

	if (!wire_open(&wire, KPC_VERSION_TLS13))
		return;
	tap_ok(say(&wire, KPC_RECORD_ALERT, internal_error, 2) &&
	       kpc_recv(&wire.app, octets, 1, &err) == -EPROTO &&
	       strstr(err.text, "internal_error"), "a fatal alert: %s", err.text);
	wire_close(&wire);

	if (!wire_open(&wire, KPC_VERSION_TLS13))
		return;
	tap_ok(say(&wire, KPC_RECORD_HANDSHAKE, junk, 1) &&
	       kpc_recv(&wire.app, octets, 16, &err) == -EPROTO &&
	       hears_alert(&wire, 2, KPC_ALERT_UNEXPECTED_MESSAGE), "against the protocol: %s",
	       err.text);
	wire_close(&wire);

	if (!wire_open(&wire, KPC_VERSION_TLS13))
		return;
	say(&wire, KPC_RECORD_DATA, "half", 4);
	close(wire.far);
	wire.far = -1;
	tap_ok(kpc_recv(&wire.app, octets, 16, &err) == 4 &&
	       kpc_recv(&wire.app, octets, 16, &err) == -ECONNRESET &&
	       strstr(err.text, "without close_notify"), "I8 a FIN alone is no end: %s", err.text);
	wire_close(&wire);

	if (!wire_open(&wire, KPC_VERSION_TLS13))
		return;
	setsockopt(wire.far, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(wire.far);
	wire.far = -1;
	tap_ok(kpc_recv(&wire.app, octets, 16, &err) == -ECONNRESET, "I8 nor is a reset: %s",
	       err.text);
	wire_close(&wire);

	if (!wire_open(&wire, KPC_VERSION_TLS13))
		return;
	kpc_app_abort(&wire.app);
	tap_ok(recv(wire.far, octets, 1, 0) < 0 && errno == ECONNRESET,
	       "I8 and what is aborted here is none there");
	wire_close(&wire);
}

static void check_renegotiation(void)
{
	static const uint8_t hello_request[4] = { 0 };
	struct kpc_error err = { "" };
	uint8_t octets[16];
	struct wire wire;

	if (!wire_open(&wire, KPC_VERSION_TLS12))
		return;
	tap_ok(say(&wire, KPC_RECORD_HANDSHAKE, hello_request, 4) &&
	       say(&wire, KPC_RECORD_DATA, "on", 2) &&
	       kpc_recv(&wire.app, octets, 16, &err) == 2 &&
	       hears_alert(&wire, 1, KPC_ALERT_NO_RENEGOTIATION),
	       "TLS 1.2: HelloRequest is declined, and it goes on %s", err.text);
	wire_close(&wire);
}

/* The far end reads late, and the application is gone by then. */
static void check_bulk(void)
{
	static uint8_t octets[65536];
	struct kpc_error err = { "" };
	size_t sent = 0, had = 0;
	int small = 16384;
	struct wire wire;
	uint8_t type;
	ssize_t got;
	pid_t app;

	if (!wire_open(&wire, KPC_VERSION_TLS13))
		return;
	setsockopt(wire.app.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	app = fork();
	if (!app) {
		close(wire.far);
		while (sent < BULK) {
			got = kpc_send(&wire.app, octets, sizeof(octets), &err);
			if (got < 0)
				_exit(1);
			sent += got;
		}
		_exit(kpc_app_close(&wire.app, &err) ? 2 : 0);
	}
	close(wire.app.fd);
	wire.app.fd = -1;
	usleep(200000);
	while ((got = hear(&wire, &type, octets, sizeof(octets))) > 0 && type == KPC_RECORD_DATA)
		had += got;
	tap_ok(had == BULK && got == 2 && type == KPC_RECORD_ALERT && octets[1] == 0 &&
	       !hear(&wire, &type, octets, 8), "I8 all of %zu octets come, then close_notify",
	       had);
	waitpid(app, NULL, 0);
	wire_close(&wire);
}

/* Of the association's own number of records for one key the last quarter is not used. */
static void check_limit(uint16_t version)
{
	struct kpc_error err = { "" };
	struct wire wire;
	uint8_t octet, type;
	unsigned int sent = 0, came = 0;
	ssize_t ret;

	if (!wire_open(&wire, version))
		return;
	wire.app.identity.records = 1024;
	while ((ret = kpc_send(&wire.app, "x", 1, &err)) == 1)
		sent++;
	while (hear(&wire, &type, &octet, 1) == 1 && type == KPC_RECORD_DATA)
		came++;
	tap_ok(ret == -EKEYEXPIRED && sent == 768 && came == sent &&
	       type == KPC_RECORD_ALERT && octet == KPC_ALERT_WARNING,
	       "limit records 1024: in order behind %u records, %u came (%s)", sent, came,
	       err.text);
	wire_close(&wire);
}

static void check_impatient(void)
{
	static uint8_t octets[65536];
	struct kpc_error err = { "" };
	struct wire wire;
	ssize_t sent;

	if (!wire_open(&wire, KPC_VERSION_TLS13))
		return;
	fcntl(wire.app.fd, F_SETFL, O_NONBLOCK);
	tap_ok(kpc_recv(&wire.app, octets, 1, &err) == -EAGAIN && !wire.app.broken,
	       "one that does not wait: nothing is there");
	while ((sent = kpc_send(&wire.app, octets, sizeof(octets), &err)) > 0)
		;
	tap_ok(sent == -EAGAIN && !wire.app.broken, "nor is there room for ever");
	wire_close(&wire);
}

int main(void)
{
	tap_begin();
	for (size_t i = 0; i < sizeof(rooms) / sizeof(*rooms); i++) {
		check_order(rooms[i]);
		check_key_update(rooms[i]);
	}
	check_hidden();
	check_broken();
	check_renegotiation();
	check_bulk();
	check_limit(KPC_VERSION_TLS12);
	check_limit(KPC_VERSION_TLS13);
	check_impatient();
	return tap_end();
}
