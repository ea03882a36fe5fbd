/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* oneM2M identities: the CSE-ID or AE-ID of an entity, in canonical form. */
#ifndef KPC_IDENTITY_H
#define KPC_IDENTITY_H

#include <stdbool.h>
#include <linux/kpc.h>

#include <kpc/error.h>

/**
 * struct kpc_identity - an identity of TS-0001 7.2, absolute and canonical
 * @kind: CSE or AE; the text alone cannot tell ``/S988`` the AE from the CSE
 * @text: ``//sp.example/cse``, ``//sp.example/cse/C123`` or
 *	``//sp.example/S123``; the service provider's FQDN in lower case
 */
struct kpc_identity {
	enum kpc_kind kind;
	char text[KPC_IDENTITY_MAX + 1];
};

/**
 * kpc_identity_parse() - read an identity and make it absolute
 * @id: result; untouched when refused
 * @text: absolute (``//sp.example/cse``) or SP-relative (``/cse``) form
 * @kind: what it names
 * @sp_id: FQDN of the service provider for SP-relative forms, with or without
 *	the leading ``//``; NULL: only absolute forms are accepted
 * @err: reason of a refusal, or NULL
 *
 * Octets are RFC 3986 unreserved; percent-encoding is refused. A CSE has one
 * part after the provider; an AE has ``C...`` after its CSE, or ``S...`` alone.
 *
 * Return: 0, -EINVAL (form), -ENAMETOOLONG.
 */
int kpc_identity_parse(struct kpc_identity *id, const char *text, enum kpc_kind kind,
		       const char *sp_id, struct kpc_error *err);

/**
 * kpc_identity_equal() - compare canonical forms and kinds
 * @a: one
 * @b: other
 */
bool kpc_identity_equal(const struct kpc_identity *a, const struct kpc_identity *b);

/**
 * kpc_kind_name() - word for a kind
 * @kind: CSE or AE
 *
 * Return: "cse" or "ae"; NULL for anything else.
 */
const char *kpc_kind_name(enum kpc_kind kind);

#endif
