// SPDX-License-Identifier: GPL-2.0-only
/*
 * Everything at once and in no order, for the debugging kernel to judge: makers
 * of connections that end them in every way, an operator who revokes what they
 * use, namespaces that end with all that is in them, and unloading tried all
 * the while. KPC_STRESS_SECONDS (20) says for how long, KPC_STRESS_SEED repeats
 * a run's choices.
 */
#include <sys/mman.h>
#include <time.h>

#include "pair.h"

#define MAKERS	3

/* What is counted, over all processes. */
enum deed {
	CONNECTED, BOUND, CROSSED, CLOSED, RESET, HELD, MARKED, DISCONNECTED,
	REKEYED, UNREGISTERED, DELETED, ADDED, ENDED, DUMPED, STAGED, NAMESPACES,
	UNLOADS_REFUSED, DEEDS
};

static const char * const deed_names[] = {
	"connected", "bound", "crossed", "closed", "reset", "held by a child",
	"marks changed", "disconnected", "keys replaced", "left in a handshake",
	"deleted", "added", "bindings ended", "dumps", "transactions dropped",
	"namespaces ended", "unloads refused",
};

static unsigned long *done;
static time_t until;

static void count(enum deed deed)
{
	__atomic_add_fetch(&done[deed], 1, __ATOMIC_RELAXED);
}

static bool go_on(void)
{
	return time(NULL) < until;
}

static unsigned int any(unsigned int n)
{
	return random() % n;
}

static void name_both(char *a, char *b, unsigned int i)
{
	sprintf(a, "to-b-%u", i);
	sprintf(b, "from-a-%u", i);
}

static int associate(struct nl *nl, const char *name, unsigned int i,
		     uint8_t role)
{
	struct assoc assoc = ASSOC_A("");
	char kpc_id[64], id_a[64];

	snprintf(kpc_id, sizeof(kpc_id), "%s@example.org", name);
	snprintf(id_a, sizeof(id_a), "//sp.example/cse-a%u", i);
	assoc.name = name;
	assoc.kpc_id = kpc_id;
	assoc.id_a = id_a;
	assoc.role = role;
	assoc.port = PORT + i;
	assoc.force = true;
	return assoc_new(nl, &assoc);
}

