/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A handshake policy with its defaults filled in. */
#ifndef KPCI_POLICY_H
#define KPCI_POLICY_H

#include <kpc/handshake.h>

/**
 * struct kpci_policy - what remains of a policy once defaults are applied
 * @role: a or b
 * @tls12: TLS 1.2 is allowed and has a suite
 * @tls13: likewise
 * @dtls: DTLS 1.2 is all that is allowed, and has a suite
 * @kernel: the kernel may carry the records
 * @psk_ke: see struct kpc_handshake_policy
 * @no_ems: likewise
 * @authority: likewise
 * @suite_count: used of @suites
 * @suites: by preference
 * @group_count: used of @groups
 * @groups: by preference
 */
struct kpci_policy {
	enum kpc_role role;
	bool tls12, tls13, dtls;
	bool kernel;
	bool psk_ke, no_ems;
	const char *authority;
	unsigned int suite_count;
	const struct kpc_suite *suites[KPC_SUITES_MAX];
	unsigned int group_count;
	uint16_t groups[KPC_HANDSHAKE_GROUPS_MAX];
};

/** kpci_policy_resolve() - 0, or -EINVAL with the reason in @err */
int kpci_policy_resolve(struct kpci_policy *resolved, const struct kpc_handshake_policy *policy,
			struct kpc_error *err);

/** kpci_policy_version() - does it allow this version */
bool kpci_policy_version(const struct kpci_policy *policy, uint16_t version);

/** kpci_policy_suite() - does it allow this suite */
bool kpci_policy_suite(const struct kpci_policy *policy, uint16_t code);

/* group.c */

#define KPCI_GROUPS	4

/** kpci_group_name() - IANA's of a named group, NULL: not one of ours */
const char *kpci_group_name(uint16_t group);

/** kpci_group_order() - all of ours, those first that are preferred */
void kpci_group_order(uint16_t order[KPCI_GROUPS]);

#endif
