// SPDX-License-Identifier: MIT
/*
 * Arguments of sends and receives under way, lent out for as long.
 */
#include <stdlib.h>
#include <string.h>

#include "connection.h"

struct transfer *transfer_get(struct worker *worker)
{
	struct transfer *transfer = worker->transfers;

	if (transfer)
		worker->transfers = transfer->next;
	else
		transfer = malloc(sizeof(*transfer));
	if (!transfer)
		return NULL;
	transfer->next = NULL;
	memset(&transfer->msg, 0, sizeof(transfer->msg));
	memset(transfer->buffers, 0, sizeof(transfer->buffers));
	transfer->msg.msg_iov = transfer->parts;
	return transfer;
}

void transfer_put(struct worker *worker, struct transfer *transfer)
{
	unsigned int i;

	if (!transfer)
		return;
	for (i = 0; i < TRANSFER_PARTS && transfer->buffers[i]; i++)
		buffer_put(&worker->pool, transfer->buffers[i]);
	transfer->next = worker->transfers;
	worker->transfers = transfer;
}

void transfer_flush(struct worker *worker)
{
	struct transfer *transfer;

	while ((transfer = worker->transfers)) {
		worker->transfers = transfer->next;
		free(transfer);
	}
}
