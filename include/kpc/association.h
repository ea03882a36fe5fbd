/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Associations: what one is made of, its text form, and the association file.
 */
#ifndef KPC_ASSOCIATION_H
#define KPC_ASSOCIATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <linux/kpc.h>

#include <kpc/error.h>
#include <kpc/identity.h>
#include <kpc/kpcid.h>

struct kpc_keystore;

/* `none`: what stands where a user is to be named and lets nobody in. */
#define KPC_NO_USER	UINT32_MAX

/**
 * struct kpc_selector_side - Address and ports of one end of a socket
 * @address: The address in network order, 4 or 16 octets of it.
 * @prefix: Bits of @address that count; 0 with no address: any.
 * @port_min: Lowest port; 0 together with @port_max: any.
 * @port_max: Highest port.
 */
struct kpc_selector_side {
	uint8_t address[16];
	uint8_t prefix;
	uint16_t port_min;
	uint16_t port_max;
};

/**
 * struct kpc_selector - The sockets an association may have
 * @protocol: IPPROTO_TCP or IPPROTO_UDP.
 * @family: AF_INET, AF_INET6, or AF_UNSPEC for both with any address.
 * @local: This machine's end.
 * @remote: The peer's end.
 * @resolved: Found by the agent for the peer's name.
 */
struct kpc_selector {
	uint8_t protocol;
	uint16_t family;
	struct kpc_selector_side local;
	struct kpc_selector_side remote;
	bool resolved;
};

/**
 * struct kpc_limit - Ends of a binding's life; 0 is no limit
 * @not_before: Seconds since the Epoch before which nothing binds.
 * @not_after: Seconds since the Epoch at which every binding ends.
 * @lifetime: Seconds a binding may live.
 * @idle: Seconds a binding may stay silent.
 * @octets: TCP payload octets of a binding, both directions added.
 * @bindings: Bindings at one time.
 * @handshake_octets: Octets sent before BIND; 0 leaves the module's default.
 * @handshake_seconds: Seconds before BIND; 0 leaves the module's default.
 * @records: Records under one key in one direction; 0 leaves what the cipher
 *   bears.
 */
struct kpc_limit {
	int64_t not_before;
	int64_t not_after;
	uint32_t lifetime;
	uint32_t idle;
	uint64_t octets;
	uint32_t bindings;
	uint32_t handshake_octets;
	uint32_t handshake_seconds;
	uint32_t records;
};

/**
 * enum kpc_plain - Kinds of plain legs
 * @KPC_PLAIN_NONE: None, or none that is known.
 * @KPC_PLAIN_UNIX: unix:PATH.
 * @KPC_PLAIN_TCP: tcp:ADDRESS:PORT.
 * @KPC_PLAIN_UDP: udp:ADDRESS:PORT, for an association of DTLS.
 * @KPC_PLAIN_HAND_OVER: hand-over:PATH, an application that is given the
 *   connection's own socket there.
 * @KPC_PLAIN_PAIR: pair:PATH, role b, one that is given an end of a socket pair.
 */
enum kpc_plain {
	KPC_PLAIN_NONE,
	KPC_PLAIN_UNIX,
	KPC_PLAIN_TCP,
	KPC_PLAIN_UDP,
	KPC_PLAIN_HAND_OVER,
	KPC_PLAIN_PAIR,
};

/**
 * struct kpc_agent - What the agent needs and the module only keeps
 * @peer: Role a, HOST:PORT of IdB; empty: none.
 * @listen: Role b, ADDRESS:PORT of the TLS listener; empty: none.
 * @plain: see kpc_plain_kind(); empty: none.
 * @authority: Server name that A sends and B matches; empty: none.
 * @start: When the agent opens the association.
 * @profile: Which versions and suites it starts from.
 * @format: Which KpcIds are taken.
 * @weak_key: A Kpc under 16 octets is taken.
 * @proxy: Role b tells the backend the identity by PROXY protocol v2.
 * @allow_uids: Users that may be at the far end of a plain TCP or UDP leg, or
 *   KPC_NO_USER.
 * @allow_uid_count: How many; 0 with such a leg and without @allow_any: nobody
 *   of this machine.
 * @allow_any: Every local user may be there.
 * @has_owner: @owner was given; without it the agent's own user.
 * @owner: Role a, uid that owns the UNIX socket of the plain leg; role b, uid
 *   that the backend has that listens there, unless it is root; KPC_NO_USER:
 *   as without one.
 * @mode: Permission bits of that socket.
 * @rekey_after: TLS 1.3, seconds after which a connection gets new keys, again
 *   and again; 0: by records alone.
 */
