// SPDX-License-Identifier: MIT
/*
 * The worker's associations and the handshake contexts made from them.
 */
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "connection.h"
#include "dtls_peer.h"

static int by_id(const void *a, const void *b)
{
	uint32_t one = ((const struct association *)a)->config.id;
	uint32_t other = ((const struct association *)b)->config.id;

	return one < other ? -1 : one > other;
}

struct association *association_find(struct worker *worker, uint32_t id)
{
	const struct association wanted = { .config.id = id };
	struct association **found = tfind(&wanted, &worker->by_id, by_id);

	return found ? *found : NULL;
}

/*
 * Without the module nothing promises that records are the kernel's; with it
 * BIND would refuse what the association does not allow.
 */
static uint8_t effective_offload(const struct worker *worker, uint8_t offload)
{
	if (offload == KPC_OFFLOAD_REQUIRE && !worker->ktls &&
	    !worker->config.enforce)
		return KPC_OFFLOAD_PREFER;
	return offload;
}

static void policy_set(const struct worker *worker,
		       struct association *association)
{
	const struct kpc_message_association *config = &association->config;
	struct kpc_handshake_policy *policy = &association->policy;

	memset(policy, 0, sizeof(*policy));
	policy->role = config->role;
	policy->profile = config->profile;
	policy->versions = config->versions;
	policy->offload = effective_offload(worker, config->offload);
	policy->suite_count = config->suite_count;
	memcpy(policy->suites, config->suites,
	       config->suite_count * sizeof(config->suites[0]));
	policy->group_count = worker->config.group_count;
	memcpy(policy->groups, worker->config.groups, sizeof(policy->groups));
	if (config->authority[0])
		policy->authority = config->authority;
}

/* What the listener of an association offers is worked out anew. */
static void server_drop(struct worker *worker,
			const struct association *association)
{
	struct listener *listener = NULL;

	if (association->listener)
		listener = listener_find(worker, association->listener);
	if (!listener)
		return;
	kpc_handshake_context_free(listener->context);
	listener->context = NULL;
}

static void contexts_drop(struct worker *worker,
			  struct association *association)
{
	worker->changes++;
	kpc_handshake_context_free(association->context);
	association->context = NULL;
	server_drop(worker, association);
}

/* What the worker indexes by or prints must be within its bounds. */
static bool config_is_sound(const struct kpc_message_association *config)
{
	return config->suite_count <= KPC_SUITES_MAX &&
	       config->allow_uid_count <= KPC_ALLOW_UIDS_MAX &&
	       config->role <= KPC_ROLE_B;
}

static struct association *association_add(struct worker *worker, uint32_t id)
{
	struct association *association = calloc(1, sizeof(*association));

	if (!association)
		return NULL;
	association->config.id = id;
	if (!tsearch(association, &worker->by_id, by_id)) {
		free(association);
		return NULL;
	}
	association->next = worker->associations;
	if (association->next)
		association->next->previous = association;
	worker->associations = association;
	return association;
}

void association_set(struct worker *worker,
		     const struct kpc_message_association *config)
{
	struct association *association;

	if (!config_is_sound(config))
		return;
	association = association_find(worker, config->id);
	if (!association)
		association = association_add(worker, config->id);
	if (!association) {
		worker_event(worker, KPC_EVENT_FAULT, NULL,
			     "no memory for association %s", config->name);
		return;
	}
	association->config = *config;
	while (association->warm && !config->keeps)
		relay_retire(association->warm);
	policy_set(worker, association);
	contexts_drop(worker, association);
}

void association_listens(struct worker *worker,
			 const struct kpc_message_listens *listens)
{
	struct association *association;

	association = association_find(worker, listens->association);
	if (!association)
		return;
	server_drop(worker, association);
	association->listener = listens->listener;
	server_drop(worker, association);
	worker->changes++;
}

bool association_leads_to(const struct association *association,
			  const struct sockaddr_in6 *peer)
{
	uint32_t i;

	for (i = 0; i < association->addresses.count; i++)
		if (!memcmp(&association->addresses.at[i], peer, sizeof(*peer)))
			return true;
	return false;
}

void association_addresses(struct association *association,
			   const struct kpc_message_addresses *addresses)
{
	struct connection *c, *next;

	association->addresses = *addresses;
	for (c = association->warm; c; c = next) {
		next = c->warm_next;
		if (!association_leads_to(association, &c->peer))
			relay_retire(c);
	}
}

/*
 * One far end that swallows everything must not take the place of the others:
 * an association may have as many as are left free beside. So there is always
 * room for one more association, and n such far ends leave it one of n + 1
 * parts.
 */
bool association_initiates(struct worker *worker,
			   struct association *association)
{
	if (worker->initiation_count >= worker->quota.initiations ||
	    association->initiations >=
	    worker->quota.initiations - worker->initiation_count)
		return false;
	worker->initiation_count++;
	association->initiations++;
	return true;
}

void association_initiated(struct worker *worker,
			   struct association *association)
{
	worker->initiation_count--;
	association->initiations--;
}

static void association_free(struct worker *worker,
			     struct association *association)
{
	contexts_drop(worker, association);
	tdelete(association, &worker->by_id, by_id);
	if (association->previous)
		association->previous->next = association->next;
	else
		worker->associations = association->next;
	if (association->next)
		association->next->previous = association->previous;
	free(association);
}

void association_gone(struct worker *worker, uint32_t id)
{
	struct association *association = association_find(worker, id);
	struct connection *c, *next;

	if (!association)
		return;
	for (c = worker->connections; c; c = next) {
		next = c->next;
		if (c->association != association)
			continue;
		if (c->up)
			worker_event(worker, KPC_EVENT_DOWN, c,
				     "the association is gone");
		c->up = 0;
		connection_fail(c, 0, -ENOENT, "the association is gone");
		c->association = NULL;
	}
	dtls_association_gone(worker, association);
	association_free(worker, association);
}

void association_flush(struct worker *worker)
{
	while (worker->associations)
		association_free(worker, worker->associations);
}

struct kpc_handshake_context *
association_context(struct worker *worker, struct association *association,
		    struct kpc_error *err)
{
	if (!association->context)
		association->context =
			kpc_handshake_context_new(&association->policy, err);
	return association->context;
}

struct kpc_handshake_context *server_context(struct listener *listener,
					     struct kpc_error *err)
{
	struct kpc_handshake_policy policy = { .role = KPC_ROLE_B };
	const struct association *at;

	if (listener->context)
		return listener->context;
	kpc_error_set(err, "no association is open at this listener");
	/* One that leaves nothing to offer adds nothing. */
	for (at = listener->worker->associations; at; at = at->next)
		if (at->listener == listener->config.id)
			kpc_handshake_policy_unite(&policy, &at->policy, err);
	if (!policy.suite_count)
		return NULL;
	listener->context = kpc_handshake_context_new(&policy, err);
	return listener->context;
}
