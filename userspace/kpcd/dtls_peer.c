// SPDX-License-Identifier: MIT
/*
 * Peers of DTLS: their birth, where they are found, their silence and their ends.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "connection.h"
#include "dtls_peer.h"

/* Zero pages that nobody has written to cost nothing, so none is by malloc(). */
struct dtls_peers *dtls_peers(struct worker *worker)
{
	void *at;

	if (worker->dtls)
		return worker->dtls;
	at = mmap(NULL, sizeof(*worker->dtls), PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED)
		return NULL;
	worker->dtls = at;
	worker->dtls->steps_end = &worker->dtls->steps;
	return worker->dtls;
}

unsigned int dtls_peers_most(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) ||
	    files.rlim_cur / 2 > DTLS_PEERS_MAX)
		return DTLS_PEERS_MAX;
	return files.rlim_cur / 2;
}

/* What it has goes when its operation has ended, before the next has the use of it. */
void dtls_peer_count(struct dtls_peer *peer)
{
	struct dtls_peers *all = peer->worker->dtls;
	struct dtls_peer *oldest = all->oldest;

	all->count++;
	peer->within = 1;
	if (all->count <= peer->worker->dtls_most)
		return;
	while (oldest && oldest->state != DTLS_UP)
		oldest = oldest->newer;
	if (oldest)
		dtls_peer_end(oldest, KPC_EVENT_DOWN, -EBUSY,
			      "too many peers, the one silent longest gives way");
}

void dtls_peers_free(struct worker *worker)
{
	if (worker->dtls)
		munmap(worker->dtls, sizeof(*worker->dtls));
	worker->dtls = NULL;
}

/* No peer can tell which addresses share a bucket. */
static struct dtls_peer **bucket(struct worker *worker,
				 const struct dtls_address *at)
{
	const struct sources *sources = &worker->sources;
	uint64_t words[4], hash = at->peer.sin6_port;
	unsigned int i;

	memcpy(words, &at->peer.sin6_addr, 16);
	memcpy(words + 2, &at->own, 16);
	for (i = 0; i < 4; i++)
		hash = source_hash(sources, hash << 32 ^ hash ^ words[i]);
	return &worker->dtls->buckets[hash % DTLS_BUCKETS];
}

static bool same_address(const struct dtls_address *a,
			 const struct dtls_address *b)
{
	return a->peer.sin6_port == b->peer.sin6_port &&
	       a->peer.sin6_scope_id == b->peer.sin6_scope_id &&
	       !memcmp(&a->peer.sin6_addr, &b->peer.sin6_addr, 16) &&
	       !memcmp(&a->own, &b->own, 16);
}

static bool is_up(const struct dtls_peer *peer)
{
	return peer->state == DTLS_UP;
}

struct dtls_peer *dtls_peer_find(struct worker *worker,
				 const struct listener *listener,
				 const struct dtls_address *at, bool up)
{
	struct dtls_peer *peer;

	for (peer = *bucket(worker, at); peer; peer = peer->next)
		if (peer->listener == listener && is_up(peer) == up &&
		    same_address(&peer->at, at))
			break;
	return peer;
}

static void recent_add(struct dtls_peer *peer)
{
	struct dtls_peers *all = peer->worker->dtls;

	peer->newer = NULL;
	peer->older = all->newest;
	if (all->newest)
		all->newest->newer = peer;
	else
		all->oldest = peer;
	all->newest = peer;
}

static void recent_remove(struct dtls_peer *peer)
{
	struct dtls_peers *all = peer->worker->dtls;

	if (peer->older)
		peer->older->newer = peer->newer;
	else
		all->oldest = peer->newer;
	if (peer->newer)
		peer->newer->older = peer->older;
	else
		all->newest = peer->older;
}

void dtls_peer_heard(struct dtls_peer *peer)
{
	peer->heard = timer_now();
	if (!peer->newer)
		return;
	recent_remove(peer);
	recent_add(peer);
}

static void expired(struct timer *timer)
{
	struct dtls_peer *peer = container_of(timer, struct dtls_peer, timer);

	if (peer->state == DTLS_UP)
		dtls_relay_expired(peer);
	else
		dtls_handshake_expired(peer);
}

struct dtls_peer *dtls_peer_new(struct worker *worker, enum kpc_role role,
				struct listener *listener,
				const struct dtls_address *at)
{
	struct dtls_peers *all = dtls_peers(worker);
	struct dtls_peer *peer = all ? calloc(1, sizeof(*peer)) : NULL;
	struct dtls_peer **in;

	if (!peer)
		return NULL;
	peer->worker = worker;
	peer->role = role;
	peer->listener = listener;
	peer->fd = -1;
	peer->born = timer_now();
	peer->heard = peer->born;
	peer->timer.expired = expired;
	if (at) {
		peer->at = *at;
		in = bucket(worker, at);
		peer->next = *in;
		*in = peer;
	}
	recent_add(peer);
	/* A local program has shown who it is; of a far entity it is not known yet. */
	if (role == KPC_ROLE_A)
		dtls_peer_count(peer);
	return peer;
}

