// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The module's commands as calls that wait for their answer.
 */
#include <errno.h>
#include <unistd.h>

#include "nl_internal.h"

/* Builds a request into the socket's own buffer under a new number. */
#define BUILD(nl, name, ...) \
	kpc_nl_build_##name((nl)->buffer, KPC_NL_BUFFER, (nl)->family.id, \
			    ++(nl)->seq, ##__VA_ARGS__)

/* Where the answer of a "get" or "new" goes; either may be NULL. */
struct association_answer {
	struct kpc_association *association;
	struct kpc_association_state *state;
};

static int take_association(const struct kpc_nl_message *message, void *data)
{
	struct association_answer *answer = data;
	struct kpc_association association;
	struct kpc_association_state state;
	int ret;

	ret = kpc_nl_decode_association(message, &association, &state);
	if (ret)
		return ret;
	if (answer->association)
		*answer->association = association;
	if (answer->state)
		*answer->state = state;
	return 0;
}

#define TAKE(name, structure) \
static int take_##name(const struct kpc_nl_message *message, void *data) \
{ \
	structure unwanted; \
\
	return kpc_nl_decode_##name(message, data ? data : &unwanted); \
}

TAKE(endpoint, struct kpc_endpoint)
TAKE(binding, struct kpc_binding)
TAKE(establish, struct kpc_establish)
TAKE(session, struct kpc_session)
TAKE(commit, struct kpc_commit)
TAKE(config, struct kpc_config)
TAKE(stats, struct kpc_stats)

int kpc_nl_association_new(struct kpc_nl *nl,
			   const struct kpc_association *association,
			   bool force, struct kpc_association *made,
			   struct kpc_error *err)
{
	struct association_answer answer = { .association = made };

	return kpci_nl_call(nl, BUILD(nl, association_new, association, force),
			    take_association, &answer, err);
}

int kpc_nl_association_resolve(struct kpc_nl *nl, uint32_t id,
			       const char *peer, const struct kpc_selector *at,
			       size_t count, struct kpc_error *err)
{
	return kpci_nl_call(nl, BUILD(nl, association_resolve, id, peer, at,
				      count), NULL, NULL, err);
}

int kpc_nl_association_del(struct kpc_nl *nl, const char *name, bool force,
			   struct kpc_association_state *state,
			   struct kpc_error *err)
{
	struct association_answer answer = { .state = state };

	return kpci_nl_call(nl, BUILD(nl, association_del, name, force),
			    take_association, &answer, err);
}

int kpc_nl_association_get(struct kpc_nl *nl, const char *name,
			   struct kpc_association *association,
			   struct kpc_association_state *state,
			   struct kpc_error *err)
{
	struct association_answer answer = { association, state };

	return kpci_nl_call(nl, BUILD(nl, association_get, name),
			    take_association, &answer, err);
}

int kpc_nl_endpoint_get(struct kpc_nl *nl, const struct kpc_endpoint *key,
			struct kpc_endpoint *endpoint, struct kpc_error *err)
{
	return kpci_nl_call(nl, BUILD(nl, endpoint_get, key), take_endpoint,
			    endpoint, err);
}

int kpc_nl_handshake_new(struct kpc_nl *nl, int fd, const char *association,
			 uint32_t id, struct kpc_error *err)
{
	return kpci_nl_call(nl, BUILD(nl, handshake_new, fd, association, id),
			    NULL, NULL, err);
}

int kpc_nl_binding_new(struct kpc_nl *nl, const struct kpc_bind *bind,
		       struct kpc_binding *binding, struct kpc_error *err)
{
	return kpci_nl_call(nl, BUILD(nl, binding_new, bind), take_binding,
			    binding, err);
}

int kpc_nl_binding_rekey(struct kpc_nl *nl, int fd, const uint8_t *tx_digest,
			 const uint8_t *rx_digest, struct kpc_error *err)
{
	return kpci_nl_call(nl, BUILD(nl, binding_rekey, fd, tx_digest,
				      rx_digest), NULL, NULL, err);
}

int kpc_nl_binding_hand_over(struct kpc_nl *nl, int fd, struct kpc_error *err)
{
	return kpci_nl_call(nl, BUILD(nl, binding_hand_over, fd), NULL, NULL,
			    err);
}

int kpc_nl_binding_del(struct kpc_nl *nl, uint64_t id, struct kpc_error *err)
{
	return kpci_nl_call(nl, BUILD(nl, binding_del, id), NULL, NULL, err);
}

int kpc_nl_binding_get(struct kpc_nl *nl, uint64_t id,
		       struct kpc_binding *binding, struct kpc_error *err)
{
	return kpci_nl_call(nl, BUILD(nl, binding_get, id), take_binding,
			    binding, err);
}

int kpc_nl_binding_get_fd(struct kpc_nl *nl, int fd,
			  struct kpc_binding *binding, struct kpc_error *err)
{
	return kpci_nl_call(nl, BUILD(nl, binding_get_fd, fd), take_binding,
			    binding, err);
}

static int call_establish(struct kpc_nl *nl, int length, uint32_t *id,
			  struct kpc_error *err)
{
	struct kpc_establish establish = { 0 };
	int ret;

	ret = kpci_nl_call(nl, length, take_establish, &establish, err);
	if (!ret && id)
		*id = establish.id;
	return ret;
}

int kpc_nl_establish(struct kpc_nl *nl, const char *association, uint32_t *id,
		     struct kpc_error *err)
{
	return call_establish(nl, BUILD(nl, establish, association), id, err);
}

