// SPDX-License-Identifier: MIT
/*
 * monitor: the module's events as they come, one line each.
 */
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>

#include "clock.h"
#include "print.h"

static const struct group {
	const char *name;
	unsigned int bit;
} groups[] = {
	{ "association", KPC_NL_ASSOCIATION },
	{ "binding", KPC_NL_BINDING },
	{ "violation", KPC_NL_VIOLATION },
	{ "agent", KPC_NL_AGENT },
};

static void put_reason(enum kpc_reason reason)
{
	if (reason != KPC_REASON_NONE)
		printf(", %s", name_reason(reason));
}

static void print_association_event(const struct kpc_event *event)
{
	const struct kpc_association *association = &event->association;
	char kpc_id[KPC_KPCID_TEXT_MAX];

	printf("association %s %s: role %s, KpcId %s, IdA %s, IdB %s, mark 0x%08x",
	       association->name, name_change(event->change),
	       name_role(association->role),
	       kpc_kpcid_text(&association->kpc_id, kpc_id),
	       association->id_a.text, association->id_b.text,
	       association->mark);
	put_reason(event->reason);
	putchar('\n');
}

static void print_binding_event(const struct kpc_event *event)
{
	const struct kpc_binding *binding = &event->binding;
	char version[8];
	char suite[8];

	printf("binding %" PRIu64 " of %s %s: ", binding->id,
	       binding->association, name_change(event->change));
	if (binding->protocol == IPPROTO_UDP)
		fputs("udp ", stdout);
	print_address(stdout, &binding->local);
	fputs(" to ", stdout);
	print_address(stdout, &binding->remote);
	printf(", IdA %s, IdB %s, mark 0x%08x, %s, %s, by the %s",
	       binding->id_a, binding->id_b, binding->mark,
	       name_version(binding->version, version),
	       name_suite(binding->suite, suite),
	       name_carrier(binding->carrier));
	if (event->change == KPC_CHANGE_REMOVED)
		printf(", %" PRIu64 " octets sent, %" PRIu64 " received",
		       binding->tx_octets, binding->rx_octets);
	put_reason(event->reason);
	putchar('\n');
}

static void print_violation_event(const struct kpc_event *event)
{
	const struct kpc_violation *violation = &event->violation;

	printf("violation %s: %s %s ", name_violation(violation->kind),
	       name_direction(violation->direction),
	       name_protocol(violation->protocol));
	print_address(stdout, &violation->local);
	fputs(violation->direction == KPC_DIRECTION_OUT ? " to " : " from ",
	      stdout);
	print_address(stdout, &violation->remote);
	printf(", mark 0x%08x", violation->mark);
	if (*violation->association)
		printf(", association %s", violation->association);
	if (violation->has_uid)
		printf(", user %u", violation->uid);
	if (violation->pid)
		printf(", process %u", violation->pid);
	if (violation->suppressed)
		printf(", %u like it not told", violation->suppressed);
	putchar('\n');
}

static void print_establish_event(const struct kpc_event *event)
{
	const struct kpc_establish *establish = &event->establish;

	printf("establish %s %s: request %u", establish->association,
	       name_state(establish->state), establish->id);
	print_outcome(stdout, establish);
	putchar('\n');
}

static void print_session_event(const struct kpc_event *event)
{
	const struct kpc_session *session = &event->session;

	printf("session %u %s: %s, process %u\n", session->id,
	       name_change(event->change), name_session(session->type),
	       session->pid);
}

static void json_association_event(struct json *json,
				   const struct kpc_event *event)
{
	const struct kpc_association *association = &event->association;
	char kpc_id[KPC_KPCID_TEXT_MAX];

	json_string(json, "change", name_change(event->change));
	json_string(json, "reason", name_reason(event->reason));
	json_number(json, "id", event->state.id);
	json_string(json, "name", association->name);
	json_string(json, "role", name_role(association->role));
	json_string(json, "kpc_id",
		    kpc_kpcid_text(&association->kpc_id, kpc_id));
	json_string(json, "id_a", association->id_a.text);
	json_string(json, "id_b", association->id_b.text);
	json_number(json, "mark", association->mark);
	json_number(json, "bindings", event->state.bindings);
}

static void json_binding_event(struct json *json,
			       const struct kpc_event *event)
{
	json_string(json, "change", name_change(event->change));
	json_string(json, "reason", name_reason(event->reason));
	json_binding(json, &event->binding);
}

static void json_violation_event(struct json *json,
				 const struct kpc_event *event)
{
	const struct kpc_violation *violation = &event->violation;

	json_string(json, "kind", name_violation(violation->kind));
	json_string(json, "direction", name_direction(violation->direction));
	json_number(json, "mark", violation->mark);
	if (*violation->association)
		json_string(json, "association", violation->association);
	json_string(json, "protocol", name_protocol(violation->protocol));
	json_address(json, "local", &violation->local);
	json_address(json, "remote", &violation->remote);
	if (violation->has_uid)
		json_number(json, "uid", violation->uid);
	if (violation->pid)
		json_number(json, "pid", violation->pid);
	json_number(json, "suppressed", violation->suppressed);
}

static void json_establish_event(struct json *json,
				 const struct kpc_event *event)
{
	json_number(json, "id", event->establish.id);
	json_string(json, "association", event->establish.association);
	json_outcome(json, &event->establish);
}

