// SPDX-License-Identifier: MIT
/*
 * kpcperf(1), measures what TLS-PSK connections carry.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include <kpc/key.h>

#include "../kpc/secret.h"
#include "client.h"
#include "options.h"
#include "server.h"

/* Keys are locked in memory, and every connection has a descriptor. */
static void raise_limit(int what)
{
	struct rlimit limit;

	if (getrlimit(what, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(what, &limit);
}

/* What could not be told is no success. */
static int written(int status)
{
	if (!fflush(stdout) && !ferror(stdout))
		return status;
	fprintf(stderr, "kpcperf: writing: %s\n", strerror(errno));
	return 1;
}

int main(int argc, char **argv)
{
	struct options options;
	struct kpc_error why;
	int ret;

	secret_guard();
	if (kpc_key_refuse(argc, argv, &why)) {
		fprintf(stderr, "kpcperf: %s\n", why.text);
		return 2;
	}
	ret = options_read(&options, argc, argv);
	if (ret)
		return ret < 0 ? 2 : written(0);
	raise_limit(RLIMIT_MEMLOCK);
	raise_limit(RLIMIT_NOFILE);
	signal(SIGPIPE, SIG_IGN);
	return written(options.server ? server_run(&options) :
					client_run(&options));
}
