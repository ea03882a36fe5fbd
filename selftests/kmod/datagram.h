/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Flows between UDP sockets of the two sites, as an agent with DTLS makes them.
 * The module reads of a record what kind it is, so nothing here is encrypted.
 */
#ifndef KPC_TEST_DATAGRAM_H
#define KPC_TEST_DATAGRAM_H

#include "pair.h"

#define DTLS12		0xfefd
#define CCM_8		0xc0a8

#define DTLS_CHANGE_CIPHER	20
#define DTLS_ALERT		21
#define DTLS_HANDSHAKE		22
#define DTLS_DATA		23

#define PORT_A	40001
#define HEAD	13		/* octets of a record's header */

/* An IPv4 or IPv6 end. */
struct end {
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	};
	socklen_t len;
};

static inline struct end end_at(const char *address, uint16_t port)
{
	struct end e = { .in = { .sin_family = AF_INET,
				 .sin_port = htons(port) },
			 .len = sizeof(e.in) };

	if (inet_pton(AF_INET, address, &e.in.sin_addr) == 1)
		return e;
	e.in6 = (struct sockaddr_in6){ .sin6_family = AF_INET6,
				       .sin6_port = htons(port) };
	inet_pton(AF_INET6, address, &e.in6.sin6_addr);
	e.len = sizeof(e.in6);
	return e;
}

/* A socket of the site that one is at. */
static inline int udp_socket(const char *address, uint16_t port)
{
	struct end e = end_at(address, port);
	int one = 1, fd;

	fd = socket(e.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (!bind(fd, &e.any, e.len))
		return fd;
	close(fd);
	return -errno;
}

/* Records of one kind in one datagram; its length. */
static inline size_t record(uint8_t *out, uint8_t type, size_t payload)
{
	memset(out, 0, HEAD + payload);
	out[0] = type;
	out[1] = 0xfe;
	out[2] = 0xfd;
	out[4] = type == DTLS_DATA;
	out[11] = payload >> 8;
	out[12] = payload;
	return HEAD + payload;
}

/* Sends one record; 0 or a negative errno. */
static inline int udp_send(int fd, const struct end *to, uint8_t type,
			   size_t payload)
{
	static uint8_t octets[65536];
	size_t len = record(octets, type, payload);

	return sendto(fd, octets, len, MSG_DONTWAIT, to ? &to->any : NULL,
		      to ? to->len : 0) == (ssize_t)len ? 0 : -errno;
}

static inline bool udp_waits(int fd, int ms)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };

	return poll(&pollfd, 1, ms) == 1;
}

/* What kind of record came; 0 for none within some seconds. */
static inline int udp_got(int fd)
{
	static uint8_t octets[65536];

	if (!udp_waits(fd, 5000))
		return 0;
	return recv(fd, octets, sizeof(octets), MSG_DONTWAIT) > 0 ? octets[0] : 0;
}

/* Whether nothing comes for a while. */
static inline bool udp_silent(int fd)
{
	return !udp_waits(fd, 300);
}

static inline void flow_put(struct nl *nl, const char *local,
			    const char *remote, uint16_t port)
{
	struct end l = end_at(local, 0), r = end_at(remote, port);
	bool is4 = l.any.sa_family == AF_INET;

	nl_u16(nl, KPC_A_BINDING_FAMILY, l.any.sa_family);
	nl_put(nl, KPC_A_BINDING_LOCAL_ADDRESS, is4 ?
	       (void *)&l.in.sin_addr : (void *)&l.in6.sin6_addr, is4 ? 4 : 16);
	nl_put(nl, KPC_A_BINDING_REMOTE_ADDRESS, is4 ?
	       (void *)&r.in.sin_addr : (void *)&r.in6.sin6_addr, is4 ? 4 : 16);
	nl_u16(nl, KPC_A_BINDING_REMOTE_PORT, port);
}

static inline void flow_req(struct nl *nl, int fd, const char *association,
			    const char *local, const char *remote, uint16_t port)
{
	binding_req(nl, fd, association, DTLS12, CCM_8, NULL);
	nl_u8(nl, KPC_A_BINDING_CARRIER, KPC_CARRIER_AGENT);
	if (local)
		flow_put(nl, local, remote, port);
}

