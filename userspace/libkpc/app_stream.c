// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Octets over a connection that was handed over. Kernel TLS gives records that
 * are not data to whoever holds the socket: what they mean is found out here.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <kpc/app.h>
#include <kpc/ktls.h>
#include <kpc/records.h>

#include "internal.h"

#define RECORD_OCTETS	16384
/* RFC 8446, B.3 */
#define KEY_UPDATE	24

static int broken(struct kpc_app *app, int error, struct kpc_error *err, const char *text)
{
	app->broken = error;
	return kpc_error_return(err, error, "%s", text);
}

static const struct {
	int error;
	int is;
	const char *text;
} failures[] = {
	{ ECONNRESET, -ECONNRESET, "the connection was reset" },
	{ EPIPE, -ECONNRESET, "the far end takes nothing more" },
	{ ETIMEDOUT, -ECONNRESET, "the far end has not answered for too long" },
	{ EHOSTUNREACH, -ECONNRESET, "the far end cannot be reached" },
	{ ECONNABORTED, -ECONNABORTED, "the connection was ended by the kernel" },
	{ EKEYEXPIRED, -EKEYEXPIRED, "a limit of the association or of its keys is reached" },
	{ EBADMSG, -EPROTO, "a record was not authentic" },
	{ EMSGSIZE, -EPROTO, "a record was too long" },
	{ EINVAL, -EPROTO, "a record was malformed" },
};

static int failed(struct kpc_app *app, int error, struct kpc_error *err)
{
	size_t i;

	if (error == EAGAIN || error == EINTR)
		return -error;
	for (i = 0; i < sizeof(failures) / sizeof(*failures); i++)
		if (failures[i].error == error)
			return broken(app, failures[i].is, err, failures[i].text);
	return broken(app, -error, err, strerror(error));
}

/* What has ended it before ends it again. */
static int was_broken(const struct kpc_app *app, struct kpc_error *err)
{
	return kpc_error_return(err, app->broken, "the connection has ended already");
}

/*
 * The far end may still be told by an alert, but only before anything further is
 * received. A KeyUpdate needs the traffic secrets, which the agent has not handed
 * on: whoever had them could read what is past.
 */
static int take_control(struct kpc_app *app, uint8_t type, struct kpc_error *err)
{
	char text[KPC_ERROR_TEXT_MAX];
	int detail;

	switch (kpc_control_parse(app->identity.version, type, app->control,
				  app->control_length, &detail)) {
	case KPC_CONTROL_IGNORE:
		return 0;
	case KPC_CONTROL_CLOSE_NOTIFY:
		app->ended = true;
		return 0;
	case KPC_CONTROL_ALERT:
		snprintf(text, sizeof(text), "the far end ended it with alert %s",
			 kpc_alert_name(detail));
		return broken(app, -EPROTO, err, text);
	case KPC_CONTROL_KEY_UPDATE:
		kpc_ktls_alert_send(app->fd, KPC_ALERT_UNEXPECTED_MESSAGE);
		return broken(app, -EKEYEXPIRED, err,
			      "the far end wants new keys (KeyUpdate), which ends a connection that was handed over");
	case KPC_CONTROL_RENEGOTIATE:
		if (!kpc_ktls_alert_send(app->fd, KPC_ALERT_NO_RENEGOTIATION))
			return 0;
		return broken(app, -EPROTO, err, "the far end wants to renegotiate");
	case KPC_CONTROL_UNEXPECTED:
		break;
	}
	kpc_ktls_alert_send(app->fd, KPC_ALERT_UNEXPECTED_MESSAGE);
	return broken(app, -EPROTO, err, "the far end sent a record that has no place here");
}

/*
 * A record that is not data comes in pieces where there is little room for it,
 * the last of which is marked. All that is judged here is in its first octets,
 * and one longer than they are is none that is.
 */
static int take_piece(struct kpc_app *app, const void *octets, size_t length, bool last,
		      uint8_t type, struct kpc_error *err)
{
	size_t room = sizeof(app->control) - app->control_length;
	int ret;

	if (length > room)
		length = room;
	memcpy(app->control + app->control_length, octets, length);
	app->control_length += length;
	if (!last)
		return 0;
	ret = take_control(app, type, err);
	app->control_length = 0;
	return ret;
}

/*
 * Where the kernel's TLS takes new keys, and the record behind the data that it
 * gives is a KeyUpdate, poll() says from then on that nothing is there: who waits
 * so would never be told. It does not say that of a socket that is shut down.
 */
