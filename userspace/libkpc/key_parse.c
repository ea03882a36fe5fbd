// SPDX-License-Identifier: LGPL-2.1-or-later
/* Reads keys from configuration text and from files; never repeats what it read. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <kpc/key.h>

#include "internal.h"

#define ACCEPTED	"hex:, base64:, ascii: or file:/PATH is accepted"

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

static int read_hex(struct octets *out, const char *text, struct kpc_error *err)
{
	size_t len = strlen(text);

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

static int read_base64(struct octets *out, const char *text, struct kpc_error *err)
{
	size_t len = strlen(text), digits = strcspn(text, "=");
	unsigned int bits = 0, have = 0;

	/* Padding may be left out; where it is, it has to be right. */
	if (digits % 4 == 1 || (digits < len && (len % 4 || len - digits > 2 ||
						 strspn(text + digits, "=") != len - digits)))
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

static int read_ascii(struct octets *out, const char *text, struct kpc_error *err)
{
	for (size_t i = 0; text[i] && room(out); i++) {
		if (text[i] <= 0x20 || text[i] >= 0x7f)
			return kpc_error_return(err, -EINVAL, "key: ascii: position %zu is not "
						"printable ASCII without space; use hex:", i + 1);
		add(out, (unsigned char)text[i]);
	}
	return 0;
}

static int read_file(struct octets *out, const char *path, struct kpc_error *err)
{
	uint8_t beyond = 0;
	ssize_t got;
	int fd;

	if (path[0] != '/')
		return kpc_error_return(err, -EINVAL, "key: file: wants a path from the root");
	fd = kpci_secret_open(path, err);
	/* The key is not there; that the key store is not says ENOENT. */
	if (fd < 0)
		return fd == -ENOENT ? -ENOKEY : fd;
	do {
		if (out->len < KPC_KEY_MAX)
			got = read(fd, out->octets + out->len, KPC_KEY_MAX - out->len);
		else
			got = read(fd, &beyond, sizeof(beyond));
		if (got > 0)
			out->len += (size_t)got;
	} while ((got > 0 && room(out)) || (got < 0 && errno == EINTR));
	explicit_bzero(&beyond, sizeof(beyond));
	close(fd);
	if (got < 0)
		return kpc_error_return(err, -errno, "%s: %s", path, strerror(errno));
	if (out->len > KPC_KEY_MAX)
		return kpc_error_return(err, -EINVAL, "%s has more than the %d octets a key may "
					"have; it is read as raw octets", path, KPC_KEY_MAX);
	return 0;
}

static int read_later(struct octets *out, const char *text, struct kpc_error *err)
{
	return kpc_error_return(err, -EOPNOTSUPP, "key: this kind of reference is not known to "
				"this version; " ACCEPTED);
}

static const struct encoding {
	const char *prefix;
	int (*read)(struct octets *out, const char *text, struct kpc_error *err);
} encodings[] = {
	{ "hex:", read_hex },
	{ "base64:", read_base64 },
	{ "ascii:", read_ascii },
	{ KPC_KEY_FILE, read_file },
	{ "keyring:", read_later },
	{ "credential:", read_later },
};

static const struct encoding *find_encoding(const char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(encodings); i++)
		if (!strncmp(text, encodings[i].prefix, strlen(encodings[i].prefix)))
			return &encodings[i];
	return NULL;
}

bool kpci_key_encoded(const char *text)
{
	return find_encoding(text);
}

int kpc_key_parse(struct kpc_key **key, const char *text, struct kpc_error *err)
{
	const struct encoding *encoding = find_encoding(text);
	struct octets out = { 0 };
	struct kpc_key *result;
	int code;

	if (!encoding)
		return kpc_error_return(err, -EINVAL, "key: no encoding is named; " ACCEPTED);
	result = kpci_key_alloc(&out.octets, err);
	if (!result)
		return -errno;
	code = encoding->read(&out, text + strlen(encoding->prefix), err);
	if (!code && (!out.len || out.len > KPC_KEY_MAX))
		code = kpc_error_return(err, -EINVAL, out.len ?
					"key: over %d octets long" :
					"key: empty; up to %d octets are accepted", KPC_KEY_MAX);
	if (code) {
		kpc_key_free(result);
		return code;
	}
	kpci_key_finish(result, out.len);
	*key = result;
	return 0;
}