struct kpc_agent {
	char peer[KPC_AGENT_TEXT_MAX + 1];
	char listen[KPC_AGENT_TEXT_MAX + 1];
	char plain[KPC_AGENT_TEXT_MAX + 1];
	char authority[KPC_AGENT_TEXT_MAX + 1];
	enum kpc_start start;
	enum kpc_profile profile;
	enum kpc_id_format format;
	bool weak_key;
	bool proxy;
	uint32_t allow_uids[KPC_ALLOW_UIDS_MAX];
	size_t allow_uid_count;
	bool allow_any;
	bool has_owner;
	uint32_t owner;
	uint32_t mode;
	uint32_t rekey_after;
};

/**
 * struct kpc_association - One association as it is configured
 * @name: Unique in a network namespace.
 * @kpc_id: The psk_identity, to the octet.
 * @id_a: Entity A.
 * @id_b: Entity B.
 * @role: Which of the two this machine is.
 * @mark: Socket mark; 0 lets the module choose.
 * @versions: enum kpc_version_flags, never 0 after a parse.
 * @suites: IANA codes in order of preference.
 * @suite_count: How many; 0 means those of the profile.
 * @offload: Whether the kernel must carry the records.
 * @selectors: Given, derived from literal @agent.peer and @agent.listen, or
 *   resolved.
 * @selector_count: How many.
 * @limit: Ends of a binding's life.
 * @agent: The agent's part.
 * @has_holder_uid: @holder_uid was given.
 * @holder_uid: User whose sockets alone it may have; KPC_NO_USER: nobody's.
 * @holder_cgroup: Control group whose sockets alone it may have; empty: any.
 */
struct kpc_association {
	char name[KPC_NAME_MAX + 1];
	struct kpc_kpcid kpc_id;
	struct kpc_identity id_a;
	struct kpc_identity id_b;
	enum kpc_role role;
	uint32_t mark;
	uint32_t versions;
	uint16_t suites[KPC_SUITES_MAX];
	size_t suite_count;
	enum kpc_offload offload;
	struct kpc_selector selectors[KPC_SELECTORS_MAX];
	size_t selector_count;
	struct kpc_limit limit;
	struct kpc_agent agent;
	bool has_holder_uid;
	uint32_t holder_uid;
	char holder_cgroup[KPC_CGROUP_MAX + 1];
};

/**
 * kpc_association_init() - Set every member to its default
 */
void kpc_association_init(struct kpc_association *association);

/**
 * kpc_association_parse() - Read NAME and the words that follow it
 * @association: Filled in whole; undefined after a refusal.
 * @argc: Words in @argv.
 * @argv: NAME, then the grammar of kpc.conf(5).
 * @err: Names the offending word, why, and what is accepted.
 *
 * Return: 0 or a negative errno.
 */
int kpc_association_parse(struct kpc_association *association, int argc,
			  char **argv, struct kpc_error *err);

/**
 * kpc_association_check() - What holds for one association alone
 *
 * Role and the words that go with it, suites against versions and offload,
 * identities that differ (X4). kpc_association_parse() ends with it; it is for
 * associations that come from elsewhere.
 *
 * Return: 0 or a negative errno.
 */
int kpc_association_check(const struct kpc_association *association,
			  struct kpc_error *err);

/**
 * kpc_plain_kind() - What kind of plain leg a text names
 * @plain: As struct kpc_agent has it.
 * @where: Set to the path or address in it; NULL where it is of no kind.
 */
enum kpc_plain kpc_plain_kind(const char *plain, const char **where);

/** kpc_association_is_dtls() - Whether its versions are those of datagrams */
bool kpc_association_is_dtls(const struct kpc_association *association);

/** kpc_plain_path() - The path of a plain leg; NULL where its kind has none */
const char *kpc_plain_path(const char *plain);

/* Leave out what only this boot gave: resolved selectors. */
#define KPC_FORMAT_SAVE	0x1

/**
 * kpc_association_in_dates() - Whether the clock is within its limits
 * @association: of which not-before and not-after are asked
 */
