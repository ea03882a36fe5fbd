// SPDX-License-Identifier: GPL-2.0-only
/*
 * Audit records: who changed the table, bound, revoked, and what was attempted,
 * as the kernel's audit tells its listeners. Rows M8, X2; invariant I6.
 */
#include "kselftest_harness.h"

#include <linux/audit.h>
#include <sys/stat.h>

#include "pair.h"

#define LOGIN	"1000"
#define NO_AUDIT "the audit of this machine is switched off for good"

/* Records of the module that were heard, a line each. */
struct trail {
	int fd;
	char text[1 << 18];
	size_t len;
};

FIXTURE(audit) {
	struct trail trail;
	struct nl a, b, ev_a, ev_b;
	struct pair p;
	bool there;
};

/* Switches the machine's audit on or off. */
static int audit_set(int fd, bool on)
{
	struct {
		struct nlmsghdr h;
		struct audit_status status;
	} req = {
		.h = { .nlmsg_len = sizeof(req), .nlmsg_type = AUDIT_SET,
		       .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK },
		.status = { .mask = AUDIT_STATUS_ENABLED |
				    AUDIT_STATUS_BACKLOG_LIMIT,
			    .enabled = on, .backlog_limit = 8192 },
	};
	char in[8192];
	struct nlmsghdr *h = (struct nlmsghdr *)in;

	if (send(fd, &req, sizeof(req), 0) < 0)
		return -errno;
	/* Records come between: it may be what is told to who listens. */
	do {
		if (recv(fd, in, sizeof(in), 0) < 0)
			return -errno;
	} while (h->nlmsg_type != NLMSG_ERROR);
	return ((struct nlmsgerr *)NLMSG_DATA(h))->error;
}

static int audit_socket(bool listens)
{
	struct sockaddr_nl local = { .nl_family = AF_NETLINK,
				     .nl_groups = listens };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT);

	if (fd < 0 || bind(fd, (struct sockaddr *)&local, sizeof(local)))
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &(int){ 4 << 20 },
		   sizeof(int));
	return fd;
}

static int audit_switch(bool on)
{
	int fd = audit_socket(false);
	int err = fd < 0 ? fd : audit_set(fd, on);

	if (fd >= 0)
		close(fd);
	return err;
}

/* Takes in one more message, for at most so many milliseconds. */
static bool hear(struct trail *t, int ms)
{
	struct pollfd p = { .fd = t->fd, .events = POLLIN };
	char in[16384];
	struct nlmsghdr *h = (struct nlmsghdr *)in;
	ssize_t n;

	if (poll(&p, 1, ms) <= 0)
		return false;
	n = recv(t->fd, in, sizeof(in) - 1, 0);
	if (n < NLMSG_HDRLEN)
		return false;
	in[n] = 0;
	if (h->nlmsg_type == AUDIT_KERNEL_OTHER)
		t->len += snprintf(t->text + t->len, sizeof(t->text) - t->len,
				   "%s\n", (char *)NLMSG_DATA(h));
	return true;
}

/* Lines that were heard and hold all of these words; the last one is kept. */
static int heard(const struct trail *t, char *line, size_t size, const char *op,
		 const char *word)
{
	const char *at = t->text, *end;
	char one[4096];
	int n = 0;

	for (; (end = strchr(at, '\n')); at = end + 1) {
		snprintf(one, sizeof(one), "%.*s", (int)(end - at), at);
		if (!strstr(one, op) || !strstr(one, word))
			continue;
		snprintf(line, size, "%s", one);
		n++;
	}
	return n;
}

/* Waits for such a line. */
static bool recorded(struct trail *t, char *line, size_t size, const char *op,
		     const char *word)
{
	while (!heard(t, line, size, op, word))
		if (!hear(t, 3000))
			return false;
	return true;
}

/* What has been sent and not heard yet. */
static void hear_all(struct trail *t)
{
	while (hear(t, 500))
		;
}

static long long field(const char *line, const char *name)
{
	const char *at = strstr(line, name);

	return at ? strtoll(at + strlen(name), NULL, 0) : -1;
}

FIXTURE_SETUP(audit)
{
	FILE *f = fopen("/proc/self/loginuid", "w");

	if (f) {
		fputs(LOGIN, f);
		fclose(f);
	}
	self->trail.fd = audit_socket(true);
	self->there = self->trail.fd >= 0 && !audit_switch(false);
	ASSERT_EQ(pair_sites_up(&self->p, &self->a, &self->b, &self->ev_a,
				&self->ev_b), 0);
}

