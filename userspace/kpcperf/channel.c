// SPDX-License-Identifier: MIT
/*
 * A TCP connection, plain or with TLS, as octets in and octets out.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <kpc/ktls.h>
#include <kpc/suite.h>

#include "channel.h"

#define RECORD_MAX		16384
#define CIPHERTEXT_OCTETS	65536

#define ALERT_CLOSE_NOTIFY	0
#define ALERT_UNEXPECTED	10

/* Records that it sends with one key of AES. */
#define KERNEL_MOST	KPC_RECORDS_LAST(KPC_RECORDS_MAX)

static const char cut_short[] =
	"the peer hung up without close_notify: what it sent is cut short";

const char *carrier_name(enum carrier carrier)
{
	static const char *const names[] = {
		[CARRIER_PLAIN]		= "plain",
		[CARRIER_KERNEL]	= "kernel",
		[CARRIER_USER]		= "user",
	};

	return carrier <= CARRIER_USER ? names[carrier] : "unknown";
}

static int blocked(struct channel *channel, uint32_t want)
{
	channel->want |= want;
	return -EAGAIN;
}

/* Another has its turn; the socket will still be ready. */
static bool turn_over(struct channel *channel)
{
	if (!channel->turns)
		return true;
	channel->turns--;
	return false;
}

static int broken(struct channel *channel, const char *what)
{
	int code = errno;

	return kpc_error_return(channel->err, -code, "%s: %s", what,
				code == EBADMSG ? "a record is not authentic" :
				strerror(code));
}

