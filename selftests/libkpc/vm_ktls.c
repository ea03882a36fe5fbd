// SPDX-License-Identifier: MIT
/*
 * The kernel as carrier (M7, I2, I8): keys derived from the handshake are put
 * into real sockets, and OpenSSL at the other end must understand every record,
 * for every suite the kernel carries and both roles.
 *
 *   kernel side --- TCP on loopback --- OpenSSL side (kpc_records)
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <kpc/ktls.h>
#include <kpc/rekey.h>
#include <kpc/records.h>

#include "pair.h"
#include "tcp_pair.h"

#define BULK		(600 * 1024 + 3)
#define EARLY		"sent before the peer had its keys in"

/* Both ends of one connection; [0] is the kernel's. */
struct wire {
	struct pair pair;
	int fds[2];
	struct kpc_handshake *mine, *other;
	struct kpc_records *openssl;
	struct kpc_traffic tx, rx;
	struct kpc_rekey rekey;	/* of TLS 1.3 */
	uint16_t suite;
	uint8_t first[KPC_RECORDS_QUEUE_MAX];	/* what came from the kernel's side */
	size_t first_len;
};

static bool send_all(int fd, const void *octets, size_t len)
{
	while (len) {
		ssize_t sent = send(fd, octets, len, MSG_NOSIGNAL);

		if (sent <= 0)
			return false;
		octets = (const uint8_t *)octets + sent;
		len -= (size_t)sent;
	}
	return true;
}

/* What this side has to send goes out; then it reads what it needs, if it is there. */
static bool step(struct wire *wire, struct kpc_handshake *hs, int fd)
{
	uint8_t buf[512];
	const void *out;
	bool moved = false;
	size_t len;

	kpc_handshake_advance(hs);
	for (;;) {
		if (kpc_handshake_state(hs) == KPC_HANDSHAKE_WANT_KEY) {
			pair_answer(&wire->pair);
			moved = true;
		}
		out = kpc_handshake_output(hs, &len);
		if (out) {
			if (!send_all(fd, out, len))
				return false;
			kpc_handshake_output_sent(hs, len);
			moved = true;
		}
		len = kpc_handshake_need(hs);
		if (!len)
			return moved;
		len = (size_t)recv(fd, buf, len < sizeof(buf) ? len : sizeof(buf), MSG_DONTWAIT);
		if ((ssize_t)len <= 0)
			return moved;
		kpc_handshake_input(hs, buf, len);
		kpc_handshake_advance(hs);
		moved = true;
	}
}

/*
 * Handshake over the sockets; then OpenSSL's side speaks at once, before the
 * kernel's side has its keys.
 */
static const char *wire_shake(struct wire *wire, const struct kpc_suite *suite,
			      enum kpc_role role)
{
	struct kpc_handshake_policy policy = pair_policy(suite);
	struct kpc_error err = { "" };
	static char why[300];
	const void *out;
	bool moved;
	size_t len;

	memset(wire, 0, sizeof(*wire));
	wire->suite = suite->code;
	if (pair_open(&wire->pair, &policy, PAIR_KEY, PAIR_KEY) || tcp_pair(wire->fds, 10))
		return "no pair";
	if (kpc_ktls_prepare(wire->fds[0]) || kpc_ktls_prepare(wire->fds[0]))
		return "the tls ULP is refused";
	wire->mine = role == KPC_ROLE_A ? wire->pair.a : wire->pair.b;
	wire->other = role == KPC_ROLE_A ? wire->pair.b : wire->pair.a;
	do {
		moved = step(wire, wire->mine, wire->fds[0]);
		moved = step(wire, wire->other, wire->fds[1]) || moved;
	} while (moved);
	if (!pair_done(&wire->pair))
		return "no handshake";
	wire->openssl = kpc_records_new(wire->other, &err);
	kpc_records_write(wire->openssl, EARLY, strlen(EARLY));
	out = kpc_records_output(wire->openssl, &len);
	send_all(wire->fds[1], out, len);
	kpc_records_output_sent(wire->openssl, len);
	if (kpc_secrets_derive(wire->mine, &wire->tx, &wire->rx, &err)) {
		snprintf(why, sizeof(why), "%s", err.text);
		return why;
	}
	kpc_rekey_keep(&wire->rekey, wire->mine, NULL);
	return NULL;
}

static const char *wire_open(struct wire *wire, const struct kpc_suite *suite,
			     enum kpc_role role)
{
	const char *why = wire_shake(wire, suite, role);
	static struct kpc_error err;

	if (!why && kpc_ktls_install(wire->fds[0], &wire->tx, &wire->rx, &err))
		why = err.text;
	return why;
}

