// SPDX-License-Identifier: MIT
/*
 * Peers that do not mean well, and wires that are not whole: garbage, cut and
 * changed hellos, messages in many records, identities of every length.
 */
#include <stdlib.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "pair.h"

#define ONE_OF(list)	(sizeof(list) / sizeof((list)[0]))
#define FLIGHT_MAX	8192

struct octets {
	size_t len;
	uint8_t p[FLIGHT_MAX];
};

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, size_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

/* Takes all that a side wants to send. */
static void drain(struct kpc_handshake *hs, struct octets *out)
{
	const void *p = kpc_handshake_output(hs, &out->len);

	if (out->len > sizeof(out->p))
		abort();
	if (p)
		memcpy(out->p, p, out->len);
	kpc_handshake_output_sent(hs, out->len);
}

/* Feeds octets until they are used up or the state is another. */
static enum kpc_handshake_state feed(struct kpc_handshake *hs, const uint8_t *p, size_t len)
{
	enum kpc_handshake_state state = kpc_handshake_advance(hs);

	while (len && state == KPC_HANDSHAKE_WANT_INPUT) {
		int taken = kpc_handshake_input(hs, p, len);

		if (taken < 0)
			break;
		p += taken;
		len -= (size_t)taken;
		state = kpc_handshake_advance(hs);
	}
	return state;
}

/* Cuts plaintext handshake records into records of one octet each. */
static void shred(const struct octets *in, struct octets *out)
{
	out->len = 0;
	for (size_t at = 0; at + 5 <= in->len; at += 5u + get16(in->p + at + 3)) {
		size_t body = get16(in->p + at + 3);

		if (in->p[at] != 22) {
			memcpy(out->p + out->len, in->p + at, 5 + body);
			out->len += 5 + body;
			continue;
		}
		for (size_t i = 0; i < body; i++) {
			memcpy(out->p + out->len, in->p + at, 3);
			put16(out->p + out->len + 3, 1);
			out->p[out->len + 5] = in->p[at + 5 + i];
			out->len += 6;
		}
	}
}

static bool open_pair(struct pair *pair, uint16_t suite)
{
	struct kpc_handshake_policy policy = pair_policy(kpc_suite_by_code(suite));

	memset(pair, 0, sizeof(*pair));
	return !pair_open(pair, &policy, PAIR_KEY, PAIR_KEY);
}

static void check_garbage(void)
{
	static const struct {
		const char *name;
		const char *octets;
		size_t len;
		enum kpc_handshake_cause cause;
	} rows[] = {
		{ "HTTP", "GET / HTTP/1.1\r\n", 16, KPC_HANDSHAKE_NOT_TLS },
		{ "SSH", "SSH-2.0-OpenSSH", 15, KPC_HANDSHAKE_NOT_TLS },
		{ "MQTT", "\x10\x10\0\4MQTT\4\2\0\74", 12, KPC_HANDSHAKE_NOT_TLS },
		{ "SSLv2 hello", "\x80\x2e\x01\x03\x01\x00\x15", 7, KPC_HANDSHAKE_NOT_TLS },
		{ "zeroes", "\0\0\0\0\0\0\0\0", 8, KPC_HANDSHAKE_NOT_TLS },
		{ "an empty record", "\x16\x03\x01\x00\x00", 5, KPC_HANDSHAKE_NOT_TLS },
		{ "an endless record", "\x16\x03\x01\xff\xff", 5, KPC_HANDSHAKE_NOT_TLS },
		{ "data first", "\x17\x03\x03\x00\x01x", 6, KPC_HANDSHAKE_PROTOCOL },
		{ "an alert first", "\x15\x03\x03\x00\x02\x02\x28", 7, KPC_HANDSHAKE_PROTOCOL },
		{ "a ServerHello", "\x16\x03\x03\x00\x04\x02\0\0\0", 9, KPC_HANDSHAKE_PROTOCOL },
		{ "a hello of nothing", "\x16\x03\x03\x00\x04\x01\0\0\0", 9,
		  KPC_HANDSHAKE_PROTOCOL },
	};

	for (size_t i = 0; i < ONE_OF(rows); i++) {
		struct pair pair;
		bool held = open_pair(&pair, 0x1301);

		held = held && feed(pair.b, (const uint8_t *)rows[i].octets, rows[i].len) ==
		       KPC_HANDSHAKE_FAILED &&
		       kpc_handshake_failure(pair.b)->cause == rows[i].cause && !pair.asked;
		tap_ok(held, "bad input: %s: %s", rows[i].name, pair_why(pair.b));
		pair_close(&pair);
	}
}

