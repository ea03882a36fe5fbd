// SPDX-License-Identifier: MIT
/*
 * Peers of DTLS that are OpenSSL as other programs use it (M7, T1): what must
 * work with them, and what they must not get away with.
 */
#include <errno.h>

#include <openssl/err.h>

#include "libkpc/datagram.h"

#include "dtls_pair.h"
#include "foreign.h"

static int make_cookie(SSL *ssl, unsigned char *cookie, unsigned int *len)
{
	memcpy(cookie, "a cookie", 8);
	*len = 8;
	return 1;
}

static int judge_cookie(SSL *ssl, const unsigned char *cookie, unsigned int len)
{
	return len == 8 && !memcmp(cookie, "a cookie", 8);
}

/**
 * struct scene - one handshake with a foreign peer
 * @name: of it
 * @role: ours
 * @suite: the peer's only one, OpenSSL's name
 * @policy: ours
 * @version: the peer's only one; 0, DTLS 1.2
 * @options: SSL_OP_... of the peer
 * @mtu: of the peer's datagrams; 0: what it likes
 * @fragment: TLSEXT_max_fragment_length_... of the peer
 * @long_id: a KpcId of 128 octets
 * @say: words of our refusal, NULL: it must work
 */
struct scene {
	const char *name;
	enum kpc_role role;
	const char *suite;
	struct kpc_handshake_policy policy;
	int version;
	uint64_t options;
	int mtu;
	uint8_t fragment;
	bool long_id;
	const char *say;
};

/**
 * struct meeting - us and a foreign peer
 * @dtls: ours is @b there, whatever its role
 * @pipe: what the peer reads and writes
 * @ssl: the peer
 * @largest: octets of the peer's largest datagram
 */
struct meeting {
	struct dtls_pair dtls;
	struct kpci_datagram_pipe pipe;
	SSL *ssl;
	unsigned int largest;
};

static bool foreign_new(struct meeting *meeting, const struct scene *scene)
{
	bool server = scene->role == KPC_ROLE_A;
	int version = scene->version ? scene->version : DTLS1_2_VERSION;
	SSL_CTX *ctx = SSL_CTX_new(server ? DTLS_server_method() : DTLS_client_method());
	BIO *bio;

	SSL_CTX_set_min_proto_version(ctx, version);
	SSL_CTX_set_max_proto_version(ctx, version);
	/* The level at which OpenSSL has CCM_8 and old versions has short groups too. */
	SSL_CTX_set_security_level(ctx, strstr(scene->suite, "CCM8") || scene->version ? 0 : 2);
	SSL_CTX_set_cipher_list(ctx, scene->suite);
	SSL_CTX_set_options(ctx, scene->options | SSL_OP_NO_QUERY_MTU |
			    (server ? SSL_OP_COOKIE_EXCHANGE : 0));
	SSL_CTX_set_cookie_generate_cb(ctx, make_cookie);
	SSL_CTX_set_cookie_verify_cb(ctx, judge_cookie);
	SSL_CTX_set_dh_auto(ctx, 1);
	SSL_CTX_set_tlsext_max_fragment_length(ctx, scene->fragment);
	foreign_keys(ctx, server);
	meeting->ssl = SSL_new(ctx);
	SSL_CTX_free(ctx);
	bio = kpci_datagram_bio(&meeting->pipe);
	if (!meeting->ssl || !bio)
		return false;
	SSL_set_bio(meeting->ssl, bio, bio);
	SSL_set_mtu(meeting->ssl, scene->mtu ? scene->mtu : 1400);
	if (server)
		SSL_set_accept_state(meeting->ssl);
	else
		SSL_set_connect_state(meeting->ssl);
	return true;
}

static bool ours_new(struct meeting *meeting, const struct scene *scene)
{
	static char id[KPC_KPCID_ENTRY_MAX + 1];
	struct kpc_handshake_policy policy = scene->policy;
	struct dtls_pair *dtls = &meeting->dtls;
	struct kpc_error err = { "" };

	memset(id, 'k', sizeof(id) - 1);
	strcpy(id + (scene->long_id ? KPC_KPCID_ENTRY_MAX - strlen(PAIR_ID) : 0), PAIR_ID);
	foreign_id = id;
	kpc_kpcid_set(&dtls->pair.id, id, strlen(id));
	dtls->pair.key = pair_key(PAIR_KEY);
	memcpy(foreign_key, kpc_key_octets(dtls->pair.key), sizeof(foreign_key));
	policy.role = scene->role;
	dtls->pair.cb = kpc_handshake_context_new(&policy, &err);
	dtls->cookies = kpc_dtls_cookies_new(&err);
	if (scene->role == KPC_ROLE_B)
		return dtls->pair.cb && dtls->cookies;
	dtls->b = kpc_dtls_new(dtls->pair.cb, &err);
	return dtls->b && !kpc_handshake_initiate(kpc_dtls_handshake(dtls->b), &dtls->pair.id,
						  dtls->pair.key, NULL, &err);
}

