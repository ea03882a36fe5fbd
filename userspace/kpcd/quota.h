/* SPDX-License-Identifier: MIT */
/*
 * How many handshakes a worker may have under way, so that all workers together
 * stay within what the module registers.
 */
#ifndef KPCD_QUOTA_H
#define KPCD_QUOTA_H

#include <stdint.h>

#include "message.h"

struct crew_worker;
struct warden;

/**
 * quota_of() - what a worker may have of the module's max-handshakes
 * @max: max-handshakes
 * @workers: how many share it, at least 1
 * @listeners: addresses at which each of them listens
 *
 * Return: one of each sort at least.
 */
struct kpc_message_quota quota_of(uint32_t max, uint32_t workers,
				  uint32_t listeners);

/**
 * quota_update() - read max-handshakes, and tell the workers what has changed
 *
 * Without the module there is no limit but the worker's own.
 */
void quota_update(struct warden *warden);

/** quota_tell() - tell a worker that has just begun, before it has listeners */
void quota_tell(struct crew_worker *worker);

#endif
