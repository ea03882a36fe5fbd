// SPDX-License-Identifier: MIT
/*
 * kpc(8): shows and changes the associations of this machine.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <kpc/key.h>

#include "cli.h"

static const struct command objects[] = {
	{ "show", cmd_show, "", "all associations with their bindings" },
	{ "association", cmd_association, NULL,
	  "who may speak to whom under which KpcId and mark" },
	{ "binding", cmd_binding, NULL,
	  "sockets tied to an association" },
	{ "endpoint", cmd_endpoint, NULL,
	  "addresses and ports that are protected" },
	{ "session", cmd_session, NULL, "netlink sockets of the agent" },
	{ "agent", cmd_agent, NULL, "is the agent there" },
	{ "establish", cmd_establish, "NAME [--timeout SECONDS]",
	  "have the agent establish an association now" },
	{ "close", cmd_close, "NAME [--timeout SECONDS]",
	  "end an association's bindings and listener" },
	{ "key", cmd_key, NULL, "look after the key store" },
	{ "provision", cmd_provision, "[OPTIONS] NAME WORDS...",
	  "a Kpc and its association in one step" },
	{ "config", cmd_config, NULL,
	  "managed range of marks, maxima, loss of the agent" },
	{ "load", cmd_load,
	  "[FILE] [--force] [--confirm SECONDS] [--keys FILE | --no-keys] [--late-users]",
	  "replace the whole table by a file's" },
	{ "sync", cmd_sync,
	  "[FILE] [--force] [--confirm SECONDS] [--keys FILE | --no-keys] [--late-users]",
	  "carry out the differences to a file" },
	{ "confirm", cmd_confirm, "[--abort]",
	  "keep (or take back) what --confirm left open" },
	{ "save", cmd_save, "[FILE] [--nft | --nft-forward]",
	  "print the table as a file that loads back" },
	{ "monitor", cmd_monitor,
	  "[association] [binding] [violation] [agent] [--count N] [--timeout SECONDS]",
	  "events as they come" },
	{ "stats", cmd_stats, "[--reset]", "counters of the namespace" },
	{ "doctor", cmd_doctor, "[--keys FILE] [--file FILE]",
	  "what is missing on this machine, and what to do" },
	{ "version", cmd_version, NULL,
	  "versions of the program, the module and the ABI" },
};

static int set_netns(const struct cli *cli, const char *name)
{
	char path[4096];
	int fd;

	if (snprintf(path, sizeof(path), "%s%s",
		     strchr(name, '/') ? "" : "/run/netns/", name) >=
	    (int)sizeof(path))
		return cli_usage(cli, "-n: the name is too long");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET)) {
		fprintf(stderr, "kpc: -n %s: %s\n", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return CLI_REFUSED;
	}
	close(fd);
	return 0;
}

static int run(struct cli *cli, int argc, char **argv)
{
	cli->command[0] = '\0';
	return cli_dispatch(cli, objects, CLI_COUNT(objects), argc, argv);
}

/* Commands move words about and shorten the list: not that which is freed. */
static int run_line(struct cli *cli, const struct kpc_line *line)
{
	char **words = calloc(line->count + 1, sizeof(*words));
	int ret;

	if (!words) {
		fprintf(stderr, "kpc: %sno memory\n", cli->where);
		return CLI_REFUSED;
	}
	memcpy(words, line->words, line->count * sizeof(*words));
	ret = run(cli, line->count, words);
	free(words);
	return ret;
}

static int run_batch(struct cli *cli, const char *path)
{
	struct kpc_error err = { "" };
	struct kpc_line line;
	unsigned int number = 0;
	FILE *file = stdin;
	int ret;
	int got;

	if (strcmp(path, "-"))
		file = fopen(path, "re");
	if (!file) {
		fprintf(stderr, "kpc: -B %s: %s\n", path, strerror(errno));
		return CLI_REFUSED;
	}
	for (ret = 0; !ret; kpc_line_free(&line)) {
		got = kpc_line_read(file, &number, &line, &err);
		if (!got)
			break;
		snprintf(cli->where, sizeof(cli->where), "%.200s:%u: ", path,
			 line.number);
		if (got < 0) {
			cli->command[0] = '\0';
			ret = cli_refuse(cli, NULL, &err);
			break;
		}
		ret = run_line(cli, &line);
	}
	if (!ret && ferror(file)) {
		fprintf(stderr, "kpc: -B %s: %s\n", path, strerror(errno));
		ret = CLI_REFUSED;
	}
	if (file != stdin)
		fclose(file);
	return ret;
}

static int usage(FILE *out)
{
	size_t i;

	fputs("usage: kpc [-j[pretty]] [-n NETNS] [-B FILE] [OBJECT [COMMAND] [ARGS]]\n\n",
	      out);
	for (i = 0; i < CLI_COUNT(objects); i++)
		fprintf(out, "  %-12s %s\n", objects[i].name,
			objects[i].help);
	fputs("\nkpc OBJECT help tells more; so does kpc(8).\n", out);
	return out == stdout ? CLI_OK : CLI_USAGE;
}

/* The flag's own text, since getopt() has no -j[pretty] beside -jX. */
static int set_json(struct cli *cli, const char *form)
{
	if (form && strcmp(form, "pretty"))
		return cli_usage(cli, "-j%.40s is not known; -j or -jpretty is accepted",
				 form);
	cli->use_json = true;
	cli->pretty = form;
	cli->json.out = stdout;
	cli->json.pretty = cli->pretty;
	return 0;
}

int main(int argc, char **argv)
{
	struct cli cli = { .nl = { .fd = -1 } };
	const char *batch = NULL;
	struct kpc_error why;
	int option;
	int ret = 0;

	if (kpc_key_refuse(argc, argv, &why))
		ret = cli_usage(&cli, "%s", why.text);
	while (!ret && (option = getopt(argc, argv, "+:j::n:B:hV")) >= 0) {
		switch (option) {
		case 'j':
			ret = set_json(&cli, optarg);
			break;
		case 'n':
			ret = set_netns(&cli, optarg);
			break;
		case 'B':
			batch = optarg;
			break;
		case 'V':
			puts("kpc " KPC_VERSION);
			return CLI_OK;
		case 'h':
			return usage(stdout);
		case ':':
			return cli_usage(&cli, "-%c needs a value", optopt);
		default:
			if (optopt == '-' && !strcmp(argv[optind], "--help"))
				return usage(stdout);
			if (optopt)
				cli_usage(&cli, "-%c is no option", optopt);
			return usage(stderr);
		}
	}
	if (ret)
		return ret;
	if (batch && optind < argc)
		return cli_usage(&cli, "-B FILE takes no command beside it");
	if (batch)
		ret = run_batch(&cli, batch);
	else if (optind < argc && !strcmp(argv[optind], "help"))
		ret = usage(stdout);
	else
		ret = run(&cli, argc - optind, argv + optind);
	if (cli.connected)
		kpc_nl_close(&cli.nl);
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "kpc: writing: %s\n", strerror(errno));
		return CLI_REFUSED;
	}
	return ret;
}
