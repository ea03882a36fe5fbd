// SPDX-License-Identifier: LGPL-2.1-or-later
/* Lets OpenSSL carry the records of a connection whose handshake is done. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <kpc/records.h>
#include <kpc/suite.h>

#include "handshake_internal.h"

/* ERR reasons of received alerts start here (SSL_AD_REASON_OFFSET). */
#define ALERT_REASONS	1000

#define KEY_UPDATE	24

/* A renegotiation that is asked for is refused so often before it ends it. */
#define REFUSALS	1

/* Kept back from data: KeyUpdate, close_notify and alerts still go out. */
#define CONTROL_RECORDS	16

/* Records since the keys came. */
struct counter {
	uint64_t sent, received;
};

struct kpc_records {
	SSL *ssl;
	struct counter counter;
	unsigned int work;	/* records that pay for KeyUpdates of the peer */
	unsigned int updates;	/* without those it may still send so many, */
	time_t updated;		/* as of then */
	bool flooded;		/* and sent more */
	bool asked;		/* it was asked for one */
	unsigned int refused;	/* TLS 1.2: renegotiations */
	uint32_t max;		/* records a key may protect; 0, any number */
	struct kpci_pipe pipe;
	bool input_ended;	/* FIN */
	bool closing;		/* close_notify is queued */
	int failed;		/* negative errno that reading gives from now on */
	struct kpc_error error;
};

/*
 * Each costs a derivation of keys and, where it asks for one, an answer: work
 * without data, which a peer could ask for without end.
 */
static void count_update(struct kpc_records *records)
{
	struct timespec now;
	time_t more;

	if (records->work >= KPC_UPDATE_RECORDS) {
		records->work -= KPC_UPDATE_RECORDS;
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &now);
	more = now.tv_sec - records->updated;
	if (more > 0) {
		records->updated = now.tv_sec;
		if (more > KPC_UPDATES_AT_ONCE)
			more = KPC_UPDATES_AT_ONCE;
		records->updates += more * KPC_UPDATES_PER_S;
		if (records->updates > KPC_UPDATES_AT_ONCE)
			records->updates = KPC_UPDATES_AT_ONCE;
	}
	if (records->updates)
		records->updates--;
	else
		records->flooded = true;
}

/* Each request to renegotiate costs an answer, which a peer need not read. */
static bool is_refusal(int written, int type, const void *octets, size_t len)
{
	static const uint8_t no_renegotiation[] = { SSL3_AL_WARNING, SSL_AD_NO_RENEGOTIATION };

	return written && type == SSL3_RT_ALERT && len == sizeof(no_renegotiation) &&
	       !memcmp(octets, no_renegotiation, len);
}

/* Every record shows by its header; KeyUpdate behind it, when it is done with. */
static void watch_record(int written, int version, int type, const void *octets, size_t len,
			 SSL *ssl, void *arg)
{
	struct kpc_records *records = arg;
	uint64_t *count = written ? &records->counter.sent : &records->counter.received;

	if (type == SSL3_RT_HEADER) {
		(*count)++;
		if (records->work < KPC_UPDATES_AT_ONCE * KPC_UPDATE_RECORDS)
			records->work++;
	}
	if (is_refusal(written, type, octets, len))
		records->refused++;
	if (type != SSL3_RT_HANDSHAKE || !len || *(const uint8_t *)octets != KEY_UPDATE)
		return;
	*count = 0;
	if (!written) {
		records->asked = false;
		count_update(records);
	}
}

struct kpc_records *kpc_records_new(struct kpc_handshake *hs, struct kpc_error *err)
{
	struct kpc_records *records;

