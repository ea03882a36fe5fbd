// SPDX-License-Identifier: LGPL-2.1-or-later
/* HKDF-Expand-Label of TLS 1.3 and the PRF of TLS 1.2. */
#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "secrets_internal.h"

#define LABEL_PREFIX	"tls13 "
#define INFO_MAX	(2 + 1 + 255 + 1 + 1)
#define SEED_MAX	128

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

int kpci_prf(const char *hash, const uint8_t *secret, size_t secret_len, const char *label,
	     const uint8_t *seed, size_t seed_len, uint8_t *out, size_t len)
{
	/* A(i), then label and seed behind it */
	uint8_t chain[EVP_MAX_MD_SIZE + SEED_MAX], block[EVP_MAX_MD_SIZE];
	const EVP_MD *md = digest(hash);
	size_t md_len = (size_t)EVP_MD_get_size(md), label_len = strlen(label);
	size_t tail = label_len + seed_len, step;
	int code = -EIO;

	if (tail > SEED_MAX)
		return -EIO;
	memcpy(chain + md_len, label, label_len);
	memcpy(chain + md_len + label_len, seed, seed_len);
	if (!HMAC(md, secret, (int)secret_len, chain + md_len, tail, block, NULL))
		goto out;
	for (size_t done = 0; done < len; done += step) {
		memcpy(chain, block, md_len);
		if (!HMAC(md, secret, (int)secret_len, chain, md_len + tail, block, NULL))
			goto out;
		step = len - done < md_len ? len - done : md_len;
		memcpy(out + done, block, step);
		if (!HMAC(md, secret, (int)secret_len, chain, md_len, block, NULL))
			goto out;
	}
	code = 0;
out:
	OPENSSL_cleanse(chain, sizeof(chain));
	OPENSSL_cleanse(block, sizeof(block));
	return code;
}
