// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a hundred thousand associations and a hundred thousand bindings cost:
 * memory, a dump, a session's answer, the sweep. For a machine that counts
 * instructions, as bench_path.c. Prints; judges nothing.
 *
 * Memory is the kernel's unreclaimable slabs, areas and per-processor chunks,
 * and a binding's what such a connection takes more than one that is not bound.
 * Both ends of a connection are on site a's loopback, and both are bound.
 */
#include <dirent.h>
#include <sys/resource.h>

#include "bench.h"

#define HERE		"127.0.0.1"
#define OTHER_PORT	9003
#define SWEEP_SECONDS	10
#define KTLS_PAIRS	500
/* Sockets of which the first and the last are compared. */
#define SOME		1000

static struct nl a;
static unsigned int n = 100000;
static int *fds;

/* One figure beside what it should be. */
static void tell(const char *what, double figure, const char *unit,
		 const char *aim)
{
	printf("# %-48s %10.0f %s  (aim %s)\n", what, figure, unit, aim);
	fflush(stdout);
}

/* Octets of kernel memory, with nothing kept that is not used. */
static double memory(void)
{
	static const char *const counted[] = { "SUnreclaim:", "VmallocUsed:",
					       "Percpu:" };
	double sum = 0, kib;
	char name[64];
	FILE *f;

	sleep(2);
	if (system("for f in /sys/kernel/slab/*/shrink; do echo 1 >$f; done"))
		return -1;
	f = fopen("/proc/meminfo", "r");
	while (f && fscanf(f, "%63s %lf%*[^\n]", name, &kib) == 2)
		for (unsigned int i = 0; i < 3; i++)
			if (!strcmp(name, counted[i]))
				sum += kib * 1024;
	if (f)
		fclose(f);
	return sum;
}

/* What the kernel's own threads have run, in nanoseconds. */
static double kernel_time(void)
{
	struct dirent *d;
	double sum = 0, ran;
	char path[64];
	int has_text;
	DIR *proc = opendir("/proc");
	FILE *f;

	while (proc && (d = readdir(proc))) {
		if (d->d_name[0] < '0' || d->d_name[0] > '9')
			continue;
		snprintf(path, sizeof(path), "/proc/%.20s/cmdline", d->d_name);
		f = fopen(path, "r");
		if (!f)
			continue;
		has_text = fgetc(f) != EOF;
		fclose(f);
		snprintf(path, sizeof(path), "/proc/%.20s/schedstat", d->d_name);
		f = has_text ? NULL : fopen(path, "r");
		if (f && fscanf(f, "%lf", &ran) == 1)
			sum += ran;
		if (f)
			fclose(f);
	}
	if (proc)
		closedir(proc);
	return sum;
}

/* What they run in a second in which nothing else happens. */
static double idle_second(void)
{
	double before = kernel_time();

	sleep(SWEEP_SECONDS);
	return (kernel_time() - before) / SWEEP_SECONDS;
}

static int bind_one(int fd, const char *association, const struct ends *e)
{
	binding_req(&a, fd, association, 0x0304, 0x1301, e);
	if (!e)
		nl_u8(&a, KPC_A_BINDING_CARRIER, KPC_CARRIER_AGENT);
	return nl_talk(&a);
}

/*
 * Connections from socket @first up to @count, to @port of the loopback; at PORT
 * they are registered and bound, by the kernel's TLS if there are @keys.
 */
static int connect_all(unsigned int first, unsigned int count, int listener,
		       uint16_t port, const struct ends keys[2])
{
	struct sockaddr_in from;
	unsigned int i;
	int err = 0;

	for (i = first; i + 1 < count && !err; i += 2) {
		char address[16];

		snprintf(address, sizeof(address), "127.0.0.%u", 2 + i / 80000);
		from = at(address, 20000 + i % 80000 / 2);
		fds[i] = tcp_socket();
		if (port == PORT)
			err = handshake_new(&a, fds[i], "to-b");
		if (!err && bind(fds[i], (struct sockaddr *)&from, sizeof(from)))
			err = -errno;
		err = err ?: tcp_connect(fds[i], HERE, port);
		fds[i + 1] = err ? -1 : accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (!err && fds[i + 1] < 0)
			err = -errno;
		if (!err && keys)
			err = ends_install(fds[i], &keys[0]) ?:
			      ends_install(fds[i + 1], &keys[1]);
		if (!err && port == PORT)
			err = bind_one(fds[i], "to-b", keys ? &keys[0] : NULL) ?:
			      bind_one(fds[i + 1], "from-a", keys ? &keys[1] : NULL);
	}
	return err;
}

static void close_all(unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		drop_socket(fds[i]);
}

/* A dump of as many as there are at least. */
static int tell_dump(const char *what, uint8_t cmd)
{
	double from = now();
	int got = dump(&a, cmd);

	if (got < 0)
		return got;
	if (got < (int)n)
		return -ENODATA;
	tell(what, (now() - from) / 1e6, "ms", "under 1000");
	return 0;
}

/* Connects and binds the last of @count, each end. */
static int tell_some(const char *what, unsigned int count, int listener,
		     const char *aim)
{
	double from = now();
	int err = connect_all(count - SOME, count, listener, PORT, NULL);

	if (!err)
		tell(what, (now() - from) / SOME, "ns", aim);
	return err;
}