static void json_session_event(struct json *json,
			       const struct kpc_event *event)
{
	json_string(json, "change", name_change(event->change));
	json_number(json, "id", event->session.id);
	json_string(json, "type", name_session(event->session.type));
	json_number(json, "pid", event->session.pid);
}

static const struct form {
	uint8_t cmd;
	const char *name;
	void (*print)(const struct kpc_event *event);
	void (*json)(struct json *json, const struct kpc_event *event);
} forms[] = {
	{ KPC_CMD_ASSOCIATION_NTF, "association", print_association_event,
	  json_association_event },
	{ KPC_CMD_BINDING_NTF, "binding", print_binding_event,
	  json_binding_event },
	{ KPC_CMD_VIOLATION_NTF, "violation", print_violation_event,
	  json_violation_event },
	{ KPC_CMD_ESTABLISH_NTF, "establish", print_establish_event,
	  json_establish_event },
	{ KPC_CMD_SESSION_NTF, "session", print_session_event,
	  json_session_event },
};

static void put_event(struct cli *cli, const struct kpc_event *event)
{
	const struct form *form;

	for (form = forms; form < forms + CLI_COUNT(forms); form++)
		if (form->cmd == event->cmd)
			break;
	if (form == forms + CLI_COUNT(forms))
		return;
	json_object(&cli->json, NULL);
	json_string(&cli->json, "event", form->name);
	/* What is asked of the agent changes nothing, and so has no number. */
	if (event->cmd != KPC_CMD_ESTABLISH_NTF)
		json_number(&cli->json, "generation", event->generation);
	form->json(&cli->json, event);
	json_object_end(&cli->json);
	if (!cli->use_json)
		form->print(event);
	fflush(stdout);
}

static void put_lost(struct cli *cli)
{
	json_object(&cli->json, NULL);
	json_string(&cli->json, "event", "lost");
	json_object_end(&cli->json);
	if (!cli->use_json)
		puts("lost: events came faster than they were read");
	fflush(stdout);
}

/*
 * Each event has left when the next is waited for: a signal may end the program
 * as it ends any other.
 *
 * Return: 0 when @count events were shown, 1 at the end of the time.
 */
static int follow(struct cli *cli, struct kpc_nl *nl, uint64_t count,
		  uint32_t seconds)
{
	static struct kpc_event event;
	struct pollfd wait = { .fd = nl->fd, .events = POLLIN };
	uint64_t end = clock_now() + 1000ULL * seconds;
	uint64_t seen = 0;
	int left;
	int ret;

	for (;;) {
		ret = kpc_nl_event_next(nl, &event);
		if (ret == -ENOBUFS) {
			put_lost(cli);
			continue;
		}
		if (ret < 0)
			return ret;
		if (ret) {
			put_event(cli, &event);
			if (++seen == count)
				return 0;
			continue;
		}
		left = seconds ? clock_left(end) : -1;
		if (!left)
			return 1;
		poll(&wait, 1, left);
	}
}

static int find_groups(const struct cli *cli, int argc, char **argv,
		       unsigned int *bits)
{
	size_t i;
	int at;

	for (at = 0; at < argc; at++) {
		for (i = 0; i < CLI_COUNT(groups); i++)
			if (*argv[at] && !strncmp(groups[i].name, argv[at],
						  strlen(argv[at])))
				break;
		if (i == CLI_COUNT(groups))
			return cli_usage(cli, "\"%.40s\" is not known; accepted: "
			"association binding violation agent",
					 argv[at]);
		/* "a" may be either; the shorter a word, the more it must say. */
		if (!strcmp(argv[at], "a"))
			return cli_usage(cli, "\"a\" may be one of: association agent");
		*bits |= groups[i].bit;
	}
	if (!*bits)
		*bits = KPC_NL_ASSOCIATION | KPC_NL_BINDING |
			KPC_NL_VIOLATION | KPC_NL_AGENT;
	return 0;
}

int cmd_monitor(struct cli *cli, int argc, char **argv)
{
	struct kpc_error err = { "" };
	const char *timeout = NULL;
	const char *number = NULL;
	const struct cli_option options[] = {
		{ "--timeout", NULL, &timeout },
		{ "--count", NULL, &number },
	};
	unsigned int bits = 0;
	uint32_t seconds = 0;
	uint64_t count = 0;
	struct kpc_nl nl;
	int ret;

	if (cli_options(cli, options, CLI_COUNT(options), &argc, argv) ||
	    (timeout && cli_seconds(cli, "--timeout", timeout, &seconds)) ||
	    (number && cli_count(cli, "--count", number, &count)) ||
	    find_groups(cli, argc, argv, &bits))
		return CLI_USAGE;
	if (kpc_nl_open(&nl, &err))
		return cli_refuse(cli, NULL, &err);
	ret = kpc_nl_subscribe(&nl, bits, &err);
	if (ret) {
		ret = cli_refuse(cli, NULL, &err);
		goto close;
	}
	/* Scripts wait for this line before they cause what they look for. */
	fprintf(stderr, "kpc: monitor: listening\n");
	cli->json.pretty = false;
	ret = follow(cli, &nl, count, seconds);
	if (ret < 0) {
		kpc_error_set(&err, "receiving events: %s", strerror(-ret));
		ret = cli_refuse(cli, NULL, &err);
	} else if (ret && count) {
		kpc_error_set(&err, "fewer than %" PRIu64 " events in %u s",
			      count, seconds);
		ret = cli_refuse(cli, NULL, &err);
	} else {
		ret = CLI_OK;
	}
close:
	kpc_nl_close(&nl);
	return ret;
}
