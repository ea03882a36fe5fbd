/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The Association Security Handshake: TLS-PSK, octets in, octets out, no I/O.
 * With datagrams in place of octets it is DTLS-PSK, see <kpc/dtls.h>.
 */
#ifndef KPC_HANDSHAKE_H
#define KPC_HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/kpc.h>

#include <kpc/error.h>
#include <kpc/key.h>
#include <kpc/kpcid.h>
#include <kpc/suite.h>

#define KPC_HANDSHAKE_GROUPS_MAX	8
#define KPC_HANDSHAKE_OCTETS_MAX	65536	/* taken in before it fails */
#define KPC_AUTHORITY_MAX		255

/* Named groups (IANA) for group lists. */
#define KPC_GROUP_SECP256R1		23
#define KPC_GROUP_SECP384R1		24
#define KPC_GROUP_X25519		29
#define KPC_GROUP_X25519MLKEM768	4588	/* TLS 1.3; of OpenSSL 3.5 and later */

/**
 * struct kpc_handshake_policy - what a handshake may agree on
 * @role: a: TLS client, b: TLS server
 * @profile: where the defaults come from
 * @versions: KPC_VERSION_FLAGS_TLS12 | _TLS13, or _DTLS12 alone; 0: the
 *	profile's (modern: 1.3, onem2m: 1.2)
 * @offload: REQUIRE leaves out suites that the kernel cannot carry; OFF keeps no
 *	keys for it, see kpc_secrets_derive()
 * @suites: IANA codes by preference, for all versions in one list
 * @suite_count: used of @suites; 0: the profile's. modern: the TLS 1.3 suites,
 *	and of TLS 1.2 those with forward secrecy; onem2m: plain PSK too, CBC
 *	last. CCM_8 only where it is listed, and with onem2m on DTLS.
 * @groups: IANA codes by preference; a context's. What a peer is told of them
 *	before it has proved its Kpc must not depend on the KpcId (X5), so an
 *	association's own are not applied with its key.
 * @group_count: used of @groups; 0: X25519, P-256
 * @psk_ke: TLS 1.3 without (EC)DHE is allowed
 * @no_ems: TLS 1.2 without Extended Master Secret is allowed
 * @authority: role b, with a key: host name that the peer must have asked for
 *	(SNI), in whatever case; NULL: any or none. Not copied.
 *
 * All zeroes is a good start: role a, profile modern, offload require. A
 * context for role b that serves many associations is given what they allow
 * together, see kpc_handshake_policy_unite(); each one's own policy is applied
 * with its key.
 */
struct kpc_handshake_policy {
	enum kpc_role role;
	enum kpc_profile profile;
	uint32_t versions;
	enum kpc_offload offload;
	uint16_t suites[KPC_SUITES_MAX];
	unsigned int suite_count;
	uint16_t groups[KPC_HANDSHAKE_GROUPS_MAX];
	unsigned int group_count;
	bool psk_ke;
	bool no_ems;
	const char *authority;
};

/**
 * enum kpc_handshake_state - what a handshake waits for
 * @KPC_HANDSHAKE_WANT_INPUT: kpc_handshake_need() octets from the peer
 * @KPC_HANDSHAKE_WANT_KEY: kpc_handshake_key() for
 *	kpc_handshake_offer(), however late
 * @KPC_HANDSHAKE_DONE: both sides proved Kpc; see kpc_handshake_result()
 * @KPC_HANDSHAKE_FAILED: see kpc_handshake_failure()
 *
 * In every state there may be output to send: send it first. After FAILED that
 * is the alert.
 */
enum kpc_handshake_state {
	KPC_HANDSHAKE_WANT_INPUT,
	KPC_HANDSHAKE_WANT_KEY,
	KPC_HANDSHAKE_DONE,
	KPC_HANDSHAKE_FAILED,
};

/**
 * enum kpc_handshake_cause - why a handshake failed, for counters and logs
 * @KPC_HANDSHAKE_NOT_TLS: the octets are not TLS records
 * @KPC_HANDSHAKE_UNKNOWN: the offered KpcId is not known (role b; outside this looks
 *	like WRONG_KEY)
 * @KPC_HANDSHAKE_WRONG_KEY: KpcId known, Kpc is not the same on both sides
 * @KPC_HANDSHAKE_POLICY: nothing in common that both allow
 * @KPC_HANDSHAKE_ALERT: the peer ended it; the text names its alert. A wrong
 *	Kpc looks like this at the side that is told of it.
 * @KPC_HANDSHAKE_PROTOCOL: the peer broke the protocol
 * @KPC_HANDSHAKE_LOCAL: out of memory and the like
 */
