/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two sites joined by a wire, for tests that act at both from one process:
 *
 *	site a  192.0.2.1  kpc-a ---- veth ---- kpc-b  192.0.2.2  site b
 *		2001:db8::1                      2001:db8::2
 *
 * A socket belongs to the site in which it was made.
 */
#ifndef KPC_TEST_SITE_H
#define KPC_TEST_SITE_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/tls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/sha.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "genl.h"

#ifndef TCP_ULP
#define TCP_ULP 31
#endif
#ifndef SOL_TLS
#define SOL_TLS 282
#endif

#define PORT	8883
#define ADDR_A	"192.0.2.1"
#define ADDR_B	"192.0.2.2"
#define HS_MARK	0x6bffffffU

/* A busy host is no failure: the harness gives a test half a minute only. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 120

/*
 * Ends both sites. The kernel takes a namespace apart behind our back, and not
 * before its last socket is closed and the last process has left it: a while
 * is waited for that, so that whoever comes next finds nothing of it.
 */
static inline void sites_down(void)
{
	int home;

	close_range(3, ~0U, 0);
	home = open("/proc/1/ns/net", O_RDONLY | O_CLOEXEC);
	if (home < 0 || setns(home, CLONE_NEWNET))
		return;
	close(home);
	if (system("ip netns del kpc-a; ip netns del kpc-b\n"
		   "for i in $(seq 30); do\n"
		   "	[ \"$(cat /sys/module/kpc/refcnt)\" != 0 ] || break\n"
		   "	sleep 0.1\n"
		   "done\n"))
		return;
}

