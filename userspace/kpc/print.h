/* SPDX-License-Identifier: MIT */
/*
 * Names of values, and the forms in which a person and -j see objects.
 */
#ifndef KPC_PRINT_H
#define KPC_PRINT_H

#include "cli.h"

const char *name_role(enum kpc_role role);
const char *name_offload(enum kpc_offload offload);
const char *name_carrier(enum kpc_carrier carrier);
const char *name_start(enum kpc_start start);
const char *name_profile(enum kpc_profile profile);
const char *name_format(enum kpc_id_format format);
const char *name_session(enum kpc_session_type type);
const char *name_agent_lost(enum kpc_agent_lost lost);
const char *name_clock(enum kpc_clock clock);
const char *name_change(enum kpc_change change);
const char *name_state(enum kpc_establish_state state);
const char *name_direction(enum kpc_direction direction);
const char *name_reason(enum kpc_reason reason);
const char *name_violation(enum kpc_violation_kind kind);
const char *name_protocol(uint8_t protocol);
const char *name_suite(uint16_t code, char buffer[8]);
const char *name_version(uint16_t version, char buffer[8]);

/* What others wrote: escaped, so that no terminal follows it. */
void print_text(FILE *out, const char *text);
/* "1.5 MiB", "3m 20s", "192.0.2.1:8883", "[2001:db8::1]:8883". */
void print_size(FILE *out, uint64_t octets);
void print_age(FILE *out, uint64_t milliseconds);
void print_address(FILE *out, const struct kpc_address *address);
void json_address(struct json *json, const char *key,
		  const struct kpc_address *address);

void print_association(FILE *out, const struct kpc_association *association,
		       const struct kpc_association_state *state);
/* Members of an object already open; @state may be NULL. */
void json_association(struct json *json,
		      const struct kpc_association *association,
		      const struct kpc_association_state *state);
void print_binding(FILE *out, const struct kpc_binding *binding);
void json_binding(struct json *json, const struct kpc_binding *binding);
/* What came of an establish or close, behind its state; members likewise. */
void print_outcome(FILE *out, const struct kpc_establish *answer);
void json_outcome(struct json *json, const struct kpc_establish *answer);

#endif
