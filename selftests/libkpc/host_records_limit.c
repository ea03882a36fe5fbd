// SPDX-License-Identifier: MIT
/*
 * How many records one key protects (RFC 8446 5.5): counted both ways since the
 * keys came, told in time, and refused before it is unsafe.
 */
#include "../tap.h"

/* The source itself: nobody wants to send 23 million records first. */
#include "libkpc/records.c"

#include "link.h"

/* Records are whole when they are handed over, so one call is one of them. */
static bool pass(struct kpc_records *from, struct kpc_records *to, unsigned int count)
{
	char got[8];

	while (count--) {
		if (kpc_records_write(from, "words", 5) != 5)
			return false;
		move(from, to, SIZE_MAX);
		if (kpc_records_read(to, got, sizeof(got)) != 5)
			return false;
	}
	return true;
}

static void check_count(uint16_t suite)
{
	static const char large[40000];
	struct link link;
	struct counter a = { 0 }, b = { 0 };
	bool held = link_open(&link, suite);

	if (held) {
		held = pass(link.a, link.b, 10) && pass(link.b, link.a, 3) &&
		       kpc_records_write(link.a, large, sizeof(large)) == sizeof(large) &&
		       !kpc_records_close(link.a);
		a = link.a->counter;
		b = link.b->counter;
	}
	/* 10, and three for 40000 octets, and close_notify */
	tap_ok(held && a.sent == 14 && a.received == 3 && b.sent == 3 && b.received == 10,
	       "I8 %s: records are counted: a %lu and %lu, b %lu and %lu",
	       kpc_suite_by_code(suite)->name, a.sent, a.received, b.sent, b.received);
	link_close(&link);
}

static void check_worn(uint16_t suite, bool limited)
{
	const char *name = kpc_suite_by_code(suite)->name;
	struct link link;
	bool held = link_open(&link, suite);

	if (held) {
		link.a->counter.sent = KPC_RECORDS_SOFT - 1;
		link.b->counter.received = KPC_RECORDS_ASK(KPC_RECORDS_MAX) - 1;
	}
	held = held && !kpc_records_worn(link.a) && !kpc_records_worn(link.b) &&
	       pass(link.a, link.b, 1);
	tap_ok(held && kpc_records_worn(link.a) == limited && kpc_records_worn(link.b) == limited,
	       "I8 %s: the key is %s after 2^23 records, and the peer's later", name,
	       limited ? "worn" : "not worn");
	tap_ok(held && pass(link.b, link.a, 1) && pass(link.a, link.b, 5),
	       "I8 %s: and there is time left", name);
	link_close(&link);
}

static void check_refused(uint16_t suite)
{
	const char *name = kpc_suite_by_code(suite)->name;
	struct link link;
	bool held = link_open(&link, suite);
	char got[8];

	if (held)
		link.a->counter.sent = KPC_RECORDS_MAX - CONTROL_RECORDS - 2;
	held = held && pass(link.a, link.b, 2) &&
	       kpc_records_write(link.a, "words", 5) == -EKEYEXPIRED;
	tap_ok(held, "I8 %s: no data is sent once a key is used up", name);
	held = held && pass(link.b, link.a, 1) && !kpc_records_close(link.a);
	if (held)
		move(link.a, link.b, SIZE_MAX);
	tap_ok(held && kpc_records_read(link.b, got, sizeof(got)) == 0 &&
	       link.a->counter.sent < KPC_RECORDS_MAX,
	       "I8 %s: it can still end in order", name);
	link_close(&link);

	held = link_open(&link, suite);
	if (held)
		link.b->counter.received = KPC_RECORDS_MAX - 1;
	held = held && kpc_records_write(link.a, "words", 5) == 5 &&
	       kpc_records_write(link.a, "words", 5) == 5;
	if (held)
		move(link.a, link.b, SIZE_MAX);
	held = held && kpc_records_read(link.b, got, 2) == 2 &&
	       kpc_records_read(link.b, got, sizeof(got)) == 3 &&
	       kpc_records_read(link.b, got, sizeof(got)) == -EKEYEXPIRED &&
	       kpc_records_error(link.b)[0];
	tap_ok(held, "I8 %s: nor read: %s", name, held ? kpc_records_error(link.b) : "");
	held = held && !kpc_records_close(link.b);
	if (held)
		move(link.b, link.a, SIZE_MAX);
	tap_ok(held && kpc_records_read(link.a, got, sizeof(got)) == 0,
	       "I8 %s: the peer is told of the end", name);
	link_close(&link);
}

/* What the association allows is less: half of it is a sign, all of it the end. */
static void check_configured(uint16_t suite)
{
	const char *name = kpc_suite_by_code(suite)->name;
	struct link link;
	bool held = link_open(&link, suite);
	char got[8];

	if (held) {
		kpc_records_limit(link.a, 2000);
		kpc_records_limit(link.b, 2000);
	}
	held = held && pass(link.a, link.b, 999) && !kpc_records_worn(link.a) &&
	       pass(link.a, link.b, 1);
	tap_ok(held && kpc_records_worn(link.a), "I8 %s: limit records 2000: worn after 1000",
	       name);
	held = held && pass(link.a, link.b, 249) && !kpc_records_worn(link.b) &&
	       pass(link.a, link.b, 1);
	tap_ok(held && kpc_records_worn(link.b),
	       "I8 %s: limit records 2000: the peer's after 1250", name);
	held = held && pass(link.a, link.b, 750 - CONTROL_RECORDS) &&
	       kpc_records_write(link.a, "words", 5) == -EKEYEXPIRED &&
	       !kpc_records_close(link.a) && move(link.a, link.b, SIZE_MAX);
	tap_ok(held && kpc_records_read(link.b, got, sizeof(got)) == 0,
	       "I8 %s: limit records 2000: used up before as many, and ends in order", name);
	link_close(&link);
}

