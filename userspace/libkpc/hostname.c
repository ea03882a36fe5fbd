// SPDX-License-Identifier: LGPL-2.1-or-later
/* Host names as parts of identities, KpcIds and SNI. */
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "internal.h"

static bool label_octet(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-';
}

char kpci_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

bool kpci_hostname_equal(const char *a, const char *b)
{
	while (*a && kpci_lower(*a) == kpci_lower(*b)) {
		a++;
		b++;
	}
	return !*a && !*b;
}

bool kpci_hostname_valid(const char *name, size_t len)
{
	size_t label = 0;

	if (!len || len > KPCI_HOSTNAME_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (name[i] == '.') {
			if (!label || name[i - 1] == '-')
				return false;
			label = 0;
			continue;
		}
		if (!label_octet(name[i]) || (!label && name[i] == '-') || ++label > 63)
			return false;
	}
	return label && name[len - 1] != '-';
}

bool kpci_hostname_numeric(const char *name)
{
	const char *dot = strrchr(name, '.');
	const char *label = dot ? dot + 1 : name;

	if (label[0] == '0' && kpci_lower(label[1]) == 'x')
		return !label[2 + strspn(label + 2, "0123456789abcdefABCDEF")];
	return !label[strspn(label, "0123456789")];
}