	if (hs->state != KPC_HANDSHAKE_DONE || !hs->ssl) {
		kpc_error_set(err, "records are carried only after a handshake");
		errno = EINVAL;
		return NULL;
	}
	records = calloc(1, sizeof(*records));
	if (!records) {
		kpc_error_set(err, "no memory for a record carrier");
		return NULL;
	}
	records->ssl = hs->ssl;
	records->updates = KPC_UPDATES_AT_ONCE;
	hs->ssl = NULL;
	records->max = kpc_suite_records(kpc_suite_by_code(hs->result.suite), 0);
	SSL_set_app_data(records->ssl, NULL);
	SSL_set_msg_callback(records->ssl, watch_record);
	SSL_set_msg_callback_arg(records->ssl, records);
	BIO_set_data(SSL_get_rbio(records->ssl), &records->pipe);
	SSL_set_mode(records->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE |
		     SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	return records;
}

void kpc_records_limit(struct kpc_records *records, uint32_t limit)
{
	records->max = limit;
}

void kpc_records_free(struct kpc_records *records)
{
	if (!records)
		return;
	SSL_free(records->ssl);
	kpci_pipe_free(&records->pipe);
	free(records);
}

ssize_t kpc_records_input(struct kpc_records *records, const void *octets, size_t len)
{
	size_t waiting = kpci_buffer_len(&records->pipe.in);

	if (records->input_ended || records->failed)
		return -EPIPE;
	if (waiting >= KPC_RECORDS_QUEUE_MAX)
		return -EAGAIN;
	if (len > KPC_RECORDS_QUEUE_MAX - waiting)
		len = KPC_RECORDS_QUEUE_MAX - waiting;
	return kpci_buffer_append(&records->pipe.in, octets, len) ? -ENOMEM : (ssize_t)len;
}

void kpc_records_input_end(struct kpc_records *records)
{
	records->input_ended = true;
}

static int fail(struct kpc_records *records)
{
	unsigned long error = ERR_peek_error();
	int reason = ERR_GET_REASON(error);
	const char *words = ERR_reason_error_string(error);

	if (ERR_GET_LIB(error) == ERR_LIB_SSL && reason >= ALERT_REASONS) {
		records->failed = -ECONNABORTED;
		kpc_error_set(&records->error, "the peer sent alert %d (%s)",
			      reason - ALERT_REASONS, kpc_alert_name(reason - ALERT_REASONS));
	} else {
		records->failed = -EBADMSG;
		kpc_error_set(&records->error, "a record is not authentic or not TLS: %s",
			      words ? words : "no reason given");
	}
	ERR_clear_error();
	return records->failed;
}

static bool may_read(const struct kpc_records *records)
{
	return !records->max || records->counter.received < records->max ||
	       SSL_pending(records->ssl);
}

static bool may_write(const struct kpc_records *records)
{
	return !records->max || records->counter.sent < records->max - CONTROL_RECORDS;
}

bool kpc_records_worn(const struct kpc_records *records)
{
	return records->max &&
	       (records->counter.sent >= KPC_RECORDS_WORN(records->max) ||
		(records->counter.received >= KPC_RECORDS_ASK(records->max) && !records->asked));
}

ssize_t kpc_records_read(struct kpc_records *records, void *buf, size_t len)
{
	size_t got;
	int code;

	if (records->failed)
		return records->failed;
	if (!may_read(records)) {
		kpc_error_set(&records->error, "the peer sent %u records with one key, as many "
			      "as it may", records->max);
		return -EKEYEXPIRED;
	}
	ERR_clear_error();
	code = SSL_read_ex(records->ssl, buf, len, &got);
	if (records->flooded) {
		kpc_error_set(&records->error,
			      "the peer changes its keys more often than its data asks for");
		return records->failed = -EKEYREJECTED;
	}
	if (records->refused > REFUSALS) {
		kpc_error_set(&records->error,
			      "the peer wants to renegotiate, which it was refused already");
		return records->failed = -EPROTO;
	}
	if (code == 1)
		return (ssize_t)got;
	switch (SSL_get_error(records->ssl, code)) {
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_WANT_READ:
		if (!records->input_ended)
			return -EAGAIN;
		kpc_error_set(&records->error, "the peer closed the connection without "
			      "close_notify: what it sent is cut short");
		return records->failed = -ENODATA;
	default:
		return fail(records);
	}
}

ssize_t kpc_records_write(struct kpc_records *records, const void *octets, size_t len)
{
	size_t done = 0, step;

	if (records->closing || records->failed)
		return -EPIPE;
	ERR_clear_error();
	while (done < len && kpci_buffer_len(&records->pipe.out) < KPC_RECORDS_QUEUE_MAX) {
		if (!may_write(records))
			return done ? (ssize_t)done : -EKEYEXPIRED;
		if (SSL_write_ex(records->ssl, (const uint8_t *)octets + done, len - done,
				 &step) != 1)
			return done ? (ssize_t)done : fail(records);
		done += step;
	}
	return done || !len ? (ssize_t)done : -EAGAIN;
}

int kpc_records_close(struct kpc_records *records)
{
	if (records->failed)
		return -EPIPE;
	if (records->closing)
		return 0;
	records->closing = true;
	ERR_clear_error();
	if (SSL_shutdown(records->ssl) < 0 && !(SSL_get_shutdown(records->ssl) & SSL_SENT_SHUTDOWN))
		return fail(records);
	/* RFC 8446 6.1: what the peer asks for after that has no answer. */
	records->pipe.sealed = true;
	return 0;
}

int kpc_records_key_update(struct kpc_records *records)
{
	if (records->closing || records->failed)
		return -EPIPE;
	if (SSL_version(records->ssl) != TLS1_3_VERSION)
		return -EOPNOTSUPP;
	ERR_clear_error();
	if (SSL_key_update(records->ssl, records->asked ? SSL_KEY_UPDATE_NOT_REQUESTED :
							  SSL_KEY_UPDATE_REQUESTED) != 1 ||
	    SSL_do_handshake(records->ssl) != 1)
		return fail(records);
	records->asked = true;
	return 0;
}

const void *kpc_records_output(const struct kpc_records *records, size_t *len)
{
	*len = kpci_buffer_len(&records->pipe.out);
	return *len ? records->pipe.out.data + records->pipe.out.start : NULL;
}

void kpc_records_output_sent(struct kpc_records *records, size_t len)
{
	kpci_buffer_consume(&records->pipe.out, len);
}

const char *kpc_records_error(const struct kpc_records *records)
{
	return records->error.text;
}
