// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests by chance. What attributes each operation takes, and of which types
 * and ranges, is asked of the kernel (CTRL_CMD_GETPOLICY), so that nearly all
 * that is sent gets past the attribute policies and into the module; values are
 * drawn from what is there (names, sockets, ids that were told) and from what is
 * not. An administrator sends them, or a worker's session.
 *
 * Every so often sockets are opened anew, and every now and then a network
 * namespace, so that nothing goes on for good that chance has brought about: a
 * table without room, a range without marks. On each processor one process does
 * so, beside the others.
 *
 * KPC_FUZZ_MESSAGES (20000) says how many are to get past the policies, of each
 * operation one in a hundred at least; KPC_FUZZ_SEED repeats what is sent. Who is
 * told to end before (SIGTERM) says what came of those that were sent.
 */
#include <net/if.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>

#include "datagram.h"
#include "policy.h"

#define FDS		12
#define NAMES		5
#define TOLD		8
#define PEER_TEXT	"peer.example:8883"

/* Messages between sockets opened anew, and of such rounds in a namespace. */
#define ROUND		256
#define ROUNDS		32

/* What came of an operation's requests, and of its dumps, over all processes. */
enum outcome { ACCEPTED, REFUSED, STOPPED, OUTCOMES };

static unsigned long (*came)[2][OUTCOMES];

static const char * const op_names[OPS] = {
	[KPC_CMD_ASSOCIATION_NEW]	= "association-new",
	[KPC_CMD_ASSOCIATION_DEL]	= "association-del",
	[KPC_CMD_ASSOCIATION_GET]	= "association-get",
	[KPC_CMD_ENDPOINT_GET]		= "endpoint-get",
	[KPC_CMD_HANDSHAKE_NEW]		= "handshake-new",
	[KPC_CMD_BINDING_NEW]		= "binding-new",
	[KPC_CMD_BINDING_REKEY]		= "binding-rekey",
	[KPC_CMD_BINDING_DEL]		= "binding-del",
	[KPC_CMD_BINDING_GET]		= "binding-get",
	[KPC_CMD_ESTABLISH]		= "establish",
	[KPC_CMD_CLOSE]			= "close",
	[KPC_CMD_ESTABLISH_ANSWER]	= "establish-answer",
	[KPC_CMD_SESSION_NEW]		= "session-new",
	[KPC_CMD_SESSION_GET]		= "session-get",
	[KPC_CMD_GRANT_NEW]		= "grant-new",
	[KPC_CMD_TRANSACTION_BEGIN]	= "transaction-begin",
	[KPC_CMD_TRANSACTION_COMMIT]	= "transaction-commit",
	[KPC_CMD_TRANSACTION_CONFIRM]	= "transaction-confirm",
	[KPC_CMD_CONFIG_SET]		= "config-set",
	[KPC_CMD_CONFIG_GET]		= "config-get",
	[KPC_CMD_STATS_GET]		= "stats-get",
	[KPC_CMD_ASSOCIATION_RESOLVE]	= "association-resolve",
	[KPC_CMD_BINDING_HAND_OVER]	= "binding-hand-over",
};

static int fds[FDS];
/* Who sends, a worker who does, and one who hears all events. */
static struct nl nl, worker, ears;

static unsigned int any(unsigned int n)
{
	return random() % n;
}

static const char * const names[NAMES] = { "to-b", "from-a", "one", "two", "three" };

static const char * const texts[] = {
	"to-b", "from-a", "one", "two", "three", "", "-", "x y",
	"//sp.example/cse-a", "//sp.example/cse-b", "//sp.example/cse-a/ae",
	"//sp.example", "//sp.example/a//b", "one@example.org",
	"two@example.org", "TWO@example.org", "127.0.0.1:8883",
	PEER_TEXT, "unix:/run/x", "tcp:127.0.0.1:1", "nonsense:",
};

static void put_text(uint16_t type, const struct rule *rule)
{
	unsigned int most = rule->max_len ? rule->max_len : 64, len, i;
	char text[512];

	if (any(8)) {
		nl_str(&nl, type, texts[any(sizeof(texts) / sizeof(texts[0]))]);
		return;
	}
	len = any(most < sizeof(text) ? most : sizeof(text) - 1);
	for (i = 0; i < len; i++)
		text[i] = any(16) ? 'a' + any(26) : 1 + any(255);
	text[len] = 0;
	nl_put(&nl, type, text, len + 1);
}

