// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The values of an association's words: names, numbers, durations, times.
 */
#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "association_internal.h"
#include "internal.h"

#define NAMES(noun, sentence, ...) \
	static const char *const noun##_list[] = { __VA_ARGS__ }; \
	const struct kpci_names kpci_##noun##_names = { \
		noun##_list, ARRAY_SIZE(noun##_list), sentence }

NAMES(role, "a or b", "a", "b");
NAMES(kind, "cse or ae", "cse", "ae");
NAMES(offload, "require, prefer or off", "require", "prefer", "off");
NAMES(start, "manual, demand or auto", "manual", "demand", "auto");
NAMES(profile, "modern or onem2m", "modern", "onem2m");
NAMES(format, "strict or any", "strict", "any");
NAMES(agent_lost, "keep or end", "keep", "end");
NAMES(clock, "trust, wait or set", "trust", "wait", "set");
NAMES(answer, "yes or no", "no", "yes");
NAMES(version, "tls1.2, tls1.3 or dtls1.2", "tls1.2", "tls1.3", "dtls1.2");

/**
 * kpci_name_find() - The value of a word
 *
 * Return: It, or -1.
 */
int kpci_name_find(const struct kpci_names *names, const char *text)
{
	size_t i;

	for (i = 0; i < names->count; i++)
		if (!strcmp(names->names[i], text))
			return i;
	return -1;
}

int kpci_value_name(const char *word, const char *text,
		    const struct kpci_names *names, struct kpc_error *err)
{
	int found = kpci_name_find(names, text);

	if (found < 0)
		return kpc_error_return(err, -EINVAL,
					"%s \"%s\" is not known; %s is accepted",
					word, text, names->list);
	return found;
}

int kpci_value_number(const char *word, const char *text, uint64_t max,
		      uint64_t *value, struct kpc_error *err)
{
	unsigned long long number;
	char *end;

	/* Base 0 would take 010 for eight: hexadecimal only when it says so. */
	errno = 0;
	number = strtoull(text, &end, strncmp(text, "0x", 2) ? 10 : 16);
	if (*text < '0' || *text > '9' || *end)
		return kpc_error_return(err, -EINVAL,
					"%s \"%s\" is not a number; 0 to %" PRIu64 " is accepted",
					word, text, max);
	if (errno || number > max)
		return kpc_error_return(err, -EINVAL,
					"%s %s is too large; at most %" PRIu64 " is accepted",
					word, text, max);
	*value = number;
	return 0;
}

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit octet_units[] = {
	{ "T", 1ULL << 40 }, { "G", 1ULL << 30 }, { "M", 1ULL << 20 },
	{ "K", 1ULL << 10 }, { "", 1 },
};

static const struct unit second_units[] = {
	{ "d", 86400 }, { "h", 3600 }, { "m", 60 }, { "s", 1 }, { "", 1 },
};

static const struct unit *unit_find(const struct unit *units, size_t count,
				    const char *text, size_t length)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (strlen(units[i].name) == length &&
		    !strncmp(units[i].name, text, length))
			return &units[i];
	return NULL;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Adds up "1h30m"; false where it is not of that form or over @max. */
static bool sum_read(const char *text, const struct unit *units, size_t count,
		     uint64_t max, uint64_t *sum)
{
	unsigned int parts = 0;
	const struct unit *unit;
	uint64_t number;
	size_t length;

	*sum = 0;
	if (!*text)
		return false;
	while (*text) {
		if (!is_digit(*text))
			return false;
		for (number = 0; is_digit(*text); text++) {
			if (number > max / 10)
				return false;
			number = number * 10 + (*text - '0');
		}
		for (length = 0; text[length] && !is_digit(text[length]);)
			length++;
		unit = unit_find(units, count, text, length);
		if (!unit || number > max / unit->factor ||
		    number * unit->factor > max - *sum)
			return false;
		*sum += number * unit->factor;
		text += length;
		/* A bare number stands alone: that of 1h30 may be minutes. */
		if (parts++ && !length)
			return false;
	}
	return true;
}

int kpci_value_octets(const char *word, const char *text, uint64_t *octets,
		      struct kpc_error *err)
{
	if (sum_read(text, octet_units, ARRAY_SIZE(octet_units), INT64_MAX,
		     octets))
		return 0;
	return kpc_error_return(err, -EINVAL,
				"%s \"%s\" is not a number of octets; a number with K, M, G or T (powers of 1024) or without is accepted",
				word, text);
}

int kpci_value_duration(const char *word, const char *text, uint32_t *seconds,
			struct kpc_error *err)
{
	uint64_t sum;

	if (sum_read(text, second_units, ARRAY_SIZE(second_units), UINT32_MAX,
		     &sum)) {
		*seconds = sum;
		return 0;
	}
	return kpc_error_return(err, -EINVAL,
				"%s \"%s\" is not a duration; 90, 90s, 30m, 12h, 7d or 1h30m is accepted",
				word, text);
}

static bool time_read(const char *text, int64_t *epoch)
{
	static const char *const forms[] = {
		"%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d",
	};
	char back[sizeof("2027-01-01T00:00:00Z")];
	struct tm tm;
	char *end;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(forms); i++) {
		memset(&tm, 0, sizeof(tm));
		end = strptime(text, forms[i], &tm);
		if (!end || *end)
			continue;
		*epoch = timegm(&tm);
		/* strptime() takes 31 February; printing it back does not. */
		if (gmtime_r(epoch, &tm) &&
		    strftime(back, sizeof(back), forms[i], &tm) &&
		    !strcmp(back, text))
			return *epoch > 0;
	}
	return false;
}

int kpci_value_time(const char *word, const char *text, int64_t *epoch,
		    struct kpc_error *err)
{
	if (time_read(text, epoch))
		return 0;
	return kpc_error_return(err, -EINVAL,
				"%s \"%s\" is not a time; 2027-01-01T00:00:00Z or 2027-01-01 (UTC, after 1970) is accepted",
				word, text);
}

int kpci_value_user(const char *word, const char *text, bool late,
		    uint32_t *uid, struct kpc_error *err)
{
	const struct passwd *user;
	uint64_t number;

	if (is_digit(*text)) {
		/* (uid_t)-1 means nobody at all to the kernel. */
		if (kpci_value_number(word, text, UINT32_MAX - 1, &number,
				      err))
			return -EINVAL;
		*uid = number;
		return 0;
	}
	*uid = KPC_NO_USER;
	if (!strcmp(text, "none"))
		return 0;
	user = getpwnam(text);
	if (!user && late)
		return 0;
	if (!user)
		return kpc_error_return(err, -EINVAL,
					"%s \"%s\" is no user of this machine; a user's name or number, or none, is accepted",
					word, text);
	*uid = user->pw_uid;
	return 0;
}

/* In the largest unit that holds it; the last one's factor is 1. */
static void put_number(FILE *out, uint64_t number, const struct unit *unit)
{
	while (number % unit->factor)
		unit++;
	fprintf(out, "%" PRIu64 "%s", number / unit->factor, unit->name);
}

void kpci_octets_format(FILE *out, uint64_t octets)
{
	put_number(out, octets, octet_units);
}

void kpci_duration_format(FILE *out, uint32_t seconds)
{
	put_number(out, seconds, second_units);
}

void kpci_time_format(FILE *out, int64_t epoch)
{
	char text[32];
	struct tm tm;
	time_t time = epoch;

	if (gmtime_r(&time, &tm) &&
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		fputs(text, out);
	else
		fprintf(out, "%" PRId64, epoch);
}
