// SPDX-License-Identifier: MIT
/*
 * The buffer pool: slabs on demand, warm buffers first, and the pages of what
 * a burst left over go back to the system.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "buffer.h"

#define SLAB_BUFFERS	32
/* Free buffers whose pages are kept for good: they are the next ones used. */
#define WARM_BUFFERS	128
#define QUOTA_MOST	16
/* In use by so many they are still in a processor's cache when they are sent. */
#define CACHED_BUFFERS	256

struct buffer_slab {
	struct buffer_slab *next;
	uint8_t *memory;
	struct buffer buffers[SLAB_BUFFERS];
};

void buffer_pool_init(struct buffer_pool *pool, size_t budget)
{
	memset(pool, 0, sizeof(*pool));
	pool->budget = budget / BUFFER_OCTETS;
}

void buffer_pool_free(struct buffer_pool *pool)
{
	struct buffer_slab *slab;

	while ((slab = pool->slabs)) {
		pool->slabs = slab->next;
		munmap(slab->memory, (size_t)SLAB_BUFFERS * BUFFER_STRIDE);
		free(slab);
	}
	memset(pool, 0, sizeof(*pool));
}

static int pool_grow(struct buffer_pool *pool)
{
	struct buffer_slab *slab = calloc(1, sizeof(*slab));
	unsigned int i;

	if (!slab)
		return -1;
	slab->memory = mmap(NULL, (size_t)SLAB_BUFFERS * BUFFER_STRIDE,
			    PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (slab->memory == MAP_FAILED) {
		free(slab);
		return -1;
	}
	for (i = 0; i < SLAB_BUFFERS; i++) {
		slab->buffers[i].data = slab->memory + (size_t)i * BUFFER_STRIDE;
		slab->buffers[i].next = pool->cold;
		pool->cold = &slab->buffers[i];
	}
	slab->next = pool->slabs;
	pool->slabs = slab;
	return 0;
}

struct buffer *buffer_get(struct buffer_pool *pool)
{
	struct buffer *buffer = pool->warm;

	if (buffer) {
		pool->warm = buffer->next;
		pool->warm_count--;
		if (pool->warm_least > pool->warm_count)
			pool->warm_least = pool->warm_count;
	} else {
		if (!pool->cold && pool_grow(pool))
			return NULL;
		buffer = pool->cold;
		pool->cold = buffer->next;
	}
	pool->in_use++;
	buffer->next = NULL;
	buffer->start = 0;
	buffer->length = 0;
	buffer->answer = false;
	return buffer;
}

void buffer_put(struct buffer_pool *pool, struct buffer *buffer)
{
	if (!buffer)
		return;
	pool->in_use--;
	buffer->next = pool->warm;
	pool->warm = buffer;
	pool->warm_count++;
}

bool buffer_pool_hot(const struct buffer_pool *pool)
{
	return pool->warm_count > WARM_BUFFERS;
}

void buffer_pool_cool(struct buffer_pool *pool)
{
	unsigned int unused = pool->warm_least;
	struct buffer *buffer;

	while (unused-- && buffer_pool_hot(pool)) {
		buffer = pool->warm;
		pool->warm = buffer->next;
		pool->warm_count--;
		madvise(buffer->data, BUFFER_STRIDE, MADV_DONTNEED);
		buffer->next = pool->cold;
		pool->cold = buffer;
	}
	pool->warm_least = pool->warm_count;
}

unsigned int buffer_quota(const struct buffer_pool *pool)
{
	unsigned int quota = QUOTA_MOST;

	if (pool->in_use > CACHED_BUFFERS / 2)
		quota /= 2;
	if (pool->in_use > CACHED_BUFFERS)
		quota /= 2;
	if (pool->in_use > pool->budget / 2)
		quota /= 2;
	if (pool->in_use > pool->budget)
		quota = 1;
	return quota;
}

void stream_append(struct stream *stream, struct buffer *buffer)
{
	buffer->next = NULL;
	if (stream->last)
		stream->last->next = buffer;
	else
		stream->first = buffer;
	stream->last = buffer;
	stream->count++;
	stream->answers += buffer->answer;
}

static struct buffer *stream_shift(struct stream *stream)
{
	struct buffer *buffer = stream->first;

	stream->first = buffer->next;
	if (!stream->first)
		stream->last = NULL;
	stream->count--;
	stream->answers -= buffer->answer;
	return buffer;
}

size_t stream_octets(const struct stream *stream)
{
	const struct buffer *at;
	size_t octets = 0;

	for (at = stream->first; at; at = at->next)
		octets += at->length;
	return octets;
}

void stream_consume(struct stream *stream, struct buffer_pool *pool,
		    size_t octets)
{
	struct buffer *buffer;

	while ((buffer = stream->first) && octets >= buffer->length) {
		octets -= buffer->length;
		buffer_put(pool, stream_shift(stream));
	}
	if (buffer) {
		buffer->start += octets;
		buffer->length -= octets;
	}
}

void stream_drop(struct stream *stream, struct buffer_pool *pool)
{
	struct buffer *buffer;

	while (stream->first) {
		buffer = stream_shift(stream);
		explicit_bzero(buffer->data + buffer->start, buffer->length);
		buffer_put(pool, buffer);
	}
}
