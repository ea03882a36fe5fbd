// SPDX-License-Identifier: MIT
/*
 * DTLS-PSK with itself (M7, T1): every suite, datagrams lost, doubled, altered and
 * replayed, the cookie before all else, and what a peer costs that is silent.
 */
#include <malloc.h>
#include <stdlib.h>

#include "dtls_pair.h"

#define CCM_8	0xc0a8

static bool whole(struct dtls_pair *dtls)
{
	static const size_t sizes[] = { 1, 0, 15, 16, 17, 1200, KPC_DTLS_DATA_MAX };
	bool held = true;

	for (size_t i = 0; held && i < sizeof(sizes) / sizeof(sizes[0]); i++)
		held = dtls_echoes(dtls->a, dtls->b, sizes[i]) &&
		       dtls_echoes(dtls->b, dtls->a, sizes[i]);
	return held;
}

static void check_suite(const struct kpc_suite *suite)
{
	struct kpc_handshake_policy policy = dtls_policy(suite->code);
	const struct kpc_handshake_result *a, *b;
	struct dtls_pair dtls = { 0 };
	bool held;

	held = dtls_pair_open(&dtls, &policy, PAIR_KEY, PAIR_KEY) && dtls_pair_run(&dtls);
	if (!tap_ok(held, "M7 %s on DTLS", suite->name))
		tap_note("a: %s; b: %s", dtls_why(dtls.a), dtls_why(dtls.b));
	if (held) {
		a = kpc_handshake_result(kpc_dtls_handshake(dtls.a));
		b = kpc_handshake_result(kpc_dtls_handshake(dtls.b));
		tap_ok(a->version == KPC_VERSION_DTLS12 && a->suite == suite->code &&
		       b->version == a->version && b->suite == a->suite &&
		       b->forward_secret == suite->forward_secret && b->extended_master_secret &&
		       kpc_kpcid_equal(&b->kpc_id, &dtls.pair.id), "and both know it");
		tap_ok(whole(&dtls), "and datagrams of every size pass both ways");
	}
	dtls_pair_close(&dtls);
}

static void check_suites(void)
{
	const struct kpc_suite *table;
	size_t count;

	table = kpc_suite_table(&count);
	for (size_t i = 0; i < count; i++)
		if (table[i].version == KPC_VERSION_TLS12)
			check_suite(&table[i]);
}

/* What each profile agrees on where nothing is listed. */
static void check_profiles(void)
{
	struct kpc_handshake_policy policy = dtls_policy(0), only = dtls_policy(CCM_8);
	struct dtls_pair dtls = { 0 };
	bool held;

	only.role = KPC_ROLE_A;
	held = dtls_pair_open(&dtls, &policy, PAIR_KEY, PAIR_KEY);
	kpc_handshake_context_free(dtls.pair.ca);
	kpc_dtls_free(dtls.a);
	dtls.pair.ca = kpc_handshake_context_new(&only, NULL);
	dtls.a = kpc_dtls_new(dtls.pair.ca, NULL);
	kpc_handshake_initiate(kpc_dtls_handshake(dtls.a), &dtls.pair.id, dtls.pair.key, NULL,
			       NULL);
	tap_ok(held && dtls_pair_run(&dtls), "T1 profile onem2m takes a peer that has CCM_8 alone");
	dtls_pair_close(&dtls);

	policy.profile = KPC_PROFILE_MODERN;
	held = dtls_pair_open(&dtls, &policy, PAIR_KEY, PAIR_KEY) && dtls_pair_run(&dtls);
	tap_ok(held && kpc_handshake_result(kpc_dtls_handshake(dtls.b))->forward_secret,
	       "T1 profile modern has forward secrecy on DTLS");
	dtls_pair_close(&dtls);
}

