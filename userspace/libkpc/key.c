// SPDX-License-Identifier: LGPL-2.1-or-later
/* The pool of locked slots that holds every Kpc. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <openssl/crypto.h>

#include <kpc/key.h>

#include "internal.h"

#define CHUNK_SIZE	16384

struct kpc_key {
	union {
		uint8_t octets[KPC_KEY_MAX];
		struct kpc_key *next_free;
	};
	uint8_t len;
};

#define CHUNK_SLOTS	(CHUNK_SIZE / sizeof(struct kpc_key))

struct chunk {
	struct chunk *next;
	struct kpc_key *slots;
};

/* @lock guards the rest. */
static struct {
	pthread_mutex_t lock;
	pthread_once_t once;
	struct chunk *chunks;
	struct kpc_key *free;
	size_t free_count;
} pool = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.once = PTHREAD_ONCE_INIT,
};

static void before_fork(void)
{
	pthread_mutex_lock(&pool.lock);
}

static void after_fork_parent(void)
{
	pthread_mutex_unlock(&pool.lock);
}

/*
 * The parent's pages are not there in the child. Their addresses stay taken by
 * pages that nobody can touch, so that a stale pointer never meets a key of the
 * child's own.
 */
static void after_fork_child(void)
{
	for (struct chunk *chunk = pool.chunks; chunk; chunk = chunk->next)
		mmap(chunk->slots, CHUNK_SIZE, PROT_NONE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
	pool.chunks = NULL;
	pool.free = NULL;
	pool.free_count = 0;
	pthread_mutex_unlock(&pool.lock);
}

static void pool_init(void)
{
	pthread_atfork(before_fork, after_fork_parent, after_fork_child);
}

static int pool_grow(struct kpc_error *err)
{
	struct chunk *chunk = malloc(sizeof(*chunk));

	if (!chunk) {
		kpc_error_set(err, "no memory for keys");
		return -ENOMEM;
	}
	chunk->slots = kpci_locked_map(CHUNK_SIZE, err);
	if (!chunk->slots) {
		free(chunk);
		return -errno;
	}
	chunk->next = pool.chunks;
	pool.chunks = chunk;
	for (size_t i = 0; i < CHUNK_SLOTS; i++) {
		chunk->slots[i].next_free = pool.free;
		pool.free = &chunk->slots[i];
	}
	pool.free_count += CHUNK_SLOTS;
	return 0;
}

static bool pool_owns(const struct kpc_key *key)
{
	for (const struct chunk *chunk = pool.chunks; chunk; chunk = chunk->next)
		if (key >= chunk->slots && key < chunk->slots + CHUNK_SLOTS)
			return true;
	return false;
}

int kpc_key_reserve(size_t count, struct kpc_error *err)
{
	int code = 0;

	pthread_once(&pool.once, pool_init);
	pthread_mutex_lock(&pool.lock);
	while (!code && pool.free_count < count)
		code = pool_grow(err);
	pthread_mutex_unlock(&pool.lock);
	return code;
}

struct kpc_key *kpci_key_alloc(uint8_t **octets, struct kpc_error *err)
{
	struct kpc_key *key = NULL;
	int code = 0;

	pthread_once(&pool.once, pool_init);
	pthread_mutex_lock(&pool.lock);
	if (!pool.free)
		code = pool_grow(err);
	if (!code) {
		key = pool.free;
		pool.free = key->next_free;
		pool.free_count--;
	}
	pthread_mutex_unlock(&pool.lock);
	if (code) {
		errno = -code;
		return NULL;
	}
	explicit_bzero(key, sizeof(*key));
	*octets = key->octets;
	return key;
}

void kpci_key_finish(struct kpc_key *key, size_t len)
{
	key->len = (uint8_t)len;
}

void kpci_key_replace(struct kpc_key *key, const uint8_t *octets)
{
	memcpy(key->octets, octets, key->len);
}

struct kpc_key *kpc_key_new(const void *octets, size_t len, struct kpc_error *err)
{
	struct kpc_key *key;
	uint8_t *slot;

	if (!len || len > KPC_KEY_MAX) {
		kpc_error_set(err, "key of %zu octets: 1 to %d are accepted", len, KPC_KEY_MAX);
		errno = EINVAL;
		return NULL;
	}
	key = kpci_key_alloc(&slot, err);
	if (key) {
		memcpy(slot, octets, len);
		kpci_key_finish(key, len);
	}
	return key;
}

struct kpc_key *kpc_key_dup(const struct kpc_key *key)
{
	return kpc_key_new(key->octets, key->len, NULL);
}

void kpc_key_free(struct kpc_key *key)
{
	if (!key)
		return;
	pthread_mutex_lock(&pool.lock);
	if (pool_owns(key)) {
		explicit_bzero(key, sizeof(*key));
		key->next_free = pool.free;
		pool.free = key;
		pool.free_count++;
	}
	pthread_mutex_unlock(&pool.lock);
}

size_t kpc_key_length(const struct kpc_key *key)
{
	return key->len;
}

const uint8_t *kpc_key_octets(const struct kpc_key *key)
{
	return key->octets;
}

bool kpc_key_equal(const struct kpc_key *a, const struct kpc_key *b)
{
	return a->len == b->len && !CRYPTO_memcmp(a->octets, b->octets, a->len);
}

int kpc_key_check(size_t length, bool weak, struct kpc_error *err)
{
	if (!length || length > KPC_KEY_MAX)
		return kpc_error_return(err, -EKEYREJECTED,
					"key of %zu octets: %d to %d are accepted", length,
					KPC_KEY_MIN, KPC_KEY_MAX);
	if (length < KPC_KEY_MIN && !weak)
		return kpc_error_return(err, -EKEYREJECTED,
					"key of %zu octets: %d to %d are accepted, fewer only "
					"with weak-key yes", length, KPC_KEY_MIN, KPC_KEY_MAX);
	if (length < KPC_KEY_MIN)
		return kpc_error_return(err, 1, "key of %zu octets is weak: it can be guessed from "
					"one recorded handshake", length);
	if (length > KPC_KEY_SMALL_PEER_MAX)
		return kpc_error_return(err, 1, "key of %zu octets: small peers take %d at most",
					length, KPC_KEY_SMALL_PEER_MAX);
	return 0;
}
