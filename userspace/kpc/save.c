// SPDX-License-Identifier: MIT
/*
 * save: the table as a file that loads back, or as rules for the boot.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dump.h"
#include "print.h"

static int put_table(struct cli *cli, FILE *out)
{
	const struct shown_association *shown;
	struct kpc_config config = { 0 };
	struct kpc_error err = { "" };
	struct list list = { 0 };
	size_t i;
	int ret;

	ret = dump_associations(cli, &list);
	if (ret)
		goto out;
	if (kpc_nl_config_get(&cli->nl, &config, &err)) {
		ret = cli_refuse(cli, NULL, &err);
		goto out;
	}
	/* That it was set this boot tells nothing of the next one. */
	if (config.clock == KPC_CLOCK_SET)
		config.clock = KPC_CLOCK_WAIT;
	fputs("config ", out);
	kpc_config_format(out, &config);
	putc('\n', out);
	shown = list.objects;
	for (i = 0; i < list.count; i++) {
		fputs("association ", out);
		kpc_association_format(out, &shown[i].association,
				       KPC_FORMAT_SAVE);
		putc('\n', out);
	}
out:
	free(list.objects);
	return ret;
}

/* One drop rule: packets to, or from, an endpoint. */
static void put_rule(FILE *out, const struct kpc_endpoint *endpoint,
		     const char *side)
{
	char text[INET6_ADDRSTRLEN];

	fputs("\t\t", out);
	if (endpoint->prefix &&
	    inet_ntop(endpoint->family, endpoint->address, text, sizeof(text)))
		fprintf(out, "%s %caddr %s/%u ",
			endpoint->family == AF_INET ? "ip" : "ip6", *side,
			text, endpoint->prefix);
	else if (endpoint->family == AF_INET || endpoint->family == AF_INET6)
		fprintf(out, "meta nfproto %s ",
			endpoint->family == AF_INET ? "ipv4" : "ipv6");
	if (!endpoint->port_max)
		fprintf(out, "meta l4proto %s drop\n",
			name_protocol(endpoint->protocol));
	else if (endpoint->port_min == endpoint->port_max)
		fprintf(out, "%s %cport %u drop\n",
			name_protocol(endpoint->protocol), *side,
			endpoint->port_min);
	else
		fprintf(out, "%s %cport %u-%u drop\n",
			name_protocol(endpoint->protocol), *side,
			endpoint->port_min, endpoint->port_max);
}

static void start_chain(FILE *out, const char *hook)
{
	fprintf(out, "\tchain %s {\n\t\ttype filter hook %s priority -300; policy accept;\n",
		hook, hook);
}

/*
 * An endpoint of role b is here: packets come to it and leave from it. One of
 * role a is the peer's: packets leave to it and come from it.
 */
static void put_chain(FILE *out, const struct list *list, const char *hook,
		      enum kpc_role to)
{
	const struct kpc_endpoint *endpoints = list->objects;
	size_t i;

	start_chain(out, hook);
	for (i = 0; i < list->count; i++)
		put_rule(out, &endpoints[i],
			 endpoints[i].role == to ? "d" : "s");
	fputs("\t}\n", out);
}

static int put_rules(struct cli *cli, FILE *out)
{
	struct list list = { 0 };
	int ret;

	ret = dump_endpoints(cli, &list);
	if (!ret) {
		fputs("#!/usr/sbin/nft -f\n"
		      "# Drops all traffic of kpc's endpoints while kpc.ko does not guard them.\n"
		      "# `nft delete table inet kpc_boot` lifts it.\n"
		      "table inet kpc_boot\n"
		      "delete table inet kpc_boot\n"
		      "table inet kpc_boot {\n", out);
		put_chain(out, &list, "input", KPC_ROLE_B);
		put_chain(out, &list, "output", KPC_ROLE_A);
		fputs("}\n", out);
	}
	free(list.objects);
	return ret;
}

/*
 * What this machine forwards belongs to none of its sockets, so the module does
 * not judge it; an endpoint of role a is where it could pass for this machine.
 */
