// SPDX-License-Identifier: LGPL-2.1-or-later
/* The key store: files in, checked as a whole, looked up by KpcId. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "internal.h"
#include "keystore_internal.h"

struct kpc_keystore {
	struct kpc_keystore_entry *entries;
	size_t count, room;
	char **files;
	size_t file_count;
};

int kpci_keystore_add(struct kpc_keystore *store, const struct kpc_keystore_entry *entry)
{
	if (store->count == store->room) {
		size_t room = store->room ? 2 * store->room : 16;
		void *grown = reallocarray(store->entries, room, sizeof(*entry));

		if (!grown)
			return -ENOMEM;
		store->entries = grown;
		store->room = room;
	}
	store->entries[store->count++] = *entry;
	return 0;
}

/* Takes @path over, also when it fails. */
static int add_file(struct kpc_keystore *store, char *path, struct kpc_error *err)
{
	char **grown = path ? reallocarray(store->files, store->file_count + 1, sizeof(*grown)) :
			      NULL;

	if (!grown) {
		free(path);
		return kpc_error_return(err, -ENOMEM, "no memory for the key store");
	}
	store->files = grown;
	store->files[store->file_count++] = path;
	return 0;
}

static char *join(const char *a, const char *b, const char *c)
{
	size_t len = strlen(a) + strlen(b) + strlen(c) + 1;
	char *text = malloc(len);

	if (text) {
		strcpy(text, a);
		strcat(text, b);
		strcat(text, c);
	}
	return text;
}

/* A directory whose files are the store's. */
struct listing {
	struct kpc_keystore *store;
	const char *directory;
};

static int list_file(void *context, const char *name, struct kpc_error *err)
{
	const struct listing *listing = context;

	return add_file(listing->store, join(listing->directory, "/", name), err);
}

/* A link that leads nowhere is: it is to be followed, and refused. */
static bool is_there(const char *path)
{
	struct stat st;

	return !lstat(path, &st) || errno != ENOENT;
}

static int list_files(struct kpc_keystore *store, const char *path, struct kpc_error *err)
{
	char *directory = join(path, ".d", "");
	struct listing listing = { .store = store, .directory = directory };
	bool file_there, directory_there;
	int code = 0;

	if (!directory)
		return kpc_error_return(err, -ENOMEM, "no memory for the key store");
	file_there = is_there(path);
	directory_there = is_there(directory);
	if (!file_there && !directory_there)
		code = kpc_error_return(err, -ENOENT, "%s: %s", path, strerror(ENOENT));
	if (file_there)
		code = add_file(store, strdup(path), err);
	if (!code && directory_there)
		code = kpci_keystore_directory(directory, list_file, &listing, err);
	free(directory);
	return code;
}

static int compare_ids(const void *a, const void *b)
{
	const struct kpc_keystore_entry *x = a, *y = b;

	return kpc_kpcid_fold_compare(&x->id, &y->id);
}

static int check_ids(const struct kpc_keystore *store, struct kpc_error *err)
{
	char one[KPC_KPCID_TEXT_MAX], other[KPC_KPCID_TEXT_MAX];

	for (size_t i = 1; i < store->count; i++) {
		const struct kpc_keystore_entry *a = &store->entries[i - 1];
		const struct kpc_keystore_entry *b = &store->entries[i];

		if (compare_ids(a, b))
			continue;
		if (kpc_kpcid_equal(&a->id, &b->id))
			return kpc_error_return(err, -EEXIST, "%s:%u: KpcId %s is already at "
						"%s:%u; a KpcId has one entry", b->file,
						b->line, kpc_kpcid_text(&b->id, one), a->file,
						a->line);
		return kpc_error_return(err, -EEXIST, "%s:%u: KpcId %s differs from %s at %s:%u "
					"in case only, which is not accepted", b->file, b->line,
					kpc_kpcid_text(&b->id, one), kpc_kpcid_text(&a->id, other),
					a->file, a->line);
	}
	return 0;
}

/* Stands for a key while they are sorted; salted, so it says nothing of it. */
struct fingerprint {
	uint8_t digest[32];
	const struct kpc_keystore_entry *entry;
};

