// SPDX-License-Identifier: MIT
/*
 * The two carriers of records behind one interface. The kernel hands over
 * plaintext with a record type; the agent gives octets to OpenSSL and takes
 * plaintext out.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <kpc/ktls.h>
#include <openssl/ssl.h>

#include "connection.h"

static enum carrier_event broken(struct kpc_error *err, const char *text)
{
	kpc_error_set(err, "%s", text);
	return CARRIER_BROKEN;
}

/*
 * Of a send that was cut short the kernel's TLS may hold the beginning of a
 * record, which it closes before it takes a control record. Where TCP has no room
 * for the one it forgets the type of the other and sends it as data: better no
 * alert than that.
 */
static int kernel_alert(struct connection *c, uint8_t alert)
{
	return c->out.cut ? -EAGAIN : kpc_ktls_alert_send(c->tls.fd, alert);
}

/*
 * A control record. Its sender may still be told by an alert, but only before
 * anything further is received.
 */
static enum carrier_event kernel_control(struct connection *c,
					 const struct buffer *buffer,
					 uint8_t type, struct kpc_error *err)
{
	int detail;

	switch (kpc_control_parse(c->version, type, buffer->data,
				  buffer->length, &detail)) {
	case KPC_CONTROL_IGNORE:
		return CARRIER_DATA;
	case KPC_CONTROL_CLOSE_NOTIFY:
		return CARRIER_END;
	case KPC_CONTROL_ALERT:
		kpc_error_set(err, "the far end ended it with alert %s",
			      kpc_alert_name(detail));
		return CARRIER_BROKEN;
	case KPC_CONTROL_KEY_UPDATE:
		if (!rekey_received(c, detail, err))
			return CARRIER_DATA;
		kernel_alert(c, KPC_ALERT_UNEXPECTED_MESSAGE);
		return CARRIER_BROKEN;
	case KPC_CONTROL_RENEGOTIATE:
		if (!c->refused_renegotiation &&
		    !kernel_alert(c, KPC_ALERT_NO_RENEGOTIATION)) {
			c->refused_renegotiation = 1;
			return CARRIER_DATA;
		}
		return broken(err, "the far end wants to renegotiate");
	case KPC_CONTROL_UNEXPECTED:
		break;
	}
	kernel_alert(c, KPC_ALERT_UNEXPECTED_MESSAGE);
	kpc_error_set(err, "the far end sent a record of type %u that has no place here",
		      type);
	return CARRIER_BROKEN;
}

static enum carrier_event kernel_receive(struct connection *c,
					 struct buffer *buffer, uint8_t type,
					 struct kpc_error *err)
{
	enum carrier_event event = CARRIER_DATA;

	if (type == KPC_RECORD_DATA && buffer->length) {
		c->in.octets += buffer->length;
		stream_append(&c->in.stream, buffer);
		return event;
	}
	if (type != KPC_RECORD_DATA)
		event = kernel_control(c, buffer, type, err);
	buffer_put(&c->worker->pool, buffer);
	return event;
}

/*
 * Whatever OpenSSL has to say: data, close_notify, alerts, KeyUpdates; or what it
 * answers to something that came.
 */
static int agent_drain(struct connection *c, bool answer)
{
	struct buffer *buffer;
	const void *octets;
	size_t length;

	for (;;) {
		octets = kpc_records_output(c->records, &length);
		if (!length)
			return 0;
		if (length > BUFFER_STRIDE)
			length = BUFFER_STRIDE;
		buffer = buffer_get(&c->worker->pool);
		if (!buffer)
			return -ENOMEM;
		memcpy(buffer->data, octets, length);
		buffer->length = length;
		buffer->answer = answer;
		kpc_records_output_sent(c->records, length);
		stream_append(&c->out.stream, buffer);
	}
}

int carrier_rekey(struct connection *c)
{
	int ret = kpc_records_key_update(c->records);

	c->rekey.late = 0;
	return ret == -EPIPE ? 0 : ret ?: agent_drain(c, false);
}

/*
 * In time before a key has protected all it may: TLS 1.3 has new keys, and TLS
 * 1.2 goes on to the limit, which ends it. Where it is due anyway it goes now.
 */
static int agent_rekey(struct connection *c, bool due)
{
	if (c->version != TLS1_3_VERSION || !(due || kpc_records_worn(c->records)))
		return 0;
	return carrier_rekey(c);
}

static enum carrier_event agent_read(struct connection *c,
				     struct kpc_error *err)
{
	struct buffer *buffer, *fresh = NULL;
	size_t end;
	ssize_t got;

	do {
		/*
		 * Records of few octets share a buffer, or one receive of them
		 * would take hundreds. What is being sent of it stays as it is.
		 */
		buffer = c->in.stream.last;
		if (!buffer || buffer->start + buffer->length == BUFFER_OCTETS) {
			fresh = buffer_get(&c->worker->pool);
			buffer = fresh;
		}
		if (!buffer)
			return broken(err, "no memory for data");
		end = buffer->start + buffer->length;
		got = kpc_records_read(c->records, buffer->data + end,
				       BUFFER_OCTETS - end);
		if (got <= 0)
			break;
		buffer->length += got;
		c->in.octets += got;
		if (fresh)
			stream_append(&c->in.stream, fresh);
		fresh = NULL;
	} while (true);
	buffer_put(&c->worker->pool, fresh);
	if (got == 0)
		return CARRIER_END;
	if (got == -EAGAIN)
		return CARRIER_DATA;
	kpc_error_set(err, "%s", kpc_records_error(c->records));
	return got == -EKEYEXPIRED ? CARRIER_WORN : CARRIER_BROKEN;
}

