// SPDX-License-Identifier: MIT
/*
 * Octets between the two legs of a connection. Each direction receives while
 * its stream has room and sends all the stream has in one call; an end in
 * order is passed on behind the last octet, and any other end as a reset.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <kpc/ktls.h>

#include "connection.h"

/* Octets of a send that a KeyUpdate waits behind. */
#define SMALL_SEND	4096
/* A half-closed connection may be silent for so long. */
#define HALF_CLOSED_MS	(300 * 1000)
/* What came before a loss may stand still so long on its way to a listener. */
#define DRAIN_MS	(30 * 1000)
/* Longer than a work of the kernel waits for its turn. */
#define SETTLE_MS	TIMER_TICK_MS
/* Answers of TLS that the far end may leave unread before it is left unread. */
#define ANSWERS_MOST	4

#define STOOD_STILL	"what was left stood still for too long"
#define WORN_OUT	"a key has protected as many records as it may"

static void relay_receive(struct connection *c, struct flow *flow);
static void relay_send(struct connection *c, struct flow *flow);

static struct leg *flow_source(struct connection *c, const struct flow *flow)
{
	return flow == &c->out ? &c->plain : &c->tls;
}

static struct leg *flow_sink(struct connection *c, const struct flow *flow)
{
	return flow == &c->out ? &c->tls : &c->plain;
}

static void relay_down(struct connection *c, enum kpc_message_event_kind kind,
		       const char *text)
{
	if (c->up)
		worker_event(c->worker, kind, c, "%s", text);
	c->up = 0;
}

static const char *local_error(int error)
{
	switch (error) {
	case -EPIPE:
	case -ECONNRESET:
		return "ended by the local program";
	case -ECONNABORTED:
		return "the local program's connection was ended by the kernel";
	case -ENOBUFS:
	case -ENOMEM:
		return "no memory for what the local program sends or is sent";
	default:
		return strerror(-error);
	}
}

/*
 * Whether the kernel holds anything for an end that is still there. One that has
 * failed takes nothing more.
 */
static bool relay_holds(const struct connection *c)
{
	return (!c->in.failed && leg_holds(&c->plain)) ||
	       (!c->out.failed && leg_holds(&c->tls));
}

/* Whether the kernel's TLS may hold records that TCP has not got yet. */
static bool relay_holds_records(const struct connection *c)
{
	return c->carrier == KPC_CARRIER_KERNEL && !c->out.failed;
}

/* Changes as the ends take what the kernel holds for them. */
static uint64_t relay_taken(const struct connection *c)
{
	return leg_taken(&c->tls) + leg_taken(&c->plain);
}

/* Nothing more is relayed: wait for what the kernel holds. */
static void settle(struct connection *c, bool cut)
{
	c->state = CONNECTION_SETTLE;
	c->cut = cut;
	c->roomy = !cut && leg_has_room(&c->tls);
	c->taken = relay_taken(c);
	c->seen = timer_now() + DRAIN_MS;
	connection_deadline(c, SETTLE_MS);
}

/*
 * Wait on, unless nothing was taken for too long. How much TCP holds is no
 * measure of that: where an end takes a little, the kernel's TLS makes up for it.
 */
static bool settle_on(struct connection *c)
{
	uint64_t taken = relay_taken(c), now = timer_now();

	if (taken != c->taken)
		c->seen = now + DRAIN_MS;
	c->taken = taken;
	if (now >= c->seen)
		return false;
	connection_deadline(c, SETTLE_MS);
	return true;
}

/*
 * Not all was in order, and all that can be sent on is sent: both ends learn of
 * it by a reset, which throws away what the sockets hold. So it waits until
 * they hold nothing for an end that is still there.
 */
static void relay_cut(struct connection *c)
{
	struct engine *engine = c->worker->engine;

	if (c->state >= CONNECTION_SETTLE)
		return;
	if (!relay_holds(c) && !relay_holds_records(c)) {
		connection_abort(c);
		return;
	}
	settle(c, true);
	engine_cancel(engine, &c->tls.rx);
	engine_cancel(engine, &c->tls.tx);
	engine_cancel(engine, &c->plain.rx);
	engine_cancel(engine, &c->plain.tx);
}

static bool flow_delivered(const struct flow *flow)
{
	return flow->failed || flow->done ||
	       (!flow->stream.first && !flow->sending);
}

