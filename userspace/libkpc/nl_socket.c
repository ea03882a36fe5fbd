// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The generic netlink socket: opened, the family found, requests carried out.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/genetlink.h>

#include "nl_internal.h"

/* A command is carried out while it is sent; only a stuck kernel takes long. */
#define ANSWER_MS	30000
#define RECEIVE_OCTETS	(1 << 20)

static const char *const group_names[KPC_NL_GROUPS] = {
	KPC_MCGRP_ASSOCIATION,
	KPC_MCGRP_BINDING,
	KPC_MCGRP_VIOLATION,
	KPC_MCGRP_AGENT,
};

int kpc_nl_socket(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK };
	int octets = RECEIVE_OCTETS;
	int one = 1;
	int ret;
	int fd;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one)) ||
	    setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one)) ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address))) {
		ret = -errno;
		close(fd);
		return ret;
	}
	/* A longer queue makes lost events rarer; without it they are told. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &octets,
		       sizeof(octets)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &octets, sizeof(octets));
	return fd;
}

/**
 * kpci_nl_receive() - Receive one datagram of the kernel into nl->buffer
 * @flags: MSG_DONTWAIT or 0.
 *
 * Return: Its octets or a negative errno.
 */
ssize_t kpci_nl_receive(struct kpc_nl *nl, int flags)
{
	struct sockaddr_nl from;
	struct iovec iov = {
		.iov_base = nl->buffer,
		.iov_len = KPC_NL_BUFFER,
	};
	struct msghdr header = {
		.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};
	ssize_t got;

	for (;;) {
		got = recvmsg(nl->fd, &header, flags | MSG_TRUNC);
		if (got < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (header.msg_namelen == sizeof(from) && from.nl_pid)
			continue;
		return header.msg_flags & MSG_TRUNC ? -EMSGSIZE : got;
	}
}

static ssize_t receive_answer(struct kpc_nl *nl)
{
	struct pollfd wait = { .fd = nl->fd, .events = POLLIN };
	ssize_t got;
	int ret;

	for (;;) {
		got = kpci_nl_receive(nl, MSG_DONTWAIT);
		if (got != -EAGAIN)
			return got;
		ret = poll(&wait, 1, ANSWER_MS);
		if (!ret)
			return -ETIMEDOUT;
		if (ret < 0 && errno != EINTR)
			return -errno;
	}
}

static int refused(const struct kpc_nl_message *message, struct kpc_error *err)
{
	if (message->text)
		return kpc_error_return(err, message->error, "%s",
					message->text);
	if (message->error == -EPERM)
		return kpc_error_return(err, message->error,
					"CAP_NET_ADMIN over the network namespace is needed");
	return kpc_error_return(err, message->error, "%s",
				strerror(-message->error));
}

static int send_request(struct kpc_nl *nl, int length)
{
	ssize_t sent;

	do {
		sent = send(nl->fd, nl->buffer, length, 0);
	} while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

/* What one answered request collects until its acknowledgement. */
struct answer {
	int (*fn)(const struct kpc_nl_message *message, void *data);
	void *data;
	int result;
	bool interrupted;
};

static int take_datagram(struct kpc_nl *nl, size_t length,
			 struct answer *answer, struct kpc_error *err)
{
	const void *next = nl->buffer;
	struct kpc_nl_message message;
	int ret;

	while ((ret = kpc_nl_message_next(nl->family.id, &next, &length,
					  &message)) > 0) {
		if (message.seq != nl->seq)
			continue;
		answer->interrupted |= message.interrupted;
		if (message.type == KPC_NL_REFUSED)
			return refused(&message, err);
		if (message.type == KPC_NL_ACK) {
			if (message.text)
				kpc_error_set(err, "%s", message.text);
			return 1;
		}
		if (answer->fn && !answer->result)
			answer->result = answer->fn(&message, answer->data);
	}
	return ret;
}

/**
 * kpci_nl_call() - Send a request, read its answers to the acknowledgement
 * @nl: Socket; its buffer holds the request.
 * @length: What the kpc_nl_build_*() returned.
 * @fn: Called for each data message until it returns other than 0; or NULL.
 * @data: For @fn.
 * @err: The refusal; where the request was carried out, a warning of the
 *   module or empty.
 *
 * Return: 0, what @fn returned, or a negative errno; -EINTR where a dump saw
 * the table change.
 */
int kpci_nl_call(struct kpc_nl *nl, int length,
		 int (*fn)(const struct kpc_nl_message *message, void *data),
		 void *data, struct kpc_error *err)
{
	struct answer answer = { .fn = fn, .data = data };
	ssize_t got;
	int ret;

	if (err)
		err->text[0] = '\0';
	if (length < 0)
		return kpc_error_return(err, length,
					"the request does not fit into a message");
	ret = send_request(nl, length);
	if (ret)
		return kpc_error_return(err, ret, "sending to the module: %s",
					strerror(-ret));
	do {
		got = receive_answer(nl);
		/* Events in the way were lost; the answer itself was not. */
		if (got == -ENOBUFS)
			continue;
		if (got < 0)
			return kpc_error_return(err, got,
						"receiving from the module: %s",
						strerror(-got));
		ret = take_datagram(nl, got, &answer, err);
	} while (!ret);
	if (ret == -EBADMSG && err && !*err->text)
		kpc_error_set(err, "the module's answer cannot be read");
	if (ret < 0)
		return ret;
	if (answer.result < 0 && answer.result == -EBADMSG)
		kpc_error_set(err, "the module's answer cannot be read");
	if (answer.result)
		return answer.result;
	if (answer.interrupted)
		return kpc_error_return(err, -EINTR,
					"the table changed while it was read");
	return 0;
}

static int read_group(const struct nlattr *nest, struct kpc_nl_family *family)
{
	const void *attributes = kpci_nl_attribute_payload(nest);
	size_t length = kpci_nl_attribute_length(nest);
	const struct nlattr *attribute;
	const char *name = NULL;
	uint32_t number = 0;
	size_t i;

	while ((attribute = kpci_nl_attribute_next(&attributes, &length))) {
		const void *payload = kpci_nl_attribute_payload(attribute);
		size_t octets = kpci_nl_attribute_length(attribute);

		switch (kpci_nl_attribute_type(attribute)) {
		case CTRL_ATTR_MCAST_GRP_NAME:
			if (memchr(payload, '\0', octets))
				name = payload;
			break;
		case CTRL_ATTR_MCAST_GRP_ID:
			if (octets == sizeof(number))
				memcpy(&number, payload, sizeof(number));
			break;
		}
	}
	for (i = 0; name && i < KPC_NL_GROUPS; i++)
		if (!strcmp(name, group_names[i]))
			family->groups[i] = number;
	return 0;
}

static int read_family(const struct kpc_nl_message *message, void *data)
{
	const void *attributes = message->attributes;
	size_t length = message->length;
	struct kpc_nl_family *family = data;
	const struct nlattr *attribute;
	const struct nlattr *group;
	const void *groups;
	size_t octets;

	while ((attribute = kpci_nl_attribute_next(&attributes, &length))) {
		groups = kpci_nl_attribute_payload(attribute);
		octets = kpci_nl_attribute_length(attribute);
		switch (kpci_nl_attribute_type(attribute)) {
		case CTRL_ATTR_FAMILY_ID:
			if (octets != sizeof(family->id))
				return -EBADMSG;
			memcpy(&family->id, groups, sizeof(family->id));
			break;
		case CTRL_ATTR_MCAST_GROUPS:
			while ((group = kpci_nl_attribute_next(&groups,
							       &octets)))
				read_group(group, family);
			break;
		}
	}
	return family->id ? 0 : -EBADMSG;
}

static int find_family(struct kpc_nl *nl, struct kpc_error *err)
{
	struct kpci_nl_writer writer;
	struct kpc_nl_family family = { 0 };
	int ret;

	kpci_nl_begin(&writer, nl->buffer, KPC_NL_BUFFER, GENL_ID_CTRL,
		      ++nl->seq, CTRL_CMD_GETFAMILY, NLM_F_ACK);
	kpci_nl_put_string(&writer, CTRL_ATTR_FAMILY_NAME, KPC_GENL_NAME);
	nl->family.id = GENL_ID_CTRL;
	ret = kpci_nl_call(nl, kpci_nl_end(&writer), read_family, &family,
			   err);
	if (ret == -ENOENT)
		kpc_error_set(err, "kpc.ko is not loaded: modprobe kpc");
	nl->family = family;
	return ret;
}

int kpc_nl_adopt(struct kpc_nl *nl, int fd, const struct kpc_nl_family *family)
{
	*nl = (struct kpc_nl) { .fd = fd, .family = *family };
	nl->buffer = malloc(KPC_NL_BUFFER);
	return nl->buffer ? 0 : -ENOMEM;
}

int kpc_nl_open(struct kpc_nl *nl, struct kpc_error *err)
{
	const struct kpc_nl_family none = { 0 };
	int ret;
	int fd;

	*nl = (struct kpc_nl) { .fd = -1 };
	fd = kpc_nl_socket();
	if (fd < 0)
		return kpc_error_return(err, fd,
					"cannot open a generic netlink socket: %s",
					strerror(-fd));
	ret = kpc_nl_adopt(nl, fd, &none);
	if (ret)
		kpc_error_set(err, "out of memory");
	else
		ret = find_family(nl, err);
	if (ret)
		kpc_nl_close(nl);
	return ret;
}

void kpc_nl_close(struct kpc_nl *nl)
{
	if (nl->fd >= 0)
		close(nl->fd);
	free(nl->buffer);
	*nl = (struct kpc_nl) { .fd = -1 };
}
