// SPDX-License-Identifier: LGPL-2.1-or-later
/* Keeps traffic secrets, and derives from them the keys that come next. */
#include <errno.h>
#include <string.h>

#include <kpc/key.h>
#include <kpc/rekey.h>
#include <kpc/secrets.h>
#include <kpc/suite.h>

#include "internal.h"

void kpc_rekey_wipe(struct kpc_rekey *rekey)
{
	kpc_key_free(rekey->secrets[KPC_KTLS_TX]);
	kpc_key_free(rekey->secrets[KPC_KTLS_RX]);
	memset(rekey, 0, sizeof(*rekey));
}

static int keep(struct kpc_rekey *rekey, const struct kpc_traffic_secret *secrets,
		struct kpc_error *err)
{
	if (!kpc_suite_by_code(secrets[0].suite)->cipher_type)
		return kpc_error_return(err, -EOPNOTSUPP, "the kernel cannot carry this suite");
	rekey->suite = secrets[0].suite;
	for (int i = 0; i < 2; i++) {
		rekey->secrets[i] = kpc_key_new(secrets[i].octets, secrets[i].len, err);
		if (!rekey->secrets[i])
			return -errno;
	}
	return 0;
}

int kpc_rekey_keep(struct kpc_rekey *rekey, const struct kpc_handshake *hs,
		   struct kpc_error *err)
{
	struct kpc_traffic_secret secrets[2];
	int code = kpc_secrets_keep(hs, &secrets[KPC_KTLS_TX], &secrets[KPC_KTLS_RX]);

	memset(rekey, 0, sizeof(*rekey));
	if (code < 0)
		kpc_error_set(err, "keys are there only after a handshake");
	else if (!code)
		code = keep(rekey, secrets, err);
	if (code < 0)
		kpc_rekey_wipe(rekey);
	kpc_traffic_secret_wipe(&secrets[KPC_KTLS_TX]);
	kpc_traffic_secret_wipe(&secrets[KPC_KTLS_RX]);
	return code;
}

/* Both are the caller's to wipe. */
static int derive(const struct kpc_rekey *rekey, enum kpc_ktls_direction direction,
		  struct kpc_traffic_secret *secret, struct kpc_traffic *traffic)
{
	const struct kpc_key *key = rekey->secrets[direction];

	secret->len = 0;
	if (!key)
		return -EINVAL;
	secret->suite = rekey->suite;
	secret->len = (uint8_t)kpc_key_length(key);
	memcpy(secret->octets, kpc_key_octets(key), secret->len);
	return kpc_secrets_update(secret, traffic, NULL);
}

int kpc_rekey_digest(const struct kpc_rekey *rekey, enum kpc_ktls_direction direction,
		     uint8_t digest[KPC_DIGEST_LEN])
{
	struct kpc_traffic_secret secret;
	struct kpc_traffic traffic = { 0 };
	int code = derive(rekey, direction, &secret, &traffic);

	if (!code)
		code = kpc_traffic_digest(&traffic, digest);
	kpc_traffic_secret_wipe(&secret);
	kpc_traffic_wipe(&traffic);
	return code;
}

int kpc_rekey_install(struct kpc_rekey *rekey, enum kpc_ktls_direction direction, int fd)
{
	struct kpc_traffic_secret secret;
	struct kpc_traffic traffic = { 0 };
	int code = derive(rekey, direction, &secret, &traffic);

	if (!code)
		code = kpc_ktls_rekey(fd, direction, &traffic);
	/* As long as before: the slot is the same one. */
	if (!code)
		kpci_key_replace(rekey->secrets[direction], secret.octets);
	kpc_traffic_secret_wipe(&secret);
	kpc_traffic_wipe(&traffic);
	return code;
}