/*
 * Changes with each octet that is received, delivered or taken: a socket that
 * holds much asks for more only when an end has taken a good part of that.
 */
static uint64_t relay_moved(const struct connection *c)
{
	return relay_taken(c) + c->out.octets + c->in.octets -
	       stream_octets(&c->out.stream) - stream_octets(&c->in.stream);
}

static void relay_drain(struct connection *c)
{
	if (c->state >= CONNECTION_DRAIN)
		return;
	c->state = CONNECTION_DRAIN;
	c->seen = relay_moved(c);
	connection_deadline(c, DRAIN_MS);
}

/*
 * The far end is lost. The local program gets what came before that, and then
 * a reset; there is nobody left to send its own octets to.
 */
static void relay_truncated(struct connection *c, const char *text)
{
	c->truncated = 1;
	c->out.failed = 1;
	relay_down(c, KPC_EVENT_TRUNCATED, text);
	if (c->plain.fd < 0 || flow_delivered(&c->in)) {
		relay_cut(c);
		return;
	}
	c->in.ended = 1;
	relay_drain(c);
	relay_send(c, &c->in);
}

static void half_closed(struct connection *c)
{
	if (c->state != CONNECTION_RELAY)
		return;
	c->state = CONNECTION_HALF_CLOSED;
	c->seen = relay_moved(c);
	connection_deadline(c, HALF_CLOSED_MS);
}

static void relay_over(struct connection *c)
{
	relay_down(c, KPC_EVENT_DOWN, "ended in order");
	connection_finish(c);
}

/*
 * Both directions are through. The kernel's TLS takes records that TCP has no
 * room for yet, says that they are sent, and has a work of its own that hands
 * them on as room comes. Closing does that once more and drops what does not
 * fit. Where there is room now and was before that work had its turn, nothing
 * is held any more.
 */
static void relay_settle(struct connection *c)
{
	if (c->carrier == KPC_CARRIER_KERNEL)
		settle(c, false);
	else
		relay_over(c);
}

/* The same before a reset, for both sockets and all that they hold. */
static void relay_cut_settled(struct connection *c)
{
	bool before = c->roomy, held = relay_holds(c);

	c->roomy = !held && leg_has_room(&c->tls);
	if (!held && (!relay_holds_records(c) || (before && c->roomy))) {
		connection_abort(c);
		return;
	}
	if (!settle_on(c))
		connection_abort(c);
}

static void relay_settled(struct connection *c)
{
	bool before = c->roomy;

	if (c->cut) {
		relay_cut_settled(c);
		return;
	}
	c->roomy = leg_has_room(&c->tls);
	if (before && c->roomy) {
		relay_over(c);
	} else if (!settle_on(c)) {
		/* What TCP has is still delivered, if anybody reads it. */
		relay_down(c, KPC_EVENT_TRUNCATED, STOOD_STILL);
		connection_finish(c);
	}
}

/* The local program takes nothing more; what it had sent is with the kernel. */
static void relay_broken(struct connection *c, int error)
{
	relay_down(c, KPC_EVENT_DOWN, local_error(error));
	relay_cut(c);
}

/* One direction is through. */
static void relay_done(struct connection *c, struct flow *flow)
{
	struct flow *other = flow == &c->out ? &c->in : &c->out;

	flow->done = 1;
	if (c->plain.fd < 0)
		relay_settle(c);
	else if (other->failed)
		relay_broken(c, -EPIPE);
	else if (other->done)
		relay_settle(c);
	else
		half_closed(c);
}

/*
 * A key has protected all it may and there is no next one. What was taken from
 * either side is delivered; then both ends learn by a reset that there is no
 * more, and the far end by an alert before it.
 */
static void relay_wear_out(struct connection *c, const char *text)
{
	if (c->state >= CONNECTION_DRAIN)
		return;
	if (c->plain.fd < 0) {
		relay_retire(c);
		return;
	}
	relay_down(c, KPC_EVENT_DOWN, text);
	c->worn = 1;
	c->in.ended = 1;
	c->out.ended = 1;
	relay_drain(c);
	relay_send(c, &c->in);
	relay_send(c, &c->out);
}

static void transfer_send(struct connection *c, struct flow *flow,
			  struct transfer *transfer)
{
	struct engine_op *tx = &flow_sink(c, flow)->tx;
	size_t i;