static ssize_t socket_send(struct channel *channel, const void *octets,
			   size_t len)
{
	ssize_t sent;

	if (turn_over(channel))
		return blocked(channel, EPOLLOUT);
	do {
		sent = send(channel->fd, octets, len,
			    MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (sent < 0 && errno == EINTR);
	if (sent >= 0)
		return sent;
	if (errno == EAGAIN)
		return blocked(channel, EPOLLOUT);
	return broken(channel, "sending");
}

static ssize_t socket_receive(struct channel *channel, struct msghdr *msg)
{
	ssize_t got;

	if (turn_over(channel))
		return blocked(channel, EPOLLIN);
	do {
		got = recvmsg(channel->fd, msg, MSG_DONTWAIT);
	} while (got < 0 && errno == EINTR);
	if (got >= 0)
		return got;
	if (errno == EAGAIN)
		return blocked(channel, EPOLLIN);
	return broken(channel, "receiving");
}

/*
 * The kernel does not count what a key has protected. One call is one record
 * for each 16 KiB, or more where memory is short, which the distance of
 * KERNEL_MOST from the limit leaves room for.
 */
static int kernel_count(struct channel *channel, size_t len)
{
	const struct kpc_suite *suite = kpc_suite_by_code(channel->suite);

	channel->sent += (len + RECORD_MAX - 1) / RECORD_MAX;
	if (channel->sent < KERNEL_MOST || !suite ||
	    strstr(suite->name, "CHACHA20"))
		return 0;
	return kpc_error_return(channel->err, -EKEYEXPIRED,
		"sending: %d records were sent with one key, as many as are safe with AES; send longer ones (-l), less, or use a suite with CHACHA20",
		KERNEL_MOST);
}

int channel_flush(struct channel *channel)
{
	const void *octets;
	ssize_t sent;
	size_t len;

	if (!channel->records)
		return 0;
	for (;;) {
		octets = kpc_records_output(channel->records, &len);
		if (!len)
			return 0;
		sent = socket_send(channel, octets, len);
		if (sent < 0)
			return sent;
		kpc_records_output_sent(channel->records, sent);
	}
}

static int user_error(struct channel *channel, const char *what, int code)
{
	const char *text = kpc_records_error(channel->records);

	return kpc_error_return(channel->err, code, "%s: %s", what,
				*text ? text : strerror(-code));
}

static int user_send(struct channel *channel, const void *octets, size_t len)
{
	ssize_t taken;
	int ret;

	ret = channel_flush(channel);
	if (ret)
		return ret;
	if (kpc_records_worn(channel->records) &&
	    channel->version == KPC_VERSION_TLS13)
		kpc_records_key_update(channel->records);
	taken = kpc_records_write(channel->records, octets, len);
	if (taken < 0)
		return user_error(channel, "sending", taken);
	/* What the socket does not take now goes before the next octets. */
	ret = channel_flush(channel);
	return ret && ret != -EAGAIN ? ret : taken;
}

ssize_t channel_send(struct channel *channel, const void *octets, size_t len)
{
	ssize_t sent;

	if (channel->carrier == CARRIER_USER)
		return user_send(channel, octets, len);
	sent = socket_send(channel, octets, len);
	if (sent > 0 && channel->carrier == CARRIER_KERNEL &&
	    kernel_count(channel, sent))
		return -EKEYEXPIRED;
	return sent;
}

static ssize_t plain_receive(struct channel *channel, void *buf, size_t len)
{
	struct iovec part = { .iov_base = buf, .iov_len = len };
	struct msghdr msg = { .msg_iov = &part, .msg_iovlen = 1 };
	ssize_t got = socket_receive(channel, &msg);

	channel->ended = !got;
	return got;
}

static int kernel_control(struct channel *channel, uint8_t type,
			  const void *octets, size_t len)
{
	int detail;

	switch (kpc_control_parse(channel->version, type, octets, len,
				  &detail)) {
	case KPC_CONTROL_IGNORE:
		return 0;
	case KPC_CONTROL_CLOSE_NOTIFY:
		channel->ended = true;
		return 0;
	case KPC_CONTROL_ALERT:
		return kpc_error_return(channel->err, -ECONNABORTED,
					"receiving: the peer sent alert %d (%s)",
					detail, kpc_alert_name(detail));
	default:
		kpc_ktls_alert_send(channel->fd, ALERT_UNEXPECTED);
		return kpc_error_return(channel->err, -EPROTO,
			"receiving: the peer sent a record of type %u that has no place here",
			type);
	}
}

static ssize_t kernel_records(struct channel *channel, void *buf, size_t len)
{
	char control[KPC_KTLS_CMSG_LEN] __attribute__((aligned(sizeof(size_t))));
	struct iovec part = { .iov_base = buf, .iov_len = len };
	struct msghdr msg;
	ssize_t got;
	uint8_t type;
	int ret;

	while (!channel->ended) {
		msg = (struct msghdr){
			.msg_iov = &part,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control),
		};
		got = socket_receive(channel, &msg);
		if (got < 0)
			return got;
		type = kpc_ktls_cmsg_get(&msg);
		if (!got)
			return kpc_error_return(channel->err, -ENODATA,
						"receiving: %s", cut_short);
		if (type == KPC_RECORD_DATA)
			return got;
		ret = kernel_control(channel, type, buf, got);
		if (ret)
			return ret;
	}
	return 0;
}

static ssize_t kernel_receive(struct channel *channel, void *buf, size_t len)
{
	ssize_t got;

	if (!channel->kept) {
		if (len >= CHANNEL_KEEP)
			return kernel_records(channel, buf, len);
		got = kernel_records(channel, channel->keep, CHANNEL_KEEP);
		if (got <= 0)
			return got;
		channel->kept = got;
	}
	if (len > channel->kept)
		len = channel->kept;
	memcpy(buf, channel->keep, len);
	channel->kept -= len;
	memmove(channel->keep, channel->keep + len, channel->kept);
	return len;
}

/* All of it is taken: it comes only when what was there has been read. */
static int user_fill(struct channel *channel)
{
	uint8_t octets[CIPHERTEXT_OCTETS];
	ssize_t got = plain_receive(channel, octets, sizeof(octets));

	if (got < 0)
		return got;
	if (!got)
		kpc_records_input_end(channel->records);
	else if (kpc_records_input(channel->records, octets, got) != got)
		return kpc_error_return(channel->err, -ENOMEM,
					"receiving: no memory for records");
	return 0;
}

static ssize_t user_receive(struct channel *channel, void *buf, size_t len)
{
	ssize_t got;
	int ret;

	for (;;) {
		got = kpc_records_read(channel->records, buf, len);
		channel->ended = !got;
		if (got >= 0)
			return got;
		/* An answer to what was read: KeyUpdate, or an alert. */
		ret = channel_flush(channel);
		if (got != -EAGAIN)
			return user_error(channel, "receiving", got);
		if (ret && ret != -EAGAIN)
			return ret;
		ret = user_fill(channel);
		if (ret)
			return ret;
	}
}

ssize_t channel_receive(struct channel *channel, void *buf, size_t len)
{
	if (channel->ended)
		return 0;
	switch (channel->carrier) {
	case CARRIER_KERNEL:
		return kernel_receive(channel, buf, len);
	case CARRIER_USER:
		return user_receive(channel, buf, len);
	default:
		return plain_receive(channel, buf, len);
	}
}

static int close_notify(struct channel *channel)
{
	int ret;

	if (channel->carrier == CARRIER_USER) {
		ret = kpc_records_close(channel->records);
		if (ret)
			return user_error(channel, "ending", ret);
	} else if (channel->carrier == CARRIER_KERNEL) {
		ret = kpc_ktls_alert_send(channel->fd, ALERT_CLOSE_NOTIFY);
		if (ret == -EAGAIN)
			return blocked(channel, EPOLLOUT);
		if (ret)
			return kpc_error_return(channel->err, ret, "ending: %s",
						strerror(-ret));
	}
	channel->closing = true;
	return 0;
}

int channel_finish(struct channel *channel)
{
	int ret = 0;

	if (channel->shut)
		return 0;
	if (!channel->closing)
		ret = close_notify(channel);
	if (!ret)
		ret = channel_flush(channel);
	if (ret)
		return ret;
	/*
	 * A FIN would overtake what the kernel's TLS still holds, and that
	 * could not be sent behind it. close_notify has told the end already.
	 */
	if (channel->carrier != CARRIER_KERNEL &&
	    shutdown(channel->fd, SHUT_WR))
		return broken(channel, "ending");
	channel->shut = true;
	return 0;
}

int channel_hung_up(struct channel *channel)
{
	uint8_t octet;

	if (recv(channel->fd, &octet, sizeof(octet), MSG_DONTWAIT) < 0 &&
	    (errno == EAGAIN || errno == EINTR))
		return blocked(channel, EPOLLIN);
	return 0;
}

void channel_close(struct channel *channel)
{
	kpc_handshake_free(channel->handshake);
	kpc_records_free(channel->records);
	if (channel->fd >= 0)
		close(channel->fd);
	channel->handshake = NULL;
	channel->records = NULL;
	channel->fd = -1;
}
