/* SPDX-License-Identifier: MIT */
/*
 * Buffers for data in flight, shared by all connections of a worker. A
 * connection holds some only while octets wait to be sent on.
 */
#ifndef KPCD_BUFFER_H
#define KPCD_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is received into one buffer: the plaintext of one full record. */
#define BUFFER_OCTETS	16384
/* A TLS record that carries as much, with header, nonce, tag and padding. */
#define BUFFER_RECORD	(BUFFER_OCTETS + 2048 + 5)
#define BUFFER_STRIDE	20480

/**
 * struct buffer - one buffer
 * @next: in a stream or in the pool
 * @data: BUFFER_STRIDE octets
 * @start: first octet in use
 * @length: octets in use
 * @answer: of TLS to the far end, and not data
 */
struct buffer {
	struct buffer *next;
	uint8_t *data;
	uint32_t start;
	uint32_t length;
	bool answer;
};

/**
 * struct buffer_pool - all buffers of a worker
 * @warm: ready for use, those used last first
 * @warm_count: how many of them
 * @warm_least: how few they were at some time since buffer_pool_cool()
 * @cold: ready for use too, but without pages
 * @in_use: how many are with connections or the engine
 * @budget: buffers in use from which on connections are held shorter
 * @slabs: what was allocated, to be given back at the end
 */
struct buffer_pool {
	struct buffer *warm;
	unsigned int warm_count;
	unsigned int warm_least;
	struct buffer *cold;
	unsigned int in_use;
	unsigned int budget;
	struct buffer_slab *slabs;
};

/**
 * buffer_pool_init() - an empty pool
 * @pool: the pool
 * @budget: octets that may be in flight before quotas shrink
 */
void buffer_pool_init(struct buffer_pool *pool, size_t budget);

/** buffer_pool_free() - give back all memory, whoever holds buffers */
void buffer_pool_free(struct buffer_pool *pool);

/**
 * buffer_get() - take a buffer, empty
 *
 * Return: NULL where the system has no memory.
 */
struct buffer *buffer_get(struct buffer_pool *pool);

/** buffer_put() - give a buffer back; NULL is taken too */
void buffer_put(struct buffer_pool *pool, struct buffer *buffer);

/**
 * buffer_pool_hot() - whether more free buffers have pages than are to keep them
 *
 * Then buffer_pool_cool() is to be called from time to time.
 */
bool buffer_pool_hot(const struct buffer_pool *pool);

/**
 * buffer_pool_cool() - give the pages of what nobody needed back to the system
 *
 * Those of buffers that were free ever since the last call: what is in use again
 * and again keeps its pages, which are dearer to get than to fill.
 */
void buffer_pool_cool(struct buffer_pool *pool);

/**
 * buffer_quota() - how many buffers one direction of a connection may hold now
 *
 * Shrinks as the pool fills and is never 0, so that slow readers cannot hold
 * up the others: each connection always has a buffer to go on with.
 */
unsigned int buffer_quota(const struct buffer_pool *pool);

/**
 * struct stream - buffers waiting to be sent on, in order
 * @first: the first
 * @last: the last
 * @count: how many
 * @answers: how many of them are answers of TLS
 */
struct stream {
	struct buffer *first;
	struct buffer *last;
	unsigned int count;
	unsigned int answers;
};

/** stream_append() - add a buffer at the end */
void stream_append(struct stream *stream, struct buffer *buffer);

/** stream_consume() - drop octets from the front; emptied buffers go back */
void stream_consume(struct stream *stream, struct buffer_pool *pool,
		    size_t octets);

/** stream_octets() - Return: how many octets it holds */
size_t stream_octets(const struct stream *stream);

/** stream_drop() - give back all there is, wiped */
void stream_drop(struct stream *stream, struct buffer_pool *pool);

#endif