static bool to_them(struct meeting *meeting)
{
	const void *first;
	bool moved = false;
	size_t len;

	while (meeting->dtls.b && (first = kpc_dtls_output(meeting->dtls.b, &len))) {
		kpci_datagrams_append(&meeting->pipe.in, first, len);
		kpc_dtls_output_sent(meeting->dtls.b);
		moved = true;
	}
	return moved;
}

static void answer_hello(struct meeting *meeting, const uint8_t *datagram, size_t len)
{
	struct dtls_pair *dtls = &meeting->dtls;
	struct kpc_dtls_hello hello;

	switch (kpc_dtls_hello(dtls->cookies, A_ADDRESS, strlen(A_ADDRESS), datagram, len, 1,
			       &hello)) {
	case KPC_DTLS_HELLO_FIRST:
		kpci_datagrams_append(&meeting->pipe.in, hello.verify, sizeof(hello.verify));
		break;
	case KPC_DTLS_HELLO_PROVED:
		dtls->b = kpc_dtls_new(dtls->pair.cb, NULL);
		kpc_dtls_accept(dtls->b, datagram, len);
		kpc_dtls_advance(dtls->b);
		break;
	default:
		break;
	}
}

static bool to_us(struct meeting *meeting)
{
	struct dtls_pair *dtls = &meeting->dtls;
	const uint8_t *first;
	bool moved = false;
	size_t len;

	while ((first = kpci_datagrams_first(&meeting->pipe.out, &len))) {
		if (len > meeting->largest)
			meeting->largest = (unsigned int)len;
		if (dtls->b)
			dtls_pair_deliver(dtls->b, first, len);
		else
			answer_hello(meeting, first, len);
		kpci_datagrams_drop(&meeting->pipe.out);
		moved = true;
	}
	return moved;
}

static bool play(struct meeting *meeting)
{
	struct dtls_pair *dtls = &meeting->dtls;
	bool moved;

	if (dtls->b)
		kpc_dtls_advance(dtls->b);
	do {
		moved = to_them(meeting);
		SSL_do_handshake(meeting->ssl);
		ERR_clear_error();
		moved = to_us(meeting) || moved;
		if (dtls_state(dtls->b) == KPC_HANDSHAKE_WANT_KEY) {
			dtls_pair_answer(dtls);
			moved = true;
		}
	} while (moved);
	return dtls_state(dtls->b) == KPC_HANDSHAKE_DONE && SSL_is_init_finished(meeting->ssl);
}

static bool meet(struct meeting *meeting, const struct scene *scene)
{
	memset(meeting, 0, sizeof(*meeting));
	return ours_new(meeting, scene) && foreign_new(meeting, scene) && play(meeting);
}

static void part(struct meeting *meeting)
{
	SSL_free(meeting->ssl);
	kpci_datagrams_free(&meeting->pipe.in);
	kpci_datagrams_free(&meeting->pipe.out);
	dtls_pair_close(&meeting->dtls);
}

/* Words both ways, each a datagram of its own. */
static bool talks(struct meeting *meeting)
{
	uint8_t datagram[256], *at = datagram;
	const uint8_t *data = NULL, *first;
	size_t len, data_len = 0;
	ssize_t made;
	char got[64];

	for (int i = 0; i < 3; i++) {
		made = kpc_dtls_write(meeting->dtls.b, "from us", 7, datagram);
		if (made < 0)
			return false;
		kpci_datagrams_append(&meeting->pipe.in, datagram, (size_t)made);
		if (SSL_read(meeting->ssl, got, sizeof(got)) != 7 || memcmp(got, "from us", 7) ||
		    SSL_write(meeting->ssl, "from them", 9) != 9)
			return false;
		first = kpci_datagrams_first(&meeting->pipe.out, &len);
		memcpy(datagram, first, len);
		kpci_datagrams_drop(&meeting->pipe.out);
		at = datagram;
		if (kpc_dtls_read(meeting->dtls.b, &at, &len, &data, &data_len) !=
		    KPC_DTLS_RECORD_DATA || data_len != 9 || memcmp(data, "from them", 9))
			return false;
	}
	return true;
}

