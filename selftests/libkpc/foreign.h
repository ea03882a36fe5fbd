/* SPDX-License-Identifier: MIT */
/* What a peer that is OpenSSL as other programs use it has of a key. */
#ifndef FOREIGN_H
#define FOREIGN_H

#include <openssl/ssl.h>

#include "pair.h"

static const char *foreign_id = PAIR_ID;
static uint8_t foreign_key[32];

static unsigned int foreign_client_key(SSL *ssl, const char *hint, char *identity,
				       unsigned int id_max, unsigned char *key, unsigned int max)
{
	snprintf(identity, id_max, "%s", foreign_id);
	memcpy(key, foreign_key, sizeof(foreign_key));
	return sizeof(foreign_key);
}

static unsigned int foreign_server_key(SSL *ssl, const char *identity, unsigned char *key,
				       unsigned int max)
{
	if (strcmp(identity, foreign_id))
		return 0;
	memcpy(key, foreign_key, sizeof(foreign_key));
	return sizeof(foreign_key);
}

/* Gives it to those of @ctx, which are servers or clients. */
static inline void foreign_keys(SSL_CTX *ctx, bool server)
{
	if (server)
		SSL_CTX_set_psk_server_callback(ctx, foreign_server_key);
	else
		SSL_CTX_set_psk_client_callback(ctx, foreign_client_key);
}

#endif