static void show_key_update(struct kpc_app *app)
{
	char control[KPC_KTLS_CMSG_LEN] __attribute__((aligned(sizeof(size_t))));
	uint8_t first;
	struct iovec part = { &first, sizeof(first) };
	struct msghdr msg = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};

	ssize_t got;

	if (app->identity.version != KPC_VERSION_TLS13)
		return;
	got = recvmsg(app->fd, &msg, MSG_PEEK | MSG_DONTWAIT);
	/* A socket tells of an error once. */
	if (got < 0 && errno != EAGAIN && errno != EINTR)
		app->late = errno;
	if (got != sizeof(first))
		return;
	if (kpc_ktls_cmsg_get(&msg) == KPC_RECORD_HANDSHAKE && first == KEY_UPDATE)
		shutdown(app->fd, SHUT_RD);
}

static ssize_t tls_recv(struct kpc_app *app, void *buffer, size_t size, struct kpc_error *err)
{
	char control[KPC_KTLS_CMSG_LEN] __attribute__((aligned(sizeof(size_t))));
	struct iovec part = { buffer, size };
	struct msghdr msg;
	ssize_t got;
	uint8_t type;
	int ret;

	if (app->late)
		return failed(app, app->late, err);
	for (;;) {
		msg = (struct msghdr){
			.msg_iov = &part,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control),
		};
		got = recvmsg(app->fd, &msg, 0);
		if (got < 0)
			return failed(app, errno, err);
		type = kpc_ktls_cmsg_get(&msg);
		/* With a record's type beside it, nothing is an empty record. */
		if (!got && msg.msg_controllen < CMSG_LEN(sizeof(type)))
			return broken(app, -ECONNRESET, err,
				      "the far end hung up without close_notify");
		if (type == KPC_RECORD_DATA) {
			if (!got)
				continue;
			if ((size_t)got < size)
				show_key_update(app);
			return got;
		}
		ret = take_piece(app, buffer, got, msg.msg_flags & MSG_EOR, type, err);
		if (ret || app->ended)
			return ret;
	}
}

ssize_t kpc_recv(struct kpc_app *app, void *buffer, size_t size, struct kpc_error *err)
{
	ssize_t got;

	if (app->broken)
		return was_broken(app, err);
	if (!size)
		return kpc_error_return(err, -EINVAL, "there is no room to receive into");
	if (app->ended)
		return 0;
	if (app->socket == KPC_APP_TLS)
		return tls_recv(app, buffer, size, err);
	got = recv(app->fd, buffer, size, 0);
	if (got < 0)
		return failed(app, errno, err);
	app->ended = !got;
	return got;
}

/* Where the connection ends in order. */
static uint64_t last_record(const struct kpc_app *app)
{
	const struct kpc_suite *suite = kpc_suite_by_code(app->identity.suite);
	uint32_t most = suite && app->socket == KPC_APP_TLS ?
		kpc_suite_records(suite, app->identity.records) : 0;

	return most ? KPC_RECORDS_LAST(most) : UINT64_MAX;
}

ssize_t kpc_send(struct kpc_app *app, const void *octets, size_t length, struct kpc_error *err)
{
	uint64_t records = (length + RECORD_OCTETS - 1) / RECORD_OCTETS;
	ssize_t sent;
	int ret;

	if (app->broken)
		return was_broken(app, err);
	if (app->records + records > last_record(app)) {
		ret = kpc_app_shutdown(app, err);
		if (ret)
			return ret;
		return kpc_error_return(err, -EKEYEXPIRED,
					"the key has protected all the records it may");
	}
	if (app->closed)
		return kpc_error_return(err, -EPIPE, "all was said to be sent");
	sent = send(app->fd, octets, length, MSG_NOSIGNAL);
	if (sent < 0)
		return failed(app, errno, err);
	app->records += ((size_t)sent + RECORD_OCTETS - 1) / RECORD_OCTETS;
	return sent;
}

/*
 * A FIN would overtake what the kernel's TLS holds still, and receiving is to go
 * on: close_notify says it all. Where the socket waits, so does this, until TCP
 * has this record and with it those before.
 */
int kpc_app_shutdown(struct kpc_app *app, struct kpc_error *err)
{
	static const uint8_t close_notify[] = { KPC_ALERT_WARNING, KPC_ALERT_CLOSE_NOTIFY };
	int ret;

	if (app->broken)
		return was_broken(app, err);
	if (app->closed)
		return 0;
	if (app->socket == KPC_APP_TLS)
		ret = kpci_control_send(app->fd, KPC_RECORD_ALERT, close_notify,
					sizeof(close_notify), 0);
	else
		ret = shutdown(app->fd, SHUT_WR) ? -errno : 0;
	if (ret)
		return failed(app, -ret, err);
	app->closed = true;
	return 0;
}

int kpc_app_close(struct kpc_app *app, struct kpc_error *err)
{
	int ret = kpc_app_shutdown(app, err);

	close(app->fd);
	app->fd = -1;
	return ret;
}

void kpc_app_abort(struct kpc_app *app)
{
	struct linger reset = { .l_onoff = 1 };

	setsockopt(app->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(app->fd);
	app->fd = -1;
}