static void put_binary(uint16_t type, const struct rule *rule)
{
	unsigned int least = rule->min_len, most = rule->max_len, len, i;
	const char *text = texts[any(sizeof(texts) / sizeof(texts[0]))];
	static const unsigned int common[] = { 4, 16, 32 };
	char data[512];

	if (!most || most > sizeof(data))
		most = sizeof(data);
	len = any(2) ? common[any(3)] : any(40);
	if (len < least)
		len = least;
	if (len > most)
		len = most;
	if (most > 64 && any(2) && strlen(text) >= least) {
		nl_put(&nl, type, text, strlen(text));
		return;
	}
	for (i = 0; i < len; i++)
		data[i] = any(4) ? 0x11 : any(256);
	nl_put(&nl, type, data, len);
}

static uint64_t some_number(const struct rule *rule)
{
	static const uint64_t known[] = {
		0, 1, 2, 3, 4, 6, 10, 24, 32, 128, 8883, 0x0303, 0x0304, 0x1301,
		0x1302, 0x00a8, 17, DTLS12, CCM_8, 65535, 65536, 0x6b000001, 0x6b000002, 0x6bffffff,
		0x6b000000, 0xff000000, 0x7fffffff, 0xffffffff, 1ULL << 32,
		1ULL << 62, ~0ULL,
	};
	uint64_t v = any(3) ? known[any(sizeof(known) / sizeof(known[0]))] :
			      (uint64_t)random() << any(33);

	/* One in three is a socket's number, where there is no range. */
	if (!rule->ranged && !any(3))
		v = fds[any(FDS)];
	if (rule->mask && any(16))
		v &= rule->mask;
	if (rule->ranged && any(16) && (v < rule->min || v > rule->max))
		v = rule->max - rule->min == ~0ULL ? v :
		    rule->min + v % (rule->max - rule->min + 1);
	return v;
}

static void put_attrs(uint32_t policy, unsigned int depth);

static void put_attr(uint16_t type, const struct rule *rule, unsigned int depth)
{
	size_t at;

	switch (rule->type) {
	case NL_ATTR_TYPE_FLAG:
		nl_flag(&nl, type);
		break;
	case NL_ATTR_TYPE_U8:
	case NL_ATTR_TYPE_S8:
		nl_u8(&nl, type, some_number(rule));
		break;
	case NL_ATTR_TYPE_U16:
	case NL_ATTR_TYPE_S16:
		nl_u16(&nl, type, some_number(rule));
		break;
	case NL_ATTR_TYPE_U32:
	case NL_ATTR_TYPE_S32:
		nl_u32(&nl, type, some_number(rule));
		break;
	case NL_ATTR_TYPE_U64:
	case NL_ATTR_TYPE_S64:
		nl_u64(&nl, type, some_number(rule));
		break;
	case NL_ATTR_TYPE_STRING:
	case NL_ATTR_TYPE_NUL_STRING:
		put_text(type, rule);
		break;
	case NL_ATTR_TYPE_NESTED:
	case NL_ATTR_TYPE_NESTED_ARRAY:
		at = nl_nest(&nl, type);
		if (depth < 3)
			put_attrs(rule->nested, depth + 1);
		nl_nest_end(&nl, at);
		break;
	default:
		put_binary(type, rule);
		break;
	}
}

/* Most of what there is, some of it more than once. */
static void put_attrs(uint32_t policy, unsigned int depth)
{
	unsigned int most = any(4) ? 10 : 3, i;

	for (i = 1; i < ATTRS; i++) {
		const struct rule *rule = &rules[policy % POLICIES][i];

		while (rule->type && any(10) < most) {
			if (nl_hdr(&nl)->nlmsg_len > sizeof(nl.out) / 2)
				return;
			put_attr(i, rule, depth);
			if (any(8))
				break;
		}
	}
}

/* What the module has given numbers to. */
enum numbered { ASSOCIATION, BINDING, SESSION, REQUEST, NUMBERED };

static struct {
	uint64_t ids[TOLD];
	unsigned int n;
} told[NUMBERED];
static uint32_t name_ids[NAMES];