FIXTURE_TEARDOWN(audit)
{
	audit_switch(false);
	if (self->there)
		close(self->trail.fd);
	pair_sites_down(&self->p, &self->ev_a, &self->ev_b);
}

/* The associations and a connection, with the audit on from the beginning. */
static int begin(struct pair *p, uint32_t lifetime)
{
	struct assoc a = ASSOC_A("to-b"), b = ASSOC_B("from-a");

	a.lifetime = lifetime;
	return audit_switch(true) ?: assoc_new(p->nl_a, &a) ?: assoc_new(p->nl_b, &b) ?:
	       pair_listen(p) ?: pair_connect(p) ?: pair_bind(p);
}

static unsigned long long netns_of(char site)
{
	char path[] = "/run/netns/kpc-?";
	struct stat st;

	path[sizeof(path) - 2] = site;
	return stat(path, &st) ? 0 : st.st_ino;
}

/* M8: whose socket it is from now on, and who said so. */
TEST_F(audit, tells_of_a_binding)
{
	char line[4096], word[128];
	struct trail *t = &self->trail;
	struct pair *p = &self->p;
	struct sockaddr_in own;
	socklen_t len = sizeof(own);

	if (!self->there)
		SKIP(return, NO_AUDIT);
	ASSERT_EQ(begin(&self->p, 0), 0)
		TH_LOG("a: %s; b: %s", self->a.said, self->b.said);
	ASSERT_EQ(getsockname(p->client, (struct sockaddr *)&own, &len), 0);

	ASSERT_TRUE(recorded(t, line, sizeof(line), "op=kpc-commit ",
			     "added=1 changed=0 removed=0 ended=0 config=0 "
			     "association=\"to-b\" kpc_id=\"to-b@example.org\" "))
		TH_LOG("%s", t->text);
	EXPECT_EQ(field(line, " pid="), getpid()) TH_LOG("%s", line);
	EXPECT_EQ(field(line, " auid="), atoi(LOGIN)) TH_LOG("%s", line);
	EXPECT_NE(strstr(line, " res=1"), NULL) TH_LOG("%s", line);

	ASSERT_TRUE(recorded(t, line, sizeof(line), "op=kpc-bind ",
			     "association=\"to-b\" kpc_id=\"to-b@example.org\" "
			     "id_a=\"//sp.example/cse-a\" "
			     "id_b=\"//sp.example/cse-b\" role=a mark=0x6b000001 "))
		TH_LOG("%s", t->text);
	EXPECT_EQ(field(line, " netns="), (long long)netns_of('a'));
	EXPECT_EQ(field(line, " binding="), (long long)p->id_a) TH_LOG("%s", line);
	snprintf(word, sizeof(word), " laddr=%s lport=%u addr=%s rport=%u ",
		 ADDR_A, ntohs(own.sin_port), ADDR_B, PORT);
	EXPECT_NE(strstr(line, word), NULL) TH_LOG("%s", line);
	EXPECT_NE(strstr(line, " carrier=kernel version=0x0304 suite=0x1301 "
			       "session=0 sock_uid=0 "), NULL) TH_LOG("%s", line);
	EXPECT_EQ(field(line, " pid="), getpid()) TH_LOG("%s", line);
	EXPECT_EQ(field(line, " auid="), atoi(LOGIN)) TH_LOG("%s", line);
	EXPECT_NE(strstr(line, " comm=\"vm_audit\""), NULL) TH_LOG("%s", line);
	EXPECT_NE(strstr(line, " res=1"), NULL) TH_LOG("%s", line);
	ASSERT_TRUE(recorded(t, line, sizeof(line), "op=kpc-bind ",
			     "association=\"from-a\" ")) TH_LOG("%s", t->text);
	EXPECT_NE(strstr(line, " role=b "), NULL) TH_LOG("%s", line);

	/* Who closes his own socket has revoked nothing. */
	close(p->client);
	p->client = -1;
	close(p->server);
	p->server = -1;
	ASSERT_TRUE(is_gone(&self->ev_a));
	ASSERT_TRUE(is_gone(&self->ev_b));
	hear_all(t);
	EXPECT_EQ(heard(t, line, sizeof(line), "op=kpc-revoke ", ""), 0)
		TH_LOG("%s", line);
}

