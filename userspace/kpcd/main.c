// SPDX-License-Identifier: MIT
/*
 * kpcd(8), the agent of kpc.
 */
#include <stdio.h>

#include <kpc/key.h>

#include "options.h"
#include "process.h"
#include "warden.h"

int main(int argc, char **argv)
{
	struct options options;
	struct kpc_error why;
	int err;

	err = process_main(argc, argv);
	if (err >= 0)
		return err;
	if (kpc_key_refuse(argc, argv, &why)) {
		fprintf(stderr, "kpcd: %s\n", why.text);
		return 2;
	}
	err = options_read(&options, argc, argv);
	if (err)
		return err < 0 ? 2 : 0;
	return warden_run(&options);
}