static void tell(enum numbered what, uint64_t id)
{
	told[what].ids[told[what].n++ % TOLD] = id;
}

/* One that was told, most likely, and the last of them more often. */
static uint64_t told_id(enum numbered what)
{
	unsigned int n = told[what].n < TOLD ? told[what].n : TOLD;

	if (!n || !any(10))
		return any(100);
	return told[what].ids[any(2) ? (told[what].n - 1) % TOLD : any(n)];
}

/* What an operation must have to be carried out, and what would do. */
enum good {
	NAME, NAME_ID, KPC_ID, ID_A, ID_B, ROLE, SELECTOR, FLAG, PEER, TCP_FD,
	NETLINK_FD, VERSION, SUITE, TX_DIGEST, RX_DIGEST, FAMILY, ADDRESS,
	PORT_NUMBER, OUTCOME, MODE, SESSION_TYPE, PID, ASSOCIATION_ID, CARRIER,
	BINDING_ID, SESSION_ID, REQUEST_ID,
};

static const struct {
	uint8_t cmd;
	uint8_t attr;
	enum good good;
	bool flow, tcp;		/* of these alone */
} wanted[] = {
	{ KPC_CMD_ASSOCIATION_NEW, KPC_A_ASSOCIATION_NAME, NAME },
	{ KPC_CMD_ASSOCIATION_NEW, KPC_A_ASSOCIATION_KPC_ID, KPC_ID },
	{ KPC_CMD_ASSOCIATION_NEW, KPC_A_ASSOCIATION_ID_A, ID_A },
	{ KPC_CMD_ASSOCIATION_NEW, KPC_A_ASSOCIATION_ID_B, ID_B },
	{ KPC_CMD_ASSOCIATION_NEW, KPC_A_ASSOCIATION_ROLE, ROLE },
	{ KPC_CMD_ASSOCIATION_NEW, KPC_A_ASSOCIATION_SELECTOR, SELECTOR },
	{ KPC_CMD_ASSOCIATION_NEW, KPC_A_ASSOCIATION_AGENT, PEER },
	{ KPC_CMD_ASSOCIATION_NEW, KPC_A_ASSOCIATION_FORCE, FLAG },
	{ KPC_CMD_ASSOCIATION_DEL, KPC_A_ASSOCIATION_NAME, NAME },
	{ KPC_CMD_ASSOCIATION_GET, KPC_A_ASSOCIATION_NAME, NAME },
	{ KPC_CMD_ENDPOINT_GET, KPC_A_ENDPOINT_FAMILY, FAMILY },
	{ KPC_CMD_ENDPOINT_GET, KPC_A_ENDPOINT_ROLE, ROLE },
	{ KPC_CMD_ENDPOINT_GET, KPC_A_ENDPOINT_ADDRESS, ADDRESS },
	{ KPC_CMD_ENDPOINT_GET, KPC_A_ENDPOINT_PORT_MIN, PORT_NUMBER },
	{ KPC_CMD_HANDSHAKE_NEW, KPC_A_HANDSHAKE_FD, TCP_FD },
	{ KPC_CMD_HANDSHAKE_NEW, KPC_A_HANDSHAKE_ASSOCIATION, NAME },
	{ KPC_CMD_HANDSHAKE_NEW, KPC_A_HANDSHAKE_ASSOCIATION_ID, NAME_ID },
	{ KPC_CMD_BINDING_NEW, KPC_A_BINDING_FD, TCP_FD },
	{ KPC_CMD_BINDING_NEW, KPC_A_BINDING_ASSOCIATION, NAME },
	{ KPC_CMD_BINDING_NEW, KPC_A_BINDING_ASSOCIATION_ID, NAME_ID },
	{ KPC_CMD_BINDING_NEW, KPC_A_BINDING_VERSION, VERSION },
	{ KPC_CMD_BINDING_NEW, KPC_A_BINDING_SUITE, SUITE },
	{ KPC_CMD_BINDING_NEW, KPC_A_BINDING_TX_DIGEST, TX_DIGEST,
	  .tcp = true },
	{ KPC_CMD_BINDING_NEW, KPC_A_BINDING_RX_DIGEST, RX_DIGEST,
	  .tcp = true },
	{ KPC_CMD_BINDING_NEW, KPC_A_BINDING_CARRIER, CARRIER },
	{ KPC_CMD_BINDING_NEW, KPC_A_BINDING_FAMILY, FAMILY, .flow = true },
	{ KPC_CMD_BINDING_NEW, KPC_A_BINDING_LOCAL_ADDRESS, ADDRESS,
	  .flow = true },
	{ KPC_CMD_BINDING_NEW, KPC_A_BINDING_REMOTE_ADDRESS, ADDRESS,
	  .flow = true },
	{ KPC_CMD_BINDING_NEW, KPC_A_BINDING_REMOTE_PORT, PORT_NUMBER,
	  .flow = true },
	{ KPC_CMD_BINDING_HAND_OVER, KPC_A_BINDING_FD, TCP_FD },
	{ KPC_CMD_BINDING_REKEY, KPC_A_BINDING_FD, TCP_FD },
	{ KPC_CMD_BINDING_REKEY, KPC_A_BINDING_TX_DIGEST, TX_DIGEST },
	{ KPC_CMD_BINDING_GET, KPC_A_BINDING_FD, TCP_FD },
	{ KPC_CMD_BINDING_GET, KPC_A_BINDING_FAMILY, FAMILY, .flow = true },
	{ KPC_CMD_BINDING_GET, KPC_A_BINDING_LOCAL_ADDRESS, ADDRESS,
	  .flow = true },
	{ KPC_CMD_BINDING_GET, KPC_A_BINDING_REMOTE_ADDRESS, ADDRESS,
	  .flow = true },
	{ KPC_CMD_BINDING_GET, KPC_A_BINDING_REMOTE_PORT, PORT_NUMBER,
	  .flow = true },
	{ KPC_CMD_BINDING_DEL, KPC_A_BINDING_ID, BINDING_ID },
	{ KPC_CMD_ESTABLISH, KPC_A_ESTABLISH_ASSOCIATION, NAME },
	{ KPC_CMD_CLOSE, KPC_A_ESTABLISH_ASSOCIATION, NAME },
	{ KPC_CMD_ESTABLISH_ANSWER, KPC_A_ESTABLISH_ID, REQUEST_ID },
	{ KPC_CMD_ESTABLISH_ANSWER, KPC_A_ESTABLISH_STATE, OUTCOME },
	{ KPC_CMD_SESSION_NEW, KPC_A_SESSION_TYPE, SESSION_TYPE },
	{ KPC_CMD_SESSION_NEW, KPC_A_SESSION_FD, NETLINK_FD },
	{ KPC_CMD_SESSION_NEW, KPC_A_SESSION_PID, PID },
	{ KPC_CMD_SESSION_GET, KPC_A_SESSION_ID, SESSION_ID },
	{ KPC_CMD_GRANT_NEW, KPC_A_GRANT_SESSION, SESSION_ID },
	{ KPC_CMD_GRANT_NEW, KPC_A_GRANT_ASSOCIATION, NAME },
	{ KPC_CMD_GRANT_NEW, KPC_A_GRANT_ASSOCIATION_ID, NAME_ID },
	{ KPC_CMD_TRANSACTION_BEGIN, KPC_A_TRANSACTION_MODE, MODE },
	{ KPC_CMD_TRANSACTION_COMMIT, KPC_A_TRANSACTION_FORCE, FLAG },
	{ KPC_CMD_ASSOCIATION_RESOLVE, KPC_A_ASSOCIATION_ID, ASSOCIATION_ID },
	{ KPC_CMD_ASSOCIATION_RESOLVE, KPC_A_ASSOCIATION_AGENT, PEER },
	{ KPC_CMD_ASSOCIATION_RESOLVE, KPC_A_ASSOCIATION_SELECTOR, SELECTOR },
};

