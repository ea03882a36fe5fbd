/* SPDX-License-Identifier: MIT */
/* Two entities in one process, joined by memory: what the handshake tests share. */
#ifndef PAIR_H
#define PAIR_H

#include <errno.h>
#include <string.h>

#include <kpc/handshake.h>
#include <kpc/key.h>

#include "../tap.h"

#define PAIR_ID		"gw-1@site-a.example"
#define PAIR_KEY	"hex:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define PAIR_OTHER_KEY	"hex:ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

/**
 * struct pair - a (role a) and b (role b)
 * @chunk: octets handed over at a time, 0: all there are
 * @id: KpcId that b knows; empty: none
 * @key: its Kpc at b
 * @policy: of b's association; NULL: the context's
 * @asked: WANT_KEY was seen
 */
struct pair {
	struct kpc_handshake_context *ca, *cb;
	struct kpc_handshake *a, *b;
	size_t chunk;
	struct kpc_kpcid id;
	struct kpc_key *key;
	const struct kpc_handshake_policy *policy;
	bool asked;
};

static inline struct kpc_key *pair_key(const char *text)
{
	struct kpc_error err;
	struct kpc_key *key;

	if (kpc_key_parse(&key, text, &err)) {
		tap_note("%s", err.text);
		return NULL;
	}
	return key;
}

/* Both sides under one policy; 0, or -1 with a note. */
static inline int pair_open(struct pair *pair, const struct kpc_handshake_policy *policy,
			    const char *a_key, const char *b_key)
{
	struct kpc_handshake_policy side = *policy;
	struct kpc_key *key = pair_key(a_key);
	struct kpc_error err = { "" };
	struct kpc_kpcid id;

	kpc_kpcid_set(&id, PAIR_ID, strlen(PAIR_ID));
	if (!pair->id.len)
		pair->id = id;
	pair->key = pair_key(b_key);
	side.role = KPC_ROLE_A;
	pair->ca = kpc_handshake_context_new(&side, &err);
	side.role = KPC_ROLE_B;
	pair->cb = pair->ca ? kpc_handshake_context_new(&side, &err) : NULL;
	pair->a = pair->cb ? kpc_handshake_new(pair->ca, &err) : NULL;
	pair->b = pair->a ? kpc_handshake_new(pair->cb, &err) : NULL;
	if (!key || !pair->key || !pair->b ||
	    kpc_handshake_initiate(pair->a, &id, key, "B.example", &err)) {
		tap_note("pair: %s", err.text);
		kpc_key_free(key);
		return -1;
	}
	kpc_key_free(key);
	return 0;
}

static inline void pair_close(struct pair *pair)
{
	kpc_handshake_free(pair->a);
	kpc_handshake_free(pair->b);
	kpc_handshake_context_free(pair->ca);
	kpc_handshake_context_free(pair->cb);
	kpc_key_free(pair->key);
	memset(pair, 0, sizeof(*pair));
}

/* Moves output of one side to the other; how much. */
static inline size_t pair_move(struct pair *pair, struct kpc_handshake *from,
			       struct kpc_handshake *to)
{
	size_t moved = 0, len;
	const void *octets;

	while ((octets = kpc_handshake_output(from, &len))) {
		int taken;

		if (pair->chunk && len > pair->chunk)
			len = pair->chunk;
		taken = kpc_handshake_input(to, octets, len);
		if (taken <= 0)
			break;
		kpc_handshake_output_sent(from, (size_t)taken);
		moved += (size_t)taken;
		if (kpc_handshake_advance(to) != KPC_HANDSHAKE_WANT_INPUT)
			break;
	}
	return moved;
}

static inline void pair_answer(struct pair *pair)
{
	const struct kpc_kpcid *offer = kpc_handshake_offer(pair->b);
	bool known = offer && kpc_kpcid_equal(offer, &pair->id);

	pair->asked = true;
	kpc_handshake_key(pair->b, known ? pair->key : NULL, pair->policy);
	kpc_handshake_advance(pair->b);
}

/* Runs until nothing moves any more. */
static inline void pair_run(struct pair *pair)
{
	size_t moved;

	kpc_handshake_advance(pair->a);
	kpc_handshake_advance(pair->b);
	do {
		moved = pair_move(pair, pair->a, pair->b);
		if (kpc_handshake_state(pair->b) == KPC_HANDSHAKE_WANT_KEY) {
			pair_answer(pair);
			moved++;
		}
		moved += pair_move(pair, pair->b, pair->a);
	} while (moved);
}

static inline bool pair_done(const struct pair *pair)
{
	return kpc_handshake_state(pair->a) == KPC_HANDSHAKE_DONE &&
	       kpc_handshake_state(pair->b) == KPC_HANDSHAKE_DONE;
}

static inline const char *pair_why(const struct kpc_handshake *hs)
{
	const struct kpc_handshake_failure *failure = kpc_handshake_failure(hs);

	return failure ? failure->text.text : "no failure";
}

/* A policy for exactly one suite. */
static inline struct kpc_handshake_policy pair_policy(const struct kpc_suite *suite)
{
	return (struct kpc_handshake_policy) {
		.versions = suite->version == KPC_VERSION_TLS13 ? KPC_VERSION_FLAGS_TLS13 :
								  KPC_VERSION_FLAGS_TLS12,
		.offload = KPC_OFFLOAD_PREFER,
		.suites = { suite->code },
		.suite_count = 1,
	};
}

#endif
