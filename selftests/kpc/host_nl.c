// SPDX-License-Identifier: MIT
/*
 * Proves the netlink codec without a kernel: what is built is read back the
 * same, and no cut or damaged message is read past its end.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/genetlink.h>
#include <linux/netlink.h>

#include <kpc/association.h>
#include <kpc/nl.h>

#include "../tap.h"

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))
#define FAMILY		0x21
#define SEQ		77

static _Alignas(8) uint8_t buffer[KPC_NL_BUFFER];

static const char *const lines[] = {
	"m1 role a kpc-id m1@sp.example id-a //sp.example/cse/C1 id-b //sp.example/in",
	"m2 role b kpc-id 'a\\x20b' format any id-a //sp.example/S1 kind-a ae id-b //sp.example/in listen *:8883 plain tcp:[::1]:1883 allow-uid 0,1,65534 holder-uid 0 holder-cgroup /system.slice/kpcd.service proxy yes start auto rekey-after 1h weak-key yes",
	"m3 role a kpc-id m3@sp.example id-a //sp.example/cse/C1 id-b //sp.example/in mark 0x6b000001 profile onem2m suites 00aa,00ab,c0a6 offload prefer peer 192.0.2.1:8883 plain unix:/run/m3 owner 0 mode 0660 authority h.example limit lifetime 1h octets 1G records 23726566 bindings 2 idle 5m not-before 2026-01-01 not-after 2027-01-01 handshake-octets 1K handshake-time 5s",
	"m5 role a kpc-id m5@sp.example id-a //sp.example/cse/C1 id-b //sp.example/in plain unix:/run/m5 mode 0000",
	"m4 role a kpc-id m4@sp.example id-a //sp.example/cse/C1 id-b //sp.example/in selector remote [2001:db8::]/32:1-65535 selector local 192.0.2.0/24:* remote 198.51.100.1:443 selector remote 203.0.113.7:443 resolved",
};

static int parse(const char *line, struct kpc_association *association)
{
	struct kpc_line words;
	struct kpc_error err;
	unsigned int number = 0;
	char text[1024];
	FILE *memory;
	int ret;

	snprintf(text, sizeof(text), "%s\n", line);
	memory = fmemopen(text, strlen(text), "r");
	kpc_line_read(memory, &number, &words, &err);
	fclose(memory);
	ret = kpc_association_parse(association, words.count, words.words,
				    &err);
	kpc_line_free(&words);
	if (ret)
		tap_note("%s", err.text);
	return ret;
}

static int first_message(size_t length, struct kpc_nl_message *message)
{
	const void *next = buffer;

	return kpc_nl_message_next(FAMILY, &next, &length, message);
}

static void check_associations(void)
{
	static struct kpc_association association;
	static struct kpc_association back;
	struct kpc_nl_message message;
	size_t i;
	int length;

	for (i = 0; i < COUNT(lines); i++) {
		if (parse(lines[i], &association)) {
			tap_ok(false, "reads: %s", lines[i]);
			continue;
		}
		length = kpc_nl_build_association_new(buffer, sizeof(buffer),
						      FAMILY, SEQ,
						      &association, true);
		tap_ok(length > 0 && first_message(length, &message) == 1 &&
		       message.cmd == KPC_CMD_ASSOCIATION_NEW &&
		       message.seq == SEQ &&
		       !kpc_nl_decode_association(&message, &back, NULL) &&
		       !memcmp(&association, &back, sizeof(back)),
		       "comes back the same: %s", association.name);
	}
}

/* The attribute of that number among @length octets of them; NULL: none. */
static struct nlattr *find(uint8_t *at, size_t length, uint16_t number)
{
	uint8_t *end = at + length;
	struct nlattr *attribute;

	for (; at < end; at += NLA_ALIGN(attribute->nla_len)) {
		attribute = (struct nlattr *)at;
		if ((attribute->nla_type & NLA_TYPE_MASK) == number)
			return attribute;
	}
	return NULL;
}

/* Other clients need not tell it, as other defaults. */
static void check_no_mode(void)
{
	static struct kpc_association association;
	struct kpc_nl_message message;
	struct nlattr *agent, *mode = NULL;
	int length;

	parse(lines[0], &association);
	length = kpc_nl_build_association_new(buffer, sizeof(buffer), FAMILY,
					      SEQ, &association, false);
	agent = find(buffer + NLMSG_HDRLEN + GENL_HDRLEN,
		     length - NLMSG_HDRLEN - GENL_HDRLEN,
		     KPC_A_ASSOCIATION_AGENT);
	if (agent)
		mode = find((uint8_t *)agent + NLA_HDRLEN,
			    agent->nla_len - NLA_HDRLEN, KPC_A_AGENT_MODE);
	/* An attribute that this version does not know, in its place. */
	if (mode)
		mode->nla_type = KPC_A_AGENT_MAX + 1;
	tap_ok(mode && first_message(length, &message) == 1 &&
	       !kpc_nl_decode_association(&message, &association, NULL) &&
	       association.agent.mode == 0600,
	       "an association without a mode has the default one");
}

