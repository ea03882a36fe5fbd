/* SPDX-License-Identifier: MIT */
/*
 * A train: datagrams of one peer that go the same way and are alike in length,
 * which the kernel takes in one call and cuts itself (UDP_SEGMENT).
 */
#ifndef KPCD_DTLS_TRAIN_H
#define KPCD_DTLS_TRAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "dtls_socket.h"

struct dtls_peer;

/* What the kernel takes at most: datagrams, and octets of one of IPv6. */
#define DTLS_TRAIN_MOST		64
#define DTLS_TRAIN_OCTETS	65000

/**
 * struct dtls_train - one
 * @peer: whose; NULL: it is empty
 * @far: it goes to the far end
 * @each: parts of a datagram: 1, or 2 with a header before it
 * @count: datagrams
 * @size: octets of each
 * @octets: of all
 * @parts: they, @each of a datagram; valid until it has been sent
 * @used: of @room
 * @room: where datagrams are sealed
 */
struct dtls_train {
	struct dtls_peer *peer;
	bool far;
	unsigned int each;
	unsigned int count;
	size_t size;
	size_t octets;
	struct iovec parts[2 * DTLS_TRAIN_MOST];
	size_t used;
	uint8_t room[65536];
};

/** dtls_train_room() - where a datagram of DTLS_OCTETS may be sealed, to be added */
uint8_t *dtls_train_room(struct dtls_train *train);

/**
 * dtls_train_add() - one more datagram
 * @train: what is in it and does not go before this one is sent first
 * @peer: whose; up
 * @far: to the far end; else to the program or backend
 * @octets: valid until dtls_train_send()
 * @len: how many
 *
 * It is sent by the next dtls_train_send() at the latest.
 */
void dtls_train_add(struct dtls_train *train, struct dtls_peer *peer, bool far,
		    const void *octets, size_t len);

/** dtls_train_send() - nothing is in it afterwards */
void dtls_train_send(struct dtls_train *train);

#endif
