// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Netlink attributes written from and read into structures by table.
 */
#include <errno.h>
#include <string.h>

#include <netlink/genl/genl.h>

#include "nl_internal.h"

/**
 * kpci_nl_begin() - Start a message of the family
 * @writer: Set up.
 * @buffer: Aligned to 4.
 * @size: Octets of @buffer.
 * @family: Message type.
 * @seq: Comes back in the answer.
 * @cmd: KPC_CMD_*.
 * @flags: NLM_F_* on top of NLM_F_REQUEST.
 */
void kpci_nl_begin(struct kpci_nl_writer *writer, void *buffer, size_t size,
		   uint16_t family, uint32_t seq, uint8_t cmd, uint16_t flags)
{
	writer->message = nlmsg_alloc_size(size);
	writer->buffer = buffer;
	writer->overflow = size < NLMSG_HDRLEN + GENL_HDRLEN ||
			   !writer->message ||
			   !genlmsg_put(writer->message, NL_AUTO_PORT, seq,
					family, 0, NLM_F_REQUEST | flags, cmd,
					KPC_GENL_VERSION);
}

/**
 * kpci_nl_end() - Finish a message
 *
 * Return: Its octets, or -EMSGSIZE.
 */
int kpci_nl_end(struct kpci_nl_writer *writer)
{
	int length = -EMSGSIZE;

	if (!writer->overflow) {
		length = nlmsg_hdr(writer->message)->nlmsg_len;
		memcpy(writer->buffer, nlmsg_hdr(writer->message), length);
	}
	nlmsg_free(writer->message);
	return length;
}

/**
 * kpci_nl_put() - Append one attribute
 */
void kpci_nl_put(struct kpci_nl_writer *writer, uint16_t attribute,
		 const void *payload, size_t length)
{
	if (!writer->overflow)
		writer->overflow = length > UINT16_MAX - NLA_HDRLEN ||
				   nla_put(writer->message, attribute, length,
					   payload);
}

void kpci_nl_put_u8(struct kpci_nl_writer *writer, uint16_t attribute,
		    uint8_t value)
{
	kpci_nl_put(writer, attribute, &value, sizeof(value));
}

void kpci_nl_put_u16(struct kpci_nl_writer *writer, uint16_t attribute,
		     uint16_t value)
{
	kpci_nl_put(writer, attribute, &value, sizeof(value));
}

void kpci_nl_put_u32(struct kpci_nl_writer *writer, uint16_t attribute,
		     uint32_t value)
{
	kpci_nl_put(writer, attribute, &value, sizeof(value));
}

void kpci_nl_put_u64(struct kpci_nl_writer *writer, uint16_t attribute,
		     uint64_t value)
{
	kpci_nl_put(writer, attribute, &value, sizeof(value));
}

void kpci_nl_put_string(struct kpci_nl_writer *writer, uint16_t attribute,
			const char *text)
{
	kpci_nl_put(writer, attribute, text, strlen(text) + 1);
}

/**
 * kpci_nl_nest() - Begin an attribute that holds attributes
 *
 * Return: What kpci_nl_nest_end() wants.
 */
struct nlattr *kpci_nl_nest(struct kpci_nl_writer *writer, uint16_t attribute)
{
	struct nlattr *nest = NULL;

	if (!writer->overflow) {
		nest = nla_nest_start(writer->message, attribute);
		writer->overflow = !nest;
	}
	return nest;
}

/**
 * kpci_nl_nest_end() - End it; one without content is taken back
 */
void kpci_nl_nest_end(struct kpci_nl_writer *writer, struct nlattr *nest)
{
	if (!writer->overflow)
		writer->overflow = nla_nest_end(writer->message, nest);
}

static uint64_t member_read(const struct kpci_nl_field *field,
			    const void *structure)
{
	const uint8_t *member = (const uint8_t *)structure + field->offset;
	uint64_t u64;
	uint32_t u32;
	uint16_t u16;

	switch (field->size) {
	case 1:
		return *member;
	case 2:
		memcpy(&u16, member, sizeof(u16));
		return u16;
	case 4:
		memcpy(&u32, member, sizeof(u32));
		return u32;
	default:
		memcpy(&u64, member, sizeof(u64));
		return u64;
	}
}

static void member_write(const struct kpci_nl_field *field, void *structure,
			 uint64_t value)
{
	uint8_t *member = (uint8_t *)structure + field->offset;
	uint32_t u32 = value;
	uint16_t u16 = value;

	switch (field->size) {
	case 1:
		*member = value;
		break;
	case 2:
		memcpy(member, &u16, sizeof(u16));
		break;
	case 4:
		memcpy(member, &u32, sizeof(u32));
		break;
	default:
		memcpy(member, &value, sizeof(value));
	}
}

