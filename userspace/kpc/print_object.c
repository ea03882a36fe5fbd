// SPDX-License-Identifier: MIT
/*
 * Associations, bindings and the agent's answers as a person and as -j see them.
 */
#include <inttypes.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <kpc/suite.h>

#include "print.h"

static void print_traffic(FILE *out, uint64_t tx, uint64_t rx)
{
	print_size(out, tx);
	fputs(" sent, ", out);
	print_size(out, rx);
	fputs(" received", out);
}

/* The policy words that are left when what has a line of its own is gone. */
static void print_policy(FILE *out, const struct kpc_association *association)
{
	static const struct {
		uint32_t flag;
		const char *name;
	} versions[] = {
		{ KPC_VERSION_FLAGS_TLS12, "TLSv1.2" },
		{ KPC_VERSION_FLAGS_TLS13, "TLSv1.3" },
		{ KPC_VERSION_FLAGS_DTLS12, "DTLSv1.2" },
	};
	char buffer[8];
	size_t i;

	fprintf(out, "  policy: %s,", name_profile(association->agent.profile));
	for (i = 0; i < CLI_COUNT(versions); i++)
		if (association->versions & versions[i].flag)
			fprintf(out, " %s,", versions[i].name);
	fprintf(out, " offload %s, start %s", name_offload(association->offload),
		name_start(association->agent.start));
	if (association->agent.weak_key)
		fputs(", weak keys", out);
	if (association->agent.proxy)
		fputs(", proxy", out);
	putc('\n', out);
	for (i = 0; i < association->suite_count; i++)
		fprintf(out, "%s%s%s", i ? ", " : "  suites: ",
			name_suite(association->suites[i], buffer),
			i + 1 == association->suite_count ? "\n" : "");
}

static void print_agent_text(FILE *out, const char *name, const char *text)
{
	if (!*text)
		return;
	fprintf(out, "  %s: ", name);
	print_text(out, text);
	putc('\n', out);
}

static void print_holder(FILE *out, const struct kpc_association *association)
{
	const char *separator = "  holder: ";

	if (association->has_holder_uid &&
	    association->holder_uid == KPC_NO_USER)
		fprintf(out, "%snobody", separator);
	else if (association->has_holder_uid)
		fprintf(out, "%suser %u", separator, association->holder_uid);
	if (association->has_holder_uid)
		separator = ", ";
	if (*association->holder_cgroup) {
		fprintf(out, "%scontrol group ", separator);
		print_text(out, association->holder_cgroup);
	}
	if (association->has_holder_uid || *association->holder_cgroup)
		putc('\n', out);
}

static void print_limits(FILE *out, const struct kpc_association *association)
{
	struct kpc_association only = { .versions = association->versions };
	char *text = NULL;
	size_t size = 0;
	FILE *memory;
	char *limit;

	/* The grammar's own words are the shortest there are. */
	only.limit = association->limit;
	memory = open_memstream(&text, &size);
	if (!memory)
		return;
	kpc_association_format(memory, &only, 0);
	fclose(memory);
	limit = text ? strstr(text, " limit ") : NULL;
	if (limit)
		fprintf(out, "  limits: %s\n", limit + strlen(" limit "));
	free(text);
}

void print_association(FILE *out, const struct kpc_association *association,
		       const struct kpc_association_state *state)
{
	const struct kpc_agent *agent = &association->agent;
	char kpc_id[KPC_KPCID_TEXT_MAX];
	size_t i;

	fprintf(out, "association: %s\n", association->name);
	fprintf(out, "  role: %s (%s)\n", name_role(association->role),
		association->role == KPC_ROLE_A ? "initiates" : "answers");
	fprintf(out, "  KpcId: %s\n",
		kpc_kpcid_text(&association->kpc_id, kpc_id));
	fprintf(out, "  IdA: %s (%s)\n", association->id_a.text,
		kpc_kind_name(association->id_a.kind));
	fprintf(out, "  IdB: %s (%s)\n", association->id_b.text,
		kpc_kind_name(association->id_b.kind));
	fprintf(out, "  mark: 0x%08x\n", association->mark);
	print_policy(out, association);
	print_agent_text(out, "peer", agent->peer);
	print_agent_text(out, "listen", agent->listen);
	print_agent_text(out, "authority", agent->authority);
	print_agent_text(out, "plain", agent->plain);
	for (i = 0; i < association->selector_count; i++) {
		fputs("  selector: ", out);
		kpc_selector_format(out, &association->selectors[i]);
		putc('\n', out);
	}
	print_holder(out, association);
	print_limits(out, association);
	fprintf(out, "  bindings: %u now, %" PRIu64 " in all\n",
		state->bindings, state->bound);
	fputs("  traffic: ", out);
	print_traffic(out, state->tx_octets, state->rx_octets);
	fprintf(out, "\n  violations: %" PRIu64 "\n", state->violations);
}