static enum carrier_event agent_receive(struct connection *c,
					struct buffer *buffer,
					struct kpc_error *err)
{
	enum carrier_event event = CARRIER_DATA;
	size_t at = 0;
	ssize_t taken;

	while (at < buffer->length && event == CARRIER_DATA) {
		taken = kpc_records_input(c->records, buffer->data + at,
					  buffer->length - at);
		if (taken < 0 && taken != -EAGAIN) {
			event = broken(err, strerror(-taken));
			break;
		}
		at += taken > 0 ? taken : 0;
		event = agent_read(c, err);
	}
	buffer_put(&c->worker->pool, buffer);
	if (agent_drain(c, true) || agent_rekey(c, false))
		return broken(err, "no memory for data");
	return event;
}

enum carrier_event carrier_receive(struct connection *c, struct buffer *buffer,
				   uint8_t type, struct kpc_error *err)
{
	if (c->carrier == KPC_CARRIER_KERNEL)
		return kernel_receive(c, buffer, type, err);
	return agent_receive(c, buffer, err);
}

int carrier_wrap(struct connection *c, struct buffer *buffer)
{
	size_t at = 0;
	ssize_t taken;
	int ret = 0;

	c->out.octets += buffer->length;
	if (c->carrier == KPC_CARRIER_KERNEL) {
		stream_append(&c->out.stream, buffer);
		return 0;
	}
	while (at < buffer->length && !ret) {
		taken = kpc_records_write(c->records, buffer->data + at,
					  buffer->length - at);
		if (taken < 0 && taken != -EAGAIN) {
			ret = taken;
			break;
		}
		at += taken > 0 ? taken : 0;
		ret = agent_drain(c, false) ?: agent_rekey(c, c->rekey.late);
	}
	explicit_bzero(buffer->data, buffer->length);
	buffer_put(&c->worker->pool, buffer);
	return ret;
}

static struct transfer *control(struct connection *c, uint8_t type,
				const void *octets, size_t length)
{
	struct transfer *t = transfer_get(c->worker);

	if (!t)
		return NULL;
	t->parts[0].iov_base = (void *)octets;
	t->parts[0].iov_len = length;
	t->msg.msg_iovlen = 1;
	kpc_ktls_cmsg_set(&t->msg, t->control, type);
	return t;
}

struct transfer *carrier_alert(struct connection *c)
{
	static const uint8_t internal_error[] = { KPC_ALERT_FATAL, KPC_ALERT_INTERNAL_ERROR };

	if (c->carrier == KPC_CARRIER_AGENT)
		return NULL;
	return control(c, KPC_RECORD_ALERT, internal_error,
		       sizeof(internal_error));
}

struct transfer *carrier_key_update(struct connection *c, bool ask)
{
	static const uint8_t key_update[][5] = {
		{ 24, 0, 0, 1, 0 },
		{ 24, 0, 0, 1, 1 },
	};

	return control(c, KPC_RECORD_HANDSHAKE, key_update[ask],
		       sizeof(key_update[ask]));
}

int carrier_close(struct connection *c, struct transfer **transfer)
{
	static const uint8_t close_notify[] = { KPC_ALERT_WARNING, KPC_ALERT_CLOSE_NOTIFY };
	int ret;

	*transfer = NULL;
	if (c->carrier == KPC_CARRIER_AGENT) {
		ret = kpc_records_close(c->records);
		return ret ? ret : agent_drain(c, false);
	}
	*transfer = control(c, KPC_RECORD_ALERT, close_notify,
			    sizeof(close_notify));
	return *transfer ? 0 : -ENOMEM;
}

/*
 * The kernel does not say when a key is worn, and counting is a system call in
 * each direction. No record has less than one octet, so none is asked for before
 * as many octets have moved as records are left.
 */
enum carrier_wear carrier_wear(struct connection *c)
{
	uint64_t moved = c->out.octets + c->in.octets, sent, received, most;
	uint64_t last = KPC_RECORDS_LAST(c->records_max);
	uint64_t worn = rekey_can(c) ? KPC_RECORDS_WORN(c->records_max) : last;
	uint64_t ask = rekey_can(c) ? KPC_RECORDS_ASK(c->records_max) : last;

	if (c->carrier != KPC_CARRIER_KERNEL || !last || moved < c->look)
		return CARRIER_SOUND;
	if (kpc_ktls_records(c->tls.fd, KPC_KTLS_TX, c->suite, &sent) ||
	    kpc_ktls_records(c->tls.fd, KPC_KTLS_RX, c->suite, &received))
		return CARRIER_SOUND;
	most = sent > received ? sent : received;
	c->look = moved + (most < worn ? worn - most :
			   most < ask ? ask - most :
			   most < last ? last - most : 1);
	if (most >= last)
		return CARRIER_SPENT;
	/* Once it was asked the far end has time until the last one. */
	return sent >= worn || (received >= ask && !rekey_asked(c) &&
				!rekey_receiving(c)) ?
		CARRIER_AGED : CARRIER_SOUND;
}

const char *carrier_error(int error)
{
	static const struct {
		int error;
		const char *text;
	} known[] = {
		{ 0, "the far end hung up without close_notify" },
		{ -ECONNRESET, "the connection was reset" },
		{ -ECONNABORTED, "the connection was ended by the kernel" },
		{ -EPIPE, "the far end takes nothing more" },
		{ -ETIMEDOUT, "the far end has not answered for too long" },
		{ -EBADMSG, "a record was not authentic" },
		{ -EMSGSIZE, "a record was too long" },
		{ -EINVAL, "a record was malformed" },
		{ -EKEYEXPIRED, "a limit of the association or of its keys is reached" },
		{ -EHOSTUNREACH, "the far end cannot be reached" },
	};
	unsigned int i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].error == error)
			return known[i].text;
	return strerror(-error);
}
