/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * For applications: connections that the agent hands over, and who is at their
 * far end.
 *
 * The agent does the handshake and gives the application the socket, with one
 * message that says whose it is. That message is the ABI of kpc_app(3); a program
 * in another language reads it without this library.
 */
#ifndef KPC_APP_H
#define KPC_APP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <kpc/error.h>
#include <kpc/nl.h>

/* Octets of a message at most, and the version that its first line has. */
#define KPC_APP_MESSAGE_MAX	2048
#define KPC_APP_VERSION		1

/**
 * enum kpc_app_socket - what is handed over
 * @KPC_APP_TLS: the connection's own socket, whose records the kernel carries:
 *	it ends with kpc_recv()'s and kpc_send()'s care, not with read()'s
 * @KPC_APP_PAIR: one end of a socket pair of which the agent has the other: for
 *	programs that only read() and write()
 */
enum kpc_app_socket {
	KPC_APP_TLS,
	KPC_APP_PAIR,
};

/* What kpc_app_receive() takes beside a KPC_APP_TLS that the module has bound. */
#define KPC_APP_TAKE_PAIR	0x1
#define KPC_APP_TAKE_UNBOUND	0x2

/**
 * struct kpc_app - a connection that was handed over
 * @fd: the socket; it waits, until its owner sets O_NONBLOCK
 * @socket: what it is
 * @identity: whose; of KPC_APP_TLS as the module tells it, else as the agent did,
 *	and then without what only the module knows
 * @broken: negative errno of what ended it; 0 so far
 * @ended: the far end has sent all
 * @closed: this end has said so
 * @late: errno that came to light behind data, which is given first
 * @records: sent under the key
 * @control: the record under way that is not data, its first octets
 * @control_length: octets of it
 */
struct kpc_app {
	int fd;
	enum kpc_app_socket socket;
	struct kpc_binding identity;
	/* The library's own. */
	int broken;
	int late;
	bool ended;
	bool closed;
	uint64_t records;
	uint8_t control[8];
	size_t control_length;
};

/**
 * kpc_app_message_format() - write the message that goes with a socket
 * @message: KPC_APP_MESSAGE_MAX octets; ends with NUL, which is not sent
 * @socket: what is handed over
 * @identity: association, KpcId, both identities, role, version, suite; mark,
 *	remote, id and records where they are not 0
 *
 * Return: octets of @message, or -EINVAL where a member needed is missing.
 */
ssize_t kpc_app_message_format(char *message, enum kpc_app_socket socket,
			       const struct kpc_binding *identity);

/**
 * kpc_app_message_refuse() - write the message that comes in place of a socket
 * @message: KPC_APP_MESSAGE_MAX octets
 * @text: one sentence
 *
 * Return: octets of @message.
 */
size_t kpc_app_message_refuse(char *message, const char *text);

/**
 * kpc_app_message_parse() - read a message
 * @message: what came
 * @length: octets of it
 * @socket: what is handed over
 * @identity: whose it is; what was not told is 0
 * @err: what is wrong, or what the agent said in place of a socket
 *
 * Words that this version does not know are passed over.
 *
 * Return: 0; -ECONNREFUSED: the agent has no socket to give; -EPROTO: it is none
 * of these messages; -EPROTONOSUPPORT: it is of another version.
 */
int kpc_app_message_parse(const void *message, size_t length, enum kpc_app_socket *socket,
			  struct kpc_binding *identity, struct kpc_error *err);

/**
 * kpc_app_listen() - role b: a socket at which the agent hands over
 * @path: absolute, that of ``plain hand-over:`` or ``plain pair:``; a socket there at
 *	which nobody listens any more is replaced, and nothing else is
 * @err: reason of a refusal, or NULL
 *
 * Every user may connect there, for the agent has no right to pass permissions
 * over; kpc_app_accept() refuses who is neither root nor this user.
 *
 * Return: a listening socket, SOCK_SEQPACKET, close-on-exec; -EEXIST: what is there is
 * no socket; -EADDRINUSE: somebody listens there; another negative errno.
 */
int kpc_app_listen(const char *path, struct kpc_error *err);

/**
 * kpc_app_accept() - role b: wait for a connection to be handed over
 * @listener: of kpc_app_listen(), or of whoever started this program
 * @take: KPC_APP_TAKE_..., or 0
 * @app: filled in
 * @err: reason of a refusal, or NULL
 *
 * A refusal is of one connection, not of the listener, and any local user can cause
 * one: a server goes on to the next.
 *
 * Once somebody is there this waits for the message, even where @listener does not
 * wait, at most 5 s. A listener of somebody else's has had SO_PASSCRED since before it
 * was connected to (PassCredentials= of a unit of systemd), or a socket pair's sender
 * cannot be told; that of kpc_app_listen() has. A program that does not wait accepts
 * by itself and calls kpc_app_receive() when poll(2) says that something is there.
 *
 * Return: 0; -EAGAIN: @listener does not wait and nobody is there; -ETIMEDOUT: who
 * came said nothing; what kpc_app_receive() gives; another negative errno of accept(2).
 */
int kpc_app_accept(int listener, unsigned int take, struct kpc_app *app,
		   struct kpc_error *err);

