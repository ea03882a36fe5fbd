// SPDX-License-Identifier: LGPL-2.1-or-later
/* A BIO whose datagrams come from and go to two queues in memory. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "bio.h"
#include "datagram.h"
#include "internal.h"

#define LENGTH_LEN	2
#define LENGTH_MAX	65535

static pthread_once_t once = PTHREAD_ONCE_INIT;
static BIO_METHOD *method;

int kpci_datagrams_append(struct kpci_datagrams *queue, const void *octets, size_t len)
{
	const uint8_t length[LENGTH_LEN] = { (uint8_t)(len >> 8), (uint8_t)len };

	if (len > LENGTH_MAX)
		return -EMSGSIZE;
	if (kpci_buffer_append(&queue->octets, length, sizeof(length)))
		return -ENOMEM;
	if (kpci_buffer_append(&queue->octets, octets, len)) {
		queue->octets.end -= sizeof(length);
		return -ENOMEM;
	}
	queue->count++;
	return 0;
}

const uint8_t *kpci_datagrams_first(const struct kpci_datagrams *queue, size_t *len)
{
	const uint8_t *at;

	*len = 0;
	if (!queue->count)
		return NULL;
	at = queue->octets.data + queue->octets.start;
	*len = kpci_get16(at);
	return at + LENGTH_LEN;
}

bool kpci_datagrams_next(const struct kpci_datagrams *queue, const uint8_t **datagram, size_t *len)
{
	/* An empty one may have no storage. */
	if (!queue->count)
		return false;
	*datagram = *datagram ? *datagram + *len : queue->octets.data + queue->octets.start;
	if (*datagram == queue->octets.data + queue->octets.end)
		return false;
	*len = kpci_get16(*datagram);
	*datagram += LENGTH_LEN;
	return true;
}

void kpci_datagrams_drop(struct kpci_datagrams *queue)
{
	size_t len;

	if (!kpci_datagrams_first(queue, &len))
		return;
	kpci_buffer_consume(&queue->octets, LENGTH_LEN + len);
	kpci_buffer_shrink(&queue->octets);
	queue->count--;
}

void kpci_datagrams_free(struct kpci_datagrams *queue)
{
	free(queue->octets.data);
	memset(queue, 0, sizeof(*queue));
}

/* What of a datagram does not fit is lost, as with recv(2). */
static int datagram_read(BIO *bio, char *to, int len)
{
	struct kpci_datagram_pipe *pipe = BIO_get_data(bio);
	const uint8_t *first;
	size_t ready = 0;

	BIO_clear_retry_flags(bio);
	first = pipe->held || len <= 0 ? NULL : kpci_datagrams_first(&pipe->in, &ready);
	if (!first) {
		BIO_set_retry_read(bio);
		return -1;
	}
	if (ready > (size_t)len)
		ready = (size_t)len;
	memcpy(to, first, ready);
	kpci_datagrams_drop(&pipe->in);
	return (int)ready;
}

static int datagram_write(BIO *bio, const char *from, int len)
{
	struct kpci_datagram_pipe *pipe = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	if (len <= 0 || kpci_datagrams_append(&pipe->out, from, (size_t)len))
		return -1;
	return len;
}

static void make_method(void)
{
	BIO_METHOD *made = kpci_bio_method("kpc datagrams");

	if (made && BIO_meth_set_read(made, datagram_read) == 1 &&
	    BIO_meth_set_write(made, datagram_write) == 1)
		method = made;
	else
		BIO_meth_free(made);
}

BIO *kpci_datagram_bio(struct kpci_datagram_pipe *pipe)
{
	pthread_once(&once, make_method);
	return kpci_bio_new(method, pipe);
}
