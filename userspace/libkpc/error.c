// SPDX-License-Identifier: LGPL-2.1-or-later
/* Writes the sentences of struct kpc_error, safe to print. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <kpc/error.h>

/* Printable ASCII stays; any other octet becomes \xNN; the end is cut. */
static void escape(char text[KPC_ERROR_TEXT_MAX], const char *raw)
{
	static const char hex[] = "0123456789abcdef";
	size_t used = 0;

	for (; *raw; raw++) {
		unsigned char octet = *raw;
		size_t need = octet >= 0x20 && octet < 0x7f ? 1 : 4;

		if (used + need >= KPC_ERROR_TEXT_MAX)
			break;
		if (need == 1) {
			text[used++] = octet;
			continue;
		}
		text[used++] = '\\';
		text[used++] = 'x';
		text[used++] = hex[octet >> 4];
		text[used++] = hex[octet & 15];
	}
	text[used] = '\0';
}

static void set(struct kpc_error *err, const char *format, va_list args)
{
	char raw[2 * KPC_ERROR_TEXT_MAX];

	if (!err)
		return;
	if (vsnprintf(raw, sizeof(raw), format, args) < 0)
		raw[0] = '\0';
	escape(err->text, raw);
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
