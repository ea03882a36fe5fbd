// SPDX-License-Identifier: MIT
/*
 * The record reader behind a finished handshake, while a script of the input
 * writes, cuts, changes, repeats and ends what the other side sends. Whatever
 * happens, what is read is what was written, up to some point, and an end in
 * order comes behind all of it (I8).
 */
#include "../libkpc/link.h"
#include "fuzz.h"

#define WIRE_MAX	(64 * 1024)
#define WRITTEN_MAX	(1 << 20)

static const uint16_t suites[] = { 0x00a8, 0xccab, 0xc0a8, 0x00ae, 0x1301, 0x1303, 0x00a9, 0xc0a4 };

/**
 * struct scene - a writes, b reads, the wire between is the input's
 * @link: both
 * @wire: what is on its way to b
 * @held: octets of it
 * @written: octets a took
 * @read: octets b gave
 * @closed: a has ended in order
 * @over: b has ended
 */
struct scene {
	struct link link;
	uint8_t wire[WIRE_MAX];
	size_t held;
	size_t written;
	size_t read;
	bool closed;
	bool over;
};

/* The first handshake of a suite makes the contexts of all that follow. */
static bool open_scene(struct scene *s, unsigned int number)
{
	static struct pair first[sizeof(suites) / sizeof(suites[0])];
	struct kpc_handshake_policy policy = pair_policy(kpc_suite_by_code(suites[number]));
	struct pair *pair = &s->link.pair;

	if (!first[number].ca && pair_open(&first[number], &policy, PAIR_KEY, PAIR_KEY))
		return false;
	fuzz_random_begin();
	*pair = first[number];
	pair->a = kpc_handshake_new(pair->ca, NULL);
	pair->b = kpc_handshake_new(pair->cb, NULL);
	if (!pair->a || !pair->b ||
	    kpc_handshake_initiate(pair->a, &pair->id, pair->key, NULL, NULL))
		return false;
	pair_run(pair);
	if (!pair_done(pair))
		return false;
	s->link.a = kpc_records_new(pair->a, NULL);
	s->link.b = kpc_records_new(pair->b, NULL);
	return s->link.a && s->link.b;
}

static void close_scene(struct scene *s)
{
	kpc_records_free(s->link.a);
	kpc_records_free(s->link.b);
	kpc_handshake_free(s->link.pair.a);
	kpc_handshake_free(s->link.pair.b);
}

static uint8_t pattern(size_t at)
{
	return (uint8_t)((uint32_t)at * 2654435761u >> 13);
}

static void to_wire(struct scene *s)
{
	const void *octets;
	size_t len;

	octets = kpc_records_output(s->link.a, &len);
	if (len > sizeof(s->wire) - s->held)
		len = sizeof(s->wire) - s->held;
	if (!octets || !len)
		return;
	memcpy(s->wire + s->held, octets, len);
	s->held += len;
	kpc_records_output_sent(s->link.a, len);
}

static void write_plain(struct scene *s, size_t len)
{
	uint8_t *plain = malloc(len + 1);
	ssize_t taken;

	if (!plain)
		FUZZ_FAIL("no memory");
	for (size_t i = 0; i < len; i++)
		plain[i] = pattern(s->written + i);
	taken = s->written < WRITTEN_MAX ? kpc_records_write(s->link.a, plain, len) : 0;
	if (taken > 0)
		s->written += (size_t)taken;
	free(plain);
	to_wire(s);
}

static void read_plain(struct scene *s, size_t len)
{
	uint8_t plain[4096];
	ssize_t got;

	got = kpc_records_read(s->link.b, plain, len % sizeof(plain) + 1);
	for (ssize_t i = 0; i < got; i++)
		if (s->read >= s->written || plain[i] != pattern(s->read++))
			FUZZ_FAIL("octet %zu of %zu was not written so", s->read, s->written);
	if (!got && !(s->closed && s->read == s->written))
		FUZZ_FAIL("an end in order after %zu of %zu octets", s->read, s->written);
	if (got > 0 && s->over)
		FUZZ_FAIL("octets behind the end");
	if (got <= 0 && got != -EAGAIN) {
		s->over = true;
		if (got && !kpc_records_error(s->link.b)[0])
			FUZZ_FAIL("it ended without a word, %zd", got);
	}
}