bool kpc_association_in_dates(const struct kpc_association *association);

/**
 * kpc_association_format() - Print NAME and words that parse to the same
 * @out: One line without its end.
 * @association: What to print; what equals its default is left out.
 * @flags: KPC_FORMAT_SAVE or 0.
 */
void kpc_association_format(FILE *out,
			    const struct kpc_association *association,
			    unsigned int flags);

/**
 * kpc_association_selector_add() - Append one selector unless it is there
 *
 * Return: 0, or -E2BIG with KPC_SELECTORS_MAX already used.
 */
int kpc_association_selector_add(struct kpc_association *association,
				 const struct kpc_selector *selector);

/**
 * kpc_selector_covers() - Whether one selector has all sockets of another
 * @wide: Which may have more.
 * @narrow: Which may have fewer.
 */
bool kpc_selector_covers(const struct kpc_selector *wide,
			 const struct kpc_selector *narrow);

/**
 * kpc_selector_parse() - Read `[tcp|udp] [local ...] [remote ...] [resolved]`
 * @selector: Filled in.
 * @argc: Words in @argv; more may follow than belong to it.
 * @argv: The words.
 * @err: Names the offending word.
 *
 * Return: how many words were taken, or -EINVAL.
 */
int kpc_selector_parse(struct kpc_selector *selector, int argc, char **argv,
		       struct kpc_error *err);

/**
 * kpc_selector_format() - Print a selector in the grammar's words
 * @out: Receives `[udp] [local ...] [remote ...] [resolved]`.
 * @selector: What to print.
 */
void kpc_selector_format(FILE *out, const struct kpc_selector *selector);

/**
 * kpc_address_split() - Split HOST:PORT, [HOST]:PORT
 * @text: What was given; `*` is a host of its own here.
 * @host: Receives the host without brackets, at least 256 octets.
 * @port: Receives the port, 1..65535.
 * @err: Says what is wrong with @text.
 *
 * Return: 0 or -EINVAL.
 */
int kpc_address_split(const char *text, char *host, uint16_t *port,
		      struct kpc_error *err);

/**
 * kpc_quote() - Print a word so that shell and association file read it back
 */
void kpc_quote(FILE *out, const void *octets, size_t length);

/**
 * struct kpc_line - One logical line of a file split into words
 * @words: The words, then NULL.
 * @count: How many.
 * @number: Line of the file where it begins, from 1.
 */
struct kpc_line {
	char **words;
	int count;
	unsigned int number;
};

/**
 * kpc_line_read() - Read the next line that has words
 * @file: Read from.
 * @number: Lines read so far; moved on.
 * @line: Filled in; give it to kpc_line_free().
 * @err: What is wrong with the line.
 *
 * `#` begins a comment, a backslash at the end joins lines, quotes and
 * backslash keep what they hold as a shell does. A word that names the encoding
 * of a key is refused without being repeated, but for the value of `kpc-id`.
 *
 * Return: 1 with a line, 0 at the end, or a negative errno.
 */
int kpc_line_read(FILE *file, unsigned int *number, struct kpc_line *line,
		  struct kpc_error *err);

/**
 * kpc_line_free() - Give the words back
 */
void kpc_line_free(struct kpc_line *line);

/**
 * struct kpc_config - The configuration of a network namespace
 * @set: Which members were given: bit n is KPC_A_CONFIG attribute n.
 * @mark_value: A mark is managed when mark & @mark_mask == @mark_value.
 * @mark_mask: See @mark_value.
 * @handshake_mark: The managed mark that handshake sockets wear.
 * @agent_lost: What happens to bindings without an agent.
 * @agent_lost_seconds: After how many seconds.
 * @max_associations: Most associations of the namespace.
 * @max_bindings: Most bindings of the namespace.
 * @max_handshakes: Most registered handshake sockets.
 * @clock: Whether associations with dates wait for the clock to be set.
 * @generation: Reply only, number of the last event.
 * @abi: Reply only, the module's KPC_ABI_VERSION.
 * @module_version: Reply only.
 */
struct kpc_config {
	uint32_t set;
	uint32_t mark_value;
	uint32_t mark_mask;
	uint32_t handshake_mark;
	enum kpc_agent_lost agent_lost;
	uint32_t agent_lost_seconds;
	uint32_t max_associations;
	uint32_t max_bindings;
	uint32_t max_handshakes;
	enum kpc_clock clock;
	uint64_t generation;
	uint32_t abi;
	char module_version[64];
};