static struct ends ends[2];
/*
 * Whose end of the connection a request is about, and which name goes with it:
 * those of even number have role a.
 */
static unsigned int side, name;
/* It is about a flow of the UDP socket, fds[5]. */
static bool of_flow;

static bool is_role_b(void)
{
	return name % 2;
}

static void put_selected(uint16_t type)
{
	struct in_addr loopback = { htonl(INADDR_LOOPBACK) };
	size_t nest = nl_nest(&nl, type);

	nl_u16(&nl, KPC_A_SELECTOR_FAMILY, AF_INET);
	if (!is_role_b() || !any(8)) {
		nl_put(&nl, KPC_A_SELECTOR_REMOTE_ADDRESS, &loopback,
		       sizeof(loopback));
		nl_u16(&nl, KPC_A_SELECTOR_REMOTE_PORT_MIN, PORT + any(2));
	}
	if (is_role_b() || !any(8)) {
		nl_put(&nl, KPC_A_SELECTOR_LOCAL_ADDRESS, &loopback,
		       sizeof(loopback));
		nl_u16(&nl, KPC_A_SELECTOR_LOCAL_PORT_MIN, PORT + any(2));
	}
	nl_nest_end(&nl, nest);
}

static void put_good(uint16_t type, enum good good)
{
	static const char * const ids[NAMES] = { "one@example.org",
		"two@example.org", "three@example.org", "four@example.org",
		"five@example.org" };
	struct in_addr loopback = { htonl(INADDR_LOOPBACK) };
	const char *id = ids[any(8) ? name : any(NAMES)];
	size_t nest;

	switch (good) {
	case NAME:
		nl_str(&nl, type, names[name]);
		break;
	case NAME_ID:
		nl_u32(&nl, type, any(8) ? name_ids[name] : any(100));
		break;
	case KPC_ID:
		nl_put(&nl, type, id, strlen(id));
		break;
	case ID_A:
		nl_str(&nl, type, any(8) ? "//sp.example/cse-a" : texts[any(12)]);
		break;
	case ID_B:
		nl_str(&nl, type, any(8) ? "//sp.example/cse-b" : texts[any(12)]);
		break;
	case ROLE:
		nl_u8(&nl, type, is_role_b() ? KPC_ROLE_B : KPC_ROLE_A);
		break;
	case SELECTOR:
		put_selected(type);
		break;
	case FLAG:
		nl_flag(&nl, type);
		break;
	case PEER:
		nest = nl_nest(&nl, type);
		if (!is_role_b())
			nl_str(&nl, KPC_A_AGENT_PEER, PEER_TEXT);
		nl_nest_end(&nl, nest);
		break;
	case TCP_FD:
		nl_u32(&nl, type, of_flow ? fds[5] :
				  any(4) ? fds[1 + side] : fds[any(6)]);
		break;
	case NETLINK_FD:
		nl_u32(&nl, type, any(4) ? worker.fd : fds[6 + 2 * any(2)]);
		break;
	case VERSION:
		nl_u16(&nl, type, of_flow ? DTLS12 : 0x0304);
		break;
	case SUITE:
		nl_u16(&nl, type, of_flow ? CCM_8 : 0x1301);
		break;
	case TX_DIGEST:
		nl_put(&nl, type, ends[side].tx_digest, KPC_DIGEST_LEN);
		break;
	case RX_DIGEST:
		nl_put(&nl, type, ends[side].rx_digest, KPC_DIGEST_LEN);
		break;
	case FAMILY:
		nl_u16(&nl, type, AF_INET);
		break;
	case ADDRESS:
		nl_put(&nl, type, &loopback, sizeof(loopback));
		break;
	case PORT_NUMBER:
		nl_u16(&nl, type, PORT + any(3));
		break;
	case CARRIER:
		nl_u8(&nl, type, of_flow ? KPC_CARRIER_AGENT :
					   KPC_CARRIER_KERNEL);
		break;
	case OUTCOME:
		nl_u8(&nl, type, KPC_ESTABLISH_STATE_ESTABLISHED + any(3));
		break;
	case MODE:
		nl_u8(&nl, type, any(3));
		break;
	case SESSION_TYPE:
		nl_u8(&nl, type, any(2));
		break;
	case PID:
		nl_u32(&nl, type, getpid());
		break;
	case ASSOCIATION_ID:
		nl_u32(&nl, type, any(2) ? name_ids[name] :
					   told_id(ASSOCIATION));
		break;
	case BINDING_ID:
		nl_u64(&nl, type, told_id(BINDING));
		break;
	case SESSION_ID:
		nl_u32(&nl, type, told_id(SESSION));
		break;
	case REQUEST_ID:
		nl_u32(&nl, type, told_id(REQUEST));
		break;
	}
}

