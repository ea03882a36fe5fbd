// SPDX-License-Identifier: GPL-2.0-only
/*
 * The agent's sessions: warden and workers, grants, what dies with whom, and
 * requests to establish. Invariants I5, I9, I10.
 */
#include "kselftest_harness.h"

#include <poll.h>

#include "pair.h"

FIXTURE(agent) {
	struct nl a, b, ev_a, ev_b;
	struct pair p;
};

FIXTURE_SETUP(agent)
{
	ASSERT_EQ(pair_sites_up(&self->p, &self->a, &self->b, &self->ev_a,
				&self->ev_b), 0);
	ASSERT_EQ(pair_associate(&self->p), 0)
		TH_LOG("a: %s; b: %s", self->a.said, self->b.said);
}

FIXTURE_TEARDOWN(agent)
{
	pair_sites_down(&self->p, &self->ev_a, &self->ev_b);
}

static int warden_new(struct nl *nl)
{
	nl_req(nl, KPC_CMD_SESSION_NEW);
	nl_u8(nl, KPC_A_SESSION_TYPE, KPC_SESSION_TYPE_WARDEN);
	nl_u32(nl, KPC_A_SESSION_ABI, KPC_ABI_VERSION);
	return nl_talk(nl);
}

static int worker_new(struct nl *nl, int fd, uint32_t pid)
{
	nl_req(nl, KPC_CMD_SESSION_NEW);
	nl_u8(nl, KPC_A_SESSION_TYPE, KPC_SESSION_TYPE_WORKER);
	nl_u32(nl, KPC_A_SESSION_FD, fd);
	nl_u32(nl, KPC_A_SESSION_PID, pid);
	return nl_talk(nl) ?: (int)nl_get(nl, KPC_A_SESSION_ID);
}

static int grant_new(struct nl *nl, uint32_t session, const char *association,
		     uint32_t id)
{
	nl_req(nl, KPC_CMD_GRANT_NEW);
	nl_u32(nl, KPC_A_GRANT_SESSION, session);
	nl_str(nl, KPC_A_GRANT_ASSOCIATION, association);
	nl_u32(nl, KPC_A_GRANT_ASSOCIATION_ID, id);
	return nl_talk(nl);
}

/* A warden and a worker of it at a site: the worker's session, or what failed. */
static int agent_new(struct nl *warden, struct nl *worker, char site)
{
	return site_nl(warden, site) ?: warden_new(warden) ?:
	       site_nl(worker, site) ?: worker_new(warden, worker->fd, 1);
}

static int next_violation(struct nl *ev)
{
	int err = nl_event(ev, KPC_CMD_VIOLATION_NTF, 2000);

	return err ?: (int)nl_get(ev, KPC_A_VIOLATION_KIND);
}

TEST_F(agent, one_warden)
{
	struct nl other;

	ASSERT_EQ(site_nl(&other, 'b'), 0);
	nl_req(&self->b, KPC_CMD_SESSION_NEW);
	nl_u8(&self->b, KPC_A_SESSION_TYPE, KPC_SESSION_TYPE_WARDEN);
	nl_u32(&self->b, KPC_A_SESSION_ABI, KPC_ABI_VERSION + 1);
	EXPECT_EQ(nl_talk(&self->b), -EPROTO);
	EXPECT_LT(worker_new(&self->b, other.fd, 1), 0);
	ASSERT_EQ(warden_new(&self->b), 0) TH_LOG("%s", self->b.said);
	ASSERT_EQ(nl_event(&self->ev_b, KPC_CMD_SESSION_NTF, 1000), 0);
	EXPECT_EQ(nl_get(&self->ev_b, KPC_A_SESSION_TYPE), KPC_SESSION_TYPE_WARDEN);
	EXPECT_EQ(warden_new(&other), -EBUSY);
	EXPECT_NE(strstr(other.said, "an agent is registered already"), NULL);
	/* I9: the other namespace may have its own. */
	EXPECT_EQ(warden_new(&self->a), 0);
	/* Only the warden's own socket speaks for it. */
	EXPECT_EQ(worker_new(&other, other.fd, 1), -EPERM);
	EXPECT_EQ(worker_new(&self->b, self->p.listener, 1), -EBADF);
	ASSERT_GT(worker_new(&self->b, other.fd, 77), 0) TH_LOG("%s", self->b.said);
	EXPECT_EQ(dump(&self->b, KPC_CMD_SESSION_GET), 2);
	close(other.fd);
	EXPECT_EQ(dump(&self->b, KPC_CMD_SESSION_GET), 1);
	/* It goes with its socket, and another may come. */
	close(self->b.fd);
	ASSERT_EQ(site_nl(&self->b, 'b'), 0);
	EXPECT_EQ(warden_new(&self->b), 0) TH_LOG("%s", self->b.said);
}

