// SPDX-License-Identifier: MIT
/* Identities (T3) and KpcIds (T2): what is taken, what is refused, how it is printed. */
#include <errno.h>
#include <string.h>

#include <kpc/identity.h>
#include <kpc/kpcid.h>

#include "../tap.h"

#define AE	KPC_KIND_AE
#define CSE	KPC_KIND_CSE
#define SP	"sp.example"

/* @canonical: NULL: refused */
static const struct {
	const char *text;
	enum kpc_kind kind;
	const char *sp;
	const char *canonical;
} identities[] = {
	{ "//sp.example/cse-1", CSE, NULL, "//sp.example/cse-1" },
	{ "//SP.Example/cse-1", CSE, NULL, "//sp.example/cse-1" },
	{ "/cse-1", CSE, SP, "//sp.example/cse-1" },
	{ "/cse-1", CSE, "//sp.example", "//sp.example/cse-1" },
	{ "/S988", CSE, SP, "//sp.example/S988" },
	{ "/S988", AE, SP, "//sp.example/S988" },
	{ "//sp.example/S988", AE, NULL, "//sp.example/S988" },
	{ "/cse-1/C12", AE, SP, "//sp.example/cse-1/C12" },
	{ "//sp.example/cse-1/C12", AE, NULL, "//sp.example/cse-1/C12" },
	{ "/a~b_c.d-e", CSE, SP, "//sp.example/a~b_c.d-e" },
	{ "/cse-1", CSE, NULL, NULL },
	{ "cse-1", CSE, SP, NULL },
	{ "C12", AE, SP, NULL },
	{ "", CSE, SP, NULL },
	{ "/", CSE, SP, NULL },
	{ "//", CSE, SP, NULL },
	{ "//sp.example", CSE, SP, NULL },
	{ "//sp.example/", CSE, SP, NULL },
	{ "///cse", CSE, SP, NULL },
	{ "//sp.example/cse/", CSE, SP, NULL },
	{ "//sp.example/cse/C1", CSE, SP, NULL },
	{ "//sp.example/cse", AE, SP, NULL },
	{ "//sp.example/C12", AE, SP, NULL },
	{ "//sp.example/cse/S12", AE, SP, NULL },
	{ "//sp.example/cse/X12", AE, SP, NULL },
	{ "//sp.example/cse/C1/x", AE, SP, NULL },
	{ "//sp.example/S", AE, SP, NULL },
	{ "/..", CSE, SP, NULL },
	{ "/./C1", AE, SP, NULL },
	{ "/cse%2d1", CSE, SP, NULL },
	{ "/cse 1", CSE, SP, NULL },
	{ "/cse\n", CSE, SP, NULL },
	{ "/c\303\244", CSE, SP, NULL },
	{ "//sp_example/cse", CSE, NULL, NULL },
	{ "//-sp.example/cse", CSE, NULL, NULL },
	{ "//sp-.example/cse", CSE, NULL, NULL },
	{ "//sp..example/cse", CSE, NULL, NULL },
	{ "//sp.example./cse", CSE, NULL, NULL },
	{ "/cse", CSE, "", NULL },
	{ "/cse", CSE, "sp example", NULL },
};

static void check_identities(void)
{
	struct kpc_identity id;
	struct kpc_error err;

	for (size_t i = 0; i < sizeof(identities) / sizeof(identities[0]); i++) {
		int code;

		memset(&id, 'x', sizeof(id));
		err.text[0] = '\0';
		code = kpc_identity_parse(&id, identities[i].text, identities[i].kind,
					  identities[i].sp, &err);
		if (identities[i].canonical)
			tap_ok(!code && !strcmp(id.text, identities[i].canonical) &&
			       id.kind == identities[i].kind, "T3 %s is %s",
			       identities[i].text, identities[i].canonical);
		else
			tap_ok(code < 0 && err.text[0] && id.text[0] == 'x',
			       "T3 refused: %s", err.text);
	}
}

static void check_identity_lengths(void)
{
	char text[300] = "//sp.example/";
	struct kpc_identity id, other;

	memset(text + 13, 'a', sizeof(text) - 13);
	text[KPC_IDENTITY_MAX] = '\0';
	tap_ok(!kpc_identity_parse(&id, text, CSE, NULL, NULL), "T3 255 octets are taken");
	text[KPC_IDENTITY_MAX] = 'a';
	text[KPC_IDENTITY_MAX + 1] = '\0';
	tap_ok(kpc_identity_parse(&id, text, CSE, NULL, NULL) == -ENAMETOOLONG,
	       "T3 256 octets are refused");
	text[KPC_IDENTITY_MAX] = '\0';
	tap_ok(kpc_identity_parse(&id, text + 12, CSE, "much.longer.sp.example", NULL) ==
	       -ENAMETOOLONG, "T3 255 octets once absolute, not before");

	kpc_identity_parse(&id, "/S988", AE, SP, NULL);
	kpc_identity_parse(&other, "//SP.EXAMPLE/S988", AE, NULL, NULL);
	tap_ok(kpc_identity_equal(&id, &other), "T3 two spellings, one identity");
	other.kind = CSE;
	tap_ok(!kpc_identity_equal(&id, &other), "T3 an AE is not the CSE of its name");
}

