// SPDX-License-Identifier: LGPL-2.1-or-later
/* One peer of DTLS: its handshake by OpenSSL, its records without. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include <kpc/ktls.h>

#include "dtls_internal.h"
#include "handshake_internal.h"

/* What comes while a key is waited for, and is kept. */
#define HELD_MAX	8
#define HELD_OCTETS	8192
/* The last flight is sent again as often to a peer that says it has missed it. */
#define REPEATS_MAX	16
/* All records of a handshake that OpenSSL has made: the first of ours follows. */
#define EPOCH_ONE	(1ULL << 48)
/* Kept back from data, so that close_notify still goes out. */
#define CONTROL_RECORDS	1

#define FINISHED	20

/**
 * struct kpc_dtls - one peer
 * @hs: its handshake
 * @listening: role b, the first datagram in @pipe is a hello not looked at yet
 * @pipe: between OpenSSL and the socket
 * @exchange: role b
 * @flight: role b, the end of the handshake, for a peer that has missed it
 * @repeats: how often that was sent again
 * @tx: keys for sending
 * @rx: keys for receiving
 * @sequence: of the next record sent
 * @nonce: of that
 * @sent: records
 * @window: of what was received
 * @received: records that were authentic
 * @max: records a key may protect; 0: any number
 * @data_max: octets of data that the peer takes in one record
 * @alert: that was received, or -1
 * @closed: close_notify was made
 */
struct kpc_dtls {
	struct kpc_handshake *hs;
	bool listening;
	struct kpci_datagram_pipe pipe;
	struct kpci_dtls_exchange exchange;
	struct kpci_datagrams flight;
	unsigned int repeats;
	struct kpci_dtls_keys tx, rx;
	uint64_t sequence;
	uint64_t nonce;
	uint32_t sent;
	struct kpci_dtls_window window;
	uint32_t received;
	uint32_t max;
	uint32_t data_max;
	int alert;
	bool closed;
};

struct kpc_dtls *kpc_dtls_new(struct kpc_handshake_context *context, struct kpc_error *err)
{
	struct kpc_dtls *dtls;

	if (!context->policy.dtls) {
		kpc_error_set(err, "a handshake of TLS takes octets: kpc_handshake_new()");
		errno = EINVAL;
		return NULL;
	}
	dtls = calloc(1, sizeof(*dtls));
	if (!dtls)
		goto fail;
	dtls->alert = -1;
	dtls->sequence = EPOCH_ONE;
	dtls->hs = kpci_handshake_new(context, err);
	if (!dtls->hs || kpci_handshake_start(dtls->hs, kpci_datagram_bio(&dtls->pipe)))
		goto fail;
	SSL_set_mtu(dtls->hs->ssl, KPC_DTLS_FLIGHT_MTU);
	return dtls;

fail:
	kpc_error_set(err, "no memory for a handshake");
	kpc_dtls_free(dtls);
	errno = ENOMEM;
	return NULL;
}

void kpc_dtls_free(struct kpc_dtls *dtls)
{
	if (!dtls)
		return;
	kpc_handshake_free(dtls->hs);
	kpci_datagrams_free(&dtls->pipe.in);
	kpci_datagrams_free(&dtls->pipe.out);
	kpci_datagrams_free(&dtls->flight);
	free(dtls->exchange.body);
	kpci_dtls_keys_free(&dtls->tx);
	kpci_dtls_keys_free(&dtls->rx);
	free(dtls);
}

struct kpc_handshake *kpc_dtls_handshake(struct kpc_dtls *dtls)
{
	return dtls->hs;
}

/*
 * Where OpenSSL stops, the records go on: with the next number, and with the next
 * nonce, which OpenSSL may have begun anywhere. (Not all suites have it there.)
 */
static void follow_record(struct kpc_dtls *dtls, const struct kpci_dtls_header *header,
			  const uint8_t *fragment)
{
	if (header->sequence < dtls->sequence)
		return;
	dtls->sequence = header->sequence + 1;
	dtls->sent++;
	if (header->len >= sizeof(dtls->nonce))
		dtls->nonce = kpci_get64(fragment) + 1;
}

static void follow_datagram(struct kpc_dtls *dtls, const uint8_t *datagram, size_t len)
{
	struct kpci_dtls_header header;

	while (kpci_dtls_header_read(datagram, len, &header)) {
		datagram += KPCI_DTLS_RECORD_LEN;
		follow_record(dtls, &header, datagram);
		datagram += header.len;
		len -= KPCI_DTLS_RECORD_LEN + header.len;
	}
}

