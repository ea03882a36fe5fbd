// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests by chance. What attributes each operation takes, and of which types
 * and ranges, is asked of the kernel (CTRL_CMD_GETPOLICY), so that nearly all
 * that is sent gets past the attribute policies and into the module; values are
 * drawn from what is there (names, sockets, ids) and from what is not.
 * KPC_FUZZ_MESSAGES (20000) says how many, KPC_FUZZ_SEED repeats a run.
 */
#include <net/if.h>
#include <sys/ioctl.h>
#include <time.h>

#include "pair.h"

#define POLICIES	32
#define ATTRS		64
#define OPS		64
#define FDS		12
#define PEER_TEXT	"peer.example:8883"

/* One attribute of a policy; type 0 where there is none. */
struct rule {
	uint32_t type;
	uint32_t nested;
	uint32_t min_len, max_len;
	uint64_t min, max, mask;
	bool ranged;
};

/* What an operation takes. */
struct op {
	bool can[2];
	uint32_t policy[2];
	unsigned long accepted[2], refused[2];
};

static struct rule rules[POLICIES][ATTRS];
static struct op ops[OPS];
static int fds[FDS];
static struct nl nl;

static unsigned int any(unsigned int n)
{
	return random() % n;
}

/* Attributes within attributes, as the control family tells policies. */
#define for_each_within(a, from)					\
	for (a = (struct nlattr *)((char *)(from) + NLA_HDRLEN);	\
	     (char *)a + NLA_HDRLEN <= (char *)(from) + (from)->nla_len &&	\
	     a->nla_len >= NLA_HDRLEN;					\
	     a = (struct nlattr *)((char *)a + NLA_ALIGN(a->nla_len)))

static uint64_t number(const struct nlattr *a)
{
	uint64_t v = 0;

	memcpy(&v, (char *)a + NLA_HDRLEN,
	       a->nla_len - NLA_HDRLEN > 8 ? 8 : a->nla_len - NLA_HDRLEN);
	return v;
}

static void take_rule(struct nlattr *from, struct rule *rule)
{
	struct nlattr *a;

	for_each_within(a, from) {
		switch (a->nla_type & NLA_TYPE_MASK) {
		case NL_POLICY_TYPE_ATTR_TYPE:
			rule->type = number(a);
			break;
		case NL_POLICY_TYPE_ATTR_MIN_VALUE_S:
		case NL_POLICY_TYPE_ATTR_MIN_VALUE_U:
			rule->min = number(a);
			rule->ranged = true;
			break;
		case NL_POLICY_TYPE_ATTR_MAX_VALUE_S:
		case NL_POLICY_TYPE_ATTR_MAX_VALUE_U:
			rule->max = number(a);
			rule->ranged = true;
			break;
		case NL_POLICY_TYPE_ATTR_MIN_LENGTH:
			rule->min_len = number(a);
			break;
		case NL_POLICY_TYPE_ATTR_MAX_LENGTH:
			rule->max_len = number(a);
			break;
		case NL_POLICY_TYPE_ATTR_POLICY_IDX:
			rule->nested = number(a);
			break;
		case NL_POLICY_TYPE_ATTR_MASK:
			rule->mask = number(a);
			break;
		}
	}
}

static void take_policy(struct nlattr *from)
{
	struct nlattr *policy, *attr;
	unsigned int i, j;

	for_each_within(policy, from) {
		for_each_within(attr, policy) {
			i = policy->nla_type & NLA_TYPE_MASK;
			j = attr->nla_type & NLA_TYPE_MASK;
			if (i < POLICIES && j < ATTRS)
				take_rule(attr, &rules[i][j]);
		}
	}
}

static void take_op(struct nlattr *from)
{
	struct nlattr *op, *a;
	unsigned int i;

	for_each_within(op, from) {
		i = op->nla_type & NLA_TYPE_MASK;
		for_each_within(a, op) {
			bool is_dump = (a->nla_type & NLA_TYPE_MASK) ==
				       CTRL_ATTR_POLICY_DUMP;

			if (i >= OPS)
				continue;
			ops[i].can[is_dump] = true;
			ops[i].policy[is_dump] = number(a);
		}
	}
}