/* Binds a flow; with @local NULL, that of a connected socket. */
static inline int flow_new(struct nl *nl, int fd, const char *association,
			   const char *local, const char *remote, uint16_t port)
{
	flow_req(nl, fd, association, local, remote, port);
	return nl_talk(nl);
}

#define ASSOC_UDP(assoc)						\
	{ assoc.protocol = IPPROTO_UDP;					\
	  assoc.versions = KPC_VERSION_FLAGS_DTLS12;			\
	  assoc.offload = KPC_OFFLOAD_OFF; }

/* A socket at a, for one peer, and one at b, for all; and what they are for. */
struct flow {
	struct nl a, b, ev_a, ev_b;
	struct pair p;
	struct end at_a, at_b;
	int fd_a, fd_b;
	uint64_t id_a, id_b;
	uint32_t mark_a, mark_b;
};

static inline int flow_sites_up(struct flow *f)
{
	int err = pair_sites_up(&f->p, &f->a, &f->b, &f->ev_a, &f->ev_b);

	f->fd_a = -1;
	f->fd_b = -1;
	return err;
}

static inline void flow_sites_down(struct flow *f)
{
	close(f->fd_a);
	close(f->fd_b);
	pair_sites_down(&f->p, &f->ev_a, &f->ev_b);
}

/* The associations, as @a and @b say. */
static inline int flow_associate(struct flow *f, const struct assoc *a,
				 const struct assoc *b)
{
	int err = assoc_new(&f->a, a);

	if (err)
		return err;
	f->mark_a = nl_get(&f->a, KPC_A_ASSOCIATION_MARK);
	err = assoc_new(&f->b, b);
	if (!err)
		f->mark_b = nl_get(&f->b, KPC_A_ASSOCIATION_MARK);
	return err;
}

static inline int flow_open(struct flow *f, const char *address_a,
			    const char *address_b)
{
	int err = site_enter('b');

	if (err)
		return err;
	f->at_a = end_at(address_a, PORT_A);
	f->at_b = end_at(address_b, PORT);
	f->fd_b = udp_socket(address_b, PORT);
	err = f->fd_b < 0 ? f->fd_b : handshake_new(&f->b, f->fd_b, NULL);
	if (err)
		return err;
	err = site_enter('a');
	f->fd_a = udp_socket(address_a, PORT_A);
	if (f->fd_a < 0)
		return f->fd_a;
	return err ?: handshake_new(&f->a, f->fd_a, "to-b");
}

static inline int flow_bind(struct flow *f, const char *address_a,
			    const char *address_b)
{
	int err = flow_new(&f->a, f->fd_a, "to-b", address_a, address_b, PORT);

	if (err)
		return err;
	f->id_a = nl_get(&f->a, KPC_A_BINDING_ID);
	err = flow_new(&f->b, f->fd_b, "from-a", address_b, address_a, PORT_A);
	if (!err)
		f->id_b = nl_get(&f->b, KPC_A_BINDING_ID);
	return err;
}

/* Two associations of IPv4, both sockets, and the flow bound at both ends. */
static inline int flow_up(struct flow *f)
{
	struct assoc a = ASSOC_A("to-b"), b = ASSOC_B("from-a");

	ASSOC_UDP(a);
	ASSOC_UDP(b);
	return flow_associate(f, &a, &b) ?: flow_open(f, ADDR_A, ADDR_B) ?:
	       flow_bind(f, ADDR_A, ADDR_B);
}

/* Whether application data of a reaches b, and that of b a. */
static inline bool flow_crosses(struct flow *f)
{
	return !udp_send(f->fd_a, &f->at_b, DTLS_DATA, 100) &&
	       udp_got(f->fd_b) == DTLS_DATA &&
	       !udp_send(f->fd_b, &f->at_a, DTLS_DATA, 100) &&
	       udp_got(f->fd_a) == DTLS_DATA;
}

static inline uint64_t binding_says(struct nl *nl, uint64_t id, int attr)
{
	nl_req(nl, KPC_CMD_BINDING_GET);
	nl_u64(nl, KPC_A_BINDING_ID, id);
	return nl_talk(nl) ? 0 : nl_get(nl, attr);
}

#endif /* KPC_TEST_DATAGRAM_H */
