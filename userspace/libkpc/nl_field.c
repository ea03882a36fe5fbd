// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Netlink attributes written from and read into structures by table.
 */
#include <errno.h>
#include <string.h>

#include <linux/genetlink.h>

#include "nl_internal.h"

/**
 * kpci_nl_begin() - Start a message of the family
 * @writer: Set up.
 * @buffer: Aligned to 4.
 * @size: Octets of @buffer.
 * @family: Message type.
 * @seq: Comes back in the answer.
 * @cmd: KPC_CMD_* (or a command of the controller).
 * @flags: NLM_F_* on top of NLM_F_REQUEST.
 */
void kpci_nl_begin(struct kpci_nl_writer *writer, void *buffer, size_t size,
		   uint16_t family, uint32_t seq, uint8_t cmd, uint16_t flags)
{
	struct genlmsghdr *genl;
	struct nlmsghdr *header;

	*writer = (struct kpci_nl_writer) { .data = buffer, .size = size };
	if (size < NLMSG_HDRLEN + GENL_HDRLEN) {
		writer->overflow = true;
		return;
	}
	header = buffer;
	memset(header, 0, NLMSG_HDRLEN + GENL_HDRLEN);
	header->nlmsg_type = family;
	header->nlmsg_flags = NLM_F_REQUEST | flags;
	header->nlmsg_seq = seq;
	genl = (struct genlmsghdr *)(writer->data + NLMSG_HDRLEN);
	genl->cmd = cmd;
	genl->version = KPC_GENL_VERSION;
	writer->length = NLMSG_HDRLEN + GENL_HDRLEN;
}

/**
 * kpci_nl_end() - Finish a message
 *
 * Return: Its octets, or -EMSGSIZE.
 */
int kpci_nl_end(struct kpci_nl_writer *writer)
{
	if (writer->overflow)
		return -EMSGSIZE;
	((struct nlmsghdr *)writer->data)->nlmsg_len = writer->length;
	return writer->length;
}

/**
 * kpci_nl_put() - Append one attribute
 */
void kpci_nl_put(struct kpci_nl_writer *writer, uint16_t attribute,
		 const void *payload, size_t length)
{
	size_t whole = NLA_HDRLEN + length;
	struct nlattr *header;

	if (writer->overflow || whole > UINT16_MAX ||
	    writer->size - writer->length < NLA_ALIGN(whole)) {
		writer->overflow = true;
		return;
	}
	header = (struct nlattr *)(writer->data + writer->length);
	header->nla_type = attribute;
	header->nla_len = whole;
	if (length)
		memcpy((uint8_t *)header + NLA_HDRLEN, payload, length);
	memset((uint8_t *)header + whole, 0, NLA_ALIGN(whole) - whole);
	writer->length += NLA_ALIGN(whole);
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
size_t kpci_nl_nest(struct kpci_nl_writer *writer, uint16_t attribute)
{
	size_t start = writer->length;

	kpci_nl_put(writer, attribute | NLA_F_NESTED, NULL, 0);
	return start;
}

/**
 * kpci_nl_nest_end() - End it; one without content is taken back
 */
void kpci_nl_nest_end(struct kpci_nl_writer *writer, size_t start)
{
	struct nlattr *header;

	if (writer->overflow)
		return;
	if (writer->length - start == NLA_HDRLEN) {
		writer->length = start;
		return;
	}
	if (writer->length - start > UINT16_MAX) {
		writer->overflow = true;
		return;
	}
	header = (struct nlattr *)(writer->data + start);
	header->nla_len = writer->length - start;
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

/**
 * kpci_nl_attribute_next() - Take the next attribute
 *
 * Return: It, or NULL at the end; @length is then not 0 if the rest is wrong.
 */
const struct nlattr *kpci_nl_attribute_next(const void **attributes,
					    size_t *length)
{
	const struct nlattr *attribute = *attributes;
	size_t step;

	if (*length < NLA_HDRLEN || attribute->nla_len < NLA_HDRLEN ||
	    attribute->nla_len > *length)
		return NULL;
	step = NLA_ALIGN(attribute->nla_len);
	if (step > *length)
		step = *length;
	*attributes = (const uint8_t *)*attributes + step;
	*length -= step;
	return attribute;
}

uint16_t kpci_nl_attribute_type(const struct nlattr *attribute)
{
	return attribute->nla_type & NLA_TYPE_MASK;
}

const void *kpci_nl_attribute_payload(const struct nlattr *attribute)
{
	return (const uint8_t *)attribute + NLA_HDRLEN;
}

size_t kpci_nl_attribute_length(const struct nlattr *attribute)
{
	return attribute->nla_len - NLA_HDRLEN;
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
	const void *payload = kpci_nl_attribute_payload(attribute);
	size_t length = kpci_nl_attribute_length(attribute);
	const struct kpci_nl_field *field = NULL;
	uint64_t u64;
	uint32_t u32;
	uint16_t u16;
	size_t i;
	int ret;

	for (i = 0; i < count; i++)
		if (fields[i].attribute == kpci_nl_attribute_type(attribute))
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
	int ret;

	while ((attribute = kpci_nl_attribute_next(&attributes, &length))) {
		ret = kpci_nl_get_field(fields, count, attribute, structure);
		if (ret < 0)
			return ret;
	}
	return length ? -EBADMSG : 0;
}
