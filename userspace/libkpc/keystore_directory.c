// SPDX-License-Identifier: LGPL-2.1-or-later
/* Visits the files of a directory that holds keys. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "keystore_internal.h"

static int wanted(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return entry->d_name[0] != '.' && entry->d_name[len - 1] != '~';
}

int kpci_keystore_directory(const char *path,
			    int (*take)(void *context, const char *name, struct kpc_error *err),
			    void *context, struct kpc_error *err)
{
	struct dirent **names;
	int count, code;

	code = kpci_secret_directory(path, false, err);
	if (!code)
		code = kpci_secret_parent(path, err);
	if (code)
		return code;
	count = scandir(path, &names, wanted, alphasort);
	if (count < 0)
		return kpc_error_return(err, -errno, "%s: %s", path, strerror(errno));
	for (int i = 0; i < count; i++) {
		if (!code)
			code = take(context, names[i]->d_name, err);
		free(names[i]);
	}
	free(names);
	return code;
}
