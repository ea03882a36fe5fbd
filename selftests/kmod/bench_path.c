// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the packet path costs, in instructions, with no association at all, with
 * one, with a thousand and with a hundred thousand. For a machine that counts
 * instructions (lab/run --icount), whose nanosecond is one instruction; on
 * another the numbers are nanoseconds. Prints; judges nothing.
 */
#include "bench.h"

#define RUNS		5
#define ROUNDS		2000
#define MESSAGE		64
#define BULK		16384
#define BULK_WRITES	64
#define BULK_ROUNDS	40
#define OTHER_PORT	9003

/* What is measured: one turn of it, and how many hook calls that has. */
struct work {
	const char *name;
	int (*turn)(void);
	unsigned int rounds;
	/* 0: not told per call, but in percent of what it costs without. */
	unsigned int hooks;
	const char *budget;
	double without;
};

static struct nl a, b;
static struct pair p;
static int udp[2], tcp[2], tls[2];
static char message[BULK];

static int take(int fd, size_t length)
{
	char got[BULK];
	ssize_t n;

	while (length) {
		n = recv(fd, got, length < BULK ? length : BULK, 0);
		if (n <= 0)
			return n ? -errno : -EPIPE;
		length -= n;
	}
	return 0;
}

static int give(int from, int to, size_t length)
{
	if (send(from, message, length, MSG_NOSIGNAL) != (ssize_t)length)
		return -errno;
	return take(to, length);
}

static int turn_udp(void)
{
	return give(udp[0], udp[1], MESSAGE);
}

static int turn_tcp(void)
{
	return give(tcp[0], tcp[1], MESSAGE) ?: give(tcp[1], tcp[0], MESSAGE);
}

static int turn_tls(void)
{
	return give(tls[0], tls[1], MESSAGE) ?: give(tls[1], tls[0], MESSAGE);
}

/* A mebibyte under way at once, as of a sender who is ahead of the receiver. */
static int turn_bulk(void)
{
	int i;

	for (i = 0; i < BULK_WRITES; i++)
		if (send(tls[0], message, BULK, MSG_NOSIGNAL) != BULK)
			return -errno;
	return take(tls[1], BULK_WRITES * BULK);
}

/* A question and an answer: each is seen where it leaves and where it arrives. */
static struct work works[] = {
	{ "unmanaged UDP datagram, per hook call", turn_udp, 2 * ROUNDS, 2, "150" },
	{ "unmanaged TCP segment, per hook call", turn_tcp, ROUNDS, 4, "150" },
	{ "bound segment, per hook call", turn_tls, ROUNDS, 4, "300" },
	{ "kTLS request and response of 64 octets, percent", turn_tls, ROUNDS, 0, "1.5" },
	{ "kTLS writes of 16 KiB, percent", turn_bulk, BULK_ROUNDS, 0, "0.3" },
};

#define WORKS	(sizeof(works) / sizeof(works[0]))

/* Bulk leaves a connection other windows, and other ways to acknowledge. */
static int settle(void)
{
	int i, err = 0;

	for (i = 0; i < BULK_ROUNDS / 4 && !err; i++)
		err = turn_bulk();
	return err;
}

static int compare(const void *x, const void *y)
{
	double d = *(const double *)x - *(const double *)y;

	return d < 0 ? -1 : d > 0;
}

/* The median of what one turn takes; negative with an errno. */
static double measure(const struct work *w)
{
	double took[RUNS], from;
	unsigned int run, i;
	int err = 0;

	for (i = 0; i < w->rounds / 4 && !err; i++)
		err = w->turn();
	for (run = 0; run < RUNS && !err; run++) {
		from = now();
		for (i = 0; i < w->rounds && !err; i++)
			err = w->turn();
		took[run] = (now() - from) / w->rounds;
	}
	if (err)
		return err;
	qsort(took, RUNS, sizeof(took[0]), compare);
	return took[RUNS / 2];
}