enum kpc_handshake_cause {
	KPC_HANDSHAKE_NOT_TLS = 1,
	KPC_HANDSHAKE_UNKNOWN,
	KPC_HANDSHAKE_WRONG_KEY,
	KPC_HANDSHAKE_POLICY,
	KPC_HANDSHAKE_ALERT,
	KPC_HANDSHAKE_PROTOCOL,
	KPC_HANDSHAKE_LOCAL,
};

/**
 * struct kpc_handshake_failure - how it failed
 * @cause: see enum kpc_handshake_cause
 * @alert_sent: TLS alert number, -1: none
 * @alert_received: TLS alert number, -1: none
 * @text: one sentence for the log
 */
struct kpc_handshake_failure {
	enum kpc_handshake_cause cause;
	int alert_sent;
	int alert_received;
	struct kpc_error text;
};

/**
 * struct kpc_handshake_result - what was agreed
 * @version: as on the wire
 * @suite: IANA code; kpc_suite_by_code() knows it
 * @forward_secret: an (EC)DHE took part
 * @extended_master_secret: TLS 1.2: it was used; always true for TLS 1.3
 * @kpc_id: the KpcId whose Kpc was proved
 */
struct kpc_handshake_result {
	uint16_t version;
	uint16_t suite;
	bool forward_secret;
	bool extended_master_secret;
	struct kpc_kpcid kpc_id;
};

/**
 * kpc_handshake_policy_unite() - have a listener offer what one more association allows
 * @all: what those before it allow together; all zeroes but for the role: there
 *	are none. No context is to be made of that: it would offer a profile's
 *	suites.
 * @one: the association's policy
 * @err: why @one allows nothing, or NULL
 *
 * @all names each version and suite that an association behind the listener
 * allows with the rest of its policy, and no other: RFC 5246 7.4.1.3 and RFC
 * 8446 4.1.3 have the server choose from what it offers, which it does before it
 * knows by the KpcId which association it is (RFC 4279 2), or has seen it proved.
 * A suite more would be chosen for peers that are refused with it afterwards. So
 * too with psk_ke, no_ems and groups. There is no authority.
 *
 * Where all associations name the same suites in the same order, that is the
 * order; else it is that of kpc_suite_table(), so that the order in which they
 * were added has no influence. So too with groups.
 *
 * Return: 0, or -EINVAL where @one is not a policy of the role of @all or leaves
 * nothing to offer; @all is then as before.
 */
int kpc_handshake_policy_unite(struct kpc_handshake_policy *all,
			       const struct kpc_handshake_policy *one, struct kpc_error *err);

/**
 * kpc_group_by_name() - the code of a named group
 * @name: X25519MLKEM768, X25519, secp256r1 or secp384r1, in whatever case
 *
 * Return: IANA's code, 0: it is none of these.
 */
uint16_t kpc_group_by_name(const char *name);

/** kpc_group_usable() - whether OpenSSL has a group, as it is here */
bool kpc_group_usable(uint16_t group);

struct kpc_handshake_context;
struct kpc_handshake;

/**
 * kpc_handshake_context_new() - what many handshakes share
 * @policy: copied
 * @err: reason of a refusal, or NULL
 *
 * Allocates an SSL_CTX. Not to be shared between threads without a lock; a
 * handshake keeps what it needs of it alive.
 *
 * Return: the context, or NULL with errno set (EINVAL: the policy leaves
 * nothing to offer, or names a suite or group that is not ours).
 */
struct kpc_handshake_context *
kpc_handshake_context_new(const struct kpc_handshake_policy *policy, struct kpc_error *err);

/** kpc_handshake_context_free() - NULL is allowed */
void kpc_handshake_context_free(struct kpc_handshake_context *context);

/**
 * kpc_handshake_new() - one handshake
 * @context: its policy
 * @err: reason of a failure, or NULL
 *
 * Return: the handshake, or NULL with errno set (EINVAL: the context is one of
 * DTLS, which is for kpc_dtls_new()).
 */
struct kpc_handshake *kpc_handshake_new(struct kpc_handshake_context *context,
					struct kpc_error *err);

/** kpc_handshake_free() - wipes what it holds; NULL is allowed */
void kpc_handshake_free(struct kpc_handshake *hs);

/**
 * kpc_handshake_initiate() - tell role a whom to speak to, before the first advance
 * @hs: handshake of role a
 * @kpc_id: psk_identity to send; at most 128 octets
 * @key: its Kpc; copied
 * @authority: B's host name for SNI; NULL or an address literal: none is sent
 * @err: reason of a refusal, or NULL
 *
 * Return: 0, -EINVAL, -ENOMEM.
 */
int kpc_handshake_initiate(struct kpc_handshake *hs, const struct kpc_kpcid *kpc_id,
			   const struct kpc_key *key, const char *authority,
			   struct kpc_error *err);

/**
 * kpc_handshake_advance() - go as far as it can
 * @hs: handshake
 *
 * To be called first of all (role a then has a ClientHello to send), after
 * every kpc_handshake_input() that filled the need, and after
 * kpc_handshake_key().
 *
 * Return: the state.
 */
