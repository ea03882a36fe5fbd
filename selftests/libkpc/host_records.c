// SPDX-License-Identifier: MIT
/*
 * The agent as carrier (I8): every octet arrives once and unchanged, half-close
 * works both ways, truncation is told from a clean end, and alerts are named.
 */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <kpc/ktls.h>

#include "link.h"

#define BULK	(3 * 1024 * 1024 + 17)

static bool carries(struct kpc_records *from, struct kpc_records *to, const char *words)
{
	char got[64];
	size_t len = strlen(words);

	if (kpc_records_write(from, words, len) != (ssize_t)len)
		return false;
	move(from, to, 3);
	return kpc_records_read(to, got, sizeof(got)) == (ssize_t)len && !memcmp(got, words, len) &&
	       kpc_records_read(to, got, sizeof(got)) == -EAGAIN;
}

static void check_suite(const struct kpc_suite *suite)
{
	struct link link;
	bool held;

	held = link_open(&link, suite->code) && carries(link.a, link.b, "from a to b") &&
	       carries(link.b, link.a, "from b to a");
	tap_ok(held, "I8 %s: words both ways", suite->name);
	link_close(&link);
}

/* Writes until the queue is full, moves, reads: back-pressure at every step. */
static void check_bulk(uint16_t suite, size_t chunk)
{
	uint8_t *sent = malloc(BULK), *got = malloc(BULK);
	size_t in = 0, out = 0;
	struct link link;
	bool held = link_open(&link, suite), full = false;

	for (size_t i = 0; i < BULK; i++)
		sent[i] = (uint8_t)(i * 2654435761u >> 13);
	while (held && out < BULK) {
		ssize_t step = in < BULK ? kpc_records_write(link.a, sent + in, BULK - in) : 0;

		if (step > 0)
			in += (size_t)step;
		full = full || kpc_records_write(link.a, sent, 1 << 20) == -EAGAIN;
		move(link.a, link.b, chunk);
		do {
			step = kpc_records_read(link.b, got + out, BULK - out ?: 1);
			if (step > 0)
				out += (size_t)step;
		} while (step > 0 && out < BULK);
		held = step > 0 || step == -EAGAIN;
	}
	tap_ok(held && full && !memcmp(sent, got, BULK),
	       "I8 %s: %d octets, ciphertext in pieces of %zu, with back-pressure",
	       kpc_suite_by_code(suite)->name, BULK, chunk);
	link_close(&link);
	free(sent);
	free(got);
}

static void check_half_close(uint16_t suite)
{
	const char *name = kpc_suite_by_code(suite)->name;
	struct link link;
	char got[16];
	bool held;

	held = link_open(&link, suite) && kpc_records_write(link.a, "last", 4) == 4 &&
	       !kpc_records_close(link.a) && kpc_records_write(link.a, "x", 1) == -EPIPE;
	if (held)
		move(link.a, link.b, 1);
	held = held && kpc_records_read(link.b, got, sizeof(got)) == 4 &&
	       kpc_records_read(link.b, got, sizeof(got)) == 0;
	tap_ok(held, "I8 %s: close_notify comes behind the last octet", name);
	tap_ok(held && carries(link.b, link.a, "still here"),
	       "I8 %s: the other direction goes on", name);
	held = held && !kpc_records_close(link.b);
	if (held) {
		move(link.b, link.a, 64);
		kpc_records_input_end(link.a);
	}
	tap_ok(held && kpc_records_read(link.a, got, sizeof(got)) == 0 &&
	       kpc_records_read(link.a, got, sizeof(got)) == 0 && !kpc_records_error(link.a)[0],
	       "I8 %s: and ends cleanly, FIN behind close_notify", name);
	link_close(&link);
}

