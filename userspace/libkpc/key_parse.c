// SPDX-License-Identifier: LGPL-2.1-or-later
/* Reads keys from configuration text and from where it leads; never repeats a key. */
#include <errno.h>
#include <string.h>

#include <kpc/key.h>

#include "internal.h"
#include "key_source.h"

/* What a source may hold: 64 octets in any format, and blanks behind them. */
#define SOURCE_ROOM	512

/*
 * What is read goes into a slot of locked memory as it comes. @len is one more
 * than there is room for where the input is too long.
 */
struct octets {
	size_t len;
	uint8_t *octets;
};

static bool room(const struct octets *out)
{
	return out->len <= KPC_KEY_MAX;
}

static void add(struct octets *out, unsigned int octet)
{
	if (out->len < KPC_KEY_MAX)
		out->octets[out->len] = (uint8_t)octet;
	out->len++;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = kpci_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int read_hex(struct octets *out, const char *text, size_t len, struct kpc_error *err)
{
	if (len % 2)
		return kpc_error_return(err, -EINVAL, "key: hex: has an odd number of digits");
	for (size_t i = 0; i < len && room(out); i += 2) {
		int high = hex_value(text[i]), low = hex_value(text[i + 1]);

		if (high < 0 || low < 0)
			return kpc_error_return(err, -EINVAL,
						"key: hex: position %zu is not a hex digit",
						high < 0 ? i + 1 : i + 2);
		add(out, (unsigned int)(high << 4 | low));
	}
	return 0;
}

static int base64_value(char c)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *found = c ? strchr(alphabet, c) : NULL;

	return found ? (int)(found - alphabet) : -1;
}

static int read_base64(struct octets *out, const char *text, size_t len, struct kpc_error *err)
{
	const char *padding = memchr(text, '=', len);
	size_t digits = padding ? (size_t)(padding - text) : len;
	size_t pad = 0;
	unsigned int bits = 0, have = 0;

	while (digits + pad < len && text[digits + pad] == '=')
		pad++;
	/* Padding may be left out; where it is, it has to be right. */
	if (digits % 4 == 1 || (pad && (len % 4 || pad > 2 || digits + pad != len)))
		return kpc_error_return(err, -EINVAL, "key: base64: has a wrong length or padding");
	for (size_t i = 0; i < digits && room(out); i++) {
		int value = base64_value(text[i]);

		if (value < 0)
			return kpc_error_return(err, -EINVAL,
						"key: base64: position %zu is not a base64 digit",
						i + 1);
		bits = bits << 6 | (unsigned int)value;
		have += 6;
		if (have >= 8) {
			have -= 8;
			add(out, bits >> have & 0xff);
		}
		bits &= (1u << have) - 1;
	}
	if (bits && room(out))
		return kpc_error_return(err, -EINVAL, "key: base64: ends in stray bits");
	return 0;
}

static int read_ascii(struct octets *out, const char *text, size_t len, struct kpc_error *err)
{
	for (size_t i = 0; i < len && room(out); i++) {
		if (text[i] <= 0x20 || text[i] >= 0x7f)
			return kpc_error_return(err, -EINVAL, "key: ascii: position %zu is not "
						"printable ASCII without space; use hex:", i + 1);
		add(out, (unsigned char)text[i]);
	}
	return 0;
}

static int read_raw(struct octets *out, const char *text, size_t len, struct kpc_error *err)
{
	for (size_t i = 0; i < len && room(out); i++)
		add(out, (unsigned char)text[i]);
	return 0;
}

static const struct format {
	const char *name;
	int (*read)(struct octets *out, const char *text, size_t len, struct kpc_error *err);
} formats[] = {
	{ "hex", read_hex },
	{ "base64", read_base64 },
	{ "ascii", read_ascii },
	/* Of what a source holds only: a word of text cannot hold any octet. */
	{ "raw", read_raw },
};

static const struct format *const raw = &formats[ARRAY_SIZE(formats) - 1];

static const struct format *find_format(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		if (strlen(formats[i].name) == len && !memcmp(formats[i].name, name, len))
			return &formats[i];
	return NULL;
}

/* FORMAT:REST or SOURCE[+FORMAT]:REST, taken apart; @format is NULL if unknown. */
struct form {
	const struct kpci_source *source;
	const struct format *format;
	const char *rest;
};

