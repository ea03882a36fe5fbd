// SPDX-License-Identifier: MIT
/*
 * What the command line says.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <kpc/keystore.h>
#include <kpc/suite.h>

#include "options.h"

#define SENDS_PER_SECOND	10	/* the least, if -l is not given */

#ifndef KPC_VERSION
#define KPC_VERSION	"unknown"
#endif

static const char usage[] =
"Usage: kpcperf -s [OPTION...]\n"
"       kpcperf -c HOST [OPTION...]\n"
"Measures TLS-PSK connections of associations, on kernel TLS or OpenSSL.\n"
"\n"
"  -s, --server            serve\n"
"  -c, --client HOST       run a test with the server at HOST\n"
"  -p, --port N            port of the server (5201)\n"
"  -B, --bind ADDRESS      own address\n"
"  -4, -6                  IPv4 or IPv6 only\n"
"  -1, --one-off           server: end after one test\n"
"  -i, --interval SECONDS  between lines (1; 0: only the end)\n"
"  -J, --json              as iperf3 writes it\n"
"      --threads N         that move octets (one per processor)\n"
"\n"
"  --table FILE            associations (/etc/kpc/kpc.conf, /etc/kpc/conf.d)\n"
"  --keys FILE             key store; FILE.d/ is read as well (" KPC_KEYSTORE_PATH ")\n"
"  --association NAME      which; client: the only one of role a, server: all\n"
"                          of role b\n"
"  --tls-version 1.2|1.3   this one only\n"
"  --suite NAME            this one only\n"
"  --carrier kernel|user   who makes the records (kernel); never the other one\n"
"  --plain                 no TLS\n"
"  --enforce               have the module bind the connections, as its agent\n"
"\n"
"Client:\n"
"  -t, --time SECONDS      how long (10)\n"
"  -n, --bytes N[KMGT]     so many octets in place of a time\n"
"  -l, --length N[KM]      octets of one send (128K, or less with a low -b; at most 1M)\n"
"  -P, --parallel N        streams (1)\n"
"  -R, --reverse           the server sends\n"
"      --bidir             both do, on streams of their own\n"
"  -b, --bitrate N[KMG]    bits per second of each stream (0: as many as go)\n"
"      --rr                requests and responses: latency\n"
"      --request N         octets of a request (64)\n"
"      --response N        octets of a response (64)\n"
"      --connect           connections per second: connect, handshake, 1 KiB each\n"
"                          way, end\n"
"      --idle N            hold N connections more, that do nothing\n"
"      --ramp N            new connections per second (0: as fast as they come up)\n"
"      --verify            receivers check every octet\n"
"      --uneven            sends have lengths and pauses by chance\n"
"\n"
"  -h, --help; -v, --version\n"
"\n"
"No key is given here: the association names its KpcId. See kpcperf(1).\n";

enum {
	OPTION_THREADS = 256,
	OPTION_TABLE,
	OPTION_KEYS,
	OPTION_ASSOCIATION,
	OPTION_TLS_VERSION,
	OPTION_SUITE,
	OPTION_CARRIER,
	OPTION_PLAIN,
	OPTION_ENFORCE,
	OPTION_BIDIR,
	OPTION_RR,
	OPTION_REQUEST,
	OPTION_RESPONSE,
	OPTION_CONNECT,
	OPTION_IDLE,
	OPTION_RAMP,
	OPTION_VERIFY,
	OPTION_UNEVEN,
};