static void check_truncation(uint16_t suite, bool inside)
{
	struct link link;
	const void *out;
	char got[16];
	size_t len;
	bool held;

	held = link_open(&link, suite) && kpc_records_write(link.a, "some", 4) == 4;
	if (held && inside) {
		out = kpc_records_output(link.a, &len);
		kpc_records_input(link.b, out, len - 1);
	} else if (held) {
		move(link.a, link.b, 64);
		held = kpc_records_read(link.b, got, sizeof(got)) == 4;
	}
	if (held)
		kpc_records_input_end(link.b);
	tap_ok(held && kpc_records_read(link.b, got, sizeof(got)) == -ENODATA &&
	       kpc_records_read(link.b, got, sizeof(got)) == -ENODATA &&
	       kpc_records_error(link.b)[0] && kpc_records_input(link.b, "x", 1) == -EPIPE,
	       "I8 %s: FIN %s a record is truncation: %s", kpc_suite_by_code(suite)->name,
	       inside ? "inside" : "behind", held ? kpc_records_error(link.b) : "");
	link_close(&link);
}

static void check_tampered(uint16_t suite)
{
	struct link link;
	uint8_t record[256];
	const void *out;
	char got[16];
	size_t len = 0;
	bool held;

	held = link_open(&link, suite) && kpc_records_write(link.a, "some", 4) == 4;
	if (held) {
		out = kpc_records_output(link.a, &len);
		memcpy(record, out, len);
		record[len - 1] ^= 1;
		kpc_records_output_sent(link.a, len);
		kpc_records_input(link.b, record, len);
	}
	tap_ok(held && kpc_records_read(link.b, got, sizeof(got)) == -EBADMSG,
	       "I8 %s: a changed octet: %s", kpc_suite_by_code(suite)->name,
	       held ? kpc_records_error(link.b) : "");
	if (held)
		move(link.b, link.a, 64);
	tap_ok(held && kpc_records_read(link.a, got, sizeof(got)) == -ECONNABORTED &&
	       strstr(kpc_records_error(link.a), "bad_record_mac"),
	       "I8 %s: the sender is told: %s", kpc_suite_by_code(suite)->name,
	       held ? kpc_records_error(link.a) : "");
	link_close(&link);
}

/* The same record twice must not be the same data twice. */
static void check_replay(uint16_t suite)
{
	struct link link;
	uint8_t record[256];
	const void *out;
	char got[16];
	size_t len = 0;
	bool held;

	held = link_open(&link, suite) && kpc_records_write(link.a, "some", 4) == 4;
	if (held) {
		out = kpc_records_output(link.a, &len);
		memcpy(record, out, len);
		kpc_records_input(link.b, record, len);
		held = kpc_records_read(link.b, got, sizeof(got)) == 4;
		kpc_records_input(link.b, record, len);
	}
	tap_ok(held && kpc_records_read(link.b, got, sizeof(got)) == -EBADMSG,
	       "I8 %s: a record that comes again is refused", kpc_suite_by_code(suite)->name);
	link_close(&link);
}

/* A record of TLS 1.3 that holds one, with AES-GCM. */
#define KEY_UPDATE_OCTETS	(5 + 5 + 1 + 16)

static void check_key_update(void)
{
	size_t answers = 0;
	struct link link;
	char got[16];
	bool held;

	held = link_open(&link, 0x1301) && !kpc_records_key_update(link.a);
	for (int i = 0; held && i < 3; i++) {
		held = carries(link.a, link.b, "new keys") && carries(link.b, link.a, "both ways");
		if (i == 1)
			held = held && !kpc_records_key_update(link.b);
	}
	tap_ok(held, "X1 KeyUpdate from either side");
	link_close(&link);
	held = link_open(&link, 0x1301);
	for (int i = 0; held && i < 5; i++)
		held = !kpc_records_key_update(link.a);
	if (held) {
		move(link.a, link.b, 1 << 14);
		held = kpc_records_read(link.b, got, sizeof(got)) == -EAGAIN;
		kpc_records_output(link.b, &answers);
	}
	tap_ok(held && answers == KEY_UPDATE_OCTETS &&
	       carries(link.b, link.a, "answered") && carries(link.a, link.b, "once"),
	       "X1 five KeyUpdates ask for one answer (%zu octets)", answers);
	link_close(&link);
	held = link_open(&link, 0x00a8) && kpc_records_key_update(link.a) == -EOPNOTSUPP &&
	       kpc_records_read(link.a, got, sizeof(got)) == -EAGAIN;
	tap_ok(held, "T1 TLS 1.2 has no KeyUpdate");
	link_close(&link);
}

