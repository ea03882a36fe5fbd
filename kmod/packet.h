/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One packet, as the judges of packets see it.
 */
#ifndef KPC_PACKET_H
#define KPC_PACKET_H

#include <linux/types.h>

#include "selector.h"

struct kpc_net;
struct kpc_sock;
struct kpc_table;
struct nf_hook_state;
struct sk_buff;
struct sock;

/**
 * struct packet - what the judges need of one packet
 * @kn: namespace
 * @table: endpoints
 * @skb: the packet
 * @state: of the hook
 * @flow: its ends, if it is TCP, or UDP that is looked at
 * @protocol: behind the extension headers
 * @out: at LOCAL_OUT
 * @managed: has a managed mark, at LOCAL_OUT
 * @routed: goes to another address than its header says first
 * @tcp: has a whole TCP header
 * @payload: carries payload
 * @rst: has the flag RST
 * @open: has the flag SYN without ACK
 * @answer: has the flags SYN and ACK
 * @cut: what is behind its extension headers is not known
 * @later: a fragment of IPv6, and not the first
 * @data: offset of the payload, if it has a whole UDP header; else 0
 */
struct packet {
	struct kpc_net *kn;
	const struct kpc_table *table;
	struct sk_buff *skb;
	const struct nf_hook_state *state;
	struct kpc_flow flow;
	u8 protocol;
	bool out;
	bool managed;
	bool routed;
	bool tcp;
	bool payload;
	bool rst;
	bool open;
	bool answer;
	bool cut;
	bool later;
	unsigned int data;
};

unsigned int kpc_judge(const struct packet *p);
unsigned int kpc_drop(const struct packet *p, int err);
unsigned int kpc_violate(const struct packet *p, const struct sock *sk,
			 const struct kpc_sock *ks, u8 kind);
unsigned int kpc_end(const struct packet *p, struct kpc_sock *ks,
		     unsigned int state, u8 reason, u8 kind);

unsigned int kpc_judge_flow_out(const struct packet *p, struct kpc_sock *via);
unsigned int kpc_judge_flow_in(const struct packet *p, bool is_protected);

#endif /* KPC_PACKET_H */