static void check_contexts(void)
{
	struct kpc_handshake_policy dgram = dtls_policy(0), stream = { 0 };
	struct kpc_handshake_policy both = { .versions = 5, .offload = KPC_OFFLOAD_OFF };
	struct kpc_handshake_policy kernel = dtls_policy(0);
	struct kpc_handshake_context *dtls = kpc_handshake_context_new(&dgram, NULL);
	struct kpc_handshake_context *tls = kpc_handshake_context_new(&stream, NULL);
	struct kpc_error err[4] = { { "" } };

	tap_ok(dtls && !kpc_handshake_new(dtls, &err[0]) && err[0].text[0],
	       "a context of DTLS is none for octets: %s", err[0].text);
	tap_ok(tls && !kpc_dtls_new(tls, &err[1]) && err[1].text[0],
	       "nor one of TLS for datagrams: %s", err[1].text);
	tap_ok(!kpc_handshake_context_new(&both, &err[2]), "nor is one of both: %s", err[2].text);
	kernel.offload = KPC_OFFLOAD_REQUIRE;
	tap_ok(!kpc_handshake_context_new(&kernel, &err[3]), "nor by the kernel: %s", err[3].text);
	kpc_handshake_context_free(dtls);
	kpc_handshake_context_free(tls);
}

static unsigned int one_of;
static enum fate one_fate;

static enum fate fate_of_one(unsigned int number)
{
	return number == one_of ? one_fate : PASSES;
}

static enum fate all_twice(unsigned int number)
{
	return TWICE;
}

/* Each datagram of a handshake in turn; both sides end with whole records. */
static void check_losses(void)
{
	struct kpc_handshake_policy policy = dtls_policy(0);
	unsigned int most = 1;

	for (one_of = 0; one_of < most; one_of++) {
		for (one_fate = LOST; one_fate <= TWICE; one_fate++) {
			struct dtls_pair dtls = { .fate = fate_of_one };
			bool held = dtls_pair_open(&dtls, &policy, PAIR_KEY, PAIR_KEY) &&
				    dtls_pair_run(&dtls) && whole(&dtls);

			if (!tap_ok(held, "datagram %u of a handshake %s", one_of,
				    one_fate == LOST ? "is lost" : "comes twice"))
				tap_note("a: %s; b: %s", dtls_why(dtls.a), dtls_why(dtls.b));
			if (one_fate == TWICE)
				most = dtls.sent;
			dtls_pair_close(&dtls);
		}
	}
	tap_ok(most >= 5, "of %u datagrams", most);
}

static void check_twice(void)
{
	struct kpc_handshake_policy policy = dtls_policy(CCM_8);
	struct dtls_pair dtls = { .fate = all_twice };

	tap_ok(dtls_pair_open(&dtls, &policy, PAIR_KEY, PAIR_KEY) && dtls_pair_run(&dtls) &&
	       whole(&dtls), "all datagrams come twice");
	dtls_pair_close(&dtls);
}

/* A hello as role a says it, the first or the one with a cookie. */
static size_t hello_of(struct dtls_pair *dtls, uint8_t *to)
{
	const void *first;
	size_t len;

	first = kpc_dtls_output(dtls->a, &len);
	memcpy(to, first, len);
	kpc_dtls_output_sent(dtls->a);
	return len;
}

static enum kpc_dtls_hello_kind ask(struct dtls_pair *dtls, const char *from, const uint8_t *hello,
				    size_t len, uint64_t now)
{
	struct kpc_dtls_hello got;

	return kpc_dtls_hello(dtls->cookies, from, strlen(from), hello, len, now, &got);
}

