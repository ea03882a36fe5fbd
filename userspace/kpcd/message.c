// SPDX-License-Identifier: MIT
/*
 * How long a message of each type is.
 */
#include "message.h"

/* Octets of the member in use. */
static const size_t members[] = {
	[KPC_MESSAGE_ASSOCIATION]	= sizeof(struct kpc_message_association),
	[KPC_MESSAGE_ASSOCIATION_GONE]	= sizeof(uint32_t),
	[KPC_MESSAGE_LISTENER]		= sizeof(struct kpc_message_listener),
	[KPC_MESSAGE_PLAIN]		= sizeof(struct kpc_message_listener),
	[KPC_MESSAGE_LISTENER_GONE]	= sizeof(uint32_t),
	[KPC_MESSAGE_ADDRESSES]		= sizeof(struct kpc_message_addresses),
	[KPC_MESSAGE_ESTABLISH]		= sizeof(uint32_t),
	[KPC_MESSAGE_KEY_REQUEST]	= sizeof(struct kpc_message_key_request),
	[KPC_MESSAGE_KEY]		= sizeof(struct kpc_message_key),
	[KPC_MESSAGE_BACKEND_REQUEST]	= sizeof(struct kpc_message_backend_request),
	[KPC_MESSAGE_BACKEND]		= sizeof(struct kpc_message_backend),
	[KPC_MESSAGE_ESTABLISHED]	= sizeof(struct kpc_message_established),
	[KPC_MESSAGE_EVENT]		= sizeof(struct kpc_message_event),
	[KPC_MESSAGE_READY]		= 0,
	[KPC_MESSAGE_DRAIN]		= sizeof(uint32_t),
	[KPC_MESSAGE_LISTENS]		= sizeof(struct kpc_message_listens),
	[KPC_MESSAGE_QUOTA]		= sizeof(struct kpc_message_quota),
	[KPC_MESSAGE_BINDING_GONE]	= sizeof(uint64_t),
};

size_t message_length(uint32_t type)
{
	if (!type || type >= sizeof(members) / sizeof(*members))
		return 0;
	return KPC_MESSAGE_HEAD + members[type];
}

const char *message_refusal(uint32_t refusal)
{
	switch (refusal) {
	case KPC_REFUSAL_NO_KEY:
		return "the key store has no key for it";
	case KPC_REFUSAL_DATES:
		return "the association's dates (not-before, not-after) do not allow it now";
	case KPC_REFUSAL_SHORT:
		return "the association's key is too short, and weak-key is not said";
	case KPC_REFUSAL_GRANT:
		return "the module refuses a grant for it";
	}
	return NULL;
}