/* Reads the policies of the family. */
static int learn(void)
{
	struct nlmsghdr *h = nl_hdr(&nl);
	bool done = false;

	nl_start(&nl, GENL_ID_CTRL, CTRL_CMD_GETPOLICY, NLM_F_DUMP);
	nl_u16(&nl, CTRL_ATTR_FAMILY_ID, nl.family);
	if (send(nl.fd, nl.out, h->nlmsg_len, 0) < 0)
		return -errno;
	while (!done) {
		int n = recv(nl.fd, nl.in, sizeof(nl.in), 0);

		if (n <= 0)
			return -errno;
		for (h = (struct nlmsghdr *)nl.in; NLMSG_OK(h, n);
		     h = NLMSG_NEXT(h, n)) {
			done = h->nlmsg_type == NLMSG_DONE ||
			       h->nlmsg_type == NLMSG_ERROR;
			if (done)
				break;
			nl_parse(&nl, h);
			if (nl.attr[CTRL_ATTR_POLICY])
				take_policy(nl.attr[CTRL_ATTR_POLICY]);
			if (nl.attr[CTRL_ATTR_OP_POLICY])
				take_op(nl.attr[CTRL_ATTR_OP_POLICY]);
		}
	}
	return 0;
}

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
		0x1302, 0x00a8, 65535, 65536, 0x6b000001, 0x6b000002, 0x6bffffff,
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

/* What an operation must have to be carried out, and what would do. */
enum good {
	NAME, KPC_ID, ID_A, ID_B, SELECTOR, PEER, TCP_FD, NETLINK_FD, VERSION, SUITE,
	TX_DIGEST, RX_DIGEST, SMALL, FAMILY, ADDRESS, PORT_NUMBER, OUTCOME,
};

static const struct {
	uint8_t cmd;
	uint8_t attr;
	enum good good;
} wanted[] = {
	{ KPC_CMD_ASSOCIATION_NEW, KPC_A_ASSOCIATION_NAME, NAME },
	{ KPC_CMD_ASSOCIATION_NEW, KPC_A_ASSOCIATION_KPC_ID, KPC_ID },
	{ KPC_CMD_ASSOCIATION_NEW, KPC_A_ASSOCIATION_ID_A, ID_A },
	{ KPC_CMD_ASSOCIATION_NEW, KPC_A_ASSOCIATION_ID_B, ID_B },
	{ KPC_CMD_ASSOCIATION_NEW, KPC_A_ASSOCIATION_ROLE, SMALL },
	{ KPC_CMD_ASSOCIATION_NEW, KPC_A_ASSOCIATION_SELECTOR, SELECTOR },
	{ KPC_CMD_ASSOCIATION_DEL, KPC_A_ASSOCIATION_NAME, NAME },
	{ KPC_CMD_ASSOCIATION_GET, KPC_A_ASSOCIATION_NAME, NAME },
	{ KPC_CMD_ENDPOINT_GET, KPC_A_ENDPOINT_FAMILY, FAMILY },
	{ KPC_CMD_ENDPOINT_GET, KPC_A_ENDPOINT_ROLE, SMALL },
	{ KPC_CMD_ENDPOINT_GET, KPC_A_ENDPOINT_ADDRESS, ADDRESS },
	{ KPC_CMD_ENDPOINT_GET, KPC_A_ENDPOINT_PORT_MIN, PORT_NUMBER },
	{ KPC_CMD_HANDSHAKE_NEW, KPC_A_HANDSHAKE_FD, TCP_FD },
	{ KPC_CMD_HANDSHAKE_NEW, KPC_A_HANDSHAKE_ASSOCIATION, NAME },
	{ KPC_CMD_HANDSHAKE_NEW, KPC_A_HANDSHAKE_ASSOCIATION_ID, SMALL },
	{ KPC_CMD_BINDING_NEW, KPC_A_BINDING_FD, TCP_FD },
	{ KPC_CMD_BINDING_NEW, KPC_A_BINDING_ASSOCIATION, NAME },
	{ KPC_CMD_BINDING_NEW, KPC_A_BINDING_ASSOCIATION_ID, SMALL },
	{ KPC_CMD_BINDING_NEW, KPC_A_BINDING_VERSION, VERSION },
	{ KPC_CMD_BINDING_NEW, KPC_A_BINDING_SUITE, SUITE },
	{ KPC_CMD_BINDING_NEW, KPC_A_BINDING_TX_DIGEST, TX_DIGEST },
	{ KPC_CMD_BINDING_NEW, KPC_A_BINDING_RX_DIGEST, RX_DIGEST },
	{ KPC_CMD_BINDING_HAND_OVER, KPC_A_BINDING_FD, TCP_FD },
	{ KPC_CMD_BINDING_REKEY, KPC_A_BINDING_FD, TCP_FD },
	{ KPC_CMD_BINDING_REKEY, KPC_A_BINDING_TX_DIGEST, TX_DIGEST },
	{ KPC_CMD_BINDING_GET, KPC_A_BINDING_FD, TCP_FD },
	{ KPC_CMD_BINDING_DEL, KPC_A_BINDING_ID, SMALL },
	{ KPC_CMD_ESTABLISH, KPC_A_ESTABLISH_ASSOCIATION, NAME },
	{ KPC_CMD_CLOSE, KPC_A_ESTABLISH_ASSOCIATION, NAME },
	{ KPC_CMD_ESTABLISH_ANSWER, KPC_A_ESTABLISH_ID, SMALL },
	{ KPC_CMD_ESTABLISH_ANSWER, KPC_A_ESTABLISH_STATE, OUTCOME },
	{ KPC_CMD_SESSION_NEW, KPC_A_SESSION_TYPE, SMALL },
	{ KPC_CMD_SESSION_NEW, KPC_A_SESSION_FD, NETLINK_FD },
	{ KPC_CMD_SESSION_NEW, KPC_A_SESSION_PID, SMALL },
	{ KPC_CMD_SESSION_GET, KPC_A_SESSION_ID, SMALL },
	{ KPC_CMD_GRANT_NEW, KPC_A_GRANT_SESSION, SMALL },
	{ KPC_CMD_GRANT_NEW, KPC_A_GRANT_ASSOCIATION, NAME },
	{ KPC_CMD_GRANT_NEW, KPC_A_GRANT_ASSOCIATION_ID, SMALL },
	{ KPC_CMD_ASSOCIATION_RESOLVE, KPC_A_ASSOCIATION_ID, SMALL },
	{ KPC_CMD_ASSOCIATION_RESOLVE, KPC_A_ASSOCIATION_AGENT, PEER },
	{ KPC_CMD_ASSOCIATION_RESOLVE, KPC_A_ASSOCIATION_SELECTOR, SELECTOR },
};