static void check_small_buffers(void)
{
	static struct kpc_association association;
	int whole;
	int size;
	int bad = 0;

	parse(lines[2], &association);
	whole = kpc_nl_build_association_new(buffer, sizeof(buffer), FAMILY,
					     SEQ, &association, false);
	for (size = 0; size < whole; size++)
		if (kpc_nl_build_association_new(buffer, size, FAMILY, SEQ,
						 &association, false) !=
		    -EMSGSIZE)
			bad++;
	tap_ok(!bad && kpc_nl_build_association_new(buffer, whole, FAMILY, SEQ,
						    &association, false) ==
	       whole, "a buffer that is too small is told, one that fits is used");
}

/* What a decoder may leave, whatever it was given. */
static bool is_sound(const struct kpc_association *association,
		     const struct kpc_event *event)
{
	return association->selector_count <= KPC_SELECTORS_MAX &&
	       association->suite_count <= KPC_SUITES_MAX &&
	       association->agent.allow_uid_count <= KPC_ALLOW_UIDS_MAX &&
	       memchr(association->name, '\0', sizeof(association->name)) &&
	       memchr(association->id_a.text, '\0',
		      sizeof(association->id_a.text)) &&
	       memchr(association->agent.peer, '\0',
		      sizeof(association->agent.peer)) &&
	       (!event->cmd || event->cmd <= KPC_CMD_MAX);
}

/* Return: how many messages there were, or -1 with a result that is unsound. */
static int decode_all(const void *datagram, size_t length)
{
	static struct kpc_association association;
	static struct kpc_event event;
	struct kpc_association_state state;
	struct kpc_nl_message message;
	struct kpc_establish establish;
	struct kpc_endpoint endpoint;
	struct kpc_binding binding;
	struct kpc_session session;
	struct kpc_commit commit;
	struct kpc_config config;
	struct kpc_stats stats;
	int count = 0;

	while (kpc_nl_message_next(FAMILY, &datagram, &length, &message) > 0) {
		count++;
		if (message.type != KPC_NL_DATA)
			continue;
		kpc_nl_decode_association(&message, &association, &state);
		kpc_nl_decode_endpoint(&message, &endpoint);
		kpc_nl_decode_binding(&message, &binding);
		kpc_nl_decode_establish(&message, &establish);
		kpc_nl_decode_session(&message, &session);
		kpc_nl_decode_commit(&message, &commit);
		kpc_nl_decode_config(&message, &config);
		kpc_nl_decode_stats(&message, &stats);
		kpc_nl_decode_event(&message, &event);
		if (!is_sound(&association, &event))
			return -1;
	}
	return count;
}

/* Octets that end where a page begins which nobody may read. */
static uint8_t *at_the_edge(size_t length)
{
	static uint8_t *map;
	size_t page = sysconf(_SC_PAGESIZE);

	if (!map) {
		map = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (map == MAP_FAILED || mprotect(map + page, page, PROT_NONE)) {
			perror("mmap");
			exit(1);
		}
	}
	return map + page - length;
}

static void check_damage(void)
{
	static struct kpc_association association;
	unsigned int seed = 1;
	int unsound = 0;
	uint8_t *copy;
	int length;
	int i;

	parse(lines[2], &association);
	length = kpc_nl_build_association_new(buffer, sizeof(buffer), FAMILY,
					      SEQ, &association, false);
	for (i = 0; i < length; i++) {
		copy = at_the_edge(i & ~3);
		memcpy(copy, buffer, i & ~3);
		unsound += decode_all(copy, i & ~3) != 0;
	}
	tap_ok(!unsound, "a message that is cut is none");
	for (i = 0; i < 20000; i++) {
		copy = at_the_edge(length);
		memcpy(copy, buffer, length);
		copy[rand_r(&seed) % length] = rand_r(&seed);
		copy[rand_r(&seed) % length] = rand_r(&seed);
		unsound += decode_all(copy, length) < 0;
	}
	tap_ok(!unsound, "20000 damaged messages leave sound results and read nothing "
	"behind their end");
}