static void check_cookie(void)
{
	struct kpc_handshake_policy policy = dtls_policy(CCM_8);
	uint8_t first[512], second[512];
	struct kpc_dtls_hello got;
	struct dtls_pair dtls = { 0 };
	size_t len, i;
	bool held;

	held = dtls_pair_open(&dtls, &policy, PAIR_KEY, PAIR_KEY);
	kpc_dtls_advance(dtls.a);
	len = hello_of(&dtls, first);
	held = held && kpc_dtls_hello(dtls.cookies, A_ADDRESS, strlen(A_ADDRESS), first, len, 1,
				      &got) == KPC_DTLS_HELLO_FIRST;
	tap_ok(held && sizeof(got.verify) < len, "a hello of %zu octets is answered by %zu", len,
	       sizeof(got.verify));
	for (i = 0; i < len; i++)
		if (ask(&dtls, A_ADDRESS, first, i, 1) != KPC_DTLS_HELLO_NONE)
			break;
	tap_ok(i == len, "one that is cut short is none");

	kpc_dtls_input(dtls.a, got.verify, sizeof(got.verify));
	kpc_dtls_advance(dtls.a);
	len = hello_of(&dtls, second);
	tap_ok(ask(&dtls, A_ADDRESS, second, len, 1) == KPC_DTLS_HELLO_PROVED,
	       "the cookie it brings back is good");
	tap_ok(ask(&dtls, "192.0.2.2:40000", second, len, 1) == KPC_DTLS_HELLO_FIRST &&
	       ask(&dtls, "192.0.2.1:40001", second, len, 1) == KPC_DTLS_HELLO_FIRST,
	       "from elsewhere it is not");
	/* version, random, suites; the extensions behind them have no part in it */
	second[40] ^= 1;
	held = ask(&dtls, A_ADDRESS, second, len, 1) == KPC_DTLS_HELLO_FIRST;
	second[40] ^= 1;
	tap_ok(held, "nor with another hello");
	tap_ok(ask(&dtls, A_ADDRESS, second, len, 60001) == KPC_DTLS_HELLO_PROVED,
	       "it is good when the secret has changed once");
	tap_ok(ask(&dtls, A_ADDRESS, second, len, 120002) == KPC_DTLS_HELLO_FIRST,
	       "and not when it has changed twice");
	tap_ok(ask(&dtls, A_ADDRESS, second, len, 900000) == KPC_DTLS_HELLO_FIRST,
	       "nor after a long silence");
	dtls_pair_close(&dtls);
}

static bool opened(struct dtls_pair *dtls, uint16_t suite)
{
	struct kpc_handshake_policy policy = dtls_policy(suite);

	return dtls_pair_open(dtls, &policy, PAIR_KEY, PAIR_KEY) && dtls_pair_run(dtls);
}

/* Opening destroys what is opened. */
static enum kpc_dtls_record try(struct kpc_dtls *dtls, const uint8_t *datagram, size_t len)
{
	uint8_t copy[DATAGRAM_MAX], *at = copy;
	const uint8_t *data;
	size_t data_len;

	memcpy(copy, datagram, len);
	return kpc_dtls_read(dtls, &at, &len, &data, &data_len);
}

static void check_altered(uint16_t suite)
{
	struct dtls_pair dtls = { 0 };
	uint8_t datagram[256];
	bool held = opened(&dtls, suite);
	ssize_t len = held ? kpc_dtls_write(dtls.a, "words", 5, datagram) : 0;
	enum kpc_dtls_record got;
	ssize_t i;

	for (i = 0; held && i < len * 8; i++) {
		datagram[i / 8] ^= 1 << i % 8;
		got = try(dtls.b, datagram, (size_t)len);
		held = got == KPC_DTLS_RECORD_NONE || got == KPC_DTLS_RECORD_END;
		datagram[i / 8] ^= 1 << i % 8;
	}
	for (i = 0; held && i < len; i++) {
		got = try(dtls.b, datagram, (size_t)i);
		held = got == KPC_DTLS_RECORD_NONE || got == KPC_DTLS_RECORD_END;
	}
	tap_ok(held, "%s: no bit may be another, nor one missing",
	       kpc_suite_by_code(suite)->name);
	dtls_pair_close(&dtls);
}

