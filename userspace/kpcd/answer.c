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

static void selector_make(struct kpc_selector *selector, uint8_t protocol,
			  const struct sockaddr_in6 *at)
{
	memset(selector, 0, sizeof(*selector));
	selector->protocol = protocol;
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

static bool is_in(const struct kpc_selector *one,
		  const struct kpc_selector *list, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (!memcmp(&list[i], one, sizeof(*one)))
			return true;
	return false;
}

/* Selectors of the addresses, each once, that none of the operator's covers. */
static size_t make_all(const struct kpc_association *association,
		       const struct sockaddr_in6 *at, uint32_t count,
		       struct kpc_selector *made)
{
	const struct kpc_selector *given = association->selectors;
	uint8_t protocol = kpc_association_is_dtls(association) ? IPPROTO_UDP :
								  IPPROTO_TCP;
	size_t i, n = 0;
	uint32_t j;

	for (j = 0; j < count; j++) {
		selector_make(&made[n], protocol, &at[j]);
		for (i = 0; i < association->selector_count; i++)
			if (!given[i].resolved &&
			    kpc_selector_covers(&given[i], &made[n]))
				break;
		n += i == association->selector_count &&
		     !is_in(&made[n], made, n);
	}
	return n;
}

/* Whether the module has these already, in any order. */
static bool has_all(const struct kpc_association *association,
		    const struct kpc_selector *made, size_t count)
{
	const struct kpc_selector *had = association->selectors;
	size_t i, resolved = 0;

	for (i = 0; i < association->selector_count; i++) {
		if (!had[i].resolved)
			continue;
		resolved++;
		if (!is_in(&had[i], made, count))
			return false;
	}
	return resolved == count;
}

int answer_protect(struct entry *entry, const struct sockaddr_in6 *at,
		   uint32_t count, struct kpc_error *err)
{
	const struct kpc_association *association = &entry->association;
	struct kpc_selector made[RESOLVER_ADDRESSES_MAX];
	size_t n;

	if (!entry->warden->enforce)
		return 0;
	n = make_all(association, at, count, made);
	if (has_all(association, made, n))
		return 0;
	/* What is bound to an address of before goes on: it has been judged. */
	return kpc_nl_association_resolve(&entry->warden->nl, entry->id,
					  association->agent.peer, made, n,
					  err);
}
