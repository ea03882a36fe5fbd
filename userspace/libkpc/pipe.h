/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The two queues of ciphertext between OpenSSL and whoever owns the socket. */
#ifndef KPCI_PIPE_H
#define KPCI_PIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/bio.h>

/**
 * struct kpci_buffer - queue of octets
 * @data: storage
 * @start: first octet waiting
 * @end: one past the last
 * @size: octets of storage
 */
struct kpci_buffer {
	uint8_t *data;
	size_t start, end, size;
};

/**
 * struct kpci_pipe - what a BIO reads from and writes to
 * @in: from the peer
 * @in_held: octets at the end of @in that OpenSSL may not see yet
 * @out: to the peer
 * @sealed: nothing more goes there: what OpenSSL writes is dropped
 */
struct kpci_pipe {
	struct kpci_buffer in;
	size_t in_held;
	struct kpci_buffer out;
	bool sealed;
};

static inline size_t kpci_buffer_len(const struct kpci_buffer *buffer)
{
	return buffer->end - buffer->start;
}

/** kpci_buffer_append() - 0 or -ENOMEM */
int kpci_buffer_append(struct kpci_buffer *buffer, const void *octets, size_t len);

/** kpci_buffer_consume() - drop octets from the front */
void kpci_buffer_consume(struct kpci_buffer *buffer, size_t len);

/** kpci_buffer_shrink() - give the storage back where no octet waits */
void kpci_buffer_shrink(struct kpci_buffer *buffer);

/** kpci_pipe_free() - free both queues, not the pipe itself */
void kpci_pipe_free(struct kpci_pipe *pipe);

/**
 * kpci_pipe_bio() - a BIO on a pipe
 * @pipe: outlives the BIO, or is replaced by BIO_set_data() before it goes
 *
 * Return: the BIO, NULL: no memory.
 */
BIO *kpci_pipe_bio(struct kpci_pipe *pipe);

#endif
