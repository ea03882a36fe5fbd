// SPDX-License-Identifier: MIT
/*
 * Runs a program as on a kernel without memfd_secret(2), as that of Debian 12 is,
 * where keys are in memory that root can read:
 *
 *   tool_without_secretmem PROGRAM [ARGUMENT...]
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include <seccomp.h>

int main(int argc, char **argv)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

	if (argc < 2 || !filter ||
	    seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(memfd_secret), 0) ||
	    seccomp_load(filter)) {
		fprintf(stderr, "tool_without_secretmem: no filter\n");
		return 125;
	}
	seccomp_release(filter);
	execvp(argv[1], argv + 1);
	perror(argv[1]);
	return 127;
}
