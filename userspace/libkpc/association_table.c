// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What holds for the associations of a table together.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <kpc/keystore.h>

#include "association_internal.h"
#include "internal.h"

void kpc_table_init(struct kpc_table *table)
{
	memset(table, 0, sizeof(*table));
}

void kpc_table_free(struct kpc_table *table)
{
	size_t i;

	for (i = 0; i < table->count; i++)
		free(table->entries[i].file);
	free(table->entries);
	free(table->config_file);
	kpc_table_init(table);
}

struct kpc_association *kpc_table_find(const struct kpc_table *table,
				       const char *name)
{
	size_t i;

	for (i = 0; i < table->count; i++)
		if (!strcmp(table->entries[i].association.name, name))
			return &table->entries[i].association;
	return NULL;
}

static bool same_pair(const struct kpc_table_entry *one,
		      const struct kpc_table_entry *two)
{
	return kpc_identity_equal(&one->association.id_a,
				  &two->association.id_a) &&
	       kpc_identity_equal(&one->association.id_b,
				  &two->association.id_b);
}

static __attribute__((format(printf, 4, 5)))
int conflict(const struct kpc_table_entry *one,
	     const struct kpc_table_entry *two, struct kpc_error *err,
	     const char *format, ...)
{
	char text[KPC_ERROR_TEXT_MAX];
	va_list arguments;
	const struct kpc_table_entry *earlier = one < two ? one : two;
	const struct kpc_table_entry *later = one < two ? two : one;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (!strcmp(earlier->file, later->file))
		return kpc_error_return(err, -EEXIST, "%s:%u: %s (line %u)",
					later->file, later->line, text,
					earlier->line);
	return kpc_error_return(err, -EEXIST, "%s:%u: %s (%s:%u)", later->file,
				later->line, text, earlier->file,
				earlier->line);
}

/* What qsort() hands out points to an element of an array of pointers. */
static const struct kpc_table_entry *entry_at(const void *element)
{
	return *(const struct kpc_table_entry *const *)element;
}

static int by_name(const void *one, const void *two)
{
	return strcmp(entry_at(one)->association.name,
		      entry_at(two)->association.name);
}

static int judge_names(const struct kpc_table_entry *one,
		       const struct kpc_table_entry *two, struct kpc_error *err)
{
	if (strcmp(one->association.name, two->association.name))
		return 0;
	return conflict(one, two, err, "the name %s is taken",
			one->association.name);
}

/* Equal and case-equal KpcIds come to lie together. */
static int by_kpc_id(const void *one, const void *two)
{
	return kpc_kpcid_fold_compare(&entry_at(one)->association.kpc_id,
				      &entry_at(two)->association.kpc_id);
}

/* As the module judges them; of both roles even where both ends are here. */
static int judge_kpc_ids(const struct kpc_table_entry *one,
			 const struct kpc_table_entry *two, struct kpc_error *err)
{
	const struct kpc_association *a = &one->association;
	const struct kpc_association *b = &two->association;
	char text[KPC_KPCID_TEXT_MAX], other[KPC_KPCID_TEXT_MAX];

	if (kpc_kpcid_fold_compare(&a->kpc_id, &b->kpc_id))
		return 0;
	kpc_kpcid_text(&a->kpc_id, text);
	if (!kpc_kpcid_equal(&a->kpc_id, &b->kpc_id))
		return conflict(one, two, err,
				"the KpcIds of %s and %s, %s and %s, differ only in case",
				a->name, b->name, text,
				kpc_kpcid_text(&b->kpc_id, other));
	if (a->role != b->role)
		return conflict(one, two, err,
				"KpcId %s has the other role already; each direction has its own KpcId and Kpc",
				text);
	if (!same_pair(one, two))
		return conflict(one, two, err,
				"KpcId %s belongs to another pair of identities already; each pair has its own",
				text);
	return conflict(one, two, err, "KpcId %s is taken", text);
}

static int by_mark(const void *one, const void *two)
{
	uint32_t a = entry_at(one)->association.mark;
	uint32_t b = entry_at(two)->association.mark;

	return a < b ? -1 : a > b;
}

static int judge_marks(const struct kpc_table_entry *one,
		       const struct kpc_table_entry *two, struct kpc_error *err)
{
	const struct kpc_association *a = &one->association;
	const struct kpc_association *b = &two->association;

	if (!a->mark || a->mark != b->mark)
		return 0;
	if (same_pair(one, two) && a->role == b->role)
		return 0;
	return conflict(one, two, err,
			"mark 0x%08x belongs to other identities already",
			a->mark);
}

static int by_pair(const void *one, const void *two)
{
	const struct kpc_association *a = &entry_at(one)->association;
	const struct kpc_association *b = &entry_at(two)->association;
	int order = strcmp(a->id_a.text, b->id_a.text);

	if (!order)
		order = strcmp(a->id_b.text, b->id_b.text);
	if (!order)
		order = (int)a->role - (int)b->role;
	return order ? order : by_mark(one, two);
}

