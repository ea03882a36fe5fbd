// SPDX-License-Identifier: MIT
/*
 * kpcd(8), the agent of kpc.
 */
#include "options.h"
#include "process.h"
#include "warden.h"

int main(int argc, char **argv)
{
	struct options options;
	int err;

	err = process_main(argc, argv);
	if (err >= 0)
		return err;
	err = options_read(&options, argc, argv);
	if (err)
		return err < 0 ? 2 : 0;
	return warden_run(&options);
}
