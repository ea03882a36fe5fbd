/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel as carrier of records: keys into a socket, control records. */
#ifndef KPC_KTLS_H
#define KPC_KTLS_H

#include <linux/tls.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <kpc/error.h>
#include <kpc/secrets.h>

/* For headers that lack them. */
#ifndef SOL_TLS
#define SOL_TLS			282
#endif
#ifndef TLS_RX_EXPECT_NO_PAD
#define TLS_RX_EXPECT_NO_PAD	4
#endif

#define KPC_RECORD_CHANGE_CIPHER	20
#define KPC_RECORD_ALERT	21
#define KPC_RECORD_HANDSHAKE	22
#define KPC_RECORD_DATA		23

#define KPC_ALERT_CLOSE_NOTIFY		0
#define KPC_ALERT_UNEXPECTED_MESSAGE	10
#define KPC_ALERT_INTERNAL_ERROR	80
#define KPC_ALERT_USER_CANCELED		90
#define KPC_ALERT_NO_RENEGOTIATION	100

/* RFC 5246 7.2: levels of an alert. */
#define KPC_ALERT_WARNING		1
#define KPC_ALERT_FATAL			2

/* Room for the control message that carries a record's type. */
#define KPC_KTLS_CMSG_LEN	CMSG_SPACE(sizeof(unsigned char))

/**
 * enum kpc_ktls_direction - which keys
 * @KPC_KTLS_TX: sending
 * @KPC_KTLS_RX: receiving
 */
enum kpc_ktls_direction {
	KPC_KTLS_TX,
	KPC_KTLS_RX,
};

/**
 * kpc_ktls_prepare() - put the tls ULP on a connected socket, before the handshake
 * @fd: TCP socket, ESTABLISHED
 *
 * Late is too late: with a FIN already received the kernel refuses it.
 *
 * Return: 0 (also where it is there already), -ENOENT (the module tls is not
 * loaded and may not be loaded by the caller), other negative errno.
 */
int kpc_ktls_prepare(int fd);

/**
 * kpc_ktls_probe() - has this kernel TLS
 *
 * Asks on a socket that is not connected, which is refused for just that where
 * the protocol is there, in any network namespace. The kernel loads it where the
 * caller has CAP_NET_ADMIN.
 *
 * Return: 0, -ENOENT (as above), other negative errno.
 */
int kpc_ktls_probe(void);

/**
 * kpc_ktls_install() - hand the keys of both directions to the kernel
 * @fd: socket prepared before; all handshake output has been sent on it and
 *	nothing past the handshake read from it
 * @tx: keys for sending
 * @rx: keys for receiving
 * @err: which direction was refused and why, or NULL
 *
 * For TLS 1.3 also asks for reading without padding, where the kernel can.
 *
 * Return: 0; -EOPNOTSUPP: the kernel cannot carry the cipher, the socket is as it
 * was and kpc_records may go on with it; another negative errno, after which the
 * socket is of no more use.
 */
int kpc_ktls_install(int fd, const struct kpc_traffic *tx, const struct kpc_traffic *rx,
		     struct kpc_error *err);

/**
 * kpc_ktls_rekeys() - whether the kernel takes next keys (6.14 and later)
 * @fd: socket with keys of TLS 1.3 installed, which stay as they are
 *
 * Asks by keys of another version, which an old kernel refuses because there are
 * some and a new one because of the version. It counts that as TlsTxRekeyError
 * in /proc/net/tls_stat.
 */
bool kpc_ktls_rekeys(int fd);

/**
 * kpc_ktls_rekey() - next keys of one direction (kernel 6.14 and later)
 * @fd: socket with keys installed
 * @direction: which
 * @traffic: from kpc_secrets_update()
 *
 * Return: 0, -EBUSY (the kernel is too old for it), other negative errno.
 */
int kpc_ktls_rekey(int fd, enum kpc_ktls_direction direction,
		   const struct kpc_traffic *traffic);

/**
 * kpc_ktls_records() - number of the next record of one direction
 * @fd: socket with keys installed
 * @direction: which
 * @suite: IANA code of what was installed
 * @records: set; TLS 1.3 starts at 0 with each key, TLS 1.2 at 1
 *
 * Return: 0, -EINVAL (not a suite that the kernel carries), other negative errno.
 */
int kpc_ktls_records(int fd, enum kpc_ktls_direction direction, uint16_t suite,
		     uint64_t *records);

/**
 * kpc_ktls_cmsg_set() - make a message a control record
 * @msg: message to send; its msg_control is set to @buf
 * @buf: at least KPC_KTLS_CMSG_LEN octets, aligned as struct cmsghdr
 * @type: record type, KPC_RECORD_...
 */
void kpc_ktls_cmsg_set(struct msghdr *msg, void *buf, uint8_t type);

/**
 * kpc_ktls_cmsg_get() - which type of record was received
 * @msg: message after recvmsg()
 *
 * Return: the record's type; KPC_RECORD_DATA where no control message says
 * otherwise.
 */
uint8_t kpc_ktls_cmsg_get(const struct msghdr *msg);

/**
 * kpc_ktls_alert_send() - send an alert record
 * @fd: socket with keys installed
 * @alert: number; close_notify (0), user_canceled (90) and no_renegotiation
 *	(100) are sent as warnings, all others are fatal
 *
 * Return: 0, -EAGAIN (queue it behind the data and try again), other negative
 * errno.
 */
int kpc_ktls_alert_send(int fd, uint8_t alert);

/**
 * kpc_ktls_key_update_send() - send the KeyUpdate message
 * @fd: socket with keys installed
 * @request: ask the peer to update its direction too
 *
 * The caller then installs the next keys with kpc_ktls_rekey(); nothing may be
 * sent in between.
 *
 * Return: 0 or negative errno.
 */
int kpc_ktls_key_update_send(int fd, int request);

/**
 * enum kpc_control - what a record that is not data asks for
 * @KPC_CONTROL_CLOSE_NOTIFY: the peer sends nothing more; clean end
 * @KPC_CONTROL_ALERT: the peer ended it; @detail is the alert
 * @KPC_CONTROL_KEY_UPDATE: the peer's next record has new keys; @detail is 1
 *	where it asks the same of us
 * @KPC_CONTROL_IGNORE: tickets and user_canceled: nothing to do
 * @KPC_CONTROL_RENEGOTIATE: TLS 1.2 HelloRequest or ClientHello: answer with
 *	alert no_renegotiation (100), a warning after which the peer may go on,
 *	or end
 * @KPC_CONTROL_UNEXPECTED: against the protocol: alert unexpected_message (10)
 */
enum kpc_control {
	KPC_CONTROL_CLOSE_NOTIFY,
	KPC_CONTROL_ALERT,
	KPC_CONTROL_KEY_UPDATE,
	KPC_CONTROL_IGNORE,
	KPC_CONTROL_RENEGOTIATE,
	KPC_CONTROL_UNEXPECTED,
};

/**
 * kpc_control_parse() - judge a whole control record
 * @version: KPC_VERSION_TLS12 or KPC_VERSION_TLS13
 * @type: record type
 * @octets: its content
 * @len: how much
 * @detail: see enum kpc_control; 0 else
 *
 * Return: enum kpc_control.
 */
enum kpc_control kpc_control_parse(uint16_t version, uint8_t type, const void *octets,
				   size_t len, int *detail);

#endif