static struct ends ends[2];
/* The latest ids of what is numbered are near this. */
static unsigned int turn;

static void put_selected(uint16_t type)
{
	size_t nest = nl_nest(&nl, type);
	struct in_addr loopback = { htonl(INADDR_LOOPBACK) };

	nl_u16(&nl, KPC_A_SELECTOR_FAMILY, AF_INET);
	nl_put(&nl, KPC_A_SELECTOR_REMOTE_ADDRESS, &loopback, sizeof(loopback));
	nl_u16(&nl, KPC_A_SELECTOR_REMOTE_PORT_MIN, PORT + any(3));
	nl_u16(&nl, KPC_A_SELECTOR_LOCAL_PORT_MIN, PORT + any(3));
	nl_nest_end(&nl, nest);
}

static void put_good(uint16_t type, enum good good)
{
	static const char * const ids[] = { "one@example.org", "two@example.org",
		"three@example.org", "four@example.org" };
	struct in_addr loopback = { htonl(INADDR_LOOPBACK) };
	unsigned int i = any(4);
	size_t nest;

	switch (good) {
	case NAME:
		nl_str(&nl, type, texts[any(5)]);
		break;
	case KPC_ID:
		nl_put(&nl, type, ids[i], strlen(ids[i]));
		break;
	case ID_A:
		nl_str(&nl, type, texts[7 + any(3)]);
		break;
	case ID_B:
		nl_str(&nl, type, texts[9 - any(2)]);
		break;
	case SELECTOR:
		put_selected(type);
		break;
	case PEER:
		nest = nl_nest(&nl, type);
		nl_str(&nl, KPC_A_AGENT_PEER, PEER_TEXT);
		nl_nest_end(&nl, nest);
		break;
	case TCP_FD:
		nl_u32(&nl, type, fds[any(5)]);
		break;
	case NETLINK_FD:
		nl_u32(&nl, type, fds[6 + 2 * any(2)]);
		break;
	case VERSION:
		nl_u16(&nl, type, 0x0304);
		break;
	case SUITE:
		nl_u16(&nl, type, 0x1301);
		break;
	case TX_DIGEST:
		nl_put(&nl, type, ends[i % 2].tx_digest, KPC_DIGEST_LEN);
		break;
	case RX_DIGEST:
		nl_put(&nl, type, ends[i % 2].rx_digest, KPC_DIGEST_LEN);
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
	case OUTCOME:
		nl_u8(&nl, type, KPC_ESTABLISH_STATE_FAILED);
		break;
	case SMALL:
		break;
	}
}

