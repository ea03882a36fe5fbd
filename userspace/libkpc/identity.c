// SPDX-License-Identifier: LGPL-2.1-or-later
/* Reads oneM2M identities (TS-0001 7.2) into their canonical absolute form. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <kpc/identity.h>

#include "internal.h"

static const char *const kind_names[] = {
	[KPC_KIND_CSE] = "cse",
	[KPC_KIND_AE] = "ae",
};

static const char *const accepted[] = {
	[KPC_KIND_CSE] = "a CSE is /NAME or //SP.FQDN/NAME",
	[KPC_KIND_AE] = "an AE is /CSE/C..., /S..., //SP.FQDN/CSE/C... or //SP.FQDN/S...",
};

static bool unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

/* One part of the path: the octets up to a slash or the end. */
struct part {
	const char *start;
	size_t len;
};

static bool part_is_dots(const struct part *part)
{
	return (part->len == 1 && part->start[0] == '.') ||
	       (part->len == 2 && part->start[0] == '.' && part->start[1] == '.');
}

static bool stem(const struct part *part, char letter)
{
	return part->len > 1 && part->start[0] == letter;
}

static bool shape_fits(enum kpc_kind kind, const struct part *parts, size_t count)
{
	if (kind == KPC_KIND_CSE)
		return count == 1;
	/* An S-stem is unique in its provider's domain and has one spelling only. */
	return (count == 1 && stem(&parts[0], 'S')) || (count == 2 && stem(&parts[1], 'C'));
}

static int check_parts(const char *text, const char *rest, enum kpc_kind kind,
		       struct kpc_error *err)
{
	struct part parts[2];
	size_t count = 0;

	for (const char *p = rest; *p == '/';) {
		struct part part = { .start = p + 1 };

		part.len = strcspn(part.start, "/");
		for (size_t i = 0; i < part.len; i++) {
			if (part.start[i] == '%')
				return kpc_error_return(err, -EINVAL,
							"identity %s: percent-encoding is not "
							"accepted", text);
			if (!unreserved(part.start[i]))
				return kpc_error_return(err, -EINVAL,
							"identity %s: octet '%c' is not one of "
							"A-Z a-z 0-9 - . _ ~", text,
							part.start[i]);
		}
		if (!part.len || part_is_dots(&part) || count == ARRAY_SIZE(parts))
			return kpc_error_return(err, -EINVAL, "identity %s: %s", text,
						accepted[kind]);
		parts[count++] = part;
		p = part.start + part.len;
	}
	if (!shape_fits(kind, parts, count))
		return kpc_error_return(err, -EINVAL, "identity %s: %s", text, accepted[kind]);
	return 0;
}

int kpc_identity_parse(struct kpc_identity *id, const char *text, enum kpc_kind kind,
		       const char *sp_id, struct kpc_error *err)
{
	struct kpc_identity result = { .kind = kind };
	const char *sp, *rest;
	size_t sp_len;
	int code;

	if (kind != KPC_KIND_CSE && kind != KPC_KIND_AE)
		return kpc_error_return(err, -EINVAL, "kind %d is neither cse nor ae", (int)kind);
	if (strlen(text) > KPC_IDENTITY_MAX)
		return kpc_error_return(err, -ENAMETOOLONG,
					"identity of %zu octets: at most %d are accepted",
					strlen(text), KPC_IDENTITY_MAX);
	if (text[0] != '/')
		return kpc_error_return(err, -EINVAL, "identity '%s': %s", text, accepted[kind]);

	if (text[1] == '/') {
		sp = text + 2;
		sp_len = strcspn(sp, "/");
		rest = sp + sp_len;
	} else if (sp_id) {
		sp = strncmp(sp_id, "//", 2) ? sp_id : sp_id + 2;
		sp_len = strlen(sp);
		rest = text;
	} else {
		return kpc_error_return(err, -EINVAL,
					"identity %s: relative to a service provider, and none is "
					"named; write //SP.FQDN%s", text, text);
	}
	if (!kpci_hostname_valid(sp, sp_len))
		return kpc_error_return(err, -EINVAL,
					"identity %s: '%.*s' is not a service provider's FQDN",
					text, (int)sp_len, sp);
	code = check_parts(text, rest, kind, err);
	if (code)
		return code;
	if (2 + sp_len + strlen(rest) > KPC_IDENTITY_MAX)
		return kpc_error_return(err, -ENAMETOOLONG,
					"identity %s: over %d octets with its service provider",
					text, KPC_IDENTITY_MAX);

	snprintf(result.text, sizeof(result.text), "//%.*s%s", (int)sp_len, sp, rest);
	for (size_t i = 2; i < 2 + sp_len; i++)
		result.text[i] = kpci_lower(result.text[i]);
	*id = result;
	return 0;
}

bool kpc_identity_equal(const struct kpc_identity *a, const struct kpc_identity *b)
{
	return a->kind == b->kind && !strcmp(a->text, b->text);
}

const char *kpc_kind_name(enum kpc_kind kind)
{
	return (unsigned int)kind < ARRAY_SIZE(kind_names) ? kind_names[kind] : NULL;
}