void dtls_peer_event(struct dtls_peer *peer, enum kpc_message_event_kind kind,
		     const char *text)
{
	struct connection of = {
		.worker = peer->worker,
		.association = peer->association,
		.born = peer->born,
		.binding = peer->binding,
		.peer = peer->role == KPC_ROLE_B ? peer->at.peer : peer->remote,
		.version = peer->version,
		.suite = peer->suite,
		.carrier = KPC_CARRIER_AGENT,
		.out.octets = peer->tx_octets,
		.in.octets = peer->rx_octets,
	};

	if (peer->lost && kind == KPC_EVENT_DOWN)
		worker_event(peer->worker, kind, &of,
			     "%s; %llu datagrams were not passed on", text,
			     (unsigned long long)peer->lost);
	else
		worker_event(peer->worker, kind, &of, "%s", text);
}

static void answer(struct dtls_peer *peer, int error, const char *text)
{
	struct kpc_message reply = {
		.type = KPC_MESSAGE_ESTABLISHED,
		.request = peer->request,
		.established.error = error,
	};

	if (!peer->request || !peer->association)
		return;
	peer->request = 0;
	reply.established.association = peer->association->config.id;
	reply.established.version = peer->version;
	reply.established.suite = peer->suite;
	reply.established.binding = peer->binding;
	snprintf(reply.established.message, sizeof(reply.established.message),
		 "%s", error ? text : "");
	channel_send(peer->worker, &reply);
}

void dtls_peer_established(struct dtls_peer *peer)
{
	answer(peer, 0, "");
}

static void detach(struct dtls_peer *peer)
{
	struct worker *worker = peer->worker;
	struct dtls_peer **at;

	timer_disarm(&worker->timers, &peer->timer);
	contender_leave(worker, &peer->contender);
	dtls_step_remove(peer);
	if (peer->counted)
		association_initiated(worker, peer->association);
	peer->counted = 0;
	/* Whose binding is on its way is told of it yet. */
	if (peer->state != DTLS_BIND) {
		waiter_remove(&worker->requests, &peer->waiter);
		waiter_remove(&worker->binds, &peer->waiter);
	}
	engine_cancel(worker->engine, &peer->rx);
	recent_remove(peer);
	worker->dtls->count -= peer->within;
	if (!peer->listener)
		return;
	for (at = bucket(worker, &peer->at); *at; at = &(*at)->next) {
		if (*at == peer) {
			*at = peer->next;
			break;
		}
	}
}

void dtls_peer_end(struct dtls_peer *peer, enum kpc_message_event_kind kind,
		   int error, const char *text)
{
	struct dtls_peers *all = peer->worker->dtls;

	if (peer->state == DTLS_CLOSED)
		return;
	if (peer->state == DTLS_UP)
		dtls_train_send(&all->train);
	/* That may have ended it. */
	if (peer->state == DTLS_CLOSED)
		return;
	answer(peer, error, text);
	if (kind)
		dtls_peer_event(peer, kind, text);
	/* Without its keys the far end could not read that. */
	if (peer->state == DTLS_UP && error != -ECANCELED)
		dtls_relay_close(peer);
	if (!peer->unbound)
		bind_release(peer->worker, peer->binding);
	detach(peer);
	peer->state = DTLS_CLOSED;
	peer->association = NULL;
	peer->next = all->closed;
	all->closed = peer;
}

static void end_if(struct worker *worker, const struct association *association,
		   const struct listener *listener, const char *text)
{
	struct dtls_peer *peer, *next;

	for (peer = worker->dtls ? worker->dtls->oldest : NULL; peer;
	     peer = next) {
		next = peer->newer;
		if ((association && peer->association != association) ||
		    (listener && peer->listener != listener))
			continue;
		dtls_peer_end(peer, peer->state == DTLS_UP ? KPC_EVENT_DOWN : 0,
			      -ESHUTDOWN, text);
	}
}

void dtls_association_gone(struct worker *worker,
			   const struct association *association)
{
	end_if(worker, association, NULL, "the association is gone");
}

void dtls_listener_gone(struct listener *listener)
{
	end_if(listener->worker, NULL, listener, "its listener is closed");
}

void dtls_binding_gone(struct worker *worker, uint64_t binding)
{
	struct dtls_peer *peer = worker->dtls ? worker->dtls->oldest : NULL;

	while (peer && peer->binding != binding)
		peer = peer->newer;
	if (!peer)
		return;
	peer->unbound = 1;
	dtls_peer_end(peer, KPC_EVENT_DOWN, -ECONNRESET,
		      "the module has ended its binding");
}

void dtls_end_all(struct worker *worker, const char *text)
{
	end_if(worker, NULL, NULL, text);
}

static void peer_free(struct dtls_peer *peer)
{
	unsigned int i;

	for (i = 0; i < peer->held_count; i++) {
		explicit_bzero(peer->held[i]->octets, peer->held[i]->len);
		free(peer->held[i]);
	}
	waiter_remove(&peer->worker->binds, &peer->waiter);
	kpc_dtls_free(peer->dtls);
	free(peer->header);
	engine_close(peer->worker->engine, peer->fd);
	free(peer);
}

/* The module answers at once, if nothing is lost. */
static bool unbound_yet(const struct dtls_peer *peer)
{
	return peer->waiter.id && timer_now() < peer->give_up;
}

void dtls_bury(struct worker *worker)
{
	struct dtls_peer **at, *peer;

	if (!worker->dtls || !worker->dtls->closed)
		return;
	for (at = &worker->dtls->closed; (peer = *at);) {
		if (peer->rx.pending || unbound_yet(peer)) {
			at = &peer->next;
			continue;
		}
		*at = peer->next;
		peer_free(peer);
	}
	worker_drain_check(worker);
}

bool dtls_idle(const struct worker *worker)
{
	return !worker->dtls || (!worker->dtls->oldest && !worker->dtls->closed);
}
