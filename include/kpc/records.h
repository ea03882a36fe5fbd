/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The agent as carrier of records: OpenSSL on memory, no I/O. */
#ifndef KPC_RECORDS_H
#define KPC_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <linux/kpc.h>

#include <kpc/error.h>
#include <kpc/handshake.h>

/* Ciphertext that may wait on either side before -EAGAIN. */
#define KPC_RECORDS_QUEUE_MAX	(256 * 1024)

/*
 * Of as many records as a key may protect: after how many it is to be replaced,
 * after how many the peer is asked to replace one of its own, which it may do
 * unasked, and after how many the connection is to end in order where none came.
 */
#define KPC_RECORDS_WORN(max)	((max) / 2 < KPC_RECORDS_SOFT ? (max) / 2 : KPC_RECORDS_SOFT)
#define KPC_RECORDS_ASK(max)	((KPC_RECORDS_WORN(max) + KPC_RECORDS_LAST(max)) / 2)
#define KPC_RECORDS_LAST(max)	((max) / 4 * 3)

/* KeyUpdates of the peer that no data pays for: so many at once, and each second. */
#define KPC_UPDATES_AT_ONCE	16
#define KPC_UPDATES_PER_S	4

/* Records that pay for one; who keeps to the least limit sends more with each key. */
#define KPC_UPDATE_RECORDS	(KPC_RECORDS_MIN / 4)

struct kpc_records;

/**
 * kpc_records_new() - go on with the connection of a handshake that is DONE
 * @hs: handshake; its connection is taken over: kpc_secrets_derive() no longer
 *	works, all else that asks does; to be freed as before
 * @err: reason of a failure, or NULL
 *
 * Output the handshake still holds must be sent before that of the records.
 *
 * Return: the carrier, or NULL with errno set.
 */
struct kpc_records *kpc_records_new(struct kpc_handshake *hs, struct kpc_error *err);

/**
 * kpc_records_limit() - how many records a key may protect from now on
 * @records: carrier
 * @limit: as kpc_suite_records(); before it is called, that of no limit records
 */
void kpc_records_limit(struct kpc_records *records, uint32_t limit);

/** kpc_records_free() - NULL is allowed */
void kpc_records_free(struct kpc_records *records);

/**
 * kpc_records_input() - ciphertext from the peer
 * @records: carrier
 * @octets: ciphertext, cut anywhere
 * @len: how much
 *
 * Return: octets taken; -EAGAIN: read plaintext first; -EPIPE: after the end.
 */
ssize_t kpc_records_input(struct kpc_records *records, const void *octets, size_t len);

/** kpc_records_input_end() - FIN from the peer; without close_notify it is truncation */
void kpc_records_input_end(struct kpc_records *records);

/**
 * kpc_records_read() - plaintext for the local side
 * @records: carrier
 * @buf: where to
 * @len: room, over 0
 *
 * Return: octets; 0: close_notify, all that was sent has been read; -EAGAIN:
 * more input is needed; -ENODATA: truncated, FIN came without close_notify;
 * -ECONNABORTED: the peer sent an alert; -EBADMSG: a record that is not
 * authentic or not TLS; -EKEYEXPIRED: the peer has sent as many
 * records with one key as it may, no more are read; kpc_records_close() still works;
 * -EKEYREJECTED: KeyUpdates came faster than one a second, 16 at once;
 * -EPROTO: it was refused to renegotiate and wants it once more. Of the last
 * six kpc_records_error() tells more, and there may be an alert to send.
 */
ssize_t kpc_records_read(struct kpc_records *records, void *buf, size_t len);

/**
 * kpc_records_write() - plaintext from the local side
 * @records: carrier
 * @octets: plaintext
 * @len: how much
 *
 * Return: octets taken, all or as many as the queue had room for; -EAGAIN:
 * send output first; -EPIPE: after kpc_records_close() or a failure;
 * -EKEYEXPIRED: as many records have been sent with one key as may be:
 * kpc_records_close() or, under TLS 1.3, kpc_records_key_update() is what is left.
 */
ssize_t kpc_records_write(struct kpc_records *records, const void *octets, size_t len);

/** kpc_records_close() - queue close_notify behind the data; reading goes on */
int kpc_records_close(struct kpc_records *records);

/**
 * kpc_records_key_update() - TLS 1.3: new keys for sending
 * @records: carrier
 *
 * They are asked of the peer too, unless it was asked and has not answered yet.
 *
 * Return: 0 or a negative errno.
 */
int kpc_records_key_update(struct kpc_records *records);

/**
 * kpc_records_worn() - is it time to end it, or for new keys
 * @records: carrier
 *
 * Both directions count, each since its keys came. There is room left for as
 * many records again to come to an end in order.
 *
 * Return: true once an own key has protected KPC_RECORDS_WORN() records, or one of
 * the peer's KPC_RECORDS_ASK(), unless kpc_records_key_update() has asked for a new
 * one. Never where there is
 * no limit.
 */
bool kpc_records_worn(const struct kpc_records *records);

/**
 * kpc_records_output() - ciphertext to send
 * @records: carrier
 * @len: octets to send, 0: nothing
 *
 * Return: the octets, valid until the next call other than
 * kpc_records_output_sent().
 */
const void *kpc_records_output(const struct kpc_records *records, size_t *len);

/** kpc_records_output_sent() - @len octets of the output have been sent */
void kpc_records_output_sent(struct kpc_records *records, size_t len);

/** kpc_records_error() - the sentence of what ended it; empty while nothing did */
const char *kpc_records_error(const struct kpc_records *records);

#endif
