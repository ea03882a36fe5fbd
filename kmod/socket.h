/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sockets that kpc knows: registered ones and bound ones.
 */
#ifndef KPC_SOCKET_H
#define KPC_SOCKET_H

#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/rhashtable-types.h>
#include <linux/workqueue.h>
#include <net/sock.h>
#include <uapi/linux/kpc.h>

#include "audit.h"
#include "net.h"
#include "selector.h"

struct kpc_association;
struct kpc_net;
struct kpc_table;
struct kpc_udp;

/**
 * enum kpc_sock_state - how far a socket is
 * @KPC_SOCK_HANDSHAKE: registered; wears the handshake mark
 * @KPC_SOCK_BINDING: changing from one mark to the other, also the first time
 * @KPC_SOCK_BOUND: tied to its association
 * @KPC_SOCK_ENDED: nothing passes but the reset that follows
 */
enum kpc_sock_state {
	KPC_SOCK_HANDSHAKE,
	KPC_SOCK_BINDING,
	KPC_SOCK_BOUND,
	KPC_SOCK_ENDED,
};

/**
 * enum kpc_fd_kind - what socket a request names by a file descriptor
 * @KPC_FD_TCP: a bound one
 * @KPC_FD_INET: to be registered or bound, of TCP or UDP
 * @KPC_FD_GENETLINK: a session's
 */
enum kpc_fd_kind {
	KPC_FD_TCP,
	KPC_FD_INET,
	KPC_FD_GENETLINK,
};

/**
 * struct kpc_keys - digests of a socket's traffic keys
 * @tx: for sending
 * @rx: for receiving
 */
struct kpc_keys {
	u8 tx[KPC_DIGEST_LEN];
	u8 rx[KPC_DIGEST_LEN];
};

/**
 * struct kpc_sock - one socket, or one flow of a UDP socket
 * @node: in the table by socket, or in that by ends of a flow
 * @sk: the socket, held
 * @kn: its namespace
 * @udp: what a registered UDP socket has besides, or NULL
 * @via: registered UDP socket that it is a flow of, held, or NULL
 * @association: bound to, or to be bound to; NULL for listeners and their
 *	children; set before @state becomes KPC_SOCK_BOUND
 * @mark: of the association, once bound
 * @old_mark: the socket's before it was registered
 * @state: enum kpc_sock_state
 * @reason: enum kpc_reason, once ended
 * @was_bound: it got as far as a binding
 * @listening: it is in kpc_net::listeners
 * @handed_over: its holder is an application; under kpc_net::lock
 * @closed: it went to TCP_CLOSE; @tx_last and @rx_last count, for the stack's
 *	own counters may be set back
 * @carrier: enum kpc_carrier
 * @clamp: window_clamp to put back at BIND, or 0
 * @version: as on the wire
 * @suite: IANA code
 * @told: KPC_TOLD_*, what it was told to come near to; the sweep's
 * @session: that bound or registered it; 0 once @handed_over
 * @rekeys: announced
 * @ended_by: who ended it, once that is so
 * @flow: ends at BIND, or of a UDP socket at its registration
 * @epoch: of a flow's records
 * @ports: both ports at BIND, as the socket has them
 * @id: of the binding, unique in the namespace
 * @octets_max: limit of both directions, U64_MAX for none
 * @tx_base: octets sent before BIND
 * @rx_base: octets received before registration, or before BIND
 * @tx_last: octets sent by a bound socket that is @closed
 * @rx_last: octets received by it
 * @tx_octets: of a flow, payload octets sent
 * @rx_octets: received
 * @tx_packets: of a flow, datagrams sent
 * @rx_packets: received
 * @budget: octets that may be sent before BIND
 * @born: ktime_get_boottime() of registration
 * @patience: seconds from registration to BIND; 0 for any
 * @lifetime: seconds that the binding may last; 0 for any
 * @idle: seconds that it may be silent; 0 for any
 * @records_max: records that a key may protect in one direction; 0 for any
 * @active: ktime_get_boottime() at which an octet was last seen to have moved
 * @moved: octets at that time; the sweep's
 * @bound_at: ktime_get_boottime() of BIND
 * @tx_records: the next one's number under the key for sending, as the sweep
 *	saw it last; of carrier kernel
 * @rx_records: the same under the key for receiving
 * @print: of @keys, once the sweep has seen them; under lock_sock()
 * @keys: in force; under lock_sock()
 * @next_keys: announced ones; under lock_sock()
 * @next: KPC_NEXT_TX and KPC_NEXT_RX, what of @next_keys was announced
 * @listen_node: in kpc_net::listeners, or of a flow in kpc_udp::flows
 * @bound_node: in kpc_association::socks, once bound
 * @ref: the table's, that of @reset or @end_node, and passing ones
 * @reset: resets it, once ended
 * @end_node: in kpc_net::ended, in place of @reset until that is tried again
 * @rcu: for freeing, once none has a reference
 */
