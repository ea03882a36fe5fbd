// SPDX-License-Identifier: LGPL-2.1-or-later
/* Finds the ClientKeyExchange, and in it the KpcId, before OpenSSL gets it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <kpc/ktls.h>

#include "dtls_internal.h"
#include "handshake_internal.h"

#define CLIENT_KEY_EXCHANGE	16

/**
 * struct fragment - of a handshake message (RFC 6347 4.2.2)
 * @type: of the message
 * @whole: octets of all of it
 * @offset: where these belong
 * @len: how many are here
 * @octets: they
 */
struct fragment {
	uint8_t type;
	size_t whole, offset, len;
	const uint8_t *octets;
};

static bool next_fragment(const uint8_t **at, size_t *left, struct fragment *fragment)
{
	const uint8_t *p = *at;

	if (*left < KPCI_DTLS_MESSAGE_LEN)
		return false;
	fragment->type = p[0];
	fragment->whole = kpci_get24(p + 1);
	fragment->offset = kpci_get24(p + 6);
	fragment->len = kpci_get24(p + 9);
	fragment->octets = p + KPCI_DTLS_MESSAGE_LEN;
	*left -= KPCI_DTLS_MESSAGE_LEN;
	if (*left < fragment->len || fragment->offset > fragment->whole ||
	    fragment->len > fragment->whole - fragment->offset)
		return false;
	*at = fragment->octets + fragment->len;
	*left -= fragment->len;
	return true;
}

static int begin(struct kpci_dtls_exchange *exchange, size_t len)
{
	if (exchange->body)
		return 0;
	exchange->body = calloc(1, len + len / 8 + 1);
	if (!exchange->body)
		return -ENOMEM;
	exchange->len = len;
	exchange->missing = len;
	return 0;
}

static void put(struct kpci_dtls_exchange *exchange, const struct fragment *fragment)
{
	uint8_t *bits = exchange->body + exchange->len;

	for (size_t i = 0; i < fragment->len; i++) {
		size_t at = fragment->offset + i;

		if (bits[at / 8] & 1 << at % 8)
			continue;
		bits[at / 8] |= (uint8_t)(1 << at % 8);
		exchange->body[at] = fragment->octets[i];
		exchange->missing--;
	}
}

/* One that is too long, or of another length than its first part, goes by. */
static int take_fragment(struct kpci_dtls_exchange *exchange, const struct fragment *fragment)
{
	if (fragment->type != CLIENT_KEY_EXCHANGE || fragment->whole > KPCI_CKE_MAX)
		return 0;
	if (begin(exchange, fragment->whole))
		return -ENOMEM;
	if (exchange->len != fragment->whole)
		return 0;
	put(exchange, fragment);
	return !exchange->missing;
}

static int take_record(struct kpci_dtls_exchange *exchange, const uint8_t *at, size_t left)
{
	struct fragment fragment;
	int code = 0;

	while (!code && next_fragment(&at, &left, &fragment))
		code = take_fragment(exchange, &fragment);
	return code;
}

int kpci_dtls_exchange_take(struct kpci_dtls_exchange *exchange, struct kpc_handshake *hs,
			    const uint8_t *datagram, size_t len)
{
	struct kpci_dtls_header header;
	int code = 0;

	while (!code && kpci_dtls_header_read(datagram, len, &header)) {
		datagram += KPCI_DTLS_RECORD_LEN;
		if (header.type == KPC_RECORD_HANDSHAKE && !KPCI_DTLS_EPOCH(header.sequence))
			code = take_record(exchange, datagram, header.len);
		datagram += header.len;
		len -= KPCI_DTLS_RECORD_LEN + header.len;
	}
	if (code <= 0)
		return code;
	exchange->done = true;
	kpci_wire_identity(hs, exchange->body, exchange->len);
	free(exchange->body);
	exchange->body = NULL;
	return 1;
}
