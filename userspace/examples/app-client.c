// SPDX-License-Identifier: MIT
/*
 * Has kpcd reach IdB and speaks on the connection's own socket: sends what it
 * reads and prints what comes back.
 *
 *	association echo role a ... plain hand-over:/run/kpc/echo.sock
 *
 *	app-client [-u] /run/kpc/echo.sock //site-b.example/in
 *
 * Before it sends anything it sees that it is that entity, and no other, that it
 * was connected to. -u takes also what no module vouches for.
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <kpc/app.h>

static int put(const char *octets, ssize_t length)
{
	ssize_t written;

	for (; length > 0; octets += written, length -= written) {
		written = write(STDOUT_FILENO, octets, length);
		if (written < 0)
			return -errno;
	}
	return 0;
}

static int send_input(struct kpc_app *app, bool *more, struct kpc_error *err)
{
	char buffer[16384];
	ssize_t got, sent, at;

	got = read(STDIN_FILENO, buffer, sizeof(buffer));
	if (got <= 0) {
		*more = false;
		return kpc_app_shutdown(app, err);
	}
	for (at = 0; at < got; at += sent) {
		sent = kpc_send(app, buffer + at, got - at, err);
		if (sent < 0)
			return sent;
	}
	return 0;
}

/* Both directions, each until its own end. */
static int talk(struct kpc_app *app, struct kpc_error *err)
{
	struct pollfd at[] = {
		{ .fd = app->fd, .events = POLLIN },
		{ .fd = STDIN_FILENO, .events = POLLIN },
	};
	char buffer[16384];
	bool more = true;
	ssize_t got;
	int ret = 0;

	while (!ret) {
		if (poll(at, more ? 2 : 1, -1) < 0)
			return -errno;
		if (more && at[1].revents)
			ret = send_input(app, &more, err);
		if (ret || !at[0].revents)
			continue;
		got = kpc_recv(app, buffer, sizeof(buffer), err);
		if (got <= 0)
			return got;
		ret = put(buffer, got);
	}
	return ret;
}

/*
 * The module vouches for what is told of a connection, and not for its being the one
 * that was asked for.
 */
static int check_far_end(const struct kpc_binding *got, const char *wanted,
			 struct kpc_error *err)
{
	if (got->role == KPC_ROLE_A && !strcmp(got->id_b, wanted))
		return 0;
	return kpc_error_return(err, -EPERM, "the agent has a connection to %s, not to %s",
				got->role == KPC_ROLE_A ? got->id_b : got->id_a, wanted);
}

int main(int argc, char **argv)
{
	bool unbound = argc > 1 && !strcmp(argv[1], "-u");
	struct kpc_error err = { "" };
	struct kpc_app app;
	int ret;

	if (argc != (unbound ? 4 : 3)) {
		fprintf(stderr, "usage: %s [-u] PATH IDB\n", argv[0]);
		return 2;
	}
	ret = kpc_app_connect(argv[argc - 2], unbound ? KPC_APP_TAKE_UNBOUND : 0, &app, &err);
	if (!ret) {
		ret = check_far_end(&app.identity, argv[argc - 1], &err);
		if (!ret) {
			fprintf(stderr, "connected to %s as %s\n", app.identity.id_b,
				app.identity.id_a);
			ret = talk(&app, &err);
		}
		if (ret)
			kpc_app_abort(&app);
		else
			ret = kpc_app_close(&app, &err);
	}
	if (ret)
		fprintf(stderr, "%s\n", err.text);
	return ret ? EXIT_FAILURE : EXIT_SUCCESS;
}
