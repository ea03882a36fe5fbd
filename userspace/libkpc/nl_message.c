// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Takes the datagrams of a generic netlink socket apart.
 */
#include <errno.h>
#include <string.h>

#include <linux/genetlink.h>

#include "nl_internal.h"

/* The sentence of an extended acknowledgement, if it ends as a string must. */
static const char *extack_text(const void *attributes, size_t length)
{
	const struct nlattr *attribute;
	const char *text;

	while ((attribute = kpci_nl_attribute_next(&attributes, &length))) {
		if (kpci_nl_attribute_type(attribute) != NLMSGERR_ATTR_MSG)
			continue;
		text = kpci_nl_attribute_payload(attribute);
		if (memchr(text, '\0', kpci_nl_attribute_length(attribute)) &&
		    *text)
			return text;
	}
	return NULL;
}

static int read_error(const struct nlmsghdr *header,
		      struct kpc_nl_message *message)
{
	const uint8_t *payload = (const uint8_t *)header + NLMSG_HDRLEN;
	size_t length = header->nlmsg_len - NLMSG_HDRLEN;
	const struct nlmsgerr *error = (const void *)payload;
	size_t skip = sizeof(*error);

	if (length < skip)
		return -EBADMSG;
	message->error = error->error;
	message->type = error->error ? KPC_NL_REFUSED : KPC_NL_ACK;
	if (!(header->nlmsg_flags & NLM_F_ACK_TLVS))
		return 1;
	/* The request is repeated before the attributes unless it was capped. */
	if (!(header->nlmsg_flags & NLM_F_CAPPED)) {
		if (error->msg.nlmsg_len < NLMSG_HDRLEN)
			return -EBADMSG;
		skip += NLMSG_ALIGN(error->msg.nlmsg_len) - NLMSG_HDRLEN;
	}
	if (skip < length)
		message->text = extack_text(payload + skip, length - skip);
	return 1;
}

static int read_done(const struct nlmsghdr *header,
		     struct kpc_nl_message *message)
{
	const uint8_t *payload = (const uint8_t *)header + NLMSG_HDRLEN;
	size_t length = header->nlmsg_len - NLMSG_HDRLEN;
	int error = 0;

	if (length >= sizeof(error))
		memcpy(&error, payload, sizeof(error));
	message->error = error < 0 ? error : 0;
	message->type = message->error ? KPC_NL_REFUSED : KPC_NL_ACK;
	if (header->nlmsg_flags & NLM_F_ACK_TLVS && length > sizeof(error))
		message->text = extack_text(payload + sizeof(error),
					    length - sizeof(error));
	return 1;
}

int kpc_nl_message_next(uint16_t family, const void **datagram,
			size_t *length, struct kpc_nl_message *message)
{
	const struct nlmsghdr *header;
	const struct genlmsghdr *genl;
	size_t step;

	while (*length) {
		header = *datagram;
		if (*length < NLMSG_HDRLEN ||
		    header->nlmsg_len < NLMSG_HDRLEN ||
		    header->nlmsg_len > *length)
			return -EBADMSG;
		step = NLMSG_ALIGN(header->nlmsg_len);
		if (step > *length)
			step = *length;
		*datagram = (const uint8_t *)*datagram + step;
		*length -= step;

		memset(message, 0, sizeof(*message));
		message->seq = header->nlmsg_seq;
		message->interrupted = header->nlmsg_flags & NLM_F_DUMP_INTR;
		if (header->nlmsg_type == NLMSG_ERROR)
			return read_error(header, message);
		if (header->nlmsg_type == NLMSG_DONE)
			return read_done(header, message);
		if (header->nlmsg_type != family)
			continue;
		if (header->nlmsg_len < NLMSG_HDRLEN + GENL_HDRLEN)
			return -EBADMSG;
		genl = (const void *)((const uint8_t *)header + NLMSG_HDRLEN);
		message->type = KPC_NL_DATA;
		message->cmd = genl->cmd;
		message->attributes = (const uint8_t *)genl + GENL_HDRLEN;
		message->length = header->nlmsg_len - NLMSG_HDRLEN -
				  GENL_HDRLEN;
		return 1;
	}
	return 0;
}
