// SPDX-License-Identifier: GPL-2.0-only
/*
 * Associations that may have the sockets of one user, or of one control group,
 * alone: others are neither registered for them nor bound to them. Rows M8, X2.
 */
#include "kselftest_harness.h"

#include <signal.h>
#include <sys/fsuid.h>
#include <sys/stat.h>

#include "pair.h"

#define USER	65534
#define CGROUPS	"/sys/fs/cgroup"

FIXTURE(user) {
	struct nl a, b, ev_a, ev_b;
	struct pair p;
	char own[128];		/* control group that the test began in */
};

/* Where the running process is, from the root of the hierarchy. */
static int cgroup_own(char *path, size_t size)
{
	FILE *f = fopen("/proc/self/cgroup", "r");
	char line[160];
	int err = -ENOENT;

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "0::/", 4)) {
			line[strcspn(line, "\n")] = 0;
			snprintf(path, size, "%.120s",
				 strcmp(line + 3, "/") ? line + 3 : "");
			err = 0;
		}
	if (f)
		fclose(f);
	return err;
}

static int cgroup_enter(const char *path)
{
	char name[256];
	FILE *f;

	snprintf(name, sizeof(name), CGROUPS "%s/cgroup.procs", path);
	f = fopen(name, "w");
	if (!f)
		return -errno;
	fprintf(f, "%d", getpid());
	return fclose(f) ? -errno : 0;
}

static int cgroup_make(const char *own, const char *path)
{
	char name[256];

	snprintf(name, sizeof(name), CGROUPS "%s%s", own, path);
	return mkdir(name, 0755) && errno != EEXIST ? -errno : 0;
}

static int cgroup_remove(const char *own, const char *path)
{
	char name[256];

	snprintf(name, sizeof(name), CGROUPS "%s%s", own, path);
	return rmdir(name) ? -errno : 0;
}

/* The path of a group beneath that of the test. */
static const char *beneath(const char *own, const char *path)
{
	static char text[2][256];
	static int next;

	next = !next;
	snprintf(text[next], sizeof(text[next]), "%s%s", own, path);
	return text[next];
}

FIXTURE_SETUP(user)
{
	ASSERT_EQ(cgroup_own(self->own, sizeof(self->own)), 0);
	ASSERT_EQ(pair_sites_up(&self->p, &self->a, &self->b, &self->ev_a,
				&self->ev_b), 0);
}

FIXTURE_TEARDOWN(user)
{
	setfsuid(0);
	cgroup_enter(self->own);
	pair_sites_down(&self->p, &self->ev_a, &self->ev_b);
	cgroup_remove(self->own, "/one/two");
	cgroup_remove(self->own, "/one");
	cgroup_remove(self->own, "/onetwo");
}

/* A socket that a user makes. */
static int socket_of(int uid)
{
	int fd;

	setfsuid(uid);
	fd = tcp_socket();
	setfsuid(0);
	return fd;
}

static int accept_as(int listener, int uid)
{
	int fd;

	setfsuid(uid);
	fd = accept(listener, NULL, NULL);
	setfsuid(0);
	return fd;
}

/* Role a: whose socket it is shows before anything is connected. */
TEST_F(user, makes_the_socket)
{
	struct assoc a = ASSOC_A("to-b"), b = ASSOC_B("from-a");
	struct pair *p = &self->p;
	int foreign;

	a.holder_uid = USER;
	ASSERT_EQ(assoc_new(&self->a, &a), 0) TH_LOG("%s", self->a.said);
	ASSERT_EQ(assoc_new(&self->b, &b), 0) TH_LOG("%s", self->b.said);
	ASSERT_EQ(assoc_get(&self->a, "to-b"), 0);
	EXPECT_EQ(nl_get(&self->a, KPC_A_ASSOCIATION_HOLDER_UID), USER);
	ASSERT_EQ(pair_listen(p), 0) TH_LOG("%s", self->b.said);

	ASSERT_EQ(site_enter('a'), 0);
	foreign = socket_of(0);
	EXPECT_EQ(handshake_new(&self->a, foreign, "to-b"), -EPERM);
	EXPECT_STREQ(self->a.said, "'to-b' is for sockets of user 65534 alone "
		     "(holder-uid), and this one is of user 0");
	EXPECT_EQ(mark_of(foreign), 0);
	close(foreign);

	p->client = socket_of(USER);
	ASSERT_EQ(handshake_new(&self->a, p->client, "to-b"), 0)
		TH_LOG("%s", self->a.said);
	ASSERT_EQ(tcp_connect(p->client, ADDR_B, PORT), 0);
	p->server = accept(p->listener, NULL, NULL);
	ASSERT_EQ(pair_bind(p), 0)
		TH_LOG("a: %s; b: %s", self->a.said, self->b.said);
	EXPECT_TRUE(crosses(p->client, p->server, "of that user"));
}