/**
 * kpc_app_connect() - role a: have the agent reach IdB, and get the connection
 * @path: that of ``plain hand-over:``
 * @take: KPC_APP_TAKE_..., or 0
 * @app: filled in
 * @err: reason of a refusal, or NULL
 *
 * Before it sends anything a program compares @app->identity.association, or id_b,
 * with what it wants: a worker of the agent that was taken over could answer with
 * another connection, genuine as it is, and what is vouched for is whose it is.
 *
 * Waits for the handshake, at most for ``handshake-time``. A program that does
 * not wait connects by itself and calls kpc_app_receive() when poll(2) says that
 * something is there.
 *
 * Return: 0; what kpc_app_receive() gives; another negative errno of connect(2).
 */
int kpc_app_connect(const char *path, unsigned int take, struct kpc_app *app,
		    struct kpc_error *err);

/**
 * kpc_app_receive() - take the message and its socket from the agent
 * @from: connected SOCK_SEQPACKET socket; not closed. Where a pair is taken it
 *	has had SO_PASSCRED since before it was accepted, as kpc_app_accept() does it.
 * @take: KPC_APP_TAKE_PAIR: a socket pair will do; KPC_APP_TAKE_UNBOUND: also a
 *	KPC_APP_TLS of an agent without the module (``kpcd --table``), of which nobody
 *	but the agent says whose it is
 * @app: filled in
 * @err: reason of a refusal, or NULL
 *
 * The other end must be root's or this user's. Of a KPC_APP_TLS the module is
 * asked, and has to say what the message says, and that the kernel carries the
 * records: what is sent on it is never in the clear. Of a pair it knows nothing: the
 * message must be root's or this user's own, not that of a worker of the agent.
 *
 * Return: 0; -EPERM: not from the agent, or not the socket it is said to be;
 * -ECONNREFUSED: the agent has none to give, @err has its sentence; -EOPNOTSUPP:
 * of a kind that @take leaves out; -EPROTO, -EPROTONOSUPPORT: the message;
 * another negative errno of recvmsg(2).
 */
int kpc_app_receive(int from, unsigned int take, struct kpc_app *app,
		    struct kpc_error *err);

/**
 * kpc_peer() - whose connection is this
 * @fd: TCP socket of this process, bound by an agent of this network namespace
 * @binding: the module's answer
 * @err: reason of a refusal, or NULL
 *
 * Needs no right but to hold @fd.
 *
 * Return: 0; -ENOENT: no binding, or no module; another negative errno.
 */
int kpc_peer(int fd, struct kpc_binding *binding, struct kpc_error *err);

/**
 * kpc_recv() - receive from the far entity
 * @app: connection
 * @buffer: where to
 * @size: at most so many octets, at least 1
 * @err: why it ended, or NULL
 *
 * Return: octets; 0: the far end has sent all and said so, once and at every
 * further call; -EAGAIN: it does not wait, and nothing is there; -EINTR. Another
 * negative errno has ended it, and comes again: -ECONNRESET: cut off, what came
 * may not be all; -EKEYEXPIRED: the far end wants new keys, which a socket without
 * its agent cannot have, or a limit is reached; -ECONNABORTED: revoked; -EPROTO: the
 * far end ended it with an alert, or is against the protocol.
 * Of a pair, being cut off looks like the end: its agent's log tells of it.
 */
ssize_t kpc_recv(struct kpc_app *app, void *buffer, size_t size, struct kpc_error *err);

/**
 * kpc_send() - send to the far entity
 * @app: connection
 * @octets: what
 * @length: how much
 * @err: why not, or NULL
 *
 * Return: octets taken, which may be fewer; -EAGAIN; -EINTR; -EPIPE after
 * kpc_app_shutdown(); -EKEYEXPIRED: the key has protected all the records it may,
 * what was sent before arrives and the far end is told that it was all; what has
 * ended the connection as kpc_recv() gives it.
 */
ssize_t kpc_send(struct kpc_app *app, const void *octets, size_t length,
		 struct kpc_error *err);

/**
 * kpc_app_shutdown() - tell the far end that all is sent; receiving goes on
 * @app: connection
 * @err: why not, or NULL
 *
 * Where @app->fd waits, TCP has all that was sent when this returns.
 *
 * Return: 0, -EAGAIN (to be tried again when it can be written), other negative
 * errno.
 */
int kpc_app_shutdown(struct kpc_app *app, struct kpc_error *err);

/**
 * kpc_app_close() - end it in order, and close the socket
 * @app: connection
 * @err: what may not have arrived, or NULL
 *
 * Does kpc_app_shutdown() first, where that was not done. What was not received
 * yet is thrown away, and the far end then told so by a reset.
 *
 * Return: 0; what kpc_app_shutdown() or, before, a loss gave; @app is closed in
 * any case.
 */
int kpc_app_close(struct kpc_app *app, struct kpc_error *err);

/**
 * kpc_app_abort() - close it so that it is no end in order
 * @app: connection
 *
 * The far end of a KPC_APP_TLS gets a reset. A KPC_APP_PAIR has no such end: its
 * agent takes it for one in order, and sends close_notify, unless something was left
 * unread.
 */
void kpc_app_abort(struct kpc_app *app);

#endif
