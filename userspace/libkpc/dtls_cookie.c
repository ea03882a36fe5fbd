// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The stateless beginning of DTLS (RFC 6347 4.2.1): whoever says hello shows with
 * a cookie that he is where he says, before anything is kept of him.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <kpc/ktls.h>

#include "dtls_internal.h"
#include "secrets_internal.h"

#define SECRET_LEN		32
/* A cookie is good for so long at least, and twice that at most. */
#define SECRET_MS		60000

#define CLIENT_HELLO		1
#define HELLO_VERIFY_REQUEST	3
#define RANDOM_LEN		32
#define VERSION_DTLS10		0xfeff

/**
 * struct kpc_dtls_cookies - what cookies are made with
 * @changed: when the secret was, milliseconds; 0: never
 * @mac: with the present secret
 * @mac_before: with that before it
 */
struct kpc_dtls_cookies {
	uint64_t changed;
	EVP_MAC_CTX *mac;
	EVP_MAC_CTX *mac_before;
};

/* Octets not read yet. */
struct rest {
	const uint8_t *p;
	size_t len;
};

/**
 * struct parts - those of a ClientHello that a cookie stands for
 * @sequence: of its record
 * @begin: version, random and session id
 * @cookie: as it came
 * @end: suites and compressions
 */
struct parts {
	uint64_t sequence;
	struct rest begin, cookie, end;
};

int kpci_dtls_cookie_verified(SSL *ssl, const unsigned char *cookie, unsigned int len)
{
	return 1;
}

/* With a secret that is nowhere else. */
static EVP_MAC_CTX *fresh_mac(void)
{
	uint8_t secret[SECRET_LEN];
	EVP_MAC_CTX *mac = NULL;

	if (RAND_bytes(secret, sizeof(secret)) == 1)
		mac = kpci_hmac_new("SHA256", secret, sizeof(secret));
	OPENSSL_cleanse(secret, sizeof(secret));
	return mac;
}

struct kpc_dtls_cookies *kpc_dtls_cookies_new(struct kpc_error *err)
{
	struct kpc_dtls_cookies *cookies = calloc(1, sizeof(*cookies));

	if (cookies) {
		cookies->mac = fresh_mac();
		cookies->mac_before = fresh_mac();
	}
	if (cookies && cookies->mac && cookies->mac_before)
		return cookies;
	kpc_dtls_cookies_free(cookies);
	kpc_error_set(err, "no memory for cookies");
	errno = ENOMEM;
	return NULL;
}

void kpc_dtls_cookies_free(struct kpc_dtls_cookies *cookies)
{
	if (!cookies)
		return;
	EVP_MAC_CTX_free(cookies->mac);
	EVP_MAC_CTX_free(cookies->mac_before);
	free(cookies);
}

/* Where there is no other secret the old one goes on: it is still nobody's. */
static bool change_one(struct kpc_dtls_cookies *cookies)
{
	EVP_MAC_CTX *fresh = fresh_mac();

	if (!fresh)
		return false;
	EVP_MAC_CTX_free(cookies->mac_before);
	cookies->mac_before = cookies->mac;
	cookies->mac = fresh;
	return true;
}

static void change_secret(struct kpc_dtls_cookies *cookies, uint64_t now)
{
	if (!cookies->changed)
		cookies->changed = now;
	if (now - cookies->changed < SECRET_MS || !change_one(cookies))
		return;
	/* After a long silence neither is of use to who has a cookie. */
	if (now - cookies->changed >= 2 * SECRET_MS)
		change_one(cookies);
	cookies->changed = now;
}

/* Takes a vector with a length field of @width octets; false: it is not all there. */
static bool take_vector(struct rest *from, size_t width, struct rest *vector)
{
	size_t len = 0;

	if (from->len < width)
		return false;
	for (size_t i = 0; i < width; i++)
		len = len << 8 | from->p[i];
	from->p += width;
	from->len -= width;
	if (from->len < len)
		return false;
	*vector = (struct rest){ from->p, len };
	from->p += len;
	from->len -= len;
	return true;
}

/* The body of a ClientHello that is whole in its only fragment. */
static bool find_hello(const uint8_t *datagram, size_t len, struct rest *body, uint64_t *sequence)
{
	const uint8_t *message = datagram + KPCI_DTLS_RECORD_LEN;
	struct kpci_dtls_header header;
	uint32_t whole;

	if (!kpci_dtls_header_read(datagram, len, &header) ||
	    header.type != KPC_RECORD_HANDSHAKE || KPCI_DTLS_EPOCH(header.sequence) ||
	    header.len < KPCI_DTLS_MESSAGE_LEN || message[0] != CLIENT_HELLO)
		return false;
	whole = kpci_get24(message + 1);
	if (kpci_get24(message + 6) || kpci_get24(message + 9) != whole ||
	    whole + KPCI_DTLS_MESSAGE_LEN != header.len)
		return false;
	*body = (struct rest){ message + KPCI_DTLS_MESSAGE_LEN, whole };
	*sequence = header.sequence;
	return true;
}