/* @format: the strictest that takes it; -1: none does */
static const struct {
	const char *text;
	int format;
	size_t len;
} kpcids[] = {
	{ "test@onem2m.com", KPC_ID_FORMAT_STRICT, 15 },
	{ "gw-1_a.b@site-a.example", KPC_ID_FORMAT_STRICT, 23 },
	{ "x@host", KPC_ID_FORMAT_STRICT, 6 },
	{ "Client_identity", KPC_ID_FORMAT_ANY, 15 },
	{ "@host", KPC_ID_FORMAT_ANY, 5 },
	{ "a@", KPC_ID_FORMAT_ANY, 2 },
	{ "a@b@c", KPC_ID_FORMAT_ANY, 5 },
	{ "a b@c", KPC_ID_FORMAT_ANY, 5 },
	{ "a/b@c", KPC_ID_FORMAT_ANY, 5 },
	{ "a@b..c", KPC_ID_FORMAT_ANY, 6 },
	{ "Ger\303\244t", KPC_ID_FORMAT_ANY, 6 },
	{ "\\xe2\\x82\\xac", KPC_ID_FORMAT_ANY, 3 },
	{ "a\\\\b", KPC_ID_FORMAT_ANY, 3 },
	{ "\360\237\224\221", KPC_ID_FORMAT_ANY, 4 },
	{ "", -1, 0 },
	{ "a\\x00b", -1, 0 },
	{ "a\tb", -1, 0 },
	{ "a\177b", -1, 0 },
	{ "a\\x1", -1, 0 },
	{ "a\\n", -1, 0 },
	{ "a\\", -1, 0 },
	{ "\303", -1, 0 },
	{ "\300\200", -1, 0 },
	{ "\302\205", -1, 0 },
	{ "\355\240\200", -1, 0 },
	{ "\364\220\200\200", -1, 0 },
	{ "\340\200\200", -1, 0 },
	{ "\200", -1, 0 },
};

static void check_kpcids(void)
{
	char text[KPC_KPCID_TEXT_MAX];
	struct kpc_kpcid id, again;
	struct kpc_error err;

	for (size_t i = 0; i < sizeof(kpcids) / sizeof(kpcids[0]); i++) {
		int strict, any;

		err.text[0] = '\0';
		strict = kpc_kpcid_parse(&id, kpcids[i].text, KPC_ID_FORMAT_STRICT, &err);
		tap_ok((strict == 0) == (kpcids[i].format == KPC_ID_FORMAT_STRICT) &&
		       (!strict || err.text[0]), "T2 strict %s: %s",
		       strict ? "refuses" : "takes", strict ? err.text : kpcids[i].text);
		any = kpc_kpcid_parse(&id, kpcids[i].text, KPC_ID_FORMAT_ANY, &err);
		tap_ok((any == 0) == (kpcids[i].format >= 0) &&
		       (any || id.len == kpcids[i].len), "T2 any %s it", any ? "refuses" : "takes");
		if (any)
			continue;
		kpc_kpcid_text(&id, text);
		tap_ok(!kpc_kpcid_parse(&again, text, KPC_ID_FORMAT_ANY, &err) &&
		       kpc_kpcid_equal(&id, &again) && strspn(text, "!$%&()*+,-./0123456789:;<=>?@"
		       "ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~") ==
		       strlen(text), "T2 printed as %s, which reads back", text);
	}
}

static void check_kpcid_octets(void)
{
	char text[KPC_KPCID_TEXT_MAX], octets[256];
	struct kpc_kpcid a, b;

	memset(octets, 'a', sizeof(octets));
	tap_ok(kpc_kpcid_set(&a, octets, 0) == -EINVAL, "T2 empty octets are refused");
	tap_ok(kpc_kpcid_set(&a, octets, 256) == -ENAMETOOLONG, "T2 256 octets are refused");
	tap_ok(!kpc_kpcid_set(&a, octets, 255) &&
	       kpc_kpcid_check(&a, KPC_ID_FORMAT_ANY, NULL) == -ENAMETOOLONG,
	       "T2 255 octets are read off the wire, and are no entry");
	memset(octets, 0xff, 255);
	kpc_kpcid_set(&a, octets, 255);
	tap_ok(strlen(kpc_kpcid_text(&a, text)) == 4 * 255, "T2 the longest text has room");
	kpc_kpcid_set(&a, "Gw@Host", 7);
	kpc_kpcid_set(&b, "gw@hosT", 7);
	tap_ok(!kpc_kpcid_equal(&a, &b) && !kpc_kpcid_fold_compare(&a, &b),
	       "T2 different in case only is seen");
	kpc_kpcid_set(&b, "gw@hosTs", 8);
	tap_ok(kpc_kpcid_fold_compare(&a, &b) < 0 && kpc_kpcid_fold_compare(&b, &a) > 0,
	       "T2 order of different lengths");
}

int main(void)
{
	tap_begin();
	check_identities();
	check_identity_lengths();
	check_kpcids();
	check_kpcid_octets();
	return tap_end();
}
