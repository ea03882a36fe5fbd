// SPDX-License-Identifier: LGPL-2.1-or-later
/* A BIO whose octets come from and go to two queues in memory. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "bio.h"
#include "pipe.h"

#define SMALLEST	1024

static pthread_once_t once = PTHREAD_ONCE_INIT;
static BIO_METHOD *method;

int kpci_buffer_append(struct kpci_buffer *buffer, const void *octets, size_t len)
{
	size_t used = kpci_buffer_len(buffer), size = buffer->size ? buffer->size : SMALLEST;
	uint8_t *grown;

	if (buffer->size - buffer->end < len && buffer->start) {
		memmove(buffer->data, buffer->data + buffer->start, used);
		buffer->start = 0;
		buffer->end = used;
	}
	if (buffer->size - buffer->end < len) {
		while (size - used < len)
			size *= 2;
		grown = realloc(buffer->data, size);
		if (!grown)
			return -ENOMEM;
		buffer->data = grown;
		buffer->size = size;
	}
	if (len)
		memcpy(buffer->data + buffer->end, octets, len);
	buffer->end += len;
	return 0;
}

void kpci_buffer_consume(struct kpci_buffer *buffer, size_t len)
{
	buffer->start += len < kpci_buffer_len(buffer) ? len : kpci_buffer_len(buffer);
	if (buffer->start == buffer->end) {
		buffer->start = 0;
		buffer->end = 0;
	}
}

void kpci_buffer_shrink(struct kpci_buffer *buffer)
{
	if (kpci_buffer_len(buffer))
		return;
	free(buffer->data);
	memset(buffer, 0, sizeof(*buffer));
}

void kpci_pipe_free(struct kpci_pipe *pipe)
{
	free(pipe->in.data);
	free(pipe->out.data);
	memset(pipe, 0, sizeof(*pipe));
}

static int pipe_read(BIO *bio, char *to, int len)
{
	struct kpci_pipe *pipe = BIO_get_data(bio);
	size_t ready = kpci_buffer_len(&pipe->in) - pipe->in_held;

	BIO_clear_retry_flags(bio);
	if (!ready || len <= 0) {
		BIO_set_retry_read(bio);
		return -1;
	}
	if (ready > (size_t)len)
		ready = (size_t)len;
	memcpy(to, pipe->in.data + pipe->in.start, ready);
	kpci_buffer_consume(&pipe->in, ready);
	return (int)ready;
}

static int pipe_write(BIO *bio, const char *from, int len)
{
	struct kpci_pipe *pipe = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	if (pipe->sealed)
		return len;
	if (len <= 0 || kpci_buffer_append(&pipe->out, from, (size_t)len))
		return -1;
	return len;
}

static void make_method(void)
{
	BIO_METHOD *made = kpci_bio_method("kpc pipe");

	if (made && BIO_meth_set_read(made, pipe_read) == 1 &&
	    BIO_meth_set_write(made, pipe_write) == 1)
		method = made;
	else
		BIO_meth_free(made);
}

BIO *kpci_pipe_bio(struct kpci_pipe *pipe)
{
	pthread_once(&once, make_method);
	return kpci_bio_new(method, pipe);
}