/* What OpenSSL has just made is behind the first @known datagrams of the queue. */
static void follow_output(struct kpc_dtls *dtls, unsigned int known)
{
	const uint8_t *datagram = NULL;
	size_t len;

	while (kpci_datagrams_next(&dtls->pipe.out, &datagram, &len)) {
		if (known) {
			known--;
			continue;
		}
		follow_datagram(dtls, datagram, len);
	}
}

static int copy(const struct kpci_datagrams *from, struct kpci_datagrams *to)
{
	const uint8_t *datagram = NULL;
	size_t len;
	int code = 0;

	while (!code && kpci_datagrams_next(from, &datagram, &len))
		code = kpci_datagrams_append(to, datagram, len);
	return code;
}

/* RFC 6066 4 */
static uint32_t data_max(const SSL *ssl)
{
	uint8_t code = SSL_SESSION_get_max_fragment_length(SSL_get0_session(ssl));

	if (code < TLSEXT_max_fragment_length_512 || code > TLSEXT_max_fragment_length_4096)
		return KPC_DTLS_DATA_MAX;
	return 512U << (code - TLSEXT_max_fragment_length_512);
}

static void finish(struct kpc_dtls *dtls)
{
	struct kpc_handshake *hs = dtls->hs;
	struct kpc_error why = { "" };
	int code;

	code = kpci_dtls_keys_derive(hs, &dtls->tx, &dtls->rx, &why);
	if (!code && hs->policy.role == KPC_ROLE_B)
		code = copy(&dtls->pipe.out, &dtls->flight);
	dtls->max = kpc_suite_records(kpc_suite_by_code(hs->result.suite), 0);
	dtls->data_max = data_max(hs->ssl);
	SSL_free(hs->ssl);
	hs->ssl = NULL;
	if (code)
		kpci_handshake_fail(hs, code == -EPROTO ? KPC_HANDSHAKE_POLICY :
				    KPC_HANDSHAKE_LOCAL, "%s",
				    why.text[0] ? why.text : strerror(-code));
}

static enum kpc_handshake_state run(struct kpc_dtls *dtls)
{
	struct kpc_handshake *hs = dtls->hs;
	unsigned int known = dtls->pipe.out.count;

	hs->started = true;
	hs->state = KPC_HANDSHAKE_WANT_INPUT;
	kpci_handshake_run(hs);
	follow_output(dtls, known);
	if (hs->state == KPC_HANDSHAKE_DONE)
		finish(dtls);
	return hs->state;
}

enum kpc_handshake_state kpc_dtls_accept(struct kpc_dtls *dtls, const void *datagram, size_t len)
{
	if (kpci_datagrams_append(&dtls->pipe.in, datagram, len))
		kpci_handshake_fail(dtls->hs, KPC_HANDSHAKE_LOCAL, "no memory for a handshake");
	dtls->listening = true;
	return dtls->hs->state;
}

/* OpenSSL's own way into the middle of the cookie exchange. */
static bool enter(struct kpc_dtls *dtls)
{
	struct kpc_handshake *hs = dtls->hs;
	BIO_ADDR *nobody = BIO_ADDR_new();
	int code;

	if (!nobody) {
		kpci_handshake_fail(hs, KPC_HANDSHAKE_LOCAL, "no memory for a handshake");
		return false;
	}
	dtls->listening = false;
	ERR_clear_error();
	code = DTLSv1_listen(hs->ssl, nobody);
	BIO_ADDR_free(nobody);
	if (code == 1)
		return true;
	hs->state = KPC_HANDSHAKE_FAILED;
	hs->error = ERR_peek_error();
	ERR_clear_error();
	return false;
}

/* Before the handshake, and while it waits for its turn or a key, there is no more. */
static bool keep(struct kpc_dtls *dtls, const void *datagram, size_t len)
{
	return dtls->pipe.in.count < HELD_MAX &&
	       kpci_buffer_len(&dtls->pipe.in.octets) + len <= HELD_OCTETS &&
	       !kpci_datagrams_append(&dtls->pipe.in, datagram, len);
}

enum kpc_handshake_state kpc_dtls_input(struct kpc_dtls *dtls, const void *datagram, size_t len)
{
	struct kpc_handshake *hs = dtls->hs;
	int code = 0;

	if (hs->state != KPC_HANDSHAKE_WANT_INPUT && hs->state != KPC_HANDSHAKE_WANT_KEY)
		return hs->state;
	hs->taken += len;
	if (hs->taken > KPC_HANDSHAKE_OCTETS_MAX) {
		kpci_handshake_fail(hs, KPC_HANDSHAKE_PROTOCOL,
				    "the peer sent over %d octets without an end of the handshake",
				    KPC_HANDSHAKE_OCTETS_MAX);
		return hs->state;
	}
	if (keep(dtls, datagram, len) && hs->policy.role == KPC_ROLE_B && hs->started &&
	    !dtls->exchange.done)
		code = kpci_dtls_exchange_take(&dtls->exchange, hs, datagram, len);
	if (code < 0) {
		kpci_handshake_fail(hs, KPC_HANDSHAKE_LOCAL, "no memory for a handshake");
	} else if (code) {
		dtls->pipe.held = true;
		hs->state = KPC_HANDSHAKE_WANT_KEY;
	}
	return hs->state;
}