/* New keys are asked for both ways, and with them the count starts again. */
static void check_renewed(void)
{
	struct link link;
	bool held = link_open(&link, 0x1301);
	char got[8];

	if (held) {
		link.a->counter.sent = KPC_RECORDS_MAX - CONTROL_RECORDS;
		link.b->counter.received = KPC_RECORDS_MAX - CONTROL_RECORDS;
		link.b->counter.sent = KPC_RECORDS_SOFT;
		link.a->counter.received = KPC_RECORDS_SOFT;
	}
	held = held && kpc_records_write(link.a, "words", 5) == -EKEYEXPIRED &&
	       !kpc_records_key_update(link.a);
	if (held)
		move(link.a, link.b, SIZE_MAX);
	held = held && kpc_records_read(link.b, got, sizeof(got)) == -EAGAIN;
	tap_ok(held && pass(link.b, link.a, 1) && pass(link.a, link.b, 1) &&
	       !kpc_records_worn(link.a) && !kpc_records_worn(link.b),
	       "X1 with new keys the count starts again, both ways");
	link_close(&link);
}

/* While the peer has not followed, it is not asked again. */
static void check_asked_once(void)
{
	struct link link;
	bool held = link_open(&link, 0x1301);

	if (held)
		link.a->counter.received = KPC_RECORDS_ASK(KPC_RECORDS_MAX);
	held = held && kpc_records_worn(link.a) && !kpc_records_key_update(link.a);
	tap_ok(held && !kpc_records_worn(link.a), "X1 new keys are asked for once");
	if (held)
		link.a->counter.sent = KPC_RECORDS_SOFT;
	tap_ok(held && kpc_records_worn(link.a),
	       "X1 which does not hide that one's own key is worn");
	link_close(&link);
}

/* A peer may change its keys as often as anybody needs, and not to keep us busy. */
static void check_flood(void)
{
	struct link link;
	bool held = link_open(&link, 0x1301);
	ssize_t ret = -EAGAIN;
	unsigned int i;
	char got[8];

	for (i = 0; held && i < 40 && ret == -EAGAIN; i++) {
		held = !kpc_records_key_update(link.a);
		move(link.a, link.b, SIZE_MAX);
		ret = kpc_records_read(link.b, got, sizeof(got));
		move(link.b, link.a, SIZE_MAX);
		if (held && i < KPC_UPDATES_AT_ONCE - 1)
			held = ret == -EAGAIN &&
			       kpc_records_read(link.a, got, sizeof(got)) == -EAGAIN;
	}
	tap_ok(held && i > KPC_UPDATES_AT_ONCE && ret == -EKEYREJECTED,
	       "X1 a flood of KeyUpdates ends it: %s", held ? kpc_records_error(link.b) : "");
	tap_ok(held && kpc_records_write(link.b, "words", 5) == -EPIPE,
	       "X1 and nothing more is sent");
	link_close(&link);
}

/* Asks for a new handshake, as OpenSSL's own applications may. */
static bool renegotiate(struct kpc_records *records)
{
	SSL_clear_options(records->ssl, SSL_OP_NO_RENEGOTIATION);
	ERR_clear_error();
	if (SSL_renegotiate(records->ssl) != 1)
		return false;
	SSL_do_handshake(records->ssl);
	return true;
}

/*
 * A peer is told once that there is no renegotiation. One that goes on, and
 * reads no answer, would fill memory with answers.
 */
static void check_renegotiation(void)
{
	struct link link;
	bool held = link_open(&link, 0x00a8) && renegotiate(link.b) &&
		    move(link.b, link.a, SIZE_MAX);
	unsigned int i;
	size_t first, all;
	char got[8];

	held = held && kpc_records_read(link.a, got, sizeof(got)) == -EAGAIN &&
	       kpc_records_output(link.a, &first);
	tap_ok(held && first, "X1 a request to renegotiate is answered");
	for (i = 0; held && i < 1000; i++) {
		held = renegotiate(link.b);
		move(link.b, link.a, SIZE_MAX);
		if (kpc_records_read(link.a, got, sizeof(got)) != -EAGAIN)
			break;
	}
	tap_ok(held && !i && kpc_records_read(link.a, got, sizeof(got)) == -EPROTO,
	       "X1 the next one ends it: %s", held ? kpc_records_error(link.a) : "");
	tap_ok(held && kpc_records_output(link.a, &all) && all <= 2 * first,
	       "X1 which leaves no more than two answers");
	link_close(&link);
	held = link_open(&link, 0x00a8) && renegotiate(link.a) && move(link.a, link.b, SIZE_MAX) &&
	       kpc_records_read(link.b, got, sizeof(got)) == -EAGAIN;
	tap_ok(held && kpc_records_output(link.b, &first), "X1 one by a client is answered too");
	link_close(&link);
}

int main(void)
{
	tap_begin();
	check_count(0x1301);
	check_count(0x00a8);
	check_worn(0x1301, true);
	check_worn(0x1302, true);
	check_worn(0x1304, true);
	check_worn(0x00a8, true);
	check_worn(0x1303, false);
	check_worn(0xccac, false);
	check_refused(0x1301);
	check_refused(0x00a8);
	check_configured(0x1303);
	check_configured(0x00a8);
	check_renewed();
	check_asked_once();
	check_flood();
	check_renegotiation();
	return tap_end();
}