static bool read_hello(const uint8_t *datagram, size_t len, struct parts *parts)
{
	struct rest body, part;
	const uint8_t *begin;

	if (!find_hello(datagram, len, &body, &parts->sequence) ||
	    body.len < 2 + RANDOM_LEN)
		return false;
	begin = body.p;
	body.p += 2 + RANDOM_LEN;
	body.len -= 2 + RANDOM_LEN;
	if (!take_vector(&body, 1, &part) || part.len > 32)
		return false;
	parts->begin = (struct rest){ begin, (size_t)(body.p - begin) };
	if (!take_vector(&body, 1, &parts->cookie))
		return false;
	begin = body.p;
	if (!take_vector(&body, 2, &part) || part.len < 2 || !take_vector(&body, 1, &part) ||
	    !part.len)
		return false;
	parts->end = (struct rest){ begin, (size_t)(body.p - begin) };
	return true;
}

static bool make_cookie(EVP_MAC_CTX *mac, const struct rest *from, const struct parts *parts,
			uint8_t cookie[KPC_DTLS_COOKIE_LEN])
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	size_t len;

	if (EVP_MAC_init(mac, NULL, 0, NULL) != 1 ||
	    EVP_MAC_update(mac, from->p, from->len) != 1 ||
	    EVP_MAC_update(mac, parts->begin.p, parts->begin.len) != 1 ||
	    EVP_MAC_update(mac, parts->end.p, parts->end.len) != 1 ||
	    EVP_MAC_final(mac, digest, &len, sizeof(digest)) != 1)
		return false;
	memcpy(cookie, digest, KPC_DTLS_COOKIE_LEN);
	return true;
}

/*
 * Its record has the number of the hello's, so that whoever says hello twice does
 * not take the second answer for the first; its version is that of DTLS 1.0,
 * whatever will be spoken.
 */
static void write_verify(const struct parts *parts, const uint8_t cookie[KPC_DTLS_COOKIE_LEN],
			 uint8_t verify[KPC_DTLS_VERIFY_LEN])
{
	const struct kpci_dtls_header header = {
		.type = KPC_RECORD_HANDSHAKE,
		.version = VERSION_DTLS10,
		.sequence = parts->sequence,
		.len = KPC_DTLS_VERIFY_LEN - KPCI_DTLS_RECORD_LEN,
	};
	uint8_t *p = verify + KPCI_DTLS_RECORD_LEN;
	const uint8_t body_len = 2 + 1 + KPC_DTLS_COOKIE_LEN;

	memset(verify, 0, KPC_DTLS_VERIFY_LEN);
	kpci_dtls_header_write(&header, verify);
	p[0] = HELLO_VERIFY_REQUEST;
	p[3] = body_len;
	p[11] = body_len;
	p += KPCI_DTLS_MESSAGE_LEN;
	*p++ = VERSION_DTLS10 >> 8;
	*p++ = VERSION_DTLS10 & 0xff;
	*p++ = KPC_DTLS_COOKIE_LEN;
	memcpy(p, cookie, KPC_DTLS_COOKIE_LEN);
}

enum kpc_dtls_hello_kind kpc_dtls_hello(struct kpc_dtls_cookies *cookies, const void *from,
					size_t from_len, const void *datagram, size_t len,
					uint64_t now, struct kpc_dtls_hello *hello)
{
	const struct rest sender = { from, from_len };
	uint8_t cookie[KPC_DTLS_COOKIE_LEN];
	struct parts parts;

	if (!read_hello(datagram, len, &parts))
		return KPC_DTLS_HELLO_NONE;
	change_secret(cookies, now);
	if (!make_cookie(cookies->mac, &sender, &parts, cookie))
		return KPC_DTLS_HELLO_NONE;
	if (parts.cookie.len == KPC_DTLS_COOKIE_LEN) {
		memcpy(hello->cookie, parts.cookie.p, KPC_DTLS_COOKIE_LEN);
		if (!CRYPTO_memcmp(hello->cookie, cookie, sizeof(cookie)))
			return KPC_DTLS_HELLO_PROVED;
		write_verify(&parts, cookie, hello->verify);
		if (make_cookie(cookies->mac_before, &sender, &parts, cookie) &&
		    !CRYPTO_memcmp(hello->cookie, cookie, sizeof(cookie)))
			return KPC_DTLS_HELLO_PROVED;
		return KPC_DTLS_HELLO_FIRST;
	}
	write_verify(&parts, cookie, hello->verify);
	return KPC_DTLS_HELLO_FIRST;
}
