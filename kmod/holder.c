// SPDX-License-Identifier: GPL-2.0-only
/*
 * Holders: whose sockets an association may have. The kernel knows of a socket
 * the user who made it, or accepted it, and the control group in which it, or
 * its listener, was made. It does not know who else has been given it since.
 */
#include <linux/cgroup.h>
#include <linux/string.h>
#include <net/sock.h>

#include "compat.h"
#include "holder.h"
#include "net.h"
#include "netlink.h"
#include "policy.h"

/* A path of names, none of them one that a directory has anyway. */
static bool path_valid(const char *path)
{
	size_t len;

	do {
		if (*path++ != '/')
			return false;
		len = strcspn(path, "/");
		if (!len || (path[0] == '.' && (len == 1 ||
						(len == 2 && path[1] == '.'))))
			return false;
		path += len;
	} while (*path);
	return true;
}

/**
 * kpc_holder_valid() - whether a policy names a holder that there may be
 * @kn: namespace, for the sentence of a refusal
 * @extack: of the request
 * @policy: to check
 */
int kpc_holder_valid(struct kpc_net *kn, struct netlink_ext_ack *extack,
		     const struct kpc_policy *policy)
{
	/* An empty one that was given is not none: a restriction was meant. */
	if (policy->holder_cgroup == policy->texts)
		return 0;
	if (!IS_ENABLED(CONFIG_SOCK_CGROUP_DATA))
		return kpc_refuse(kn, extack, -EOPNOTSUPP,
				  "'%s': this kernel keeps no control group of a socket (CONFIG_SOCK_CGROUP_DATA)",
				  policy->name);
	if (!path_valid(policy->holder_cgroup))
		return kpc_refuse(kn, extack, -EINVAL,
				  "'%s': holder-cgroup '%s' is not a path /A/B from the root of the control groups",
				  policy->name, policy->holder_cgroup);
	return 0;
}

#ifdef CONFIG_SOCK_CGROUP_DATA
static struct cgroup *cgroup_of(const struct sock *sk)
{
	return sock_cgroup_ptr((struct sock_cgroup_data *)&sk->sk_cgrp_data);
}

/*
 * By its path: a service's group is made anew, with another id, each time it
 * starts. No group of version 2 changes its name, and a socket keeps its own.
 */
static bool is_of_cgroup(const struct sock *sk, const char *path)
{
	char name[KPC_CGROUP_MAX + 2];
	struct cgroup *cgroup;
	const char *c;
	int level = 0;
	int len;

	for (c = path; *c; c++)
		level += *c == '/';
	cgroup = cgroup_ancestor(cgroup_of(sk), level);
	if (!cgroup)
		return false;
	len = cgroup_path(cgroup, name, sizeof(name));
	return len > 0 && len < sizeof(name) && !strcmp(name, path);
}

static const char *made_in(const struct sock *sk, char *name, size_t size)
{
	int len = cgroup_path(cgroup_of(sk), name, size);

	return len < 0 ? "?" : name;
}
#else
static bool is_of_cgroup(const struct sock *sk, const char *path)
{
	return false;
}

static const char *made_in(const struct sock *sk, char *name, size_t size)
{
	return "?";
}
#endif

static bool is_of_user(const struct sock *sk, const struct kpc_policy *policy)
{
	uid_t uid = from_kuid(sock_net(sk)->user_ns, kpc_sock_uid(sk));

	return uid == policy->holder_uid && uid != (uid_t)-1;
}

/**
 * kpc_holder_named() - whether an association has a holder's sockets alone
 * @policy: of the association
 */
bool kpc_holder_named(const struct kpc_policy *policy)
{
	return policy->has_holder_uid || policy->holder_cgroup[0];
}

/**
 * kpc_holder_allowed() - whether an association may have a socket, by its holder
 * @policy: of the association
 * @sk: the socket
 */
bool kpc_holder_allowed(const struct kpc_policy *policy, const struct sock *sk)
{
	return (!policy->has_holder_uid || is_of_user(sk, policy)) &&
	       (!policy->holder_cgroup[0] ||
		is_of_cgroup(sk, policy->holder_cgroup));
}

/**
 * kpc_holder_check() - the same, with the sentence of a refusal
 * @kn: namespace of the socket
 * @extack: of the request
 * @policy: of the association
 * @sk: the socket
 */
int kpc_holder_check(struct kpc_net *kn, struct netlink_ext_ack *extack,
		     const struct kpc_policy *policy, const struct sock *sk)
{
	char name[128];

	if (kpc_holder_allowed(policy, sk))
		return 0;
	if (policy->has_holder_uid && !is_of_user(sk, policy))
		return kpc_refuse(kn, extack, -EPERM,
				  "'%s' is for sockets of user %d alone (holder-uid), and this one is of user %u",
				  policy->name, (int)policy->holder_uid,
				  from_kuid_munged(kn->net->user_ns,
						   kpc_sock_uid(sk)));
	return kpc_refuse(kn, extack, -EPERM,
			  "'%s' is for sockets made in %s alone (holder-cgroup), and this one was made in %s",
			  policy->name, policy->holder_cgroup,
			  made_in(sk, name, sizeof(name)));
}
