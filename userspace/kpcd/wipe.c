// SPDX-License-Identifier: MIT
/*
 * Memory of OpenSSL that is wiped before it is free. An SSL object holds the
 * traffic secrets of its connection, and SSL_free() leaves them where they were:
 * in a worker they could be read until the next connection came to lie there.
 */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "wipe.h"

/* What is larger are buffers of records, which hold no keys. */
#define WIPED_MAX	16384

static void *take(size_t size, const char *file, int line)
{
	return malloc(size);
}

static void give_back(void *old, const char *file, int line)
{
	size_t size = malloc_usable_size(old);

	if (size && size <= WIPED_MAX)
		explicit_bzero(old, size);
	free(old);
}

/* Where it was, it is wiped too. */
static void *resize(void *old, size_t size, const char *file, int line)
{
	size_t had = malloc_usable_size(old);
	void *grown;

	if (!size) {
		give_back(old, file, line);
		return NULL;
	}
	if (old && size <= had && had <= WIPED_MAX)
		return old;
	grown = malloc(size);
	if (grown && old) {
		memcpy(grown, old, had < size ? had : size);
		give_back(old, file, line);
	}
	return grown;
}

int wipe_openssl(void)
{
	return CRYPTO_set_mem_functions(take, resize, give_back) ? 0 : -EBUSY;
}