static enum kpc_dtls_record take_from_them(struct meeting *meeting)
{
	uint8_t datagram[512], *at = datagram;
	const uint8_t *data, *first;
	size_t len, data_len;

	first = kpci_datagrams_first(&meeting->pipe.out, &len);
	if (!first)
		return KPC_DTLS_RECORD_END;
	memcpy(datagram, first, len);
	kpci_datagrams_drop(&meeting->pipe.out);
	return kpc_dtls_read(meeting->dtls.b, &at, &len, &data, &data_len);
}

/* Either side ends it, and the other is told. */
static bool ends(struct meeting *meeting)
{
	uint8_t datagram[256];
	ssize_t made;
	char got[8];

	SSL_shutdown(meeting->ssl);
	if (take_from_them(meeting) != KPC_DTLS_RECORD_CLOSE)
		return false;
	made = kpc_dtls_close(meeting->dtls.b, datagram);
	if (made < 0)
		return false;
	kpci_datagrams_append(&meeting->pipe.in, datagram, (size_t)made);
	return SSL_read(meeting->ssl, got, sizeof(got)) <= 0 &&
	       SSL_get_shutdown(meeting->ssl) & SSL_RECEIVED_SHUTDOWN;
}

#define DGRAMS	.profile = KPC_PROFILE_ONEM2M, .versions = KPC_VERSION_FLAGS_DTLS12, \
		.offload = KPC_OFFLOAD_OFF
#define ONEM2M	{ DGRAMS }
#define NO_EMS	{ DGRAMS, .no_ems = true }
#define A	KPC_ROLE_A
#define B	KPC_ROLE_B
#define CCM8	"PSK-AES128-CCM8"
#define CBC	"PSK-AES128-CBC-SHA256"

static const struct scene scenes[] = {
	{ .name = "client of CCM_8", .role = B, .suite = CCM8, .policy = ONEM2M },
	{ .name = "client of CCM", .role = B, .suite = "PSK-AES128-CCM", .policy = ONEM2M },
	{ .name = "client of GCM", .role = B,
	  .suite = "PSK-AES128-GCM-SHA256", .policy = ONEM2M },
	{ .name = "client of AES-256-GCM", .role = B,
	  .suite = "PSK-AES256-GCM-SHA384", .policy = ONEM2M },
	{ .name = "client of CBC", .role = B, .suite = CBC, .policy = ONEM2M },
	{ .name = "client of ECDHE ChaCha20", .role = B,
	  .suite = "ECDHE-PSK-CHACHA20-POLY1305", .policy = ONEM2M },
	{ .name = "client of DHE GCM", .role = B,
	  .suite = "DHE-PSK-AES128-GCM-SHA256", .policy = ONEM2M },
	{ .name = "client with the longest KpcId", .role = B,
	  .suite = CCM8, .policy = ONEM2M, .long_id = true },
	{ .name = "client whose key exchange comes in pieces", .role = B,
	  .suite = "DHE-PSK-AES128-GCM-SHA256", .policy = ONEM2M,
	  .mtu = 256, .long_id = true },
	{ .name = "server of CCM_8", .role = A, .suite = CCM8, .policy = ONEM2M },
	{ .name = "server of CCM", .role = A, .suite = "PSK-AES128-CCM", .policy = ONEM2M },
	{ .name = "server of GCM", .role = A,
	  .suite = "PSK-AES128-GCM-SHA256", .policy = ONEM2M },
	{ .name = "server of CBC", .role = A, .suite = CBC, .policy = ONEM2M },
	{ .name = "server of ECDHE ChaCha20", .role = A,
	  .suite = "ECDHE-PSK-CHACHA20-POLY1305", .policy = ONEM2M },
	{ .name = "server of DHE GCM in pieces", .role = A,
	  .suite = "DHE-PSK-AES128-GCM-SHA256", .policy = ONEM2M, .mtu = 256 },
	{ .name = "client of CBC without Encrypt-then-MAC", .role = B,
	  .suite = CBC, .policy = ONEM2M,
	  .options = SSL_OP_NO_ENCRYPT_THEN_MAC, .say = "Encrypt-then-MAC" },
	{ .name = "client of CBC or CCM_8 without Encrypt-then-MAC", .role = B,
	  .suite = CBC ":" CCM8, .policy = ONEM2M, .options = SSL_OP_NO_ENCRYPT_THEN_MAC },
	{ .name = "server of CBC without Encrypt-then-MAC", .role = A,
	  .suite = CBC, .policy = ONEM2M,
	  .options = SSL_OP_NO_ENCRYPT_THEN_MAC, .say = "Encrypt-then-MAC" },
	{ .name = "client without Extended Master Secret", .role = B,
	  .suite = CCM8, .policy = ONEM2M,
	  .options = SSL_OP_NO_EXTENDED_MASTER_SECRET, .say = "Extended Master Secret" },
	{ .name = "server without Extended Master Secret", .role = A,
	  .suite = CCM8, .policy = ONEM2M,
	  .options = SSL_OP_NO_EXTENDED_MASTER_SECRET, .say = "Extended Master Secret" },
	{ .name = "client without it, where it is allowed", .role = B,
	  .suite = CCM8, .policy = NO_EMS,
	  .options = SSL_OP_NO_EXTENDED_MASTER_SECRET },
	{ .name = "client of DTLS 1.0", .role = B,
	  .suite = "PSK-AES128-CBC-SHA", .policy = ONEM2M, .version = DTLS1_VERSION,
	  .say = "unsupported protocol" },
	{ .name = "client of a suite that is not ours", .role = B,
	  .suite = "PSK-AES256-CCM8", .policy = ONEM2M,
	  .say = "nothing in common" },
};