/* I10: a session is its socket; the port id it had is worth nothing. */
TEST_F(agent, port_id_is_no_session)
{
	struct sockaddr_nl chosen = { .nl_family = AF_NETLINK, .nl_pid = 424242 };
	struct nl warden, other;

	ASSERT_EQ(site_nl(&warden, 'a'), 0);
	close(warden.fd);
	warden.fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
	ASSERT_EQ(bind(warden.fd, (struct sockaddr *)&chosen, sizeof(chosen)), 0);
	ASSERT_EQ(warden_new(&warden), 0);
	ASSERT_EQ(nl_open(&other), 0);
	close(other.fd);
	close(warden.fd);
	other.fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
	ASSERT_EQ(bind(other.fd, (struct sockaddr *)&chosen, sizeof(chosen)), 0);
	EXPECT_EQ(grant_new(&other, 1, "to-b", 1), -EPERM);
	EXPECT_EQ(dump(&other, KPC_CMD_SESSION_GET), 0);
	close(other.fd);
}

/*
 * I10: a worker without any right, of another user, on a socket it inherited.
 * Its exit status is the number of the first thing that was not as it should.
 */
static int worker(struct nl *nl, struct pair *p, int go)
{
	struct nl own;
	char c;

	if (setgid(65534) || setuid(65534))
		return 1;
	p->nl_a = nl;
	if (handshake_new(nl, tcp_socket(), NULL) != -EPERM)
		return 2;
	if (pair_connect_here(p))
		return 3;
	if (ends_install(p->client, &p->ends_a))
		return 4;
	/* No grant yet. */
	if (binding_of(nl, p->client, "to-b", p->of_a, &p->ends_a) != -EPERM)
		return 5;
	if (!strstr(nl->said, "holds no grant for 'to-b'"))
		return 6;
	if (write(go, "1", 1) != 1 || read(go, &c, 1) != 1)
		return 7;
	if (binding_of(nl, p->client, "to-b", p->of_a, &p->ends_a))
		return 8;
	/* Used up. */
	if (binding_of(nl, p->client, "to-b", p->of_a, &p->ends_a) != -EPERM)
		return 9;
	/* What it may not ask, and what it may. */
	if (assoc_get(nl, "to-b") != -EPERM ||
	    grant_new(nl, 2, "to-b", p->of_a) != -EPERM ||
	    dump(nl, KPC_CMD_BINDING_GET) != -EPERM)
		return 10;
	nl_req(nl, KPC_CMD_BINDING_GET);
	nl_u32(nl, KPC_A_BINDING_FD, p->client);
	if (nl_talk(nl) || strcmp(nl_text(nl, KPC_A_BINDING_ASSOCIATION), "to-b"))
		return 11;
	/* A socket of its own is no session. */
	if (nl_open(&own) || handshake_new(&own, tcp_socket(), "to-b") != -EPERM)
		return 12;
	if (write(go, "2", 1) != 1 || read(go, &c, 1) != 1)
		return 13;
	return 0;
}