int kpc_nl_close_association(struct kpc_nl *nl, const char *association,
			     uint32_t *id, struct kpc_error *err)
{
	return call_establish(nl, BUILD(nl, close, association), id, err);
}

int kpc_nl_establish_answer(struct kpc_nl *nl,
			    const struct kpc_establish *answer,
			    struct kpc_error *err)
{
	return kpci_nl_call(nl, BUILD(nl, establish_answer, answer), NULL,
			    NULL, err);
}

static int call_session(struct kpc_nl *nl, enum kpc_session_type type, int fd,
			uint32_t pid, uint32_t *id, struct kpc_error *err)
{
	struct kpc_session session = { 0 };
	int ret;

	ret = kpci_nl_call(nl, BUILD(nl, session_new, type, fd, pid),
			   take_session, &session, err);
	if (!ret && id)
		*id = session.id;
	return ret;
}

int kpc_nl_session_warden(struct kpc_nl *nl, uint32_t *id,
			  struct kpc_error *err)
{
	return call_session(nl, KPC_SESSION_TYPE_WARDEN, -1, getpid(), id,
			    err);
}

int kpc_nl_session_worker(struct kpc_nl *nl, int fd, uint32_t pid,
			  uint32_t *id, struct kpc_error *err)
{
	return call_session(nl, KPC_SESSION_TYPE_WORKER, fd, pid, id, err);
}

int kpc_nl_grant_new(struct kpc_nl *nl, uint32_t session,
		     const char *association, uint32_t id,
		     struct kpc_error *err)
{
	return kpci_nl_call(nl, BUILD(nl, grant_new, session, association, id),
			    NULL, NULL, err);
}

int kpc_nl_transaction_begin(struct kpc_nl *nl, enum kpc_load_mode mode,
			     struct kpc_error *err)
{
	return kpci_nl_call(nl, BUILD(nl, transaction_begin, mode), NULL, NULL,
			    err);
}

int kpc_nl_transaction_commit(struct kpc_nl *nl, bool force,
			      uint32_t confirm_seconds,
			      struct kpc_commit *commit, struct kpc_error *err)
{
	return kpci_nl_call(nl, BUILD(nl, transaction_commit, force,
				      confirm_seconds),
			    take_commit, commit, err);
}

int kpc_nl_transaction_confirm(struct kpc_nl *nl, bool abort,
			       struct kpc_error *err)
{
	return kpci_nl_call(nl, BUILD(nl, transaction_confirm, abort), NULL,
			    NULL, err);
}

int kpc_nl_config_set(struct kpc_nl *nl, const struct kpc_config *config,
		      struct kpc_error *err)
{
	return kpci_nl_call(nl, BUILD(nl, config_set, config), NULL, NULL,
			    err);
}

int kpc_nl_config_get(struct kpc_nl *nl, struct kpc_config *config,
		      struct kpc_error *err)
{
	return kpci_nl_call(nl, BUILD(nl, config_get), take_config, config,
			    err);
}

int kpc_nl_stats_get(struct kpc_nl *nl, bool reset, struct kpc_stats *stats,
		     struct kpc_error *err)
{
	return kpci_nl_call(nl, BUILD(nl, stats_get, reset), take_stats, stats,
			    err);
}

struct association_dump {
	int (*fn)(const struct kpc_association *association,
		  const struct kpc_association_state *state, void *data);
	void *data;
};

static int each_association(const struct kpc_nl_message *message, void *data)
{
	struct association_dump *dump = data;
	struct kpc_association association;
	struct kpc_association_state state;
	int ret;

	ret = kpc_nl_decode_association(message, &association, &state);
	return ret ? ret : dump->fn(&association, &state, dump->data);
}

int kpc_nl_association_dump(struct kpc_nl *nl,
			    int (*fn)(const struct kpc_association *association,
				      const struct kpc_association_state *state,
				      void *data),
			    void *data, struct kpc_error *err)
{
	struct association_dump dump = { fn, data };

	return kpci_nl_call(nl, BUILD(nl, dump, KPC_CMD_ASSOCIATION_GET),
			    each_association, &dump, err);
}

#define EACH(name) \
struct name##_dump { \
	int (*fn)(const struct kpc_##name *object, void *data); \
	void *data; \
}; \
\
static int each_##name(const struct kpc_nl_message *message, void *data) \
{ \
	struct name##_dump *dump = data; \
	struct kpc_##name object; \
	int ret = kpc_nl_decode_##name(message, &object); \
\
	return ret ? ret : dump->fn(&object, dump->data); \
}

EACH(endpoint)
EACH(binding)
EACH(session)

int kpc_nl_endpoint_dump(struct kpc_nl *nl,
			 int (*fn)(const struct kpc_endpoint *endpoint,
				   void *data),
			 void *data, struct kpc_error *err)
{
	struct endpoint_dump dump = { fn, data };

	return kpci_nl_call(nl, BUILD(nl, dump, KPC_CMD_ENDPOINT_GET),
			    each_endpoint, &dump, err);
}

int kpc_nl_binding_dump(struct kpc_nl *nl, const char *association,
			int (*fn)(const struct kpc_binding *binding,
				  void *data),
			void *data, struct kpc_error *err)
{
	struct binding_dump dump = { fn, data };

	return kpci_nl_call(nl, BUILD(nl, binding_dump, association),
			    each_binding, &dump, err);
}

int kpc_nl_session_dump(struct kpc_nl *nl,
			int (*fn)(const struct kpc_session *session,
				  void *data),
			void *data, struct kpc_error *err)
{
	struct session_dump dump = { fn, data };

	return kpci_nl_call(nl, BUILD(nl, dump, KPC_CMD_SESSION_GET),
			    each_session, &dump, err);
}
