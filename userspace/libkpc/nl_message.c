// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Takes the datagrams of a generic netlink socket apart.
 */
#include <errno.h>
#include <string.h>

#include <netlink/genl/genl.h>

#include "nl_internal.h"

/* The sentence of an extended acknowledgement, if it ends as a string must. */
static const char *extack_text(const void *attributes, int length)
{
	const struct nlattr *attribute = nla_find(attributes, length,
						  NLMSGERR_ATTR_MSG);
	const char *text;

	if (!attribute)
		return NULL;
	text = nla_data(attribute);
	return memchr(text, '\0', nla_len(attribute)) && *text ? text : NULL;
}

static int read_error(const struct nlmsghdr *header,
		      struct kpc_nl_message *message)
{
	const struct nlmsgerr *error = nlmsg_data(header);
	int length = nlmsg_datalen(header);
	int skip = sizeof(*error);

	if (length < skip)
		return -EBADMSG;
	message->error = error->error;
	message->type = error->error ? KPC_NL_REFUSED : KPC_NL_ACK;
	if (!(header->nlmsg_flags & NLM_F_ACK_TLVS))
		return 1;
	/* The request is repeated before the attributes unless it was capped. */
	if (!(header->nlmsg_flags & NLM_F_CAPPED)) {
		if (error->msg.nlmsg_len < NLMSG_HDRLEN ||
		    error->msg.nlmsg_len > (size_t)length)
			return -EBADMSG;
		skip += NLMSG_ALIGN(error->msg.nlmsg_len) - NLMSG_HDRLEN;
	}
	if (skip < length)
		message->text = extack_text((const uint8_t *)error + skip,
					    length - skip);
	return 1;
}

static int read_done(const struct nlmsghdr *header,
		     struct kpc_nl_message *message)
{
	const uint8_t *payload = nlmsg_data(header);
	int length = nlmsg_datalen(header);
	int error = 0;

	if (length >= (int)sizeof(error))
		memcpy(&error, payload, sizeof(error));
	message->error = error < 0 ? error : 0;
	message->type = message->error ? KPC_NL_REFUSED : KPC_NL_ACK;
	if (header->nlmsg_flags & NLM_F_ACK_TLVS && length > (int)sizeof(error))
		message->text = extack_text(payload + sizeof(error),
					    length - sizeof(error));
	return 1;
}

static int read_data(struct nlmsghdr *header, struct kpc_nl_message *message)
{
	struct genlmsghdr *genl;

	if (!genlmsg_valid_hdr(header, 0))
		return -EBADMSG;
	genl = genlmsg_hdr(header);
	message->type = KPC_NL_DATA;
	message->cmd = genl->cmd;
	message->attributes = genlmsg_attrdata(genl, 0);
	message->length = genlmsg_attrlen(genl, 0);
	return 1;
}

int kpc_nl_message_next(uint16_t family, const void **datagram,
			size_t *length, struct kpc_nl_message *message)
{
	struct nlmsghdr *header;
	int left;

	while (*length) {
		header = (struct nlmsghdr *)*datagram;
		left = *length;
		if (!nlmsg_ok(header, left))
			return -EBADMSG;
		*datagram = nlmsg_next(header, &left);
		*length = left > 0 ? left : 0;

		memset(message, 0, sizeof(*message));
		message->seq = header->nlmsg_seq;
		message->interrupted = header->nlmsg_flags & NLM_F_DUMP_INTR;
		if (header->nlmsg_type == NLMSG_ERROR)
			return read_error(header, message);
		if (header->nlmsg_type == NLMSG_DONE)
			return read_done(header, message);
		if (header->nlmsg_type == family)
			return read_data(header, message);
	}
	return 0;
}
