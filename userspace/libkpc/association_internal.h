/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files that read and print associations share.
 */
#ifndef KPCI_ASSOCIATION_INTERNAL_H
#define KPCI_ASSOCIATION_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <kpc/association.h>

/* Permission bits of the plain leg's UNIX socket where none are given. */
#define KPCI_MODE_DEFAULT	0600

/**
 * struct kpci_names - The words of an enumeration
 * @names: By value.
 * @count: How many.
 * @list: For a sentence: "manual, demand or auto".
 */
struct kpci_names {
	const char *const *names;
	size_t count;
	const char *list;
};

extern const struct kpci_names kpci_role_names;
extern const struct kpci_names kpci_kind_names;
extern const struct kpci_names kpci_offload_names;
extern const struct kpci_names kpci_start_names;
extern const struct kpci_names kpci_profile_names;
extern const struct kpci_names kpci_format_names;
extern const struct kpci_names kpci_agent_lost_names;
extern const struct kpci_names kpci_clock_names;
extern const struct kpci_names kpci_answer_names;

/* Bits of enum kpc_version_flags by position. */
extern const struct kpci_names kpci_version_names;

int kpci_name_find(const struct kpci_names *names, const char *text);

/*
 * Values. Each returns 0, kpci_value_name() the position in @names, or -EINVAL
 * with a sentence that begins with @word, the word of the grammar that the value
 * belongs to.
 */
int kpci_value_name(const char *word, const char *text,
		    const struct kpci_names *names, struct kpc_error *err);
int kpci_value_number(const char *word, const char *text, uint64_t max,
		      uint64_t *value, struct kpc_error *err);
int kpci_value_octets(const char *word, const char *text, uint64_t *octets,
		      struct kpc_error *err);
int kpci_value_duration(const char *word, const char *text, uint32_t *seconds,
			struct kpc_error *err);
int kpci_value_time(const char *word, const char *text, int64_t *epoch,
		    struct kpc_error *err);
/* With @late a name that is not known yet is KPC_NO_USER. */
int kpci_value_user(const char *word, const char *text, bool late,
		    uint32_t *uid, struct kpc_error *err);

void kpci_octets_format(FILE *out, uint64_t octets);
void kpci_duration_format(FILE *out, uint32_t seconds);
void kpci_time_format(FILE *out, int64_t epoch);

/**
 * kpci_literal_read() - An address literal without a port
 * @text: IPv4 or IPv6, the latter without brackets.
 * @family: AF_INET or AF_INET6.
 * @address: 16 octets, the unused ones 0.
 *
 * Return: true if it is one.
 */
bool kpci_literal_read(const char *text, uint16_t *family, uint8_t *address);
bool kpci_literal_loopback(uint16_t family, const uint8_t *address);
bool kpci_literal_any(uint16_t family, const uint8_t *address);
bool kpci_address_is_any(const uint8_t *address);
unsigned int kpci_family_bits(uint16_t family);

/**
 * kpci_selector_side_read() - ADDR[/LEN]:PORT[-PORT]
 *
 * Return: 0 or -EINVAL.
 */
int kpci_selector_side_read(const char *word, const char *text,
			    uint16_t *family, struct kpc_selector_side *side,
			    struct kpc_error *err);

/**
 * kpci_association_derive() - Selectors for a literal peer or listener
 * @out: At least two.
 *
 * Return: How many, 0 where the peer is a name.
 */
size_t kpci_association_derive(const struct kpc_association *association,
			       struct kpc_selector *out);

/* What a plain leg may be, for sentences. */
#define KPCI_PLAIN_KINDS	"unix:/PATH, tcp:ADDRESS:PORT, udp:ADDRESS:PORT, hand-over:/PATH or pair:/PATH"

int kpci_plain_check(const struct kpc_association *association, struct kpc_error *err);

uint32_t kpci_profile_versions(enum kpc_profile profile);

/**
 * kpci_association_parse() - kpc_association_parse() with the own identity
 * @own: Stands for id-a of role a or id-b of role b where that is missing; or
 *   NULL.
 * @late_users: See KPC_TABLE_LATE_USERS.
 */
int kpci_association_parse(struct kpc_association *association, int argc,
			   char **argv, const struct kpc_identity *own,
			   bool late_users, struct kpc_error *err);

#endif