/* The same octets every time: a failure can be looked at again. */
static uint32_t noise(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static void check_noise(void)
{
	uint32_t state = 4279;
	unsigned int ended = 0;

	for (int i = 0; i < 2000; i++) {
		uint8_t p[400];
		struct pair pair;

		for (size_t j = 0; j < sizeof(p); j++)
			p[j] = (uint8_t)noise(&state);
		/* most of them with a header that lets them in */
		if (i % 4) {
			memcpy(p, "\x16\x03\x01", 3);
			put16(p + 3, 100);
		}
		if (i % 4 > 1) {
			p[5] = 1;
			p[6] = 0;
			put16(p + 7, 96);
		}
		if (!open_pair(&pair, i % 2 ? 0x1301 : 0x00a8))
			break;
		feed(pair.b, p, sizeof(p));
		kpc_handshake_input_end(pair.b);
		ended += kpc_handshake_state(pair.b) == KPC_HANDSHAKE_FAILED;
		pair_close(&pair);
	}
	tap_ok(ended == 2000, "bad input: %u of 2000 noisy peers are turned away", ended);
}

/* One bit of what a sends is changed, at every place in turn. */
static void check_bits(uint16_t suite, unsigned int flight)
{
	unsigned int places = 0, done = 0, odd = 0;
	struct pair pair;

	for (size_t place = 0;; place++) {
		struct octets out;
		bool header;

		if (!open_pair(&pair, suite))
			break;
		kpc_handshake_advance(pair.a);
		kpc_handshake_advance(pair.b);
		if (flight) {
			pair_move(&pair, pair.a, pair.b);
			if (kpc_handshake_state(pair.b) == KPC_HANDSHAKE_WANT_KEY)
				pair_answer(&pair);
			pair_move(&pair, pair.b, pair.a);
		}
		drain(pair.a, &out);
		if (place >= out.len)
			break;
		places++;
		/* the versions of record headers are not authenticated, by design */
		header = place == 1 || place == 2;
		out.p[place] ^= 1u << place % 8;
		if (feed(pair.b, out.p, out.len) == KPC_HANDSHAKE_WANT_KEY)
			pair_answer(&pair);
		pair_run(&pair);
		kpc_handshake_input_end(pair.b);
		if (kpc_handshake_state(pair.b) == KPC_HANDSHAKE_DONE) {
			done++;
			odd += !header && !flight;
		}
		pair_close(&pair);
	}
	pair_close(&pair);
	tap_ok(places > 60 && !odd && (!flight || done < 20),
	       "M7 %s flight %u: a bit changed at %u places, %u of them without effect",
	       kpc_suite_by_code(suite)->name, flight + 1, places, done);
}

/* What a sends ends after any number of octets. */
static void check_cuts(uint16_t suite)
{
	unsigned int cuts = 0, failed = 0;
	struct pair pair;

	for (size_t cut = 0;; cut++) {
		struct octets out;

		if (!open_pair(&pair, suite))
			break;
		kpc_handshake_advance(pair.a);
		drain(pair.a, &out);
		if (cut == out.len)
			break;
		feed(pair.b, out.p, cut);
		failed += kpc_handshake_input_end(pair.b) == KPC_HANDSHAKE_FAILED &&
			  kpc_handshake_failure(pair.b)->text.text[0];
		cuts++;
		pair_close(&pair);
	}
	pair_close(&pair);
	tap_ok(cuts > 100 && cuts == failed, "I8 %s: ClientHello cut at %u places fails with words",
	       kpc_suite_by_code(suite)->name, cuts);
}

static void check_shreds(uint16_t suite)
{
	struct octets out, shreds;
	struct pair pair;
	bool held = open_pair(&pair, suite);

	if (held) {
		kpc_handshake_advance(pair.a);
		drain(pair.a, &out);
		shred(&out, &shreds);
		if (feed(pair.b, shreds.p, shreds.len) == KPC_HANDSHAKE_WANT_KEY)
			pair_answer(&pair);
		pair_move(&pair, pair.b, pair.a);
		drain(pair.a, &out);
		/* of the second flight only TLS 1.2's ClientKeyExchange is plain */
		if (suite < 0x1301 || suite > 0x1304) {
			struct octets key_exchange = out, rest = { 0 };
			size_t first = 5u + get16(out.p + 3);

			key_exchange.len = first;
			rest.len = out.len - first;
			memcpy(rest.p, out.p + first, rest.len);
			shred(&key_exchange, &out);
			memcpy(out.p + out.len, rest.p, rest.len);
			out.len += rest.len;
		}
		for (size_t i = 0; i < out.len;) {
			int taken = kpc_handshake_input(pair.b, out.p + i, out.len - i);

			if (taken < 0)
				break;
			i += (size_t)taken;
			if (kpc_handshake_advance(pair.b) == KPC_HANDSHAKE_WANT_KEY)
				pair_answer(&pair);
		}
		pair_run(&pair);
		held = pair_done(&pair) && pair.asked;
	}
	tap_ok(held, "M7 %s: hello and key exchange in records of one octet: %s",
	       kpc_suite_by_code(suite)->name, pair_why(pair.b));
	pair_close(&pair);
}

/* TLS 1.2: a ClientKeyExchange with this identity instead of a's. */
static void check_identity(const char *name, const void *octets, size_t len, unsigned int seen)
{
	struct octets out, forged = { 0 };
	const struct kpc_kpcid *offer;
	struct pair pair;
	size_t first;
	bool held = open_pair(&pair, 0x00a8);

	if (held) {
		kpc_handshake_advance(pair.a);
		kpc_handshake_advance(pair.b);
		pair_move(&pair, pair.a, pair.b);
		pair_move(&pair, pair.b, pair.a);
		drain(pair.a, &out);
		first = 5u + get16(out.p + 3);
		memcpy(forged.p, out.p, 3);
		put16(forged.p + 3, 4 + 2 + len);
		forged.p[5] = 16;
		put16(forged.p + 7, 2 + len);
		put16(forged.p + 9, len);
		memcpy(forged.p + 11, octets, len);
		forged.len = 11 + len;
		memcpy(forged.p + forged.len, out.p + first, out.len - first);
		forged.len += out.len - first;
		held = feed(pair.b, forged.p, 11 + len) == KPC_HANDSHAKE_WANT_KEY;
		offer = kpc_handshake_offer(pair.b);
		held = held && !offer == !seen &&
		       (!seen || (offer->len == len && !memcmp(offer->octets, octets, len)));
		if (held)
			pair_answer(&pair);
		feed(pair.b, forged.p + 11 + len, forged.len - 11 - len);
		held = held && kpc_handshake_state(pair.b) == KPC_HANDSHAKE_FAILED;
	}
	tap_ok(held, "T2 identity of %s: %s", name, pair_why(pair.b));
	pair_close(&pair);
}

static void check_identities(void)
{
	uint8_t octets[1000];

	memset(octets, 'a', sizeof(octets));
	check_identity("0 octets", octets, 0, 0);
	check_identity("1 octet", octets, 1, 1);
	check_identity("128 octets", octets, 128, 1);
	check_identity("255 octets", octets, 255, 1);
	check_identity("256 octets", octets, 256, 0);
	check_identity("1000 octets", octets, 1000, 0);
	/* OpenSSL hands identities on as C strings; this one is not a's */
	check_identity("a's KpcId, NUL, and more", PAIR_ID "\0x", strlen(PAIR_ID) + 2, 1);
}

static void check_key_exchange_size(void)
{
	static const uint8_t header[] = { 22, 3, 3, 0, 4, 16, 0, 0x40, 0 };
	struct pair pair;
	bool held = open_pair(&pair, 0x00a8);

	if (held) {
		kpc_handshake_advance(pair.a);
		kpc_handshake_advance(pair.b);
		pair_move(&pair, pair.a, pair.b);
		held = feed(pair.b, header, sizeof(header)) == KPC_HANDSHAKE_FAILED &&
		       kpc_handshake_failure(pair.b)->cause == KPC_HANDSHAKE_PROTOCOL;
	}
	tap_ok(held, "bad input: %s", pair_why(pair.b));
	pair_close(&pair);
}

/* A ClientKeyExchange in the record of the ClientHello, before any was asked for. */
static void check_too_early(void)
{
	struct octets out;
	struct pair pair;
	bool held = open_pair(&pair, 0x00a8);

	if (held) {
		kpc_handshake_advance(pair.a);
		drain(pair.a, &out);
		memcpy(out.p + out.len, "\x10\0\0\x05\0\3a@b", 9);
		out.len += 9;
		put16(out.p + 3, out.len - 5);
		feed(pair.b, out.p, out.len);
		held = kpc_handshake_state(pair.b) == KPC_HANDSHAKE_FAILED;
	}
	tap_ok(held, "bad input: key exchange within the hello's record: %s", pair_why(pair.b));
	pair_close(&pair);
}

/* A hello that never ends: stopped by count, not by memory. */
static void check_endless(void)
{
	uint8_t record[5 + 16384] = { 22, 3, 1, 0x40, 0, 1, 1, 0xff, 0 };
	struct pair pair;
	bool held = open_pair(&pair, 0x1301);
	unsigned int records = 0;

	while (held && feed(pair.b, record, sizeof(record)) == KPC_HANDSHAKE_WANT_INPUT &&
	       records++ < 100)
		;
	tap_ok(held && records < 5 && kpc_handshake_state(pair.b) == KPC_HANDSHAKE_FAILED,
	       "bad input: after %u records: %s", records, pair_why(pair.b));
	pair_close(&pair);
}

/* RFC 8446 7.1: Expand-Label with a hash as context, for the binder below. */
static void derive(const uint8_t *secret, const char *label, const uint8_t *context,
		   size_t context_len, uint8_t out[32])
{
	uint8_t info[128], *p = info;

	*p++ = 0;
	*p++ = 32;
	*p++ = (uint8_t)(6 + strlen(label));
	p = mempcpy(p, "tls13 ", 6);
	p = mempcpy(p, label, strlen(label));
	*p++ = (uint8_t)context_len;
	p = mempcpy(p, context, context_len);
	*p++ = 1;
	HMAC(EVP_sha256(), secret, 32, info, (size_t)(p - info), out, NULL);
}

static void binder(const struct kpc_key *key, const uint8_t *hello, size_t len, uint8_t out[32])
{
	uint8_t zeroes[32] = { 0 }, early[32], secret[32], finished[32], empty[32], hash[32];

	HMAC(EVP_sha256(), zeroes, 32, kpc_key_octets(key), kpc_key_length(key), early, NULL);
	EVP_Digest("", 0, empty, NULL, EVP_sha256(), NULL);
	derive(early, "ext binder", empty, 32, secret);
	derive(secret, "finished", empty, 0, finished);
	EVP_Digest(hello, len, hash, NULL, EVP_sha256(), NULL);
	HMAC(EVP_sha256(), finished, 32, hash, 32, out, NULL);
}

/*
 * Makes a ClientHello with one identity into one with three: a stranger's
 * ticket, an unknown KpcId, then a's own, the last with a true binder. The
 * binder of the second has @second octets.
 */
static void three_identities(const struct kpc_key *key, const struct octets *in,
			     size_t second, struct octets *out)
{
	static const uint8_t *const none;
	const uint8_t *p = in->p + 5 + 4 + 2 + 32, *own = none;
	size_t extensions, extension, own_len, start;
	const size_t binders[] = { 32, second, 32 };
	const size_t binders_len = 3 + 32 + second + 32;
	uint8_t *w;

	p += 1 + p[0];			/* session id */
	p += 2 + get16(p);		/* suites */
	p += 1 + p[0];			/* compression */
	extensions = (size_t)(p - in->p);
	for (p += 2; get16(p) != 41; p += 4 + get16(p + 2))
		;
	extension = (size_t)(p - in->p);
	own = p + 4 + 2;
	own_len = 2u + get16(own) + 4;

	memcpy(out->p, in->p, extension + 4);
	w = out->p + extension + 4 + 2;
	start = (size_t)(w - out->p);
	put16(w, 300);
	memset(w + 2, 0x5a, 300 + 4);
	w += 2 + 300 + 4;
	put16(w, 7);
	memcpy(w + 2, "x@y.org", 7);
	memset(w + 9, 0, 4);
	w += 2 + 7 + 4;
	w = mempcpy(w, own, own_len);
	put16(out->p + extension + 4, (size_t)(w - out->p) - start);

	out->len = (size_t)(w - out->p) + 2 + binders_len;
	put16(out->p + 3, out->len - 5);
	out->p[6] = 0;
	put16(out->p + 7, out->len - 9);
	put16(out->p + extensions, out->len - extensions - 2);
	put16(out->p + extension + 2, out->len - extension - 4);
	own = w;
	put16(w, binders_len);
	w += 2;
	for (int i = 0; i < 3; i++) {
		*w++ = (uint8_t)binders[i];
		memset(w, 0x11, binders[i]);
		w += binders[i];
	}
	binder(key, out->p + 5, (size_t)(own - out->p) - 5, w - 32);
}

static void check_many_identities(bool known, size_t second)
{
	const struct kpc_kpcid *offer;
	struct octets out, forged;
	struct pair pair;
	bool held = open_pair(&pair, 0x1301);
	size_t len = 0;
	const uint8_t *answer;

	if (held) {
		kpc_handshake_advance(pair.a);
		drain(pair.a, &out);
		three_identities(pair.key, &out, second, &forged);
		held = feed(pair.b, forged.p, forged.len) == KPC_HANDSHAKE_WANT_KEY;
		offer = kpc_handshake_offer(pair.b);
		held = held && offer && (offer->len == 7) == (second == 32) &&
		       kpc_kpcid_equal(offer, &pair.id) == (second != 32);
		if (!known)
			kpc_kpcid_set(&pair.id, "nobody", 6);
		if (held)
			pair_answer(&pair);
		/* Behind a KpcId that nobody knows a's own key is of no use. */
		known = known && second != 32;
		answer = kpc_handshake_output(pair.b, &len);
		/* a ServerHello says that the binder was right */
		held = held && answer && answer[0] == (known ? 22 : 21) &&
		       kpc_handshake_state(pair.b) == (known ? KPC_HANDSHAKE_WANT_INPUT :
							       KPC_HANDSHAKE_FAILED);
	}
	tap_ok(held, "X5 of three identities the first that fits counts, %s: %s",
	       second == 32 ? "an unknown one" : known ? "a's own" : "unknown too",
	       pair_why(pair.b));
	pair_close(&pair);
}

int main(void)
{
	tap_begin();
	check_garbage();
	check_noise();
	check_bits(0x1301, 0);
	check_bits(0x1301, 1);
	check_bits(0x00a8, 0);
	check_bits(0x00a8, 1);
	check_cuts(0x1301);
	check_cuts(0x00a8);
	check_shreds(0x1301);
	check_shreds(0x00a8);
	check_shreds(0x00aa);
	check_shreds(0xccac);
	check_identities();
	check_key_exchange_size();
	check_too_early();
	check_endless();
	check_many_identities(true, 32);
	check_many_identities(false, 32);
	check_many_identities(true, 48);
	check_many_identities(false, 48);
	return tap_end();
}
