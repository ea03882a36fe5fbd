/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One sentence that says what was refused, why, and what is accepted. */
#ifndef KPC_ERROR_H
#define KPC_ERROR_H

#include <stddef.h>

#define KPC_ERROR_TEXT_MAX	512

/**
 * struct kpc_error - the words that go with a negative errno
 * @text: one sentence, NUL-terminated, printable, no newline, no key material;
 *	empty while nothing was refused
 *
 * It names neither the program nor the file: who prints it adds
 * ``file:line: `` where there is one.
 */
struct kpc_error {
	char text[KPC_ERROR_TEXT_MAX];
};

/**
 * kpc_error_set() - write the sentence
 * @err: where to; NULL is allowed and does nothing
 * @format: printf format
 *
 * What does not fit is cut at the end. Octets outside printable ASCII come out
 * as ``\xNN``, so that hostile input cannot reach a terminal.
 */
void kpc_error_set(struct kpc_error *err, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * kpc_error_return() - write the sentence and hand the errno on
 * @err: where to; NULL is allowed
 * @code: negative errno
 * @format: printf format
 *
 * Return: @code.
 */
int kpc_error_return(struct kpc_error *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Room for @length octets of kpc_escape(). */
#define KPC_ESCAPED(length)	(4 * (length) + 1)

/**
 * kpc_escape() - write octets as text that is safe to print
 * @text: where to; ends with NUL, cut at a whole octet where @size is short
 * @size: octets of @text, at least 1
 * @octets: printable ASCII stays, any other octet becomes ``\xNN``
 * @length: octets of @octets
 * @also: printable octets that are escaped too
 *
 * Return: @text.
 */
char *kpc_escape(char *text, size_t size, const void *octets, size_t length,
		 const char *also);

#endif
