// SPDX-License-Identifier: LGPL-2.1-or-later
/* Reads what the handshake needs to know from ClientHello and ServerHello. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "handshake_internal.h"
#include "internal.h"

enum {
	EXT_SERVER_NAME = 0,
	EXT_ENCRYPT_THEN_MAC = 22,
	EXT_EXTENDED_MASTER_SECRET = 23,
	EXT_PRE_SHARED_KEY = 41,
	EXT_SUPPORTED_VERSIONS = 43,
	EXT_PSK_KEY_EXCHANGE_MODES = 45,
	EXT_KEY_SHARE = 51,
};

#define PSK_KE		0
#define PSK_DHE_KE	1
#define BINDER_MIN	32
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

/* RFC 8446 4.2.1: where there is the extension, nothing else counts. */
static bool offers_version(SSL *ssl, uint16_t wanted)
{
	struct span body, versions, version;

	if (!extension(ssl, EXT_SUPPORTED_VERSIONS, &body))
		return wanted < KPC_VERSION_TLS13 &&
		       SSL_client_hello_get0_legacy_version(ssl) >= wanted;
	if (!cut_vector(&body, 1, &versions))
		return false;
	while (cut(&versions, 2, &version))
		if (kpci_get16(version.p) == wanted)
			return true;
	return false;
}

/* RFC 8446 4.2.9; fails where the extension, without which no key may be used, is missing. */
static bool read_modes(SSL *ssl, struct kpci_hello *hello)
{
	struct span body, modes;

	if (!extension(ssl, EXT_PSK_KEY_EXCHANGE_MODES, &body) || !cut_vector(&body, 1, &modes))
		return false;
	hello->psk_dhe_ke = memchr(modes.p, PSK_DHE_KE, modes.len);
	hello->psk_ke = memchr(modes.p, PSK_KE, modes.len);
	return true;
}

/* RFC 8446 4.2.11: identities with their ages, then as many binders. */
struct offers {
	struct span identities, binders;
};

static bool open_offers(SSL *ssl, struct offers *offers)
{
	struct span body;

	return extension(ssl, EXT_PRE_SHARED_KEY, &body) &&
	       cut_vector(&body, 2, &offers->identities) &&
	       cut_vector(&body, 2, &offers->binders) && !body.len;
}

/* OpenSSL refuses an empty identity too, but only where it comes to look at it. */
static bool next_offer(struct offers *offers, struct span *identity, size_t *binder)
{
	struct span age, octets;

	if (!cut_vector(&offers->identities, 2, identity) || !identity->len ||
	    !cut(&offers->identities, 4, &age) || !cut_vector(&offers->binders, 1, &octets) ||
	    octets.len < BINDER_MIN)
		return false;
	*binder = octets.len;
	return true;
}

/*
 * The length of a binder tells the hash of its key, and the hash decides which
 * suites may be chosen and which alert a false binder gets. So that nothing of
 * this depends on which KpcId is known, the first offer with a suite in common
 * decides, and offers of another hash count as not made.
 */
static int read_offers(struct kpc_handshake *hs, SSL *ssl)
{
	struct span identity;
	struct offers offers;
	size_t binder;

	if (!open_offers(ssl, &offers) || !offers.identities.len)
		return -EPROTO;
	while (offers.identities.len) {
		if (!next_offer(&offers, &identity, &binder))
			return -EPROTO;
		if (!hs->hello.binder && kpci_psk_usable(ssl, &hs->policy, binder))
			hs->hello.binder = (uint8_t)binder;
		/* One that is too long is passed over. */
		if (!hs->offer.len && binder == hs->hello.binder)
			kpc_kpcid_set(&hs->offer, identity.p, identity.len);
	}
	return offers.binders.len ? -EPROTO : 0;
}

/*
 * Where OpenSSL is to find the key. Asked of each ClientHello, because the one
 * after HelloRetryRequest may offer less.
 */
