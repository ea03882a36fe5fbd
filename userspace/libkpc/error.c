// SPDX-License-Identifier: LGPL-2.1-or-later
/* Writes the sentences of struct kpc_error, and other text, safe to print. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <kpc/error.h>

char *kpc_escape(char *text, size_t size, const void *octets, size_t length,
		 const char *also)
{
	static const char hex[] = "0123456789abcdef";
	const unsigned char *octet = octets;
	const unsigned char *end = octet + length;
	size_t used = 0;

	for (; octet < end; octet++) {
		size_t need = *octet >= 0x20 && *octet < 0x7f &&
			      !strchr(also, *octet) ? 1 : 4;

		if (used + need >= size)
			break;
		if (need == 1) {
			text[used++] = *octet;
			continue;
		}
		text[used++] = '\\';
		text[used++] = 'x';
		text[used++] = hex[*octet >> 4];
		text[used++] = hex[*octet & 15];
	}
	text[used] = '\0';
	return text;
}

static void set(struct kpc_error *err, const char *format, va_list args)
{
	char raw[2 * KPC_ERROR_TEXT_MAX];

	if (!err)
		return;
	if (vsnprintf(raw, sizeof(raw), format, args) < 0)
		raw[0] = '\0';
	kpc_escape(err->text, sizeof(err->text), raw, strlen(raw), "");
}

void kpc_error_set(struct kpc_error *err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	set(err, format, args);
	va_end(args);
}

int kpc_error_return(struct kpc_error *err, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	set(err, format, args);
	va_end(args);
	return code;
}