static void check_replayed(void)
{
	static uint8_t datagrams[200][64];
	struct dtls_pair dtls = { 0 };
	bool held = opened(&dtls, CCM_8);
	ssize_t len = 0;
	int i;

	for (i = 0; held && i < 200; i++)
		len = kpc_dtls_write(dtls.a, "x", 1, datagrams[i]);
	held = held && try(dtls.b, datagrams[1], len) == KPC_DTLS_RECORD_DATA &&
	       try(dtls.b, datagrams[0], len) == KPC_DTLS_RECORD_DATA &&
	       try(dtls.b, datagrams[0], len) == KPC_DTLS_RECORD_NONE &&
	       try(dtls.b, datagrams[1], len) == KPC_DTLS_RECORD_NONE;
	tap_ok(held, "what changes places passes, and nothing passes twice");
	held = held && try(dtls.b, datagrams[199], len) == KPC_DTLS_RECORD_DATA;
	for (i = 199 - 63; held && i < 199; i++)
		held = try(dtls.b, datagrams[i], len) == KPC_DTLS_RECORD_DATA &&
		       try(dtls.b, datagrams[i], len) == KPC_DTLS_RECORD_NONE;
	tap_ok(held, "the last 64 pass in any order, once");
	for (i = 2; held && i < 199 - 63; i++)
		held = try(dtls.b, datagrams[i], len) == KPC_DTLS_RECORD_NONE;
	tap_ok(held, "and what is older does not");
	dtls_pair_close(&dtls);
}

static void check_many_records(void)
{
	uint8_t datagram[256], *at = datagram;
	const uint8_t *data;
	struct dtls_pair dtls = { 0 };
	bool held = opened(&dtls, CCM_8);
	size_t left = 0, len;
	int count = 0;

	for (int i = 0; held && i < 3; i++)
		left += (size_t)kpc_dtls_write(dtls.a, "abc", 3, datagram + left);
	while (held && kpc_dtls_read(dtls.b, &at, &left, &data, &len) == KPC_DTLS_RECORD_DATA)
		count += len == 3 && !memcmp(data, "abc", 3);
	tap_ok(count == 3 && !left, "three records of one datagram are three");
	dtls_pair_close(&dtls);
}

static void check_limits(void)
{
	uint8_t datagram[DATAGRAM_MAX + 1];
	struct dtls_pair dtls = { 0 };
	ssize_t made = 0;
	bool held = opened(&dtls, CCM_8);
	int sent = 0;

	tap_ok(held && kpc_dtls_write(dtls.a, datagram, KPC_DTLS_DATA_MAX + 1, datagram) ==
	       -EMSGSIZE, "what no record holds is refused");
	kpc_dtls_limit(dtls.a, KPC_RECORDS_MIN);
	while (held && (made = kpc_dtls_write(dtls.a, "x", 1, datagram)) > 0)
		sent++;
	/* One was the Finished, one is kept back for the end. */
	tap_ok(made == -EKEYEXPIRED && sent < KPC_RECORDS_MIN && sent >= KPC_RECORDS_MIN - 3,
	       "a key protects %d records of %d", sent, KPC_RECORDS_MIN);
	made = kpc_dtls_close(dtls.a, datagram);
	tap_ok(made > 0 && try(dtls.b, datagram, (size_t)made) == KPC_DTLS_RECORD_CLOSE,
	       "and close_notify still goes out");
	tap_ok(kpc_dtls_write(dtls.a, "x", 1, datagram) == -EPIPE &&
	       kpc_dtls_close(dtls.a, datagram) == -EPIPE, "after which nothing does");
	dtls_pair_close(&dtls);
}