static int locate_offer(const struct kpc_handshake *hs, SSL *ssl)
{
	const struct kpc_kpcid *wanted = hs->offer.len ? &hs->offer : NULL;
	struct span identity;
	struct offers offers;
	size_t binder;

	if (!open_offers(ssl, &offers))
		return -1;
	for (int i = 0; next_offer(&offers, &identity, &binder); i++)
		if (binder == hs->hello.binder &&
		    (!wanted || (wanted->len == identity.len &&
				 !memcmp(wanted->octets, identity.p, identity.len))))
			return i;
	return -1;
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

/*
 * Without a mode that both sides can do OpenSSL looks at no key, and goes on
 * with suites and groups; what they are could tell which KpcId is known.
 */
static int check_modes(struct kpc_handshake *hs, SSL *ssl, int *alert)
{
	struct kpci_hello *hello = &hs->hello;

	*alert = SSL_AD_HANDSHAKE_FAILURE;
	if (!read_modes(ssl, hello)) {
		kpci_handshake_fail(hs, KPC_HANDSHAKE_PROTOCOL, "the peer offers keys without "
				    "saying how they may be used (psk_key_exchange_modes)");
		return -EBADMSG;
	}
	if (!hello->psk_dhe_ke && !(hello->psk_ke && hs->policy.psk_ke)) {
		const char *rest = hs->policy.psk_ke ? " or psk_ke" : ", which is required";

		kpci_handshake_fail(hs, KPC_HANDSHAKE_POLICY,
				    "the peer does not offer psk_dhe_ke%s", rest);
		return -EBADMSG;
	}
	return 0;
}

/* Nor is anybody asked for a key that no suite on offer goes with. */
static int check_binder(struct kpc_handshake *hs, int *alert)
{
	if (hs->hello.binder)
		return 0;
	kpci_handshake_fail(hs, KPC_HANDSHAKE_POLICY, "nothing in common with the peer: no suite "
			    "that both allow has the hash of a key it offers");
	*alert = SSL_AD_HANDSHAKE_FAILURE;
	return -EBADMSG;
}

/* On -EBADMSG failure and alert are set. */
static int read_hello(struct kpc_handshake *hs, SSL *ssl, int *alert)
{
	struct kpci_hello *hello = &hs->hello;
	struct span body;
	int code;

	hello->seen = true;
	hello->ems = extension(ssl, EXT_EXTENDED_MASTER_SECRET, &body);
	hello->etm = extension(ssl, EXT_ENCRYPT_THEN_MAC, &body);
	read_authority(ssl, hello);
	/* Without an offered key TLS 1.3 leads nowhere here; TLS 1.2 still may. */
	if (!hs->policy.tls13 || !offers_version(ssl, KPC_VERSION_TLS13) ||
	    !extension(ssl, EXT_PRE_SHARED_KEY, &body))
		return 0;
	hello->tls13 = true;
	code = read_offers(hs, ssl);
	if (!code)
		code = check_binder(hs, alert);
	return code ? code : check_modes(hs, ssl, alert);
}

static int require_ems(struct kpc_handshake *hs, int *alert)
{
	if (hs->hello.ems || hs->policy.no_ems)
		return SSL_CLIENT_HELLO_SUCCESS;
	kpci_handshake_fail(hs, KPC_HANDSHAKE_POLICY,
			    "the peer does not offer Extended Master Secret (RFC 7627), which "
			    "is required");
	*alert = SSL_AD_HANDSHAKE_FAILURE;
	return SSL_CLIENT_HELLO_ERROR;
}

/* What it cannot do must not be chosen: it would be told that all is well. */
static int require_etm(struct kpc_handshake *hs, SSL *ssl, int *alert)
{
	int code = kpci_psk_narrow_dtls(hs, ssl);

	if (!code)
		return SSL_CLIENT_HELLO_SUCCESS;
	*alert = code == -EPROTO ? SSL_AD_HANDSHAKE_FAILURE : SSL_AD_INTERNAL_ERROR;
	return SSL_CLIENT_HELLO_ERROR;
}

int kpci_hello_callback(SSL *ssl, int *alert, void *arg)
{
	struct kpc_handshake *hs = SSL_get_app_data(ssl);
	int code;

	if (!hs->hello.seen) {
		code = read_hello(hs, ssl, alert);
		if (code) {
			if (code != -EBADMSG)
				*alert = code == -EPROTO ? SSL_AD_DECODE_ERROR :
							   SSL_AD_INTERNAL_ERROR;
			return SSL_CLIENT_HELLO_ERROR;
		}
	}
	if (hs->hello.tls13) {
		if (!hs->answered)
			return SSL_CLIENT_HELLO_RETRY;
		*alert = SSL_AD_INTERNAL_ERROR;
		if (kpci_psk_narrow(hs, ssl))
			return SSL_CLIENT_HELLO_ERROR;
		hs->asked = 0;
		hs->place = locate_offer(hs, ssl);
		return SSL_CLIENT_HELLO_SUCCESS;
	}
	if (hs->policy.tls12) {
		SSL_set_max_proto_version(ssl, TLS1_2_VERSION);
		/* Else OpenSSL refuses the version, with the alert for that. */
		if (offers_version(ssl, KPC_VERSION_TLS12))
			return require_ems(hs, alert);
	}
	/* There versions count downwards. */
	if (hs->policy.dtls && SSL_client_hello_get0_legacy_version(ssl) <= KPC_VERSION_DTLS12) {
		code = require_etm(hs, ssl, alert);
		return code == SSL_CLIENT_HELLO_SUCCESS ? require_ems(hs, alert) : code;
	}
	return SSL_CLIENT_HELLO_SUCCESS;
}

/*
 * psk_ke shows only in that the ServerHello has no key share, and OpenSSL tells
 * nobody of Encrypt-then-MAC.
 */
void kpci_message_callback(int written, int version, int type, const void *octets, size_t len,
			   SSL *ssl, void *arg)
{
	struct kpc_handshake *hs = SSL_get_app_data(ssl);
	struct span message = { octets, len }, piece, extensions, body;
	size_t header = hs && hs->policy.dtls ? KPCI_DTLS_MESSAGE_LEN : KPCI_MESSAGE_HEADER_LEN;

	if (!hs || type != SSL3_RT_HANDSHAKE || !len || message.p[0] != SERVER_HELLO)
		return;
	hs->no_dhe = true;
	/* header, version, random; session id; suite, compression */
	if (!cut(&message, header + 2 + 32, &piece) || !cut_vector(&message, 1, &piece) ||
	    !cut(&message, 3, &piece) || !cut_vector(&message, 2, &extensions))
		return;
	while (cut(&extensions, 2, &piece) && cut_vector(&extensions, 2, &body)) {
		if (kpci_get16(piece.p) == EXT_KEY_SHARE)
			hs->no_dhe = false;
		if (kpci_get16(piece.p) == EXT_ENCRYPT_THEN_MAC && !written)
			hs->hello.etm = true;
	}
}
