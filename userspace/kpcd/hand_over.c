// SPDX-License-Identifier: MIT
/*
 * A connection for an application: the message of kpc_app(3) and its socket.
 */
#include "address.h"
#include "descriptor.h"
#include "hand_over.h"

int hand_over_send(int to, enum kpc_app_socket socket, struct kpc_binding *identity,
		   const struct sockaddr_in6 *peer, int fd)
{
	char message[KPC_APP_MESSAGE_MAX];
	ssize_t length;

	address_tell(&identity->remote, &peer->sin6_addr, peer->sin6_port);
	length = kpc_app_message_format(message, socket, identity);
	return length < 0 ? (int)length : descriptor_send(to, message, length, fd);
}

void hand_over_refuse(int to, const char *text)
{
	char message[KPC_APP_MESSAGE_MAX];

	descriptor_send(to, message, kpc_app_message_refuse(message, text), -1);
}