TEST_F(agent, worker_binds_by_grant_alone)
{
	struct pair *p = &self->p;
	int go[2], status, id;
	struct nl nl;
	pid_t pid;
	char c;

	p->of_a = assoc_id(&self->a, "to-b");
	ASSERT_EQ(pair_listen(p), 0);
	ASSERT_EQ(warden_new(&self->a), 0);
	ASSERT_EQ(site_nl(&nl, 'a'), 0);
	ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, go), 0);
	id = worker_new(&self->a, nl.fd, 1);
	ASSERT_GT(id, 0) TH_LOG("%s", self->a.said);
	EXPECT_EQ(grant_new(&self->a, 99, "to-b", p->of_a), -ENOENT);
	EXPECT_EQ(grant_new(&self->a, id, "none", p->of_a), -ENOENT);

	/* The child stays in the site, which it could not enter later. */
	ASSERT_EQ(site_enter('a'), 0);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		close(self->a.fd);
		close(go[0]);
		_exit(worker(&nl, p, go[1]));
	}
	close(go[1]);
	close(nl.fd);
	ASSERT_EQ(read(go[0], &c, 1), 1) TH_LOG("the worker ended early");
	EXPECT_EQ(next_violation(&self->ev_a), KPC_VIOLATION_KIND_GRANT);
	ASSERT_EQ(grant_new(&self->a, id, "to-b", p->of_a), 0);
	ASSERT_EQ(write(go[0], "1", 1), 1);
	ASSERT_EQ(read(go[0], &c, 1), 1) TH_LOG("the worker ended early");
	EXPECT_EQ(dump(&self->a, KPC_CMD_BINDING_GET), 1);
	nl_req(&self->a, KPC_CMD_SESSION_GET);
	nl_u32(&self->a, KPC_A_SESSION_ID, id);
	ASSERT_EQ(nl_talk(&self->a), 0);
	EXPECT_EQ(nl_get(&self->a, KPC_A_SESSION_BINDINGS), 1);
	ASSERT_EQ(write(go[0], "2", 1), 1);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(WEXITSTATUS(status), 0);
	nl_req(&self->a, KPC_CMD_SESSION_GET);
	nl_u32(&self->a, KPC_A_SESSION_ID, id);
	EXPECT_EQ(nl_talk(&self->a), -ENOENT);
	close(go[0]);
}

/* Sets the table of b to another association that has the same name. */
static int succeed(struct nl *nl, struct assoc *next)
{
	nl_req(nl, KPC_CMD_TRANSACTION_BEGIN);
	nl_u8(nl, KPC_A_TRANSACTION_MODE, KPC_LOAD_MODE_SYNC);
	return nl_talk(nl) ?: assoc_new(nl, next) ?:
	       (nl_req(nl, KPC_CMD_TRANSACTION_COMMIT), nl_talk(nl));
}

/*
 * I10, I4: who has proved the Kpc of an association that was replaced is not
 * bound as its successor, although the warden and the worker knew its name.
 */
TEST_F(agent, name_of_a_successor)
{
	struct assoc next = ASSOC_B("from-a");
	struct pair *p = &self->p;
	struct nl warden, other;
	uint32_t was, is;
	int id, fd;

	ASSERT_EQ(pair_listen(p), 0);
	id = agent_new(&warden, &other, 'b');
	ASSERT_GT(id, 0) TH_LOG("%s", warden.said);
	was = assoc_id(&self->b, "from-a");
	ASSERT_EQ(grant_new(&warden, id, "from-a", was), 0);
	ASSERT_EQ(pair_connect(p), 0) TH_LOG("%s", self->a.said);
	ASSERT_EQ(ends_install(p->server, &p->ends_b), 0);

	next.kpc_id = "of-another@example.org";
	next.id_a = "//sp.example/cse-z";
	ASSERT_EQ(succeed(&self->b, &next), 0) TH_LOG("%s", self->b.said);
	is = assoc_id(&self->b, "from-a");
	ASSERT_NE(is, was);
	EXPECT_EQ(grant_new(&warden, id, "from-a", was), -ESTALE);
	EXPECT_NE(strstr(warden.said, "another association has the name now"), NULL)
		TH_LOG("%s", warden.said);

	/* Not by a grant of the successor's either, which is its own to use. */
	ASSERT_EQ(grant_new(&warden, id, "from-a", is), 0) TH_LOG("%s", warden.said);
	EXPECT_EQ(binding_of(&other, p->server, "from-a", was, &p->ends_b), -ESTALE);
	EXPECT_EQ(binding_new(&other, p->server, "from-a", &p->ends_b), -EINVAL);
	EXPECT_STREQ(other.said, "the request has no attribute association-id");
	EXPECT_EQ(dump(&self->b, KPC_CMD_BINDING_GET), 0);
	EXPECT_EQ(binding_of(&other, p->server, "from-a", is, &p->ends_b), 0)
		TH_LOG("%s", other.said);

	nl_req(&warden, KPC_CMD_GRANT_NEW);
	nl_u32(&warden, KPC_A_GRANT_SESSION, id);
	nl_str(&warden, KPC_A_GRANT_ASSOCIATION, "from-a");
	EXPECT_EQ(nl_talk(&warden), -EINVAL);
	EXPECT_STREQ(warden.said, "the request has no attribute association-id");

	/* Of role a, before it connects. */
	ASSERT_EQ(site_enter('a'), 0);
	fd = tcp_socket();
	was = assoc_id(&self->a, "to-b");
	EXPECT_EQ(handshake_of(&self->a, fd, "to-b", was + 1), -ESTALE);
	EXPECT_EQ(handshake_of(&self->a, fd, "to-b", was), 0) TH_LOG("%s", self->a.said);
	close(fd);
	close(other.fd);
	close(warden.fd);
}

