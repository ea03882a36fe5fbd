// SPDX-License-Identifier: MIT
/*
 * From a TCP connection to one whose records the chosen carrier makes. There is
 * no second choice: what was asked for is measured, or nothing.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <kpc/ktls.h>
#include <kpc/secrets.h>
#include <kpc/suite.h>

#include "channel.h"
#include "site.h"

#define RECORD_OCTETS	(5 + 16384 + 2048)

int channel_begin(struct channel *channel,
		  struct kpc_handshake_context *context)
{
	int ret = 0;

	if (channel->carrier == CARRIER_PLAIN)
		return 0;
	/* Before the handshake: after a FIN it would be refused. */
	if (channel->carrier == CARRIER_KERNEL)
		ret = kpc_ktls_prepare(channel->fd);
	if (ret == -ENOENT)
		return kpc_error_return(channel->err, -EOPNOTSUPP,
			"this kernel has no TLS, or its module tls is not loaded; --carrier user does without");
	if (ret)
		return kpc_error_return(channel->err, ret,
					"kernel TLS: %s", strerror(-ret));
	channel->handshake = kpc_handshake_new(context, channel->err);
	if (!channel->handshake)
		return -errno;
	if (channel->site->role == KPC_ROLE_A)
		ret = site_initiate(channel->site, channel->handshake,
				    &channel->association, channel->err);
	if (!ret)
		kpc_handshake_advance(channel->handshake);
	return ret;
}

static int bind_to(struct channel *channel, const struct kpc_traffic *tx,
		   const struct kpc_traffic *rx)
{
	struct kpc_bind bind = {
		.fd = channel->fd,
		.association = channel->association->name,
		.association_id = site_id(channel->site, channel->association),
		.carrier = tx ? KPC_CARRIER_KERNEL : KPC_CARRIER_AGENT,
		.version = channel->version,
		.suite = channel->suite,
	};

	if (!channel->site->binder)
		return 0;
	return binder_bind(channel->site->binder, &bind, tx, rx, channel->err);
}

static int install_kernel(struct channel *channel)
{
	struct kpc_traffic tx, rx;
	int ret;

	ret = kpc_secrets_derive(channel->handshake, &tx, &rx, channel->err);
	if (ret)
		return ret;
	ret = kpc_ktls_install(channel->fd, &tx, &rx, channel->err) ?:
	      bind_to(channel, &tx, &rx);
	kpc_traffic_wipe(&tx);
	kpc_traffic_wipe(&rx);
	return ret;
}

static int install(struct channel *channel)
{
	const struct kpc_handshake_result *result;
	const struct kpc_suite *suite;
	int ret;

	result = kpc_handshake_result(channel->handshake);
	suite = kpc_suite_by_code(result->suite);
	channel->version = result->version;
	channel->suite = result->suite;
	if (channel->carrier == CARRIER_USER) {
		channel->records = kpc_records_new(channel->handshake,
						   channel->err);
		ret = channel->records ? bind_to(channel, NULL, NULL) : -errno;
	} else if (!suite || !suite->cipher_type) {
		ret = kpc_error_return(channel->err, -EOPNOTSUPP,
				       "the kernel cannot carry %s; --carrier user can",
				       suite ? suite->name : "the suite that was agreed");
	} else {
		ret = install_kernel(channel);
	}
	kpc_handshake_free(channel->handshake);
	channel->handshake = NULL;
	return ret;
}

static int send_output(struct channel *channel)
{
	const void *octets;
	ssize_t sent;
	size_t len;

	for (;;) {
		octets = kpc_handshake_output(channel->handshake, &len);
		if (!len)
			return 0;
		do {
			sent = send(channel->fd, octets, len,
				    MSG_NOSIGNAL | MSG_DONTWAIT);
		} while (sent < 0 && errno == EINTR);
		if (sent < 0 && errno == EAGAIN) {
			channel->want |= EPOLLOUT;
			return -EAGAIN;
		}
		if (sent < 0)
			return -errno;
		kpc_handshake_output_sent(channel->handshake, sent);
	}
}

/* No octet beyond the need is taken: the rest may be for the kernel. */
static int read_input(struct channel *channel)
{
	size_t need = kpc_handshake_need(channel->handshake);
	uint8_t octets[RECORD_OCTETS];
	ssize_t got;

	if (need > sizeof(octets))
		need = sizeof(octets);
	do {
		got = recv(channel->fd, octets, need, MSG_DONTWAIT);
	} while (got < 0 && errno == EINTR);
	if (got < 0 && errno == EAGAIN) {
		channel->want |= EPOLLIN;
		return -EAGAIN;
	}
	if (got < 0)
		return kpc_error_return(channel->err, -errno,
					"the peer hung up during the handshake: %s",
					strerror(errno));
	if (!got) {
		kpc_handshake_input_end(channel->handshake);
		return 0;
	}
	kpc_handshake_input(channel->handshake, octets, got);
	if ((size_t)got == need)
		kpc_handshake_advance(channel->handshake);
	return 0;
}

static int give_key(struct channel *channel)
{
	int ret = site_answer(channel->site, channel->handshake,
			      &channel->association);

	if (ret)
		return kpc_error_return(channel->err, ret,
					"handshake: no key could be given: %s",
					strerror(-ret));
	kpc_handshake_advance(channel->handshake);
	return 0;
}

static int failed(struct channel *channel)
{
	const struct kpc_handshake_failure *failure =
		kpc_handshake_failure(channel->handshake);

	return kpc_error_return(channel->err,
				failure->cause == KPC_HANDSHAKE_LOCAL ?
				-ENOMEM : -EPROTO, "handshake: %s",
				failure->text.text);
}

int channel_handshake(struct channel *channel)
{
	int ret;

	while (channel->handshake) {
		ret = send_output(channel);
		if (ret == -EAGAIN)
			return ret;
		/* After a failure the alert is a courtesy; the reason is known. */
		if (kpc_handshake_state(channel->handshake) ==
		    KPC_HANDSHAKE_FAILED)
			return failed(channel);
		if (ret)
			return kpc_error_return(channel->err, ret,
				"the peer hung up during the handshake: %s",
				strerror(-ret));
		switch (kpc_handshake_state(channel->handshake)) {
		case KPC_HANDSHAKE_WANT_INPUT:
			ret = read_input(channel);
			break;
		case KPC_HANDSHAKE_WANT_KEY:
			ret = give_key(channel);
			break;
		case KPC_HANDSHAKE_DONE:
			return install(channel);
		case KPC_HANDSHAKE_FAILED:
			break;
		}
		if (ret)
			return ret;
	}
	return 0;
}
