// SPDX-License-Identifier: LGPL-2.1-or-later
/* HKDF-Expand-Label of TLS 1.3 and the PRF of TLS 1.2. */
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/params.h>

#include "secrets_internal.h"

#define LABEL_PREFIX	"tls13 "
#define INFO_MAX	(2 + 1 + 255 + 1 + 1)
#define SEED_MAX	128

static pthread_once_t hmac_once = PTHREAD_ONCE_INIT;
static EVP_MAC *hmac;

static void fetch_hmac(void)
{
	hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
}

EVP_MAC_CTX *kpci_hmac_new(const char *hash, const uint8_t *key, size_t len)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)hash, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC_CTX *mac;

	pthread_once(&hmac_once, fetch_hmac);
	mac = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
	if (mac && EVP_MAC_init(mac, key, len, params) == 1)
		return mac;
	EVP_MAC_CTX_free(mac);
	return NULL;
}

static const EVP_MD *digest(const char *hash)
{
	return !strcmp(hash, "SHA384") ? EVP_sha384() : EVP_sha256();
}

/* One block of HKDF-Expand is enough for all that TLS asks here. */
int kpci_expand_label(const char *hash, const uint8_t *secret, size_t secret_len,
		      const char *label, uint8_t *out, size_t len)
{
	size_t label_len = strlen(LABEL_PREFIX) + strlen(label);
	uint8_t info[INFO_MAX], block[EVP_MAX_MD_SIZE];
	unsigned int block_len;
	uint8_t *p = info;
	int code = -EIO;

	if (label_len > 255)
		return -EIO;
	*p++ = (uint8_t)(len >> 8);
	*p++ = (uint8_t)len;
	*p++ = (uint8_t)label_len;
	p = mempcpy(p, LABEL_PREFIX, strlen(LABEL_PREFIX));
	p = mempcpy(p, label, strlen(label));
	*p++ = 0;	/* no context */
	*p++ = 1;	/* first block */
	if (HMAC(digest(hash), secret, (int)secret_len, info, (size_t)(p - info), block,
		 &block_len) && len <= block_len) {
		memcpy(out, block, len);
		code = 0;
	}
	OPENSSL_cleanse(block, sizeof(block));
	return code;
}

/* One of its steps: over what is there, with the key that the context has. */
static bool prf_step(EVP_MAC_CTX *mac, const uint8_t *from, size_t len, uint8_t *block)
{
	size_t block_len;

	return EVP_MAC_init(mac, NULL, 0, NULL) == 1 && EVP_MAC_update(mac, from, len) == 1 &&
	       EVP_MAC_final(mac, block, &block_len, EVP_MAX_MD_SIZE) == 1;
}

int kpci_prf(const char *hash, const uint8_t *secret, size_t secret_len, const char *label,
	     const uint8_t *seed, size_t seed_len, uint8_t *out, size_t len)
{
	/* A(i), then label and seed behind it */
	uint8_t chain[EVP_MAX_MD_SIZE + SEED_MAX], block[EVP_MAX_MD_SIZE];
	size_t md_len = (size_t)EVP_MD_get_size(digest(hash)), label_len = strlen(label);
	size_t tail = label_len + seed_len, step;
	EVP_MAC_CTX *mac;
	int code = -EIO;

	if (tail > SEED_MAX)
		return -EIO;
	mac = kpci_hmac_new(hash, secret, secret_len);
	if (!mac)
		return -EIO;
	memcpy(chain + md_len, label, label_len);
	memcpy(chain + md_len + label_len, seed, seed_len);
	if (!prf_step(mac, chain + md_len, tail, block))
		goto out;
	for (size_t done = 0; done < len; done += step) {
		memcpy(chain, block, md_len);
		if (!prf_step(mac, chain, md_len + tail, block))
			goto out;
		step = len - done < md_len ? len - done : md_len;
		memcpy(out + done, block, step);
		if (done + step < len && !prf_step(mac, chain, md_len, block))
			goto out;
	}
	code = 0;
out:
	EVP_MAC_CTX_free(mac);
	OPENSSL_cleanse(chain, sizeof(chain));
	OPENSSL_cleanse(block, sizeof(block));
	return code;
}
