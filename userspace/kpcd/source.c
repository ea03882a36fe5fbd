// SPDX-License-Identifier: MIT
/*
 * Where peers come from: a token bucket for each of the sources seen last.
 */
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "source.h"

int sources_init(struct sources *sources, uint32_t rate)
{
	memset(sources, 0, sizeof(*sources));
	sources->rate = rate;
	if (getrandom(sources->secret, sizeof(sources->secret), 0) !=
	    sizeof(sources->secret))
		return -errno;
	return 0;
}

/* No IPv6 address has the upper half that an IPv4 address gets here. */
uint64_t source_of(const struct sockaddr_in6 *peer)
{
	const uint8_t *at = peer->sin6_addr.s6_addr;
	unsigned int from = 0, octets = 8, i;
	uint64_t prefix = 0;

	if (IN6_IS_ADDR_V4MAPPED(&peer->sin6_addr)) {
		prefix = 1;
		from = 12;
		octets = 4;
	}
	for (i = 0; i < octets; i++)
		prefix = prefix << 8 | at[from + i];
	return prefix;
}

uint64_t source_hash(const struct sources *sources, uint64_t prefix)
{
	uint64_t mixed = (prefix ^ sources->secret[0]) *
			 (sources->secret[1] | 1);

	mixed ^= mixed >> 32;
	mixed *= 0x9e3779b97f4a7c15;
	return mixed >> 32;
}

static struct source *set_of(struct sources *sources, uint64_t prefix)
{
	return sources->sets[source_hash(sources, prefix) % SOURCE_SETS];
}

bool source_may(struct sources *sources, const struct sockaddr_in6 *peer,
		uint64_t now)
{
	uint64_t prefix = source_of(peer);
	uint32_t rate = sources->rate;
	struct source *set, *found;
	unsigned int i;

	if (!rate)
		return true;
	set = set_of(sources, prefix);
	found = set;
	for (i = 0; i < SOURCE_WAYS; i++) {
		bucket_fill(&set[i].bucket, rate, rate, now);
		if (set[i].prefix == prefix) {
			found = &set[i];
			break;
		}
		if (set[i].bucket.tokens > found->bucket.tokens)
			found = &set[i];
	}
	if (found->prefix != prefix)
		*found = (struct source){ .prefix = prefix };
	return bucket_take(&found->bucket, rate, rate, now);
}
