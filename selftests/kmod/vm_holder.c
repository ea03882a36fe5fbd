// SPDX-License-Identifier: GPL-2.0-only
/*
 * A holder that keeps his socket locked: a thread of his reads into a page
 * whose fault nobody answers. He delays no revocation and no deadline of his own
 * socket (I4, X2), and no deadline and no request of others; nor does what he
 * closes meanwhile stay known.
 */
#include "kselftest_harness.h"

#include <pthread.h>
#include <time.h>

#include "fault.h"
#include "pair.h"

FIXTURE(holder) {
	struct nl a, b;
	struct pair p;
};

/* The thread, and what it reads from and into. */
static struct {
	pthread_t thread;
	int fd;
	struct faults into;
	bool stuck;
} held;

static void *reader(void *data)
{
	return (void *)recv(held.fd, held.into.pages, 16, 0);
}

/* The same for a socket that is not connected: options are read with it locked. */
static void *optioner(void *data)
{
	setsockopt(held.fd, IPPROTO_IP, IP_OPTIONS, held.into.pages, 16);
	return NULL;
}

/* Returns once the thread is in the fault. */
static bool hold(void *(*in)(void *data))
{
	if (faults_arm(&held.into) ||
	    pthread_create(&held.thread, NULL, in, NULL))
		return false;
	held.stuck = true;
	return faults_wait(&held.into);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static long dropped_in(struct nl *nl)
{
	nl_req(nl, KPC_CMD_STATS_GET);
	return nl_talk(nl) ? -1 : (long)nl_get(nl, KPC_A_STATS_DROPPED_IN);
}

/* Whether something from the other end is dropped at b, within a while. */
static bool drops(struct nl *b, int from)
{
	long before = dropped_in(b);

	for (int i = 0; i < 50 && dropped_in(b) == before; i++) {
		send(from, "late", 4, MSG_NOSIGNAL | MSG_DONTWAIT);
		usleep(100000);
	}
	return dropped_in(b) > before;
}

FIXTURE_SETUP(holder)
{
	struct assoc a = ASSOC_A("to-b"), b = ASSOC_B("from-a");

	ASSERT_EQ(sites_up(), 0);
	ASSERT_EQ(site_nl(&self->a, 'a'), 0);
	ASSERT_EQ(site_nl(&self->b, 'b'), 0);
	ASSERT_EQ(assoc_new(&self->a, &a), 0) TH_LOG("%s", self->a.said);
	ASSERT_EQ(assoc_new(&self->b, &b), 0) TH_LOG("%s", self->b.said);
	pair_init(&self->p, &self->a, &self->b, "to-b", "from-a");
	ASSERT_EQ(pair_listen(&self->p), 0);
	ASSERT_EQ(pair_connect(&self->p), 0);
	ASSERT_EQ(pair_bind(&self->p), 0);
	ASSERT_TRUE(crosses(self->p.client, self->p.server, "first"));

	if (!faults_open(&held.into, 1))
		SKIP(return, "no userfaultfd");
	held.fd = self->p.server;
	ASSERT_EQ(send(self->p.client, "held", 4, 0), 4);
	ASSERT_TRUE(hold(reader));
}

static void let_go(void)
{
	if (!held.stuck)
		return;
	faults_answer(&held.into);
	pthread_join(held.thread, NULL);
	held.stuck = false;
}

FIXTURE_TEARDOWN(holder)
{
	let_go();
	pair_close(&self->p);
	close(self->a.fd);
	close(self->b.fd);
	close(held.into.uffd);
	sites_down();
}

TEST_F(holder, revocation_does_not_wait)
{
	double start = now();

	ASSERT_EQ(assoc_del(&self->b, "from-a"), 0) TH_LOG("%s", self->b.said);
	EXPECT_LT(now() - start, 1);
	EXPECT_EQ(dump(&self->b, KPC_CMD_ENDPOINT_GET), 0);
	/* No endpoint is left, its holder has it, and still nothing arrives. */
	EXPECT_TRUE(drops(&self->b, self->p.client));

	let_go();
	EXPECT_EQ(error_within(self->p.server, 3000), ECONNABORTED);
}

TEST_F(holder, own_deadline_holds)
{
	struct assoc b = ASSOC_B("from-a");

	b.not_after = time(NULL) + 1;
	ASSERT_EQ(assoc_new(&self->b, &b), 0) TH_LOG("%s", self->b.said);
	EXPECT_TRUE(drops(&self->b, self->p.client));

	let_go();
	EXPECT_EQ(error_within(self->p.server, 3000), EKEYEXPIRED);
}

TEST_F(holder, deadlines_of_others_hold)
{
	struct assoc other = ASSOC_B("other");
	static const unsigned char digest[KPC_DIGEST_LEN];
	double start = now();
	int fd;

	/* Requests and the sweep of the namespace go on. */
	other.id_a = "//sp.example/cse-x";
	other.port = PORT + 1;
	ASSERT_EQ(assoc_new(&self->b, &other), 0) TH_LOG("%s", self->b.said);
	ASSERT_EQ(site_enter('a'), 0);
	/* Registered at a, which no holder is of, and never bound. */
	fd = tcp_socket();
	ASSERT_EQ(handshake_new(&self->a, fd, "to-b"), 0);
	close(fd);
	nl_req(&self->b, KPC_CMD_TRANSACTION_BEGIN);
	nl_u8(&self->b, KPC_A_TRANSACTION_MODE, KPC_LOAD_MODE_APPLY);
	ASSERT_EQ(nl_talk(&self->b), 0);
	nl_req(&self->b, KPC_CMD_ASSOCIATION_DEL);
	nl_str(&self->b, KPC_A_ASSOCIATION_NAME, "other");
	ASSERT_EQ(nl_talk(&self->b), 0);
	nl_req(&self->b, KPC_CMD_TRANSACTION_COMMIT);
	nl_u32(&self->b, KPC_A_TRANSACTION_CONFIRM_SECONDS, 2);
	ASSERT_EQ(nl_talk(&self->b), 0) TH_LOG("%s", self->b.said);
	EXPECT_LT(now() - start, 2);
	/* The sweep puts it back, past the socket that is held. */
	for (int i = 0; i < 60 && assoc_get(&self->b, "other"); i++)
		usleep(100000);
	EXPECT_EQ(assoc_get(&self->b, "other"), 0);
	/* A request about the held socket is refused, not kept waiting. */
	start = now();
	nl_req(&self->b, KPC_CMD_BINDING_REKEY);
	nl_u32(&self->b, KPC_A_BINDING_FD, self->p.server);
	nl_put(&self->b, KPC_A_BINDING_RX_DIGEST, digest, sizeof(digest));
	EXPECT_EQ(nl_talk(&self->b), -EBUSY);
	EXPECT_LT(now() - start, 1);
}

/* Another thread, which registers the held socket; @tid is there from the start. */
static struct {
	struct nl *nl;
	pthread_t thread;
	pid_t tid;
	int err;
} registrar;

static void *registers(void *data)
{
	__atomic_store_n(&registrar.tid, gettid(), __ATOMIC_RELEASE);
	registrar.err = handshake_new(registrar.nl, held.fd, "to-b");
	__atomic_store_n(&registrar.tid, -1, __ATOMIC_RELEASE);
	return NULL;
}

/* Waits until it waits for the socket, which nothing interrupts, or is done. */
static void until_it_waits(void)
{
	char path[64], state = 0;
	FILE *f;

	while (state != 'D') {
		pid_t tid = __atomic_load_n(&registrar.tid, __ATOMIC_ACQUIRE);

		if (tid < 0)
			return;
		snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
		f = tid ? fopen(path, "re") : NULL;
		if (!f)
			continue;
		if (fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
			state = 0;
		fclose(f);
	}
}

static long module_refs(void)
{
	FILE *f = fopen("/sys/module/kpc/refcnt", "re");
	long n = -1;

	if (!f || fscanf(f, "%ld", &n) != 1)
		n = -1;
	if (f)
		fclose(f);
	return n;
}

/* Closed while its registration waits for it, a socket is known to nobody. */
TEST_F(holder, closed_meanwhile_is_not_registered)
{
	bool refused = false;
	long refs;

	let_go();
	ASSERT_EQ(site_enter('a'), 0);
	refs = module_refs();
	ASSERT_GT(refs, 0);
	registrar.nl = &self->a;
	/* That it tries again between both is possible, and no harm. */
	for (int i = 0; i < 50 && !refused; i++) {
		held.fd = tcp_socket();
		ASSERT_GE(held.fd, 0);
		ASSERT_TRUE(hold(optioner));
		registrar.tid = 0;
		ASSERT_EQ(pthread_create(&registrar.thread, NULL, registers,
					 NULL), 0);
		until_it_waits();
		close(held.fd);
		let_go();
		pthread_join(registrar.thread, NULL);
		refused = registrar.err == -EBADF &&
			  strstr(self->a.said, "closed meanwhile");
	}
	EXPECT_TRUE(refused) TH_LOG("%d: %s", registrar.err, self->a.said);
	for (int i = 0; i < 50 && module_refs() != refs; i++)
		usleep(100000);
	EXPECT_EQ(module_refs(), refs);
}

TEST_HARNESS_MAIN
