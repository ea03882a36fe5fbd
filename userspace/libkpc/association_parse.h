/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An association being read, and the words of its grammar.
 */
#ifndef KPCI_ASSOCIATION_PARSE_H
#define KPCI_ASSOCIATION_PARSE_H

#include "association_internal.h"

/**
 * struct kpci_parse - An association being read
 * @to: The association.
 * @argv: All words.
 * @argc: How many.
 * @at: The next one.
 * @given: Which words of the table were seen, by position.
 * @kpc_id: Text of the KpcId, read once its format is known.
 * @id: Texts of IdA and IdB, read once their kinds are known.
 * @kind: Kinds as given, -1: not given.
 * @sp_id: Service provider of SP-relative identities.
 * @late_users: A user that is not known is none.
 * @err: Where the refusal goes.
 */
struct kpci_parse {
	struct kpc_association *to;
	char **argv;
	int argc;
	int at;
	uint32_t given;
	const char *kpc_id;
	const char *id[2];
	int kind[2];
	const char *sp_id;
	bool late_users;
	struct kpc_error *err;
};

/**
 * struct kpci_word - One word of the grammar
 * @name: As it is written.
 * @wants: What follows it, for a sentence.
 * @take: Reads @value, or what is left in @parse.
 * @offset: Of the member, for the takers that need one.
 * @names: Names of an enumeration, for kpci_take_name().
 * @bare: No value is taken beforehand.
 * @repeats: May be given more than once.
 */
struct kpci_word {
	const char *name;
	const char *wants;
	int (*take)(struct kpci_parse *parse, const struct kpci_word *word,
		    const char *value);
	size_t offset;
	const struct kpci_names *names;
	bool bare;
	bool repeats;
};

/* The word that comes next, NULL at the end. */
const char *kpci_next(struct kpci_parse *parse);

/* Takers: each stores what it was made for, or says what is wrong. */
int kpci_take_allow_uid(struct kpci_parse *parse, const struct kpci_word *word,
			const char *value);
int kpci_take_answer(struct kpci_parse *parse, const struct kpci_word *word,
		     const char *value);
int kpci_take_authority(struct kpci_parse *parse, const struct kpci_word *word,
			const char *value);
int kpci_take_holder_cgroup(struct kpci_parse *parse,
			    const struct kpci_word *word, const char *value);
int kpci_take_holder_uid(struct kpci_parse *parse, const struct kpci_word *word,
			 const char *value);
int kpci_take_id(struct kpci_parse *parse, const struct kpci_word *word,
		 const char *value);
int kpci_take_kind(struct kpci_parse *parse, const struct kpci_word *word,
		   const char *value);
int kpci_take_kpc_id(struct kpci_parse *parse, const struct kpci_word *word,
		     const char *value);
int kpci_take_rekey_after(struct kpci_parse *parse,
			  const struct kpci_word *word, const char *value);
int kpci_take_limit(struct kpci_parse *parse, const struct kpci_word *word,
		    const char *value);
int kpci_take_listen(struct kpci_parse *parse, const struct kpci_word *word,
		     const char *value);
int kpci_take_mark(struct kpci_parse *parse, const struct kpci_word *word,
		   const char *value);
int kpci_take_mode(struct kpci_parse *parse, const struct kpci_word *word,
		   const char *value);
int kpci_take_name(struct kpci_parse *parse, const struct kpci_word *word,
		   const char *value);
int kpci_take_owner(struct kpci_parse *parse, const struct kpci_word *word,
		    const char *value);
int kpci_take_peer(struct kpci_parse *parse, const struct kpci_word *word,
		   const char *value);
int kpci_take_selector(struct kpci_parse *parse, const struct kpci_word *word,
		       const char *value);
int kpci_take_sp_id(struct kpci_parse *parse, const struct kpci_word *word,
		    const char *value);
int kpci_take_suites(struct kpci_parse *parse, const struct kpci_word *word,
		     const char *value);
int kpci_take_text(struct kpci_parse *parse, const struct kpci_word *word,
		   const char *value);
int kpci_take_versions(struct kpci_parse *parse, const struct kpci_word *word,
		       const char *value);

#endif
