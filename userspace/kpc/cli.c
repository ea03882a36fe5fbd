// SPDX-License-Identifier: MIT
/*
 * Finds commands and options, connects to the module, says what went wrong.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static void put_prefix(const struct cli *cli)
{
	fflush(stdout);
	fprintf(stderr, "kpc: %s", cli->where);
	if (*cli->command)
		fprintf(stderr, "%s: ", cli->command);
}

/* The module's sentences begin with a name that has been said already. */
static const char *without_name(const char *text, const char *name)
{
	size_t length = strlen(name);

	if (*text == '\'' && !strncmp(text + 1, name, length) &&
	    !strncmp(text + 1 + length, "': ", 3))
		return text + 1 + length + 3;
	return text;
}

int cli_refuse(const struct cli *cli, const char *subject,
	       const struct kpc_error *err)
{
	const char *text = err->text;
	struct kpc_error safe;

	fflush(stdout);
	fprintf(stderr, "kpc: %s%s", cli->where, cli->command);
	if (subject) {
		kpc_error_set(&safe, "%s", subject);
		text = without_name(text, subject);
		fprintf(stderr, " %s", safe.text);
	}
	fprintf(stderr, "%s%s\n", *cli->command || subject ? ": " : "", text);
	return CLI_REFUSED;
}

/* Words may hold anything: struct kpc_error keeps a terminal safe. */
static void put_sentence(const struct cli *cli, const char *kind,
			 const char *format, va_list arguments)
{
	char text[2 * KPC_ERROR_TEXT_MAX];
	struct kpc_error safe;

	vsnprintf(text, sizeof(text), format, arguments);
	kpc_error_set(&safe, "%s", text);
	put_prefix(cli);
	fprintf(stderr, "%s%s\n", kind, safe.text);
}

int cli_usage(const struct cli *cli, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	put_sentence(cli, "", format, arguments);
	va_end(arguments);
	return CLI_USAGE;
}

int cli_no_words(const struct cli *cli, int argc, char **argv)
{
	if (!argc)
		return 0;
	return cli_usage(cli, "\"%.40s\" is too much: no word is accepted here",
			 argv[0]);
}

void cli_warn(const struct cli *cli, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	put_sentence(cli, "warning: ", format, arguments);
	va_end(arguments);
}

static void put_usage(FILE *out, const struct cli *cli,
		      const struct command *table, size_t count)
{
	char head[sizeof(cli->command) + 32];
	const char *usage;
	size_t i;

	for (i = 0; i < count; i++) {
		usage = table[i].usage ? table[i].usage : "help";
		snprintf(head, sizeof(head), "%s%s%s", cli->command,
			 *cli->command ? " " : "", table[i].name);
		fprintf(out, "  kpc %s%s%s\n      %s\n", head,
			*usage ? " " : "", usage, table[i].help);
	}
}

/* Return: the command, or NULL with *@matches 0 or more than 1. */
static const struct command *find(const struct command *table, size_t count,
				  const char *word, size_t *matches)
{
	const struct command *found = NULL;
	size_t length = strlen(word);
	size_t i;

	*matches = 0;
	for (i = 0; i < count; i++) {
		if (strncmp(table[i].name, word, length))
			continue;
		if (!table[i].name[length]) {
			*matches = 1;
			return &table[i];
		}
		found = &table[i];
		++*matches;
	}
	return *matches == 1 && length ? found : NULL;
}

static int not_found(const struct cli *cli, const struct command *table,
		     size_t count, const char *word, size_t matches)
{
	char list[512] = "";
	size_t length = strlen(word);
	size_t used = 0;
	size_t i;

	for (i = 0; i < count && used < sizeof(list); i++) {
		if (matches && strncmp(table[i].name, word, length))
			continue;
		used += snprintf(list + used, sizeof(list) - used, "%s%s",
				 used ? " " : "", table[i].name);
	}
	/* A key, or where one is, in the place of a command's name. */
	if (strchr(word, ':'))
		return cli_usage(cli, "no word with a colon is known; accepted: %s", list);
	return cli_usage(cli, matches ? "\"%.40s\" may be one of: %s" :
			 "\"%.40s\" is not known; accepted: %s", word, list);
}

/*
 * "help" is a word like others behind a command, such as an association's name,
 * and behind an object unless it is the only one.
 */
static bool wants_help(const struct cli *cli, int argc, char **argv)
{
	int i;

	if (!*cli->command && argc == 1 && !strcmp(argv[0], "help"))
		return true;
	for (i = 0; i < argc; i++)
		if (!strcmp(argv[i], "--help"))
			return true;
	return false;
}

int cli_dispatch(struct cli *cli, const struct command *table, size_t count,
		 int argc, char **argv)
{
	const struct command *command = table;
	size_t matches;
	size_t used;

	if (argc && (!strcmp(argv[0], "help") || !strcmp(argv[0], "--help"))) {
		put_usage(stdout, cli, table, count);
		return CLI_OK;
	}
	if (argc) {
		command = find(table, count, argv[0], &matches);
		if (!command)
			return not_found(cli, table, count, argv[0], matches);
		argc--;
		argv++;
	}
	if (command->usage && wants_help(cli, argc, argv)) {
		put_usage(stdout, cli, command, 1);
		return CLI_OK;
	}
	used = strlen(cli->command);
	snprintf(cli->command + used, sizeof(cli->command) - used, "%s%s",
		 used ? " " : "", command->name);
	return command->run(cli, argc, argv);
}

int cli_connect(struct cli *cli)
{
	struct kpc_error err = { "" };

	if (cli->connected)
		return 0;
	if (kpc_nl_open(&cli->nl, &err))
		return cli_refuse(cli, NULL, &err);
	cli->connected = true;
	return 0;
}

int cli_options(const struct cli *cli, const struct cli_option *options,
		size_t count, int *argc, char **argv)
{
	const struct cli_option *option;
	int kept = 0;
	int i;

	for (i = 0; i < *argc; i++) {
		if (strncmp(argv[i], "--", 2)) {
			argv[kept++] = argv[i];
			continue;
		}
		for (option = options; option < options + count; option++)
			if (!strcmp(option->name, argv[i]))
				break;
		if (option == options + count)
			return cli_usage(cli, "%.60s is no option of this command",
					 argv[i]);
		if (option->flag) {
			*option->flag = true;
			continue;
		}
		if (++i == *argc)
			return cli_usage(cli, "%s needs a value", option->name);
		*option->value = argv[i];
	}
	*argc = kept;
	return 0;
}

int cli_count(const struct cli *cli, const char *option, const char *text,
	      uint64_t *number)
{
	char *end;

	*number = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || !*number)
		return cli_usage(cli, "%s \"%.40s\" is not a number of 1 or more",
				 option, text);
	return 0;
}

int cli_seconds(const struct cli *cli, const char *option, const char *text,
		uint32_t *seconds)
{
	uint64_t number;
	size_t length = strlen(text);
	char digits[16];

	/* 30 and 30s are the same to a person. */
	if (length > 1 && text[length - 1] == 's' && length < sizeof(digits)) {
		memcpy(digits, text, length - 1);
		digits[length - 1] = '\0';
		text = digits;
	}
	if (cli_count(cli, option, text, &number))
		return CLI_USAGE;
	if (number > 86400)
		return cli_usage(cli, "%s is at most 86400 seconds", option);
	*seconds = number;
	return 0;
}
