/* SPDX-License-Identifier: MIT */
/*
 * What the command line says.
 */
#ifndef KPCD_OPTIONS_H
#define KPCD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <kpc/handshake.h>

#define OPTIONS_WORKERS_MAX	256

/**
 * struct options - the command line, defaults filled in
 * @table: --table FILE: associations from there, no module; NULL, the module's
 * @config: module mode, the association file that SIGHUP brings the module in
 *	line with; NULL, KPC_TABLE_FILE and KPC_TABLE_DIRECTORY if they are there
 * @keys: the key store; files in the directory of that name and ".d" too
 * @workers: how many
 * @user: name for the log
 * @uid: whom workers run as
 * @gid: and their group
 * @engine: enum worker_engine
 * @pin: each worker stays on one processor
 * @key_rate: keys a worker may ask for per second
 * @source_rate: connections one source may make at a worker per second, or 0
 * @group_count: used of @groups; 0, as libkpc has them
 * @groups: of (EC)DHE by preference
 * @drain_seconds: how long SIGTERM waits for connections
 */
struct options {
	const char *table;
	const char *config;
	const char *keys;
	const char *user;
	unsigned int workers;
	uid_t uid;
	gid_t gid;
	unsigned int engine;
	bool pin;
	unsigned int key_rate;
	unsigned int source_rate;
	unsigned int group_count;
	uint16_t groups[KPC_HANDSHAKE_GROUPS_MAX];
	unsigned int drain_seconds;
};

/**
 * options_read() - read the command line
 * @options: filled in
 *
 * --help and --version are carried out here.
 *
 * Return: 0; 1, nothing more is to be done; -EINVAL, said on stderr.
 */
int options_read(struct options *options, int argc, char **argv);

#endif