/* Whoever has handshakes of one association fail takes no leave from another. */
TEST_F(agent, grants_of_one_leave_those_of_another)
{
	struct assoc busy = ASSOC_A("busy"), noisy = ASSOC_A("noisy");
	struct pair *p = &self->p, second;
	struct nl warden, other;
	uint32_t of_busy, of_noisy;
	int id;

	busy.id_b = "//sp.example/cse-c";
	busy.port = PORT + 1;
	ASSERT_EQ(assoc_new(&self->a, &busy), 0) TH_LOG("%s", self->a.said);
	of_busy = nl_get(&self->a, KPC_A_ASSOCIATION_ID);
	noisy.id_b = "//sp.example/cse-d";
	noisy.port = PORT + 2;
	ASSERT_EQ(assoc_new(&self->a, &noisy), 0) TH_LOG("%s", self->a.said);
	of_noisy = nl_get(&self->a, KPC_A_ASSOCIATION_ID);
	p->of_a = assoc_id(&self->a, "to-b");
	ASSERT_EQ(pair_listen(p), 0);
	id = agent_new(&warden, &other, 'a');
	ASSERT_GT(id, 0) TH_LOG("%s", warden.said);
	p->nl_a = &other;

	ASSERT_EQ(grant_new(&warden, id, "to-b", p->of_a), 0);
	/* More than a session keeps. */
	for (int i = 0; i < 1100; i++)
		ASSERT_EQ(grant_new(&warden, id, "busy", of_busy), 0)
			TH_LOG("%s", warden.said);
	/* Nor has it to give up its own for one more of its handshakes. */
	ASSERT_EQ(grant_new(&warden, id, "to-b", p->of_a), 0);
	for (int i = 0; i < 1100; i++)
		ASSERT_EQ(grant_new(&warden, id, i % 2 ? "busy" : "noisy",
				    i % 2 ? of_busy : of_noisy), 0)
			TH_LOG("%s", warden.said);
	ASSERT_EQ(pair_connect(p), 0) TH_LOG("%s", other.said);
	EXPECT_EQ(pair_bind(p), 0) TH_LOG("%s", other.said);
	pair_init(&second, &other, &self->b, "to-b", "from-a");
	second.listener = p->listener;
	second.of_a = p->of_a;
	ASSERT_EQ(pair_connect(&second), 0) TH_LOG("%s", other.said);
	EXPECT_EQ(pair_bind(&second), 0) TH_LOG("%s", other.said);
	second.listener = -1;
	pair_close(&second);

	/* Where it has none, one of another makes room. */
	ASSERT_EQ(grant_new(&warden, id, "busy", of_busy), 0);
	ASSERT_EQ(grant_new(&warden, id, "to-b", p->of_a), 0);
	EXPECT_EQ(binding_of(&other, p->client, "to-b", p->of_a, &p->ends_a),
		  -EALREADY)
		TH_LOG("%s", other.said);
	close(other.fd);
	close(warden.fd);
	p->nl_a = &self->a;
}

/* I5: sockets that were not bound end with their session, bound ones stay. */
TEST_F(agent, what_dies_with_a_session)
{
	struct pair *p = &self->p, second;
	struct nl warden;

	ASSERT_EQ(pair_listen(p), 0);
	ASSERT_EQ(site_nl(&warden, 'a'), 0);
	ASSERT_EQ(warden_new(&warden), 0);
	pair_init(&second, &warden, &self->b, "to-b", "from-a");
	second.listener = p->listener;
	p->nl_a = &warden;
	ASSERT_EQ(pair_connect(p), 0) TH_LOG("%s", warden.said);
	ASSERT_EQ(pair_bind(p), 0) TH_LOG("%s", warden.said);
	ASSERT_EQ(pair_connect(&second), 0) TH_LOG("%s", warden.said);

	close(warden.fd);
	EXPECT_NE(error_within(second.client, 2000), 0);
	EXPECT_TRUE(crosses(p->client, p->server, "what is up goes on"));
	nl_req(&self->a, KPC_CMD_BINDING_GET);
	nl_u64(&self->a, KPC_A_BINDING_ID, p->id_a);
	ASSERT_EQ(nl_talk(&self->a), 0);
	EXPECT_EQ(nl_get(&self->a, KPC_A_BINDING_SESSION), 0);
	EXPECT_NE(nl_data(&self->a, KPC_A_BINDING_HANDED_OVER), NULL);
	second.listener = -1;
	pair_close(&second);
}