enum kpc_handshake_state kpc_dtls_advance(struct kpc_dtls *dtls)
{
	struct kpc_handshake *hs = dtls->hs;

	if (hs->state == KPC_HANDSHAKE_DONE || hs->state == KPC_HANDSHAKE_FAILED)
		return hs->state;
	if (hs->policy.role == KPC_ROLE_A && !hs->key)
		return KPC_HANDSHAKE_WANT_KEY;
	if (dtls->pipe.held && !hs->answered)
		return hs->state;
	dtls->pipe.held = false;
	if (hs->policy.role == KPC_ROLE_A && !hs->started)
		return run(dtls);
	if (!dtls->pipe.in.count || (dtls->listening && !enter(dtls)))
		return hs->state;
	return run(dtls);
}

const void *kpc_dtls_early(const struct kpc_dtls *dtls, size_t *len)
{
	*len = 0;
	if (dtls->hs->state != KPC_HANDSHAKE_DONE)
		return NULL;
	return kpci_datagrams_first(&dtls->pipe.in, len);
}

void kpc_dtls_early_taken(struct kpc_dtls *dtls)
{
	kpci_datagrams_drop(&dtls->pipe.in);
}

/* OpenSSL's clock goes on while a key is waited for; it need not be told. */
int kpc_dtls_wait(const struct kpc_dtls *dtls)
{
	struct timeval left;

	if (dtls->hs->state != KPC_HANDSHAKE_WANT_INPUT || !dtls->hs->ssl ||
	    DTLSv1_get_timeout(dtls->hs->ssl, &left) != 1)
		return -1;
	return (int)(left.tv_sec * 1000 + (left.tv_usec + 999) / 1000);
}

enum kpc_handshake_state kpc_dtls_expired(struct kpc_dtls *dtls)
{
	struct kpc_handshake *hs = dtls->hs;
	unsigned int known = dtls->pipe.out.count;

	if (hs->state != KPC_HANDSHAKE_WANT_INPUT || !hs->ssl)
		return hs->state;
	ERR_clear_error();
	if (DTLSv1_handle_timeout(hs->ssl) < 0)
		kpc_dtls_give_up(dtls);
	follow_output(dtls, known);
	ERR_clear_error();
	return hs->state;
}

void kpc_dtls_give_up(struct kpc_dtls *dtls)
{
	struct kpc_handshake *hs = dtls->hs;

	if (hs->state == KPC_HANDSHAKE_DONE || hs->state == KPC_HANDSHAKE_FAILED)
		return;
	hs->state = KPC_HANDSHAKE_FAILED;
	if (hs->policy.role == KPC_ROLE_B && hs->answered && !hs->agreed)
		return;		/* judged when it is asked for */
	if (hs->policy.role == KPC_ROLE_B && hs->answered)
		kpci_handshake_fail(hs, KPC_HANDSHAKE_WRONG_KEY,
				    "the peer has not proved its key: its Kpc is another, or it "
				    "has gone");
	else
		kpci_handshake_fail(hs, KPC_HANDSHAKE_PROTOCOL, "the peer does not answer%s",
				    hs->policy.role == KPC_ROLE_A ?
				    ": nobody is there, it does not know this KpcId, or its Kpc "
				    "is another" : "");
}

const void *kpc_dtls_output(const struct kpc_dtls *dtls, size_t *len)
{
	return kpci_datagrams_first(&dtls->pipe.out, len);
}

void kpc_dtls_output_sent(struct kpc_dtls *dtls)
{
	kpci_datagrams_drop(&dtls->pipe.out);
}

/*
 * RFC 6347 4.2.4: the peer sends its Finished again, so it has not got ours. That
 * is as it was, number and all: a peer that has it after all drops it.
 */
static void repeat_flight(struct kpc_dtls *dtls)
{
	if (dtls->repeats == REPEATS_MAX)
		return;
	dtls->repeats++;
	copy(&dtls->flight, &dtls->pipe.out);
}