/* X2: by whom, where a request ended it. */
TEST_F(audit, tells_of_a_revocation)
{
	char line[4096];
	struct trail *t = &self->trail;
	struct pair *p = &self->p;

	if (!self->there)
		SKIP(return, NO_AUDIT);
	ASSERT_EQ(begin(&self->p, 0), 0)
		TH_LOG("a: %s; b: %s", self->a.said, self->b.said);
	ASSERT_TRUE(crosses(p->client, p->server, "five!"));
	ASSERT_EQ(assoc_del(&self->a, "to-b"), 0) TH_LOG("%s", self->a.said);
	ASSERT_TRUE(recorded(t, line, sizeof(line), "op=kpc-revoke ",
			     "association=\"to-b\" ")) TH_LOG("%s", t->text);
	EXPECT_EQ(field(line, " binding="), (long long)p->id_a) TH_LOG("%s", line);
	EXPECT_NE(strstr(line, " reason=deleted "), NULL) TH_LOG("%s", line);
	EXPECT_EQ(field(line, " tx="), 27) TH_LOG("%s", line);
	EXPECT_EQ(field(line, " rx="), 0) TH_LOG("%s", line);
	EXPECT_EQ(field(line, " pid="), getpid()) TH_LOG("%s", line);
	EXPECT_EQ(field(line, " auid="), atoi(LOGIN)) TH_LOG("%s", line);
	EXPECT_NE(strstr(line, " res=1"), NULL) TH_LOG("%s", line);
	ASSERT_TRUE(recorded(t, line, sizeof(line), "op=kpc-commit ",
			     "removed=1 ended=1 config=0 association=\"to-b\" "))
		TH_LOG("%s", t->text);
	EXPECT_EQ(field(line, " auid="), atoi(LOGIN)) TH_LOG("%s", line);
}

TEST_F(audit, tells_of_one_binding_that_is_ended)
{
	char line[4096];
	struct trail *t = &self->trail;

	if (!self->there)
		SKIP(return, NO_AUDIT);
	ASSERT_EQ(begin(&self->p, 0), 0)
		TH_LOG("a: %s; b: %s", self->a.said, self->b.said);
	nl_req(&self->b, KPC_CMD_BINDING_DEL);
	nl_u64(&self->b, KPC_A_BINDING_ID, self->p.id_b);
	ASSERT_EQ(nl_talk(&self->b), 0) TH_LOG("%s", self->b.said);
	ASSERT_TRUE(recorded(t, line, sizeof(line), "op=kpc-revoke ",
			     "association=\"from-a\" ")) TH_LOG("%s", t->text);
	EXPECT_NE(strstr(line, " reason=operator "), NULL) TH_LOG("%s", line);
	EXPECT_EQ(field(line, " pid="), getpid()) TH_LOG("%s", line);
}

/* X2: by nobody, where time did. */
TEST_F(audit, tells_of_a_limit)
{
	char line[4096];
	struct trail *t = &self->trail;

	if (!self->there)
		SKIP(return, NO_AUDIT);
	/* A second before, it comes near, which revokes nothing. */
	ASSERT_EQ(begin(&self->p, 8), 0)
		TH_LOG("a: %s; b: %s", self->a.said, self->b.said);
	sleep(8);
	ASSERT_TRUE(recorded(t, line, sizeof(line), "op=kpc-revoke ",
			     "association=\"to-b\" ")) TH_LOG("%s", t->text);
	EXPECT_NE(strstr(line, " reason=lifetime "), NULL) TH_LOG("%s", line);
	EXPECT_EQ(field(line, " pid="), 0) TH_LOG("%s", line);
	EXPECT_EQ(field(line, " auid="), 4294967295) TH_LOG("%s", line);
	EXPECT_EQ(field(line, " ses="), 4294967295) TH_LOG("%s", line);
	EXPECT_GE(field(line, " age="), 8000) TH_LOG("%s", line);
}