/* Role b: who accepts it holds it, whoever listens. */
TEST_F(user, accepts_the_socket)
{
	struct assoc a = ASSOC_A("to-b"), b = ASSOC_B("from-a");
	struct pair *p = &self->p;

	b.holder_uid = USER;
	ASSERT_EQ(assoc_new(&self->a, &a), 0) TH_LOG("%s", self->a.said);
	ASSERT_EQ(assoc_new(&self->b, &b), 0) TH_LOG("%s", self->b.said);
	ASSERT_EQ(pair_listen(p), 0) TH_LOG("%s", self->b.said);
	ASSERT_EQ(pair_connect(p), 0) TH_LOG("%s", self->a.said);
	EXPECT_EQ(pair_bind(p), -EPERM);
	EXPECT_STREQ(self->b.said, "'from-a' is for sockets of user 65534 alone "
		     "(holder-uid), and this one is of user 0");
	EXPECT_EQ(mark_of(p->server), HS_MARK);
	drop_socket(p->client);
	drop_socket(p->server);

	ASSERT_EQ(site_enter('a'), 0);
	p->client = tcp_socket();
	ASSERT_EQ(handshake_new(&self->a, p->client, "to-b"), 0);
	ASSERT_EQ(tcp_connect(p->client, ADDR_B, PORT), 0);
	p->server = accept_as(p->listener, USER);
	ASSERT_EQ(pair_bind(p), 0) TH_LOG("%s", self->b.said);
	nl_req(&self->b, KPC_CMD_BINDING_GET);
	nl_u64(&self->b, KPC_A_BINDING_ID, p->id_b);
	ASSERT_EQ(nl_talk(&self->b), 0);
	EXPECT_EQ(nl_get(&self->b, KPC_A_BINDING_UID), USER);
}

/* 4294967295 is no user, and not one that the namespace does not know either. */
TEST_F(user, that_there_is_not)
{
	struct assoc a = ASSOC_A("to-b");
	int fd;

	a.holder_uid = UINT32_MAX;
	ASSERT_EQ(assoc_new(&self->a, &a), 0) TH_LOG("%s", self->a.said);
	ASSERT_EQ(site_enter('a'), 0);
	fd = socket_of(0);
	EXPECT_EQ(handshake_new(&self->a, fd, "to-b"), -EPERM);
	close(fd);
}

static int begin(struct nl *nl, uint8_t mode)
{
	nl_req(nl, KPC_CMD_TRANSACTION_BEGIN);
	nl_u8(nl, KPC_A_TRANSACTION_MODE, mode);
	return nl_talk(nl);
}

static int commit(struct nl *nl)
{
	nl_req(nl, KPC_CMD_TRANSACTION_COMMIT);
	return nl_talk(nl);
}

/* X2: a table that leaves no room for a holder ends what he has. */
TEST_F(user, may_no_longer)
{
	struct assoc a = ASSOC_A("to-b");
	struct pair *p = &self->p;

	ASSERT_EQ(pair_associate(p), 0);
	ASSERT_EQ(pair_listen(p), 0);
	ASSERT_EQ(pair_connect(p), 0);
	ASSERT_EQ(pair_bind(p), 0);
	/* What is changed alone holds for new ones. */
	a.holder_uid = USER;
	ASSERT_EQ(assoc_new(&self->a, &a), 0) TH_LOG("%s", self->a.said);
	EXPECT_TRUE(crosses(p->client, p->server, "as it was bound"));

	ASSERT_EQ(begin(&self->a, KPC_LOAD_MODE_SYNC), 0);
	a.holder_uid = USER + 1;
	ASSERT_EQ(assoc_new(&self->a, &a), 0) TH_LOG("%s", self->a.said);
	ASSERT_EQ(commit(&self->a), 0) TH_LOG("%s", self->a.said);
	EXPECT_EQ(nl_get(&self->a, KPC_A_TRANSACTION_ENDED), 1);
	ASSERT_TRUE(is_gone(&self->ev_a));
	EXPECT_EQ(nl_get(&self->ev_a, KPC_A_BINDING_REASON),
		  KPC_REASON_NARROWED);
}

/*
 * X2: who a socket is handed over to is not its holder, and nothing tells who it
 * is: it stays where it is, by either word, and as long as a table says so.
 */
