// SPDX-License-Identifier: MIT
/*
 * Proves that what others wrote, agents among them, reaches no terminal as it is
 * (I10): kpc(8) prints it escaped, as text and as JSON.
 */
#include <stdlib.h>
#include <string.h>

#include "kpc/print.h"

#include "../tap.h"

/* Clears the screen, begins a line; C1 as UTF-8 and bare; not UTF-8; a word. */
#define HOSTILE	"\x1b[2J\rkpc: all is well\n\x7f\302\23331m\x9b\xff\xc3\xa9"
#define ESCAPED	"\\x1b[2J\\x0dkpc: all is well\\x0a\\x7f\\xc2\\x9b31m\\x9b\\xff\\xc3\\xa9"
#define IN_JSON	"\\u001b[2J\\u000dkpc: all is well\\u000a\\u007f\\u009b31m\\ufffd\\ufffd\xc3\xa9"

static struct kpc_establish answer = {
	.state = KPC_ESTABLISH_STATE_ESTABLISHED,
	.message = HOSTILE,
};

static struct kpc_association association = {
	.name = "m1",
	.agent = {
		.peer = HOSTILE,
		.listen = HOSTILE,
		.plain = HOSTILE,
		.authority = HOSTILE,
	},
};

static const struct kpc_association_state state;

static void text_association(FILE *out, struct json *json)
{
	print_association(out, &association, &state);
}

static void text_outcome(FILE *out, struct json *json)
{
	print_outcome(out, &answer);
}

static void json_of_association(FILE *out, struct json *json)
{
	json_association(json, &association, &state);
}

static void json_of_outcome(FILE *out, struct json *json)
{
	json_outcome(json, &answer);
}

static const struct {
	const char *what;
	void (*print)(FILE *out, struct json *json);
	const char *text;
	size_t times;
} cases[] = {
	{ "an agent's texts", text_association, ESCAPED "\n", 4 },
	{ "an agent's sentence", text_outcome, ", " ESCAPED, 1 },
	{ "an agent's texts in JSON", json_of_association, "\"" IN_JSON "\"", 4 },
	{ "an agent's sentence in JSON", json_of_outcome, "\"" IN_JSON "\"", 1 },
};

static size_t count(const char *in, const char *text)
{
	size_t times = 0;

	for (in = strstr(in, text); in; in = strstr(in + 1, text))
		times++;
	return times;
}

/* A line feed ends what is ours; no other control octet, and no C1, is left. */
static bool is_safe(const char *text)
{
	const unsigned char *at = (const unsigned char *)text;

	for (; *at; at++)
		if ((*at < 0x20 && *at != '\n') || *at == 0x7f ||
		    (*at >= 0x80 && *at < 0xa0) || *at == 0xff)
			return false;
	return true;
}

int main(void)
{
	size_t i;

	tap_begin();
	for (i = 0; i < CLI_COUNT(cases); i++) {
		char *text = NULL;
		size_t size = 0;
		FILE *out = open_memstream(&text, &size);
		struct json json = { .out = out };

		json_object(&json, NULL);
		cases[i].print(out, &json);
		json_object_end(&json);
		fclose(out);
		if (!tap_ok(count(text, cases[i].text) == cases[i].times &&
			    is_safe(text), "%s: escaped", cases[i].what))
			tap_note("%zu octets, %zu of %zu escaped", size,
				 count(text, cases[i].text), cases[i].times);
		free(text);
	}
	return tap_end();
}
