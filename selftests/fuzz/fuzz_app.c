// SPDX-License-Identifier: MIT
/* The message of a socket that is handed over: what is read can be written again. */
#include <kpc/app.h>

#include "fuzz.h"

static void check(enum kpc_app_socket socket, const struct kpc_binding *identity)
{
	char message[KPC_APP_MESSAGE_MAX];
	enum kpc_app_socket socket_again;
	struct kpc_binding again;
	struct kpc_error err;
	ssize_t length;

	length = kpc_app_message_format(message, socket, identity);
	if (length <= 0 || length >= KPC_APP_MESSAGE_MAX)
		FUZZ_FAIL("what was read cannot be written: %zd", length);
	if (kpc_app_message_parse(message, length, &socket_again, &again, &err))
		FUZZ_FAIL("what was written cannot be read: %s", err.text);
	if (socket_again != socket || memcmp(&again, identity, sizeof(again)))
		FUZZ_FAIL("it is another one when it is read again");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kpc_binding identity;
	struct kpc_error err = { "" };
	enum kpc_app_socket socket;

	if (!kpc_app_message_parse(data, size, &socket, &identity, &err))
		check(socket, &identity);
	else if (!err.text[0])
		FUZZ_FAIL("refused without a word");
	return 0;
}