static void put_field(struct kpci_nl_writer *writer,
		      const struct kpci_nl_field *field, const void *structure)
{
	const uint8_t *member = (const uint8_t *)structure + field->offset;
	size_t length = field->size;
	uint64_t value;

	switch (field->wire) {
	case KPCI_NL_WIRE_STRING:
		if (field->always || *member)
			kpci_nl_put_string(writer, field->attribute,
					   (const char *)member);
		return;
	case KPCI_NL_WIRE_BINARY:
		if (field->length_offset)
			length = ((const uint8_t *)
				  structure)[field->length_offset];
		if (field->always || length)
			kpci_nl_put(writer, field->attribute, member, length);
		return;
	default:
		break;
	}
	value = member_read(field, structure);
	if (!value && !field->always)
		return;
	switch (field->wire) {
	case KPCI_NL_WIRE_FLAG:
		kpci_nl_put(writer, field->attribute, NULL, 0);
		break;
	case KPCI_NL_WIRE_U8:
		kpci_nl_put_u8(writer, field->attribute, value);
		break;
	case KPCI_NL_WIRE_U16:
		kpci_nl_put_u16(writer, field->attribute, value);
		break;
	case KPCI_NL_WIRE_U32:
		kpci_nl_put_u32(writer, field->attribute, value);
		break;
	default:
		kpci_nl_put_u64(writer, field->attribute, value);
	}
}

/**
 * kpci_nl_put_fields() - Append the attributes of a structure
 */
void kpci_nl_put_fields(struct kpci_nl_writer *writer,
			const struct kpci_nl_field *fields, size_t count,
		       const void *structure)
{
	size_t i;

	for (i = 0; i < count; i++)
		put_field(writer, &fields[i], structure);
}

static int get_text(const struct kpci_nl_field *field, const void *payload,
		    size_t length, void *structure)
{
	char *member = (char *)structure + field->offset;

	length = strnlen(payload, length);
	if (length >= field->size)
		return -EBADMSG;
	memcpy(member, payload, length);
	member[length] = '\0';
	return 0;
}

static int get_binary(const struct kpci_nl_field *field, const void *payload,
		      size_t length, void *structure)
{
	if (length > field->size)
		return -EBADMSG;
	memcpy((uint8_t *)structure + field->offset, payload, length);
	if (field->length_offset)
		((uint8_t *)structure)[field->length_offset] = length;
	return 0;
}

/**
 * kpci_nl_get_field() - Store one attribute in its member
 *
 * Return: 1 when stored, 0 when @fields does not have it, -EBADMSG.
 */
int kpci_nl_get_field(const struct kpci_nl_field *fields, size_t count,
		      const struct nlattr *attribute, void *structure)
{
	const void *payload = nla_data(attribute);
	size_t length = nla_len(attribute);
	const struct kpci_nl_field *field = NULL;
	uint64_t u64;
	uint32_t u32;
	uint16_t u16;
	size_t i;
	int ret;

	for (i = 0; i < count; i++)
		if (fields[i].attribute == nla_type(attribute))
			field = &fields[i];
	if (!field)
		return 0;

	switch (field->wire) {
	case KPCI_NL_WIRE_FLAG:
		member_write(field, structure, 1);
		return 1;
	case KPCI_NL_WIRE_STRING:
		ret = get_text(field, payload, length, structure);
		return ret ? ret : 1;
	case KPCI_NL_WIRE_BINARY:
		ret = get_binary(field, payload, length, structure);
		return ret ? ret : 1;
	default:
		break;
	}
	if (length != (size_t)field->wire)
		return -EBADMSG;
	switch (field->wire) {
	case KPCI_NL_WIRE_U8:
		u64 = *(const uint8_t *)payload;
		break;
	case KPCI_NL_WIRE_U16:
		memcpy(&u16, payload, sizeof(u16));
		u64 = u16;
		break;
	case KPCI_NL_WIRE_U32:
		memcpy(&u32, payload, sizeof(u32));
		u64 = u32;
		break;
	default:
		memcpy(&u64, payload, sizeof(u64));
	}
	member_write(field, structure, u64);
	return 1;
}

/**
 * kpci_nl_get_fields() - Read all attributes that @fields has
 *
 * Return: 0 or -EBADMSG.
 */
int kpci_nl_get_fields(const struct kpci_nl_field *fields, size_t count,
		       const void *attributes, size_t length, void *structure)
{
	const struct nlattr *attribute;
	int left, ret;

	nla_for_each_attr(attribute, attributes, length, left) {
		ret = kpci_nl_get_field(fields, count, attribute, structure);
		if (ret < 0)
			return ret;
	}
	return left > 0 ? -EBADMSG : 0;
}
