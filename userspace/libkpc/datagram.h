/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Queues of datagrams between OpenSSL and whoever owns the socket. */
#ifndef KPCI_DATAGRAM_H
#define KPCI_DATAGRAM_H

#include "pipe.h"

/**
 * struct kpci_datagrams - a queue of them
 * @octets: each with its length, two octets, before it
 * @count: how many
 */
struct kpci_datagrams {
	struct kpci_buffer octets;
	unsigned int count;
};

/**
 * struct kpci_datagram_pipe - what a BIO reads from and writes to
 * @in: from the peer
 * @held: OpenSSL may not see them yet
 * @out: to the peer
 */
struct kpci_datagram_pipe {
	struct kpci_datagrams in;
	bool held;
	struct kpci_datagrams out;
};

/** kpci_datagrams_append() - 0, -EMSGSIZE or -ENOMEM */
int kpci_datagrams_append(struct kpci_datagrams *queue, const void *octets, size_t len);

/** kpci_datagrams_first() - the one that waits longest, NULL with @len 0: none */
const uint8_t *kpci_datagrams_first(const struct kpci_datagrams *queue, size_t *len);

/**
 * kpci_datagrams_next() - go through them
 * @datagram: NULL at first; moved on
 * @len: its octets
 *
 * Return: false where there is no more.
 */
bool kpci_datagrams_next(const struct kpci_datagrams *queue, const uint8_t **datagram, size_t *len);

/** kpci_datagrams_drop() - take it out */
void kpci_datagrams_drop(struct kpci_datagrams *queue);

/** kpci_datagrams_free() - drop all, and give back the storage */
void kpci_datagrams_free(struct kpci_datagrams *queue);

/** kpci_datagram_bio() - a BIO on a pipe that outlives it; NULL: no memory */
BIO *kpci_datagram_bio(struct kpci_datagram_pipe *pipe);

#endif
