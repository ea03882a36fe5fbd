// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The generic netlink socket: opened, the family found, requests carried out.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <netlink/errno.h>
#include <netlink/genl/ctrl.h>
#include <netlink/netlink.h>

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

/* libnl numbers its errors by itself; ENOBUFS is out of memory to it. */
static int system_error(int error)
{
	static const struct {
		int libnl;
		int system;
	} known[] = {
		{ NLE_AGAIN,		EAGAIN },
		{ NLE_INTR,		EINTR },
		{ NLE_NOMEM,		ENOBUFS },
		{ NLE_MSG_TRUNC,	EMSGSIZE },
		{ NLE_OBJ_NOTFOUND,	ENOENT },
		{ NLE_PERM,		EPERM },
		{ NLE_NOACCESS,		EACCES },
		{ NLE_BAD_SOCK,		EBADF },
		{ NLE_BUSY,		EBUSY },
		{ NLE_AF_NOSUPPORT,	EAFNOSUPPORT },
	};
	size_t i;

	if (error >= 0)
		return error;
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].libnl == -error)
			return -known[i].system;
	return -EIO;
}

/*
 * A socket of libnl's that does not wait. With @fd of -1 it is a new one, with
 * the number that the kernel gives it.
 */
static int socket_make(int fd, struct nl_sock **made)
{
	struct nl_sock *socket = nl_socket_alloc();
	int ret;

	if (!socket)
		return -ENOMEM;
	nl_socket_set_local_port(socket, 0);
	ret = fd < 0 ? nl_connect(socket, NETLINK_GENERIC) :
	      nl_socket_set_fd(socket, NETLINK_GENERIC, fd);
	if (!ret)
		ret = nl_socket_set_nonblocking(socket);
	if (!ret)
		ret = nl_socket_set_msg_buf_size(socket, KPC_NL_BUFFER);
	if (ret) {
		nl_socket_free(socket);
		return system_error(ret);
	}
	nl_socket_disable_msg_peek(socket);
	*made = socket;
	return 0;
}

/* What libnl has no call for. */
static int socket_options(int fd)
{
	int octets = RECEIVE_OCTETS;
	int one = 1;

	if (setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one)) ||
	    setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one)))
		return -errno;
	/* A longer queue makes lost events rarer; without it they are told. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &octets,
		       sizeof(octets)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &octets, sizeof(octets));
	return 0;
}

int kpc_nl_socket(void)
{
	struct nl_sock *socket;
	int ret, fd;

	ret = socket_make(-1, &socket);
	if (ret)
		return ret;
	ret = socket_options(nl_socket_get_fd(socket));
	/* The socket lives on under a descriptor of its own. */
	fd = ret ? -1 : fcntl(nl_socket_get_fd(socket), F_DUPFD_CLOEXEC, 0);
	if (!ret && fd < 0)
		ret = -errno;
	nl_socket_free(socket);
	return ret ? ret : fd;
}

/**
 * kpci_nl_receive() - Receive one datagram of the kernel into nl->buffer
 *
 * Return: Its octets or a negative errno, -EAGAIN where there is none.
 */
ssize_t kpci_nl_receive(struct kpc_nl *nl)
{
	unsigned char *datagram;
	struct sockaddr_nl from;
	int got;

	for (;;) {
		got = nl_recv(nl->socket, &from, &datagram, NULL);
		if (got < 0)
			return system_error(got);
		if (!got)
			return -EAGAIN;
		if (!from.nl_pid)
			break;
		free(datagram);
	}
	memcpy(nl->buffer, datagram, got);
	free(datagram);
	return got;
}

static ssize_t receive_answer(struct kpc_nl *nl)
{
	struct pollfd wait = { .fd = nl->fd, .events = POLLIN };
	ssize_t got;
	int ret;

	for (;;) {
		got = kpci_nl_receive(nl);
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
	ret = system_error(nl_sendto(nl->socket, nl->buffer, length));
	if (ret < 0)
		return kpc_error_return(err, ret, "sending to the module: %s",
					strerror(-ret));
	ret = 0;
	do {
		got = receive_answer(nl);
		/* There was no room for something, and that may be the answer. */
		if (got == -ENOBUFS)
			return kpc_error_return(err, got,
						"an answer of the module was lost for want of memory: whether it did what was asked is not known");
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

static int find_family(struct kpc_nl *nl, struct kpc_error *err)
{
	int ret = genl_ctrl_resolve(nl->socket, KPC_GENL_NAME);
	size_t i;

	nl->family.id = ret > 0 ? ret : 0;
	for (i = 0; i < KPC_NL_GROUPS && ret >= 0; i++) {
		ret = genl_ctrl_resolve_grp(nl->socket, KPC_GENL_NAME,
					    group_names[i]);
		nl->family.groups[i] = ret;
	}
	if (ret >= 0)
		return 0;
	if (ret == -NLE_OBJ_NOTFOUND)
		return kpc_error_return(err, -ENOENT,
					"kpc.ko is not loaded: modprobe kpc");
	return kpc_error_return(err, system_error(ret),
				"asking the kernel for kpc: %s",
				nl_geterror(ret));
}

int kpc_nl_adopt(struct kpc_nl *nl, int fd, const struct kpc_nl_family *family)
{
	int ret;

	*nl = (struct kpc_nl) { .fd = fd, .family = *family };
	nl->buffer = malloc(KPC_NL_BUFFER);
	if (!nl->buffer)
		return -ENOMEM;
	ret = socket_make(fd, &nl->socket);
	if (ret) {
		free(nl->buffer);
		nl->buffer = NULL;
	}
	return ret;
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
		kpc_error_set(err, "cannot use a generic netlink socket: %s",
			      strerror(-ret));
	else
		ret = find_family(nl, err);
	if (ret)
		kpc_nl_close(nl);
	return ret;
}

void kpc_nl_close(struct kpc_nl *nl)
{
	if (nl->socket)
		nl_socket_free(nl->socket);
	else if (nl->fd >= 0)
		close(nl->fd);
	free(nl->buffer);
	*nl = (struct kpc_nl) { .fd = -1 };
}