/**
 * kpc_config_parse() - Read the words of `config set`
 *
 * Return: 0 or a negative errno.
 */
int kpc_config_parse(struct kpc_config *config, int argc, char **argv,
		     struct kpc_error *err);

/**
 * kpc_config_format() - Print what @config->set has, as kpc_config_parse()
 * reads it
 */
void kpc_config_format(FILE *out, const struct kpc_config *config);

/**
 * struct kpc_table_entry - An association and the line it was read from
 */
struct kpc_table_entry {
	struct kpc_association association;
	char *file;
	unsigned int line;
};

/**
 * struct kpc_table - What one or more association files hold
 * @entries: In the order they were read.
 * @count: How many.
 * @config: The `config` lines of all files together.
 * @config_file: Where the last of them stands; NULL: there was none.
 * @config_line: Line there.
 * @config_lines: How many there were.
 * @own: The `identity` line that holds for the lines after it.
 * @has_own: @own was given.
 */
struct kpc_table {
	struct kpc_table_entry *entries;
	size_t count;
	struct kpc_config config;
	char *config_file;
	unsigned int config_line;
	unsigned int config_lines;
	struct kpc_identity own;
	bool has_own;
};

/* Skip the test of owner and mode, for a file that only gets looked at. */
#define KPC_TABLE_ANY_OWNER	0x1
/* A name that is no user of this machine is KPC_NO_USER, and no mistake. */
#define KPC_TABLE_LATE_USERS	0x2

#define KPC_TABLE_FILE		"/etc/kpc/kpc.conf"
#define KPC_TABLE_DIRECTORY	"/etc/kpc/conf.d"

/* A flag too: no pipe is read, for a caller that must not wait for who writes. */
#define KPC_TABLE_REGULAR	0x4

/**
 * kpc_table_init() - An empty table
 */
void kpc_table_init(struct kpc_table *table);

/**
 * kpc_table_read() - Append what a file holds
 * @table: Kept as it was after a refusal.
 * @path: A file; a directory, whose *.conf are read in order of name; "-" for
 *   standard input; or NULL for KPC_TABLE_FILE and then KPC_TABLE_DIRECTORY,
 *   either of which may be missing.
 * @flags: KPC_TABLE_ANY_OWNER, KPC_TABLE_LATE_USERS, both or 0.
 * @err: FILE:LINE, the offending text, and what is accepted.
 *
 * Return: 0 or a negative errno.
 */
int kpc_table_read(struct kpc_table *table, const char *path,
		   unsigned int flags, struct kpc_error *err);

/**
 * kpc_table_is_default() - Is a file one of those read where none is named
 * @path: Its name; it need not be there yet.
 *
 * Return: True for KPC_TABLE_FILE and the *.conf of KPC_TABLE_DIRECTORY, however
 * they are written.
 */
bool kpc_table_is_default(const char *path);

/**
 * kpc_table_add() - Append one association
 * @table: Gets a copy.
 * @association: What to append.
 * @file: Where it stands, for messages.
 * @line: Line there.
 *
 * Return: 0 or -ENOMEM.
 */
int kpc_table_add(struct kpc_table *table,
		  const struct kpc_association *association, const char *file,
		  unsigned int line);

/**
 * kpc_table_check() - What holds for the associations of a table together
 * @table: What was read.
 * @keys: The key store for T4 and the lengths of keys, or NULL without.
 * @err: Names both lines of a contradiction, never a key.
 *
 * Names (unique), KpcIds that differ only in case (T2), one role and one pair
 * of identities per KpcId (T4, T6), one mark per pair and role; with @keys, one
 * Kpc per pair (T4) and its length.
 *
 * Return: 0 or a negative errno.
 */
int kpc_table_check(const struct kpc_table *table,
		    const struct kpc_keystore *keys, struct kpc_error *err);

/**
 * kpc_table_find() - The association of a name, or NULL
 */
struct kpc_association *kpc_table_find(const struct kpc_table *table,
				       const char *name);

/**
 * kpc_table_free() - Give the memory back and leave an empty table
 */
void kpc_table_free(struct kpc_table *table);

#endif
