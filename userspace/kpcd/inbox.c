// SPDX-License-Identifier: MIT
/*
 * What workers say, checked before anything is done with it.
 */
#include <errno.h>
#include <string.h>

#include "associations.h"
#include "backend.h"
#include "crew.h"
#include "establish.h"
#include "event.h"
#include "inbox.h"
#include "log.h"
#include "release.h"
#include "warden.h"

static int on_ready(struct crew_worker *worker, struct kpc_message *message)
{
	struct log_line line;

	if (worker->ready)
		return -EPROTO;
	worker->ready = true;
	log_begin(&line, LOG_INFO, "worker %u is ready", worker->index);
	log_number(&line, "WORKER", worker->index);
	log_number(&line, "PID", worker->pid);
	log_end(&line);
	associations_worker_ready(worker);
	establish_worker_ready(worker->warden);
	return 0;
}

static int on_key_request(struct crew_worker *worker,
			  struct kpc_message *message)
{
	release_key(worker, message->request, &message->key_request);
	return 0;
}

static int on_backend_request(struct crew_worker *worker,
			      struct kpc_message *message)
{
	backend_connect(worker, message->request, &message->backend_request);
	return 0;
}

static int on_established(struct crew_worker *worker,
			  struct kpc_message *message)
{
	message->established.message[KPC_MESSAGE_TEXT_MAX] = '\0';
	establish_outcome(worker, message->request,
			  &message->established);
	return 0;
}

static int on_event(struct crew_worker *worker, struct kpc_message *message)
{
	message->event.text[KPC_MESSAGE_TEXT_MAX] = '\0';
	event_log(worker, &message->event);
	return 0;
}

static const struct {
	uint32_t type;
	int (*handle)(struct crew_worker *worker, struct kpc_message *message);
} known[] = {
	{ KPC_MESSAGE_READY,		on_ready },
	{ KPC_MESSAGE_KEY_REQUEST,	on_key_request },
	{ KPC_MESSAGE_BACKEND_REQUEST,	on_backend_request },
	{ KPC_MESSAGE_ESTABLISHED,	on_established },
	{ KPC_MESSAGE_EVENT,		on_event },
};

int inbox_message(struct crew_worker *worker, struct kpc_message *message,
		  size_t len)
{
	size_t i;

	if (len < KPC_MESSAGE_HEAD || len != message_length(message->type))
		return -EPROTO;
	for (i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (known[i].type == message->type)
			return known[i].handle(worker, message);
	return -EPROTO;
}
