// SPDX-License-Identifier: GPL-2.0-only
/*
 * The resets of what was revoked, against a holder who takes the lock of one of
 * his sockets in the instant between kpc's look at it and the reset, and keeps
 * it: his threads copy from pages whose faults nobody answers. He keeps his own
 * socket from being reset, and nobody else's (I4).
 */
#include "kselftest_harness.h"

#include <glob.h>
#include <pthread.h>
#include <sched.h>
#include <time.h>

#include "fault.h"
#include "pair.h"

#define THIEVES	32
#define SOCKETS	512
#define ROUNDS	30
#define UNBOUND	"/sys/devices/virtual/workqueue/cpumask"

FIXTURE(reset) {
	struct nl a, b;
	struct pair p;
	char cpus[64];
};

/* Each thief has a page of his own; the sockets are reset in this order. */
static struct {
	pthread_t thread[THIEVES];
	int fd[SOCKETS];
	struct faults from;
	unsigned int begun;
	bool stop;
} theft;

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));

	close(fd);
	return n < 0 ? -1 : 0;
}

static bool read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);

	close(fd);
	text[n > 0 ? n : 0] = 0;
	return n > 0;
}

/* How many of the sockets have been reset, which takes their mark away. */
static unsigned int were_reset(void)
{
	unsigned int low = 0, high = SOCKETS;

	while (low < high) {
		unsigned int middle = (low + high) / 2;

		if (mark_of(theft.fd[middle]))
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static unsigned int count_left(void)
{
	unsigned int n = 0;

	for (int i = 0; i < SOCKETS; i++)
		n += !!mark_of(theft.fd[i]);
	return n;
}

/* Whether all but so many are reset within a while. */
static bool are_reset_but(unsigned int most)
{
	for (int i = 0; i < 50 && count_left() > most; i++)
		usleep(100000);
	return count_left() <= most;
}

/*
 * Awake, he is before the worker that resets at its next chance to give way,
 * and takes the lock of the socket that it is at.
 */
static void *thief(void *data)
{
	unsigned int i = (uintptr_t)data, first = i * SOCKETS / THIEVES, at;

	__atomic_add_fetch(&theft.begun, 1, __ATOMIC_RELAXED);
	while (!__atomic_load_n(&theft.stop, __ATOMIC_RELAXED)) {
		nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
		if (mark_of(theft.fd[first]))
			continue;
		at = were_reset();
		if (at < SOCKETS)
			setsockopt(theft.fd[at], IPPROTO_IP, IP_OPTIONS,
				   theft.from.pages + i * FAULT_PAGE, 16);
		break;
	}
	return NULL;
}

/* How many resets wait for a lock at this moment. */
static unsigned int count_waiting(void)
{
	unsigned int n = 0;
	char text[4096];
	glob_t found;

	if (glob("/proc/[0-9]*/stack", 0, NULL, &found))
		return 0;
	for (size_t i = 0; i < found.gl_pathc; i++)
		n += read_text(found.gl_pathv[i], text, sizeof(text)) &&
		     strstr(text, "tcp_abort");
	globfree(&found);
	return n;
}

/* One try; returns whether a reset waits for one of the thieves. */
static bool steal(struct nl *nl, struct __test_metadata *_metadata)
{
	struct sched_param first = { .sched_priority = 1 };
	struct assoc stolen = ASSOC_A("stolen");
	pthread_attr_t attr;
	bool waits = false;

	stolen.id_b = "//sp.example/cse-x";
	stolen.port = PORT + 1;
	ASSERT_EQ(assoc_new(nl, &stolen), 0) TH_LOG("%s", nl->said);
	for (int i = 0; i < SOCKETS; i++) {
		theft.fd[i] = tcp_socket();
		ASSERT_EQ(handshake_new(nl, theft.fd[i], "stolen"), 0)
			TH_LOG("%s", nl->said);
	}
	ASSERT_EQ(faults_arm(&theft.from), 0);
	theft.stop = false;
	theft.begun = 0;
	pthread_attr_init(&attr);
	pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(&attr, SCHED_FIFO);
	pthread_attr_setschedparam(&attr, &first);
	for (uintptr_t i = 0; i < THIEVES; i++)
		ASSERT_EQ(pthread_create(&theft.thread[i], &attr, thief,
					 (void *)i), 0);
	while (__atomic_load_n(&theft.begun, __ATOMIC_RELAXED) < THIEVES)
		usleep(1000);
	ASSERT_EQ(assoc_del(nl, "stolen"), 0) TH_LOG("%s", nl->said);
	for (int i = 0; i < 5 && !waits; i++) {
		usleep(100000);
		waits = count_waiting();
	}
	return waits;
}

static void give_back(void)
{
	__atomic_store_n(&theft.stop, true, __ATOMIC_RELAXED);
	faults_answer(&theft.from);
	for (int i = 0; i < THIEVES; i++)
		pthread_join(theft.thread[i], NULL);
}

static void close_stolen(void)
{
	for (int i = 0; i < SOCKETS; i++)
		close(theft.fd[i]);
}

FIXTURE_SETUP(reset)
{
	cpu_set_t one;

	if (!faults_open(&theft.from, THIEVES))
		SKIP(return, "no userfaultfd");

	ASSERT_EQ(sites_up(), 0);
	ASSERT_EQ(site_nl(&self->a, 'a'), 0);
	ASSERT_EQ(site_nl(&self->b, 'b'), 0);
	pair_init(&self->p, &self->a, &self->b, "to-b", "from-a");
	ASSERT_EQ(pair_associate(&self->p), 0);
	ASSERT_EQ(pair_listen(&self->p), 0);
	ASSERT_EQ(pair_connect(&self->p), 0);
	ASSERT_EQ(pair_bind(&self->p), 0);
	ASSERT_TRUE(crosses(self->p.client, self->p.server, "first"));

	/* Who resets and the thieves share a processor, whatever its queue. */
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
	ASSERT_TRUE(read_text(UNBOUND, self->cpus, sizeof(self->cpus)));
	ASSERT_EQ(write_text(UNBOUND, "1"), 0);
}

FIXTURE_TEARDOWN(reset)
{
	write_text(UNBOUND, self->cpus);
	pair_close(&self->p);
	close(self->a.fd);
	close(self->b.fd);
	close(theft.from.uffd);
	sites_down();
}

TEST_F(reset, does_not_wait_for_that_of_another)
{
	bool waits = false;

	ASSERT_EQ(site_enter('a'), 0);
	for (int i = 0; i < ROUNDS && !waits; i++) {
		waits = steal(&self->a, _metadata);
		if (!waits) {
			give_back();
			close_stolen();
		}
	}
	if (!waits)
		SKIP(return, "no thief was ever in time");

	/* Those behind it, and what another revocation ends. */
	EXPECT_TRUE(are_reset_but(THIEVES)) TH_LOG("%u left", count_left());
	ASSERT_EQ(assoc_del(&self->a, "to-b"), 0) TH_LOG("%s", self->a.said);
	EXPECT_EQ(error_within(self->p.client, 3000), ECONNABORTED);
	EXPECT_EQ(error_within(self->p.server, 3000), ECONNRESET);
	EXPECT_GT(count_waiting(), 0);

	give_back();
	EXPECT_TRUE(are_reset_but(0)) TH_LOG("%u left", count_left());
	EXPECT_EQ(count_waiting(), 0);
	close_stolen();
}

TEST_HARNESS_MAIN