static int judge_pairs(const struct kpc_table_entry *one,
		       const struct kpc_table_entry *two, struct kpc_error *err)
{
	const struct kpc_association *a = &one->association;
	const struct kpc_association *b = &two->association;

	if (!a->mark || !b->mark || a->mark == b->mark || a->role != b->role ||
	    !same_pair(one, two))
		return 0;
	return conflict(one, two, err,
			"marks 0x%08x and 0x%08x stand for the same identities and role; they share one",
			a->mark, b->mark);
}

/* Two kinds of sockets cannot share a path either. */
static const char *plain_place(const struct kpc_association *association)
{
	const char *plain = association->agent.plain;

	return kpc_plain_path(plain) ?: plain;
}

static int by_plain(const void *one, const void *two)
{
	const struct kpc_association *a = &entry_at(one)->association;
	const struct kpc_association *b = &entry_at(two)->association;
	int order = (int)a->role - (int)b->role;

	return order ? order : strcmp(plain_place(a), plain_place(b));
}

static int judge_plain(const struct kpc_table_entry *one,
		       const struct kpc_table_entry *two, struct kpc_error *err)
{
	const struct kpc_association *a = &one->association;
	const struct kpc_association *b = &two->association;

	if (a->role != KPC_ROLE_A || b->role != KPC_ROLE_A ||
	    !*a->agent.plain || strcmp(plain_place(a), plain_place(b)))
		return 0;
	return conflict(one, two, err,
			"plain %s is the local socket of %s already",
			one < two ? b->agent.plain : a->agent.plain,
			one < two ? a->name : b->name);
}

static const struct {
	int (*order)(const void *one, const void *two);
	int (*judge)(const struct kpc_table_entry *one,
		     const struct kpc_table_entry *two, struct kpc_error *err);
} rules[] = {
	{ by_name, judge_names },
	{ by_kpc_id, judge_kpc_ids },
	{ by_mark, judge_marks },
	{ by_pair, judge_pairs },
	{ by_plain, judge_plain },
};

static int check_pairs(const struct kpc_table *table, struct kpc_error *err)
{
	const struct kpc_table_entry **sorted;
	size_t rule;
	size_t i;
	int ret = 0;

	if (!table->count)
		return 0;
	sorted = malloc(table->count * sizeof(*sorted));
	if (!sorted)
		return kpc_error_return(err, -ENOMEM, "out of memory");
	for (i = 0; i < table->count; i++)
		sorted[i] = &table->entries[i];
	for (rule = 0; !ret && rule < ARRAY_SIZE(rules); rule++) {
		qsort(sorted, table->count, sizeof(*sorted),
		      rules[rule].order);
		for (i = 1; !ret && i < table->count; i++)
			ret = rules[rule].judge(sorted[i - 1], sorted[i], err);
	}
	free(sorted);
	return ret;
}

static int check_range(const struct kpc_table *table,
		       const struct kpc_table_entry *entry,
		       struct kpc_error *err)
{
	const struct kpc_config *config = &table->config;
	uint32_t mark = entry->association.mark;

	if (!mark)
		return 0;
	if (config->set & 1U << KPC_A_CONFIG_MARK_MASK &&
	    (mark & config->mark_mask) != config->mark_value)
		return kpc_error_return(err, -ERANGE,
					"%s:%u: mark 0x%08x is outside mark-range 0x%08x/0x%08x",
					entry->file, entry->line, mark,
					config->mark_value, config->mark_mask);
	if (config->set & 1U << KPC_A_CONFIG_HANDSHAKE_MARK &&
	    mark == config->handshake_mark)
		return kpc_error_return(err, -ERANGE,
					"%s:%u: mark 0x%08x is the handshake mark",
					entry->file, entry->line, mark);
	return 0;
}

static int check_key(const struct kpc_keystore *keys,
		     const struct kpc_table_entry *entry,
		     struct kpc_error *err)
{
	const struct kpc_association *association = &entry->association;
	const struct kpc_keystore_entry *key;
	struct kpc_error reason = { "" };
	char text[KPC_KPCID_TEXT_MAX];
	int ret;

	key = kpc_keystore_find(keys, &association->kpc_id);
	if (!key)
		return 0;
	ret = kpc_key_check(kpc_key_length(key->key),
			    association->agent.weak_key, &reason);
	if (ret >= 0)
		return 0;
	return kpc_error_return(err, ret, "%s:%u: the Kpc of %s (%s:%u): %s",
				entry->file, entry->line,
				kpc_kpcid_text(&association->kpc_id, text),
				key->file, key->line, reason.text);
}

int kpc_table_check(const struct kpc_table *table,
		    const struct kpc_keystore *keys, struct kpc_error *err)
{
	size_t i;
	int ret;

	ret = check_pairs(table, err);
	for (i = 0; !ret && i < table->count; i++) {
		ret = check_range(table, &table->entries[i], err);
		if (!ret && keys)
			ret = check_key(keys, &table->entries[i], err);
	}
	return ret;
}
