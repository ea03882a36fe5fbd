// SPDX-License-Identifier: MIT
/* Identities, KpcIds and keys as text: what is taken prints so that it reads back. */
#include <kpc/identity.h>
#include <kpc/key.h>
#include <kpc/kpcid.h>

#include "fuzz.h"

static void identity(const char *text, enum kpc_kind kind, const char *sp_id)
{
	struct kpc_identity id, again;

	if (kpc_identity_parse(&id, text, kind, sp_id, NULL))
		return;
	if (kpc_identity_parse(&again, id.text, kind, NULL, NULL) ||
	    !kpc_identity_equal(&id, &again) || strcmp(id.text, again.text))
		FUZZ_FAIL("identity '%s' does not read back", id.text);
}

static void kpcid_again(const struct kpc_kpcid *id)
{
	char text[KPC_KPCID_TEXT_MAX];
	struct kpc_kpcid again;

	kpc_kpcid_text(id, text);
	if (kpc_kpcid_parse(&again, text, KPC_ID_FORMAT_ANY, NULL) ||
	    !kpc_kpcid_equal(id, &again))
		FUZZ_FAIL("KpcId '%s' does not read back", text);
}

static void kpcid(const struct fuzz_input *in, const char *text)
{
	struct kpc_kpcid id;

	if (!kpc_kpcid_parse(&id, text, KPC_ID_FORMAT_STRICT, NULL)) {
		kpcid_again(&id);
		if (kpc_kpcid_check(&id, KPC_ID_FORMAT_ANY, NULL))
			FUZZ_FAIL("'%s' is of format strict and not of any", text);
	}
	if (!kpc_kpcid_parse(&id, text, KPC_ID_FORMAT_ANY, NULL))
		kpcid_again(&id);
	if (!kpc_kpcid_set(&id, in->p, in->len) && !kpc_kpcid_check(&id, KPC_ID_FORMAT_ANY, NULL))
		kpcid_again(&id);
}

/* Not a reference: what it leads to is no text of ours. */
static void key(const char *text)
{
	static const char *const encodings[] = { "hex:", "base64:", "ascii:" };
	struct kpc_key *key;

	for (size_t i = 0; i < sizeof(encodings) / sizeof(encodings[0]); i++) {
		if (strncmp(text, encodings[i], strlen(encodings[i])) ||
		    kpc_key_parse(&key, text, NULL))
			continue;
		if (!kpc_key_length(key))
			FUZZ_FAIL("'%s' is a key without octets", text);
		kpc_key_free(key);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	uint8_t choice = fuzz_octet(&in);
	char *text = fuzz_text(&in), *sp_id = NULL, *rest = text;

	if (choice & 2)
		sp_id = strsep(&rest, "\n");
	if (rest) {
		identity(rest, choice & 1 ? KPC_KIND_AE : KPC_KIND_CSE, sp_id);
		kpcid(&in, rest);
		key(rest);
	}
	free(text);
	return 0;
}