TEST_F(user, keeps_the_socket)
{
	struct assoc a = ASSOC_A("to-b"), b = ASSOC_B("from-a");
	struct pair *p = &self->p;

	ASSERT_EQ(cgroup_make(self->own, "/one"), 0);
	a.holder_uid = USER;
	b.holder_cgroup = beneath(self->own, "/one");
	ASSERT_EQ(assoc_new(&self->a, &a), 0) TH_LOG("%s", self->a.said);
	ASSERT_EQ(assoc_new(&self->b, &b), 0) TH_LOG("%s", self->b.said);
	ASSERT_EQ(cgroup_enter(b.holder_cgroup), 0);
	ASSERT_EQ(pair_listen(p), 0) TH_LOG("%s", self->b.said);
	ASSERT_EQ(site_enter('a'), 0);
	p->client = socket_of(USER);
	ASSERT_EQ(handshake_new(&self->a, p->client, "to-b"), 0)
		TH_LOG("%s", self->a.said);
	ASSERT_EQ(tcp_connect(p->client, ADDR_B, PORT), 0);
	p->server = accept(p->listener, NULL, NULL);
	ASSERT_EQ(pair_bind(p), 0)
		TH_LOG("a: %s; b: %s", self->a.said, self->b.said);
	EXPECT_EQ(binding_hand_over(&self->a, p->client), -EPERM);
	EXPECT_STREQ(self->a.said, "'to-b' names who holds its sockets "
		     "(holder-uid, holder-cgroup): they are handed over to nobody");
	EXPECT_EQ(binding_hand_over(&self->b, p->server), -EPERM);
	EXPECT_STREQ(self->b.said, "'from-a' names who holds its sockets "
		     "(holder-uid, holder-cgroup): they are handed over to nobody");
	EXPECT_TRUE(crosses(p->client, p->server, "with whom it was"));

	/* Handed over while anybody's, it is not the holder's that comes to be. */
	a.holder_uid = 0;
	ASSERT_EQ(begin(&self->a, KPC_LOAD_MODE_SYNC), 0);
	ASSERT_EQ(assoc_new(&self->a, &a), 0) TH_LOG("%s", self->a.said);
	ASSERT_EQ(commit(&self->a), 0) TH_LOG("%s", self->a.said);
	EXPECT_EQ(nl_get(&self->a, KPC_A_TRANSACTION_ENDED), 0);
	EXPECT_EQ(binding_hand_over(&self->a, p->client), 0) TH_LOG("%s", self->a.said);
	a.holder_uid = USER;
	ASSERT_EQ(begin(&self->a, KPC_LOAD_MODE_SYNC), 0);
	ASSERT_EQ(assoc_new(&self->a, &a), 0) TH_LOG("%s", self->a.said);
	ASSERT_EQ(commit(&self->a), 0) TH_LOG("%s", self->a.said);
	EXPECT_EQ(nl_get(&self->a, KPC_A_TRANSACTION_ENDED), 1);
	ASSERT_TRUE(is_gone(&self->ev_a));
	EXPECT_EQ(nl_get(&self->ev_a, KPC_A_BINDING_REASON),
		  KPC_REASON_NARROWED);
}

/* A group, what is beneath it, and nothing that has a like name. */
TEST_F(user, is_in_a_control_group)
{
	struct assoc a = ASSOC_A("to-b");
	char said[512];
	int fd;

	ASSERT_EQ(cgroup_make(self->own, "/one"), 0);
	ASSERT_EQ(cgroup_make(self->own, "/one/two"), 0);
	ASSERT_EQ(cgroup_make(self->own, "/onetwo"), 0);
	a.holder_cgroup = beneath(self->own, "/one");
	ASSERT_EQ(assoc_new(&self->a, &a), 0) TH_LOG("%s", self->a.said);
	ASSERT_EQ(assoc_get(&self->a, "to-b"), 0);
	EXPECT_STREQ(nl_text(&self->a, KPC_A_ASSOCIATION_HOLDER_CGROUP),
		     a.holder_cgroup);
	ASSERT_EQ(site_enter('a'), 0);

	fd = tcp_socket();
	EXPECT_EQ(handshake_new(&self->a, fd, "to-b"), -EPERM);
	snprintf(said, sizeof(said),
		 "'to-b' is for sockets made in %s alone (holder-cgroup), "
		 "and this one was made in %s",
		 a.holder_cgroup, *self->own ? self->own : "/");
	EXPECT_STREQ(self->a.said, said);
	close(fd);

	ASSERT_EQ(cgroup_enter(beneath(self->own, "/onetwo")), 0);
	fd = tcp_socket();
	EXPECT_EQ(handshake_new(&self->a, fd, "to-b"), -EPERM);
	/* Who goes elsewhere takes what he made along as it is. */
	ASSERT_EQ(cgroup_enter(a.holder_cgroup), 0);
	EXPECT_EQ(handshake_new(&self->a, fd, "to-b"), -EPERM);
	close(fd);
	fd = tcp_socket();
	EXPECT_EQ(handshake_new(&self->a, fd, "to-b"), 0)
		TH_LOG("%s", self->a.said);
	close(fd);
	ASSERT_EQ(cgroup_enter(beneath(self->own, "/one/two")), 0);
	fd = tcp_socket();
	ASSERT_EQ(cgroup_enter(self->own), 0);
	EXPECT_EQ(handshake_new(&self->a, fd, "to-b"), 0)
		TH_LOG("%s", self->a.said);
	close(fd);
}

