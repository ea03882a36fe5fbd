// SPDX-License-Identifier: GPL-2.0-only
/*
 * A far end that says COUNT octets in one piece with its Finished: before the other
 * can have done anything with that, and as a server of TLS 1.3 before the other's
 * Finished is there. Then it wants the same octets back, ends in order, and waits
 * for the other to. It speaks TLS 1.3, as server12 TLS 1.2.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>

#include "far_end.h"

static unsigned char *octets;
static unsigned long heard;

static void fail(const char *what)
{
	fprintf(stderr, "%s, after %lu octets\n", what, heard);
	ERR_print_errors_fp(stderr);
	exit(1);
}

/* Sends what there is room for, and waits for more to happen. */
static void turn(SSL *ssl, int fd)
{
	struct pollfd at = { .fd = fd, .events = POLLIN };
	static size_t sent;
	ssize_t more = 0;
	char *said;
	size_t len = BIO_get_mem_data(SSL_get_wbio(ssl), &said);

	if (sent < len)
		more = send(fd, said + sent, len - sent, MSG_NOSIGNAL);
	if (more < 0 && errno != EAGAIN)
		fail("the other end has hung up");
	sent += more > 0 ? more : 0;
	if (sent < len)
		at.events |= POLLOUT;
	if (poll(&at, 1, 20000) <= 0)
		fail("nothing happens");
}

static bool again(SSL *ssl, int ret)
{
	int error = SSL_get_error(ssl, ret);

	return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

/* Up to its own Finished, which is not sent yet, and all octets behind it. */
static void speak(SSL *ssl, int fd)
{
	size_t done;
	int ret;

	if (!far_end.server || far_end.old) {
		while ((ret = SSL_do_handshake(ssl)) != 1) {
			if (!again(ssl, ret))
				fail("no handshake");
			turn(ssl, fd);
		}
		if (SSL_write_ex(ssl, octets, far_end.count, &done) != 1)
			fail("cannot write");
		return;
	}
	while ((ret = SSL_read_early_data(ssl, octets, 0, &done)) !=
	       SSL_READ_EARLY_DATA_FINISH) {
		if (ret == SSL_READ_EARLY_DATA_ERROR && !again(ssl, ret))
			fail("no hello");
		turn(ssl, fd);
	}
	if (SSL_write_early_data(ssl, octets, far_end.count, &done) != 1)
		fail("cannot write early");
}

static void hear(SSL *ssl, int fd)
{
	static unsigned char got[65536];
	int len;

	while (heard < far_end.count) {
		len = SSL_read(ssl, got, sizeof(got));
		if (len <= 0) {
			if (!again(ssl, len))
				fail("it ended");
			turn(ssl, fd);
			continue;
		}
		if (heard + len > far_end.count || memcmp(octets + heard, got, len))
			fail("other octets came back");
		heard += len;
	}
}

static void end(SSL *ssl, int fd)
{
	int ret;

	while ((ret = SSL_shutdown(ssl)) != 1) {
		if (ret < 0 && !again(ssl, ret))
			fail("no end in order");
		turn(ssl, fd);
	}
}

int main(int argc, char **argv)
{
	unsigned long i;
	SSL *ssl;
	int fd;

	far_arguments(argc, argv);
	octets = malloc(far_end.count);
	for (i = 0; octets && i < far_end.count; i++)
		octets[i] = (unsigned char)((i * 2654435761UL) >> 13);
	fd = octets ? far_meet(0) : -1;
	if (fd < 0)
		fail("no connection");
	fcntl(fd, F_SETFL, O_NONBLOCK);
	ssl = far_end.old ? far_ssl(TLS1_2_VERSION, "ECDHE-PSK-CHACHA20-POLY1305") :
		    far_ssl(TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256");
	SSL_set_bio(ssl, BIO_new_socket(fd, BIO_NOCLOSE), BIO_new(BIO_s_mem()));
	if (far_end.server)
		SSL_set_accept_state(ssl);
	else
		SSL_set_connect_state(ssl);
	speak(ssl, fd);
	hear(ssl, fd);
	end(ssl, fd);
	printf("the same came back\n");
	SSL_free(ssl);
	free(octets);
	return 0;
}
