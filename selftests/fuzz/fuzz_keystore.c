// SPDX-License-Identifier: MIT
/* Key stores: taken whole or refused whole, and no refusal repeats a key. */
#include <fcntl.h>
#include <unistd.h>

#include <kpc/keystore.h>

#include "fuzz.h"

static char directory[] = "/dev/shm/kpc-fuzz-XXXXXX";
static char path[sizeof(directory) + sizeof("/keys")];

static void clean_up(void)
{
	unlink(path);
	rmdir(directory);
}

static void put(const struct fuzz_input *in)
{
	int fd;

	if (!path[0]) {
		if (!mkdtemp(directory))
			FUZZ_FAIL("no directory for the key store");
		snprintf(path, sizeof(path), "%s/keys", directory);
		atexit(clean_up);
	}
	fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, in->p, in->len) != (ssize_t)in->len)
		FUZZ_FAIL("no file for the key store");
	close(fd);
}

static void check(const struct kpc_keystore *store)
{
	const struct kpc_keystore_entry *entry;

	for (size_t i = 0; i < kpc_keystore_count(store); i++) {
		entry = kpc_keystore_entry(store, i);
		if (kpc_keystore_find(store, &entry->id) != entry)
			FUZZ_FAIL("an entry is not found by its KpcId");
		if (!kpc_key_length(entry->key))
			FUZZ_FAIL("an entry has no key");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	unsigned int flags = fuzz_octet(&in) & (KPC_KEYSTORE_ANY | KPC_KEYSTORE_WEAK);
	struct kpc_keystore *store = NULL;
	struct kpc_error err = { "" };

	put(&in);
	if (!kpc_keystore_load(&store, path, flags, &err))
		check(store);
	else if (store || !err.text[0])
		FUZZ_FAIL("refused with a store, or without a word: '%s'", err.text);
	kpc_keystore_free(store);
	return 0;
}
