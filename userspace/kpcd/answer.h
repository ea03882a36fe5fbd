/* SPDX-License-Identifier: MIT */
/*
 * What the warden tells the module about an association.
 *
 * In --table mode there is nobody to tell; then these do nothing.
 */
#ifndef KPCD_ANSWER_H
#define KPCD_ANSWER_H

#include <stdint.h>

#include <kpc/error.h>

struct entry;
struct kpc_message_established;
struct sockaddr_in6;
struct warden;

/**
 * answer_established() - all waiting requests of an association succeeded
 * @outcome: the handshake; NULL, there was none (role b)
 */
void answer_established(struct entry *entry,
			const struct kpc_message_established *outcome);

/**
 * answer_failed() - all waiting requests of an association failed
 * @err: negative errno
 * @reason: for a person
 */
void answer_failed(struct entry *entry, int err, const char *reason);

/** answer_closed() - a close was carried out */
void answer_closed(struct entry *entry, uint32_t request);

/** answer_refused() - a request names an association that cannot be opened */
void answer_refused(struct warden *warden, uint32_t request, const char *name,
		    const char *reason);

/**
 * answer_protect() - have the module protect where IdB is now
 * @at: addresses with ports
 * @count: how many
 * @err: the module's refusal
 *
 * Selectors that the operator gave stay as they are; addresses they cover are
 * not added.
 *
 * Return: 0 or a negative errno.
 */
int answer_protect(struct entry *entry, const struct sockaddr_in6 *at,
		   uint32_t count, struct kpc_error *err);

#endif