	flow->sending = transfer;
	flow->given = 0;
	for (i = 0; i < transfer->msg.msg_iovlen; i++)
		flow->given += transfer->parts[i].iov_len;
	tx->code = ENGINE_SEND;
	tx->flags = 0;
	tx->msg = &transfer->msg;
	engine_submit(c->worker->engine, tx);
}

static void relay_worn(struct connection *c)
{
	struct transfer *alert = NULL;

	if (c->state >= CONNECTION_SETTLE || !flow_delivered(&c->in) ||
	    !flow_delivered(&c->out))
		return;
	if (!c->out.failed && !c->out.notified)
		alert = carrier_alert(c);
	c->out.notified = 1;
	if (alert)
		transfer_send(c, &c->out, alert);
	else
		relay_cut(c);
}

/*
 * The source has ended in order and all is sent: say so to the sink, inside
 * TLS first.
 */
static void relay_finish(struct connection *c, struct flow *flow)
{
	struct transfer *transfer = NULL;

	if (flow->done)
		return;
	if (c->worn) {
		relay_worn(c);
		return;
	}
	if (c->truncated) {
		relay_cut(c);
		return;
	}
	if (flow == &c->in && c->out.failed) {
		relay_truncated(c, "the far end did not take all that was sent");
		return;
	}
	if (flow == &c->out && c->lost) {
		relay_broken(c, c->lost);
		return;
	}
	if (flow == &c->out && !flow->notified) {
		flow->notified = 1;
		if (carrier_close(c, &transfer)) {
			relay_truncated(c, "no memory to end it in order");
			return;
		}
		if (transfer)
			transfer_send(c, flow, transfer);
		else
			relay_send(c, flow);
		return;
	}
	/*
	 * A FIN would overtake what the kernel's TLS still holds, and that
	 * could not be sent behind it. close_notify has told the end already.
	 */
	if (flow == &c->in || c->carrier != KPC_CARRIER_KERNEL)
		shutdown(flow_sink(c, flow)->fd, SHUT_WR);
	relay_done(c, flow);
}

/*
 * As much as goes into one send. A KeyUpdate waits for one that is taken whole,
 * which large ones may never be where the receiver is slower than the source.
 */
static struct transfer *flow_gather(struct connection *c, struct flow *flow)
{
	bool small = flow == &c->out && rekey_waits(c);
	struct transfer *transfer = transfer_get(c->worker);
	size_t most = small ? 1 : TRANSFER_PARTS;
	struct buffer *at;
	size_t count = 0;

	if (!transfer)
		return NULL;
	for (at = flow->stream.first; at && count < most; at = at->next) {
		transfer->parts[count].iov_base = at->data + at->start;
		transfer->parts[count++].iov_len =
			small && at->length > SMALL_SEND ? SMALL_SEND :
							   at->length;
	}
	transfer->msg.msg_iovlen = count;
	return transfer;
}

static void relay_send(struct connection *c, struct flow *flow)
{
	bool update = flow == &c->out && rekey_due(c);
	struct transfer *transfer;

	if (c->state >= CONNECTION_SETTLE || flow->sending || flow->failed ||
	    flow_sink(c, flow)->fd < 0)
		return;
	if (!update && !flow->stream.first) {
		if (flow->ended)
			relay_finish(c, flow);
		return;
	}
	transfer = update ? carrier_key_update(c, rekey_send(c)) :
			    flow_gather(c, flow);
	if (!transfer) {
		/* relay_truncated() would come here again for what is held. */
		relay_down(c, KPC_EVENT_TRUNCATED, "no memory to send");
		connection_abort(c);
		return;
	}
	transfer_send(c, flow, transfer);
}

/* The TLS socket takes no more: what it still has to give is not lost yet. */
static void tls_sink_failed(struct connection *c, int error)
{
	/* Nobody waits for it: what could not be sent was TLS's own. */
	if (c->plain.fd < 0) {
		connection_abort(c);
		return;
	}
	c->out.failed = 1;
	stream_drop(&c->out.stream, &c->worker->pool);
	if (c->in.done || c->in.failed) {
		relay_truncated(c, carrier_error(error));
		return;
	}
	relay_drain(c);
	relay_receive(c, &c->in);
}

/*
 * The local program takes no more. What it sent is still delivered; after that
 * the far end gets a reset, so that it knows of its own loss. With EPIPE the
 * program may go on to speak. Any other error is the end of both directions,
 * which the socket tells once: receiving gives what is there, and then would be
 * taken for the end in order.
 */