static int associations(void)
{
	double before = memory(), alone = idle_second(), from = now();
	double took, with;
	int err;

	err = bench_add(&a, KPC_ROLE_A, 0, n);
	if (err)
		return err;
	took = now() - from;
	tell("memory of an association", (memory() - before) / n, "octets",
	     "under 1024");
	tell("adding an association, in one transaction", took / n, "ns", "none");
	err = tell_dump("dump of all associations", KPC_CMD_ASSOCIATION_GET);
	if (err)
		return err;
	with = idle_second();
	tell("sweep of associations, in a second", (with - alone) / 1000, "us",
	     "under 10000");
	return 0;
}

/* The two that the bindings are of; both entities are this machine. */
static int associate(uint8_t offload)
{
	struct assoc to = ASSOC_A("to-b"), from = ASSOC_B("from-a");

	to.address = HERE;
	to.offload = offload;
	from.address = HERE;
	from.offload = offload;
	return assoc_new(&a, &to) ?: assoc_new(&a, &from);
}

static int ask_session(void)
{
	nl_req(&a, KPC_CMD_SESSION_NEW);
	nl_u8(&a, KPC_A_SESSION_TYPE, KPC_SESSION_TYPE_WARDEN);
	nl_u32(&a, KPC_A_SESSION_ABI, KPC_ABI_VERSION);
	return nl_talk(&a);
}

/* What it is to bind where there is nothing else. */
static int bind_alone(int listener)
{
	int err = associate(KPC_OFFLOAD_PREFER) ?:
		  tell_some("connecting and binding, each end, the first", SOME,
			    listener, "none");

	if (err)
		return err;
	close_all(SOME);
	sleep(3);
	return assoc_del(&a, "to-b") ?: assoc_del(&a, "from-a");
}

static int bindings(int plain, int listener)
{
	struct ends keys[2];
	double before, plainly, alone, from;
	int err;

	/* The table of files has its size before anything is measured. */
	close(fcntl(plain, F_DUPFD, n + 900));
	before = memory();
	err = connect_all(0, n, plain, OTHER_PORT, NULL);
	if (err)
		return err;
	plainly = memory() - before;
	close_all(n);

	before = memory();
	alone = idle_second();
	err = associate(KPC_OFFLOAD_PREFER) ?: ask_session();
	if (err)
		return err;
	err = connect_all(0, n - SOME, listener, PORT, NULL) ?:
	      tell_some("connecting and binding, each end, the last", n,
			listener, "as the first");
	if (err)
		return err;
	tell("memory of a binding", (memory() - before - plainly) / n, "octets",
	     "under 512");
	err = tell_dump("dump of all bindings", KPC_CMD_BINDING_GET);
	if (err)
		return err;
	from = now();
	if (dump(&a, KPC_CMD_SESSION_GET) != 1)
		return -EIO;
	tell("a session and how many bindings it made", (now() - from) / 1000,
	     "us", "under 10000");
	tell("sweep of all bindings, in a second", (idle_second() - alone) / 1000,
	     "us", "under 100000");
	close_all(n);
	sleep(3);

	ends_init(&keys[0], TLS_1_3_VERSION, false);
	ends_init(&keys[1], TLS_1_3_VERSION, true);
	alone = idle_second();
	err = connect_all(0, 2 * KTLS_PAIRS, listener, PORT, keys);
	if (err)
		return err;
	sleep(3);
	tell("sweep of a binding with kernel TLS, each second",
	     (idle_second() - alone) / (2 * KTLS_PAIRS), "ns", "under 1000");
	close_all(2 * KTLS_PAIRS);
	return 0;
}

int main(void)
{
	const char *fewer = getenv("KPC_BENCH_SCALE");
	struct rlimit files;
	int err, plain, listener;

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("TAP version 13\n1..1\n");
	if (fewer)
		n = strtoul(fewer, NULL, 10) & ~1U;
	if (n < SOME)
		n = SOME;
	files.rlim_cur = n + 1000;
	files.rlim_max = n + 1000;
	fds = calloc(n + 2 * KTLS_PAIRS, sizeof(*fds));
	if (!fds || setrlimit(RLIMIT_NOFILE, &files))
		return bench_fail("so many files", -errno, &a, &a);
	err = sites_up() ?: site_nl(&a, 'a') ?: bench_allow(&a);
	if (err)
		return bench_fail("a site comes up", err, &a, &a);
	plain = tcp_socket();
	listener = tcp_socket();
	err = handshake_new(&a, listener, NULL) ?:
	      tcp_listen(plain, HERE, OTHER_PORT) ?:
	      tcp_listen(listener, HERE, PORT) ?: bind_alone(listener);
	if (err)
		return bench_fail("bindings alone", err, &a, &a);
	err = associations();
	if (err)
		return bench_fail("associations", err, &a, &a);
	err = bindings(plain, listener);
	if (err)
		return bench_fail("bindings", err, &a, &a);
	printf("ok 1 - measured, with %u of each\n", n);
	close(plain);
	close(listener);
	close(a.fd);
	sites_down();
	return 0;
}
