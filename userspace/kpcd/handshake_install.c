// SPDX-License-Identifier: MIT
/*
 * From a finished handshake to a bound connection: the keys go to who carries
 * the records, and the module ties the socket to its association.
 */
#include <errno.h>
#include <stdio.h>

#include <kpc/ktls.h>
#include <kpc/nl.h>
#include <kpc/secrets.h>
#include <kpc/suite.h>

#include "handshake.h"

/**
 * struct digests - what BIND announces of the keys
 */
struct digests {
	uint8_t tx[KPC_DIGEST_LEN];
	uint8_t rx[KPC_DIGEST_LEN];
};

static void install_bound(struct waiter *waiter, const void *answer, int fd)
{
	struct handshake *hs = container_of(waiter, struct handshake, waiter);
	const struct bind_answer *got = answer;
	struct connection *c = hs->connection;

	if (got->error) {
		connection_fail(c, KPC_EVENT_FAULT, got->error, got->text);
		return;
	}
	c->binding = got->binding;
	connection_open(c);
}

static void install_bind(struct connection *c, const struct digests *digests)
{
	struct kpc_bind bind = {
		.fd = c->tls.fd,
		.association = c->association->config.name,
		.association_id = c->association->config.id,
		.carrier = c->carrier,
		.version = c->version,
		.suite = c->suite,
	};

	if (!c->worker->config.enforce) {
		connection_open(c);
		return;
	}
	if (c->carrier == KPC_CARRIER_KERNEL) {
		bind.tx_digest = digests->tx;
		bind.rx_digest = digests->rx;
	}
	c->state = CONNECTION_BIND;
	c->handshake->waiter.answered = install_bound;
	bind_socket(c->worker, &c->handshake->waiter, &bind);
}

static int install_kernel(struct connection *c, struct digests *digests,
			  struct kpc_error *err)
{
	struct kpc_traffic tx, rx;
	int ret;

	ret = kpc_secrets_derive(c->handshake->tls, &tx, &rx, err);
	if (ret)
		return ret;
	/* They are the module's. */
	if (c->worker->config.enforce)
		ret = kpc_traffic_digest(&tx, digests->tx) ?:
		      kpc_traffic_digest(&rx, digests->rx);
	if (!ret)
		ret = kpc_ktls_install(c->tls.fd, &tx, &rx, err);
	kpc_traffic_wipe(&tx);
	kpc_traffic_wipe(&rx);
	if (!ret)
		rekey_keep(c);
	return ret;
}

static int install_agent(struct connection *c, struct kpc_error *err)
{
	c->records = kpc_records_new(c->handshake->tls, err);
	if (!c->records)
		return -errno;
	kpc_records_limit(c->records, c->records_max);
	return 0;
}

/* Who carries the records: 0 and @c->carrier set, or why nobody may. */
static int install_choose(struct connection *c, struct kpc_error *err)
{
	const struct kpc_suite *suite = kpc_suite_by_code(c->suite);
	bool kernel = c->handshake->ktls && suite && suite->cipher_type;
	uint8_t offload = c->association->policy.offload;

	c->carrier = kernel && offload != KPC_OFFLOAD_OFF ?
		KPC_CARRIER_KERNEL : KPC_CARRIER_AGENT;
	if (c->carrier == KPC_CARRIER_AGENT && offload == KPC_OFFLOAD_REQUIRE)
		return kpc_error_return(err, -EOPNOTSUPP,
			"the association requires offload, and %s",
			c->handshake->ktls ?
			"the kernel cannot carry the suite that was agreed" :
			"this kernel has no TLS (load the module tls, or allow offload prefer)");
	return 0;
}

/*
 * The module tls is there, but a cipher that it needs is not, or may not be
 * used. No key is in the socket, so OpenSSL can go on where it stopped.
 */
static int install_declined(struct connection *c, struct kpc_error *err)
{
	const struct kpc_error why = *err;

	if (c->association->policy.offload == KPC_OFFLOAD_REQUIRE)
		return kpc_error_return(err, -EOPNOTSUPP,
			"the association requires offload for %s, and %s",
			kpc_suite_by_code(c->suite)->name, why.text);
	c->carrier = KPC_CARRIER_AGENT;
	c->declined = 1;
	return 0;
}

/*
 * What the association says holds from here on only, where the peer has proved
 * its Kpc: ended by it before, a peer that has none would learn that there is
 * an association of the KpcId it named.
 */
static bool install_in_time(struct connection *c)
{
	uint64_t end = c->born + c->association->config.handshake_seconds * 1000ULL;
	uint64_t now = timer_now();

	if (now >= end)
		return false;
	connection_deadline(c, end - now);
	return true;
}

void handshake_install(struct connection *c)
{
	const struct kpc_handshake_result *result;
	struct kpc_error err = {};
	struct digests digests;
	int ret;

	result = kpc_handshake_result(c->handshake->tls);
	c->version = result->version;
	c->suite = result->suite;
	/* Revoked while its handshake was under way. */
	if (!c->association) {
		connection_fail(c, KPC_EVENT_REFUSED, -ENOENT,
				"the association is gone");
		return;
	}
	if (!install_in_time(c)) {
		connection_fail(c, KPC_EVENT_REFUSED, -ETIMEDOUT,
				"it took longer than its association's handshake-time");
		return;
	}
	c->records_max = kpc_suite_records(kpc_suite_by_code(c->suite),
					   c->association->config.records);
	ret = install_choose(c, &err);
	if (!ret && c->carrier == KPC_CARRIER_KERNEL)
		ret = install_kernel(c, &digests, &err);
	if (ret == -EOPNOTSUPP && c->carrier == KPC_CARRIER_KERNEL)
		ret = install_declined(c, &err);
	if (!ret && c->carrier == KPC_CARRIER_AGENT)
		ret = install_agent(c, &err);
	if (ret) {
		connection_fail(c, KPC_EVENT_FAULT, ret, err.text);
		return;
	}
	install_bind(c, &digests);
}