static void plain_sink_failed(struct connection *c, int error)
{
	c->in.failed = 1;
	stream_drop(&c->in.stream, &c->worker->pool);
	if (c->out.done || c->out.failed) {
		relay_broken(c, error);
		return;
	}
	if (error != -EPIPE && !c->out.ended) {
		c->lost = error;
		shutdown(c->plain.fd, SHUT_RD);
	}
	relay_drain(c);
	relay_receive(c, &c->out);
	/* Held up by what is dropped now; nobody reads what comes any more. */
	relay_receive(c, &c->in);
}

static void relay_wear(struct connection *c)
{
	switch (carrier_wear(c)) {
	case CARRIER_SOUND:
		break;
	case CARRIER_AGED:
		rekey_want(c, true);
		break;
	case CARRIER_SPENT:
		relay_wear_out(c, WORN_OUT);
		break;
	}
}

static void relay_sent(struct connection *c, struct flow *flow, int result)
{
	transfer_put(c->worker, flow->sending);
	flow->sending = NULL;
	if (c->state >= CONNECTION_SETTLE)
		return;
	if (result < 0) {
		/* Lost is what goes there, not what came from there. */
		if (c->worn) {
			flow->failed = 1;
			stream_drop(&flow->stream, &c->worker->pool);
			relay_worn(c);
		} else if (c->truncated && flow == &c->out) {
			stream_drop(&flow->stream, &c->worker->pool);
		} else if (c->truncated) {
			connection_abort(c);
		} else if (flow == &c->out) {
			tls_sink_failed(c, result);
		} else {
			plain_sink_failed(c, result);
		}
		return;
	}
	flow->cut = (uint32_t)result < flow->given;
	if (flow == &c->out && rekey_sending(c)) {
		result = 0;
		if (rekey_sent(c)) {
			relay_break(c, "the kernel refuses new keys for sending");
			return;
		}
	}
	stream_consume(&flow->stream, &c->worker->pool, result);
	relay_wear(c);
	relay_send(c, flow);
	relay_receive(c, flow);
	/* It may have been held up by answers that are sent now. */
	if (flow == &c->out)
		relay_receive(c, &c->in);
}

static void tls_sent(struct engine_op *op, int result)
{
	struct connection *c = container_of(op, struct connection, tls.tx);

	relay_sent(c, &c->out, result);
}

static void plain_sent(struct engine_op *op, int result)
{
	struct connection *c = container_of(op, struct connection, plain.tx);

	relay_sent(c, &c->in, result);
}

/* Several buffers at once, without waiting: the last one came back full. */
static bool receive_many(struct connection *c, struct flow *flow,
			 unsigned int room)
{
	struct engine_op *rx = &flow_source(c, flow)->rx;
	struct transfer *transfer = transfer_get(c->worker);
	unsigned int i;

	if (!transfer)
		return false;
	for (i = 0; i < room && i < TRANSFER_PARTS; i++) {
		transfer->buffers[i] = buffer_get(&c->worker->pool);
		if (!transfer->buffers[i])
			break;
		transfer->parts[i].iov_base = transfer->buffers[i]->data;
		transfer->parts[i].iov_len = BUFFER_OCTETS;
	}
	if (!i) {
		transfer_put(c->worker, transfer);
		return false;
	}
	transfer->msg.msg_iovlen = i;
	if (flow == &c->in && c->carrier == KPC_CARRIER_KERNEL) {
		transfer->msg.msg_control = transfer->control;
		transfer->msg.msg_controllen = ENGINE_CONTROL;
	}
	flow->receiving = transfer;
	rx->code = ENGINE_RECEIVE;
	rx->flags = MSG_DONTWAIT;
	rx->msg = &transfer->msg;
	engine_submit(c->worker->engine, rx);
	return true;
}

/* @tried: nothing was there just now. */
static void receive_one(struct connection *c, struct flow *flow, bool tried)
{
	struct engine_op *rx = &flow_source(c, flow)->rx;

	rx->code = ENGINE_TAKE;
	rx->eager = flow == &c->in && !tried && rekey_hides(c);
	rx->flags = 0;
	rx->limit = 0;
	rx->msg = NULL;
	if (flow == &c->in && c->carrier == KPC_CARRIER_KERNEL) {
		c->type.msg.msg_control = c->type.control;
		rx->msg = &c->type.msg;
	}
	engine_submit(c->worker->engine, rx);
}