static const struct option long_options[] = {
	{ "server",	no_argument,	   NULL, 's' },
	{ "client",	required_argument, NULL, 'c' },
	{ "port",	required_argument, NULL, 'p' },
	{ "bind",	required_argument, NULL, 'B' },
	{ "one-off",	no_argument,	   NULL, '1' },
	{ "interval",	required_argument, NULL, 'i' },
	{ "json",	no_argument,	   NULL, 'J' },
	{ "threads",	required_argument, NULL, OPTION_THREADS },
	{ "table",	required_argument, NULL, OPTION_TABLE },
	{ "keys",	required_argument, NULL, OPTION_KEYS },
	{ "association", required_argument, NULL, OPTION_ASSOCIATION },
	{ "tls-version", required_argument, NULL, OPTION_TLS_VERSION },
	{ "suite",	required_argument, NULL, OPTION_SUITE },
	{ "carrier",	required_argument, NULL, OPTION_CARRIER },
	{ "plain",	no_argument,	   NULL, OPTION_PLAIN },
	{ "time",	required_argument, NULL, 't' },
	{ "bytes",	required_argument, NULL, 'n' },
	{ "length",	required_argument, NULL, 'l' },
	{ "parallel",	required_argument, NULL, 'P' },
	{ "reverse",	no_argument,	   NULL, 'R' },
	{ "enforce",	no_argument,	   NULL, OPTION_ENFORCE },
	{ "bidir",	no_argument,	   NULL, OPTION_BIDIR },
	{ "bitrate",	required_argument, NULL, 'b' },
	{ "rr",		no_argument,	   NULL, OPTION_RR },
	{ "request",	required_argument, NULL, OPTION_REQUEST },
	{ "response",	required_argument, NULL, OPTION_RESPONSE },
	{ "connect",	no_argument,	   NULL, OPTION_CONNECT },
	{ "idle",	required_argument, NULL, OPTION_IDLE },
	{ "ramp",	required_argument, NULL, OPTION_RAMP },
	{ "verify",	no_argument,	   NULL, OPTION_VERIFY },
	{ "uneven",	no_argument,	   NULL, OPTION_UNEVEN },
	{ "help",	no_argument,	   NULL, 'h' },
	{ "version",	no_argument,	   NULL, 'v' },
	{ }
};

/**
 * struct reading - what has been seen besides what is kept
 * @options: what is kept
 * @client_only: an option that a server has no use for
 * @tls_only: one that goes only with TLS
 * @plain: --plain was given
 * @time: -t was given
 * @length: -l was
 * @sizes: --request or --response was given
 */
struct reading {
	struct options *options;
	const char *client_only;
	const char *tls_only;
	bool plain;
	bool time;
	bool length;
	bool sizes;
};

static const char *name_of(int option)
{
	size_t i;

	for (i = 0; long_options[i].name; i++)
		if (long_options[i].val == option)
			break;
	return long_options[i].name;
}

/* A number with a unit of @step, in iperf3's letters. */
static int read_scaled(int option, unsigned int step, uint64_t min,
		       uint64_t max, uint64_t *value)
{
	static const char letters[] = "kmgt";
	double number, scale = 1;
	const char *letter;
	char *end;

	number = strtod(optarg, &end);
	if (end != optarg && *end && step) {
		letter = strchr(letters, *end | 0x20);
		if (letter) {
			for (; letter >= letters; letter--)
				scale *= step;
			end++;
		}
	}
	number *= scale;
	if (end == optarg || *end || !(number >= min && number <= max) ||
	    number != (double)(uint64_t)number) {
		fprintf(stderr,
			"kpcperf: --%s %s: a whole number from %llu to %llu%s is accepted\n",
			name_of(option), optarg, (unsigned long long)min,
			(unsigned long long)max,
			step ? ", with K, M, G or T" : "");
		return -EINVAL;
	}
	*value = number;
	return 0;
}

static int read_count(int option, uint32_t min, uint32_t max, uint32_t *value)
{
	uint64_t number;
	int ret = read_scaled(option, 0, min, max, &number);

	if (!ret)
		*value = number;
	return ret;
}

static int read_length(int option, uint32_t *value)
{
	uint64_t number;
	int ret = read_scaled(option, 1024, 1, TEST_LENGTH_MAX, &number);

	if (!ret)
		*value = number;
	return ret;
}

static int read_real(int option, double min, double max, double *value)
{
	char *end;

	*value = strtod(optarg, &end);
	if (end != optarg && !*end && *value >= min && *value <= max)
		return 0;
	fprintf(stderr, "kpcperf: --%s %s: a number from %g to %g is accepted\n",
		name_of(option), optarg, min, max);
	return -EINVAL;
}

static int read_port(struct options *options)
{
	uint32_t port;
	int ret = read_count('p', 1, UINT16_MAX, &port);

	if (!ret)
		options->port = port;
	return ret;
}

static int read_version(struct options *options)
{
	if (!strcmp(optarg, "1.2"))
		options->site.version = KPC_VERSION_TLS12;
	else if (!strcmp(optarg, "1.3"))
		options->site.version = KPC_VERSION_TLS13;
	else
		return fprintf(stderr,
			       "kpcperf: --tls-version %s: 1.2 or 1.3 is accepted\n",
			       optarg), -EINVAL;
	return 0;
}

