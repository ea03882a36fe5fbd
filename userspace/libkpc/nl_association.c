// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Associations and endpoints as netlink messages.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "association_internal.h"
#include "nl_internal.h"

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

#define FIELD(member, attribute, wire) \
	KPCI_NL_FIELD(struct kpc_association, member, \
		     KPC_A_ASSOCIATION_##attribute, KPCI_NL_WIRE_##wire)
#define FIELD_ALWAYS(member, attribute, wire) \
	KPCI_NL_FIELD_ALWAYS(struct kpc_association, member, \
			    KPC_A_ASSOCIATION_##attribute, KPCI_NL_WIRE_##wire)
static const struct kpci_nl_field association_fields[] = {
	FIELD(name, NAME, STRING),
	KPCI_NL_FIELD_BINARY(struct kpc_association, kpc_id.octets, kpc_id.len,
			     KPC_A_ASSOCIATION_KPC_ID),
	FIELD(id_a.text, ID_A, STRING),
	FIELD(id_b.text, ID_B, STRING),
	FIELD_ALWAYS(id_a.kind, KIND_A, U8),
	FIELD_ALWAYS(id_b.kind, KIND_B, U8),
	FIELD_ALWAYS(role, ROLE, U8),
	FIELD(mark, MARK, U32),
	FIELD_ALWAYS(versions, VERSIONS, U32),
	FIELD_ALWAYS(offload, OFFLOAD, U8),
	FIELD(holder_cgroup, HOLDER_CGROUP, STRING),
};

#undef FIELD
#undef FIELD_ALWAYS

#define FIELD(member, attribute, wire) \
	KPCI_NL_FIELD(struct kpc_limit, member, KPC_A_LIMIT_##attribute, \
		     KPCI_NL_WIRE_##wire)
static const struct kpci_nl_field limit_fields[] = {
	FIELD(not_before, NOT_BEFORE, U64),
	FIELD(not_after, NOT_AFTER, U64),
	FIELD(lifetime, LIFETIME, U32),
	FIELD(idle, IDLE, U32),
	FIELD(octets, OCTETS, U64),
	FIELD(bindings, BINDINGS, U32),
	FIELD(handshake_octets, HANDSHAKE_OCTETS, U32),
	FIELD(handshake_seconds, HANDSHAKE_SECONDS, U32),
	FIELD(records, RECORDS, U32),
};

#undef FIELD

#define FIELD(member, attribute, wire) \
	KPCI_NL_FIELD(struct kpc_agent, member, KPC_A_AGENT_##attribute, \
		     KPCI_NL_WIRE_##wire)
#define FIELD_ALWAYS(member, attribute, wire) \
	KPCI_NL_FIELD_ALWAYS(struct kpc_agent, member, \
			    KPC_A_AGENT_##attribute, KPCI_NL_WIRE_##wire)
static const struct kpci_nl_field agent_fields[] = {
	FIELD(peer, PEER, STRING),
	FIELD(listen, LISTEN, STRING),
	FIELD(plain, PLAIN, STRING),
	FIELD(authority, AUTHORITY, STRING),
	FIELD(start, START, U8),
	FIELD(profile, PROFILE, U8),
	FIELD(format, FORMAT, U8),
	FIELD(weak_key, WEAK_KEY, FLAG),
	FIELD(rekey_after, REKEY_AFTER, U32),
	FIELD_ALWAYS(mode, MODE, U32),
	FIELD(proxy, PROXY, FLAG),
	FIELD(allow_any, ALLOW_ANY, FLAG),
};

#undef FIELD
#undef FIELD_ALWAYS

#define FIELD(member, attribute, wire) \
	KPCI_NL_FIELD(struct kpc_selector, member, KPC_A_SELECTOR_##attribute, \
		     KPCI_NL_WIRE_##wire)
static const struct kpci_nl_field selector_fields[] = {
	FIELD(protocol, PROTOCOL, U8),
	FIELD(family, FAMILY, U16),
	FIELD(local.address, LOCAL_ADDRESS, BINARY),
	FIELD(local.prefix, LOCAL_PREFIX, U8),
	FIELD(local.port_min, LOCAL_PORT_MIN, U16),
	FIELD(local.port_max, LOCAL_PORT_MAX, U16),
	FIELD(remote.address, REMOTE_ADDRESS, BINARY),
	FIELD(remote.prefix, REMOTE_PREFIX, U8),
	FIELD(remote.port_min, REMOTE_PORT_MIN, U16),
	FIELD(remote.port_max, REMOTE_PORT_MAX, U16),
	FIELD(resolved, RESOLVED, FLAG),
};

#undef FIELD

#define FIELD(member, attribute, wire) \
	KPCI_NL_FIELD(struct kpc_association_state, member, \
		     KPC_A_ASSOCIATION_##attribute, KPCI_NL_WIRE_##wire)
static const struct kpci_nl_field state_fields[] = {
	FIELD(id, ID, U32),
	FIELD(generation, GENERATION, U64),
	FIELD(bindings, BINDINGS, U32),
	FIELD(bound, BOUND, U64),
	FIELD(tx_octets, TX_OCTETS, U64),
	FIELD(rx_octets, RX_OCTETS, U64),
	FIELD(tx_packets, TX_PACKETS, U64),
	FIELD(rx_packets, RX_PACKETS, U64),
	FIELD(violations, VIOLATIONS, U64),
	FIELD(age, AGE, U64),
	FIELD(took, TOOK, U64),
};

#undef FIELD

#define FIELD(member, attribute, wire) \
	KPCI_NL_FIELD(struct kpc_endpoint, member, KPC_A_ENDPOINT_##attribute, \
		     KPCI_NL_WIRE_##wire)
static const struct kpci_nl_field endpoint_fields[] = {
	FIELD(protocol, PROTOCOL, U8),
	FIELD(family, FAMILY, U16),
	FIELD(role, ROLE, U8),
	FIELD(address, ADDRESS, BINARY),
	FIELD(prefix, PREFIX, U8),
	FIELD(port_min, PORT_MIN, U16),
	FIELD(port_max, PORT_MAX, U16),
	FIELD(associations, ASSOCIATIONS, U32),
};

#undef FIELD

static void put_side(struct kpci_nl_writer *writer, uint16_t family,
		     const struct kpc_selector_side *side, uint16_t first)
{
	uint16_t attribute = first;

	/* The four attributes of a side follow each other in the ABI. */
	if (side->prefix) {
		kpci_nl_put(writer, attribute, side->address,
			    kpci_nl_family_octets(family));
		kpci_nl_put_u8(writer, attribute + 1, side->prefix);
	}
	if (side->port_max) {
		kpci_nl_put_u16(writer, attribute + 2, side->port_min);
		kpci_nl_put_u16(writer, attribute + 3, side->port_max);
	}
}

static void put_selector(struct kpci_nl_writer *writer,
			 const struct kpc_selector *selector)
{
	struct nlattr *nest = kpci_nl_nest(writer, KPC_A_ASSOCIATION_SELECTOR);

	kpci_nl_put_u8(writer, KPC_A_SELECTOR_PROTOCOL, selector->protocol);
	kpci_nl_put_u16(writer, KPC_A_SELECTOR_FAMILY, selector->family);
	put_side(writer, selector->family, &selector->local,
		 KPC_A_SELECTOR_LOCAL_ADDRESS);
	put_side(writer, selector->family, &selector->remote,
		 KPC_A_SELECTOR_REMOTE_ADDRESS);
	if (selector->resolved)
		kpci_nl_put(writer, KPC_A_SELECTOR_RESOLVED, NULL, 0);
	kpci_nl_nest_end(writer, nest);
}

static void put_agent(struct kpci_nl_writer *writer,
		      const struct kpc_agent *agent)
{
	struct nlattr *nest = kpci_nl_nest(writer, KPC_A_ASSOCIATION_AGENT);
	size_t i;

	kpci_nl_put_fields(writer, agent_fields, COUNT(agent_fields), agent);
	for (i = 0; i < agent->allow_uid_count; i++)
		kpci_nl_put_u32(writer, KPC_A_AGENT_ALLOW_UID,
				agent->allow_uids[i]);
	if (agent->has_owner)
		kpci_nl_put_u32(writer, KPC_A_AGENT_OWNER, agent->owner);
	kpci_nl_nest_end(writer, nest);
}

int kpc_nl_build_association_new(void *buffer, size_t size, uint16_t family,
				 uint32_t seq,
				 const struct kpc_association *association,
				 bool force)
{
	struct kpci_nl_writer writer;
	struct nlattr *nest;
	size_t i;

	kpci_nl_begin(&writer, buffer, size, family, seq,
		      KPC_CMD_ASSOCIATION_NEW, NLM_F_ACK);
	kpci_nl_put_fields(&writer, association_fields,
			   COUNT(association_fields), association);
	for (i = 0; i < association->suite_count; i++)
		kpci_nl_put_u16(&writer, KPC_A_ASSOCIATION_SUITE,
				association->suites[i]);
	for (i = 0; i < association->selector_count; i++)
		put_selector(&writer, &association->selectors[i]);
	nest = kpci_nl_nest(&writer, KPC_A_ASSOCIATION_LIMIT);
	kpci_nl_put_fields(&writer, limit_fields, COUNT(limit_fields),
			   &association->limit);
	kpci_nl_nest_end(&writer, nest);
	put_agent(&writer, &association->agent);
	if (association->has_holder_uid)
		kpci_nl_put_u32(&writer, KPC_A_ASSOCIATION_HOLDER_UID,
				association->holder_uid);
	if (force)
		kpci_nl_put(&writer, KPC_A_ASSOCIATION_FORCE, NULL, 0);
	return kpci_nl_end(&writer);
}

int kpc_nl_build_association_resolve(void *buffer, size_t size,
				     uint16_t family, uint32_t seq, uint32_t id,
				     const char *peer,
				     const struct kpc_selector *at,
				     size_t count)
{
	struct kpci_nl_writer writer;
	struct nlattr *nest;
	size_t i;

	kpci_nl_begin(&writer, buffer, size, family, seq,
		      KPC_CMD_ASSOCIATION_RESOLVE, NLM_F_ACK);
	kpci_nl_put_u32(&writer, KPC_A_ASSOCIATION_ID, id);
	nest = kpci_nl_nest(&writer, KPC_A_ASSOCIATION_AGENT);
	kpci_nl_put_string(&writer, KPC_A_AGENT_PEER, peer);
	kpci_nl_nest_end(&writer, nest);
	for (i = 0; i < count; i++)
		put_selector(&writer, &at[i]);
	return kpci_nl_end(&writer);
}

int kpc_nl_build_association_del(void *buffer, size_t size, uint16_t family,
				 uint32_t seq, const char *name, bool force)
{
	struct kpci_nl_writer writer;

	kpci_nl_begin(&writer, buffer, size, family, seq,
		      KPC_CMD_ASSOCIATION_DEL, NLM_F_ACK);
	kpci_nl_put_string(&writer, KPC_A_ASSOCIATION_NAME, name);
	if (force)
		kpci_nl_put(&writer, KPC_A_ASSOCIATION_FORCE, NULL, 0);
	return kpci_nl_end(&writer);
}

int kpc_nl_build_association_get(void *buffer, size_t size, uint16_t family,
				 uint32_t seq, const char *name)
{
	struct kpci_nl_writer writer;

	kpci_nl_begin(&writer, buffer, size, family, seq,
		      KPC_CMD_ASSOCIATION_GET, NLM_F_ACK);
	kpci_nl_put_string(&writer, KPC_A_ASSOCIATION_NAME, name);
	return kpci_nl_end(&writer);
}

int kpc_nl_build_endpoint_get(void *buffer, size_t size, uint16_t family,
			      uint32_t seq,
			      const struct kpc_endpoint *endpoint)
{
	struct kpci_nl_writer writer;

	kpci_nl_begin(&writer, buffer, size, family, seq, KPC_CMD_ENDPOINT_GET,
		      NLM_F_ACK);
	kpci_nl_put_u8(&writer, KPC_A_ENDPOINT_PROTOCOL, endpoint->protocol);
	kpci_nl_put_u16(&writer, KPC_A_ENDPOINT_FAMILY, endpoint->family);
	kpci_nl_put_u8(&writer, KPC_A_ENDPOINT_ROLE, endpoint->role);
	kpci_nl_put(&writer, KPC_A_ENDPOINT_ADDRESS, endpoint->address,
		    kpci_nl_family_octets(endpoint->family));
	kpci_nl_put_u16(&writer, KPC_A_ENDPOINT_PORT_MIN, endpoint->port_min);
	return kpci_nl_end(&writer);
}

/* An address without a length of its prefix is a whole one. */
static void complete_side(uint16_t family, struct kpc_selector_side *side,
			  bool has_address, bool has_prefix)
{
	if (has_address && !has_prefix)
		side->prefix = 8 * kpci_nl_family_octets(family);
	if (!side->port_max)
		side->port_max = side->port_min;
}

static int get_selector(const struct nlattr *nest,
			struct kpc_association *association)
{
	const struct nlattr *attribute;
	struct kpc_selector *selector;
	uint32_t seen = 0;
	int left, ret;

	if (association->selector_count == KPC_SELECTORS_MAX)
		return -EBADMSG;
	selector = &association->selectors[association->selector_count];
	nla_for_each_nested(attribute, nest, left) {
		ret = kpci_nl_get_field(selector_fields, COUNT(selector_fields),
					attribute, selector);
		if (ret < 0)
			return ret;
		if (ret)
			seen |= 1U << nla_type(attribute);
	}
	if (left > 0)
		return -EBADMSG;
	complete_side(selector->family, &selector->local,
		      seen & 1U << KPC_A_SELECTOR_LOCAL_ADDRESS,
		      seen & 1U << KPC_A_SELECTOR_LOCAL_PREFIX);
	complete_side(selector->family, &selector->remote,
		      seen & 1U << KPC_A_SELECTOR_REMOTE_ADDRESS,
		      seen & 1U << KPC_A_SELECTOR_REMOTE_PREFIX);
	association->selector_count++;
	return 0;
}

static int get_u32(const struct nlattr *attribute, uint32_t *value)
{
	if (nla_len(attribute) != (int)sizeof(*value))
		return -EBADMSG;
	memcpy(value, nla_data(attribute), sizeof(*value));
	return 0;
}

static int get_agent(const struct nlattr *nest, struct kpc_agent *agent)
{
	const struct nlattr *attribute;
	int left, ret = 0;

	nla_for_each_nested(attribute, nest, left) {
		switch (nla_type(attribute)) {
		case KPC_A_AGENT_ALLOW_UID:
			if (agent->allow_uid_count == KPC_ALLOW_UIDS_MAX)
				return -EBADMSG;
			ret = get_u32(attribute,
				      &agent->allow_uids[agent->allow_uid_count++]);
			break;
		case KPC_A_AGENT_OWNER:
			agent->has_owner = true;
			ret = get_u32(attribute, &agent->owner);
			break;
		default:
			ret = kpci_nl_get_field(agent_fields,
						COUNT(agent_fields), attribute,
					       agent);
		}
		if (ret < 0)
			return ret;
	}
	return left > 0 ? -EBADMSG : 0;
}

static int get_suite(const struct nlattr *attribute,
		     struct kpc_association *association)
{
	uint16_t code;

	if (nla_len(attribute) != (int)sizeof(code) ||
	    association->suite_count == KPC_SUITES_MAX)
		return -EBADMSG;
	memcpy(&code, nla_data(attribute), sizeof(code));
	association->suites[association->suite_count++] = code;
	return 0;
}

static int get_part(const struct nlattr *attribute,
		    struct kpc_association *association,
		    struct kpc_association_state *state)
{
	int ret;

	switch (nla_type(attribute)) {
	case KPC_A_ASSOCIATION_SUITE:
		return get_suite(attribute, association);
	case KPC_A_ASSOCIATION_SELECTOR:
		return get_selector(attribute, association);
	case KPC_A_ASSOCIATION_LIMIT:
		return kpci_nl_get_fields(limit_fields, COUNT(limit_fields),
					 nla_data(attribute),
					 nla_len(attribute),
					 &association->limit);
	case KPC_A_ASSOCIATION_AGENT:
		return get_agent(attribute, &association->agent);
	case KPC_A_ASSOCIATION_HOLDER_UID:
		association->has_holder_uid = true;
		return get_u32(attribute, &association->holder_uid);
	}
	ret = kpci_nl_get_field(association_fields, COUNT(association_fields),
				attribute, association);
	if (!ret && state)
		ret = kpci_nl_get_field(state_fields, COUNT(state_fields),
					attribute, state);
	return ret < 0 ? ret : 0;
}

int kpc_nl_decode_association(const struct kpc_nl_message *message,
			      struct kpc_association *association,
			      struct kpc_association_state *state)
{
	const struct nlattr *attribute;
	int left, ret;

	memset(association, 0, sizeof(*association));
	/* Its default is not 0, which is a mode as well. */
	association->agent.mode = KPCI_MODE_DEFAULT;
	if (state)
		memset(state, 0, sizeof(*state));
	nla_for_each_attr(attribute, message->attributes, message->length,
			  left) {
		ret = get_part(attribute, association, state);
		if (ret)
			return ret;
	}
	return left > 0 ? -EBADMSG : 0;
}

int kpc_nl_decode_endpoint(const struct kpc_nl_message *message,
			   struct kpc_endpoint *endpoint)
{
	memset(endpoint, 0, sizeof(*endpoint));
	return kpci_nl_get_fields(endpoint_fields, COUNT(endpoint_fields),
				 message->attributes, message->length,
				 endpoint);
}
