// SPDX-License-Identifier: LGPL-2.1-or-later
/* Reads, judges, compares and prints KpcIds. */
#include <errno.h>
#include <string.h>

#include <kpc/kpcid.h>

#include "internal.h"

static bool relative_octet(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '_' || c == '-';
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = kpci_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Octets of the UTF-8 character at @p, 0: not UTF-8, overlong, surrogate or control. */
static size_t utf8_character(const uint8_t *p, size_t left)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t code;
	size_t len;

	if (p[0] < 0x80)
		return p[0] >= 0x20 && p[0] != 0x7f ? 1 : 0;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		len = 2;
	else if (p[0] >= 0xe0 && p[0] <= 0xef)
		len = 3;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		len = 4;
	else
		return 0;
	if (len > left)
		return 0;
	code = p[0] & (0xff >> (len + 1));
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (p[i] & 0x3f);
	}
	if (code < least[len] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff) ||
	    code < 0xa0)
		return 0;
	return len;
}

static int check_strict(const struct kpc_kpcid *id, const char *text, struct kpc_error *err)
{
	const uint8_t *at = memchr(id->octets, '@', id->len);
	size_t relative = at ? (size_t)(at - id->octets) : 0;

	for (size_t i = 0; i < relative; i++)
		if (!relative_octet(id->octets[i]))
			relative = 0;
	/* None of that form is written so; a key is not shown. */
	if (kpci_key_encoded(text))
		return kpc_error_return(err, -EINVAL,
					"the word behind kpc-id is a key as a key store has it; NAME@FQDN is accepted");
	if (!relative || !kpci_hostname_valid((const char *)at + 1, id->len - relative - 1))
		return kpc_error_return(err, -EINVAL,
					"KpcId %s is not of the form NAME@FQDN with NAME from "
					"A-Z a-z 0-9 . _ - (format any accepts others)", text);
	return 0;
}

static int check_any(const struct kpc_kpcid *id, const char *text, struct kpc_error *err)
{
	for (size_t i = 0, len; i < id->len; i += len) {
		len = utf8_character(id->octets + i, id->len - i);
		if (!len)
			return kpc_error_return(err, -EINVAL,
						"KpcId %s is not UTF-8 without control characters",
						text);
	}
	return 0;
}

int kpc_kpcid_check(const struct kpc_kpcid *id, enum kpc_id_format format, struct kpc_error *err)
{
	char text[KPC_KPCID_TEXT_MAX];

	if (!id->len)
		return kpc_error_return(err, -EINVAL, "KpcId is empty");
	kpc_kpcid_text(id, text);
	if (id->len > KPC_KPCID_ENTRY_MAX)
		return kpc_error_return(err, -ENAMETOOLONG,
					"KpcId of %u octets: at most %d are accepted",
					id->len, KPC_KPCID_ENTRY_MAX);
	return format == KPC_ID_FORMAT_STRICT ? check_strict(id, text, err) :
						check_any(id, text, err);
}

/* One octet of configuration text, escapes resolved; advances @text; -1: bad escape. */
static int take_octet(const char **text, enum kpc_id_format format)
{
	const char *p = *text;

	if (format == KPC_ID_FORMAT_STRICT || p[0] != '\\') {
		*text = p + 1;
		return (uint8_t)p[0];
	}
	if (p[1] == '\\') {
		*text = p + 2;
		return '\\';
	}
	if (p[1] != 'x' || hex_digit(p[2]) < 0 || hex_digit(p[3]) < 0)
		return -1;
	*text = p + 4;
	return hex_digit(p[2]) << 4 | hex_digit(p[3]);
}

int kpc_kpcid_parse(struct kpc_kpcid *id, const char *text, enum kpc_id_format format,
		    struct kpc_error *err)
{
	struct kpc_kpcid result = { .len = 0 };
	int code;

	for (const char *p = text; *p;) {
		int octet = take_octet(&p, format);

		if (octet < 0)
			return kpc_error_return(err, -EINVAL,
						"KpcId %s: after a backslash, \\ or xNN is accepted",
						text);
		if (result.len == KPC_KPCID_ENTRY_MAX)
			return kpc_error_return(err, -ENAMETOOLONG,
						"KpcId is over %d octets long",
						KPC_KPCID_ENTRY_MAX);
		result.octets[result.len++] = (uint8_t)octet;
	}
	code = kpc_kpcid_check(&result, format, err);
	if (!code)
		*id = result;
	return code;
}

int kpc_kpcid_set(struct kpc_kpcid *id, const void *octets, size_t len)
{
	if (!len)
		return -EINVAL;
	if (len > KPC_KPC_ID_MAX)
		return -ENAMETOOLONG;
	id->len = (uint8_t)len;
	memcpy(id->octets, octets, len);
	return 0;
}

bool kpc_kpcid_equal(const struct kpc_kpcid *a, const struct kpc_kpcid *b)
{
	return a->len == b->len && !memcmp(a->octets, b->octets, a->len);
}

int kpc_kpcid_fold_compare(const struct kpc_kpcid *a, const struct kpc_kpcid *b)
{
	size_t common = a->len < b->len ? a->len : b->len;

	for (size_t i = 0; i < common; i++) {
		uint8_t x = (uint8_t)kpci_lower((char)a->octets[i]);
		uint8_t y = (uint8_t)kpci_lower((char)b->octets[i]);

		if (x != y)
			return x < y ? -1 : 1;
	}
	return (a->len > b->len) - (a->len < b->len);
}

const char *kpc_kpcid_text(const struct kpc_kpcid *id, char text[KPC_KPCID_TEXT_MAX])
{
	static const char hex[] = "0123456789abcdef";
	char *p = text;

	for (size_t i = 0; i < id->len; i++) {
		uint8_t c = id->octets[i];

		if (c == '\\') {
			*p++ = '\\';
			*p++ = '\\';
		} else if (c > 0x20 && c < 0x7f && c != '"' && c != '\'' && (c != '#' || i)) {
			*p++ = (char)c;
		} else {
			*p++ = '\\';
			*p++ = 'x';
			*p++ = hex[c >> 4];
			*p++ = hex[c & 15];
		}
	}
	*p = '\0';
	return text;
}
