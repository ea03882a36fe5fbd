/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Netlink attributes written from and read into structures by table.
 */
#ifndef KPC_NL_INTERNAL_H
#define KPC_NL_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/socket.h>

#include <kpc/nl.h>

/**
 * struct kpci_nl_writer - A message of libnl's on its way to a caller's buffer
 * @message: The message; NULL: no memory for one.
 * @buffer: Where kpci_nl_end() puts it.
 * @overflow: Something did not fit; the message is worthless.
 */
struct kpci_nl_writer {
	struct nl_msg *message;
	void *buffer;
	bool overflow;
};

/* How an attribute's payload looks on the wire. */
enum kpci_nl_wire {
	KPCI_NL_WIRE_U8 = 1,
	KPCI_NL_WIRE_U16 = 2,
	KPCI_NL_WIRE_U32 = 4,
	KPCI_NL_WIRE_U64 = 8,
	KPCI_NL_WIRE_FLAG,
	KPCI_NL_WIRE_STRING,
	KPCI_NL_WIRE_BINARY,
};

/**
 * struct kpci_nl_field - Ties an attribute to a member of a structure
 * @attribute: KPC_A_*.
 * @wire: Form of the payload.
 * @offset: Of the member.
 * @size: Of the member.
 * @length_offset: KPCI_NL_WIRE_BINARY, of the uint8_t that holds its length;
 *   0 where the length is always @size.
 * @always: Written even when zero.
 */
struct kpci_nl_field {
	uint16_t attribute;
	enum kpci_nl_wire wire;
	size_t offset;
	size_t size;
	size_t length_offset;
	bool always;
};

#define KPCI_NL_FIELD(structure, member, attr, form) \
	{ .attribute = (attr), .wire = (form), \
	  .offset = offsetof(structure, member), \
	  .size = sizeof(((structure *)NULL)->member) }
#define KPCI_NL_FIELD_ALWAYS(structure, member, attr, form) \
	{ .attribute = (attr), .wire = (form), \
	  .offset = offsetof(structure, member), \
	  .size = sizeof(((structure *)NULL)->member), .always = true }
#define KPCI_NL_FIELD_BINARY(structure, member, length, attr) \
	{ .attribute = (attr), .wire = KPCI_NL_WIRE_BINARY, \
	  .offset = offsetof(structure, member), \
	  .size = sizeof(((structure *)NULL)->member), \
	  .length_offset = offsetof(structure, length) }

/** kpci_nl_family_octets() - Octets of an address. */
static inline size_t kpci_nl_family_octets(uint16_t family)
{
	return family == AF_INET ? 4 : 16;
}

void kpci_nl_begin(struct kpci_nl_writer *writer, void *buffer, size_t size,
		   uint16_t family, uint32_t seq, uint8_t cmd, uint16_t flags);
int kpci_nl_end(struct kpci_nl_writer *writer);
void kpci_nl_put(struct kpci_nl_writer *writer, uint16_t attribute,
		 const void *payload, size_t length);
void kpci_nl_put_u8(struct kpci_nl_writer *writer, uint16_t attribute,
		    uint8_t value);
void kpci_nl_put_u16(struct kpci_nl_writer *writer, uint16_t attribute,
		     uint16_t value);
void kpci_nl_put_u32(struct kpci_nl_writer *writer, uint16_t attribute,
		     uint32_t value);
void kpci_nl_put_u64(struct kpci_nl_writer *writer, uint16_t attribute,
		     uint64_t value);
void kpci_nl_put_string(struct kpci_nl_writer *writer, uint16_t attribute,
			const char *text);
struct nlattr *kpci_nl_nest(struct kpci_nl_writer *writer, uint16_t attribute);
void kpci_nl_nest_end(struct kpci_nl_writer *writer, struct nlattr *nest);

void kpci_nl_put_fields(struct kpci_nl_writer *writer,
			const struct kpci_nl_field *fields, size_t count,
		       const void *structure);

int kpci_nl_get_field(const struct kpci_nl_field *fields, size_t count,
		      const struct nlattr *attribute, void *structure);
int kpci_nl_get_fields(const struct kpci_nl_field *fields, size_t count,
		       const void *attributes, size_t length, void *structure);

int kpci_nl_decode_violation(const struct kpc_nl_message *message,
			     struct kpc_violation *violation);

ssize_t kpci_nl_receive(struct kpc_nl *nl);
int kpci_nl_call(struct kpc_nl *nl, int length,
		 int (*fn)(const struct kpc_nl_message *message, void *data),
		 void *data, struct kpc_error *err);

#endif