/* Closes a connection at once, with a reset, so that nothing of it lingers. */
static inline void drop_socket(int fd)
{
	struct linger now = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

static inline int sites_up(void)
{
	return system("ip netns del kpc-a 2>/dev/null\n"
		"ip netns del kpc-b 2>/dev/null\n"
		"set -e\n"
		"modprobe tls; modprobe kpc\n"
		"ip netns add kpc-a; ip netns add kpc-b\n"
		"ip link add kpc0 netns kpc-a type veth peer name kpc0 netns kpc-b\n"
		"for s in a b; do ip -n kpc-$s link set lo up; done\n"
		"ip -n kpc-a addr add 192.0.2.1/24 dev kpc0\n"
		"ip -n kpc-b addr add 192.0.2.2/24 dev kpc0\n"
		"ip -n kpc-a addr add 2001:db8::1/64 dev kpc0 nodad\n"
		"ip -n kpc-b addr add 2001:db8::2/64 dev kpc0 nodad\n"
		"ip -n kpc-a link set kpc0 up; ip -n kpc-b link set kpc0 up\n");
}

static inline int site_enter(char site)
{
	char path[] = "/run/netns/kpc-?";
	int fd, err;

	path[sizeof(path) - 2] = site;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = setns(fd, CLONE_NEWNET) ? -errno : 0;
	close(fd);
	return err;
}

static inline int site_nl(struct nl *nl, char site)
{
	int err = site_enter(site);

	return err ?: nl_open(nl);
}

/* What an association-new of these tests says unless told otherwise. */
struct assoc {
	const char *name;
	const char *kpc_id;
	const char *id_a;
	const char *id_b;
	uint8_t role;
	uint32_t mark;
	uint32_t versions;
	uint16_t suite;
	uint8_t offload;
	uint8_t protocol;	/* 0: not told, which is TCP */
	uint16_t family;
	const char *address;	/* of the protected side */
	uint16_t port;
	bool no_selector;
	bool udp_too;		/* a second selector, of UDP */
	bool resolved;
	bool any_format;
	bool force;
	const char *peer;
	uint32_t lifetime;
	uint32_t idle;
	uint64_t octets;
	uint32_t bindings;
	uint32_t handshake_octets;
	uint32_t handshake_seconds;
	uint32_t records;
	int64_t not_before, not_after;
	uint32_t holder_uid;	/* 0: of any */
	const char *holder_cgroup;
};

#define ASSOC_A(n)							\
	{ .name = n, .kpc_id = n "@example.org", .id_a = "//sp.example/cse-a",	\
	  .id_b = "//sp.example/cse-b", .role = KPC_ROLE_A,		\
	  .versions = KPC_VERSION_FLAGS_TLS12 | KPC_VERSION_FLAGS_TLS13,	\
	  .family = AF_INET, .address = ADDR_B, .port = PORT }
#define ASSOC_B(n)							\
	{ .name = n, .kpc_id = n "@example.org", .id_a = "//sp.example/cse-a",	\
	  .id_b = "//sp.example/cse-b", .role = KPC_ROLE_B,		\
	  .versions = KPC_VERSION_FLAGS_TLS12 | KPC_VERSION_FLAGS_TLS13,	\
	  .family = AF_INET, .address = ADDR_B, .port = PORT }

static inline void put_selector(struct nl *nl, const struct assoc *a)
{
	bool local = a->role == KPC_ROLE_B;
	size_t at = nl_nest(nl, KPC_A_ASSOCIATION_SELECTOR);
	unsigned char addr[16];

	if (a->protocol)
		nl_u8(nl, KPC_A_SELECTOR_PROTOCOL, a->protocol);
	nl_u16(nl, KPC_A_SELECTOR_FAMILY, a->family);
	if (a->address && inet_pton(a->family, a->address, addr) == 1)
		nl_put(nl, local ? KPC_A_SELECTOR_LOCAL_ADDRESS :
				   KPC_A_SELECTOR_REMOTE_ADDRESS, addr,
		       a->family == AF_INET ? 4 : 16);
	if (a->port)
		nl_u16(nl, local ? KPC_A_SELECTOR_LOCAL_PORT_MIN :
				   KPC_A_SELECTOR_REMOTE_PORT_MIN, a->port);
	if (a->resolved)
		nl_flag(nl, KPC_A_SELECTOR_RESOLVED);
	nl_nest_end(nl, at);
}

static inline void put_limits(struct nl *nl, const struct assoc *a)
{
	size_t at = nl_nest(nl, KPC_A_ASSOCIATION_LIMIT);

	if (a->lifetime)
		nl_u32(nl, KPC_A_LIMIT_LIFETIME, a->lifetime);
	if (a->idle)
		nl_u32(nl, KPC_A_LIMIT_IDLE, a->idle);
	if (a->octets)
		nl_u64(nl, KPC_A_LIMIT_OCTETS, a->octets);
	if (a->bindings)
		nl_u32(nl, KPC_A_LIMIT_BINDINGS, a->bindings);
	if (a->handshake_octets)
		nl_u32(nl, KPC_A_LIMIT_HANDSHAKE_OCTETS, a->handshake_octets);
	if (a->handshake_seconds)
		nl_u32(nl, KPC_A_LIMIT_HANDSHAKE_SECONDS, a->handshake_seconds);
	if (a->records)
		nl_u32(nl, KPC_A_LIMIT_RECORDS, a->records);
	if (a->not_before)
		nl_u64(nl, KPC_A_LIMIT_NOT_BEFORE, a->not_before);
	if (a->not_after)
		nl_u64(nl, KPC_A_LIMIT_NOT_AFTER, a->not_after);
	nl_nest_end(nl, at);
}

/* Made and not sent. */
static inline void assoc_put(struct nl *nl, const struct assoc *a)
{
	size_t at;

	nl_req(nl, KPC_CMD_ASSOCIATION_NEW);
	if (a->name)
		nl_str(nl, KPC_A_ASSOCIATION_NAME, a->name);
	if (a->kpc_id)
		nl_put(nl, KPC_A_ASSOCIATION_KPC_ID, a->kpc_id,
		       strlen(a->kpc_id));
	if (a->id_a)
		nl_str(nl, KPC_A_ASSOCIATION_ID_A, a->id_a);
	if (a->id_b)
		nl_str(nl, KPC_A_ASSOCIATION_ID_B, a->id_b);
	nl_u8(nl, KPC_A_ASSOCIATION_ROLE, a->role);
	if (a->mark)
		nl_u32(nl, KPC_A_ASSOCIATION_MARK, a->mark);
	if (a->versions)
		nl_u32(nl, KPC_A_ASSOCIATION_VERSIONS, a->versions);
	if (a->suite)
		nl_u16(nl, KPC_A_ASSOCIATION_SUITE, a->suite);
	nl_u8(nl, KPC_A_ASSOCIATION_OFFLOAD, a->offload);
	if (!a->no_selector)
		put_selector(nl, a);
	if (a->udp_too) {
		struct assoc udp = *a;

		udp.protocol = IPPROTO_UDP;
		put_selector(nl, &udp);
	}
	put_limits(nl, a);
	at = nl_nest(nl, KPC_A_ASSOCIATION_AGENT);
	if (a->peer)
		nl_str(nl, KPC_A_AGENT_PEER, a->peer);
	if (a->any_format)
		nl_u8(nl, KPC_A_AGENT_FORMAT, KPC_ID_FORMAT_ANY);
	nl_nest_end(nl, at);
	if (a->holder_uid)
		nl_u32(nl, KPC_A_ASSOCIATION_HOLDER_UID, a->holder_uid);
	if (a->holder_cgroup)
		nl_str(nl, KPC_A_ASSOCIATION_HOLDER_CGROUP, a->holder_cgroup);
	if (a->force)
		nl_flag(nl, KPC_A_ASSOCIATION_FORCE);
}

static inline int assoc_new(struct nl *nl, const struct assoc *a)
{
	assoc_put(nl, a);
	return nl_talk(nl);
}

/* Where the peer of an association is by its name; without one, nowhere. */
static inline void resolve_put(struct nl *nl, uint32_t id, const char *peer,
			       const char *address)
{
	struct assoc a = { .role = KPC_ROLE_A, .family = AF_INET,
			   .address = address, .port = PORT };
	size_t at;

	nl_req(nl, KPC_CMD_ASSOCIATION_RESOLVE);
	nl_u32(nl, KPC_A_ASSOCIATION_ID, id);
	at = nl_nest(nl, KPC_A_ASSOCIATION_AGENT);
	nl_str(nl, KPC_A_AGENT_PEER, peer);
	nl_nest_end(nl, at);
	if (address)
		put_selector(nl, &a);
}

static inline int named(struct nl *nl, uint8_t cmd, uint16_t attr,
			const char *name)
{
	nl_req(nl, cmd);
	nl_str(nl, attr, name);
	return nl_talk(nl);
}

static inline int assoc_del(struct nl *nl, const char *name)
{
	return named(nl, KPC_CMD_ASSOCIATION_DEL, KPC_A_ASSOCIATION_NAME, name);
}

static inline int assoc_get(struct nl *nl, const char *name)
{
	return named(nl, KPC_CMD_ASSOCIATION_GET, KPC_A_ASSOCIATION_NAME, name);
}

/* The module's id of an association; 0: there is none of the name. */
static inline uint32_t assoc_id(struct nl *nl, const char *name)
{
	return assoc_get(nl, name) ? 0 : nl_get(nl, KPC_A_ASSOCIATION_ID);
}

static inline int dump(struct nl *nl, uint8_t cmd)
{
	int err;

	nl_start(nl, nl->family, cmd, NLM_F_DUMP);
	err = nl_talk(nl);
	return err ?: nl->replies;
}

/* Asks for what role a has at PORT of an IPv4 address. */
static inline void endpoint_put(struct nl *nl, const char *address)
{
	struct in_addr in;

	inet_pton(AF_INET, address, &in);
	nl_req(nl, KPC_CMD_ENDPOINT_GET);
	nl_u16(nl, KPC_A_ENDPOINT_FAMILY, AF_INET);
	nl_u8(nl, KPC_A_ENDPOINT_ROLE, KPC_ROLE_A);
	nl_put(nl, KPC_A_ENDPOINT_ADDRESS, &in, sizeof(in));
	nl_u16(nl, KPC_A_ENDPOINT_PORT_MIN, PORT);
}

/* Whether role a protects PORT of an IPv4 address. */
static inline bool is_protected(struct nl *nl, const char *address)
{
	endpoint_put(nl, address);
	return !nl_talk(nl);
}

static inline void handshake_put(struct nl *nl, int fd, const char *association)
{
	nl_req(nl, KPC_CMD_HANDSHAKE_NEW);
	nl_u32(nl, KPC_A_HANDSHAKE_FD, fd);
	if (association)
		nl_str(nl, KPC_A_HANDSHAKE_ASSOCIATION, association);
}

static inline int handshake_new(struct nl *nl, int fd, const char *association)
{
	handshake_put(nl, fd, association);
	return nl_talk(nl);
}

/* As a worker has to: of the association that has this id. */
static inline int handshake_of(struct nl *nl, int fd, const char *association,
			       uint32_t id)
{
	handshake_put(nl, fd, association);
	nl_u32(nl, KPC_A_HANDSHAKE_ASSOCIATION_ID, id);
	return nl_talk(nl);
}

/* Keys that differ by direction; nothing here is a secret. */
static inline void test_keys(struct tls12_crypto_info_aes_gcm_128 *info,
			     uint16_t version, uint8_t seed)
{
	memset(info, 0, sizeof(*info));
	info->info.version = version;
	info->info.cipher_type = TLS_CIPHER_AES_GCM_128;
	memset(info->key, seed, sizeof(info->key));
	memset(info->salt, seed + 1, sizeof(info->salt));
	memset(info->iv, seed + 2, sizeof(info->iv));
}

static inline void test_digest(const struct tls12_crypto_info_aes_gcm_128 *info,
			       uint8_t *out)
{
	uint8_t text[4 + sizeof(info->key) + sizeof(info->salt)];

	text[0] = info->info.version >> 8;
	text[1] = info->info.version;
	text[2] = info->info.cipher_type >> 8;
	text[3] = info->info.cipher_type;
	memcpy(text + 4, info->key, sizeof(info->key));
	memcpy(text + 4 + sizeof(info->key), info->salt, sizeof(info->salt));
	SHA256(text, sizeof(text), out);
}

/* What one end of a test connection installs and announces. */
struct ends {
	struct tls12_crypto_info_aes_gcm_128 tx, rx;
	uint8_t tx_digest[KPC_DIGEST_LEN], rx_digest[KPC_DIGEST_LEN];
};

static inline void ends_init(struct ends *e, uint16_t version, bool server)
{
	test_keys(&e->tx, version, server ? 0x51 : 0x11);
	test_keys(&e->rx, version, server ? 0x11 : 0x51);
	test_digest(&e->tx, e->tx_digest);
	test_digest(&e->rx, e->rx_digest);
}

static inline int ends_install(int fd, const struct ends *e)
{
	if (setsockopt(fd, SOL_TCP, TCP_ULP, "tls", 4) ||
	    setsockopt(fd, SOL_TLS, TLS_TX, &e->tx, sizeof(e->tx)) ||
	    setsockopt(fd, SOL_TLS, TLS_RX, &e->rx, sizeof(e->rx)))
		return -errno;
	return 0;
}

static inline void binding_req(struct nl *nl, int fd, const char *association,
			       uint16_t version, uint16_t suite,
			       const struct ends *e)
{
	nl_req(nl, KPC_CMD_BINDING_NEW);
	nl_u32(nl, KPC_A_BINDING_FD, fd);
	nl_str(nl, KPC_A_BINDING_ASSOCIATION, association);
	nl_u16(nl, KPC_A_BINDING_VERSION, version);
	nl_u16(nl, KPC_A_BINDING_SUITE, suite);
	if (e) {
		nl_put(nl, KPC_A_BINDING_TX_DIGEST, e->tx_digest,
		       KPC_DIGEST_LEN);
		nl_put(nl, KPC_A_BINDING_RX_DIGEST, e->rx_digest,
		       KPC_DIGEST_LEN);
	}
}

static inline int binding_new(struct nl *nl, int fd, const char *association,
			      const struct ends *e)
{
	binding_req(nl, fd, association, 0x0304, 0x1301, e);
	return nl_talk(nl);
}

static inline int binding_of(struct nl *nl, int fd, const char *association,
			     uint32_t id, const struct ends *e)
{
	binding_req(nl, fd, association, 0x0304, 0x1301, e);
	nl_u32(nl, KPC_A_BINDING_ASSOCIATION_ID, id);
	return nl_talk(nl);
}

/* The bound socket is an application's from now on. */
static inline int binding_hand_over(struct nl *nl, int fd)
{
	nl_req(nl, KPC_CMD_BINDING_HAND_OVER);
	nl_u32(nl, KPC_A_BINDING_FD, fd);
	return nl_talk(nl);
}

static inline void nonblock(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

/* A TCP socket of the site the caller is in. */
static inline int tcp_socket(void)
{
	struct timeval limit = { .tv_sec = 5 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	return fd;
}

static inline struct sockaddr_in at(const char *address, uint16_t port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
				   .sin_port = htons(port) };

	inet_pton(AF_INET, address, &sin.sin_addr);
	return sin;
}

static inline int tcp_listen(int fd, const char *address, uint16_t port)
{
	struct sockaddr_in sin = at(address, port);

	return bind(fd, (struct sockaddr *)&sin, sizeof(sin)) ||
	       listen(fd, 16) ? -errno : 0;
}

static inline int tcp_connect(int fd, const char *address, uint16_t port)
{
	struct sockaddr_in sin = at(address, port);

	return connect(fd, (struct sockaddr *)&sin, sizeof(sin)) ? -errno : 0;
}

static inline uint32_t mark_of(int fd)
{
	socklen_t len = sizeof(uint32_t);
	uint32_t mark = 0;

	getsockopt(fd, SOL_SOCKET, SO_MARK, &mark, &len);
	return mark;
}

static inline int set_mark(int fd, uint32_t mark)
{
	return setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) ?
	       -errno : 0;
}

/* Whether octets sent at one end arrive at the other. */
static inline bool crosses(int from, int to, const char *text)
{
	size_t n = strlen(text), got = 0;
	char buf[256];

	if (send(from, text, n, MSG_NOSIGNAL) != (ssize_t)n)
		return false;
	while (got < n) {
		ssize_t r = recv(to, buf + got, n - got, 0);

		if (r <= 0)
			return false;
		got += r;
	}
	return !memcmp(buf, text, n);
}

/* The error a socket meets, for at most so many milliseconds; 0 for none. */
static inline int error_within(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = 0 };
	socklen_t len = sizeof(int);
	int err = 0;

	if (poll(&p, 1, ms) <= 0)
		return 0;
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len);
	return err ?: (p.revents & (POLLHUP | POLLERR)) ? EPIPE : 0;
}

#endif /* KPC_TEST_SITE_H */
