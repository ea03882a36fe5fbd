// SPDX-License-Identifier: MIT
/*
 * What kpcd.service keeps from the agent, while this shell sees it.
 */
#include <stdlib.h>
#include <string.h>

#include <kpc/key.h>

#include "cli.h"
#include "hidden.h"

#define KEYRING	"keyring"
/* systemd gives each service a session ring of its own, KeyringMode=private. */
#define SESSION	"@s"

/* ProtectHome=yes and PrivateTmp=yes of kpcd.service. */
static const char *const places[] = {
	"/home", "/root", "/run/user", "/tmp", "/var/tmp",
};

static const char *find_place(const char *path)
{
	size_t length;
	size_t i;

	for (i = 0; i < CLI_COUNT(places); i++) {
		length = strlen(places[i]);
		if (!strncmp(path, places[i], length) && path[length] == '/')
			return places[i];
	}
	return NULL;
}

/* By its name or, through links, by where it is. */
const char *hidden_place(const char *path)
{
	const char *place = find_place(path);
	char *real;

	if (place)
		return place;
	real = realpath(path, NULL);
	if (real)
		place = find_place(real);
	free(real);
	return place;
}

const char *hidden_key(const char *text)
{
	const char *path = kpc_key_path(text);
	const char *where;

	if (path)
		return hidden_place(path);
	if (!kpc_key_is_reference(text) ||
	    strncmp(text, KEYRING, strlen(KEYRING)))
		return NULL;
	where = strchr(text, ':') + 1;
	return strncmp(where, SESSION "/", strlen(SESSION "/")) ? NULL :
	       SESSION;
}

const char *hidden_plain(const struct kpc_association *association)
{
	const char *path = kpc_plain_path(association->agent.plain);

	return path ? hidden_place(path) : NULL;
}

void hidden_warn(const struct cli *cli,
		 const struct kpc_association *association)
{
	const char *place = hidden_plain(association);

	if (place)
		cli_warn(cli, "%s: plain %s: kpcd.service does not share %s with other programs; %s",
			 association->name, association->agent.plain, place,
			 association->role == KPC_ROLE_B ?
			 "a directory of the backend's own in /run is for its socket" :
			 "/run/kpc is for such sockets");
}
