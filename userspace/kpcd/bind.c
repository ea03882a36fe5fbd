// SPDX-License-Identifier: MIT
/*
 * The worker's own questions to the module: register a socket, bind one.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include <kpc/nl.h>

#include "rekey.h"
#include "worker_state.h"

#define DATAGRAMS_AT_ONCE	64

/* One that the module gave, for the questions that were not even asked. */
static void bind_refuse(struct worker *worker, uint32_t id, int error,
			const char *text)
{
	struct bind_answer answer = { .error = error };

	if (text)
		snprintf(answer.text, sizeof(answer.text), "%s", text);
	else
		snprintf(answer.text, sizeof(answer.text),
			 "the module refused it: %s", strerror(-error));
	waiter_answer(&worker->binds, id, &answer, -1);
}

static void bind_message(struct worker *worker,
			 const struct kpc_nl_message *message)
{
	struct bind_answer answer = {};
	struct kpc_binding binding;

	switch (message->type) {
	case KPC_NL_DATA:
		/* The acknowledgement comes behind it. */
		if (!kpc_nl_decode_binding(message, &binding)) {
			worker->binding = binding.id;
			worker->binding_seq = message->seq;
		}
		break;
	case KPC_NL_ACK:
		if (worker->binding_seq == message->seq)
			answer.binding = worker->binding;
		waiter_answer(&worker->binds, message->seq, &answer, -1);
		break;
	case KPC_NL_REFUSED:
		bind_refuse(worker, message->seq, message->error,
			    message->text);
		break;
	}
}

/* It could bind nothing more; one that replaces it can. */
static void bind_lost(struct worker *worker, int error)
{
	worker_event(worker, KPC_EVENT_FAULT, NULL,
		     "the module's answers cannot be read: %s",
		     strerror(error));
	worker->stop = true;
	worker->status = 1;
}

/*
 * From the first answer that found no room until all that did are read, the kernel
 * drops others without a word: who asked again before would wait for good. Who
 * else waits for a lost answer has a deadline.
 */
static void bind_drained(struct worker *worker)
{
	if (!worker->answers_lost)
		return;
	worker->answers_lost = false;
	rekey_lost(worker);
}

static void bind_ready(struct engine_op *op, int result)
{
	struct worker *worker = container_of(op, struct worker, netlink_in);
	uint8_t datagram[8192] __attribute__((aligned(4)));
	struct kpc_nl_message message;
	const void *at;
	size_t length;
	ssize_t got;
	int i;

	/* Once one was lost no others come before all are read. */
	for (i = 0; i < DATAGRAMS_AT_ONCE || worker->answers_lost; i++) {
		got = recv(worker->netlink_fd, datagram, sizeof(datagram),
			   MSG_DONTWAIT);
		if (got < 0 && errno == EAGAIN) {
			bind_drained(worker);
			break;
		}
		if (got < 0 && errno != ENOBUFS && errno != EINTR) {
			bind_lost(worker, errno);
			return;
		}
		worker->answers_lost |= got < 0 && errno == ENOBUFS;
		at = datagram;
		length = got > 0 ? got : 0;
		while (kpc_nl_message_next(worker->config.family, &at, &length,
					   &message) > 0)
			bind_message(worker, &message);
	}
	engine_submit(worker->engine, op);
}

void bind_start(struct worker *worker)
{
	worker->netlink_in = (struct engine_op){
		.done = bind_ready,
		.fd = worker->netlink_fd,
		.code = ENGINE_POLL,
		.events = POLLIN,
	};
	engine_submit(worker->engine, &worker->netlink_in);
}

static void bind_send(struct worker *worker, uint32_t id, const void *request,
		      int length)
{
	if (length > 0 &&
	    send(worker->netlink_fd, request, length, MSG_DONTWAIT) < 0)
		length = -errno;
	if (length < 0)
		bind_refuse(worker, id, length, "the module cannot be asked");
}

void bind_handshake(struct worker *worker, struct waiter *waiter, int fd,
		    const struct kpc_message_association *association)
{
	uint8_t request[512] __attribute__((aligned(4)));
	uint32_t id = waiter_add(&worker->binds, waiter);

	bind_send(worker, id, request,
		  kpc_nl_build_handshake_new(request, sizeof(request),
					     worker->config.family, id, fd,
					     association->name,
					     association->id));
}

void bind_hand_over(struct worker *worker, struct waiter *waiter, int fd)
{
	uint8_t request[128] __attribute__((aligned(4)));
	uint32_t id = waiter_add(&worker->binds, waiter);

	bind_send(worker, id, request,
		  kpc_nl_build_binding_hand_over(request, sizeof(request),
						 worker->config.family, id,
						 fd));
}

void bind_socket(struct worker *worker, struct waiter *waiter,
		 const struct kpc_bind *bind)
{
	uint8_t request[1024] __attribute__((aligned(4)));
	uint32_t id = waiter_add(&worker->binds, waiter);

	bind_send(worker, id, request,
		  kpc_nl_build_binding_new(request, sizeof(request),
					   worker->config.family, id, bind));
}

void bind_release(struct worker *worker, uint64_t binding)
{
	uint8_t request[128] __attribute__((aligned(4)));
	int length;

	if (!binding)
		return;
	length = kpc_nl_build_binding_del(request, sizeof(request),
					  worker->config.family, 0, binding);
	/* Answers to many of them would leave no room for others. */
	if (length > 0) {
		((struct nlmsghdr *)request)->nlmsg_flags &= ~NLM_F_ACK;
		send(worker->netlink_fd, request, length, MSG_DONTWAIT);
	}
}

void bind_rekey(struct worker *worker, struct waiter *waiter, int fd,
		const uint8_t *tx_digest, const uint8_t *rx_digest)
{
	uint8_t request[256] __attribute__((aligned(4)));
	uint32_t id = waiter_add(&worker->binds, waiter);

	bind_send(worker, id, request,
		  kpc_nl_build_binding_rekey(request, sizeof(request),
					     worker->config.family, id, fd,
					     tx_digest, rx_digest));
}