static int compare_fingerprints(const void *a, const void *b)
{
	const struct fingerprint *x = a, *y = b;

	return memcmp(x->digest, y->digest, sizeof(x->digest));
}

/* T4: every pair of entities has a key of its own. */
static int check_keys(const struct kpc_keystore *store, struct kpc_error *err)
{
	char one[KPC_KPCID_TEXT_MAX], other[KPC_KPCID_TEXT_MAX];
	struct fingerprint *prints;
	uint8_t salt[32];
	int code = 0;

	prints = calloc(store->count + 1, sizeof(*prints));
	if (!prints || RAND_bytes(salt, sizeof(salt)) != 1) {
		free(prints);
		return kpc_error_return(err, -ENOMEM, "no memory for the key store");
	}
	for (size_t i = 0; i < store->count; i++) {
		const struct kpc_key *key = store->entries[i].key;

		prints[i].entry = &store->entries[i];
		if (!HMAC(EVP_sha256(), salt, sizeof(salt), kpc_key_octets(key),
			  kpc_key_length(key), prints[i].digest, NULL))
			code = kpc_error_return(err, -ENOMEM, "no memory for the key store");
	}
	if (!code)
		qsort(prints, store->count, sizeof(*prints), compare_fingerprints);
	for (size_t i = 1; !code && i < store->count; i++) {
		const struct kpc_keystore_entry *a = prints[i - 1].entry, *b = prints[i].entry;

		if (!kpc_key_equal(a->key, b->key))
			continue;
		code = kpc_error_return(err, -EEXIST, "%s:%u: KpcId %s has the same key as %s at "
					"%s:%u; a key of its own for each KpcId is accepted",
					b->file, b->line, kpc_kpcid_text(&b->id, one),
					kpc_kpcid_text(&a->id, other), a->file, a->line);
	}
	OPENSSL_cleanse(salt, sizeof(salt));
	free(prints);
	return code;
}

int kpc_keystore_load(struct kpc_keystore **store, const char *path, unsigned int flags,
		      struct kpc_error *err)
{
	struct kpc_keystore *result = calloc(1, sizeof(*result));
	struct kpc_error why = { "" };
	int code;

	if (!result)
		return kpc_error_return(err, -ENOMEM, "no memory for the key store");
	code = list_files(result, path, &why);
	for (size_t i = 0; !code && i < result->file_count; i++) {
		code = kpci_keystore_read(result, result->files[i], flags, &why);
		/* The store is there, but for a file that has just gone. */
		if (code == -ENOENT)
			code = -ESTALE;
	}
	if (!code && result->count) {
		qsort(result->entries, result->count, sizeof(*result->entries), compare_ids);
		code = check_ids(result, &why);
	}
	if (!code)
		code = check_keys(result, &why);
	if (code) {
		kpc_keystore_free(result);
		if (err)
			*err = why;
		return code;
	}
	*store = result;
	return 0;
}

void kpc_keystore_free(struct kpc_keystore *store)
{
	if (!store)
		return;
	for (size_t i = 0; i < store->count; i++) {
		kpc_key_free((struct kpc_key *)store->entries[i].key);
		free((char *)store->entries[i].reference);
	}
	for (size_t i = 0; i < store->file_count; i++)
		free(store->files[i]);
	free(store->entries);
	free(store->files);
	free(store);
}

const struct kpc_keystore_entry *kpc_keystore_find(const struct kpc_keystore *store,
						   const struct kpc_kpcid *id)
{
	struct kpc_keystore_entry wanted_entry = { .id = *id };
	const struct kpc_keystore_entry *found;

	if (!store->count)
		return NULL;
	found = bsearch(&wanted_entry, store->entries, store->count, sizeof(*found), compare_ids);
	return found && kpc_kpcid_equal(&found->id, id) ? found : NULL;
}

size_t kpc_keystore_count(const struct kpc_keystore *store)
{
	return store->count;
}

const struct kpc_keystore_entry *kpc_keystore_entry(const struct kpc_keystore *store,
						    size_t position)
{
	return position < store->count ? &store->entries[position] : NULL;
}