/* An error with an extended acknowledgement, as the kernel writes it. */
static size_t build_refusal(int error, const char *text, bool capped)
{
	struct nlmsghdr *header = (void *)buffer;
	struct nlmsgerr *body = (void *)(buffer + NLMSG_HDRLEN);
	size_t length = NLMSG_HDRLEN + sizeof(*body);
	struct nlattr *attribute;

	memset(buffer, 0, 512);
	header->nlmsg_type = NLMSG_ERROR;
	header->nlmsg_seq = SEQ;
	header->nlmsg_flags = NLM_F_ACK_TLVS | (capped ? NLM_F_CAPPED : 0);
	body->error = error;
	body->msg.nlmsg_len = capped ? NLMSG_HDRLEN : NLMSG_HDRLEN + 20;
	if (!capped)
		length += 20;
	attribute = (void *)(buffer + length);
	attribute->nla_type = NLMSGERR_ATTR_MSG;
	attribute->nla_len = NLA_HDRLEN + strlen(text) + 1;
	strcpy((char *)attribute + NLA_HDRLEN, text);
	length += NLA_ALIGN(attribute->nla_len);
	header->nlmsg_len = length;
	return length;
}

static void check_refusals(void)
{
	struct kpc_nl_message message;
	size_t length;
	int capped;

	for (capped = 0; capped < 2; capped++) {
		length = build_refusal(-EBUSY, "two bindings would end",
				       capped);
		tap_ok(first_message(length, &message) == 1 &&
		       message.type == KPC_NL_REFUSED &&
		       message.error == -EBUSY && message.seq == SEQ &&
		       message.text &&
		       !strcmp(message.text, "two bindings would end"),
		       "the kernel's sentence is found, the request %s",
		       capped ? "left out" : "repeated before it");
	}
	length = build_refusal(0, "a warning", true);
	tap_ok(first_message(length, &message) == 1 &&
	       message.type == KPC_NL_ACK && message.text &&
	       !strcmp(message.text, "a warning"),
	       "an acknowledgement may bring a warning");
	length = build_refusal(-EBUSY, "", true);
	tap_ok(first_message(length, &message) == 1 && !message.text,
	       "an empty sentence is none");
}

static void check_config(void)
{
	struct kpc_config config = {
		.set = 1U << KPC_A_CONFIG_AGENT_LOST |
		       1U << KPC_A_CONFIG_MAX_BINDINGS |
		       1U << KPC_A_CONFIG_CLOCK,
		.agent_lost = KPC_AGENT_LOST_KEEP,
		.max_bindings = 12, .max_associations = 99,
		.clock = KPC_CLOCK_WAIT,
	};
	struct kpc_nl_message message;
	struct kpc_config back;
	int length;

	length = kpc_nl_build_config_set(buffer, sizeof(buffer), FAMILY, SEQ,
					 &config);
	tap_ok(length > 0 && first_message(length, &message) == 1 &&
	       !kpc_nl_decode_config(&message, &back) &&
	       back.set == config.set && back.max_bindings == 12 &&
	       back.clock == KPC_CLOCK_WAIT && !back.max_associations,
	       "config-set carries what was given, a zero of it too, and no more");
}

static void check_flow(uint16_t family, size_t octets)
{
	struct kpc_bind bind = {
		.fd = 7, .association = "m1", .association_id = 3,
		.carrier = KPC_CARRIER_AGENT, .version = 0xfefd,
		.suite = 0xc0a8, .epoch = 1,
		.local = { .family = family, .port = 5684 },
		.remote = { .family = family, .port = 40001 },
	};
	struct kpc_nl_message message;
	struct kpc_binding back;
	int length;

	memset(bind.local.octets, 0x11, octets);
	memset(bind.remote.octets, 0x22, octets);
	length = kpc_nl_build_binding_new(buffer, sizeof(buffer), FAMILY, SEQ,
					  &bind);
	tap_ok(length > 0 && first_message(length, &message) == 1 &&
	       !kpc_nl_decode_binding(&message, &back) &&
	       back.local.family == family && back.remote.port == 40001 &&
	       !memcmp(back.local.octets, bind.local.octets, 16) &&
	       !memcmp(back.remote.octets, bind.remote.octets, 16) &&
	       back.version == 0xfefd && back.epoch == 1,
	       "binding-new of a flow carries its ends, of %zu octets", octets);
	tap_ok(!back.local.port, "and not the port, which is the socket's");

	bind.local.family = AF_UNSPEC;
	bind.epoch = 0;
	length = kpc_nl_build_binding_new(buffer, sizeof(buffer), FAMILY, SEQ,
					  &bind);
	tap_ok(length > 0 && first_message(length, &message) == 1 &&
	       !kpc_nl_decode_binding(&message, &back) && !back.local.family &&
	       !back.remote.port && !back.epoch && back.suite == 0xc0a8,
	       "and none of them of a socket that has them itself");
}

int main(void)
{
	tap_begin();
	check_associations();
	check_no_mode();
	check_small_buffers();
	check_damage();
	check_refusals();
	check_config();
	check_flow(AF_INET, 4);
	check_flow(AF_INET6, 16);
	return tap_end();
}