static int put_forward(struct cli *cli, FILE *out)
{
	const struct kpc_endpoint *endpoints;
	struct list list = { 0 };
	size_t i;
	int ret;

	ret = dump_endpoints(cli, &list);
	if (!ret) {
		fputs("#!/usr/sbin/nft -f\n"
		      "# Drops what this machine forwards to the peers of kpc's role a endpoints,\n"
		      "# whether kpc.ko is loaded or not. Leave out the rule of a peer that devices\n"
		      "# behind this machine are to reach themselves, with their own TLS.\n"
		      "# `nft delete table inet kpc_forward` lifts it.\n"
		      "table inet kpc_forward\n"
		      "delete table inet kpc_forward\n"
		      "table inet kpc_forward {\n", out);
		start_chain(out, "forward");
		endpoints = list.objects;
		for (i = 0; i < list.count; i++)
			if (endpoints[i].role == KPC_ROLE_A)
				put_rule(out, &endpoints[i], "d");
		fputs("\t}\n}\n", out);
	}
	free(list.objects);
	return ret;
}

static int refuse_file(const struct cli *cli, const char *path, int error)
{
	struct kpc_error err;

	kpc_error_set(&err, "%s", strerror(error));
	return cli_refuse(cli, path, &err);
}

/* What failed on the way is lost, though all that came after it was written. */
static int written(const struct cli *cli, const char *path, FILE *out)
{
	if (ferror(out))
		return refuse_file(cli, path, EIO);
	return fflush(out) ? refuse_file(cli, path, errno) : 0;
}

/* A device or pipe has no old content that a rename would keep. */
static int write_into(struct cli *cli, const char *path,
		      int (*put)(struct cli *cli, FILE *out))
{
	FILE *out = fopen(path, "we");
	int ret;

	if (!out)
		return refuse_file(cli, path, errno);
	ret = put(cli, out);
	if (!ret)
		ret = written(cli, path, out);
	if (fclose(out) && !ret)
		ret = refuse_file(cli, path, errno);
	return ret;
}

/* The file is either the old one or the whole new one, whenever power fails. */
static int replace_file(struct cli *cli, const char *path,
			int (*put)(struct cli *cli, FILE *out))
{
	char temporary[4096];
	FILE *out;
	int ret;
	int fd;

	if (snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path) >=
	    (int)sizeof(temporary))
		return refuse_file(cli, path, ENAMETOOLONG);
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return refuse_file(cli, path, errno);
	out = fdopen(fd, "w");
	if (!out) {
		close(fd);
		ret = refuse_file(cli, path, ENOMEM);
		goto unlink;
	}
	ret = put(cli, out);
	if (!ret)
		ret = written(cli, path, out);
	if (!ret && (fchmod(fd, 0644) || fsync(fd)))
		ret = refuse_file(cli, path, errno);
	if (fclose(out) && !ret)
		ret = refuse_file(cli, path, errno);
	if (!ret && rename(temporary, path))
		ret = refuse_file(cli, path, errno);
unlink:
	if (ret)
		unlink(temporary);
	return ret;
}

/* Of a link, which /dev/stdout may be too, the file that it leads to. */
static int save_file(struct cli *cli, const char *path,
		     int (*put)(struct cli *cli, FILE *out))
{
	struct stat old;
	char *real;
	int ret;

	if (stat(path, &old))
		return replace_file(cli, path, put);
	real = S_ISREG(old.st_mode) ? realpath(path, NULL) : NULL;
	/* One that has no name any more is open all the same. */
	ret = real ? replace_file(cli, real, put) : write_into(cli, path, put);
	free(real);
	return ret;
}

int cmd_save(struct cli *cli, int argc, char **argv)
{
	int (*put)(struct cli *cli, FILE *out) = put_table;
	bool nft = false, forward = false;
	const struct cli_option options[] = {
		{ "--nft", &nft, NULL },
		{ "--nft-forward", &forward, NULL },
	};
	int ret;

	ret = cli_options(cli, options, CLI_COUNT(options), &argc, argv);
	if (ret)
		return ret;
	if (nft && forward)
		return cli_usage(cli,
				 "--nft and --nft-forward are two rulesets: one is accepted");
	if (argc > 1)
		return cli_usage(cli, "\"%.40s\" is too much: one FILE is accepted",
				 argv[1]);
	if (nft)
		put = put_rules;
	else if (forward)
		put = put_forward;
	return argc ? save_file(cli, argv[0], put) : put(cli, stdout);
}
