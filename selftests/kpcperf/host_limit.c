// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the kernel does not count: a key of AES protects no more records than
 * are safe, one of ChaCha20 has no such limit.
 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include <kpc/records.h>
#include <kpcperf/channel.h>

#include "../tap.h"

#define RECORD	16384

/* Sends @len octets with @left records before the limit; what came of it. */
static ssize_t send_with(uint16_t suite, size_t len, unsigned int left)
{
	static uint8_t octets[4 * RECORD];
	struct kpc_error err = {};
	struct channel channel = {
		.carrier = CARRIER_KERNEL,
		.suite = suite,
		.turns = CHANNEL_TURNS,
		.sent = KPC_RECORDS_LAST(KPC_RECORDS_MAX) - left,
		.err = &err,
	};
	ssize_t sent;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds))
		return -errno;
	channel.fd = fds[0];
	sent = channel_send(&channel, octets, len);
	if (sent < 0)
		printf("# %s\n", err.text);
	close(fds[0]);
	close(fds[1]);
	return sent;
}

int main(void)
{
	tap_begin();
	tap_ok(send_with(0x1301, 1, 2) == 1, "AES: there is room for a record");
	tap_ok(send_with(0x1301, 1, 1) == -EKEYEXPIRED,
	       "AES: the last record is an error");
	tap_ok(send_with(0x00aa, RECORD, 2) == RECORD,
	       "AES of TLS 1.2: 16 KiB are one record");
	tap_ok(send_with(0x00aa, RECORD + 1, 2) == -EKEYEXPIRED,
	       "AES of TLS 1.2: one octet more is another");
	tap_ok(send_with(0x1303, 1, 1) == 1, "ChaCha20 goes on");
	tap_ok(send_with(0xccac, 1, 0) == 1, "ChaCha20 of TLS 1.2 likewise");
	return tap_end();
}