static void wire_close(struct wire *wire)
{
	kpc_rekey_wipe(&wire->rekey);
	kpc_records_free(wire->openssl);
	pair_close(&wire->pair);
	close(wire->fds[0]);
	close(wire->fds[1]);
}

/* Ciphertext that is there or comes within a second reaches OpenSSL. */
static bool pull(struct wire *wire)
{
	struct pollfd ready = { .fd = wire->fds[1], .events = POLLIN };
	uint8_t buf[16384];
	ssize_t got;

	if (poll(&ready, 1, 1000) != 1)
		return false;
	got = recv(wire->fds[1], buf, sizeof(buf), MSG_DONTWAIT);
	if (got <= 0) {
		if (!got)
			kpc_records_input_end(wire->openssl);
		return !got;
	}
	if (wire->first_len + (size_t)got <= sizeof(wire->first)) {
		memcpy(wire->first + wire->first_len, buf, (size_t)got);
		wire->first_len += (size_t)got;
	}
	return kpc_records_input(wire->openssl, buf, (size_t)got) == got;
}

/* Exactly @len octets as OpenSSL reads them, or what ended it. */
static ssize_t openssl_read(struct wire *wire, void *buf, size_t len)
{
	size_t have = 0;

	while (have < len) {
		ssize_t got = kpc_records_read(wire->openssl, (uint8_t *)buf + have, len - have);

		if (got == -EAGAIN && pull(wire))
			continue;
		if (got <= 0)
			return have ? (ssize_t)have : got;
		have += (size_t)got;
	}
	return (ssize_t)have;
}

static bool openssl_write(struct wire *wire, const void *octets, size_t len)
{
	const void *out;
	size_t out_len;

	if (kpc_records_write(wire->openssl, octets, len) != (ssize_t)len)
		return false;
	out = kpc_records_output(wire->openssl, &out_len);
	if (!send_all(wire->fds[1], out, out_len))
		return false;
	kpc_records_output_sent(wire->openssl, out_len);
	return true;
}

/* One recvmsg() at the kernel's side; @type: the record's. */
static ssize_t kernel_read(struct wire *wire, void *buf, size_t len, uint8_t *type)
{
	char control[KPC_KTLS_CMSG_LEN] __attribute__((aligned(sizeof(size_t))));
	struct iovec iov = { .iov_base = buf, .iov_len = len };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t got = recvmsg(wire->fds[0], &msg, 0);

	*type = kpc_ktls_cmsg_get(&msg);
	return got < 0 ? -errno : got;
}

static bool kernel_reads(struct wire *wire, const char *words)
{
	char buf[128];
	uint8_t type;

	return kernel_read(wire, buf, sizeof(buf), &type) == (ssize_t)strlen(words) &&
	       type == KPC_RECORD_DATA && !memcmp(buf, words, strlen(words));
}

static bool kernel_sends(struct wire *wire, const char *words)
{
	return send_all(wire->fds[0], words, strlen(words));
}

static bool openssl_reads(struct wire *wire, const char *words)
{
	char buf[128];

	return openssl_read(wire, buf, strlen(words)) == (ssize_t)strlen(words) &&
	       !memcmp(buf, words, strlen(words));
}

/* TLS 1.2: the explicit nonces on the wire go on from the Finished, each once. */
static bool nonces_go_on(const struct wire *wire)
{
	const uint8_t *iv = wire->tx.aes_gcm_128.iv;
	uint64_t expected = 0, seen;
	size_t records = 0;

	for (int i = 0; i < 8; i++)
		expected = expected << 8 | iv[i];
	for (size_t at = 0; at + 13 <= wire->first_len;
	     at += 5u + (size_t)(wire->first[at + 3] << 8 | wire->first[at + 4])) {
		seen = 0;
		for (int i = 0; i < 8; i++)
			seen = seen << 8 | wire->first[at + 5 + i];
		if (seen != expected++)
			return false;
		records++;
	}
	return records >= 2;
}

static bool bulk(struct wire *wire)
{
	uint8_t *sent = malloc(BULK), *got = malloc(BULK);
	size_t in = 0, out = 0;
	bool held = true;

	for (size_t i = 0; i < BULK; i++)
		sent[i] = (uint8_t)(i * 2654435761u >> 11);
	while (held && out < BULK) {
		ssize_t n = in < BULK ? send(wire->fds[0], sent + in, BULK - in,
					     MSG_DONTWAIT | MSG_NOSIGNAL) : 0;

		if (n > 0)
			in += (size_t)n;
		do {
			n = kpc_records_read(wire->openssl, got + out, BULK - out ?: 1);
			if (n > 0)
				out += (size_t)n;
		} while (n > 0 && out < BULK);
		held = out == BULK || (n == -EAGAIN && pull(wire));
	}
	held = held && !memcmp(sent, got, BULK);
	free(sent);
	free(got);
	return held;
}

