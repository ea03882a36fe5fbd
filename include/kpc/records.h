/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The agent as carrier of records: OpenSSL on memory, no I/O. */
#ifndef KPC_RECORDS_H
#define KPC_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <kpc/error.h>
#include <kpc/handshake.h>

/* Ciphertext that may wait on either side before -EAGAIN. */
#define KPC_RECORDS_QUEUE_MAX	(256 * 1024)

/*
 * Records that one key may protect, for the ciphers that have such a limit (RFC
 * 8446 5.5; AES: 2^24.5), and where to begin with ending it in order.
 */
#define KPC_RECORDS_KEY_MAX	23726566
#define KPC_RECORDS_KEY_WORN	(1 << 24)

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
 * authentic or not TLS; -EKEYEXPIRED: the peer has sent KPC_RECORDS_KEY_MAX
 * records with one key, no more are read; kpc_records_close() still works;
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
 * -EKEYEXPIRED: KPC_RECORDS_KEY_MAX records have been sent with one key:
 * kpc_records_close() or, under TLS 1.3, kpc_records_key_update() is what is left.
 */
ssize_t kpc_records_write(struct kpc_records *records, const void *octets, size_t len);

/** kpc_records_close() - queue close_notify behind the data; reading goes on */
int kpc_records_close(struct kpc_records *records);

/** kpc_records_key_update() - TLS 1.3: new keys for sending, and asked of the peer; 0 or -errno */
int kpc_records_key_update(struct kpc_records *records);

/**
 * kpc_records_worn() - is it time to end it, or for new keys
 * @records: carrier
 *
 * Both directions count, each since its keys came. There is room left for
 * KPC_RECORDS_KEY_MAX - KPC_RECORDS_KEY_WORN records to come to an end in order.
 *
 * Return: true once a key has protected KPC_RECORDS_KEY_WORN records; the
 * peer's, unless kpc_records_key_update() has asked for a new one. Never with
 * ChaCha20-Poly1305, which has no limit that records can reach.
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
