// SPDX-License-Identifier: LGPL-2.1-or-later
/* Says why a path cannot be opened. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

int kpci_path_refuse(const char *path, int error, struct kpc_error *err)
{
	char target[KPC_ERROR_TEXT_MAX];
	ssize_t length = error == ENOENT ? readlink(path, target, sizeof(target)) : -1;

	if (length < 0)
		return kpc_error_return(err, -error, "%s: %s", path, strerror(error));
	return kpc_error_return(err, -ENOLINK, "%s is a link to %.*s, which is not there", path,
				(int)length, target);
}