static bool both_digests_differ(const struct wire *wire)
{
	uint8_t tx[KPC_DIGEST_LEN], rx[KPC_DIGEST_LEN];

	return !kpc_traffic_digest(&wire->tx, tx) && !kpc_traffic_digest(&wire->rx, rx) &&
	       memcmp(tx, rx, sizeof(tx));
}

static void check_suite(const struct kpc_suite *suite, enum kpc_role role)
{
	char name[128];
	const char *why;
	struct wire *wire = malloc(sizeof(*wire));
	uint8_t buf[64], type = 0;

	snprintf(name, sizeof(name), "%s %s role %s", kpc_version_name(suite->version),
		 suite->name, role == KPC_ROLE_A ? "a" : "b");
	why = wire_open(wire, suite, role);
	if (!tap_ok(!why, "M7 %s: keys go into the kernel%s%s", name, why ? ": " : "", why ?: ""))
		goto out;
	tap_ok(kernel_reads(wire, EARLY), "I8 %s: data sent before the keys were in arrives", name);
	tap_ok(send_all(wire->fds[0], "one", 3) && openssl_reads(wire, "one") &&
	       send_all(wire->fds[0], "two", 3) && openssl_reads(wire, "two"),
	       "I8 %s: the kernel's records are OpenSSL's", name);
	tap_ok(openssl_write(wire, "three", 5) && kernel_reads(wire, "three"),
	       "I8 %s: OpenSSL's records are the kernel's", name);
	if (suite->version == KPC_VERSION_TLS12 &&
	    suite->cipher_type != TLS_CIPHER_CHACHA20_POLY1305)
		tap_ok(nonces_go_on(wire), "M7 %s: no nonce comes twice", name);
	tap_ok(both_digests_differ(wire), "I2 %s: a digest for each direction", name);
	tap_ok(bulk(wire), "I8 %s: %d octets through full queues", name, BULK);
	tap_ok(!kpc_ktls_alert_send(wire->fds[0], 0) && openssl_read(wire, buf, 1) == 0 &&
	       openssl_write(wire, "four", 4) && kernel_reads(wire, "four"),
	       "I8 %s: close_notify as a control record ends one direction", name);
	kpc_records_close(wire->openssl);
	tap_ok(openssl_write(wire, "", 0) == false, "I8 %s: nothing is written after it", name);
	{
		size_t len;
		const void *out = kpc_records_output(wire->openssl, &len);
		int detail;
		ssize_t got;

		send_all(wire->fds[1], out, len);
		got = kernel_read(wire, buf, sizeof(buf), &type);
		tap_ok(got == 2 && kpc_control_parse(suite->version, type, buf, (size_t)got,
						     &detail) == KPC_CONTROL_CLOSE_NOTIFY,
		       "I8 %s: OpenSSL's close_notify is read as one", name);
	}
out:
	wire_close(wire);
	free(wire);
}

/* What one side sends by OpenSSL, the other reads. */
static bool records_pass(struct kpc_records *from, int out, struct kpc_records *to, int in,
			 const char *words)
{
	uint8_t buf[256];
	const void *octets;
	ssize_t got;
	size_t len;

	if (from && kpc_records_write(from, words, strlen(words)) != (ssize_t)strlen(words))
		return false;
	if (from) {
		octets = kpc_records_output(from, &len);
		if (!send_all(out, octets, len))
			return false;
		kpc_records_output_sent(from, len);
	}
	got = recv(in, buf, sizeof(buf), 0);
	return got > 0 && kpc_records_input(to, buf, (size_t)got) == got &&
	       kpc_records_read(to, buf, sizeof(buf)) == (ssize_t)strlen(words) &&
	       !memcmp(buf, words, strlen(words));
}

/*
 * A cipher that the kernel does not know: the handshake's own OpenSSL goes on
 * with the socket, and what the peer has sent by then is there.
 */
static void check_declined(uint16_t code)
{
	const struct kpc_suite *suite = kpc_suite_by_code(code);
	struct wire *wire = malloc(sizeof(*wire));
	const char *why = wire_shake(wire, suite, KPC_ROLE_B);
	struct kpc_records *mine = NULL;
	struct kpc_error err = { "" };
	int ret = 0;

	if (!why) {
		wire->tx.info.cipher_type = UINT16_MAX;
		ret = kpc_ktls_install(wire->fds[0], &wire->tx, &wire->rx, &err);
		mine = kpc_records_new(wire->mine, NULL);
	}
	tap_ok(ret == -EOPNOTSUPP, "M7 %s: a cipher that the kernel has not is told: %s",
	       suite->name, why ?: err.text);
	tap_ok(mine && records_pass(NULL, -1, mine, wire->fds[0], EARLY) &&
	       records_pass(mine, wire->fds[0], wire->openssl, wire->fds[1], "five") &&
	       records_pass(wire->openssl, wire->fds[1], mine, wire->fds[0], "six"),
	       "I8 %s: and the agent goes on without a gap", suite->name);
	kpc_records_free(mine);
	wire_close(wire);
	free(wire);
}