TEST_F(agent, policy_ends_what_outlives_the_agent)
{
	socklen_t len = sizeof(int);
	int other, listens = 0;
	struct nl warden;

	ASSERT_EQ(pair_listen(&self->p), 0);
	/* Of another program, which is not the agent. */
	ASSERT_EQ(site_enter('a'), 0);
	other = tcp_socket();
	ASSERT_EQ(handshake_new(&self->a, other, NULL), 0);
	ASSERT_EQ(tcp_listen(other, ADDR_A, PORT), 0);
	nl_req(&self->a, KPC_CMD_CONFIG_SET);
	nl_u8(&self->a, KPC_A_CONFIG_AGENT_LOST, KPC_AGENT_LOST_END);
	nl_u32(&self->a, KPC_A_CONFIG_AGENT_LOST_SECONDS, 1);
	ASSERT_EQ(nl_talk(&self->a), 0);
	ASSERT_EQ(site_nl(&warden, 'a'), 0);
	ASSERT_EQ(warden_new(&warden), 0);
	self->p.nl_a = &warden;
	ASSERT_EQ(pair_connect(&self->p), 0);
	ASSERT_EQ(pair_bind(&self->p), 0) TH_LOG("%s", warden.said);
	close(warden.fd);
	EXPECT_NE(error_within(self->p.client, 5000), 0);
	ASSERT_TRUE(is_gone(&self->ev_a));
	EXPECT_EQ(nl_get(&self->ev_a, KPC_A_BINDING_REASON), KPC_REASON_AGENT_LOST);
	EXPECT_EQ(getsockopt(other, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len), 0);
	EXPECT_EQ(listens, 1);
	close(other);
}

static int establish(struct nl *nl, const char *name)
{
	int err = named(nl, KPC_CMD_ESTABLISH, KPC_A_ESTABLISH_ASSOCIATION, name);

	return err ?: (int)nl_get(nl, KPC_A_ESTABLISH_ID);
}

TEST_F(agent, establish_is_asked_and_answered)
{
	struct nl warden;
	int id;

	EXPECT_EQ(establish(&self->a, "to-b"), -ENOTCONN);
	EXPECT_STREQ(self->a.said, "no agent is registered in this network namespace");
	ASSERT_EQ(site_nl(&warden, 'a'), 0);
	ASSERT_EQ(nl_listen(&warden, 3), 0);
	ASSERT_EQ(warden_new(&warden), 0);
	EXPECT_EQ(establish(&self->a, "none"), -ENOENT);
	id = establish(&self->a, "to-b");
	ASSERT_GT(id, 0);
	ASSERT_EQ(nl_event(&warden, KPC_CMD_ESTABLISH_NTF, 1000), 0);
	EXPECT_EQ(nl_get(&warden, KPC_A_ESTABLISH_STATE), KPC_ESTABLISH_STATE_REQUESTED);
	EXPECT_EQ(nl_get(&warden, KPC_A_ESTABLISH_ID), id);
	EXPECT_STREQ(nl_text(&warden, KPC_A_ESTABLISH_ASSOCIATION), "to-b");

	nl_req(&self->a, KPC_CMD_ESTABLISH_ANSWER);
	nl_u32(&self->a, KPC_A_ESTABLISH_ID, id);
	nl_u8(&self->a, KPC_A_ESTABLISH_STATE, KPC_ESTABLISH_STATE_ESTABLISHED);
	EXPECT_EQ(nl_talk(&self->a), -EPERM);

	nl_req(&warden, KPC_CMD_ESTABLISH_ANSWER);
	nl_u32(&warden, KPC_A_ESTABLISH_ID, id);
	nl_u8(&warden, KPC_A_ESTABLISH_STATE, KPC_ESTABLISH_STATE_FAILED);
	nl_u32(&warden, KPC_A_ESTABLISH_ERROR, ECONNREFUSED);
	nl_str(&warden, KPC_A_ESTABLISH_MESSAGE, "nobody listens there");
	ASSERT_EQ(nl_talk(&warden), 0) TH_LOG("%s", warden.said);
	do {
		ASSERT_EQ(nl_event(&self->ev_a, KPC_CMD_ESTABLISH_NTF, 1000), 0);
	} while (nl_get(&self->ev_a, KPC_A_ESTABLISH_STATE) ==
		 KPC_ESTABLISH_STATE_REQUESTED);
	EXPECT_EQ(nl_get(&self->ev_a, KPC_A_ESTABLISH_STATE), KPC_ESTABLISH_STATE_FAILED);
	EXPECT_EQ(nl_get(&self->ev_a, KPC_A_ESTABLISH_ERROR), ECONNREFUSED);
	EXPECT_STREQ(nl_text(&self->ev_a, KPC_A_ESTABLISH_MESSAGE), "nobody listens there");
	/* It is answered once. */
	EXPECT_EQ(nl_talk(&warden), -ENOENT);
	close(warden.fd);
}

