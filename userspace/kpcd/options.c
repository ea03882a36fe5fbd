// SPDX-License-Identifier: MIT
/*
 * What the command line says.
 */
#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <kpc/keystore.h>
#include <openssl/crypto.h>

#include "options.h"
#include "worker.h"

#ifndef KPC_VERSION
#define KPC_VERSION	"unknown"
#endif

#define WORKER_USER	"kpcd"
#define WORKER_FALLBACK	"nobody"

static const char usage[] =
"Usage: kpcd [OPTION...]\n"
"The agent of kpc: TLS-PSK handshakes, records handed to the kernel, plain legs.\n"
"\n"
"  --table FILE          associations from FILE; without the module, and so\n"
"                        without enforcement\n"
"  --config FILE         what SIGHUP brings the module's table in line with\n"
"                        (/etc/kpc/kpc.conf and /etc/kpc/conf.d)\n"
"  --keys FILE           key store; FILE.d/ is read as well (" KPC_KEYSTORE_PATH ")\n"
"  --workers N           worker processes (one per processor)\n"
"  --user NAME           whom workers run as (" WORKER_USER ", else "
	WORKER_FALLBACK ")\n"
"  --engine auto|uring|epoll\n"
"                        how workers wait (auto: io_uring where it works)\n"
"  --no-pin              do not tie workers to processors\n"
"  --key-rate N          keys a worker may ask for per second (4000)\n"
"  --source-rate N       connections a peer may make per second (1000; 0: any)\n"
"  --groups NAME,NAME    of (EC)DHE (X25519,secp256r1)\n"
"  --drain SECONDS       how long SIGTERM waits for connections (10)\n"
"  --foreground          accepted, and what it always does\n"
"  --help, --version\n"
"\n"
"SIGHUP reads key store and associations anew and ends no association that is\n"
"still in them; SIGTERM lets connections end, then exits. See kpcd(8).\n";

enum {
	OPTION_TABLE = 256,
	OPTION_CONFIG,
	OPTION_KEYS,
	OPTION_WORKERS,
	OPTION_USER,
	OPTION_ENGINE,
	OPTION_NO_PIN,
	OPTION_KEY_RATE,
	OPTION_SOURCE_RATE,
	OPTION_GROUPS,
	OPTION_DRAIN,
	OPTION_FOREGROUND,
	OPTION_HELP,
	OPTION_VERSION,
};

static const struct option long_options[] = {
	{ "table",	required_argument, NULL, OPTION_TABLE },
	{ "config",	required_argument, NULL, OPTION_CONFIG },
	{ "keys",	required_argument, NULL, OPTION_KEYS },
	{ "workers",	required_argument, NULL, OPTION_WORKERS },
	{ "user",	required_argument, NULL, OPTION_USER },
	{ "engine",	required_argument, NULL, OPTION_ENGINE },
	{ "no-pin",	no_argument,	   NULL, OPTION_NO_PIN },
	{ "key-rate",	required_argument, NULL, OPTION_KEY_RATE },
	{ "source-rate", required_argument, NULL, OPTION_SOURCE_RATE },
	{ "groups",	required_argument, NULL, OPTION_GROUPS },
	{ "drain",	required_argument, NULL, OPTION_DRAIN },
	{ "foreground",	no_argument,	   NULL, OPTION_FOREGROUND },
	{ "help",	no_argument,	   NULL, OPTION_HELP },
	{ "version",	no_argument,	   NULL, OPTION_VERSION },
	{ }
};

static const struct {
	const char *name;
	enum worker_engine engine;
} engines[] = {
	{ "auto",	WORKER_ENGINE_AUTO },
	{ "uring",	WORKER_ENGINE_URING },
	{ "epoll",	WORKER_ENGINE_EPOLL },
};

static int read_number(const char *option, const char *text,
		       unsigned int min, unsigned int max, unsigned int *value)
{
	unsigned long number;
	char *end;

	errno = 0;
	number = strtoul(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || number < min ||
	    number > max) {
		fprintf(stderr, "kpcd: --%s %s: a number from %u to %u is accepted\n",
			option, text, min, max);
		return -EINVAL;
	}
	*value = number;
	return 0;
}

static int read_engine(const char *text, unsigned int *engine)
{
	size_t i;

	for (i = 0; i < sizeof(engines) / sizeof(*engines); i++) {
		if (!strcmp(text, engines[i].name)) {
			*engine = engines[i].engine;
			return 0;
		}
	}
	fprintf(stderr, "kpcd: --engine %s: auto, uring or epoll is accepted\n",
		text);
	return -EINVAL;
}