/*
 * A peer may ask for new keys before it knows of the end. An answer would come
 * behind close_notify, and behind the FIN of TCP; OpenSSL gives none to the first
 * that asks, and one to the second.
 */
static void check_sealed(void)
{
	struct link link;
	bool held = link_open(&link, 0x1301) && !kpc_records_close(link.a);
	char got[16];
	size_t left;

	kpc_records_output(link.a, &left);
	kpc_records_output_sent(link.a, left);
	for (int i = 0; held && i < 2; i++)
		held = !kpc_records_key_update(link.b) &&
		       kpc_records_write(link.b, "words", 5) == 5;
	if (held)
		move(link.b, link.a, SIZE_MAX);
	for (int i = 0; held && i < 2; i++)
		held = kpc_records_read(link.a, got, sizeof(got)) == 5;
	kpc_records_output(link.a, &left);
	tap_ok(held && !left, "X1 KeyUpdates behind one's close_notify are read and not answered");
	link_close(&link);
}

static void check_takeover(void)
{
	struct kpc_handshake_policy policy = { 0 };
	struct kpc_traffic tx, rx;
	struct pair pair = { 0 };
	struct link link;
	bool held;

	held = !pair_open(&pair, &policy, PAIR_KEY, PAIR_KEY) &&
	       !kpc_records_new(pair.a, NULL) && errno == EINVAL;
	tap_ok(held, "M7 no records before the handshake is done");
	pair_close(&pair);
	held = link_open(&link, 0x1301) && !kpc_records_new(link.pair.a, NULL) &&
	       kpc_secrets_derive(link.pair.a, &tx, &rx, NULL) == -EINVAL &&
	       kpc_handshake_result(link.pair.a)->suite == 0x1301;
	tap_ok(held, "M7 a connection has one carrier");
	kpc_handshake_free(link.pair.a);
	link.pair.a = NULL;
	tap_ok(held && carries(link.a, link.b, "alone"), "M7 records outlive the handshake");
	link_close(&link);
}

/* Control records as the kernel would hand them over. */
static const struct {
	uint16_t version;
	uint8_t type;
	uint8_t octets[8];
	size_t len;
	enum kpc_control control;
	int detail;
} controls[] = {
	{ 0x0304, 21, { 1, 0 }, 2, KPC_CONTROL_CLOSE_NOTIFY, 0 },
	{ 0x0303, 21, { 1, 0 }, 2, KPC_CONTROL_CLOSE_NOTIFY, 0 },
	{ 0x0304, 21, { 2, 20 }, 2, KPC_CONTROL_ALERT, 20 },
	{ 0x0304, 21, { 1, 20 }, 2, KPC_CONTROL_ALERT, 20 },
	{ 0x0303, 21, { 1, 100 }, 2, KPC_CONTROL_IGNORE, 100 },
	{ 0x0304, 21, { 1, 90 }, 2, KPC_CONTROL_IGNORE, 90 },
	{ 0x0304, 21, { 2 }, 1, KPC_CONTROL_UNEXPECTED, 0 },
	{ 0x0304, 21, { 2, 20, 2, 20 }, 4, KPC_CONTROL_UNEXPECTED, 0 },
	{ 0x0304, 22, { 24, 0, 0, 1, 0 }, 5, KPC_CONTROL_KEY_UPDATE, 0 },
	{ 0x0304, 22, { 24, 0, 0, 1, 1 }, 5, KPC_CONTROL_KEY_UPDATE, 1 },
	{ 0x0304, 22, { 24, 0, 0, 1, 2 }, 5, KPC_CONTROL_UNEXPECTED, 0 },
	{ 0x0304, 22, { 24, 0, 0, 1, 0, 4 }, 6, KPC_CONTROL_UNEXPECTED, 0 },
	{ 0x0303, 22, { 24, 0, 0, 1, 0 }, 5, KPC_CONTROL_UNEXPECTED, 0 },
	{ 0x0304, 22, { 4, 0, 0, 1, 0 }, 5, KPC_CONTROL_IGNORE, 0 },
	{ 0x0304, 22, { 1, 0, 0, 1, 0 }, 5, KPC_CONTROL_UNEXPECTED, 0 },
	{ 0x0303, 22, { 0, 0, 0, 0 }, 4, KPC_CONTROL_RENEGOTIATE, 0 },
	{ 0x0303, 22, { 1, 0, 0, 1, 0 }, 5, KPC_CONTROL_RENEGOTIATE, 0 },
	{ 0x0304, 22, { 24, 0 }, 2, KPC_CONTROL_UNEXPECTED, 0 },
	{ 0x0304, 22, { 0 }, 0, KPC_CONTROL_UNEXPECTED, 0 },
	{ 0x0304, 20, { 1 }, 1, KPC_CONTROL_UNEXPECTED, 0 },
};

