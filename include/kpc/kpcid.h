/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* KpcId: the psk_identity of the handshake, octet for octet. */
#ifndef KPC_KPCID_H
#define KPC_KPCID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/kpc.h>

#include <kpc/error.h>

/* RFC 4279 5.3 asks for support of 128 octets; new entries stop there. */
#define KPC_KPCID_ENTRY_MAX	128

/* Room for kpc_kpcid_text(): every octet as \xNN, and the NUL. */
#define KPC_KPCID_TEXT_MAX	(4 * KPC_KPC_ID_MAX + 1)

/**
 * struct kpc_kpcid - a psk_identity
 * @len: octets used; 0 only in an empty one
 * @octets: as on the wire, no terminator
 */
struct kpc_kpcid {
	uint8_t len;
	uint8_t octets[KPC_KPC_ID_MAX];
};

/**
 * kpc_kpcid_parse() - read a KpcId from configuration text
 * @id: result; untouched when refused
 * @text: the KpcId; in format any, ``\xNN`` stands for one octet and ``\\``
 *	for a backslash, so that what kpc_kpcid_text() printed reads back
 * @format: strict: ``relative@FQDN`` of TS-0003 10.5, relative part from
 *	``A-Za-z0-9._-``; any: UTF-8 without NUL and control characters
 * @err: reason of a refusal, or NULL
 *
 * Return: 0, -EINVAL (form), -ENAMETOOLONG (over KPC_KPCID_ENTRY_MAX).
 */
int kpc_kpcid_parse(struct kpc_kpcid *id, const char *text, enum kpc_id_format format,
		    struct kpc_error *err);

/**
 * kpc_kpcid_set() - take octets from the wire
 * @id: result; untouched when refused
 * @octets: the octets
 * @len: 1 to KPC_KPC_ID_MAX
 *
 * No check of form: a lookup decides whether anybody knows it.
 *
 * Return: 0, -EINVAL (empty), -ENAMETOOLONG.
 */
int kpc_kpcid_set(struct kpc_kpcid *id, const void *octets, size_t len);

/**
 * kpc_kpcid_check() - apply a format's rules to octets
 * @id: what to check
 * @format: strict or any
 * @err: reason of a refusal, or NULL
 *
 * Return: 0, -EINVAL, -ENAMETOOLONG.
 */
int kpc_kpcid_check(const struct kpc_kpcid *id, enum kpc_id_format format,
		    struct kpc_error *err);

/** kpc_kpcid_equal() - octet for octet */
bool kpc_kpcid_equal(const struct kpc_kpcid *a, const struct kpc_kpcid *b);

/**
 * kpc_kpcid_fold_compare() - order that takes A-Z for a-z
 * @a: one
 * @b: other
 *
 * Two ids that compare 0 here and are not kpc_kpcid_equal() differ only in
 * case and are refused at load.
 *
 * Return: negative, 0, positive, as memcmp().
 */
int kpc_kpcid_fold_compare(const struct kpc_kpcid *a, const struct kpc_kpcid *b);

/**
 * kpc_kpcid_text() - safe form for printing
 * @id: what to print
 * @text: result, NUL-terminated: printable ASCII without space, backslash and
 *	quotes as they are, all else ``\xNN`` (``\\`` for the backslash)
 *
 * Return: @text, so that it can stand in an argument list.
 */
const char *kpc_kpcid_text(const struct kpc_kpcid *id, char text[KPC_KPCID_TEXT_MAX]);

#endif
