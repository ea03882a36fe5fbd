/* SPDX-License-Identifier: MIT */
/*
 * What the commands of kpc(8) share.
 */
#ifndef KPC_CLI_H
#define KPC_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <kpc/association.h>
#include <kpc/error.h>
#include <kpc/nl.h>

#include "json.h"

/* Exit statuses of the program. */
#define CLI_OK		0
#define CLI_REFUSED	1
#define CLI_USAGE	2

/**
 * struct cli - One run of the program
 * @json: Where -j writes to.
 * @use_json: -j was given.
 * @pretty: -jpretty was given.
 * @nl: Socket to the module once cli_connect() was called.
 * @connected: @nl is open.
 * @where: "FILE:LINE: " of a batch, else empty.
 * @command: The words of the command in full, for messages.
 */
struct cli {
	struct json json;
	bool use_json;
	bool pretty;
	struct kpc_nl nl;
	bool connected;
	char where[256];
	char command[128];
};

/**
 * struct command - One entry of a table of commands
 * @name: In full; an abbreviation that fits no other will do.
 * @run: Gets the words after @name; returns an exit status.
 * @usage: What follows @name; NULL: a command of a table of its own.
 * @help: What it does, in a few words.
 */
struct command {
	const char *name;
	int (*run)(struct cli *cli, int argc, char **argv);
	const char *usage;
	const char *help;
};

/**
 * cli_dispatch() - Find the command of the first word and run it
 * @table: The commands; the first is run where there is no word.
 */
int cli_dispatch(struct cli *cli, const struct command *table, size_t count,
		 int argc, char **argv);

/**
 * cli_connect() - Open the socket to the module unless it is open
 *
 * Return: 0 or CLI_REFUSED, with the message printed.
 */
int cli_connect(struct cli *cli);

/*
 * One line on stderr that names the command and what it was done to; returns
 * the exit status.
 */
int cli_refuse(const struct cli *cli, const char *subject,
	       const struct kpc_error *err);
int cli_usage(const struct cli *cli, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* 0, or CLI_USAGE where words are left that nothing wants. */
int cli_no_words(const struct cli *cli, int argc, char **argv);
void cli_warn(const struct cli *cli, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * struct cli_option - A --option of a command
 * @name: With its dashes.
 * @flag: Set to true; NULL where a value follows.
 * @value: Set to the word that follows.
 */
struct cli_option {
	const char *name;
	bool *flag;
	const char **value;
};

/**
 * cli_options() - Take the options out of the words
 * @argc: Lessened by what was taken.
 * @argv: The words that are left move together.
 *
 * Return: 0 or CLI_USAGE, with the message printed.
 */
int cli_options(const struct cli *cli, const struct cli_option *options,
		size_t count, int *argc, char **argv);

/* The value of an option as a number of seconds or things. */
int cli_seconds(const struct cli *cli, const char *option, const char *text,
		uint32_t *seconds);
int cli_count(const struct cli *cli, const char *option, const char *text,
	      uint64_t *number);

int cmd_association(struct cli *cli, int argc, char **argv);
int cmd_binding(struct cli *cli, int argc, char **argv);
int cmd_endpoint(struct cli *cli, int argc, char **argv);
int cmd_session(struct cli *cli, int argc, char **argv);
int cmd_agent(struct cli *cli, int argc, char **argv);
int cmd_establish(struct cli *cli, int argc, char **argv);
int cmd_close(struct cli *cli, int argc, char **argv);
int cmd_key(struct cli *cli, int argc, char **argv);
int cmd_provision(struct cli *cli, int argc, char **argv);
int cmd_config(struct cli *cli, int argc, char **argv);
int cmd_load(struct cli *cli, int argc, char **argv);
int cmd_sync(struct cli *cli, int argc, char **argv);
int cmd_confirm(struct cli *cli, int argc, char **argv);
int cmd_save(struct cli *cli, int argc, char **argv);
int cmd_monitor(struct cli *cli, int argc, char **argv);
int cmd_stats(struct cli *cli, int argc, char **argv);
int cmd_doctor(struct cli *cli, int argc, char **argv);
int cmd_version(struct cli *cli, int argc, char **argv);
int cmd_show(struct cli *cli, int argc, char **argv);

#define CLI_COUNT(array)	(sizeof(array) / sizeof((array)[0]))

#endif