static bool find_form(struct form *form, const char *text)
{
	size_t name = strcspn(text, "+:"), prefix = strcspn(text, ":");

	if (!text[prefix])
		return false;
	*form = (struct form) { .rest = text + prefix + 1 };
	form->source = kpci_source_find(text, name);
	if (!form->source) {
		form->format = find_format(text, prefix);
		return form->format && form->format != raw;
	}
	form->format = name == prefix ? raw :
		       find_format(text + name + 1, prefix - name - 1);
	return true;
}

bool kpci_key_encoded(const char *text)
{
	struct form form;

	return find_form(&form, text);
}

bool kpc_key_is_reference(const char *text)
{
	struct form form;

	return find_form(&form, text) && form.source;
}

/* A KpcId may look like a key, and so may a host with its port. */
int kpci_key_word(char *const words[], int count, bool references)
{
	const char *before = "";
	struct form form;
	int i;

	for (i = 0; i < count; before = words[i++])
		if (find_form(&form, words[i]) && (references || !form.source) &&
		    strcmp(before, "kpc-id") && strcmp(before, "peer"))
			return i + 1;
	return 0;
}

int kpc_key_refuse(int count, char *const words[], struct kpc_error *err)
{
	int number = kpci_key_word(words + 1, count - 1, false);

	return number ? kpc_error_return(err, -EINVAL, "word %d is a key: none is taken from the "
					 "command line", number) : 0;
}

const char *kpc_key_path(const char *text)
{
	struct form form;

	return find_form(&form, text) && form.source && form.source->by_path ? form.rest : NULL;
}

/* A tool that writes text ends it with a newline, which is no part of the key. */
static size_t without_end(const char *text, size_t len)
{
	while (len && strchr(" \t\r\n", text[len - 1]) && text[len - 1])
		len--;
	return len;
}

static int check_length(const struct octets *out, struct kpc_error *err)
{
	if (out->len && out->len <= KPC_KEY_MAX)
		return 0;
	return kpc_error_return(err, -EINVAL, out->len ? "key: over %d octets long" :
				"key: empty; up to %d octets are accepted", KPC_KEY_MAX);
}

/* That there is something of the name is seen before it is repeated. */
static int read_source(struct octets *out, const struct form *form, const char *text,
		       struct kpc_error *err)
{
	struct kpc_error why = { "" };
	char *octets;
	ssize_t got;
	int code;

	if (!form->format)
		return kpc_error_return(err, -EINVAL, "key: what is to be read from a %s is named "
					"as none of hex, base64, ascii and raw; %s+hex: is "
					"accepted", form->source->name, form->source->name);
	octets = kpci_locked_map(SOURCE_ROOM, err);
	if (!octets)
		return -errno;
	got = form->source->read(octets, SOURCE_ROOM, form->rest, err);
	if (got < 0) {
		kpci_locked_unmap(octets, SOURCE_ROOM);
		return (int)got;
	}
	if (got == SOURCE_ROOM)
		code = kpc_error_return(&why, -EINVAL, "key: over %d octets long", KPC_KEY_MAX);
	else
		code = form->format->read(out, octets, form->format == raw ? (size_t)got :
					  without_end(octets, (size_t)got), &why);
	kpci_locked_unmap(octets, SOURCE_ROOM);
	if (!code)
		code = check_length(out, &why);
	if (code)
		kpc_error_set(err, "%s: %s", text, why.text);
	return code;
}

int kpc_key_parse(struct kpc_key **key, const char *text, struct kpc_error *err)
{
	struct octets out = { 0 };
	struct kpc_key *result;
	struct form form;
	int code;

	if (!find_form(&form, text))
		return kpc_error_return(err, -EINVAL, "key: no encoding is named; "
					KPCI_KEY_ACCEPTED);
	result = kpci_key_alloc(&out.octets, err);
	if (!result)
		return -errno;
	if (form.source) {
		code = read_source(&out, &form, text, err);
	} else {
		code = form.format->read(&out, form.rest, strlen(form.rest), err);
		if (!code)
			code = check_length(&out, err);
	}
	if (code) {
		kpc_key_free(result);
		return code;
	}
	kpci_key_finish(result, out.len);
	*key = result;
	return 0;
}
