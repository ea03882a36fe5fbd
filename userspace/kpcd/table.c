// SPDX-License-Identifier: MIT
/*
 * The associations as the warden knows them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"

#define TABLE_SIZE	256

/* FNV-1a. KpcIds in the table are the operator's, so no keyed hash. */
static uint32_t hash(const void *octets, size_t len)
{
	const uint8_t *at = octets;
	uint32_t value = 2166136261u;

	while (len--) {
		value ^= *at++;
		value *= 16777619u;
	}
	return value;
}

static struct entry **bucket_id(const struct table *table, uint32_t id)
{
	return &table->by_id[hash(&id, sizeof(id)) & (table->size - 1)];
}

static struct entry **bucket_kpcid(const struct table *table,
				   const struct kpc_kpcid *id)
{
	return &table->by_kpcid[hash(id->octets, id->len) & (table->size - 1)];
}

static int set_size(struct table *table, size_t size)
{
	struct entry **by_id = calloc(size, sizeof(*by_id));
	struct entry **by_kpcid = calloc(size, sizeof(*by_kpcid));

	if (!by_id || !by_kpcid) {
		free(by_id);
		free(by_kpcid);
		return -ENOMEM;
	}
	free(table->by_id);
	free(table->by_kpcid);
	table->by_id = by_id;
	table->by_kpcid = by_kpcid;
	table->size = size;
	return 0;
}

static void hook(struct table *table, struct entry *entry)
{
	struct entry **id = bucket_id(table, entry->id);
	struct entry **kpcid = bucket_kpcid(table, &entry->association.kpc_id);

	entry->next_id = *id;
	*id = entry;
	entry->next_kpcid = *kpcid;
	*kpcid = entry;
}

int table_init(struct table *table)
{
	memset(table, 0, sizeof(*table));
	table->last = &table->first;
	return set_size(table, TABLE_SIZE);
}

struct entry *table_add(struct table *table, uint32_t id,
			const struct kpc_association *association)
{
	struct entry *entry = calloc(1, sizeof(*entry)), *at;

	if (!entry)
		return NULL;
	entry->id = id;
	entry->association = *association;
	*table->last = entry;
	table->last = &entry->next;
	table->count++;

	/* Without memory for more buckets the old ones do, only slower. */
	if (table->count > table->size && !set_size(table, table->size * 4)) {
		for (at = table->first; at; at = at->next)
			hook(table, at);
	} else {
		hook(table, entry);
	}
	return entry;
}

void table_remove(struct table *table, struct entry *entry)
{
	struct entry **at;

	for (at = bucket_id(table, entry->id); *at; at = &(*at)->next_id) {
		if (*at == entry) {
			*at = entry->next_id;
			break;
		}
	}
	for (at = bucket_kpcid(table, &entry->association.kpc_id); *at;
	     at = &(*at)->next_kpcid) {
		if (*at == entry) {
			*at = entry->next_kpcid;
			break;
		}
	}
	for (at = &table->first; *at; at = &(*at)->next) {
		if (*at == entry) {
			*at = entry->next;
			break;
		}
	}
	if (!*at)
		table->last = at;
	table->count--;

	table->departed[table->departed_next].id = entry->id;
	table->departed[table->departed_next].association = entry->association;
	table->departed_next = (table->departed_next + 1) % TABLE_DEPARTED;
	free(entry);
}

struct entry *table_by_id(const struct table *table, uint32_t id)
{
	struct entry *entry = *bucket_id(table, id);

	while (entry && entry->id != id)
		entry = entry->next_id;
	return entry;
}

const struct kpc_association *table_association(const struct table *table,
						uint32_t id)
{
	const struct entry *entry = table_by_id(table, id);
	unsigned int i;

	if (entry)
		return &entry->association;
	for (i = 0; id && i < TABLE_DEPARTED; i++)
		if (table->departed[i].id == id)
			return &table->departed[i].association;
	return NULL;
}

struct entry *table_by_name(const struct table *table, const char *name)
{
	struct entry *entry = table->first;

	while (entry && strcmp(entry->association.name, name))
		entry = entry->next;
	return entry;
}

struct entry *table_by_kpcid(const struct table *table,
			     const struct kpc_kpcid *id,
			     const struct entry *after)
{
	struct entry *entry = after ? after->next_kpcid :
				      *bucket_kpcid(table, id);

	while (entry && !kpc_kpcid_equal(&entry->association.kpc_id, id))
		entry = entry->next_kpcid;
	return entry;
}
