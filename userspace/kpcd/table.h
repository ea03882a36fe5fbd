/* SPDX-License-Identifier: MIT */
/*
 * The associations as the warden knows them.
 */
#ifndef KPCD_TABLE_H
#define KPCD_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include <kpc/association.h>

#include "message.h"
#include "options.h"
#include "resolver.h"

struct listener;
struct local;
struct warden;

/* Establish requests that wait for one handshake of an association. */
#define TABLE_REQUESTS_MAX	16

/**
 * enum entry_state - how far the agent is with an association
 * @ENTRY_IDLE: nothing open: start manual, or closed by the operator
 * @ENTRY_RESOLVING: role a, IdB's address is being looked up
 * @ENTRY_HANDSHAKE: role a, a worker makes the handshake
 * @ENTRY_OPEN: its listener is open
 * @ENTRY_RETRY: failed, to be tried again
 */
enum entry_state {
	ENTRY_IDLE,
	ENTRY_RESOLVING,
	ENTRY_HANDSHAKE,
	ENTRY_OPEN,
	ENTRY_RETRY,
};

/**
 * struct entry - one association
 * @warden: whose
 * @next: in the table
 * @next_id: in the same bucket by @id
 * @next_kpcid: in the same bucket by KpcId
 * @id: the module's, or the warden's own in --table mode
 * @association: what is configured
 * @key_unread: added after the key store was read: what it had for this KpcId
 *	may be of an association before, and is released to nobody
 * @seen: scratch of who goes through all
 * @state: see enum entry_state
 * @wanted: to be open: by start auto or demand, or by command
 * @handshake: at the next opening, a handshake comes first
 * @requests: establish requests to be answered
 * @request_count: how many of @requests
 * @worker: ENTRY_HANDSHAKE, whom it was given to
 * @attempt: number of the last handshake
 * @query: ENTRY_RESOLVING, and lookups of an open association
 * @timer: ENTRY_RETRY, when; ENTRY_HANDSHAKE, its end; ENTRY_OPEN, next lookup
 * @failures: in a row, for the back-off
 * @resolved_at: CLOCK_MONOTONIC milliseconds of the last lookup
 * @address_count: how many of @addresses
 * @addresses: role a, where IdB is
 * @listener: role b, the listener it shares; role a of DTLS, its plain one
 * @local: role a of TLS, its plain listener
 * @credits: keys released per worker and not yet followed by a backend
 */
struct entry {
	struct warden *warden;
	struct entry *next;
	struct entry *next_id;
	struct entry *next_kpcid;
	uint32_t id;
	struct kpc_association association;
	bool key_unread;
	bool seen;
	enum entry_state state;
	bool wanted;
	bool handshake;
	uint32_t requests[TABLE_REQUESTS_MAX];
	unsigned int request_count;
	unsigned int worker;
	uint32_t attempt;
	struct resolver_query query;
	struct loop_timer timer;
	unsigned int failures;
	uint64_t resolved_at;
	uint32_t address_count;
	struct sockaddr_in6 addresses[KPC_MESSAGE_ADDRESSES_MAX];
	struct listener *listener;
	struct local *local;
	uint16_t credits[OPTIONS_WORKERS_MAX];
};

/* Associations that went away and whose connections are still being ended. */
#define TABLE_DEPARTED	32

/**
 * struct departed - what the log still needs of an association that is gone
 */
struct departed {
	uint32_t id;
	struct kpc_association association;
};

/**
 * struct table - all of them, found by id and by KpcId
 * @first: the list
 * @last: where the next one is hooked in
 * @count: how many
 * @size: buckets of each hash, a power of two
 * @by_id: buckets
 * @by_kpcid: buckets
 * @departed: the last ones that were removed
 * @departed_next: which of @departed is overwritten next
 */
struct table {
	struct entry *first;
	struct entry **last;
	size_t count;
	size_t size;
	struct entry **by_id;
	struct entry **by_kpcid;
	struct departed departed[TABLE_DEPARTED];
	unsigned int departed_next;
};

/** entry_handshake_seconds() - what a handshake of it may take */
static inline uint32_t entry_handshake_seconds(const struct entry *entry)
{
	uint32_t seconds = entry->association.limit.handshake_seconds;

	return seconds ? seconds : KPC_MESSAGE_HANDSHAKE_SECONDS;
}

/** table_init() - an empty table; 0 or -ENOMEM */
int table_init(struct table *table);

/**
 * table_add() - a new entry for an association
 *
 * Return: the entry, or NULL without memory.
 */
struct entry *table_add(struct table *table, uint32_t id,
			const struct kpc_association *association);

/** table_remove() - take an entry out and free it */
void table_remove(struct table *table, struct entry *entry);

/** table_by_id() - the entry of an id, or NULL */
struct entry *table_by_id(const struct table *table, uint32_t id);

/**
 * table_association() - what an id is or was a moment ago, for the log
 *
 * Return: the association or NULL.
 */
const struct kpc_association *table_association(const struct table *table,
						uint32_t id);

/** table_by_name() - the entry of a name, or NULL; goes through all */
struct entry *table_by_name(const struct table *table, const char *name);

/**
 * table_by_kpcid() - the next entry of a KpcId
 * @after: the one before it; NULL for the first
 *
 * Return: the entry or NULL.
 */
struct entry *table_by_kpcid(const struct table *table,
			     const struct kpc_kpcid *id,
			     const struct entry *after);

#endif
