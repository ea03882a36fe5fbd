// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Prints an association in the words that it is read from.
 */
#include <string.h>

#include <kpc/suite.h>

#include "association_internal.h"
#include "internal.h"

static bool is_plain_octet(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || (c && strchr("._-/:@,+=%", c));
}

/*
 * Single quotes read the same in a shell and in an association file; where the
 * word has one itself, double quotes with what a shell would see escaped.
 */
void kpc_quote(FILE *out, const void *octets, size_t length)
{
	const char *text = octets;
	bool plain = length > 0;
	size_t i;

	for (i = 0; i < length; i++)
		plain = plain && is_plain_octet(text[i]);
	if (plain) {
		fwrite(text, 1, length, out);
		return;
	}
	if (!memchr(text, '\'', length)) {
		putc('\'', out);
		fwrite(text, 1, length, out);
		putc('\'', out);
		return;
	}
	putc('"', out);
	for (i = 0; i < length; i++) {
		if (strchr("\"\\$`", text[i]))
			putc('\\', out);
		putc(text[i], out);
	}
	putc('"', out);
}

static void put_text(FILE *out, const char *word, const char *text)
{
	if (!*text)
		return;
	fprintf(out, " %s ", word);
	kpc_quote(out, text, strlen(text));
}

static void put_name(FILE *out, const char *word,
		     const struct kpci_names *names, unsigned int value,
		     unsigned int fallback)
{
	if (value == fallback)
		return;
	/* A newer module may know more than this text form does. */
	if (value < names->count)
		fprintf(out, " %s %s", word, names->names[value]);
	else
		fprintf(out, " %s %u", word, value);
}

/* The kind is printed where the form alone leaves it open. */
static void put_identity(FILE *out, char which,
			 const struct kpc_identity *identity)
{
	const char *path;

	if (!*identity->text)
		return;
	fprintf(out, " id-%c ", which);
	kpc_quote(out, identity->text, strlen(identity->text));
	path = strncmp(identity->text, "//", 2) ? identity->text :
						  strchr(identity->text + 2, '/');
	if (path && path[0] == '/' && path[1] == 'S' && !strchr(path + 1, '/'))
		fprintf(out, " kind-%c %s", which,
			kpci_kind_names.names[identity->kind == KPC_KIND_AE]);
}

static void put_versions(FILE *out, const struct kpc_association *association)
{
	const char *separator = " versions ";
	size_t i;

	if (association->versions ==
	    kpci_profile_versions(association->agent.profile))
		return;
	for (i = 0; i < kpci_version_names.count; i++) {
		if (!(association->versions & 1U << i))
			continue;
		fprintf(out, "%s%s", separator, kpci_version_names.names[i]);
		separator = ",";
	}
}

static void put_suites(FILE *out, const struct kpc_association *association)
{
	const struct kpc_suite *suite;
	size_t i;

	for (i = 0; i < association->suite_count; i++) {
		suite = kpc_suite_by_code(association->suites[i]);
		fputs(i ? "," : " suites ", out);
		if (suite)
			fputs(suite->openssl, out);
		else
			fprintf(out, "0x%04x", association->suites[i]);
	}
}

static void put_user(FILE *out, uint32_t uid)
{
	if (uid == KPC_NO_USER)
		fputs("none", out);
	else
		fprintf(out, "%u", uid);
}

static void put_seconds(FILE *out, const char *word, uint32_t seconds)
{
	if (!seconds)
		return;
	fprintf(out, " %s ", word);
	kpci_duration_format(out, seconds);
}

