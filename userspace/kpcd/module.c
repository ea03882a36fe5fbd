// SPDX-License-Identifier: MIT
/*
 * Whether the module that the agent speaks to is still there: generic netlink
 * tells of each family that comes or goes.
 */
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "container.h"
#include "log.h"
#include "module.h"
#include "warden.h"

/* Some family has changed, or what was told was lost: ask for ours. */
static void changed(struct loop_source *source, uint32_t events)
{
	struct warden *warden = container_of(source, struct warden, module);
	struct kpc_error why = { "" };
	struct kpc_config config;
	unsigned char message[256];

	while (recv(source->fd, message, sizeof(message), MSG_DONTWAIT) >= 0 ||
	       errno == ENOBUFS)
		;
	/* A family that is registered anew has another number. */
	if (kpc_nl_config_get(&warden->nl, &config, &why) != -ENOENT)
		return;
	log_say(LOG_ERR,
		"kpc.ko was unloaded: the agent ends, to be started anew with the module");
	warden->failed = true;
	loop_stop(&warden->loop);
}

int module_watch(struct warden *warden)
{
	/* The one group that has the number of its family. */
	const int group = GENL_ID_CTRL;
	const struct sockaddr_nl any = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	int err;

	if (fd < 0)
		return -errno;
	warden->module.fd = fd;
	warden->module.ready = changed;
	/* One without a port has that of the sender, who is not sent to. */
	if (bind(fd, (const struct sockaddr *)&any, sizeof(any)) ||
	    setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group,
		       sizeof(group)))
		err = -errno;
	else
		err = loop_add(&warden->loop, &warden->module, EPOLLIN);
	if (err)
		close(fd);
	return err;
}
