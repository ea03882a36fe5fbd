// SPDX-License-Identifier: MIT
/*
 * A service that is given its connections by kpcd: it knows who is at the far
 * end, and says back what it hears. One process for each connection.
 *
 *	association echo role b ... plain hand-over:/run/echo.sock
 *
 *	app-server [-p] [-u] /run/echo.sock
 *
 * -p takes socket pairs too (plain pair:), -u also what no module vouches for.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <kpc/app.h>

static int echo(struct kpc_app *app, struct kpc_error *err)
{
	char buffer[16384];
	ssize_t got, sent, at;

	while ((got = kpc_recv(app, buffer, sizeof(buffer), err)) > 0) {
		for (at = 0; at < got; at += sent) {
			sent = kpc_send(app, buffer + at, got - at, err);
			if (sent < 0)
				return sent;
		}
	}
	return got;
}

static int serve(struct kpc_app *app)
{
	const struct kpc_binding *of = &app->identity;
	struct kpc_error err = { "" };
	int ret;

	printf("%s: %s of %s has come%s\n", of->association, of->id_a, of->id_b,
	       of->id ? "" : ", which no module vouches for");
	ret = echo(app, &err);
	/*
	 * Cut off: to end it in order would be to say that all is well. A pair has no
	 * other end than that: its agent sends close_notify, unless something was left
	 * unread.
	 */
	if (ret)
		kpc_app_abort(app);
	else
		ret = kpc_app_close(app, &err);
	printf("%s: %s\n", of->association, ret ? err.text : "ended in order");
	return ret ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct kpc_error err = { "" };
	unsigned int take = 0;
	struct kpc_app app;
	int listener, option;

	while ((option = getopt(argc, argv, "pu")) != -1) {
		switch (option) {
		case 'p':
			take |= KPC_APP_TAKE_PAIR;
			break;
		case 'u':
			take |= KPC_APP_TAKE_UNBOUND;
			break;
		default:
			return 2;
		}
	}
	if (argc - optind != 1) {
		fprintf(stderr, "usage: %s [-p] [-u] PATH\n", argv[0]);
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGCHLD, SIG_IGN);
	listener = kpc_app_listen(argv[optind], &err);
	if (listener < 0) {
		fprintf(stderr, "%s\n", err.text);
		return EXIT_FAILURE;
	}
	for (;;) {
		if (kpc_app_accept(listener, take, &app, &err)) {
			printf("refused: %s\n", err.text);
			continue;
		}
		if (!fork())
			exit(serve(&app));
		/* The child has the connection; nothing is said on it here. */
		close(app.fd);
	}
}