static void check_controls(void)
{
	for (size_t i = 0; i < sizeof(controls) / sizeof(controls[0]); i++) {
		int detail = -1;
		enum kpc_control control = kpc_control_parse(controls[i].version,
							     controls[i].type, controls[i].octets,
							     controls[i].len, &detail);

		tap_ok(control == controls[i].control && detail == controls[i].detail,
		       "I8 control record %zu: type %u of %s, %zu octets", i + 1,
		       controls[i].type, kpc_version_name(controls[i].version), controls[i].len);
	}
}

static void check_cmsg(void)
{
	char buf[KPC_KTLS_CMSG_LEN] __attribute__((aligned(sizeof(size_t))));
	struct msghdr msg = { 0 };

	tap_ok(kpc_ktls_cmsg_get(&msg) == KPC_RECORD_DATA, "I8 no control message: data");
	kpc_ktls_cmsg_set(&msg, buf, KPC_RECORD_ALERT);
	CMSG_FIRSTHDR(&msg)->cmsg_type = 2;	/* what the kernel writes on receipt */
	tap_ok(kpc_ktls_cmsg_get(&msg) == KPC_RECORD_ALERT, "I8 a control message names the type");
}

/*
 * A socket without kernel TLS passes the octets on as they are. After a refused
 * renegotiation the connection goes on (RFC 5246 7.2.2): no fatal alert.
 */
static void check_alert_levels(void)
{
	static const struct {
		uint8_t alert, level;
	} rows[] = {
		{ 0, 1 }, { 90, 1 }, { 100, 1 }, { 10, 2 }, { 20, 2 }, { 80, 2 },
	};
	uint8_t got[8];
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds)) {
		tap_ok(false, "I8 levels of alerts: %s", strerror(errno));
		return;
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		tap_ok(!kpc_ktls_alert_send(fds[0], rows[i].alert) &&
		       recv(fds[1], got, sizeof(got), MSG_DONTWAIT) == 2 &&
		       got[0] == rows[i].level && got[1] == rows[i].alert,
		       "I8 alert %s is sent as %s", kpc_alert_name(rows[i].alert),
		       rows[i].level == 1 ? "a warning" : "fatal");
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	static const uint16_t suites[] = { 0x1301, 0x1304, 0x00a8, 0xccac, 0x00ae, 0xc0a8 };
	const struct kpc_suite *table;
	size_t count;

	tap_begin();
	table = kpc_suite_table(&count);
	for (size_t i = 0; i < count; i++)
		check_suite(&table[i]);
	for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++) {
		check_half_close(suites[i]);
		check_truncation(suites[i], false);
		check_truncation(suites[i], true);
		check_tampered(suites[i]);
		check_replay(suites[i]);
	}
	check_bulk(0x1301, 1500);
	check_bulk(0x00a8, 65536);
	check_bulk(0x00ae, 16384);
	check_key_update();
	check_sealed();
	check_takeover();
	check_controls();
	check_cmsg();
	check_alert_levels();
	return tap_end();
}