enum kpc_handshake_state kpc_handshake_advance(struct kpc_handshake *hs);

/** kpc_handshake_state() - the state without doing anything */
enum kpc_handshake_state kpc_handshake_state(const struct kpc_handshake *hs);

/**
 * kpc_handshake_need() - how much to read from the peer
 * @hs: handshake
 *
 * Never reaches past the record now being read, so what follows the handshake
 * stays in the socket for the kernel to decrypt.
 *
 * Return: octets; 0 in any state but WANT_INPUT.
 */
size_t kpc_handshake_need(const struct kpc_handshake *hs);

/**
 * kpc_handshake_input() - hand in what the peer sent
 * @hs: handshake in WANT_INPUT
 * @octets: what was read
 * @len: how much; fewer than the need is fine, and so is more when it was only
 *	peeked at: what is over is not taken
 *
 * Call kpc_handshake_advance() whenever it took the whole need.
 *
 * Return: octets taken, or -EINVAL in another state.
 */
int kpc_handshake_input(struct kpc_handshake *hs, const void *octets, size_t len);

/**
 * kpc_handshake_input_end() - the peer closed its side
 * @hs: handshake
 *
 * Return: the state, which is FAILED unless it was DONE.
 */
enum kpc_handshake_state kpc_handshake_input_end(struct kpc_handshake *hs);

/**
 * kpc_handshake_output() - what to send
 * @hs: handshake
 * @len: octets to send, 0: nothing
 *
 * Return: the octets, valid until the next call other than
 * kpc_handshake_output_sent().
 */
const void *kpc_handshake_output(const struct kpc_handshake *hs, size_t *len);

/** kpc_handshake_output_sent() - @len octets of the output have been sent */
void kpc_handshake_output_sent(struct kpc_handshake *hs, size_t len);

/**
 * kpc_handshake_offer() - the KpcId the peer offers, in WANT_KEY
 * @hs: handshake of role b
 *
 * Octets of an unauthenticated peer. A ClientHello of TLS 1.3 may name many
 * (RFC 8446 4.2.11); the first one counts that has a hash in common and at most
 * KPC_KPC_ID_MAX octets, which a ticket of another server has not. Whether a
 * later one were taken would tell a peer that has a key of his own whether the
 * first is known (X5).
 *
 * Return: the KpcId, valid as long as @hs; NULL: there is none.
 */
const struct kpc_kpcid *kpc_handshake_offer(const struct kpc_handshake *hs);

/**
 * kpc_handshake_authority() - host name the peer asked for (SNI)
 * @hs: handshake of role b, in WANT_KEY or later
 *
 * Return: the name in lower case, NULL where none was sent.
 */
const char *kpc_handshake_authority(const struct kpc_handshake *hs);

/**
 * kpc_handshake_withhold() - why kpc_handshake_key() will get no key
 * @hs: handshake of role b
 * @why: of a KpcId that is known all the same, as "..., but WHY"; kept, not copied
 *
 * For kpc_handshake_failure() alone: the peer is told no more than for any KpcId
 * without a key.
 */
void kpc_handshake_withhold(struct kpc_handshake *hs, const char *why);

/**
 * kpc_handshake_key() - answer WANT_KEY
 * @hs: handshake
 * @key: Kpc of the KpcId offered, copied; NULL: it is not known. The handshake
 *	takes two of the slots of kpc_key_reserve() from here to its end.
 * @policy: what the association of that KpcId allows; NULL: all that the
 *	context does
 *
 * An unknown KpcId, and one whose association does not allow the version, suite
 * or authority at hand, goes on with a key nobody knows: outside it looks like a
 * wrong Kpc (X5). The caller takes the same path and time for both.
 *
 * Return: 0, -EINVAL (state, or nothing was offered), -ENOMEM.
 */
int kpc_handshake_key(struct kpc_handshake *hs, const struct kpc_key *key,
		      const struct kpc_handshake_policy *policy);

/** kpc_handshake_result() - after DONE; NULL before */
const struct kpc_handshake_result *kpc_handshake_result(const struct kpc_handshake *hs);

/** kpc_handshake_failure() - after FAILED; NULL before */
const struct kpc_handshake_failure *kpc_handshake_failure(const struct kpc_handshake *hs);

/**
 * kpc_handshake_failure_lasts() - whether the same would happen again
 *
 * Return: true where one of the two sides refuses what the other is configured
 * to: a Kpc, a KpcId, versions, suites; false where another time may go better.
 */
bool kpc_handshake_failure_lasts(const struct kpc_handshake_failure *failure);

/** kpc_alert_name() - word for a TLS alert number, "unknown alert" where there is none */
const char *kpc_alert_name(int alert);

#endif