/* What would do, most of it. */
static void put_wanted(uint8_t cmd)
{
	unsigned int i;

	side = any(2);
	name = any(4) ? side : any(NAMES);
	of_flow = !any(3);
	for (i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		if (wanted[i].cmd == cmd && any(20) &&
		    !(wanted[i].flow && !of_flow) && !(wanted[i].tcp && of_flow))
			put_good(wanted[i].attr, wanted[i].good);
}

/* Keeps the numbers that an answer tells. */
static void keep_told(uint8_t cmd)
{
	unsigned int i;

	switch (cmd) {
	case KPC_CMD_ASSOCIATION_NEW:
	case KPC_CMD_ASSOCIATION_GET:
		if (!nl.attr[KPC_A_ASSOCIATION_ID])
			break;
		tell(ASSOCIATION, nl_get(&nl, KPC_A_ASSOCIATION_ID));
		for (i = 0; i < NAMES; i++)
			if (!strcmp(nl_text(&nl, KPC_A_ASSOCIATION_NAME), names[i]))
				name_ids[i] = nl_get(&nl, KPC_A_ASSOCIATION_ID);
		break;
	case KPC_CMD_BINDING_NEW:
		tell(BINDING, nl_get(&nl, KPC_A_BINDING_ID));
		break;
	case KPC_CMD_SESSION_NEW:
		tell(SESSION, nl_get(&nl, KPC_A_SESSION_ID));
		break;
	case KPC_CMD_ESTABLISH:
	case KPC_CMD_CLOSE:
		tell(REQUEST, nl_get(&nl, KPC_A_ESTABLISH_ID));
		break;
	}
}

static void associate(const char *text, uint8_t role)
{
	struct assoc assoc = ASSOC_A("");

	assoc.name = text;
	assoc.role = role;
	assoc.kpc_id = role == KPC_ROLE_A ? "one@example.org" : "two@example.org";
	assoc.address = "127.0.0.1";
	assoc.force = true;
	assoc.udp_too = true;
	assoc.versions |= KPC_VERSION_FLAGS_DTLS12;
	assoc.offload = KPC_OFFLOAD_PREFER;
	assoc.peer = role == KPC_ROLE_A ? PEER_TEXT : NULL;
	if (!assoc_new(&nl, &assoc))
		keep_told(KPC_CMD_ASSOCIATION_NEW);
}

/* Opens one that does not wait for an answer for ever, however slow the machine. */
static int open_limited(struct nl *one)
{
	struct timeval limit = { .tv_sec = 600 };
	int err = nl_open(one);

	setsockopt(one->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	return err;
}

/* What a fresh namespace has; first no transaction, then no commit that waits. */
static void settle(void)
{
	for (int i = 0; i < 2; i++) {
		nl_req(&nl, KPC_CMD_TRANSACTION_CONFIRM);
		nl_flag(&nl, KPC_A_TRANSACTION_ABORT);
		nl_talk(&nl);
	}
	nl_req(&nl, KPC_CMD_CONFIG_SET);
	nl_u32(&nl, KPC_A_CONFIG_MAX_ASSOCIATIONS, 1000);
	nl_u32(&nl, KPC_A_CONFIG_MAX_BINDINGS, 1000);
	nl_u32(&nl, KPC_A_CONFIG_MAX_HANDSHAKES, 1000);
	nl_u8(&nl, KPC_A_CONFIG_CLOCK, KPC_CLOCK_TRUST);
	nl_talk(&nl);
}

/* An agent, unless there is one, and a worker of it. */
static void register_worker(void)
{
	nl_req(&nl, KPC_CMD_SESSION_NEW);
	nl_u8(&nl, KPC_A_SESSION_TYPE, KPC_SESSION_TYPE_WARDEN);
	nl_talk(&nl);
	nl_req(&nl, KPC_CMD_SESSION_NEW);
	nl_u8(&nl, KPC_A_SESSION_TYPE, KPC_SESSION_TYPE_WORKER);
	nl_u32(&nl, KPC_A_SESSION_FD, worker.fd);
	nl_u32(&nl, KPC_A_SESSION_PID, getpid());
	if (!nl_talk(&nl))
		keep_told(KPC_CMD_SESSION_NEW);
}

/* A connection that is registered, and bound or may be, and what else may be. */
static int open_sockets(void)
{
	struct pair p;
	int i, err;

	settle();
	pair_init(&p, &nl, &nl, "to-b", "from-a");
	associate("to-b", KPC_ROLE_A);
	associate("from-a", KPC_ROLE_B);
	p.listener = tcp_socket();
	handshake_new(&nl, p.listener, NULL);
	p.client = tcp_socket();
	handshake_new(&nl, p.client, "to-b");
	/* Where the table does not let them, they stay apart. */
	if (!tcp_listen(p.listener, "127.0.0.1", PORT) &&
	    !tcp_connect(p.client, "127.0.0.1", PORT))
		p.server = accept(p.listener, NULL, NULL);
	if (p.server >= 0) {
		ends_install(p.client, &ends[0]);
		ends_install(p.server, &ends[1]);
	} else {
		p.server = tcp_socket();
	}
	if (any(2) && !binding_new(&nl, p.client, "to-b", &ends[0]))
		keep_told(KPC_CMD_BINDING_NEW);
	if (any(2) && !binding_new(&nl, p.server, "from-a", &ends[1]))
		keep_told(KPC_CMD_BINDING_NEW);
	fds[0] = p.listener;
	fds[1] = p.client;
	fds[2] = p.server;
	fds[3] = tcp_socket();
	fds[4] = socket(AF_INET6, SOCK_STREAM, 0);
	fds[5] = udp_socket("127.0.0.1", PORT);
	if (any(4))
		handshake_new(&nl, fds[5], any(2) ? "to-b" : NULL);
	fds[6] = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
	fds[7] = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	fds[8] = nl.fd;
	fds[9] = -1;
	fds[10] = 0;
	fds[11] = 4711;
	for (i = 0; i < 9; i++)
		if (fds[i] < 0)
			return -errno;
	err = open_limited(&worker);
	if (!err && any(2))
		register_worker();
	return err;
}

static void close_sockets(void)
{
	char text[4096];
	int i;

	for (i = 0; i < 8; i++)
		close(fds[i]);
	close(worker.fd);
	/* What is told of is heard, as far as there was room for it. */
	while (recv(ears.fd, text, sizeof(text), MSG_DONTWAIT) >= 0 ||
	       errno == ENOBUFS)
		;
}

/* True if it was answered; it always is. */
static bool send_one(void)
{
	int own = nl.fd, err;
	unsigned int cmd;
	bool is_dump;

	do {
		cmd = any(OPS);
		is_dump = any(2);
	} while (!ops[cmd].can[is_dump]);
	nl_start(&nl, nl.family, cmd, is_dump ? NLM_F_DUMP : 0);
	if (is_dump || any(3) == 0)
		put_attrs(ops[cmd].policy[is_dump], 0);
	else
		put_wanted(cmd);
	if (!any(4))
		nl.fd = worker.fd;
	err = nl_talk(&nl);
	nl.fd = own;
	__atomic_add_fetch(&came[cmd][is_dump][!err ? ACCEPTED :
					       nl.points ? STOPPED : REFUSED],
			   1, __ATOMIC_RELAXED);
	if (!err && !is_dump)
		keep_told(cmd);
	return (err != -EAGAIN && err != -EIO) || nl.said[0];
}

static unsigned int setting(const char *text, unsigned int otherwise)
{
	const char *value = getenv(text);

	return value ? strtoul(value, NULL, 0) : otherwise;
}

static unsigned int results;
static bool failed;

static void result(bool good, const char *what)
{
	printf("%sok %u %s\n", good ? "" : "not ", ++results, what);
	fflush(stdout);
	failed = failed || !good;
}

/* The family in a namespace of its own, with loopback alone. */
static int enter(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int g, fd, err;

	if (unshare(CLONE_NEWNET))
		return -errno;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	err = fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo) ? -errno : 0;
	close(fd);
	err = err ?: open_limited(&nl) ?: nl_open(&ears);
	for (g = 0; g < 4 && !err; g++)
		err = nl_listen(&ears, g);
	memset(told, 0, sizeof(told));
	return err;
}

static void leave(void)
{
	close_sockets();
	close(ears.fd);
	close(nl.fd);
}

/* A table that changes waits for grace periods: short ones, meanwhile. */
static void hurry(bool on)
{
	FILE *f = fopen("/sys/kernel/rcu_expedited", "w");

	if (!f)
		return;
	fputs(on ? "1" : "0", f);
	fclose(f);
}

/* Sends until so many got past the policies; true if it came to that. */
static bool fuzz(unsigned long most)
{
	unsigned long past = 0, sent;

	for (sent = 0; past < most; sent++) {
		if (sent % (ROUND * ROUNDS) == 0) {
			if (sent)
				leave();
			if (enter())
				return false;
		} else if (sent % ROUND == 0) {
			close_sockets();
		}
		if (sent % ROUND == 0 && open_sockets())
			return false;
		if (!send_one())
			return false;
		past += !nl.points;
	}
	leave();
	return true;
}

/* The same from as many processes as there are processors. */
static bool fuzz_all(unsigned long most, unsigned int seed)
{
	unsigned long n = sysconf(_SC_NPROCESSORS_ONLN), i;
	bool good = true;
	int status;

	fflush(stdout);
	for (i = 0; i < n; i++) {
		if (fork())
			continue;
		signal(SIGTERM, SIG_DFL);
		srandom(seed + i);
		_exit(!fuzz(most / n + (i < most % n)));
	}
	while (wait(&status) > 0)
		good = good && WIFEXITED(status) && !WEXITSTATUS(status);
	return good;
}

/* So many got past the policies, of those that were answered. */
static unsigned long came_past(void)
{
	unsigned long n = 0;
	unsigned int i;

	for (i = 0; i < 2 * OPS; i++)
		n += came[i / 2][i % 2][ACCEPTED] + came[i / 2][i % 2][REFUSED];
	return n;
}

/* The processes end by it, and what they have counted stays. */
static void end_early(int signal)
{
}

/* What came of each operation; whether it is enough of all. */
static bool tell_ops(unsigned long least)
{
	unsigned int i, is_dump, count = 0;
	unsigned long yes, no;
	bool enough = true;

	for (i = 0; i < 2 * OPS; i++) {
		is_dump = i % 2;
		if (!ops[i / 2].can[is_dump])
			continue;
		count++;
		yes = came[i / 2][is_dump][ACCEPTED];
		no = came[i / 2][is_dump][REFUSED];
		enough = enough && yes && yes + no >= least;
		printf("# %s%s: %lu accepted, %lu refused, %lu stopped by the policy%s\n",
		       op_names[i / 2] ?: "?", is_dump ? " (dump)" : "", yes, no,
		       came[i / 2][is_dump][STOPPED],
		       yes && yes + no >= least ? "" : ": too few");
	}
	return enough && count > 20;
}

int main(void)
{
	unsigned int seed = setting("KPC_FUZZ_SEED", time(NULL)), i;
	unsigned long n = setting("KPC_FUZZ_MESSAGES", 20000);
	bool learned, answered;
	char text[128];

	printf("TAP version 13\n1..4\n# seed %u\n", seed);
	came = mmap(NULL, OPS * sizeof(*came), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ends_init(&ends[0], TLS_1_3_VERSION, false);
	ends_init(&ends[1], TLS_1_3_VERSION, true);
	learned = came != MAP_FAILED && !system("modprobe tls; modprobe kpc") &&
		  !nl_open(&nl) && !policy_learn(&nl);
	close(nl.fd);
	result(learned, "the family tells its policies");
	hurry(true);
	signal(SIGTERM, end_early);
	answered = learned && fuzz_all(n, seed);
	hurry(false);
	snprintf(text, sizeof(text),
		 "%lu requests of %lu got past the policies, and every one is answered",
		 learned ? came_past() : 0, n);
	result(answered, text);
	snprintf(text, sizeof(text),
		 "each operation got %lu of them at least, and carried out some",
		 n / 100);
	result(learned && tell_ops(n / 100), text);
	sites_down();
	for (i = 0; i < 60 && system("rmmod kpc 2>/dev/null"); i++)
		usleep(500000);
	result(i < 60, "nothing is left that keeps the module");
	return failed;
}
