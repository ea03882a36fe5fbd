// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Handshake sockets, bindings and violations as netlink messages.
 */
#include <errno.h>
#include <string.h>

#include "nl_internal.h"

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

#define FIELD(member, attribute, wire) \
	KPCI_NL_FIELD(struct kpc_binding, member, KPC_A_BINDING_##attribute, \
		     KPCI_NL_WIRE_##wire)
static const struct kpci_nl_field binding_fields[] = {
	FIELD(id, ID, U64),
	FIELD(association, ASSOCIATION, STRING),
	FIELD(association_id, ASSOCIATION_ID, U32),
	KPCI_NL_FIELD_BINARY(struct kpc_binding, kpc_id.octets, kpc_id.len,
			     KPC_A_BINDING_KPC_ID),
	FIELD(id_a, ID_A, STRING),
	FIELD(id_b, ID_B, STRING),
	FIELD(role, ROLE, U8),
	FIELD(mark, MARK, U32),
	FIELD(carrier, CARRIER, U8),
	FIELD(version, VERSION, U16),
	FIELD(suite, SUITE, U16),
	FIELD(local.family, FAMILY, U16),
	FIELD(local.octets, LOCAL_ADDRESS, BINARY),
	FIELD(local.port, LOCAL_PORT, U16),
	FIELD(remote.octets, REMOTE_ADDRESS, BINARY),
	FIELD(remote.port, REMOTE_PORT, U16),
	FIELD(session, SESSION, U32),
	FIELD(cookie, COOKIE, U64),
	FIELD(uid, UID, U32),
	FIELD(age, AGE, U64),
	FIELD(tx_octets, TX_OCTETS, U64),
	FIELD(rx_octets, RX_OCTETS, U64),
	FIELD(rekeys, REKEYS, U32),
	FIELD(handed_over, HANDED_OVER, FLAG),
	FIELD(tx_records, TX_RECORDS, U64),
	FIELD(rx_records, RX_RECORDS, U64),
	FIELD(protocol, PROTOCOL, U8),
	FIELD(epoch, EPOCH, U16),
	FIELD(tx_packets, TX_PACKETS, U64),
	FIELD(rx_packets, RX_PACKETS, U64),
};

#undef FIELD

#define FIELD(member, attribute, wire) \
	KPCI_NL_FIELD(struct kpc_violation, member, \
		     KPC_A_VIOLATION_##attribute, KPCI_NL_WIRE_##wire)
static const struct kpci_nl_field violation_fields[] = {
	FIELD(kind, KIND, U8),
	FIELD(direction, DIRECTION, U8),
	FIELD(mark, MARK, U32),
	FIELD(association, ASSOCIATION, STRING),
	FIELD(protocol, PROTOCOL, U8),
	FIELD(local.family, FAMILY, U16),
	FIELD(local.octets, LOCAL_ADDRESS, BINARY),
	FIELD(local.port, LOCAL_PORT, U16),
	FIELD(remote.octets, REMOTE_ADDRESS, BINARY),
	FIELD(remote.port, REMOTE_PORT, U16),
	FIELD(uid, UID, U32),
	FIELD(pid, PID, U32),
	FIELD(suppressed, SUPPRESSED, U32),
};

#undef FIELD

int kpc_nl_build_handshake_new(void *buffer, size_t size, uint16_t family,
			       uint32_t seq, int fd, const char *association,
			       uint32_t id)
{
	struct kpci_nl_writer writer;

	kpci_nl_begin(&writer, buffer, size, family, seq, KPC_CMD_HANDSHAKE_NEW,
		      NLM_F_ACK);
	kpci_nl_put_u32(&writer, KPC_A_HANDSHAKE_FD, fd);
	if (association) {
		kpci_nl_put_string(&writer, KPC_A_HANDSHAKE_ASSOCIATION,
				   association);
		kpci_nl_put_u32(&writer, KPC_A_HANDSHAKE_ASSOCIATION_ID, id);
	}
	return kpci_nl_end(&writer);
}

static void put_digests(struct kpci_nl_writer *writer, const uint8_t *tx,
			const uint8_t *rx)
{
	if (tx)
		kpci_nl_put(writer, KPC_A_BINDING_TX_DIGEST, tx,
			    KPC_DIGEST_LEN);
	if (rx)
		kpci_nl_put(writer, KPC_A_BINDING_RX_DIGEST, rx,
			    KPC_DIGEST_LEN);
}

/* Nothing where the socket is its own ends' to tell. */
static void put_ends(struct kpci_nl_writer *writer,
		     const struct kpc_address *local,
		     const struct kpc_address *remote)
{
	size_t length = kpci_nl_family_octets(local->family);

	if (local->family == AF_UNSPEC)
		return;
	kpci_nl_put_u16(writer, KPC_A_BINDING_FAMILY, local->family);
	kpci_nl_put(writer, KPC_A_BINDING_LOCAL_ADDRESS, local->octets, length);
	kpci_nl_put(writer, KPC_A_BINDING_REMOTE_ADDRESS, remote->octets,
		    length);
	kpci_nl_put_u16(writer, KPC_A_BINDING_REMOTE_PORT, remote->port);
}

int kpc_nl_build_binding_new(void *buffer, size_t size, uint16_t family,
			     uint32_t seq, const struct kpc_bind *bind)
{
	struct kpci_nl_writer writer;

	kpci_nl_begin(&writer, buffer, size, family, seq, KPC_CMD_BINDING_NEW,
		      NLM_F_ACK);
	kpci_nl_put_u32(&writer, KPC_A_BINDING_FD, bind->fd);
	kpci_nl_put_string(&writer, KPC_A_BINDING_ASSOCIATION,
			   bind->association);
	kpci_nl_put_u32(&writer, KPC_A_BINDING_ASSOCIATION_ID,
			bind->association_id);
	kpci_nl_put_u8(&writer, KPC_A_BINDING_CARRIER, bind->carrier);
	kpci_nl_put_u16(&writer, KPC_A_BINDING_VERSION, bind->version);
	kpci_nl_put_u16(&writer, KPC_A_BINDING_SUITE, bind->suite);
	put_digests(&writer, bind->tx_digest, bind->rx_digest);
	put_ends(&writer, &bind->local, &bind->remote);
	if (bind->epoch)
		kpci_nl_put_u16(&writer, KPC_A_BINDING_EPOCH, bind->epoch);
	return kpci_nl_end(&writer);
}

int kpc_nl_build_binding_rekey(void *buffer, size_t size, uint16_t family,
			       uint32_t seq, int fd, const uint8_t *tx_digest,
			       const uint8_t *rx_digest)
{
	struct kpci_nl_writer writer;

	kpci_nl_begin(&writer, buffer, size, family, seq, KPC_CMD_BINDING_REKEY,
		      NLM_F_ACK);
	kpci_nl_put_u32(&writer, KPC_A_BINDING_FD, fd);
	put_digests(&writer, tx_digest, rx_digest);
	return kpci_nl_end(&writer);
}

/* What is asked of a socket by nothing but its descriptor. */
static int build_fd(void *buffer, size_t size, uint16_t family, uint32_t seq,
		    uint8_t command, int fd)
{
	struct kpci_nl_writer writer;

	kpci_nl_begin(&writer, buffer, size, family, seq, command, NLM_F_ACK);
	kpci_nl_put_u32(&writer, KPC_A_BINDING_FD, fd);
	return kpci_nl_end(&writer);
}

int kpc_nl_build_binding_hand_over(void *buffer, size_t size, uint16_t family,
				   uint32_t seq, int fd)
{
	return build_fd(buffer, size, family, seq, KPC_CMD_BINDING_HAND_OVER,
			fd);
}

int kpc_nl_build_binding_del(void *buffer, size_t size, uint16_t family,
			     uint32_t seq, uint64_t id)
{
	struct kpci_nl_writer writer;

	kpci_nl_begin(&writer, buffer, size, family, seq, KPC_CMD_BINDING_DEL,
		      NLM_F_ACK);
	kpci_nl_put_u64(&writer, KPC_A_BINDING_ID, id);
	return kpci_nl_end(&writer);
}

int kpc_nl_build_binding_get(void *buffer, size_t size, uint16_t family,
			     uint32_t seq, uint64_t id)
{
	struct kpci_nl_writer writer;

	kpci_nl_begin(&writer, buffer, size, family, seq, KPC_CMD_BINDING_GET,
		      NLM_F_ACK);
	kpci_nl_put_u64(&writer, KPC_A_BINDING_ID, id);
	return kpci_nl_end(&writer);
}

int kpc_nl_build_binding_get_fd(void *buffer, size_t size, uint16_t family,
				uint32_t seq, int fd)
{
	return build_fd(buffer, size, family, seq, KPC_CMD_BINDING_GET, fd);
}

int kpc_nl_build_binding_dump(void *buffer, size_t size, uint16_t family,
			      uint32_t seq, const char *association)
{
	struct kpci_nl_writer writer;

	kpci_nl_begin(&writer, buffer, size, family, seq, KPC_CMD_BINDING_GET,
		      NLM_F_DUMP);
	if (association)
		kpci_nl_put_string(&writer, KPC_A_BINDING_ASSOCIATION,
				   association);
	return kpci_nl_end(&writer);
}

int kpc_nl_decode_binding(const struct kpc_nl_message *message,
			  struct kpc_binding *binding)
{
	int ret;

	memset(binding, 0, sizeof(*binding));
	ret = kpci_nl_get_fields(binding_fields, COUNT(binding_fields),
				 message->attributes, message->length, binding);
	binding->remote.family = binding->local.family;
	return ret;
}

/**
 * kpci_nl_decode_violation() - Read a violation event
 *
 * Return: 0 or -EBADMSG.
 */
int kpci_nl_decode_violation(const struct kpc_nl_message *message,
			     struct kpc_violation *violation)
{
	const struct nlattr *attribute;
	int left, ret;

	memset(violation, 0, sizeof(*violation));
	nla_for_each_attr(attribute, message->attributes, message->length,
			  left) {
		if (nla_type(attribute) == KPC_A_VIOLATION_UID)
			violation->has_uid = true;
		ret = kpci_nl_get_field(violation_fields,
					COUNT(violation_fields), attribute,
				       violation);
		if (ret < 0)
			return ret;
	}
	violation->remote.family = violation->local.family;
	return left > 0 ? -EBADMSG : 0;
}