static void put_agent(FILE *out, const struct kpc_agent *agent)
{
	size_t i;

	put_text(out, "peer", agent->peer);
	put_text(out, "listen", agent->listen);
	put_text(out, "plain", agent->plain);
	if (agent->has_owner) {
		fputs(" owner ", out);
		put_user(out, agent->owner);
	}
	if (agent->mode != KPCI_MODE_DEFAULT)
		fprintf(out, " mode %04o", agent->mode);
	for (i = 0; i < agent->allow_uid_count; i++) {
		fputs(i ? "," : " allow-uid ", out);
		put_user(out, agent->allow_uids[i]);
	}
	if (agent->allow_any)
		fputs(" allow-uid any", out);
	put_text(out, "authority", agent->authority);
	put_name(out, "start", &kpci_start_names, agent->start,
		 KPC_START_MANUAL);
	put_seconds(out, "rekey-after", agent->rekey_after);
	put_name(out, "weak-key", &kpci_answer_names, agent->weak_key, false);
	put_name(out, "proxy", &kpci_answer_names, agent->proxy, false);
}

static bool is_derived(const struct kpc_association *association,
		       const struct kpc_selector *selector)
{
	struct kpc_selector derived[2];
	size_t count = kpci_association_derive(association, derived);
	size_t i;

	for (i = 0; i < count; i++)
		if (!memcmp(&derived[i], selector, sizeof(*selector)))
			return true;
	return false;
}

static void put_selectors(FILE *out, const struct kpc_association *association,
			  unsigned int flags)
{
	const struct kpc_selector *selector;
	size_t i;

	for (i = 0; i < association->selector_count; i++) {
		selector = &association->selectors[i];
		if (selector->resolved && flags & KPC_FORMAT_SAVE)
			continue;
		if (is_derived(association, selector))
			continue;
		fputs(" selector ", out);
		kpc_selector_format(out, selector);
	}
}

static void put_octets(FILE *out, const char *word, uint64_t octets)
{
	if (!octets)
		return;
	fprintf(out, " %s ", word);
	kpci_octets_format(out, octets);
}

static void put_time(FILE *out, const char *word, int64_t epoch)
{
	if (!epoch)
		return;
	fprintf(out, " %s ", word);
	kpci_time_format(out, epoch);
}

static void put_limit(FILE *out, const struct kpc_limit *limit)
{
	static const struct kpc_limit none;

	if (!memcmp(limit, &none, sizeof(none)))
		return;
	fputs(" limit", out);
	put_seconds(out, "lifetime", limit->lifetime);
	put_octets(out, "octets", limit->octets);
	if (limit->records)
		fprintf(out, " records %u", limit->records);
	if (limit->bindings)
		fprintf(out, " bindings %u", limit->bindings);
	put_seconds(out, "idle", limit->idle);
	put_time(out, "not-before", limit->not_before);
	put_time(out, "not-after", limit->not_after);
	put_octets(out, "handshake-octets", limit->handshake_octets);
	put_seconds(out, "handshake-time", limit->handshake_seconds);
}

void kpc_association_format(FILE *out,
			    const struct kpc_association *association,
			    unsigned int flags)
{
	char kpc_id[KPC_KPCID_TEXT_MAX];

	kpc_quote(out, association->name, strlen(association->name));
	put_name(out, "role", &kpci_role_names, association->role, -1U);
	put_text(out, "kpc-id", kpc_kpcid_text(&association->kpc_id, kpc_id));
	put_name(out, "format", &kpci_format_names, association->agent.format,
		 KPC_ID_FORMAT_STRICT);
	put_identity(out, 'a', &association->id_a);
	put_identity(out, 'b', &association->id_b);
	if (association->mark)
		fprintf(out, " mark 0x%08x", association->mark);
	put_name(out, "profile", &kpci_profile_names,
		 association->agent.profile, KPC_PROFILE_MODERN);
	put_versions(out, association);
	put_suites(out, association);
	put_name(out, "offload", &kpci_offload_names, association->offload,
		 KPC_OFFLOAD_REQUIRE);
	put_agent(out, &association->agent);
	if (association->has_holder_uid) {
		fputs(" holder-uid ", out);
		put_user(out, association->holder_uid);
	}
	put_text(out, "holder-cgroup", association->holder_cgroup);
	put_selectors(out, association, flags);
	put_limit(out, &association->limit);
}
