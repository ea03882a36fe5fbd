// SPDX-License-Identifier: MIT
/*
 * establish and close: commands to the agent, and their answers.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "clock.h"
#include "print.h"

#define CLOSE_SECONDS	10

/* Waits for the answer to request @id, which may have come already. */
static int wait_answer(const struct cli *cli, struct kpc_nl *events,
		       const char *name, uint32_t id, uint32_t seconds,
		       struct kpc_event *event)
{
	struct pollfd wait = { .fd = events->fd, .events = POLLIN };
	uint64_t end = clock_now() + 1000ULL * seconds;
	struct kpc_error err;
	int left;
	int ret;

	for (;;) {
		ret = kpc_nl_event_next(events, event);
		/* Others' events were lost, perhaps ours: the deadline holds. */
		if (ret == -ENOBUFS)
			continue;
		if (ret < 0) {
			kpc_error_set(&err, "receiving the answer: %s",
				      strerror(-ret));
			return cli_refuse(cli, name, &err);
		}
		if (ret && event->cmd == KPC_CMD_ESTABLISH_NTF &&
		    event->establish.id == id &&
		    event->establish.state >= KPC_ESTABLISH_STATE_ESTABLISHED)
			return 0;
		if (ret)
			continue;
		left = clock_left(end);
		if (!left)
			break;
		if (poll(&wait, 1, left) < 0 && errno != EINTR)
			break;
	}
	kpc_error_set(&err, "no answer of the agent in %u s", seconds);
	return cli_refuse(cli, name, &err);
}

static int put_answer(struct cli *cli, const struct kpc_establish *answer,
		      const char *name)
{
	struct kpc_error err;

	json_object(&cli->json, NULL);
	json_string(&cli->json, "association", name);
	json_outcome(&cli->json, answer);
	json_object_end(&cli->json);
	if (answer->state == KPC_ESTABLISH_STATE_FAILED) {
		kpc_error_set(&err, "%s", *answer->message ? answer->message :
			      answer->error ? strerror(answer->error) :
			      "failed for an unknown reason");
		return cli_refuse(cli, name, &err);
	}
	if (cli->use_json)
		return CLI_OK;
	printf("%s: %s", name, name_state(answer->state));
	print_outcome(stdout, answer);
	putchar('\n');
	return CLI_OK;
}

static int command(struct cli *cli, int argc, char **argv,
		   int (*ask)(struct kpc_nl *nl, const char *association,
			      uint32_t *id, struct kpc_error *err),
		   uint32_t seconds)
{
	static struct kpc_event event;
	struct kpc_error err = { "" };
	const char *timeout = NULL;
	const struct cli_option options[] = {
		{ "--timeout", NULL, &timeout },
	};
	struct kpc_nl events;
	uint32_t id = 0;
	int ret;

	ret = cli_options(cli, options, CLI_COUNT(options), &argc, argv);
	if (ret)
		return ret;
	if (argc != 1)
		return cli_usage(cli, "one NAME is accepted");
	if (timeout && cli_seconds(cli, "--timeout", timeout, &seconds))
		return CLI_USAGE;
	if (seconds > KPC_ESTABLISH_SECONDS)
		return cli_usage(cli,
				 "--timeout is at most %d seconds: the module ends a request then",
				 KPC_ESTABLISH_SECONDS);
	if (cli_connect(cli))
		return CLI_REFUSED;
	/* Listening begins before the question, or the answer may be missed. */
	if (kpc_nl_open(&events, &err))
		return cli_refuse(cli, NULL, &err);
	if (kpc_nl_subscribe(&events, KPC_NL_AGENT, &err) ||
	    ask(&cli->nl, argv[0], &id, &err))
		ret = cli_refuse(cli, argv[0], &err);
	else
		ret = wait_answer(cli, &events, argv[0], id, seconds, &event);
	kpc_nl_close(&events);
	return ret ? ret : put_answer(cli, &event.establish, argv[0]);
}

int cmd_establish(struct cli *cli, int argc, char **argv)
{
	return command(cli, argc, argv, kpc_nl_establish,
		       KPC_ESTABLISH_SECONDS);
}

int cmd_close(struct cli *cli, int argc, char **argv)
{
	return command(cli, argc, argv, kpc_nl_close_association,
		       CLOSE_SECONDS);
}