/* A service that starts again has a new group under the old name. */
TEST_F(user, is_in_a_control_group_that_is_made_anew)
{
	struct assoc a = ASSOC_A("to-b"), b = ASSOC_B("from-a");
	struct pair *p = &self->p;
	int fd;

	ASSERT_EQ(cgroup_make(self->own, "/one"), 0);
	a.holder_cgroup = beneath(self->own, "/one");
	b.holder_cgroup = a.holder_cgroup;
	ASSERT_EQ(assoc_new(&self->a, &a), 0) TH_LOG("%s", self->a.said);
	ASSERT_EQ(assoc_new(&self->b, &b), 0) TH_LOG("%s", self->b.said);
	ASSERT_EQ(cgroup_enter(a.holder_cgroup), 0);
	ASSERT_EQ(site_enter('a'), 0);
	fd = tcp_socket();
	/* Of role b the listener's counts. */
	ASSERT_EQ(pair_listen(p), 0) TH_LOG("%s", self->b.said);
	ASSERT_EQ(cgroup_enter(self->own), 0);
	ASSERT_EQ(cgroup_remove(self->own, "/one"), 0);
	EXPECT_EQ(handshake_new(&self->a, fd, "to-b"), 0)
		TH_LOG("%s", self->a.said);
	close(fd);

	ASSERT_EQ(cgroup_make(self->own, "/one"), 0);
	ASSERT_EQ(cgroup_enter(a.holder_cgroup), 0);
	ASSERT_EQ(pair_connect(p), 0) TH_LOG("%s", self->a.said);
	ASSERT_EQ(cgroup_enter(self->own), 0);
	ASSERT_EQ(pair_bind(p), 0)
		TH_LOG("a: %s; b: %s", self->a.said, self->b.said);
	EXPECT_TRUE(crosses(p->client, p->server, "under the old name"));
}

/* A user without rights asks for a refusal and stays. */
static void ask_and_stay(int told)
{
	struct nl nl;
	char c = 1;

	if (!setresgid(USER, USER, USER) && !setresuid(USER, USER, USER) &&
	    !nl_open(&nl)) {
		nl_req(&nl, KPC_CMD_BINDING_GET);
		c = !nl_talk(&nl);
	}
	if (write(told, &c, 1) == 1)
		pause();
	_exit(1);
}

/* However many of them there are, who has rights is told why it is refused. */
TEST_F(user, takes_no_sentence_away)
{
	/* Longer than what the kernel has room for. */
	struct assoc a = ASSOC_A("an-association-whose-name-is-about-as-long-as-a-name-"
				 "may-be-00");
	pid_t crowd[300];
	int i, told[2], fd;
	char c;

	a.holder_uid = USER;
	ASSERT_EQ(assoc_new(&self->a, &a), 0) TH_LOG("%s", self->a.said);
	ASSERT_EQ(site_enter('a'), 0);
	ASSERT_EQ(pipe(told), 0);
	for (i = 0; i < (int)ARRAY_SIZE(crowd); i++) {
		crowd[i] = fork();
		ASSERT_GE(crowd[i], 0);
		if (!crowd[i])
			ask_and_stay(told[1]);
		EXPECT_EQ(read(told[0], &c, 1), 1);
		EXPECT_EQ(c, 0);
	}
	fd = socket_of(0);
	EXPECT_EQ(handshake_new(&self->a, fd, a.name), -EPERM);
	EXPECT_NE(strstr(self->a.said, "and this one is of user 0"), NULL)
		TH_LOG("%s", self->a.said);
	close(fd);
	for (i = 0; i < (int)ARRAY_SIZE(crowd); i++) {
		kill(crowd[i], SIGKILL);
		waitpid(crowd[i], NULL, 0);
	}
}

TEST_F(user, is_in_no_control_group)
{
	static const char *const paths[] = {
		"one", "/", "/one/", "//one", "/one//two", "/one/../two", "/.",
		"/one\ntwo",
	};
	struct assoc a = ASSOC_A("to-b");
	size_t i;

	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		a.holder_cgroup = paths[i];
		EXPECT_EQ(assoc_new(&self->a, &a), -EINVAL)
			TH_LOG("%s", paths[i]);
		EXPECT_NE(strstr(self->a.said, "holder-cgroup"), NULL)
			TH_LOG("%s", self->a.said);
	}
	a.holder_cgroup = "/one/..two";
	EXPECT_EQ(assoc_new(&self->a, &a), 0) TH_LOG("%s", self->a.said);
}

TEST_HARNESS_MAIN
