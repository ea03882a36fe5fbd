// SPDX-License-Identifier: MIT
/*
 * The system calls that a worker has left once it serves.
 *
 * Whatever is not in the table ends the process: the warden then starts
 * another one, and the log tells.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <seccomp.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <kpc/ktls.h>

#include "worker.h"

static const int allowed[] = {
	/* Sockets that the warden handed over, and role a's own. */
	SCMP_SYS(accept4),
	SCMP_SYS(bind),
	SCMP_SYS(close),
	SCMP_SYS(connect),
	SCMP_SYS(getpeername),
	SCMP_SYS(getsockname),
	SCMP_SYS(getsockopt),
	SCMP_SYS(read),
	SCMP_SYS(readv),
	SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg),
	SCMP_SYS(sendmsg),
	SCMP_SYS(sendto),
	SCMP_SYS(shutdown),
	SCMP_SYS(write),
	SCMP_SYS(writev),

	/* Waiting. */
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(io_uring_enter),
	SCMP_SYS(io_uring_register),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(timerfd_settime),

	/* Memory. */
	SCMP_SYS(brk),
	SCMP_SYS(madvise),
	SCMP_SYS(mlock),
	SCMP_SYS(mlock2),
	SCMP_SYS(mremap),
	SCMP_SYS(munlock),
	SCMP_SYS(munmap),

	/* Time, chance, and an orderly or disorderly end. */
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(futex),
	SCMP_SYS(getpid),
	SCMP_SYS(getrandom),
	SCMP_SYS(gettid),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
};

/*
 * Calls that libraries try and can do without: refused, not fatal. OpenSSL
 * looks at files and identity when it gathers errors or randomness. More key
 * memory than was taken at the start is locked memory.
 */
static const int refused[] = {
	SCMP_SYS(access),
	SCMP_SYS(fstat),
	SCMP_SYS(getegid),
	SCMP_SYS(geteuid),
	SCMP_SYS(getgid),
	SCMP_SYS(getuid),
	SCMP_SYS(ioctl),
	SCMP_SYS(lseek),
	SCMP_SYS(memfd_secret),
	SCMP_SYS(newfstatat),
	SCMP_SYS(open),
	SCMP_SYS(openat),
	SCMP_SYS(readlink),
	SCMP_SYS(sched_yield),
	SCMP_SYS(stat),
	SCMP_SYS(statx),
};

static int allow_sockets(scmp_filter_ctx filter, int type, int protocol)
{
	static const int families[] = { AF_INET, AF_INET6 };
	const uint64_t flags = SOCK_CLOEXEC | SOCK_NONBLOCK;
	size_t i;
	int err;

	for (i = 0; i < sizeof(families) / sizeof(*families); i++) {
		err = seccomp_rule_add(filter, SCMP_ACT_ALLOW,
				       SCMP_SYS(socket), 3,
				       SCMP_A0(SCMP_CMP_EQ, families[i]),
				       SCMP_A1(SCMP_CMP_MASKED_EQ, ~flags,
					       type),
				       SCMP_A2(SCMP_CMP_EQ, protocol));
		if (err)
			return err;
	}
	return 0;
}

/* A new socket is a TCP one: no MPTCP, raw, packet, netlink or UNIX socket. */
static int allow_tcp(scmp_filter_ctx filter)
{
	return allow_sockets(filter, SOCK_STREAM, IPPROTO_TCP);
}

/* Or one of UDP, from which many datagrams are taken in one call. */
static int allow_udp(scmp_filter_ctx filter)
{
	int err = allow_sockets(filter, SOCK_DGRAM, IPPROTO_UDP);

	if (err)
		return err;
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(recvmmsg), 0);
}

/*
 * What a worker sets of its sockets. A filter on a listener would choose for
 * all that share its port.
 */
static int allow_options(scmp_filter_ctx filter)
{
	static const int options[][2] = {
		{ SOL_SOCKET, SO_KEEPALIVE },
		{ SOL_SOCKET, SO_LINGER },
		/* By this it is tried whether others can share a port of UDP. */
		{ SOL_SOCKET, SO_REUSEADDR },
		{ SOL_UDP, UDP_GRO },
		{ IPPROTO_TCP, TCP_NODELAY },
		{ IPPROTO_TCP, TCP_ULP },
		{ SOL_TLS, TLS_TX },
		{ SOL_TLS, TLS_RX },
		{ SOL_TLS, TLS_RX_EXPECT_NO_PAD },
	};
	size_t i;
	int err;

	for (i = 0; i < sizeof(options) / sizeof(*options); i++) {
		err = seccomp_rule_add(filter, SCMP_ACT_ALLOW,
				       SCMP_SYS(setsockopt), 2,
				       SCMP_A1(SCMP_CMP_EQ, options[i][0]),
				       SCMP_A2(SCMP_CMP_EQ, options[i][1]));
		if (err)
			return err;
	}
	return 0;
}

/* abort() ends this process, and none of the others that have its user. */
static int allow_abort(scmp_filter_ctx filter)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
				SCMP_A0(SCMP_CMP_EQ, getpid()));
}

/* Memory that can be executed is what it was when the worker started. */
static int allow_mapping(scmp_filter_ctx filter)
{
	int err;

	err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
			       SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (err)
		return err;
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
				SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
}

static int add_all(scmp_filter_ctx filter, uint32_t action, const int *calls,
		   size_t count)
{
	size_t i;
	int err;

	for (i = 0; i < count; i++) {
		err = seccomp_rule_add(filter, action, calls[i], 0);
		/* A call that this architecture has not needs no rule. */
		if (err && err != -EDOM)
			return err;
	}
	return 0;
}

int worker_confine(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int err;

	if (!filter)
		return -ENOMEM;
	err = add_all(filter, SCMP_ACT_ALLOW, allowed,
		      sizeof(allowed) / sizeof(*allowed));
	if (!err)
		err = add_all(filter, SCMP_ACT_ERRNO(EPERM), refused,
			      sizeof(refused) / sizeof(*refused));
	if (!err)
		err = allow_tcp(filter);
	if (!err)
		err = allow_udp(filter);
	if (!err)
		err = allow_options(filter);
	if (!err)
		err = allow_abort(filter);
	if (!err)
		err = allow_mapping(filter);
	if (!err)
		err = seccomp_load(filter);
	seccomp_release(filter);
	return err;
}
