// SPDX-License-Identifier: LGPL-2.1-or-later
/* Reads what the handshake needs to know from ClientHello and ServerHello. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "handshake_internal.h"
#include "internal.h"

enum {
	EXT_SERVER_NAME = 0,
	EXT_EXTENDED_MASTER_SECRET = 23,
	EXT_PRE_SHARED_KEY = 41,
	EXT_SUPPORTED_VERSIONS = 43,
	EXT_PSK_KEY_EXCHANGE_MODES = 45,
	EXT_KEY_SHARE = 51,
};

#define PSK_DHE_KE	1
#define SERVER_HELLO	2

/* Octets not read yet. */
struct span {
	const uint8_t *p;
	size_t len;
};

/* Cuts @len octets off the front; fails without moving where there are fewer. */
static bool cut(struct span *from, size_t len, struct span *piece)
{
	if (from->len < len)
		return false;
	*piece = (struct span){ from->p, len };
	from->p += len;
	from->len -= len;
	return true;
}

/* Cuts off a vector with a length field of @width octets. */
static bool cut_vector(struct span *from, size_t width, struct span *piece)
{
	struct span length;
	size_t len = 0;

	if (!cut(from, width, &length))
		return false;
	for (size_t i = 0; i < width; i++)
		len = len << 8 | length.p[i];
	return cut(from, len, piece);
}

static bool extension(SSL *ssl, unsigned int type, struct span *body)
{
	return SSL_client_hello_get0_ext(ssl, type, &body->p, &body->len) == 1;
}

static bool offers_tls13(SSL *ssl)
{
	struct span body, versions, version;

	if (!extension(ssl, EXT_SUPPORTED_VERSIONS, &body) || !cut_vector(&body, 1, &versions))
		return false;
	while (cut(&versions, 2, &version))
		if (kpci_get16(version.p) == KPC_VERSION_TLS13)
			return true;
	return false;
}

static bool offers_psk_dhe_ke(SSL *ssl)
{
	struct span body, modes;

	return extension(ssl, EXT_PSK_KEY_EXCHANGE_MODES, &body) && cut_vector(&body, 1, &modes) &&
	       memchr(modes.p, PSK_DHE_KE, modes.len);
}

/* RFC 8446 4.2.11: identities with their ages, then as many binders. */
static int read_offers(struct kpc_handshake *hs, struct span body)
{
	struct span identities, binders, identity, age, binder;
	struct kpci_hello *hello = &hs->hello;

	if (!cut_vector(&body, 2, &identities) || !cut_vector(&body, 2, &binders) || body.len)
		return -EPROTO;
	hs->offers = calloc(KPC_HANDSHAKE_IDENTITIES_MAX, sizeof(*hs->offers));
	if (!hs->offers)
		return -ENOMEM;
	while (identities.len) {
		if (!cut_vector(&identities, 2, &identity) || !cut(&identities, 4, &age) ||
		    !cut_vector(&binders, 1, &binder))
			return -EPROTO;
		if (!hello->first_binder)
			hello->first_binder = (uint8_t)binder.len;
		if (hs->offer_count == KPC_HANDSHAKE_IDENTITIES_MAX)
			break;
		if (kpc_kpcid_set(&hs->offers[hs->offer_count], identity.p, identity.len))
			continue;
		hello->binders[hs->offer_count++] = (uint8_t)binder.len;
	}
	return 0;
}

static void read_authority(SSL *ssl, struct kpci_hello *hello)
{
	struct span body, list, type, name;

	if (!extension(ssl, EXT_SERVER_NAME, &body) || !cut_vector(&body, 2, &list) ||
	    !cut(&list, 1, &type) || type.p[0] || !cut_vector(&list, 2, &name) ||
	    !kpci_hostname_valid((const char *)name.p, name.len))
		return;
	hello->authority = strndup((const char *)name.p, name.len);
	for (char *p = hello->authority; p && *p; p++)
		*p = kpci_lower(*p);
}

static int read_hello(struct kpc_handshake *hs, SSL *ssl)
{
	struct kpci_hello *hello = &hs->hello;
	struct span body;

	hello->seen = true;
	hello->ems = extension(ssl, EXT_EXTENDED_MASTER_SECRET, &body);
	hello->psk_dhe_ke = offers_psk_dhe_ke(ssl);
	read_authority(ssl, hello);
	/* Without an offered key TLS 1.3 leads nowhere here; TLS 1.2 still may. */
	if (!hs->policy.tls13 || !offers_tls13(ssl) ||
	    !extension(ssl, EXT_PRE_SHARED_KEY, &body))
		return 0;
	hello->tls13 = true;
	return read_offers(hs, body);
}

int kpci_hello_callback(SSL *ssl, int *alert, void *arg)
{
	struct kpc_handshake *hs = SSL_get_app_data(ssl);
	int code;

	if (!hs->hello.seen) {
		code = read_hello(hs, ssl);
		if (code) {
			*alert = code == -EPROTO ? SSL_AD_DECODE_ERROR : SSL_AD_INTERNAL_ERROR;
			return SSL_CLIENT_HELLO_ERROR;
		}
	}
	if (hs->hello.tls13) {
		if (!hs->answered)
			return SSL_CLIENT_HELLO_RETRY;
		*alert = SSL_AD_INTERNAL_ERROR;
		return kpci_psk_narrow(hs, ssl) ? SSL_CLIENT_HELLO_ERROR : SSL_CLIENT_HELLO_SUCCESS;
	}
	if (hs->policy.tls12) {
		SSL_set_max_proto_version(ssl, TLS1_2_VERSION);
		if (!hs->hello.ems && !hs->policy.no_ems) {
			kpci_handshake_fail(hs, KPC_HANDSHAKE_POLICY,
					    "the peer does not offer Extended Master Secret "
					    "(RFC 7627), which is required");
			*alert = SSL_AD_HANDSHAKE_FAILURE;
			return SSL_CLIENT_HELLO_ERROR;
		}
	}
	return SSL_CLIENT_HELLO_SUCCESS;
}

/* psk_ke shows only in that the ServerHello has no key share. */
void kpci_message_callback(int written, int version, int type, const void *octets, size_t len,
			   SSL *ssl, void *arg)
{
	struct kpc_handshake *hs = SSL_get_app_data(ssl);
	struct span message = { octets, len }, piece, extensions, body;

	if (!hs || type != SSL3_RT_HANDSHAKE || !len || message.p[0] != SERVER_HELLO)
		return;
	hs->no_dhe = true;
	/* header, version, random; session id; suite, compression */
	if (!cut(&message, 4 + 2 + 32, &piece) || !cut_vector(&message, 1, &piece) ||
	    !cut(&message, 3, &piece) || !cut_vector(&message, 2, &extensions))
		return;
	while (cut(&extensions, 2, &piece) && cut_vector(&extensions, 2, &body))
		if (kpci_get16(piece.p) == EXT_KEY_SHARE)
			hs->no_dhe = false;
}
