// SPDX-License-Identifier: MIT
/*
 * PROXY protocol, version 2: tells a backend who is at the far end of a
 * connection of role b, or of each of its datagrams. The identity was proved by
 * Kpc, so it stands where a certificate's common name would.
 */
#include <string.h>

#include <kpc/suite.h>

#include "proxy.h"
#include "worker_state.h"

#define COMMAND_PROXY		0x21
#define FAMILY_INET		0x10
#define FAMILY_INET6		0x20
#define TRANSPORT_STREAM	0x01
#define TRANSPORT_DGRAM		0x02

#define TYPE_UNIQUE_ID		0x05
#define TYPE_SSL		0x20
#define TYPE_SSL_VERSION	0x21
#define TYPE_SSL_CN		0x22
#define TYPE_SSL_CIPHER		0x23
#define TYPE_KPC_ID		0xe0
#define TYPE_ID_A		0xe1
#define TYPE_ID_B		0xe2

/* TLS, with an identity of this connection and of this session. */
#define CLIENT_FLAGS		0x07

static const uint8_t signature[12] = {
	0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a,
};

static uint8_t *octets_put(uint8_t *at, const void *octets, size_t length)
{
	memcpy(at, octets, length);
	return at + length;
}

static uint8_t *short_put(uint8_t *at, uint16_t value)
{
	at[0] = value >> 8;
	at[1] = value & 0xff;
	return at + 2;
}

static uint8_t *tlv_put(uint8_t *at, uint8_t type, const void *octets,
			size_t length)
{
	*at++ = type;
	at = short_put(at, length);
	return octets_put(at, octets, length);
}

static uint8_t *text_put(uint8_t *at, uint8_t type, const char *text)
{
	return tlv_put(at, type, text, strlen(text));
}

static bool is_v4(const struct proxy_subject *subject)
{
	return IN6_IS_ADDR_V4MAPPED(&subject->peer.sin6_addr);
}

static uint8_t *addresses_put(uint8_t *at, const struct proxy_subject *subject)
{
	size_t skip = is_v4(subject) ? 12 : 0;

	at = octets_put(at, subject->peer.sin6_addr.s6_addr + skip, 16 - skip);
	at = octets_put(at, subject->own.sin6_addr.s6_addr + skip, 16 - skip);
	at = octets_put(at, &subject->peer.sin6_port, 2);
	return octets_put(at, &subject->own.sin6_port, 2);
}

static uint8_t *tls_put(uint8_t *at, const struct proxy_subject *subject)
{
	const struct kpc_suite *suite = kpc_suite_by_code(subject->suite);
	uint8_t *length = at + 1, *content = at + 3;

	*at = TYPE_SSL;
	at = content;
	*at++ = CLIENT_FLAGS;
	/* Four octets of zero: it was verified. */
	memset(at, 0, 4);
	at += 4;
	at = text_put(at, TYPE_SSL_VERSION, kpc_version_name(subject->version));
	at = text_put(at, TYPE_SSL_CN, subject->association->config.id_a);
	if (suite)
		at = text_put(at, TYPE_SSL_CIPHER, suite->name);
	short_put(length, at - content);
	return at;
}

size_t proxy_header(uint8_t *buffer, const struct proxy_subject *subject)
{
	const struct association *association = subject->association;
	const struct kpc_message_association *config = &association->config;
	/* Workers have the same descriptors. */
	uint64_t unique[3] = {
		subject->binding, subject->born,
		(uint64_t)subject->worker << 32 | subject->fd,
	};
	uint8_t *at, *content;

	at = octets_put(buffer, signature, sizeof(signature));
	*at++ = COMMAND_PROXY;
	*at++ = (is_v4(subject) ? FAMILY_INET : FAMILY_INET6) |
		(config->datagrams ? TRANSPORT_DGRAM : TRANSPORT_STREAM);
	content = at + 2;
	at = addresses_put(content, subject);
	at = tlv_put(at, TYPE_UNIQUE_ID, unique, sizeof(unique));
	at = tls_put(at, subject);
	at = tlv_put(at, TYPE_KPC_ID, association->kpc_id.octets,
		     association->kpc_id.len);
	at = text_put(at, TYPE_ID_A, config->id_a);
	at = text_put(at, TYPE_ID_B, config->id_b);
	short_put(content - 2, at - content);
	return at - buffer;
}