static int read_suite(struct options *options)
{
	const struct kpc_suite *suite = kpc_suite_by_name(optarg);

	if (!suite) {
		fprintf(stderr,
			"kpcperf: --suite %s: a name that `kpc version suites` lists is accepted\n",
			optarg);
		return -EINVAL;
	}
	options->site.suite = suite->code;
	return 0;
}

static int read_carrier(struct options *options)
{
	if (!strcmp(optarg, "kernel"))
		options->site.carrier = CARRIER_KERNEL;
	else if (!strcmp(optarg, "user"))
		options->site.carrier = CARRIER_USER;
	else
		return fprintf(stderr,
			       "kpcperf: --carrier %s: kernel or user is accepted\n",
			       optarg), -EINVAL;
	return 0;
}

static int read_mode(struct options *options, enum mode mode)
{
	if (options->test.mode != MODE_BULK && options->test.mode != mode) {
		fputs("kpcperf: --rr and --connect: one of them is accepted\n",
		      stderr);
		return -EINVAL;
	}
	options->test.mode = mode;
	return 0;
}

/* Options of both ends; 1: it is none. */
static int read_common(struct reading *reading, int option)
{
	struct options *options = reading->options;

	switch (option) {
	case 's':
		options->server = true;
		return 0;
	case 'c':
		options->host = optarg;
		return 0;
	case 'p':
		return read_port(options);
	case 'B':
		options->bind = optarg;
		return 0;
	case '4':
		options->family = AF_INET;
		return 0;
	case '6':
		options->family = AF_INET6;
		return 0;
	case '1':
		options->one_off = true;
		return 0;
	case 'i':
		return read_real('i', 0, 3600, &options->interval);
	case 'J':
		options->json = true;
		return 0;
	case OPTION_THREADS:
		return read_count(option, 1, OPTIONS_THREADS_MAX,
				  &options->threads);
	case OPTION_PLAIN:
		reading->plain = true;
		return 0;
	default:
		return 1;
	}
}

/* Options of TLS; 1: it is none. */
static int read_tls(struct reading *reading, int option)
{
	struct options *options = reading->options;

	switch (option) {
	case OPTION_TABLE:
		options->site.table = optarg;
		break;
	case OPTION_KEYS:
		options->site.keys = optarg;
		break;
	case OPTION_ASSOCIATION:
		options->site.association = optarg;
		break;
	case OPTION_TLS_VERSION:
		reading->tls_only = "--tls-version";
		return read_version(options);
	case OPTION_SUITE:
		reading->tls_only = "--suite";
		return read_suite(options);
	case OPTION_ENFORCE:
		reading->tls_only = "--enforce";
		options->site.enforce = true;
		return 0;
	case OPTION_CARRIER:
		reading->tls_only = "--carrier";
		return read_carrier(options);
	default:
		return 1;
	}
	reading->tls_only = "--table, --keys and --association";
	return 0;
}

static int read_client(struct reading *reading, int option)
{
	struct options *options = reading->options;
	struct test *test = &options->test;

	switch (option) {
	case 't':
		reading->time = true;
		return read_real('t', 0.001, 86400, &options->seconds);
	case 'n':
		return read_scaled('n', 1024, 1, 1ULL << 50, &test->octets);
	case 'l':
		reading->length = true;
		return read_length('l', &test->length);
	case 'P':
		return read_count('P', 1, TEST_STREAMS_MAX, &test->streams);
	case 'R':
		test->reverse = true;
		return 0;
	case OPTION_BIDIR:
		test->bidir = true;
		return 0;
	case 'b':
		return read_scaled('b', 1000, 0, 1ULL << 50, &test->rate);
	case OPTION_RR:
		return read_mode(options, MODE_RR);
	case OPTION_REQUEST:
		reading->sizes = true;
		return read_length(option, &test->request);
	case OPTION_RESPONSE:
		reading->sizes = true;
		return read_length(option, &test->response);
	case OPTION_CONNECT:
		return read_mode(options, MODE_CONNECT);
	case OPTION_IDLE:
		return read_count(option, 0, OPTIONS_IDLE_MAX, &test->idle);
	case OPTION_RAMP:
		return read_real(option, 0, 1e6, &options->ramp);
	case OPTION_VERIFY:
		test->verify = true;
		return 0;
	case OPTION_UNEVEN:
		test->uneven = true;
		return 0;
	default:
		fputs("kpcperf: try kpcperf --help\n", stderr);
		return -EINVAL;
	}
}