struct kpc_sock {
	struct rhash_head node;
	struct sock *sk;
	struct kpc_net *kn;
	struct kpc_udp *udp;
	struct kpc_sock *via;
	struct kpc_association *association;
	u32 mark;
	u32 old_mark;
	unsigned int state;
	u8 reason;
	bool was_bound;
	bool listening;
	bool handed_over;
	bool closed;
	u8 carrier;
	u8 next;
	u16 version;
	u16 suite;
	u16 epoch;
	u8 told;
	u32 clamp;
	u32 session;
	u32 rekeys;
	struct kpc_actor ended_by;
	struct kpc_flow flow;
	__portpair ports;
	unsigned long id;
	u64 octets_max;
	union {
		struct {
			u64 tx_base;
			u64 rx_base;
			u64 tx_last;
			u64 rx_last;
		};
		struct {
			atomic64_t tx_octets;
			atomic64_t rx_octets;
			atomic64_t tx_packets;
			atomic64_t rx_packets;
		};
	};
	u32 budget;
	u32 lifetime;
	u32 idle;
	u32 patience;
	u32 records_max;
	ktime_t born;
	ktime_t active;
	u64 moved;
	ktime_t bound_at;
	u64 tx_records;
	u64 rx_records;
	u64 print;
	struct kpc_keys keys;
	struct kpc_keys next_keys;
	struct list_head listen_node;
	struct list_head bound_node;
	refcount_t ref;
	union {
		struct work_struct reset;
		struct list_head end_node;
		struct rcu_head rcu;
	};
};

#define KPC_NEXT_TX	BIT(0)
#define KPC_NEXT_RX	BIT(1)

#define KPC_TOLD_LIFETIME	BIT(0)
#define KPC_TOLD_OCTETS		BIT(1)
#define KPC_TOLD_TX_RECORDS	BIT(2)
#define KPC_TOLD_RX_RECORDS	BIT(3)

/* Octets that a handshake may receive: what its window holds, twice. */
#define KPC_HANDSHAKE_WINDOW	65536
#define KPC_HANDSHAKE_RECEIVED	(2 * KPC_HANDSHAKE_WINDOW)

/* How often, a millisecond apart, a request tries to lock a socket in use. */
#define KPC_LOCK_TRIES	20

/* When what could not be reset is tried again. */
#define KPC_RETRY	(HZ / 10)

/* How long the module's end waits for those that were registered last. */
#define KPC_EXIT_SETTLE	(5 * HZ)

/* How long an answer waits at most for the resets that go before it. */
#define KPC_SETTLE	(HZ / 20)

/**
 * kpc_socks_watched() - whether the hooks have work without any association
 * @kn: namespace
 *
 * Return: whether there is what was ended and not reset yet, or an open UDP
 * socket that was registered.
 */
static inline bool kpc_socks_watched(const struct kpc_net *kn)
{
	return atomic_read(&kn->n_ended) || atomic_read(&kn->n_udp);
}

int kpc_socks_init(void);
void kpc_socks_exit(void);
struct kpc_sock *kpc_sock_find(const struct sock *sk);
struct kpc_sock *kpc_sock_get(const struct sock *sk);
struct kpc_sock *kpc_sock_next(struct kpc_net *kn, unsigned long *id);
void kpc_sock_put(struct kpc_sock *ks);
struct kpc_sock *kpc_sock_add(struct kpc_net *kn, struct sock *sk,
			      struct kpc_association *association, u32 most,
			      gfp_t gfp);
struct kpc_sock *kpc_sock_add_flow(struct kpc_sock *via,
				   struct kpc_association *association,
				   const struct kpc_flow *flow);
bool kpc_sock_end(struct kpc_sock *ks, unsigned int state, u8 reason);
unsigned int kpc_socks_end(struct kpc_net *kn,
			   const struct kpc_association *association,
			   u8 reason);
void kpc_sock_remove(struct kpc_sock *ks, u8 reason);
void kpc_sock_closed(struct kpc_sock *ks);
void kpc_socks_retry(struct work_struct *work);
void kpc_refused_reset(struct work_struct *work);
void kpc_socks_settle(struct kpc_net *kn);
void kpc_socks_abandon(struct kpc_net *kn);
bool kpc_sock_trylock(struct sock *sk);
int kpc_sock_lock(struct kpc_net *kn, struct netlink_ext_ack *extack,
		  struct sock *sk);
void kpc_sock_set_mark(struct sock *sk, u32 mark);
u8 kpc_sock_changed(const struct kpc_sock *ks);
u64 kpc_sock_tx(const struct kpc_sock *ks);
u64 kpc_sock_rx(const struct kpc_sock *ks);
struct sock *kpc_sock_from_fd(struct kpc_net *kn, int fd,
			      enum kpc_fd_kind kind,
			      struct netlink_ext_ack *extack);
int kpc_handshake_new(struct kpc_net *kn, struct netlink_ext_ack *extack,
		      int fd, struct kpc_association *association, u32 session);
struct kpc_sock *kpc_handshake_add(struct kpc_net *kn,
				   struct netlink_ext_ack *extack,
				   struct sock *sk,
				   struct kpc_association *association);
bool kpc_handshake_may(const struct kpc_table *table, const struct kpc_sock *ks,
		       const struct kpc_flow *flow);
bool kpc_handshake_is_stray(const struct kpc_sock *ks);
void kpc_handshake_child(struct kpc_net *kn, struct sock *sk);
void kpc_handshake_connected(struct kpc_sock *ks);

#endif /* KPC_SOCKET_H */
