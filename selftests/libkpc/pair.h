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

/* What both sides share under one policy, and what b knows; @err tells why not. */
static inline bool pair_contexts(struct pair *pair, const struct kpc_handshake_policy *policy,
				 const char *b_key, struct kpc_error *err)
{
	struct kpc_handshake_policy side = *policy;

	if (!pair->id.len)
		kpc_kpcid_set(&pair->id, PAIR_ID, strlen(PAIR_ID));
	pair->key = pair_key(b_key);
	side.role = KPC_ROLE_A;
	pair->ca = kpc_handshake_context_new(&side, err);
	side.role = KPC_ROLE_B;
	pair->cb = pair->ca ? kpc_handshake_context_new(&side, err) : NULL;
	return pair->key && pair->cb;
}

/* a begins; @err tells why not. */
static inline bool pair_initiate(struct kpc_handshake *a, const char *a_key, const char *authority,
				 struct kpc_error *err)
{
	struct kpc_key *key = pair_key(a_key);
	struct kpc_kpcid id;
	bool begun;

	kpc_kpcid_set(&id, PAIR_ID, strlen(PAIR_ID));
	begun = key && !kpc_handshake_initiate(a, &id, key, authority, err);
	kpc_key_free(key);
	return begun;
}

/* Both sides under one policy; 0, or -1 with a note. */
static inline int pair_open(struct pair *pair, const struct kpc_handshake_policy *policy,
			    const char *a_key, const char *b_key)
{
	struct kpc_error err = { "" };
	bool shared = pair_contexts(pair, policy, b_key, &err);

	pair->a = shared ? kpc_handshake_new(pair->ca, &err) : NULL;
	pair->b = pair->a ? kpc_handshake_new(pair->cb, &err) : NULL;
	if (pair->b && pair_initiate(pair->a, a_key, "B.example", &err))
		return 0;
	tap_note("pair: %s", err.text);
	return -1;
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

/* What b knows of what is offered to @b. */
static inline void pair_tell(struct pair *pair, struct kpc_handshake *b)
{
	const struct kpc_kpcid *offer = kpc_handshake_offer(b);
	bool known = offer && kpc_kpcid_equal(offer, &pair->id);

	pair->asked = true;
	kpc_handshake_key(b, known ? pair->key : NULL, pair->policy);
}

static inline void pair_answer(struct pair *pair)
{
	pair_tell(pair, pair->b);
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