/* As many as events, and each next one tells how many were not told. */
TEST_F(audit, tells_of_violations)
{
	struct sockaddr_in sin = at(ADDR_B, 9);
	struct trail *t = &self->trail;
	const char *at_line;
	char line[4096];
	long long told = 0;
	int udp, fd, i, n;

	if (!self->there)
		SKIP(return, NO_AUDIT);
	ASSERT_EQ(audit_switch(true), 0);
	ASSERT_EQ(pair_associate(&self->p), 0);
	ASSERT_EQ(site_enter('a'), 0);
	udp = socket(AF_INET, SOCK_DGRAM, 0);
	ASSERT_EQ(set_mark(udp, 0x6b000001), 0);
	for (i = 0; i < 50; i++)
		sendto(udp, "x", 1, 0, (struct sockaddr *)&sin, sizeof(sin));
	sleep(2);
	sendto(udp, "x", 1, 0, (struct sockaddr *)&sin, sizeof(sin));
	hear_all(t);
	n = heard(t, line, sizeof(line), "op=kpc-violation ", " kind=mark ");
	EXPECT_GE(n, 11);
	EXPECT_LT(n, 51);
	for (at_line = t->text; (at_line = strstr(at_line, "op=kpc-violation "));
	     at_line++)
		told += 1 + field(at_line, " suppressed=");
	EXPECT_EQ(told, 51);
	EXPECT_NE(strstr(line, " direction=out proto=17 "), NULL)
		TH_LOG("%s", line);
	EXPECT_NE(strstr(line, " association=? kpc_id=? id_a=? id_b=? role=? "
			       "mark=0x6b000001 laddr=? lport=? addr=? rport=? "
			       "sock_uid=0 "), NULL) TH_LOG("%s", line);
	EXPECT_EQ(field(line, " pid="), getpid()) TH_LOG("%s", line);
	EXPECT_EQ(field(line, " auid="), atoi(LOGIN)) TH_LOG("%s", line);
	EXPECT_NE(strstr(line, " res=0"), NULL) TH_LOG("%s", line);

	fd = tcp_socket();
	EXPECT_EQ(tcp_connect(fd, ADDR_B, PORT), -ECONNREFUSED);
	ASSERT_TRUE(recorded(t, line, sizeof(line), "op=kpc-violation ",
			     " kind=endpoint ")) TH_LOG("%s", t->text);
	EXPECT_NE(strstr(line, " addr=" ADDR_B " rport=8883 "), NULL)
		TH_LOG("%s", line);
	close(fd);
	close(udp);
}

/* A KpcId of somebody's choice can end neither its field nor the record. */
TEST_F(audit, quotes_what_comes_from_outside)
{
	struct assoc a = ASSOC_A("to-b");
	char line[4096], hex[128] = "";
	const char *c;

	if (!self->there)
		SKIP(return, NO_AUDIT);
	ASSERT_EQ(audit_switch(true), 0);
	a.kpc_id = "x\" op=kpc-bind res=1 \"";
	a.any_format = true;
	ASSERT_EQ(assoc_new(&self->a, &a), 0) TH_LOG("%s", self->a.said);
	for (c = a.kpc_id; *c; c++)
		sprintf(hex + strlen(hex), "%02X", (unsigned char)*c);
	strcat(hex, " ");
	ASSERT_TRUE(recorded(&self->trail, line, sizeof(line), "op=kpc-commit ",
			     hex)) TH_LOG("%s", self->trail.text);
	EXPECT_EQ(heard(&self->trail, line, sizeof(line), "op=kpc-bind", ""), 0)
		TH_LOG("%s", line);
}

/* I6: neither keys nor their digests. */
TEST_F(audit, tells_no_key)
{
	struct trail *t = &self->trail;
	char line[4096], hex[33];
	const uint8_t *secret[4];
	int i, j;

	if (!self->there)
		SKIP(return, NO_AUDIT);
	ASSERT_EQ(begin(&self->p, 0), 0)
		TH_LOG("a: %s; b: %s", self->a.said, self->b.said);
	ASSERT_EQ(assoc_del(&self->a, "to-b"), 0);
	ASSERT_TRUE(recorded(t, line, sizeof(line), "op=kpc-revoke ", ""));
	hear_all(t);
	secret[0] = self->p.ends_a.tx.key;
	secret[1] = self->p.ends_a.rx.key;
	secret[2] = self->p.ends_a.tx_digest;
	secret[3] = self->p.ends_a.rx_digest;
	for (i = 0; i < 4; i++) {
		for (j = 0; j < 4; j++)
			sprintf(hex + 2 * j, "%02x", secret[i][j]);
		for (j = 0; t->text[j]; j++)
			if (!strncasecmp(t->text + j, hex, 8))
				break;
		EXPECT_EQ(t->text[j], 0) TH_LOG("%s", t->text + j);
	}
}

/* Where nobody wants them, there are none. */
TEST_F(audit, is_silent_where_it_is_off)
{
	struct trail *t = &self->trail;

	if (!self->there)
		SKIP(return, NO_AUDIT);
	ASSERT_EQ(pair_associate(&self->p), 0);
	ASSERT_EQ(pair_listen(&self->p), 0);
	ASSERT_EQ(pair_connect(&self->p), 0);
	ASSERT_EQ(pair_bind(&self->p), 0);
	hear_all(t);
	EXPECT_EQ(t->len, 0) TH_LOG("%s", t->text);
}

TEST_HARNESS_MAIN
