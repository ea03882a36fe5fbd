// SPDX-License-Identifier: MIT
/*
 * What the warden tells the module about an association.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "answer.h"
#include "log.h"
#include "warden.h"

static void give(struct warden *warden, const struct kpc_establish *answer)
{
	struct kpc_error why = { "" };

	/* Number 0 is nobody's: the agent began by itself. */
	if (!warden->enforce || !answer->id)
		return;
	if (kpc_nl_establish_answer(&warden->nl, answer, &why))
		log_say(LOG_WARNING,
			"%s: the module does not take the answer to an establish request: %s",
			answer->association, why.text);
}

static void give_all(struct entry *entry, struct kpc_establish *answer)
{
	unsigned int i;

	strcpy(answer->association, entry->association.name);
	for (i = 0; i < entry->request_count; i++) {
		answer->id = entry->requests[i];
		give(entry->warden, answer);
	}
	entry->request_count = 0;
}

void answer_established(struct entry *entry,
			const struct kpc_message_established *outcome)
{
	struct kpc_establish answer = {
		.state = KPC_ESTABLISH_STATE_ESTABLISHED,
	};

	if (outcome) {
		answer.version = outcome->version;
		answer.suite = outcome->suite;
		answer.binding = outcome->binding;
	}
	give_all(entry, &answer);
}

void answer_failed(struct entry *entry, int err, const char *reason)
{
	struct kpc_establish answer = {
		.state = KPC_ESTABLISH_STATE_FAILED,
		.error = -err,
	};

	snprintf(answer.message, sizeof(answer.message), "%s", reason);
	give_all(entry, &answer);
}

void answer_closed(struct entry *entry, uint32_t request)
{
	struct kpc_establish answer = {
		.id = request,
		.state = KPC_ESTABLISH_STATE_CLOSED,
	};

	strcpy(answer.association, entry->association.name);
	give(entry->warden, &answer);
}

void answer_refused(struct warden *warden, uint32_t request, const char *name,
		    const char *reason)
{
	struct kpc_establish answer = {
		.id = request,
		.state = KPC_ESTABLISH_STATE_FAILED,
		.error = ENOENT,
	};

	snprintf(answer.association, sizeof(answer.association), "%s", name);
	snprintf(answer.message, sizeof(answer.message), "%s", reason);
	give(warden, &answer);
}

static bool prefix_covers(const uint8_t *range, unsigned int bits,
			  const uint8_t *address)
{
	unsigned int octets = bits / 8, rest = bits % 8;

	if (memcmp(range, address, octets))
		return false;
	return !rest || !((range[octets] ^ address[octets]) >> (8 - rest));
}

static void selector_make(struct kpc_selector *selector,
			  const struct sockaddr_in6 *at)
{
	memset(selector, 0, sizeof(*selector));
	selector->protocol = IPPROTO_TCP;
	selector->resolved = true;
	selector->remote.port_min = ntohs(at->sin6_port);
	selector->remote.port_max = selector->remote.port_min;
	if (IN6_IS_ADDR_V4MAPPED(&at->sin6_addr)) {
		selector->family = AF_INET;
		selector->remote.prefix = 32;
		memcpy(selector->remote.address, &at->sin6_addr.s6_addr[12],
		       4);
	} else {
		selector->family = AF_INET6;
		selector->remote.prefix = 128;
		memcpy(selector->remote.address, &at->sin6_addr, 16);
	}
}

static bool selector_covers(const struct kpc_selector *wide,
			    const struct kpc_selector *one)
{
	const struct kpc_selector_side *range = &wide->remote;

	if (wide->protocol != one->protocol ||
	    (wide->family != AF_UNSPEC && wide->family != one->family))
		return false;
	if (range->port_max && (one->remote.port_min < range->port_min ||
				one->remote.port_max > range->port_max))
		return false;
	return prefix_covers(range->address, range->prefix,
			     one->remote.address);
}

/* Selectors of addresses that the peer's name has no more. */
static void drop_stale(struct kpc_association *association,
		       const struct sockaddr_in6 *at, uint32_t count)
{
	struct kpc_selector *from = association->selectors, one;
	size_t i, kept = 0, all = association->selector_count;
	uint32_t j;

	for (i = 0; i < all; i++) {
		for (j = 0; j < count && from[i].resolved; j++) {
			selector_make(&one, &at[j]);
			if (selector_covers(&from[i], &one))
				break;
		}
		if (!from[i].resolved || j < count)
			from[kept++] = from[i];
	}
	association->selector_count = kept;
	memset(&from[kept], 0, (all - kept) * sizeof(*from));
}

static int add_missing(struct kpc_association *association,
		       const struct sockaddr_in6 *at, uint32_t count,
		       struct kpc_error *err)
{
	struct kpc_selector one;
	uint32_t i;
	size_t j;

	for (i = 0; i < count; i++) {
		selector_make(&one, &at[i]);
		for (j = 0; j < association->selector_count; j++)
			if (selector_covers(&association->selectors[j], &one))
				break;
		if (j == association->selector_count &&
		    kpc_association_selector_add(association, &one))
			return kpc_error_return(err, -E2BIG,
						"the peer has more addresses than an association has selectors (%d)",
						KPC_SELECTORS_MAX);
	}
	return 0;
}

int answer_protect(struct entry *entry, const struct sockaddr_in6 *at,
		   uint32_t count, struct kpc_error *err)
{
	struct kpc_association changed = entry->association;
	size_t before = changed.selector_count, left;
	int ret;

	if (!entry->warden->enforce)
		return 0;
	drop_stale(&changed, at, count);
	left = changed.selector_count;
	ret = add_missing(&changed, at, count, err);
	if (ret || (left == before && changed.selector_count == before))
		return ret;
	/* What is bound to an address of before goes on: it has been judged. */
	return kpc_nl_association_new(&entry->warden->nl, &changed, false,
				      &entry->association, err);
}
