/* SPDX-License-Identifier: MIT */
/*
 * A TCP connection, plain or with TLS, as octets in and octets out.
 */
#ifndef KPCPERF_CHANNEL_H
#define KPCPERF_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <kpc/association.h>
#include <kpc/error.h>
#include <kpc/handshake.h>
#include <kpc/records.h>

struct site;

/**
 * enum carrier - who makes the records
 * @CARRIER_PLAIN: nobody, there is no TLS
 * @CARRIER_KERNEL: kernel TLS
 * @CARRIER_USER: OpenSSL in this process
 */
enum carrier {
	CARRIER_PLAIN,
	CARRIER_KERNEL,
	CARRIER_USER,
};

/** carrier_name() - "plain", "kernel", "user" */
const char *carrier_name(enum carrier carrier);

/* System calls that move octets before others have their turn. */
#define CHANNEL_TURNS	16

/* A control record is read whole, however few octets are wanted. */
#define CHANNEL_KEEP	64

/**
 * struct channel - one connection
 * @fd: its socket, which does not block; -1: none
 * @carrier: who makes the records
 * @want: EPOLLIN, EPOLLOUT: what a call that gave -EAGAIN waits for; calls add
 *	to it, whoever waits clears it
 * @turns: calls left before they give -EAGAIN although there is more
 * @version: of TLS, after the handshake
 * @suite: likewise
 * @association: whose key was proved; it is the site's
 * @site: keys and associations
 * @handshake: while it lasts
 * @records: carrier user, afterwards
 * @sent: carrier kernel, records
 * @kept: carrier kernel, octets of @keep that are received and not given yet
 * @keep: those
 * @closing: close_notify is sent or queued
 * @shut: own direction has ended
 * @ended: the peer's direction has ended in order
 * @err: why a call failed
 */
struct channel {
	int fd;
	enum carrier carrier;
	uint32_t want;
	unsigned int turns;
	uint16_t version;
	uint16_t suite;
	const struct kpc_association *association;
	const struct site *site;
	struct kpc_handshake *handshake;
	struct kpc_records *records;
	uint64_t sent;
	size_t kept;
	uint8_t keep[CHANNEL_KEEP];
	bool closing;
	bool shut;
	bool ended;
	struct kpc_error *err;
};

/* Every call: 0 or more, -EAGAIN, or another errno with a sentence in @err. */

/**
 * channel_begin() - the TCP connection is there: TLS may begin
 * @channel: with @fd, @carrier and @site; the rest zero
 * @context: of the own role; NULL without TLS
 */
int channel_begin(struct channel *channel,
		  struct kpc_handshake_context *context);

/** channel_handshake() - 0 when it is done and the carrier has the keys */
int channel_handshake(struct channel *channel);

/** channel_send() - octets taken */
ssize_t channel_send(struct channel *channel, const void *octets, size_t len);

/** channel_flush() - 0 when all that was taken has gone to the socket */
int channel_flush(struct channel *channel);

/** channel_receive() - octets; 0: the peer has ended its direction in order */
ssize_t channel_receive(struct channel *channel, void *buf, size_t len);

/**
 * channel_finish() - end the own direction behind all that was sent; 0: done
 *
 * What was sent is on its way then, but closing may still lose some of what the
 * kernel's TLS holds: whoever has sent waits for the peer's end first.
 */
int channel_finish(struct channel *channel);

/** channel_hung_up() - both directions have ended: 0 when the peer has closed it */
int channel_hung_up(struct channel *channel);

/** channel_close() - close and free whatever there is */
void channel_close(struct channel *channel);

#endif