static void json_selectors(struct json *json,
			   const struct kpc_association *association)
{
	char *text;
	size_t size;
	FILE *memory;
	size_t i;

	json_array(json, "selectors");
	for (i = 0; i < association->selector_count; i++) {
		text = NULL;
		memory = open_memstream(&text, &size);
		if (!memory)
			continue;
		kpc_selector_format(memory, &association->selectors[i]);
		fclose(memory);
		json_string(json, NULL, text ? text : "");
		free(text);
	}
	json_array_end(json);
}

static void json_limit(struct json *json, const struct kpc_limit *limit)
{
	json_object(json, "limit");
	if (limit->not_before)
		json_signed(json, "not_before", limit->not_before);
	if (limit->not_after)
		json_signed(json, "not_after", limit->not_after);
	if (limit->lifetime)
		json_number(json, "lifetime", limit->lifetime);
	if (limit->idle)
		json_number(json, "idle", limit->idle);
	if (limit->octets)
		json_number(json, "octets", limit->octets);
	if (limit->bindings)
		json_number(json, "bindings", limit->bindings);
	if (limit->records)
		json_number(json, "records", limit->records);
	if (limit->handshake_octets)
		json_number(json, "handshake_octets", limit->handshake_octets);
	if (limit->handshake_seconds)
		json_number(json, "handshake_seconds",
			    limit->handshake_seconds);
	json_object_end(json);
}

static void json_text(struct json *json, const char *key, const char *text)
{
	if (*text)
		json_string(json, key, text);
}

static void json_agent(struct json *json, const struct kpc_agent *agent)
{
	char mode[8];
	size_t i;

	json_object(json, "agent");
	json_text(json, "peer", agent->peer);
	json_text(json, "listen", agent->listen);
	json_text(json, "plain", agent->plain);
	json_text(json, "authority", agent->authority);
	json_string(json, "start", name_start(agent->start));
	json_string(json, "profile", name_profile(agent->profile));
	json_string(json, "format", name_format(agent->format));
	if (agent->rekey_after)
		json_number(json, "rekey_after", agent->rekey_after);
	json_bool(json, "weak_key", agent->weak_key);
	json_bool(json, "proxy", agent->proxy);
	json_array(json, "allow_uid");
	for (i = 0; i < agent->allow_uid_count; i++)
		json_number(json, NULL, agent->allow_uids[i]);
	json_array_end(json);
	json_bool(json, "allow_any", agent->allow_any);
	if (agent->has_owner)
		json_number(json, "owner", agent->owner);
	snprintf(mode, sizeof(mode), "%04o", agent->mode & 07777);
	json_string(json, "mode", mode);
	json_object_end(json);
}

static void json_versions(struct json *json, uint32_t versions)
{
	json_array(json, "versions");
	if (versions & KPC_VERSION_FLAGS_TLS12)
		json_string(json, NULL, "tls1.2");
	if (versions & KPC_VERSION_FLAGS_TLS13)
		json_string(json, NULL, "tls1.3");
	if (versions & KPC_VERSION_FLAGS_DTLS12)
		json_string(json, NULL, "dtls1.2");
	json_array_end(json);
}

static void json_state(struct json *json,
		       const struct kpc_association_state *state)
{
	json_number(json, "id", state->id);
	json_number(json, "generation", state->generation);
	json_number(json, "bindings", state->bindings);
	json_number(json, "bound", state->bound);
	json_number(json, "tx_octets", state->tx_octets);
	json_number(json, "rx_octets", state->rx_octets);
	json_number(json, "tx_packets", state->tx_packets);
	json_number(json, "rx_packets", state->rx_packets);
	json_number(json, "violations", state->violations);
	json_number(json, "age_ms", state->age);
}

void json_association(struct json *json,
		      const struct kpc_association *association,
		      const struct kpc_association_state *state)
{
	char kpc_id[KPC_KPCID_TEXT_MAX];
	char buffer[8];
	size_t i;

	json_string(json, "name", association->name);
	json_string(json, "role", name_role(association->role));
	json_string(json, "kpc_id",
		    kpc_kpcid_text(&association->kpc_id, kpc_id));
	json_string(json, "id_a", association->id_a.text);
	json_string(json, "kind_a", kpc_kind_name(association->id_a.kind));
	json_string(json, "id_b", association->id_b.text);
	json_string(json, "kind_b", kpc_kind_name(association->id_b.kind));
	json_number(json, "mark", association->mark);
	json_versions(json, association->versions);
	json_array(json, "suites");
	for (i = 0; i < association->suite_count; i++)
		json_string(json, NULL,
			    name_suite(association->suites[i], buffer));
	json_array_end(json);
	json_string(json, "offload", name_offload(association->offload));
	json_selectors(json, association);
	json_limit(json, &association->limit);
	json_agent(json, &association->agent);
	if (association->has_holder_uid)
		json_number(json, "holder_uid", association->holder_uid);
	json_text(json, "holder_cgroup", association->holder_cgroup);
	if (state)
		json_state(json, state);
}

