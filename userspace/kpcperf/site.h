/* SPDX-License-Identifier: MIT */
/*
 * Who this end may be: associations, their keys, and what they allow.
 */
#ifndef KPCPERF_SITE_H
#define KPCPERF_SITE_H

#include <kpc/association.h>
#include <kpc/error.h>
#include <kpc/handshake.h>
#include <kpc/keystore.h>

#include "binder.h"
#include "channel.h"

/**
 * struct site_wish - what the command line says of it
 * @table: association file; NULL: /etc/kpc/kpc.conf and /etc/kpc/conf.d
 * @keys: key store
 * @association: the one to use; NULL: the only one of role a, all of role b
 * @version: KPC_VERSION_TLS12 or _TLS13; 0: what associations allow
 * @suite: IANA code; 0: what associations allow
 * @carrier: who makes the records
 * @enforce: the module is to bind the connections
 */
struct site_wish {
	const char *table;
	const char *keys;
	const char *association;
	uint16_t version;
	uint16_t suite;
	enum carrier carrier;
	bool enforce;
};

/**
 * struct site_entry - an association of the own role
 * @association: as configured
 * @policy: what a handshake under it may agree on
 * @id: the module's; 0: it has none of that name and KpcId, or is not asked
 */
struct site_entry {
	const struct kpc_association *association;
	struct kpc_handshake_policy policy;
	uint32_t id;
};

/**
 * struct site - read once, then only looked at, by any thread
 * @role: a: client, b: server
 * @table: all associations of the file
 * @keys: the key store
 * @entries: those of the own role that the wish allows
 * @count: how many
 * @policy: what @entries allow together
 * @binder: the module's agent; NULL: the module is not asked
 */
struct site {
	enum kpc_role role;
	struct kpc_table table;
	struct kpc_keystore *keys;
	struct site_entry *entries;
	size_t count;
	struct kpc_handshake_policy policy;
	struct binder *binder;
};

/**
 * site_open() - read associations and keys
 * @site: filled in; to be closed in any case
 * @role: a: client, b: server
 * @wish: what to use of it, which narrows what associations allow
 * @err: what is refused, why, and what is accepted
 *
 * Return: 0 or a negative errno.
 */
int site_open(struct site *site, enum kpc_role role,
	      const struct site_wish *wish, struct kpc_error *err);

/** site_close() - wipe the keys and free all */
void site_close(struct site *site);

/** site_id() - the module's id of an association of the site, or 0 */
uint32_t site_id(const struct site *site,
		 const struct kpc_association *association);

/** site_initiate() - role a: tell a handshake whom to speak to, by which key */
int site_initiate(const struct site *site, struct kpc_handshake *handshake,
		  const struct kpc_association **association,
		  struct kpc_error *err);

/** site_answer() - role b: give the key of the KpcId that is offered, or none */
int site_answer(const struct site *site, struct kpc_handshake *handshake,
		const struct kpc_association **association);

#endif