/* The last record that a key may open is opened, and told of, and none behind it. */
static void check_received_limit(void)
{
	uint8_t datagram[KPC_DTLS_OVERHEAD_MAX + 1];
	struct dtls_pair dtls = { 0 };
	bool held = opened(&dtls, CCM_8);
	ssize_t len = 0;
	int got = 0;

	kpc_dtls_limit(dtls.b, KPC_RECORDS_MIN);
	while (held && got < 2 * KPC_RECORDS_MIN && !kpc_dtls_spent(dtls.b)) {
		len = kpc_dtls_write(dtls.a, "x", 1, datagram);
		if (try(dtls.b, datagram, (size_t)len) != KPC_DTLS_RECORD_DATA)
			break;
		got++;
	}
	tap_ok(held && kpc_dtls_spent(dtls.b) && got <= KPC_RECORDS_MIN &&
	       got >= KPC_RECORDS_MIN - 2, "a key opens %d records of %d, and tells so", got,
	       KPC_RECORDS_MIN);
	len = held ? kpc_dtls_write(dtls.a, "x", 1, datagram) : 0;
	tap_ok(len > 0 && try(dtls.b, datagram, (size_t)len) == KPC_DTLS_RECORD_NONE,
	       "and no more");
	len = held ? kpc_dtls_close(dtls.b, datagram) : 0;
	tap_ok(len > 0 && try(dtls.a, datagram, (size_t)len) == KPC_DTLS_RECORD_CLOSE,
	       "close_notify goes out then, too");
	dtls_pair_close(&dtls);
}

/* Octets and datagrams that leave b when the key is not the right one. */
struct seen {
	size_t octets;
	unsigned int datagrams;
	bool asked;
	char why[KPC_ERROR_TEXT_MAX];
};

static struct seen outside(const char *id, const char *key)
{
	struct kpc_handshake_policy policy = dtls_policy(CCM_8);
	struct dtls_pair dtls = { 0 };
	struct seen seen = { 0 };

	kpc_kpcid_set(&dtls.pair.id, id, strlen(id));
	if (dtls_pair_open(&dtls, &policy, PAIR_KEY, key))
		dtls_pair_run(&dtls);
	if (dtls.b) {
		kpc_dtls_give_up(dtls.b);
		snprintf(seen.why, sizeof(seen.why), "%s", dtls_why(dtls.b));
	}
	seen.octets = dtls.to_a;
	seen.datagrams = dtls.sent;
	seen.asked = dtls.pair.asked && !dtls_pair_done(&dtls);
	dtls_pair_close(&dtls);
	return seen;
}

static void check_alike(void)
{
	struct seen wrong = outside(PAIR_ID, PAIR_OTHER_KEY);
	struct seen unknown = outside("gw-2@site-a.example", PAIR_KEY);

	tap_ok(wrong.asked && unknown.asked && wrong.octets == unknown.octets &&
	       wrong.datagrams == unknown.datagrams && wrong.datagrams,
	       "X5 a wrong Kpc and an unknown KpcId are alike outside: %zu octets, %u datagrams",
	       wrong.octets, wrong.datagrams);
	tap_ok(strstr(wrong.why, "has not proved its key"), "inside one is: %s", wrong.why);
	tap_ok(strstr(unknown.why, "is not known"), "and the other: %s", unknown.why);
}

/* What comes before the key is there is not lost, and does not cost without end. */
static void check_late_key(void)
{
	struct kpc_handshake_policy policy = dtls_policy(CCM_8);
	struct dtls_pair dtls = { 0 };
	uint8_t noise[1000] = { 22, 0xfe, 0xfd };
	size_t before;
	bool held;

	held = dtls_pair_open(&dtls, &policy, PAIR_KEY, PAIR_KEY);
	kpc_dtls_advance(dtls.a);
	while (dtls_state(dtls.b) != KPC_HANDSHAKE_WANT_KEY &&
	       (dtls_pair_move(&dtls, true) | dtls_pair_move(&dtls, false)))
		;
	held = held && dtls_state(dtls.b) == KPC_HANDSHAKE_WANT_KEY;
	before = mallinfo2().uordblks;
	for (int i = 0; i < 60; i++)
		kpc_dtls_input(dtls.b, noise, sizeof(noise));
	tap_ok(held && mallinfo2().uordblks - before < 20000,
	       "what comes in masses while a key is waited for is dropped");
	dtls_pair_answer(&dtls);
	dtls_pair_settle(&dtls);
	tap_ok(dtls_pair_done(&dtls), "and the handshake goes on when the key is there");
	dtls_pair_close(&dtls);
}