/* Any alert but of warning ends it, as RFC 5246 7.2.2 says. */
static enum kpc_dtls_record take_alert(struct kpc_dtls *dtls, const uint8_t *content, size_t len)
{
	if (len != 2)
		return KPC_DTLS_RECORD_KEPT;
	if (content[1] == SSL_AD_CLOSE_NOTIFY)
		return KPC_DTLS_RECORD_CLOSE;
	if (content[0] != SSL3_AL_FATAL)
		return KPC_DTLS_RECORD_KEPT;
	dtls->alert = content[1];
	return KPC_DTLS_RECORD_ALERT;
}

static enum kpc_dtls_record take_record(struct kpc_dtls *dtls,
					const struct kpci_dtls_header *header, uint8_t *fragment,
					const uint8_t **data, size_t *data_len)
{
	const uint8_t *content;
	size_t len;

	if (header->version != KPC_VERSION_DTLS12 ||
	    KPCI_DTLS_EPOCH(header->sequence) != KPCI_DTLS_EPOCH(EPOCH_ONE) ||
	    kpc_dtls_spent(dtls) ||
	    !kpci_dtls_window_new(&dtls->window, header->sequence))
		return KPC_DTLS_RECORD_NONE;
	content = kpci_dtls_open(&dtls->rx, header, fragment, &len);
	if (!content)
		return KPC_DTLS_RECORD_NONE;
	kpci_dtls_window_take(&dtls->window, header->sequence);
	dtls->received++;
	switch (header->type) {
	case KPC_RECORD_DATA:
		if (len > KPC_DTLS_DATA_MAX)
			return KPC_DTLS_RECORD_KEPT;
		*data = content;
		*data_len = len;
		return KPC_DTLS_RECORD_DATA;
	case KPC_RECORD_ALERT:
		return take_alert(dtls, content, len);
	case KPC_RECORD_HANDSHAKE:
		if (len && content[0] == FINISHED)
			repeat_flight(dtls);
		return KPC_DTLS_RECORD_KEPT;
	default:
		return KPC_DTLS_RECORD_KEPT;
	}
}

enum kpc_dtls_record kpc_dtls_read(struct kpc_dtls *dtls, uint8_t **datagram, size_t *len,
				   const uint8_t **data, size_t *data_len)
{
	struct kpci_dtls_header header;
	uint8_t *fragment;

	if (dtls->hs->state != KPC_HANDSHAKE_DONE ||
	    !kpci_dtls_header_read(*datagram, *len, &header)) {
		*len = 0;
		return KPC_DTLS_RECORD_END;
	}
	fragment = *datagram + KPCI_DTLS_RECORD_LEN;
	*datagram = fragment + header.len;
	*len -= KPCI_DTLS_RECORD_LEN + header.len;
	return take_record(dtls, &header, fragment, data, data_len);
}

bool kpc_dtls_spent(const struct kpc_dtls *dtls)
{
	return dtls->max && dtls->received >= dtls->max;
}

int kpc_dtls_alert(const struct kpc_dtls *dtls)
{
	return dtls->alert;
}

static ssize_t seal(struct kpc_dtls *dtls, uint8_t type, const void *data, size_t len,
		    uint8_t *datagram)
{
	struct kpci_dtls_header header = {
		.type = type,
		.version = KPC_VERSION_DTLS12,
		.sequence = dtls->sequence,
	};
	uint8_t *fragment = datagram + KPCI_DTLS_RECORD_LEN;

	if (kpci_dtls_seal(&dtls->tx, &header, dtls->nonce, data, len, fragment))
		return -EIO;
	kpci_dtls_header_write(&header, datagram);
	dtls->sequence++;
	dtls->nonce++;
	dtls->sent++;
	return KPCI_DTLS_RECORD_LEN + header.len;
}

ssize_t kpc_dtls_write(struct kpc_dtls *dtls, const void *data, size_t len, void *datagram)
{
	if (dtls->hs->state != KPC_HANDSHAKE_DONE || dtls->closed)
		return -EPIPE;
	if (len > dtls->data_max)
		return -EMSGSIZE;
	if (dtls->max && dtls->sent >= dtls->max - CONTROL_RECORDS)
		return -EKEYEXPIRED;
	return seal(dtls, KPC_RECORD_DATA, data, len, datagram);
}

ssize_t kpc_dtls_close(struct kpc_dtls *dtls, void *datagram)
{
	static const uint8_t notify[] = { SSL3_AL_WARNING, SSL_AD_CLOSE_NOTIFY };

	if (dtls->hs->state != KPC_HANDSHAKE_DONE || dtls->closed)
		return -EPIPE;
	dtls->closed = true;
	return seal(dtls, KPC_RECORD_ALERT, notify, sizeof(notify), datagram);
}

void kpc_dtls_limit(struct kpc_dtls *dtls, uint32_t limit)
{
	dtls->max = limit;
}