void print_binding(FILE *out, const struct kpc_binding *binding)
{
	char kpc_id[KPC_KPCID_TEXT_MAX];
	char version[8];
	char suite[8];

	fprintf(out, "binding: %" PRIu64 " of %s\n", binding->id,
		binding->association);
	fprintf(out, "  role: %s\n  KpcId: %s\n", name_role(binding->role),
		kpc_kpcid_text(&binding->kpc_id, kpc_id));
	fprintf(out, "  IdA: %s\n  IdB: %s\n", binding->id_a, binding->id_b);
	fprintf(out, "  mark: 0x%08x\n", binding->mark);
	fprintf(out, "  records: %s, %s, by the %s\n",
		name_version(binding->version, version),
		name_suite(binding->suite, suite),
		name_carrier(binding->carrier));
	fputs(binding->protocol == IPPROTO_UDP ? "  flow: udp " : "  socket: ",
	      out);
	print_address(out, &binding->local);
	fputs(" to ", out);
	print_address(out, &binding->remote);
	fprintf(out, ", user %u\n  age: ", binding->uid);
	print_age(out, binding->age);
	fputs("\n  traffic: ", out);
	print_traffic(out, binding->tx_octets, binding->rx_octets);
	putc('\n', out);
	if (binding->protocol == IPPROTO_UDP)
		fprintf(out, "  datagrams: %" PRIu64 " sent, %" PRIu64 " received, of epoch %u\n",
			binding->tx_packets, binding->rx_packets,
			binding->epoch);
	if (binding->carrier == KPC_CARRIER_KERNEL)
		fprintf(out, "  records under these keys: %" PRIu64 " sent, %" PRIu64 " received\n",
			binding->tx_records, binding->rx_records);
	if (binding->rekeys)
		fprintf(out, "  rekeys: %u\n", binding->rekeys);
	if (binding->handed_over)
		fputs("  holder: handed over by the agent\n", out);
}

void json_binding(struct json *json, const struct kpc_binding *binding)
{
	char kpc_id[KPC_KPCID_TEXT_MAX];
	char buffer[8];

	json_number(json, "id", binding->id);
	json_string(json, "association", binding->association);
	json_number(json, "association_id", binding->association_id);
	json_string(json, "kpc_id", kpc_kpcid_text(&binding->kpc_id, kpc_id));
	json_string(json, "id_a", binding->id_a);
	json_string(json, "id_b", binding->id_b);
	json_string(json, "role", name_role(binding->role));
	json_number(json, "mark", binding->mark);
	json_string(json, "protocol", name_protocol(binding->protocol ?:
						    IPPROTO_TCP));
	json_string(json, "carrier", name_carrier(binding->carrier));
	json_string(json, "version", name_version(binding->version, buffer));
	json_string(json, "suite", name_suite(binding->suite, buffer));
	json_address(json, "local", &binding->local);
	json_address(json, "remote", &binding->remote);
	json_number(json, "session", binding->session);
	json_number(json, "cookie", binding->cookie);
	json_number(json, "uid", binding->uid);
	json_number(json, "age_ms", binding->age);
	json_number(json, "tx_octets", binding->tx_octets);
	json_number(json, "rx_octets", binding->rx_octets);
	if (binding->carrier == KPC_CARRIER_KERNEL) {
		json_number(json, "tx_records", binding->tx_records);
		json_number(json, "rx_records", binding->rx_records);
	}
	if (binding->protocol == IPPROTO_UDP) {
		json_number(json, "epoch", binding->epoch);
		json_number(json, "tx_packets", binding->tx_packets);
		json_number(json, "rx_packets", binding->rx_packets);
	}
	json_number(json, "rekeys", binding->rekeys);
	json_bool(json, "handed_over", binding->handed_over);
}

void print_outcome(FILE *out, const struct kpc_establish *answer)
{
	char buffer[8];

	if (answer->version)
		fprintf(out, ", %s", name_version(answer->version, buffer));
	if (answer->suite)
		fprintf(out, ", %s", name_suite(answer->suite, buffer));
	if (answer->binding)
		fprintf(out, ", binding %" PRIu64, answer->binding);
	if (*answer->message) {
		fputs(", ", out);
		print_text(out, answer->message);
	}
}

void json_outcome(struct json *json, const struct kpc_establish *answer)
{
	char buffer[8];

	json_string(json, "state", name_state(answer->state));
	if (answer->version)
		json_string(json, "version",
			    name_version(answer->version, buffer));
	if (answer->suite)
		json_string(json, "suite",
			    name_suite(answer->suite, buffer));
	if (answer->binding)
		json_number(json, "binding", answer->binding);
	if (answer->error)
		json_number(json, "error", answer->error);
	if (*answer->message)
		json_string(json, "message", answer->message);
}
