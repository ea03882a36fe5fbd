// SPDX-License-Identifier: MIT
/*
 * A connection for an application: the message of kpc_app(3) and its socket.
 */
#include <string.h>

#include "descriptor.h"
#include "hand_over.h"

static void address_set(struct kpc_address *to, const struct sockaddr_in6 *from)
{
	bool v4 = IN6_IS_ADDR_V4MAPPED(&from->sin6_addr);
	size_t skip = v4 ? 12 : 0;

	memset(to, 0, sizeof(*to));
	to->family = v4 ? AF_INET : AF_INET6;
	to->port = ntohs(from->sin6_port);
	memcpy(to->octets, from->sin6_addr.s6_addr + skip, 16 - skip);
}

int hand_over_send(int to, enum kpc_app_socket socket, struct kpc_binding *identity,
		   const struct sockaddr_in6 *peer, int fd)
{
	char message[KPC_APP_MESSAGE_MAX];
	ssize_t length;

	address_set(&identity->remote, peer);
	length = kpc_app_message_format(message, socket, identity);
	return length < 0 ? (int)length : descriptor_send(to, message, length, fd);
}

void hand_over_refuse(int to, const char *text)
{
	char message[KPC_APP_MESSAGE_MAX];

	descriptor_send(to, message, kpc_app_message_refuse(message, text), -1);
}