static int read_groups(const char *text, struct options *options)
{
	char *list = strdup(text), *rest = list, *name;
	uint16_t group;
	unsigned int i;

	options->group_count = 0;
	while ((name = strsep(&rest, ","))) {
		group = kpc_group_by_name(name);
		if (!group) {
			fprintf(stderr,
				"kpcd: --groups %s: '%s' is not known; X25519MLKEM768, X25519, secp256r1, secp384r1, with commas between, are accepted\n",
				text, name);
			break;
		}
		if (!kpc_group_usable(group)) {
			fprintf(stderr, "kpcd: --groups %s: %s has no %s\n",
				text, OpenSSL_version(OPENSSL_VERSION), name);
			break;
		}
		for (i = 0; i < options->group_count; i++)
			if (options->groups[i] == group)
				break;
		if (i < options->group_count) {
			fprintf(stderr, "kpcd: --groups %s: '%s' is there twice\n",
				text, name);
			break;
		}
		options->groups[options->group_count++] = group;
	}
	free(list);
	return name || !list ? -EINVAL : 0;
}

static int read_user(struct options *options)
{
	const char *name = options->user ? options->user : WORKER_USER;
	const struct passwd *user = getpwnam(name);

	/* Who is not root cannot become anybody else. */
	if (geteuid()) {
		if (options->user) {
			fprintf(stderr,
				"kpcd: --user %s: only root can change the user of workers\n",
				options->user);
			return -EINVAL;
		}
		options->user = "";
		options->uid = geteuid();
		options->gid = getegid();
		return 0;
	}
	if (!user && !options->user) {
		name = WORKER_FALLBACK;
		user = getpwnam(name);
	}
	if (!user) {
		fprintf(stderr, "kpcd: --user %s: there is no such user\n", name);
		return -EINVAL;
	}
	if (!user->pw_uid || !user->pw_gid) {
		fprintf(stderr, "kpcd: --user %s: workers do not run as root or in its group\n",
			name);
		return -EINVAL;
	}
	options->user = name;
	options->uid = user->pw_uid;
	options->gid = user->pw_gid;
	return 0;
}

static unsigned int processors(void)
{
	cpu_set_t set;
	int n = 1;

	if (!sched_getaffinity(0, sizeof(set), &set))
		n = CPU_COUNT(&set);
	return n > OPTIONS_WORKERS_MAX ? OPTIONS_WORKERS_MAX : n;
}

static int read_option(struct options *options, int option)
{
	switch (option) {
	case OPTION_TABLE:
		options->table = optarg;
		return 0;
	case OPTION_CONFIG:
		options->config = optarg;
		return 0;
	case OPTION_KEYS:
		options->keys = optarg;
		return 0;
	case OPTION_WORKERS:
		return read_number("workers", optarg, 1, OPTIONS_WORKERS_MAX,
				   &options->workers);
	case OPTION_USER:
		options->user = optarg;
		return 0;
	case OPTION_ENGINE:
		return read_engine(optarg, &options->engine);
	case OPTION_NO_PIN:
		options->pin = false;
		return 0;
	case OPTION_KEY_RATE:
		return read_number("key-rate", optarg, 1, 1000000,
				   &options->key_rate);
	case OPTION_SOURCE_RATE:
		return read_number("source-rate", optarg, 0, 1000000,
				   &options->source_rate);
	case OPTION_GROUPS:
		return read_groups(optarg, options);
	case OPTION_DRAIN:
		return read_number("drain", optarg, 0, 3600,
				   &options->drain_seconds);
	case OPTION_FOREGROUND:
		return 0;
	case OPTION_HELP:
		fputs(usage, stdout);
		return 1;
	case OPTION_VERSION:
		puts("kpcd " KPC_VERSION);
		return 1;
	default:
		fputs("kpcd: try kpcd --help\n", stderr);
		return -EINVAL;
	}
}

int options_read(struct options *options, int argc, char **argv)
{
	int option, err;

	*options = (struct options){
		.engine = WORKER_ENGINE_AUTO,
		.keys = KPC_KEYSTORE_PATH,
		.pin = true,
		.key_rate = 4000,
		.source_rate = 1000,
		.drain_seconds = 10,
		.workers = processors(),
	};

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) >= 0) {
		err = read_option(options, option);
		if (err)
			return err;
	}
	if (optind < argc) {
		fprintf(stderr, "kpcd: '%s': only options are accepted\n",
			argv[optind]);
		return -EINVAL;
	}
	if (options->table && options->config) {
		fputs("kpcd: --config is for the module's table and does not go with --table\n",
		      stderr);
		return -EINVAL;
	}
	return read_user(options);
}
