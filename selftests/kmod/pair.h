/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A connection between the two sites as an agent makes it: registered at both
 * ends, kernel TLS with the tests' keys, bound at both ends.
 */
#ifndef KPC_TEST_PAIR_H
#define KPC_TEST_PAIR_H

#include "site.h"

/* One listener at b, and one connection; -1 for what is not open. */
struct pair {
	struct nl *nl_a, *nl_b;
	const char *name_a, *name_b;
	uint32_t of_a;		/* id of name_a, which a worker has to tell; or 0 */
	const char *address;	/* of b */
	int listener, client, server;
	struct ends ends_a, ends_b;
	uint64_t id_a, id_b;
};

static inline void pair_init(struct pair *p, struct nl *a, struct nl *b,
			     const char *name_a, const char *name_b)
{
	memset(p, 0, sizeof(*p));
	p->nl_a = a;
	p->nl_b = b;
	p->name_a = name_a;
	p->name_b = name_b;
	p->address = ADDR_B;
	p->listener = -1;
	p->client = -1;
	p->server = -1;
	ends_init(&p->ends_a, TLS_1_3_VERSION, false);
	ends_init(&p->ends_b, TLS_1_3_VERSION, true);
}

/* Both sites, with who asks and who listens to all events at each. */
static inline int pair_sites_up(struct pair *p, struct nl *a, struct nl *b,
				struct nl *ev_a, struct nl *ev_b)
{
	int g, err = sites_up() ?: site_nl(a, 'a') ?: nl_open(ev_a) ?:
		     site_nl(b, 'b') ?: nl_open(ev_b);

	for (g = 0; g < 4 && !err; g++)
		err = nl_listen(ev_a, g) ?: nl_listen(ev_b, g);
	pair_init(p, a, b, "to-b", "from-a");
	return err;
}

/* The two associations that the connection is bound to. */
static inline int pair_associate(struct pair *p)
{
	struct assoc a = ASSOC_A("to-b"), b = ASSOC_B("from-a");

	a.address = p->address;
	b.address = p->address;
	return assoc_new(p->nl_a, &a) ?: assoc_new(p->nl_b, &b);
}

static inline int pair_listen(struct pair *p)
{
	int err = site_enter('b');

	if (err)
		return err;
	p->listener = tcp_socket();
	err = handshake_new(p->nl_b, p->listener, NULL);
	return err ?: tcp_listen(p->listener, p->address, PORT);
}

/* Registered and connected, as far as a handshake, by one who is at a. */
static inline int pair_connect_here(struct pair *p)
{
	int err;

	p->client = tcp_socket();
	err = p->of_a ? handshake_of(p->nl_a, p->client, p->name_a, p->of_a) :
			handshake_new(p->nl_a, p->client, p->name_a);
	if (!err)
		err = tcp_connect(p->client, p->address, PORT);
	if (err)
		return err;
	p->server = accept(p->listener, NULL, NULL);
	return p->server < 0 ? -errno : 0;
}

static inline int pair_connect(struct pair *p)
{
	return site_enter('a') ?: pair_connect_here(p);
}

static inline int pair_bind(struct pair *p)
{
	int err = ends_install(p->client, &p->ends_a) ?:
		  ends_install(p->server, &p->ends_b) ?:
		  (p->of_a ? binding_of(p->nl_a, p->client, p->name_a, p->of_a,
					&p->ends_a) :
			     binding_new(p->nl_a, p->client, p->name_a,
					 &p->ends_a)) ?:
		  binding_new(p->nl_b, p->server, p->name_b, &p->ends_b);

	if (err)
		return err;
	p->id_a = nl_get(p->nl_a, KPC_A_BINDING_ID);
	p->id_b = nl_get(p->nl_b, KPC_A_BINDING_ID);
	return 0;
}

static inline void pair_close(struct pair *p)
{
	int *fds[] = { &p->client, &p->server, &p->listener };

	for (int i = 0; i < 3; i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}

static inline void pair_sites_down(struct pair *p, struct nl *ev_a,
				   struct nl *ev_b)
{
	pair_close(p);
	close(p->nl_a->fd);
	close(p->nl_b->fd);
	close(ev_a->fd);
	close(ev_b->fd);
	sites_down();
}

/* Counts on the wire, at the hook behind ours, in a table of its own. */
static inline int wire_count_as(char site, const char *table, const char *match)
{
	char cmd[512];

	snprintf(cmd, sizeof(cmd),
		 "ip netns exec kpc-%c nft -f - <<'END'\n"
		 "table inet %s {\n"
		 "	chain post {\n"
		 "		type filter hook postrouting priority 0\n"
		 "		%s counter\n"
		 "	}\n"
		 "}\n"
		 "END\n", site, table, match);
	return system(cmd);
}

static inline int wire_count(char site, const char *match)
{
	return wire_count_as(site, "wire", match);
}

static inline long wire_packets_as(char site, const char *table)
{
	char cmd[160];
	long n = -1;
	FILE *f;

	snprintf(cmd, sizeof(cmd),
		 "ip netns exec kpc-%c nft -j list table inet %s | "
		 "jq '[.. | .counter? // empty | .packets] | add'", site, table);
	f = popen(cmd, "r");
	if (!f)
		return -1;
	if (fscanf(f, "%ld", &n) != 1)
		n = -1;
	pclose(f);
	return n;
}

static inline long wire_packets(char site)
{
	return wire_packets_as(site, "wire");
}

/* A rule of one chain in a table of its own, which table_del() takes away. */
static inline int table_add(char site, const char *table, const char *hook,
			    const char *rule)
{
	char cmd[512];

	snprintf(cmd, sizeof(cmd),
		 "ip netns exec kpc-%c nft 'table inet %s { chain c { "
		 "type filter hook %s priority -300; %s; }; }'", site, table,
		 hook, rule);
	return system(cmd);
}

static inline int table_del(char site, const char *table)
{
	char cmd[128];

	snprintf(cmd, sizeof(cmd),
		 "ip netns exec kpc-%c nft delete table inet %s", site, table);
	return system(cmd);
}

static inline int sysctl_of(char site, const char *setting)
{
	char cmd[128];

	snprintf(cmd, sizeof(cmd), "ip netns exec kpc-%c sysctl -qw %s", site,
		 setting);
	return system(cmd);
}

/* Whether a violation is told within a moment; its event stays parsed. */
static inline bool violated(struct nl *ev)
{
	return !nl_event(ev, KPC_CMD_VIOLATION_NTF, 1000);
}

/* Waits for a binding to be told gone; the event stays parsed. */
static inline bool is_gone(struct nl *ev)
{
	while (!nl_event(ev, KPC_CMD_BINDING_NTF, 3000))
		if (nl_get(ev, KPC_A_BINDING_CHANGE) == KPC_CHANGE_REMOVED)
			return true;
	return false;
}

#endif /* KPC_TEST_PAIR_H */