static void relay_receive(struct connection *c, struct flow *flow)
{
	unsigned int quota = buffer_quota(&c->worker->pool);
	unsigned int held = flow->stream.count;

	/* A warm connection has no local program yet, but TLS may answer. */
	if (c->state >= CONNECTION_SETTLE || flow->ended ||
	    flow_source(c, flow)->fd < 0 || flow_source(c, flow)->rx.pending ||
	    (flow == &c->in && rekey_receiving(c)) ||
	    (flow == &c->out && flow->failed))
		return;
	/* Full, or not yet emptied enough for a large receive to be worth it. */
	if (held && held >= quota / 2)
		return;
	/* The far end does not read the answers that it has TLS give. */
	if (flow == &c->in && c->out.stream.answers >= ANSWERS_MOST)
		return;
	if (flow->bulk && quota > 1 && receive_many(c, flow, quota - held))
		return;
	receive_one(c, flow, false);
}

/*
 * An error comes behind all that was received. A UNIX socket gives one where its
 * program was gone with something unread, which may have said all it wanted.
 */
static void plain_lost(struct connection *c, int error)
{
	if (c->out.failed) {
		relay_broken(c, error);
		return;
	}
	c->lost = error;
	relay_drain(c);
	relay_send(c, &c->out);
}

static void source_ended(struct connection *c, struct flow *flow, int result)
{
	flow->ended = 1;
	if (flow == &c->in)
		relay_truncated(c, carrier_error(result));
	else if (result < 0)
		plain_lost(c, result);
	else
		relay_send(c, flow);
}

/* Returns false where the connection is over or changed its course. */
static bool take_buffer(struct connection *c, struct flow *flow,
			struct buffer *buffer, uint8_t type)
{
	struct kpc_error err = {};

	int ret;

	if (flow == &c->out) {
		ret = carrier_wrap(c, buffer);
		if (!ret)
			return true;
		if (ret == -EKEYEXPIRED)
			relay_wear_out(c, WORN_OUT);
		else
			relay_truncated(c, "the agent's TLS takes nothing more");
		return false;
	}
	switch (carrier_receive(c, buffer, type, &err)) {
	case CARRIER_DATA:
		if (c->in.failed)
			stream_drop(&c->in.stream, &c->worker->pool);
		return true;
	case CARRIER_END:
		flow->ended = 1;
		return true;
	case CARRIER_WORN:
		relay_wear_out(c, err.text);
		return false;
	case CARRIER_BROKEN:
		flow->ended = 1;
		/* An alert of the agent's TLS goes out before the end. */
		relay_send(c, &c->out);
		relay_truncated(c, err.text);
		break;
	}
	return false;
}

static void relay_received(struct connection *c, struct flow *flow)
{
	/* The agent's TLS may have something to answer. */
	if (flow == &c->in && c->carrier == KPC_CARRIER_AGENT)
		relay_send(c, &c->out);
	if (c->state >= CONNECTION_SETTLE)
		return;
	if (c->state == CONNECTION_WARM && flow->ended) {
		relay_retire(c);
		return;
	}
	/* Nobody is left to read it; the other direction ends by itself. */
	if (flow == &c->in && flow->failed && flow->ended)
		return;
	relay_wear(c);
	if (rekey_due(c))
		relay_send(c, &c->out);
	relay_send(c, flow);
	relay_receive(c, flow);
}

static void received_one(struct connection *c, struct flow *flow, int result)
{
	struct engine_op *rx = &flow_source(c, flow)->rx;
	struct buffer *buffer = rx->buffer;
	uint8_t type = KPC_RECORD_DATA;
	bool control = false;

	rx->buffer = NULL;
	if (rx->msg) {
		control = rx->msg->msg_controllen >=
			  CMSG_LEN(sizeof(uint8_t));
		type = kpc_ktls_cmsg_get(rx->msg);
	}
	/* With a record's type beside it, nothing is an empty record. */
	if (result < 0 || (!result && !control)) {
		buffer_put(&c->worker->pool, buffer);
		source_ended(c, flow, result);
		return;
	}
	flow->bulk = result == BUFFER_OCTETS;
	if (take_buffer(c, flow, buffer, type))
		relay_received(c, flow);
}