static void check_scene(const struct scene *scene)
{
	struct meeting meeting;
	bool done = meet(&meeting, scene);
	const char *why = dtls_why(meeting.dtls.b);

	if (scene->say) {
		tap_ok(!done && strstr(why, scene->say), "T1 %s: %s", scene->name, why);
		if (scene->role == B || scene->options == SSL_OP_NO_ENCRYPT_THEN_MAC)
			tap_ok(!SSL_is_init_finished(meeting.ssl), "and it is not told otherwise");
	} else if (tap_ok(done, "T1 %s", scene->name)) {
		tap_ok(talks(&meeting), "and words both ways");
		/* OpenSSL counts one octet too few. */
		if (scene->mtu)
			tap_ok(meeting.largest <= (unsigned int)scene->mtu + 1,
			       "of datagrams of %u octets", meeting.largest);
		tap_ok(ends(&meeting), "and either ends it");
	} else {
		tap_note("%s", why);
	}
	part(&meeting);
}

/* What a peer asks for that there is none of. */
static void check_renegotiation(void)
{
	static const struct scene client = { .role = B, .suite = CCM8, .policy = ONEM2M };
	static const struct scene server = { .role = A, .suite = CCM8, .policy = ONEM2M };
	struct meeting meeting;
	bool held = meet(&meeting, &client);

	SSL_set_options(meeting.ssl, SSL_OP_LEGACY_SERVER_CONNECT);
	SSL_renegotiate(meeting.ssl);
	SSL_do_handshake(meeting.ssl);
	tap_ok(held && take_from_them(&meeting) == KPC_DTLS_RECORD_KEPT && !to_them(&meeting),
	       "a client that renegotiates gets no answer");
	part(&meeting);
	held = meet(&meeting, &server);
	SSL_renegotiate(meeting.ssl);
	SSL_do_handshake(meeting.ssl);
	tap_ok(held && take_from_them(&meeting) == KPC_DTLS_RECORD_KEPT && !to_them(&meeting),
	       "nor does a server");
	part(&meeting);
}

/* RFC 6066 4: what a client takes in one record. */
static void check_fragment_length(void)
{
	static const struct scene client = { .role = B, .suite = CCM8, .policy = ONEM2M,
					     .fragment = TLSEXT_max_fragment_length_512 };
	uint8_t octets[512] = { 0 }, datagram[sizeof(octets) + 1 + KPC_DTLS_OVERHEAD_MAX];
	struct meeting meeting;
	bool held = meet(&meeting, &client);
	ssize_t made = 0;

	if (held)
		made = kpc_dtls_write(meeting.dtls.b, octets, sizeof(octets) + 1, datagram);
	tap_ok(made == -EMSGSIZE, "a client that takes 512 octets in a record gets no more");
	if (held)
		made = kpc_dtls_write(meeting.dtls.b, octets, sizeof(octets), datagram);
	if (made > 0)
		kpci_datagrams_append(&meeting.pipe.in, datagram, (size_t)made);
	tap_ok(made > 0 && SSL_read(meeting.ssl, octets, sizeof(octets)) == sizeof(octets),
	       "and as many it gets");
	part(&meeting);
}

int main(void)
{
	tap_begin();
	for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++)
		check_scene(&scenes[i]);
	check_renegotiation();
	check_fragment_length();
	return tap_end();
}
