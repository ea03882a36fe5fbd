// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tracepoints: bind, end and violation as the trace buffer tells them, beside
 * what netlink tells. Rows M8, X2.
 */
#include "kselftest_harness.h"

#include "pair.h"

#define TRACEFS	"/sys/kernel/tracing"

FIXTURE(trace) {
	struct nl a, b, ev_a, ev_b;
	struct pair p;
	bool there;
};

/* Writes a word into a file of tracefs. */
static int put(const char *file, const char *word)
{
	char path[128];
	FILE *f;
	int err;

	snprintf(path, sizeof(path), TRACEFS "/%s", file);
	f = fopen(path, "w");
	if (!f)
		return -errno;
	err = fputs(word, f) < 0;
	return fclose(f) || err ? -EIO : 0;
}

FIXTURE_SETUP(trace)
{
	ASSERT_EQ(pair_sites_up(&self->p, &self->a, &self->b, &self->ev_a,
				&self->ev_b), 0);
	ASSERT_EQ(pair_associate(&self->p), 0)
		TH_LOG("a: %s; b: %s", self->a.said, self->b.said);
	self->there = !system("mountpoint -q " TRACEFS " || "
			      "mount -t tracefs none " TRACEFS);
	if (!self->there)
		return;
	ASSERT_EQ(put("trace", ""), 0);
	ASSERT_EQ(put("events/kpc/enable", "1"), 0);
	ASSERT_EQ(put("tracing_on", "1"), 0);
}

FIXTURE_TEARDOWN(trace)
{
	if (self->there)
		put("events/kpc/enable", "0");
	pair_sites_down(&self->p, &self->ev_a, &self->ev_b);
}

/* Lines of the buffer that hold all of these words; the last one is kept. */
static int traced(char *line, size_t size, const char *event, const char *word,
		  const char *other)
{
	FILE *f = fopen(TRACEFS "/trace", "r");
	char one[1024];
	int n = 0;

	while (f && fgets(one, sizeof(one), f)) {
		if (!strstr(one, event) || !strstr(one, word) ||
		    !strstr(one, other))
			continue;
		snprintf(line, size, "%s", one);
		n++;
	}
	if (f)
		fclose(f);
	return n;
}

static unsigned long long field(const char *line, const char *name)
{
	const char *at = strstr(line, name);

	return at ? strtoull(at + strlen(name), NULL, 0) : ~0ULL;
}

TEST_F(trace, tells_of_a_binding)
{
	struct pair *p = &self->p;
	struct sockaddr_in own;
	socklen_t len = sizeof(own);
	char line[1024], word[64];

	if (!self->there)
		SKIP(return, "this kernel has no tracefs");
	ASSERT_EQ(pair_listen(p), 0) TH_LOG("%s", self->b.said);
	ASSERT_EQ(pair_connect(p), 0) TH_LOG("%s", self->a.said);
	ASSERT_EQ(pair_bind(p), 0) TH_LOG("%s", self->b.said);
	ASSERT_EQ(getsockname(p->client, (struct sockaddr *)&own, &len), 0);

	ASSERT_EQ(traced(line, sizeof(line), " kpc_bind:", "association=from-a ",
			 "mark=0x6b000001 "), 1);
	EXPECT_EQ(field(line, " id="), p->id_b) TH_LOG("%s", line);
	snprintf(word, sizeof(word), "local=[::ffff:" ADDR_B "]:%u ", PORT);
	EXPECT_NE(strstr(line, word), NULL) TH_LOG("%s", line);
	ASSERT_EQ(traced(line, sizeof(line), " kpc_bind:", "association=to-b ",
			 "mark=0x6b000001 "), 1);
	EXPECT_EQ(field(line, " id="), p->id_a) TH_LOG("%s", line);
	snprintf(word, sizeof(word), "local=[::ffff:" ADDR_A "]:%u ",
		 ntohs(own.sin_port));
	EXPECT_NE(strstr(line, word), NULL) TH_LOG("%s", line);
	snprintf(word, sizeof(word), "remote=[::ffff:" ADDR_B "]:%u ", PORT);
	EXPECT_NE(strstr(line, word), NULL) TH_LOG("%s", line);
	EXPECT_NE(strstr(line, "version=0x0304 suite=0x1301 carrier=kernel"), NULL)
		TH_LOG("%s", line);

	/* 5 octets, their type, a tag of 16 and a header of 5; and twice more. */
	ASSERT_TRUE(crosses(p->client, p->server, "five!"));
	ASSERT_TRUE(crosses(p->server, p->client, "and six"));
	ASSERT_EQ(assoc_del(&self->a, "to-b"), 0) TH_LOG("%s", self->a.said);
	ASSERT_TRUE(is_gone(&self->ev_a));
	ASSERT_EQ(traced(line, sizeof(line), " kpc_end:", "association=to-b ",
			 "reason=deleted "), 1);
	EXPECT_EQ(field(line, " id="), p->id_a) TH_LOG("%s", line);
	EXPECT_EQ(field(line, " tx="), 27) TH_LOG("%s", line);
	EXPECT_EQ(field(line, " rx="), 29) TH_LOG("%s", line);
	EXPECT_LT(field(line, " age="), 100000) TH_LOG("%s", line);
	EXPECT_EQ(error_within(p->server, 2000), ECONNRESET);
	close(p->server);
	p->server = -1;
	EXPECT_TRUE(is_gone(&self->ev_b));
	EXPECT_EQ(traced(line, sizeof(line), " kpc_end:", "association=from-a ",
			 "reason=closed "), 1);
}

/* Each of them, also those of which events tell only how many there were. */
TEST_F(trace, tells_of_each_violation)
{
	struct sockaddr_in sin = at(ADDR_B, 9);
	char line[1024];
	int udp, fd, i;

	if (!self->there)
		SKIP(return, "this kernel has no tracefs");
	ASSERT_EQ(site_enter('a'), 0);
	udp = socket(AF_INET, SOCK_DGRAM, 0);
	ASSERT_EQ(set_mark(udp, 0x6b000001), 0);
	for (i = 0; i < 50; i++)
		sendto(udp, "x", 1, 0, (struct sockaddr *)&sin, sizeof(sin));
	EXPECT_EQ(traced(line, sizeof(line), " kpc_violation:", "kind=mark ",
			 "direction=out protocol=17 mark=0x6b000001 "), 50);
	EXPECT_NE(strstr(line, "association= uid=0 local=[::]:0"), NULL)
		TH_LOG("%s", line);
	fd = tcp_socket();
	EXPECT_EQ(tcp_connect(fd, ADDR_B, PORT), -ECONNREFUSED);
	EXPECT_EQ(traced(line, sizeof(line), " kpc_violation:", "kind=endpoint ",
			 "remote=[::ffff:" ADDR_B "]:8883"), 1);
	close(fd);
	close(udp);
}

TEST_HARNESS_MAIN
