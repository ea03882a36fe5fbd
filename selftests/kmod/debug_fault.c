// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that is not there: each request is sent again and again, and each time
 * another one of the allocations on its way fails, the first, the second, until
 * none is left. What was refused has changed nothing, what was not refused is
 * there, and the debugging kernel sees whether anything is lost or used twice.
 */
#include "datagram.h"

/* Allocations of one request that are made to fail, at most. */
#define FAULTS_MOST	400

static struct nl a, b, worker;
static struct pair p;
static uint32_t worker_id, to_b;

/* Who tests, who the request is from, and what came of it. */
struct request {
	const char *name;
	/* Makes what the request needs, or NULL. */
	bool (*prepare)(void);
	/* Returns the socket that sends it, with the request made. */
	struct nl *(*make)(void);
	/* Whether what is there now fits the answer; then takes it away. */
	bool (*settle)(int answer);
};

static bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n = -1;

	if (fd >= 0) {
		n = write(fd, text, strlen(text));
		close(fd);
	}
	return n == (ssize_t)strlen(text);
}

static bool faults_on(void)
{
	const char *debug = "/sys/kernel/debug";
	char path[128];
	unsigned int i;
	static const char * const set[][2] = {
		{ "failslab/ignore-gfp-wait", "N" },
		{ "failslab/verbose", "0" },
		{ "fail_page_alloc/ignore-gfp-wait", "N" },
		{ "fail_page_alloc/ignore-gfp-highmem", "N" },
		{ "fail_page_alloc/min-order", "0" },
		{ "fail_page_alloc/verbose", "0" },
	};

	for (i = 0; i < sizeof(set) / sizeof(set[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", debug, set[i][0]);
		if (!write_text(path, set[i][1]))
			return false;
	}
	return true;
}

/* The Nth allocation from now on fails; 0 for none. */
static void fail_nth(unsigned int n)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", n);
	write_text("/proc/thread-self/fail-nth", text);
}

/* Whether the failure is still to come. */
static bool fault_left(void)
{
	char text[16] = "";
	int fd = open("/proc/thread-self/fail-nth", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 1)
		text[0] = '0';
	close(fd);
	return atoi(text) > 0;
}

/* Sends with one allocation failing; the answer as nl_talk() tells it. */
static int talk_without(struct nl *nl, unsigned int n, bool *left)
{
	struct timeval limit = { .tv_sec = 5 };
	struct nlmsghdr *h = nl_hdr(nl);
	ssize_t sent;
	int got, err = -EIO;

	setsockopt(nl->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	fail_nth(n);
	sent = send(nl->fd, nl->out, h->nlmsg_len, 0);
	if (sent < 0)
		err = -errno;
	*left = fault_left();
	fail_nth(0);
	if (sent < 0)
		return err;
	for (;;) {
		got = recv(nl->fd, nl->in, sizeof(nl->in), 0);
		if (got < 0)
			return -errno;
		for (h = (struct nlmsghdr *)nl->in; NLMSG_OK(h, got);
		     h = NLMSG_NEXT(h, got))
			if (h->nlmsg_seq == nl->seq &&
			    (h->nlmsg_type == NLMSG_ERROR ||
			     h->nlmsg_type == NLMSG_DONE))
				return *(int *)NLMSG_DATA(h);
	}
}

/*
 * An answer that was lost (ENOBUFS) leaves open what it was; ENOMEM of send()
 * or of the request refuses.
 */
static bool fits(int answer, bool there)
{
	if (answer == -ENOBUFS)
		return true;
	return answer ? !there : there;
}

static bool harmless(int answer)
{
	return !answer || answer == -ENOMEM || answer == -ENOBUFS ||
	       answer == -EAGAIN;
}

#define PEER	"peer.example:8884"

static struct nl *make_new(const char *name, bool resolved)
{
	struct assoc other = ASSOC_A("other");

	other.name = name;
	other.id_a = "//sp.example/cse-x";
	other.port = PORT + 1;
	other.peer = PEER;
	other.resolved = resolved;
	assoc_put(&a, &other);
	return &a;
}

static bool remove_other(void)
{
	return !assoc_del(&a, "other");
}

static bool there(const char *name)
{
	return !assoc_get(&a, name);
}

static struct nl *make_other(void)
{
	return make_new("other", false);
}

static bool add_other(void)
{
	return !nl_talk(make_new("other", true));
}

static bool settle_new(int answer)
{
	bool is = there("other");

	return fits(answer, is) && (!is || remove_other());
}

static bool settle_changed(int answer)
{
	return remove_other();
}

static struct nl *make_del(void)
{
	nl_req(&a, KPC_CMD_ASSOCIATION_DEL);
	nl_str(&a, KPC_A_ASSOCIATION_NAME, "other");
	return &a;
}

static bool settle_del(int answer)
{
	bool is = there("other");

	return fits(answer, !is) && (!is || remove_other());
}

static struct nl *make_get(uint8_t cmd, uint16_t attr, const char *name)
{
	nl_req(&a, cmd);
	if (name)
		nl_str(&a, attr, name);
	return &a;
}

static struct nl *make_association_get(void)
{
	return make_get(KPC_CMD_ASSOCIATION_GET, KPC_A_ASSOCIATION_NAME, "to-b");
}

static struct nl *make_config_get(void)
{
	return make_get(KPC_CMD_CONFIG_GET, 0, NULL);
}

static struct nl *make_config_set(void)
{
	nl_req(&a, KPC_CMD_CONFIG_SET);
	nl_u32(&a, KPC_A_CONFIG_AGENT_LOST_SECONDS, 60);
	return &a;
}

static struct nl *make_stats_get(void)
{
	return make_get(KPC_CMD_STATS_GET, 0, NULL);
}

static struct nl *make_dump(uint8_t cmd)
{
	nl_start(&a, a.family, cmd, NLM_F_DUMP);
	return &a;
}

static struct nl *make_association_dump(void)
{
	return make_dump(KPC_CMD_ASSOCIATION_GET);
}

static struct nl *make_binding_dump(void)
{
	return make_dump(KPC_CMD_BINDING_GET);
}

static struct nl *make_endpoint_get(void)
{
	endpoint_put(&a, ADDR_B);
	return &a;
}

static struct nl *make_endpoint_dump(void)
{
	return make_dump(KPC_CMD_ENDPOINT_GET);
}

static struct nl *make_session_dump(void)
{
	return make_dump(KPC_CMD_SESSION_GET);
}

static bool close_connection(void)
{
	if (p.client >= 0)
		drop_socket(p.client);
	if (p.server >= 0)
		drop_socket(p.server);
	p.client = -1;
	p.server = -1;
	return true;
}

static bool open_socket(void)
{
	if (site_enter('a'))
		return false;
	p.client = tcp_socket();
	return p.client >= 0;
}

static struct nl *make_handshake(void)
{
	nl_req(&a, KPC_CMD_HANDSHAKE_NEW);
	nl_u32(&a, KPC_A_HANDSHAKE_FD, p.client);
	nl_str(&a, KPC_A_HANDSHAKE_ASSOCIATION, "to-b");
	return &a;
}

static bool settle_handshake(int answer)
{
	/* The mark tells, and who is known is known. */
	bool is = mark_of(p.client) == HS_MARK;
	bool known = handshake_new(&a, p.client, "to-b") == -EEXIST;

	return fits(answer, is) && is == known && close_connection();
}

static bool connect_both(void)
{
	return !pair_connect(&p) && !ends_install(p.client, &p.ends_a);
}

static bool bind_client(void)
{
	return connect_both() && !binding_new(&a, p.client, "to-b", &p.ends_a);
}

static struct nl *make_binding(void)
{
	binding_req(&a, p.client, "to-b", 0x0304, 0x1301, &p.ends_a);
	return &a;
}

static bool is_bound(void)
{
	nl_req(&a, KPC_CMD_BINDING_GET);
	nl_u32(&a, KPC_A_BINDING_FD, p.client);
	return !nl_talk(&a);
}

static bool settle_binding(int answer)
{
	return fits(answer, is_bound()) && close_connection();
}

static struct nl *make_binding_get(void)
{
	nl_req(&a, KPC_CMD_BINDING_GET);
	nl_u32(&a, KPC_A_BINDING_FD, p.client);
	return &a;
}

static struct nl *make_rekey(void)
{
	nl_req(&a, KPC_CMD_BINDING_REKEY);
	nl_u32(&a, KPC_A_BINDING_FD, p.client);
	nl_put(&a, KPC_A_BINDING_TX_DIGEST, p.ends_a.tx_digest, KPC_DIGEST_LEN);
	return &a;
}

static struct nl *make_hand_over(void)
{
	nl_req(&a, KPC_CMD_BINDING_HAND_OVER);
	nl_u32(&a, KPC_A_BINDING_FD, p.client);
	return &a;
}

static bool settle_bound(int answer)
{
	return is_bound() && close_connection();
}

static struct nl *make_binding_del(void)
{
	uint64_t id = is_bound() ? nl_get(&a, KPC_A_BINDING_ID) : 0;

	nl_req(&a, KPC_CMD_BINDING_DEL);
	nl_u64(&a, KPC_A_BINDING_ID, id);
	return &a;
}

static bool settle_binding_del(int answer)
{
	return fits(answer, !is_bound()) && close_connection();
}

/* The same with a UDP socket, of which flows are bound. */
static bool open_udp(void)
{
	struct assoc udp = ASSOC_A("udp-b");

	ASSOC_UDP(udp);
	if (assoc_new(&a, &udp) || site_enter('a'))
		return false;
	p.client = udp_socket(ADDR_A, PORT_A);
	return p.client >= 0;
}

static bool register_udp(void)
{
	return open_udp() && !handshake_new(&a, p.client, "udp-b");
}

static bool bind_flow(void)
{
	return register_udp() &&
	       !flow_new(&a, p.client, "udp-b", ADDR_A, ADDR_B, PORT);
}

static bool close_udp(void)
{
	return close_connection() && !assoc_del(&a, "udp-b");
}

static struct nl *make_udp_handshake(void)
{
	nl_req(&a, KPC_CMD_HANDSHAKE_NEW);
	nl_u32(&a, KPC_A_HANDSHAKE_FD, p.client);
	nl_str(&a, KPC_A_HANDSHAKE_ASSOCIATION, "udp-b");
	return &a;
}

static bool settle_udp_handshake(int answer)
{
	bool is = mark_of(p.client) == HS_MARK;
	bool known = handshake_new(&a, p.client, "udp-b") == -EEXIST;

	return fits(answer, is) && is == known && close_udp();
}

static struct nl *make_flow(void)
{
	flow_req(&a, p.client, "udp-b", ADDR_A, ADDR_B, PORT);
	return &a;
}

static struct nl *make_flow_get(void)
{
	nl_req(&a, KPC_CMD_BINDING_GET);
	nl_u32(&a, KPC_A_BINDING_FD, p.client);
	flow_put(&a, ADDR_A, ADDR_B, PORT);
	return &a;
}

static bool settle_flow(int answer)
{
	return fits(answer, !nl_talk(make_flow_get())) && close_udp();
}

/* One that is refused leaves the one that was there. */
static bool settle_flow_again(int answer)
{
	return !nl_talk(make_flow_get()) && close_udp();
}

static struct nl *make_flow_del(void)
{
	uint64_t id = nl_talk(make_flow_get()) ? 0 :
		      nl_get(&a, KPC_A_BINDING_ID);

	nl_req(&a, KPC_CMD_BINDING_DEL);
	nl_u64(&a, KPC_A_BINDING_ID, id);
	return &a;
}

static bool settle_flow_del(int answer)
{
	return fits(answer, nl_talk(make_flow_get())) && close_udp();
}

static bool warden_is(void)
{
	nl_req(&a, KPC_CMD_SESSION_NEW);
	nl_u8(&a, KPC_A_SESSION_TYPE, KPC_SESSION_TYPE_WARDEN);
	return !nl_talk(&a);
}

static struct nl *make_worker(void)
{
	nl_req(&a, KPC_CMD_SESSION_NEW);
	nl_u8(&a, KPC_A_SESSION_TYPE, KPC_SESSION_TYPE_WORKER);
	nl_u32(&a, KPC_A_SESSION_FD, worker.fd);
	nl_u32(&a, KPC_A_SESSION_PID, getpid());
	return &a;
}

static bool open_worker(void)
{
	return !site_nl(&worker, 'a');
}

static bool close_worker(void)
{
	close(worker.fd);
	worker.fd = -1;
	return true;
}

static bool settle_worker(int answer)
{
	bool is = nl_talk(make_worker()) == -EEXIST;

	return fits(answer, is) && close_worker();
}

static bool open_session(void)
{
	if (!open_worker() || nl_talk(make_worker()))
		return false;
	worker_id = nl_get(&a, KPC_A_SESSION_ID);
	to_b = assoc_id(&a, "to-b");
	return to_b;
}

static struct nl *make_grant(void)
{
	nl_req(&a, KPC_CMD_GRANT_NEW);
	nl_u32(&a, KPC_A_GRANT_SESSION, worker_id);
	nl_str(&a, KPC_A_GRANT_ASSOCIATION, "to-b");
	nl_u32(&a, KPC_A_GRANT_ASSOCIATION_ID, to_b);
	return &a;
}

static struct nl *make_session_get(void)
{
	nl_req(&a, KPC_CMD_SESSION_GET);
	nl_u32(&a, KPC_A_SESSION_ID, worker_id);
	return &a;
}

static bool settle_grant(int answer)
{
	bool is = !nl_talk(make_session_get()) &&
		  nl_get(&a, KPC_A_SESSION_GRANTS) == 1;

	return fits(answer, is) && close_worker();
}

static bool settle_session_get(int answer)
{
	return close_worker();
}

static struct nl *make_establish(void)
{
	return make_get(KPC_CMD_ESTABLISH, KPC_A_ESTABLISH_ASSOCIATION, "to-b");
}

static uint32_t establish_id;

static bool ask(void)
{
	if (nl_talk(make_establish()))
		return false;
	establish_id = nl_get(&a, KPC_A_ESTABLISH_ID);
	return true;
}

static struct nl *make_answer(void)
{
	nl_req(&a, KPC_CMD_ESTABLISH_ANSWER);
	nl_u32(&a, KPC_A_ESTABLISH_ID, establish_id);
	nl_u8(&a, KPC_A_ESTABLISH_STATE, KPC_ESTABLISH_STATE_FAILED);
	nl_str(&a, KPC_A_ESTABLISH_MESSAGE, "for want of memory");
	return &a;
}

/* Those that are asked for by now are answered, whatever their ids are. */
static bool answer_all(int answer)
{
	unsigned int i;

	if (!ask())
		return false;
	for (i = 0; i < 3 && establish_id; i++, establish_id--)
		nl_talk(make_answer());
	return true;
}

static struct nl *make_close(void)
{
	return make_get(KPC_CMD_CLOSE, KPC_A_ESTABLISH_ASSOCIATION, "to-b");
}

static bool settle_close(int answer)
{
	return fits(answer, !is_bound()) && close_connection() &&
	       answer_all(answer);
}

static struct nl *make_begin(void)
{
	nl_req(&a, KPC_CMD_TRANSACTION_BEGIN);
	nl_u8(&a, KPC_A_TRANSACTION_MODE, KPC_LOAD_MODE_APPLY);
	return &a;
}

static struct nl *make_confirm(bool abort)
{
	nl_req(&a, KPC_CMD_TRANSACTION_CONFIRM);
	if (abort)
		nl_flag(&a, KPC_A_TRANSACTION_ABORT);
	return &a;
}

static bool give_up(void)
{
	return !nl_talk(make_confirm(true));
}

static bool settle_begin(int answer)
{
	bool is = nl_talk(make_begin()) == -EALREADY;

	return fits(answer, is) && give_up();
}

static bool begin(void)
{
	return !nl_talk(make_begin());
}

static bool settle_staged(int answer)
{
	return !there("other") && give_up();
}

static bool begin_and_stage(void)
{
	return begin() && !nl_talk(make_other());
}

static struct nl *make_commit(void)
{
	nl_req(&a, KPC_CMD_TRANSACTION_COMMIT);
	nl_u32(&a, KPC_A_TRANSACTION_CONFIRM_SECONDS, 60);
	return &a;
}

/* One that was refused is still begun, one that was not waits. */
static bool settle_commit(int answer)
{
	return fits(answer, there("other")) && give_up() && !there("other");
}

static bool commit(void)
{
	return begin_and_stage() && !nl_talk(make_commit());
}

/* While a commit waits, whose table of before has to learn it too. */
static bool add_and_wait(void)
{
	return add_other() && begin() && !nl_talk(make_commit());
}

static struct nl *make_resolve(void)
{
	uint32_t id = there("other") ? nl_get(&a, KPC_A_ASSOCIATION_ID) : 0;

	resolve_put(&a, id, PEER, "192.0.2.9");
	return &a;
}

static bool settle_resolved(int answer)
{
	return fits(answer, is_protected(&a, "192.0.2.9")) &&
	       !nl_talk(make_confirm(false)) && remove_other();
}

static struct nl *make_abort(void)
{
	return make_confirm(true);
}

static bool settle_abort(int answer)
{
	bool is = there("other");

	return fits(answer, !is) && (!is || give_up());
}

static const struct request requests[] = {
	{ "association-new", NULL, make_other, settle_new },
	{ "association-new of one that is there", add_other, make_other,
	  settle_changed },
	{ "association-resolve", add_and_wait, make_resolve, settle_resolved },
	{ "association-del", add_other, make_del, settle_del },
	{ "association-get", NULL, make_association_get, NULL },
	{ "association-get, all", NULL, make_association_dump, NULL },
	{ "endpoint-get", NULL, make_endpoint_get, NULL },
	{ "endpoint-get, all", NULL, make_endpoint_dump, NULL },
	{ "handshake-new", open_socket, make_handshake, settle_handshake },
	{ "binding-new", connect_both, make_binding, settle_binding },
	{ "binding-get", bind_client, make_binding_get, settle_bound },
	{ "binding-get, all", bind_client, make_binding_dump, settle_bound },
	{ "binding-rekey", bind_client, make_rekey, settle_bound },
	{ "binding-hand-over", bind_client, make_hand_over, settle_bound },
	{ "binding-del", bind_client, make_binding_del, settle_binding_del },
	{ "handshake-new of UDP", open_udp, make_udp_handshake,
	  settle_udp_handshake },
	{ "binding-new of a flow", register_udp, make_flow, settle_flow },
	{ "binding-get of a flow", bind_flow, make_flow_get, settle_flow_again },
	{ "binding-new of a flow that is there", bind_flow, make_flow,
	  settle_flow_again },
	{ "binding-del of a flow", bind_flow, make_flow_del, settle_flow_del },
	{ "session-new", open_worker, make_worker, settle_worker },
	{ "session-get", open_session, make_session_get, settle_session_get },
	{ "session-get, all", NULL, make_session_dump, NULL },
	{ "grant-new", open_session, make_grant, settle_grant },
	{ "establish", NULL, make_establish, answer_all },
	{ "establish-answer", ask, make_answer, answer_all },
	{ "close", bind_client, make_close, settle_close },
	{ "transaction-begin", NULL, make_begin, settle_begin },
	{ "association-new, staged", begin, make_other, settle_staged },
	{ "transaction-commit", begin_and_stage, make_commit, settle_commit },
	{ "transaction-confirm", commit, make_abort, settle_abort },
	{ "config-get", NULL, make_config_get, NULL },
	{ "config-set", NULL, make_config_set, NULL },
	{ "stats-get", NULL, make_stats_get, NULL },
};

/* Returns how many allocations were made to fail, or -1 with what is wrong. */
static int try_all(const struct request *r, char *why, size_t size)
{
	unsigned int n;
	bool left;
	int answer;

	for (n = 1; n <= FAULTS_MOST; n++) {
		struct nl *nl;

		if (r->prepare && !r->prepare()) {
			snprintf(why, size, "%u: cannot be prepared", n);
			return -1;
		}
		nl = r->make();
		answer = talk_without(nl, n, &left);
		if (!harmless(answer)) {
			snprintf(why, size, "%u: %s", n, strerror(-answer));
			return -1;
		}
		if (r->settle && !r->settle(answer)) {
			snprintf(why, size, "%u: answered %d, and what is there does not fit",
				 n, answer);
			return -1;
		}
		/* The request itself is one, so that none is no proof. */
		if (left && !answer && n > 1)
			return n - 1;
		if (left && !answer) {
			snprintf(why, size, "no allocation was made to fail");
			return -1;
		}
		if (left) {
			snprintf(why, size, "refused with nothing missing: %s",
				 strerror(-answer));
			return -1;
		}
	}
	snprintf(why, size, "more than %d allocations", FAULTS_MOST);
	return -1;
}

int main(void)
{
	unsigned int i, failed = 0;
	char why[128];

	printf("TAP version 13\n");
	if (!faults_on()) {
		printf("1..0 # SKIP this kernel injects no faults (CONFIG_FAILSLAB)\n");
		return 4;
	}
	pair_init(&p, &a, &b, "to-b", "from-a");
	if (sites_up() || site_nl(&a, 'a') || site_nl(&b, 'b') ||
	    pair_associate(&p) || pair_listen(&p) || !warden_is()) {
		printf("1..1\nnot ok 1 two sites come up\n# %s %s\n", a.said, b.said);
		return 1;
	}
	printf("1..%zu\n", sizeof(requests) / sizeof(requests[0]));
	for (i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		int n = try_all(&requests[i], why, sizeof(why));

		printf("%sok %u %s: ", n < 0 ? "not " : "", i + 1,
		       requests[i].name);
		if (n < 0)
			printf("%s\n", why);
		else
			printf("%d allocations failed in turn\n", n);
		fflush(stdout);
		failed += n < 0;
	}
	pair_close(&p);
	sites_down();
	return failed != 0;
}