static int read_option(struct reading *reading, int option)
{
	int ret = read_common(reading, option);

	if (ret > 0)
		ret = read_tls(reading, option);
	if (ret <= 0)
		return ret;
	ret = read_client(reading, option);
	if (!ret)
		reading->client_only = name_of(option);
	return ret;
}

static int refuse(const char *what)
{
	fprintf(stderr, "kpcperf: %s\n", what);
	return -EINVAL;
}

/* What holds for all of it together. */
static int check(const struct reading *reading)
{
	struct options *options = reading->options;
	const struct test *test = &options->test;

	if (options->server == !!options->host)
		return refuse(options->server ?
			"-s and -c: one of them is accepted" :
			"-s (server) or -c HOST (client) is needed");
	if (options->server && reading->client_only) {
		fprintf(stderr, "kpcperf: --%s is the client's to say\n",
			reading->client_only);
		return -EINVAL;
	}
	if (!options->server && options->one_off)
		return refuse("--one-off is for the server");
	if (reading->plain && reading->tls_only) {
		fprintf(stderr, "kpcperf: --plain does without %s\n",
			reading->tls_only);
		return -EINVAL;
	}
	if (test->mode != MODE_BULK && (test->reverse || test->bidir))
		return refuse("-R and --bidir are of streams, not of --rr or --connect");
	if (test->reverse && test->bidir)
		return refuse("-R and --bidir: one of them is accepted");
	if (test->mode != MODE_BULK && (test->octets || test->rate ||
					test->uneven))
		return refuse("-n, -b and --uneven are of streams, not of --rr or --connect");
	if (test->mode != MODE_RR && reading->sizes)
		return refuse("--request and --response go with --rr");
	if (test->octets && reading->time)
		return refuse("-n and -t: one of them is accepted");
	if (test->octets && test->octets < test->streams)
		return refuse("-n is less than one octet for each of the streams");
	return 0;
}

/* Sends that follow each other so closely that a low bitrate looks like one. */
static void set_length(struct test *test)
{
	uint64_t most = test->rate / 8 / SENDS_PER_SECOND;

	if (test->rate && most < test->length)
		test->length = most ? most : 1;
}

/* Longest time between two sends, or two connections. */
static int set_pause(struct options *options)
{
	struct test *test = &options->test;
	double seconds = test->rate ? 8.0 * test->length / test->rate : 0;

	if (options->ramp && 1 / options->ramp > seconds)
		seconds = 1 / options->ramp;
	if (seconds > TEST_PAUSE_MAX)
		return refuse("-b and --ramp: at least one send (-l) and one connection a day");
	test->pause = seconds * CLOCK_SECOND;
	return 0;
}

int options_read(struct options *options, int argc, char **argv)
{
	struct reading reading = { .options = options };
	int option, ret;

	*options = (struct options){
		.port = TEST_PORT,
		.family = AF_UNSPEC,
		.seconds = 10,
		.interval = 1,
		.test = {
			.streams = 1,
			.length = TEST_LENGTH,
			.request = TEST_MESSAGE,
			.response = TEST_MESSAGE,
		},
		.site = {
			.keys = KPC_KEYSTORE_PATH,
			.carrier = CARRIER_KERNEL,
		},
	};
	while ((option = getopt_long(argc, argv, "sc:p:B:461i:Jt:n:l:P:Rb:hv",
				     long_options, NULL)) >= 0) {
		if (option == 'h')
			return fputs(usage, stdout), 1;
		if (option == 'v')
			return puts("kpcperf " KPC_VERSION), 1;
		ret = read_option(&reading, option);
		if (ret)
			return ret;
	}
	if (optind < argc) {
		fprintf(stderr, "kpcperf: '%s': only options are accepted\n",
			argv[optind]);
		return -EINVAL;
	}
	if (reading.plain)
		options->site.carrier = CARRIER_PLAIN;
	if (options->test.octets)
		options->seconds = 0;
	if (!reading.length)
		set_length(&options->test);
	ret = set_pause(options);
	if (ret)
		return ret;
	if (getrandom(&options->test.seed, sizeof(options->test.seed), 0) !=
	    sizeof(options->test.seed))
		return refuse("no random octets");
	return check(&reading);
}
