/* SPDX-License-Identifier: MIT */
/*
 * The warden: configuration, keys, listeners and the rights of the agent.
 */
#ifndef KPCD_WARDEN_H
#define KPCD_WARDEN_H

#include <stdbool.h>
#include <stdint.h>

#include <kpc/keystore.h>
#include <kpc/nl.h>

#include "crew.h"
#include "loop.h"
#include "options.h"
#include "resolver.h"
#include "table.h"
#include "tally.h"

/**
 * struct warden - all of its state
 * @options: the command line
 * @loop: what it waits for
 * @table: associations
 * @keys: key store; replaced whole or not at all; NULL, there is no file yet
 * @nobody: a key for who has none, random
 * @keys_at: CLOCK_MONOTONIC milliseconds of when it was read
 * @keys_old: there are associations younger than that; see entry.key_unread
 * @keys_refused: reading it failed then
 * @keys_timer: reads it again
 * @crew: workers
 * @resolver: process that looks up names
 * @listeners: TLS listeners
 * @last_listener: number of the last listener of either sort
 * @last_association: --table mode, number of the last association
 * @signals: SIGTERM and others
 * @grace: end of the drain
 * @stopping: SIGTERM was seen
 * @stopping_at: CLOCK_MONOTONIC milliseconds of it
 * @enforce: the module is there
 * @quota: @enforce only, handshakes that each worker may have
 * @failed: it cannot go on
 * @module: tells when the module is gone
 * @nl: requests to the module
 * @events: the module's events
 * @flows: the ends of bindings are among them
 * @events_source: waits for @events
 * @resync: reads the module's table anew
 * @tally: what the service manager is told of connections
 */
struct warden {
	const struct options *options;
	struct loop loop;
	struct table table;
	struct kpc_keystore *keys;
	struct kpc_key *nobody;
	uint64_t keys_at;
	bool keys_old;
	bool keys_refused;
	struct loop_timer keys_timer;
	struct crew crew;
	struct resolver resolver;
	struct listener *listeners;
	uint32_t last_listener;
	uint32_t last_association;
	struct loop_source signals;
	struct loop_timer grace;
	bool stopping;
	uint64_t stopping_at;
	bool enforce;
	struct kpc_message_quota quota;
	bool failed;
	struct loop_source module;
	struct kpc_nl nl;
	struct kpc_nl events;
	bool flows;
	struct loop_source events_source;
	struct loop_timer resync;
	struct tally tally;
};

/**
 * warden_key() - the key of a KpcId
 *
 * Return: its entry in the key store, valid until that is read anew; NULL
 * where there is none.
 */
const struct kpc_keystore_entry *warden_key(const struct warden *warden,
					    const struct kpc_kpcid *id);

/**
 * warden_run() - be the warden until SIGTERM
 *
 * Return: the exit status.
 */
int warden_run(const struct options *options);

#endif