static void received_many(struct connection *c, struct flow *flow, int result)
{
	struct transfer *transfer = flow->receiving;
	uint8_t type = kpc_ktls_cmsg_get(&transfer->msg);
	bool control = transfer->msg.msg_controllen >=
		       CMSG_LEN(sizeof(uint8_t));
	unsigned int i = 0;
	struct buffer *buffer;
	int left = result;
	bool go_on = true;

	flow->receiving = NULL;
	if (result < 0 || (!result && !control)) {
		transfer_put(c->worker, transfer);
		flow->bulk = 0;
		if (result == -EAGAIN)
			receive_one(c, flow, true);
		else
			source_ended(c, flow, result);
		return;
	}
	flow->bulk = result >= BUFFER_OCTETS;
	do {
		buffer = transfer->buffers[i++];
		buffer->length = left < BUFFER_OCTETS ? left : BUFFER_OCTETS;
		left -= buffer->length;
		go_on = take_buffer(c, flow, buffer, type);
	} while (left && go_on && c->state < CONNECTION_SETTLE);
	/* Those that were not filled go back; transfer_put() wants them first. */
	while (i < TRANSFER_PARTS && transfer->buffers[i])
		buffer_put(&c->worker->pool, transfer->buffers[i++]);
	transfer->buffers[0] = NULL;
	transfer_put(c->worker, transfer);
	if (go_on && c->state < CONNECTION_SETTLE)
		relay_received(c, flow);
}

static void leg_received(struct connection *c, struct flow *flow,
			 struct engine_op *op, int result)
{
	if (connection_over(c, op)) {
		transfer_put(c->worker, flow->receiving);
		flow->receiving = NULL;
		return;
	}
	if (flow->receiving)
		received_many(c, flow, result);
	else
		received_one(c, flow, result);
}

static void tls_received(struct engine_op *op, int result)
{
	struct connection *c = container_of(op, struct connection, tls.rx);

	leg_received(c, &c->in, op, result);
}

static void plain_received(struct engine_op *op, int result)
{
	struct connection *c = container_of(op, struct connection, plain.rx);

	leg_received(c, &c->out, op, result);
}

void relay_warm(struct connection *c)
{
	c->tls.rx.done = tls_received;
	c->tls.tx.done = tls_sent;
	rekey_start(c);
	relay_receive(c, &c->in);
}

/* Nobody has used it, so its end is one in order: the far end is told so. */
void relay_retire(struct connection *c)
{
	connection_cool(c);
	relay_drain(c);
	c->out.ended = 1;
	relay_send(c, &c->out);
}

void relay_listen(struct connection *c)
{
	c->plain.rx.done = plain_received;
	relay_receive(c, &c->out);
}

void relay_start(struct connection *c)
{
	timer_disarm(&c->worker->timers, &c->timer);
	c->tls.rx.done = tls_received;
	c->tls.tx.done = tls_sent;
	c->plain.tx.done = plain_sent;
	c->state = CONNECTION_RELAY;
	c->up = 1;
	worker_event(c->worker, KPC_EVENT_UP, c, "%s", c->declined ?
		     "relaying, as the kernel refuses keys of this suite" :
		     "relaying");
	rekey_start(c);
	relay_send(c, &c->in);
	relay_receive(c, &c->in);
	/* Else it is watched still, until it says something. */
	if (!c->plain.rx.pending)
		relay_listen(c);
}

void relay_expired(struct connection *c)
{
	uint64_t moved = relay_moved(c);

	if (c->state == CONNECTION_SETTLE) {
		relay_settled(c);
		return;
	}
	if (moved != c->seen) {
		c->seen = moved;
		connection_deadline(c, c->state == CONNECTION_DRAIN ?
				    DRAIN_MS : HALF_CLOSED_MS);
		return;
	}
	relay_down(c, KPC_EVENT_TRUNCATED, c->state == CONNECTION_DRAIN ?
		   STOOD_STILL : "half closed and silent for too long");
	connection_abort(c);
}

void relay_go_on(struct connection *c)
{
	if (c->state < CONNECTION_WARM || c->state >= CONNECTION_SETTLE)
		return;
	relay_send(c, &c->out);
	relay_receive(c, &c->in);
}

void relay_break(struct connection *c, const char *text)
{
	if (c->state < CONNECTION_SETTLE)
		relay_truncated(c, text);
}

void relay_drop(struct connection *c)
{
	struct worker *worker = c->worker;

	stream_drop(&c->in.stream, &worker->pool);
	stream_drop(&c->out.stream, &worker->pool);
}
