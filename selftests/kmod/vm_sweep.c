// SPDX-License-Identifier: GPL-2.0-only
/*
 * The sweep over more sockets than one run of it looks at. Whoever registers
 * others meanwhile, at the far end of the wire perhaps, delays no end (X2).
 */
#include "kselftest_harness.h"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>

#include "site.h"

/* Of eight runs, and some of them that the sweep is to end. */
#define SOCKETS	8192
#define CHANGED	4

/* One for the processor that sweeps, and one beside it. */
#define THREADS	2

/* Longer than a sweep takes, shorter than eight with a second between them. */
#define CONFIRM	3

FIXTURE(sweep) {
	struct nl a, registrars[THREADS], associations, violations;
	int fds[SOCKETS];
};

FIXTURE_SETUP(sweep)
{
	struct rlimit files = { 2 * SOCKETS, 2 * SOCKETS };
	struct assoc a = ASSOC_A("to-b");

	a.handshake_seconds = 3600;
	ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &files), 0);
	ASSERT_EQ(sites_up(), 0);
	ASSERT_EQ(site_nl(&self->a, 'a'), 0);
	for (int i = 0; i < THREADS; i++)
		ASSERT_EQ(nl_open(&self->registrars[i]), 0);
	ASSERT_EQ(nl_open(&self->associations), 0);
	ASSERT_EQ(nl_open(&self->violations), 0);
	ASSERT_EQ(assoc_new(&self->a, &a), 0) TH_LOG("%s", self->a.said);
	for (int i = 0; i < SOCKETS; i++) {
		self->fds[i] = tcp_socket();
		ASSERT_EQ(handshake_new(&self->a, self->fds[i], "to-b"), 0)
			TH_LOG("socket %d: %s", i, self->a.said);
	}
}

FIXTURE_TEARDOWN(sweep)
{
	sites_down();
}

static bool enough;

static void *registers(void *data)
{
	struct nl *nl = data;

	while (!__atomic_load_n(&enough, __ATOMIC_RELAXED)) {
		int fd = tcp_socket();

		handshake_new(nl, fd, "to-b");
		close(fd);
	}
	return NULL;
}

TEST_F(sweep, goes_on_while_others_register)
{
	struct assoc two = ASSOC_A("two");
	struct nl *a = &self->a;
	pthread_t threads[THREADS];
	int i, found = 0;
	cpu_set_t cpu;

	two.id_b = "//sp.example/cse-c";
	for (i = 0; i < THREADS; i++) {
		ASSERT_EQ(pthread_create(&threads[i], NULL, registers,
					 &self->registrars[i]), 0);
		CPU_ZERO(&cpu);
		CPU_SET(i % sysconf(_SC_NPROCESSORS_ONLN), &cpu);
		ASSERT_EQ(pthread_setaffinity_np(threads[i], sizeof(cpu), &cpu),
			  0);
	}
	nl_req(a, KPC_CMD_TRANSACTION_BEGIN);
	nl_u8(a, KPC_A_TRANSACTION_MODE, KPC_LOAD_MODE_APPLY);
	ASSERT_EQ(nl_talk(a), 0);
	ASSERT_EQ(assoc_new(a, &two), 0) TH_LOG("%s", a->said);
	nl_req(a, KPC_CMD_TRANSACTION_COMMIT);
	nl_u32(a, KPC_A_TRANSACTION_CONFIRM_SECONDS, CONFIRM);
	ASSERT_EQ(nl_talk(a), 0) TH_LOG("%s", a->said);

	/* The sweep alone can see it: no packet comes or goes. */
	ASSERT_EQ(nl_listen(&self->associations, 0), 0);
	ASSERT_EQ(nl_listen(&self->violations, 2), 0);
	for (i = 1; i <= CHANGED; i++)
		ASSERT_EQ(set_mark(self->fds[i * (SOCKETS / CHANGED) - 1], 5), 0);

	/* All are found before the deadline, which is the sweep's too. */
	EXPECT_EQ(nl_event(&self->associations, KPC_CMD_ASSOCIATION_NTF, 30000), 0);
	EXPECT_EQ(nl_get(&self->associations, KPC_A_ASSOCIATION_CHANGE),
		  KPC_CHANGE_REMOVED);
	while (!nl_event(&self->violations, KPC_CMD_VIOLATION_NTF, 0)) {
		EXPECT_EQ(nl_get(&self->violations, KPC_A_VIOLATION_KIND),
			  KPC_VIOLATION_KIND_CHANGED);
		found++;
	}
	EXPECT_EQ(found, CHANGED);
	__atomic_store_n(&enough, true, __ATOMIC_RELAXED);
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

TEST_HARNESS_MAIN