/* What would do, in the form that the policy asks for. */
static void put_wanted(uint8_t cmd, uint32_t policy)
{
	const struct rule *rule;
	struct rule small;
	unsigned int i;

	for (i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		if (wanted[i].cmd != cmd || !any(20))
			continue;
		if (wanted[i].good != SMALL) {
			put_good(wanted[i].attr, wanted[i].good);
			continue;
		}
		rule = &rules[policy % POLICIES][wanted[i].attr];
		small = *rule;
		small.ranged = true;
		small.min = rule->ranged || !turn ? rule->min : turn / 2;
		small.max = rule->ranged ? rule->max : turn + 3;
		put_attr(wanted[i].attr, &small, 0);
	}
}

static void associate(const char *name, uint8_t role)
{
	struct assoc assoc = ASSOC_A("");

	assoc.name = name;
	assoc.role = role;
	assoc.kpc_id = role == KPC_ROLE_A ? "one@example.org" : "two@example.org";
	assoc.address = "127.0.0.1";
	assoc.force = true;
	assoc.peer = PEER_TEXT;
	assoc_new(&nl, &assoc);
}

/* A connection that is registered and may be bound, and what else may be. */
static int open_sockets(void)
{
	struct pair p;
	int i;

	pair_init(&p, &nl, &nl, "to-b", "from-a");
	ends_init(&ends[0], TLS_1_3_VERSION, false);
	ends_init(&ends[1], TLS_1_3_VERSION, true);
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
	fds[0] = p.listener;
	fds[1] = p.client;
	fds[2] = p.server;
	fds[3] = tcp_socket();
	fds[4] = socket(AF_INET6, SOCK_STREAM, 0);
	fds[5] = socket(AF_INET, SOCK_DGRAM, 0);
	fds[6] = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
	fds[7] = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	fds[8] = nl.fd;
	fds[9] = -1;
	fds[10] = 0;
	fds[11] = 4711;
	for (i = 0; i < 9; i++)
		if (fds[i] < 0)
			return -errno;
	return 0;
}

static void close_sockets(void)
{
	int i;

	for (i = 0; i < 8; i++)
		close(fds[i]);
}

static bool send_one(void)
{
	unsigned int cmd;
	bool is_dump;
	int err;

	do {
		cmd = any(OPS);
		is_dump = any(2);
	} while (!ops[cmd].can[is_dump]);
	nl_start(&nl, nl.family, cmd, is_dump ? NLM_F_DUMP : 0);
	if (is_dump || any(3) == 0)
		put_attrs(ops[cmd].policy[is_dump], 0);
	else
		put_wanted(cmd, ops[cmd].policy[is_dump]);
	err = nl_talk(&nl);
	if (err)
		ops[cmd].refused[is_dump]++;
	else
		ops[cmd].accepted[is_dump]++;
	/* It always answers. */
	return err != -EAGAIN && err != -EIO;
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
	fflush(stdout);
	failed = failed || !good;
}

/* The family in a namespace of its own, with loopback alone. */
static int enter(void)
{
	struct timeval limit = { .tv_sec = 30 };
	int err;

	if (system("modprobe tls; modprobe kpc") || unshare(CLONE_NEWNET) ||
	    system("ip link set lo up"))
		return -errno;
	err = nl_open(&nl);
	if (err)
		return err;
	setsockopt(nl.fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	return learn();
}

int main(void)
{
	unsigned int seed = setting("KPC_FUZZ_SEED", time(NULL));
	unsigned int n = setting("KPC_FUZZ_MESSAGES", 20000), i;
	bool answers = true, each = true;
	unsigned int count = 0;

	printf("TAP version 13\n1..4\n# seed %u\n", seed);
	srandom(seed);
	result(!enter(), "the family tells its policies");
	for (i = 0; i < n && answers; i++) {
		/* What was ended is opened anew, and no connection stays. */
		if (i % 500 == 0) {
			if (i)
				close_sockets();
			if (open_sockets())
				break;
		}
		turn = i / 500;
		answers = send_one();
	}
	result(i == n, "every request is answered");
	for (i = 0; i < 2 * OPS; i++) {
		const struct op *op = &ops[i / 2];

		if (!op->can[i % 2])
			continue;
		count++;
		each = each && op->accepted[i % 2] + op->refused[i % 2];
		printf("# operation %u%s: %lu accepted, %lu refused\n", i / 2,
		       i % 2 ? ", dump" : "", op->accepted[i % 2],
		       op->refused[i % 2]);
	}
	result(count > 20 && each, "each operation was asked for");
	close_sockets();
	close(nl.fd);
	sites_down();
	for (i = 0; i < 60 && system("rmmod kpc 2>/dev/null"); i++)
		usleep(500000);
	result(i < 60, "nothing is left that keeps the module");
	return failed;
}