static int udp_open(void)
{
	struct sockaddr_in sin[2] = { at("127.0.0.1", OTHER_PORT),
				      at("127.0.0.1", OTHER_PORT + 1) };
	int i;

	for (i = 0; i < 2; i++) {
		udp[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (bind(udp[i], (struct sockaddr *)&sin[i], sizeof(sin[i])))
			return -errno;
	}
	for (i = 0; i < 2; i++)
		if (connect(udp[i], (struct sockaddr *)&sin[!i], sizeof(sin[i])))
			return -errno;
	return 0;
}

static void at_once(int fd)
{
	setsockopt(fd, SOL_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
}

static int tcp_open(void)
{
	int listener = tcp_socket(), err;

	tcp[0] = tcp_socket();
	err = tcp_listen(listener, "127.0.0.1", OTHER_PORT) ?:
	      tcp_connect(tcp[0], "127.0.0.1", OTHER_PORT);
	tcp[1] = err ? -1 : accept(listener, NULL, NULL);
	close(listener);
	at_once(tcp[0]);
	at_once(tcp[1]);
	return err ?: tcp[1] < 0 ? -errno : 0;
}

/* The same as a pair, with nobody to know of it. */
static int tls_open_alone(void)
{
	int listener, err = site_enter('b');

	listener = tcp_socket();
	err = err ?: tcp_listen(listener, ADDR_B, PORT) ?: site_enter('a');
	tls[0] = tcp_socket();
	err = err ?: tcp_connect(tls[0], ADDR_B, PORT);
	tls[1] = err ? -1 : accept(listener, NULL, NULL);
	close(listener);
	at_once(tls[0]);
	at_once(tls[1]);
	return err ?: ends_install(tls[0], &p.ends_a) ?:
		      ends_install(tls[1], &p.ends_b);
}

static int tls_open_bound(void)
{
	int err = pair_associate(&p) ?: pair_listen(&p) ?: pair_connect(&p) ?:
		  pair_bind(&p);

	tls[0] = p.client;
	tls[1] = p.server;
	at_once(tls[0]);
	at_once(tls[1]);
	return err;
}

/* Room for all of turn_bulk() at either end, from the first octet. */
static int make_room(void)
{
	return system("for n in kpc-a kpc-b; do ip netns exec $n sysctl -qw "
		      "net.ipv4.tcp_rmem='4096 8388608 8388608' "
		      "net.ipv4.tcp_wmem='4096 8388608 8388608'; done") ? -EIO : 0;
}

static void tell(const struct work *w, unsigned int n, double with)
{
	if (w->hooks)
		printf("# %-50s %6u associations %8.0f  (budget %s)\n", w->name,
		       n, (with - w->without) / w->hooks, w->budget);
	else
		printf("# %-50s %6u associations %8.2f  (budget %s)\n", w->name,
		       n, 100 * (with / w->without - 1), w->budget);
	fflush(stdout);
}

int main(void)
{
	static const unsigned int sizes[] = { 1, 1000, 100000 };
	unsigned int i, k, had = 1;
	int err;

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("TAP version 13\n1..1\n");
	pair_init(&p, &a, &b, "to-b", "from-a");
	err = sites_up() ?: make_room() ?: site_nl(&b, 'b') ?: site_nl(&a, 'a') ?:
	      bench_allow(&a) ?: bench_allow(&b) ?: udp_open() ?: tcp_open() ?:
	      tls_open_alone() ?: settle();
	if (err)
		return bench_fail("two sites come up", err, &a, &b);
	for (i = 0; i < WORKS; i++) {
		works[i].without = measure(&works[i]);
		if (works[i].without < 0)
			return bench_fail(works[i].name, works[i].without, &a, &b);
		printf("# %-50s %6s associations %8.0f  a turn\n", works[i].name,
		       "no", works[i].without);
	}
	close(tls[0]);
	close(tls[1]);
	err = tls_open_bound() ?: settle();
	if (err)
		return bench_fail("a bound connection", err, &a, &b);
	for (k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
		err = bench_add(&a, KPC_ROLE_A, had, sizes[k]) ?:
		      bench_add(&b, KPC_ROLE_B, had, sizes[k]);
		had = sizes[k];
		if (err)
			return bench_fail("more associations", err, &a, &b);
		for (i = 0; i < WORKS; i++) {
			double with = measure(&works[i]);

			if (with < 0)
				return bench_fail(works[i].name, with, &a, &b);
			tell(&works[i], sizes[k], with);
		}
	}
	printf("ok 1 - measured, medians of %d\n", RUNS);
	pair_close(&p);
	sites_down();
	return 0;
}