/*
 * What comes in one go with the end of the handshake is not lost: here data of b,
 * which overtakes what role a still computes.
 */
static void check_early(void)
{
	struct kpc_handshake_policy policy = dtls_policy(CCM_8);
	struct dtls_pair dtls = { 0 };
	uint8_t datagram[256], *at = datagram;
	const uint8_t *data = NULL;
	const void *first;
	size_t len, data_len = 0;
	ssize_t made = 0;
	bool held;

	held = dtls_pair_open(&dtls, &policy, PAIR_KEY, PAIR_KEY);
	kpc_dtls_advance(dtls.a);
	while (dtls_state(dtls.b) != KPC_HANDSHAKE_DONE &&
	       (dtls_pair_move(&dtls, true) | dtls_pair_move(&dtls, false)))
		if (dtls_state(dtls.b) == KPC_HANDSHAKE_WANT_KEY)
			dtls_pair_answer(&dtls);
	while (held && (first = kpc_dtls_output(dtls.b, &len))) {
		kpc_dtls_input(dtls.a, first, len);
		kpc_dtls_output_sent(dtls.b);
	}
	if (held)
		made = kpc_dtls_write(dtls.b, "early", 5, datagram);
	held = made > 0 && kpc_dtls_input(dtls.a, datagram, (size_t)made) ==
	       KPC_HANDSHAKE_WANT_INPUT && !kpc_dtls_early(dtls.a, &len) &&
	       kpc_dtls_advance(dtls.a) == KPC_HANDSHAKE_DONE;
	first = kpc_dtls_early(dtls.a, &len);
	if (held && first)
		memcpy(datagram, first, len);
	tap_ok(held && first && kpc_dtls_read(dtls.a, &at, &len, &data, &data_len) ==
	       KPC_DTLS_RECORD_DATA && data_len == 5 && !memcmp(data, "early", 5),
	       "data that comes with the end of the handshake is data");
	kpc_dtls_early_taken(dtls.a);
	tap_ok(!kpc_dtls_early(dtls.a, &len), "once");
	dtls_pair_close(&dtls);
}

#define IDLE	64

static void check_memory(void)
{
	static struct dtls_pair pairs[IDLE];
	size_t before = mallinfo2().uordblks, after, one;
	bool held = true;

	for (int i = 0; i < IDLE; i++) {
		held = held && opened(&pairs[i], CCM_8);
		kpc_handshake_context_free(pairs[i].pair.ca);
		kpc_handshake_context_free(pairs[i].pair.cb);
		kpc_dtls_cookies_free(pairs[i].cookies);
		pairs[i].pair.ca = NULL;
		pairs[i].pair.cb = NULL;
		pairs[i].cookies = NULL;
	}
	after = mallinfo2().uordblks;
	one = (after - before) / (2 * IDLE);
	tap_ok(held && one < 8192, "a peer costs %zu octets once its handshake is done", one);
	for (int i = 0; i < IDLE; i++)
		dtls_pair_close(&pairs[i]);
}

int main(void)
{
	tap_begin();
	check_suites();
	check_profiles();
	check_contexts();
	check_losses();
	check_twice();
	check_cookie();
	check_altered(CCM_8);
	check_altered(0xccac);
	check_altered(0x00ae);
	check_replayed();
	check_many_records();
	check_limits();
	check_received_limit();
	check_alike();
	check_late_key();
	check_early();
	check_memory();
	return tap_end();
}