TEST_F(agent, close_ends_bindings)
{
	ASSERT_EQ(pair_listen(&self->p), 0);
	ASSERT_EQ(pair_connect(&self->p), 0);
	ASSERT_EQ(pair_bind(&self->p), 0) TH_LOG("%s", self->a.said);
	ASSERT_EQ(named(&self->a, KPC_CMD_CLOSE, KPC_A_ESTABLISH_ASSOCIATION, "to-b"), 0);
	EXPECT_NE(error_within(self->p.client, 1000), 0);
	/* Without an agent the module answers for it. */
	do {
		ASSERT_EQ(nl_event(&self->ev_a, KPC_CMD_ESTABLISH_NTF, 1000), 0);
	} while (nl_get(&self->ev_a, KPC_A_ESTABLISH_STATE) !=
		 KPC_ESTABLISH_STATE_CLOSED);
	ASSERT_EQ(assoc_get(&self->a, "to-b"), 0);
	EXPECT_EQ(nl_get(&self->a, KPC_A_ASSOCIATION_BINDINGS), 0);
}

/*
 * I4: an agent that has not heard of the request yet lets workers bind. Neither
 * such a binding nor leave for one outlives its answer.
 */
TEST_F(agent, close_ends_what_came_before_its_answer)
{
	struct pair *p = &self->p, second;
	struct nl warden, other;
	int id, session;

	ASSERT_EQ(pair_listen(p), 0);
	session = agent_new(&warden, &other, 'a');
	ASSERT_GT(session, 0) TH_LOG("%s", warden.said);
	ASSERT_EQ(named(&self->a, KPC_CMD_CLOSE, KPC_A_ESTABLISH_ASSOCIATION, "to-b"), 0);
	id = nl_get(&self->a, KPC_A_ESTABLISH_ID);

	p->nl_a = &other;
	p->of_a = assoc_id(&self->a, "to-b");
	ASSERT_EQ(pair_connect(p), 0) TH_LOG("%s", other.said);
	ASSERT_EQ(grant_new(&warden, session, "to-b", p->of_a), 0);
	ASSERT_EQ(pair_bind(p), 0) TH_LOG("%s", other.said);
	pair_init(&second, &other, &self->b, "to-b", "from-a");
	second.listener = p->listener;
	second.of_a = p->of_a;
	ASSERT_EQ(grant_new(&warden, session, "to-b", p->of_a), 0);
	EXPECT_TRUE(crosses(p->client, p->server, "not closed yet"));

	nl_req(&warden, KPC_CMD_ESTABLISH_ANSWER);
	nl_u32(&warden, KPC_A_ESTABLISH_ID, id);
	nl_u8(&warden, KPC_A_ESTABLISH_STATE, KPC_ESTABLISH_STATE_CLOSED);
	ASSERT_EQ(nl_talk(&warden), 0) TH_LOG("%s", warden.said);
	EXPECT_NE(error_within(p->client, 1000), 0);
	ASSERT_EQ(assoc_get(&self->a, "to-b"), 0);
	EXPECT_EQ(nl_get(&self->a, KPC_A_ASSOCIATION_BINDINGS), 0);

	ASSERT_EQ(pair_connect(&second), 0) TH_LOG("%s", other.said);
	EXPECT_EQ(pair_bind(&second), -EPERM);
	EXPECT_NE(strstr(other.said, "holds no grant for 'to-b'"), NULL);
	second.listener = -1;
	pair_close(&second);
	close(other.fd);
	close(warden.fd);
	p->nl_a = &self->a;
}

