// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a worker's system call filter lets pass: sockets of TCP and UDP and no
 * others, no new code, no files. Each call is made by a process of its own that
 * has put the filter on. Invariant I10.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kpcd/worker.h>

#include "../tap.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#define KILLED	(-1000)

/* The call's result in the filter: 0, a negative errno, or KILLED. */
static int confined(long nr, long a, long b, long c, long d, long e)
{
	int status;
	long ret;
	pid_t pid = fork();

	if (!pid) {
		if (worker_confine())
			_exit(254);
		ret = syscall(nr, a, b, c, d, e, 0L);
		_exit(ret < 0 ? errno : 0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -ECHILD;
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == SIGSYS ? KILLED : -EINTR;
	return -WEXITSTATUS(status);
}

static const struct {
	const char *what;
	long nr;
	long a, b, c, d, e;
	int result;
} calls[] = {
	{ "a TCP socket", SYS_socket, AF_INET, SOCK_STREAM, IPPROTO_TCP,
	  .result = 0 },
	{ "a TCP socket of IPv6 that does not wait", SYS_socket, AF_INET6,
	  SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP, .result = 0 },
	{ "MPTCP", SYS_socket, AF_INET, SOCK_STREAM, IPPROTO_MPTCP,
	  .result = KILLED },
	{ "SCTP", SYS_socket, AF_INET, SOCK_STREAM, IPPROTO_SCTP,
	  .result = KILLED },
	{ "the family's default, which a kernel may make MPTCP", SYS_socket,
	  AF_INET6, SOCK_STREAM, 0, .result = KILLED },
	{ "UDP", SYS_socket, AF_INET, SOCK_DGRAM, IPPROTO_UDP, .result = 0 },
	{ "UDP of IPv6 that does not wait", SYS_socket, AF_INET6,
	  SOCK_DGRAM | SOCK_NONBLOCK, IPPROTO_UDP, .result = 0 },
	{ "UDP-Lite", SYS_socket, AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE,
	  .result = KILLED },
	{ "ICMP", SYS_socket, AF_INET, SOCK_DGRAM, IPPROTO_ICMP,
	  .result = KILLED },
	{ "raw UDP", SYS_socket, AF_INET, SOCK_RAW, IPPROTO_UDP,
	  .result = KILLED },
	{ "many datagrams at once", SYS_recvmmsg, -1, .result = -EBADF },
	{ "that datagrams may be joined", SYS_setsockopt, -1, SOL_UDP, UDP_GRO,
	  .result = -EBADF },
	{ "a program for datagrams", SYS_setsockopt, -1, SOL_UDP, UDP_ENCAP,
	  .result = KILLED },
	{ "a type beside SOCK_STREAM", SYS_socket, AF_INET, SOCK_STREAM | 0x10,
	  IPPROTO_TCP, .result = KILLED },
	{ "a raw socket", SYS_socket, AF_INET, SOCK_RAW, IPPROTO_TCP,
	  .result = KILLED },
	{ "a packet socket", SYS_socket, AF_PACKET, SOCK_RAW, 0,
	  .result = KILLED },
	{ "netlink", SYS_socket, AF_NETLINK, SOCK_RAW, 16, .result = KILLED },
	{ "a UNIX socket", SYS_socket, AF_UNIX, SOCK_STREAM, 0,
	  .result = KILLED },
	{ "datagrams of UNIX", SYS_socket, AF_UNIX, SOCK_DGRAM, 0,
	  .result = KILLED },
	{ "an option that it sets", SYS_setsockopt, -1, SOL_SOCKET, SO_KEEPALIVE,
	  .result = -EBADF },
	{ "kernel TLS", SYS_setsockopt, -1, 282, 1, .result = -EBADF },
	{ "a filter that chooses who gets a connection", SYS_setsockopt, -1,
	  SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, .result = KILLED },
	{ "a port that others can have", SYS_setsockopt, -1, SOL_SOCKET,
	  SO_REUSEADDR, .result = -EBADF },
	{ "whether all who share a listener wait", SYS_fcntl, 0, F_SETFL, 0,
	  .result = KILLED },
	{ "a mark", SYS_setsockopt, -1, SOL_SOCKET, SO_MARK, .result = KILLED },
	{ "a signal to another process", SYS_tgkill, 1, 1, 0, .result = KILLED },
	{ "memory", SYS_mmap, 0, 4096, PROT_READ | PROT_WRITE,
	  MAP_PRIVATE | MAP_ANONYMOUS, -1, .result = 0 },
	{ "memory to execute", SYS_mmap, 0, 4096, PROT_READ | PROT_EXEC,
	  MAP_PRIVATE | MAP_ANONYMOUS, -1, .result = KILLED },
	{ "more memory for keys by a file", SYS_memfd_secret, .result = -EPERM },
	{ "a file", SYS_openat, -100, (long)"/etc/passwd", .result = -EPERM },
	{ "a program", SYS_execve, (long)"/bin/true", .result = KILLED },
	{ "another process", SYS_fork, .result = KILLED },
	{ "another's memory", SYS_process_vm_readv, 1, .result = KILLED },
	{ "a new ring", SYS_io_uring_setup, 8, .result = KILLED },
};

int main(void)
{
	unsigned int i;
	int got;

#ifdef __SANITIZE_ADDRESS__
	puts("1..0 # SKIP the address sanitizer makes system calls of its own");
	return 4;
#endif
	tap_begin();
	for (i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		got = confined(calls[i].nr, calls[i].a, calls[i].b, calls[i].c,
			       calls[i].d, calls[i].e);
		if (!tap_ok(got == calls[i].result, "%s: %s", calls[i].what,
			    !calls[i].result ? "allowed" :
			    calls[i].result == KILLED ? "ends the worker" :
			    "refused"))
			tap_note("got %d", got);
	}
	return tap_end();
}