static void deliver(struct scene *s, size_t len)
{
	ssize_t taken;

	if (len > s->held)
		len = s->held;
	taken = kpc_records_input(s->link.b, s->wire, len);
	if (taken <= 0)
		return;
	s->held -= (size_t)taken;
	memmove(s->wire, s->wire + taken, s->held);
}

static void insert(struct scene *s, size_t at, const uint8_t *octets, size_t len)
{
	if (len > sizeof(s->wire) - s->held)
		return;
	at = s->held ? at % s->held : 0;
	memmove(s->wire + at + len, s->wire + at, s->held - at);
	memcpy(s->wire + at, octets, len);
	s->held += len;
}

static void repeat(struct scene *s, size_t at, size_t len)
{
	uint8_t copy[2048];

	if (!s->held)
		return;
	at %= s->held;
	if (len > s->held - at)
		len = s->held - at;
	if (len > sizeof(copy))
		len = sizeof(copy);
	memcpy(copy, s->wire + at, len);
	insert(s, at, copy, len);
}

static void drop(struct scene *s, size_t at, size_t len)
{
	if (!s->held)
		return;
	at %= s->held;
	if (len > s->held - at)
		len = s->held - at;
	memmove(s->wire + at, s->wire + at + len, s->held - at - len);
	s->held -= len;
}

/* What b says, whole. */
static void answer(struct scene *s)
{
	uint8_t plain[256];

	move(s->link.b, s->link.a, SIZE_MAX);
	while (kpc_records_read(s->link.a, plain, sizeof(plain)) > 0)
		;
	to_wire(s);
}

static void step(struct scene *s, struct fuzz_input *in)
{
	struct fuzz_input piece;
	size_t at;

	switch (fuzz_octet(in) % 12) {
	case 0:
		write_plain(s, fuzz_octet(in));
		break;
	case 1:
		write_plain(s, fuzz_number(in));
		break;
	case 2:
		deliver(s, fuzz_number(in));
		break;
	case 3:
		deliver(s, SIZE_MAX);
		break;
	case 4:
		read_plain(s, fuzz_number(in));
		break;
	case 5:
		at = fuzz_number(in);
		if (s->held)
			s->wire[at % s->held] ^= fuzz_octet(in);
		break;
	case 6:
		at = fuzz_number(in);
		piece = fuzz_piece(in, fuzz_octet(in));
		insert(s, at, piece.p, piece.len);
		break;
	case 7:
		at = fuzz_number(in);
		repeat(s, at, fuzz_number(in));
		break;
	case 8:
		at = fuzz_number(in);
		drop(s, at, fuzz_number(in));
		break;
	case 9:
		if (!kpc_records_close(s->link.a))
			s->closed = true;
		to_wire(s);
		break;
	case 10:
		kpc_records_key_update(fuzz_octet(in) & 1 ? s->link.a : s->link.b);
		to_wire(s);
		answer(s);
		break;
	case 11:
		kpc_records_write(s->link.b, s, fuzz_octet(in));
		answer(s);
		break;
	}
}

/* What is left on the wire, then FIN, then all there is to read. */
static void finish(struct scene *s)
{
	size_t before;

	do {
		before = s->held + s->read;
		deliver(s, SIZE_MAX);
		for (int i = 0; i < 64 && !s->over; i++)
			read_plain(s, 4095);
		to_wire(s);
	} while (s->held + s->read != before && !s->over);
	kpc_records_input_end(s->link.b);
	for (int i = 0; i < 1024 && !s->over; i++)
		read_plain(s, 4095);
	if (!s->over)
		FUZZ_FAIL("behind FIN more is waited for");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct scene scene;
	struct fuzz_input in = { data, size };
	uint8_t choice = fuzz_octet(&in);

	memset(&scene, 0, sizeof(scene));
	if (!open_scene(&scene, choice % (sizeof(suites) / sizeof(suites[0]))))
		FUZZ_FAIL("no connection");
	while (in.len)
		step(&scene, &in);
	finish(&scene);
	close_scene(&scene);
	return 0;
}