/*
 * I5: a socket that is an application's. No session has a say in it any more, nor
 * has the end of one; the operator has.
 */
TEST_F(agent, what_was_handed_over)
{
	struct nl warden, worker, another;
	struct pair *p = &self->p, second;
	int id;

	ASSERT_EQ(pair_listen(p), 0);
	nl_req(&self->a, KPC_CMD_CONFIG_SET);
	nl_u8(&self->a, KPC_A_CONFIG_AGENT_LOST, KPC_AGENT_LOST_END);
	nl_u32(&self->a, KPC_A_CONFIG_AGENT_LOST_SECONDS, 1);
	ASSERT_EQ(nl_talk(&self->a), 0);
	id = agent_new(&warden, &worker, 'a');
	ASSERT_GT(id, 0) TH_LOG("%s", warden.said);
	ASSERT_EQ(site_nl(&another, 'a'), 0);
	ASSERT_GT(worker_new(&warden, another.fd, 2), 0) TH_LOG("%s", warden.said);
	p->nl_a = &worker;
	p->of_a = assoc_id(&self->a, "to-b");
	ASSERT_EQ(grant_new(&warden, id, "to-b", p->of_a), 0);
	ASSERT_EQ(grant_new(&warden, id, "to-b", p->of_a), 0);
	ASSERT_EQ(pair_connect(p), 0) TH_LOG("%s", worker.said);
	EXPECT_EQ(binding_hand_over(&worker, p->client), -ENOENT);
	EXPECT_STREQ(worker.said, "the socket is not bound");
	ASSERT_EQ(pair_bind(p), 0) TH_LOG("%s", worker.said);
	pair_init(&second, &worker, &self->b, "to-b", "from-a");
	second.listener = p->listener;
	second.of_a = p->of_a;
	ASSERT_EQ(pair_connect(&second), 0) TH_LOG("%s", worker.said);
	ASSERT_EQ(pair_bind(&second), 0) TH_LOG("%s", worker.said);

	EXPECT_EQ(binding_hand_over(&another, p->client), -EPERM);
	EXPECT_STREQ(another.said, "the socket was bound by another session");
	EXPECT_EQ(binding_hand_over(&worker, p->client), 0) TH_LOG("%s", worker.said);
	nl_req(&self->a, KPC_CMD_BINDING_GET);
	nl_u64(&self->a, KPC_A_BINDING_ID, p->id_a);
	ASSERT_EQ(nl_talk(&self->a), 0);
	EXPECT_EQ(nl_get(&self->a, KPC_A_BINDING_SESSION), 0);
	EXPECT_NE(nl_data(&self->a, KPC_A_BINDING_HANDED_OVER), NULL);
	nl_req(&self->a, KPC_CMD_BINDING_GET);
	nl_u64(&self->a, KPC_A_BINDING_ID, second.id_a);
	ASSERT_EQ(nl_talk(&self->a), 0);
	EXPECT_EQ(nl_data(&self->a, KPC_A_BINDING_HANDED_OVER), NULL);
	EXPECT_EQ(binding_hand_over(&worker, p->client), -EPERM);
	nl_req(&worker, KPC_CMD_BINDING_REKEY);
	nl_u32(&worker, KPC_A_BINDING_FD, p->client);
	nl_put(&worker, KPC_A_BINDING_TX_DIGEST, p->ends_a.tx_digest, KPC_DIGEST_LEN);
	EXPECT_EQ(nl_talk(&worker), -EPERM);
	EXPECT_STREQ(worker.said, "the socket was handed over to an application");
	EXPECT_TRUE(crosses(p->client, p->server, "and it goes on"));

	close(worker.fd);
	close(another.fd);
	close(warden.fd);
	EXPECT_NE(error_within(second.client, 5000), 0);
	EXPECT_EQ(error_within(p->client, 2000), 0);
	EXPECT_TRUE(crosses(p->client, p->server, "without the agent too"));
	nl_req(&self->a, KPC_CMD_BINDING_DEL);
	nl_u64(&self->a, KPC_A_BINDING_ID, p->id_a);
	EXPECT_EQ(nl_talk(&self->a), 0) TH_LOG("%s", self->a.said);
	EXPECT_NE(error_within(p->client, 1000), 0);
	second.listener = -1;
	pair_close(&second);
	p->nl_a = &self->a;
}

TEST_HARNESS_MAIN