/* Ends a connection in one of the ways that there are. */
static void end_somehow(struct pair *p)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	int *one = any(2) ? &p->client : &p->server;
	pid_t child;

	switch (any(7)) {
	case 0:
		count(CLOSED);
		break;
	case 1:
		drop_socket(*one);
		*one = -1;
		count(RESET);
		break;
	case 2:
		child = fork();
		if (!child) {
			usleep(any(200000));
			_exit(0);
		}
		count(HELD);
		break;
	case 3:
		if (!set_mark(*one, any(2) ? 0 : 0x6b000000 | any(8)))
			count(MARKED);
		send(*one, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		usleep(any(20000));
		break;
	case 4:
		if (!connect(*one, &none, sizeof(none)))
			count(DISCONNECTED);
		break;
	case 5:
		/* Where the kernel can; a change that nobody announced. */
		if (!ends_install(*one, &p->ends_a))
			count(REKEYED);
		usleep(any(20000));
		break;
	case 6:
		send(*one, done, 65536, MSG_NOSIGNAL | MSG_DONTWAIT);
		shutdown(*one, any(3));
		break;
	}
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

static int listen_at(struct pair *p, unsigned int i)
{
	p->listener = tcp_socket();
	return handshake_new(p->nl_b, p->listener, NULL) ?:
	       tcp_listen(p->listener, ADDR_B, PORT + i);
}

static void make(unsigned int i)
{
	char name_a[16], name_b[16];
	struct nl a, b;
	struct pair p;

	name_both(name_a, name_b, i);
	if (site_nl(&a, 'a') || site_nl(&b, 'b'))
		_exit(1);
	pair_init(&p, &a, &b, name_a, name_b);
	while (go_on()) {
		if (p.listener < 0 && (site_enter('b') || listen_at(&p, i))) {
			pair_close(&p);
			continue;
		}
		if (site_enter('a'))
			_exit(1);
		p.client = tcp_socket();
		if (!handshake_new(&a, p.client, name_a) &&
		    !tcp_connect(p.client, ADDR_B, PORT + i)) {
			count(CONNECTED);
			nonblock(p.listener);
			usleep(5000);
			p.server = accept(p.listener, NULL, NULL);
		}
		if (p.server >= 0 && any(8)) {
			if (!pair_bind(&p))
				count(BOUND);
			if (crosses(p.client, p.server, "octets"))
				count(CROSSED);
			end_somehow(&p);
		} else {
			count(UNREGISTERED);
		}
		if (p.client >= 0)
			close(p.client);
		if (p.server >= 0)
			close(p.server);
		p.client = -1;
		p.server = -1;
		if (!any(20)) {
			close(p.listener);
			p.listener = -1;
		}
	}
	pair_close(&p);
	_exit(0);
}

static void end_bindings(struct nl *nl)
{
	uint64_t id;

	if (dump(nl, KPC_CMD_BINDING_GET) <= 0)
		return;
	id = nl_get(nl, KPC_A_BINDING_ID);
	nl_req(nl, KPC_CMD_BINDING_DEL);
	nl_u64(nl, KPC_A_BINDING_ID, id);
	if (!nl_talk(nl))
		count(ENDED);
}

static void stage_and_drop(void)
{
	struct nl nl;

	if (nl_open(&nl))
		return;
	nl_req(&nl, KPC_CMD_TRANSACTION_BEGIN);
	nl_u8(&nl, KPC_A_TRANSACTION_MODE, KPC_LOAD_MODE_SYNC);
	if (!nl_talk(&nl))
		count(STAGED);
	associate(&nl, "staged", 9, KPC_ROLE_A);
	close(nl.fd);
}

static void operate(char site)
{
	char name_a[16], name_b[16];
	const char *name;
	unsigned int i;
	struct nl nl;

	if (site_nl(&nl, site))
		_exit(1);
	while (go_on()) {
		i = any(MAKERS);
		name_both(name_a, name_b, i);
		name = site == 'a' ? name_a : name_b;
		usleep(any(100000));
		switch (any(6)) {
		case 0:
			nl_req(&nl, KPC_CMD_ASSOCIATION_DEL);
			nl_str(&nl, KPC_A_ASSOCIATION_NAME, name);
			nl_flag(&nl, KPC_A_ASSOCIATION_FORCE);
			if (!nl_talk(&nl))
				count(DELETED);
			usleep(any(50000));
			/* Back again, as a new one. */
			__attribute__((fallthrough));
		case 1:
			if (!associate(&nl, name, i, site == 'a' ?
				       KPC_ROLE_A : KPC_ROLE_B))
				count(ADDED);
			break;
		case 2:
			if (!named(&nl, KPC_CMD_CLOSE,
				   KPC_A_ESTABLISH_ASSOCIATION, name))
				count(ENDED);
			break;
		case 3:
			end_bindings(&nl);
			break;
		case 4:
			if (dump(&nl, KPC_CMD_ASSOCIATION_GET) >= 0 &&
			    dump(&nl, KPC_CMD_BINDING_GET) >= 0 &&
			    dump(&nl, KPC_CMD_ENDPOINT_GET) >= 0 &&
			    dump(&nl, KPC_CMD_SESSION_GET) >= 0)
				count(DUMPED);
			break;
		case 5:
			stage_and_drop();
			break;
		}
	}
	_exit(0);
}

/* One that is bound over loopback in a namespace of its own, and is gone. */
static void live_and_die(void)
{
	struct pair p;
	struct nl nl;

	if (unshare(CLONE_NEWNET) || system("ip link set lo up") || nl_open(&nl))
		_exit(1);
	pair_init(&p, &nl, &nl, "to-b-0", "from-a-1");
	if (associate(&nl, p.name_b, 0, KPC_ROLE_B) ||
	    system("ip addr add " ADDR_B "/32 dev lo") || listen_at(&p, 0))
		_exit(1);
	p.client = tcp_socket();
	/* A worker's, a warden's and a transaction's end come with it. */
	nl_req(&nl, KPC_CMD_SESSION_NEW);
	nl_u8(&nl, KPC_A_SESSION_TYPE, KPC_SESSION_TYPE_WARDEN);
	nl_talk(&nl);
	nl_req(&nl, KPC_CMD_TRANSACTION_BEGIN);
	nl_talk(&nl);
	associate(&nl, "staged", 1, KPC_ROLE_B);
	nonblock(p.client);
	tcp_connect(p.client, ADDR_B, PORT);
	usleep(any(30000));
	count(NAMESPACES);
	_exit(0);
}

static void go_round_namespaces(void)
{
	while (go_on()) {
		pid_t pid = fork();

		if (!pid)
			live_and_die();
		waitpid(pid, NULL, 0);
	}
	_exit(0);
}

static void unload(void)
{
	while (go_on()) {
		usleep(any(500000));
		if (system("rmmod kpc 2>/dev/null"))
			count(UNLOADS_REFUSED);
		else if (system("modprobe kpc"))
			_exit(1);
	}
	_exit(0);
}

static pid_t start(void (*act)(void), unsigned int seed)
{
	pid_t pid = fork();

	if (!pid) {
		srandom(seed);
		act();
		_exit(0);
	}
	return pid;
}

static void make_0(void)
{
	make(0);
}

static void make_1(void)
{
	make(1);
}

static void make_2(void)
{
	make(2);
}

static void operate_a(void)
{
	operate('a');
}

static void operate_b(void)
{
	operate('b');
}

static unsigned int setting(const char *name, unsigned int otherwise)
{
	const char *value = getenv(name);

	return value ? strtoul(value, NULL, 0) : otherwise;
}

static unsigned int results;
static bool failed;

static void result(bool good, const char *what)
{
	printf("%sok %u %s\n", good ? "" : "not ", ++results, what);
	failed = failed || !good;
}

int main(void)
{
	static void (* const acts[])(void) = {
		make_0, make_1, make_2, operate_a, operate_b,
		go_round_namespaces, unload,
	};
	unsigned int seed = setting("KPC_STRESS_SEED", time(NULL));
	unsigned int i, bad = 0;
	char name_a[16], name_b[16];
	struct nl a, b;
	int status;

	done = mmap(NULL, 65536, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	printf("TAP version 13\n1..4\n# seed %u\n", seed);
	/* An end that was cut off in its last step keeps the other one waiting. */
	result(!sites_up() &&
	       !system("for n in kpc-a kpc-b; do ip netns exec $n sysctl -qw "
		       "net.ipv4.tcp_fin_timeout=2; done") &&
	       !site_nl(&a, 'a') && !site_nl(&b, 'b'), "two sites come up");
	for (i = 0; i < MAKERS; i++) {
		name_both(name_a, name_b, i);
		bad += associate(&a, name_a, i, KPC_ROLE_A) ||
		       associate(&b, name_b, i, KPC_ROLE_B);
	}
	until = time(NULL) + setting("KPC_STRESS_SECONDS", 20);
	fflush(stdout);
	for (i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
		start(acts[i], seed + i);
	while (wait(&status) > 0)
		bad += status != 0;
	result(!bad, "whoever took part came to his end");
	for (i = 0, bad = 0; i < DEEDS; i++) {
		printf("# %lu %s\n", done[i], deed_names[i]);
		bad += !done[i] && i != REKEYED;
	}
	result(!bad, "each thing was done at least once");
	sites_down();
	for (i = 0; i < 60; i++) {
		status = system("rmmod kpc 2>/dev/null");
		if (!status)
			break;
		usleep(500000);
	}
	result(!status, "nothing is left that keeps the module");
	return failed;
}
