// SPDX-License-Identifier: MIT
/*
 * Names of values, and small forms: sizes, ages, addresses.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>

#include <kpc/suite.h>

#include "print.h"

/* A newer module may know values that this program has no word for. */
#define NAME(function, type, ...) \
const char *name_##function(type value) \
{ \
	static const char *const names[] = { __VA_ARGS__ }; \
\
	return (size_t)value < CLI_COUNT(names) ? names[value] : "unknown"; \
}

NAME(role, enum kpc_role, "a", "b")
NAME(offload, enum kpc_offload, "require", "prefer", "off")
NAME(carrier, enum kpc_carrier, "kernel", "agent")
NAME(start, enum kpc_start, "manual", "demand", "auto")
NAME(profile, enum kpc_profile, "modern", "onem2m")
NAME(format, enum kpc_id_format, "strict", "any")
NAME(session, enum kpc_session_type, "warden", "worker")
NAME(agent_lost, enum kpc_agent_lost, "keep", "end")
NAME(clock, enum kpc_clock, "trust", "wait", "set")
NAME(change, enum kpc_change, "added", "changed", "removed", "limit")
NAME(direction, enum kpc_direction, "out", "in")

#define STATES		"requested", "closing", "established", "failed", "closed"
NAME(state, enum kpc_establish_state, STATES)

#define ENDED	"none", "closed", "operator", "deleted", "narrowed"
#define LIMITS	"expired", "lifetime", "idle", "octets", "records"
#define CHANGES	"mark-changed", "peer-changed", "keys-changed"
#define GONE	"agent-lost", "budget", "unload"
NAME(reason, enum kpc_reason, ENDED, LIMITS, CHANGES, GONE)

#define VIOLATIONS	"mark", "endpoint", "association", "changed", "grant", "budget"
NAME(violation, enum kpc_violation_kind, VIOLATIONS)

const char *name_protocol(uint8_t protocol)
{
	return protocol == IPPROTO_TCP ? "tcp" :
	       protocol == IPPROTO_UDP ? "udp" : "other";
}

const char *name_suite(uint16_t code, char buffer[8])
{
	const struct kpc_suite *suite = kpc_suite_by_code(code);

	if (suite)
		return suite->name;
	snprintf(buffer, 8, "0x%04x", code);
	return buffer;
}

const char *name_version(uint16_t version, char buffer[8])
{
	if (version == KPC_VERSION_TLS12 || version == KPC_VERSION_TLS13 ||
	    version == KPC_VERSION_DTLS12)
		return kpc_version_name(version);
	snprintf(buffer, 8, "0x%04x", version);
	return buffer;
}

void print_text(FILE *out, const char *text)
{
	char safe[KPC_ESCAPED(1)];

	for (; *text; text++)
		fputs(kpc_escape(safe, sizeof(safe), text, 1, ""), out);
}

void print_size(FILE *out, uint64_t octets)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB" };
	double value = octets;
	size_t unit = 0;

	if (octets < 1024) {
		fprintf(out, "%" PRIu64 " B", octets);
		return;
	}
	for (value /= 1024; value >= 1024 && unit + 1 < CLI_COUNT(units);
	     value /= 1024)
		unit++;
	fprintf(out, "%.2f %s", value, units[unit]);
}

void print_age(FILE *out, uint64_t milliseconds)
{
	uint64_t seconds = milliseconds / 1000;

	if (seconds < 60)
		fprintf(out, "%" PRIu64 ".%" PRIu64 "s", seconds,
			milliseconds % 1000 / 100);
	else if (seconds < 3600)
		fprintf(out, "%" PRIu64 "m %" PRIu64 "s", seconds / 60,
			seconds % 60);
	else if (seconds < 86400)
		fprintf(out, "%" PRIu64 "h %" PRIu64 "m", seconds / 3600,
			seconds / 60 % 60);
	else
		fprintf(out, "%" PRIu64 "d %" PRIu64 "h", seconds / 86400,
			seconds / 3600 % 24);
}

static const char *address_text(const struct kpc_address *address,
				char text[INET6_ADDRSTRLEN])
{
	if (address->family != AF_INET && address->family != AF_INET6)
		return "*";
	if (!inet_ntop(address->family, address->octets, text,
		       INET6_ADDRSTRLEN))
		return "?";
	return text;
}

void print_address(FILE *out, const struct kpc_address *address)
{
	char text[INET6_ADDRSTRLEN];

	fprintf(out, address->family == AF_INET6 ? "[%s]:" : "%s:",
		address_text(address, text));
	if (address->port)
		fprintf(out, "%u", address->port);
	else
		putc('*', out);
}

void json_address(struct json *json, const char *key,
		  const struct kpc_address *address)
{
	char text[INET6_ADDRSTRLEN];

	json_object(json, key);
	json_string(json, "address", address_text(address, text));
	json_number(json, "port", address->port);
	json_object_end(json);
}
