// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Notifications of the module: subscribed to, received, read.
 */
#include <errno.h>
#include <string.h>

#include <netlink/errno.h>

#include "nl_internal.h"

/* What all events have, under the attribute numbers of each one's set. */
struct event_head {
	uint16_t change;
	uint16_t generation;
	uint16_t reason;
};

static int get_head(const struct kpc_nl_message *message,
		    const struct event_head *head, struct kpc_event *event)
{
	const struct kpci_nl_field fields[] = {
		KPCI_NL_FIELD(struct kpc_event, change, head->change,
			      KPCI_NL_WIRE_U8),
		KPCI_NL_FIELD(struct kpc_event, generation, head->generation,
			      KPCI_NL_WIRE_U64),
		KPCI_NL_FIELD(struct kpc_event, reason, head->reason,
			      KPCI_NL_WIRE_U8),
	};

	return kpci_nl_get_fields(fields, sizeof(fields) / sizeof(fields[0]),
				  message->attributes, message->length, event);
}

static int decode_association(const struct kpc_nl_message *message,
			      struct kpc_event *event)
{
	static const struct event_head head = {
		KPC_A_ASSOCIATION_CHANGE, KPC_A_ASSOCIATION_GENERATION,
		KPC_A_ASSOCIATION_REASON,
	};
	int ret = get_head(message, &head, event);

	return ret ? ret : kpc_nl_decode_association(message,
						     &event->association,
						     &event->state);
}

static int decode_binding(const struct kpc_nl_message *message,
			  struct kpc_event *event)
{
	static const struct event_head head = {
		KPC_A_BINDING_CHANGE, KPC_A_BINDING_GENERATION,
		KPC_A_BINDING_REASON,
	};
	int ret = get_head(message, &head, event);

	return ret ? ret : kpc_nl_decode_binding(message, &event->binding);
}

static int decode_violation(const struct kpc_nl_message *message,
			    struct kpc_event *event)
{
	static const struct event_head head = {
		.generation = KPC_A_VIOLATION_GENERATION,
	};
	int ret = get_head(message, &head, event);

	return ret ? ret : kpci_nl_decode_violation(message,
						    &event->violation);
}

static int decode_establish(const struct kpc_nl_message *message,
			    struct kpc_event *event)
{
	return kpc_nl_decode_establish(message, &event->establish);
}

static int decode_session(const struct kpc_nl_message *message,
			  struct kpc_event *event)
{
	static const struct event_head head = {
		.change = KPC_A_SESSION_CHANGE,
		.generation = KPC_A_SESSION_GENERATION,
	};
	int ret = get_head(message, &head, event);

	return ret ? ret : kpc_nl_decode_session(message, &event->session);
}

static int (*const decoders[KPC_CMD_MAX + 1])(const struct kpc_nl_message *,
					      struct kpc_event *) = {
	[KPC_CMD_ASSOCIATION_NTF] = decode_association,
	[KPC_CMD_BINDING_NTF] = decode_binding,
	[KPC_CMD_VIOLATION_NTF] = decode_violation,
	[KPC_CMD_ESTABLISH_NTF] = decode_establish,
	[KPC_CMD_SESSION_NTF] = decode_session,
};

int kpc_nl_decode_event(const struct kpc_nl_message *message,
			struct kpc_event *event)
{
	memset(event, 0, sizeof(*event));
	if (message->type != KPC_NL_DATA || message->cmd > KPC_CMD_MAX ||
	    !decoders[message->cmd])
		return -EBADMSG;
	event->cmd = message->cmd;
	return decoders[message->cmd](message, event);
}

int kpc_nl_subscribe(struct kpc_nl *nl, unsigned int groups,
		     struct kpc_error *err)
{
	size_t i;
	int ret;

	for (i = 0; i < KPC_NL_GROUPS; i++) {
		if (!(groups & 1U << i))
			continue;
		ret = nl_socket_add_membership(nl->socket,
					       nl->family.groups[i]);
		if (!ret)
			continue;
		return kpc_error_return(err, ret == -NLE_PERM ? -EPERM : -EIO,
					"cannot subscribe to events: %s",
					ret == -NLE_PERM ?
					"CAP_NET_ADMIN is needed" :
					nl_geterror(ret));
	}
	return 0;
}

int kpc_nl_event_next(struct kpc_nl *nl, struct kpc_event *event)
{
	struct kpc_nl_message message;
	ssize_t got;
	int ret;

	for (;;) {
		ret = kpc_nl_message_next(nl->family.id, &nl->next, &nl->left,
					  &message);
		if (ret < 0) {
			nl->left = 0;
			return ret;
		}
		/* A newer module may have events that are not ours yet. */
		if (ret && message.type == KPC_NL_DATA &&
		    message.cmd <= KPC_CMD_MAX && decoders[message.cmd]) {
			ret = kpc_nl_decode_event(&message, event);
			return ret ? ret : 1;
		}
		if (ret)
			continue;
		got = kpci_nl_receive(nl);
		if (got == -EAGAIN)
			return 0;
		if (got < 0)
			return got;
		nl->next = nl->buffer;
		nl->left = got;
	}
}
