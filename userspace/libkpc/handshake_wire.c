// SPDX-License-Identifier: LGPL-2.1-or-later
/* Looks at TLS records on their way to and from OpenSSL during the handshake. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <kpc/ktls.h>

#include "handshake_internal.h"
#include "internal.h"

#define CLIENT_HELLO		1
#define CLIENT_KEY_EXCHANGE	16
#define RECORD_MAX		(16384 + 2048)	/* RFC 5246 6.2.3 */

int kpci_wire_header(const uint8_t header[KPCI_HEADER_LEN])
{
	uint16_t len = kpci_get16(header + 3);

	if (header[0] < KPC_RECORD_CHANGE_CIPHER || header[0] > KPC_RECORD_DATA || header[1] != 3 ||
	    header[2] > 4 || !len || len > RECORD_MAX)
		return -EINVAL;
	return 0;
}

static void count_record(struct kpci_flow *flow, const uint8_t *record, size_t len)
{
	if (flow->protected) {
		flow->count++;
		if (len >= KPCI_HEADER_LEN + KPCI_NONCE_LEN)
			memcpy(flow->nonce, record + KPCI_HEADER_LEN, KPCI_NONCE_LEN);
	}
	if (record[0] == KPC_RECORD_CHANGE_CIPHER)
		flow->protected = true;
}

bool kpci_wire_hello(struct kpc_handshake *hs, const uint8_t *record, size_t len)
{
	size_t body_len, i;

	if (record[0] != KPC_RECORD_HANDSHAKE)
		return true;
	record += KPCI_HEADER_LEN;
	len -= KPCI_HEADER_LEN;
	for (i = 0; i < len && hs->hello_len + i < sizeof(hs->head); i++)
		hs->head[hs->hello_len + i] = record[i];
	hs->hello_len += len;
	if (hs->head[0] != CLIENT_HELLO)
		return true;
	if (hs->hello_len < sizeof(hs->head))
		return false;
	body_len = (size_t)hs->head[1] << 16 | kpci_get16(hs->head + 2);
	/* One that is too long is refused before it is there. */
	return hs->hello_len >= sizeof(hs->head) + body_len || body_len > KPC_HANDSHAKE_OCTETS_MAX;
}

/* The identity is the first field, whatever the key exchange (RFC 4279, 5489). */
void kpci_wire_identity(struct kpc_handshake *hs, const uint8_t *body, size_t len)
{
	size_t id_len = len >= 2 ? kpci_get16(body) : 0;

	if (len >= 2 && id_len <= len - 2)
		kpc_kpcid_set(&hs->offer, body + 2, id_len);
}

/*
 * The key is needed while OpenSSL works on the ClientKeyExchange, and cannot be
 * waited for there. So the message is put together here, and the record that
 * completes it held back. OpenSSL reads the same octets again; a peer that made
 * the two readings differ would still have to know the key of the identity read
 * here, and that identity is the one the result names.
 */
static int inspect_key_exchange(struct kpc_handshake *hs, const uint8_t *content, size_t len)
{
	size_t body_len;

	if (kpci_buffer_append(&hs->cke, content, len))
		return -ENOMEM;
	len = kpci_buffer_len(&hs->cke);
	content = hs->cke.data + hs->cke.start;
	if (content[0] != CLIENT_KEY_EXCHANGE) {
		hs->cke_done = true;	/* OpenSSL refuses it with the right alert */
		return 0;
	}
	if (len < KPCI_MESSAGE_HEADER_LEN)
		return 0;
	body_len = (size_t)content[1] << 16 | kpci_get16(content + 2);
	if (body_len > KPCI_CKE_MAX) {
		kpci_handshake_fail(hs, KPC_HANDSHAKE_PROTOCOL,
				    "ClientKeyExchange of %zu octets: at most %d are accepted",
				    body_len, KPCI_CKE_MAX);
		return -EPROTO;
	}
	if (len < KPCI_MESSAGE_HEADER_LEN + body_len)
		return 0;
	hs->cke_done = true;
	kpci_wire_identity(hs, content + KPCI_MESSAGE_HEADER_LEN, body_len);
	return 1;
}

int kpci_wire_inspect(struct kpc_handshake *hs, const uint8_t *record, size_t len)
{
	count_record(&hs->rx, record, len);
	if (hs->policy.role == KPC_ROLE_A || !hs->hello.seen || hs->hello.tls13 ||
	    hs->cke_done || record[0] != KPC_RECORD_HANDSHAKE)
		return 0;
	return inspect_key_exchange(hs, record + KPCI_HEADER_LEN, len - KPCI_HEADER_LEN);
}

void kpci_wire_sent(struct kpc_handshake *hs, const uint8_t *records, size_t len)
{
	while (len >= KPCI_HEADER_LEN) {
		size_t record_len = KPCI_HEADER_LEN + kpci_get16(records + 3);

		if (record_len > len)
			break;
		count_record(&hs->tx, records, record_len);
		records += record_len;
		len -= record_len;
	}
}
