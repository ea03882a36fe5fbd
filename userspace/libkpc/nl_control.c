// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Sessions, grants, establish, transactions, configuration and counters as
 * netlink messages.
 */
#include <errno.h>
#include <string.h>

#include "nl_internal.h"

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

#define FIELD(member, attribute, wire) \
	KPCI_NL_FIELD(struct kpc_establish, member, \
		     KPC_A_ESTABLISH_##attribute, KPCI_NL_WIRE_##wire)
static const struct kpci_nl_field establish_fields[] = {
	FIELD(id, ID, U32),
	FIELD(association, ASSOCIATION, STRING),
	FIELD(state, STATE, U8),
	FIELD(version, VERSION, U16),
	FIELD(suite, SUITE, U16),
	FIELD(binding, BINDING, U64),
	FIELD(error, ERROR, U32),
	FIELD(message, MESSAGE, STRING),
};

#undef FIELD

#define FIELD(member, attribute, wire) \
	KPCI_NL_FIELD(struct kpc_session, member, KPC_A_SESSION_##attribute, \
		     KPCI_NL_WIRE_##wire)
static const struct kpci_nl_field session_fields[] = {
	FIELD(id, ID, U32),
	FIELD(type, TYPE, U8),
	FIELD(pid, PID, U32),
	FIELD(bindings, BINDINGS, U32),
	FIELD(grants, GRANTS, U32),
};

#undef FIELD

#define FIELD(member, attribute, wire) \
	KPCI_NL_FIELD(struct kpc_commit, member, \
		     KPC_A_TRANSACTION_##attribute, KPCI_NL_WIRE_##wire)
static const struct kpci_nl_field commit_fields[] = {
	FIELD(added, ADDED, U32),
	FIELD(changed, CHANGED, U32),
	FIELD(removed, REMOVED, U32),
	FIELD(ended, ENDED, U32),
};

#undef FIELD

/* Those before generation can be set, each only when it was given. */
#define FIELD(member, attribute, wire) \
	KPCI_NL_FIELD_ALWAYS(struct kpc_config, member, \
			    KPC_A_CONFIG_##attribute, KPCI_NL_WIRE_##wire)
static const struct kpci_nl_field config_fields[] = {
	FIELD(mark_value, MARK_VALUE, U32),
	FIELD(mark_mask, MARK_MASK, U32),
	FIELD(handshake_mark, HANDSHAKE_MARK, U32),
	FIELD(agent_lost, AGENT_LOST, U8),
	FIELD(agent_lost_seconds, AGENT_LOST_SECONDS, U32),
	FIELD(max_associations, MAX_ASSOCIATIONS, U32),
	FIELD(max_bindings, MAX_BINDINGS, U32),
	FIELD(max_handshakes, MAX_HANDSHAKES, U32),
	FIELD(clock, CLOCK, U8),
	FIELD(generation, GENERATION, U64),
	FIELD(abi, ABI, U32),
	FIELD(module_version, MODULE_VERSION, STRING),
};

#undef FIELD

#define FIELD(member, attribute, wire) \
	KPCI_NL_FIELD(struct kpc_stats, member, KPC_A_STATS_##attribute, \
		     KPCI_NL_WIRE_##wire)
static const struct kpci_nl_field stats_fields[] = {
	FIELD(associations, ASSOCIATIONS, U32),
	FIELD(endpoints, ENDPOINTS, U32),
	FIELD(bindings, BINDINGS, U32),
	FIELD(handshakes, HANDSHAKES, U32),
	FIELD(sessions, SESSIONS, U32),
	FIELD(bound, BOUND, U64),
	FIELD(ended, ENDED, U64),
	FIELD(violations, VIOLATIONS, U64),
	FIELD(suppressed, SUPPRESSED, U64),
	FIELD(dropped_out, DROPPED_OUT, U64),
	FIELD(dropped_in, DROPPED_IN, U64),
	FIELD(refused, REFUSED, U64),
	FIELD(violations_mark, VIOLATIONS_MARK, U64),
	FIELD(violations_endpoint, VIOLATIONS_ENDPOINT, U64),
	FIELD(violations_association, VIOLATIONS_ASSOCIATION, U64),
	FIELD(violations_changed, VIOLATIONS_CHANGED, U64),
	FIELD(violations_grant, VIOLATIONS_GRANT, U64),
	FIELD(violations_budget, VIOLATIONS_BUDGET, U64),
};

#undef FIELD

static int build_establish(void *buffer, size_t size, uint16_t family,
			   uint32_t seq, uint8_t cmd, const char *association)
{
	struct kpci_nl_writer writer;

	kpci_nl_begin(&writer, buffer, size, family, seq, cmd, NLM_F_ACK);
	kpci_nl_put_string(&writer, KPC_A_ESTABLISH_ASSOCIATION, association);
	return kpci_nl_end(&writer);
}

int kpc_nl_build_establish(void *buffer, size_t size, uint16_t family,
			   uint32_t seq, const char *association)
{
	return build_establish(buffer, size, family, seq, KPC_CMD_ESTABLISH,
			       association);
}

int kpc_nl_build_close(void *buffer, size_t size, uint16_t family,
		       uint32_t seq, const char *association)
{
	return build_establish(buffer, size, family, seq, KPC_CMD_CLOSE,
			       association);
}

int kpc_nl_build_establish_answer(void *buffer, size_t size, uint16_t family,
				  uint32_t seq,
				  const struct kpc_establish *answer)
{
	struct kpci_nl_writer writer;

	kpci_nl_begin(&writer, buffer, size, family, seq,
		      KPC_CMD_ESTABLISH_ANSWER, NLM_F_ACK);
	kpci_nl_put_u32(&writer, KPC_A_ESTABLISH_ID, answer->id);
	kpci_nl_put_u8(&writer, KPC_A_ESTABLISH_STATE, answer->state);
	if (answer->version)
		kpci_nl_put_u16(&writer, KPC_A_ESTABLISH_VERSION,
				answer->version);
	if (answer->suite)
		kpci_nl_put_u16(&writer, KPC_A_ESTABLISH_SUITE, answer->suite);
	if (answer->binding)
		kpci_nl_put_u64(&writer, KPC_A_ESTABLISH_BINDING,
				answer->binding);
	if (answer->error)
		kpci_nl_put_u32(&writer, KPC_A_ESTABLISH_ERROR, answer->error);
	if (*answer->message)
		kpci_nl_put_string(&writer, KPC_A_ESTABLISH_MESSAGE,
				   answer->message);
	return kpci_nl_end(&writer);
}

int kpc_nl_build_session_new(void *buffer, size_t size, uint16_t family,
			     uint32_t seq, enum kpc_session_type type, int fd,
			     uint32_t pid)
{
	struct kpci_nl_writer writer;

	kpci_nl_begin(&writer, buffer, size, family, seq, KPC_CMD_SESSION_NEW,
		      NLM_F_ACK);
	kpci_nl_put_u8(&writer, KPC_A_SESSION_TYPE, type);
	if (type == KPC_SESSION_TYPE_WORKER)
		kpci_nl_put_u32(&writer, KPC_A_SESSION_FD, fd);
	kpci_nl_put_u32(&writer, KPC_A_SESSION_PID, pid);
	kpci_nl_put_u32(&writer, KPC_A_SESSION_ABI, KPC_ABI_VERSION);
	return kpci_nl_end(&writer);
}

int kpc_nl_build_grant_new(void *buffer, size_t size, uint16_t family,
			   uint32_t seq, uint32_t session,
			   const char *association, uint32_t id)
{
	struct kpci_nl_writer writer;

	kpci_nl_begin(&writer, buffer, size, family, seq, KPC_CMD_GRANT_NEW,
		      NLM_F_ACK);
	kpci_nl_put_u32(&writer, KPC_A_GRANT_SESSION, session);
	kpci_nl_put_string(&writer, KPC_A_GRANT_ASSOCIATION, association);
	kpci_nl_put_u32(&writer, KPC_A_GRANT_ASSOCIATION_ID, id);
	return kpci_nl_end(&writer);
}

int kpc_nl_build_transaction_begin(void *buffer, size_t size, uint16_t family,
				   uint32_t seq, enum kpc_load_mode mode)
{
	struct kpci_nl_writer writer;

	kpci_nl_begin(&writer, buffer, size, family, seq,
		      KPC_CMD_TRANSACTION_BEGIN, NLM_F_ACK);
	kpci_nl_put_u8(&writer, KPC_A_TRANSACTION_MODE, mode);
	return kpci_nl_end(&writer);
}

int kpc_nl_build_transaction_commit(void *buffer, size_t size,
				    uint16_t family, uint32_t seq, bool force,
				    uint32_t confirm_seconds)
{
	struct kpci_nl_writer writer;

	kpci_nl_begin(&writer, buffer, size, family, seq,
		      KPC_CMD_TRANSACTION_COMMIT, NLM_F_ACK);
	if (force)
		kpci_nl_put(&writer, KPC_A_TRANSACTION_FORCE, NULL, 0);
	if (confirm_seconds)
		kpci_nl_put_u32(&writer, KPC_A_TRANSACTION_CONFIRM_SECONDS,
				confirm_seconds);
	return kpci_nl_end(&writer);
}

int kpc_nl_build_transaction_confirm(void *buffer, size_t size,
				     uint16_t family, uint32_t seq, bool abort)
{
	struct kpci_nl_writer writer;

	kpci_nl_begin(&writer, buffer, size, family, seq,
		      KPC_CMD_TRANSACTION_CONFIRM, NLM_F_ACK);
	if (abort)
		kpci_nl_put(&writer, KPC_A_TRANSACTION_ABORT, NULL, 0);
	return kpci_nl_end(&writer);
}

int kpc_nl_build_config_set(void *buffer, size_t size, uint16_t family,
			    uint32_t seq, const struct kpc_config *config)
{
	struct kpci_nl_writer writer;
	size_t i;

	kpci_nl_begin(&writer, buffer, size, family, seq, KPC_CMD_CONFIG_SET,
		      NLM_F_ACK);
	for (i = 0; i < COUNT(config_fields); i++) {
		if (config_fields[i].attribute == KPC_A_CONFIG_GENERATION)
			break;
		if (config->set & 1U << config_fields[i].attribute)
			kpci_nl_put_fields(&writer, &config_fields[i], 1,
					   config);
	}
	return kpci_nl_end(&writer);
}

int kpc_nl_build_config_get(void *buffer, size_t size, uint16_t family,
			    uint32_t seq)
{
	struct kpci_nl_writer writer;

	kpci_nl_begin(&writer, buffer, size, family, seq, KPC_CMD_CONFIG_GET,
		      NLM_F_ACK);
	return kpci_nl_end(&writer);
}

int kpc_nl_build_stats_get(void *buffer, size_t size, uint16_t family,
			   uint32_t seq, bool reset)
{
	struct kpci_nl_writer writer;

	kpci_nl_begin(&writer, buffer, size, family, seq, KPC_CMD_STATS_GET,
		      NLM_F_ACK);
	if (reset)
		kpci_nl_put(&writer, KPC_A_STATS_RESET, NULL, 0);
	return kpci_nl_end(&writer);
}

int kpc_nl_build_dump(void *buffer, size_t size, uint16_t family,
		      uint32_t seq, uint8_t cmd)
{
	struct kpci_nl_writer writer;

	kpci_nl_begin(&writer, buffer, size, family, seq, cmd, NLM_F_DUMP);
	return kpci_nl_end(&writer);
}

int kpc_nl_decode_establish(const struct kpc_nl_message *message,
			    struct kpc_establish *establish)
{
	memset(establish, 0, sizeof(*establish));
	return kpci_nl_get_fields(establish_fields, COUNT(establish_fields),
				 message->attributes, message->length,
				 establish);
}

int kpc_nl_decode_session(const struct kpc_nl_message *message,
			  struct kpc_session *session)
{
	memset(session, 0, sizeof(*session));
	return kpci_nl_get_fields(session_fields, COUNT(session_fields),
				 message->attributes, message->length,
				 session);
}

int kpc_nl_decode_commit(const struct kpc_nl_message *message,
			 struct kpc_commit *commit)
{
	memset(commit, 0, sizeof(*commit));
	return kpci_nl_get_fields(commit_fields, COUNT(commit_fields),
				 message->attributes, message->length, commit);
}

int kpc_nl_decode_config(const struct kpc_nl_message *message,
			 struct kpc_config *config)
{
	const struct nlattr *attribute;
	int left, ret;

	memset(config, 0, sizeof(*config));
	nla_for_each_attr(attribute, message->attributes, message->length,
			  left) {
		ret = kpci_nl_get_field(config_fields, COUNT(config_fields),
					attribute, config);
		if (ret < 0)
			return ret;
		if (ret)
			config->set |= 1U << nla_type(attribute);
	}
	return left > 0 ? -EBADMSG : 0;
}

int kpc_nl_decode_stats(const struct kpc_nl_message *message,
			struct kpc_stats *stats)
{
	memset(stats, 0, sizeof(*stats));
	return kpci_nl_get_fields(stats_fields, COUNT(stats_fields),
				 message->attributes, message->length, stats);
}