static void check_alert(uint16_t code)
{
	const struct kpc_suite *suite = kpc_suite_by_code(code);
	struct wire *wire = malloc(sizeof(*wire));
	const char *why = wire_open(wire, suite, KPC_ROLE_B);
	uint8_t buf[8];

	tap_ok(!why && !kpc_ktls_alert_send(wire->fds[0], 80) &&
	       openssl_read(wire, buf, 1) == -ECONNABORTED &&
	       strstr(kpc_records_error(wire->openssl), "internal_error"),
	       "I8 %s: a fatal alert as a control record: %s", suite->name,
	       why ?: kpc_records_error(wire->openssl));
	wire_close(wire);
	free(wire);
}

/* As many as the kernel says have passed since the keys came. */
static bool counts(const struct wire *wire, uint64_t sent, uint64_t received)
{
	uint64_t tx = 0, rx = 0;

	return !kpc_ktls_records(wire->fds[0], KPC_KTLS_TX, wire->suite, &tx) &&
	       !kpc_ktls_records(wire->fds[0], KPC_KTLS_RX, wire->suite, &rx) &&
	       tx == sent && rx == received;
}

/* OpenSSL moves its keys on; the kernel follows where it can (6.14 and later). */
static void check_rekey(uint16_t code)
{
	const struct kpc_suite *suite = kpc_suite_by_code(code);
	struct wire *wire = malloc(sizeof(*wire));
	const char *why = wire_open(wire, suite, KPC_ROLE_A);
	int detail = -1, result = 1;
	uint8_t buf[64], type;
	const void *out;
	bool can;
	ssize_t got;
	size_t len;

	if (why || !wire->rekey.suite || !kernel_reads(wire, EARLY)) {
		tap_ok(false, "X1 %s: KeyUpdate: %s", suite->name, why ?: "no start");
		goto out;
	}
	can = kpc_ktls_rekeys(wire->fds[0]);
	tap_ok(counts(wire, 0, 1) && kernel_sends(wire, "sent") && openssl_reads(wire, "sent") &&
	       counts(wire, 1, 1), "X2 %s: the kernel's count, and asking changed nothing",
	       suite->name);
	kpc_records_key_update(wire->openssl);
	out = kpc_records_output(wire->openssl, &len);
	send_all(wire->fds[1], out, len);
	kpc_records_output_sent(wire->openssl, len);
	got = kernel_read(wire, buf, sizeof(buf), &type);
	tap_ok(got == 5 && kpc_control_parse(suite->version, type, buf, (size_t)got, &detail) ==
	       KPC_CONTROL_KEY_UPDATE && detail == 1, "X1 %s: KeyUpdate is read as one",
	       suite->name);
	result = kpc_rekey_install(&wire->rekey, KPC_KTLS_RX, wire->fds[0]);
	tap_ok(can ? !result : result == -EBUSY, "X1 %s: what the kernel says it can it can: %s",
	       suite->name, strerror(-result));
	if (!can) {
		tap_skip("X1 next keys", "this kernel has no rekey (6.14 and later have)");
		goto out;
	}
	tap_ok(openssl_write(wire, "after", 5) && kernel_reads(wire, "after") && counts(wire, 1, 1),
	       "X1 %s: next keys for receiving, and their count", suite->name);
	result = kpc_ktls_key_update_send(wire->fds[0], 0) ?:
		 kpc_rekey_install(&wire->rekey, KPC_KTLS_TX, wire->fds[0]);
	tap_ok(!result && kernel_sends(wire, "newer") && openssl_reads(wire, "newer") &&
	       counts(wire, 1, 1), "X1 %s: next keys for sending (%s)", suite->name,
	       strerror(-result));
out:
	wire_close(wire);
	free(wire);
}

int main(void)
{
	const struct kpc_suite *table;
	size_t count;

	tap_begin();
	table = kpc_suite_table(&count);
	for (size_t i = 0; i < count; i++) {
		if (!table[i].cipher_type)
			continue;
		check_suite(&table[i], KPC_ROLE_A);
		check_suite(&table[i], KPC_ROLE_B);
		if (table[i].version == KPC_VERSION_TLS13)
			check_rekey(table[i].code);
	}
	check_declined(0x1301);
	check_declined(0x00a8);
	check_alert(0x1301);
	check_alert(0x00a8);
	return tap_end();
}
